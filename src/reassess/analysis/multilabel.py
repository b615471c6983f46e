"""Images with several labels: how many, of which kind, and which classes occur together.

Where an image shows several classes, the original label names one of them. An unbiased oracle
that knows all labels and picks one at random is right about the original label with
probability 1 / (number of labels); a model that does better has learnt which one the benchmark
prefers. Does not decide which classes are animals: the caller chooses which to leave out.
Letters: K classes, C classes with an image that counts, O classes seen beside one, B biased
classes.

Source: Beyer et al. (2020), "Are we done with ImageNet?", arXiv 2006.07159, sections 3.3 and
4.2, Figure 6, Table 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import OptionError
from reassess.records import Benchmark, LabelSets, Predictions, find_keys
from reassess.scoring import original_classes, predicted_rows

_SHOWN_CLASSES = 20


_ROUNDING = 1e-9
"""Two means of a few thirds and quarters that are equal may differ by this as floats."""


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Images by how many labels they have.

    Attributes:
        n_images: ``n_images[c]`` images have c labels; the last count is not 0.
    """

    n_images: tuple[int, ...]

    @property
    def n_labels(self) -> int:
        """Labels over all images."""
        return sum(count * n for count, n in enumerate(self.n_images))

    @property
    def n_labelled(self) -> int:
        """Images with at least one label."""
        return sum(self.n_images[1:])


@dataclass(frozen=True, slots=True)
class LabelKinds:
    """Images by what became of their original label; the four add up to all images.

    Attributes:
        n_confirmed: one label, the original one.
        n_replaced: one label, another than the original.
        n_multiple: two labels or more.
        n_empty: no label.
    """

    n_confirmed: int
    n_replaced: int
    n_multiple: int
    n_empty: int


@dataclass(frozen=True, slots=True)
class MultiLabelShare:
    """Images with several labels, over each of the denominators that are in use.

    Attributes:
        n_multiple: images with two labels or more.
        n_labelled: images with at least one label.
        n_rated: images that were put to raters; None where that is not known.
        n_rated_labelled: images that were put to raters and have a label; None likewise.
    """

    n_multiple: int
    n_labelled: int
    n_rated: int | None
    n_rated_labelled: int | None

    @property
    def of_labelled(self) -> float:
        """Share of the images with a label, in [0, 1]."""
        return self.n_multiple / self.n_labelled

    @property
    def of_rated(self) -> float | None:
        """Share of the rated images, in [0, 1]; None where none was, or that is unknown."""
        return self.n_multiple / self.n_rated if self.n_rated else None

    @property
    def of_rated_labelled(self) -> float | None:
        """Share of the rated images with a label, in [0, 1]; None likewise."""
        return self.n_multiple / self.n_rated_labelled if self.n_rated_labelled else None


def label_counts(labels: LabelSets) -> LabelCounts:
    """Images by how many labels they have.

    Source: section 3.3.
    """
    return LabelCounts(tuple(np.bincount(labels.sizes).tolist()))


def label_kinds(labels: LabelSets, benchmark: Benchmark) -> LabelKinds:
    """Images by what became of their original label.

    Raises:
        AlignmentError: an image of the label sets is not in the benchmark.
        DataError: the benchmark has no original labels.
    """
    original = original_classes(labels, benchmark)
    holds = labels.contains(np.arange(len(labels)), original)
    single = labels.sizes == 1
    return LabelKinds(
        n_confirmed=int((single & holds).sum()),
        n_replaced=int((single & ~holds).sum()),
        n_multiple=int((labels.sizes > 1).sum()),
        n_empty=int((labels.sizes == 0).sum()),
    )


def multi_label_share(labels: LabelSets) -> MultiLabelShare:
    """Images with several labels, among those labelled and among those rated.

    Source: section 4.2, which states about 29 % and names no denominator.
    """
    rated = labels.rated
    labelled = labels.sizes > 0
    return MultiLabelShare(
        n_multiple=int((labels.sizes > 1).sum()),
        n_labelled=int(labelled.sum()),
        n_rated=None if rated is None else int(rated.sum()),
        n_rated_labelled=None if rated is None else int((rated & labelled).sum()),
    )


