"""One expert against the other experts, and the crowd beside them on the same questions.

What an expert is worth: each in turn is taken out, and what more than half of the others say is the
truth that they are held to; questions on which the others are tied are left out. The crowd, whose
votes were aggregated, is held to the same truths. So an expert is never part of their own truth,
as `reassess.analysis.agreement` has them in Figure 3, and both are judged by as many experts.

Of a posterior whose confusion was counted on this very gold, what it says of a question without the
gold of that image is taken where it is known.
Letters: Q gold questions, E experts, n images, B resamples.

Source: the F1 score, C. van Rijsbergen (1979), "Information Retrieval", chapter 7.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.analysis.agreement import AgreementPoint
from reassess.errors import OptionError
from reassess.records import ANSWERS, Gold, Posterior, Votes, positions
from reassess.statistics import bootstrap_counts, check_resamples, percentile_interval

FEWEST_EXPERTS = 3
"""One to be held against the others, and two others."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ExpertsBesideCrowd:
    """How an expert and the crowd do against the other experts.

    Attributes:
        experts: each expert against the others.
        crowd: the crowd on the same questions, in the order of the experts.
        n_questions: gold questions that the crowd was asked.
        n_tied: pairs of an expert and a question that are left out, as the others are tied.
        expert_f1: of all experts together, in [0, 1].
        expert_interval: of it, images drawn again; None where none were.
        crowd_f1: of the crowd, over the same pairs.
        crowd_interval: of it; None likewise.
        difference: ``crowd_f1`` less ``expert_f1``.
        difference_interval: of it; None likewise.
        n_votes: votes a question of the crowd's, on average; None where it is unknown.
        confidence: of the intervals.
    """

    experts: tuple[AgreementPoint, ...]
    crowd: tuple[AgreementPoint, ...]
    n_questions: int
    n_tied: int
    expert_f1: float
    expert_interval: Interval | None
    crowd_f1: float
    crowd_interval: Interval | None
    difference: float
    difference_interval: Interval | None
    n_votes: float | None
    confidence: float


