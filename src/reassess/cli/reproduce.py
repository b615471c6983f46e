"""``reassess reproduce``: published statements, computed again."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import RegistryChoice
from reassess.cli.output import console, print_json, progress_bar

if TYPE_CHECKING:
    from reassess.report.table import Table
    from reassess.reproduce.published import ReproducedValue


def _studies() -> Mapping[str, Any]:
    from reassess.reproduce import STUDIES

    return STUDIES


@click.command(
    epilog="""\b
Examples:
  reassess reproduce
  reassess reproduce imagenet
  reassess reproduce eth --json
"""
)
@click.argument("study", type=RegistryChoice(_studies), required=False)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def reproduce(study: str | None, as_json: bool) -> None:
    """Compute every statement of a study that public files can check; list the studies.

    For each statement: what stands behind it (printed, read off a figure, derived, or measured by
    us before), the published value, ours, the tolerance and why, and whether it holds. What
    cannot be checked is listed with the reason. Without STUDY the studies are listed.
    """
    if study is None:
        _list_studies(as_json)
        return
    from reassess.reproduce import reproduce_study

    with progress_bar("Reproducing") as step:
        statements = reproduce_study(study, progress=step)
    if as_json:
        print_json([dataclasses.asdict(statement) for statement in statements])
        return

    from reassess.report.table import to_rich

    console().print(to_rich(statements_table(statements)))


def _list_studies(as_json: bool) -> None:
    from reassess.reproduce import STUDIES, published_values

    studies = [
        {
            "name": one.name,
            "title": one.title,
            "source": one.source,
            "statements": len(published_values(one.name)),
            "computed": len(one.computations),
        }
        for one in STUDIES.values()
    ]
    if as_json:
        print_json(studies)
        return

    from reassess.report.table import Column, Columns, Table, to_rich

    columns: Columns = [
        (Column("name", "name"), [one["name"] for one in studies]),
        (Column("title", "title"), [one["title"] for one in studies]),
        (Column("source", "source"), [one["source"] for one in studies]),
        (Column("statements", "statements", "count"), [one["statements"] for one in studies]),
        (Column("computed", "computed again", "count"), [one["computed"] for one in studies]),
    ]
    title = "Studies whose statements are computed again"
    console().print(to_rich(Table.from_columns("studies", title, columns)))


def statements_table(statements: "Sequence[ReproducedValue]") -> "Table":
    """Published statements beside ours: ✓ holds, ✗ does not, – was not computed."""
    from reassess.report.table import Column, Columns, Table

    columns: Columns = [
        (Column("id", "id"), [one.id for one in statements]),
        (Column("holds", "holds", "check"), [one.holds for one in statements]),
        (Column("kind", "kind"), [one.kind for one in statements]),
        (Column("statement", "statement"), [one.statement for one in statements]),
        (Column("source", "source"), [one.source for one in statements]),
        (Column("published", "published", "value", 4), [one.published for one in statements]),
        (Column("computed", "ours", "value", 4), [one.computed for one in statements]),
        (Column("tolerance", "±", "significant", 2), [one.tolerance for one in statements]),
        (Column("why", "why"), [one.reason or one.tolerance_reason for one in statements]),
    ]
    title = "Published statements, computed again"
    return Table.from_columns("statements", title, columns, notes=tuple(_counts(statements)))


def _counts(statements: "Sequence[ReproducedValue]") -> list[str]:
    """How many statements of each kind hold, and which do not."""
    from reassess.reproduce.published import KINDS

    notes = []
    for kind in KINDS:
        of_kind = [one.holds for one in statements if one.kind == kind]
        if of_kind:
            held, missed = of_kind.count(True), of_kind.count(False)
            notes.append(
                f"{kind.capitalize()}: {held} hold, {missed} do not, "
                f"{len(of_kind) - held - missed} not computed."
            )
    misses = [one.id for one in statements if one.holds is False]
    if misses:
        notes.append(f"Missed: {', '.join(misses)}.")
    return notes
