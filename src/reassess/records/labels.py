"""The result: for each image the set of labels that hold, and what models score on such sets.

Scores are proportions that keep their denominators. Letters: n images, M models, K classes.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import DataError, preview
from reassess.records.alignment import align
from reassess.records.benchmark import (
    Benchmark,
    Classes,
    check_classes,
    class_positions,
    note_other_order,
)
from reassess.records.pairs import find_keys, pair_keys


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The threshold on the posterior, and how it was chosen.

    Attributes:
        rule: how: a name of `reassess.labels.RULES`.
        threshold: a label is kept where its posterior is at least this.
        target: the precision or recall that the rule was asked for; None where none.
        precision: on the gold questions, at the threshold; None without gold.
        recall: on the gold questions, at the threshold; None without gold.
        n_gold: how many gold questions these two rest on.
        in_sample: whether the same gold entered the posterior, so that precision and recall are
            those of questions that it has seen, and too good for others.
        precision_low: lower end of the 95% interval of the precision, images drawn again; None
            where there is none.
        precision_high: upper end.
        recall_low: lower end of that of the recall.
        recall_high: upper end.
        n_gold_images: images that the gold questions are about.
        cross_fitted_precision: precision where the threshold of each tenth of the gold images is
            chosen on the others, by a posterior that has not seen the gold; None where that is not
            known.
        cross_fitted_recall: the recall likewise.
        confidence: of the guarantee of a rule that gives one; None for others.
    """

    rule: str
    threshold: float
    target: float | None = None
    precision: float | None = None
    recall: float | None = None
    n_gold: int = 0
    in_sample: bool = False
    precision_low: float | None = None
    precision_high: float | None = None
    recall_low: float | None = None
    recall_high: float | None = None
    n_gold_images: int = 0
    cross_fitted_precision: float | None = None
    cross_fitted_recall: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class LabelSets:
    """For each image a set of labels; an empty set means: no label, leave the image out.

    Attributes:
        name: how messages and reports call them.
        image_ids: N distinct ids, strings.
        indptr: the labels of image n are ``indices[indptr[n]:indptr[n + 1]]``.
        indices: class indices, each at most once an image.
        posterior: P(present) of each label; 1 for labels that were kept unrated, None where
            nothing is known.
        rated: whether the image was put to raters; None where nothing is known.
        n_classes: K where it is known.
        operating_point: how the labels were decided; None for labels read from formats that
            do not say.
        votes_sha256: hash of the votes that they rest on.
        models: the models whose predictions were asked about; None where nothing is known.
        classes: the classes that the indices number; None where nothing says it.

    Raises:
        DataError: columns do not fit, an id or a label appears twice, a label is outside
            [0, K).
    """

    name: str
    image_ids: Shaped[np.ndarray, "N"]
    indptr: Int[np.ndarray, "N+1"]
    indices: Int[np.ndarray, "L"]
    posterior: Float[np.ndarray, "L"] | None = None
    rated: Bool[np.ndarray, "N"] | None = None
    n_classes: int | None = None
    operating_point: OperatingPoint | None = None
    votes_sha256: str | None = None
    models: tuple[str, ...] | None = None
    classes: Classes | None = None

    def __post_init__(self) -> None:
        if self.indptr[0] != 0 or self.indptr[-1] != len(self.indices):
            raise DataError(f"{self.name}: row pointers do not span the labels.")
        values, counts = np.unique(self.image_ids, return_counts=True)
        if len(values) < len(self.image_ids):
            raise DataError(
                f"{self.name}: image id {preview(values[counts > 1])} appears more than once, but "
                "must be unique. Leave one row for each image."
            )
        check_classes(self.indices, self.n_classes, f"{self.name}: label")
        order = np.lexsort((self.indices, self.image))
        again = (np.diff(self.image[order]) == 0) & (np.diff(self.indices[order]) == 0)
        if again.any():
            row = order[int(np.argmax(again))]
            raise DataError(
                f"{self.name}: image {str(self.image_ids[self.image[row]])!r} has the label "
                f"{int(self.indices[row])} twice, but a set holds a label once."
            )

    @classmethod
    def from_lists(
        cls,
        name: str,
        image_ids: Shaped[np.ndarray, "N"],
        lists: list[list[int]],
        **more: object,
    ) -> "LabelSets":
        """Label sets from one list of class indices an image; ``more`` are attributes."""
        lengths = np.fromiter((len(labels) for labels in lists), np.int64, len(lists))
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        flat = (label for labels in lists for label in labels)
        indices = np.fromiter(flat, np.int64, int(indptr[-1]))
        return cls(name, image_ids, indptr, indices, **more)  # type: ignore[arg-type]

    def refuse_empty(self) -> "LabelSets":
        """The same labels, if any image has one.

        Raises:
            DataError: every set is empty, so that nothing could ever be scored.
        """
        if len(self.indices) == 0:
            raise DataError(
                f"{self.name}: all {len(self.image_ids):,} label sets are empty, but at least one "
                "must hold a label. Lower the threshold, or check the file."
            )
        return self

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def sizes(self) -> Int[np.ndarray, "N"]:
        """Number of labels of each image."""
        return np.diff(self.indptr)

    @property
    def image(self) -> Int[np.ndarray, "L"]:
        """Image of each label, so that (image, indices) are the pairs that hold."""
        return np.repeat(np.arange(len(self.image_ids)), self.sizes)

    def contains(
        self, image: Int[np.ndarray, "n"], label: Int[np.ndarray, "n *k"]
    ) -> Bool[np.ndarray, "n *k"]:
        """Whether each class is in the set of labels of its image.

        Args:
            image: row of the image in ``image_ids``, one a row of ``label``.
            label: class indices; columns, such as a model's ranked classes, are free.
        """
        n_classes = 1 + max(int(self.indices.max(initial=0)), int(label.max(initial=0)))
        row = image.reshape(-1, *(1,) * (label.ndim - 1))
        wanted = pair_keys(row, label, n_classes)
        found: Bool[np.ndarray, "n *k"] = (
            find_keys(wanted, pair_keys(self.image, self.indices, n_classes)) >= 0
        )
        return found

    def lists(self) -> list[list[int]]:
        """One ascending list of class indices an image."""
        ordered = self.indices[np.lexsort((self.indices, self.image))].tolist()
        ends = self.indptr.tolist()
        return [ordered[a:b] for a, b in pairwise(ends)]

    def align_to(self, benchmark: Benchmark) -> "LabelSets":
        """The same labels under a benchmark's ids and in the order of its images.

        Raises:
            AlignmentError: an image is not in the benchmark.
            DataError: a label is none of the benchmark's classes, or the labels number them in
                another order: predictions are numbered in one of the two, and nothing says in
                which.
        """
        self._refuse_other_order(benchmark)
        row = align(
            self.image_ids, benchmark.image_ids, source=self.name, target_name=benchmark.name
        )
        order = np.argsort(row, kind="stable")
        complete = len(row) == len(benchmark.image_ids)
        ids = benchmark.image_ids if complete else benchmark.image_ids[row[order]]
        n_classes = self.n_classes if benchmark.n_classes is None else benchmark.n_classes
        classes = self.classes if benchmark.classes is None else benchmark.classes
        return replace(self.take(order), image_ids=ids, n_classes=n_classes, classes=classes)

    def _refuse_other_order(self, benchmark: Benchmark) -> None:
        """Refuse classes that are numbered in another order than a benchmark's."""
        known = benchmark.classes
        if self.classes is None or known is None:
            return
        if class_positions(self.classes, known, self.indices, source=self.name) is not None:
            raise DataError(
                f"{self.name}: its classes are {preview(self.classes.ids)}, but must stand in the "
                f"order of {benchmark.name}: {preview(known.ids)}. Give the classes in the order "
                "of the predictions (--classes FILE)."
            )

    def take(self, rows: Int[np.ndarray, "n"]) -> "LabelSets":
        """The same labels for these images only, in this order."""
        sizes = self.sizes[rows]
        indptr = np.concatenate([[0], np.cumsum(sizes)])
        inside = np.arange(int(indptr[-1])) - np.repeat(indptr[:-1], sizes)
        entry = np.repeat(self.indptr[:-1][rows], sizes) + inside
        return LabelSets(
            name=self.name,
            image_ids=self.image_ids[rows],
            indptr=indptr,
            indices=self.indices[entry],
            posterior=None if self.posterior is None else self.posterior[entry],
            rated=None if self.rated is None else self.rated[rows],
            n_classes=self.n_classes,
            operating_point=self.operating_point,
            votes_sha256=self.votes_sha256,
            models=self.models,
            classes=self.classes,
        )

    def numbered_by(self, classes: Classes | None) -> "LabelSets":
        """The same labels with the numbers that the classes have here, found by their ids.

        Labels that name no classes are taken as numbered so.

        Args:
            classes: the classes; None leaves the labels as they are.

        Raises:
            DataError: a label is none of the classes.
        """
        if classes is None:
            return self
        indices = self.indices
        if self.classes is not None:
            place = class_positions(self.classes, classes, indices, source=self.name)
            if place is not None:
                note_other_order(self.name)
                indices = place[indices]
        return replace(self, indices=indices, n_classes=len(classes), classes=classes)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Right answers over answers that could be judged.

    Attributes:
        n_correct: images whose prediction is right.
        n_scored: images that could be judged.
        n_unlabelled: images left out because no label holds for them.
    """

    n_correct: int
    n_scored: int
    n_unlabelled: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.n_correct <= self.n_scored:
            raise DataError(
                f"accuracy: {self.n_correct} of {self.n_scored} are correct, but the count must "
                "lie between 0 and the number scored."
            )

    @property
    def value(self) -> float | None:
        """The proportion in [0, 1]; None where nothing could be judged."""
        return self.n_correct / self.n_scored if self.n_scored else None


@dataclass(frozen=True, slots=True)
class MultilabelAccuracy:
    """Accuracy of each original class, and its mean over the classes.

    Attributes:
        n_correct: right images of each class.
        n_scored: judged images of each class.
        n_unlabelled: images left out because no label holds for them.
    """

    n_correct: Int[np.ndarray, "K"]
    n_scored: Int[np.ndarray, "K"]
    n_unlabelled: int

    @property
    def by_class(self) -> Float[np.ndarray, "C"]:
        """Accuracy of the classes that have a judged image."""
        used = self.n_scored > 0
        accuracy: Float[np.ndarray, "C"] = self.n_correct[used] / self.n_scored[used]
        return accuracy

    @property
    def value(self) -> float | None:
        """Mean of the classes' accuracies; None where no image was judged."""
        by_class = self.by_class
        return float(by_class.mean()) if len(by_class) else None


