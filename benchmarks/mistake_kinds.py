"""Kinds and severities of mistakes against what people say of the same mistakes.

Published checks:

* experts' verdicts on the mistakes of two models that remain after review (Vasudevan et al. 2022):
  their category against our kind, their severity against ours, and rank correlations of their
  severity with what the hierarchy and the votes measure;
* five workers' choice between given and guessed label of suspected label errors (Northcutt et
  al. 2021): how often they accept the prediction of a ReaL mistake, by our kind. That a
  posterior of a quarter of the threshold is "almost kept" was chosen with this table in view;
  nothing else was.

The labels are ReaL, made from the published votes; witnesses are the 39 models of the ImageNetV2
repository.

    python benchmarks/mistake_kinds.py
"""

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from measure import published

from reassess.analysis.mistakes import MISTAKE_KINDS, SEVERITIES, Mistakes, find_mistakes
from reassess.files.expert_mistakes import CATEGORIES, read_expert_mistakes
from reassess.files.expert_mistakes import SEVERITIES as EXPERT_SEVERITIES
from reassess.records import Hierarchy, LabelSets, Predictions, align
from reassess.reproduce.inputs import Inputs
from reassess.statistics import wilson_interval


class Judge:
    """ReaL with all the evidence that our rules look at."""

    def __init__(self) -> None:
        self.catalog = published()
        inputs = Inputs(self.catalog)
        benchmark = inputs.benchmark
        self.labels: LabelSets = inputs.labels
        self.hierarchy = Hierarchy.from_edges(benchmark.hierarchy, benchmark.classes)
        self.evidence = {
            "witnesses": self.catalog.predictions("imagenet-v2-repo", benchmark),
            "hierarchy": self.hierarchy,
            "posterior": inputs.posterior,
            "votes": inputs.votes,
            "classes": benchmark.classes,
        }

    def mistakes(self, name: str, image_ids: np.ndarray, predicted: np.ndarray) -> Mistakes:
        """The mistakes of one model among these predictions."""
        one = Predictions(name, image_ids, predicted[:, None])
        return find_mistakes(self.labels, [one], **self.evidence)


def table(
    title: str, ours: Sequence[str], theirs: Sequence[str], a: np.ndarray, b: np.ndarray
) -> None:
    print(f"\n{title}\n| | {' | '.join(theirs)} |\n|---|{'---|' * len(theirs)}")
    for row, name in enumerate(ours):
        counts = [int(((a == row) & (b == column)).sum()) for column in range(len(theirs))]
        if sum(counts):
            print(f"| {name} | {' | '.join(map(str, counts))} |")


def correlations(judge: Judge, found: Mistakes, severity: np.ndarray) -> None:
    from scipy.stats import spearmanr

    measured = {
        "steps in the hierarchy": found.distance,
        "our severity": found.severity,
        "height of the common ancestor (less deep is higher)": -judge.hierarchy.depth[
            found.ancestor
        ],
        "classes below the common ancestor": judge.hierarchy.n_below[found.ancestor],
        "posterior, turned round": -found.posterior,
        "models that say the same, turned round": -found.n_same,
    }
    for name, values in measured.items():
        known = ~np.isnan(values)
        rho = spearmanr(values[known], severity[known])
        print(f"rho {rho.statistic:+.3f}  p = {rho.pvalue:.1g}  n = {known.sum()}  {name}")


