"""Values that a paper publishes, and what becomes of them when they are computed again.

A `PublishedValue` is a statement, where it stands, its value, and how far ours may be off and
why; they are read from ``data/imagenet/statements.csv``, one a row. Computed from the inputs it
becomes a `ReproducedValue`. One that public files cannot check, or whose file is absent, stays
without a computed value and carries the reason. Does not compute anything: the modules beside
it do, each with a table from ids to functions.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass

from reassess.catalog import imagenet_file
from reassess.errors import CatalogError, DataError
from reassess.reproduce.inputs import Inputs

Compute = Callable[[Inputs], float]

_ROUNDING = 1e-12
"""What decimal numbers lose as floats, so that 0.9005 is within 0.0005 of 0.9."""


@dataclass(frozen=True, slots=True)
class ReproducedValue:
    """One statement, the published value and ours.

    Attributes:
        id: a unique name, words joined by points.
        statement: what is stated, as a sentence.
        source: where: a figure, table or section, or who measured it.
        published: the published value; proportions are fractions in [0, 1]. None where the
            statement has no number.
        computed: ours; None where it was not computed.
        tolerance: how far the two may differ; None where nothing can be compared.
        tolerance_reason: why that far; empty where nothing can be compared.
        holds: whether they differ by no more; None where nothing was computed.
        reason: why nothing was computed; None where it was.
    """

    id: str
    statement: str
    source: str
    published: float | None
    computed: float | None
    tolerance: float | None
    tolerance_reason: str
    holds: bool | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class PublishedValue:
    """A statement before it is checked.

    Attributes:
        id: as in `ReproducedValue`.
        statement: as in `ReproducedValue`.
        source: as in `ReproducedValue`.
        published: as in `ReproducedValue`.
        tolerance: as in `ReproducedValue`.
        tolerance_reason: as in `ReproducedValue`.
        reason: why no public file at hand can check it; None where one can.
    """

    id: str
    statement: str
    source: str
    published: float | None
    tolerance: float | None
    tolerance_reason: str
    reason: str | None

    def reproduce(self, compute: Compute | None, inputs: Inputs) -> ReproducedValue:
        """The statement with our value, or with the reason why there is none."""
        computed, reason = None, self.reason
        if compute is not None:
            try:
                computed = float(compute(inputs))
            except CatalogError as error:
                reason = f"a published file is not at hand: {error}"
        holds = None
        if computed is not None and self.published is not None and self.tolerance is not None:
            holds = abs(computed - self.published) <= self.tolerance + _ROUNDING
        return ReproducedValue(
            id=self.id,
            statement=self.statement,
            source=self.source,
            published=self.published,
            computed=computed,
            tolerance=self.tolerance,
            tolerance_reason=self.tolerance_reason,
            holds=holds,
            reason=reason,
        )


def defined(value: float | int | None) -> float:
    """A number that may be undefined, but is not on the published data.

    Raises:
        DataError: it is undefined.
    """
    if value is None:
        raise DataError("a published number is undefined when computed, but must be a number.")
    return float(value)


def published_values() -> tuple[PublishedValue, ...]:
    """Every published value of "Are we done with ImageNet?" and its neighbours, in their order."""
    with imagenet_file("statements.csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            PublishedValue(
                id=row["id"],
                statement=row["statement"],
                source=row["source"],
                published=_number(row["published"]),
                tolerance=_number(row["tolerance"]),
                tolerance_reason=row["tolerance_reason"],
                reason=row["reason"] or None,
            )
            for row in csv.DictReader(file)
        )


def _number(text: str) -> float | None:
    return float(text) if text else None
