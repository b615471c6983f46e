"""Mistakes that people judge: which to draw, and what their answers say of labels and models.

The population are distinct mistakes, an image with a class that at least one model wrongly
predicts, so that a mistake of several models is judged once. Strata are the kind of the mistake
and who makes it: one model alone, or several. From each stratum mistakes are drawn at random
without replacement, so each drawn one stands for as many as its weight (mistakes of the
stratum over those drawn from it); every figure is a ratio of weighted totals, times a count that is
known. Where people disagree and no expert has decided, a mistake is open, and intervals allow for
any label of it (`review_estimates`).

Asks no one (`reassess.study.reviewing` makes the rating study).
Letters: M models, Q mistakes drawn, S strata, m distinct mistakes.

Source: Beyer et al. (2020), section 5 and Figure 7: samples of mistakes, three answers, scaled
to all mistakes; estimators in `reassess.statistics.sampling`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from reassess.analysis.mistakes import MISTAKE_KINDS, Mistakes
from reassess.analysis.review_estimates import JudgedMistakes
from reassess.errors import DataError, OptionError
from reassess.records import (
    LabelSets,
    MistakeReview,
    Pairs,
    Predictions,
    Votes,
    pair_keys,
)
from reassess.scoring import predicted_rows
from reassess.statistics.sampling import Difference, Estimate

ReviewLabel = Literal["clear mistake", "undecidable", "not a mistake"]
"""What people say of a mistake, in the order of the answers no, maybe and yes to "is the
prediction in the image?"."""

REVIEW_LABELS: tuple[ReviewLabel, ...] = get_args(ReviewLabel)
OPEN = -1
_CLEAR = REVIEW_LABELS.index("clear mistake")
_FEWEST = 2
"""Drawn from each stratum, if it has as many: one alone has no spread."""


@dataclass(frozen=True, slots=True)
class ModelReview:
    """What the review labels say of one model.

    Attributes:
        model: its name.
        n_scored: images with a label.
        n_mistakes: its mistakes under the labels.
        n_decided: of those drawn and decided, how many are its.
        counts: mistakes by review label, scaled to all its mistakes; None where nothing is decided.
        false_negatives: of its predictions that are right, by the labels or by the review
            label, the share that the labels call wrong.
    """

    model: str
    n_scored: int
    n_mistakes: int
    n_decided: int
    counts: dict[ReviewLabel, Estimate] | None
    false_negatives: Estimate | None


@dataclass(frozen=True, slots=True)
class KindReview:
    """What the review labels say of one kind of mistake: shares by review label."""

    kind: str
    n_mistakes: int
    n_decided: int
    shares: dict[ReviewLabel, Estimate] | None


@dataclass(frozen=True, slots=True)
class ClearDifference:
    """By how many clear mistakes a model exceeds another, on the same images."""

    model: str
    other: str
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """What the review labels say.

    Attributes:
        review: what was drawn.
        n_by_label: mistakes drawn, by review label.
        n_open: mistakes drawn on which nothing is decided yet.
        n_disagreed: of them, those that have all their votes.
        n_unseen: distinct mistakes in strata of which nothing is decided yet; intervals of shares
            allow for any review label of them, and no difference of models is given.
        mistakes: shares by review label of all distinct mistakes of the models together.
        false_negatives: of the distinct right predictions of all models, by the labels or by
            the review label, the share that the labels call wrong.
        models: one a model.
        kinds: one a kind that occurs.
        differences: every model less every later one, in clear mistakes.
    """

    review: MistakeReview
    n_by_label: dict[ReviewLabel, int]
    n_open: int
    n_disagreed: int
    n_unseen: int
    mistakes: dict[ReviewLabel, Estimate] | None
    false_negatives: Estimate | None
    models: tuple[ModelReview, ...]
    kinds: tuple[KindReview, ...]
    differences: tuple[ClearDifference, ...]


