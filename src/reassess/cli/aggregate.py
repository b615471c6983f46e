"""``reassess aggregate``: votes to posteriors."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from reassess.cli.engine_options import EngineChoice, engine_options
from reassess.cli.options import (
    LiteralChoice,
    RegistryChoice,
    RegistryOption,
    answers_option,
    labels_are_option,
    option,
)
from reassess.cli.output import print_json, progress_bar
from reassess.cli.outputs import OutputFile
from reassess.errors import OptionError
from reassess.notes import note
from reassess.records import Benchmark, Posterior, Votes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reassess.aggregation import AggregateOptions, Method
    from reassess.files.declared_answers import DeclaredAnswers
    from reassess.pipeline import Made
    from reassess.sources import AnsweredQuestions


def _methods() -> "Mapping[str, Method]":
    from reassess.aggregation import METHODS

    return METHODS


def _gold_modes() -> object:
    from reassess.aggregation import GoldMode

    return GoldMode


def _confusion_priors() -> object:
    from reassess.aggregation import ConfusionPrior

    return ConfusionPrior


def _fit_file(output: str) -> Path:
    """Where the state of an unfinished fit is kept."""
    return Path(output).with_suffix(".fit.npz")


@click.command(
    epilog="""\b
Examples:
  reassess aggregate votes.csv -o posterior.npz
  reassess aggregate votes.parquet --gold gold.csv -o posterior.npz
  reassess aggregate votes.csv -o posterior.npz --intervals intervals.csv
  reassess aggregate pets --context pets -o with-context.npz
\b
The published scores, to the last digit:
  reassess aggregate imagenet-votes --gold imagenet-gold --gold-votes imagenet-gold-votes \\
    --original-labels imagenet --original-classes 0-397 --original-min-expert-yes 2 \\
    --confusion-prior uniform -o posterior.npz
