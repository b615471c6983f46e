"""Mistakes and reviews of them as tables for the terminal, and as columns for files.

Decides nothing: `reassess.analysis.mistakes` and `reassess.analysis.reviews` do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from reassess.analysis.mistakes import MISTAKE_KINDS, SEVERITIES, Mistakes
from reassess.analysis.reviews import REVIEW_LABELS, ReviewResult
from reassess.records import Hierarchy, LabelSets, pair_keys
from reassess.report import formatting as fmt
from reassess.statistics.sampling import Estimate

_INTERVAL = 13
"""Characters of an interval, which stays whole on narrow terminals."""


def mistake_columns(
    mistakes: Mistakes,
    labels: LabelSets,
    names: Sequence[str] | None,
    hierarchy: Hierarchy | None,
) -> dict[str, list[Any]]:
    """One row a mistake, with its evidence; classes by index and by name where names are known."""
    held = labels.lists()
    columns: dict[str, list[Any]] = {
        "model": [mistakes.models[m] for m in mistakes.model.tolist()],
        "image": mistakes.image_ids[mistakes.image].tolist(),
        "predicted": mistakes.predicted.tolist(),
        "label": mistakes.label.tolist(),
        "labels": [" ".join(map(str, held[i])) for i in mistakes.image.tolist()],
    }
    if names is not None:
        columns["predicted_name"] = [names[k] for k in columns["predicted"]]
        columns["label_name"] = [names[k] for k in columns["label"]]
    columns |= {
        "kind": [MISTAKE_KINDS[k] for k in mistakes.kind.tolist()],
        "severity": [None if s < 0 else SEVERITIES[s] for s in mistakes.severity.tolist()],
        "distance": _known(mistakes.distance),
    }
    ancestors = mistakes.ancestor.tolist()
    if hierarchy is None:
        columns |= {"common_ancestor": [None] * len(mistakes), "n_below": [None] * len(mistakes)}
    else:
        below = hierarchy.n_below
        columns["common_ancestor"] = [None if a < 0 else hierarchy.ids[a] for a in ancestors]
        columns["n_below"] = [None if a < 0 else int(below[a]) for a in ancestors]
    columns |= {
        "n_together": mistakes.n_together.tolist(),
        "posterior": [None if np.isnan(p) else p for p in mistakes.posterior.tolist()],
        **{name: mistakes.votes[:, a].tolist() for a, name in enumerate(("no", "maybe", "yes"))},
        "n_same": mistakes.n_same.tolist(),
        "n_others": [mistakes.n_others] * len(mistakes),
    }
    return columns


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


def mistakes_table(mistakes: Mistakes) -> Table:
    """The models side by side: mistakes by kind and by severity."""
    table = _table("Remaining mistakes under the reassessed labels")
    table.add_column("model")
    table.add_column("mistakes", justify="right")
    by_kind, by_severity = mistakes.counts("kind"), mistakes.counts("severity")
    kinds = [k for k in range(len(MISTAKE_KINDS)) if by_kind[:, k].any()]
    severities = range(len(SEVERITIES)) if by_severity.any() else ()
    headings = [*(MISTAKE_KINDS[k] for k in kinds), *(SEVERITIES[s] for s in severities)]
    for heading in headings:
        table.add_column(heading, justify="right")
    for m, name in enumerate(mistakes.models):
        n, n_scored = int(mistakes.n_mistakes[m]), int(mistakes.n_scored[m])
        share = fmt.percent(n / n_scored if n_scored else None)
        counts = [by_kind[m, k] for k in kinds] + [by_severity[m, s] for s in severities]
        cells = [name, f"{n:,} of {n_scored:,} ({share})"]
        table.add_row(*map(Text, cells + [_of(int(count), n) for count in counts]))
    return table


def examples_table(
    mistakes: Mistakes, labels: LabelSets, names: Sequence[str] | None, top: int
) -> Table:
    """The mistakes of each kind that the evidence speaks for most, each image and class once."""
    table = _table("The first of each kind: what raters came closest to accepting")
    table.add_column("kind", no_wrap=True)
    for heading in ("image", "prediction", "labels"):
        table.add_column(heading, overflow="fold")
    for heading in ("steps", "posterior", "no / maybe / yes", "models that say the same"):
        table.add_column(heading, justify="right", min_width=6)
    n_classes = 1 + int(mistakes.predicted.max(initial=0))
    keys = pair_keys(mistakes.image, mistakes.predicted, n_classes)
    once = np.unique(keys, return_index=True)[1]
    strength = np.lexsort(
        (-mistakes.n_same[once], -np.nan_to_num(mistakes.posterior[once]), mistakes.kind[once])
    )
    held = labels.lists()
    for k, kind in enumerate(MISTAKE_KINDS):
        rows = once[strength][mistakes.kind[once][strength] == k]
        for row in rows[:top].tolist():
            table.add_row(*map(Text, (kind, *_example(mistakes, held, row, names))))
    return table


def result_table(result: ReviewResult) -> Table:
    """What people say of each model's mistakes, scaled to all of them."""
    table = _table("Mistakes by verdict, scaled to all of each model's (95% intervals)")
    table.add_column("model", overflow="fold")
    table.add_column("mistakes", justify="right", no_wrap=True)
    for heading in REVIEW_LABELS:
        table.add_column(heading, justify="right", min_width=_INTERVAL)
    table.add_column("labels' false negatives", justify="right", min_width=10)
    for one in result.models:
        counts = [None if one.counts is None else one.counts[name] for name in REVIEW_LABELS]
        cells = [one.model, f"{one.n_mistakes:,}", *map(_count, counts)]
        table.add_row(*map(Text, [*cells, _share(one.false_negatives)]))
    together = [
        None if result.mistakes is None else result.mistakes[name] for name in REVIEW_LABELS
    ]
    n_all = int(result.review.n_population.sum())
    scaled = [None if one is None else one.times(n_all) for one in together]
    cells = ["all together", f"{n_all:,}", *map(_count, scaled), _share(result.false_negatives)]
    table.add_row(*(Text(cell, "bold") for cell in cells))
    return table


