"""Figures about labels: how many, how far they agree with experts, which occur together."""

import altair as alt
import numpy as np

from reassess.analysis.agreement import AgreementPoint
from reassess.analysis.multilabel import OracleComparison
from reassess.report import formatting as fmt
from reassess.report.figures import chart_parts as parts
from reassess.report.figures.chart_parts import Row
from reassess.report.page_parts import Figure, Report
from reassess.report.svg import LIGHT

_MOST_LABELS = 10
_CURVE_POINTS = 300
_RANKS = 60
_CURVES = 40
_KINDS = {
    "the original label alone": LIGHT.shade,
    "another label alone": LIGHT.real,
    "one label": LIGHT.shade,
    "several labels": LIGHT.tint,
    "no label": LIGHT.faint,
}
_MARKS = {
    "single raters": (LIGHT.faint, "circle", 42),
    "experts": (LIGHT.expert, "diamond", 110),
    "original labels": (LIGHT.original, "cross", 190),
    "reassessed labels": (LIGHT.real, "circle", 210),
}
"""Colour, shape and size of who is held against gold."""


def label_counts(report: Report) -> Figure | None:
    """Images by how many labels they have, and what became of the original label."""
    n_images = report.findings.counts.n_images
    rows = _count_rows(report)
    parts.tell(rows, who="kind")
    tips = tuple(
        (f"{row['labels']} {'label' if row['labels'] == '1' else 'labels'}",
         f"{row['kind']}: {fmt.count(row['images'], 'image')}")
        for row in rows
    )  # fmt: skip
    kinds = [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)]
    colours = [_KINDS[kind] for kind in kinds]
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["labels"]] = totals.get(row["labels"], 0) + row["images"]
    order = list(totals)
    x = alt.X("labels:N", sort=order, title="reassessed labels of an image")
    x = x.axis(grid=False, labelAngle=0, labelFontSize=13)
    y = alt.Y("images:Q", title=None).axis(format=",d", tickCount=5)
    y = y.scale(domain=[0, 1.06 * max(totals.values())], nice=False)
    bars = alt.Chart(parts.data(rows)).mark_bar(stroke=LIGHT.paper, strokeWidth=1)
    numbers = alt.Chart(parts.data({"labels": k, "images": n} for k, n in totals.items()))
    chart = parts.layered(
        bars.encode(
            x=x,
            y=y,
            order=alt.Order("order:Q"),
            color=alt.Color("kind:N").scale(domain=kinds, range=colours),
            description=parts.pointed(),
        ),
        numbers.mark_text(dy=-8, fill=LIGHT.muted, tooltip=None).encode(
            x=x, y=y, text=alt.Text("images:Q", format=",d")
        ),
    )
    share = report.findings.share
    n_several = share.n_multiple
    title = f"{fmt.count(n_several, 'image')} have several labels"
    if share.n_labelled:
        title += f", {fmt.percent(share.of_labelled)} of those with any"
    caption = "Images without a label are left out of every score under reassessed labels."
    if report.findings.kinds is not None:
        caption += (
            " Among images with exactly one label the colours tell whether it is the one that the"
            " benchmark shipped."
        )
    alternative = "Bar chart. " + "; ".join(
        f"{fmt.count(n, 'image')} with {count}" for count, n in enumerate(n_images) if n
    )
    whole = parts.spec(chart, alternative + ".", 320)
    subtitle = "Images by their number of reassessed labels"
    return Figure(
        "label-counts",
        title,
        subtitle,
        caption,
        alternative + ".",
        whole,
        tips=tips,
        data=parts.rows_table("label-counts", rows),
    )


def _count_rows(report: Report) -> list[Row]:
    kinds = report.findings.kinds
    names = list(_KINDS)
    parts: dict[tuple[str, str], int] = {}
    for size, n in enumerate(report.findings.counts.n_images):
        text = f"{_MOST_LABELS}+" if size >= _MOST_LABELS else str(size)
        if size == 1 and kinds is not None:
            parts[text, "the original label alone"] = kinds.n_confirmed
            parts[text, "another label alone"] = kinds.n_replaced
        else:
            kind = {0: "no label", 1: "one label"}.get(size, "several labels")
            parts[text, kind] = parts.get((text, kind), 0) + n
    return [
        {"labels": text, "kind": kind, "images": n, "order": names.index(kind)}
        for (text, kind), n in parts.items()
    ]


