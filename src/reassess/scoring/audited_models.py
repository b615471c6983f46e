"""Many models as an audit has them: accuracies, differences of all pairs, and their covariance.

One model, and one pair, are `reassess.scoring.audited`'s. Letters: n images, M models, S strata, d
pairs drawn.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reassess.records import LabelSets
from reassess.scoring.audited import AuditColumns, ModelColumns
from reassess.statistics.sampling import Ratio, audited_interval


@dataclass(frozen=True, slots=True)
class AuditedModels:
    """What an audit says of models, in their order.

    Attributes:
        accuracy: ReaL accuracy of each, in [0, 1].
        low: lower end of its interval.
        high: upper end.
        difference: accuracy of a less that of b.
        difference_low: lower end of its interval.
        difference_high: upper end.
        p_value: of each pair, two-sided, that both are right equally often.
        covariance: of the accuracies over such samples of these very images.
        n_skipped: skipped images that were drawn.
        n_unasked: unasked predictions that were drawn.
    """

    accuracy: Float[np.ndarray, "M"]
    low: Float[np.ndarray, "M"]
    high: Float[np.ndarray, "M"]
    difference: Float[np.ndarray, "M M"]
    difference_low: Float[np.ndarray, "M M"]
    difference_high: Float[np.ndarray, "M M"]
    p_value: Float[np.ndarray, "M M"]
    covariance: Float[np.ndarray, "M M"]
    n_skipped: int
    n_unasked: int


def audited_models(
    tops: Int[np.ndarray, "n M"], labels: LabelSets, confidence: float = 0.95
) -> AuditedModels | None:
    """Accuracies and differences of models as the labels' audit has them.

    None where the labels have no audit, or it judges nothing.

    Args:
        tops: each model's top prediction for the images of the labels, in their order.
        labels: the label sets.
        confidence: of the intervals.
    """
    if labels.audit is None:
        return None
    known = AuditColumns.of(labels)
    columns = [known.right(top) for top in tops.T]
    ratios = [found for one in columns if (found := known.ratio(one)) is not None]
    if len(ratios) < len(columns):
        return None
    accuracy = np.array([min(max(one.value, 0.0), 1.0) for one in ratios])
    ends = [
        audited_interval(value, one.denominator, one.departures, confidence)
        for value, one in zip(accuracy.tolist(), ratios, strict=True)
    ]
    low, high = np.array(ends).T
    n_models = len(columns)
    pairs = np.zeros((4, n_models, n_models))
    pairs[3] = 1.0
    of_pairs = tops[known.audit.pairs.image]
    for a, b in zip(*np.triu_indices(n_models, 1), strict=True):
        differ = of_pairs[:, a] != of_pairs[:, b]
        one = known.difference(
            columns[a], columns[b], (ratios[a], ratios[b]), differ, confidence
        )  # fmt: skip
        if one is not None:
            pairs[:, a, b] = one.value, one.low, one.high, one.p_value
            pairs[:, b, a] = -one.value, -one.high, -one.low, one.p_value
    drawn, whole = known.audit.drawn, known.audit.is_whole
    return AuditedModels(
        accuracy, low, high, pairs[0], pairs[1], pairs[2], pairs[3],
        _covariance(known, columns, ratios),
        int((drawn & whole).sum()), int((drawn & ~whole).sum()),
    )  # fmt: skip


def _covariance(
    known: AuditColumns, columns: list[ModelColumns], ratios: list[Ratio]
) -> Float[np.ndarray, "M M"]:
    """Of the accuracies, over draws: the delta method's, and one draw more of what can depart.

    So that a stratum of which nothing departs does not count as certain, one pseudo-draw is added
    that lowers every model that can fall there, and one that raises every model that can rise.
    """
    audit, sample = known.audit, known.sample
    n, size = sample.n_drawn, sample.n_population
    below = np.array([one.denominator for one in ratios])
    residual = np.stack([one.residual for one in ratios], axis=1) / below
    found = np.zeros((len(ratios), len(ratios)))
    for stratum in np.flatnonzero(n > 0).tolist():
        rows = residual[sample.stratum == stratum]
        inside = audit.stratum == stratum
        apart = rows - rows.mean(axis=0)
        spread = apart.T @ apart
        for name in ("can_fall", "can_rise"):
            can = np.array([getattr(one, name)[inside].mean() for one in columns]) / below
            spread += np.outer(can, can)
        unseen = 1 - n[stratum] / size[stratum]
        found += size[stratum] ** 2 * unseen * spread / n[stratum] ** 2
    return found
