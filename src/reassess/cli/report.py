"""``reassess report``: the whole study on one page."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.figure_options import figure_options
from reassess.cli.output import inform, progress_bar
from reassess.cli.outputs import OutputFile
from reassess.cli.rating_options import database_option

if TYPE_CHECKING:
    from reassess.report.paper import FigureStyle


@click.command(
    epilog="""\b
Examples:
  reassess report pets
  reassess report pets -o pets.html --figures figures/
  reassess report pets --figures paper --figure progress --figure-width column
"""
)
@click.argument("study")
@database_option
@click.option(
    "-o",
    "--output",
    type=OutputFile(".html", ".htm"),
    metavar="FILE",
    help="The page.  [default: report.html in STUDY]",
)
@figure_options(named=True)
@click.option("--resamples", type=int, default=1000, show_default=True, metavar="B",
              help="Draws of images, of raters and of votes, each; fewer are quicker and "
              "rougher.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of the draws.")  # fmt: skip
def report(
    study: str,
    output: str | None,
    figures: str | None,
    figure_style: "FigureStyle",
    figure_names: tuple[str, ...],
    resamples: int,
    seed: int,
    database: str | None,
) -> None:
    """Tell a finished STUDY on one page that opens anywhere, without a network.

    The verdict first; then models, progress, labels, classes, images and raters in figures
    and tables that sort and filter; every input with its hash; and the paragraph on methods
    for a paper.
    """
    from functools import partial

    from reassess.report import write_figures, write_report
    from reassess.site.store import rater_repeats
    from reassess.statistics import check_resamples
    from reassess.study import collect, missing_files, open_study
    from reassess.study.report_inputs import build_report

    check_resamples(resamples)
    opened = open_study(study)
    command = shlex.join(["reassess", *sys.argv[1:]])
    with progress_bar("Reporting") as step:
        step("reading")
        told = build_report(
            collect(opened),
            command=command,
            repeats=partial(rater_repeats, opened, database=database),
            progress=step,
            n_resamples=resamples,
            seed=seed,
        )
        step("page")
        path = opened.folder / "report.html" if output is None else Path(output)
        write_report(told, path)
        if figures is not None:
            step("figures")
            write_figures(told, figures, names=figure_names, style=figure_style)
    if told.stale:
        inform(
            f"Note: the labels are older than what they are made from (changed: "
            f"{', '.join(told.stale)}), and so is the page. Make them again: reassess run {study}"
        )
    for one in missing_files(opened):
        if one.keys[-1] == "images":
            inform(
                f"Note: the page shows no pictures, as {opened.place(*one.keys)} names {one}, "
                f"which is missing. {one.remedy}"
            )
    inform(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    if figures is not None:
        inform(f"figures: {figures}")
