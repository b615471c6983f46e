"""One accuracy against another: the headline of a study and of published results.

Lines, band and title are those of the verdict: two lines that meet where the slope changes, if it
does; one line if no change shows; the paper's halves where there are too few models for either.
The axes show where most models are, and the figure says how many lie outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import altair as alt
import numpy as np
from jaxtyping import Float

from reassess.analysis.findings import ProgressLines
from reassess.analysis.gain import SIGNIFICANT, Breakpoint, Gain
from reassess.analysis.proxy import Proxy
from reassess.analysis.standings import OriginalLabelsScore
from reassess.analysis.verdict import ResultsVerdict, StudyVerdict
from reassess.errors import DataError
from reassess.files.results import Results
from reassess.report import formatting as fmt
from reassess.report.figures import chart_parts as parts
from reassess.report.figures.chart_parts import Row
from reassess.report.page_parts import Figure, Report
from reassess.report.svg import LIGHT
from reassess.report.table import Table
from reassess.report.verdict import metric_name
from reassess.statistics import Line
from reassess.statistics.regression import ordinary_least_squares

_TALL = 400

_TITLES: dict[Gain | None, str] = {
    "holds": "At the top, a gain in {x} is worth as much {y} as before",
    "more": "At the top, a gain in {x} is worth more {y} than before",
    "less": "At the top, a gain in {x} is worth less {y} than before",
    "nothing": "At the top, a gain in {x} is worth next to no {y}",
    "open": "What a gain in {x} is worth at the top is open",
    None: "{y} beside {x}",
}
"""Titles say what the verdict's rules prove and no more; without a verdict, what is drawn."""

_OUTSIDE = 0.02
"""Share of the models that the axes may leave out below."""
_WORTH_CUTTING = 0.25
"""Of an axis: models are left out only where that makes so much room."""


@dataclass(frozen=True, slots=True)
class _Scatter:
    """What is drawn.

    Attributes:
        rows: a model each, with ``x`` and ``y``.
        words: what the two accuracies are called.
        proxy: how y follows x; None where nobody asked.
        halves: the paper's lines; None where a half has none.
        gain: the verdict on gains; None where nobody asked.
        level: the original labels' ReaL accuracy; None where it is unknown or y is another.
        things: what a dot is.
    """

    rows: list[Row] = field(repr=False)
    words: tuple[str, str]
    proxy: Proxy | None
    halves: ProgressLines | None
    gain: Gain | None
    level: float | None
    things: tuple[str, str] = ("model", "models")


def progress(report: Report) -> Figure | None:
    """ReaL on original accuracy, with the verdict's lines; None where there are no lines."""
    rows: list[Row] = [
        {"model": score.model, "x": score.original.value, "y": value}
        for score, value in report.by_real
        if score.original is not None and score.original.value is not None
    ]
    halves, judged = report.findings.progress, report.verdict
    if halves is None or not rows:
        return None
    proxy = None if judged is None else judged.proxy
    gain = None if judged is None else judged.judgement.gain
    words, own = ("original accuracy", "ReaL accuracy"), parts.own_level(report)
    return _drawn("progress", _Scatter(rows, words, proxy, halves, gain, own))


def results_figure(found: ResultsVerdict, results: Results) -> Figure:
    """The verdict on published results.

    Args:
        found: the verdict.
        results: what it was found in.
    """
    x, y = (results.accuracy[name] for name in (found.proxy.x, found.proxy.y))
    both = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    rows: list[Row] = [
        {"model": model, "x": a, "y": b}
        for model, a, b in zip(
            results.model[both].tolist(), x[both].tolist(), y[both].tolist(), strict=True
        )
    ]
    rows.sort(key=lambda row: -row["y"])
    words = (_word(found.proxy.x, found.proxy), _word(found.proxy.y, found.proxy))
    things = ("entry", "entries") if found.by_size else ("model", "models")
    return _of_verdict(
        rows, words, found.proxy, found.judgement.gain, found.original_labels, things
    )


