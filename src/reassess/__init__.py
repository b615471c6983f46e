"""Reassess the labels of a benchmark, and score models under the labels that hold.

Records flow one way: predictions → proposals → questions → votes → posterior → labels →
scores → findings → report. `reassess.pipeline` joins the stages; read it first.

What most people need stands here, by the stage it belongs to:

===========  =========================================================================
read         `read_benchmark`, `read_classes`, `read_predictions`, `read_votes`, `read_gold`,
             `read_labels`, of files and data frames; `Catalog` (published data by name)
propose      `propose`; `ScoreMatrix.from_logits`
aggregate    `majority`, `dawid_skene`, `calibrated`; `MajorityVote`, `DawidSkene`,
             `Calibrated`, `BCCEnsemble` in scikit-learn's shape
label        `operating_point`, `reassessed_labels`, `write_labels`
score        `real_accuracy`, `original_accuracy`, `accuracy_by_class`, `score_models`, `compare`
show         `plot`; `to_frame` of records
a study      `new_study`, `open_study`, `add_models`, `propose_study`, `run_study`; all of it in
             memory: `reassess_benchmark`
records      `Benchmark`, `Classes`, `Predictions`, `ScoreMatrix`, `Proposals`, `Votes`, `Gold`,
             `Posterior`, `LabelSets`, `Accuracy`, `AccuracyByClass`, `ModelScore`, `Comparison`
===========  =========================================================================

Names are imported when they are first used: ``import reassess`` loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reassess.aggregation import (
        BCCEnsemble,
        Calibrated,
        DawidSkene,
        MajorityVote,
        calibrated,
        dawid_skene,
        majority,
    )
    from reassess.catalog import Catalog
    from reassess.files import (
        read_benchmark,
        read_classes,
        read_gold,
        read_labels,
        read_predictions,
        read_votes,
        write_labels,
        write_votes,
    )
    from reassess.labels import (
        operating_point,
        reassessed_labels,
    )
    from reassess.notes import collect_notes
    from reassess.pipeline import reassess_benchmark
    from reassess.proposals import propose
    from reassess.records import (
        Accuracy,
        AccuracyByClass,
        Benchmark,
        Classes,
        Comparison,
        Gold,
        LabelSets,
        ModelScore,
        Posterior,
        Predictions,
        Proposals,
        ScoreMatrix,
        Votes,
    )
    from reassess.report.plot import plot
    from reassess.scoring import (
        accuracy_by_class,
        compare,
        original_accuracy,
        real_accuracy,
        score_models,
    )
    from reassess.study import (
        Study,
        add_models,
        new_study,
        open_study,
        propose_study,
        run_study,
    )

_HOME = {
    "Accuracy": "records",
    "AccuracyByClass": "records",
    "BCCEnsemble": "aggregation",
    "Benchmark": "records",
    "Calibrated": "aggregation",
    "Catalog": "catalog",
    "Classes": "records",
    "Comparison": "records",
    "DawidSkene": "aggregation",
    "Gold": "records",
    "LabelSets": "records",
    "MajorityVote": "aggregation",
    "ModelScore": "records",
    "Posterior": "records",
    "Predictions": "records",
    "Proposals": "records",
    "ScoreMatrix": "records",
    "Study": "study",
    "Votes": "records",
    "accuracy_by_class": "scoring",
    "add_models": "study",
    "calibrated": "aggregation",
    "collect_notes": "notes",
    "compare": "scoring",
    "dawid_skene": "aggregation",
    "majority": "aggregation",
    "new_study": "study",
    "open_study": "study",
    "operating_point": "labels",
    "original_accuracy": "scoring",
    "plot": "report.plot",
    "propose": "proposals",
    "propose_study": "study",
    "read_benchmark": "files",
    "read_classes": "files",
    "read_gold": "files",
    "read_labels": "files",
    "read_predictions": "files",
    "read_votes": "files",
    "real_accuracy": "scoring",
    "reassess_benchmark": "pipeline",
    "reassessed_labels": "labels",
    "run_study": "study",
    "score_models": "scoring",
    "write_labels": "files",
    "write_votes": "files",
}

__all__ = [
    "Accuracy",
    "AccuracyByClass",
    "BCCEnsemble",
    "Benchmark",
    "Calibrated",
    "Catalog",
    "Classes",
    "Comparison",
    "DawidSkene",
    "Gold",
    "LabelSets",
    "MajorityVote",
    "ModelScore",
    "Posterior",
    "Predictions",
    "Proposals",
    "ScoreMatrix",
    "Study",
    "Votes",
    "__version__",
    "accuracy_by_class",
    "add_models",
    "calibrated",
    "collect_notes",
    "compare",
    "dawid_skene",
    "majority",
    "new_study",
    "open_study",
    "operating_point",
    "original_accuracy",
    "plot",
    "propose",
    "propose_study",
    "read_benchmark",
    "read_classes",
    "read_gold",
    "read_labels",
    "read_predictions",
    "read_votes",
    "real_accuracy",
    "reassess_benchmark",
    "reassessed_labels",
    "run_study",
    "score_models",
    "write_labels",
    "write_votes",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("reassess")
    elif name in _HOME:
        value = getattr(import_module(f"reassess.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'reassess' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
