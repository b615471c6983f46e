"""How many votes adaptive rating saves: the published votes, replayed through stopping rules.

The five votes of each question come in random order, and a rule says after each whether the
next is drawn. The target is the published decision (score at least 0.8), which all five
votes reproduce. Every drawn vote counts, those on seed images included; the gold round of
88,530 votes, which the raters' confusion comes from, is apart. Means over random orders and
seed images, with the worst in brackets.

    python benchmarks/adaptive_replay.py [--seeds 3] [--step 0.025]
"""

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from measure import describe_machine, published, seconds

from reassess.aggregation import calibrated, original_label_rater
from reassess.aggregation.adaptive import (
    AnswerWeights,
    Bounds,
    Lossless,
    Replayed,
    learn,
    question_features,
    replay,
    replay_within,
)
from reassess.aggregation.adaptive.replay import STEP
from reassess.records import Assessment, align

THRESHOLD = 0.8
BUDGETS = (0.3, 0.35, 0.4, 0.45, 0.5)
MODELS = ("imagenet-torchvision", "imagenet-v2-repo")


class Study:
    """The published votes, their decisions, and gold."""

    def __init__(self, *, with_models: bool = True) -> None:
        catalog = published()
        self.benchmark = catalog.benchmark("imagenet")
        self.votes = catalog.votes("imagenet-votes")
        gold = catalog.gold("imagenet-gold")
        original = original_label_rater(
            self.benchmark, self.votes.questions, gold, last_class=397, min_expert_yes=2
        )
        posterior = calibrated(
            self.votes,
            gold,
            gold_votes=catalog.votes("imagenet-gold-votes"),
            virtual_raters=[original],
        )
        n_questions = len(self.votes.questions)
        self.evidence = AnswerWeights.from_posterior(
            posterior, n_questions, threshold=THRESHOLD, virtual_raters=[original]
        )
        by_question = self.votes.rater[np.argsort(self.votes.question, kind="stable")]
        raters = self.votes.rater_ids[by_question.reshape(n_questions, -1)]
        self.given = self.evidence.with_assigned(raters)
        self.target = catalog.scores("imagenet-scores") >= THRESHOLD
        row_of = {one: i for i, one in enumerate(self.votes.questions.ids.tolist())}
        self.gold = np.array([row_of[one] for one in gold.questions.ids.tolist()])
        self.truth = gold.truth()
        self.known = question_features(self.votes.questions, self.benchmark)
        if with_models:
            further = self.share_of_models(catalog)
            self.with_models = question_features(
                self.votes.questions, self.benchmark, further=further
            )

    def share_of_models(self, catalog) -> np.ndarray:
        """Share of 60 models that have the pair first, among their first five, and 1 / rank."""
        pairs = self.votes.questions.pairs
        image = align(
            pairs.image_ids, self.benchmark.image_ids, source="votes", target_name="imagenet"
        )[pairs.image]
        shares = []
        for one in (one for name in MODELS for one in catalog.predictions(name, self.benchmark)):
            row = np.empty(len(one.image_ids), np.int64)
            row[align(one.image_ids, self.benchmark.image_ids, source=one.model,
                      target_name="imagenet")] = np.arange(len(row))  # fmt: skip
            hit = one.ranked_classes[row[image]] == pairs.label[:, None]
            shares.append(np.stack([hit[:, 0], hit.any(1), hit @ (1 / (1 + np.arange(5)))], axis=1))
        return np.mean(shares, axis=0)

    def figures(self, one: Replayed) -> np.ndarray:
        """Votes, agreement, exact images, precision, recall and F1 on gold, unasked questions."""
        wrong = one.present != self.target
        n_wrong = np.bincount(self.votes.questions.pairs.image, weights=wrong)
        said = one.present[self.gold]
        hits = (said & self.truth).sum()
        precision, recall = hits / said.sum(), hits / self.truth.sum()
        f1 = 2 * precision * recall / (precision + recall)
        unasked = (one.n_votes == 0).mean()
        return np.array(
            [one.share, 1 - wrong.mean(), (n_wrong == 0).mean(), precision, recall, f1, unasked]
        )


