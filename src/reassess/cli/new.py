"""``reassess new``: a study in a new folder."""

import shlex

import click

from reassess.cli.options import LiteralChoice
from reassess.records import LabelsAre


@click.command(
    epilog="""\b
Examples:
  reassess new pets --images photos/
  reassess new pets --labels labels.csv --classes classes.csv --images photos/
  reassess new pets --labels labels.csv --hierarchy edges.csv && reassess status pets
"""
)
@click.argument("study")
@click.option(
    "--labels",
    metavar="FILE",
    help="Original labels: a table image,label, or a list as val.txt.  [default: labels.csv, "
    "metadata.csv or val.txt beside the images; class folders, a column, .cls]",
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
    labels: str | None,
    classes: str | None,
    images: str | None,
    hierarchy: str | None,
    labels_are: LabelsAre | None,
    name: str | None,
) -> None:
    """Begin a STUDY: a folder with a readable manifest, study.toml.

    Labels, classes and edges are checked and copied into the folder.
    """
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
        assert folder is not None  # noqa: S101 -- it was just named; this tells mypy
        note_unmatched_images(folder, benchmark.image_ids.tolist())
    n_classes = benchmark.n_classes
    click.echo(
        f"{study}: {len(benchmark.image_ids):,} images"
        + (f", {n_classes:,} classes" if n_classes is not None else "")
        + f". Next: reassess add {shlex.quote(study)} NAME=PREDICTIONS ..."
    )
