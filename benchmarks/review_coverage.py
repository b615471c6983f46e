"""How often the intervals of a review of mistakes hold, on simulated studies with known verdicts.

Two models on images of ten classes; three in ten images are hard. Both make mistakes, more than
half of them the same ones; what people would say of every prediction is drawn beforehand, so
that a review of all mistakes is known. Samples are drawn again and again: from one population
(how often do the counts hold?) and from populations of two equally good models (how often does
the paired test call them different?).

    python benchmarks/review_coverage.py [--repetitions 2000] [--seed 0]
"""

import argparse
from collections import defaultdict

import numpy as np

from reassess.analysis.mistakes import Mistakes, find_mistakes
from reassess.analysis.reviews import REVIEW_LABELS, draw_review, review_result
from reassess.records import LabelSets, Predictions

K = 10
CLEAR, UNDECIDABLE, NOT = range(3)


class World:
    """Images, two models and what people say of any class on any image."""

    def __init__(self, n_images: int, rng: np.random.Generator, advantage: float) -> None:
        truth = rng.integers(0, K, n_images)
        hard = rng.random(n_images) < 0.3
        shared = (truth + rng.integers(1, K, n_images)) % K
        tops = []
        for rate in (0.4, 0.4 + advantage):
            wrong = rng.random(n_images) < np.where(hard, rate, 0.05)
            own = (truth + rng.integers(1, K, n_images)) % K
            said = np.where(rng.random(n_images) < 0.6, shared, own)
            tops.append(np.where(wrong, said, truth))
        self.verdict = np.where(rng.random((n_images, K)) < 0.3, UNDECIDABLE, CLEAR)
        self.verdict[hard[:, None] & (rng.random((n_images, K)) < 0.5)] = NOT
        ids = np.array([f"{i:06d}" for i in range(n_images)])
        self.labels = LabelSets("simulated", ids, np.arange(n_images + 1), truth, n_classes=K)
        self.models = tuple(
            Predictions(name, ids, top[:, None]) for name, top in zip("ab", tops, strict=True)
        )
        self.mistakes: Mistakes = find_mistakes(self.labels, self.models)


def review(world: World, n_sample: int, seed: int, held: dict[str, list[bool]]) -> None:
    drawn = draw_review(
        world.mistakes, world.labels, world.models, study="s", n_sample=n_sample, seed=seed
    )
    image = drawn.pairs.image_ids[drawn.pairs.image].astype(int)
    verdict = world.verdict[image, drawn.pairs.label]
    result = review_result(drawn, verdict, np.ones(len(verdict), bool))
    true = world.verdict[world.mistakes.image, world.mistakes.predicted]
    for m, one in enumerate(result.models):
        for code, name in enumerate(REVIEW_LABELS):
            n = int((true[world.mistakes.model == m] == code).sum())
            held[f"count: {name}"].append(one.counts[name].low <= n <= one.counts[name].high)
        missed, right = int((true[world.mistakes.model == m] == NOT).sum()), one.n_scored
        rate = missed / (missed + right - one.n_mistakes)
        found = one.false_negatives
        held["false negatives"].append(found.low <= rate <= found.high)
    key = world.mistakes.image * K + world.mistakes.predicted
    once = np.unique(key, return_index=True)[1]
    share, found = (true[once] == NOT).mean(), result.mistakes["not a mistake"]
    held["not a mistake, all together"].append(found.low <= share <= found.high)
    held["called different"].append(result.differences[0].difference.p_value < 0.05)


def show(title: str, held: dict[str, list[bool]]) -> None:
    print(f"\n{title}")
    for name, values in held.items():
        print(f"| {name} | {100 * np.mean(values):.1f} % of {len(values):,} |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    for n_images, n_sample in ((4000, 60), (4000, 150), (4000, 400)):
        world = World(n_images, rng, 0.0)
        held: dict[str, list[bool]] = defaultdict(list)
        for seed in range(options.repetitions):
            review(world, n_sample, seed, held)
        del held["called different"]
        show(f"one population of {len(world.mistakes):,} mistakes, {n_sample} drawn", held)
    for advantage in (0.0, 0.1):
        held = defaultdict(list)
        for seed in range(options.repetitions // 4):
            review(World(3000, rng, advantage), 150, seed, held)
        better = (
            "equally good models" if not advantage else "one model better by 10 % of hard images"
        )
        show(
            f"populations again, {better}, 150 drawn",
            {"called different": held["called different"]},
        )


if __name__ == "__main__":
    main()
