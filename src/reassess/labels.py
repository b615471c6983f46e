"""From posteriors to label sets: precision and recall on gold, the operating point, the sets.

A label is kept where its posterior is at least the threshold. Images that were not rated
keep their original label and are marked as unrated.

Source: the paper, sections 3.2 and 3.3; Figure 3 for precision and recall.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from reassess.errors import DataError, OptionError
from reassess.records import Benchmark, Gold, LabelSets, OperatingPoint, Posterior, positions
from reassess.registry import Registry, checks_choices


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


THRESHOLD = 0.8
"""The least posterior of a label where nothing else is asked for: at every door the same."""


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How labels are decided from a posterior.

    Attributes:
        rule: a name of `RULES`: how the threshold is chosen.
        threshold: in [0, 1], for the rule that takes it as given; `THRESHOLD` by default.
        target: in [0, 1], the precision or recall that a rule asks for.
        min_expert_yes: how many experts must say yes for a gold question to hold; None for more
            than half.

    Raises:
        OptionError: a value is out of range, or the rule lacks what it needs or is given what it
            does not take.
    """

    rule: str = "threshold"
    threshold: float | None = None
    target: float | None = None
    min_expert_yes: int | None = None

    def __post_init__(self) -> None:
        rule = RULES[RULES.checked(self.rule, "rule")]
        for name in ("threshold", "target"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise OptionError(f"the {name} is {value}, but must be in [0, 1].")
        if self.min_expert_yes is not None and self.min_expert_yes < 1:
            raise OptionError(f"min_expert_yes is {self.min_expert_yes}, but must be 1 or more.")
        if self.threshold is not None and rule.takes != "threshold":
            raise OptionError(
                f"the rule {self.rule!r} chooses the threshold, but one of {self.threshold} was "
                "given. Leave it out, or take the rule 'threshold'."
            )
        if self.target is not None and rule.takes != "target":
            raise OptionError(
                f"the rule {self.rule!r} takes no target, but a target of {self.target} was given. "
                "Name a rule that asks for one, such as recall-at-precision."
            )
        if self.target is None and rule.takes == "target":
            raise OptionError(f"the rule {self.rule!r} needs a target in [0, 1] (--target T).")


@checks_choices
@dataclass(frozen=True, slots=True)
class LabelRule:
    """A rule that chooses the threshold on the posterior.

    Attributes:
        name: what people type.
        choose: the threshold, from options and the curve on gold; a rule that does not need
            gold may get None for the curve.
        summary: for the help: a noun phrase.
        sentence: for the methods paragraph of a paper, after "A label was kept where its
            posterior was at least T, ".
        takes: the option that means something to it; None for neither.
        needs_gold: whether it cannot do without gold.
    """

    name: str
    choose: Callable[[LabelOptions, PrecisionRecall | None], float]
    summary: str
    sentence: str
    takes: Literal["threshold", "target"] | None = None
    needs_gold: bool = True


RULES: Registry[LabelRule] = Registry("label rule")


def _given(options: LabelOptions, curve: PrecisionRecall | None) -> float:
    del curve
    return THRESHOLD if options.threshold is None else options.threshold


def _recall_at_precision(options: LabelOptions, curve: PrecisionRecall | None) -> float:
    assert curve is not None and options.target is not None  # noqa: S101, PT018 -- checked before
    return _highest(curve.threshold, curve.precision, curve.recall, options.rule, options.target)


def _precision_at_recall(options: LabelOptions, curve: PrecisionRecall | None) -> float:
    assert curve is not None and options.target is not None  # noqa: S101, PT018 -- checked before
    return _highest(curve.threshold, curve.recall, curve.precision, options.rule, options.target)


def _highest(
    threshold: Float[np.ndarray, "n"],
    held: Float[np.ndarray, "n"],
    raised: Float[np.ndarray, "n"],
    rule: str,
    target: float,
) -> float:
    """The threshold that raises one figure most while the other is held at the target."""
    reached = np.flatnonzero(held >= target)
    if len(reached) == 0:
        raise OptionError(
            f"the rule {rule!r} asks for {target}, but the highest reached on gold is "
            f"{float(held.max()):.3f}. Ask for less."
        )
    ranks = np.lexsort((held[reached], raised[reached]))
    return float(threshold[int(reached[ranks[-1]])])


def _f1(options: LabelOptions, curve: PrecisionRecall | None) -> float:
    del options
    assert curve is not None  # noqa: S101 -- checked before
    both = curve.precision + curve.recall
    harmonic = 2 * curve.precision * curve.recall / np.where(both > 0, both, 1)
    return float(curve.threshold[len(harmonic) - 1 - int(np.argmax(harmonic[::-1]))])


RULES.register(
    LabelRule(
        "threshold",
        _given,
        summary="a given threshold",
        sentence="a threshold that was fixed beforehand",
        takes="threshold",
        needs_gold=False,
    )
)
RULES.register(
    LabelRule(
        "recall-at-precision",
        _recall_at_precision,
        summary="the highest recall on gold whose precision is at least the target",
        sentence="the threshold of the highest recall on gold at the precision asked for",
        takes="target",
    )
)
RULES.register(
    LabelRule(
        "precision-at-recall",
        _precision_at_recall,
        summary="the highest precision on gold whose recall is at least the target",
        sentence="the threshold of the highest precision on gold at the recall asked for",
        takes="target",
    )
)
RULES.register(
    LabelRule(
        "f1",
        _f1,
        summary="the best harmonic mean of precision and recall on gold",
        sentence="the threshold of the best F1 on gold",
    )
)


def operating_point(
    posterior: Posterior,
    *,
    rule: str = "threshold",
    threshold: float | None = None,
    target: float | None = None,
    gold: Gold | None = None,
    min_expert_yes: int | None = None,
) -> OperatingPoint:
    """The threshold that a rule chooses, with precision and recall on gold where there is any.

    Args:
        posterior: the posterior of all questions.
        rule: a name of `RULES`.
        threshold: in [0, 1], for the rule ``threshold``; `THRESHOLD` by default.
        target: in [0, 1], for the rules that name one.
        gold: needed by every rule but ``threshold``.
        min_expert_yes: how many experts must say yes; None for more than half.

    Raises:
        OptionError: the rule is unknown, lacks what it needs or is given what it does not take,
            or no threshold reaches the target.
        DataError: gold and posterior do not fit.
    """
    options = LabelOptions(rule, threshold, target, min_expert_yes)
    entry = RULES[rule]
    if gold is None and entry.needs_gold:
        raise OptionError(f"the rule {rule!r} needs gold (--gold FILE).")
    curve = None
    if gold is not None:
        curve = precision_recall(posterior, gold, min_expert_yes=min_expert_yes)
    point = OperatingPoint(rule, entry.choose(options, curve), target)
    if gold is None or curve is None:
        return point
    return replace(_with_gold(point, curve), in_sample=_has_seen(posterior, gold))


def _has_seen(posterior: Posterior, gold: Gold) -> bool:
    """Whether some of this gold entered the posterior: any, where that is not known."""
    if not posterior.used_gold or posterior.gold_ids is None:
        return posterior.used_gold
    found = positions(gold.questions.ids, posterior.gold_ids, source="gold")
    return bool((found >= 0).any())


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
    pairs = posterior.questions.require_pairs("posterior")
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: original labels are needed for the images that were not rated."
        )
    n_images = len(benchmark.image_ids)
    pairs = pairs.aligned_to(benchmark.image_ids, source="posterior", target_name=benchmark.name)
    rated = np.zeros(n_images, dtype=bool)
    rated[pairs.image] = True
    kept = posterior.present >= point.threshold
    unrated = np.flatnonzero(~rated)
    image = np.concatenate([pairs.image[kept], unrated])
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