@dataclass(frozen=True, slots=True)
class ClassAccuracies:
    """Accuracy on the original label, class by class.

    Only images whose set of labels holds the original one count, under the class that is
    their original label; classes without such an image are left out.

    Attributes:
        name: the model, or "unbiased oracle".
        label: the C classes, ascending.
        n_images: images that count, for each of ``label``; at least 1.
        accuracy: (expected) share of them that is right, in [0, 1].
    """

    name: str
    label: Int[np.ndarray, "C"]
    n_images: Int[np.ndarray, "C"]
    accuracy: Float[np.ndarray, "C"]

    def of(self, label: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
        """Accuracies of these classes.

        Raises:
            OptionError: a class has no image that counts.
        """
        place = find_keys(label, self.label)
        absent = place < 0
        if absent.any():
            raise OptionError(
                f"{self.name}: class {int(label[absent][0])} has no image whose labels hold the "
                "original one, but must have one to have an accuracy; "
                f"{int(absent.sum()):,} of {len(label):,} classes have none. Leave them out."
            )
        accuracy: Float[np.ndarray, "n"] = self.accuracy[place]
        return accuracy


@dataclass(frozen=True, slots=True)
class OracleComparison:
    """A model beside the unbiased oracle, over the same classes and images.

    Attributes:
        model: the model's name.
        n_classes: classes compared.
        n_above: classes on which the model's accuracy is above the oracle's.
        mean: the model's accuracy, averaged over the classes, in [0, 1].
        oracle_mean: the oracle's, averaged likewise.
    """

    model: str
    n_classes: int
    n_above: int
    mean: float
    oracle_mean: float


@dataclass(frozen=True, slots=True)
class CoOccurrence:
    """What else is in the images of a class.

    Attributes:
        label: the class.
        n_images: images with that original label whose labels hold it.
        other: the O other classes among their labels, most frequent first, then ascending.
        share: share of the images that hold each of ``other``, in (0, 1].
    """

    label: int
    n_images: int
    other: Int[np.ndarray, "O"]
    share: Float[np.ndarray, "O"]


@dataclass(frozen=True, slots=True)
class BiasedClasses:
    """Classes that occur together with others, and how models do on them (Figure 6, Table 1).

    Attributes:
        oracle: the unbiased oracle on every class.
        label: the B classes on which it is below 0.9; at least one.
        models: each model that predicted an image of every class.
        comparisons: each model beside the oracle, in the order of ``models``.
        examples: what else is in the images of the classes where the oracle scores least.
    """

    oracle: ClassAccuracies
    label: Int[np.ndarray, "B"]
    models: tuple[ClassAccuracies, ...]
    comparisons: tuple[OracleComparison, ...]
    examples: tuple[CoOccurrence, ...]


def unbiased_oracle(labels: LabelSets, benchmark: Benchmark) -> ClassAccuracies:
    """Expected accuracy, class by class, of picking one of an image's labels at random.

    Raises:
        AlignmentError: an image of the label sets is not in the benchmark.
        DataError: the benchmark has no original labels.

    Source: section 4.2; mean of ``1 / |labels|`` over images whose labels hold the original.
    """
    original = original_classes(labels, benchmark)
    counts = labels.contains(np.arange(len(labels)), original)
    return _by_class("unbiased oracle", original[counts], 1 / labels.sizes[counts])


def model_class_accuracies(
    predictions: Predictions, labels: LabelSets, benchmark: Benchmark
) -> ClassAccuracies:
    """A model's accuracy on the original label, class by class, over the oracle's images.

    Raises:
        AlignmentError: a predicted image is not in the label sets or in the benchmark.
        DataError: the benchmark has no original labels.

    Source: section 4.2, Figure 6.
    """
    rows = predicted_rows(predictions, labels)
    original = original_classes(labels, benchmark)[rows]
    counts = labels.contains(rows, original)
    right = (predictions.top == original)[counts].astype(np.float64)
    return _by_class(predictions.model, original[counts], right)


def biased_classes(
    oracle: ClassAccuracies, below: float = 0.9, leave_out: Bool[np.ndarray, "K"] | None = None
) -> Int[np.ndarray, "B"]:
    """The classes on which the oracle's accuracy is below a threshold, ascending.

    Args:
        oracle: the unbiased oracle.
        below: the threshold, in [0, 1].
        leave_out: which of the K classes not to consider; the paper leaves out animals, whose
            labels are noisy rather than several.

    Raises:
        OptionError: the mask is shorter than the classes.

    Source: section 4.2.
    """
    low = below - oracle.accuracy > _ROUNDING
    if leave_out is not None:
        highest = int(oracle.label.max(initial=-1))
        if len(leave_out) <= highest:
            raise OptionError(
                f"the mask of classes to leave out has {len(leave_out):,} entries, but must have "
                f"one for each class; class {highest} occurs. Give one for each class."
            )
        low &= ~leave_out[oracle.label]
    biased: Int[np.ndarray, "B"] = oracle.label[low]
    return biased


def oracle_comparison(
    model: ClassAccuracies, oracle: ClassAccuracies, label: Int[np.ndarray, "B"]
) -> OracleComparison:
    """How a model does beside the oracle on these classes.

    Args:
        model: the model's accuracies.
        oracle: the unbiased oracle's.
        label: the classes to compare, such as `biased_classes`.

    Raises:
        OptionError: there is no class, or one has no image that counts.

    Source: section 4.2, Figure 6.
    """
    if len(label) == 0:
        raise OptionError(
            "there are 0 classes to compare, but must be at least one. Raise the threshold."
        )
    of_model, of_oracle = model.of(label), oracle.of(label)
    return OracleComparison(
        model=model.name,
        n_classes=len(label),
        n_above=int((of_model - of_oracle > _ROUNDING).sum()),
        mean=float(of_model.mean()),
        oracle_mean=float(of_oracle.mean()),
    )


def co_occurrence(labels: LabelSets, benchmark: Benchmark, label: int) -> CoOccurrence:
    """Other classes in the images of a class, most frequent first.

    Args:
        labels: the reassessed labels.
        benchmark: the original labels.
        label: index of the class.

    Raises:
        AlignmentError: an image of the label sets is not in the benchmark.
        DataError: the benchmark has no original labels.
        OptionError: no image has this original label among its labels.

    Source: Table 1.
    """
    original = original_classes(labels, benchmark)
    counts = labels.contains(np.arange(len(labels)), original) & (original == label)
    n_images = int(counts.sum())
    if n_images == 0:
        raise OptionError(
            f"class {label} is the original label of no image whose labels hold it, but must be "
            "of at least one. Choose another class."
        )
    beside = labels.indices[counts[labels.image]]
    other, times = np.unique(beside[beside != label], return_counts=True)
    order = np.lexsort((other, -times))
    return CoOccurrence(label, n_images, other[order], times[order] / n_images)


def _by_class(
    name: str, original: Int[np.ndarray, "n"], right: Float[np.ndarray, "n"]
) -> ClassAccuracies:
    n_images = np.bincount(original)
    total = np.bincount(original, weights=right)
    label = np.flatnonzero(n_images)
    return ClassAccuracies(name, label, n_images[label], total[label] / n_images[label])


def compare_on_biased_classes(
    oracle: ClassAccuracies,
    models: Sequence[ClassAccuracies],
    labels: LabelSets,
    benchmark: Benchmark,
    leave_out: Bool[np.ndarray, "K"] | None,
) -> BiasedClasses | None:
    """The models beside the oracle on its biased classes; None where there is no such class.

    Args:
        oracle: the unbiased oracle on every class.
        models: the models' accuracies; those that lack one of the classes are left out.
        labels: the reassessed labels.
        benchmark: the original labels.
        leave_out: which of the K classes not to consider.

    Raises:
        OptionError: the mask is shorter than the classes.
    """
    label = biased_classes(oracle, leave_out=leave_out)
    if len(label) == 0:
        return None
    complete = tuple(one for one in models if np.isin(label, one.label).all())
    worst = label[np.argsort(oracle.of(label), kind="stable")][:_SHOWN_CLASSES]
    return BiasedClasses(
        oracle=oracle,
        label=label,
        models=complete,
        comparisons=tuple(oracle_comparison(one, oracle, label) for one in complete),
        examples=tuple(co_occurrence(labels, benchmark, one) for one in worst.tolist()),
    )
