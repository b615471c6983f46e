"""How many labels an image has, what kind they are, and the share that has several.

Does not say which classes occur together: `reassess.analysis.oracle` does.

Source: Beyer et al. (2020), "Are we done with ImageNet?", arXiv 2006.07159, sections 3.3
and 4.2.
"""

from dataclasses import dataclass

import numpy as np

from reassess.analysis.alignment import original_classes
from reassess.records import Benchmark, LabelSets


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
        """Share of the rated images, in [0, 1]; None where rated is unknown or nobody was."""
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
