"""The figure of ranks: where each model may stand, under other images and other raters."""

import altair as alt
import numpy as np

from reassess.report import words
from reassess.report.contents import Figure, Report
from reassess.report.figures import marks
from reassess.report.theme import LIGHT

_N_SHOWN = 60
_ROW = 17


def ranks(report: Report) -> Figure | None:
    """Each model's rank with its interval, best first; None where no intervals are known."""
    found = report.uncertainty
    if found is None or len(found.models) < 2:
        return None
    ranked = found.images if found.both is None else found.both
    order = np.argsort(ranked.rank, kind="stable")
    shown = order[:_N_SHOWN].tolist()
    rows: list[marks.Row] = [
        {
            "model": found.models[m], "rank": int(ranked.rank[m]), "low": int(ranked.best[m]),
            "high": int(ranked.worst[m]),
        }
        for m in shown
    ]  # fmt: skip
    marks.tell(rows)
    tips = tuple(
        (row["model"], f"rank {row['rank']:,}, may be {row['low']:,} to {row['high']:,}")
        for row in rows
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
    adjacent = found.adjacent()
    sure = sum(one.verdict == "decided" for one in adjacent)
    title = f"{sure:,} of {words.count(len(adjacent), 'pair')} of neighbours are surely in order"
    if found.both is None:
        subtitle = "Rank by ReaL accuracy with its 95% interval, from images"
        drawn = "were other images drawn"
    else:
        subtitle = "Rank by calibrated accuracy with its 95% interval, from images and labels"
        drawn = "were other images drawn and had other raters answered"
    n_models = words.count(len(found.models), "model")
    if len(found.models) > _N_SHOWN:
        subtitle += f"; the best {_N_SHOWN} of {n_models}"
    caption = (
        f"A bar spans the ranks that a model may have, {drawn}. Where bars of two models overlap"
        " the order between them may still be settled, by the images that only one of them has"
        " right."
    )
    first = rows[0]
    alternative = (
        f"Dot plot of the ranks of {n_models}. {first['model']} is first, and may be"
        f" {first['low']:,} to {first['high']:,}; {title}."
    )
    chart = marks.spec(marks.layered(bars, dots.encode(x=x)), alternative, _ROW * len(rows))
    return Figure("ranks", title, subtitle, caption, alternative, chart, tips=tips)