@dataclass
class FirstVotes:
    """The rule without a rule: the same number of votes for each question."""

    evidence: AnswerWeights
    n_votes: int

    def assess(self, question, position, rater, answer, n_left) -> Assessment:
        """Settled is what has its votes."""
        del n_left
        row = self.evidence.rows(rater)
        log_odds = self.evidence.log_odds(question, position, row, answer)
        settled = np.bincount(position, minlength=len(question)) >= self.n_votes
        return Assessment(settled, 1.0 - settled, (log_odds >= self.evidence.cut).astype(float))


def line(name: str, figures: Iterable[np.ndarray]) -> str:
    """A row of the table: means, with the worst agreement in brackets."""
    table = np.stack(list(figures))
    share, agree, images, precision, recall, f1, unasked = table.mean(axis=0)
    worst = table[:, 1].min()
    return (
        f"| {name} | {share:.1%} | {agree:.2%} ({worst:.2%}) | {images:.1%} | "
        f"{precision:.3f} / {recall:.3f} / {f1:.3f} | {unasked:.1%} |"
    )


def replay_rules(study: Study, n_seeds: int) -> None:
    evidence = study.evidence
    rules = {
        **{f"{n} of 5 votes for each question": FirstVotes(evidence, n) for n in range(1, 6)},
        "lossless, raters given": Lossless(study.given),
        "lossless, next rater unknown": Lossless(evidence),
        "posterior outside .05 to .95": Bounds(evidence, 0.05, 0.95),
        "posterior outside .02 to .98": Bounds(evidence, 0.02, 0.98),
    }
    for name, rule in rules.items():
        each = (replay(study.votes, rule, np.random.default_rng(s)) for s in range(n_seeds))
        print(line(name, map(study.figures, each)), flush=True)


def replay_learned(study: Study, n_seeds: int, step: float) -> None:
    again = (0.1, 0.2, 0.3, 0.4)
    for name, evidence, known, learn_at in (
        ("learned", study.evidence, study.known, again),
        ("learned, raters given", study.given, study.known, again),
        ("learned, with 60 models", study.evidence, study.with_models, again),
        ("learned, with 60 models, raters given", study.given, study.with_models, again),
        ("learned from the seed alone", study.evidence, study.known, ()),
    ):
        runs = []
        for seed in range(n_seeds):
            rng = np.random.default_rng(seed)
            run = replay_within(
                study.votes, evidence, known, BUDGETS, rng, learn_at=learn_at, step=step
            )
            runs.append(list(run))
        for at_budget in zip(*runs, strict=True):
            print(line(name, map(study.figures, at_budget)), flush=True)


def time_rules(study: Study) -> None:
    """Seconds to learn from all votes, and to assess eight questions with two votes each."""
    votes = study.votes
    rater = votes.rater_ids[votes.rater]
    start = time.perf_counter()
    learned = learn(
        study.evidence, study.known, votes.question, rater, votes.answer,
        votes_per_question=5, rng=np.random.default_rng(0),
    )  # fmt: skip
    print(f"learning from {len(votes):,} votes: {time.perf_counter() - start:.1f} s")
    task = np.arange(8), np.repeat(np.arange(8), 2), rater[:16], votes.answer[:16], np.full(8, 3)
    rules = (Bounds(study.evidence, 0.05, 0.95), Lossless(study.evidence), learned)
    for rule in rules:
        rule.assess(*task)
        each = [seconds(lambda rule=rule: rule.assess(*task)) for _ in range(500)]
        median, slow = np.quantile(each, [0.5, 0.99]) * 1e3
        name = type(rule).__name__
        print(f"{name}, 8 questions: median {median:.2f} ms, 99th percentile {slow:.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--step", type=float, default=STEP, help="votes between two looks")
    options = parser.parse_args()
    n_seeds = options.seeds
    print(describe_machine())
    study = Study()
    print("| rule | votes | agree (worst) | images exact | gold P / R / F1 | never asked |")
    print("|---|---|---|---|---|---|")
    print(f"rules: {seconds(lambda: replay_rules(study, n_seeds)):.0f} s")
    print(f"learned: {seconds(lambda: replay_learned(study, n_seeds, options.step)):.0f} s")
    time_rules(study)


if __name__ == "__main__":
    main()
