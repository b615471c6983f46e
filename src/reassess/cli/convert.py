"""``reassess convert``: labels from one format to another."""

import click

from reassess.cli.label_output import label_output_options
from reassess.cli.options import labels_are_option, option


@click.command(
    epilog="""\b
Examples:
  reassess convert labels.json -o labels.parquet
  reassess convert pets -o pets-labels --format hugging-face
  reassess convert coco.json -o tasks.json --format label-studio
  reassess convert imagenet-real -o real.xml
"""
)
@click.argument("labels", metavar="NAME|FILE|STUDY")
@option(
    "--original-labels",
    metavar="NAME|FILE|STUDY",
    help="The benchmark: which image each list of a bare list is about, and its classes.",
)
@labels_are_option
@click.option("--classes", metavar="FILE", help="Classes: index,id,name,synonyms,definition.")
@label_output_options
def convert(
    labels: str, original_labels: str | None, classes: str | None, output: str, form: str | None
) -> None:
    """Write labels in another format: JSON, parquet, COCO, CVAT, Label Studio, Hugging Face.

    What the new format has no place for is named.
    """
    from reassess import sources
    from reassess.cli.label_output import write_in_format
    from reassess.files import label_format

    form = label_format(output, form).name
    about = None
    if original_labels is not None:
        about = sources.benchmark(original_labels, classes=classes)
    read = sources.labels_with_classes(labels, about=about, classes=classes)
    if about is not None:
        read.align_to(about)  # refuses labels of other images or classes
    write_in_format(read, output, form)
    click.echo(f"{len(read):,} images, {len(read.indices):,} labels: {output}")