"""
)
@click.argument("votes")
@click.option("--gold", metavar="NAME|FILE|STUDY", help="Gold: image,label,expert,answer, or .npz.")
@click.option(
    "--gold-votes",
    metavar="NAME|FILE|STUDY",
    help="The raters' answers to gold questions, where they are in a file of their own.",
)
@click.option(
    "--method",
    cls=RegistryOption,
    type=RegistryChoice(_methods),
    help="How votes are aggregated. {names}.  [default: calibrated where most votes come from "
    "raters with enough gold answers, else dawid-skene; bcc-ensemble where the answers are the "
    "truths]",
)
@option(
    "--states",
    old=("--truths",),
    type=int,
    help="Number of true states.  [default: 2 for no, maybe, yes]",
)
@click.option(
    "--confusion-prior",
    type=LiteralChoice(_confusion_priors),
    default="pooled",
    show_default=True,
    help="What raters with few votes are drawn to: the confusion of all raters, or every answer "
    "alike.",
)
@option(
    "--pseudocount",
    old=("--smoothing",),
    type=float,
    help="Number added to every count under the uniform prior.  [default: 1]",
)
@option(
    "--gold-mode",
    old=("--gold-use",),
    type=LiteralChoice(_gold_modes),
    default="hold-out",
    show_default=True,
    help="dawid-skene: keep gold out of the fit, hold its truth fixed, or start from it.",
)
@option(
    "--min-expert-yes",
    old=("--n-yes",),
    type=int,
    help="Number of experts that must say yes.  [default: more than half]",
)
@option(
    "--original-labels",
    old=("--original",),
    metavar="NAME|FILE|STUDY",
    help="calibrated: original labels, which vote as one more rater.",
)
@click.option(
    "--original-classes", metavar="A-B", help="... on questions about classes A to B only."
)
@option(
    "--original-min-expert-yes",
    old=("--original-n-yes",),
    type=int,
    help="... counted against gold with this many yes.",
)
@click.option(
    "--iterations", type=int, default=500, show_default=True, help="Maximum number of iterations."
)
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    show_default=True,
    help="Stop when the objective changes by less than this share.",
)
@click.option(
    "--context",
    multiple=True,
    metavar="NAME|FILE|STUDY",
    help="Combine the votes with what these models predict, as far as gold trusts it; may be "
    "repeated. Labels then lean on these models, and say so; the votes alone are written beside, "
    "to FILE-votes-only.npz.",
)
@click.option(
    "--context-without",
    metavar="MODELS",
    help="... but leave out these models or families, as resnet,vit, so that the labels can judge "
    "them.",
)
@click.option(
    "--benchmark",
    metavar="NAME|FILE|STUDY",
    help="Original labels of the images, for --context.  [default: those of the study]",
)
@answers_option
@labels_are_option
@click.option("--classes", metavar="FILE", help="Classes, where votes name them by id or name.")
@click.option(
    "--update",
    metavar="FILE",
    help="dawid-skene: a posterior of a part of VOTES, from which the fit starts: after few "
    "further votes few iterations are left.",
)
@click.option(
    "--refit",
    is_flag=True,
    help="... and fit from the start, too: says how far the two are apart, and writes this one.",
)
@click.option(
    "--intervals",
    type=OutputFile(".csv", ".tsv"),
    metavar="FILE",
    help="Also write a table of each question's posterior with its 95% interval.",
)
@engine_options
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputFile(replaces=("posterior",), files=lambda path, _: [_fit_file(str(path))]),
    metavar="FILE",
    help="The posterior, .npz.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def aggregate(
    votes: str,
    gold: str | None,
    gold_votes: str | None,
    method: str | None,
    states: int | None,
    confusion_prior: str,
    pseudocount: float | None,
    gold_mode: str,
    min_expert_yes: int | None,
    original_labels: str | None,
    original_classes: str | None,
    original_min_expert_yes: int | None,
    iterations: int,
    tolerance: float,
    context: tuple[str, ...],
    context_without: str | None,
    benchmark: str | None,
    answers: "DeclaredAnswers | None",
    classes: str | None,
    update: str | None,
    refit: bool,
    intervals: str | None,
    runs_on: EngineChoice,
    output: str,
    as_json: bool,
) -> None:
    """Aggregate VOTES into the posterior probability of each question.

    VOTES is a table `image,label,rater,answer` or `task,worker,label` (CSV, parquet), an export of
    Label Studio, the published dense .npz, a name of the catalogue, or a study.

    Answers that are the truths, such as classes, are aggregated by the mean of several Bayesian
    models. For no, maybe and yes gold calibrates the raters where at least 80% of the votes come
    from raters with 20 or more gold answers of each truth. Elsewhere it stays out of the fit and
    judges the labels.

    A fit of more than a few seconds that was killed goes on when the same command is typed again.
    """
    from reassess import sources
    from reassess.aggregation import FitFile
    from reassess.files import write_posterior
    from reassess.pipeline import AggregateOptions, GivenModels, make_posterior

    if not output.endswith(".npz"):
        raise OptionError(f"the output is {output!r}, but must end in .npz (-o posterior.npz).")
    options = AggregateOptions(
        method=method,
        confusion_prior=confusion_prior,  # type: ignore[arg-type]
        pseudocount=pseudocount,
        gold_mode=gold_mode,  # type: ignore[arg-type]
        min_expert_yes=min_expert_yes,
        states=states,
        iterations=iterations,
        tolerance=tolerance,
        original_rater=original_labels is not None,
        original_classes=original_classes,
        original_min_expert_yes=original_min_expert_yes,
        context=bool(context),
        context_without=context_without,
    )
    earlier = _earlier(update, refit=refit)
    gold = gold or _gold_of_study(votes)
    original, models = None, None
    if original_labels is not None:
        original = sources.benchmark(original_labels, classes=classes)
    if context:
        original = original or _about(benchmark, votes, context, classes)
        models = GivenModels([m for one in context for m in sources.predictions(one, original)])
    elif benchmark is not None:
        raise OptionError("--benchmark is for --context. Give that, too, or leave it out.")
    read = sources.answered_questions(
        votes,
        gold,
        gold_votes,
        classes=sources.class_table(classes, original),
        answers=answers,
    )
    kept = FitFile(_fit_file(output))
    with progress_bar("Fitting") as step, runs_on.start() as running:

        def made_from(start: "Posterior | None") -> "Made[Posterior]":
            return make_posterior(
                votes=read.votes, gold=read.gold, gold_votes=read.gold_votes, benchmark=original,
                models=models, options=options, earlier=start, engine=running, kept=kept,
                progress=step,
            )  # fmt: skip

        made = made_from(earlier)
        if refit:
            updated, made = made.record, made_from(None)
            note(_difference(updated, made.record))
    write_posterior(made.record, output)
    kept.remove()
    if intervals is not None:
        _write_intervals(read, made.record, options, intervals)
    if context:
        _write_votes_only(made.details.votes_only, output)
    if as_json:
        print_json(
            _summary(read.votes, made.record, output)
            | {
                "reason": made.details.reason,
                "calibration": None
                if made.details.calibration is None
                else dataclasses.asdict(made.details.calibration),
                "context": None
                if made.details.context is None
                else {
                    "models": list(made.record.context),
                    **dataclasses.asdict(made.details.context),
                },
            }
        )
        return
    click.echo(f"{made.summary}: {output}")


def _earlier(update: str | None, *, refit: bool) -> Posterior | None:
    """The posterior that is brought up to date, if one is."""
    from reassess.files import read_posterior

    if refit and update is None:
        raise OptionError("--refit is for --update. Give that, too, or leave it out.")
    return None if update is None else read_posterior(update)


def _difference(updated: Posterior, refitted: Posterior) -> str:
    """How far two posteriors of the same questions are apart, for people."""
    apart = np.abs(np.exp(updated.log_probability) - np.exp(refitted.log_probability)).max(axis=1)
    one, other = (np.argmax(each.log_probability, axis=1) for each in (updated, refitted))
    n_updated, n_refitted = (len(each.log_likelihood) - 1 for each in (updated, refitted))
    return (
        f"The update ({n_updated:,} iterations) and the fit from the start ({n_refitted:,}) differ "
        f"by at most {apart.max():.2g} in the probability of a truth, and in the likeliest truth "
        f"of {int((one != other).sum()):,} of {len(apart):,} questions. The fit from the start is "
        "written."
    )


def _about(
    given: str | None, votes: str, context: tuple[str, ...], classes: str | None
) -> "Benchmark":
    """The benchmark that votes and predictions are about."""
    from reassess import sources

    place = given or next((one for one in (votes, *context) if sources.is_study(one)), None)
    if place is None:
        raise OptionError(
            "--context needs the original labels of the images, but neither VOTES nor --context is "
            "a study. Give them: --benchmark labels.csv"
        )
    return sources.benchmark(place, classes=classes)


def _write_intervals(
    read: "AnsweredQuestions", posterior: Posterior, options: "AggregateOptions", path: str
) -> None:
    """The interval of each question's posterior, as a table."""
    from reassess.analysis.posterior_intervals import posterior_intervals
    from reassess.files.tables import write_table

    with progress_bar("Intervals") as step:
        found = posterior_intervals(
            read.votes, posterior, gold=read.gold, gold_votes=read.gold_votes,
            min_expert_yes=options.min_expert_yes, pseudocount=options.pseudocount,
            rng=np.random.default_rng(0), progress=step,
        )  # fmt: skip
    pairs = read.votes.questions.pairs
    asked = {"task": found.questions.ids} if pairs is None else {
        "image": pairs.image_ids[pairs.image], "label": pairs.label
    }  # fmt: skip
    ends = {"probability": found.probability, "low": found.low, "high": found.high}
    write_table(Path(path), {**asked, **ends})


