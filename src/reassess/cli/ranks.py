"""``reassess ranks``: a leaderboard, and how sure its accuracies and ranks are."""

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reassess.cli.engine_options import EngineChoice, engine_options
from reassess.cli.evidence_options import EvidenceOptions, evidence_options
from reassess.cli.options import labels_option, option, output_option, rows_options
from reassess.cli.output import console, print_json, progress_bar, spinner
from reassess.errors import OptionError
from reassess.records import ScoreType

if TYPE_CHECKING:
    from reassess.analysis.sensitivity import Sensitivity
    from reassess.analysis.uncertainty import UncertainScores
    from reassess.files import RowOrder
    from reassess.records import LabelSets, Posterior, Predictions
    from reassess.report.table import Table
    from reassess.sources import EvaluationTarget


Number = TypeVar("Number", int, float)


@dataclasses.dataclass(frozen=True)
class _Inputs:
    """Models and labels, and what the labels were decided on where that is known."""

    predictions: list["Predictions"]
    labels: "LabelSets"
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What `uncertain_scores` is told of votes, posterior and gold."""
    decided: "Posterior | None" = None
    """The posterior, with 1 or 0 where experts decided; None without votes."""


@click.command(
    epilog="""\b
Examples:
  reassess ranks pets
  reassess ranks a.npz b.npz c.npz --labels labels.json -o ranks.csv
  reassess ranks a.npz b.npz c.npz --labels labels.json --votes votes.csv --gold gold.csv
\b
Thirty-nine published models, with the votes behind the published labels:
  reassess aggregate imagenet-votes --gold imagenet-gold --gold-votes imagenet-gold-votes \\
    --original-labels imagenet --original-classes 0-397 --original-min-expert-yes 2 -o posterior.npz
  reassess ranks imagenet-v2-repo --labels imagenet-real --votes imagenet-votes \\
    --posterior posterior.npz --gold imagenet-gold --gold-votes imagenet-gold-votes
