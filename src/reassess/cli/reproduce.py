"""``reassess reproduce``: the paper's statements, computed again."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reassess.cli.options import WordChoice
from reassess.cli.output import console, print_json, progress_bar

if TYPE_CHECKING:
    from reassess.report.table import Table
    from reassess.reproduce.published import ReproducedValue


@click.command(
    epilog="""\b
Examples:
  reassess reproduce imagenet
  reassess reproduce imagenet --json
"""
)
@click.argument("study", type=WordChoice(["imagenet"]))
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def reproduce(study: str, as_json: bool) -> None:
    """Compute every statement of a paper that public files can check.

    For STUDY 'imagenet' it is "Are we done with ImageNet?": the published value, ours, the
    tolerance and why, and whether it holds. What cannot be checked is listed with the reason.
    """
    del study
    from reassess.reproduce import reproduce_imagenet

    with progress_bar("Reproducing") as step:
        statements = reproduce_imagenet(progress=step)
    if as_json:
        print_json([dataclasses.asdict(statement) for statement in statements])
        return

    from reassess.report.table import to_rich

    console().print(to_rich(statements_table(statements)))


def statements_table(statements: "Sequence[ReproducedValue]") -> "Table":
    """Published statements beside ours: ✓ holds, ✗ does not, – was not computed."""
    from reassess.report.table import Column, Columns, Table

    columns: Columns = [
        (Column("id", "id"), [one.id for one in statements]),
        (Column("holds", "holds", "check"), [one.holds for one in statements]),
        (Column("statement", "statement"), [one.statement for one in statements]),
        (Column("published", "published", "value", 4), [one.published for one in statements]),
        (Column("computed", "ours", "value", 4), [one.computed for one in statements]),
        (Column("tolerance", "±", "significant", 2), [one.tolerance for one in statements]),
        (Column("why", "why"), [one.reason or one.tolerance_reason for one in statements]),
    ]
    held = sum(one.holds is True for one in statements)
    failed = sum(one.holds is False for one in statements)
    note = f"{held} hold, {failed} do not, {len(statements) - held - failed} not computed."
    title = "Published statements, computed again"
    return Table.from_columns("statements", title, columns, notes=(note,))
