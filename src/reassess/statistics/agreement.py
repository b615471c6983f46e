"""How far raters agree with each other beyond chance, from counts of their answers.

Takes questions (the field's *units*) with any number of votes. A coefficient that the data do not
determine is undefined, with the reason; it is never made 0 or 1. Knows no truth: agreement
with gold is `reassess.analysis.agreement`. Letters: Q questions, A answers, G groups of
questions that are drawn together, B resamples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from reassess.errors import OptionError
from reassess.registry import checks_choices
from reassess.statistics.intervals import check_resamples, percentile_interval

Distance = Literal["nominal", "ordinal", "interval"]

_LEAST_DEFINED = 0.95
"""An interval needs this share of resamples in which the coefficient is defined: with more left
out, the quantiles would be those of another distribution."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient of agreement with its bootstrap interval.

    Attributes:
        value: 1 for perfect agreement, 0 for what chance gives; None where it is undefined.
        low: lower end of the interval; None where there is none.
        high: upper end; None likewise.
        n_questions: questions with at least two votes, on which it rests.
        reason: why the value or the interval is undefined; None where both are there.
    """

    value: float | None
    low: float | None
    high: float | None
    n_questions: int
    reason: str | None = None


@checks_choices
def krippendorff_alpha(
    counts: Int[np.ndarray, "Q A"],
    *,
    distance: Distance = "nominal",
    groups: Int[np.ndarray, "Q"] | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> Coefficient:
    """Krippendorff's alpha: one less observed over expected disagreement.

    Questions with a single vote say nothing of agreement and are left out. The interval is
    that of a bootstrap over groups of questions.

    Args:
        counts: how often each question got each answer, the answers in their order.
        distance: how far two answers lie apart: all alike, by rank, or by number.
        groups: what is drawn together, such as the image of each question; None draws
            questions.
        n_resamples: B; 0 leaves the interval out.
        confidence: of the interval.
        rng: where randomness comes from.

    Raises:
        OptionError: the confidence is not inside (0, 1), B is negative, or the distance is unknown.

    Source: K. Krippendorff (2011), "Computing Krippendorff's alpha-reliability".
    """
    n_answers = counts.shape[1]
    size = counts.sum(axis=1)
    paired = size >= 2
    used, m = counts[paired].astype(np.float64), size[paired].astype(np.float64)
    pairs = used[:, :, None] * used[:, None, :]
    pairs[:, np.arange(n_answers), np.arange(n_answers)] -= used
    cells = (pairs / (m - 1)[:, None, None]).reshape(len(used), n_answers**2)

    def alpha(coincidences: Float[np.ndarray, "B c"]) -> Float[np.ndarray, "B"]:
        return _alpha(coincidences.reshape(-1, n_answers, n_answers), distance)

    undefined = _why_no_pairs(counts, paired) or _why_one_answer(used)
    return _coefficient(
        alpha,
        cells,
        None if groups is None else groups[paired],
        undefined,
        n_resamples,
        confidence,
        rng,
    )


def fleiss_kappa(
    counts: Int[np.ndarray, "Q A"],
    *,
    groups: Int[np.ndarray, "Q"] | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> Coefficient:
    """Fleiss' kappa, which is defined where every question has the same number of votes.

    Args:
        counts: how often each question got each answer.
        groups: what is drawn together; None draws questions.
        n_resamples: B; 0 leaves the interval out.
        confidence: of the interval.
        rng: where randomness comes from.

    Raises:
        OptionError: the confidence is not inside (0, 1), or B is negative.

    Source: J. L. Fleiss (1971), Psychological Bulletin 76:378-382.
    """
    size = counts.sum(axis=1)
    paired = size >= 2
    undefined = _why_no_pairs(counts, paired)
    if undefined is None and size.min() != size.max():
        undefined = (
            f"questions have between {int(size.min())} and {int(size.max())} votes, but Fleiss' "
            "kappa needs the same number for each"
        )
    used, m = counts[paired].astype(np.float64), size[paired].astype(np.float64)
    agreed = (used * (used - 1)).sum(axis=1) / (m * (m - 1))
    share = used / m[:, None]
    cells = np.column_stack([np.ones(len(used)), agreed, share])

    def kappa(sums: Float[np.ndarray, "B c"]) -> Float[np.ndarray, "B"]:
        means = sums[:, 1:] / sums[:, :1]
        by_chance = (means[:, 1:] ** 2).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            values: Float[np.ndarray, "B"] = np.where(
                by_chance < 1, (means[:, 0] - by_chance) / (1 - by_chance), np.nan
            )
        return values

    undefined = undefined or _why_one_answer(used)
    return _coefficient(
        kappa,
        cells,
        None if groups is None else groups[paired],
        undefined,
        n_resamples,
        confidence,
        rng,
    )


def _alpha(coincidences: Float[np.ndarray, "B A A"], distance: Distance) -> Float[np.ndarray, "B"]:
    of_answer = coincidences.sum(axis=2)
    n = of_answer.sum(axis=1)
    squared = _DISTANCES[distance](of_answer)
    observed = (coincidences * squared).sum(axis=(1, 2)) / n
    expected = (of_answer[:, :, None] * of_answer[:, None, :] * squared).sum(axis=(1, 2))
    expected /= n * (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values: Float[np.ndarray, "B"] = np.where(expected > 0, 1 - observed / expected, np.nan)
    return values


def _nominal(n_given: Float[np.ndarray, "B A"]) -> Float[np.ndarray, "B A A"]:
    """1 between any two answers."""
    n_answers = n_given.shape[1]
    return np.broadcast_to(1 - np.eye(n_answers), (len(n_given), n_answers, n_answers))


def _ordinal(n_given: Float[np.ndarray, "B A"]) -> Float[np.ndarray, "B A A"]:
    """Squared difference of the mean ranks that the answers take among all answers given."""
    return _squared(np.cumsum(n_given, axis=1) - n_given / 2)


def _interval(n_given: Float[np.ndarray, "B A"]) -> Float[np.ndarray, "B A A"]:
    """Squared difference of the answers' numbers."""
    return _squared(np.broadcast_to(np.arange(n_given.shape[1], dtype=np.float64), n_given.shape))


