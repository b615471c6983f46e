"""ReaL accuracy as a metric of torchmetrics: three sums, which processes add up."""

import contextlib
from typing import Any

import torch
from torch import Tensor

from reassess.errors import MissingExtraError, OptionError
from reassess.metrics.targets import (
    LabelLookup,
    batch_labels,
    check_classes,
    first_correct,
    ranked_classes,
)
from reassess.records import Accuracy, LabelSets
from reassess.training.models import let_torchvision_import

with contextlib.suppress(ImportError):  # torchmetrics imports a torchvision that is there
    let_torchvision_import()
try:
    from torchmetrics import Metric
except ImportError as missing:
    raise MissingExtraError("torchmetrics", "metrics", "ReaLAccuracy") from missing


class ReaLAccuracy(Metric):  # type: ignore[misc]
    """Of the images with a label, the share whose top predictions hold one.

    ``update(preds, target)`` takes scores [B, K], or classes [B] or [B, k], best first; and as
    target image ids (with ``labels``), multi-hot [B, K], a list of each image's classes, or one
    class an image (-1 or -100 for none). ``compute`` is NaN where no image had a label. An image
    counts as often as it is given: a `DistributedSampler` gives some twice where images do not
    divide evenly among processes.

    Args:
        labels: the label sets that image ids are looked up in; None where targets hold labels.
        top_k: how many of the top predictions count.
        pad: the value that fills rows of classes, where targets are such rows.
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        OptionError: ``top_k`` is below 1.

    Source: Beyer et al. (2020), "Are we done with ImageNet?", section 4.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    n_correct: Tensor
    n_scored: Tensor
    n_unlabelled: Tensor

    def __init__(
        self,
        labels: LabelSets | None = None,
        *,
        top_k: int = 1,
        pad: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if top_k < 1:
            raise OptionError(f"top_k is {top_k}, but must be 1 or more.")
        self.top_k = top_k
        self.pad = pad
        self.lookup = None if labels is None else LabelLookup(labels)
        for name in ("n_correct", "n_scored", "n_unlabelled"):
            self.add_state(name, torch.tensor(0, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, preds: Any, target: Any) -> None:
        """Count a batch.

        Args:
            preds: scores [B, K]; or classes, best first, [B] or [B, k] integers.
            target: image ids, multi-hot, lists of classes, or one class an image.

        Raises:
            DataError: they are none of these, or of other classes than the labels.
            AlignmentError: they are not of the same images, or an image has no label set or appears
                twice in the batch.
            OptionError: image ids come without labels, or there are fewer columns than ``top_k``.
        """
        ranked, n_classes = ranked_classes(preds, self.top_k)
        if self.lookup is not None:
            check_classes(self.lookup.labels, n_classes, ranked)
        ranked = ranked.to(self.n_correct.device)
        image, label = batch_labels(
            target, len(ranked), lookup=self.lookup, n_classes=n_classes, pad=self.pad
        )
        first, size = first_correct(ranked, image, label)
        self.n_correct += (first < self.top_k).sum()
        self.n_scored += (size > 0).sum()
        self.n_unlabelled += (size == 0).sum()

    def compute(self) -> Tensor:
        """The accuracy so far, over all processes; NaN where no image had a label."""
        return self.n_correct / self.n_scored

    def accuracy(self) -> Accuracy:
        """The counts so far of this process, with their interval."""
        return Accuracy(int(self.n_correct), int(self.n_scored), int(self.n_unlabelled))
