"""ReaL accuracy in Lightning's validation and test loops, as a callback.

Whichever of ``lightning`` and ``pytorch_lightning`` is in use is taken: each has its own class of
callbacks.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from reassess.errors import DataError, MissingExtraError
from reassess.metrics.torch_metric import ReaLAccuracy
from reassess.records import LabelSets


def _callback_class() -> Any:
    """The class of callbacks of the Lightning that is in use."""
    known = ("lightning.pytorch", "pytorch_lightning")
    loaded = [name for name in known if name in sys.modules]
    there = [name for name in known if find_spec(name.partition(".")[0]) is not None]
    for name in (*loaded, *there):
        return import_module(name).Callback
    raise MissingExtraError("lightning", "metrics", "a callback of Lightning")


class ReaLCallback(_callback_class()):  # type: ignore[misc]
    """Logs ReaL accuracy of every validation and test epoch.

    ``validation_step`` returns a dictionary with the scores; the ids or targets are in it, or in a
    batch that is a dictionary.

    Args:
        labels: the label sets that image ids are looked up in; None where targets are label sets.
        scores: the key of the scores in what the step returns; or a function of that and the batch.
        target: the key of image ids or targets, there or in the batch; or such a function.
        name: what is logged is called ``val_<name>`` and ``test_<name>``.
        top_k: how many of the top predictions count.
    """

    def __init__(
        self,
        labels: LabelSets | None = None,
        *,
        scores: str | Callable[[Any, Any], Any] = "logits",
        target: str | Callable[[Any, Any], Any] = "ids",
        name: str = "real_accuracy",
        top_k: int = 1,
    ) -> None:
        super().__init__()
        self.metric = ReaLAccuracy(labels, top_k=top_k)
        self.name = name
        self._scores = scores
        self._target = target

    def on_validation_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to count."""
        del trainer
        self.metric.to(pl_module.device).reset()

    on_test_epoch_start = on_validation_epoch_start

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *more: Any
    ) -> None:
        """Count a batch.

        Raises:
            DataError: neither the step's output nor the batch has the key.
        """
        del trainer, pl_module, more
        scores = _found(self._scores, outputs, batch)
        self.metric.update(scores, _found(self._target, outputs, batch))

    on_test_batch_end = on_validation_batch_end

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log the accuracy of the epoch, over all processes."""
        self._log(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log the accuracy of the epoch, over all processes."""
        self._log(trainer, pl_module, "test")

    def _log(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if not trainer.sanity_checking:
            pl_module.log(f"{stage}_{self.name}", self.metric.compute(), rank_zero_only=False)


def _found(what: str | Callable[[Any, Any], Any], outputs: Any, batch: Any) -> Any:
    """Something of a step, by its key or by a function."""
    if callable(what):
        return what(outputs, batch)
    for place in (outputs, batch):
        if isinstance(place, dict) and what in place:
            return place[what]
    raise DataError(
        f"neither the step's output nor the batch has {what!r}, but one must. Return it from "
        "validation_step: {'logits': logits, 'ids': ids}; or say where it is (scores=, target=)."
    )