@dataclass(frozen=True, slots=True)
class ModelScore:
    """What one model scores.

    Attributes:
        model: its name.
        real: top-1 under the reassessed labels.
        original: top-1 under the original labels; None where they are unknown.
        real_at: top-k accuracy under the reassessed labels, by k.
        original_at: top-k accuracy under the original labels, by k; empty where they are unknown.
        multilabel: averaged over original classes; None where they are unknown.
        real_bootstrap: ends of the stratified bootstrap interval of ``real``; None where none
            was asked for.
        original_bootstrap: the same for ``original``.
    """

    model: str
    real: Accuracy
    original: Accuracy | None
    real_at: dict[int, Accuracy]
    original_at: dict[int, Accuracy]
    multilabel: MultilabelAccuracy | None
    real_bootstrap: tuple[float, float] | None = None
    original_bootstrap: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two models differ on images that both predicted and that have a label.

    Attributes:
        model_a: the first model.
        model_b: the second model.
        labels: the labels that judge.
        n_both: images that both have right.
        n_neither: images that neither has right.
        only_a: ids of the images that only a has right, strings.
        only_b: ids of the images that only b has right, strings.
        low: lower end of the interval of the difference.
        high: upper end of the interval of the difference.
        p_value: exact two-sided McNemar test that both are right equally often.
        confidence: of the interval.
        original_a: accuracy of a under the original labels; None where these are unknown.
        original_b: the same of b.
    """

    model_a: str
    model_b: str
    labels: str
    n_both: int
    n_neither: int
    only_a: Shaped[np.ndarray, "n"]
    only_b: Shaped[np.ndarray, "m"]
    low: float
    high: float
    p_value: float
    confidence: float
    original_a: Accuracy | None = None
    original_b: Accuracy | None = None

    @property
    def accuracy_a(self) -> Accuracy:
        """Accuracy of a on the images that were judged."""
        return Accuracy(self.n_both + len(self.only_a), self.n_scored)

    @property
    def accuracy_b(self) -> Accuracy:
        """Accuracy of b on the images that were judged."""
        return Accuracy(self.n_both + len(self.only_b), self.n_scored)

    @property
    def n_scored(self) -> int:
        """Images that were judged."""
        return self.n_both + self.n_neither + len(self.only_a) + len(self.only_b)

    @property
    def difference(self) -> float | None:
        """Accuracy of a less accuracy of b; None where no image was judged."""
        return (len(self.only_a) - len(self.only_b)) / self.n_scored if self.n_scored else None


@dataclass(frozen=True, slots=True)
class ImageTable:
    """Which models are right on which image.

    Attributes:
        image_ids: the n images, strings.
        models: the M models.
        top: each model's top prediction.
        right: whether it is among the labels.
        n_labels: size of each image's label set; where it is 0 nothing is judged.
    """

    image_ids: Shaped[np.ndarray, "n"]
    models: tuple[str, ...]
    top: Int[np.ndarray, "n M"]
    right: Bool[np.ndarray, "n M"]
    n_labels: Int[np.ndarray, "n"]
