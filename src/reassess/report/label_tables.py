"""Tables of classes, and of several label sets of one benchmark.

Each says once which columns it has; what they look like is `reassess.report.table`'s. Decides
nothing: `reassess.analysis` does.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from reassess.analysis.classes import PAIR_KINDS, ChangedClasses, ClassPairs
from reassess.analysis.label_table import LabelTable
from reassess.analysis.multilabel import BiasedClasses
from reassess.analysis.reassessments import (
    ExpertAgreement,
    ModelUnderSets,
    PairAgreement,
    SetSummary,
)
from reassess.errors import DataError
from reassess.records import Accuracy, Benchmark, LabelSets, align
from reassess.report import formatting as fmt
from reassess.report.table import Column, Columns, Table

NOT_ABOUT = ""
"""What stands in a table of images where a reassessment is not about the image."""

NO_LABEL = "none"
"""What stands there where it says that no label holds."""

_N_BESIDE = 3
_LEAST_SHARE = 0.02
"""Classes beside another one are named where they are on this share of its images, so many."""


def pairs_table(pairs: ClassPairs, names: Sequence[str] | None) -> Table:
    """Classes that are hard to tell apart, with the evidence.

    Args:
        pairs: strongest evidence first within a kind.
        names: of the classes; None shows their indices.
    """
    named = names is not None
    columns: Columns = [
        (
            Column("kind", "kind", note="the first rule that holds"),
            [PAIR_KINDS[kind] for kind in pairs.kind],
        ),
        (Column("a", "" if named else "class", "text"), pairs.a),
        (Column("b", "" if named else "other class", "text"), pairs.b),
    ]
    if names is not None:
        columns += [
            (Column("a_name", "class", aside="{a}"), [names[k] for k in pairs.a]),
            (Column("b_name", "other class", aside="{b}"), [names[k] for k in pairs.b]),
        ]
    columns += [
        (Column("n_a", "", "count"), pairs.n_a),
        (Column("n_b", "", "count"), pairs.n_b),
        (Column("n_both", "on both", "count", note="images that hold both"), pairs.n_both),
        (
            Column(
                "share_of_a", "of the first", "percent", 0, exported=False, aside="of {n_a}",
                note="percent of the images that hold the first class",
            ),
            _shares(pairs.n_both, pairs.n_a),
        ),
        (
            Column(
                "share_of_b", "of the other", "percent", 0, exported=False, aside="of {n_b}",
                note="percent of the images that hold the other class",
            ),
            _shares(pairs.n_both, pairs.n_b),
        ),
        (Column("low_b_given_a", "", "percent"), pairs.low_b_given_a),
        (Column("low_a_given_b", "", "percent"), pairs.low_a_given_b),
        (
            Column(
                "a_as_b", "first taken for other", "percent",
                note="percent of models and images, where only the first is there",
            ),
            pairs.a_as_b,
        ),
        (
            Column(
                "b_as_a", "other taken for first", "percent",
                note="percent of models and images, where only the other is there",
            ),
            pairs.b_as_a,
        ),
        (
            Column(
                "distance", "steps" if (pairs.distance >= 0).any() else "", "count",
                note="between them in the hierarchy",
            ),
            [None if steps < 0 else steps for steps in pairs.distance.tolist()],
        ),
        (Column("share_a_name"), pairs.share_a_name),
    ]  # fmt: skip
    title = f"{fmt.count(len(pairs), 'pair')} of classes that are hard to tell apart"
    return Table.from_columns("pairs", title, columns, about="class")


def first_of_each_kind(table: Table, n: int) -> Table:
    """The first rows of each kind, with a note on how many more there are."""
    kinds = table.data["kind"]
    rows = {kind: [row for row, own in enumerate(kinds) if own == kind] for kind in kinds}
    more = [f"{len(own) - n:,} more {kind}" for kind, own in rows.items() if len(own) > n]
    shown = table.take(row for own in rows.values() for row in own[:n])
    notes = (*table.notes, f"… {fmt.listed(more)}") if more else table.notes
    return Table(
        table.name, table.title, table.columns, shown.data, notes, table.about, table.has_total
    )


def changed_table(changed: ChangedClasses, name: Callable[[int], str]) -> Table:
    """What became of each original class, those that lost most first.

    Args:
        changed: how many images of each kept their label.
        name: of a class.
    """
    columns: Columns = [
        (Column("class", "original class"), [name(int(label)) for label in changed.label]),
        (Column("n_images", "images", "count"), changed.n_images),
        (
            Column(
                "n_kept", "kept", "count", aside="{share_kept}%",
                note="whose reassessed labels hold the original one",
            ),
            changed.n_kept,
        ),
        (Column("share_kept", "", "percent", 0), _shares(changed.n_kept, changed.n_images)),
        (
            Column("n_replaced", "other labels", "count", note="whose labels hold others only"),
            changed.n_replaced,
        ),
        (Column("n_empty", "no label", "count"), changed.n_empty),
        (
            Column(
                "n_several", "kept among several", "count",
                note="whose labels hold the original one and others",
            ),
            changed.n_several,
        ),
    ]  # fmt: skip
    title = "Original classes whose labels changed most"
    return Table.from_columns("changed", title, columns, about="class")


def changed_images_table(
    labels: LabelSets, benchmark: Benchmark, name: Callable[[int], str], *, most: int
) -> Table:
    """Images that no longer carry just their original label; those that lost it come first.

    Args:
        labels: the reassessed labels.
        benchmark: their original labels.
        name: of a class.
        most: rows at most; a note says how many more there are.

    Raises:
        DataError: there are no original labels.
        AlignmentError: an image of the labels is not in the benchmark.
    """
    if benchmark.original is None:
        raise DataError(f"{benchmark.name} has no original labels, but must have some.")
    order = align(
        labels.image_ids, benchmark.image_ids, source="labels", target_name=benchmark.name
    )
    original = benchmark.original[order]
    holds = labels.contains(np.arange(len(labels)), original)
    rows = np.flatnonzero(~holds | (labels.sizes != 1))
    n_more = max(0, len(rows) - most)
    rows = rows[np.argsort(holds[rows], kind="stable")][:most]
    sets = [labels.indices[labels.indptr[row] : labels.indptr[row + 1]] for row in rows.tolist()]
    columns: Columns = [
        (Column("image", "image"), labels.image_ids[rows].tolist()),
        (Column("original", "originally"), [name(one) for one in original[rows].tolist()]),
        (Column("now", "now"), [", ".join(map(name, one.tolist())) or "no label" for one in sets]),
    ]
    notes = (f"… {n_more:,} more",) if n_more else ()
    title = "Images whose labels changed"
    return Table.from_columns("changed-images", title, columns, about="class", notes=notes)


def biased_table(found: BiasedClasses, name: Callable[[int], str], best: str | None) -> Table:
    """The classes on which the oracle does worst, with what else is in their images.

    Args:
        found: the classes, and accuracies on them.
        name: of a class.
        best: the model to show beside the oracle; None shows none.
    """
    examples = found.examples
    places = [found.label[found.label == one.label] for one in examples]
    columns: Columns = [
        (Column("class", "class"), [name(one.label) for one in examples]),
        (
            Column("n_images", "images", "count", note="with this original label, which holds"),
            [one.n_images for one in examples],
        ),
        (
            Column(
                "oracle", "oracle", "percent",
                note="expected accuracy of picking one label at random",
            ),
            [float(found.oracle.of(label)[0]) for label in places],
        ),
    ]  # fmt: skip
    if best is not None:
        model = next(one for one in found.models if one.name == best)
        column = Column("best", best, "percent", note="the best model's accuracy")
        columns.append((column, [float(model.of(label)[0]) for label in places]))
    beside = [
        ", ".join(
            [
                f"{name(int(other))} {fmt.percent(float(share), 0)}"
                for other, share in zip(one.other, one.share, strict=True)
                if share >= _LEAST_SHARE
            ][:_N_BESIDE]
        )
        for one in examples
    ]
    columns.append((Column("beside", "also in these images"), [text or None for text in beside]))
    title = (
        f"The {fmt.count(len(examples), 'class', 'classes')} on which the oracle does worst;"
        " accuracies in percent"
    )
    return Table.from_columns("classes", title, columns, about="class")


def images_table(table: LabelTable) -> Table:
    """One row an image: the labels that each label set gives, and whether they agree.

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
            (" ".join(_label(label, names) for label in held) or NO_LABEL) if about else NOT_ABOUT
            for held, about in zip(labels, covered, strict=True)
        ]
    sets = zip(*(columns[one.name] for one in table.sets), strict=True)
    given = [[cell for cell in row if cell != NOT_ABOUT] for row in sets]
    columns["n_about_it"] = [len(cells) for cells in given]
    columns["identical"] = [
        "" if len(cells) < 2 else "yes" if len(set(cells)) == 1 else "no" for cells in given
    ]
    return Table.from_columns(
        "images",
        "Labels of each image",
        [
            (Column(key, key, "count" if key == "n_about_it" else "text"), values)
            for key, values in columns.items()
        ],
    )