def draw_review(
    mistakes: Mistakes,
    labels: LabelSets,
    predictions: tuple[Predictions, ...],
    *,
    study: str,
    n_sample: int,
    seed: int,
) -> MistakeReview:
    """A stratified sample of the distinct mistakes of models.

    Every stratum gets at least two, and what is left goes to strata by their size. Where the
    sample is too small for that, strata are who makes the mistake only, and then all is one
    stratum.

    Args:
        mistakes: of the models.
        labels: that they are mistakes under.
        predictions: of the same models.
        study: the name of the study.
        n_sample: mistakes to draw; all where there are no more.
        seed: of the draw.

    Raises:
        DataError: there is no mistake.
        OptionError: the sample is smaller than two.
    """
    if len(mistakes) == 0:
        raise DataError(
            f"{study}: the models make 0 mistakes, but there must be one to review. Name others."
        )
    if n_sample < _FEWEST:
        raise OptionError(f"--sample is {n_sample}, but must be at least {_FEWEST}.")
    n_classes = 1 + int(mistakes.predicted.max())
    key, first, back = np.unique(
        pair_keys(mistakes.image, mistakes.predicted, n_classes),
        return_index=True,
        return_inverse=True,
    )
    made_by = np.zeros((len(key), len(mistakes.models)), np.bool_)
    made_by[back, mistakes.model] = True
    kind = mistakes.kind[first]
    strata, stratum = _strata(kind, made_by, mistakes.models, min(n_sample, len(key)))
    n_population = np.bincount(stratum, minlength=len(strata))
    drawn = _draw(stratum, _allocate(n_population, n_sample), np.random.default_rng(seed))
    image_rows, image = np.unique(mistakes.image[first][drawn], return_inverse=True)
    pairs = Pairs(
        mistakes.image_ids[image_rows], image, mistakes.predicted[first][drawn],
        None if labels.classes is None else labels.classes.ids,
    )  # fmt: skip
    return MistakeReview(
        study=study, models=mistakes.models,
        n_scored=mistakes.n_scored, n_mistakes=mistakes.n_mistakes,
        n_right=_n_right(labels, predictions),
        kinds=MISTAKE_KINDS, n_of_kind=np.bincount(kind, minlength=len(MISTAKE_KINDS)),
        strata=strata, n_population=n_population,
        pairs=pairs, stratum=stratum[drawn], kind=kind[drawn], made_by=made_by[drawn], seed=seed,
    )  # fmt: skip


def review_labels(
    review: MistakeReview, votes: Votes | None, adjudicated: dict[tuple[str, int], int]
) -> tuple[Int[np.ndarray, "Q"], Bool[np.ndarray, "Q"]]:
    """The label of each mistake drawn, a code into `REVIEW_LABELS` or `OPEN`; whether it has votes.

    An adjudication decides; else what more than half of at least two raters say, each by the
    first of their answers.

    Args:
        review: what was drawn.
        votes: answers on its questions; None where there are none yet.
        adjudicated: the expert's answer by (image id, class).

    Raises:
        DataError: a vote is about something that was not drawn.
        AlignmentError: a vote's image fits several.
    """
    counts = np.zeros((len(review), len(REVIEW_LABELS)), np.int64)
    if votes is not None:
        counts = _counts(review, votes)
    total = counts.sum(axis=1)
    decided = (2 * counts.max(axis=1) > total) & (total >= 2)
    review_label = np.where(decided, counts.argmax(axis=1), OPEN)
    images = review.pairs.image_ids[review.pairs.image].tolist()
    for row, pair in enumerate(zip(images, review.pairs.label.tolist(), strict=True)):
        review_label[row] = adjudicated.get(pair, review_label[row])
    return review_label, total >= 2


def review_result(
    review: MistakeReview,
    review_label: Int[np.ndarray, "Q"],
    voted: Bool[np.ndarray, "Q"],
    confidence: float = 0.95,
) -> ReviewResult:
    """What the labels of a review say of labels and models.

    Args:
        review: what was drawn.
        review_label: on each mistake drawn, a code into `REVIEW_LABELS` or `OPEN`.
        voted: whether each has its votes, so that an open one is a disagreement.
        confidence: of the intervals.
    """
    known = review_label != OPEN
    reached = known | voted
    judged = JudgedMistakes(
        review_label[reached], ~known[reached], review.stratum[reached], review.n_population,
        confidence,
    )  # fmt: skip
    given = review_label[known]

    def shares(group: Bool[np.ndarray, "n"], n_group: int) -> dict[ReviewLabel, Estimate] | None:
        found = {
            name: judged.share(code, group, n_group) for code, name in enumerate(REVIEW_LABELS)
        }
        whole = {name: one for name, one in found.items() if one is not None}
        return whole if len(whole) == len(REVIEW_LABELS) else None

    n_all = int(review.n_population.sum())
    together = shares(np.ones(int(reached.sum()), np.bool_), n_all)
    made_by, is_known = review.made_by[reached], known[reached]
    models = []
    for m, name in enumerate(review.models):
        n_mistakes, n_scored = int(review.n_mistakes[m]), int(review.n_scored[m])
        found = shares(made_by[:, m], n_mistakes)
        models.append(
            ModelReview(
                name, n_scored, n_mistakes, int((made_by[:, m] & is_known).sum()),
                None if found is None else {k: e.times(n_mistakes) for k, e in found.items()},
                _false_negatives(found, n_mistakes, n_scored - n_mistakes),
            )
        )  # fmt: skip
    kind = review.kind[reached]
    kinds = [
        KindReview(name, n, int(((kind == k) & is_known).sum()), shares(kind == k, n))
        for k, (name, n) in enumerate(zip(review.kinds, review.n_of_kind.tolist(), strict=True))
        if n
    ]
    return ReviewResult(
        review=review,
        n_by_label={name: int((given == code).sum()) for code, name in enumerate(REVIEW_LABELS)},
        n_open=int((~known).sum()),
        n_disagreed=int((~known & voted).sum()),
        n_unseen=judged.decided.n_unseen,
        mistakes=together,
        false_negatives=_false_negatives(together, n_all, review.n_right),
        models=tuple(models),
        kinds=tuple(kinds),
        differences=_differences(review, judged, made_by),
    )


