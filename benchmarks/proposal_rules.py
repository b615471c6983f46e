"""Recall and cost of rules for proposals on the published labels.

Sixty public models (21 with probabilities, 39 that rank only) propose for the 50,000 images of
ImageNet's validation set; the 57,553 published labels judge. Prints the tables of
docs/proposals.md: ``python benchmarks/proposal_rules.py``. With ``--curve N`` only what the learned
rule is worth after 100, 300, 1,000, 3,000 images and after four fifths of N, drawn at random.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from measure import describe_machine

from reassess.catalog import Catalog
from reassess.proposals import learning_curve, propose
from reassess.proposals.calibration import EDGES
from reassess.proposals.learned import LearnedProposals, learn_proposals
from reassess.proposals.model_votes import ModelVotes, collect_model_votes
from reassess.records import Benchmark, LabelSets, Pairs, Predictions, Proposals, align

TOPS = (100_000, 150_000, 200_000, 250_000)
POOL_MODELS = ("nasnet_large_tf", "resnet152", "inception_v3", "resnet50", "vgg16")


class Judge:
    """The published labels, asked whether pairs are valid."""

    def __init__(self, benchmark: Benchmark, labels: LabelSets, questions: Pairs) -> None:
        image = np.repeat(np.arange(len(labels)), labels.sizes)
        self.labels = Pairs(benchmark.image_ids, image, labels.indices.astype(np.int64))
        self.key = image * 1000 + self.labels.label
        rows = align(
            questions.image_ids, benchmark.image_ids, source="votes", target_name=benchmark.name
        )
        self.rated = np.isin(np.arange(len(labels)), rows)
        self.rated_labels = self.rated[image]
        self.as_original = np.zeros(len(labels), bool)
        sure = labels.contains(np.arange(len(labels)), benchmark.original) & (labels.sizes == 1)
        self.as_original[sure] = True
        self.with_original = labels.contains(np.arange(len(labels)), benchmark.original)
        self.empty = labels.sizes == 0

    def valid(self, pairs: Pairs) -> np.ndarray:
        """Whether each pair is a published label."""
        return np.isin(pairs.image * 1000 + pairs.label, self.key)

    def row(self, name: str, proposals: Proposals) -> None:
        """One line of the table; pairs stand on the benchmark's images."""
        pairs, valid = proposals.pairs, self.valid(proposals.pairs)
        on_rated = self.rated[pairs.image]
        n_images = len(pairs.image_ids)
        print(
            f"| {name} | {len(pairs) / n_images:.2f} | {valid.sum() / len(self.key):.4f} | "
            f"{on_rated.sum() / self.rated.sum():.2f} | "
            f"{valid[on_rated].sum() / self.rated_labels.sum():.4f} | {proposals.rated.sum():,} |"
        )


def heading(text: str) -> None:
    print(f"\n## {text}\n")


def paper_rules(
    scored: list[Predictions], every: list[Predictions], benchmark: Benchmark, judge: Judge
) -> list[Proposals]:
    found = []
    for name, models in (("21 models", scored), ("21 models, top-1 of all 60", every)):
        for top in TOPS:
            proposals = propose(models, benchmark, pairs_per_model=top)
            judge.row(f"paper's rule, {name}, top {top:,}", proposals)
            found.append(proposals)
    return found


def recall_of(proposals: Proposals, judge: Judge) -> float:
    return float(judge.valid(proposals.pairs).sum() / len(judge.key))


def learned_rules(learned: LearnedProposals, judge: Judge, paper: list[Proposals]) -> None:
    for recall in (0.96, 0.97, 0.975, 0.98, 0.985):
        judge.row(f"learned rule, recall {recall}", learned.propose(recall=recall))
    for each in (3.5, 4.0, 4.5, 5.0, 5.5):
        judge.row(f"learned rule, {each} an image", learned.propose(budget=int(each * 50_000)))
    for proposals in paper:
        same_cost = learned.propose(budget=len(proposals))
        judge.row(f"learned rule at the cost of {len(proposals) / 50_000:.2f}", same_cost)
        wanted = recall_of(proposals, judge)
        judge.row(f"learned rule at recall {wanted:.4f}", learned.propose(recall=wanted))


def who_finds(name: str, proposals: Proposals, judge: Judge) -> None:
    """Who names the proposals and the valid labels among them."""
    valid = judge.valid(proposals.pairs)
    listed = proposals.proposed.any(axis=1)
    if proposals.top is not None:
        listed |= proposals.top
    original = proposals.original
    for who, rows in (
        ("a model and the original label", listed & original),
        ("models only", listed & ~original),
        ("the original label only", ~listed & original),
        ("neither: a co-occurring class", ~listed & ~original),
    ):
        share = valid[rows].sum() / len(judge.key)
        print(f"| {name} | {who} | {rows.sum():,} | {valid[rows].sum():,} | {share:.4f} |")


