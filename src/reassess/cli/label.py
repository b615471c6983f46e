"""``reassess label``: posteriors to reassessed labels."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.label_output import label_output_options
from reassess.cli.options import (
    RegistryChoice,
    RegistryOption,
    answers_option,
    labels_are_option,
    option,
)
from reassess.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reassess.files.declared_answers import DeclaredAnswers
    from reassess.labels import LabelRule


def _rules() -> "Mapping[str, LabelRule]":
    from reassess.labels import RULES

    return RULES


@click.command(
    epilog="""\b
Examples:
  reassess label posterior.npz --original-labels labels.csv --threshold 0.8 -o labels.json
  reassess label posterior.npz --original-labels labels.csv --gold gold.csv \\
    --rule recall-at-precision --target 0.9 -o labels.json
  reassess label posterior.npz --original-labels labels.csv --gold gold.csv \\
    --rule precision-at-least --target 0.95 --confidence 0.9 -o labels.json
  reassess label posterior.npz --original-labels imagenet -o real.json --format real-json
  reassess label posterior.npz --original-labels imagenet -o labels --format hugging-face
"""
)
@click.argument("posterior")
@option(
    "--original-labels",
    old=("--original",),
    required=True,
    metavar="NAME|FILE|STUDY",
    help="All images with their original labels: 'imagenet' or a table image,label.",
)
@labels_are_option
@click.option("--classes", metavar="FILE", help="Classes: index,id,name,synonyms,definition.")
@click.option(
    "--rule",
    cls=RegistryOption,
    type=RegistryChoice(_rules),
    default="threshold",
    show_default=True,
    help="How the operating point is chosen. {names}.",
)
@click.option(
    "--threshold",
    type=float,
    help="Least posterior of a label that is kept.  [default: 0.8 for the rule threshold]",
)
@click.option("--target", type=float, help="The precision or recall that the rule asks for.")
@click.option(
    "--confidence",
    type=float,
    help="Confidence of the guarantee of precision-at-least.  [default: 0.9]",
)
@click.option(
    "--gold", metavar="NAME|FILE|STUDY", help="Gold, to choose by and to state precision."
)
@option(
    "--min-expert-yes",
    old=("--n-yes",),
    type=int,
    help="Experts that must say yes.  [default: more than half]",
)
@click.option(
    "--adjudications",
    metavar="FILE",
    help="Experts' decisions about single questions, which win over votes: as gold.",
)
@click.option(
    "--audit",
    metavar="FILE",
    help="What was drawn at random to be asked about: a study's audit.json.",
)
@answers_option
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="A model whose predictions were asked about, to stand with the labels; may be repeated.",
)
@click.option("--name", help="How to call the labels.")
@label_output_options
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def label(
    posterior: str,
    original_labels: str,
    classes: str | None,
    rule: str,
    threshold: float | None,
    target: float | None,
    confidence: float | None,
    gold: str | None,
    min_expert_yes: int | None,
    adjudications: str | None,
    audit: str | None,
    answers: "DeclaredAnswers | None",
    models: tuple[str, ...],
    name: str | None,
    output: str,
    form: str | None,
    as_json: bool,
) -> None:
    """Decide labels from a POSTERIOR, and store how with them.

    Images that were not rated keep their original label and are listed as unrated.
    """
    from reassess import sources
    from reassess.cli.label_output import write_in_format
    from reassess.files import label_format
    from reassess.files.access import prefix_errors_with
    from reassess.files.audits import read_audit
    from reassess.pipeline import LabelOptions, make_labels
    from reassess.study import open_study

    form = label_format(output, form).name
    options = LabelOptions(rule, threshold, target, min_expert_yes, confidence)
    read = sources.posterior(posterior)
    stated = sources.stated_classes(read.questions)
    benchmark = sources.benchmark(original_labels, classes=classes, of_a_file=stated)
    read_gold, decided = None, None
    if answers is None and sources.is_study(posterior):
        answers = open_study(posterior).answers
    if gold is not None:
        read_gold = sources.gold(gold, classes=benchmark.classes, answers=answers)
        where = "the questions of the posterior"
        sources.note_unasked_gold(read_gold, read.questions, where)
    if adjudications is not None:
        decided = sources.gold(adjudications, classes=benchmark.classes, answers=answers)
    drawn = None
    if audit is not None:
        drawn = read_audit(audit, benchmark.image_ids, classes=benchmark.classes)
    with prefix_errors_with(Path(posterior)):
        made = make_labels(
            posterior=read, benchmark=benchmark, gold=read_gold, adjudications=decided,
            audit=drawn, models=models, name=name, options=options,
        )  # fmt: skip
    labels = made.record
    write_in_format(labels, output, form)
    if as_json:
        rated = labels.rated
        point = labels.operating_point
        print_json({
            "output": output,
            "n_images": len(labels),
            "n_unrated": 0 if rated is None else int((~rated).sum()),
            "n_labelled": int((labels.sizes > 0).sum()),
            "n_labels": len(labels.indices),
            "operating_point": None if point is None else dataclasses.asdict(point),
            "votes_sha256": labels.votes_sha256,
        })  # fmt: skip
        return
    click.echo(f"{made.summary}: {output}")
