"""``reassess predict``: a model's predictions for images."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.output import inform, progress_bar
from reassess.cli.outputs import OutputFile
from reassess.cli.training_options import device_option, precision_option

if TYPE_CHECKING:
    from jaxtyping import Shaped
    from numpy import ndarray

    from reassess.files.images import ImageFiles
    from reassess.training import TrainedModel


@click.command(
    epilog="""\b
Examples:
  reassess predict pets --model model.safetensors -o preds.npz
  reassess predict photos --model timm:resnet50 -o preds.npz
  reassess score preds.npz --labels labels.json
"""
)
@click.argument("source", metavar="STUDY|DATA")
@click.option("--model", required=True, metavar="NAME|FILE",
              help="What `reassess train` wrote, or timm:NAME with timm's weights.")  # fmt: skip
@click.option("--side", type=click.IntRange(8), metavar="PIXELS",
              help="Side of the square that images become.  [default: the model's]")  # fmt: skip
@click.option("--skip-unreadable", is_flag=True,
              help="Leave out images that cannot be decoded, and name them.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True, metavar="N",
              help="Images at once.")  # fmt: skip
@precision_option
@device_option
@click.option(
    "-o", "--output", required=True, type=OutputFile(), metavar="FILE", help="Where to write: .npz."
)
def predict(
    source: str,
    model: str,
    side: int | None,
    skip_unreadable: bool,
    batch_size: int,
    precision: str,
    device: str,
    output: str,
) -> None:
    """Predict the images of a STUDY or of DATA; `reassess score` and `add` read the file.

    The file holds the ids of the images and the model's logits, one column a class.
    """
    from reassess import training
    from reassess.files.images import open_images
    from reassess.files.model_outputs import check_npz, write_logits
    from reassess.sources import is_study

    check_npz(output)
    training.require_single_process("predict")
    where = training.resolve_device(device)
    opened = training.open_model(model, side=side)
    if is_study(source):
        files, image_ids = _study_images(source, opened)
    else:
        files = open_images(source)
        image_ids = files.image_ids
    with progress_bar("Decoding") as progress:
        pixels, rows, note = training.load_pixels(
            files, opened.transform, skip_unreadable=skip_unreadable, progress=progress
        )
    if note is not None:
        inform(f"Note: {note}.")
    with progress_bar("Predicting") as progress:
        logits = training.predict_logits(
            opened, pixels, device=where, half=precision == "bfloat16", batch_size=batch_size,
            progress=progress,
        )  # fmt: skip
    write_logits(image_ids[rows], logits, opened.classes, Path(output))
    click.echo(f"{len(rows):,} images, {opened.n_classes:,} classes: {output}")


def _study_images(folder: str, model: "TrainedModel") -> "tuple[ImageFiles, Shaped[ndarray, 'N']]":
    """The image files of a study and their ids as the study writes them."""
    from reassess.files.images import open_images
    from reassess.records import align
    from reassess.study import open_study
    from reassess.study.training import labels_in_use

    found = labels_in_use(open_study(folder))
    model.check_classes(found.labels.n_classes, found.classes, folder)
    files = open_images(found.images)
    rows = align(found.image_ids, files.image_ids, source=folder, target_name=str(found.images))
    return files.take(rows), found.image_ids