def _squared(place: Float[np.ndarray, "B A"]) -> Float[np.ndarray, "B A A"]:
    squared: Float[np.ndarray, "B A A"] = (place[:, :, None] - place[:, None, :]) ** 2
    return squared


_DISTANCES: dict[Distance, Callable[[Float[np.ndarray, "B A"]], Float[np.ndarray, "B A A"]]] = {
    "nominal": _nominal,
    "ordinal": _ordinal,
    "interval": _interval,
}
"""How often each answer was given to the squared distance between any two of them."""


def _coefficient(
    compute: Callable[[Float[np.ndarray, "B c"]], Float[np.ndarray, "B"]],
    cells: Float[np.ndarray, "q c"],
    groups: Int[np.ndarray, "q"] | None,
    undefined: str | None,
    n_resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> Coefficient:
    """The coefficient of the sum of all cells, and of sums over groups drawn again."""
    if not 0 < confidence < 1:
        raise OptionError(f"the confidence is {confidence}, but must lie inside (0, 1). Give 0.95.")
    if n_resamples != 0:
        check_resamples(n_resamples, confidence)
    if undefined is not None:
        return Coefficient(None, None, None, len(cells), undefined)
    value = float(compute(cells.sum(axis=0, keepdims=True))[0])
    if n_resamples == 0:
        return Coefficient(value, None, None, len(cells), "no resamples were drawn")
    if groups is not None:
        _, group = np.unique(groups, return_inverse=True)
        columns = [np.bincount(group, weights=column) for column in cells.T]
        cells = np.column_stack(columns)
    n_groups = len(cells)
    if n_groups < 2:
        return Coefficient(value, None, None, 1, "one group cannot be drawn again in another way")
    drawn = np.stack(
        [
            np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups) @ cells
            for _ in range(n_resamples)
        ]
    )
    values = compute(drawn)
    values = values[~np.isnan(values)]
    n_questions = len(cells) if groups is None else len(groups)
    if len(values) < _LEAST_DEFINED * n_resamples:
        reason = (
            f"{n_resamples - len(values):,} of {n_resamples:,} resamples hold one answer only; "
            "answers differ too rarely for an interval"
        )
        return Coefficient(value, None, None, n_questions, reason)
    low, high = percentile_interval(values, confidence, value=value)
    return Coefficient(value, low, high, n_questions)


def _why_no_pairs(counts: Int[np.ndarray, "Q A"], paired: np.ndarray) -> str | None:
    if paired.any():
        return None
    return f"none of {len(counts):,} questions has two votes"


def _why_one_answer(used: Float[np.ndarray, "q A"]) -> str | None:
    if (used.sum(axis=0) > 0).sum() >= 2 or len(used) == 0:
        return None
    return f"all {int(used.sum()):,} votes give the same answer, so that chance explains everything"
