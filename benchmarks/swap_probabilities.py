"""Are swap probabilities right? The variance that they state, over the variance that happens.

*Simulated.* Studies of `worlds.py` are rated again by other crowds: images, gold and what raters
see alike on an image stay, raters and votes are drawn afresh. Of the difference of two models, over
all pairs: the variance that one crowd's votes state for other crowds (`p_swap`), over the variance
among crowds; and the variance that is stated for all errors of the labels (`p_reversed`), over the
squared distance to the difference under the true labels of the same images.

*Published.* The votes of ImageNet are halved and each half is aggregated apart. Over adjacent
models: the variance that both halves state, over the squared difference that they have. Votes are
halved by rater, as another crowd would come, and within each question at random, so that both
halves have the same raters: what differs between the two is what raters have of their own beyond
their confusion. Each half is calibrated on gold by itself, or both by the curve of all votes: what
differs between these is the noise of gold. Needs REASSESS_DATA.

    python benchmarks/swap_probabilities.py [--studies 6] [--crowds 12] [--splits 3] [--world NAME]
"""

import argparse
import os
from dataclasses import dataclass, replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import worlds
from measure import describe_machine, published
from worlds import WORLDS

from reassess.aggregation import WeightedRefit, dawid_skene
from reassess.analysis.replicates import Resampling, Rescorer
from reassess.analysis.soft_labels import Calibrator, SoftLabels
from reassess.labels import operating_point, reassessed_labels
from reassess.records import Benchmark, Gold, LabelSets, Predictions, Votes
from reassess.statistics import sigmoid

SHOWN = (
    "base", "raters err together", "difficult questions", "lured", "lured strongly",
    "errors by class, 100 classes", "5 raters", "300 images, 4 raters", "gold 15",
)  # fmt: skip
THRESHOLD = 0.8

Models = list[Predictions] | tuple[Predictions, ...]


