"""``reassess backup``: the votes of a study in one file, taken while people rate."""

import shlex
from pathlib import Path

import click

from reassess.cli.outputs import OutputFile
from reassess.cli.rating_options import database_option, need
from reassess.errors import OptionError


@click.command(
    epilog="""\b
Examples:
  reassess backup my-study my-study-monday.backup
  reassess backup my-study monday.dump --print
\b
Put it back:
  reassess restore my-study my-study-monday.backup --replace
"""
)
@click.argument("study")
@click.argument("file", type=OutputFile())
@click.option("--overwrite", is_flag=True, help="Replace FILE.")
@click.option(
    "--print", "only_print", is_flag=True, help="Print PostgreSQL's line instead of running it."
)
@database_option
def backup(study: str, file: str, overwrite: bool, only_print: bool, database: str | None) -> None:
    """Write the rating store of STUDY into FILE: questions, votes, gold, people, settings.

    The site may be open. Of SQLite one moment is copied whole; of PostgreSQL `pg_dump` does it.
    FILE holds hashes of passwords and gold, and is its owner's alone to read. Images, labels and
    predictions are not in it: keep the folder of STUDY too.
    """
    need("sqlalchemy", "keeping votes")
    from reassess.site import backups, database_url
    from reassess.study import open_study

    opened = open_study(study)
    if only_print:
        if database_url(opened, database).startswith("sqlite"):
            raise OptionError("--print is for PostgreSQL, but the store is SQLite. Leave it out.")
        click.echo(shlex.join(backups.dump_command(opened, Path(file), database)))
        return
    made = backups.backup(opened, Path(file), database, overwrite=overwrite)
    held = "" if made.n_votes is None else f"{made.n_votes:,} votes: "
    click.echo(f"{held}{made.path}")
