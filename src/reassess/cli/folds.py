"""``reassess folds``: out-of-fold predictions."""

from pathlib import Path
from typing import Any

import click

from reassess.cli.options import option
from reassess.cli.training_options import (
    data_options,
    learning_options,
    read_images,
    recipe_of,
    steps,
)


@click.command(
    epilog="""\b
Examples:
  reassess folds pets -o oof.npz
  reassess folds photos --labels labels.csv --folds 5 --epochs 20 -o oof.npz

\b
A killed run goes on with the next fold when the same command is typed again; finished folds
lie in OOF.folds/. The file can be scored and added to a study as a model's predictions.
"""
)
@click.argument("source", metavar="STUDY|DATA")
@click.option("--folds", "n_folds", type=int, default=10, show_default=True, metavar="N",
              help="How many.")  # fmt: skip
@data_options
@learning_options(epochs=10)
@option("--no-resume", old=("--fresh",), is_flag=True, help="Compute finished folds again.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write: .npz.")
def folds(source: str, n_folds: int, output: str, **options: Any) -> None:
    """Predict each image of a STUDY or of DATA by a model that was trained without it.

    Every class is spread evenly over the folds. Images that are one, by their content or by
    their file name, fall into one fold.
    """
    import shutil

    from reassess.files.model_outputs import check_npz, write_out_of_fold
    from reassess.training import device_of, form_of, out_of_fold, refuse_launcher

    check_npz(output)
    refuse_launcher("folds")
    recipe = recipe_of(options)
    device = device_of(options["device"])
    form = form_of(options["model"], options["side"])
    images = read_images(source, options, form)
    folder = Path(output).with_suffix(".folds")
    if options["no_resume"]:
        shutil.rmtree(folder, ignore_errors=True)

    def on_fold(done: int, total: int, was_there: bool) -> None:
        how = "was done before" if was_there else "done"
        click.echo(f"Fold {done} of {total} {how}.", err=True)

    with steps("Fold") as on_step:
        found = out_of_fold(
            images, recipe, options["model"], n_folds=n_folds, folder=folder, device=device,
            on_note=lambda text: click.echo(f"Warning: {text}.", err=True),
            on_fold=on_fold, on_step=on_step,
        )  # fmt: skip
    write_out_of_fold(found, output)
    right = images.labels.contains(_rows(len(images)), found.probabilities.argmax(axis=1))
    click.echo(
        f"{len(images):,} images in {n_folds} folds; {100 * right.mean():.1f}% of the predictions "
        f"are among the labels: {output}"
    )


def _rows(n: int) -> Any:
    import numpy as np

    return np.arange(n)
