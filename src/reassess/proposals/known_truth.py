"""The known truth about the pairs of a pool, cut into folds of images.

Learns nothing: `learned` does. Letters: N images, P pairs, Q known pairs, F folds.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError
from reassess.proposals.model_votes import ModelVotes
from reassess.records import Pairs, find_keys


@dataclass(frozen=True, slots=True)
class Truth:
    """The known truth about the pairs of a pool.

    Attributes:
        known: whether it is known if the pair is valid.
        valid: P(valid) of a known pair, 0 elsewhere.
        fold: the fold of each pair's image; -1 where nothing is known about the image.
        n_folds: F.
    """

    known: Bool[np.ndarray, "P"]
    valid: Float[np.ndarray, "P"]
    fold: Int[np.ndarray, "P"]
    n_folds: int


def check_valid(known: Pairs, valid: Float[np.ndarray, "Q"]) -> None:
    """Refuse truths that are no probabilities, or not one for each pair.

    Raises:
        DataError: there are more or fewer than pairs, or one lies outside [0, 1].
    """
    if len(known) != len(valid):
        raise DataError(
            f"truth: there are {len(valid):,} probabilities for {len(known):,} pairs, but must be "
            "one for each."
        )
    outside = ~((valid >= 0) & (valid <= 1))
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(
            f"truth[{row}] is {valid[row]!s}, but a probability must lie in [0, 1]; "
            f"{int(outside.sum()):,} of {len(valid):,} do not."
        )


def image_folds(
    image: Int[np.ndarray, "n"], n_images: int, n_folds: int, seed: int
) -> Int[np.ndarray, "N"]:
    """The fold of each image; -1 where nothing is known about it.

    Args:
        image: the images about which something is known, in any order.
        n_images: N.
        n_folds: F.
        seed: of the cut.

    Raises:
        DataError: there are fewer known images than folds.
    """
    if len(image) < n_folds:
        raise DataError(
            f"truth: {len(image):,} images have known pairs, but there must be at least one for "
            f"each of {n_folds} folds. Rate more images, or take fewer folds."
        )
    fold = np.full(n_images, -1)
    fold[np.sort(image)] = np.random.default_rng(seed).permutation(len(image)) % n_folds
    return fold


def pool_truth(
    model_votes: ModelVotes,
    key: Int[np.ndarray, "Q"],
    valid: Float[np.ndarray, "Q"],
    fold: Int[np.ndarray, "N"],
    n_folds: int,
    complete: bool,
) -> Truth:
    """The known truth of the pool's pairs.

    Args:
        model_votes: the pool.
        key: the known pairs, as in `ModelVotes.key`; those outside the pool are left out.
        valid: P(valid) of each.
        fold: the fold of each image; -1 where nothing is known.
        n_folds: F.
        complete: whether other pairs of images with a fold are known to be invalid.
    """
    pool = model_votes.key
    at = find_keys(key, pool)
    found = at >= 0
    fold_of_pair = fold[model_votes.pairs.image]
    is_known: Bool[np.ndarray, "P"] = (fold_of_pair >= 0) & complete
    is_known[at[found]] = True
    truth = np.zeros(len(pool))
    truth[at[found]] = valid[found]
    return Truth(is_known, truth, fold_of_pair, n_folds)


def check_enough(truth: Truth) -> None:
    """Refuse truth that leaves a model only one outcome to learn from.

    Raises:
        DataError: without one of the folds no pair is valid, or none is invalid.
    """
    known = truth.known
    fold, valid = truth.fold[known], truth.valid[known]
    for what, outcome in (("valid", valid), ("invalid", 1 - valid)):
        of_fold = np.bincount(fold, weights=outcome, minlength=truth.n_folds)
        if (of_fold.sum() - of_fold).min() < 1:
            raise DataError(
                f"truth: of {len(valid):,} known pairs of the pool {of_fold.sum():,.0f} are "
                f"{what}, but without any of the {truth.n_folds} folds of images there must be at "
                "least one left to learn from. Rate more images."
            )
