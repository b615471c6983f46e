"""From votes to labels and scores: the posterior, the operating point, the sets, the accuracies.

One meaning of gold, here for every door: where most votes come from raters with enough gold
answers it calibrates them, else it stays out of the fit and judges the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Shaped

from reassess.aggregation import (
    METHODS,
    AggregateOptions,
    AggregationInputs,
    ContextFit,
    FitFile,
    choose_method,
    identification_notes,
)
from reassess.engines import Engine
from reassess.errors import DataError, OptionError, preview, which_have
from reassess.labels import (
    Calibration,
    LabelOptions,
    calibrate,
    operating_point,
    reassessed_labels,
)
from reassess.notes import note
from reassess.pipeline.context import CONTEXT_DEPTH, add_context
from reassess.pipeline.stage import Made, Models, NoOptions
from reassess.progress import Progress, null_progress
from reassess.records import (
    Audit,
    Benchmark,
    Gold,
    LabelSets,
    ModelScore,
    OperatingPoint,
    Posterior,
    Questions,
    Tasks,
    Votes,
)
from reassess.records.pairs import refuse_other_numbers
from reassess.scoring import score_models

DEPTH = 5
"""Best classes of an image that are read of each model to be scored."""


def make_posterior(
    *,
    votes: Votes,
    gold: Gold | None = None,
    gold_votes: Votes | None = None,
    benchmark: Benchmark | None = None,
    models: Models | None = None,
    options: AggregateOptions,
    earlier: Posterior | None = None,
    engine: Engine | None = None,
    kept: FitFile | None = None,
    progress: Progress = null_progress,
) -> Made[Posterior]:
    """P(truth) of each question, by the method of the options or the one that gold speaks for.

    What speaks against the fit is a note (`reassess.notes`).

    Args:
        votes: the raters' answers.
        gold: questions whose truth experts fixed; None where there are none.
        gold_votes: the raters' answers to gold questions, where they were given apart.
        benchmark: images with original labels, where the original label votes or there is a
            context.
        models: whose predictions are the context; None where there is none.
        options: how to aggregate.
        earlier: a posterior by Dawid and Skene's model of a part of the votes, which is brought up
            to date; None fits from the start.
        engine: where passes over the votes run; None for the threads of this process.
        kept: where the state of a long fit is kept, so that one that was killed goes on.
        progress: told of each iteration.

    Raises:
        OptionError: the method is unknown, needs gold, or does not take an option that is given;
            or gold votes are given without gold.
        DataError: votes and gold do not fit, or number the classes differently.
    """
    if gold_votes is not None and gold is None:
        raise OptionError(
            "gold votes are given, but no gold that says which of them are right (--gold FILE). "
            "Give it too, or leave them out."
        )
    if benchmark is not None:
        votes = votes.numbered_by(benchmark.classes)
    for other, what in ((gold, "gold"), (gold_votes, "gold votes")):
        if other is not None:
            _refuse_other_numbers(other.questions, votes.questions, what)
    if options.method is None:
        name, reason = choose_method(
            votes, gold, gold_votes=gold_votes, min_expert_yes=options.min_expert_yes
        )
    else:
        name, reason = options.method, "as asked for"
    method = METHODS[name]
    if method.needs_gold and gold is None:
        raise OptionError(f"the method {name!r} needs gold (--gold FILE).")
    _check_options(options, name, reason, earlier)
    if gold_votes is not None and options.method is not None and not method.needs_gold:
        raise OptionError(
            f"gold votes are given, but the method {name!r} counts nothing on gold. Leave them "
            "out, or name another method."
        )
    posterior = method.run(
        AggregationInputs(
            votes,
            options,
            gold,
            gold_votes,
            benchmark if options.original_rater or not options.context else None,
            earlier=earlier,
            engine=engine,
            kept=kept,
            progress=progress,
        )
    )
    fit, votes_only = None, posterior
    if options.context:
        posterior, fit = _with_context(
            posterior, models, benchmark, gold, options, engine, progress
        )
    calibration = None
    if gold is not None:
        posterior, calibration = calibrate(posterior, gold, options.min_expert_yes)
        if fit is not None:
            votes_only, _ = calibrate(votes_only, gold, options.min_expert_yes)
    for text in identification_notes(votes, posterior, gold, options.min_expert_yes):
        note(text)
    return Made(
        posterior,
        f"{len(votes):,} votes on {len(votes.questions):,} questions, by {name} ({reason})"
        + _convergence(posterior)
        + _unused_gold(posterior, gold)
        + _context_in_words(posterior, fit)
        + _calibration_in_words(calibration),
        PosteriorDetails(name, reason, calibration, fit, None if fit is None else votes_only),
    )


def _refuse_other_numbers(one: Questions, other: Questions, what: str) -> None:
    """Refuse questions that number the classes otherwise than those they are matched with."""
    if one.pairs is not None and other.pairs is not None:
        refuse_other_numbers(one.pairs, other.pairs, source=what)


@dataclass(frozen=True, slots=True)
class PosteriorDetails:
    """How the method of a posterior was chosen.

    Attributes:
        method: its name.
        reason: why this one, in a clause.
        calibration: how its probabilities were drawn to gold; None where gold did not allow it.
        context: how much votes and context count; None where there is no context.
        votes_only: the posterior without a context, calibrated where gold allows it.
    """

    method: str
    reason: str
    calibration: Calibration | None = None
    context: ContextFit | None = None
    votes_only: Posterior | None = None


def _with_context(
    posterior: Posterior,
    models: Models | None,
    benchmark: Benchmark | None,
    gold: Gold | None,
    options: AggregateOptions,
    engine: Engine | None,
    progress: Progress,
) -> tuple[Posterior, ContextFit]:
    """The posterior of votes and models' predictions together.

    Raises:
        OptionError: models, original labels or gold are missing.
    """
    if models is None or not models.names or benchmark is None or gold is None:
        lacking = {"models": models is None or not models.names, "gold": gold is None,
                   "original labels": benchmark is None}  # fmt: skip
        raise OptionError(
            "a context needs models' predictions, original labels and gold, but what is given "
            f"lacks {' and '.join(name for name, missing in lacking.items() if missing)}. Give "
            "them, or leave the context out."
        )
    made = add_context(
        posterior,
        models.ranked(CONTEXT_DEPTH, progress),
        benchmark,
        gold,
        without=options.left_out,
        min_expert_yes=options.min_expert_yes,
        engine=engine,
        progress=progress,
    )
    return made.posterior, made.fit


def _context_in_words(posterior: Posterior, fit: ContextFit | None) -> str:
    if fit is None:
        return ""
    return (
        f"; combined with what {len(posterior.context):,} models predict (context): cross-fitted "
        f"log-loss on gold {fit.log_loss:.3f}, {fit.log_loss_of_votes:.3f} by votes alone"
    )


def _check_options(
    options: AggregateOptions, name: str, reason: str, earlier: Posterior | None
) -> None:
    """Refuse options, and an earlier posterior, that mean nothing to the method."""
    if earlier is not None and name != "dawid-skene":
        raise OptionError(
            f"a posterior to update is given, but the method is {name} ({reason}), which does not "
            "iterate from one. Leave it out (--update), or name dawid-skene."
        )
    strange = [one for one in options.changed() if one not in METHODS[name].options]
    if strange:
        others = [one.name for one in METHODS.values() if strange[0] in one.options]
        raise OptionError(
            f"{strange[0]} goes with the method {' or '.join(others)}, not with {name} ({reason}). "
            "Leave it out, or name another method."
        )


def _unused_gold(posterior: Posterior, gold: Gold | None) -> str:
    if gold is None or posterior.used_gold:
        return ""
    return "; gold is not used here, but can judge the labels"


def _calibration_in_words(found: Calibration | None) -> str:
    if found is None:
        return ""
    curve = {"platt": "Platt's curve", "isotonic": "an isotonic curve"}[found.curve]
    return (
        f"; beside the raw probabilities calibrated ones, by {curve} on {found.n_gold:,} gold "
        f"questions (calibration error {found.error:.3f}, "
        f"cross-fitted {found.calibrated_error:.3f})"
    )


def _convergence(posterior: Posterior) -> str:
    if posterior.converged is None:
        return ""
    verb = "converged" if posterior.converged else "NOT converged"
    n = len(posterior.log_likelihood) - 1
    return f", {verb} after {n} iterations" if n >= 0 else f", {verb}"


@dataclass(frozen=True, slots=True)
class LabelDetails:
    """How labels came about.

    Attributes:
        posterior: that of the votes, with 1 or 0 where experts decided.
        n_decided: questions that experts decided.
    """

    posterior: Posterior
    n_decided: int


def make_labels(
    *,
    posterior: Posterior,
    benchmark: Benchmark,
    gold: Gold | None = None,
    adjudications: Gold | None = None,
    audit: Audit | None = None,
    models: Models | Sequence[str] = (),
    tasks: Tasks | None = None,
    withdrawn: Sequence[str] | None = None,
    name: str | None = None,
    options: LabelOptions,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Made[LabelSets]:
    """The labels that a posterior gives, with how they were decided.

    The labels name the models whose predictions were asked about and the hash of the votes.
    Images with proposals that have no answer yet are not labelled as if they were rated.

    Args:
        posterior: of questions about (image, class) pairs.
        benchmark: all images, with their original labels.
        gold: to choose the threshold by, and to state precision and recall.
        adjudications: experts' decisions about single questions; they win over votes.
        audit: what was drawn at random to be asked about; it stands with the labels.
        models: the models whose predictions were asked about, or their names; none where that
            is not known.
        tasks: all that was asked; None where that is not known.
        withdrawn: images that were taken out of the study: their questions need no answer, and
            what experts said about them does not count.
        name: how to call the labels; "<benchmark> reassessed" by default.
        options: the rule and its options.
        engine: not used: the work is small.
        progress: not used.

    Raises:
        OptionError: a rule lacks what it needs.
        DataError: a question that must be answered is not, or a decided one has no votes.
        AlignmentError: an image of the posterior is not in the benchmark.
    """
    del engine, progress
    posterior = posterior.numbered_by(benchmark.classes)
    gold = _counting(gold, benchmark, withdrawn or ())
    adjudications = _counting(adjudications, benchmark, withdrawn or ())
    if tasks is not None:
        _check_all_answered(tasks, posterior, withdrawn or (), leave_out=options.only_answered)
    point = operating_point(
        posterior,
        rule=options.rule,
        threshold=options.threshold,
        target=options.target,
        gold=gold,
        min_expert_yes=options.min_expert_yes,
        confidence=options.confidence,
    )
    decided, n_decided = posterior, 0
    if adjudications is not None:
        decided, n_decided = with_adjudications(posterior, adjudications)
    audit = _audit_of(audit, benchmark, withdrawn or ())
    labels = reassessed_labels(decided, benchmark, point, name=name, audit=audit)
    names = models.names if isinstance(models, Models) else tuple(models)
    if names:
        labels = replace(labels, models=names)
    n_unrated = 0 if labels.rated is None else int((~labels.rated).sum())
    summary = (
        f"{len(labels.indices):,} labels on {int((labels.sizes > 0).sum()):,} of {len(labels):,} "
        f"images ({n_unrated:,} unrated keep their original label), posterior at least "
        f"{point.threshold:g}"
    )
    if point.precision is not None and point.recall is not None:
        summary += f" ({worth_on_gold(point)})"
    if n_decided:
        summary += f"; {n_decided:,} questions decided by experts"
    return Made(labels, summary, LabelDetails(decided, n_decided))


def _audit_of(audit: Audit | None, benchmark: Benchmark, withdrawn: Sequence[str]) -> Audit | None:
    """What an audit drew of images that were not withdrawn; None where that is nothing."""
    if audit is None or not audit.strata:
        return None
    audit = audit.numbered_by(benchmark.classes).aligned_to(benchmark.image_ids)
    counts = ~np.isin(benchmark.image_ids, list(withdrawn))
    audit = audit.take(counts[audit.pairs.image])
    return audit if audit.strata else None


def _counting(said: Gold | None, benchmark: Benchmark, withdrawn: Sequence[str]) -> Gold | None:
    """What experts said about images that were not withdrawn; None where that is nothing."""
    if said is None or not len(withdrawn):
        return None if said is None else said.numbered_by(benchmark.classes)
    said = said.numbered_by(benchmark.classes)
    pairs = said.questions.require_pairs("experts' answers")
    counts = ~np.isin(pairs.image_ids, list(withdrawn))[pairs.image]
    kept = counts[said.votes.question]
    return Gold(said.votes.take(kept)) if kept.any() else None


def worth_on_gold(point: OperatingPoint) -> str:
    """Precision and recall on gold with their intervals, and cross-fitted, in a clause."""
    parts = []
    for name in ("precision", "recall"):
        value = getattr(point, name)
        low, high = getattr(point, f"{name}_low"), getattr(point, f"{name}_high")
        ends = "" if low is None else f" [{low:.3f}, {high:.3f}]"
        parts.append("" if value is None else f"{name} {value:.3f}{ends}")
    text = f"{', '.join(parts)} on {point.n_gold:,} gold questions"
    if point.n_gold_images:
        text += f" of {point.n_gold_images:,} images"
    if point.in_sample:
        text += ", in sample"
    if point.cross_fitted_precision is not None and point.cross_fitted_recall is not None:
        text += (
            f"; cross-fitted {point.cross_fitted_precision:.3f} and {point.cross_fitted_recall:.3f}"
        )
    return text


def with_adjudications(posterior: Posterior, adjudications: Gold) -> tuple[Posterior, int]:
    """The posterior with 1 or 0 where experts decided, and for how many questions they did.

    More than half of the experts who decided must say yes, or no; else the votes decide. The
    operating point is chosen before, on what the votes say.

    Args:
        posterior: of the votes.
        adjudications: the experts' decisions.

    Raises:
        DataError: a question that was decided has no votes.
    """
    row = adjudications.questions.rows_in(posterior.questions, source="adjudications")
    unknown = np.flatnonzero(row < 0)
    if len(unknown):
        asked = adjudications.questions.ids
        raise DataError(
            f"adjudications: question {preview(asked[unknown], 1)} has no votes, but must have "
            f"some to be adjudicated; {len(unknown):,} of {len(row):,} have none. Export "
            "adjudications and votes from the same site."
        )
    counts = adjudications.votes.counts()
    share = counts[:, [0, 2]] / counts.sum(axis=1, keepdims=True)
    is_certain = (share > 0.5).any(axis=1)
    log_probability = posterior.log_probability.copy()
    with np.errstate(divide="ignore"):
        log_probability[row[is_certain]] = np.log((share[is_certain] > 0.5).astype(float))
    calibrated = None if posterior.calibrated is None else posterior.calibrated.copy()
    if calibrated is not None:
        calibrated[row[is_certain]] = (share[is_certain, 1] > 0.5).astype(float)
    decided = replace(posterior, log_probability=log_probability, calibrated=calibrated)
    return decided, int(is_certain.sum())


def unanswered(
    tasks: Tasks, answered: Questions, withdrawn: Sequence[str] = ()
) -> tuple[Shaped[np.ndarray, "U"], int]:
    """The questions that have no vote, and how many are asked.

    Args:
        tasks: all that is asked.
        answered: the questions that have votes.
        withdrawn: images that were taken out, whose questions need no answer.
    """
    asked, pairs = tasks.questions, tasks.pairs
    if len(withdrawn):
        stays = ~np.isin(pairs.image_ids, list(withdrawn))
        asked = asked.take(np.flatnonzero(stays[pairs.image]))
    open_ = np.flatnonzero(asked.rows_in(answered, source="tasks") < 0)
    return asked.take(open_).ids, len(asked)


def _check_all_answered(
    tasks: Tasks, posterior: Posterior, withdrawn: Sequence[str], *, leave_out: bool
) -> None:
    """Refuse labels while questions have no vote, unless they are to be left out."""
    open_, n_asked = unanswered(tasks, posterior.questions, withdrawn)
    if not len(open_):
        return
    if leave_out:
        note(
            f"{len(open_):,} of {n_asked:,} questions have no votes and are left out of the "
            "labels; what they ask about is unknown."
        )
        return
    raise DataError(
        f"tasks: {which_have('question', open_, 1)} 0 votes, but must have at least one before "
        f"labels can be released; {len(open_):,} of {n_asked:,} have none. Ask raters for them "
        "(reassess serve, or votes import), or decide labels without them: reassess run STUDY "
        "--only-answered, or only_answered = true under [label] of study.toml."
    )


def make_scores(
    *,
    labels: LabelSets,
    models: Models,
    benchmark: Benchmark,
    options: NoOptions | None = None,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Made[tuple[ModelScore, ...]]:
    """Every accuracy of each model, in the order of the models.

    Args:
        labels: the reassessed labels.
        models: what they predict.
        benchmark: the images, with original labels where they are known.
        options: none.
        engine: not used: the work is small.
        progress: told of each model.

    Raises:
        DataError: classes do not match.
        AlignmentError: images do not match.
    """
    del options, engine
    scores = tuple(score_models(models.ranked(DEPTH, progress), labels, benchmark, subset=True))
    return Made(scores, f"{len(scores):,} models scored")
