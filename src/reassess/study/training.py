"""What of a study a model is trained on: its images, with the labels that hold now.

The reassessed labels where they are decided, else the original ones. K and the order of the
classes are the benchmark's, whatever labels are left.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from reassess.errors import FileError, OptionError
from reassess.files import read_labels
from reassess.files.remote_images import RemoteImages
from reassess.records import Classes, LabelSets
from reassess.study.artefacts import FILES
from reassess.study.inputs import images_folder, read_study_benchmark
from reassess.study.manifest import Study
from reassess.study.run import stage_status


@dataclass(frozen=True)
class LabelsInUse:
    """The images of a study and their labels.

    Attributes:
        images: the folder.
        image_ids: the ids of all images of the study.
        labels: their label sets, with K.
        classes: the classes; None where only indices are known.
        about: which labels these are, in a sentence.
    """

    images: Path
    image_ids: Shaped[np.ndarray, "N"]
    labels: LabelSets
    classes: Classes | None
    about: str


def labels_in_use(study: Study) -> LabelsInUse:
    """The images of a study with their reassessed labels, or the original where none are decided.

    Raises:
        OptionError: the study names no folder of images.
        FileError: a file is missing or malformed.
    """
    images = images_folder(study)
    if images is None:
        raise OptionError(
            f"{study.folder}: the study has no folder of images, but must have one to train on. "
            f"Name it: reassess locate {study.folder} --images DIR"
        )
    if isinstance(images, RemoteImages):
        raise OptionError(
            f"{study.folder}: its images lie at {images}, but must be on this machine to train on. "
            "Copy them, and give the copy: --images DIR"
        )
    benchmark = read_study_benchmark(study)
    original = benchmark.original
    assert original is not None  # noqa: S101 -- a study's benchmark has labels; this tells mypy
    ids, n_images = benchmark.image_ids, len(benchmark.image_ids)
    n_classes = benchmark.n_classes or int(original.max()) + 1
    sets = LabelSets(study.name, ids, np.arange(n_images + 1), original, n_classes=n_classes)
    about = f"labels are the original ones ({study.labels}); none are reassessed yet"
    path = study.folder / FILES["labels"]
    if path.is_file():
        found = read_labels(path, classes=benchmark.classes).align_to(benchmark)
        if benchmark.n_classes is None:
            n_classes = max(n_classes, int(found.indices.max()) + 1)
        sets = replace(found, n_classes=n_classes)
        about = f"labels are the reassessed ones ({path})"
        if _is_stale(study):
            about += f", which are stale: reassess run {study.folder} decides them again"
    return LabelsInUse(images, ids, sets, benchmark.classes, about)


def _is_stale(study: Study) -> bool:
    """Whether an input of the labels changed since; no where one is gone and nobody can tell."""
    try:
        return any(one.stage == "labels" and one.state == "stale" for one in stage_status(study))
    except FileError:
        return False
