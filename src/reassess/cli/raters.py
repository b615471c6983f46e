"""``reassess raters``: what the votes of a study say about its raters."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import console, print_json
from reassess.cli.rating_options import database_option
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.study import Study

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
              help="Of the bootstrap.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Write one row a rater to this CSV file.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def raters(study: str, output: str | None, as_json: bool, **options: Any) -> None:
    """Say how far the raters of a STUDY agree, how each answers, and what hangs on each.

    What a rater answers where a class is absent or present is held against what the others
    say, and drawn towards the mean of all raters where there are few votes. "Images that
    change without": whose labels would be others without this rater's votes.
    """
    import dataclasses

    import numpy as np

    from reassess.analysis.raters import rater_findings
    from reassess.report.class_tables import agreement_lines, rater_columns, raters_table
    from reassess.study import collect, open_study

    opened = open_study(study)
    with console().status("Reading the votes"):
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
            n_resamples=options["resamples"],
            rng=np.random.default_rng(options["seed"]),
        )
    columns = rater_columns(rows)
    if output is not None:
        from reassess.files.tables import write_table

        write_table(Path(output), columns)
    if as_json:
        lines = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        agreement = dataclasses.asdict(rows.agreement)
        print_json({"study": opened.name, "agreement": agreement, "raters": lines})
        return
    click.echo("\n".join(agreement_lines(rows.agreement)) + "\n")
    further = _of_site(opened, options["database"])
    if rows.repeats is not None:
        further.pop("self-agreement", None)
    console().print(raters_table(rows, further, _SHOWN))


def _of_site(study: "Study", database: str | None) -> dict[str, dict[str, str]]:
    """What only the rating site knows: answers to questions shown twice, and pace."""
    from reassess.report import formatting as fmt
    from reassess.site import has_store

    if not has_store(study, database):
        return {}
    from reassess.cli.rating_options import opened
    from reassess.rating import rater_table

    with opened(str(study.folder), database) as (_, store):
        known = rater_table(store)
    paces = {one.name: one.seconds_per_answer for one in known}
    return {
        "self-agreement": {
            one.name: fmt.percent(one.self_agreement.value)
            + (f" of {one.self_agreement.of:,}" if one.self_agreement.of else "")
            for one in known
        },
        "seconds an answer": {
            name: fmt.UNDEFINED if pace is None else f"{pace:.1f}" for name, pace in paces.items()
        },
    }