def sets_table(summaries: Sequence[SetSummary]) -> Table:
    """One row a label set."""
    labelled = [one.n_images - one.n_empty for one in summaries]
    means = [one.n_labels / n if n else None for one, n in zip(summaries, labelled, strict=True)]
    columns: Columns = [
        (Column("name", "name"), [one.name for one in summaries]),
        (Column("n_images", "images", "count"), [one.n_images for one in summaries]),
        (Column("n_labelled", "with a label", "count"), labelled),
        (Column("n_empty", "with none", "count"), [one.n_empty for one in summaries]),
        (Column("labels_per_image", "labels an image", "number", 2), means),
        *_accuracies(
            "original_holds", "original label holds", [one.original_holds for one in summaries]
        ),
    ]
    note = "Original label: percent of the images with a label, and its 95% interval."
    return Table.from_columns("sets", "Label sets", columns, notes=(note,))


def set_pairs_table(pairs: Sequence[PairAgreement]) -> Table:
    """One row two label sets: how far they agree, on the images that both are about."""
    n = [one.n_shared for one in pairs]
    columns: Columns = [
        (Column("a", "first"), [one.a for one in pairs]),
        (Column("b", "second"), [one.b for one in pairs]),
        (Column("n_shared", "images", "count"), n),
        (
            Column("share_identical", "% identical", "percent"),
            _shares([one.n_identical for one in pairs], n),
        ),
        (
            Column("share_disjoint", "% none in common", "percent"),
            _shares([one.n_disjoint for one in pairs], n),
        ),
        (Column("jaccard", "Jaccard", "number", 2), [one.jaccard for one in pairs]),
        (
            Column("n_empty_a", "empty in the first", "count"),
            [one.n_empty_a for one in pairs],
        ),
        (
            Column("n_empty_b", "in the second", "count"),
            [one.n_empty_b for one in pairs],
        ),
        (Column("n_empty_both", "in both", "count"), [one.n_empty_both for one in pairs]),
        (
            Column(
                "alpha", "alpha", "number", 2, aside="{alpha_low}–{alpha_high}",
                note="Krippendorff's, on whether the original label holds",
            ),
            [one.alpha.value for one in pairs],
        ),
        (Column("alpha_low", "", "number", 2), [one.alpha.low for one in pairs]),
        (Column("alpha_high", "", "number", 2), [one.alpha.high for one in pairs]),
    ]  # fmt: skip
    undefined = dict.fromkeys(
        f"Alpha is undefined: {one.alpha.reason}." for one in pairs if one.alpha.value is None
    )
    title = "Where they agree, on the images that both are about"
    return Table.from_columns("pairs", title, columns, notes=tuple(undefined))


