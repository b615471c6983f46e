"""What a batch is judged by: the labels of its images, in whatever form they come.

Letters: B images of a batch, K classes, L labels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from reassess.errors import AlignmentError, DataError, OptionError
from reassess.records import LabelSets, positions
from reassess.records.alignment import refuse_twice
from reassess.records.arrays import as_array, as_ids

_WITHOUT_LABEL = (-1, -100)
"""What stands for no label where each image has one class: -100 is PyTorch's ``ignore_index``."""


class LabelLookup:
    """The rows of label sets by image id, exact or by the end of the path.

    Args:
        labels: the label sets.
    """

    def __init__(self, labels: LabelSets) -> None:
        self.labels = labels
        self._row = {one: row for row, one in enumerate(labels.image_ids.tolist())}

    def rows(self, image_ids: Any) -> Int[np.ndarray, "B"]:
        """The row of each image.

        Raises:
            AlignmentError: an image has no label set, or appears twice.
        """
        ids = as_ids(image_ids, "the batch")
        rows = np.array([self._row.get(one, -1) for one in ids.tolist()], dtype=np.int64)
        if (rows < 0).any():
            rows = positions(ids, self.labels.image_ids, source="the batch")
        if (rows < 0).any():
            unknown = str(ids[np.argmax(rows < 0)])
            raise AlignmentError(
                f"the batch: image {unknown!r} has no entry in {self.labels.name} (which has such "
                f"as {str(self.labels.image_ids[0])!r}), but must have one. Give the labels of "
                "these images, or ids written as there."
            )
        refuse_twice(rows, lambda row: str(self.labels.image_ids[row]), source="the batch")
        return rows


def batch_labels(
    target: Any,
    n: int,
    *,
    lookup: LabelLookup | None,
    n_classes: int | None,
    pad: int | None,
) -> tuple[Int[Tensor, "L"], Int[Tensor, "L"]]:
    """The labels of a batch: the image of each, and its class.

    Args:
        target: one of: image ids, strings, where there is a lookup; multi-hot [B, K] of 0 and 1;
            a list of each image's classes; [B] one class an image; [B, m] classes filled with
            ``pad``.
        n: B.
        lookup: finds the labels of image ids; None where none are known.
        n_classes: K, where scores show it.
        pad: what fills rows of classes; None where none is filled.

    Raises:
        DataError: the target is none of these, or the scores are of other classes.
        AlignmentError: there are more or fewer than B, an image has no label set or appears twice.
        OptionError: image ids come without labels.
    """
    target = _as_given(target)
    if _are_ids(target):
        if lookup is None:
            raise OptionError(
                "the targets are image ids, but no labels are known. Give them: labels=LabelSets."
            )
        taken = lookup.labels.take(lookup.rows(target))
        _check_length(len(taken), n)
        return torch.from_numpy(taken.image), torch.from_numpy(taken.indices)
    if isinstance(target, Tensor | np.ndarray):
        tensor = _tensor(target)
        _check_length(len(tensor), n)
        image, label = _of_tensor(tensor, n_classes, pad)
    else:
        rows = [torch.as_tensor(one).reshape(-1) for one in target]
        _check_length(len(rows), n)
        sizes = torch.tensor([len(one) for one in rows], dtype=torch.long)
        image = torch.repeat_interleave(torch.arange(n), sizes)
        label = torch.cat([sizes[:0], *(one.long() for one in rows)])
    _check_range(label, n_classes)
    return image, label


def check_classes(
    labels: LabelSets, n_classes: int | None, ranked: Int[Tensor, "B k"] | None = None
) -> None:
    """Refuse predictions of other classes than labels have: they number them otherwise.

    Args:
        labels: the labels.
        n_classes: how many classes have scores; None where there are none.
        ranked: the best classes, where these alone are predicted.

    Raises:
        DataError: there are more or fewer, or one lies beyond the last.
    """
    known = labels.n_classes
    if n_classes is None and known is not None and ranked is not None and len(ranked):
        last = int(ranked.max())
        if last >= known:
            raise DataError(
                f"predictions hold the class {last}, but must be of the {known:,} classes that "
                f"{labels.name} numbers, in [0, {known}). Count classes from 0."
            )
    if n_classes is None or not len(labels.indices):
        return
    least = 1 + int(labels.indices.max())
    if n_classes < least or (known is not None and known != n_classes):
        raise DataError(
            f"predictions score {n_classes:,} classes, but must score the "
            f"{least if known is None else known:,} that {labels.name} numbers, in this order. "
            "Take the columns of these classes, without one for the background."
        )


def _check_range(label: Int[Tensor, "L"], n_classes: int | None) -> None:
    """Refuse labels that are no class.

    Raises:
        DataError: one is not.
    """
    if not len(label):
        return
    low, high = int(label.min()), int(label.max())
    if low < 0 or (n_classes is not None and high >= n_classes):
        must = "0 or more" if n_classes is None else f"in [0, {n_classes})"
        raise DataError(
            f"the targets hold the class {low if low < 0 else high}, but classes must be {must}. "
            "Count classes from 0; for what fills rows of classes say so (pad=-1)."
        )


def _tensor(value: Tensor | np.ndarray[Any, np.dtype[Any]]) -> Tensor:
    """A tensor; PyTorch warns of arrays that must not be written to, as columns of frames are."""
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        value = value.copy()
    return torch.as_tensor(value)


