"""``reassess train``: a model that learns from reassessed or cleaned labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.options import option
from reassess.cli.output import inform, progress_bar
from reassess.cli.outputs import OutputFile, OutputFolder
from reassess.cli.training_options import (
    DataOptions,
    data_options,
    device_option,
    model_option,
    read_images,
    recipe_options,
)

if TYPE_CHECKING:
    from reassess.training import Recipe


def _checkpoint(output: Path) -> Path:
    """The checkpoint of a run that was killed."""
    return output.with_suffix(".checkpoint.safetensors")


def _files(output: Path, values: Mapping[str, object]) -> list[Path]:
    del values
    return [_checkpoint(output)]


@click.command(
    epilog="""\b
Examples:
  reassess train pets --objective sigmoid -o model.safetensors
  reassess train photos --labels labels.csv --keep-list keep.txt --epochs 90 -o model.safetensors
  reassess train photos --model timm:resnet50 --pretrained timm --augmentation crop \\
    --head-rate 10 --learning-rate 0.01 --epochs 10 -o model.safetensors
  reassess train photos --resume -o model.safetensors
  torchrun --nproc-per-node 4 -m reassess.cli train photos -o model.safetensors

\b
A killed run leaves MODEL.checkpoint.safetensors: the same command resumes it and, on a CPU,
ends with the same weights, bit for bit.
"""
)
@click.argument("source", metavar="STUDY|DATA")
@option("--keep-list", old=("--clean",), metavar="FILE", help="Ids of the images to learn from, "
        "one a line, as `reassess clean` writes them.  [default: all]")  # fmt: skip
@data_options
@model_option
@click.option("--pretrained", metavar="timm|FILE",
              help="Weights to begin with: timm for those of timm:NAME, or a file of safetensors. "
              "The head is new where the classes are others.")  # fmt: skip
@device_option
@recipe_options(
    "objective", "epochs", "batch_size", "learning_rate", "warmup", "weight_decay",
    "max_grad_norm", "ema_decay", "soft_targets", "label_smoothing", "mixup", "max_shift_px",
    "flip", "augmentation", "head_rate", "precision", "seed",
)  # fmt: skip
@click.option("--deterministic", is_flag=True,
              help="Only operations that give the same bits each time, on a GPU too.")  # fmt: skip
@click.option("--graph/--no-graph", default=None,
              help="Run each step as one CUDA graph, or operation by operation.  [default: a graph "
              "on a GPU where the images are in memory]")  # fmt: skip
@click.option("--compile", "compiled", is_flag=True,
              help="Compile the model first (torch.compile).")  # fmt: skip
@option("--resume/--no-resume", old=("/--fresh",), default=None,
        help="Resume from the checkpoint, which must then be of this run; or start over.  "
        "[default: resume where there is one]")  # fmt: skip
@click.option("--checkpoint-every", type=click.IntRange(1), metavar="STEPS",
              help="Steps between two checkpoints.  [default: one epoch]")  # fmt: skip
@click.option(
    "--metrics",
    type=OutputFile(".csv"),
    metavar="FILE",
    help="Loss, accuracy and speed of the steps, as CSV.",
)
@click.option(
    "--tensorboard", type=OutputFolder(()), metavar="DIR", help="The same for TensorBoard."
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputFile(files=_files),
    metavar="FILE",
    help="The model: .safetensors.",
)
def train(
    source: str,
    keep_list: str | None,
    data: DataOptions,
    model: str,
    pretrained: str | None,
    device: str,
    recipe: "Recipe",
    deterministic: bool,
    graph: bool | None,
    compiled: bool,
    resume: bool | None,
    checkpoint_every: int | None,
    metrics: str | None,
    tensorboard: str | None,
    output: str,
) -> None:
    """Train a classifier on the images of a STUDY or of DATA, on reassessed or cleaned labels.

    A study's labels are the reassessed ones where they are decided, else the original. DATA is
    a folder of images, parquet with image bytes, or WebDataset shards. Number and order of the
    classes are those of the study or of the labels, whatever images are kept.
    """
    from reassess import training
    from reassess.files.keep_list import read_keep_list

    training.check_model_path(output)
    kept = None if keep_list is None else read_keep_list(keep_list)
    checkpoint = _checkpoint(Path(output))
    with (
        training.join_process_group(device) as distributed,
        training.deterministic(deterministic),
    ):
        quiet = distributed.rank > 0
        where = training.resolve_device(device, distributed)
        transform = training.transform_for(model, data.side)
        images = read_images(
            source, data, transform, keep_list=kept, quiet=quiet,
            stream=recipe.augmentation != "shift",
        )  # fmt: skip
        checkpoints = training.CheckpointConfig(
            checkpoint,
            every=checkpoint_every or 0,
            resume=resume,
            metrics=_path(metrics),
            tensorboard=_path(tensorboard),
        )

        def echo(text: str) -> None:
            if not quiet:
                inform(text)

        echo(f"{len(images):,} images, on {where}.")
        with progress_bar("Training", quiet=quiet) as progress:
            trained = training.train_model(
                images, recipe, model, device=where, checkpoints=checkpoints,
                distributed=distributed, step=training.StepConfig(graph, compiled),
                pretrained=pretrained,
                progress=progress,
                on_note=lambda text: echo(f"Note: {text}."),
            )  # fmt: skip
        if not quiet:
            training.write_model(trained, output, n_images=len(images), epochs=recipe.epochs)
            checkpoint.unlink(missing_ok=True)
    if not quiet:
        click.echo(f"{model}, {images.n_classes:,} classes: {output}")


def _path(named: str | None) -> Path | None:
    return None if named is None else Path(named)
