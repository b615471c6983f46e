"""One image of a study, followed through whatever the study holds so far."""

from reassess.analysis.image_trace import ImageTrace, image_trace
from reassess.pipeline import LABELS, POSTERIOR, TASKS
from reassess.study.artefacts import StudyArtefacts
from reassess.study.images import small_copies
from reassess.study.inputs import images_folder, rank_models
from reassess.study.manifest import Study
from reassess.study.run import note_older_labels
from reassess.study.withdrawn import read_withdrawn

_DEPTH = 5


def trace_image(study: Study, image: str) -> ImageTrace:
    """What was proposed, asked, answered, decided and predicted about an image.

    Args:
        study: the study; stages that were not run are left out.
        image: its id, or the end of it where that is unique.

    Raises:
        AlignmentError: there is no such image, or several.
        FileError: a file is missing or malformed.
        DataError: a file holds what it must not.
    """
    lies = StudyArtefacts(study)
    about = lies.benchmark()
    labels = lies.read("labels", LABELS)
    if labels is not None:
        note_older_labels(study)
    return image_trace(
        image,
        about,
        proposals=lies.read("proposals", TASKS),
        tasks=lies.read("tasks", LABELS),
        votes=lies.read("votes", POSTERIOR),
        posterior=lies.read("posterior", LABELS),
        labels=None if labels is None else labels.align_to(about),
        gold=lies.read("gold", POSTERIOR),
        adjudications=lies.read("adjudications", LABELS),
        predictions=rank_models(study, study.models, about, depth=_DEPTH),
        withdrawn=read_withdrawn(study),
    )


def small_picture(study: Study, image_id: str) -> str | None:
    """A ``data:`` address of a small picture of an image; None where there is no readable file."""
    folder = images_folder(study)
    return None if folder is None else small_copies(folder, [image_id]).get(image_id)
