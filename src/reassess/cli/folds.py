"""``reassess folds``: cross-validated (out-of-fold) predictions."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.options import option
from reassess.cli.output import inform, progress_bar
from reassess.cli.outputs import OutputFile
from reassess.cli.shards import check_shard_options, shard_options
from reassess.cli.training_options import (
    DataOptions,
    data_options,
    device_option,
    model_option,
    read_images,
    recipe_options,
    warn,
)

if TYPE_CHECKING:
    from reassess.engines import JobShare
    from reassess.training import Recipe


def _finished_folds(output: Path) -> Path:
    """The folder of finished folds."""
    return output.with_suffix(".folds")


def _folders(output: Path, values: Mapping[str, object]) -> list[Path]:
    del values
    return [_finished_folds(output)]


@click.command(
    epilog="""\b
Examples:
  reassess folds pets -o oof.npz
  reassess folds photos --labels labels.csv --folds 5 --epochs 20 -o oof.npz

\b
As an array of jobs, one a fold, then one that joins (docs/job-arrays.md):
  sbatch --array=1-10 --wrap 'reassess folds photos -o oof.npz
      --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT'
  reassess folds photos -o oof.npz --join

\b
A killed run goes on with the next fold when the same command is typed again; finished folds
lie in OOF.folds/. The file can be scored and added to a study as a model's predictions.
"""
)
@click.argument("source", metavar="STUDY|DATA")
@click.option("--folds", "n_folds", type=int, default=10, show_default=True, metavar="N",
              help="Number of folds.")  # fmt: skip
@data_options
@model_option
@device_option
@recipe_options("epochs", "batch_size", "learning_rate", "precision", "seed", epochs=10)
@shard_options
@option("--no-resume", old=("--fresh",), is_flag=True, help="Compute finished folds again.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputFile(folders=_folders),
    metavar="FILE",
    help="Where to write: .npz.",
)
def folds(
    source: str,
    n_folds: int,
    data: DataOptions,
    model: str,
    device: str,
    recipe: "Recipe",
    shard: "JobShare | None",
    join: bool,
    no_resume: bool,
    output: str,
) -> None:
    """Cross-validated (out-of-fold) predictions of each image of a STUDY or of DATA.

    Each image is predicted by a model that was trained without it. Every class is spread evenly
    over the folds. Duplicates, by their content or by their file name, fall into one fold.
    """
    import numpy as np

    from reassess import training
    from reassess.files.model_outputs import check_npz, write_out_of_fold

    check_npz(output)
    check_shard_options(shard, join=join)
    training.require_single_process("folds")
    where = training.resolve_device(device)
    images = read_images(source, data, training.transform_for(model, data.side))
    job = training.FoldsJob(
        images, recipe, model, n_folds, _finished_folds(Path(output)), where,
        on_note=lambda text: inform(f"{text.capitalize()}."), on_warning=warn,
    )  # fmt: skip
    if no_resume and not join:
        job.forget(shard)
    if shard is not None:
        with progress_bar("Training") as progress:
            n_done = job.run(shard, progress)
        click.echo(
            f"Job {shard}: its {n_done} of {n_folds} folds are done: {job.folder}. Join them when "
            "every job has ended (--join)."
        )
        return
    with progress_bar("Training") as progress:
        found = job.join() if join else job.all(progress)
    write_out_of_fold(found, output)
    top = found.probabilities.argmax(axis=1)
    share = images.labels.contains(np.arange(len(images)), top).mean()
    click.echo(
        f"{len(images):,} images in {n_folds} folds; {share:.1%} of the predictions are among the "
        f"labels: {output}"
    )
