"""The tables of the page: every model, and the classes that occur together."""

from reassess.analysis.findings import BiasedClasses
from reassess.report import words
from reassess.report.contents import Cell, Column, Report, Table

_N_BESIDE = 3
_LEAST_SHARE = 0.02


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
        row[1] = Cell(row[1].text, row[1].sort, words.interval_of(score.real).removesuffix("%"))
        if knows_original:
            original = None if score.original is None else score.original.value
            real = score.real.value
            gap = None if original is None or real is None else real - original
            multilabel = None if score.multilabel is None else score.multilabel.value
            row += [_share(original), Cell(words.points(gap), gap), _share(multilabel)]
        if preferred:
            one = preferred.get(score.model)
            row.append(_share(None if one is None else one.value))
        row += [_share(later.get((score.model, rank))) for rank in ranks]
        if above:
            beside = above.get(score.model)
            n = None if beside is None else beside.n_above
            row.append(Cell(words.UNDEFINED if n is None else f"{n:,}", n))
        rows.append(tuple(row))
    caption = (
        "In percent, with the 95% interval of ReaL accuracy. Click a heading to sort, a row to"
        " follow its model through the figures."
    )
    return Table("models", caption, tuple(columns), tuple(rows))


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
    return Table("classes", caption, tuple(columns), tuple(rows))


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
        f"{report.class_name(int(other))} {words.percent(float(share), 0)}"
        for other, share in zip(example.other, example.share, strict=True)
        if share >= _LEAST_SHARE
    ]
    text = ", ".join(beside[:_N_BESIDE]) or words.UNDEFINED
    return (*cells, Cell(text, text.lower()))


def _share(value: float | None) -> Cell:
    return Cell(words.bare(value), value)
