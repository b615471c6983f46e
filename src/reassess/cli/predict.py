"""``reassess predict``: a model's predictions for images."""

from pathlib import Path
from typing import Any

import click

from reassess.cli.training_options import counting, device_option, is_study


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
              help="Images become squares of this side.  [default: the model's]")  # fmt: skip
@click.option("--skip-unreadable", is_flag=True,
              help="Leave out images that cannot be decoded, and name them.")  # fmt: skip
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True, metavar="N",
              help="Images at once.")  # fmt: skip
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32",
              show_default=True, help="Of the activations.")  # fmt: skip
@device_option
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write: .npz.")
def predict(source: str, model: str, output: str, **options: Any) -> None:
    """Predict the images of a STUDY or of DATA; `reassess score` and `add` read the file.

    The file holds the ids of the images and the model's logits, one column a class.
    """
    from reassess.files.images import open_images
    from reassess.files.model_outputs import check_npz, write_logits
    from reassess.training import (
        device_of,
        load_pixels,
        open_model,
        predicted_logits,
        refuse_launcher,
    )

    check_npz(output)
    refuse_launcher("predict")
    device = device_of(options["device"])
    opened = open_model(model, side=options["side"])
    if is_study(source):
        files, image_ids = _of_study(source, opened)
    else:
        files = open_images(source)
        image_ids = files.image_ids
    with counting("Decoding") as count:
        pixels, rows, note = load_pixels(
            files, opened.form, skip_unreadable=options["skip_unreadable"], on_images=count
        )
    if note is not None:
        click.echo(f"Note: {note}.", err=True)
    half = options["precision"] == "bfloat16"
    with counting("Predicting") as count:
        logits = predicted_logits(
            opened, pixels, device=device, half=half, batch_size=options["batch_size"],
            on_images=count,
        )  # fmt: skip
    write_logits(image_ids[rows], logits, opened.classes, Path(output))
    click.echo(f"{len(rows):,} images, {opened.n_classes:,} classes: {output}")


def _of_study(folder: str, model: Any) -> Any:
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
