"""The aggregation methods by name: what each needs, does and is called in a paper.

A new method is a function from `AggregationInputs` to a `Posterior` and one `METHODS.register`.
Command line, manifest, studies, `ranks`, the report and the docs take it from here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reassess.aggregation.bcc import bcc_ensemble
from reassess.aggregation.calibration import VirtualRater, calibrated, original_label_rater
from reassess.aggregation.fit_file import FitFile
from reassess.aggregation.identification import FEWEST_RATERS, any_two_raters, n_voting
from reassess.aggregation.methods import dawid_skene, majority
from reassess.aggregation.priors import ENOUGH_GOLD, ConfusionPrior, checked_pseudocount
from reassess.aggregation.reweighting import (
    Refit,
    refit_dawid_skene,
    refit_from_gold,
    refit_majority,
)
from reassess.engines import Engine
from reassess.errors import DataError, OptionError
from reassess.progress import Progress, null_progress
from reassess.records import ANSWERS, Benchmark, Gold, Posterior, Votes
from reassess.registry import Registry, checks_choices

GoldMode = Literal["hold-out", "clamp", "initialise"]


_OF_NO_METHOD = frozenset({"method", "context", "context_without"})
"""Options that mean the same whatever the method is."""


@checks_choices
@dataclass(frozen=True, slots=True)
class AggregateOptions:
    """How votes become a posterior.

    Attributes:
        method: a name of `METHODS`; None lets answers and gold decide (`choose_method`).
        confusion_prior: what raters with few votes are drawn to: the confusion of all raters
            (``pooled``), or every answer alike (``uniform``), as in the paper.
        pseudocount: of the uniform prior: added to every count, as a Dirichlet prior does; 0 or
            more, 1 where None is given. The pooled prior takes none.
        gold_mode: what gold is to Dawid and Skene's model: ``hold-out`` keeps it out of the fit,
            so that it can judge the labels; ``clamp`` holds known truths fixed; ``initialise``
            starts from them.
        min_expert_yes: how many experts must say yes for a gold question to hold; None for more
            than half.
        states: number of true states; None for two with the answers no, maybe, yes, else as
            many as there are answers.
        iterations: where an iterative method stops at the latest.
        tolerance: an iterative method stops when its objective changes by less than this share.
        original_rater: let the original label vote as one more rater.
        original_classes: on questions about these classes only, as "0-397"; None for all.
        original_min_expert_yes: how many experts must say yes for the truth that the original
            label's confusion is counted against; None for more than half.
        context: combine the votes with what models' predictions say of each question, as far as
            gold trusts it; labels then lean on these models, and say so.
        context_without: models or families, with commas between, that the context leaves out, so
            that the labels can judge them; None for none.

    Raises:
        OptionError: a value is out of range, or an option is given that means nothing beside the
            others.
    """

    method: str | None = None
    confusion_prior: ConfusionPrior = "pooled"
    pseudocount: float | None = None
    gold_mode: GoldMode = "hold-out"
    min_expert_yes: int | None = None
    states: int | None = None
    iterations: int = 500
    tolerance: float = 1e-9
    original_rater: bool = False
    original_classes: str | None = None
    original_min_expert_yes: int | None = None
    context: bool = False
    context_without: str | None = None

    def __post_init__(self) -> None:
        if self.method is not None:
            METHODS.checked(self.method, "method")
        checked_pseudocount(self.confusion_prior, self.pseudocount)
        for name, least in (("tolerance", 0.0), ("iterations", 1),
                            ("states", 2), ("min_expert_yes", 1),
                            ("original_min_expert_yes", 1)):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not least <= value < np.inf:
                raise OptionError(f"{name} is {value}, but must be {least:g} or more, and finite.")
        if self.original_classes is not None:
            class_range(self.original_classes)
        for name in ("original_classes", "original_min_expert_yes"):
            if getattr(self, name) is not None and not self.original_rater:
                raise OptionError(
                    f"{name} is given, but the original label does not vote. Let it "
                    "(original_rater), or leave the option out."
                )
        if self.context_without is not None and not self.context:
            raise OptionError(
                "context_without is given, but there is no context. Ask for one (context), or "
                "leave the option out."
            )

    @property
    def left_out(self) -> tuple[str, ...]:
        """Models and families that the context leaves out."""
        names = (self.context_without or "").split(",")
        return tuple(one.strip() for one in names if one.strip())

    def changed(self) -> tuple[str, ...]:
        """Names of the options that are a method's, and that are not at their default."""
        default = AggregateOptions()
        names = [name for name in self.__dataclass_fields__ if name not in _OF_NO_METHOD]
        return tuple(n for n in names if getattr(self, n) != getattr(default, n))


