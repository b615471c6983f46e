"""Several reassessments of one benchmark: tables for the terminal, and columns for files."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rich.table import Table
from rich.text import Text

from reassess.analysis.label_table import LabelTable
from reassess.analysis.reassessments import (
    ExpertAgreement,
    ModelUnderSets,
    PairAgreement,
    SetSummary,
)
from reassess.records import Accuracy
from reassess.report import formatting as fmt

NOT_ABOUT = ""
"""What stands in a table of images where a reassessment is not about the image."""

NO_LABEL = "none"
"""What stands there where it says that no label holds."""


def image_columns(table: LabelTable) -> dict[str, list[Any]]:
    """One row an image: the labels that each reassessment gives, and whether they agree.

    Labels are class ids where these are known and indices elsewhere, with blanks between.
    """
    names = None if table.classes is None else table.classes.ids
    columns: dict[str, list[Any]] = {"image": table.image_ids.tolist()}
    if table.original is not None:
        columns["original"] = [_label(label, names) for label in table.original.tolist()]
    for one, covered in zip(table.sets, table.covered.tolist(), strict=True):
        ends = pairwise(one.indptr.tolist())
        labels = [sorted(one.indices[a:b].tolist()) for a, b in ends]
        columns[one.name] = [
            (" ".join(_label(label, names) for label in held) or NO_LABEL) if said else NOT_ABOUT
            for held, said in zip(labels, covered, strict=True)
        ]
    said = zip(*(columns[one.name] for one in table.sets), strict=True)
    given = [[cell for cell in row if cell != NOT_ABOUT] for row in said]
    columns["n_about_it"] = [len(cells) for cells in given]
    columns["identical"] = [
        "" if len(cells) < 2 else "yes" if len(set(cells)) == 1 else "no" for cells in given
    ]
    return columns


def sets_table(summaries: Sequence[SetSummary]) -> Table:
    """One line a reassessment."""
    headings = ("name", "images", "with a label", "with none", "labels an image")
    table = _table("Reassessments", *headings, "original label holds")
    for one in summaries:
        n_labelled = one.n_images - one.n_empty
        mean = f"{one.n_labels / n_labelled:.2f}" if n_labelled else fmt.UNDEFINED
        cells = [one.name, f"{one.n_images:,}", f"{n_labelled:,}", f"{one.n_empty:,}", mean]
        table.add_row(*map(Text, [*cells, _accuracy(one.original_holds)]))
    table.caption = "Original label: percent of the images with a label, and its 95% interval"
    return table


def pairs_table(pairs: Sequence[PairAgreement]) -> Table:
    """One line two reassessments."""
    headings = ("first", "second", "images", "identical", "none in common", "Jaccard")
    table = _table("Where they agree, on the images that both are about", *headings,
                   "empty, first / second / both", "alpha: original holds")  # fmt: skip
    for one in pairs:
        n = one.n_shared
        identical, apart = (
            fmt.percent(count / n if n else None) for count in (one.n_identical, one.n_disjoint)
        )
        jaccard = fmt.UNDEFINED if one.jaccard is None else f"{one.jaccard:.2f}"
        empty = f"{one.n_empty_a:,} / {one.n_empty_b:,} / {one.n_empty_both:,}"
        cells = [one.a, one.b, f"{n:,}", identical, apart, jaccard, empty, _alpha(one)]
        table.add_row(*map(Text, cells))
    return table


def models_table(models: Sequence[ModelUnderSets], names: Sequence[str]) -> Table:
    """One line a model, one column a reassessment."""
    n_shared = models[0].shared[0].n_scored if models else 0
    table = _table(
        "Accuracy in percent under each: on its own images, then on the "
        f"{fmt.count(n_shared, 'image')} with a label in all",
        "model",
        *(heading for name in names for heading in (name, "in all")),
    )
    for one in models:
        both = zip(one.own, one.shared, strict=True)
        cells = [cell for pair in both for cell in map(_accuracy, pair)]
        table.add_row(*map(Text, [one.model, *cells]))
    return table


def verdicts_table(verdicts: Sequence[ExpertAgreement]) -> Table:
    """Predictions that experts call wrong, one line a model and reassessment."""
    table = _table("Predictions that experts call wrong, under each", "predictions of", "under",
                   "verdicts", "about these images", "called right", "of the major ones",
                   "without label", "called wrong")  # fmt: skip
    for one in verdicts:
        major = f"{one.n_major_called_right:,} of {one.n_major:,}"
        counts = (one.n_judged, one.n_covered, one.n_called_right)
        cells = [one.model, one.name, *(f"{n:,}" for n in counts), major]
        table.add_row(*map(Text, [*cells, f"{one.n_empty:,}", f"{one.n_called_wrong:,}"]))
    return table


def _alpha(one: PairAgreement) -> str:
    alpha = one.alpha
    if alpha.value is None:
        return f"undefined: {alpha.reason}"
    if alpha.low is None or alpha.high is None:
        return f"{alpha.value:.2f}"
    return f"{alpha.value:.2f} ({alpha.low:.2f} to {alpha.high:.2f})"


def _accuracy(accuracy: Accuracy | None) -> str:
    if accuracy is None or accuracy.value is None:
        return fmt.UNDEFINED
    ends = fmt.interval_of(accuracy, 2).removesuffix("%")
    return f"{fmt.bare(accuracy.value, 2)} ({ends})"


def _label(label: int, ids: Sequence[str] | None) -> str:
    return str(label) if ids is None else ids[label]


def _table(title: str, *headings: str) -> Table:
    table = Table(title=Text(title), title_justify="left", caption_justify="left", box=None)
    table.pad_edge = False
    table.header_style = "bold"
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place == 0 else "right")
    return table
