"""``reassess status``: how far every stage of a study is."""

import dataclasses

import click

from reassess.cli.options import console, print_json

_WORDS = {
    "done": "[green]done[/]",
    "stale": "[yellow]stale[/]",
    "missing": "[red]missing[/]",
    "waiting": "[dim]waiting[/]",
}


@click.command(
    epilog="""\b
Examples:
  reassess status pets
  reassess status pets --json
"""
)
@click.argument("study")
@click.option("--json", "as_json", is_flag=True, help="Print the stages as JSON.")
def status(study: str, as_json: bool) -> None:
    """Say of every stage of a STUDY whether it is done, stale (and what changed) or missing."""
    from rich.markup import escape
    from rich.table import Table

    from reassess.study import open_study, stage_status

    opened = open_study(study)
    stages = stage_status(opened)
    if as_json:
        print_json(
            {
                "study": opened.name,
                "models": [one.name for one in opened.models],
                "stages": [dataclasses.asdict(one) for one in stages],
            }
        )
        return
    table = Table(
        title=escape(f"{opened.name}: {len(opened.models):,} models"), title_justify="left"
    )
    for column in ("stage", "state", "file", "why"):
        table.add_column(column)
    for one in stages:
        lead = {"stale": "changed: ", "waiting": "needs "}.get(one.state, "")
        why = lead + ", ".join(one.changed) if one.changed else ""
        table.add_row(one.stage, _WORDS[one.state], escape(one.file), escape(why))
    console().print(table)
    if any(one.state in {"stale", "missing"} and one.stage != "votes" for one in stages):
        click.echo(f"Next: reassess run {study}")
