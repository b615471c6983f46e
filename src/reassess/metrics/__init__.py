"""ReaL accuracy where people train and evaluate: drop-in metrics. An extra; needs PyTorch.

==============  ===========================================================================
`targets`       label sets as targets of a batch: image ids, lists, multi-hot
`torch_metric`  `ReaLAccuracy`, under torchmetrics' contract: sums, so that processes add up
`timm_labels`   `RealLabels`, with ``add_result`` and ``get_accuracy`` as timm's evaluation has
`trainer`       `real_metrics`, a ``compute_metrics`` of Hugging Face's Trainer
`lightning`     `ReaLCallback`, for Lightning's validation and test loops
==============  ===========================================================================

Names are imported when they are first used: a user of one library needs no other.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from reassess.errors import MissingExtraError

if TYPE_CHECKING:
    from reassess.metrics.lightning import ReaLCallback
    from reassess.metrics.timm_labels import RealLabels
    from reassess.metrics.torch_metric import ReaLAccuracy
    from reassess.metrics.trainer import real_metrics

_HOMES = {
    "ReaLAccuracy": "torch_metric",
    "ReaLCallback": "lightning",
    "RealLabels": "timm_labels",
    "real_metrics": "trainer",
}

__all__ = ["ReaLAccuracy", "ReaLCallback", "RealLabels", "real_metrics"]


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first used.

    Raises:
        MissingExtraError: PyTorch, torchmetrics or Lightning is missing.
    """
    if name not in _HOMES:
        raise AttributeError(f"module 'reassess.metrics' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"reassess.metrics.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise MissingExtraError("torch", "metrics", name) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
