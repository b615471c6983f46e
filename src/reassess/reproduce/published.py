"""Values that a study publishes, and what becomes of them when they are computed again.

A `PublishedValue` is a statement, where it stands, its value, and how far ours may be off and
why; they are read from ``data/statements/<study>.csv``, one a row. Computed from the inputs it
becomes a `ReproducedValue`. One that public files cannot check, or whose file is absent, stays
without a computed value and carries the reason. Does not compute anything: the modules beside
it do, each with a table from ids to functions.

A tolerance follows from how the value is given, never from the result: half a unit of the last
printed digit, one unit where the text says *about*, 0.3 points for a point read off a figure, 0.2
points for a model whose public weights are not the paper's, nothing for a count.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal, cast, get_args

from reassess.errors import CatalogError, DataError
from reassess.registry import checks_choices
from reassess.reproduce.inputs import Inputs

Kind = Literal["printed", "read off a figure", "derived", "measured by us"]
"""What stands behind a value.

``printed``            the publication prints it, as text or in a table
``read off a figure``  it is a point or a bar of a figure of the publication
``derived``            it follows from what the publication prints or releases
``measured by us``     no publication gives it: an earlier measurement of the same files, which
                       shows that nothing changed since, and no more
"""

KINDS: tuple[Kind, ...] = get_args(Kind)

Compute = Callable[[Inputs], float]

_ROUNDING = 1e-12
"""What decimal numbers lose as floats, so that 0.9005 is within 0.0005 of 0.9."""


@checks_choices
@dataclass(frozen=True, slots=True)
class ReproducedValue:
    """One statement, the published value and ours.

    Attributes:
        id: a unique name, words joined by points.
        kind: what stands behind the published value.
        statement: what is stated, as a sentence.
        source: where: a figure, table or section, or who measured it.
        passage: the words or the row of the source that state it; empty where they are not at hand.
        published: the published value; proportions are fractions in [0, 1]. None where the
            statement has no number.
        computed: ours; None where it was not computed.
        tolerance: how far the two may differ; None where nothing can be compared.
        tolerance_reason: why that far; empty where nothing can be compared.
        holds: whether they differ by no more; None where nothing was computed.
        reason: why nothing was computed; None where it was.
    """

    id: str
    kind: Kind
    statement: str
    source: str
    passage: str
    published: float | None
    computed: float | None
    tolerance: float | None
    tolerance_reason: str
    holds: bool | None
    reason: str | None


@checks_choices
@dataclass(frozen=True, slots=True)
class PublishedValue:
    """A statement before it is checked.

    Attributes:
        id: as in `ReproducedValue`.
        kind: as in `ReproducedValue`.
        statement: as in `ReproducedValue`.
        source: as in `ReproducedValue`.
        passage: as in `ReproducedValue`.
        published: as in `ReproducedValue`.
        tolerance: as in `ReproducedValue`.
        tolerance_reason: as in `ReproducedValue`.
        reason: why no public file at hand can check it; None where one can.
    """

    id: str
    kind: Kind
    statement: str
    source: str
    passage: str
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
            kind=self.kind,
            statement=self.statement,
            source=self.source,
            passage=self.passage,
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


def published_values(study: str = "imagenet") -> tuple[PublishedValue, ...]:
    """Every published value of a study, in its order.

    Args:
        study: a name in `reassess.reproduce.STUDIES`.
    """
    file = Path(str(resources.files("reassess").joinpath("data/statements", f"{study}.csv")))
    with file.open(newline="", encoding="utf-8") as lines:
        return tuple(
            PublishedValue(
                id=row["id"],
                kind=cast("Kind", row["kind"]),
                statement=row["statement"],
                source=row["source"],
                passage=row["passage"],
                published=_number(row["published"]),
                tolerance=_number(row["tolerance"]),
                tolerance_reason=row["tolerance_reason"],
                reason=row["reason"] or None,
            )
            for row in csv.DictReader(lines)
        )


def _number(text: str) -> float | None:
    return float(text) if text else None
