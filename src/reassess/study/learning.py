"""What a study learns proposals from, and what it proposes by what it learned.

Letters: N images, P pairs of the pool, Q known pairs.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from reassess.aggregation import dawid_skene
from reassess.errors import DataError, OptionError
from reassess.proposals import (
    NOT_LISTED,
    LearnedProposals,
    MissingLabels,
    collect_model_votes,
    estimate_missing_labels,
    image_per_row,
    learn_proposals,
)
from reassess.records import (
    Benchmark,
    Gold,
    Pairs,
    Proposals,
    Questions,
    Votes,
    check_class_order,
)
from reassess.study.inputs import rank_model
from reassess.study.manifest import Study

RECALL = 0.97
"""Of what the models name, where nobody says how much the learned rule shall find."""

DEPTH = 5
"""Ranked classes of each model that the learned rule looks at."""

OnStep = Callable[[str], None]
"""Called with a line when a step begins or moves on."""


def learned_of(
    study: Study, benchmark: Benchmark, gold: Gold | None, votes: Votes | None, say: OnStep
) -> LearnedProposals:
    """P(valid) of the pairs that the models rank, from votes where there are any, and gold.

    Raises:
        OptionError: there is neither.
        DataError: a model's predictions are not what they must be, or there is too little truth.
    """
    if gold is None and votes is None:
        raise OptionError(
            "--rule learned needs something to learn from: gold questions (--gold FILE) or the "
            "study's votes (votes.csv). Begin with --rule paper."
        )
    ranked = []
    for entry in study.models:
        say(f"reading {entry.name}")
        one = rank_model(study, entry, benchmark, depth=DEPTH)
        image_per_row(one, benchmark)
        check_class_order(one.top, benchmark, f"predictions {one.model!r}")
        ranked.append(one)
    agreed = np.all([one.top == benchmark.original for one in ranked], axis=0)
    known, valid, complete = _truth(benchmark, gold, votes, agreed)
    say("counting who says what")
    evidence = collect_model_votes(ranked, benchmark, depth=DEPTH)
    return learn_proposals(
        evidence,
        known,
        valid,
        complete=complete,
        progress=lambda what, *, done=None, total=None: say(f"{what}: {done} of {total}"),
    )


def _truth(
    benchmark: Benchmark, gold: Gold | None, votes: Votes | None, agreed: Bool[np.ndarray, "N"]
) -> tuple[Pairs, Float[np.ndarray, "Q"], bool]:
    """The pairs that something is known about, P(valid) of each, and whether that is all.

    Gold alone says nothing about other pairs of its images. Votes do, as the labels that are
    released from them do: what was not asked about an image with votes is no label of it, and
    an image without votes on which every model agrees with the original label has that label
    alone. Where gold and votes both know, gold wins.
    """
    if votes is None:
        assert gold is not None  # noqa: S101 -- the caller has one of them
        pairs = _pairs(gold.questions, benchmark, "gold")
        return pairs, gold.share_of_yes(), False
    asked = _pairs(votes.questions, benchmark, "votes")
    valid = dawid_skene(votes).present
    if gold is not None:
        place = _pairs(gold.questions, benchmark, "gold").positions_in(asked)
        valid[place[place >= 0]] = gold.share_of_yes()[place >= 0]
    assert benchmark.original is not None  # noqa: S101 -- read_benchmark always gives labels
    kept = np.setdiff1d(np.flatnonzero(agreed), asked.image)
    judged, row = np.unique(np.concatenate([asked.image, kept]), return_inverse=True)
    label = np.concatenate([asked.label, benchmark.original[kept]])
    pairs = Pairs(benchmark.image_ids[judged], row, label)
    return pairs, np.concatenate([valid, np.ones(len(kept))]), True


def _pairs(questions: Questions, benchmark: Benchmark, source: str) -> Pairs:
    pairs = questions.require_pairs(source)
    return pairs.aligned_to(benchmark.image_ids, source=source, target_name="the study")


def by_probability(study: Study, learned: LearnedProposals) -> tuple[Proposals, float | None]:
    """The proposals at the wanted recall or within the budget, and their expected recall.

    Raises:
        OptionError: the recall is beyond what the pool holds, or the budget too small.
    """
    budget, recall = study.setting("propose", "budget"), study.setting("propose", "recall")
    if budget is None and recall is None:
        recall = RECALL * learned.pool_recall
    proposals = learned.propose(recall=None if recall is None else float(recall), budget=budget)
    return proposals, learned.expected_recall(proposals)


def missing_from_learned(learned: LearnedProposals) -> MissingLabels | None:
    """How many valid labels no model lists, at least; None where the models are too few to tell."""
    listed = learned.model_votes.rank != NOT_LISTED
    for method in ("power-law", "chao2"):
        try:
            return estimate_missing_labels(listed, learned.probability, method=method)
        except (DataError, OptionError):
            continue
    return None
