"""``reassess compare``: two models on the same images."""

from typing import TYPE_CHECKING

import click

from reassess.cli.engine_options import EngineChoice, engine_options
from reassess.cli.evidence_options import EvidenceOptions, evidence_options
from reassess.cli.options import labels_option, option, output_option, rows_options
from reassess.cli.output import console, print_json, progress_bar
from reassess.errors import OptionError
from reassess.records import Comparison, Predictions, ScoreType

if TYPE_CHECKING:
    from reassess.files import RowOrder
    from reassess.sources import EvaluationTarget, LabelEvidence


@click.command(
    epilog="""\b
Examples:
  reassess compare a.npz b.npz --labels labels.json
  reassess compare 'pets#resnet50' 'pets#vit' --labels pets --votes pets
  reassess compare a.npz b.npz --labels labels.json --votes votes.csv --gold gold.csv
  reassess compare a.npz b.npz --labels labels.json --anytime
  reassess compare new=a.npy old=b.npy --labels imagenet-real --order imagefolder --json
"""
)
@click.argument("a")
@click.argument("b")
@labels_option
@rows_options
@evidence_options
@engine_options
@option(
    "--top-k",
    old=("--top",),
    type=int,
    default=1,
    show_default=True,
    metavar="K",
    help="Number of top predictions that count for an image.",
)
@option(
    "--confidence",
    old=("--level",),
    type=float,
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals.",
)
@click.option(
    "--anytime",
    is_flag=True,
    help="Decide by an interval that holds at every look, for whoever looks again as results come "
    "in.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with every image that flips.")
@output_option("the images that flip")
def compare(
    a: str,
    b: str,
    labels: str,
    original_labels: str | None,
    classes: str | None,
    model_classes: str | None,
    order: "RowOrder | None",
    ids: str | None,
    subset: str | None,
    scale: ScoreType | None,
    evidence: EvidenceOptions,
    runs_on: EngineChoice,
    top_k: int,
    confidence: float,
    anytime: bool,
    as_json: bool,
    output: str | None,
) -> None:
    """Compare the models A and B: both accuracies, their difference, and an exact test.

    The test is McNemar's, on the images that one has right and the other wrong. A and B are
    predictions of one model each, as for `reassess score`. With --votes, the difference also comes
    with the labels' uncertainty: under labels whose probabilities are calibrated on gold, with an
    interval and a test of other images, raters, votes and gold. A model is then better where both
    tests say so.

    Intervals and tests hold at one look. Whoever looks again as images come in, and stops when it
    is clear, takes --anytime: with 95 % probability all intervals of that kind hold, however often
    one looks. `reassess monitor` has the same for any table of results.
    """
    from reassess import sources
    from reassess.files.artefacts import comparison_as_dict
    from reassess.scoring import compare as compare_models
    from reassess.statistics import check_resamples

    evidence.check()
    check_resamples(evidence.resamples, confidence)
    if evidence.votes is not None and top_k != 1:
        raise OptionError(
            f"--top-k is {top_k}, but must be 1 with --votes: the labels' uncertainty is known for "
            "top predictions. Leave one of them out."
        )

    if anytime and evidence.votes is not None:
        raise OptionError(
            "--anytime cannot be combined with --votes: the labels' uncertainty is known for one "
            "look only. Leave one of them out."
        )
    rows = sources.RowMapping.read(order=order, ids=ids, subset=subset, scale=scale)
    target = sources.evaluation_target(
        labels,
        original_labels,
        classes=classes,
        model_classes=model_classes,
        rows=rows,
        models=(a, b),
    )
    model_a, model_b = (target.model(source, top_k=max(sources.DEPTH, top_k)) for source in (a, b))
    if model_a.model == model_b.model:
        raise OptionError(
            f"both models are called {model_a.model!r}, but must be told apart. Name them, as in "
            f"new={a} old={b}."
        )
    known = evidence.read(sources.class_table(classes, target.benchmark))
    if known is not None:
        comparison = _with_votes(model_a, model_b, target, known, evidence, runs_on, confidence)
    else:
        comparison = compare_models(
            model_a, model_b, target.labels, k=top_k, subset=True, confidence=confidence,
            benchmark=target.benchmark, anytime=anytime,
        )  # fmt: skip
    if output is not None:
        _write_flips(comparison, output)
    if as_json:
        print_json(comparison_as_dict(comparison))
        return

    from rich.text import Text

    from reassess.report.comparisons import comparison_sentences

    answer, *rest = comparison_sentences(comparison)
    console().print(Text(answer, "bold"))
    for sentence in rest:
        console().print(sentence, markup=False, highlight=False)


def _with_votes(
    model_a: Predictions,
    model_b: Predictions,
    target: "EvaluationTarget",
    known: "LabelEvidence",
    evidence: EvidenceOptions,
    runs_on: EngineChoice,
    confidence: float,
) -> Comparison:
    import numpy as np

    from reassess.analysis.comparisons import compare_with_votes

    with progress_bar("Resampling") as step, runs_on.start() as engine:
        return compare_with_votes(
            model_a,
            model_b,
            target.labels,
            **known.as_options(),
            subset=True,
            confidence=confidence,
            benchmark=target.benchmark,
            n_resamples=evidence.resamples,
            rng=np.random.default_rng(evidence.seed),
            engine=engine,
            progress=step,
        )


def _write_flips(comparison: Comparison, output: str) -> None:
    from reassess.report.table import Column, Columns, Table, write_rendered

    right = ((comparison.model_a, comparison.only_a), (comparison.model_b, comparison.only_b))
    columns: Columns = [
        (Column("image", "image"), [str(i) for _, ids in right for i in ids]),
        (Column("right", "right"), [model for model, ids in right for _ in ids]),
    ]
    write_rendered(Table.from_columns("flips", "Images that one has right", columns), output)
