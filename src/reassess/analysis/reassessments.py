"""Several reassessments of one benchmark, side by side on one table (`label_table`).

How far two agree is told on the images that both are about. Experts' verdicts on single
predictions are no label sets: they say that one class does not hold, and of the other classes
nothing; they are held against each set instead. Letters: N images of the table, S
reassessments, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Int

from reassess.analysis.label_table import LabelTable
from reassess.files.expert_mistakes import ExpertMistakes
from reassess.records import Accuracy, LabelSets, Predictions, pair_keys, positions
from reassess.scoring import real_accuracy
from reassess.statistics.agreement import Coefficient, krippendorff_alpha


@dataclass(frozen=True, slots=True)
class SetSummary:
    """One reassessment.

    Attributes:
        name: what it is called.
        n_images: images that it is about.
        n_empty: of these, images that no label holds for.
        n_labels: labels over all its images.
        original_holds: images whose original label is in the set, of those with a set that is
            not empty; None where the original labels are unknown.
    """

    name: str
    n_images: int
    n_empty: int
    n_labels: int
    original_holds: Accuracy | None


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far two reassessments agree, on the images that both are about.

    Attributes:
        a: the first.
        b: the second.
        n_shared: images that both are about.
        n_identical: images with the same set.
        n_empty_a: images whose set is empty in a.
        n_empty_b: images whose set is empty in b.
        n_empty_both: images whose set is empty in both; they are identical too.
        n_disjoint: images with a label in each, none in common.
        jaccard: labels in common over labels in either, the mean over the images where either
            has one; None where there is none.
        original: images by whether the original label holds in both, in a only, in b only, in
            neither; None where original labels are unknown.
        alpha: agreement on whether the original label holds, beyond chance.
    """

    a: str
    b: str
    n_shared: int
    n_identical: int
    n_empty_a: int
    n_empty_b: int
    n_empty_both: int
    n_disjoint: int
    jaccard: float | None
    original: tuple[int, int, int, int] | None
    alpha: Coefficient


@dataclass(frozen=True, slots=True)
class ExpertAgreement:
    """Predictions that experts call wrong, under one reassessment.

    Attributes:
        model: whose predictions they are.
        name: the reassessment.
        n_judged: predictions that experts call wrong.
        n_covered: of these, on images that the reassessment is about.
        n_called_right: of these, in the set of labels.
        n_empty: of these, on images with an empty set.
        n_called_wrong: of these, on images with labels, none of them the prediction.
        n_major: of the covered, predictions whose mistake experts call major.
        n_major_called_right: of these, in the set of labels.
    """

    model: str
    name: str
    n_judged: int
    n_covered: int
    n_called_right: int
    n_empty: int
    n_called_wrong: int
    n_major: int
    n_major_called_right: int


@dataclass(frozen=True, slots=True)
class ModelUnderSets:
    """What one model scores under each reassessment.

    Attributes:
        model: its name.
        own: over the images of each reassessment, as it would be scored alone.
        shared: over the images that all are about and that have a label in each.
    """

    model: str
    own: tuple[Accuracy, ...]
    shared: tuple[Accuracy, ...]


def set_summaries(table: LabelTable) -> tuple[SetSummary, ...]:
    """Each reassessment for itself."""
    holds = _original_holds(table)
    found = []
    for place, (one, covered) in enumerate(zip(table.sets, table.covered, strict=True)):
        n_images, n_labelled = int(covered.sum()), int((one.sizes > 0).sum())
        accuracy = None
        if holds is not None:
            accuracy = Accuracy(int(holds[place].sum()), n_labelled, n_images - n_labelled)
        found.append(
            SetSummary(one.name, n_images, n_images - n_labelled, len(one.indices), accuracy)
        )
    return tuple(found)


def pair_agreements(
    table: LabelTable, *, n_resamples: int = 1000, rng: np.random.Generator
) -> tuple[PairAgreement, ...]:
    """Every two reassessments, on the images that both are about.

    Args:
        table: the reassessments.
        n_resamples: of the interval of alpha.
        rng: where randomness comes from.

    Source: alpha, `reassess.statistics.agreement`.
    """
    holds = _original_holds(table)
    keys = [_keys(one, _n_classes(table)) for one in table.sets]
    found = []
    for a, b in combinations(range(len(table.sets)), 2):
        both = table.covered[a] & table.covered[b]
        size_a, size_b = table.sets[a].sizes[both], table.sets[b].sizes[both]
        common = np.zeros(len(table.image_ids), np.int64)
        image = table.sets[a].image[np.isin(keys[a], keys[b])]
        np.add.at(common, image, 1)
        common = common[both]
        either = size_a + size_b - common
        identical = (common == size_a) & (common == size_b)
        some_label = either > 0
        cells = None if holds is None else _cells(holds[a][both], holds[b][both])
        found.append(
            PairAgreement(
                a=table.names[a],
                b=table.names[b],
                n_shared=int(both.sum()),
                n_identical=int(identical.sum()),
                n_empty_a=int((size_a == 0).sum()),
                n_empty_b=int((size_b == 0).sum()),
                n_empty_both=int((~some_label).sum()),
                n_disjoint=int(((size_a > 0) & (size_b > 0) & (common == 0)).sum()),
                jaccard=float((common[some_label] / either[some_label]).mean())
                if some_label.any()
                else None,
                original=cells,
                alpha=_alpha(cells, n_resamples, rng),
            )
        )
    return tuple(found)