def models_under_sets_table(models: Sequence[ModelUnderSets], names: Sequence[str]) -> Table:
    """One row a model, two columns a label set: on its own images, and on those of all."""
    n_shared = models[0].shared[0].n_scored if models else 0
    columns: Columns = [(Column("model", "model"), [one.model for one in models])]
    for place, name in enumerate(names):
        columns += _accuracies(f"own_{place}", name, [one.own[place] for one in models])
        columns += _accuracies(f"shared_{place}", "in all", [one.shared[place] for one in models])
    title = (
        "Accuracy in percent under each: on its own images, then on the"
        f" {fmt.count(n_shared, 'image')} with a label in all"
    )
    return Table.from_columns("models", title, columns, about="model")


def expert_checks_table(checks: Sequence[ExpertAgreement]) -> Table:
    """Predictions that experts call wrong, one row a model and label set."""
    columns: Columns = [
        (Column("model", "predictions of"), [one.model for one in checks]),
        (Column("name", "under"), [one.name for one in checks]),
        (Column("n_judged", "judged", "count"), [one.n_judged for one in checks]),
        (
            Column("n_covered", "about these images", "count"),
            [one.n_covered for one in checks],
        ),
        (
            Column("n_called_right", "called right", "count"),
            [one.n_called_right for one in checks],
        ),
        (
            Column("n_major_called_right", "of the major ones", "count", aside="of {n_major}"),
            [one.n_major_called_right for one in checks],
        ),
        (Column("n_major", "", "count"), [one.n_major for one in checks]),
        (Column("n_empty", "without label", "count"), [one.n_empty for one in checks]),
        (
            Column("n_called_wrong", "called wrong", "count"),
            [one.n_called_wrong for one in checks],
        ),
    ]
    return Table.from_columns("checks", "Predictions that experts call wrong, under each", columns)


def _accuracies(key: str, heading: str, found: Sequence[Accuracy | None]) -> Columns:
    """An accuracy in percent with its 95% interval beside it."""
    ends = [None if one is None else fmt.interval(one) for one in found]
    accuracy = Column(key, heading, "percent", 2, aside=f"{{{key}_low}}–{{{key}_high}}")
    return [
        (accuracy, [None if one is None else one.value for one in found]),
        (Column(f"{key}_low", "", "percent", 2), [None if one is None else one[0] for one in ends]),
        (
            Column(f"{key}_high", "", "percent", 2),
            [None if one is None else one[1] for one in ends],
        ),
    ]


def _shares(counts: Sequence[int] | Any, totals: Sequence[int] | Any) -> list[float | None]:
    return [int(n) / int(of) if of else None for n, of in zip(counts, totals, strict=True)]


def _label(label: int, ids: Sequence[str] | None) -> str:
    return str(label) if ids is None else ids[label]
