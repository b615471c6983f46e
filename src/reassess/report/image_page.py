"""One image's way through a study as tables, and as a page with the picture."""

import html
from os import PathLike

from reassess.analysis.image_trace import GivenAnswer, ImageTrace
from reassess.files import write_atomically
from reassess.report.table import Column, Columns, Table, html_table

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}img{max-width:100%}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ccc}"
    ".n{text-align:right}@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}"
    "th,td{border-color:#444}}"
)


def trace_tables(trace: ImageTrace) -> tuple[Table, Table]:
    """The classes with what was said about each, and what each model predicts."""
    classes = trace.classes
    columns: Columns = [
        (Column("class_id", "class"), [one.class_id for one in classes]),
        (Column("name", "name"), [one.name for one in classes]),
        (Column("is_original", "original", "check"), [one.is_original or None for one in classes]),
        (Column("proposed_by", "proposed by"), [", ".join(one.proposed_by) for one in classes]),
        (Column("votes", "votes"), [_said(one.votes) for one in classes]),
        (Column("gold", "gold"), [_said(one.gold) for one in classes]),
        (Column("adjudications", "decided"), [_said(one.adjudications) for one in classes]),
        (Column("posterior", "posterior", "value", 4), [one.posterior for one in classes]),
        (Column("calibrated", "calibrated", "value", 4), [one.calibrated for one in classes]),
        (Column("is_label", "label", "check"), [one.is_label for one in classes]),
    ]
    empty = {"gold", "adjudications", "calibrated", "posterior", "votes", "is_label"}
    columns = [
        (column, values)
        for column, values in columns
        if column.key not in empty or any(value not in {None, ""} for value in values)
    ]
    models = trace.predictions
    predicted: Columns = [
        (Column("model", "model"), [one.model for one in models]),
        (Column("top", "top prediction"), [one.ranked[0] for one in models]),
        (Column("others", "then"), [", ".join(one.ranked[1:]) for one in models]),
        (Column("is_original", "original", "check"), [one.is_original for one in models]),
        (Column("is_right", "ReaL", "check"), [one.is_right for one in models]),
    ]
    title = f"{trace.image}: {trace.decision()}"
    return (
        Table.from_columns("classes", title, columns),
        Table.from_columns("predictions", "What models predict", predicted),
    )


def _said(given: tuple[GivenAnswer, ...]) -> str:
    return ", ".join(f"{one.who}: {one.answer}" for one in given)


def write_image_page(
    trace: ImageTrace, path: str | PathLike[str], picture: str | None = None
) -> None:
    """Write one page of HTML that needs nothing else.

    Args:
        trace: the image's way through the study.
        path: where to.
        picture: a ``data:`` address of the picture; None where there is none.

    Raises:
        FileError: the path cannot be written to.
    """
    shown = "" if picture is None else f'<p><img src="{picture}" alt=""></p>'
    tables = "".join(
        f"<h2>{html.escape(heading)}</h2>{html_table(table)}"
        for heading, table in zip(
            ("Classes, and what was said about each", "What models predict"),
            trace_tables(trace),
            strict=True,
        )
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(trace.image)}</title>"
        f"<style>{_STYLE}</style></head>"
        f"<body><main><h1>{html.escape(trace.image)}</h1>{shown}"
        f"<p>{html.escape(trace.decision())}</p>{tables}</main></body></html>\n"
    )
    with write_atomically(path) as beside:
        beside.write_text(text, encoding="utf-8")
