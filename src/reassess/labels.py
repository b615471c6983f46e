"""From posteriors to label sets: precision and recall on gold, the operating point, the sets.

A label is kept where its posterior is at least the threshold. Images that were not rated
keep their original label and are marked as unrated.

Source: the paper, sections 3.2 and 3.3; Figure 3 for precision and recall.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from reassess.errors import DataError, OptionError
from reassess.records import Benchmark, Gold, LabelSets, OperatingPoint, Posterior, align, positions

Rule = Literal["threshold", "recall-at-precision", "precision-at-recall", "f1"]


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision and recall on gold at every threshold that changes them, ascending.

    Attributes:
        threshold: the least posterior that is kept.
        precision: of the gold questions kept, the share that hold.
        recall: of the gold questions that hold, the share that is kept.
        n_gold: gold questions that the posterior knows.
        n_positive: those that hold.
    """

    threshold: Float[np.ndarray, "n"]
    precision: Float[np.ndarray, "n"]
    recall: Float[np.ndarray, "n"]
    n_gold: int
    n_positive: int


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
    present, truth = _on_gold(posterior, gold, min_expert_yes)
    order = np.argsort(-present, kind="stable")
    sorted_present = present[order]
    last_of_tie = np.append(np.diff(sorted_present) != 0, True)
    n_kept = np.flatnonzero(last_of_tie) + 1
    n_right = np.cumsum(truth[order])[last_of_tie]
    return PrecisionRecall(
        threshold=sorted_present[last_of_tie][::-1],
        precision=(n_right / n_kept)[::-1],
        recall=(n_right / int(truth.sum()))[::-1],
        n_gold=len(truth),
        n_positive=int(truth.sum()),
    )


def _on_gold(
    posterior: Posterior, gold: Gold, min_expert_yes: int | None
) -> tuple[Float[np.ndarray, "G"], Bool[np.ndarray, "G"]]:
    """P(present) and truth of the gold questions that the posterior knows."""
    found = positions(gold.questions.ids, posterior.questions.ids, source="gold")
    known = found >= 0
    truth = gold.truth(min_expert_yes)[known]
    if not truth.any():
        raise DataError(
            f"gold: {int(known.sum()):,} of {len(found):,} gold questions are in the posterior and "
            f"{int(truth.sum()):,} of those hold, but at least one must. Write images and classes "
            "the same way in votes and gold."
        )
    return posterior.present[found[known]], truth


def operating_point(
    posterior: Posterior,
    *,
    rule: Rule = "threshold",
    threshold: float | None = None,
    target: float | None = None,
    gold: Gold | None = None,
    min_expert_yes: int | None = None,
) -> OperatingPoint:
    """The threshold that a rule chooses, with precision and recall on gold where there is any.

    Args:
        posterior: the posterior of all questions.
        rule: ``threshold`` takes the given one; ``recall-at-precision`` the highest recall
            whose precision is at least the target; ``precision-at-recall`` the other way
            round; ``f1`` the best harmonic mean of the two.
        threshold: in [0, 1], for the rule ``threshold``.
        target: in [0, 1], for the rules that name one.
        gold: needed by every rule but ``threshold``.
        min_expert_yes: how many experts must say yes; None for more than half.

    Raises:
        OptionError: the rule lacks what it needs or is given what it does not take, or no
            threshold reaches the target.
        DataError: gold and posterior do not fit.
    """
    if threshold is not None and rule != "threshold":
        raise OptionError(
            f"the rule {rule!r} chooses the threshold, but one of {threshold} was given. Leave it "
            "out, or take the rule 'threshold'."
        )
    curve = (
        None if gold is None else precision_recall(posterior, gold, min_expert_yes=min_expert_yes)
    )
    if target is not None and rule in {"threshold", "f1"}:
        raise OptionError(
            f"the rule {rule!r} takes no target, but a target of {target} was given. Name a rule "
            "that asks for one, such as recall-at-precision."
        )
    if rule == "threshold":
        if threshold is None or not 0 <= threshold <= 1:
            raise OptionError(f"the threshold is {threshold}, but must be given in [0, 1].")
        point = OperatingPoint(rule, threshold)
        return point if curve is None else _with_gold(point, curve)
    if curve is None:
        raise OptionError(f"the rule {rule!r} needs gold (--gold FILE).")
    if rule == "f1":
        both = curve.precision + curve.recall
        harmonic = 2 * curve.precision * curve.recall / np.where(both > 0, both, 1)
        best = len(harmonic) - 1 - int(np.argmax(harmonic[::-1]))
        return _with_gold(OperatingPoint(rule, float(curve.threshold[best])), curve)
    if target is None or not 0 <= target <= 1:
        raise OptionError(f"the rule {rule!r} needs a target in [0, 1], but it is {target}.")
    held, raised = curve.precision, curve.recall
    if rule == "precision-at-recall":
        held, raised = raised, held
    reached = np.flatnonzero(held >= target)
    if len(reached) == 0:
        raise OptionError(
            f"the rule {rule!r} asks for {target}, but the highest reached on gold is "
            f"{float(held.max()):.3f}. Ask for less."
        )
    ranks = np.lexsort((held[reached], raised[reached]))
    best = int(reached[ranks[-1]])
    return _with_gold(OperatingPoint(rule, float(curve.threshold[best]), target), curve)


def _with_gold(point: OperatingPoint, curve: PrecisionRecall) -> OperatingPoint:
    """The point with its precision and recall; None where it keeps no gold question."""
    row = int(np.searchsorted(curve.threshold, point.threshold, side="left"))
    if row == len(curve.threshold):
        return replace(point, recall=0.0, n_gold=curve.n_gold)
    return replace(
        point,
        precision=float(curve.precision[row]),
        recall=float(curve.recall[row]),
        n_gold=curve.n_gold,
    )


def reassessed_labels(
    posterior: Posterior, benchmark: Benchmark, point: OperatingPoint, *, name: str | None = None
) -> LabelSets:
    """The label sets that a posterior gives at an operating point.

    Args:
        posterior: of questions about (image, class) pairs.
        benchmark: all images, with their original labels.
        point: the threshold, inclusive.
        name: how to call the labels; "<benchmark> reassessed" by default.

    Raises:
        DataError: the questions are no pairs, the benchmark has no original labels, or no
            image keeps a label.
        AlignmentError: an image of the posterior is not in the benchmark.
    """
    pairs = posterior.questions.pairs
    if pairs is None:
        raise DataError(
            "posterior: its questions are no (image, class) pairs, so no labels can be decided. "
            "Aggregate votes with the columns image and label, or tasks '<image>:<class index>'."
        )
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: original labels are needed for the images that were not rated."
        )
    n_images = len(benchmark.image_ids)
    row = align(
        pairs.image_ids, benchmark.image_ids, source="posterior", target_name=benchmark.name
    )
    rated = np.zeros(n_images, dtype=bool)
    rated[row] = True
    kept = posterior.present >= point.threshold
    unrated = np.flatnonzero(~rated)
    image = np.concatenate([row[pairs.image[kept]], unrated])
    label = np.concatenate([pairs.label[kept], benchmark.original[unrated]])
    probability = np.concatenate([posterior.present[kept], np.ones(len(unrated))])
    order = np.lexsort((label, image))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(image, minlength=n_images))])
    return LabelSets(
        name=name or f"{benchmark.name} reassessed",
        image_ids=benchmark.image_ids,
        indptr=indptr,
        indices=label[order],
        posterior=probability[order],
        rated=rated,
        n_classes=benchmark.n_classes,
        operating_point=point,
        votes_sha256=posterior.votes_sha256,
    ).refuse_empty()
