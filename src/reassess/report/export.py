"""Each figure as a file: PNG and SVG, in the light colours on white, with its titles."""

import re
import textwrap
from pathlib import Path
from types import ModuleType

from reassess.errors import MissingExtraError
from reassess.files import write_atomically
from reassess.report.contents import Figure, Report, Spec

VEGA_LITE = "6.4"
"""The version of the grammar that altair 6 writes; vl-convert carries several."""

SIMULATED = "Votes of simulated raters."
_PIXELS = 2.0
_LINE = 78


def write_figures(report: Report, folder: str | Path) -> list[Path]:
    """The files written: each figure of the report as ``<id>.png`` and ``<id>.svg``.

    Args:
        report: what to draw; a figure whose findings are absent is left out.
        folder: where to; made where it is missing.

    Raises:
        MissingExtraError: altair or vl-convert is not installed.
        FileError: the folder cannot be written to.
    """
    convert = converter()
    from reassess.report.figures import FIGURES

    written = []
    for draw in FIGURES:
        figure = draw(report)
        if figure is None:
            continue
        spec = with_titles(figure, simulated=report.simulated)
        png = convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=_PIXELS)
        svg = convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
        svg = with_own_ids(svg, figure.id)
        for suffix, content in ((".png", png), (".svg", svg.encode())):
            path = Path(folder) / f"{figure.id}{suffix}"
            with write_atomically(path) as beside:
                beside.write_bytes(content)
            written.append(path)
    return written


def converter() -> ModuleType:
    """vl-convert, which draws charts without a browser.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtraError("vl_convert", "report", "Drawing figures") from error
    module: ModuleType = vl_convert
    return module


def with_own_ids(svg: str, prefix: str) -> str:
    """The drawing with ids that no other drawing has; the converter's depend on what it drew."""
    ids = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    for n, old in enumerate(ids):
        svg = re.sub(rf'(\bid="|url\(#|href="#){re.escape(old)}\b', rf"\g<1>{prefix}-clip-{n}", svg)
    return svg


def subtitle_of(figure: Figure, *, simulated: bool) -> str:
    """What is drawn; for figures that rest on votes, also that the raters are simulated."""
    if simulated and figure.from_votes:
        return f"{figure.subtitle}. {SIMULATED}"
    return figure.subtitle


def with_titles(figure: Figure, *, simulated: bool) -> Spec:
    """The chart with title and subtitle in it, on white, to stand alone."""
    subtitle = subtitle_of(figure, simulated=simulated)
    title = {
        "text": textwrap.wrap(figure.title, _LINE),
        "subtitle": textwrap.wrap(subtitle, _LINE + 16),
    }
    config = {**figure.chart["config"], "background": "#ffffff"}
    config["padding"] = {"left": 20, "top": 20, "right": 24, "bottom": 20}
    return {**figure.chart, "title": title, "config": config}
