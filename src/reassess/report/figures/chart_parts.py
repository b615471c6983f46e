"""What the figures share: axes in percent, points, intervals and names beside marks.

Data stays in fractions; axes and tips show them as percentages. A mark that can be pointed
at carries the number of its tip (`TIP`) as its description, which the drawing keeps, so that a
page knows whose mark it is. Altair's validation is left to mypy and to the compiler of
vl-convert: it would look at every row of the data once a layer.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar

import altair as alt

from reassess.report import formatting as fmt
from reassess.report.formatting import Unit
from reassess.report.page_parts import Report, Spec
from reassess.report.svg import LIGHT, chart_config
from reassess.report.table import Column, Table

Row = dict[str, Any]
Tips = tuple[tuple[str, str], ...]
Drawn = alt.Chart | alt.LayerChart
Channel = TypeVar("Channel", alt.X, alt.Y)

WIDTH = 680
"""Of a chart in a file; on a page charts take the width of the column."""

TIP = "tip"
"""The column that numbers the tips of a figure, as ``#17``."""

MANY = 150
"""More marks than this are drawn smaller, and without their intervals."""

_NOT_DATA = frozenset({TIP, "size", "order", "step"})
"""Columns that say how a mark is drawn."""

_N_DIGITS = 5
"""Digits of the data of a chart: 0.00001 of an axis is less than a hundredth of a pixel."""

_STEP = 0.05
"""Axes of fractions begin and end at multiples of this, where a label stands."""

_N_NAMED = 5
"""Models of a figure that are named beside their dots: of more, names cover each other."""

_LETTER, _LINE = 6.6, 15.0
"""Pixels that a letter is wide, and a line high, of a chart's 12-pixel text, on average."""

_GAP = 9
"""Pixels between a dot and its name."""

_NARROW = 460
"""Charts narrower than this many pixels name no models: the names would not fit."""


def data(rows: Iterable[Row]) -> alt.InlineData:
    """Rows as the data of a chart, rounded to what can be seen."""
    rounded = [
        {key: round(v, _N_DIGITS) if isinstance(v, float) else v for key, v in row.items()}
        for row in rows
    ]
    return alt.InlineData(values=rounded)


def rows_table(name: str, rows: Sequence[Row]) -> Table:
    """The rows of a chart as a table, unrounded: what its reader can draw again."""
    keys = dict.fromkeys(key for row in rows for key in row if key not in _NOT_DATA)
    columns = (
        (Column(key, key, _unit(rows, key), 2), [row.get(key) for row in rows]) for key in keys
    )
    return Table.from_columns(f"{name}-data", f"Data of the figure {name}", columns)


def _unit(rows: Sequence[Row], key: str) -> Unit:
    given = [row[key] for row in rows if row.get(key) is not None]
    if any(isinstance(value, float) for value in given):
        return "percent"
    return "count" if all(isinstance(value, int) for value in given) else "text"


def own_level(report: Report) -> float | None:
    """ReaL accuracy of the original labels themselves."""
    return None if report.original_level is None else report.original_level[0]


def shares(
    values: Iterable[float], title: str, orient: str = "bottom"
) -> tuple[alt.Scale, alt.Axis, str, tuple[float, float]]:
    """Scale, axis, title and range of a channel that shows fractions as percentages."""
    domain = around(values)
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    axis = alt.Axis(format=".0%", tickCount=6)
    if orient != "bottom":
        axis = alt.Axis(format=".0%", tickCount=6, orient="top")
    return scale, axis, title, domain


def across(
    field: str, values: Iterable[float], title: str, orient: str = "bottom"
) -> tuple[alt.X, tuple[float, float]]:
    """A horizontal channel of fractions, and its range."""
    scale, axis, title, domain = shares(values, title, orient)
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=axis), domain


def up(field: str, values: Iterable[float], title: str) -> tuple[alt.Y, tuple[float, float]]:
    """A vertical channel of fractions, and its range."""
    scale, axis, title, domain = shares(values, title)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=axis), domain


def around(values: Iterable[float]) -> tuple[float, float]:
    """The range of values widened to full steps of five points, inside [0, 1]."""
    given = list(values)
    low = math.floor((min(given) - 0.01) / _STEP) * _STEP
    high = math.ceil((max(given) + 0.01) / _STEP) * _STEP
    return max(0.0, round(low, 2)), min(1.0, round(high, 2))


def tell(rows: Sequence[Row], *columns: tuple[str, str], who: str = "model") -> Tips:
    """Number the rows, and say of each whose it is and (field, title) columns as percentages."""
    tips = []
    for n, row in enumerate(rows):
        row[TIP] = f"#{n}"
        said = [f"{title} {fmt.percent(row[field])}".strip() for field, title in columns]
        tips.append((str(row[who]), ", ".join(said)))
    return tuple(tips)


def pointed() -> alt.Description:
    """The channel that ties a mark to its tip."""
    return alt.Description(f"{TIP}:N")