def class_range(text: str) -> tuple[int, int]:
    """First and last class of "A-B".

    Raises:
        OptionError: the text is no range of class indices.
    """
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if match is None or int(match[1]) > int(match[2]):
        raise OptionError(f"original_classes is {text!r}, but must be two class indices, as 0-397.")
    return int(match[1]), int(match[2])


@dataclass(frozen=True, slots=True)
class AggregationInputs:
    """What an aggregation method may look at.

    Attributes:
        votes: the raters' answers.
        options: how to aggregate.
        gold: questions whose truth experts fixed; None where there are none.
        gold_votes: the raters' answers to gold questions, where they were given in a round of
            their own; None where they are among ``votes``.
        benchmark: images with original labels, for the original label as a rater; None where
            it does not vote.
        earlier: an earlier fit that is brought up to date; None for a fit from the start.
        engine: where passes over the votes run; None for the threads of this process.
        kept: where the state of a long fit is kept; None for nowhere.
        progress: told of each iteration.
    """

    votes: Votes
    options: AggregateOptions
    gold: Gold | None = None
    gold_votes: Votes | None = None
    benchmark: Benchmark | None = None
    earlier: Posterior | None = None
    engine: Engine | None = None
    kept: FitFile | None = None
    progress: Progress = null_progress


@dataclass(frozen=True, slots=True)
class Method:
    """An aggregation method.

    Attributes:
        name: what people type.
        run: makes the posterior, whose ``method`` is this name.
        summary: for the help: a noun phrase.
        sentence: for the methods paragraph of a paper, after "with N votes, ".
        needs_gold: whether it cannot do without gold.
        has_confusion: whether its posterior holds the raters' confusion, which predicts votes.
        options: names of the `AggregateOptions` that mean something to it; others are refused
            where they are given.
        refit: repeats the aggregation under other weights, for bootstraps; None where the
            method has no such repetition, so that intervals leave the labels' uncertainty out.
    """

    name: str
    run: Callable[[AggregationInputs], Posterior]
    summary: str
    sentence: str
    needs_gold: bool = False
    has_confusion: bool = False
    options: frozenset[str] = frozenset()
    refit: Refit | None = None


METHODS: Registry[Method] = Registry("aggregation method")


def _run_majority(inputs: AggregationInputs) -> Posterior:
    return majority(inputs.votes)


def _run_dawid_skene(inputs: AggregationInputs) -> Posterior:
    options = inputs.options
    held_out = options.gold_mode == "hold-out"
    if not held_out and inputs.gold is None:
        raise OptionError(
            f"gold_mode is {options.gold_mode!r}, but there is no gold (--gold FILE)."
        )
    return dawid_skene(
        inputs.votes,
        n_states=options.states,
        confusion_prior=options.confusion_prior,
        pseudocount=options.pseudocount,
        gold=None if held_out else inputs.gold,
        gold_mode="initialise" if options.gold_mode == "initialise" else "clamp",
        min_expert_yes=options.min_expert_yes,
        max_iterations=options.iterations,
        tolerance=options.tolerance,
        earlier=inputs.earlier,
        engine=inputs.engine,
        kept=inputs.kept,
        progress=inputs.progress,
    )


def _run_calibrated(inputs: AggregationInputs) -> Posterior:
    options, gold = inputs.options, inputs.gold
    assert gold is not None  # noqa: S101 -- `aggregate` refuses a method that lacks its gold
    return calibrated(
        inputs.votes,
        gold,
        gold_votes=inputs.gold_votes,
        confusion_prior=options.confusion_prior,
        pseudocount=options.pseudocount,
        min_expert_yes=options.min_expert_yes,
        virtual_raters=_virtual_raters(inputs, gold),
    )


def _virtual_raters(inputs: AggregationInputs, gold: Gold) -> tuple[VirtualRater, ...]:
    options = inputs.options
    if not options.original_rater:
        return ()
    if inputs.benchmark is None:
        raise OptionError(
            "the original label is to vote, but the original labels are unknown "
            "(--original-labels NAME|FILE)."
        )
    first, last = (0, None) if options.original_classes is None else class_range(
        options.original_classes
    )  # fmt: skip
    return (
        original_label_rater(
            inputs.benchmark,
            inputs.votes.questions,
            gold,
            first_class=first,
            last_class=last,
            min_expert_yes=options.original_min_expert_yes,
        ),
    )


def _run_bcc_ensemble(inputs: AggregationInputs) -> Posterior:
    return bcc_ensemble(
        inputs.votes, max_iterations=inputs.options.iterations, progress=inputs.progress
    )


