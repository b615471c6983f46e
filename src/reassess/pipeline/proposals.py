"""From predictions to questions: which pairs to ask about, and in which tasks.

What has been answered stays as it is: a model, images or classes that come later only add
questions. An image that nobody has answered anything about is split into tasks afresh.

Letters: Q questions.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from reassess.aggregation import dawid_skene
from reassess.engines import Engine
from reassess.errors import OptionError
from reassess.pipeline.audits import wanted_pairs
from reassess.pipeline.stage import Made, Models
from reassess.progress import Progress, null_progress
from reassess.proposals import (
    RULES,
    ProposalInputs,
    ProposalResult,
    ProposeOptions,
    apply_rule,
    split_into_tasks,
)
from reassess.proposals.audits import audited_questions
from reassess.records import (
    Audit,
    Benchmark,
    Gold,
    Hierarchy,
    Pairs,
    Proposals,
    Questions,
    Tasks,
    Votes,
)


@dataclass(frozen=True, slots=True)
class ProposalDetails:
    """How proposals came about.

    Attributes:
        result: what the rule says of them.
        n_resumed: scans of full scores that were finished before.
    """

    result: ProposalResult
    n_resumed: int


def make_proposals(
    *,
    models: Models,
    benchmark: Benchmark,
    gold: Gold | None = None,
    votes: Votes | None = None,
    options: ProposeOptions,
    engine: Engine,
    progress: Progress = null_progress,
) -> Made[Proposals]:
    """The pairs worth asking about, by the rule of the options.

    Args:
        models: what they predict for every image.
        benchmark: the images and their original labels.
        gold: questions whose truth experts fixed: to choose models by, or to learn from.
        votes: votes to learn from, aggregated by the model of Dawid and Skene.
        options: how to propose.
        engine: where full scores are scanned.
        progress: told of each model.

    Raises:
        OptionError: there is no model, or the rule lacks what it needs.
        DataError: an input is not what it must be.
        AlignmentError: a model, gold or votes are about other images.
    """
    if not models.names:
        raise OptionError("there are 0 models, but there must be at least one. Add some.")
    rule = RULES[options.rule]
    learns = rule.uses_posterior and votes is not None
    votes = None if votes is None else votes.numbered_by(benchmark.classes)
    gold = None if gold is None else gold.numbered_by(benchmark.classes)
    scans = models.scans(engine)
    result = apply_rule(
        ProposalInputs(
            models.opened(progress) if rule.depth is None else models.ranked(rule.depth, progress),
            benchmark,
            options,
            gold=gold,
            posterior=dawid_skene(votes) if learns and votes is not None else None,
            engine=scans if rule.depth is None else engine,
            progress=progress,
        )
    )
    scans.finish()
    pairs = result.proposals.pairs.numbered_by(benchmark.classes, source="proposals")
    return Made(
        replace(result.proposals, pairs=pairs),
        f"{len(result.proposals):,} proposals",
        ProposalDetails(result, scans.n_resumed),
    )


@dataclass(frozen=True, slots=True)
class TaskDetails:
    """What changed in the questions.

    Attributes:
        new: for each question whether it was not asked before.
        answered: for each question whether it has a vote.
    """

    new: Bool[np.ndarray, "Q"]
    answered: Bool[np.ndarray, "Q"]


def make_tasks(
    *,
    proposals: Proposals,
    benchmark: Benchmark,
    audit: Audit | None = None,
    hierarchy: Hierarchy | None = None,
    remarks: Pairs | None = None,
    votes: Votes | None = None,
    tasks: Tasks | None = None,
    options: ProposeOptions,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Made[Tasks]:
    """The questions about proposals, those of one image that are alike in one task.

    Images with an answer keep the tasks that they had, less questions that are neither
    answered nor proposed any more; what is proposed beyond that makes further tasks.

    Args:
        proposals: the pairs worth asking about.
        benchmark: the images.
        audit: what was drawn to be asked about beyond that.
        hierarchy: which class is a kind of which; None where that is not known.
        remarks: pairs that raters named in their own words, asked about as proposals are.
        votes: what was answered so far.
        tasks: the tasks before.
        options: how many questions a task holds.
        engine: not used: the work is small.
        progress: told when it begins.

    Raises:
        DataError: there is nothing to ask, or votes are about no pairs.
        AlignmentError: votes or tasks are about unknown images.
    """
    del engine
    progress("splitting into tasks")
    ids = benchmark.image_ids
    wanted = wanted_pairs(proposals, benchmark)
    if audit is not None and audit.strata:
        every = proposals.pairs.numbered_by(benchmark.classes, source="proposals")
        every = every.aligned_to(ids, source="proposals")
        drawn = audited_questions(audit.numbered_by(benchmark.classes).aligned_to(ids), every)
        wanted = Pairs.concatenate([wanted, drawn.take(~drawn.is_in(wanted))])
    if remarks is not None:
        named = remarks.aligned_to(ids, source="remarks")
        wanted = Pairs.concatenate([wanted, named.take(~named.is_in(wanted))])
    old, old_task = Pairs.empty(ids), np.empty(0, np.int64)
    if tasks is not None:
        old, old_task = tasks.pairs.aligned_to(ids, source="tasks"), tasks.task
    asked = Pairs.empty(ids)
    if votes is not None:
        asked = votes.questions.require_pairs("votes").aligned_to(ids, source="votes")
    touched = np.zeros(len(ids), dtype=bool)
    touched[asked.image] = True
    kept = touched[old.image] & (old.is_in(asked) | old.is_in(wanted))
    was_asked, was_wanted = wanted.is_in(asked), wanted.is_in(old)
    # Answered, but in no task that is there: the votes came from elsewhere.
    elsewhere = was_asked & ~was_wanted
    fresh = ~elsewhere & (~touched[wanted.image] | ~was_wanted)
    _, number = np.unique(old_task[kept], return_inverse=True)
    parts, numbers = [old.take(kept)], [number]
    for chosen in (elsewhere, fresh):
        part = wanted.take(chosen)
        split = split_into_tasks(
            Questions.from_pairs(part), per_task=options.per_task, hierarchy=hierarchy
        )
        numbers.append(split.task + 1 + max(int(one.max(initial=-1)) for one in numbers))
        parts.append(part)
    pairs = Pairs.concatenate(parts)
    made = Tasks(Questions.from_pairs(pairs), np.concatenate(numbers))
    answered = pairs.is_in(asked)
    details = TaskDetails(~answered & ~pairs.is_in(old), answered)
    return Made(made, f"{len(pairs):,} questions in {made.n_tasks:,} tasks", details)
