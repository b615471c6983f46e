"""The tables of the page on how sure the order is: under other draws, and at other thresholds."""

import numpy as np

from reassess.report import formatting as fmt
from reassess.report.page_parts import Cell, Column, Report, Table
from reassess.report.verdict import threshold_ends


def uncertainty_table(report: Report) -> Table | None:
    """Each model's accuracies and ranks with their intervals; None where none are known."""
    found = report.uncertainty
    if found is None:
        return None
    columns = [
        Column("model", numeric=False),
        Column("ReaL", note="top-1 under reassessed labels; 95% interval from images"),
        Column("rank", note="by ReaL accuracy; its 95% interval from images"),
    ]
    kinds = [found.images]
    if found.both is not None:
        columns += [
            Column("calibrated", note="under calibrated labels; from images and labels"),
            Column("rank", note="by calibrated accuracy; from images and labels"),
        ]
        kinds.append(found.both)
    moved = report.sensitivity
    at_thresholds = {} if moved is None else dict(zip(moved.models, moved.rank.T, strict=True))
    if moved is not None:
        note = f"by ReaL accuracy, at thresholds from {' to '.join(threshold_ends(moved))}"
        columns.append(Column("at thresholds", note=note))
    rows = []
    for m in np.argsort(-found.images.accuracy, kind="stable").tolist():
        cells = [Cell(found.models[m], found.models[m].lower())]
        for kind in kinds:
            ends = fmt.between(float(kind.low[m]), float(kind.high[m])).removesuffix("%")
            best, worst = int(kind.best[m]), int(kind.worst[m])
            cells += [
                Cell(fmt.bare(float(kind.accuracy[m])), float(kind.accuracy[m]), ends),
                Cell(f"{kind.rank[m]:,}", int(kind.rank[m]), _span(best, worst)),
            ]
        if moved is not None:
            ranks = at_thresholds[found.models[m]]
            span = int(ranks.max()) - int(ranks.min())
            cells.append(Cell(_span(int(ranks.min()), int(ranks.max())), span))
        rows.append(tuple(cells))
    caption = (
        "Accuracies in percent, ranks, and their 95% intervals from"
        f" {fmt.count(found.n_resamples, 'draw')}."
    )
    return Table("uncertainty", caption, tuple(columns), tuple(rows), "model")


def thresholds_table(report: Report) -> Table | None:
    """What other thresholds on the posterior would have given; None where there are none."""
    found = report.sensitivity
    if found is None:
        return None
    point = report.labels.operating_point
    own = None if point is None else point.threshold
    as_decided = None
    if own in found.thresholds:
        as_decided = found.rank[found.thresholds.index(own)]
    columns = [
        Column("threshold", note="a label is kept where its posterior is at least this"),
        Column("labels", note="of images that were put to raters"),
        Column("no label", note="images that are left without one"),
        Column("best model", numeric=False, note="with its ReaL accuracy in percent"),
        Column("mean", note="ReaL accuracy of all models in percent"),
    ]
    if as_decided is not None:
        columns += [
            Column("ranks that change", note="models whose rank is not that of the report"),
            Column("largest change", note="in places"),
        ]
    rows = []
    for t, threshold in enumerate(found.thresholds):
        best = int(np.argmax(found.accuracy[t]))
        cells = [
            Cell(f"{threshold:.3g}", threshold, "as decided" if threshold == own else ""),
            Cell(f"{found.n_labels[t]:,}", found.n_labels[t]),
            Cell(f"{found.n_unlabelled[t]:,}", found.n_unlabelled[t]),
            Cell(
                found.models[best], found.models[best].lower(),
                fmt.bare(float(found.accuracy[t, best])),
            ),
            Cell(fmt.bare(float(found.accuracy[t].mean())), float(found.accuracy[t].mean())),
        ]  # fmt: skip
        if as_decided is not None:
            moved = np.abs(found.rank[t] - as_decided)
            n, most = int((moved > 0).sum()), int(moved.max())
            cells += [Cell(f"{n:,}", n), Cell(f"{most:,}", most)]
        rows.append(tuple(cells))
    caption = "What other thresholds on the posterior would have given, on images put to raters:"
    caption += " the others keep their labels."
    return Table("thresholds", caption, tuple(columns), tuple(rows))


def _span(best: int, worst: int) -> str:
    return f"{best:,}" if best == worst else f"{best:,}–{worst:,}"
