"""Random samples of what the rule would not have asked about, and what they stand for.

Letters: P pairs of all strata, S strata.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.errors import DataError
from reassess.records.arrays import as_ids
from reassess.records.benchmark import Classes
from reassess.records.pairs import Pairs
from reassess.registry import checks_choices

AuditKind = Literal["skipped", "disputed", "unasked"]
"""What a stratum holds: skipped images; skipped images on which a new model disagrees; other
predictions of a new model that were not asked about."""

AUDIT_KINDS: tuple[AuditKind, ...] = get_args(AuditKind)


@checks_choices
@dataclass(frozen=True, slots=True)
class AuditStratum:
    """Pairs that were drawn from together, each with the same probability.

    Attributes:
        kind: ``skipped`` for images that keep their original label unrated, each with that label;
            ``disputed`` for such images on which a model predicts another class, each with that
            class; ``unasked`` for other top predictions of a model that no question is about. Of a
            drawn image that was skipped all proposals are asked about; of an ``unasked`` one the
            drawn pair alone.
        model: the new model; None for ``skipped``.
        seeds: of the draws, the first one first; each drew from what was left.
    """

    kind: AuditKind
    model: str | None
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return (
            "skipped images" if self.model is None else f"{self.kind} predictions of {self.model}"
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """Stratified random samples, and all that they were drawn from.

    Attributes:
        strata: the S strata.
        pairs: everything that could be drawn. Rising by stratum, image and class.
        stratum: of each pair.
        kept: the original label that the pair's image keeps unless it is drawn; -1 for strata of
            ``unasked``.
        drawn: whether the pair was drawn. Within a stratum every set of as many pairs was equally
            likely, so that the inclusion probability is the share that was drawn.
        distractors: further classes that are asked about on drawn images that were skipped, so
            that these have as many questions as others and raters cannot tell them apart; None
            where there are none. Labels do not carry them: they say what was asked.

    Raises:
        DataError: columns differ in length, a stratum holds no pair, or a pair is in two strata.
    """

    strata: tuple[AuditStratum, ...]
    pairs: Pairs
    stratum: Int[np.ndarray, "P"]
    kept: Int[np.ndarray, "P"]
    drawn: Bool[np.ndarray, "P"]
    distractors: Pairs | None = None

    def __post_init__(self) -> None:
        if not len(self.pairs) == len(self.stratum) == len(self.kept) == len(self.drawn):
            raise DataError("audit: pairs, strata and draws differ in length.")
        if len(self.stratum) and not 0 <= self.stratum.min() <= self.stratum.max() < len(
            self.strata
        ):
            raise DataError("audit: a pair is of a stratum that is not listed.")
        empty = np.flatnonzero(self.n_population == 0)
        if len(empty):
            raise DataError(
                f"audit: the stratum {self.strata[int(empty[0])].name!r} holds 0 pairs, but must "
                "hold at least one."
            )
        order = np.lexsort((self.pairs.label, self.pairs.image, self.stratum))
        if (np.diff(order) < 0).any():
            object.__setattr__(self, "pairs", self.pairs.take(order))
            for column in ("stratum", "kept", "drawn"):
                object.__setattr__(self, column, getattr(self, column)[order])

    @property
    def is_whole(self) -> Bool[np.ndarray, "P"]:
        """Whether each pair stands for a skipped image, which is asked about as a whole."""
        return ~self.of_kind("unasked")

    @property
    def n_population(self) -> Int[np.ndarray, "S"]:
        """Pairs of each stratum, drawn or not."""
        return np.bincount(self.stratum, minlength=len(self.strata))

    @property
    def n_drawn(self) -> Int[np.ndarray, "S"]:
        """Pairs drawn of each stratum."""
        return np.bincount(self.stratum[self.drawn], minlength=len(self.strata))

    @checks_choices
    def of_kind(self, kind: AuditKind) -> Bool[np.ndarray, "P"]:
        """Whether each pair is of a stratum of this kind."""
        is_kind = np.array([one.kind == kind for one in self.strata], dtype=bool)
        found: Bool[np.ndarray, "P"] = is_kind[self.stratum] if len(self.strata) else self.drawn
        return found

    def take(self, rows: Bool[np.ndarray, "P"]) -> "Audit":
        """The pairs where the mask is true; strata without any are left out."""
        kept = np.unique(self.stratum[rows])
        return Audit(
            tuple(self.strata[place] for place in kept.tolist()),
            self.pairs.take(rows),
            np.searchsorted(kept, self.stratum[rows]),
            self.kept[rows],
            self.drawn[rows],
            self.distractors,
        )

    def numbered_by(self, classes: Classes | None) -> "Audit":
        """The same with the numbers that the classes have here.

        Raises:
            DataError: a class that occurs is not among the classes.
        """
        kept, has = self.kept.copy(), self.kept >= 0
        known = replace(self.pairs.take(has), label=kept[has])
        kept[has] = known.numbered_by(classes, source="audit").label
        pairs, distractors = self.pairs.numbered_by(classes, source="audit"), self.distractors
        if distractors is not None:
            distractors = distractors.numbered_by(classes, source="audit")
        return replace(self, pairs=pairs, kept=kept, distractors=distractors)

    def aligned_to(self, image_ids: Shaped[np.ndarray, "N"]) -> "Audit":
        """The same, its images as rows of another list.

        Raises:
            AlignmentError: an image is not in the list.
        """
        ids = as_ids(image_ids, "audit")
        pairs, distractors = self.pairs.aligned_to(ids, source="audit"), self.distractors
        if distractors is not None:
            distractors = distractors.aligned_to(ids, source="audit")
        return replace(self, pairs=pairs, distractors=distractors)
