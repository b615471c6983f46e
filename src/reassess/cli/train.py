"""``reassess train``: a model that learns from labels that hold."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import option
from reassess.cli.training_options import (
    data_options,
    learning_options,
    read_images,
    recipe_of,
    steps,
)

if TYPE_CHECKING:
    from reassess.training import Keeping


@click.command(
    epilog="""\b
Examples:
  reassess train pets --recipe sigmoid -o model.safetensors
  reassess train photos --labels labels.csv --clean kept.txt --epochs 90 -o model.safetensors
  reassess train photos --resume -o model.safetensors
  torchrun --nproc-per-node 4 -m reassess.cli train photos -o model.safetensors

\b
A killed run leaves MODEL.checkpoint.safetensors: the same command goes on from there and, on
a CPU, ends with the same weights, bit for bit.
"""
)
@click.argument("source", metavar="STUDY|DATA")
@click.option("--recipe", "objective", type=click.Choice(["softmax", "sigmoid"]), default="softmax",
              show_default=True, help="The objective: one class, or each for itself.")  # fmt: skip
@click.option("--clean", "kept", metavar="FILE", help="Learn from these images only: one id a "
              "line, as `reassess clean` writes.")  # fmt: skip
@data_options
@learning_options(epochs=30)
@click.option("--soft", is_flag=True, help="Learn the posteriors of labels where they are known.")
@option("--label-smoothing", old=("--smoothing",), type=float, default=0.0, show_default=True,
        metavar="SHARE",
              help="Label smoothing.")  # fmt: skip
@click.option("--mixup", type=float, default=0.0, show_default=True, metavar="ALPHA",
              help="Mix images and targets by Beta(alpha, alpha); 0 for not.")  # fmt: skip
@click.option("--ema", type=float, default=0.0, show_default=True, metavar="SHARE",
              help="What a running mean of the weights keeps a step; 0 for none.")  # fmt: skip
@click.option("--clip", type=float, default=2.0, show_default=True, metavar="NORM",
              help="Gradients are cut to this norm; 0 for not.")  # fmt: skip
@click.option("--weight-decay", type=float, default=5e-4, show_default=True, metavar="RATE",
              help="On weights, not on biases and norms.")  # fmt: skip
@click.option("--warmup", type=float, default=0.15, show_default=True, metavar="SHARE",
              help="Of the steps, in which the learning rate rises.")  # fmt: skip
@click.option("--shift", type=click.IntRange(0), default=4, show_default=True, metavar="PIXELS",
              help="Images are moved by up to so many pixels.")  # fmt: skip
@click.option("--flip/--no-flip", default=True, show_default=True,
              help="Exchange left and right at random.")  # fmt: skip
@click.option("--deterministic", is_flag=True,
              help="Only operations that give the same bits each time, on a GPU too.")  # fmt: skip
@option("--resume/--no-resume", old=("/--fresh",), default=None,
        help="Go on from the checkpoint, which must then be "
        "of this run; or begin anew.  [default: go on where it is]")  # fmt: skip
@click.option("--checkpoint-every", type=click.IntRange(1), metavar="STEPS",
              help="How often the state is kept.  [default: once an epoch]")  # fmt: skip
@click.option("--metrics", metavar="FILE", help="Loss, accuracy and speed of the steps, as CSV.")
@click.option("--tensorboard", metavar="DIR", help="The same for TensorBoard.")
@click.option("-o", "--output", required=True, metavar="FILE", help="The model: .safetensors.")
def train(source: str, objective: str, output: str, **options: Any) -> None:
    """Train a model on the images of a STUDY or of DATA.

    A study's labels are the reassessed ones where they are decided, else the original. DATA is
    a folder of images, parquet with image bytes, or WebDataset shards. Number and order of the
    classes are those of the study or of the labels, whatever images are kept.
    """
    from reassess.files import read_ids
    from reassess.training import (
        Keeping,
        check_model_path,
        deterministic,
        device_of,
        form_of,
        launched,
        trained_model,
        write_model,
    )

    check_model_path(output)
    recipe = recipe_of(options, objective=objective)
    kept = None if options["kept"] is None else read_ids(options["kept"])
    checkpoint = Path(output).with_suffix(".checkpoint.safetensors")
    with launched(options["device"]) as processes, deterministic(options["deterministic"]):
        quiet = processes.rank > 0
        device = device_of(options["device"], processes)
        form = form_of(options["model"], options["side"])
        images = read_images(source, options, form, kept=kept, quiet=quiet)
        keeping = Keeping(
            checkpoint=checkpoint,
            every=options["checkpoint_every"] or 0,
            resume=options["resume"],
            metrics=_path(options["metrics"]),
            tensorboard=_path(options["tensorboard"]),
        )
        if not quiet:
            click.echo(f"{len(images):,} images, on {device}.", err=True)
        with steps("Training", quiet=quiet) as count:
            on_step = count if quiet else _saying_where_it_begins(count, keeping)
            model = trained_model(
                images, recipe, options["model"], device=device, keeping=keeping,
                processes=processes, on_step=on_step,
            )  # fmt: skip
        if not quiet:
            write_model(model, output, n_images=len(images), epochs=recipe.epochs)
            checkpoint.unlink(missing_ok=True)
    if not quiet:
        click.echo(f"{options['model']}, {images.n_classes:,} classes: {output}")


def _path(named: str | None) -> Path | None:
    return None if named is None else Path(named)


def _saying_where_it_begins(
    count: Callable[[int, int, float | None], None], keeping: "Keeping"
) -> Callable[[int, int, float | None], None]:
    """The count, and at the first step a note where a checkpoint is there or was asked for."""
    path = keeping.checkpoint
    was_there = path is not None and path.is_file()
    untold = bool(keeping.resume or (keeping.resume is None and was_there))

    def step(done: int, n_steps: int, loss: float | None) -> None:
        nonlocal untold
        if untold:
            what = "is of another run" if was_there else "is not there"
            note = f"{path} {what}: beginning at the first step"
            if done > 1:
                note = f"going on from {path}, after step {done - 1:,} of {n_steps:,}"
            click.echo(f"Note: {note}.", err=True)
            untold = False
        count(done, n_steps, loss)

    return step
