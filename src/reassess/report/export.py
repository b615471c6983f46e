"""Each figure as a file, in the light colours on white, and the numbers behind it.

The figures of a report and of a verdict are written as PNG, SVG and PDF with their data as CSV, and
tables as CSV and LaTeX; the figure of a choice of models also as a page of its own, with tooltips,
that opens without a network. How they are set is `reassess.report.paper`'s.
"""

import html
import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import ModuleType

from reassess.analysis.verdict import ResultsVerdict, StudyVerdict
from reassess.errors import OptionError, preview
from reassess.files import write_atomically
from reassess.files.results import Results
from reassess.proposals.model_selection import ModelChoice
from reassess.report.page_parts import Figure, Report, Spec
from reassess.report.paper import SCREEN, FigureStyle, fitted, scaled
from reassess.report.svg import VEGA_LITE, as_pdf, converter, file_drawing, in_script
from reassess.report.table import Table, write_rendered
from reassess.report.verdict_tables import slopes_table, verdict_table

_SUFFIXES = (".png", ".svg", ".pdf", ".html")
_PIXELS = 2.0
"""Of a PNG for a screen, a unit of the drawing."""
_PRINTED = 600 / 72
"""Of a PNG for a paper, a point: 600 an inch."""
_LINE, _WHOLE = 78, 680.0
"""Letters of a title's line, and how wide a chart is that has so many."""


def write_figures(
    report: Report,
    folder: str | PathLike[str],
    *,
    names: Sequence[str] = (),
    style: FigureStyle = SCREEN,
) -> list[Path]:
    """The files written: each figure of the report as PNG, SVG and PDF, and its data as CSV.

    Without ``names`` also every table of the page, as CSV and LaTeX.

    Args:
        report: what to draw; a figure whose findings are absent is left out.
        folder: where to; made where it is missing.
        names: the figures to write; empty for all, and the tables.
        style: how they are set.

    Raises:
        OptionError: there is no figure of a name, or nothing to draw in it.
        MissingExtraError: altair or vl-convert is not installed.
        FileError: the folder cannot be written to.
    """
    converter()
    from reassess.report.figures import FIGURES
    from reassess.report.sections import sections

    drawn = {one.id: one for one in (draw(report) for draw in FIGURES) if one is not None}
    for name in names:
        if name not in drawn:
            raise OptionError(
                f"the figure is {name!r}, but must be one of {preview(list(drawn))}, which this "
                "report has."
            )
    chosen = [drawn[name] for name in names] if names else list(drawn.values())
    written = []
    for figure in chosen:
        written += write_figure_files(figure, folder, style, simulated=report.simulated)
    if not names:
        for section in sections(report, {}):
            written += write_tables(section.tables, folder)
    return written


def write_figure_files(
    figure: Figure,
    folder: str | PathLike[str],
    style: FigureStyle = SCREEN,
    *,
    simulated: bool = False,
) -> list[Path]:
    """The files written: one figure as PNG, SVG and PDF, and its data as CSV."""
    written = []
    for suffix in (".png", ".svg", ".pdf"):
        written.append(Path(folder) / f"{figure.id}{suffix}")
        write_figure(figure, written[-1], simulated=simulated, style=style)
    if figure.data is not None:
        written.append(Path(folder) / f"{figure.id}.csv")
        write_rendered(figure.data, written[-1])
    return written


def write_tables(tables: Iterable[Table], folder: str | PathLike[str]) -> list[Path]:
    """The files written: each table as CSV and LaTeX."""
    written = []
    for table in tables:
        for suffix in (".csv", ".tex"):
            written.append(Path(folder) / f"table-{table.name}{suffix}")
            write_rendered(table, written[-1])
    return written


def write_verdict(
    found: StudyVerdict | ResultsVerdict,
    folder: str | PathLike[str],
    *,
    results: Results | None = None,
    style: FigureStyle = SCREEN,
) -> list[Path]:
    """The files written: the figure of a verdict, its data, and its numbers as CSV and LaTeX.

    Args:
        found: the verdict on a study or on published results.
        folder: where to; made where it is missing.
        results: what a verdict on published results was found in.
        style: how the figure is set.

    Raises:
        DataError: fewer than two models have both accuracies.
        MissingExtraError: altair or vl-convert is not installed.
        FileError: the folder cannot be written to.
    """
    converter()
    from reassess.report.figures.progress import results_figure, study_figure

    if isinstance(found, StudyVerdict):
        figure, proxy = study_figure(found), found.proxy
    elif results is not None:
        figure, proxy = results_figure(found, results), found.proxy
    else:
        raise OptionError("a verdict on results is drawn with its results; give them.")
    written = write_figure_files(figure, folder, style)
    if proxy is not None:
        tables = (verdict_table(proxy, found.original_labels), slopes_table(proxy))
        written += write_tables(tables, folder)
    return written


