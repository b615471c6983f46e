"""What a posterior decides on gold: the sample, and precision and recall at every threshold.

Letters: G gold questions that the posterior knows, n thresholds.

Source: the paper, Figure 3 right.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError
from reassess.records import Gold, Posterior, positions
from reassess.statistics import effective_size

N_FOLDS = 10
"""Parts of the gold images of which each is decided by the rest."""


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision and recall on gold at every threshold that changes them, ascending.

    Attributes:
        threshold: the least posterior that is kept.
        precision: of the gold questions kept, the share that hold.
        recall: of the gold questions that hold, the share that is kept.
        n_effective: how many independent questions those that are kept are worth, if all of an
            image are right or wrong together.
        n_gold: gold questions that the posterior knows.
        n_positive: those that hold.
        n_images: images that they are about.
    """

    threshold: Float[np.ndarray, "n"]
    precision: Float[np.ndarray, "n"]
    recall: Float[np.ndarray, "n"]
    n_effective: Float[np.ndarray, "n"]
    n_gold: int
    n_positive: int
    n_images: int


@dataclass(frozen=True, slots=True)
class GoldSample:
    """The gold questions that a posterior knows.

    Attributes:
        present: P(present) of each.
        truth: whether it holds.
        image: a number for its image; where questions name no images, each is one of its own.
        fold: the part that it belongs to; questions of an image are in one.
    """

    present: Float[np.ndarray, "G"]
    truth: Bool[np.ndarray, "G"]
    image: Int[np.ndarray, "G"]
    fold: Int[np.ndarray, "G"]

    def take(self, rows: Bool[np.ndarray, "G"]) -> "GoldSample":
        """These questions alone."""
        return GoldSample(self.present[rows], self.truth[rows], self.image[rows], self.fold[rows])

    def curve(self) -> PrecisionRecall:
        """Precision and recall at every threshold, ascending."""
        order = np.lexsort((self.image, -self.present))
        present, truth = self.present[order], self.truth[order]
        last_of_tie = np.append(np.diff(present) != 0, True)
        n_kept = np.flatnonzero(last_of_tie) + 1
        n_right = np.cumsum(truth)[last_of_tie]
        n_effective = effective_size(self.image[order])[last_of_tie]
        return PrecisionRecall(
            threshold=present[last_of_tie][::-1],
            precision=(n_right / n_kept)[::-1],
            recall=(n_right / int(truth.sum()))[::-1],
            n_effective=n_effective[::-1],
            n_gold=len(truth),
            n_positive=int(truth.sum()),
            n_images=len(np.unique(self.image)),
        )


def precision_recall(
    posterior: Posterior, gold: Gold, *, min_expert_yes: int | None = None
) -> PrecisionRecall:
    """The precision–recall curve of a posterior against gold.

    Args:
        posterior: the posterior of all questions.
        gold: the questions whose truth experts fixed.
        min_expert_yes: how many experts must say yes; None for more than half.

    Raises:
        DataError: no gold question is in the posterior, or none of them holds.

    Source: the paper, Figure 3 right.
    """
    return gold_sample(posterior, gold, min_expert_yes).curve()


def gold_sample(posterior: Posterior, gold: Gold, min_expert_yes: int | None = None) -> GoldSample:
    """The gold questions that the posterior knows, as it decides them.

    Raises:
        DataError: no gold question is in the posterior, or none of them holds.
    """
    found = gold.questions.rows_in(posterior.questions, source="gold")
    known = found >= 0
    truth = gold.truth(min_expert_yes)[known]
    if not truth.any():
        fix = "Write images and classes the same way in votes and gold"
        if known.any():
            fix = "Let experts judge questions that hold, too, or leave this gold out"
        raise DataError(
            f"gold: {int(known.sum()):,} of {len(found):,} gold questions are in the posterior and "
            f"{int(truth.sum()):,} of those hold"
            + ("" if min_expert_yes is None else f" by {min_expert_yes} experts or more")
            + f", but at least one must. {fix}"
            + ("." if min_expert_yes is None else ", or ask for fewer experts (--min-expert-yes).")
        )
    image, fold = _images(gold)
    return GoldSample(posterior.present[found[known]], truth, image[known], fold[known])


def unseen_sample(
    posterior: Posterior, gold: Gold, min_expert_yes: int | None = None
) -> GoldSample | None:
    """The same as if their truth had not entered the posterior; None where that is not known.

    A posterior that gold calibrated knows what it would have said without the gold of an image.

    Raises:
        DataError: no gold question is in the posterior, or none of them holds.
    """
    sample = gold_sample(posterior, gold, min_expert_yes)
    if not has_seen(posterior, gold):
        return sample
    if posterior.held_out is None or posterior.gold_ids is None:
        return None
    asked = gold.questions.rows_in(posterior.questions, source="gold") >= 0
    entered = positions(gold.questions.ids[asked], posterior.gold_ids, source="gold")
    held_out = np.exp(posterior.held_out[np.maximum(entered, 0), 1])
    present = np.where(entered >= 0, held_out, sample.present)
    if np.isnan(present).any():
        return None
    return GoldSample(present, sample.truth, sample.image, sample.fold)


def has_seen(posterior: Posterior, gold: Gold) -> bool:
    """Whether some of this gold entered the posterior: any, where that is not known."""
    if not posterior.used_gold or posterior.gold_ids is None:
        return posterior.used_gold
    found = positions(gold.questions.ids, posterior.gold_ids, source="gold")
    return bool((found >= 0).any())


def _images(gold: Gold) -> tuple[Int[np.ndarray, "G"], Int[np.ndarray, "G"]]:
    """Image and fold of each gold question; the order of the questions decides neither."""
    pairs = gold.questions.pairs
    ids = gold.questions.ids if pairs is None else pairs.image_ids[pairs.image]
    _, image = np.unique(ids, return_inverse=True)
    return image, image % N_FOLDS
