"""A simulated study with the truth known: its raters miss labels, and models err together."""

from dataclasses import dataclass

import numpy as np

from reassess.aggregation import dawid_skene
from reassess.labels import operating_point, reassessed_labels
from reassess.records import (
    Benchmark,
    Gold,
    LabelSets,
    Pairs,
    Posterior,
    Predictions,
    Questions,
    Votes,
)
from reassess.simulate import simulate_gold, simulate_votes, simulated_raters

SKILL = (0.9, 0.8, 0.7, 0.6)
NOISY = ((0.90, 0.05, 0.05), (0.40, 0.15, 0.45))
CLEAR = ((1 - 2e-6, 1e-6, 1e-6), (1e-6, 1e-6, 1 - 2e-6))


@dataclass(frozen=True)
class Simulated:
    """The records of a study, each model's accuracy under the true labels, and these labels."""

    benchmark: Benchmark
    predictions: tuple[Predictions, ...]
    labels: LabelSets
    votes: Votes
    posterior: Posterior
    gold: Gold
    truth: np.ndarray
    holds: np.ndarray


def simulated(n_images: int, rng: np.random.Generator, *, rater=NOISY, n_gold=300) -> Simulated:
    """Every image has one true class and two false ones to ask about; a tenth has none true."""
    ids = np.array([f"{i:05d}.png" for i in range(n_images)])
    asked = np.argsort(rng.random((n_images, 20)), axis=1)[:, :3]
    has_label = rng.random(n_images) < 0.9
    hard = rng.random((n_images, 1))
    right = (0.5 * hard + 0.5 * rng.random((n_images, len(SKILL)))) < _limits()
    right &= has_label[:, None]
    column = np.where(right, 0, rng.integers(1, 3, right.shape))
    top = np.take_along_axis(asked, column, axis=1)
    predictions = tuple(Predictions(f"m{m}", ids, top[:, [m]]) for m in range(len(SKILL)))
    questions = Questions.from_pairs(Pairs(ids, np.repeat(np.arange(n_images), 3), asked.ravel()))
    holds = np.zeros((n_images, 3), dtype=bool)
    holds[:, 0] = has_label
    confusion = simulated_raters(20, rng, mean=rater, concentration=200.0)
    votes = simulate_votes(questions, holds.ravel(), confusion, rng=rng)
    gold = simulate_gold(questions, holds.ravel(), n_images=n_gold, rng=rng)
    benchmark = Benchmark("simulated", ids, asked[:, 0])
    posterior = dawid_skene(votes)
    labels = reassessed_labels(posterior, benchmark, operating_point(posterior, threshold=0.8))
    truth = right.sum(axis=0) / has_label.sum()
    return Simulated(benchmark, predictions, labels, votes, posterior, gold, truth, holds.ravel())


def _limits() -> np.ndarray:
    """Where the mean of two uniforms lies below with the probability of each skill."""
    skill = np.array(SKILL)
    return np.where(skill < 0.5, np.sqrt(skill / 2), 1 - np.sqrt((1 - skill) / 2))