def experts_beside_crowd(
    gold: Gold,
    posterior: Posterior,
    threshold: float = 0.5,
    *,
    votes: Votes | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> ExpertsBesideCrowd | None:
    """Each expert against the others, and the crowd beside; None where that cannot be.

    It cannot with fewer than three experts, or where nothing that the crowd was asked holds.

    Args:
        gold: what the experts say; only a yes counts as present.
        posterior: what the crowd says, with the states absent and present.
        threshold: the crowd says present where its posterior is at least this.
        votes: what the crowd's posterior was made of, to say how many votes a question had.
        n_resamples: B, of images; 0 leaves intervals out.
        confidence: of the intervals.
        rng: where randomness comes from.

    Raises:
        OptionError: the threshold is not inside (0, 1), or the resamples are too few.
    """
    if not 0 < threshold < 1:
        raise OptionError(f"the threshold is {threshold}, but must lie inside (0, 1). Give 0.5.")
    if n_resamples != 0:
        check_resamples(n_resamples, confidence)
    row = gold.questions.rows_in(posterior.questions, source="gold")
    known = np.flatnonzero(row >= 0)
    given, says_yes = (of_experts[known] for of_experts in _answers(gold))
    if given.shape[1] < FEWEST_EXPERTS or len(known) == 0:
        return None
    others, others_yes = (x.sum(axis=1, keepdims=True) - x for x in (given, says_yes))
    judged = (given > 0) & (others >= FEWEST_EXPERTS - 1)
    tied = judged & (2 * others_yes == others)
    judged &= ~tied
    truth = judged & (2 * others_yes > others)
    present = _unseen_present(posterior, row[known], gold.questions.ids[known])
    crowd = np.repeat((present >= threshold)[:, None], given.shape[1], axis=1)
    by_expert, by_crowd = (_counts(called & judged, truth) for called in (says_yes > 0, crowd))
    if not truth.any():
        return None
    image = _images(gold)[known]
    ends: tuple[Interval | None, ...] = (None, None, None)
    if n_resamples:
        ends = _intervals(by_expert, by_crowd, image, n_resamples, confidence, rng)
    expert_f1, crowd_f1 = (float(_f1(one.sum(axis=(0, 1)))) for one in (by_expert, by_crowd))
    names = [str(name) for name in gold.votes.rater_ids]
    return ExpertsBesideCrowd(
        experts=_points(names, by_expert),
        crowd=_points(names, by_crowd),
        n_questions=len(known),
        n_tied=int(tied.sum()),
        expert_f1=expert_f1,
        expert_interval=ends[0],
        crowd_f1=crowd_f1,
        crowd_interval=ends[1],
        difference=crowd_f1 - expert_f1,
        difference_interval=ends[2],
        n_votes=None if votes is None else _votes_a_question(votes, gold),
        confidence=confidence,
    )


def _unseen_present(
    posterior: Posterior, row: Int[np.ndarray, "Q"], ids: Shaped[np.ndarray, "Q"]
) -> Float[np.ndarray, "Q"]:
    """P(present) of each gold question, as it is without the gold of its image where known."""
    present: Float[np.ndarray, "Q"] = posterior.present[row]
    if posterior.held_out is None or posterior.gold_ids is None:
        return present
    entered = positions(ids, posterior.gold_ids, source="gold")
    unseen = np.exp(posterior.held_out[np.maximum(entered, 0), 1])
    taken: Float[np.ndarray, "Q"] = np.where((entered >= 0) & np.isfinite(unseen), unseen, present)
    return taken


def _answers(gold: Gold) -> tuple[Int[np.ndarray, "Q E"], Int[np.ndarray, "Q E"]]:
    """Whether each expert answered each question, and whether with yes, by their first answer."""
    votes = gold.votes
    _, first = np.unique(votes.rater_and_question(), return_index=True)
    given = np.zeros((len(votes.questions), len(votes.rater_ids)), np.int64)
    says_yes = given.copy()
    given[votes.question[first], votes.rater[first]] = 1
    yes = votes.answer[first] == ANSWERS.index("yes")
    says_yes[votes.question[first], votes.rater[first]] = yes
    return given, says_yes


def _votes_a_question(votes: Votes, gold: Gold) -> float | None:
    """Votes on the gold questions, over how many of these have any."""
    row = votes.questions.rows_in(gold.questions, source="votes")
    n_votes = int((row[votes.question] >= 0).sum())
    return n_votes / int((row >= 0).sum()) if n_votes else None


def _images(gold: Gold) -> Int[np.ndarray, "Q"]:
    """The image of each gold question; the question itself where it is about none."""
    pairs = gold.questions.pairs
    return np.arange(len(gold.questions)) if pairs is None else pairs.image.astype(np.int64)


def _counts(
    called: Bool[np.ndarray, "Q E"], truth: Bool[np.ndarray, "Q E"]
) -> Int[np.ndarray, "Q E 3"]:
    """Called rightly, called, and present."""
    return np.stack([called & truth, called, truth], axis=2).astype(np.int64)


def _f1(counts: Float[np.ndarray, "*b 3"] | Int[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b"]:
    called_and_present = counts[..., 1] + counts[..., 2]
    return np.asarray(2 * counts[..., 0] / np.maximum(called_and_present, 1), np.float64)


def _points(names: list[str], counts: Int[np.ndarray, "Q E 3"]) -> tuple[AgreementPoint, ...]:
    totals = counts.sum(axis=0).tolist()
    return tuple(AgreementPoint(name, *one) for name, one in zip(names, totals, strict=True))


def _intervals(
    by_expert: Int[np.ndarray, "Q E 3"],
    by_crowd: Int[np.ndarray, "Q E 3"],
    image: Int[np.ndarray, "Q"],
    n_resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[Interval, Interval, Interval]:
    """Percentile intervals of both F1 and of their difference, images drawn again."""
    _, place = np.unique(image, return_inverse=True)
    n_images = int(place.max()) + 1
    drawn = bootstrap_counts(n_images, n_resamples, rng).astype(np.float64)
    scores, values = [], []
    for counts in (by_expert, by_crowd):
        of_image = np.zeros((n_images, 3))
        np.add.at(of_image, place, counts.sum(axis=1))
        scores.append(_f1(drawn @ of_image))
        values.append(float(_f1(of_image.sum(axis=0))))
    expert, crowd = scores
    ends = [
        percentile_interval(draws, confidence, value=value)
        for draws, value in (
            (expert, values[0]), (crowd, values[1]), (crowd - expert, values[1] - values[0])
        )
    ]  # fmt: skip
    return ends[0], ends[1], ends[2]
