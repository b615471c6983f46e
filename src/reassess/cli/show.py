"""``reassess show``: one image of a study, from its proposals to its label."""

import dataclasses

import click

from reassess.cli.output import console, inform, print_json
from reassess.cli.outputs import OutputFile


@click.command(
    epilog="""\b
Examples:
  reassess show pets val/cat-07.jpg
  reassess show pets cat-07.jpg -o cat-07.html
  reassess show pets cat-07.jpg --json
"""
)
@click.argument("study")
@click.argument("image")
@click.option(
    "-o",
    "--output",
    type=OutputFile(".html", ".htm"),
    metavar="FILE",
    help="Write a page with the picture instead.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def show(study: str, image: str, output: str | None, as_json: bool) -> None:
    """Show how IMAGE of STUDY came to its labels.

    Which models proposed what, every vote and what experts said, the posterior, the decision, and
    what each model predicts. IMAGE is its id, or the file name where that is unique.
    """
    from reassess.report.image_page import trace_tables, write_image_page
    from reassess.report.table import to_rich
    from reassess.study import open_study
    from reassess.study.image_traces import small_picture, trace_image

    opened = open_study(study)
    trace = trace_image(opened, image)
    if output is not None:
        write_image_page(trace, output, small_picture(opened, trace.image))
        inform(f"{trace.image}: {output}")
    if as_json:
        print_json(dataclasses.asdict(trace) | {"decision": trace.decision()})
    elif output is None:
        for table in trace_tables(trace):
            console().print(to_rich(table))
