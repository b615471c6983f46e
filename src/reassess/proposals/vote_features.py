"""The models' votes for a pair, as features to learn from.

A model that ranks a class r-th gives it 1 / r votes. A model counts the more, the more often its
top prediction is the class with the most votes. Besides a pair's own votes there are those of its
image: how far the models agree there, which class they favour, how they rank the original label.

Uses no truth: the same numbers before and after anything was rated. Letters: N images, M
models, P pairs, F features, A anchors.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from reassess.proposals.model_votes import DEPTH, NOT_LISTED, ModelVotes

N_FAVOURED = 5
"""How many of an image's classes, those with the most votes, co-occurrence is looked up for."""

OF_THE_PAIR = [0, 5, 6, 8, 9, 11, 13, 14]
"""Features of the pair alone, which carry over to images unlike those with known truth."""

_SHARPNESS = 4  # a model that agrees half as often has a sixteenth of the weight
_BLOCK_PAIRS = 200_000  # at once, to bound memory


@dataclass(frozen=True, slots=True)
class VoteFeatures:
    """Features of pairs that need no truth, and the classes that stand for an image.

    Attributes:
        values: the features.
        anchors: of each image its original label, then the classes with the most votes;
            -1 where there are fewer.
        anchor_weight: the share of the image's votes that each anchor has.
    """

    values: Float32[np.ndarray, "P F"]
    anchors: Int[np.ndarray, "N A"]
    anchor_weight: Float32[np.ndarray, "N A"]


def weighted_votes(
    model_votes: ModelVotes, weight: Float[np.ndarray, "M"], *, only_top: bool = False
) -> Float[np.ndarray, "P"]:
    """Weighted votes for each pair: 1 / r of a model that ranks it r-th, r from 1.

    Args:
        model_votes: the pool.
        weight: what each model counts.
        only_top: count top predictions only.
    """
    votes = 1.0 / (1.0 + np.arange(NOT_LISTED + 1))
    votes[1 if only_top else NOT_LISTED :] = 0.0
    total = np.empty(len(model_votes))
    for start in range(0, len(model_votes), _BLOCK_PAIRS):
        part = slice(start, start + _BLOCK_PAIRS)
        total[part] = votes[model_votes.rank[part]] @ weight
    return total


def rank_within_image(
    image: Int[np.ndarray, "P"], score: Float[np.ndarray, "P"]
) -> tuple[Int[np.ndarray, "P"], Int[np.ndarray, "P"]]:
    """Each pair's place among its image's pairs, the highest score first, and that order."""
    order = np.lexsort((-score, image))
    place = np.empty(len(image), np.int64)
    counts = np.bincount(image)
    place[order] = np.arange(len(image)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place, order


def vote_features(model_votes: ModelVotes) -> VoteFeatures:
    """Features of every pair of the pool that need no truth."""
    image, label = model_votes.pairs.image, model_votes.pairs.label
    n_images, n_models = len(model_votes.original_label), len(model_votes.models)
    named = model_votes.named
    even = np.full(n_models, 1.0 / n_models)
    plain = weighted_votes(model_votes, even)
    _, order = rank_within_image(image, np.where(named, plain, -1))
    start = np.searchsorted(image, np.arange(n_images))
    weight = _weights(model_votes, order[start])
    votes = weighted_votes(model_votes, weight)
    # Co-occurring classes come last, so that nothing depends on whether they were added.
    place, order = rank_within_image(image, np.where(named, votes, -1))
    share = votes / np.bincount(image, weights=votes, minlength=n_images)[image]
    favoured, favoured_share = _favoured(np.where(named, label, -1)[order], share[order], start)
    own = np.flatnonzero(model_votes.original)
    top_votes = weighted_votes(model_votes, even, only_top=True)
    best = votes[order[start]][image]
    columns = [
        *_counts(model_votes),
        plain,
        votes,
        top_votes,
        weighted_votes(model_votes, weight, only_top=True),
        *model_votes.confidence.T,
        model_votes.original,
        place,
        share,
        votes / best,
        *_of_image(model_votes, share, top_votes)[:, image],
        best,
        *favoured_share[:, 1:3].T[:, image],
        # How the models rank the original label.
        *(one[own][image] for one in (votes, place, top_votes, model_votes.confidence[:, 0])),
        (label[own] == favoured[:, 0])[image],
    ]
    return VoteFeatures(
        values=np.stack([np.asarray(one, np.float32) for one in columns], axis=1),
        anchors=np.column_stack([model_votes.original_label, favoured]),
        anchor_weight=np.column_stack([share[own], favoured_share]).astype(np.float32),
    )


def _weights(model_votes: ModelVotes, favourite: Int[np.ndarray, "N"]) -> Float[np.ndarray, "M"]:
    """What models count, from how often their top prediction has the most votes.

    Args:
        model_votes: the pool.
        favourite: of each image the pair with the most votes.
    """
    agreement = (model_votes.rank[favourite] == 0).mean(axis=0) + 1 / len(favourite)
    sharpened = agreement**_SHARPNESS
    weight: Float[np.ndarray, "M"] = sharpened / sharpened.sum()
    return weight


def _counts(model_votes: ModelVotes) -> Float32[np.ndarray, "D P"]:
    """The share of the models that rank a pair first, among the first two, and so on."""
    share = np.empty((DEPTH, len(model_votes)), np.float32)
    for start in range(0, len(model_votes), _BLOCK_PAIRS):
        part = slice(start, start + _BLOCK_PAIRS)
        for depth in range(DEPTH):
            share[depth, part] = (model_votes.rank[part] <= depth).mean(axis=1)
    return share


def _favoured(
    label: Int[np.ndarray, "P"], share: Float[np.ndarray, "P"], start: Int[np.ndarray, "N"]
) -> tuple[Int[np.ndarray, "N A"], Float[np.ndarray, "N A"]]:
    """The classes with the most votes of each image, and their shares.

    Args:
        label: the class of each pair in the order of their places; -1 for pairs that
            co-occurrence added.
        share: its share of its image's votes.
        start: where each image's pairs begin.
    """
    n = len(label)
    end = np.append(start[1:], n)
    at = start[:, None] + np.arange(N_FAVOURED)
    there: Bool[np.ndarray, "N A"] = at < end[:, None]
    at = np.minimum(at, n - 1)
    return np.where(there, label[at], -1), np.where(there, share[at], 0.0)


def _of_image(
    model_votes: ModelVotes, share: Float[np.ndarray, "P"], top_votes: Float[np.ndarray, "P"]
) -> Float[np.ndarray, "3 N"]:
    """Entropy of the votes, number of listed classes and of distinct top predictions."""
    image = model_votes.pairs.image
    n_images = len(model_votes.original_label)
    terms = -share * np.log(np.maximum(share, 1e-300))
    return np.stack(
        [
            np.bincount(image, weights=terms, minlength=n_images),
            np.bincount(image, weights=model_votes.listed, minlength=n_images),
            np.bincount(image, weights=top_votes > 0, minlength=n_images),
        ]
    )
