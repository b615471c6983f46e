"""``reassess votes``: a study's votes to a file, and a file's votes into the study."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from reassess.cli.options import (
    RegistryChoice,
    RegistryOption,
    answers_option,
    labels_are_option,
    option,
)
from reassess.cli.output import inform
from reassess.cli.outputs import OutputFile
from reassess.cli.rating_options import database_option, opened
from reassess.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reassess.files import VoteFormat
    from reassess.files.declared_answers import DeclaredAnswers
    from reassess.registry import Registry

    BesideVotes = Literal["gold", "adjudications", "remarks"]

_ROWS = {
    "gold": ("answer of an expert", "answers of experts"),
    "adjudications": ("decision", "decisions"),
    "remarks": ("remark", "remarks"),
}
"""What a row of each table beside the votes is: one, and several."""


def _formats() -> "Registry[VoteFormat]":
    from reassess.files import VOTE_FORMATS

    return VOTE_FORMATS


def _beside(path: Path, values: "Mapping[str, Any]") -> list[Path]:
    """What is written beside the votes: Label Studio's labelling interface."""
    from reassess.files.label_studio import configuration_file

    is_json = path.suffix.lower() == ".json" and values.get("form") in {None, "label-studio"}
    return [configuration_file(path)] if is_json else []


_format = click.option(
    "--format",
    "form",
    cls=RegistryOption,
    type=RegistryChoice(_formats),
    help="{names}.  [default: by the extension]",
)


@click.group(
    epilog="""\b
Examples:
  reassess votes export my-study
  reassess votes import my-study earlier.csv
"""
)
def votes() -> None:
    """A study's votes to a file, and a file's votes into the study."""


@votes.command(
    "export",
    epilog="""\b
Examples:
  reassess votes export my-study
  reassess votes export my-study votes.parquet
  reassess votes export my-study tasks.json --format label-studio
  reassess votes export my-study everything.csv --include-uncounted
  reassess votes export my-study --gold
  reassess votes export my-study --adjudications
  reassess votes export my-study --remarks
""",
)
@click.argument("study")
@click.argument("file", required=False, type=OutputFile(replaces=("votes", *_ROWS), files=_beside))
@_format
@option(
    "--include-uncounted",
    old=("--all",),
    is_flag=True,
    help="Also write what is not counted: corrected answers, repetitions, practice and excluded "
    "votes, with columns that say so. FILE must be given.",
)
@click.option(
    "--gold",
    "table",
    flag_value="gold",
    help="Experts' answers to gold questions instead: image,label,expert,answer.  [default FILE: "
    "gold.csv in STUDY]",
)
@click.option(
    "--adjudications",
    "table",
    flag_value="adjudications",
    help="Experts' decisions about contested questions instead, with given_at and note.  [default "
    "FILE: adjudications.csv in STUDY]",
)
@click.option(
    "--remarks",
    "table",
    flag_value="remarks",
    help="What raters wrote under “Something else is in the image”, and what they could not see, "
    "instead: image,label,rater,kind,text,given_at; label is the class that the text names.  "
    "[default FILE: remarks.csv in STUDY]",
)
@click.option("--overwrite", is_flag=True, help="Replace a file in STUDY that no export wrote.")
@database_option
def export_command(
    study: str,
    file: str | None,
    form: str | None,
    include_uncounted: bool,
    table: "BesideVotes | None",
    overwrite: bool,
    database: str | None,
) -> None:
    """Write the votes of STUDY to FILE (default: votes.csv in STUDY, which is aggregated).

    These are the counted votes: of each question those of at most K raters, each rater's last
    word. Gold calibrates once study.toml names its file ([aggregate] gold); adjudications decide
    labels once it names theirs ([label] adjudications); classes that raters wrote are asked
    about once it names the remarks ([propose] remarks).
    """
    if table is not None:
        _export_beside(study, file, form, include_uncounted, table, overwrite, database)
        return
    with opened(study, database) as (opened_study, store):
        from reassess.site.transfer import export_votes
        from reassess.study import votes_file

        path, n_votes = export_votes(
            opened_study,
            store,
            None if file is None else Path(file),
            form=form,
            include_uncounted=include_uncounted,
            overwrite=overwrite,
        )
        used = votes_file(opened_study)
    click.echo(f"{n_votes:,} votes: {path}")
    if file is None and used is not None and used.absolute() != path.absolute():
        inform(f"Note: the study's later stages read {used}, not {path}.")


def _export_beside(
    study: str,
    file: str | None,
    form: str | None,
    include_uncounted: bool,
    table: "BesideVotes",
    overwrite: bool,
    database: str | None,
) -> None:
    if form is not None or include_uncounted:
        raise OptionError(
            f"--{table} goes with neither --format nor --include-uncounted: it is always a table. "
            "Leave them out."
        )
    with opened(study, database) as (opened_study, store):
        from reassess.site.transfer import expert_file, export_experts, export_remarks
        from reassess.study.artefacts import remarks_file

        where = None if file is None else Path(file)
        if table == "remarks":
            path, n_rows = export_remarks(opened_study, store, where, overwrite=overwrite)
            used = remarks_file(opened_study)
        else:
            path, n_rows = export_experts(opened_study, store, table, where, overwrite=overwrite)
            used = expert_file(opened_study, table)
    one, more = _ROWS[table]
    click.echo(f"{n_rows:,} {one if n_rows == 1 else more}: {path}")
    if used is None or used.absolute() != path.absolute():
        section = {"gold": "aggregate", "adjudications": "label", "remarks": "propose"}[table]
        inform(
            f'Note: to use it, write {table} = "{_named(path, study)}" under [{section}] in '
            f"{study}/study.toml."
        )


def _named(path: Path, study: str) -> str:
    from reassess.study import as_named

    return as_named(path, Path(study))


@votes.command(
    "import",
    epilog="""\b
Examples:
  reassess votes import my-study earlier.csv
  reassess votes import my-study export.json --format label-studio
  reassess votes import my-study raters.npz --votes-per-question 5
  reassess votes import my-study german.csv --answers ja=yes,nein=no
""",
)
@click.argument("study")
@click.argument("file")
@labels_are_option
@_format
@click.option(
    "--votes-per-question",
    type=click.IntRange(1, 100),
    metavar="K",
    help="Raters for each question.  [default: unchanged; [cost] in study.toml, or 5, where the "
    "store is new]",
)
@click.option(
    "--only-asked",
    is_flag=True,
    help="Leave out votes on questions that the study does not ask; a note says how many.",
)
@answers_option
@database_option
def import_command(
    study: str,
    file: str,
    form: str | None,
    votes_per_question: int | None,
    only_asked: bool,
    answers: "DeclaredAnswers | None",
    database: str | None,
) -> None:
    """Take the votes in FILE into STUDY, as votes that were given on its questions.

    Votes that are there already are skipped, so that an import that was cut off is finished by
    running it again. Raters who are new are made, without a way to sign in.
    """
    with opened(study, database, votes_per_question=votes_per_question, create=True) as (
        opened_study,
        store,
    ):
        from reassess.site.imports import import_votes_file

        n_new, n_votes = import_votes_file(
            opened_study, store, Path(file), form=form, answers=answers, only_asked=only_asked
        )
    click.echo(f"{n_new:,} new votes of {n_votes:,} in {file}")
    inform(f"Next: reassess votes export {shlex.quote(study)}")
