"""``reassess locate``: where the files are that a study does not hold itself."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.study import Study


@click.command(
    epilog="""\b
Examples:
  reassess locate pets
  reassess locate pets --images /data/photos --predictions vit=/scores/vit.npy
"""
)
@click.argument("study")
@click.option(
    "--images", metavar="DIR", help="Folder of images, or an address (s3://…, https://…)."
)
@click.option(
    "--predictions",
    multiple=True,
    metavar="NAME=FILE",
    help="Predictions of a model; other models of the same file move with it. May be repeated.",
)
@click.option("--labels", metavar="FILE", help="Original labels, to be copied into the study.")
@click.option("--classes", metavar="FILE", help="Classes, to be copied into the study.")
@click.option(
    "--append-classes",
    is_flag=True,
    help="Let the labels name further classes, which come behind those of the study.",
)
@click.option("--hierarchy", metavar="FILE", help="Is-a edges, to be copied into the study.")
@click.option(
    "--copy/--no-copy",
    default=None,
    help="Copy predictions into the study, or leave them where they are.  [default: copy files "
    "below 100 MB]",
)
def locate(
    study: str,
    images: str | None,
    predictions: tuple[str, ...],
    labels: str | None,
    classes: str | None,
    append_classes: bool,
    hierarchy: str | None,
    copy: bool | None,
) -> None:
    """Name the place of files outside a STUDY, after it or they were moved.

    Without an option it lists the files that the study does not hold itself, and which of them
    are missing.
    """
    from reassess.files.remote_images import RemoteImages
    from reassess.study import images_folder, open_study, read_study_benchmark
    from reassess.study import locate as locate_files
    from reassess.study.images import note_unmatched_images

    opened = open_study(study)
    changed = locate_files(
        opened,
        labels=labels,
        classes=classes,
        hierarchy=hierarchy,
        images=images,
        predictions=dict(_named(one) for one in predictions),
        copy=copy,
        append_classes=append_classes,
    )
    if images is not None:
        benchmark = read_study_benchmark(changed)
        folder = images_folder(changed)
        place = folder if isinstance(folder, RemoteImages) else Path(images)
        note_unmatched_images(place, benchmark.image_ids.tolist())
    _show(changed)


def _named(source: str) -> tuple[str, str]:
    from reassess.sources import split_source

    name, file, model = split_source(source)
    if name is None:
        raise OptionError(
            f"--predictions is {source!r}, but must name a model of the study: NAME=FILE."
        )
    return name, file if model is None else f"{file}#{model}"


def _show(study: "Study") -> None:
    """List what lies outside the study, or is missing."""
    from reassess.files.access import exists
    from reassess.study import named_files

    n_shown = 0
    for one in named_files(study):
        is_there = exists(one.path)
        if is_there and study.relative(one.path) is not None:
            continue
        n_shown += 1
        state, remedy = ("outside", "") if is_there else ("missing", f". {one.remedy}")
        click.echo(f"{state}: {study.place(*one.keys)} names {one}{remedy}")
    if not n_shown:
        click.echo(f"{study.folder}: all files that it names are in the study.")
