"""How many valid labels no model proposed, from how often the others were proposed.

Models are treated as repeated captures of the same labels (capture–recapture): labels that few
models list are evidence of labels that none lists. All three estimators use nothing but f_j, the
number of valid labels that exactly j of the M models list. In expectation over all choices of s
of the models,

    S(s) = Σ_j f_j (1 − C(M−j, s) / C(M, s))

labels are found by at least one: the curve of labels over models, known up to s = M.

``power-law``  continues the curve: if S(s) = S(∞) − c s^(−b), then from M/2 to M/√2 to M models
               the gains fall by one ratio r, and S(M) − S(M/√2) times r / (1 − r) are missing
``chao2``      a lower bound from labels that one and that two models list
``halves``     Chapman's form of Lincoln and Petersen's estimate, from the overlap of two halves
               of the models, taken over all ways to halve them

Models resemble each other: what one misses the others tend to miss too. That dependence makes
``halves`` far too low, and labels of very different difficulty make ``chao2`` too low; the more
alike the labels are, the more ``power-law`` is too high. On labels hidden from the published
study it comes within a fifth or so from ten models on, where ``chao2`` sees a third at best and
``halves`` next to none; where labels are alike it is three times too high and they are right
(``docs/missing-labels.md``). No estimator, and no interval of one, holds everywhere:
`missing_label_range` gives what all three and their intervals span. None counts labels that no
model of the kind would ever list. Letters: P proposals, M models.

Does not decide what is valid: labels, gold or a posterior do.

Source: rarefaction, R. K. Colwell, C. X. Mao and J. Chang (2004), Ecology 85:2717-2727; Chao2,
A. Chao (1987), Biometrics 43:783-791, bias-corrected; D. G. Chapman (1951), Univ. California
Publ. Stat. 1:131-160. Continuing the curve by three of its points is ours.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError, OptionError
from reassess.registry import checks_choices
from reassess.statistics import z_critical

MissingLabelsMethod = Literal["power-law", "chao2", "halves"]


@checks_choices
@dataclass(frozen=True, slots=True)
class MissingLabels:
    """How many valid labels no model proposed.

    Attributes:
        n_listed: valid labels that some model proposed; a sum of probabilities where validity
            is one.
        n_missing: estimated number of those that none proposed.
        interval: of ``n_missing``: how the estimate varies with the choice of models (``chao2``:
            with chance), not how far the method itself is off.
        n_models: the models that proposed.
        method: how it was estimated.
    """

    n_listed: float
    n_missing: float
    interval: tuple[float, float]
    n_models: int
    method: MissingLabelsMethod

    @property
    def recall(self) -> float:
        """Estimated share of the valid labels that some model proposed, in [0, 1]."""
        return self.n_listed / (self.n_listed + self.n_missing)


@dataclass(frozen=True, slots=True)
class MissingLabelRange:
    """How many valid labels no model proposed, between what estimators that disagree say.

    Attributes:
        low: the lowest end of their intervals.
        high: the highest end; infinite where an estimator knows no upper end.
        estimates: each estimator's own, the lowest first.
        left_out: estimators that the models at hand do not allow, and why.
    """

    low: float
    high: float
    estimates: tuple[MissingLabels, ...]
    left_out: dict[str, str]


def missing_label_range(
    captured: Bool[np.ndarray, "P M"],
    weight: Float[np.ndarray, "n"] | None = None,
    *,
    confidence: float = 0.95,
) -> MissingLabelRange:
    """How many valid labels none of the models lists, by all estimators.

    Args:
        captured: as `estimate_missing_labels` takes it.
        weight: P(valid) of each pair; None where all rows are valid.
        confidence: of each estimator's interval.

    Raises:
        OptionError: there is one model only.
        DataError: shapes differ, a weight lies outside [0, 1], or nothing valid is listed.
    """
    estimates, left_out = [], {}
    for method in get_args(MissingLabelsMethod):
        try:
            estimates.append(
                estimate_missing_labels(captured, weight, method=method, confidence=confidence)
            )
        except (DataError, OptionError) as error:
            if method != "power-law":  # the others do without what it needs
                raise
            left_out[method] = str(error)
    estimates.sort(key=lambda one: one.n_missing)
    ends = [one.interval for one in estimates]
    return MissingLabelRange(
        min(low for low, _ in ends), max(high for _, high in ends), tuple(estimates), left_out
    )


@checks_choices
def estimate_missing_labels(
    captured: Bool[np.ndarray, "P M"],
    weight: Float[np.ndarray, "n"] | None = None,
    *,
    method: MissingLabelsMethod = "power-law",
    confidence: float = 0.95,
) -> MissingLabels:
    """An estimate of how many valid labels none of the models lists.

    Args:
        captured: whether a model lists the pair; rows that no model lists are ignored, such
            as labels that only the original labels bring. The original labels are no column:
            they are not one model more.
        weight: P(valid) of each pair, in [0, 1]; None where all rows are valid.
        method: how; see the module.
        confidence: of the interval.

    Raises:
        OptionError: there are too few models for the method.
        DataError: shapes differ, a weight lies outside [0, 1], nothing valid is listed, or,
            for ``power-law``, new models find new labels at a rate that does not fall.
    """
    n_models = captured.shape[1]
    weights = np.ones(len(captured)) if weight is None else weight
    _check(captured, weights, method)
    n_listing = captured.sum(axis=1)
    counts = np.bincount(n_listing, weights, minlength=n_models + 2)
    counts[0] = 0.0
    estimator = _ESTIMATORS[method]
    n_missing = estimator.count(counts, n_models)
    if estimator.variance is None:
        variance = _jackknife(captured, weights, n_listing, counts, estimator)
    else:
        variance = estimator.variance(counts, n_models)
    if not math.isfinite(n_missing):
        raise DataError(
            f"lists: the last of {n_models} models find new labels at a rate that must fall, but "
            "does not, so that no finite estimate exists. Add models, take shorter lists, or "
            "ask for a lower bound (method chao2)."
        )
    ends = _around(n_missing, variance, confidence)
    return MissingLabels(float(counts.sum()), n_missing, ends, n_models, method)


def _check(
    captured: Bool[np.ndarray, "P M"], weights: Float[np.ndarray, "n"], method: MissingLabelsMethod
) -> None:
    n_models = captured.shape[1]
    fewest = _ESTIMATORS[method].fewest_models
    if n_models < fewest:
        raise OptionError(
            f"there are {n_models} models, but must be at least {fewest} for the method "
            f"{method!r}. Add models."
        )
    if len(weights) != len(captured):
        raise DataError(
            f"weights: there are {len(weights):,}, but must be one for each of {len(captured):,} "
            "pairs."
        )
    outside = ~((weights >= 0) & (weights <= 1))
    if outside.any():
        row = int(outside.argmax())
        raise DataError(
            f"weights: P(valid)[{row}] is {weights[row]}, but must lie in [0, 1]; "
            f"{int(outside.sum()):,} do not."
        )
    if not (captured.any(axis=1) & (weights > 0)).any():
        raise DataError(
            "lists: 0 valid labels are listed, but at least one must be to estimate those that "
            "are not. Add labels that hold."
        )


def _found_by(n: float | int, counts: Float[np.ndarray, "f"], n_models: int) -> float:
    """S(n), for n between whole numbers too: labels that n of the models find on average."""
    i = np.arange(n_models)
    missed = np.cumprod(np.clip((n_models - n - i) / (n_models - i), 0.0, None))
    return float(counts[1 : n_models + 1] @ (1 - missed))


def _power_law(counts: Float[np.ndarray, "f"], n_models: int) -> float:
    """What a power law through S at M/2, M/√2 and M still finds; infinite where r >= 1."""
    half, between, whole = (
        _found_by(n_models / step, counts, n_models) for step in (2.0, math.sqrt(2.0), 1.0)
    )
    before, last = between - half, whole - between
    # Where every model lists every label the gains are nothing but rounding.
    if last <= 1e-9 * whole:
        return 0.0
    if last >= before:
        return math.inf
    return last * last / (before - last)


def _halves(counts: Float[np.ndarray, "f"], n_models: int) -> float:
    """Chapman's estimate with the average overlap of a half of the models and the other half."""
    n_half = n_models // 2
    one, other = (_found_by(n, counts, n_models) for n in (n_half, n_models - n_half))
    whole = float(counts.sum())
    return max(0.0, (one + 1) * (other + 1) / (one + other - whole + 1) - 1 - whole)


