"""``reassess predict``: a model's predictions for images."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.engine_options import EngineChoice, engine_options
from reassess.cli.output import inform, progress_bar
from reassess.cli.outputs import OutputFile
from reassess.cli.shards import check_shard_options, shard_options
from reassess.cli.training_options import device_option, precision_option
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.engines import JobShare
    from reassess.files.images import ImageFiles
    from reassess.training import PredictionJob, TrainedModel


def _finished_shards(output: Path) -> Path:
    """The folder of finished shards."""
    return output.with_suffix(".shards")


def _folders(output: Path, values: Mapping[str, object]) -> list[Path]:
    del values
    return [_finished_shards(output)]


@click.command(
    epilog="""\b
Examples:
  reassess predict pets --model model.safetensors -o preds.npz
  reassess predict photos --model timm:resnet50 --keep 100 -o preds.npz
  reassess score preds.npz --labels labels.json

\b
As an array of 64 jobs, then one that joins (docs/job-arrays.md):
  sbatch --array=1-64 --wrap 'reassess predict photos --model m.safetensors
      -o preds.npz --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT'
  reassess predict photos --model m.safetensors -o preds.npz --join

\b
A killed run goes on with the next 2,048 images when the same command is typed again;
finished ones lie in PREDS.shards/ until the file is written.
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
@click.option("--keep", type=click.IntRange(1), metavar="K",
              help="Keep the K best classes of an image instead of all logits, such as 100: the "
              "paper's rule reads such short lists as if it had full scores.")  # fmt: skip
@precision_option
@device_option
@shard_options
@engine_options
@click.option("--no-resume", is_flag=True, help="Predict finished shards again.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputFile(folders=_folders),
    metavar="FILE",
    help="Where to write: .npz.",
)
def predict(
    source: str,
    model: str,
    side: int | None,
    skip_unreadable: bool,
    batch_size: int,
    keep: int | None,
    precision: str,
    device: str,
    shard: "JobShare | None",
    join: bool,
    runs_on: EngineChoice,
    no_resume: bool,
    output: str,
) -> None:
    """Predict the images of a STUDY or of DATA; `reassess score` and `add` read the file.

    The file holds the ids of the images and the model's logits, one column a class; with --keep
    the best classes alone, in a fraction of the space (docs/file-formats.md).
    """
    import shutil

    from reassess import training
    from reassess.files.images import open_images
    from reassess.files.model_outputs import check_npz
    from reassess.sources import is_study

    check_npz(output)
    check_shard_options(shard, join=join)
    training.require_single_process("predict")
    where = training.resolve_device(device) if runs_on.is_here else None
    if runs_on.is_here and (runs_on.workers is not None or runs_on.address is not None):
        raise OptionError(
            "--workers and --address go with --engine ray: in one process PyTorch has a thread for "
            "each core. Leave them out."
        )
    opened = training.open_model(model, side=side)
    files = _study_images(source, opened) if is_study(source) else open_images(source)
    predictor = training.ImagePredictor(
        opened, where, half=precision == "bfloat16", batch_size=batch_size,
        skip_unreadable=skip_unreadable, keep=keep,
    )  # fmt: skip
    job = training.PredictionJob(predictor, files, _finished_shards(Path(output)))
    if no_resume and not join:
        job.forget(shard)
    if not join:
        n_before = _run(job, shard, runs_on, device)
    if shard is not None:
        _report_share(job, shard, n_before)
        return
    if not join and n_before:
        inform(f"{n_before:,} of {len(job.shards):,} shards were done before, in {job.folder}.")
    joined = job.join(output)
    if joined.note is not None:
        inform(f"Note: {joined.note}.")
    if not join:
        shutil.rmtree(job.folder, ignore_errors=True)
    click.echo(f"{joined.n_images:,} images, {opened.n_classes:,} classes: {output}")


def _run(job: "PredictionJob", shard: "JobShare | None", runs_on: EngineChoice, device: str) -> int:
    """Predict what is not done; how many shards were done before."""
    with progress_bar("Predicting") as progress:
        if runs_on.is_here:
            return job.run(shard, progress)
        # Workers of a cluster have a GPU each where they are to use one, and may have one where
        # this machine has none.
        gpus = {"cpu": 0, "auto": None}.get(device, 1)
        with runs_on.start(gpus) as engine:
            return job.run_on(engine, device, shard, progress)


def _report_share(job: "PredictionJob", shard: "JobShare", n_before: int) -> None:
    """Say what a job of an array did, and what comes next."""
    n_mine, n_all = len(shard.of(job.shards)), len(job.shards)
    click.echo(
        f"Job {shard}: its {n_mine:,} of {n_all:,} shards are done, {n_before:,} of them before: "
        f"{job.folder}. Join them when every job has ended (--join)."
    )


def _study_images(folder: str, model: "TrainedModel") -> "ImageFiles":
    """The image files of a study, by their ids as the study writes them."""
    from dataclasses import replace

    from reassess.files.images import open_images
    from reassess.records import align
    from reassess.study import open_study
    from reassess.study.training import labels_in_use

    found = labels_in_use(open_study(folder))
    model.check_classes(found.labels.n_classes, found.classes, folder)
    files = open_images(found.images)
    rows = align(found.image_ids, files.image_ids, source=folder, target_name=str(found.images))
    return replace(files.take(rows), image_ids=found.image_ids, is_folder=False)
