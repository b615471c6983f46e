"""What a paper states, and what becomes of it when it is computed again.

A `Claim` is declared: what is stated, where, its value, how far ours may be off and why,
and how ours is computed. Checked against the inputs it becomes a `Statement`. A claim
that public files cannot check, or whose file is absent, stays without a computed value
and carries the reason. Does not know any claim: the modules beside it declare them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reassess.errors import CatalogError
from reassess.reproduce.inputs import Inputs

Compute = Callable[[Inputs], float]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, the published value and ours.

    Attributes:
        id: a unique name, words joined by points.
        statement: what is stated, as a sentence.
        source: where: the paper's figure, table or section, or who measured it.
        published: the published value; proportions are fractions in [0, 1]. None where the
            statement has no single number.
        computed: ours; None where it could not be computed.
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
class Claim:
    """A statement before it is checked.

    Attributes:
        id: as in `Statement`, and so are the next four.
        statement: likewise.
        source: likewise.
        published: likewise.
        tolerance: likewise.
        tolerance_reason: likewise.
        compute: how our value is computed; None where no public file allows it.
        reason: why not, where ``compute`` is None.
    """

    id: str
    statement: str
    source: str
    published: float | None
    tolerance: float | None = None
    tolerance_reason: str = ""
    compute: Compute | None = None
    reason: str | None = None

    def check(self, inputs: Inputs) -> Statement:
        """The statement with our value, or with the reason why there is none."""
        computed, reason = None, self.reason
        if self.compute is not None:
            try:
                computed = float(self.compute(inputs))
            except CatalogError as error:
                reason = f"a published file is absent: {error}"
        holds = None
        if computed is not None and self.published is not None and self.tolerance is not None:
            holds = abs(computed - self.published) <= self.tolerance
        return Statement(
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


def counted(id: str, statement: str, source: str, published: int, compute: Compute) -> Claim:  # noqa: A002 -- the name that the output has
    """A claim about a count, which must be met exactly."""
    return Claim(id, statement, source, float(published), 0.0, "a count: equal", compute)


def rounded(
    id: str,  # noqa: A002 -- the name that the output has
    statement: str,
    source: str,
    published: float,
    places: int,
    compute: Compute,
) -> Claim:
    """A claim about a number that was printed with so many decimal places, as a fraction."""
    tolerance = 0.5 * 10.0**-places
    why = f"printed to {places} decimal places (of the fraction)"
    return Claim(id, statement, source, published, tolerance * (1 + 1e-9), why, compute)


def unchecked(
    id: str,  # noqa: A002 -- the name that the output has
    statement: str,
    source: str,
    published: float | None,
    reason: str,
) -> Claim:
    """A claim that no public file at hand can check."""
    return Claim(id, statement, source, published, reason=reason)
