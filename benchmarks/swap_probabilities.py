"""Are swap probabilities right? The variance that they state, over the variance that happens.

*Simulated.* Studies of `worlds.py` are rated again by other crowds: images, gold and what raters
see alike on an image stay, raters and votes are drawn afresh. Of the difference of two models, over
all pairs: the variance that one crowd's votes state for other crowds (`p_swap`), over the variance
among crowds; and the variance that is stated for all errors of the labels (`p_reversed`), over the
squared distance to the difference under the true labels of the same images.

*Published.* The 85 raters of ImageNet are halved and each half is aggregated and calibrated apart.
Over adjacent models: the variance that both halves state, over the squared difference that they
have. Needs REASSESS_DATA.

    python benchmarks/swap_probabilities.py [--studies 6] [--crowds 12] [--splits 3] [--world NAME]
"""

import argparse
import os

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
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated accuracies, and the covariances stated from votes and from all errors."""
    posterior = dawid_skene(votes)
    soft = SoftLabels.of(predictions, labels, votes.questions)
    refit = WeightedRefit.build(
        votes, posterior, gold=gold, gold_votes=gold_votes, min_expert_yes=None, pseudocount=None
    )
    calibrator = Calibrator.of(gold, None, soft, votes.questions, refit.log_odds())
    scoring = Rescorer(soft, refit, calibrator, gold)
    accuracy = soft.accuracies(scoring.evidence(Resampling()))[0]
    return accuracy, *scoring.label_noise()


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


def halves(n_splits: int) -> list[float]:
    """Stated over actual variance between two halves of the published raters, for each split."""
    catalog = published()
    benchmark, labels = catalog.benchmark("imagenet"), catalog.labels("imagenet-real")
    models = catalog.predictions("imagenet-v2-repo", benchmark)
    votes, gold = catalog.votes("imagenet-votes"), catalog.gold("imagenet-gold")
    gold_votes = catalog.votes("imagenet-gold-votes")
    ratios = []
    for seed in range(n_splits):
        half = np.random.default_rng(seed).permutation(len(votes.rater_ids)) % 2
        side_of = half[votes.rater]
        n = [
            np.bincount(votes.question[side_of == side], minlength=len(votes.questions))
            for side in (0, 1)
        ]
        both = (np.minimum(*n) > 0)[votes.question]  # what one half was not asked counts as absent
        fits = [
            fitted(
                models, labels, votes.take(both & (side_of == side)),
                gold, gold_votes,
            )
            for side in (0, 1)
        ]  # fmt: skip
        order = np.argsort(-(fits[0][0] + fits[1][0]), kind="stable")
        a, b = order[:-1], order[1:]
        stated = sum(of_pairs(one[1], a, b) for one in fits)
        actual = (fits[0][0][a] - fits[0][0][b] - fits[1][0][a] + fits[1][0][b]) ** 2
        ratios.append(float(stated.mean() / actual.mean()))
    return ratios


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
        ratios = ", ".join(f"{one:.2f}" for one in halves(given.splits))
        print(f"halves of the published raters, adjacent models: {ratios}")


if __name__ == "__main__":
    main()
