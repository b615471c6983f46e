"""``reassess new``: a study in a new folder."""

from pathlib import Path

import click

from reassess.cli.options import LiteralChoice
from reassess.records import LabelsAre


@click.command(
    epilog="""\b
Examples:
  reassess new pets --labels labels.csv --classes classes.csv --images photos/
  reassess new pets --labels labels.csv --hierarchy edges.csv && reassess status pets
"""
)
@click.argument("study")
@click.option(
    "--labels", required=True, metavar="FILE", help="Original labels: a table image,label."
)
@click.option("--classes", metavar="FILE", help="Classes: index,id,name,synonyms,definition.")
@click.option(
    "--images",
    metavar="DIR",
    help="Folder of images, or an address (s3://…, https://…), which stays where it is; ids are "
    "paths below it.",
)
@click.option("--hierarchy", metavar="FILE", help="Is-a edges above the classes: child,parent.")
@click.option(
    "--labels-are",
    type=LiteralChoice(LabelsAre),
    help="Whether integers that name classes are class ids or class indices, in all files of the "
    "study.  [default: as each file shows; refused where it could be both]",
)
@click.option("--name", help="Name of the study in reports.  [default: the folder's name]")
def new(
    study: str,
    labels: str,
    classes: str | None,
    images: str | None,
    hierarchy: str | None,
    labels_are: LabelsAre | None,
    name: str | None,
) -> None:
    """Begin a STUDY: a folder with a readable manifest, study.toml.

    Labels, classes and edges are checked and copied into the folder.
    """
    from reassess.files.remote_images import RemoteImages
    from reassess.notes import collect_notes
    from reassess.study import images_folder, new_study, read_study_benchmark
    from reassess.study.images import note_unmatched_images

    made = new_study(
        study,
        labels=labels,
        classes=classes,
        images=images,
        hierarchy=hierarchy,
        name=name,
        labels_are=labels_are,
    )
    with collect_notes():  # the same files were read above
        benchmark = read_study_benchmark(made)
    if images is not None:
        folder = images_folder(made)
        place = folder if isinstance(folder, RemoteImages) else Path(images)
        note_unmatched_images(place, benchmark.image_ids.tolist())
    n_classes = benchmark.n_classes
    click.echo(
        f"{study}: {len(benchmark.image_ids):,} images"
        + (f", {n_classes:,} classes" if n_classes is not None else "")
        + f". Next: reassess add {study} NAME=PREDICTIONS ..."
    )