def all_identical(table: LabelTable) -> tuple[int, int]:
    """Images that every reassessment is about, and those where all give the same set."""
    every = table.covered.all(axis=0)
    same: Bool[np.ndarray, "N"] = np.array(every)
    first = _keys(table.sets[0], _n_classes(table))
    for one in table.sets[1:]:
        keys = _keys(one, _n_classes(table))
        same[table.sets[0].image[~np.isin(first, keys)]] = False
        same[one.image[~np.isin(keys, first)]] = False
    return int(every.sum()), int(same.sum())


def expert_agreements(
    table: LabelTable, verdicts: Sequence[ExpertMistakes]
) -> tuple[ExpertAgreement, ...]:
    """Experts' verdicts on predictions, under every reassessment.

    Args:
        table: the reassessments.
        verdicts: predictions that experts call wrong, one record a model.

    Raises:
        AlignmentError: an image fits several of the table.
    """
    found = []
    for one in verdicts:
        row = positions(one.image_ids, table.image_ids, source=f"verdicts on {one.model}")
        for sets, covered in zip(table.sets, table.covered, strict=True):
            about = np.flatnonzero(row >= 0)
            about = about[covered[row[about]]]
            right = sets.contains(row[about], one.label[about])
            empty = sets.sizes[row[about]] == 0
            major = one.of_severity("major")[about]
            found.append(
                ExpertAgreement(
                    model=one.model,
                    name=sets.name,
                    n_judged=len(one),
                    n_covered=len(about),
                    n_called_right=int(right.sum()),
                    n_empty=int(empty.sum()),
                    n_called_wrong=int((~right & ~empty).sum()),
                    n_major=int(major.sum()),
                    n_major_called_right=int((right & major).sum()),
                )
            )
    return tuple(found)


def model_under_sets(model: Predictions, table: LabelTable) -> ModelUnderSets:
    """What a model scores under each reassessment, over its own images and over shared ones.

    Args:
        model: predictions for every image of the table.
        table: the reassessments.

    Raises:
        AlignmentError: an image of the table was not predicted.
    """
    known = model.reindex(table.image_ids)
    labelled = np.array([one.sizes > 0 for one in table.sets])
    shared = np.flatnonzero((labelled & table.covered).all(axis=0))
    n_covered = table.covered.sum(axis=1).tolist()
    own, common = [], []
    for one, n_images in zip(table.sets, n_covered, strict=True):
        found = real_accuracy(known, one)
        own.append(Accuracy(found.n_correct, found.n_scored, n_images - found.n_scored))
        right = one.contains(shared, known.ranked_classes[shared, 0])
        common.append(Accuracy(int(right.sum()), len(shared)))
    return ModelUnderSets(model.model, tuple(own), tuple(common))


def _n_classes(table: LabelTable) -> int:
    highest = max(int(one.indices.max(initial=0)) for one in table.sets)
    return 1 + max(highest, 0 if table.original is None else int(table.original.max()))


def _keys(one: LabelSets, n_classes: int) -> Int[np.ndarray, "L"]:
    return pair_keys(one.image, one.indices, n_classes)


def _original_holds(table: LabelTable) -> Bool[np.ndarray, "S N"] | None:
    """Whether the original label is in each set; None where it is unknown."""
    if table.original is None:
        return None
    every = np.arange(len(table.image_ids))
    return np.array([one.contains(every, table.original) for one in table.sets])


def _cells(a: Bool[np.ndarray, "n"], b: Bool[np.ndarray, "n"]) -> tuple[int, int, int, int]:
    """How often both, a only, b only and neither hold."""
    counts = np.bincount(2 * ~a + ~b, minlength=4)
    return int(counts[0]), int(counts[1]), int(counts[2]), int(counts[3])


def _alpha(
    cells: tuple[int, int, int, int] | None, n_resamples: int, rng: np.random.Generator
) -> Coefficient:
    """Krippendorff's alpha of two that say of each image whether its original label holds."""
    if cells is None:
        return Coefficient(None, None, None, 0, "the original labels are not known")
    both, only_a, only_b, neither = cells
    counts = np.repeat([[0, 2], [1, 1], [2, 0]], [both, only_a + only_b, neither], axis=0)
    return krippendorff_alpha(counts, n_resamples=n_resamples, rng=rng)
