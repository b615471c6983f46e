"""Figures about models: accuracies, ranks, preference, later predictions."""

import altair as alt
import numpy as np

from reassess.records import ModelScore
from reassess.report import formatting as fmt
from reassess.report.figures import chart_parts as parts
from reassess.report.figures.chart_parts import Row
from reassess.report.page_parts import Figure, Report
from reassess.report.svg import LIGHT

_N_SHOWN = 60
_TALL = 400
_ROW = 17
REAL = "ReaL accuracy"
ORIGINAL = "original accuracy"


def accuracies(report: Report) -> Figure | None:
    """Each model under both kinds of labels, best first, with intervals."""
    ranked = report.by_real
    if not ranked:
        return None
    shown = ranked[:_N_SHOWN]
    rows = [row for score, _ in shown for row in _accuracy_rows(score)]
    own = parts.own_level(report)
    ends = [row[end] for row in rows for end in ("low", "high")]
    x, _ = parts.across("value", ends if own is None else [*ends, own], "", "top")
    order = [score.model for score, _ in shown]
    y = alt.Y("model:N", sort=order, title=None, axis=alt.Axis(grid=False))
    kinds = [kind for kind in (REAL, ORIGINAL) if any(row["kind"] == kind for row in rows)]
    colour = alt.Color("kind:N").scale(domain=kinds, range=[LIGHT.real, LIGHT.original])
    shape = alt.Shape("kind:N").scale(domain=kinds, range=["circle", "diamond"])
    tips = parts.tell(rows, ("value", ""))
    tips = tuple(
        (who, f"{row['kind']} {said} ({fmt.between(row['low'], row['high'])})")
        for (who, said), row in zip(tips, rows, strict=True)
    )
    base = alt.Chart(parts.data(rows)).encode(y=y)
    layers: list[parts.Drawn] = [
        base.mark_rule(color=LIGHT.rule, strokeWidth=2.5, tooltip=None).encode(
            x=parts.moved(x, "min(value)"), x2="max(value):Q"
        ),
        base.mark_rule(strokeWidth=1.5, tooltip=None).encode(
            x=parts.moved(x, "low"),
            x2="high:Q",
            color=colour,
            description=parts.pointed(),
        ),
        base.mark_point(filled=True, size=62, opacity=1).encode(
            x=x, color=colour, shape=shape, description=parts.pointed()
        ),
    ]
    if own is not None:
        text = f"original labels {fmt.percent(own)}"
        line = alt.Chart(parts.data([{"value": own, "text": text}])).encode(x=x)
        rule = line.mark_rule(
            color=LIGHT.original, strokeDash=[5, 4], strokeWidth=1.5, tooltip=None
        )
        said = line.mark_text(align="right", dx=4, dy=13, fill=LIGHT.original, tooltip=None)
        layers += [rule, said.encode(y=alt.value("height"), text="text:N")]
    title, subtitle, caption, alternative = _accuracy_words(report, ranked)
    chart = parts.spec(parts.layered(*layers), alternative, _ROW * len(shown))
    return Figure(
        "accuracies",
        title,
        subtitle,
        caption,
        alternative,
        chart,
        tips=tips,
        data=parts.rows_table("accuracies", rows),
    )


def _accuracy_rows(score: ModelScore) -> list[Row]:
    own = score.original
    found = [(REAL, score.real_value, score.real_interval())]
    found += [] if own is None else [(ORIGINAL, own.value, fmt.interval(own))]
    return [
        {"model": score.model, "kind": kind, "value": value, "low": ends[0], "high": ends[1]}
        for kind, value, ends in found
        if ends is not None
    ]