def reliability(learned: LearnedProposals) -> None:
    found = learned.calibration
    for low, high, n, mean, share in zip(
        EDGES, EDGES[1:], found.n_pairs, found.mean_probability, found.share_valid, strict=False
    ):
        print(f"| {low:g} to {high:g} | {n:,} | {mean:.5f} | {share:.5f} |")
    print(f"expected calibration error {found.expected_error:.5f}, Brier {found.brier:.5f}")
    print(f"log loss {found.log_loss:.5f}, of folds {np.round(found.fold_log_loss, 4).tolist()}")
    print(f"Brier of folds {np.round(found.fold_brier, 5).tolist()}")


def unrated_sets(every: list[Predictions], benchmark: Benchmark, judge: Judge) -> None:
    """Where every model's top prediction is the original label, against the published set."""
    tops = {one.model: one.reindex(benchmark.image_ids).top for one in every}
    differs = {name: top != benchmark.original for name, top in tops.items()}
    error = {name: float(one.mean()) for name, one in differs.items()}
    subsets = {
        "all 60": list(differs),
        "21 with probabilities": [one.model for one in every if one.scores is not None],
        "39 that rank only": [one.model for one in every if one.scores is None],
        "the 20 most accurate": sorted(error, key=error.__getitem__)[:20],
        "the 5 most accurate": sorted(error, key=error.__getitem__)[:5],
        "the 5 of the paper's pool": [f"{one}.imagenet-v2-repo" for one in POOL_MODELS],
    }
    ours, theirs = {}, ~judge.rated
    for name, models in subsets.items():
        unrated = ~np.any([differs[one] for one in models], axis=0)
        ours[name] = unrated
        print(
            f"| {name} | {unrated.sum():,} | {(unrated & theirs).sum():,} | "
            f"{(unrated & ~theirs).sum():,} | {(~unrated & theirs).sum():,} |"
        )
    heading("What raters found on images unrated by us, rated by them")
    for name, unrated in ours.items():
        rows = unrated & judge.rated
        alone, without = (rows & judge.as_original).sum(), (rows & ~judge.with_original).sum()
        more = rows.sum() - alone - without
        print(
            f"| {name} | {rows.sum():,} | {alone:,} | {more:,} | {without:,} | "
            f"{(rows & judge.empty).sum():,} |"
        )
    heading("Who disagrees on images rated by us (all 60), unrated by them")
    n_differ = np.sum(list(differs.values()), axis=0)
    rows = ~ours["all 60"] & theirs
    counts = np.bincount(np.minimum(n_differ[rows], 11), minlength=12)
    print("models that disagree: images;", {n: int(counts[n]) for n in range(1, 12)})
    worst = sorted(error, key=error.__getitem__, reverse=True)
    for n_left_out in (2, 5, 10, 20, 30, 40):
        kept = [one for one in differs if one not in worst[:n_left_out]]
        rated = np.any([differs[one] for one in kept], axis=0)
        print(
            f"without the {n_left_out} least accurate (error {error[worst[n_left_out - 1]]:.3f} or "
            f"more): rated by us, unrated by them {(rated & theirs).sum():,}; the reverse "
            f"{(~rated & judge.rated).sum():,}"
        )
    sole = {m: int((one & rows & (n_differ == 1)).sum()) for m, one in differs.items()}
    print("alone in disagreeing:", sorted(sole.items(), key=lambda item: -item[1])[:6])


def unrated_by_probability(learned: LearnedProposals, judge: Judge) -> None:
    for recall in (0.97, 0.975, 0.98):
        unrated = ~learned.propose(recall=recall).rated
        theirs = ~judge.rated
        lost = unrated & ~judge.as_original
        print(
            f"| learned rule, recall {recall} | {unrated.sum():,} | {(unrated & theirs).sum():,} | "
            f"{(unrated & ~theirs).sum():,} | {(~unrated & theirs).sum():,} | {lost.sum():,} |"
        )


def gold_alone(model_votes: ModelVotes, published: Catalog, judge: Judge) -> None:
    gold = published.gold("imagenet-gold")
    questions, share = gold.questions.require_pairs(), gold.share_of_yes()
    for name, complete in (("other pairs unknown", False), ("other pairs invalid", True)):
        start = time.perf_counter()
        learned = learn_proposals(model_votes, questions, share, complete=complete)
        print(f"{learned.learner}, {time.perf_counter() - start:.0f} s")
        for each in (4.0, 5.0, 6.0, 8.0):
            proposals = learned.propose(budget=int(each * 50_000))
            judge.row(f"learned on gold, {name}, {each} an image", proposals)