def agreement(report: Report) -> Figure | None:
    """Precision and recall on gold: raters, experts, both kinds of labels, the curve."""
    found = report.findings.agreement
    if found is None:
        return None
    crowd = [("single raters", point) for point in found.raters]
    crowd += [("experts", point) for point in found.experts]
    crowd += [] if found.original is None else [("original labels", found.original)]
    crowd += [("reassessed labels", found.labels)]
    rows = [row for kind, point in crowd for row in _point_rows(point, kind)]
    if not rows:
        return None
    tips = parts.tell(rows, ("precision", "precision"), ("recall", "recall"), who="name")
    x, _ = parts.across(
        "recall", (row["recall"] for row in rows), "recall: share of present labels that are kept"
    )
    y, _ = parts.up(
        "precision", (row["precision"] for row in rows), "precision: share of kept labels that hold"
    )
    kinds = [kind for kind in _MARKS if any(row["kind"] == kind for row in rows)]
    colours, shapes, _ = zip(*(_MARKS[kind] for kind in kinds), strict=True)
    points = alt.Chart(parts.data(rows)).mark_point(
        filled=True, opacity=1, stroke=LIGHT.paper, strokeWidth=0.8
    )
    layers: list[parts.Drawn] = [
        points.encode(
            x=x,
            y=y,
            color=alt.Color("kind:N").scale(domain=kinds, range=list(colours)),
            shape=alt.Shape("kind:N").scale(domain=kinds, range=list(shapes)),
            size=alt.Size("size:Q", scale=None, legend=None),
            description=parts.pointed(),
        )
    ]
    curve = _curve_rows(report)
    if curve:
        line = alt.Chart(parts.data(curve)).mark_line(
            color=LIGHT.tint, strokeWidth=2, clip=True, tooltip=None
        )
        layers.insert(0, line.encode(x=x, y=y, order=alt.Order("step:Q")))
    title, caption, alternative = _agreement_words(report)
    subtitle = f"Precision and recall on {found.n_gold:,} questions that {report.experts} answered"
    whole = parts.spec(parts.layered(*layers), alternative, 440)
    return Figure(
        "agreement",
        title,
        subtitle,
        caption,
        alternative,
        whole,
        tips=tips,
        data=parts.rows_table(
            "agreement",
            [*rows, *({"kind": "threshold", "name": str(one["step"]), **one} for one in curve)],
        ),
    )


def _agreement_words(report: Report) -> tuple[str, str, str]:
    found = report.findings.agreement
    assert found is not None  # noqa: S101 -- the caller drew it
    new, old = found.labels, found.original
    alternative = (
        f"Reassessed labels: precision {fmt.percent(new.precision)}, recall"
        f" {fmt.percent(new.recall)}."
    )
    title = f"Against the {report.experts}, reassessed labels reach"
    title += f" {fmt.percent(new.precision, 0)} precision at {fmt.percent(new.recall, 0)} recall"
    if old is not None:
        alternative += (
            f" Original labels: precision {fmt.percent(old.precision)}, recall"
            f" {fmt.percent(old.recall)}."
        )
    caption = (
        "Up and to the right is better. What is true is what more than half of them say;"
        " an expert is held to a majority that includes him or her."
    )
    if found.raters:
        caption += " For a single rater a “maybe” counts as a yes."
    point = report.labels.operating_point
    if point is not None:
        caption += f" The labels are those with a posterior of at least {point.threshold:.2f}."
    if found.curve is not None:
        caption += (
            " The line shows what other thresholds on the posterior would give: to the right more"
            " labels are kept, and more of them are wrong."
        )
    if old is not None:
        caption += " An original label names one class, so its recall is low where several hold."
    return title, caption, alternative


def _point_rows(point: AgreementPoint, kind: str) -> list[Row]:
    if point.precision is None or point.recall is None:
        return []
    row = {"kind": kind, "name": point.name, "size": _MARKS[kind][2]}
    return [{**row, "precision": point.precision, "recall": point.recall}]


def _curve_rows(report: Report) -> list[Row]:
    found = report.findings.agreement
    curve = None if found is None else found.curve
    if curve is None:
        return []
    shown = np.unique(np.linspace(0, len(curve.recall) - 1, _CURVE_POINTS).round().astype(int))
    pairs = zip(curve.recall[shown].tolist(), curve.precision[shown].tolist(), strict=True)
    return [{"step": step, "recall": r, "precision": p} for step, (r, p) in enumerate(pairs)]