def study_figure(found: StudyVerdict) -> Figure:
    """The verdict on a study.

    Raises:
        DataError: fewer than two models have both accuracies.
    """
    rows: list[Row] = [
        {"model": one.model, "x": one.original.value, "y": one.value}
        for one in found.models
        if one.has_both and one.original is not None
    ]
    if found.proxy is None:
        raise DataError(
            f"{found.name}: {len(rows):,} models have both accuracies, but a figure of the verdict "
            "needs at least 2. Add models, or original labels."
        )
    words = ("original accuracy", "ReaL accuracy")
    return _of_verdict(
        rows, words, found.proxy, found.judgement.gain, found.original_labels, ("model", "models")
    )


def _of_verdict(
    rows: list[Row],
    words: tuple[str, str],
    proxy: Proxy,
    gain: Gain,
    original: OriginalLabelsScore | None,
    things: tuple[str, str],
) -> Figure:
    known = original is not None and original.real.value is not None
    level = original.value if known and original is not None else None
    return _drawn("verdict", _Scatter(rows, words, proxy, proxy.halves, gain, level, things))


def _drawn(name: Literal["progress", "verdict"], it: _Scatter) -> Figure:
    shown, n_hidden = _where_it_matters(it)
    xs, ys = (np.array([row[key] for row in shown]) for key in ("x", "y"))
    in_view = it.level is not None and it.level > ys.min() - 0.05
    x = parts.across("x", xs.tolist(), it.words[0])
    y = parts.up("y", [*ys.tolist(), *([it.level] if in_view and it.level else [])], it.words[1])
    tips = parts.tell(shown, ("y", it.words[1]), ("x", it.words[0]))
    lines = _lines(it, xs, x[1], y[1])
    layers: list[parts.Drawn] = [
        *_bands(it, x, y, (float(xs.min()), float(xs.max()))),
        *_level(it.level if in_view else None, y[0]),
        parts.dots(shown).encode(x=x[0], y=y[0]),
        *_segments(lines, x[0], y[0]),
        *parts.names(parts.spread(shown), x, y, ("x", "y"), _TALL),
    ]
    subtitle = (
        f"{_capital(it.words[1])} against {it.words[0]} of {fmt.count(len(it.rows), *it.things)}"
    )
    if n_hidden:
        verb = "is" if n_hidden == 1 else "are"
        subtitle += f"; {n_hidden:,} below {fmt.percent(x[1][0], 0)} {verb} not shown"
    title = _capital(_TITLES[it.gain].format(x=it.words[0], y=it.words[1]))
    alternative = f"Scatter plot with fitted lines. {_in_words(it)}"
    chart = parts.spec(parts.layered(*layers), alternative, _TALL)
    return Figure(
        name, title, subtitle, _caption(it), alternative, chart, from_votes=name == "progress",
        tips=tips, data=_data(name, it),
    )  # fmt: skip


def _level(value: float | None, y: alt.Y) -> list[parts.Drawn]:
    if value is None:
        return []
    return [parts.level(value, f"original labels {fmt.percent(value)}", y)]


def _data(name: str, it: _Scatter) -> Table:
    """Every model, shown or not, under the names of the accuracies."""
    keys = ("original", "real") if it.proxy is None else (it.proxy.x, it.proxy.y)
    rows = [{"model": row["model"], keys[0]: row["x"], keys[1]: row["y"]} for row in it.rows]
    return parts.rows_table(name, rows)


def _where_it_matters(it: _Scatter) -> tuple[list[Row], int]:
    """The models that the axes show, and how many they leave out."""
    x = np.array([row["x"] for row in it.rows])
    bend = _bend(it)
    low = float(np.quantile(x, _OUTSIDE))
    if bend is not None:
        low = min(low, (bend.value if bend.interval is None else bend.interval[0]) - 0.05)
    if low - x.min() < _WORTH_CUTTING * np.ptp(x):
        return it.rows, 0
    shown = [row for row in it.rows if row["x"] >= low]
    return shown, len(it.rows) - len(shown)


def _bend(it: _Scatter) -> Breakpoint | None:
    """The place where the slope changes, where the verdict says that it does."""
    found = None if it.proxy is None else it.proxy.breakpoint
    return found if found is not None and found.p_value < SIGNIFICANT else None


