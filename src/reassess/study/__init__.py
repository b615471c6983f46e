"""A study: a folder with a readable manifest, and one file a stage.

===========  ======================================================================
`manifest`   `study.toml`: what the study is about, its models, its settings, all checked
`edits`      a study begun and changed: files copied into it, its manifest written
`inputs`     the benchmark and the models that it reads, and the hashes of their files
`stages`     what each stage is made from; done, stale or missing
`proposing`  proposals and tasks, with what was answered left alone
`learning`   what the learned rule learns from, and what it proposes
`matching`   pairs of one file found among those of another
`labelling`  posterior and labels from the study's votes
`images`     image id to file, and the examples of classes
`collecting` the records of a study whose labels are decided, for reports and verdicts
`resuming`   finished shards that outlive a crash
`run`        what is stale, in order
===========  ======================================================================

Everything that `reassess new`, `add`, `propose`, `status` and `run` do is a function here.
"""

from reassess.study.collecting import Collected, collect, entries_of, labels_of
from reassess.study.edits import (
    add_models,
    change_settings,
    kept_in_study,
    locate,
    new_study,
)
from reassess.study.inputs import (
    Hashes,
    benchmark_of,
    hierarchy_of,
    images_folder,
    missing_files,
    named_classes,
    named_files,
    open_model,
)
from reassess.study.manifest import (
    ModelEntry,
    Study,
    as_named,
    database_as_named,
    open_study,
    without_password,
)
from reassess.study.proposing import PER_TASK, Proposed, propose_study, write_proposed
from reassess.study.run import run_study
from reassess.study.stages import FILES, StageStatus, seconds_of_votes, stage_status, votes_file

__all__ = [
    "FILES",
    "PER_TASK",
    "Collected",
    "Hashes",
    "ModelEntry",
    "Proposed",
    "StageStatus",
    "Study",
    "add_models",
    "as_named",
    "benchmark_of",
    "change_settings",
    "collect",
    "database_as_named",
    "entries_of",
    "hierarchy_of",
    "images_folder",
    "kept_in_study",
    "labels_of",
    "locate",
    "missing_files",
    "named_classes",
    "named_files",
    "new_study",
    "open_model",
    "open_study",
    "propose_study",
    "run_study",
    "seconds_of_votes",
    "stage_status",
    "votes_file",
    "without_password",
    "write_proposed",
]
