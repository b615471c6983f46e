"""Records to files and back, one format or family of formats a module.

==============  ===================================================================
`access`        files as such: checked, written whole, hashed; arrays without pickle, JSON
`places`        where a file is written: links followed, pipes and devices told apart
`tables`        columns of CSV and parquet files
`benchmarks`    original labels, classes, hierarchy, lists of image ids
`class_maps`    a model's classes among those of a benchmark
`predictions`   models' predictions, aligned to a benchmark or left on disk
`prediction_forms`  every form in which they are kept, opened
`timm_tables`   tables as timm's ``inference.py`` writes them
`votes`         votes and gold: `VOTE_FORMATS`, one door for all formats
`vote_tables`   votes as long tables, read, and written part by part
`arrow_votes`   large tables of votes, in batches and as numbers (`interning`)
`arrow_tasks`   tasks of such tables as questions
`dense_votes`   votes as the published dense archive (`dense_questions`: what it asks)
`label_studio`  votes as Label Studio's JSON
`posteriors`    posteriors, read and written
`artefacts`     what stages write: proposals, tasks, unrated images; what models
                score, as JSON, as CSV, image by image
`reviews`       reviews of mistakes, as JSON
`results`       timm's published accuracies
`outcomes`      outcomes of yes and no in a table
`accuracy_columns`  two accuracies of many models from any tables
`other_labels`  label sets that others wrote: tables, workers' checks of label errors
`expert_mistakes`  experts' verdicts on mistakes that remain
`label_formats` formats of labels: `LABEL_FORMATS`
`labels`        labels, read from any of them
`label_writers` what writes ours
`label_readers` what reads ours
`label_studio_labels`  label sets as the choices of Label Studio's tasks, read and written
`dataset_folder` label sets as a data set of Hugging Face, with Croissant
`tfds`          images of TensorFlow Datasets
`coco`          label sets as COCO's categories of images, read and written
`cvat`          label sets as CVAT's tags of images, read and written
`thumbnails`    small pictures of many images, to find those that look alike
==============  ===================================================================

Readers take a path (and the benchmark that the ids must fit), return a checked record
and raise `FileError`, `DataError` or `AlignmentError` with the place of the fault.
Nothing here decides or computes: a file becomes a record, a record a file.
"""

from reassess.files.access import sha256_of, write_atomically
from reassess.files.benchmarks import read_benchmark, read_classes, read_hierarchy, read_ids
from reassess.files.label_formats import LABEL_FORMATS, LabelFormat, label_format, write_labels
from reassess.files.labels import read_labels
from reassess.files.posteriors import read_posterior, write_posterior
from reassess.files.prediction_forms import PREDICTION_FORMATS, PredictionFormat
from reassess.files.predictions import (
    OtherImages,
    RowOrder,
    open_predictions,
    read_predictions,
)
from reassess.files.votes import (
    VOTE_FORMATS,
    VoteFormat,
    read_gold,
    read_votes,
    vote_format,
    write_votes,
)

__all__ = [
    "LABEL_FORMATS",
    "PREDICTION_FORMATS",
    "VOTE_FORMATS",
    "LabelFormat",
    "OtherImages",
    "PredictionFormat",
    "RowOrder",
    "VoteFormat",
    "label_format",
    "open_predictions",
    "read_benchmark",
    "read_classes",
    "read_gold",
    "read_hierarchy",
    "read_ids",
    "read_labels",
    "read_posterior",
    "read_predictions",
    "read_votes",
    "sha256_of",
    "vote_format",
    "write_atomically",
    "write_labels",
    "write_posterior",
    "write_votes",
]
