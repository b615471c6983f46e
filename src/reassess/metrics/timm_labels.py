"""ReaL accuracy in timm's ``validate.py``: the object behind ``--real-labels``."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from reassess.errors import AlignmentError, DataError, OptionError
from reassess.files import read_labels
from reassess.metrics.targets import (
    LabelLookup,
    batch_labels,
    check_classes,
    first_correct,
    ranked_classes,
)
from reassess.notes import note
from reassess.records import Accuracy, LabelSets


class RealLabels:
    """What `timm.data.RealLabelsImagenet` is, for any labels and any subset of their images.

    timm's own object counts predictions in the order of all 50,000 images of ImageNet. This one
    knows which image each row is about, so that a part of them is scored rightly.

    Args:
        filenames: the images in the order of the loader: ``dataset.filenames(basename=True)``.
        labels: the label sets, or their file.
        topk: the k to count.

    Raises:
        AlignmentError: a file name has no label set, fits several, or appears twice.
        OptionError: a k is below 1.
    """

    def __init__(
        self,
        filenames: Sequence[str],
        labels: LabelSets | str | PathLike[str],
        topk: Sequence[int] = (1, 5),
    ) -> None:
        found = labels if isinstance(labels, LabelSets) else read_labels(labels)
        if not topk or min(topk) < 1:
            raise OptionError(f"topk is {tuple(topk)}, but must be numbers of 1 or more.")
        self.topk = tuple(topk)
        self._names = list(filenames)
        self._rows = LabelLookup(found).rows(self._names)
        self._labels = found
        self._n_seen = 0
        self._n_scored = 0
        self._n_correct = dict.fromkeys(self.topk, 0)

    def add_result(self, output: Any) -> None:
        """Count the next batch of the loader.

        Args:
            output: scores [B, K].

        Raises:
            AlignmentError: there are more rows than file names.
            DataError: a score is no number, or the scores are of other classes than the labels.
        """
        ranked, n_classes = ranked_classes(output, max(self.topk))
        check_classes(self._labels, n_classes, ranked)
        stop = self._n_seen + len(ranked)
        if stop > len(self._rows):
            raise AlignmentError(
                f"there are {stop:,} rows of predictions, but must be {len(self._rows):,}, one a "
                "file name. Evaluate each image once, in one process."
            )
        batch = self._labels.take(self._rows[self._n_seen : stop])
        lists = np.split(batch.indices, batch.indptr[1:-1])
        image, label = batch_labels(lists, len(ranked), lookup=None, n_classes=None, pad=None)
        first, size = first_correct(ranked, image, label)
        self._n_seen = stop
        self._n_scored += int((size > 0).sum())
        for k in self.topk:
            self._n_correct[k] += int((first < k).sum())

    def get_accuracy(self, k: int | None = None) -> Any:
        """Accuracy in percent, as timm has it: of one k, or by k.

        Before all images of the loader were counted, a note says so.

        Raises:
            DataError: no image with a label was seen.
            OptionError: the k was not counted.
        """
        if k is None:
            return {one: self.get_accuracy(one) for one in self.topk}
        value = self.accuracy(k).value
        if value is None:
            raise DataError("no image with a label was seen, but at least one must be.")
        if self._n_seen < len(self._rows):
            note(
                f"The accuracy is of the first {self._n_seen:,} of {len(self._rows):,} images: the "
                "others were not given to add_result."
            )
        return 100 * value

    def accuracy(self, k: int = 1) -> Accuracy:
        """The counts at k, with their interval.

        Raises:
            OptionError: the k was not counted.
        """
        if k not in self._n_correct:
            raise OptionError(f"k is {k}, but must be one of {self.topk}.")
        return Accuracy(self._n_correct[k], self._n_scored, self._n_seen - self._n_scored)