def _height(it: _Scatter, bend: Breakpoint) -> float:
    """Where the two lines meet: with their slopes given, residuals are 0 on average."""
    x, y = (np.array([row[key] for row in it.rows]) for key in ("x", "y"))
    slope = np.where(x < bend.value, bend.slope_below, bend.slope_above)
    return float((y - slope * (x - bend.value)).mean())


def _lines(
    it: _Scatter,
    x: Float[np.ndarray, "n"],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> list[Row]:
    """The verdict's lines and the diagonal, as segments inside the axes."""
    bend, left, right = _bend(it), float(x.min()), float(x.max())
    found: list[Row] = []
    if bend is not None:
        height = _height(it, bend)
        below, above = (
            _line(slope, height - slope * bend.value)
            for slope in (bend.slope_below, bend.slope_above)
        )
        found = _two_lines(below, above, bend.value, (left, right), ("below", "above"))
    elif it.proxy is not None and it.proxy.breakpoint is not None:
        every_x, every_y = (np.array([row[key] for row in it.rows]) for key in ("x", "y"))
        one = ordinary_least_squares(every_x, every_y)
        found = [_segment(one, left, right, f"one line, slope {fmt.number(one.slope, 2)}")]
    elif it.halves is not None:
        split, lower, upper = it.halves.split, it.halves.lower, it.halves.upper
        ends = (left, right)
        found = _two_lines(lower, upper, split, ends, ("weaker half", "stronger half"))
    found = [row for one in found for row in _clipped(one, y_range)]
    low, high = max(x_range[0], y_range[0]), min(x_range[1], y_range[1])
    if low < high:
        found.append(_segment(_line(1.0, 0.0), low, high, "both equal", beyond=True))
    return found


def _two_lines(
    lower: Line, upper: Line, split: float, ends: tuple[float, float], names: tuple[str, str]
) -> list[Row]:
    """Both lines, and the first one continued."""
    kinds = [
        f"{name}, slope {fmt.number(line.slope, 2)}"
        for name, line in zip(names, (lower, upper), strict=True)
    ]
    return [
        _segment(lower, ends[0], min(max(split, ends[0]), ends[1]), kinds[0]),
        _segment(lower, min(max(split, ends[0]), ends[1]), ends[1], kinds[0], beyond=True),
        _segment(upper, max(split, ends[0]), ends[1], kinds[1]),
    ]


def _line(slope: float, intercept: float) -> Line:
    return Line(slope, intercept, None, 0)


def _segment(line: Line, start: float, end: float, kind: str, *, beyond: bool = False) -> Row:
    y0, y1 = (line.intercept + line.slope * v for v in (start, end))
    return {"kind": kind, "x0": start, "y0": y0, "x1": end, "y1": y1, "beyond": beyond}


def _clipped(row: Row, y_range: tuple[float, float]) -> list[Row]:
    """The part of a segment that lies inside the axes; none where it has no length there."""
    low, high = y_range
    rise = row["y1"] - row["y0"]
    if rise == 0:
        return [row] if low <= row["y0"] <= high else []
    ends = sorted(((low - row["y0"]) / rise, (high - row["y0"]) / rise))
    first, last = max(0.0, ends[0]), min(1.0, ends[1])
    if first >= last:
        return []

    def at(share: float, key: str) -> float:
        return float(row[f"{key}0"] + share * (row[f"{key}1"] - row[f"{key}0"]))

    return [
        {
            **row,
            "x0": at(first, "x"),
            "y0": at(first, "y"),
            "x1": at(last, "x"),
            "y1": at(last, "y"),
        }
    ]


def _segments(lines: Sequence[Row], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    kinds = list(dict.fromkeys(row["kind"] for row in lines))
    fitted = [row["kind"] for row in lines if not row["beyond"]]
    looks = {kind: (LIGHT.faint, [2, 3]) for kind in kinds}
    two = ((LIGHT.muted, [6, 3]), (LIGHT.ink, [1, 0]))
    looks |= dict(zip(dict.fromkeys(fitted), two, strict=False))
    drawn = alt.Chart(parts.data(lines)).encode(
        x=parts.moved(x, "x0"),
        y=parts.moved(y, "y0"),
        x2="x1:Q",
        y2="y1:Q",
        color=alt.Color("kind:N").scale(domain=kinds, range=[looks[kind][0] for kind in kinds]),
        strokeDash=alt.StrokeDash("kind:N", legend=alt.Legend(symbolSize=600)).scale(
            domain=kinds, range=[looks[kind][1] for kind in kinds]
        ),
    )
    return [
        drawn.transform_filter("!datum.beyond").mark_rule(strokeWidth=2.2, tooltip=None),
        drawn.transform_filter("datum.beyond").mark_rule(strokeWidth=1.2, tooltip=None),
    ]


def _bands(
    it: _Scatter,
    x: tuple[alt.X, tuple[float, float]],
    y: tuple[alt.Y, tuple[float, float]],
    ends: tuple[float, float],
) -> list[alt.Chart]:
    """The interval of the breakpoint, and those of the two slopes as wedges from it to the ends."""
    bend = _bend(it)
    if bend is None:
        return []
    height, (left, right), (low, high) = _height(it, bend), x[1], y[1]
    made = []
    if bend.interval is not None:
        box = [{"x": max(left, bend.interval[0]), "x2": min(right, bend.interval[1])}]
        band = alt.Chart(parts.data(box)).mark_rect(color=LIGHT.rule, opacity=0.7, tooltip=None)
        made.append(band.encode(x=parts.moved(x[0], "x"), x2="x2:Q"))
    text = alt.Chart(parts.data([{"x": bend.value, "text": fmt.percent(bend.value)}])).mark_text(
        dy=-7, fill=LIGHT.muted, tooltip=None
    )
    made.append(text.encode(x=parts.moved(x[0], "x"), y=alt.value("height"), text="text:N"))
    wedges = ((bend.slope_below_interval, ends[0]), (bend.slope_above_interval, ends[1]))
    for slopes, end in wedges:
        if slopes is None:
            continue
        rows = [
            {
                "x": v,
                "y": min(max(min(values), low), high),
                "y2": max(min(max(values), high), low),
            }
            for v in np.linspace(bend.value, end, 25).tolist()
            for values in [[height + slope * (v - bend.value) for slope in slopes]]
        ]
        area = alt.Chart(parts.data(rows)).mark_area(color=LIGHT.tint, opacity=0.35, tooltip=None)
        made.append(area.encode(x=x[0], y=parts.moved(y[0], "y"), y2="y2:Q"))
    return made


def _caption(it: _Scatter) -> str:
    text = f"Each dot is {'an' if it.things[0][0] in 'aeiou' else 'a'} {it.things[0]}."
    bend = _bend(it)
    if bend is not None:
        text += (
            " Two lines meet where the slope changes most; the grey band is the 95% interval of"
            " that place, the blue wedges those of the slopes. The thin continuation shows where"
            " the best would lie, had the first slope lasted."
        )
    elif it.proxy is not None and it.proxy.breakpoint is not None:
        text += " No change of the slope shows, so that one line is fitted to all of them."
    elif it.halves is not None:
        text += (
            " One line is fitted to the weaker half of the models, one to the stronger; a slope of"
            " 1 would mean that a point gained on one accuracy is a point gained on the other. So"
            " few models tell neither where the slope changes nor whether it does."
        )
    return text


def _in_words(it: _Scatter) -> str:
    bend = _bend(it)
    if bend is not None:
        return (
            f"The slope changes at {fmt.percent(bend.value)}, from"
            f" {fmt.number(bend.slope_below, 2)} to {fmt.number(bend.slope_above, 2)}."
        )
    if it.halves is not None:
        return (
            f"The slope is {fmt.number(it.halves.lower.slope, 2)} below and"
            f" {fmt.number(it.halves.upper.slope, 2)} above {it.words[0]} of"
            f" {fmt.percent(it.halves.split)}."
        )
    return f"{_capital(it.words[1])} against {it.words[0]}."


def _word(metric: str, proxy: Proxy) -> str:
    return "original accuracy" if metric == "original" else metric_name(metric, proxy)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
