"""What the learned rule is worth after so many images whose truth is known.

The rule is as good as what it learned from: a few hundred images make it no better than the paper's
rule, many thousand halve the cost. Before questions cost anything, the images with known truth tell
by themselves where a study stands: the rule learns from a part of them, others judge it. Each point
learns from more images than the last; the last is the rule itself, cross-fitted.

Letters: P pairs, Q known pairs, N images.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.engines import Engine
from reassess.errors import DataError
from reassess.progress import Progress, null_progress
from reassess.proposals.learned import LearnedProposals, learn_proposals
from reassess.proposals.model_votes import ModelVotes
from reassess.records import Pairs, find_keys, pair_keys, positions

SIZES = (100, 300, 1_000, 3_000)
"""Images that the rule learns from at each point; the last point has all that there are."""

MOST_JUDGES = 2_000
"""Images that judge a point: recall is then known to a standard error of about half a percent."""

_LEAST_STEP = 1.5  # sizes nearer to all images than this tell nothing new


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """The rule after some images.

    Attributes:
        n_images: images with known truth that it learned from.
        recall: share of the known valid labels of other images that are proposed, in [0, 1], at
            the curve's pairs an image.
        pairs_per_image: pairs an image that reach the curve's recall; None where the pool does not
            hold it.
    """

    n_images: int
    recall: float
    pairs_per_image: float | None


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The rule after ever more images.

    Attributes:
        points: from few images to all that are known.
        pairs_per_image: the cost at which each point's recall stands.
        recall: the recall at which each point's cost stands.
    """

    points: tuple[LearningPoint, ...]
    pairs_per_image: float
    recall: float


def learning_curve(
    model_votes: ModelVotes,
    known: Pairs,
    valid: Float[np.ndarray, "Q"],
    learned: LearnedProposals,
    *,
    pairs_per_image: float,
    recall: float,
    complete: bool = False,
    sizes: tuple[int, ...] = SIZES,
    seed: int = 0,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> LearningCurve:
    """What the rule would find and cost after fewer images, judged by images it did not see.

    Args:
        model_votes: the pool that was learned from.
        known: pairs whose truth is known.
        valid: P(valid) of each.
        learned: what was learned from all of them: the last point.
        pairs_per_image: cost at which recall is stated.
        recall: at which cost is stated, in (0, 1].
        complete: as `learn_proposals` takes it.
        sizes: images that points learn from, ascending.
        seed: of the choice of images.
        engine: as `learn_proposals` takes it.
        progress: shown each point.
    """
    n_classes = 1 + max(model_votes.n_classes, int(known.label.max(initial=0)))
    row = positions(known.image_ids, model_votes.pairs.image_ids, source="truth")[known.image]
    truth = _Truth(pair_keys(row, known.label, n_classes), row, valid, n_classes)
    judges = learned.fold >= 0
    last = _point(learned, truth, judges, pairs_per_image, recall)
    n_known, n_folds = int(judges.sum()), int(learned.fold.max()) + 1
    last = replace(last, n_images=round(n_known * (n_folds - 1) / n_folds))
    order = np.random.default_rng(seed).permutation(np.flatnonzero(judges))
    used = [size for size in sizes if size * _LEAST_STEP <= last.n_images]
    points: list[LearningPoint] = []
    for size in used:
        progress("learning curve", done=len(points), total=len(used))
        taught, judging = order[:size], order[max(used[-1], n_known - MOST_JUDGES) :]
        point = _learned_from(
            model_votes, truth, taught, judging, complete, seed, engine, (pairs_per_image, recall)
        )
        if point is not None:
            points.append(point)
    return LearningCurve((*points, last), pairs_per_image, recall)


@dataclass(frozen=True, slots=True)
class _Truth:
    """The known pairs by the rows of the pool's images."""

    key: Int[np.ndarray, "Q"]
    image: Int[np.ndarray, "Q"]
    valid: Float[np.ndarray, "Q"]
    n_classes: int


def _learned_from(
    model_votes: ModelVotes,
    truth: _Truth,
    taught: Int[np.ndarray, "n"],
    judging: Int[np.ndarray, "m"],
    complete: bool,
    seed: int,
    engine: Engine | None,
    at: tuple[float, float],
) -> LearningPoint | None:
    """A point that learns from some images; None where they are too few to learn from."""
    ids = model_votes.pairs.image_ids
    kept = np.zeros(len(ids), dtype=bool)
    kept[taught] = kept[judging] = True
    teaches = np.isin(truth.image, taught)
    shown = np.sort(taught)  # one without a valid label teaches, too
    image = np.searchsorted(shown, truth.image[teaches])
    known = Pairs(ids[shown], image, truth.key[teaches] % truth.n_classes)
    try:
        learned = learn_proposals(
            _on_images(model_votes, kept), known, truth.valid[teaches],
            complete=complete, seed=seed, engine=engine,
        )  # fmt: skip
    except DataError:
        return None
    judges = np.zeros(len(ids), dtype=bool)
    judges[judging] = True
    place = np.flatnonzero(kept)
    point = _point(learned, truth, judges, *at, rows=place)
    return replace(point, n_images=len(taught))


def _point(
    learned: LearnedProposals,
    truth: _Truth,
    judges: Bool[np.ndarray, "N"],
    pairs_per_image: float,
    recall: float,
    *,
    rows: Int[np.ndarray, "n"] | None = None,
) -> LearningPoint:
    """What the judges say of probabilities: the most probable pairs are asked about first.

    Args:
        learned: the probabilities.
        truth: what is known.
        judges: the images that judge, of all.
        pairs_per_image: as in `learning_curve`.
        recall: likewise.
        rows: of each image that was learned about its row among all; None where these are all.
    """
    votes = learned.model_votes
    image = votes.pairs.image if rows is None else rows[votes.pairs.image]
    asked = judges[image]
    # Every original label is proposed, whatever its probability.
    probability = np.where(votes.original, np.inf, learned.probability)[asked]
    order = np.argsort(-probability, kind="stable")
    key = pair_keys(image[asked][order], votes.pairs.label[asked][order], truth.n_classes)
    by_key = np.argsort(truth.key)
    place = find_keys(key, truth.key[by_key])
    found = np.cumsum(np.where(place >= 0, truth.valid[by_key[np.maximum(place, 0)]], 0.0))
    total, n_judges = float(truth.valid[judges[truth.image]].sum()), int(judges.sum())
    share = found / max(total, 1e-12)
    n_pairs = min(round(pairs_per_image * n_judges), len(share))
    needed = int(np.searchsorted(share, recall * (1 - 1e-12)))
    return LearningPoint(
        n_images=0,
        recall=float(min(share[n_pairs - 1], 1.0)) if n_pairs else 0.0,
        pairs_per_image=(needed + 1) / n_judges if needed < len(share) else None,
    )


def _on_images(votes: ModelVotes, kept: Bool[np.ndarray, "N"]) -> ModelVotes:
    """The pool of some images alone."""
    ids, rows = votes.pairs.image_ids, np.flatnonzero(kept[votes.pairs.image])
    image = (np.cumsum(kept) - 1)[votes.pairs.image[rows]]
    return replace(
        votes,
        pairs=Pairs(ids[kept], image, votes.pairs.label[rows]),
        rank=votes.rank[rows],
        confidence=votes.confidence[rows],
        original=votes.original[rows],
        original_label=votes.original_label[kept],
        benchmark_ids=votes.benchmark_ids[np.isin(votes.benchmark_ids, ids[kept])],
    )
