"""Tables and sentences of mistakes, and of what people say of them.

Each table says once which columns it has; what they look like is `reassess.report.table`'s.
Decides nothing: `reassess.analysis.mistakes` and `reassess.analysis.reviews` do.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from reassess.analysis.mistakes import MISTAKE_KINDS, SEVERITIES, Mistakes
from reassess.analysis.reviews import REVIEW_LABELS, ReviewResult
from reassess.records import Classes, Hierarchy, LabelSets, pair_keys
from reassess.report import formatting as fmt
from reassess.report.table import Column, Columns, Table
from reassess.statistics.sampling import Estimate


def mistakes_table(mistakes: Mistakes) -> Table:
    """One row a model: how many mistakes it makes, of which kind and how severe."""
    by_kind, by_severity = mistakes.counts("kind"), mistakes.counts("severity")
    total, n_scored = mistakes.n_mistakes, np.asarray(mistakes.n_scored)
    columns: Columns = [
        (Column("model", "model"), mistakes.models),
        (Column("n_scored", "", "count"), n_scored),
        (
            Column(
                "n_mistakes", "mistakes", "count", aside="{share}% of {n_scored}",
                note="images whose first prediction is none of the labels",
            ),
            total,
        ),
        (Column("share", "", "percent"), _shares(total, n_scored)),
    ]  # fmt: skip
    named: list[tuple[Sequence[str], Any]] = [
        (MISTAKE_KINDS, by_kind), (SEVERITIES, by_severity)
    ]  # fmt: skip
    for names, counts in named:
        for place, name in enumerate(names):
            if counts[:, place].any():
                columns += [
                    (Column(name, name, "count", aside=f"{{{name} share}}%"), counts[:, place]),
                    (Column(f"{name} share", "", "percent", 0), _shares(counts[:, place], total)),
                ]
    title = "Remaining mistakes under the reassessed labels, by their likely kind"
    return Table.from_columns("kinds", title, columns, about="model")


def every_mistake_table(
    mistakes: Mistakes,
    labels: LabelSets,
    classes: Classes | None,
    hierarchy: Hierarchy | None,
) -> Table:
    """One row a mistake, with its evidence; classes by index, and by id and name where known."""
    names = None if classes is None else classes.names
    held = labels.lists()
    predicted, label = mistakes.predicted.tolist(), mistakes.label.tolist()
    own = [held[i] for i in mistakes.image.tolist()]
    ancestors = mistakes.ancestor.tolist()
    below = None if hierarchy is None else hierarchy.n_below
    votes = mistakes.votes
    columns: Columns = [
        (Column("model"), [mistakes.models[m] for m in mistakes.model.tolist()]),
        (Column("likely", "kind", exported=False), [MISTAKE_KINDS[k] for k in mistakes.kind]),
        (Column("image", "image"), mistakes.image_ids[mistakes.image]),
        (Column("predicted", "" if names else "prediction"), predicted),
        (Column("label"), label),
        (Column("labels", "" if names else "labels"), [" ".join(map(str, one)) for one in own]),
    ]
    if classes is not None and names is not None:
        ids = classes.ids
        columns += [
            (Column("predicted_id"), [ids[k] for k in predicted]),
            (Column("label_id"), [ids[k] for k in label]),
            (Column("label_ids"), [" ".join(ids[k] for k in one) for one in own]),
            (
                Column("predicted_name", "prediction", aside="{predicted}"),
                [names[k] for k in predicted],
            ),
            (Column("label_name"), [names[k] for k in label]),
            (
                Column("labels_named", "labels", exported=False),
                [", ".join(f"{names[k]} ({k})" for k in one) for one in own],
            ),
        ]
    distance = [None if steps < 0 else steps for steps in mistakes.distance.tolist()]
    columns += [
        (Column("kind"), [MISTAKE_KINDS[k] for k in mistakes.kind.tolist()]),
        (
            Column("severity"),
            [None if s < 0 else SEVERITIES[s] for s in mistakes.severity.tolist()],
        ),
        (
            Column("distance", "" if hierarchy is None else "steps", "count"),
            distance,
        ),
        (
            Column("common_ancestor"),
            [None if hierarchy is None or a < 0 else hierarchy.ids[a] for a in ancestors],
        ),
        (
            Column("n_below"),
            [None if below is None or a < 0 else int(below[a]) for a in ancestors],
        ),
        (Column("n_together"), mistakes.n_together),
        (Column("posterior", "posterior", "number", 3), mistakes.posterior),
        (Column("no", "no", "count"), votes[:, 0]),
        (Column("maybe", "maybe", "count"), votes[:, 1]),
        (Column("yes", "yes", "count"), votes[:, 2]),
        (
            Column(
                "n_same", "models that agree", "count", aside="of {n_others}",
                note="other models with the same first prediction",
            ),
            mistakes.n_same,
        ),
        (Column("n_others", "", "count"), [mistakes.n_others] * len(mistakes)),
    ]  # fmt: skip
    title = f"{fmt.count(len(mistakes), 'mistake')} under the reassessed labels"
    return Table.from_columns("mistakes", title, columns)


def examples_table(every: Table, mistakes: Mistakes, n: int) -> Table:
    """The mistakes of each kind that the evidence speaks for most, each image and class once.

    Args:
        every: all of them, as `every_mistake_table` gives them.
        mistakes: the same.
        n: of each kind.
    """
    n_classes = 1 + int(mistakes.predicted.max(initial=0))
    keys = pair_keys(mistakes.image, mistakes.predicted, n_classes)
    once = np.unique(keys, return_index=True)[1]
    strength = np.lexsort(
        (-mistakes.n_same[once], -np.nan_to_num(mistakes.posterior[once]), mistakes.kind[once])
    )
    strongest = once[strength]
    kinds = mistakes.kind[strongest]
    rows = [row for k in range(len(MISTAKE_KINDS)) for row in strongest[kinds == k][:n].tolist()]
    shown = every.take(rows)
    title = "The first of each kind: what raters came closest to accepting"
    return Table("examples", title, shown.columns, shown.data)


def mistakes_summary(mistakes: Mistakes) -> list[dict[str, Any]]:
    """Of each model how many mistakes it makes, of which kind and how severe."""
    by_kind, by_severity = mistakes.counts("kind"), mistakes.counts("severity")
    return [
        {
            "model": name,
            "n_scored": int(mistakes.n_scored[m]),
            "n_mistakes": int(mistakes.n_mistakes[m]),
            "kinds": dict(zip(MISTAKE_KINDS, by_kind[m].tolist(), strict=True)),
            "severities": dict(zip(SEVERITIES, by_severity[m].tolist(), strict=True))
            if (mistakes.severity >= 0).all()
            else None,
        }
        for m, name in enumerate(mistakes.models)
    ]


def result_table(result: ReviewResult) -> Table:
    """One row a model, and one for all together: mistakes by review label, scaled to all."""
    n_all = int(result.review.n_population.sum())
    together = [
        None if result.mistakes is None else result.mistakes[name] for name in REVIEW_LABELS
    ]
    columns: Columns = [
        (Column("model", "model"), [*(one.model for one in result.models), "all together"]),
        (
            Column("n_mistakes", "mistakes", "count"),
            [*(one.n_mistakes for one in result.models), n_all],
        ),
    ]
    for name, share in zip(REVIEW_LABELS, together, strict=True):
        counts = [None if one.counts is None else one.counts[name] for one in result.models]
        counts.append(None if share is None else share.times(n_all))
        columns += _estimates(name, name, "count", counts)
    rates = [*(one.false_negatives for one in result.models), result.false_negatives]
    columns += _estimates("false_negatives", "% labels' false negatives", "percent", rates)
    title = "Mistakes by review label, scaled to all of each model's (95% intervals)"
    return Table.from_columns("result", title, columns, has_total=True)


def kinds_table(result: ReviewResult) -> Table:
    """One row a kind of mistake: what people say of it."""
    columns: Columns = [
        (Column("kind", "kind"), [one.kind for one in result.kinds]),
        (Column("n_mistakes", "mistakes", "count"), [one.n_mistakes for one in result.kinds]),
        (Column("n_decided", "decided", "count"), [one.n_decided for one in result.kinds]),
    ]
    for name in REVIEW_LABELS:
        shares = [None if one.shares is None else one.shares[name] for one in result.kinds]
        columns += _estimates(name, name, "percent", shares)
    title = "Verdicts by kind of mistake, in percent (95% intervals)"
    return Table.from_columns("kinds", title, columns)


def difference_lines(result: ReviewResult) -> list[str]:
    """Each model against the first, in clear mistakes; empty with one model."""
    lines = []
    for one in result.differences:
        if one.model != result.review.models[0]:
            continue
        found = one.difference
        said = "undefined yet"
        if found is not None:
            more = "more" if found.value >= 0 else "fewer"
            low, high = found.low, found.high
            said = (
                f"{fmt.number(abs(found.value), 0)} {more} clear mistakes ({fmt.signed(low, 0)} to "
                f"{fmt.signed(high, 0)}; {fmt.p_value(found.p_value)})"
            )
        lines.append(f"{one.model} against {one.other}: {said}")
    return lines


def open_line(result: ReviewResult) -> str:
    """How many of the mistakes drawn are decided, and what the others wait for."""
    n, n_open = len(result.review), result.n_open
    said = ", ".join(f"{count:,} {name}" for name, count in result.n_by_label.items())
    line = f"Of {fmt.count(n, 'mistake')} drawn {fmt.are(n - n_open)} decided: {said}."
    if n_open:
        n_votes = n_open - result.n_disagreed
        waiting = []
        if n_votes:
            waiting.append(f"on {n_votes:,} votes are missing")
        if result.n_disagreed:
            waiting.append(f"on {result.n_disagreed:,} raters disagree, so that an expert decides")
        line += f" {fmt.are(n_open)} open: {fmt.listed(waiting)}."
        if result.n_disagreed:
            line += " Intervals allow for any verdict where raters disagree."
    if result.mistakes is None:
        line += " Nothing can be scaled before one is decided."
    elif result.n_unseen:
        n_unseen = fmt.count(result.n_unseen, "mistake")
        line += (
            f" Nothing is decided yet in strata that hold {n_unseen} of"
            f" {int(result.review.n_population.sum()):,}: intervals allow for any verdict there,"
            " and models are not compared."
        )
    return line


def _estimates(key: str, heading: str, unit: fmt.Unit, found: Sequence[Estimate | None]) -> Columns:
    """Estimates with their intervals beside them."""
    return [
        (
            Column(key, heading, unit, aside=f"{{{key} low}}–{{{key} high}}"),
            [None if one is None else one.value for one in found],
        ),
        (Column(f"{key} low", "", unit), [None if one is None else one.low for one in found]),
        (Column(f"{key} high", "", unit), [None if one is None else one.high for one in found]),
    ]


def _shares(counts: Iterable[Any], totals: Iterable[Any]) -> list[float | None]:
    return [int(n) / int(of) if of else None for n, of in zip(counts, totals, strict=True)]
