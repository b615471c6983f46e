"""Each figure as a file, in the light colours on white, with its titles.

The figures of a report are written as PNG, SVG and PDF; the one of a choice of models also as a
page of its own, with tooltips, that opens without a network.
"""

import html
import json
import re
import textwrap
from pathlib import Path
from types import ModuleType

from reassess.errors import OptionError, preview
from reassess.files import write_atomically
from reassess.proposals.model_selection import ModelChoice
from reassess.report.page_parts import Figure, Report, Spec
from reassess.report.svg import VEGA_LITE, converter, file_drawing, in_script

_SUFFIXES = (".png", ".svg", ".pdf", ".html")
_PIXELS = 2.0
_LINE = 78


def write_figures(report: Report, folder: str | Path) -> list[Path]:
    """The files written: each figure of the report as PNG, SVG and PDF, named by its id.

    Args:
        report: what to draw; a figure whose findings are absent is left out.
        folder: where to; made where it is missing.

    Raises:
        MissingExtraError: altair or vl-convert is not installed.
        FileError: the folder cannot be written to.
    """
    converter()
    from reassess.report.figures import FIGURES

    written = []
    for draw in FIGURES:
        figure = draw(report)
        if figure is None:
            continue
        for suffix in (".png", ".svg", ".pdf"):
            path = Path(folder) / f"{figure.id}{suffix}"
            write_figure(figure, path, simulated=report.simulated)
            written.append(path)
    return written


def write_recall_cost(choice: ModelChoice, path: str | Path) -> None:
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


def write_figure(figure: Figure, path: str | Path, *, simulated: bool = False) -> None:
    """Write one figure with its titles.

    Args:
        figure: what to draw.
        path: where to; its suffix, ``.png``, ``.svg``, ``.pdf`` or ``.html``, says as what.
        simulated: whether the votes come from simulated raters, which the subtitle then says.

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
    spec = with_titles(figure, simulated=simulated)
    content: bytes
    if suffix == ".png":
        content = convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=_PIXELS)
    elif suffix == ".pdf":
        content = convert.vegalite_to_pdf(spec, vl_version=VEGA_LITE)
    elif suffix == ".svg":
        content = file_drawing(figure, spec).encode()
    else:
        content = _page(figure, spec, convert).encode()
    with write_atomically(path) as beside:
        beside.write_bytes(content)


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


def with_titles(figure: Figure, *, simulated: bool) -> Spec:
    """The chart with title and subtitle in it, on white, to stand alone."""
    subtitle = figure.subtitle_for(simulated=simulated)
    title = {
        "text": textwrap.wrap(figure.title, _LINE),
        "subtitle": textwrap.wrap(subtitle, _LINE + 16),
    }
    config = {**figure.chart["config"], "background": "#ffffff"}
    config["padding"] = {"left": 20, "top": 20, "right": 24, "bottom": 20}
    return {**figure.chart, "title": title, "config": config}
