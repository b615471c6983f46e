"""A study: a folder with a readable manifest, and one file a stage.

===========  ======================================================================
`manifest`   `study.toml`: what the study is about, its models, its settings, all checked
`addresses`  where people reach its site
`edits`      a study begun and changed: its manifest written
`copies`     copies of files in a study, so that it can be moved alone
`inputs`     the benchmark and the models that it reads, and the hashes of their files
`artefacts`  the folder as the place where the pipeline's records lie, and finished scans of
             full scores, which outlive a crash
`run`        proposing, how far every stage is, running what is stale
`withdrawn`  the images that were taken out of it
`images`     image id to file, the examples of classes, small copies
`image_traces`  one image, followed through all of it
`study_records`  the records of a study whose labels are decided
`report_inputs`  its report and its verdict, built of them
===========  ======================================================================

Everything that `reassess new`, `add`, `propose`, `status` and `run` do is a function here.
"""

from reassess.study.artefacts import (
    FILES,
    StudyArtefacts,
    gold_file,
    is_review,
    refuse_review,
    votes_file,
)
from reassess.study.copies import kept_in_study
from reassess.study.creation import new_study
from reassess.study.edits import (
    add_models,
    change_settings,
    locate,
    remove_models,
)
from reassess.study.inputs import (
    Hashes,
    images_folder,
    missing_files,
    named_classes,
    named_files,
    open_model,
    read_study_benchmark,
    read_study_hierarchy,
)
from reassess.study.manifest import (
    ModelEntry,
    Study,
    open_study,
)
from reassess.study.named_places import as_named, database_as_named, without_password
from reassess.study.run import (
    Proposed,
    ScannedShare,
    StageStatus,
    open_questions,
    propose_study,
    rating_costs,
    run_study,
    scan_study,
    stage_status,
)
from reassess.study.study_records import StudyRecords, collect, read_study_labels, select_models

__all__ = [
    "FILES",
    "Hashes",
    "ModelEntry",
    "Proposed",
    "ScannedShare",
    "StageStatus",
    "Study",
    "StudyArtefacts",
    "StudyRecords",
    "add_models",
    "as_named",
    "change_settings",
    "collect",
    "database_as_named",
    "gold_file",
    "images_folder",
    "is_review",
    "kept_in_study",
    "locate",
    "missing_files",
    "named_classes",
    "named_files",
    "new_study",
    "open_model",
    "open_questions",
    "open_study",
    "propose_study",
    "rating_costs",
    "read_study_benchmark",
    "read_study_hierarchy",
    "read_study_labels",
    "refuse_review",
    "remove_models",
    "run_study",
    "scan_study",
    "select_models",
    "stage_status",
    "votes_file",
    "without_password",
]
