"""What an audit shows so far, with intervals that hold whenever one looks.

Of each stratum of skipped images: how many of those that were drawn lost the original label that
they would have kept. Confidence sequences are `reassess.statistics.sequential`'s.
"""

from dataclasses import dataclass

import numpy as np

from reassess.errors import DataError
from reassess.records import LabelSets
from reassess.statistics.sequential import AnytimeEstimate, finite_rate_sequence


@dataclass(frozen=True, slots=True)
class StratumErrors:
    """Errors among the skipped images of one stratum.

    Attributes:
        name: what the stratum is called.
        n_population: images in it.
        n_wrong: images drawn that lost the label that they would have kept.
        rate: the share of wrong ones in the stratum.
    """

    name: str
    n_population: int
    n_wrong: int
    rate: AnytimeEstimate


def audit_errors(labels: LabelSets, *, confidence: float = 0.95) -> tuple[StratumErrors, ...]:
    """How often skipped images would have kept a wrong label, of each stratum that was drawn from.

    Args:
        labels: labels with an audit, whose drawn images raters have answered.
        confidence: of each sequence.

    Raises:
        DataError: the labels have no audit of skipped images.
    """
    if labels.audit is None:
        raise DataError(
            f"{labels.name}: the labels have no audit, but must have one. Draw one and have raters "
            "answer it."
        )
    audit = labels.audit.aligned_to(labels.image_ids)
    wrong = np.zeros(len(audit.stratum), dtype=bool)
    known = audit.kept >= 0
    wrong[known] = ~labels.contains(audit.pairs.image[known], audit.kept[known])
    found = []
    for place, stratum in enumerate(audit.strata):
        drawn = (audit.stratum == place) & audit.drawn
        if stratum.kind == "unasked" or not drawn.any():
            continue
        n_wrong, n_population = int(wrong[drawn].sum()), int(audit.n_population[place])
        rate = finite_rate_sequence(n_wrong, int(drawn.sum()), n_population, confidence=confidence)
        found.append(StratumErrors(stratum.name, n_population, n_wrong, rate))
    if not found:
        raise DataError(f"{labels.name}: no skipped image was drawn for the audit.")
    return tuple(found)
