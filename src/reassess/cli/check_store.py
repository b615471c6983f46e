"""``reassess check-store``: whether the rating store of a study holds together."""

import click

from reassess.cli.output import print_json
from reassess.cli.rating_options import database_option, opened

_SHOWN = 20


@click.command(
    epilog="""\b
Examples:
  reassess check-store my-study
  reassess check-store my-study --json
  reassess check-store my-study --database postgresql://me@localhost/my-study --adopt
"""
)
@click.argument("study")
@database_option
@click.option(
    "--adopt",
    is_flag=True,
    help="Let the store belong to STUDY from now on, as after its folder was made anew.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every finding as JSON.")
def check_store(study: str, database: str | None, adopt: bool, as_json: bool) -> None:
    """Count everything in the rating store of STUDY again, and check what must hold.

    At most K counted votes a question, by distinct raters; every counter as its rows say; no slot
    without lease or vote; of SQLite also the file's structure. Exit status 1 where something does
    not hold. The site may be open.
    """
    with opened(study, database, adopt=adopt) as (_, store):
        from reassess.rating import audit

        found = audit(store)
    if as_json:
        print_json({"holds": not found, "findings": list(found)})
    elif not found:
        click.echo("Everything holds.")
    else:
        for sentence in found[:_SHOWN]:
            click.echo(sentence)
        if len(found) > _SHOWN:
            click.echo(f"… and {len(found) - _SHOWN:,} more (--json has them all).")
    if found:
        click.get_current_context().exit(1)
