"""``reassess check``: every number of a release, computed again from the release alone."""

import dataclasses

import click

from reassess.cli.output import console, print_json, progress_bar


@click.command(
    epilog="""\b
Examples:
  reassess check pets-1.0
  reassess check pets-1.0 --json
"""
)
@click.argument("folder", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print the parts as JSON.")
def check(folder: str, as_json: bool) -> None:
    """Compute every number of the release DIR again, from the release alone.

    The posterior and the labels are made again from its votes, and labels, scores, card, Croissant
    and citation are held against what follows. The exit status is 1 where anything differs.
    """
    from reassess.release import check_release
    from reassess.report.table import Column, Columns, Table, to_rich

    with progress_bar("Checking") as step:
        parts = check_release(folder, progress=step)
    is_right = all(one.is_right for one in parts)
    if as_json:
        print_json({"is_right": is_right, "parts": [dataclasses.asdict(one) for one in parts]})
    else:
        columns: Columns = [
            (Column("part", "part"), [one.name for one in parts]),
            (Column("right", "right", "check"), [one.is_right for one in parts]),
            (Column("detail", "what was compared"), [one.detail for one in parts]),
        ]
        console().print(to_rich(Table.from_columns("release", f"The release {folder}", columns)))
    if not is_right:
        click.echo("Error: the release does not follow from its own files.", err=True)
        click.get_current_context().exit(1)