"""
)
@click.argument("models", nargs=-1, required=True)
@partial(labels_option, required=False)
@rows_options
@evidence_options
@engine_options
@option(
    "--confidence",
    old=("--level",),
    type=float,
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@output_option("a row for each model")
def ranks(
    models: tuple[str, ...],
    labels: str | None,
    original_labels: str | None,
    classes: str | None,
    model_classes: str | None,
    order: "RowOrder | None",
    ids: str | None,
    subset: str | None,
    scale: ScoreType | None,
    evidence: EvidenceOptions,
    runs_on: EngineChoice,
    confidence: float,
    as_json: bool,
    output: str | None,
) -> None:
    """Leaderboard of MODELS by ReaL accuracy, with intervals of accuracies and ranks.

    MODELS are predictions as for `reassess score`, with --labels; or one STUDY. "From images":
    other images, labels as they were decided. "Images, labels": also other raters and other
    votes, under labels whose probabilities are calibrated on gold; needs the votes, which a
    study has. docs/statistics.md says what each interval holds, and how often.
    """
    import numpy as np

    from reassess import sources
    from reassess.analysis.sensitivity import sensitivity
    from reassess.analysis.uncertainty import uncertain_scores
    from reassess.report.rank_sentences import rank_lines
    from reassess.report.score_tables import ranks_table
    from reassess.report.table import format_of, to_rich, write_rendered
    from reassess.statistics import check_resamples

    check_resamples(evidence.resamples, confidence)
    if output is not None:
        format_of(output)
    with spinner("Reading"):
        if len(models) == 1 and sources.is_study(models[0]) and labels is None:
            _refuse_of_files(
                models[0], original_labels=original_labels, classes=classes,
                model_classes=model_classes, order=order, ids=ids, subset=subset, scale=scale,
            )  # fmt: skip
            inputs = _read_study(models[0], evidence)
        else:
            if labels is None:
                raise OptionError(
                    f"{models[0]!r} is not a study (a folder with study.toml), so the labels must "
                    "be given (--labels NAME|FILE|STUDY)."
                )
            evidence.check()
            rows = sources.RowMapping.read(order=order, ids=ids, subset=subset, scale=scale)
            target = sources.evaluation_target(
                labels,
                original_labels,
                classes=classes,
                model_classes=model_classes,
                rows=rows,
                models=models,
            )
            inputs = _read(models, target, classes, evidence)
    with progress_bar("Resampling") as step, runs_on.start() as engine:
        found = uncertain_scores(
            inputs.predictions,
            inputs.labels,
            **inputs.evidence,
            n_resamples=evidence.resamples,
            confidence=confidence,
            rng=np.random.default_rng(evidence.seed),
            engine=engine,
            progress=step,
        )
    moved = None
    if inputs.decided is not None:
        moved = sensitivity(inputs.predictions, inputs.labels, inputs.decided)
    table = ranks_table(found, moved)
    if output is not None:
        write_rendered(table, output)
    if as_json:
        print_json(_as_json(found, moved, table))
        return
    console().print(to_rich(table))
    click.echo("\n" + "\n".join(rank_lines(found, moved)))


def _read(
    models: tuple[str, ...],
    target: "EvaluationTarget",
    classes: str | None,
    evidence: EvidenceOptions,
) -> _Inputs:
    from reassess import sources

    predictions = [
        one
        for source in sources.prediction_sources(models)
        for one in target.predictions(source, top_k=1)
    ]
    found = evidence.read(sources.class_table(classes, target.benchmark))
    if found is None:
        return _Inputs(predictions, target.labels)
    return _Inputs(predictions, target.labels, found.as_options(), found.posterior)


def _refuse_of_files(folder: str, **given: object) -> None:
    """Refuse options that say how files are read, where a study says it itself.

    Raises:
        OptionError: one is given.
    """
    for name, value in given.items():
        if value is not None:
            raise OptionError(
                f"--{name.replace('_', '-')} goes with --labels, but {folder!r} is a study, all of "
                f"which is ranked as it is. Add --labels {folder}, or leave it out."
            )


def _read_study(folder: str, evidence: EvidenceOptions) -> _Inputs:
    from reassess.analysis.soft_labels import usable_gold
    from reassess.pipeline import AggregateOptions
    from reassess.sources import LabelEvidence
    from reassess.study import collect, open_study

    if evidence.answers is not None:
        raise OptionError(
            "--answers goes with --votes; what words in a study's votes mean stands in its "
            "manifest ([aggregate] answers)."
        )
    for name, value in evidence.sources().items():
        if value is not None:
            raise OptionError(
                f"--{name} goes with files of predictions, but {folder!r} is a study, which has "
                "its own. Leave it out."
            )
    study = open_study(folder)
    found, options = collect(study, depth=1), study.options(AggregateOptions)
    if len(found.predictions) == 0:
        raise OptionError(f"{folder}: it has no models. Add some: reassess add {folder} NAME=FILE")
    if found.votes is None or found.posterior is None:
        return _Inputs(list(found.predictions), found.labels)
    known = LabelEvidence(
        votes=found.votes,
        posterior=found.posterior,
        gold=usable_gold(found.gold, found.votes.questions),
        min_expert_yes=_either(evidence.min_expert_yes, options.min_expert_yes),
        pseudocount=_either(evidence.pseudocount, options.pseudocount),
    )
    return _Inputs(list(found.predictions), found.labels, known.as_options(), found.decided)


def _either(given: Number | None, other: Number | None) -> Number | None:
    return other if given is None else given


def _as_json(
    found: "UncertainScores", moved: "Sensitivity | None", table: "Table"
) -> dict[str, object]:
    from reassess.analysis.uncertainty import count_decisions
    from reassess.analysis.verdict_json import adjacent_as_dict

    adjacent = found.adjacent()
    n = count_decisions(adjacent)
    uncertainty = found.uncertainty
    calibration = None
    if uncertainty is not None and uncertainty.coefficients is not None:
        constant, slope, of_share = uncertainty.coefficients
        calibration = {
            "constant": constant,
            "slope_of_log_odds": slope,
            "slope_of_share_of_models": of_share,
            "n_gold": uncertainty.n_gold,
        }
    thresholds = None
    if moved is not None:
        thresholds = [
            {
                "threshold": threshold,
                "n_labels": moved.n_labels[i],
                "n_unlabelled": moved.n_unlabelled[i],
                "real": dict(zip(moved.models, moved.accuracy[i].tolist(), strict=True)),
                "rank": dict(zip(moved.models, moved.rank[i].tolist(), strict=True)),
            }
            for i, threshold in enumerate(moved.thresholds)
        ]
    return {
        "labels": found.labels_name,
        "n_models": len(found.models),
        "n_scored": found.n_scored,
        "n_unlabelled": found.n_unlabelled,
        "confidence": found.confidence,
        "n_resamples": found.n_resamples,
        "n_decided": n["decided"],
        "n_undecided_by_images": n["images"],
        "n_undecided_by_labels": None if found.both is None else n["labels"],
        "n_undecided_by_unasked": None if found.unasked is None else n["unasked"],
        "calibration": calibration,
        "no_label_uncertainty": found.no_label_uncertainty,
        "models": table.records(),
        "adjacent": [adjacent_as_dict(one) for one in adjacent],
        "thresholds": thresholds,
    }
