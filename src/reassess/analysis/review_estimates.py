"""Shares and differences of a sample of mistakes, some of which are open.

People who disagree on a mistake have looked at it, and mistakes like it are not like the rest: what
an expert will say of it is unknown, not missing by chance. The estimate is made from those that are
decided; its interval reaches from what it would be if no open mistake were of the kind to what
it would be if all were. A mistake that waits for votes counts as not drawn: raters reach mistakes
in an order that knows nothing of them.

Letters: n mistakes drawn that people have reached, k of them decided, S strata.

Source: C. F. Manski (2003), "Partial Identification of Probability Distributions", chapter 1
(bounds without assumptions on what is missing).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reassess.statistics.sampling import (
    Difference,
    Estimate,
    Sample,
    stratified_difference,
    stratified_share,
)


@dataclass(frozen=True, slots=True)
class JudgedMistakes:
    """Mistakes drawn that people have reached.

    Attributes:
        label: what they are, by code; of an open one it means nothing.
        is_open: whether people disagree and nobody has decided.
        stratum: of each.
        n_population: mistakes of each stratum, drawn or not.
        confidence: of every interval.
    """

    label: Int[np.ndarray, "n"]
    is_open: Bool[np.ndarray, "n"]
    stratum: Int[np.ndarray, "n"]
    n_population: Int[np.ndarray, "S"]
    confidence: float

    @property
    def reached(self) -> Sample:
        """All of them, as a sample."""
        return Sample(self.stratum, self.n_population)

    @property
    def decided(self) -> Sample:
        """Those that are decided, as a sample."""
        return Sample(self.stratum[~self.is_open], self.n_population)

    def share(self, code: int, group: Bool[np.ndarray, "n"], n_group: int) -> Estimate | None:
        """Share of a group that has a label; None where none of it is decided.

        Args:
            code: the label.
            group: whether each is of the group.
            n_group: mistakes of the group in the population.
        """
        holds, known = (self.label == code) & ~self.is_open, ~self.is_open
        found = stratified_share(holds[known], group[known], n_group, self.decided, self.confidence)
        if found is None or not self.is_open.any():
            return found
        ends = [
            stratified_share(which, group, n_group, self.reached, self.confidence)
            for which in (holds, holds | self.is_open)
        ]
        low, high = ends[0] or found, ends[1] or found
        return Estimate(found.value, min(found.low, low.low), max(found.high, high.high))

    def difference(
        self, code: int, a: Bool[np.ndarray, "n"], b: Bool[np.ndarray, "n"], n_items: int
    ) -> Difference | None:
        """By how many mistakes with a label one model exceeds another; None as for `Sample`.

        Args:
            code: the label.
            a: whether the first model makes each mistake.
            b: whether the second does.
            n_items: images that both are judged on.
        """
        holds, known = (self.label == code) & ~self.is_open, ~self.is_open
        found = stratified_difference(
            (holds & a)[known], (holds & b)[known], self.decided, n_items, self.confidence
        )
        if found is None or not self.is_open.any():
            return found
        ends = [
            stratified_difference(
                a & (holds | for_a), b & (holds | for_b), self.reached, n_items, self.confidence
            )
            for for_a, for_b in (
                (self.is_open & ~b, self.is_open & False),
                (self.is_open & False, self.is_open & ~a),
            )
        ]
        most, least = ends[0] or found, ends[1] or found
        # Where open mistakes alone could turn the sign, nothing is decided.
        p_value = max(found.p_value, most.p_value, least.p_value)
        if most.value * least.value <= 0:
            p_value = 1.0
        return Difference(
            found.value, min(found.low, least.low), max(found.high, most.high), p_value
        )
