"""``reassess erase``: take a person's name, texts and, where asked, votes out of a study."""

from pathlib import Path

import click

from reassess.cli.rating_options import database_option, opened
from reassess.errors import OptionError


@click.command(
    epilog="""\b
Examples:
  reassess erase my-study "Jane Doe"
  reassess erase my-study "Jane Doe" --votes
"""
)
@click.argument("study")
@click.argument("name")
@click.option(
    "--votes", "with_votes", is_flag=True, help="Delete every answer of theirs too, for good."
)
@database_option
def erase(study: str, name: str, with_votes: bool, database: str | None) -> None:
    """Take NAME out of the rating store of STUDY: name, password, links and texts.

    Stop the site first. Their votes stay, under a name that tells nothing, unless --votes deletes
    them. votes.csv is written again where this store exported it; run the study afterwards, so
    that labels and the report are made anew. Backups and other files that may still hold them are
    named. The audit log says that somebody was erased.
    """
    with opened(study, database) as (opened_study, store):
        from reassess.rating import rater_named
        from reassess.rating.erasure import erase_person
        from reassess.site import backups
        from reassess.site.departures import note_departures
        from reassess.site.transfer import export_votes, is_export
        from reassess.study import votes_file

        one = rater_named(store, name)
        if one is None:
            raise OptionError(
                f"{name!r} is not one of the study's people. List them: reassess access {study}"
            )
        path = votes_file(opened_study) or opened_study.folder / "votes.csv"
        is_ours = is_export(opened_study, store, path)
        with backups.not_served(opened_study, "it is being served. Stop `reassess serve` first."):
            done = erase_person(store, one.number, with_votes=with_votes)
            note_departures(opened_study, store)
        if is_ours:
            export_votes(opened_study, store, None if path.name == "votes.csv" else path)
        holding = [one for one in backups.backups(opened_study) if Path(one).exists()]
    gone = f", and {done.n_votes:,} votes are deleted" if with_votes else ""
    click.echo(f"The store knows them as {done.name} from now on{gone}.")
    for where in holding:
        click.echo(
            f"Note: this backup still holds them; delete it: {where} (`restore` into this study "
            "erases them again)",
            err=True,
        )
    if path.is_file() and not is_ours:
        click.echo(f"Note: {path} may still hold them; no export wrote it.", err=True)
    click.echo(f"Note: make labels and report anew: reassess run {study}", err=True)