def _accuracy_words(
    report: Report, ranked: list[tuple[ModelScore, float]]
) -> tuple[str, str, str, str]:
    (best, value), (worst, least) = ranked[0], ranked[-1]
    own = parts.own_level(report)
    title = f"{best.model} {_leads(report, best.model)} {fmt.percent(value)} ReaL accuracy"
    subtitle = "Top-1 accuracy under reassessed labels (ReaL)"
    caption = (
        "One row a model, best at the top. Bars through the marks, where they are wide enough to"
        " see, are 95% intervals."
    )
    if best.original is not None:
        subtitle += " and original labels"
        caption += (
            " The two differ because ReaL accepts every label of an image, replaces labels that do"
            " not hold and leaves out images without any."
        )
    subtitle += ", with 95% intervals"
    if len(ranked) > _N_SHOWN:
        subtitle += f"; the best {_N_SHOWN} of {fmt.count(len(ranked), 'model')}"
    if own is not None:
        caption += (
            " The dashed line is how the original labels themselves score under the reassessed"
            f" ones, {fmt.percent(own)}: a model right of it beats them."
        )
    alternative = (
        f"Dot plot of {fmt.count(len(ranked), 'model')}. {best.model} is best with a ReaL"
        f" accuracy of {fmt.percent(value)}; {worst.model} is last with {fmt.percent(least)}."
    )
    return title, subtitle, caption, alternative


def _leads(report: Report, best: str) -> str:
    """*leads with* where intervals say that the best model is, else *reaches*."""
    adjacent = [] if report.uncertainty is None else report.uncertainty.adjacent()
    sure = bool(adjacent) and adjacent[0].better == best and adjacent[0].decision == "decided"
    return "leads with" if sure else "reaches"


def preference(report: Report) -> Figure | None:
    """Share of images on which the model's prediction holds and the original label does not."""
    real = {score.model: value for score, value in report.by_real}
    rows: list[Row] = [
        {
            "model": one.model,
            "real": real[one.model],
            "value": one.value,
            "low": one.interval[0],
            "high": one.interval[1],
        }
        for one in report.findings.preferences
        if one.value is not None and one.model in real
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: -row["value"])
    x = parts.across("real", (row["real"] for row in rows), "ReaL accuracy")
    ends = [row[end] for row in rows for end in ("low", "high")]
    y = parts.up("value", [*ends, 0.5], f"{report.raters} side with the model")
    tips = parts.tell(
        rows, ("value", "side with the model"), ("low", "from"), ("high", "to"), ("real", "ReaL")
    )
    base = alt.Chart(parts.data(rows)).encode(x=x[0])
    bars = base.mark_rule(color=LIGHT.tint, strokeWidth=1.5, tooltip=None).encode(
        y=parts.moved(y[0], "low"), y2="high:Q", description=parts.pointed()
    )
    chart = parts.layered(
        parts.level(0.5, "above this line the model is right more often", y[0]),
        *([bars] if len(rows) <= parts.MANY else []),
        parts.dots(rows).encode(x=x[0], y=y[0]),
        *parts.names(parts.spread(rows), x, y, ("real", "value"), _TALL),
    )
    top = rows[0]
    n_above = sum(row["low"] > 0.5 for row in rows)
    title = f"Where only one is right, it is {top['model']} rather than the original label"
    title += f" in {fmt.percent(top['value'], 0)} of images"
    caption = (
        "Counts the images on which exactly one of the two, the model's first prediction or the"
        " original label, is among the reassessed labels."
    )
    if len(rows) <= parts.MANY:
        caption += " Bars are 95% intervals."
    if n_above:
        caption += f" {fmt.count(n_above, 'model')} lie above 50% with the whole interval."
    else:
        caption += " No model lies above 50% with its whole interval."
    alternative = (
        f"Scatter plot of {fmt.count(len(rows), 'model')} against ReaL accuracy. The share is"
        f" highest for {top['model']}, {fmt.percent(top['value'])}, and lowest for"
        f" {rows[-1]['model']}, {fmt.percent(rows[-1]['value'])}."
    )
    subtitle = f"How often {report.raters} side with the model against the original label"
    whole = parts.spec(chart, alternative, _TALL)
    return Figure(
        "preference",
        title,
        subtitle,
        caption,
        alternative,
        whole,
        tips=tips,
        data=parts.rows_table("preference", rows),
    )


