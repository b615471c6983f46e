"""``reassess new``: a study in a new folder."""

import click


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
@click.option("--images", metavar="DIR", help="The folder of images; ids are paths below it.")
@click.option("--hierarchy", metavar="FILE", help="Is-a edges above the classes: child,parent.")
@click.option("--name", help="How to call the study.  [default: the folder's name]")
def new(study: str, labels: str, **options: str | None) -> None:
    """Begin a STUDY: a folder with a readable manifest, study.toml.

    The files are read and checked first, and stay where they are: the manifest names them.
    """
    from pathlib import Path

    from reassess.errors import FileError
    from reassess.files import read_benchmark
    from reassess.files.arrays import prefix_errors_with
    from reassess.records import Hierarchy
    from reassess.study import named_classes, new_study

    images, hierarchy = options["images"], options["hierarchy"]
    benchmark = read_benchmark(labels, classes=options["classes"], hierarchy=hierarchy)
    if hierarchy is not None:
        with prefix_errors_with(Path(hierarchy)):
            Hierarchy.from_edges(benchmark.hierarchy, named_classes(benchmark))
    if images is not None and not Path(images).is_dir():
        raise FileError(f"{images}: there is no such folder of images. Check the path (--images).")
    new_study(study, labels=labels, **options)
    n_classes = benchmark.n_classes
    click.echo(
        f"{study}: {len(benchmark.image_ids):,} images"
        + (f", {n_classes:,} classes" if n_classes is not None else "")
        + f". Next: reassess add {study} NAME=PREDICTIONS ..."
    )
