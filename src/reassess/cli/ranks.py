"""``reassess ranks``: accuracies and ranks, and how sure they are."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import (
    Rows,
    console,
    counting,
    known_classes,
    labels_option,
    option,
    print_json,
    progress,
    read_gold_named,
    read_judge,
    read_votes_named,
    rows_of,
    rows_options,
    sources_of,
    warn_of_unasked_gold,
)
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.analysis.soft_labels import Sensitivity
    from reassess.analysis.uncertainty import UncertainScores
    from reassess.records import Gold, LabelSets, Posterior, Predictions, Votes


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
@click.option("--votes", metavar="NAME|FILE", help="The votes that the labels were decided on.")
@click.option("--posterior", metavar="FILE", help="What `reassess aggregate` made of the votes.  "
              "[default: aggregated as it does by default]")  # fmt: skip
@click.option("--gold", metavar="NAME|FILE", help="Gold, to calibrate the posterior on.")
@click.option("--gold-votes", metavar="NAME|FILE", help="The raters' answers to gold questions, "
              "where they are in a file of their own.")  # fmt: skip
@option(
    "--min-expert-yes",
    old=("--n-yes",),
    type=int,
    help="Experts that must say yes.  [default: more than half]",
)
@option("--pseudocount", old=("--smoothing",), type=float, default=1.0, show_default=True,
              help="Added to counts, as when the posterior was made.")  # fmt: skip
@click.option("--resamples", type=click.IntRange(2), default=1000, show_default=True, metavar="B",
              help="Draws of images, of raters and of votes, each.")  # fmt: skip
@option(
    "--confidence",
    old=("--level",),
    type=float,
    default=0.95,
    show_default=True,
    help="Of the intervals.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@click.option("--workers", type=int, help="Threads.  [default: one a core]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("-o", "--output", metavar="FILE", help="Write one row a model to this CSV file.")
def ranks(models: tuple[str, ...], output: str | None, as_json: bool, **options: Any) -> None:
    """Rank MODELS by ReaL accuracy, and say how sure the ranks are.

    MODELS are predictions as for `reassess score`, with --labels; or one STUDY. "From images":
    other images, labels as they were decided. "Images, labels": also other raters and other
    votes, under labels whose probabilities are calibrated on gold; needs the votes, which a
    study has. docs/statistics.md says what each interval holds, and how often.
    """
    import numpy as np

    from reassess.analysis.soft_labels import sensitivity
    from reassess.analysis.uncertainty import uncertain_scores
    from reassess.engines import ThreadEngine
    from reassess.report.rank_tables import rank_columns, ranks_table
    from reassess.report.verdict import rank_lines

    with console().status("Reading"):
        inputs = _inputs(models, options)
    resamples = options["resamples"]
    rng = np.random.default_rng(_checked_seed(options["seed"]))
    with progress("Drawing again", resamples) as step, ThreadEngine(options["workers"]) as engine:
        found = uncertain_scores(
            inputs.predictions,
            inputs.labels,
            votes=inputs.votes,
            posterior=inputs.posterior,
            gold=inputs.gold,
            gold_votes=inputs.gold_votes,
            min_expert_yes=options["min_expert_yes"],
            pseudocount=options["pseudocount"],
            n_resamples=resamples,
            confidence=options["confidence"],
            rng=rng,
            engine=engine,
            on_resample=counting(step, resamples),
        )
    moved = None
    if inputs.posterior is not None:
        decided = inputs.decided or inputs.posterior
        moved = sensitivity(inputs.predictions, inputs.labels, decided)
    columns = rank_columns(found, moved)
    if output is not None:
        from reassess.files.tables import write_table

        write_table(Path(output), columns)
    if as_json:
        print_json(_as_json(found, moved, columns))
        return
    console().print(ranks_table(found, moved))
    click.echo("\n" + "\n".join(rank_lines(found, moved)))


def _inputs(models: tuple[str, ...], options: dict[str, Any]) -> _Inputs:
    from reassess.study.manifest import FILE_NAME

    if len(models) == 1 and (Path(models[0]) / FILE_NAME).is_file():
        return _of_study(models[0], options)
    if options["labels"] is None:
        raise OptionError(
            f"{models[0]!r} is no study (a folder with {FILE_NAME}), so the labels must be given "
            "(--labels NAME|FILE)."
        )
    for name in ("posterior", "gold", "gold_votes"):
        if options[name] is not None and options["votes"] is None:
            raise OptionError(f"--{name.replace('_', '-')} needs the votes (--votes NAME|FILE).")
    rows = Rows.from_options(options["order"], options["ids"], options["subset"], options["scale"])
    judge = read_judge(options["labels"], options["original_labels"], options["classes"], rows)
    predictions = [one for source in sources_of(models) for one in judge.read(source, rows, 5)]
    if options["votes"] is None:
        return _Inputs(predictions, judge.labels)
    classes = known_classes(options["classes"], judge.benchmark)
    votes = read_votes_named(options["votes"], classes, None)
    gold, gold_votes = None, None
    if options["gold"] is not None:
        gold = read_gold_named(options["gold"], classes)
        warn_of_unasked_gold(gold, votes.questions, "the questions of the votes")
    if options["gold_votes"] is not None:
        gold_votes = read_votes_named(options["gold_votes"], classes, None)
    posterior = _posterior(votes, gold, gold_votes, options)
    return _Inputs(predictions, judge.labels, votes, posterior, gold, gold_votes)


def _of_study(folder: str, options: dict[str, Any]) -> _Inputs:
    from reassess.analysis.soft_labels import usable_gold
    from reassess.study import collect, open_study

    names = ("labels", "votes", "posterior", "gold", "gold_votes")
    given = [name for name in names if options[name] is not None]
    if given:
        raise OptionError(
            f"--{given[0].replace('_', '-')} goes with files of predictions, but {folder!r} is a "
            "study, which has its own. Leave it out."
        )
    found = collect(open_study(folder))
    if len(found.predictions) == 0:
        raise OptionError(f"{folder}: it has no models. Add some: reassess add {folder} NAME=FILE")
    votes = found.votes if found.posterior is not None else None
    posterior = found.posterior if votes is not None else None
    gold = None if votes is None else usable_gold(found.gold, votes.questions)
    return _Inputs(
        list(found.predictions), found.labels, votes, posterior, gold, decided=found.decided
    )


def _posterior(
    votes: "Votes", gold: "Gold | None", gold_votes: "Votes | None", options: dict[str, Any]
) -> "Posterior":
    """The posterior of a file, else what `reassess aggregate` makes of the votes by default."""
    if options["posterior"] is not None:
        from reassess.files import read_posterior

        return read_posterior(options["posterior"])
    from reassess.aggregation import calibrated, dawid_skene

    if gold is None:
        return dawid_skene(votes, pseudocount=options["pseudocount"])
    return calibrated(
        votes,
        gold,
        gold_votes=gold_votes,
        pseudocount=options["pseudocount"],
        min_expert_yes=options["min_expert_yes"],
    )


def _checked_seed(seed: int) -> int:
    if seed < 0:
        raise OptionError(f"the seed is {seed}, but must be 0 or more.")
    return seed


def _as_json(
    found: "UncertainScores", moved: "Sensitivity | None", columns: dict[str, Any]
) -> dict[str, object]:
    from reassess.analysis.uncertainty import count_decisions

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
        "models": rows_of(columns),
        "adjacent": [dataclasses.asdict(one) for one in adjacent],
        "thresholds": thresholds,
    }
