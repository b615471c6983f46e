"""The colours of pages and figures, light and dark, and how charts are set.

Charts are drawn in the light colours, each of which is used for one thing only. A page
shows them as SVG and recolours them by CSS, so that one drawing serves light, dark and
print. Blue is ReaL, orange is the original labels, green the experts; shapes tell the same,
for those who do not see the colours.
"""

from dataclasses import asdict, dataclass
from typing import Any

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