def against_experts(judge: Judge, name: str) -> None:
    verdicts = read_expert_mistakes(judge.catalog.path(f"imagenet/mistakes/{name}_mistakes.json"))
    labels = judge.labels
    row = align(verdicts.image_ids, labels.image_ids, source=name)
    is_in = labels.contains(row, verdicts.label)
    empty = labels.sizes[row] == 0
    found = judge.mistakes(name, verdicts.image_ids, verdicts.label)
    print(
        f"\n== {name}: {len(verdicts)} mistakes by the experts; under ReaL {len(found)} are "
        f"mistakes, {int(is_in.sum())} are right, {int(empty.sum())} have no label"
    )
    place = np.full(len(labels), -1)
    place[row] = np.arange(len(row))
    one = place[found.image]
    category, severity = verdicts.category[one], verdicts.severity[one]
    table("Kind (ours) by category (experts)", MISTAKE_KINDS, CATEGORIES, found.kind, category)
    table("Kind by severity", MISTAKE_KINDS, EXPERT_SEVERITIES, found.kind, severity)
    table("Severity (ours) by severity", SEVERITIES, EXPERT_SEVERITIES, found.severity, severity)
    fine = np.char.startswith(np.array(CATEGORIES)[category], "fine-grained")
    near = found.severity == 0
    both, n = int((near & fine).sum()), len(found)
    chance = near.mean() * fine.mean() + (1 - near.mean()) * (1 - fine.mean())
    kappa = ((near == fine).mean() - chance) / (1 - chance)
    print(
        f"\nnear in the hierarchy and fine-grained by the experts: {both} of {int(near.sum())} "
        f"near, of {int(fine.sum())} fine-grained; {int((near == fine).sum())} of {n} agree, "
        f"kappa {kappa:.2f}"
    )
    apart = EXPERT_SEVERITIES[0]
    right = verdicts.severity[is_in]
    print(
        f"{apart}: {int((severity == 0).sum())} of {n} that ReaL calls mistakes, "
        f"{int((right == 0).sum())} of {len(right)} that it calls right"
    )
    correlations(judge, found, severity)


def against_workers(judge: Judge) -> None:
    checks = json.loads(judge.catalog.path("imagenet/imagenet_mturk.json").read_text("utf-8"))
    ids = np.array([f"ILSVRC2012_val_{one['id']:08d}.JPEG" for one in checks])
    guessed = np.array([one["our_guessed_label"] for one in checks])
    accepted = np.array([one["mturk"]["guessed"] + one["mturk"]["both"] >= 3 for one in checks])
    row = align(ids, judge.labels.image_ids, source="imagenet-mturk")
    place = np.full(len(judge.labels), -1)
    place[row] = np.arange(len(row))
    found = judge.mistakes("cross-validated ResNet-50", ids, guessed)
    said = accepted[place[found.image]]
    in_labels = judge.labels.contains(row, guessed)
    print(
        f"\n== workers: {len(checks)} checks; under ReaL {len(found)} guesses are mistakes; "
        f"workers accept {share(said)}; of the {int(in_labels.sum())} that ReaL calls right "
        f"{share(accepted[in_labels])}"
    )
    for code, kind in enumerate(MISTAKE_KINDS[:4]):
        print(f"| {kind} | {share(said[found.kind == code])} |")
    scaled_to_models(judge, [float(said[found.kind == code].mean()) for code in range(4)])
    for code, severity in enumerate(SEVERITIES):
        print(f"| {severity} | {share(said[found.severity == code])} |")
    asked = ~np.isnan(found.posterior)
    print(f"| not asked | {share(said[~asked])} |")
    edges = (0, 0.02, 0.1, 0.2, 0.4, 0.8)
    for low, high in pairwise(edges):
        inside = asked & (found.posterior >= low) & (found.posterior < high)
        print(f"| posterior {low} to {high} | {share(said[inside])} |")


def scaled_to_models(judge: Judge, accepted: list[float]) -> None:
    """What models' own mistakes come to, if workers accepted each kind as often as above."""
    for name in ("alexnet", "vgg16", "resnet50", "resnet152", "nasnet_large_tf"):
        model = next(one for one in judge.evidence["witnesses"] if one.model == name)
        found = find_mistakes(judge.labels, [model], **judge.evidence)
        counts = found.counts("kind")[0, :4]
        n_missed = float(counts @ accepted)
        n_right = int(found.n_scored[0]) - len(found)
        print(
            f"| {name} | {len(found):,} | {' | '.join(f'{n:,}' for n in counts.tolist())} | "
            f"{n_missed:,.0f} ({100 * n_missed / len(found):.1f} %) | "
            f"{100 * n_missed / (n_missed + n_right):.1f} % |"
        )


def share(holds: np.ndarray) -> str:
    n = len(holds)
    low, high = wilson_interval(int(holds.sum()), n)
    return f"{100 * holds.mean():.1f} % of {n} ({100 * low:.0f}–{100 * high:.0f})"


def main() -> None:
    judge = Judge()
    for name in ("vit3b", "greedy_soups"):
        against_experts(judge, name)
    against_workers(judge)


if __name__ == "__main__":
    main()
