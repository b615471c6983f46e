"""Reassess the labels of a benchmark, and score models under the labels that hold.

Records flow one way: predictions → proposals → questions → votes → posterior → labels →
scores → findings → report. `reassess.pipeline` joins the stages; read it first.

What most people need stands here, by the stage it belongs to:

===========  =========================================================================
read         `read_benchmark`, `read_predictions`, `read_votes`, `read_gold`,
             `read_labels`, `Catalog` (published data by name)
aggregate    `majority`, `dawid_skene`, `calibrated`; `DawidSkene`, `Calibrated` in
             scikit-learn's shape
label        `operating_point`, `reassessed_labels`, `write_labels`
score        `real_accuracy`, `original_accuracy`, `score_models`, `compare`
records      `Benchmark`, `Predictions`, `Votes`, `Gold`, `Posterior`, `LabelSets`
===========  =========================================================================

Names are imported when they are first used: ``import reassess`` loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reassess.aggregation import Calibrated, DawidSkene, calibrated, dawid_skene, majority
    from reassess.catalog import Catalog
    from reassess.files import (
        read_benchmark,
        read_gold,
        read_labels,
        read_predictions,
        read_votes,
        write_labels,
    )
    from reassess.labels import operating_point, reassessed_labels
    from reassess.records import (
        Benchmark,
        Gold,
        LabelSets,
        Posterior,
        Predictions,
        Votes,
    )
    from reassess.scoring import compare, original_accuracy, real_accuracy, score_models

_HOME = {
    "Benchmark": "records",
    "Calibrated": "aggregation",
    "Catalog": "catalog",
    "DawidSkene": "aggregation",
    "Gold": "records",
    "LabelSets": "records",
    "Posterior": "records",
    "Predictions": "records",
    "Votes": "records",
    "calibrated": "aggregation",
    "compare": "scoring",
    "dawid_skene": "aggregation",
    "majority": "aggregation",
    "operating_point": "labels",
    "original_accuracy": "scoring",
    "read_benchmark": "files",
    "read_gold": "files",
    "read_labels": "files",
    "read_predictions": "files",
    "read_votes": "files",
    "real_accuracy": "scoring",
    "reassessed_labels": "labels",
    "score_models": "scoring",
    "write_labels": "files",
}

__all__ = [
    "Benchmark",
    "Calibrated",
    "Catalog",
    "DawidSkene",
    "Gold",
    "LabelSets",
    "Posterior",
    "Predictions",
    "Votes",
    "calibrated",
    "compare",
    "dawid_skene",
    "majority",
    "operating_point",
    "original_accuracy",
    "read_benchmark",
    "read_gold",
    "read_labels",
    "read_predictions",
    "read_votes",
    "real_accuracy",
    "reassessed_labels",
    "score_models",
    "write_labels",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'reassess' has no attribute {name!r}")
    value = getattr(import_module(f"reassess.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
