"""Reassessed labels in anybody's training loop: a data set of PyTorch with our targets.

`ReassessedDataset` wraps the data set that a loop already has, of timm, torchvision, Hugging Face
or one's own, and gives its images the labels and the keep list of a reassessment. `MultiLabelMixup`
lets timm's mixup and cutmix mix such targets.

Images without a label are left out: nothing is known of them. Letters: B images of a batch,
K classes, N images.
"""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.utils.data import Dataset

from reassess.errors import AlignmentError, DataError, preview
from reassess.files import read_labels
from reassess.files.keep_list import read_keep_list
from reassess.notes import note
from reassess.records import LabelSets, positions
from reassess.records.arrays import as_ids
from reassess.registry import checks_choices

Targets = Literal["multi-hot", "soft", "shared"]
"""1 for each label; its posterior; or one probability that an image's labels share, for softmax."""

_LABEL_KEYS = ("labels", "label", "target")
"""Where samples that are dictionaries have their label."""


@checks_choices
class ReassessedDataset(Dataset[Any]):
    """The images of a data set with reassessed labels, less those that are not kept.

    A sample is what the data set gives, with its label replaced: ``(image, target)``, or a
    dictionary whose ``labels``, ``label`` or ``target`` is the target, a float tensor [K].
    ``transform`` is that of the data set, so that `timm.data.create_loader` can set it.

    Args:
        dataset: any data set with ``len`` and ``[index]``.
        labels: the label sets, or their file.
        image_ids: the id of each sample of ``dataset``, in its order; by default its own file
            names, where it is timm's or torchvision's.
        keep_list: ids of the images to train on, or their file, as ``reassess clean`` writes it;
            None keeps all.
        targets: what a target holds.
        n_classes: K; by default what the labels know.

    Raises:
        DataError: the data set does not say which images it has, K is unknown, or no image is left.
        AlignmentError: ids and samples differ in number, an image of the labels or of the keep list
            is not in the data set, or an id appears twice.
    """

    def __init__(
        self,
        dataset: Any,
        labels: LabelSets | str | PathLike[str],
        *,
        image_ids: Any = None,
        keep_list: Any = None,
        targets: Targets = "multi-hot",
        n_classes: int | None = None,
    ) -> None:
        self.dataset = dataset
        found = labels if isinstance(labels, LabelSets) else read_labels(labels)
        ids = _image_ids(dataset) if image_ids is None else as_ids(image_ids, "the data set")
        if len(ids) != len(dataset):
            raise AlignmentError(
                f"there are {len(ids):,} image ids, but must be one for each of the "
                f"{len(dataset):,} samples of the data set."
            )
        known = n_classes or found.n_classes
        if known is None:
            raise DataError(
                f"{found.name}: the number of classes is unknown, but targets need it. Give it: "
                "n_classes=K."
            )
        self._sample, rows = _samples(found, ids, keep_list)
        self.labels = found.take(rows)
        self.targets = torch.from_numpy(target_matrix(self.labels, targets, known))

    def __len__(self) -> int:
        return len(self._sample)

    def __getitem__(self, index: int) -> Any:
        sample, target = self.dataset[int(self._sample[index])], self.targets[index]
        if isinstance(sample, Mapping):
            key = next((one for one in _LABEL_KEYS if one in sample), _LABEL_KEYS[0])
            return {**sample, key: target}
        image, *_ = sample if isinstance(sample, tuple | list) else (sample,)
        return image, target

    @property
    def image_ids(self) -> Shaped[np.ndarray, "N"]:
        """The id of each sample, as the labels have it."""
        return self.labels.image_ids

    @property
    def n_classes(self) -> int:
        """K."""
        return int(self.targets.shape[1])

    @property
    def transform(self) -> Any:
        """The transform of the data set inside."""
        return getattr(self.dataset, "transform", None)

    @transform.setter
    def transform(self, transform: Any) -> None:
        self.dataset.transform = transform

    def filenames(self, basename: bool = False, absolute: bool = False) -> list[str]:
        """The ids, as timm's data sets tell their file names."""
        del absolute
        names: list[str] = self.image_ids.tolist()
        return [name.rpartition("/")[2] for name in names] if basename else names


