"""Published files that say what no reader of ours takes as it is, as records.

CIFAR-10's images have numbers, in the order of the published arrays; ids are ``test/NUMBER`` and
``train/NUMBER``, so that neither set is taken for the other. A bare number names an image of
either.
Letters: N images, K classes, Q questions.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import CatalogError
from reassess.files.access import read_npy, read_npz
from reassess.files.results import Results
from reassess.files.tables import read_table
from reassess.notes import note
from reassess.records import (
    ANSWERS,
    Benchmark,
    Classes,
    LabelSets,
    Pairs,
    Posterior,
    Questions,
    Votes,
)

CIFAR10 = Classes.from_names([
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
])  # fmt: skip
"""The classes of CIFAR-10, in the order of their indices."""

_FOLDERS = {"cifar10": "test", "cifar10-train": "train"}
_ANYBODY = "everybody"


def cifar10_benchmark(path: Path, name: str) -> Benchmark:
    """CIFAR-10's test or training images with their original labels, from a parquet file.

    Raises:
        FileError: the file has other columns.
    """
    table = read_table(path)
    number = table.numbers(["index"])[:, 0].astype(np.int64)
    original = table.numbers(["label"])[:, 0].astype(np.int64)
    ids = np.strings.add(f"{_FOLDERS[name]}/", number.astype(str))
    return Benchmark(name=name, image_ids=ids, original=original, classes=CIFAR10)


def cifar10n_labels(path: Path, benchmark: Benchmark) -> LabelSets:
    """CIFAR-10N's aggregated labels, one an image.

    Raises:
        CatalogError: they are not about the images of the benchmark.
    """
    arrays = read_npz(path, ["aggre_label", "clean_label"])
    original = benchmark.original
    if original is None or not np.array_equal(arrays["clean_label"], original):
        raise CatalogError(
            f"{path}: its clean labels are not those of {benchmark.name}, but must be: it is "
            "another file. Remove it, and it will be fetched again."
        )
    rows = arrays["aggre_label"].astype(np.int64).reshape(-1, 1).tolist()
    return LabelSets.from_lists(
        "cifar10n", benchmark.image_ids, rows, n_classes=len(CIFAR10), classes=CIFAR10
    )


def numbered_images(labels: LabelSets, benchmark: Benchmark) -> LabelSets:
    """Labels of images called ``NUMBER.png``, under the ids of the benchmark."""
    folder = _FOLDERS[benchmark.name]
    stems = [image_id.rpartition(".")[0] for image_id in labels.image_ids.tolist()]
    return replace(labels, image_ids=np.array([f"{folder}/{stem}" for stem in stems]))


def cifar10h_votes(path: Path, benchmark: Benchmark) -> Votes:
    """CIFAR-10H's classifications as votes: a question an image, whose answers are the classes.

    Who gave which of them is not published, so that all are of one rater.
    """
    counts = read_npy(path)
    image, label = np.nonzero(counts)
    n = counts[image, label]
    note(
        f"cifar10h: who gave which of its {int(counts.sum()):,} answers is not published; all "
        f"count as one rater's, {_ANYBODY!r}, so that raters cannot be told apart."
    )
    return Votes.from_codes(
        questions=Questions(benchmark.image_ids, None),
        question=np.repeat(image, n),
        rater_ids=np.array([_ANYBODY]),
        rater=np.zeros(int(n.sum()), np.int64),
        answer=np.repeat(label, n),
        answers=CIFAR10.names,
    )


def posterior_of_scores(scores: np.ndarray[Any, np.dtype[Any]], pairs: Pairs) -> Posterior:
    """The published P(present) of each question as a posterior; of the raters it says nothing.

    Args:
        scores: one a question.
        pairs: the image and class of each question.
    """
    with np.errstate(divide="ignore"):
        log_probability = np.log(np.column_stack([1 - scores, scores]))
    return Posterior(
        Questions.from_pairs(pairs), ("absent", "present"), log_probability, "published scores",
        ANSWERS, np.zeros(0, "U1"),
    )  # fmt: skip


def results_of_errors(path: Path) -> Results:
    """Accuracy under original labels and multi-label accuracy of the models that were sorted.

    Raises:
        FileError: a column is missing, or a cell is no number.
    """
    table = read_table(path)
    percent = table.numbers(["imagenet_top1_val_acc", "imagenet_mla_val_acc"]) / 100
    models = np.array(table.texts("model_dir_id"))
    return Results(
        models,
        np.zeros(len(models), np.int64),
        {"original": percent[:, 0], "multilabel": percent[:, 1]},
    )
