"""How a figure is set in a file: as wide as a column of a paper, its fonts at their size.

A figure is drawn with fonts of 12 units, as wide as its width in such units, and the drawing is
then scaled, so that text has the size that is asked for and marks keep their proportion to it.
"""

import math
import re
from dataclasses import dataclass, replace

from reassess.errors import OptionError, preview
from reassess.report.page_parts import Spec

POINTS_PER_INCH, POINTS_PER_MM = 72.0, 72.0 / 25.4

FIGURE_WIDTHS = {"column": 3.25 * 72, "text": 5.5 * 72, "page": 6.875 * 72}
"""Points of a column of two, of the text of one column, and of a page of two columns, as the
styles of CVPR and ICML (column, page) and NeurIPS (text) have them."""

FONT_SIZE = 8.0
"""Points of the text of a figure in a paper."""

_DRAWN_FONT = 12.0
_TALLEST = 0.62
"""Of its width: a chart without a row a model is not higher."""
_RANGE = (40.0, 2000.0)
_FONTS = (3.0, 40.0)


@dataclass(frozen=True, slots=True)
class FigureStyle:
    """How figures are set.

    Attributes:
        width: points; None for that of a screen.
        font_size: points of the text, where a width is given.
        titles: whether title and subtitle stand above the chart; None for where no width is
            given, as a paper has captions.

    Raises:
        OptionError: a size is out of range.
    """

    width: float | None = None
    font_size: float = FONT_SIZE
    titles: bool | None = None

    def __post_init__(self) -> None:
        low, high = _FONTS
        if not low <= self.font_size <= high:
            raise OptionError(
                f"the font size of figures is {self.font_size:g}, but must be {low:g} to {high:g} "
                "points."
            )

    @property
    def has_titles(self) -> bool:
        """Whether title and subtitle stand above the chart."""
        return self.width is None if self.titles is None else self.titles

    @property
    def scale(self) -> float:
        """Points of a unit of the drawing."""
        return 1.0 if self.width is None else self.font_size / _DRAWN_FONT

    def with_width(self, text: str) -> "FigureStyle":
        """The same, as wide as people write it.

        Raises:
            OptionError: it is no width, or out of range.
        """
        return replace(self, width=figure_width(text))


SCREEN = FigureStyle()
"""As wide as on a page, with titles."""


def figure_width(text: str) -> float:
    """Points of a width such as ``column``, ``84mm``, ``3.3in`` or ``240pt``.

    Raises:
        OptionError: it is no width, or out of range.
    """
    if text in FIGURE_WIDTHS:
        return FIGURE_WIDTHS[text]
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(mm|cm|in|pt)", text.strip())
    if found is None:
        raise OptionError(
            f"the width of figures is {text!r}, but must be one of {preview(list(FIGURE_WIDTHS))}, "
            "or a length such as 84mm, 3.3in or 240pt."
        )
    unit = {"mm": POINTS_PER_MM, "cm": 10 * POINTS_PER_MM, "in": POINTS_PER_INCH, "pt": 1.0}
    width = float(found[1]) * unit[found[2]]
    low, high = _RANGE
    if not low <= width <= high:
        raise OptionError(
            f"the width of figures is {text!r}, which is {width:.0f} points, but must be {low:g} to"
            f" {high:g} points."
        )
    return width


def fitted(spec: Spec, style: FigureStyle) -> Spec:
    """The chart as wide as the style says, in units of the drawing."""
    if style.width is None:
        return spec
    units = style.width / style.scale
    config = {**spec["config"], "padding": 2}
    config["axis"] = {**config["axis"], "labelLimit": units * 0.36}
    sized = {
        **spec,
        "width": units,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": config,
    }
    if not has_rows(spec):
        sized["height"] = min(spec["height"], math.floor(_TALLEST * units))
    return sized


def scaled(svg: str, style: FigureStyle) -> str:
    """The drawing with its size in points; what is in it stays as it is."""
    if style.width is None:
        return svg

    def shrunk(found: re.Match[str]) -> str:
        width, height = (float(found[n]) * style.scale for n in (2, 3))
        return f'{found[1]} width="{width:.2f}" height="{height:.2f}"'

    return re.sub(r'(<svg\b[^>]*?) width="([\d.]+)" height="([\d.]+)"', shrunk, svg, count=1)


def has_rows(spec: Spec) -> bool:
    """Whether a chart has a row a model: its height then hangs on their number."""
    layers = [spec, *spec.get("layer", ())]
    return any(one.get("encoding", {}).get("y", {}).get("type") == "nominal" for one in layers)
