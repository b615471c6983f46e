"""``reassess ranks``: a leaderboard, and how sure its accuracies and ranks are."""

import dataclasses
from functools import partial
from typing import TYPE_CHECKING

import click

from reassess.cli.options import (
    answers_option,
    labels_option,
    option,
    output_option,
    rows_options,
)
from reassess.cli.output import console, print_json, progress_bar
from reassess.errors import OptionError
from reassess.notes import note
from reassess.records import ScoreType

if TYPE_CHECKING:
    from reassess.analysis.soft_labels import Sensitivity
    from reassess.analysis.uncertainty import UncertainScores
    from reassess.files import RowOrder
    from reassess.files.declared_answers import DeclaredAnswers
    from reassess.pipeline import AggregateOptions
    from reassess.records import Gold, LabelSets, Posterior, Predictions, Votes
    from reassess.report.table import Table
    from reassess.sources import EvaluationTarget


@dataclasses.dataclass(frozen=True)
class _Inputs:
    """Models and labels, and what the labels were decided on where that is known."""

    predictions: list["Predictions"]
    labels: "LabelSets"
    votes: "Votes | None" = None
    posterior: "Posterior | None" = None
    gold: "Gold | None" = None
    gold_votes: "Votes | None" = None
    decided: "Posterior | None" = None
    """The posterior with 1 or 0 where experts decided; None where it is ``posterior``."""
    min_expert_yes: int | None = None
    pseudocount: float | None = None


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
@click.option("--votes", metavar="NAME|FILE|STUDY",
              help="The votes that the labels were decided on.")  # fmt: skip
@click.option("--posterior", metavar="FILE|STUDY", help="What `reassess aggregate` made of the "
              "votes.  [default: aggregated as it does by default]")  # fmt: skip
@click.option("--gold", metavar="NAME|FILE|STUDY",
              help="Gold, to calibrate the posterior on.")  # fmt: skip
@click.option("--gold-votes", metavar="NAME|FILE", help="The raters' answers to gold questions, "
              "where they are in a file of their own.")  # fmt: skip
@answers_option
@option(
    "--min-expert-yes",
    old=("--n-yes",),
    type=int,
    help="Number of experts who must say yes.  [default: the study's, or more than half]",
)
@option("--pseudocount", old=("--smoothing",), type=click.FloatRange(0),
              help="Count added to every cell of a confusion matrix, where the posterior "
              "was made under the uniform prior.  [default: the study's, or 1]")  # fmt: skip
@click.option("--resamples", type=int, default=1000, show_default=True, metavar="B",
              help="Number of resamples of images, of raters and of votes, each.")  # fmt: skip