def least_cost(learned: LearnedProposals, judge: Judge) -> None:
    """The fewest proposals whose recall, judged by the published labels, is the wanted one."""
    n_images = len(learned.model_votes.benchmark_ids)
    every = learned.propose(budget=10**9)
    order = np.argsort(-np.where(every.original, 2.0, every.probability), kind="stable")
    recall = np.cumsum(judge.valid(every.pairs)[order]) / len(judge.key)
    for wanted in (0.97, 0.975, 0.98):
        n_needed = 1 + int(np.searchsorted(recall, wanted))
        print(f"measured recall {wanted} from {n_needed / n_images:.2f} proposals an image on")


def curve(every: list[Predictions], benchmark: Benchmark, labels: LabelSets, n: int) -> None:
    """The learning curve on some of the images, judged by 2,000 others of these."""
    rows = np.sort(np.random.default_rng(0).permutation(len(benchmark.image_ids))[:n])
    ids, shown = benchmark.image_ids[rows], labels.take(rows)
    some = Benchmark(benchmark.name, ids, benchmark.original[rows])
    model_votes = collect_model_votes([one.reindex(ids) for one in every], some)
    image = np.repeat(np.arange(n), shown.sizes)
    known, start = Pairs(ids, image, shown.indices.astype(np.int64)), time.process_time()
    ones = np.ones(len(known))
    learned = learn_proposals(model_votes, known, ones, complete=True)
    found = learning_curve(
        model_votes, known, ones, learned, complete=True, pairs_per_image=4.14, recall=0.975
    )
    print(f"{time.process_time() - start:.0f} s of CPU")
    print(f"| images | recall at {found.pairs_per_image} an image | pairs for {found.recall} |")
    for one in found.points:
        needed = "-" if one.pairs_per_image is None else f"{one.pairs_per_image:.1f}"
        print(f"| {one.n_images:,} | {one.recall:.3f} | {needed} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curve", type=int, metavar="N", help="only the learning curve, on N")
    given = parser.parse_args()
    print(describe_machine())
    published = Catalog.default()
    benchmark, labels = published.benchmark("imagenet"), published.labels("imagenet-real")
    # Both sources have models of the same names, with other weights.
    scored, others = (
        [replace(one, model=f"{one.model}.{source}") for one in found]
        for source in ("imagenet-torchvision", "imagenet-v2-repo")
        for found in [published.predictions(source, benchmark)]
    )
    every = scored + others
    if given.curve:
        curve(every, benchmark, labels, given.curve)
        return
    judge = Judge(benchmark, labels, published.votes("imagenet-votes").questions.require_pairs())

    heading("Unrated by unanimity: set, ours, both, only ours, only theirs")
    unrated_sets(every, benchmark, judge)

    heading("Rules: proposals and recall, over all images; over the 24,889 rated; images to rate")
    paper = paper_rules(scored, every, benchmark, judge)
    start = time.perf_counter()
    model_votes = collect_model_votes(every, benchmark)
    print(f"model_votes: {len(model_votes):,} pairs, {time.perf_counter() - start:.0f} s")
    heading("Learned on the 1,135 gold questions")
    gold_alone(model_votes, published, judge)

    heading("Learned on the published labels, cross-fitted")
    start = time.perf_counter()
    ones = np.ones(len(judge.labels))

    def show(what: str, *, done: int | None = None, total: int | None = None) -> None:
        print(f"{what}: {done} of {total}, {time.perf_counter() - start:.0f} s")

    learned = learn_proposals(model_votes, judge.labels, ones, complete=True, progress=show)
    print(f"learned in {time.perf_counter() - start:.0f} s; the pool holds {learned.pool_recall}")
    learned_rules(learned, judge, paper)
    judge.row("the pool", learned.propose(budget=10**9))
    least_cost(learned, judge)
    heading("Who finds them")
    for recall in (0.97, 0.975):
        who_finds(f"learned rule, recall {recall}", learned.propose(recall=recall), judge)
    who_finds("the pool", learned.propose(budget=10**9), judge)
    heading("Reliability")
    reliability(learned)
    heading("Unrated by probability: set, ours, both, only ours, only theirs, labels differ")
    unrated_by_probability(learned, judge)


if __name__ == "__main__":
    main()
