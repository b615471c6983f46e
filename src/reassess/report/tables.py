"""The tables of the page: models, raters, and classes that belong together or changed."""

import numpy as np

from reassess.analysis.classes import KINDS
from reassess.analysis.mistakes import MISTAKE_KINDS
from reassess.analysis.multilabel import BiasedClasses
from reassess.report import formatting as fmt
from reassess.report.page_parts import Cell, Column, Report, Table

_N_BESIDE = 3
_LEAST_SHARE = 0.02
_N_PAIRS = 300
_N_CHANGED = 2000


def models_table(report: Report) -> Table | None:
    """Everything that is known of each model, best first; None without models."""
    if not report.scores:
        return None
    found = report.findings
    preferred = {one.model: one for one in found.preferences}
    later = {(one.model, one.rank): one.value for one in found.later}
    ranks = sorted({one.rank for one in found.later})
    above = {} if found.biased is None else {one.model: one for one in found.biased.comparisons}
    knows_original = any(score.original is not None for score in report.scores)
    columns = [Column("model", numeric=False), Column("ReaL", note="top-1 under reassessed labels")]
    if knows_original:
        columns += [
            Column("original", note="top-1 under the original labels"),
            Column("gap", note="ReaL less original accuracy, in percentage points"),
            Column("multi-label", note="mean over original classes of the ReaL accuracy"),
        ]
    if preferred:
        note = "share of the images where exactly one of model and original label is right"
        columns.append(Column("preferred", note=note))
    ordinal = {2: "2nd", 3: "3rd"}
    given = "is right, of the images with as many labels whose first prediction is right"
    columns += [Column(ordinal[rank], note=f"prediction {rank} {given}") for rank in ranks]
    if above:
        columns.append(Column("beats oracle", note="classes on which it beats the unbiased oracle"))
    rows = []
    for score in sorted(report.scores, key=lambda s: (-(s.real.value or -1.0), s.model)):
        row = [Cell(score.model, score.model.lower()), _share(score.real.value)]
        row[1] = Cell(row[1].text, row[1].sort, fmt.interval_of(score.real).removesuffix("%"))
        if knows_original:
            original = None if score.original is None else score.original.value
            real = score.real.value
            gap = None if original is None or real is None else real - original
            multilabel = None if score.multilabel is None else score.multilabel.value
            row += [_share(original), Cell(fmt.points(gap), gap), _share(multilabel)]
        if preferred:
            one = preferred.get(score.model)
            row.append(_share(None if one is None else one.value))
        row += [_share(later.get((score.model, rank))) for rank in ranks]
        if above:
            beside = above.get(score.model)
            n = None if beside is None else beside.n_above
            row.append(Cell(fmt.UNDEFINED if n is None else f"{n:,}", n))
        rows.append(tuple(row))
    caption = (
        "In percent, with the 95% interval of ReaL accuracy. Click a heading to sort, a row to"
        " follow its model through the figures."
    )
    return Table("models", caption, tuple(columns), tuple(rows), "model")


def classes_table(report: Report) -> Table | None:
    """The classes on which the oracle does worst, with what else is in their images."""
    found = report.findings.biased
    if found is None:
        return None
    best = found.models[0].name if found.models else None
    ranked = sorted(report.scores, key=lambda score: -(score.real.value or -1.0))
    names = [score.model for score in ranked if score.model in {one.name for one in found.models}]
    best = names[0] if names else best
    columns = [
        Column("class", numeric=False),
        Column("images", note="with this original label, which holds"),
        Column("oracle", note="expected accuracy of picking one label at random"),
        *([] if best is None else [Column(best, note="the best model's accuracy")]),
        Column("also in these images", numeric=False),
    ]
    rows = [_class_row(report, found, place, best) for place in range(len(found.examples))]
    caption = f"The {len(rows)} classes on which the oracle does worst; accuracies in percent."
    return Table("classes", caption, tuple(columns), tuple(rows), "class")


def pairs_table(report: Report) -> Table | None:
    """Classes that are hard to tell apart, with the evidence; None where there are none."""
    pairs = report.pairs
    if pairs is None or len(pairs) == 0:
        return None
    columns = (
        Column("class", numeric=False),
        Column("other class", numeric=False),
        Column("kind", numeric=False, note="the first rule that holds, see Methods"),
        Column("on both", note="images that hold both"),
        Column("of the first", note="share of the images that hold the first class"),
        Column("of the other", note="share of the images that hold the other class"),
        Column("taken for the other", note="share of models and images, where only one is there"),
    )
    rows = []
    for row in range(min(len(pairs), _N_PAIRS)):
        names = [report.class_name(int(label[row])) for label in (pairs.a, pairs.b)]
        n_both = int(pairs.n_both[row])
        shares = [n_both / n if n else None for n in (int(pairs.n_a[row]), int(pairs.n_b[row]))]
        taken = np.fmax(pairs.a_as_b[row], pairs.b_as_a[row])
        kind = int(pairs.kind[row])
        rows.append(
            (
                *(Cell(name, name.lower()) for name in names),
                Cell(KINDS[kind], kind),
                Cell(f"{n_both:,}", n_both),
                *map(_share, shares),
                _share(_known(taken)),
            )
        )
    caption = "Pairs of classes that votes, models or names say belong together; in percent."
    if len(pairs) > _N_PAIRS:
        caption += f" The first {_N_PAIRS} of {len(pairs):,}; “reassess synonyms” writes them all."
    return Table("pairs", caption, columns, tuple(rows), "class")