def _as_given(target: Any) -> Any:
    """A target, columns of frames and arrays of texts as objects being arrays of their kind."""
    if isinstance(target, Tensor):
        return target
    if hasattr(target, "to_numpy"):
        target = as_array(target, "the targets")
    is_objects = isinstance(target, np.ndarray) and target.dtype == object
    if is_objects and len(target) and isinstance(target.flat[0], str):
        return as_ids(target, "the targets")
    return target


def _are_ids(target: Any) -> bool:
    if isinstance(target, np.ndarray):
        return target.dtype.kind in "US"
    if isinstance(target, Tensor) or not isinstance(target, Sequence) or not len(target):
        return False
    return isinstance(target[0], str | bytes)


def _check_length(found: int, n: int) -> None:
    if found != n:
        raise AlignmentError(
            f"the targets are of {found:,} images, but must be of the {n:,} that are predicted."
        )


def _of_tensor(
    target: Shaped[Tensor, "B ..."], n_classes: int | None, pad: int | None
) -> tuple[Int[Tensor, "L"], Int[Tensor, "L"]]:
    """The labels in a tensor of classes, or multi-hot."""
    if target.ndim == 1 and not target.dtype.is_floating_point and target.dtype != torch.bool:
        has_label = ~torch.isin(
            target, torch.tensor(_WITHOUT_LABEL if pad is None else (pad,), device=target.device)
        )
        return has_label.nonzero()[:, 0], target[has_label].long()
    if target.ndim == 2 and pad is not None:
        image, column = torch.nonzero(target != pad, as_tuple=True)
        return image, target[image, column].long()
    is_multihot = target.ndim == 2 and bool(((target == 0) | (target == 1)).all())
    if not is_multihot or n_classes not in {None, target.shape[1]}:
        wanted = "K" if n_classes is None else f"{n_classes:,}"
        raise DataError(
            f"the targets have the shape {tuple(target.shape)} and type {target.dtype}, but must "
            f"be 0 and 1 of the shape [B, {wanted}], one column a class. For the classes of each "
            "image give a list of lists, or rows filled with a value (pad=-1)."
        )
    image, label = torch.nonzero(target, as_tuple=True)
    return image, label


def ranked_classes(predictions: Any, k: int) -> tuple[Int[Tensor, "B k"], int | None]:
    """The k best classes of each image, and K where scores show it.

    Args:
        predictions: scores [B, K]; or classes, best first, [B] or [B, k] integers.
        k: how many.

    Raises:
        DataError: they are neither, a score is no number, or a row of classes names one twice.
        OptionError: there are fewer than k.
    """
    if not isinstance(predictions, Tensor):
        predictions = as_array(predictions, "predictions")
    tensor = _tensor(predictions).detach()
    if tensor.dtype == torch.bool or tensor.ndim not in {1, 2}:
        raise DataError(
            f"predictions have the shape {tuple(tensor.shape)} and type {tensor.dtype}, but must "
            "be scores [B, K] or classes [B] or [B, k]."
        )
    is_scores = tensor.dtype.is_floating_point
    tensor = tensor[:, None] if tensor.ndim == 1 else tensor
    if is_scores and tensor.shape[1] == 1:
        raise DataError(
            "predictions are floats of one column, but must be scores [B, K] of all classes, or "
            "integers that name classes."
        )
    if tensor.shape[1] < k:
        raise OptionError(
            f"k is {k}, but must be in [1, {tensor.shape[1]}], the columns of the predictions."
        )
    if not is_scores:
        _refuse_integer_scores(tensor)
        return tensor[:, :k].long(), None
    wrong = (tensor.isnan() | tensor.isposinf()).any(dim=1)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise DataError(
            f"predictions: a score of row {row} of the batch is NaN or infinite, but must be a "
            "number. Look at the model's outputs before they are scored."
        )
    if k == 1:
        return tensor.argmax(dim=1, keepdim=True), tensor.shape[1]
    order = torch.sort(tensor, dim=1, descending=True, stable=True).indices
    return order[:, :k], tensor.shape[1]


def _refuse_integer_scores(classes: Int[Tensor, "B m"]) -> None:
    """Refuse integers that are scores, or one-hot, by what no ranking of classes has.

    Raises:
        DataError: a class is below 0, or appears twice in a row.
    """
    ordered = classes.sort(dim=1).values
    wrong = (ordered[:, :1] < 0).any(dim=1) | (ordered[:, 1:] == ordered[:, :-1]).any(dim=1)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        first = classes[row, :5].tolist()
        raise DataError(
            f"predictions: row {row} of the batch is {first}, but integers must be classes, "
            "counted from 0, each once in a row. Give scores as floats."
        )


def first_correct(
    ranked: Int[Tensor, "B k"], image: Int[Tensor, "L"], label: Int[Tensor, "L"]
) -> tuple[Int[Tensor, "B"], Int[Tensor, "B"]]:
    """The column of each image's first right prediction, k where none is; its number of labels."""
    n, k = ranked.shape
    image, label = image.to(ranked.device), label.to(ranked.device)
    size = torch.bincount(image, minlength=n)
    hit = ranked[image] == label[:, None]
    column = torch.where(hit, torch.arange(k, device=ranked.device), k).amin(dim=1)
    first = torch.full((n,), k, device=ranked.device)
    return first.scatter_reduce(0, image, column, "amin"), size