def dots(rows: Sequence[Row], *, n: int | None = None) -> alt.Chart:
    """A dot a row, tied to its tip; of many (``n``, or the rows) small ones that shine through."""
    few = (len(rows) if n is None else n) <= MANY
    looks: dict[str, Any]
    if few:
        looks = {"size": 58, "stroke": LIGHT.paper, "strokeWidth": 0.8}
    else:
        looks = {"size": 26, "fillOpacity": 0.45}
    drawn = alt.Chart(data(rows)).mark_point(
        filled=True, opacity=1, shape="circle", color=LIGHT.real, **looks
    )
    tied: alt.Chart = drawn.encode(description=pointed())
    return tied


def moved(channel: Channel, field: str) -> Channel:
    """The same channel with another column on it."""
    other = channel.copy(deep=False)
    other["shorthand"] = f"{field}:Q"
    return other


def layered(*charts: Drawn) -> alt.LayerChart:
    """Charts on top of each other, the first at the bottom."""
    return alt.LayerChart(layer=list(charts))


def names(
    rows: Sequence[Row],
    x: tuple[alt.X, tuple[float, float]],
    y: tuple[alt.Y, tuple[float, float]],
    fields: tuple[str, str],
    height: int,
    taken: Sequence[Row] = (),
) -> list[alt.Chart]:
    """The names of a few models, best first, where they cover no dot and no other name.

    Args:
        rows: one dot a model, the one to be named first at the front.
        x: horizontal channel and its range.
        y: vertical channel and its range.
        fields: the columns of the two.
        height: of the chart.
        taken: further dots that no name may cover.
    """
    (low_x, high_x), (low_y, high_y) = x[1], y[1]

    def place(row: Row) -> tuple[float, float]:
        right = (row[fields[0]] - low_x) / (high_x - low_x) * WIDTH
        return right, (high_y - row[fields[1]]) / (high_y - low_y) * height

    filled = [(px - 5, py - 5, px + 5, py + 5) for px, py in map(place, [*rows, *taken])]
    chosen: dict[int, list[Row]] = {-1: [], 1: []}
    for row in rows:
        px, py = place(row)
        width = _LETTER * len(str(row["model"]))
        for side in (-1, 1):
            near, far = px + side * _GAP, px + side * (_GAP + width)
            middle = py + side * _GAP
            box = (min(near, far), middle - _LINE / 2, max(near, far), middle + _LINE / 2)
            inside = min(box[:2]) >= 0 and box[2] <= WIDTH and box[3] <= height
            if inside and not any(_overlap(box, other) for other in filled):
                chosen[side].append(row)
                filled.append(box)
                break
        if sum(map(len, chosen.values())) == _N_NAMED:
            break
    return [
        text
        for side, shown in chosen.items()
        if shown
        for text in _written(alt.Chart(data(shown)).encode(x=x[0], y=y[0]), side)
    ]


def _written(base: alt.Chart, side: int) -> tuple[alt.Chart, alt.Chart]:
    """Names at one side of their dots, on a halo that keeps lines behind them legible."""
    shown = f"width > {_NARROW}"
    text = alt.condition(shown, "model:N", alt.value(""))
    named = base.encode(text=text, description=pointed())
    align: Literal["left", "right"] = "right" if side < 0 else "left"
    dx = dy = side * _GAP
    halo = named.mark_text(align=align, dx=dx, dy=dy, stroke=LIGHT.paper, strokeWidth=4)
    return halo, named.mark_text(align=align, dx=dx, dy=dy, fill=LIGHT.muted)


def spread(rows: Sequence[Row]) -> list[Row]:
    """The same rows: first and last, then the middle, then the quarters, and so on."""
    order: dict[int, None] = {}
    n_parts = 1
    while len(order) < len(rows):
        for part in range(n_parts + 1):
            order.setdefault(round(part * (len(rows) - 1) / n_parts))
        n_parts *= 2
    return [rows[i] for i in order]


_Box = tuple[float, float, float, float]


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def level(value: float, text: str, y: alt.Y) -> alt.LayerChart:
    """A horizontal line across the chart, in the original labels' colour, with its meaning."""
    rows = alt.Chart(data([{"level": value, "text": text}])).encode(y=moved(y, "level"))
    line = rows.mark_rule(color=LIGHT.original, strokeDash=[5, 4], strokeWidth=1.5, tooltip=None)
    said = rows.mark_text(align="left", dx=4, dy=-9, fill=LIGHT.original, tooltip=None)
    return layered(line, said.encode(x=alt.value(0), text="text:N"))


def spec(chart: alt.LayerChart, description: str, height: int) -> Spec:
    """A chart with the house's settings, as Vega-Lite."""
    whole = chart.properties(width=WIDTH, height=height, description=description)
    found: Spec = whole.to_dict(validate=False)
    found["config"] = chart_config()
    return found