def changed_table(report: Report) -> Table | None:
    """The original classes that lost most of their images; None where that is unknown."""
    changed = report.changed
    if changed is None or len(changed) == 0:
        return None
    columns = (
        Column("original class", numeric=False),
        Column("images"),
        Column("kept", note="whose reassessed labels hold the original one, in percent"),
        Column("other labels", note="whose labels hold others only"),
        Column("no label"),
        Column("kept among several", note="whose labels hold the original one and others"),
    )
    rows = []
    for row in range(min(len(changed), _N_CHANGED)):
        name = report.class_name(int(changed.label[row]))
        n = int(changed.n_images[row])
        counts = (changed.n_replaced, changed.n_empty, changed.n_several)
        rows.append(
            (
                Cell(name, name.lower()),
                Cell(f"{n:,}", n),
                _share(int(changed.n_kept[row]) / n),
                *(Cell(f"{int(count[row]):,}", int(count[row])) for count in counts),
            )
        )
    caption = "Original classes, those that lost most of their images first."
    if len(changed) > _N_CHANGED:
        caption += f" The first {_N_CHANGED:,} of {len(changed):,}."
    return Table("changed", caption, columns, tuple(rows), "class")


def raters_table(report: Report) -> Table | None:
    """Each rater: what he answers, and what hangs on it; None without votes."""
    found = report.raters_found
    if found is None:
        return None
    confusions, effects, drifts = found.confusions, found.effects, found.drifts
    answered = [
        (t, a) for t in range(len(confusions.states)) for a in range(len(confusions.answers))
    ]
    columns = [Column("rater", numeric=False), Column("questions")]
    columns += [
        Column(
            f"{confusions.answers[a]} if {confusions.states[t]}",
            note="in percent; by the others' votes",
        )
        for t, a in answered
    ]
    columns.append(Column("images that change", note="whose labels change without this rater"))
    if found.repeats is not None:
        note = "same answer when asked again, and how often that was"
        columns.append(Column("self-agreement", note=note))
    if drifts is not None:
        columns.append(Column("drift", note="agreement later less earlier, in percentage points"))
    rows = []
    for r in np.argsort(-effects.n_questions, kind="stable").tolist():
        cells = [
            Cell(str(confusions.rater_ids[r]), str(confusions.rater_ids[r]).lower()),
            Cell(f"{int(effects.n_questions[r]):,}", int(effects.n_questions[r])),
            *(_share(_known(confusions.confusion[r, t, a])) for t, a in answered),
            Cell(f"{int(effects.n_images[r]):,}", int(effects.n_images[r])),
        ]
        if found.repeats is not None:
            n, n_same = int(found.repeats.n[r]), int(found.repeats.n_same[r])
            share = _share(n_same / n if n else None)
            cells.append(Cell(share.text, share.sort, f"of {n:,}"))
        if drifts is not None:
            change = _known(drifts.change[r])
            low, high = float(drifts.low[r]), float(drifts.high[r])
            aside = "" if change is None else f"{fmt.points(low)} to {fmt.points(high)}"
            cells.append(Cell(fmt.points(change), change, aside))
        rows.append(tuple(cells))
    caption = "One row a rater, those with most votes first; in percent."
    return Table("raters", caption, tuple(columns), tuple(rows), "rater")


def mistakes_table(report: Report) -> Table | None:
    """The remaining mistakes of each model by kind; None where nobody looked."""
    found = report.mistakes
    if found is None or len(found) == 0:
        return None
    by_kind = found.counts("kind")
    kinds = np.flatnonzero(by_kind.sum(axis=0)).tolist()
    columns = [Column("model", numeric=False), Column("mistakes")]
    columns += [Column(MISTAKE_KINDS[kind]) for kind in kinds]
    rows = []
    share = found.n_mistakes / np.maximum(found.n_scored, 1)
    for m in np.argsort(share, kind="stable").tolist():
        name, total = found.models[m], int(found.n_mistakes[m])
        cells = [Cell(name, name.lower()), Cell(f"{total:,}", total)]
        for kind in kinds:
            n = int(by_kind[m, kind])
            cells.append(Cell(f"{n:,}", n, fmt.percent(n / total, 0) if total else ""))
        rows.append(tuple(cells))
    caption = "Images whose first prediction is none of the labels, by the likely kind of mistake."
    return Table("kinds", caption, tuple(columns), tuple(rows), "model")


def _class_row(
    report: Report, found: BiasedClasses, place: int, best: str | None
) -> tuple[Cell, ...]:
    example = found.examples[place]
    label = found.label[found.label == example.label]
    cells = [
        Cell(report.class_name(example.label), report.class_name(example.label).lower()),
        Cell(f"{example.n_images:,}", example.n_images),
        _share(float(found.oracle.of(label)[0])),
    ]
    if best is not None:
        model = next(one for one in found.models if one.name == best)
        cells.append(_share(float(model.of(label)[0])))
    beside = [
        f"{report.class_name(int(other))} {fmt.percent(float(share), 0)}"
        for other, share in zip(example.other, example.share, strict=True)
        if share >= _LEAST_SHARE
    ]
    text = ", ".join(beside[:_N_BESIDE]) or fmt.UNDEFINED
    return (*cells, Cell(text, text.lower()))


def _known(value: float) -> float | None:
    """The value; None where it is undefined."""
    return None if np.isnan(value) else float(value)


def _share(value: float | None, aside: str = "") -> Cell:
    return Cell(fmt.bare(value), value, aside)