METHODS.register(
    Method(
        "majority",
        _run_majority,
        summary="shares of votes, a maybe counting one half",
        sentence="aggregated by their mean, a maybe counting one half",
        refit=refit_majority,
    )
)
METHODS.register(
    Method(
        "dawid-skene",
        _run_dawid_skene,
        summary="raters' confusion and the truth learned together",
        sentence=(
            "aggregated by the model of Dawid and Skene, which learns each rater's confusion matrix"
            " together with the truth (Dawid and Skene, 1979)"
        ),
        has_confusion=True,
        options=frozenset(
            {
                "confusion_prior",
                "pseudocount",
                "gold_mode",
                "min_expert_yes",
                "states",
                "iterations",
                "tolerance",
            }
        ),
        refit=refit_dawid_skene,
    )
)
METHODS.register(
    Method(
        "calibrated",
        _run_calibrated,
        summary="raters' confusion counted on gold, the published recipe",
        sentence=(
            "aggregated with each rater's confusion matrix as counted on gold questions (Dawid and"
            " Skene, 1979; Beyer et al., 2020)"
        ),
        needs_gold=True,
        has_confusion=True,
        options=frozenset({
            "confusion_prior", "pseudocount", "min_expert_yes", "original_rater",
            "original_classes", "original_min_expert_yes",
        }),
        refit=refit_from_gold,
    )
)  # fmt: skip

METHODS.register(
    Method(
        "bcc-ensemble",
        _run_bcc_ensemble,
        summary="mean of vote shares and three Bayesian classifier combinations, where the answers "
        "are the truths",
        sentence=(
            "aggregated by the mean of their shares and of three Bayesian classifier combinations: "
            "each rater's confusion drawn to that of all raters (Kim and Ghahramani, 2012), the "
            "same with three subtypes of each truth, and three subtypes under a fixed prior (Li et "
            "al., 2019)"
        ),
        options=frozenset({"iterations"}),
    )
)

SHARE_OF_VOTES = 0.8
"""Share of the votes that must come from such raters for gold to calibrate all of them. There the
gain is largest (+3.9 points); below, gold is worth more as what judges the labels, as it cannot do
both."""


def choose_method(
    votes: Votes,
    gold: Gold | None,
    *,
    gold_votes: Votes | None = None,
    min_expert_yes: int | None = None,
) -> tuple[str, str]:
    """The method that answers and gold speak for, and why, in a clause.

    ``bcc-ensemble`` where the answers are the truths. For no, maybe, yes ``calibrated`` where at
    least `SHARE_OF_VOTES` of the votes come from raters with at least `ENOUGH_GOLD` answers to
    gold questions of each truth, else ``dawid-skene``: a mean of models would move what a threshold
    of 0.8 means. ``majority`` where nothing tells who is right: no question has votes of two
    raters, or the answers are the truths and there are two raters alone.

    Args:
        votes: the raters' answers.
        gold: questions whose truth experts fixed; None where there are none.
        gold_votes: the raters' answers to gold questions, where they were given apart.
        min_expert_yes: how many experts must say yes; None for more than half.

    Raises:
        OptionError: ``min_expert_yes`` is below 1.
        DataError: no gold question is among the votes.
    """
    if votes.answers != ANSWERS:
        return _of_truths(votes)
    if gold is None:
        return _without_gold(votes, "no gold is given")
    counted = votes if gold_votes is None else gold_votes
    row = gold.questions.rows_in(counted.questions, source="gold")
    if (row < 0).all():
        raise DataError(
            f"gold: none of its {len(row):,} questions (such as {gold.questions.first_id!r}) is "
            f"among the votes (such as {counted.questions.first_id!r}), but at least one must "
            "be. Write images and classes the same way in both files, or give the raters' gold "
            "votes (--gold-votes)."
        )
    given = counted.votes_on(row[row >= 0])
    truth = gold.truth(min_expert_yes)[row >= 0]
    cell = given.rater * 2 + truth[given.question]
    answered = np.bincount(cell, minlength=2 * len(counted.rater_ids)).reshape(-1, 2).min(axis=1)
    tested = counted.rater_ids[answered >= ENOUGH_GOLD]
    share = float(votes.per_rater()[np.isin(votes.rater_ids, tested)].sum() / len(votes))
    reason = (
        f"{100 * share:.0f}% of the votes come from raters with {ENOUGH_GOLD} or more gold "
        f"answers of each truth, and {100 * SHARE_OF_VOTES:.0f}% must"
    )
    return ("calibrated", reason) if share >= SHARE_OF_VOTES else _without_gold(votes, reason)


def _of_truths(votes: Votes) -> tuple[str, str]:
    """The method for answers that are the truths, and why."""
    reason = "the answers are the truths"
    if not any_two_raters(votes):
        return "majority", f"{reason}, and no question has votes of two raters"
    if n_voting(votes) < FEWEST_RATERS:
        return "majority", f"{reason}, and of two raters who disagree nothing tells who is right"
    return "bcc-ensemble", reason


def _without_gold(votes: Votes, reason: str) -> tuple[str, str]:
    """The method for no, maybe, yes that gold does not calibrate, and why."""
    if any_two_raters(votes):
        return "dawid-skene", reason
    return "majority", f"{reason}, and no question has votes of two raters"
