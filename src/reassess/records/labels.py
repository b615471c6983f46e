"""The result: for each image the set of labels that hold.

Letters: N images, K classes, L labels.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import AlignmentError, DataError, preview
from reassess.records.alignment import align
from reassess.records.arrays import as_array, as_ids, refuse_other_rows
from reassess.records.audits import Audit
from reassess.records.benchmark import (
    Benchmark,
    Classes,
    check_classes,
    class_positions,
    note_other_order,
    plain_text,
)
from reassess.records.id_hashes import repeated_ids
from reassess.records.named_columns import in_class_order
from reassess.records.pairs import Pairs, find_keys, pair_keys
from reassess.records.tabular import Backend, as_frame
from reassess.registry import checks_choices


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
        calibrated: the same as gold has it, in [0, 1]; None without gold.
        rated: whether the image was put to raters; None where nothing is known. Images that were
            not keep their original label, which nobody checked.
        n_classes: K where it is known.
        operating_point: how the labels were decided; None for labels read from formats that
            do not say.
        votes_sha256: hash of the votes that they rest on.
        models: the models whose predictions were asked about; None where nothing is known.
        classes: the classes that the indices number; None where nothing says it.
        asked: the pairs that raters were asked about, rising by image and class; a class outside
            them is unknown, not absent. None where nothing is known.
        audit: random samples of what would not have been asked about otherwise; None without one.
        context: the models whose predictions the labels lean on beside the votes; none as a rule.

    Raises:
        DataError: columns do not fit or are of another kind, an id or a label appears twice, a
            label is outside [0, K), a posterior outside [0, 1], or pairs are about other images.
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
    calibrated: Float[np.ndarray, "L"] | None = None
    asked: Pairs | None = None
    audit: Audit | None = None
    context: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_ids", as_ids(self.image_ids, self.name))
        for column in ("indptr", "indices"):
            object.__setattr__(self, column, _integers(getattr(self, column), self.name, column))
        n_images, n_labels = len(self.image_ids), len(self.indices)
        spans = len(self.indptr) == n_images + 1 and self.indptr[0] == 0
        if not spans or self.indptr[-1] != n_labels or bool((np.diff(self.indptr) < 0).any()):
            raise DataError(
                f"{self.name}: row pointers do not span the labels: they must be "
                f"{n_images + 1:,} numbers that rise from 0 to {n_labels:,}. Use "
                "LabelSets.from_lists."
            )
        for column, n in (("posterior", n_labels), ("rated", n_images)):
            value = getattr(self, column)
            if value is not None and np.shape(value) != (n,):
                raise DataError(
                    f"{self.name}: {column} has the shape {np.shape(value)}, but must be ({n},)."
                )
        if self.posterior is not None and len(self.posterior):
            outside = ~((self.posterior >= 0) & (self.posterior <= 1))
            if outside.any():
                where = int(np.argmax(outside))
                raise DataError(
                    f"{self.name}: posterior[{where}] is {self.posterior[where]!s}, but must lie "
                    f"in [0, 1]; {int(outside.sum()):,} do not."
                )
        repeated = repeated_ids(self.image_ids)
        if len(repeated):
            raise DataError(
                f"{self.name}: image id {preview(repeated)} appears more than once, but "
                "must be unique. Leave one row for each image."
            )
        check_classes(self.indices, self.n_classes, f"{self.name}: label")
        self._check_what_was_asked()
        row = _first_repeat(self.image, self.indices)
        if row is not None:
            hint = "If rows are one-hot, use LabelSets.from_multihot. " * (
                int(self.indices.max()) <= 1
            )
            raise DataError(
                f"{self.name}: image {str(self.image_ids[self.image[row]])!r} has the label "
                f"{int(self.indices[row])} twice, but a set holds a label once. {hint}".strip()
            )

    def _check_what_was_asked(self) -> None:
        """Give the pairs that were asked and audited the images and classes of the labels.

        Raises:
            DataError: they list other images.
        """
        class_ids = None if self.classes is None else self.classes.ids
        for what, pairs in (
            ("asked", self.asked),
            ("audit", None if self.audit is None else self.audit.pairs),
        ):
            if pairs is None or pairs.image_ids is self.image_ids:
                continue
            if not np.array_equal(pairs.image_ids, self.image_ids):
                raise DataError(
                    f"{self.name}: {what} lists {len(pairs.image_ids):,} images, but must list the "
                    f"same {len(self):,} as the labels. Align its pairs to them first."
                )
        if self.asked is not None:
            image, label = self.asked.image, self.asked.label
            keys = self.asked.keys()
            if not (keys[1:] > keys[:-1]).all():
                order = np.argsort(keys, kind="stable")
                image, label = image[order], label[order]
            object.__setattr__(self, "asked", Pairs(self.image_ids, image, label, class_ids))
        if self.audit is not None:
            pairs = replace(self.audit.pairs, image_ids=self.image_ids, class_ids=class_ids)
            object.__setattr__(self, "audit", replace(self.audit, pairs=pairs, distractors=None))

    @classmethod
    def from_lists(cls, name: str, image_ids: Any, lists: Any, **more: Any) -> "LabelSets":
        """Label sets from one list of class indices an image; ``more`` are attributes.

        Raises:
            DataError: a label is no integer, a list holds it twice, or the lists are one-hot rows.
        """
        if any(hasattr(labels, "detach") for labels in lists):  # tensors, one an image
            lists = [as_array(labels, f"{name}: labels") for labels in lists]
        lengths = np.fromiter((np.size(labels) for labels in lists), np.int64, len(lists))
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        parts = [np.asarray(labels).ravel() for labels in lists if np.size(labels)]
        indices = np.concatenate(parts) if parts else np.empty(0, np.int64)
        return cls.from_rows(name, image_ids, indptr, indices, **more)

    @classmethod
    def from_rows(
        cls, name: str, image_ids: Any, indptr: Any, indices: Any, **more: Any
    ) -> "LabelSets":
        """Label sets from the lists of all images one after the other; ``more`` are attributes.

        Args:
            name: how to call them.
            image_ids: one id a list.
            indptr: the list of image n is ``indices[indptr[n]:indptr[n + 1]]``.
            indices: class indices.
            more: further attributes; ``posterior`` one value a label.

        Raises:
            DataError: a label is no integer, a list holds it twice, or the lists are one-hot rows.
        """
        _refuse_one_hot(name, np.diff(indptr), indices)
        indices = _integers(indices, name, "indices")
        return cls(name, as_ids(image_ids, name), indptr, indices, **more)

    @classmethod
    def from_multihot(cls, name: str, image_ids: Any, multihot: Any, **more: Any) -> "LabelSets":
        """Label sets from a matrix of 0 and 1, one column a class; ``more`` are attributes.

        Args:
            name: how to call them.
            image_ids: one id a row.
            multihot: [N, K], booleans or numbers: an array, a list of lists, a tensor or a frame,
                whose columns are found by their names where ``classes`` are among the attributes.
            more: further attributes; ``posterior`` one value a label, row by row.

        Raises:
            DataError: a cell is neither 0 nor 1, or rows and ids differ in number.
        """
        refuse_other_rows(image_ids, multihot, name)
        cells = in_class_order(multihot, more.get("classes"), f"{name}: multi-hot labels")
        ids = as_ids(image_ids, name)
        if cells.ndim != 2 or cells.dtype.kind not in "biuf" or len(cells) != len(ids):
            raise DataError(
                f"{name}: multi-hot labels have the shape {cells.shape} and type {cells.dtype}, "
                f"but must be 0 and 1 of the shape [{len(ids)}, K], one column a class."
            )
        wrong = (cells != 0) & (cells != 1)
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            raise DataError(
                f"{name}: cell [{row}, {column}] is {cells[row, column]!s}, but must be 0 or 1; "
                f"{int(wrong.sum()):,} are neither. For probabilities decide first, as by p >= 0.5."
            )
        row, indices = np.nonzero(cells)
        counts = np.bincount(row, minlength=len(ids))
        return cls(
            name, ids, np.concatenate([[0], np.cumsum(counts)]), indices,
            **{"n_classes": cells.shape[1], **more},
        )  # fmt: skip

    @classmethod
    def from_columns(
        cls, name: str, image: Any, label: Any, *, image_ids: Any = None,
        classes: Classes | None = None,
    ) -> "LabelSets":  # fmt: skip
        """Label sets from two columns, a row for each label; an image may have several rows.

        Args:
            name: how to call them.
            image: the id of each row's image: a list, an array, or a column of a table.
            label: its class index; or its id or name where ``classes`` are given; None or NaN for
                an image without a label.
            image_ids: all images in their order; by default those of the rows, as they come.
            classes: what ids and names are looked up in.

        Raises:
            AlignmentError: an image is not among ``image_ids``.
            DataError: a label is no class, or an image has it twice.
        """
        refuse_other_rows(image, label, name)
        ids, cells = as_ids(image, name), as_array(label, f"{name}: labels")
        if cells.ndim != 1 or len(cells) != len(ids):
            raise DataError(
                f"{name}: labels have the shape {cells.shape}, but must be one for each of "
                f"{len(ids):,} rows."
            )
        every = np.array(list(dict.fromkeys(ids.tolist()))) if image_ids is None else image_ids
        every = as_ids(every, name)
        values = cells.tolist()
        rows = np.array([i for i, v in enumerate(values) if v is not None and v == v], np.int64)  # noqa: PLR0124 -- NaN
        indices = _class_indices([values[i] for i in rows], classes, name)
        place = {one: n for n, one in enumerate(every.tolist())}
        unknown = [one for one in ids.tolist() if one not in place]
        if unknown:
            raise AlignmentError(
                f"{name}: image {preview(unknown)} is not among the image ids, but must be."
            )
        of_image = np.array([place[one] for one in ids[rows].tolist()], np.int64)
        order = np.argsort(of_image, kind="stable")
        counts = np.bincount(of_image, minlength=len(every))
        return cls(
            name, every, np.concatenate([[0], np.cumsum(counts)]), indices[order],
            n_classes=None if classes is None else len(classes), classes=classes,
        )  # fmt: skip

    def to_multihot(self, n_classes: int | None = None) -> Bool[np.ndarray, "N K"]:
        """A matrix of one row an image and one column a class, True where the label holds.

        Args:
            n_classes: K; by default what the labels know, else one more than the highest label.
        """
        known = n_classes or self.n_classes or 1 + int(self.indices.max(initial=0))
        check_classes(self.indices, known, f"{self.name}: label")
        cells = np.zeros((len(self), known), dtype=bool)
        cells[self.image, self.indices] = True
        return cells

    @checks_choices
    def to_frame(self, backend: Backend | None = None) -> Any:
        """A data frame of one row an image, empty sets included; `read_labels` takes it back.

        Columns: ``image``, ``labels`` (a list of class indices, ascending), ``names`` where the
        classes are known, ``posterior`` and ``rated`` where they are.

        Args:
            backend: pandas, polars or pyarrow; None takes the first that is installed.

        Raises:
            OptionError: the library is unknown or not installed.
        """
        order = np.lexsort((self.indices, self.image))
        ends = list(pairwise(self.indptr.tolist()))
        columns: dict[str, Any] = {"image": self.image_ids, "labels": self.lists()}
        if self.classes is not None:
            names = self.classes.names
            columns["names"] = [[names[label] for label in one] for one in columns["labels"]]
        if self.posterior is not None:
            flat = self.posterior[order].tolist()
            columns["posterior"] = [flat[a:b] for a, b in ends]
        if self.rated is not None:
            columns["rated"] = self.rated
        return as_frame(columns, backend)

    def __repr__(self) -> str:
        empty = int((self.sizes == 0).sum())
        return (
            f"LabelSets({self.name!r}: {len(self.indices):,} labels of {len(self):,} images, "
            f"{empty:,} without one, {self.n_classes or 'unknown'} classes)"
        )

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
        self.refuse_other_order(benchmark)
        row = align(
            self.image_ids, benchmark.image_ids, source=self.name, target_name=benchmark.name
        )
        complete = len(row) == len(benchmark.image_ids)
        in_order = bool((row[1:] > row[:-1]).all())
        order = None if in_order else np.argsort(row, kind="stable")
        ids = benchmark.image_ids
        if not complete:
            ids = ids[row if order is None else row[order]]
        n_classes = self.n_classes if benchmark.n_classes is None else benchmark.n_classes
        classes = self.classes if benchmark.classes is None else benchmark.classes
        taken = self if order is None else self.take(order)
        asked = None if taken.asked is None else replace(taken.asked, image_ids=ids)
        audit = taken.audit
        if audit is not None:
            audit = replace(audit, pairs=replace(audit.pairs, image_ids=ids))
        return replace(
            taken, image_ids=ids, n_classes=n_classes, classes=classes, asked=asked, audit=audit
        )

    def refuse_other_order(self, benchmark: Benchmark) -> None:
        """Refuse classes that are numbered in another order than a benchmark's.

        Raises:
            DataError: they are, or a label is none of the benchmark's classes.
        """
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
        ids = self.image_ids[rows]
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        return replace(
            self,
            image_ids=ids,
            indptr=indptr,
            indices=self.indices[entry],
            posterior=None if self.posterior is None else self.posterior[entry],
            rated=None if self.rated is None else self.rated[rows],
            calibrated=None if self.calibrated is None else self.calibrated[entry],
            asked=None if self.asked is None else _moved(self.asked, place, ids),
            audit=self._audit_of(place, ids),
        )

    def _audit_of(self, place: Int[np.ndarray, "N"], ids: Shaped[np.ndarray, "n"]) -> Audit | None:
        """The audit of some of the images, each at another place."""
        if self.audit is None:
            return None
        kept = self.audit.take(place[self.audit.pairs.image] >= 0)
        return replace(kept, pairs=_moved(kept.pairs, place, ids)) if kept.strata else None

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
        indices, asked, audit = self.indices, self.asked, self.audit
        if self.classes is not None:
            used = [indices, *(() if asked is None else (asked.label,))]
            if audit is not None:
                used += [audit.pairs.label, audit.kept[audit.kept >= 0]]
            place = class_positions(self.classes, classes, np.concatenate(used), source=self.name)
            if place is not None:
                note_other_order(self.name)
                indices = place[indices]
                if asked is not None:
                    asked = replace(asked, label=place[asked.label])
                if audit is not None:
                    pairs = replace(audit.pairs, label=place[audit.pairs.label])
                    kept = np.where(audit.kept >= 0, place[audit.kept], -1)
                    audit = replace(audit, pairs=pairs, kept=kept)
        return replace(
            self, indices=indices, n_classes=len(classes), classes=classes, asked=asked, audit=audit
        )


def _first_repeat(image: Int[np.ndarray, "L"], label: Int[np.ndarray, "L"]) -> int | None:
    """A row whose label its image has already, the first in order; None where there is none."""
    label = label.astype(np.int64, copy=False)
    keys = pair_keys(image, label, 1 + int(label.max(initial=0)))
    if bool((keys[1:] > keys[:-1]).all()):
        return None
    order = np.argsort(keys, kind="stable")
    again = np.diff(keys[order]) == 0
    return int(order[int(np.argmax(again))]) if again.any() else None


def _moved(pairs: Pairs, place: Int[np.ndarray, "N"], ids: Shaped[np.ndarray, "n"]) -> Pairs:
    """The pairs of images that have a new place, there."""
    kept = pairs.take(place[pairs.image] >= 0)
    return Pairs(ids, place[kept.image], kept.label, kept.class_ids)


def _integers(value: Any, name: str, what: str) -> Int[np.ndarray, "n"]:
    """A column as integers; one without any cell may be of any type.

    Raises:
        DataError: it holds something else.
    """
    array = as_array(value, f"{name}: {what}")
    if array.ndim == 1 and array.dtype.kind in "iu":
        return array
    if array.size == 0:
        return np.empty(0, np.int64)
    raise DataError(
        f"{name}: {what} has the shape {array.shape} and type {array.dtype}, but must be one row "
        "of integers (class indices). For rows of 0 and 1 use LabelSets.from_multihot."
    )


def _refuse_one_hot(
    name: str, lengths: Int[np.ndarray, "N"], indices: Shaped[np.ndarray, "L"]
) -> None:
    """Refuse rows of two classes that are one-hot: as sets, they would give every image both."""
    if len(lengths) < 2 or not bool((lengths == 2).all()) or indices.dtype.kind not in "iu":
        return
    rows = indices.reshape(-1, 2)
    if bool((np.sort(rows, axis=1) == [0, 1]).all()) and bool((rows[:, 0] == 1).any()):
        raise DataError(
            f"{name}: every list is [0, 1] or [1, 0], which gives each image both labels, but must "
            "hold the classes of an image. They look one-hot: use LabelSets.from_multihot, or "
            "write the class that is 1."
        )


def _class_indices(words: list[Any], classes: Classes | None, name: str) -> Int[np.ndarray, "L"]:
    """Integers as class indices; strings as ids or names.

    Raises:
        DataError: a word is neither, or no class.
    """
    found = []
    for row, given in enumerate(words):
        word = plain_text(given) if isinstance(given, str) else given
        if classes is not None and isinstance(word, str) and word in classes.index_of:
            found.append(classes.index_of[word])
        elif isinstance(word, int | float) and not isinstance(word, bool) and word % 1 == 0:
            found.append(int(word))
        else:
            raise DataError(
                f"{name}: label[{row}] is {given!r}, but must be a class index"
                + (
                    ", or the id or name of a class."
                    if classes
                    else ". Give the classes (classes=)."
                )
            )
    return np.array(found, np.int64)
