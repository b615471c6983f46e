"""What a source means: a published name, a file or a study, resolved once for everybody.

Wherever a command or a function takes ``NAME|FILE|STUDY`` it comes here, so that the same words
mean the same from the command line and from Python:

==============  ===========================  ====================  ==========================
function        NAME                         FILE                  STUDY, its folder
==============  ===========================  ====================  ==========================
`benchmark`     imagenet                     original labels       its benchmark
`labels`        imagenet-real, …             reassessed labels     its labels.json
`predictions`   imagenet-torchvision, …      one or more models    its models
`votes`         imagenet-votes, …            votes                 its votes
`gold`          imagenet-gold                gold                  the gold of its findings
`posterior`                                  a posterior           its posterior
`results`       timm-results                 tables of accuracies
==============  ===========================  ====================  ==========================

``NAME=SOURCE`` says what to call labels or a model, ``SOURCE#MODEL`` takes one model of several.
What exists as a file or folder is meant before a published name; where it could be both, the
caller is told which was used.

Notes of this kind are `reassess.notes`: warnings in Python, lines on stderr from the command line.
Reads no form itself (`reassess.files`, `reassess.catalog` and `reassess.study` do).
"""

from reassess.sources.answers import (
    AnsweredQuestions,
    answered_questions,
    gold,
    note_unasked_gold,
    posterior,
    stated_classes,
    votes,
)
from reassess.sources.evaluation import (
    EvaluationTarget,
    Reassessments,
    evaluation_target,
    reassessments,
)
from reassess.sources.label_evidence import LabelEvidence, label_evidence
from reassess.sources.meaning import (
    Meaning,
    Source,
    SourceFile,
    SourceKind,
    files_behind,
    files_behind_benchmark,
    hashed,
    is_study,
    prediction_sources,
    resolve,
    split_source,
)
from reassess.sources.readers import (
    AS_STORED,
    DEPTH,
    RowMapping,
    benchmark,
    class_table,
    labels,
    labels_with_classes,
    predictions,
    results,
)

__all__ = [
    "AS_STORED",
    "DEPTH",
    "AnsweredQuestions",
    "EvaluationTarget",
    "LabelEvidence",
    "Meaning",
    "Reassessments",
    "RowMapping",
    "Source",
    "SourceFile",
    "SourceKind",
    "answered_questions",
    "benchmark",
    "class_table",
    "evaluation_target",
    "files_behind",
    "files_behind_benchmark",
    "gold",
    "hashed",
    "is_study",
    "label_evidence",
    "labels",
    "labels_with_classes",
    "note_unasked_gold",
    "posterior",
    "prediction_sources",
    "predictions",
    "reassessments",
    "resolve",
    "results",
    "split_source",
    "stated_classes",
    "votes",
]