def _write_votes_only(posterior: Posterior, output: str) -> None:
    """The posterior of the votes alone, beside the one with a context."""
    from reassess.files import write_posterior

    beside = output.removesuffix(".npz") + "-votes-only.npz"
    write_posterior(posterior, beside)
    note(f"The posterior of the votes alone, for labels that lean on no model, is {beside}.")


def _gold_of_study(votes: str) -> str | None:
    """The gold of a study whose votes are aggregated, so that `run` and this do the same."""
    from reassess import sources
    from reassess.study import gold_file, open_study

    if not sources.is_study(votes):
        return None
    path = gold_file(open_study(votes), "aggregate")
    if path is not None:
        note(f"Gold of the study: {path}.")
    return None if path is None else str(path)


def _summary(votes: Votes, posterior: Posterior, output: str) -> dict[str, object]:
    iterates = len(posterior.log_likelihood) > 0
    share = posterior.probability.mean(axis=0)
    return {
        "output": output,
        "method": posterior.method,
        "n_votes": len(votes),
        "n_raters": len(votes.rater_ids),
        "n_questions": len(votes.questions),
        "answers": list(votes.answers),
        "states": list(posterior.states),
        "confusion_prior": posterior.confusion_prior,
        "mean_posterior": dict(zip(posterior.states, np.round(share, 6).tolist(), strict=True)),
        "n_iterations": len(posterior.log_likelihood) - 1 if iterates else None,
        "converged": posterior.converged,
        "log_likelihood": posterior.log_likelihood[-1] if iterates else None,
        "votes_sha256": posterior.votes_sha256,
        "gold_sha256": posterior.gold_sha256,
    }