@option(
    "--confidence",
    old=("--level",),
    type=float,
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of the resamples.")  # fmt: skip
@click.option("--workers", type=int, help="Number of threads.  [default: one a core]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@output_option("a row for each model")
def ranks(
    models: tuple[str, ...],
    labels: str | None,
    original_labels: str | None,
    classes: str | None,
    order: "RowOrder | None",
    ids: str | None,
    subset: str | None,
    scale: ScoreType | None,
    votes: str | None,
    posterior: str | None,
    gold: str | None,
    gold_votes: str | None,
    answers: "DeclaredAnswers | None",
    min_expert_yes: int | None,
    pseudocount: float | None,
    resamples: int,
    confidence: float,
    seed: int,
    workers: int | None,
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
    from reassess.analysis.soft_labels import sensitivity
    from reassess.analysis.uncertainty import uncertain_scores
    from reassess.engines import ThreadEngine
    from reassess.pipeline import AggregateOptions
    from reassess.report.score_tables import ranks_table
    from reassess.report.table import format_of, to_rich, write_rendered
    from reassess.report.verdict import rank_lines
    from reassess.statistics import check_resamples

    check_resamples(resamples, confidence)
    given = {
        "labels": labels,
        "votes": votes,
        "posterior": posterior,
        "gold": gold,
        "gold-votes": gold_votes,
    }
    if output is not None:
        format_of(output)
    with console().status("Reading"):
        if len(models) == 1 and sources.is_study(models[0]) and labels is None:
            if answers is not None:
                raise OptionError(
                    "--answers goes with --votes; what words in a study's votes mean stands in "
                    "its manifest ([aggregate] answers)."
                )
            inputs = _read_study(models[0], given)
        else:
            _check(models, given)
            rows = sources.RowMapping.read(order=order, ids=ids, subset=subset, scale=scale)
            target = sources.evaluation_target(
                str(labels), original_labels, classes=classes, rows=rows
            )
            options = AggregateOptions(
                confusion_prior="pooled" if pseudocount is None else "uniform",
                pseudocount=pseudocount,
                min_expert_yes=min_expert_yes,
            )
            inputs = _read(models, target, classes, given, answers, options)
    with progress_bar("Resampling") as step, ThreadEngine(workers) as engine:
        found = uncertain_scores(
            inputs.predictions,
            inputs.labels,
            votes=inputs.votes,
            posterior=inputs.posterior,
            gold=inputs.gold,
            gold_votes=inputs.gold_votes,
            min_expert_yes=inputs.min_expert_yes if min_expert_yes is None else min_expert_yes,
            pseudocount=inputs.pseudocount if pseudocount is None else pseudocount,
            n_resamples=resamples,
            confidence=confidence,
            rng=np.random.default_rng(seed),
            engine=engine,
            progress=step,
        )
    moved = None
    if inputs.posterior is not None:
        decided = inputs.decided or inputs.posterior
        moved = sensitivity(inputs.predictions, inputs.labels, decided)
    table = ranks_table(found, moved)
    if output is not None:
        write_rendered(table, output)
    if as_json:
        print_json(_as_json(found, moved, table))
        return
    console().print(to_rich(table))
    click.echo("\n" + "\n".join(rank_lines(found, moved)))


def _check(models: tuple[str, ...], given: dict[str, str | None]) -> None:
    """Refuse models without labels, and what goes with votes where there are none."""
    if given["labels"] is None:
        raise OptionError(
            f"{models[0]!r} is not a study (a folder with study.toml), so the labels must be given "
            "(--labels NAME|FILE|STUDY)."
        )
    for name in ("posterior", "gold", "gold-votes"):
        if given[name] is not None and given["votes"] is None:
            raise OptionError(f"--{name} needs the votes (--votes NAME|FILE|STUDY).")


def _read(
    models: tuple[str, ...],
    target: "EvaluationTarget",
    classes: str | None,
    given: dict[str, str | None],
    answers: "DeclaredAnswers | None",
    options: "AggregateOptions",
) -> _Inputs:
    from reassess import sources
    from reassess.pipeline import make_posterior

    predictions = [
        one for source in sources.prediction_sources(models) for one in target.predictions(source)
    ]
    if given["votes"] is None:
        return _Inputs(predictions, target.labels)
    answered = sources.answered_questions(
        given["votes"],
        given["gold"],
        given["gold-votes"],
        classes=sources.class_table(classes, target.benchmark),
        answers=answers,
    )
    votes, gold, gold_votes = answered.votes, answered.gold, answered.gold_votes
    if given["posterior"] is not None:
        posterior = sources.posterior(given["posterior"])
    else:
        made = make_posterior(votes=votes, gold=gold, gold_votes=gold_votes, options=options)
        note(f"Posterior by {made.details.method} ({made.details.reason}).")
        posterior = made.record
    return _Inputs(
        predictions,
        target.labels,
        votes,
        posterior,
        gold,
        gold_votes,
        min_expert_yes=options.min_expert_yes,
        pseudocount=options.pseudocount,
    )


def _read_study(folder: str, given: dict[str, str | None]) -> _Inputs:
    from reassess.analysis.soft_labels import usable_gold
    from reassess.pipeline import AggregateOptions
    from reassess.study import collect, open_study

    for name, value in given.items():
        if value is not None:
            raise OptionError(
                f"--{name} goes with files of predictions, but {folder!r} is a study, which has "
                "its own. Leave it out."
            )
    study = open_study(folder)
    found, options = collect(study), study.options(AggregateOptions)
    if len(found.predictions) == 0:
        raise OptionError(f"{folder}: it has no models. Add some: reassess add {folder} NAME=FILE")
    votes = found.votes if found.posterior is not None else None
    posterior = found.posterior if votes is not None else None
    gold = None if votes is None else usable_gold(found.gold, votes.questions)
    return _Inputs(
        list(found.predictions),
        found.labels,
        votes,
        posterior,
        gold,
        decided=found.decided,
        min_expert_yes=options.min_expert_yes,
        pseudocount=options.pseudocount,
    )


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
        "calibration": calibration,
        "no_label_uncertainty": found.no_label_uncertainty,
        "models": table.records(),
        "adjacent": [adjacent_as_dict(one) for one in adjacent],
        "thresholds": thresholds,
    }