def _strata(
    kind: Int[np.ndarray, "m"],
    made_by: Bool[np.ndarray, "m M"],
    models: tuple[str, ...],
    n_sample: int,
) -> tuple[tuple[str, ...], Int[np.ndarray, "m"]]:
    """Names of the strata, and the stratum of each mistake: the finest that the sample allows."""
    alone = made_by.sum(axis=1) == 1
    who = np.where(alone, made_by.argmax(axis=1), len(models))
    who_names = [*(f"{name} alone" for name in models), "several models"]
    by_kind = [f"{one}, {name}" for one in MISTAKE_KINDS for name in who_names]
    for code, names in ((kind * len(who_names) + who, by_kind), (who, who_names)):
        used, stratum, size = np.unique(code, return_inverse=True, return_counts=True)
        if np.minimum(size, _FEWEST).sum() <= n_sample:
            return tuple(names[c] for c in used.tolist()), stratum
    return ("all mistakes",), np.zeros(len(kind), np.int64)


def _allocate(size: Int[np.ndarray, "S"], n_sample: int) -> Int[np.ndarray, "S"]:
    """How many to draw from each stratum: the least for each, then by size, never above it."""
    drawn: Int[np.ndarray, "S"] = np.minimum(size, _FEWEST)
    left = min(n_sample, int(size.sum())) - int(drawn.sum())
    while left > 0:
        room = size - drawn
        wanted = left * room / room.sum()
        more = np.minimum(np.floor(wanted).astype(np.int64), room)
        if more.sum() == 0:
            first = np.argsort(-np.where(room > 0, wanted, -1), kind="stable")[:left]
            more[first] = 1
        drawn, left = drawn + more, left - int(more.sum())
    return drawn


def _draw(
    stratum: Int[np.ndarray, "m"], n_drawn: Int[np.ndarray, "S"], rng: np.random.Generator
) -> Int[np.ndarray, "Q"]:
    """Rows drawn at random from each stratum, ascending."""
    order = rng.permutation(len(stratum))
    order = order[np.argsort(stratum[order], kind="stable")]
    start = np.searchsorted(stratum[order], np.arange(len(n_drawn)))
    place = np.arange(len(order)) - start[stratum[order]]
    drawn: Int[np.ndarray, "Q"] = np.sort(order[place < n_drawn[stratum[order]]])
    return drawn


def _n_right(labels: LabelSets, predictions: tuple[Predictions, ...]) -> int:
    """Distinct (image, top prediction) of the models that are among the labels."""
    n_keys = 1 + int(labels.indices.max(initial=0))
    keys = []
    for one in predictions:
        row = predicted_rows(one, labels)
        right = labels.contains(row, one.top)
        keys.append(pair_keys(row[right], one.top[right], n_keys))
    return len(np.unique(np.concatenate(keys)))


def _counts(review: MistakeReview, votes: Votes) -> Int[np.ndarray, "Q 3"]:
    """Raters by their first answer on each mistake drawn."""
    if len(votes.answers) != len(REVIEW_LABELS):
        raise DataError("votes: they must answer no, maybe or yes. Give those of the review.")
    at = votes.questions.require_pairs("votes").positions_in(review.pairs, source="votes")
    unknown = np.flatnonzero(at < 0)
    if len(unknown):
        raise DataError(
            f"votes: question {str(votes.questions.ids[unknown[0]])!r} was not drawn for the "
            f"review, but must have been; {len(unknown):,} of {len(at):,} were not. Give the votes "
            "of the review."
        )
    first = np.unique(votes.rater_and_question(), return_index=True)[1]
    cell = at[votes.question[first]] * len(REVIEW_LABELS) + votes.answer[first]
    n_cells = len(review.pairs) * len(REVIEW_LABELS)
    return np.bincount(cell, minlength=n_cells).reshape(-1, len(REVIEW_LABELS))


def _false_negatives(
    shares: dict[ReviewLabel, Estimate] | None, n_mistakes: int, n_right: int
) -> Estimate | None:
    """Of right predictions the share called wrong; rises with the share that is no mistake."""
    if shares is None or n_right + n_mistakes == 0:
        return None

    def rate(share: float) -> float:
        missed = share * n_mistakes
        return missed / (missed + n_right) if missed + n_right else 0.0

    share = shares["not a mistake"]
    return Estimate(rate(share.value), rate(share.low), rate(share.high))


def _differences(
    review: MistakeReview, judged: JudgedMistakes, made_by: Bool[np.ndarray, "n M"]
) -> tuple[ClearDifference, ...]:
    n_models = len(review.models)
    return tuple(
        ClearDifference(
            review.models[a],
            review.models[b],
            judged.difference(
                _CLEAR, made_by[:, a], made_by[:, b], int(review.n_scored[[a, b]].max())
            ),
        )
        for a in range(n_models)
        for b in range(a + 1, n_models)
    )
