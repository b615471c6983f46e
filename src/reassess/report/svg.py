"""Charts as SVG: small enough that thousands of marks stand in a page, each tied to its tip.

A chart is drawn by vl-convert, without a browser. For a page it is drawn twice, for screens
and for phones, and what the drawing repeats on every mark is said once. A mark that can be
pointed at keeps the number of its tip: ``data-tip`` on a page, its words in a file.
"""

import html
import re
from types import ModuleType

from reassess.errors import MissingExtraError
from reassess.report.page_parts import Figure, Spec

VEGA_LITE = "6.4"
"""The version of the grammar that altair 6 writes; vl-convert carries several."""

WIDTHS = {"wide": 700, "narrow": 350}
"""Pixels of a drawing on a page: on screens and on paper, and on phones."""

_TIP = re.compile(r'\baria-label="#(\d+)"')
_SAID_OF_MARKS = re.compile(
    r' (?:(?:aria-[a-z]+|role|font-family|pointer-events)="[^"]*"|opacity="1")(?=[ />])'
)
"""What a drawing repeats on every mark: the figure says it once, or the page's style does."""
_NOTHING = re.compile(
    r'<path class="background"[^>]* d="M0,0h0v0h0Z"[^>]*/>'
    r'|<path class="foreground"[^>]* d=""[^>]*/>|<path class="background"(?![^>]*stroke)[^>]*/>'
)
_PLACE = re.compile(r"(translate\()(-?[\d.]+(?:e-\d+)?),(-?[\d.]+(?:e-\d+)?)\)")
_CIRCLE = re.compile(
    r'<path( data-tip="\d+")? transform="translate\((-?[\d.]+),(-?[\d.]+)\)"'
    r' d="M([\d.]+),0A\4,\4,0,1,1,-\4,0A\4,\4,0,1,1,\4,0"'
)
_MARKS = re.compile(r"(<g[^>]*>)((?:<(?:path|line|circle) [^>]*/>){2,})(?=</g>)")
_SHARED = ("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity")


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


def page_drawing(figure: Figure, size: str) -> str:
    """The chart as SVG for a page, as wide as `WIDTHS` says, with ids that are its own.

    Raises:
        MissingExtraError: vl-convert is not installed.
    """
    config = {**figure.chart["config"], "padding": 3}
    config["axis"] = {**config["axis"], "labelLimit": WIDTHS[size] * 0.36}
    fit = {"type": "fit-x", "contains": "padding"}
    spec = {**figure.chart, "width": WIDTHS[size], "autosize": fit, "config": config}
    svg = with_own_ids(_drawn(spec), f"{figure.id}-{size}")
    svg = _SAID_OF_MARKS.sub("", _TIP.sub(r'data-tip="\1"', svg))
    svg = _PLACE.sub(_rounded, _NOTHING.sub("", svg))
    svg = _MARKS.sub(_said_once, _CIRCLE.sub(r'<circle\1 cx="\2" cy="\3" r="\4"', svg))
    return svg.replace('class="marks"', f'class="{size}" aria-hidden="true" focusable="false"', 1)


def file_drawing(figure: Figure, spec: Spec) -> str:
    """The chart as SVG for a file, in which each mark says in words whose it is.

    Raises:
        MissingExtraError: vl-convert is not installed.
    """

    def in_words(found: re.Match[str]) -> str:
        return f'aria-label="{html.escape(": ".join(figure.tips[int(found[1])]))}"'

    return _TIP.sub(in_words, with_own_ids(_drawn(spec), figure.id))


def in_script(text: str) -> str:
    """JSON that cannot end the script element it stands in: ``<`` written as an escape."""
    return text.replace("<", "\\u003c")


def with_own_ids(svg: str, prefix: str) -> str:
    """The drawing with ids that no other drawing has; the converter's depend on what it drew."""
    ids = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    for n, old in enumerate(ids):
        svg = re.sub(rf'(\bid="|url\(#|href="#){re.escape(old)}\b', rf"\g<1>{prefix}-clip-{n}", svg)
    return svg


def _drawn(spec: Spec) -> str:
    svg: str = converter().vegalite_to_svg(spec, vl_version=VEGA_LITE)
    return svg


def _rounded(found: re.Match[str]) -> str:
    x, y = (f"{float(found[n]):.1f}".removesuffix(".0") for n in (2, 3))
    return f"{found[1]}{x},{y})"


def _said_once(found: re.Match[str]) -> str:
    """Marks that share a colour or a width say so on their group."""
    group, marks = found[1], found[2]
    n_marks = marks.count("/>")
    for name in _SHARED:
        values = re.findall(rf' {name}="([^"]*)"', marks)
        if len(values) == n_marks and len(set(values)) == 1 and f" {name}=" not in group:
            marks = re.sub(rf' {name}="[^"]*"', "", marks)
            group = f'{group[:-1]} {name}="{values[0]}">'
    return group + marks