def kinds_table(result: ReviewResult) -> Table:
    """What people say of each kind of mistake."""
    table = _table("Verdicts by kind of mistake (95% intervals)")
    table.add_column("kind", no_wrap=True)
    for heading in ("mistakes", "decided"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in REVIEW_LABELS:
        table.add_column(heading, justify="right", min_width=_INTERVAL)
    for one in result.kinds:
        shares = [None if one.shares is None else one.shares[name] for name in REVIEW_LABELS]
        cells = [one.kind, f"{one.n_mistakes:,}", f"{one.n_decided:,}", *map(_share, shares)]
        table.add_row(*map(Text, cells))
    return table


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
                f"{abs(found.value):,.0f} {more} clear mistakes ({low:+,.0f} to {high:+,.0f}; "
                f"{fmt.p_value(found.p_value)})"
            ).replace("-", "−")
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
        line += f" {fmt.are(n_open)} open and left out: {fmt.listed(waiting)}."
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


def _example(
    mistakes: Mistakes, held: list[list[int]], row: int, names: Sequence[str] | None
) -> tuple[str, ...]:
    posterior, distance = float(mistakes.posterior[row]), int(mistakes.distance[row])
    votes = mistakes.votes[row].tolist()
    return (
        str(mistakes.image_ids[mistakes.image[row]]),
        _name(int(mistakes.predicted[row]), names),
        ", ".join(_name(k, names) for k in held[int(mistakes.image[row])]),
        "" if distance < 0 else str(distance),
        "–" if np.isnan(posterior) else f"{posterior:.3f}",
        "/".join(map(str, votes)) if sum(votes) else "",
        f"{int(mistakes.n_same[row]):,} of {mistakes.n_others:,}",
    )


def _table(title: str) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, header_style="bold")
    table.pad_edge, table.collapse_padding = False, True
    return table


def _name(label: int, names: Sequence[str] | None) -> str:
    return str(label) if names is None else f"{names[label]} ({label})"


def _known(values: np.ndarray[Any, np.dtype[Any]]) -> list[int | None]:
    return [None if value < 0 else value for value in values.tolist()]


def _of(count: int, n: int) -> str:
    return f"{count:,} ({fmt.percent(count / n if n else None, 0)})"


def _count(one: Estimate | None) -> str:
    if one is None:
        return fmt.UNDEFINED
    return f"{one.value:,.0f} ({one.low:,.0f}–{one.high:,.0f})"


def _share(one: Estimate | None) -> str:
    if one is None:
        return fmt.UNDEFINED
    return f"{fmt.percent(one.value)} ({fmt.between(one.low, one.high)})"