def later_predictions(report: Report) -> Figure | None:
    """Second and third predictions, where the first is right and the image has as many labels."""
    real = {score.model: value for score, value in report.by_real}
    ordinal = {2: "second prediction", 3: "third prediction"}
    rows: list[Row] = [
        {"model": one.model, "real": real[one.model], "value": one.value, "rank": ordinal[one.rank]}
        for one in report.findings.later
        if one.value is not None and one.model in real and one.rank in ordinal
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: -row["value"])
    ranks = [name for name in ordinal.values() if any(row["rank"] == name for row in rows)]
    x = parts.across("real", (row["real"] for row in rows), "ReaL accuracy")
    y = parts.up("value", (row["value"] for row in rows), "share that is right too")
    colour = alt.Color("rank:N").scale(domain=ranks, range=[LIGHT.real, LIGHT.expert])
    shape = alt.Shape("rank:N").scale(domain=ranks, range=["circle", "triangle-up"])
    tips = parts.tell(rows, ("value", "right too"), ("real", "ReaL"))
    tips = tuple(
        (who, f"{row['rank']}: {said}") for (who, said), row in zip(tips, rows, strict=True)
    )
    points = parts.dots(rows, n=len(rows) // 2).encode(x=x[0], y=y[0], color=colour, shape=shape)
    first = [row for row in rows if row["rank"] == ranks[0]]
    others = [row for row in rows if row["rank"] != ranks[0]]
    chart = parts.layered(
        points,
        *parts.names(parts.spread(first), x, y, ("real", "value"), _TALL, others),
    )
    top = first[0]
    title = f"After a right first prediction, the {ranks[0].split()[0]} is right in at most"
    title += f" {fmt.percent(top['value'], 0)} of images"
    caption = (
        "Only images with at least two (or three) reassessed labels whose first prediction is one"
        " of them. A model that knew every label would reach 100%: what is missing are labels that"
        " are in the image and that the model does not rank first."
    )
    alternative = (
        f"Scatter plot against ReaL accuracy. The best {ranks[0]} is that of {top['model']},"
        f" {fmt.percent(top['value'])}; the least, of {first[-1]['model']},"
        f" {fmt.percent(first[-1]['value'])}."
    )
    subtitle = "Accuracy of the next predictions on images with several labels"
    whole = parts.spec(chart, alternative, _TALL)
    return Figure(
        "later-predictions",
        title,
        subtitle,
        caption,
        alternative,
        whole,
        tips=tips,
        data=parts.rows_table("later-predictions", rows),
    )


def ranks(report: Report) -> Figure | None:
    """Each model's rank with its interval, best first; None where no intervals are known."""
    found = report.uncertainty
    if found is None or len(found.models) < 2:
        return None
    ranked = found.images if found.both is None else found.both
    order = np.argsort(ranked.rank, kind="stable")
    shown = order[:_N_SHOWN].tolist()
    rows: list[parts.Row] = [
        {
            "model": found.models[m], "rank": int(ranked.rank[m]), "low": int(ranked.best[m]),
            "high": int(ranked.worst[m]),
        }
        for m in shown
    ]  # fmt: skip
    parts.tell(rows)
    tips = tuple(
        (row["model"], f"rank {row['rank']:,}, may be {row['low']:,} to {row['high']:,}")
        for row in rows
    )
    last = max(row["high"] for row in rows)
    x = alt.X("rank:Q", title=None, axis=alt.Axis(orient="top", format=",d", tickMinStep=1))
    x = x.scale(domain=[1, max(last, 2)], nice=False, padding=8)
    y = alt.Y("model:N", sort=[row["model"] for row in rows], title=None)
    base = alt.Chart(parts.data(rows)).encode(y=y.axis(grid=False), description=parts.pointed())
    bars = base.mark_rule(color=LIGHT.tint, strokeWidth=5).encode(
        x=parts.moved(x, "low"), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=62, opacity=1, shape="circle", color=LIGHT.real)
    adjacent = found.adjacent()
    sure = sum(one.decision == "decided" for one in adjacent)
    title = f"{sure:,} of {fmt.count(len(adjacent), 'pair')} of neighbours are surely in order"
    if found.both is None:
        subtitle = "Rank by ReaL accuracy with its 95% interval, from images"
        drawn = "were other images drawn"
    else:
        subtitle = "Rank by calibrated accuracy with its 95% interval, from images and labels"
        drawn = "were other images drawn and had other raters answered"
    n_models = fmt.count(len(found.models), "model")
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
    chart = parts.spec(parts.layered(bars, dots.encode(x=x)), alternative, _ROW * len(rows))
    return Figure(
        "ranks",
        title,
        subtitle,
        caption,
        alternative,
        chart,
        tips=tips,
        data=parts.rows_table("ranks", rows),
    )
