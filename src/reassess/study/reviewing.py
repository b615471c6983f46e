"""A review of a study's mistakes: a rating study of its own, and the verdicts that come of it.

===================  ===================================================================
`study.toml`         the benchmark of the study; the wording in ``[ask]``; two raters a question
`review.json`        which mistakes were drawn, from which strata, and who makes them
`shown-labels.json`  the reassessed labels of their images, shown beside each prediction
`tasks.parquet`      the questions, those about one image on one screen
===================  ===================================================================

The question about an image and a predicted class is whether the prediction is in the image, so
*no* is a clear mistake, *yes* is no mistake and *maybe* is undecidable; votes on a review are
votes on those pairs like any other. Raters see neither whose prediction it is nor why it was
drawn: those stand in `review.json`, which no page shows. What is drawn and what verdicts say is
`reassess.analysis.reviews`'.
"""

from os import PathLike
from pathlib import Path

import numpy as np

from reassess.errors import FileError, OptionError
from reassess.files import write_labels
from reassess.files.artefacts import write_tasks
from reassess.files.reviews import read_review, write_review
from reassess.records import LabelSets, MistakeReview, Questions, Tasks, align
from reassess.study.artefacts import FILES, REVIEW, is_review
from reassess.study.creation import new_study
from reassess.study.edits import change_settings
from reassess.study.inputs import images_folder
from reassess.study.manifest import FILE_NAME, Study

SHOWN = "shown-labels.json"
N_RATERS = 2

WORDING = {
    "question": "A model says what is named below, which is not among the labels of the image. "
    "Is that a mistake?",
    "no": "Clear mistake, it is not in the image",
    "maybe": "Undecidable, the classes are too alike or the image does not tell",
    "yes": "Not a mistake, it is in the image too",
    "labels": SHOWN,
}
"""The wording of a review, as its manifest holds it: the paper's three answers."""


def new_review(
    study: Study, review: MistakeReview, labels: LabelSets, folder: str | PathLike[str]
) -> Study:
    """A review as a study in a new folder, for the rating site.

    Args:
        study: whose mistakes they are.
        review: which were drawn.
        labels: the reassessed labels that they are mistakes under.
        folder: where to make it.

    Raises:
        FileError: the folder holds a study already, or cannot be written to.
        MissingExtraError: tomlkit or pyarrow is missing.
    """
    folder = Path(folder)
    if (folder / FILE_NAME).exists() or (folder.exists() and not folder.is_dir()):
        raise FileError(
            f"{folder}: it is a study or a file already, but a review needs a folder of its own. "
            "Name another: --into FOLDER"
        )
    pairs = review.pairs
    rows = align(pairs.image_ids, labels.image_ids, source="review", target_name=labels.name)

    def at(named: str | None) -> Path | None:
        return None if named is None else study.path(named)

    made = new_study(
        folder, labels=study.path(study.labels), classes=at(study.classes),
        images=images_folder(study), hierarchy=at(study.hierarchy), name=f"{study.name}: mistakes",
        labels_are=study.labels_are,
    )  # fmt: skip
    write_labels(labels.take(rows), folder / SHOWN)
    task = np.unique(pairs.image, return_inverse=True)[1]
    tasks = Tasks(Questions.from_pairs(pairs), task)
    write_tasks(tasks, folder / FILES["tasks"], {"review_of": study.name, "seed": review.seed})
    write_review(review, folder / REVIEW)
    made = change_settings(made, "ask", WORDING)
    return change_settings(made, "cost", {"votes_per_question": N_RATERS})


def read_study_review(study: Study) -> MistakeReview:
    """What was drawn for a review.

    Raises:
        OptionError: the study is no review.
        FileError: the file is corrupt.
    """
    if not is_review(study):
        raise OptionError(
            f"{study.folder}: it is not a review of mistakes ({REVIEW} is missing). Make one: "
            f"reassess mistakes {study.folder} --review"
        )
    return read_review(study.folder / REVIEW)
