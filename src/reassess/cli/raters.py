"""``reassess raters``: what the votes of a study say about its raters."""

from typing import TYPE_CHECKING

import click

from reassess.cli.options import output_option
from reassess.cli.output import console, print_json, spinner
from reassess.cli.rating_options import database_option
from reassess.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reassess.rating import RaterFigures, Share
    from reassess.report.formatting import Unit
    from reassess.report.table import Column, Value
    from reassess.study import Study

    Further = tuple[Column, dict[str, Value]]

_SHOWN = 25


@click.command(
    epilog="""\b
Examples:
  reassess raters pets
  reassess raters pets -o raters.csv
  reassess raters pets --json
"""
)
@click.argument("study")
@database_option
@click.option("--resamples", type=click.IntRange(0), default=1000, show_default=True, metavar="B",
              help="Bootstrap draws of images, for the intervals.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of the bootstrap.")  # fmt: skip
@output_option("a row for each rater")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def raters(
    study: str,
    output: str | None,
    as_json: bool,
    database: str | None,
    resamples: int,
    seed: int,
) -> None:
    """Say how far the raters of a STUDY agree, how each answers, and what hangs on each.

    What a rater answers where a class is absent or present is held against what the others
    say, and drawn towards the mean of all raters where there are few votes. "Images that
    change without": whose labels would be others without this rater's votes.
    """
    import dataclasses

    import numpy as np

    from reassess.analysis.raters import rater_findings
    from reassess.report.score_tables import agreement_lines, experts_sentence, raters_table
    from reassess.report.table import format_of, to_rich, write_rendered
    from reassess.statistics import check_resamples
    from reassess.study import collect, open_study

    if output is not None:
        format_of(output)
    if resamples != 0:
        check_resamples(resamples)
    opened = open_study(study)
    with spinner("Reading the votes"):
        found = collect(opened, models=[])
        votes, posterior, point = found.votes, found.posterior, found.labels.operating_point
        if votes is None or posterior is None or point is None:
            raise OptionError(
                f"{study}: it has labels, but no votes and posterior behind them, which say what "
                f"raters did. Make them: reassess run {study}"
            )
        rows = rater_findings(
            votes,
            posterior,
            point.threshold,
            gold=found.gold,
            n_resamples=resamples,
            rng=np.random.default_rng(seed),
        )
    known = [] if as_json else _of_site(opened, database, rows.repeats is None)
    table = raters_table(rows, known)
    if output is not None:
        write_rendered(table, output)
    if as_json:
        agreement = dataclasses.asdict(rows.agreement)
        experts = None if rows.experts is None else dataclasses.asdict(rows.experts)
        print_json({
            "study": opened.name, "agreement": agreement, "experts": experts,
            "raters": table.records(),
        })  # fmt: skip
        return
    lines = agreement_lines(rows.agreement)
    if rows.experts is not None:
        lines.append(experts_sentence(rows.experts))
    click.echo("\n".join(lines) + "\n")
    console().print(to_rich(table.head(_SHOWN)))


def _of_site(study: "Study", database: str | None, asked_twice: bool) -> "list[Further]":
    """What only the rating site knows: answers to questions shown twice, and pace.

    Args:
        study: whose site it is.
        database: where its votes are; None for the study's own.
        asked_twice: whether self-agreement is wanted.
    """
    from reassess.report.table import Column
    from reassess.site import has_store

    if not has_store(study, database):
        return []
    from reassess.cli.rating_options import opened
    from reassess.rating import rater_table

    with opened(str(study.folder), database) as (_, store):
        known = rater_table(store)
    further: list[Further] = []
    if asked_twice:
        same = {one.name: one.self_agreement for one in known}
        column = Column("self_agreement", "self-agreement", "percent", exported=False,
                        aside="of {n_asked_twice}")  # fmt: skip
        further += [
            (column, {name: one.value for name, one in same.items()}),
            (Column("n_asked_twice", unit="count", exported=False),
             {name: one.of for name, one in same.items()}),
        ]  # fmt: skip
    pace = Column("pace", "seconds an answer", "number", exported=False)
    return [
        *further,
        (pace, {one.name: one.seconds_per_answer for one in known}),
        *_as_owner_sees(known),
    ]


def _as_owner_sees(known: "Sequence[RaterFigures]") -> "list[Further]":
    """What the table on the owner's page holds, in columns that files have and terminals not."""
    from reassess.report.table import Column

    def column(key: str, unit: "Unit", value: "Callable[[RaterFigures], Value]") -> "Further":
        return Column(f"site_{key}", "", unit), {one.name: value(one) for one in known}

    def share(key: str, of: "Callable[[RaterFigures], Share]") -> "list[Further]":
        return [
            column(key, "percent", lambda one: of(one).value),
            column(f"n_{key}", "count", lambda one: of(one).of),
        ]

    return [
        column("role", "text", lambda one: one.role),
        column("stage", "text", lambda one: one.stage),
        column("is_paused", "text", lambda one: str(one.is_paused).lower()),
        column("is_excluded", "text", lambda one: str(one.is_excluded).lower()),
        column("is_suspicious", "text", lambda one: str(one.is_suspicious).lower()),
        column("fails_gold", "text", lambda one: str(one.fails_gold).lower()),
        column("n_tasks", "count", lambda one: one.n_screens),
        column("n_answers", "count", lambda one: one.n_answers),
        column("answers_per_hour", "number", lambda one: one.answers_per_hour),
        column("seconds_per_answer", "number", lambda one: one.seconds_per_answer),
        *share("share_fast", lambda one: one.share_fast),
        *share("gold_precision", lambda one: one.precision),
        *share("gold_recall", lambda one: one.recall),
        *share("gold_accuracy", lambda one: one.gold_accuracy),
        *share("agreement", lambda one: one.agreement),
        *share("self_agreement", lambda one: one.self_agreement),
        column("drift", "number", lambda one: one.drift),
        column(
            "last_seen",
            "text",
            lambda one: None if one.last_seen is None else one.last_seen.isoformat(),
        ),
    ]
