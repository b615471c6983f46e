"""Charts as SVG and what they look like: the palette, how charts are set, the drawing.

Charts are drawn in the light colours, each of which is used for one thing only. A page
shows them as SVG and recolours them by CSS, so that one drawing serves light, dark and
print. Blue is ReaL, orange is the original labels, green the experts; shapes tell the same,
for those who do not see the colours.

A chart is drawn by vl-convert, without a browser. For a page it is drawn twice, for screens
and for phones. vl-convert repeats on each of thousands of marks what one attribute of their
group could say, so that the page's drawing is rewritten by pattern; what that relies on stands
with the patterns. A mark that can be pointed at keeps the number of its tip:
``data-tip`` on a page, its words in a file.
"""

import html
import re
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from reassess.errors import MissingExtraError
from reassess.report.page_parts import Figure, Spec
from reassess.report.paper import has_rows

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, Inter, "Helvetica Neue", Arial, sans-serif'
"""What every reader has; figures in files take the first of these that is installed."""


@dataclass(frozen=True, slots=True)
class Palette:
    """One colour for each thing. Text colours reach 4.5:1 on the paper, marks 3:1.

    Attributes:
        paper: behind everything.
        panel: behind tables' headings, key numbers and banners.
        ink: text and lines that matter.
        muted: text that explains.
        rule: lines that order the page; the grid of a chart.
        faint: marks that stand back: single raters, other models.
        real: ReaL: reassessed labels and accuracy under them.
        tint: a fainter ReaL, for areas.
        original: the original labels and accuracy under them.
        shade: a fainter original, for areas.
        expert: the experts.
    """

    paper: str
    panel: str
    ink: str
    muted: str
    rule: str
    faint: str
    real: str
    tint: str
    original: str
    shade: str
    expert: str


LIGHT = Palette(
    paper="#ffffff",
    panel="#f5f6f8",
    ink="#1c232c",
    muted="#56606c",
    rule="#e2e5e9",
    faint="#8a929d",
    real="#0b63a5",
    tint="#7fb1dc",
    original="#b5470b",
    shade="#e6bda3",
    expert="#08775a",
)

DARK = Palette(
    paper="#14171c",
    panel="#1d2128",
    ink="#e8ebef",
    muted="#a7b0bb",
    rule="#2d333c",
    faint="#78828e",
    real="#6fb4f5",
    tint="#38699a",
    original="#fb9a5f",
    shade="#8a5a3c",
    expert="#45c99d",
)


def css_variables(palette: Palette) -> str:
    """The palette as CSS custom properties: ``--ink: #1c232c; …``."""
    return " ".join(f"--{name}: {colour};" for name, colour in asdict(palette).items())


def css_of_charts() -> str:
    """Rules that give the marks of a chart the page's colours instead of the light ones."""
    return "\n".join(
        f'.chart svg [{what}="{colour}"] {{ {what}: var(--{name}); }}'
        for name, colour in asdict(LIGHT).items()
        for what in ("fill", "stroke")
    )


def chart_config() -> dict[str, Any]:
    """Vega-Lite's ``config`` for every chart."""
    text = {"labelFont": FONT, "titleFont": FONT, "labelColor": LIGHT.muted}
    return {
        "background": None,
        "font": FONT,
        "padding": {"left": 4, "top": 4, "right": 12, "bottom": 4},
        "view": {"stroke": None},
        "scale": {"zero": False},
        "axis": {
            **text,
            "titleColor": LIGHT.muted,
            "labelFontSize": 12,
            "titleFontSize": 12.5,
            "titleFontWeight": "normal",
            "titlePadding": 10,
            "labelPadding": 6,
            "domain": False,
            "ticks": False,
            "gridColor": LIGHT.rule,
            "gridWidth": 1,
            "tickCount": 6,
            "labelLimit": 250,
        },
        "legend": {
            **text,
            "orient": "top",
            "direction": "horizontal",
            "columns": {"expr": "width < 460 ? 1 : 0"},
            "title": None,
            "labelColor": LIGHT.ink,
            "labelFontSize": 12.5,
            "labelLimit": 0,
            "symbolSize": 80,
            "symbolStrokeWidth": 2,
            "columnPadding": 18,
            "rowPadding": 4,
            "offset": 10,
        },
        "text": {"font": FONT, "fontSize": 12, "fill": LIGHT.ink},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "font": FONT,
            "fontSize": 16,
            "fontWeight": 600,
            "color": LIGHT.ink,
            "subtitleFont": FONT,
            "subtitleFontSize": 12.5,
            "subtitleColor": LIGHT.muted,
            "subtitlePadding": 6,
            "lineHeight": 21,
            "subtitleLineHeight": 17,
            "offset": 16,
        },
    }


VEGA_LITE = "6.4"
"""The version of the grammar that altair 6 writes; vl-convert carries several."""

WIDTHS = {"wide": 700, "narrow": 350}
"""Pixels of a drawing on a page: on screens and on paper, and on phones."""

_TALLEST = {"wide": 330, "narrow": 215}
"""Pixels of a chart without a row a model, so that the first figure leaves room for the answers."""

# What vl-convert writes is one line, without comments or text with "<"; attributes are in double
# quotes and always in the same order. The patterns below rely on that and on nothing more; where
# another version writes otherwise they find nothing, and the drawing is larger but right.

_TIP = re.compile(r'\baria-label="#(\d+)"')
_SAID_OF_MARKS = re.compile(
    r' (?:(?:aria-[a-z]+|role|font-family|pointer-events)="[^"]*"|opacity="1")(?=[ />])'
)
"""What a drawing repeats on every mark: the figure says it once, or the page's style does."""
_NOTHING = re.compile(
    r'<path class="background"[^>]* d="M0,0h0v0h0Z"[^>]*/>'
    r'|<path class="foreground"[^>]* d=""[^>]*/>|<path class="background"(?![^>]*stroke)[^>]*/>'
)
"""Empty paths that stand for a group's background and foreground; only one with a stroke shows."""
_PLACE = re.compile(r"(translate\()(-?[\d.]+(?:e-\d+)?),(-?[\d.]+(?:e-\d+)?)\)")
"""Where something stands: a tenth of a pixel is as much as anybody sees."""
_CIRCLE = re.compile(
    r'<path( data-tip="\d+")? transform="translate\((-?[\d.]+),(-?[\d.]+)\)"'
    r' d="M([\d.]+),0A\4,\4,0,1,1,-\4,0A\4,\4,0,1,1,\4,0"'
)
"""A circle as Vega draws it, two arcs of a path: an element says the same in fewer characters."""
_MARKS = re.compile(r"(<g[^>]*>)((?:<(?:path|line|circle) [^>]*/>){2,})(?=</g>)")
"""The marks of a group, if there are two or more and nothing else is in it."""
_OPACITIES = re.compile(rb"(?: */gs\d+ \d+ 0 R\n){2,}")
_SHARED = ("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity")
"""What the marks of a group inherit from it, if all of them say the same."""


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
    if not has_rows(spec):
        spec["height"] = min(spec["height"], _TALLEST[size])
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


def as_pdf(svg: str) -> bytes:
    """A drawing as PDF, the same bytes whenever it is made.

    The converter writes several fonts in no fixed order, so a PDF has one weight; and it lists
    opacities in none, which are sorted here.
    """
    made: bytes = converter().svg_to_pdf(re.sub(r' font-weight="[^"]*"', "", svg))
    return _OPACITIES.sub(lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), made)


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
