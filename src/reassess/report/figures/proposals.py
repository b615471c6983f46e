"""The figure of a choice of models: what recall costs, and which models buy it.

It tells of a `ModelChoice`, not of a `Report`: it stands alone and is on no page. Above, the
recall–cost curve with numbered points; below, one column a number, with a dot for each model
that the subset has.
"""

from collections.abc import Sequence

import altair as alt

from reassess.proposals.model_selection import ModelChoice, Subset
from reassess.report import formatting as fmt
from reassess.report.figures import chart_parts as parts
from reassess.report.figures.chart_parts import Row
from reassess.report.page_parts import Figure
from reassess.report.svg import LIGHT, chart_config

_TALL = 330
_ROW = 17
_APART = 26.0
_KINDS = ("chosen", "other")


def recall_cost(choice: ModelChoice) -> Figure:
    """The recall–cost curve of a choice of models, each of its points named."""
    rows = [_row(subset, choice) for subset in choice.curve]
    low = min(row["proposals"] for row in rows)
    high = max(row["proposals"] for row in rows)
    margin = max(1.0, 0.03 * (high - low))
    x_range = (low - margin, high + margin)
    y, y_range = parts.up("recall", [*(row["recall"] for row in rows), choice.wanted], "recall")
    shown = _apart(rows, x_range, y_range)
    for number, row in enumerate(shown, 1):
        row["number"] = number
    x = alt.X(
        "proposals:Q",
        title="proposals among gold questions",
        scale=alt.Scale(domain=list(x_range), nice=False, zero=False),
        axis=alt.Axis(format=",d"),
    )
    upper = _curve(rows, shown, choice, x, y).properties(width=parts.WIDTH, height=_TALL)
    lower = _members(shown, choice)
    title, subtitle, caption, alternative = _words(choice, shown)
    whole = alt.VConcatChart(vconcat=[upper, lower], spacing=26, description=alternative)
    chart = whole.to_dict(validate=False)
    chart["config"] = chart_config()
    return Figure("recall-cost", title, subtitle, caption, alternative, chart, from_votes=False)


def _row(subset: Subset, choice: ModelChoice) -> Row:
    return {
        "models": ", ".join(subset.models) or "no lists",
        "members": subset.models,
        "size": len(subset.models),
        "recall": subset.recall,
        "precision": subset.precision,
        "proposals": subset.n_proposals,
        "kind": _KINDS[subset != choice.chosen],
    }


def _apart(
    rows: Sequence[Row], x_range: tuple[float, float], y_range: tuple[float, float]
) -> list[Row]:
    """The chosen point, the last, the first, and others that leave room for a number."""

    def place(row: Row) -> tuple[float, float]:
        return (
            (row["proposals"] - x_range[0]) / (x_range[1] - x_range[0]) * parts.WIDTH,
            (row["recall"] - y_range[0]) / (y_range[1] - y_range[0]) * _TALL,
        )

    first = [row for row in rows if row["kind"] == _KINDS[0]]
    kept: dict[int, tuple[float, float]] = {}
    for row in [*first, rows[-1], rows[0], *rows]:
        px, py = place(row)
        if all(max(abs(px - qx), abs(py - qy)) >= _APART for qx, qy in kept.values()):
            kept[id(row)] = (px, py)
    return [row for row in rows if id(row) in kept]


def _of(rows: Sequence[Row]) -> alt.InlineData:
    """Rows without their members, which are drawn one row each."""
    return parts.data({k: v for k, v in row.items() if k != "members"} for row in rows)


def _colour() -> alt.Color:
    scale = alt.Scale(domain=list(_KINDS), range=[LIGHT.ink, LIGHT.faint])
    return alt.Color("kind:N", scale=scale, legend=None)