def fitted(
    predictions: Models,
    labels: LabelSets,
    votes: Votes,
    gold: Gold,
    gold_votes: Votes | None = None,
    curve: Calibrator | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated accuracies, and the covariances stated from votes and from all errors.

    A curve of other votes is taken as it is; without one it is fitted to gold.
    """
    scoring = rescorer(predictions, labels, votes, gold, gold_votes)
    own = scoring.calibrator
    if curve is not None and own is not None:
        held = Curve(own, curve.of_questions, curve.of_images)
        scoring = replace(scoring, calibrator=held)
    accuracy = scoring.soft.accuracies(scoring.evidence(Resampling()))[0]
    return accuracy, *scoring.label_noise()


def rescorer(
    predictions: Models,
    labels: LabelSets,
    votes: Votes,
    gold: Gold,
    gold_votes: Votes | None = None,
) -> Rescorer:
    """What scores models under these votes."""
    soft = SoftLabels.of(predictions, labels, votes.questions)
    refit = WeightedRefit.build(votes, dawid_skene(votes), gold=gold, gold_votes=gold_votes)
    return Rescorer.of(soft, refit, votes.questions, gold)


@dataclass(frozen=True)
class Curve:
    """A calibrator that is not fitted again.

    Attributes:
        own: of the votes that it is used on.
        of_questions: coefficients of P(a question holds).
        of_images: of P(some label holds).
    """

    own: Calibrator
    of_questions: np.ndarray
    of_images: np.ndarray | None

    def probability(
        self, log_odds: np.ndarray, _: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As of `Calibrator`, whatever the weights of images."""
        soft = self.own.soft
        constant, slope, of_share = self.of_questions
        probability = sigmoid(constant + slope * log_odds + of_share * soft.share)
        odds = soft.odds_of_any(probability)
        if self.of_images is not None:
            odds = self.of_images[0] + self.of_images[1] * odds
        return probability, sigmoid(odds)


def of_pairs(covariance: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Variances of the differences of pairs."""
    return covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]


def true_accuracies(found: worlds.Images) -> np.ndarray:
    """Accuracy of each model under the true labels of these images."""
    right = ((found.classes[:, None, :] == found.top[:, :, None]) & found.valid[:, None, :]).any(2)
    return right.sum(axis=0) / found.valid.any(axis=1).sum()


def decided(votes: Votes, benchmark: Benchmark) -> LabelSets:
    """The labels that votes decide, at the usual threshold."""
    posterior = dawid_skene(votes)
    return reassessed_labels(posterior, benchmark, operating_point(posterior, threshold=THRESHOLD))


def simulated(name: str, n_studies: int, n_crowds: int) -> tuple[float, float]:
    """Stated over actual: of votes among crowds, of all errors about the truth."""
    world, sums = WORLDS[name], np.zeros(4)
    a, b = np.triu_indices(len(world.skills), 1)
    for seed in range(n_studies):
        rng = np.random.default_rng([seed, 2021])
        found = worlds.images(world, rng)
        sees, shift = worlds.seen(world, found, rng)
        gold, ids = worlds.gold_of(world, found, rng), worlds.image_ids(world)
        benchmark = Benchmark("simulated", ids, found.classes[:, 0])
        models = tuple(Predictions(f"m{m}", ids, top[:, None]) for m, top in enumerate(found.top.T))
        truth = true_accuracies(found)
        fits = []
        for _ in range(n_crowds):
            votes = worlds.vote(world, found, sees, shift, rng)
            fits.append(fitted(models, decided(votes, benchmark), votes, gold))
        apart = np.array([one[0][a] - one[0][b] for one in fits])
        sums += (
            np.mean([of_pairs(one[1], a, b).mean() for one in fits]),
            apart.var(axis=0, ddof=1).mean(),
            np.mean([of_pairs(one[2], a, b).mean() for one in fits]),
            ((apart - (truth[a] - truth[b])) ** 2).mean(),
        )
    return sums[0] / sums[1], sums[2] / sums[3]


def halves(n_splits: int) -> None:
    """Print stated over actual variance between two halves of the published votes."""
    catalog = published()
    benchmark, labels = catalog.benchmark("imagenet"), catalog.labels("imagenet-real")
    models = catalog.predictions("imagenet-v2-repo", benchmark)
    votes, gold = catalog.votes("imagenet-votes"), catalog.gold("imagenet-gold")
    gold_votes = catalog.votes("imagenet-gold-votes")
    curve = rescorer(models, labels, votes, gold, gold_votes).calibrator
    print("| halves of the published | curve | " + " | ".join(map(str, range(n_splits))) + " |")
    found: dict[tuple[str, str], list[float]] = {}
    for seed in range(n_splits):
        for what, side_of in (
            ("votes", votes_halved(votes, seed)),
            ("raters", halved(votes, seed)),
        ):
            asked = [
                np.bincount(votes.question[side_of == side], minlength=len(votes.questions))
                for side in (0, 1)
            ]
            # What one half was not asked would count as absent.
            both = (np.minimum(*asked) > 0)[votes.question]
            parts = [votes.take(both & (side_of == side)) for side in (0, 1)]
            for which, held in (("of each half", None), ("of all votes", curve)):
                fits = [fitted(models, labels, one, gold, gold_votes, held) for one in parts]
                found.setdefault((what, which), []).append(stated_over_actual(*fits))
    for (what, which), ratios in found.items():
        print(f"| {what} | {which} | " + " | ".join(f"{one:.2f}" for one in ratios) + " |")


def halved(votes: Votes, seed: int) -> np.ndarray:
    """The half of each vote: that of its rater."""
    half = np.random.default_rng(seed).permutation(len(votes.rater_ids)) % 2
    return np.asarray(half[votes.rater])


def votes_halved(votes: Votes, seed: int) -> np.ndarray:
    """The half of each vote, drawn within its question; an odd one goes to either half."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(votes)), votes.question))
    n = np.bincount(votes.question, minlength=len(votes.questions))
    place = np.empty(len(votes), np.int64)
    place[order] = np.arange(len(votes)) - (np.cumsum(n) - n)[votes.question[order]]
    return np.asarray((place + rng.integers(2, size=len(n))[votes.question]) % 2)


Fitted = tuple[np.ndarray, np.ndarray, np.ndarray]


def stated_over_actual(first: Fitted, second: Fitted) -> float:
    """Of adjacent models: the variance of votes that both state, over their squared difference."""
    order = np.argsort(-(first[0] + second[0]), kind="stable")
    a, b = order[:-1], order[1:]
    stated = of_pairs(first[1], a, b) + of_pairs(second[1], a, b)
    actual = (first[0][a] - first[0][b] - second[0][a] + second[0][b]) ** 2
    return float(stated.mean() / actual.mean())


def main() -> None:
    """Print a row a world, then the published halves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=6)
    parser.add_argument("--crowds", type=int, default=12)
    parser.add_argument("--splits", type=int, default=3, help="halves of the published raters")
    parser.add_argument("--world", choices=WORLDS, action="append")
    given = parser.parse_args()
    print(describe_machine())
    print("| world | votes (`p_swap`) | all errors (`p_reversed`) |")
    for name in (given.world or SHOWN) if given.studies else ():
        by_votes, by_labels = simulated(name, given.studies, given.crowds)
        print(f"| {name} | {by_votes:.2f} | {by_labels:.2f} |", flush=True)
    if given.splits:
        halves(given.splits)


if __name__ == "__main__":
    main()