def write_recall_cost(choice: ModelChoice, path: str | PathLike[str]) -> None:
    """Write the recall–cost curve of a choice of models.

    Args:
        choice: what was chosen, and the curve.
        path: where to; its suffix, ``.png``, ``.svg``, ``.pdf`` or ``.html``, says as what.

    Raises:
        MissingExtraError: altair or vl-convert is not installed.
        OptionError: the suffix is another.
        FileError: the path cannot be written to.
    """
    converter()
    from reassess.report.figures.proposals import recall_cost

    write_figure(recall_cost(choice), path)


def write_figure(
    figure: Figure,
    path: str | PathLike[str],
    *,
    simulated: bool = False,
    style: FigureStyle = SCREEN,
) -> None:
    """Write one figure.

    Args:
        figure: what to draw.
        path: where to; its suffix, ``.png``, ``.svg``, ``.pdf`` or ``.html``, says as what.
        simulated: whether the votes come from simulated raters, which the subtitle then says.
        style: how it is set.

    Raises:
        MissingExtraError: vl-convert is not installed.
        OptionError: the suffix is another.
        FileError: the path cannot be written to.
    """
    convert = converter()
    suffix = Path(path).suffix
    if suffix not in _SUFFIXES:
        raise OptionError(
            f"the path is {str(path)!r}, but must end in one of {preview(_SUFFIXES)}."
        )
    spec = _styled(figure, style, simulated=simulated)
    content: bytes
    if suffix == ".html":
        content = _page(figure, spec, convert).encode()
    else:
        svg = scaled(file_drawing(figure, spec), style)
        content = svg.encode() if suffix == ".svg" else _converted(svg, suffix, style, convert)
    with write_atomically(path) as beside:
        beside.write_bytes(content)


def _converted(svg: str, suffix: str, style: FigureStyle, convert: ModuleType) -> bytes:
    content: bytes
    if suffix == ".pdf":
        content = as_pdf(svg)
    else:
        content = convert.svg_to_png(svg, scale=_PIXELS if style.width is None else _PRINTED)
    return content


def _styled(figure: Figure, style: FigureStyle, *, simulated: bool) -> Spec:
    spec = fitted(figure.chart, style)
    if not style.has_titles:
        return {**spec, "config": {**spec["config"], "background": "#ffffff"}}
    parts = spec.get("vconcat", [spec])  # several charts stand one above the other
    width = max(float(part["width"]) for part in parts)
    whole = with_titles(replace(figure, chart=spec), simulated=simulated, width=width)
    if style.width is not None:
        whole["config"] = {**whole["config"], "padding": 2}
    return whole


def drawn_alone(figure: Figure) -> str:
    """The figure as SVG with its titles, as notebooks show it.

    Raises:
        MissingExtraError: vl-convert is not installed.
    """
    return file_drawing(figure, with_titles(figure, simulated=False))


def _page(figure: Figure, spec: Spec, convert: ModuleType) -> str:
    """A page of HTML with one figure and nothing else, which asks nothing of any server."""
    title, alternative = (html.escape(text) for text in (figure.title, figure.alternative))
    bundle = script(convert.javascript_bundle(vl_version=VEGA_LITE))
    chart = in_script(json.dumps(spec))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<title>{title}</title>\n<div id="chart" role="img" aria-label="{alternative}"></div>\n'
        f"<p>{html.escape(figure.caption)}</p>\n"
        f'<script type="module">{bundle}</script>\n'
        f'<script type="module">window.vegaEmbed("#chart", {chart}, '
        '{renderer: "svg", actions: false});</script>\n</html>\n'
    )


def script(code: str) -> str:
    """A script that cannot end the element it stands in."""
    return re.sub(r"</(?=script)", r"<\\/", code, flags=re.IGNORECASE)


def with_titles(figure: Figure, *, simulated: bool, width: float = _WHOLE) -> Spec:
    """The chart with title and subtitle in it, on white, to stand alone."""
    subtitle, letters = figure.subtitle_for(simulated=simulated), int(_LINE * width / _WHOLE)
    title = {
        "text": textwrap.wrap(figure.title, letters),
        "subtitle": textwrap.wrap(subtitle, int(1.2 * letters)),
    }
    config = {**figure.chart["config"], "background": "#ffffff"}
    config["padding"] = {"left": 20, "top": 20, "right": 24, "bottom": 20}
    return {**figure.chart, "title": title, "config": config}
