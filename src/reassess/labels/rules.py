"""The rules that choose the operating point, by name, and their options.

A new rule is a function from options and the curve on gold to a threshold, and one
`RULES.register`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from reassess.errors import OptionError
from reassess.labels.curve import PrecisionRecall
from reassess.registry import Registry, checks_choices
from reassess.statistics import surely_below

THRESHOLD = 0.8
"""The least posterior of a label where nothing else is asked for: at every door the same."""

CONFIDENCE = 0.9
"""How sure a rule with a guarantee must be where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How labels are decided from a posterior.

    Attributes:
        rule: a name of `RULES`: how the threshold is chosen.
        threshold: in [0, 1], for the rule that takes it as given; `THRESHOLD` by default.
        target: in [0, 1], the precision or recall that a rule asks for.
        confidence: between 0 and 1, how sure a rule with a guarantee must be; `CONFIDENCE` by
            default.
        min_expert_yes: how many experts must say yes for a gold question to hold; None for more
            than half.
        only_answered: whether a study's questions without a vote are left out of its labels, which
            are refused otherwise.

    Raises:
        OptionError: a value is out of range, or the rule lacks what it needs or is given what it
            does not take.
    """

    rule: str = "threshold"
    threshold: float | None = None
    target: float | None = None
    min_expert_yes: int | None = None
    confidence: float | None = None
    only_answered: bool = False

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
        if self.confidence is not None:
            if not rule.is_guaranteed:
                raise OptionError(
                    f"the rule {self.rule!r} guarantees nothing, but a confidence of "
                    f"{self.confidence} was given. Name a rule that does, such as "
                    "precision-at-least."
                )
            if not 0 < self.confidence < 1:
                raise OptionError(
                    f"the confidence is {self.confidence}, but must lie between 0 and 1, as 0.9 "
                    "does."
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
        is_guaranteed: whether it takes a confidence, with which the target holds for questions
            that are not gold; the curve that it chooses by is then of a posterior that has not
            seen the gold.
    """

    name: str
    choose: Callable[[LabelOptions, PrecisionRecall | None], float]
    summary: str
    sentence: str
    takes: Literal["threshold", "target"] | None = None
    needs_gold: bool = True
    is_guaranteed: bool = False


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


def _precision_at_least(options: LabelOptions, curve: PrecisionRecall | None) -> float:
    assert curve is not None and options.target is not None  # noqa: S101, PT018 -- checked before
    confidence = CONFIDENCE if options.confidence is None else options.confidence
    # From the highest threshold down: the order must not depend on what is right.
    share_wrong, n_effective = 1 - curve.precision[::-1], curve.n_effective[::-1]
    found = surely_below(share_wrong, n_effective, 1 - options.target, confidence)
    if found is None:
        raise OptionError(
            f"the rule {options.rule!r} asks for a precision of {options.target} with a confidence "
            f"of {confidence}, but no threshold reaches that on {curve.n_gold:,} gold questions of "
            f"{curve.n_images:,} images. Ask for less, or give more gold."
        )
    return float(curve.threshold[::-1][found])


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
        "precision-at-least",
        _precision_at_least,
        summary="the lowest threshold whose precision is at least the target with the confidence, "
        "by fixed-sequence tests on gold",
        sentence=(
            "the lowest threshold shown on gold to have the precision asked for with the "
            "confidence asked for (Learn then Test; Angelopoulos et al., 2021)"
        ),
        takes="target",
        is_guaranteed=True,
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
