"""``reassess restore``: put a backup of a study's votes back."""

import shlex
from pathlib import Path

import click

from reassess.cli.rating_options import database_option, need
from reassess.errors import OptionError


@click.command(
    epilog="""\b
Examples:
  reassess restore my-study my-study-monday.backup
  reassess restore my-study my-study-monday.backup --replace
  reassess restore my-study monday.dump --print
"""
)
@click.argument("study")
@click.argument("file")
@click.option(
    "--replace",
    is_flag=True,
    help="Replace a store that is there; of SQLite it is kept beside, under another name.",
)
@click.option(
    "--print", "only_print", is_flag=True, help="Print PostgreSQL's line instead of running it."
)
@click.option(
    "--adopt",
    is_flag=True,
    help="Take a FILE of another study, as after the folder of this one was made anew.",
)
@database_option
def restore(
    study: str, file: str, replace: bool, only_print: bool, adopt: bool, database: str | None
) -> None:
    """Put FILE, which `reassess backup` wrote, in the place of the rating store of STUDY.

    Stop the site first. The store gets another id, so that nothing from after the backup is taken
    for what comes now: sessions, passwords, open links and addresses to enrol by end, and people
    need new links (`reassess invite`). Who was removed, paused, erased or given another role since
    the backup is so again. Votes keep the id that they were given under.
    """
    need("sqlalchemy", "keeping votes")
    from reassess.site import backups, database_url
    from reassess.study import open_study

    opened = open_study(study)
    if only_print:
        if database_url(opened, database).startswith("sqlite"):
            raise OptionError("--print is for PostgreSQL, but the store is SQLite. Leave it out.")
        click.echo(shlex.join(backups.restore_command(opened, Path(file), database)))
        return
    done = backups.restore(opened, Path(file), database, replace=replace, adopt=adopt)
    click.echo(
        f"{done.n_votes:,} counted votes are back. Sessions, passwords and open links have ended: "
        "invite people again."
    )
    if done.kept is not None:
        click.echo(f"What was there before is kept: {done.kept}", err=True)