def _curve(
    rows: Sequence[Row], shown: Sequence[Row], choice: ModelChoice, x: alt.X, y: alt.Y
) -> alt.LayerChart:
    tips = [
        alt.Tooltip("number:Q", title="point"),
        alt.Tooltip("models:N"),
        alt.Tooltip("recall:Q", format=".1%"),
        alt.Tooltip("precision:Q", format=".1%"),
        alt.Tooltip("proposals:Q", format=",d"),
    ]
    line = alt.Chart(_of(rows)).encode(x=x, y=y)
    dots = alt.Chart(_of(shown)).encode(x=x, y=y, color=_colour())
    named = dots.encode(text="number:Q")
    wanted = [{"level": choice.wanted, "text": f"wanted recall {fmt.percent(choice.wanted)}"}]
    level = alt.Chart(parts.data(wanted)).encode(y=parts.moved(y, "level"))
    return parts.layered(
        level.mark_rule(color=LIGHT.muted, strokeDash=[5, 4], strokeWidth=1.5, tooltip=None),
        level.mark_text(align="left", dx=4, dy=-9, fill=LIGHT.muted, tooltip=None).encode(
            x=alt.value(0), text="text:N"
        ),
        line.mark_line(color=LIGHT.rule, strokeWidth=2, interpolate="step-after", tooltip=None),
        line.mark_circle(color=LIGHT.faint, size=12, opacity=1).encode(tooltip=tips[1:]),
        dots.mark_circle(size=62, opacity=1, stroke=LIGHT.paper, strokeWidth=0.8).encode(
            tooltip=tips
        ),
        named.mark_text(dx=8, dy=11, fontSize=11, fontWeight=600, tooltip=None),
    )


def _members(shown: Sequence[Row], choice: ModelChoice) -> alt.LayerChart:
    """A dot for each model of each numbered subset; models used most at the top."""
    uses = {m: sum(m in row["members"] for row in shown) for m in choice.models}
    used = sorted((m for m in choice.models if uses[m]), key=lambda m: -uses[m])
    cells: list[Row] = [
        {
            "number": row["number"],
            "kind": row["kind"],
            "model": model,
            "in": model in row["members"],
        }
        for row in shown
        for model in used
    ]
    x = alt.X(
        "number:O",
        title="point of the curve",
        axis=alt.Axis(orient="top", labelAngle=0, grid=False),
    )
    y = alt.Y(
        "model:N",
        title=None,
        sort=used,
        axis=alt.Axis(grid=False, labelLimit=170, orient="right"),
    )
    base = alt.Chart(parts.data(cells)).encode(x=x, y=y)
    drawn = parts.layered(
        base.mark_circle(size=16, color=LIGHT.rule, opacity=1, tooltip=None),
        base.transform_filter("datum['in']")
        .mark_circle(size=70, opacity=1)
        .encode(color=_colour(), tooltip=[alt.Tooltip("model:N"), alt.Tooltip("number:O")]),
    )
    return drawn.properties(width=parts.WIDTH, height=_ROW * max(1, len(used)))


def _words(choice: ModelChoice, shown: Sequence[Row]) -> tuple[str, str, str, str]:
    one = choice.chosen
    size = len(one.models)
    title = (
        f"{fmt.count(size, 'model')} of {len(choice.models)} reach a recall of "
        f"{fmt.percent(one.recall)} at a precision of {fmt.percent(one.precision)}"
    )
    how = "all subsets counted" if choice.exhaustive else "those that a greedy search met"
    subtitle = (
        f"Recall on {fmt.count(one.n_positive, 'positive gold question')} against the number of "
        f"proposals, for the best subsets of the models ({how})"
    )
    number = next(row["number"] for row in shown if row["kind"] == _KINDS[0])
    caption = (
        "No subset finds more with fewer proposals than one on the curve. A column below shows "
        f"which models the numbered point takes lists from; point {number}, the darkest, is the "
        "one chosen. Original labels and every model's top prediction are proposed with any subset."
    )
    last = choice.curve[-1]
    alternative = (
        f"Curve of {fmt.count(len(choice.curve), 'subset')} from "
        f"{fmt.percent(choice.curve[0].recall)} recall at {choice.curve[0].n_proposals:,} "
        f"proposals to {fmt.percent(last.recall)} at {last.n_proposals:,}. Chosen: "
        f"{fmt.listed(list(one.models)) or 'no lists'}, {fmt.percent(one.recall)} at "
        f"{one.n_proposals:,}."
    )
    return title, subtitle, caption, alternative
