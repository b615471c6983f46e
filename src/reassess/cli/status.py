"""``reassess status``: how far every stage of a study is."""

import dataclasses
import shlex
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.output import console, print_json
from reassess.cli.rating_options import database_option
from reassess.errors import ReassessError
from reassess.notes import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reassess.rating import StudyProgress
    from reassess.report.table import Table
    from reassess.study import StageStatus, Study


@click.command(
    epilog="""\b
Examples:
  reassess status pets
  reassess status pets --json
  reassess status pets --database postgresql://me@localhost/pets
"""
)
@click.argument("study")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print the stages as JSON.")
def status(study: str, database: str | None, as_json: bool) -> None:
    """Say of every stage of a STUDY whether it is done, stale (and what changed) or missing.

    And how far people are on its rating site, once that was opened.
    """
    from reassess.report.table import to_rich
    from reassess.study import open_questions, open_study, read_study_benchmark, stage_status

    opened = open_study(study)
    stages = stage_status(opened)
    try:  # what `run` would refuse: no stage can be done while it stands
        read_study_benchmark(opened)
    except ReassessError as error:
        note(str(error))
    site = _site(opened, database)
    if as_json:
        print_json(
            {
                "study": opened.name,
                "models": [one.name for one in opened.models],
                "stages": [dataclasses.asdict(one) for one in stages],
                "site": None if site is None else _figures(site),
            }
        )
        return
    console().print(to_rich(_stages_table(f"{opened.name}: {len(opened.models):,} models", stages)))
    if site is not None:
        _tell(site)
    typed = shlex.quote(study)
    due = [one.stage for one in stages if one.state in {"stale", "missing"}]
    n_open, n_asked = open_questions(opened) if due == ["labels"] else (0, 0)
    if n_open:
        click.echo(
            f"Next: {n_open:,} of {n_asked:,} questions have no votes yet. Have them answered: "
            f"reassess serve {typed}, or reassess votes import {typed} FILE. Or decide labels "
            f"without them: reassess run {typed} --only-answered"
        )
    elif any(stage != "votes" for stage in due):
        click.echo(f"Next: reassess run {typed}")
    elif site is not None and site.n_votes and any(one.state == "waiting" for one in stages):
        where = "" if database is None else f" --database {shlex.quote(database)}"
        click.echo(f"Next, once enough was answered: reassess votes export {typed}{where}")


def _stages_table(title: str, stages: "Sequence[StageStatus]") -> "Table":
    """One row a stage: its state, its file, and what changed or is waited for."""
    from reassess.report.table import Column, Columns, Table

    lead = {"stale": "changed: ", "waiting": "needs "}
    why = [
        lead.get(one.state, "") + ", ".join(one.changed) if one.changed else "" for one in stages
    ]
    columns: Columns = [
        (Column("stage", "stage"), [one.stage for one in stages]),
        (Column("state", "state", "state"), [one.state for one in stages]),
        (Column("file", "file"), [one.file for one in stages]),
        (Column("why", "why"), why),
    ]
    return Table.from_columns("stages", title, columns)


def _site(study: "Study", database: str | None) -> "StudyProgress | None":
    """How far the site is; None where there is none, or, with a note, nothing to open one with."""
    from importlib.util import find_spec

    if find_spec("sqlalchemy") is None:
        if (database or study.database) is not None or (study.folder / "rating.db").is_file():
            note(
                "how far the rating site is cannot be told: reading it needs SQLAlchemy. Install "
                "it: pip install 'reassess[web]'"
            )
        return None
    from reassess.site.store import site_progress

    return site_progress(study, database)


def _figures(site: "StudyProgress") -> dict[str, Any]:
    end = None if site.expected_end is None else site.expected_end.isoformat()
    return dataclasses.asdict(site) | {"expected_end": end, "share_done": site.share_done}


def _tell(site: "StudyProgress") -> None:
    closed = ", closed" if site.is_closed else ""
    click.echo(
        f"Rating site{closed}: {site.n_votes:,} votes, at most {site.n_votes_left:,} more; "
        f"{site.n_done:,} of {site.n_questions:,} questions done; {site.n_gold:,} gold questions; "
        f"{site.n_leases:,} screens out."
    )
    if site.n_unassignable:
        click.echo(
            f"Questions that need votes and that no rater who is there can be asked: "
            f"{site.n_unassignable:,}. Each rater has answered them, could not see the image, or "
            "may not rate any more. Invite another rater, or go on with the votes that are there."
        )
