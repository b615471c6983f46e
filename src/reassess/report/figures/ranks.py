"""The figure of ranks: where each model may stand, under other images and other raters."""

from itertools import pairwise

import altair as alt

from reassess.report import words
from reassess.report.contents import Figure, Report
from reassess.report.figures import marks
from reassess.report.theme import LIGHT

_N_SHOWN = 60
_ROW = 17


def ranks(report: Report) -> Figure | None:
    """Each model's rank with its interval, best first; None where no intervals are known."""
    known = sorted(report.uncertainty, key=lambda one: (one.rank, one.model))
    if not known:
        return None
    shown = known[:_N_SHOWN]
    rows: list[marks.Row] = [
        {"model": one.model, "rank": one.rank, "low": one.ranks[0], "high": one.ranks[1]}
        for one in shown
    ]
    marks.tell(rows)
    tips = tuple(
        (one.model, f"rank {one.rank:,}, may be {one.ranks[0]:,} to {one.ranks[1]:,}")
        for one in shown
    )
    last = max(row["high"] for row in rows)
    x = alt.X("rank:Q", title=None, axis=alt.Axis(orient="top", format=",d", tickMinStep=1))
    x = x.scale(domain=[1, max(last, 2)], nice=False, padding=8)
    y = alt.Y("model:N", sort=[row["model"] for row in rows], title=None)
    base = alt.Chart(marks.data(rows)).encode(y=y.axis(grid=False), description=marks.pointed())
    bars = base.mark_rule(color=LIGHT.tint, strokeWidth=5).encode(
        x=marks.moved(x, "low"), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=62, opacity=1, shape="circle", color=LIGHT.real)
    sure = sum(a.ranks[1] < b.ranks[0] for a, b in pairwise(known))
    title = f"{sure:,} of {words.count(len(known) - 1, 'pair')} of neighbours are surely in order"
    subtitle = "Rank by ReaL accuracy with its 95% interval"
    if len(known) > _N_SHOWN:
        subtitle += f"; the best {_N_SHOWN} of {words.count(len(known), 'model')}"
    caption = (
        "A bar spans the ranks that a model may have, were other images drawn and, where it could"
        " be told, had other raters answered. Where bars of two models overlap the order between"
        " them is not settled."
    )
    first = known[0]
    alternative = (
        f"Dot plot of the ranks of {words.count(len(known), 'model')}. {first.model} is first, and"
        f" may be {first.ranks[0]:,} to {first.ranks[1]:,}; {title}."
    )
    chart = marks.spec(marks.layered(bars, dots.encode(x=x)), alternative, _ROW * len(rows))
    return Figure("ranks", title, subtitle, caption, alternative, chart, tips=tips)