@checks_choices
def target_matrix(
    labels: LabelSets, targets: Targets = "multi-hot", n_classes: int | None = None
) -> Float[np.ndarray, "N K"]:
    """Targets in [0, 1] of label sets, one row an image.

    Args:
        labels: the label sets.
        targets: ``multi-hot``: 1 for each label. ``soft``: its posterior, 1 where none is known.
            ``shared``: rows that sum to 1, labels of one image sharing it evenly.
        n_classes: K; by default what the labels know.

    Raises:
        DataError: a label is outside [0, K).
    """
    cells = labels.to_multihot(n_classes).astype(np.float32)
    if targets == "soft" and labels.posterior is not None:
        cells[labels.image, labels.indices] = labels.posterior
    if targets == "shared":
        cells /= np.maximum(cells.sum(axis=1, keepdims=True), 1)
    return cells


class MultiLabelMixup:
    """timm's mixup and cutmix for targets with one column a class.

    timm's `Mixup` makes one-hot targets of class indices. Here the images are mixed by it, as it is
    set up, and the targets with the same weights.

    Args:
        mixup: a `timm.data.Mixup`; its ``label_smoothing`` is applied to the mixed targets.
    """

    def __init__(self, mixup: Any) -> None:
        self.mixup = mixup
        self.label_smoothing = float(mixup.label_smoothing)

    def __call__(self, images: Tensor, targets: Float[Tensor, "B K"]) -> tuple[Tensor, Tensor]:
        """Images and targets, mixed."""
        n = len(images)
        mixup = self.mixup
        kept = mixup.num_classes, mixup.label_smoothing
        # With the rows as classes timm's own targets are the weight of each row in each.
        mixup.num_classes, mixup.label_smoothing = n, 0.0
        try:
            images, weight = mixup(images, torch.arange(n, device=images.device))
        finally:
            mixup.num_classes, mixup.label_smoothing = kept
        mixed = weight.to(targets.dtype) @ targets
        if self.label_smoothing:
            mixed = mixed * (1 - self.label_smoothing) + self.label_smoothing / mixed.shape[1]
        return images, mixed


def _image_ids(dataset: Any) -> Shaped[np.ndarray, "N"]:
    """The ids of the samples of a data set of timm or torchvision.

    Raises:
        DataError: it is another, and does not tell them.
    """
    if hasattr(dataset, "filenames"):  # timm
        return as_ids([_slashes(one) for one in dataset.filenames()], "the data set")
    samples = getattr(dataset, "samples", None)
    if samples is not None and hasattr(dataset, "root"):  # torchvision
        names = [Path(path).relative_to(dataset.root).as_posix() for path, _ in samples]
        return as_ids(names, "the data set")
    raise DataError(
        f"the data set is a {type(dataset).__name__}, which does not tell its file names, but "
        "labels are found by image id. Give the id of each sample: image_ids=ids."
    )


def _slashes(name: Any) -> str:
    return str(name).replace("\\", "/")


def _samples(
    labels: LabelSets, ids: Shaped[np.ndarray, "n"], keep_list: Any
) -> tuple[Int[np.ndarray, "N"], Int[np.ndarray, "N"]]:
    """The samples that are used, and the row of the labels of each.

    Raises:
        AlignmentError: an image of the labels or of the keep list is not in the data set.
        DataError: none is left.
    """
    row = positions(ids, labels.image_ids, source="the data set")
    labelled = np.bincount(row[row >= 0], minlength=len(labels))
    if (labelled == 0).any():
        absent = labels.image_ids[labelled == 0]
        raise AlignmentError(
            f"{labels.name}: image {preview(absent)} is not in the data set (which has such as "
            f"{str(ids[0])!r}), but must be; {len(absent):,} of {len(labels):,} are not. Use the "
            "labels of these images, or LabelSets.take."
        )
    use = row >= 0
    use[use] = labels.sizes[row[use]] > 0
    without = int((~use).sum())
    if without:
        note(f"{without:,} of {len(ids):,} images of the data set have no label and are left out.")
    if keep_list is not None:
        kept = read_keep_list(keep_list) if isinstance(keep_list, str | PathLike) else keep_list
        kept = as_ids(kept, "the keep list")
        place = positions(kept, ids, source="the keep list")
        if (place < 0).any():
            raise AlignmentError(
                f"the keep list: image {preview(kept[place < 0])} is not in the data set, but must "
                f"be; {int((place < 0).sum()):,} of {len(kept):,} are not."
            )
        use &= np.isin(np.arange(len(ids)), place)
    if not use.any():
        raise DataError(
            f"there are 0 images left of {len(ids):,}, but must be at least one with a label that "
            "is kept. Check the labels and the keep list."
        )
    sample = np.flatnonzero(use)
    return sample, row[sample]