def _chao2(counts: Float[np.ndarray, "f"], n_models: int) -> float:
    """The bias-corrected lower bound."""
    once, twice = float(counts[1]), float(counts[2]) + 1
    share = (n_models - 1) / n_models
    return max(0.0, share * once * (once - 1) / (2 * twice))


def _chao2_variance(counts: Float[np.ndarray, "f"], n_models: int) -> float:
    """The variance of the lower bound."""
    once, twice = float(counts[1]), float(counts[2]) + 1
    share = (n_models - 1) / n_models
    return (
        _chao2(counts, n_models)
        + share**2 * once * (2 * once - 1) ** 2 / (4 * twice**2)
        + share**2 * once**2 * (twice - 1) * (once - 1) ** 2 / (4 * twice**4)
    )


@dataclass(frozen=True, slots=True)
class _Estimator:
    """A way to estimate the number of missing labels from how many models list the others.

    Attributes:
        count: the estimate.
        fewest_models: how many models it needs.
        variance: of the estimate, by a formula; None where the jackknife over models tells.
    """

    count: Callable[[Float[np.ndarray, "f"], int], float]
    fewest_models: int
    variance: Callable[[Float[np.ndarray, "f"], int], float] | None = None


_ESTIMATORS: dict[MissingLabelsMethod, _Estimator] = {
    "power-law": _Estimator(_power_law, fewest_models=4),
    "chao2": _Estimator(_chao2, fewest_models=2, variance=_chao2_variance),
    "halves": _Estimator(_halves, fewest_models=2),
}


def _jackknife(
    captured: Bool[np.ndarray, "P M"],
    weights: Float[np.ndarray, "P"],
    n_listing: Int[np.ndarray, "P"],
    counts: Float[np.ndarray, "f"],
    estimator: _Estimator,
) -> float:
    """Variance of seen plus unseen over the models, from leaving out one at a time."""
    n_models = captured.shape[1]
    totals = np.empty(n_models)
    for i in range(n_models):
        mine = captured[:, i]
        lost = np.bincount(n_listing[mine], weights[mine], minlength=n_models + 2)
        without = counts - lost + np.append(lost[1:], 0.0)
        without[0] = 0.0
        totals[i] = without.sum() + estimator.count(without, n_models - 1)
    if not np.isfinite(totals).all():
        return math.inf
    return float((n_models - 1) / n_models * ((totals - totals.mean()) ** 2).sum())


def _around(value: float, variance: float, confidence: float) -> tuple[float, float]:
    """The log-normal interval of a number that cannot be negative.

    Source: Chao (1987), equation 12.
    """
    if value == 0.0 or math.isinf(variance):
        return 0.0, 0.0 if variance == 0.0 else math.inf
    factor = math.exp(z_critical(confidence) * math.sqrt(math.log1p(variance / value**2)))
    return value / factor, value * factor