def biased_classes(report: Report) -> Figure | None:
    """Class accuracies of the models, each sorted for itself, beside the unbiased oracle's."""
    found = report.findings.biased
    if found is None or not found.models:
        return None
    n_classes = len(found.label)
    place = np.unique(np.linspace(0, n_classes - 1, _RANKS).round().astype(int))
    ranked = [score.model for score, _ in report.by_real]
    strength = {model: i for i, model in enumerate(ranked)}
    models = sorted(found.models, key=lambda m: (strength.get(m.name, len(ranked)), m.name))
    best = models[0].name
    curves = [(one.name, one.of(found.label)) for one in models[:_CURVES]]
    rows = [
        {"model": name, "rank": rank + 1, "value": value, parts.TIP: f"#{n}"}
        for n, (name, values) in enumerate(curves)
        for rank, value in zip(place.tolist(), np.sort(values)[::-1][place].tolist(), strict=True)
    ]
    means = {one.model: one for one in found.comparisons}
    tips = tuple((name, _beside_oracle(means[name])) for name, _ in curves)
    oracle = np.sort(found.oracle.of(found.label))[::-1]
    bound = [
        {"model": found.oracle.name, "rank": rank + 1, "value": value}
        for rank, value in zip(place.tolist(), oracle[place].tolist(), strict=True)
    ]
    x = alt.X("rank:Q", title=f"rank of the class, of {n_classes:,}").axis(
        grid=False, format=",d", tickMinStep=1
    )
    x = x.scale(domain=[1, max(n_classes, 2)], nice=False)
    y, _ = parts.up("value", (0.0, 1.0), "accuracy on the original label")
    every = alt.Chart(parts.data(rows)).encode(x=x, y=y, detail="model:N")
    top = every.transform_filter(alt.datum.model == best)
    oracles = alt.Chart(parts.data(bound)).encode(x=x, y=y)
    ends = alt.Chart(parts.data(_curve_names(best, rows, bound))).encode(x=x, y=y, text="text:N")
    chart = parts.layered(
        every.mark_line(color=LIGHT.faint, strokeWidth=1, strokeOpacity=0.45).encode(
            description=parts.pointed()
        ),
        top.mark_line(color=LIGHT.real, strokeWidth=2.5, tooltip=None),
        oracles.mark_line(color=LIGHT.original, strokeWidth=2.5, strokeDash=[6, 3], tooltip=None),
        ends.mark_text(align="left", dx=8, dy=-10, fontWeight=600, tooltip=None).encode(
            color=alt.Color("colour:N", scale=None)
        ),
    )
    title, alternative = _bias_words(report, best)
    caption = (
        "Classes that often share an image with others, such as a screen and a keyboard. The oracle"
        " knows every label and picks one of them at random, so it cannot know which one the"
        " benchmark preferred. A curve above it belongs to a model that has learnt that preference."
        " Each curve sorts the classes for itself, from its best to its worst."
    )
    subtitle = (
        f"Accuracy on {fmt.count(n_classes, 'class', 'classes')} with several labels an image"
    )
    whole = parts.spec(chart, alternative, 380)
    return Figure(
        "biased-classes",
        title,
        subtitle,
        caption,
        alternative,
        whole,
        tips=tips,
        data=parts.rows_table("biased-classes", [*rows, *bound]),
    )


def _beside_oracle(one: OracleComparison) -> str:
    above = f"above the oracle in {one.n_above:,} of {one.n_classes:,} classes"
    return f"{fmt.percent(one.mean)} on average, {above}"


def _curve_names(best: str, rows: list[Row], bound: list[Row]) -> list[Row]:
    own = [row for row in rows if row["model"] == best]
    named = ((own[len(own) // 5], best, LIGHT.real),)
    third = bound[len(bound) // 2]
    return [
        {**row, "text": text, "colour": colour}
        for row, text, colour in (*named, (third, "unbiased oracle", LIGHT.original))
    ]


def _bias_words(report: Report, best: str) -> tuple[str, str]:
    found = report.findings.biased
    assert found is not None  # noqa: S101 -- the caller drew it
    of_best = next(one for one in found.comparisons if one.model == best)
    n = of_best.n_classes
    title = (
        f"{best} names the benchmark's choice more often than chance would"
        f" in {of_best.n_above:,} of {n:,} classes"
    )
    alternative = (
        f"Line chart. {best} averages {fmt.percent(of_best.mean)} over {n:,} classes, the"
        f" unbiased oracle {fmt.percent(of_best.oracle_mean)}; {best} is above it in"
        f" {of_best.n_above:,}."
    )
    return title, alternative
