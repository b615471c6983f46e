"""``reassess label``: posteriors to reassessed labels."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from reassess.cli.options import (
    RegistryChoice,
    known_classes,
    option,
    print_json,
    read_gold_named,
    read_original,
    warn_of_unasked_gold,
)

if TYPE_CHECKING:
    from reassess.files import LabelFormat


def _formats() -> "dict[str, LabelFormat]":
    """The formats of labels that can be written."""
    from reassess.files import LABEL_FORMATS

    return {name: one for name, one in LABEL_FORMATS.items() if one.write is not None}


@click.command(
    epilog="""\b
Examples:
  reassess label posterior.npz --original-labels labels.csv --threshold 0.8 -o labels.json
  reassess label posterior.npz --original-labels labels.csv --gold gold.csv \\
    --rule recall-at-precision --target 0.9 -o labels.json
  reassess label posterior.npz --original-labels imagenet -o real.json --format real-json
"""
)
@click.argument("posterior")
@option(
    "--original-labels",
    old=("--original",),
    required=True,
    metavar="NAME|FILE",
    help="All images with their original labels: 'imagenet' or a table image,label.",
)
@click.option("--classes", metavar="FILE", help="Classes: index,id,name,synonyms,definition.")
@click.option(
    "--rule",
    type=click.Choice(["threshold", "recall-at-precision", "precision-at-recall", "f1"]),
    default="threshold",
    show_default=True,
    help="How the operating point is chosen.",
)
@click.option(
    "--threshold",
    type=float,
    default=0.8,
    show_default=True,
    help="Keep a label where its posterior is at least this.",
)
@click.option("--target", type=float, help="The precision or recall that the rule asks for.")
@click.option("--gold", metavar="NAME|FILE", help="Gold, to choose by and to state precision.")
@option(
    "--min-expert-yes",
    old=("--n-yes",),
    type=int,
    help="Experts that must say yes.  [default: more than half]",
)
@click.option("--name", help="How to call the labels.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write the labels.")
@click.option(
    "--format",
    "form",
    type=RegistryChoice(_formats),
    help="Format of the output.  [default: parquet for .parquet, else native]",
)
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def label(posterior: str, output: str, as_json: bool, **options: Any) -> None:
    """Decide labels from a POSTERIOR, and store how with them.

    Images that were not rated keep their original label and are listed as unrated.
    """
    from reassess.files import label_format, read_posterior, write_labels
    from reassess.files.arrays import prefix_errors_with
    from reassess.labels import operating_point, reassessed_labels

    form = label_format(output, options["form"]).name
    read = read_posterior(posterior)
    benchmark = read_original(options["original_labels"], options["classes"])
    gold = None
    if options["gold"] is not None:
        gold = read_gold_named(options["gold"], known_classes(options["classes"], benchmark))
        warn_of_unasked_gold(gold, read.questions, "the questions of the posterior")
    point = operating_point(
        read,
        rule=options["rule"],
        threshold=_threshold(options),
        target=options["target"],
        gold=gold,
        min_expert_yes=options["min_expert_yes"],
    )
    with prefix_errors_with(Path(posterior)):
        labels = reassessed_labels(read, benchmark, point, name=options["name"])
    write_labels(labels, output, form)
    rated = labels.rated
    n_unrated = 0 if rated is None else int((~rated).sum())
    summary = {
        "output": output,
        "n_images": len(labels),
        "n_unrated": n_unrated,
        "n_labelled": int((labels.sizes > 0).sum()),
        "n_labels": len(labels.indices),
        "operating_point": dataclasses.asdict(point),
        "votes_sha256": labels.votes_sha256,
    }
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{summary['n_labels']:,} labels on {summary['n_labelled']:,} of {len(labels):,} images "
        f"({n_unrated:,} unrated keep their original label), posterior at least "
        f"{point.threshold:g}"
        + (
            f"; on {point.n_gold:,} gold questions precision {point.precision:.3f}, recall "
            f"{point.recall:.3f}"
            if point.precision is not None and point.recall is not None
            else ""
        )
        + f": {output}"
    )


def _threshold(options: dict[str, Any]) -> float | None:
    """The threshold where the rule takes one, or where one was typed all the same."""
    source = click.get_current_context().get_parameter_source("threshold")
    if options["rule"] == "threshold" or source is ParameterSource.COMMANDLINE:
        threshold: float = options["threshold"]
        return threshold
    return None
