"""The models' votes for (image, class) pairs, collected for a rule that learns from them.

The pool holds every class that some model ranks among its first few, and the original label.
Images stand in the order of their ids and models in the order of their names, so that nothing
computed from the votes depends on either's order in the input, down to the last bit. Of scores
only *declared* ones are used: probabilities as they are, logits by their softmax over the
ranked classes; a model without either still gives ranks.

Learns nothing and knows no truth: `learned` does. Letters: N images, M models, P pairs, k
ranked classes an image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int, Shaped, UInt8

from reassess.errors import DataError, OptionError, preview
from reassess.records import Benchmark, Pairs, Predictions, ScoreMatrix, ShortLists

NOT_LISTED = 255
"""The rank of a class that a model does not list."""

DEPTH = 5
"""Ranked classes of each model that are read: of the published labels 0.990 are among some model's
first five (``docs/proposals.md``)."""

_BLOCK_IMAGES = 20_000  # at once, to bound memory
_BLOCK_CELLS = 2**22  # scores ranked at once, to bound memory


@dataclass(frozen=True, slots=True)
class ModelVotes:
    """The pool of pairs and each model's rank of them.

    Attributes:
        pairs: the pool; images in the order of their ids, pairs by image and class.
        models: the M models, by name.
        rank: where a model ranks the pair's class, 0 for its top prediction, `NOT_LISTED`
            where it is not among its first ``depth``.
        confidence: mean and largest probability over the models with declared scores.
        original: whether the pair is the image's original label.
        original_label: each image's original label.
        benchmark_ids: the images in the benchmark's order, in which proposals are returned.
        n_classes: one more than the largest class index.
    """

    pairs: Pairs
    models: tuple[str, ...]
    rank: UInt8[np.ndarray, "P M"]
    confidence: Float32[np.ndarray, "P 2"]
    original: Bool[np.ndarray, "P"]
    original_label: Int[np.ndarray, "N"]
    benchmark_ids: Shaped[np.ndarray, "N"]
    n_classes: int

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def key(self) -> Int[np.ndarray, "P"]:
        """One rising number a pair: image times ``n_classes`` plus class."""
        return self.pairs.keys(self.n_classes)

    @property
    def listed(self) -> Bool[np.ndarray, "P"]:
        """Whether some model lists the pair."""
        found: Bool[np.ndarray, "P"] = (self.rank != NOT_LISTED).any(axis=1)
        return found

    @property
    def named(self) -> Bool[np.ndarray, "P"]:
        """Whether some model or the benchmark names the pair; those by co-occurrence are not."""
        named: Bool[np.ndarray, "P"] = self.listed | self.original
        return named


def collect_model_votes(
    predictions: Sequence[Predictions], benchmark: Benchmark, *, depth: int = DEPTH
) -> ModelVotes:
    """The pool of pairs that models or the benchmark name, with every model's rank of them.

    Args:
        predictions: one record a model, for every image of the benchmark; scores are used
            where their scale is declared.
        benchmark: the images and their original labels.
        depth: how many classes of each model's ranking to look at; fewer where it has fewer.

    Raises:
        OptionError: there is no model, or ``depth`` is not in [1, 255).
        DataError: a model appears more than once, or the benchmark has no labels.
        AlignmentError: a model did not predict every image of the benchmark.
    """
    if not predictions or not 1 <= depth < NOT_LISTED:
        raise OptionError(
            f"there are {len(predictions)} models and the depth is {depth}, but there must be a "
            f"model, and the depth must be in [1, {NOT_LISTED})."
        )
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: the original labels are unknown (--original-labels FILE)."
        )
    models = sorted(predictions, key=lambda one: one.model)
    names = tuple(one.model for one in models)
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(
            f"predictions: model {preview(twice)} appears more than once, but must appear once, "
            "as its votes would count twice. Rename or leave out one of them."
        )
    by_id = np.argsort(benchmark.image_ids)
    image_ids = benchmark.image_ids[by_id]
    original = benchmark.original[by_id]
    aligned = [_first(one.reindex(image_ids), depth) for one in models]
    n_classes = 1 + max(int(original.max()), *(int(one.ranked_classes.max()) for one in aligned))
    starts = range(0, len(image_ids), _BLOCK_IMAGES)
    blocks = [_block(aligned, original, start, n_classes) for start in starts]
    key = np.concatenate([block[0] for block in blocks])
    image, label = np.divmod(key, n_classes)
    return ModelVotes(
        pairs=Pairs(image_ids, image, label),
        models=names,
        rank=np.concatenate([block[1] for block in blocks]),
        confidence=np.concatenate([block[2] for block in blocks]),
        original=label == original[image],
        original_label=original,
        benchmark_ids=benchmark.image_ids,
        n_classes=n_classes,
    )


def best_classes(one: Predictions | ScoreMatrix | ShortLists, depth: int) -> Predictions:
    """A model's ``depth`` best classes of each image; of equal scores the lower class first."""
    if isinstance(one, Predictions) and one.log_sum is None:
        return one
    if isinstance(one, Predictions):  # short lists are read as the full scores that they stand for
        scores = None if one.scores is None else one.scores[:, :depth]
        ranked = one.ranked_classes[:, :depth]
        return replace(one, ranked_classes=ranked, scores=scores, log_sum=None)
    if isinstance(one, ShortLists):
        blocks = list(one.blocks(depth))
        return Predictions(
            one.model,
            one.image_ids[one.image],
            np.concatenate([block.classes for block in blocks]),
            np.concatenate([block.logits for block in blocks]),
            "logit",
            n_classes=one.n_classes,
        )
    n_rows, step = len(one.scores), max(1, _BLOCK_CELLS // one.n_classes)
    orders, best = [], []
    for block in one.blocks(0, n_rows, step):
        order = np.argsort(-block, axis=1, kind="stable")[:, :depth]
        orders.append(order)
        best.append(np.take_along_axis(block, order, axis=1))
    return Predictions(
        one.model,
        one.image_ids[one.image],
        np.concatenate(orders),
        np.concatenate(best),
        one.score_type,
        n_classes=one.n_classes,
    )


def _first(one: Predictions, depth: int) -> Predictions:
    """The first ``depth`` classes of each row, with probabilities where they are known."""
    scores = one.scores if one.score_type is not None else None
    if scores is not None and one.score_type == "logit":
        power = np.exp(scores - scores[:, :1], dtype=np.float64)
        scores = power / power.sum(axis=1, keepdims=True)
    return replace(
        one,
        ranked_classes=one.ranked_classes[:, :depth],
        scores=None if scores is None else scores[:, :depth],
        score_type=None if scores is None else "probability",
        log_sum=None,
    )


def _block(
    models: Sequence[Predictions], original: Int[np.ndarray, "N"], start: int, n_classes: int
) -> tuple[Int[np.ndarray, "b"], UInt8[np.ndarray, "b M"], Float32[np.ndarray, "b 2"]]:
    """Keys, ranks and confidence of the pairs of one block of images."""
    stop = min(start + _BLOCK_IMAGES, len(original))
    first = np.arange(start, stop, dtype=np.int64) * n_classes
    keys = [first[:, None] + one.ranked_classes[start:stop] for one in models]
    named = [first + original[start:stop], *(key.ravel() for key in keys)]
    pool = np.unique(np.concatenate(named))
    rank = np.full((len(pool), len(models)), NOT_LISTED, np.uint8)
    total = np.zeros(len(pool))
    largest = np.zeros(len(pool))
    for column, (one, key) in enumerate(zip(models, keys, strict=True)):
        at = np.searchsorted(pool, key)
        # Backwards, so that a class ranked twice keeps its better rank.
        for place in reversed(range(key.shape[1])):
            rank[at[:, place], column] = place
        if one.scores is not None:
            for place, score in enumerate(one.scores[start:stop].T.astype(np.float64)):
                total[at[:, place]] += score
                largest[at[:, place]] = np.maximum(largest[at[:, place]], score)
    n_scored = max(1, sum(one.scores is not None for one in models))
    confidence = np.stack([total / n_scored, largest], axis=1).astype(np.float32)
    return pool, rank, confidence


def add_pairs(model_votes: ModelVotes, key: Int[np.ndarray, "n"]) -> ModelVotes:
    """The same votes with further pairs in the pool, which no model lists.

    Args:
        model_votes: the pool.
        key: the new pairs, as in `ModelVotes.key`, none of them in the pool.
    """
    joined = np.concatenate([model_votes.key, key])
    order = np.argsort(joined, kind="stable")
    image, label = np.divmod(joined[order], model_votes.n_classes)
    n_new, n_models = len(key), len(model_votes.models)
    rank = np.concatenate([model_votes.rank, np.full((n_new, n_models), NOT_LISTED, np.uint8)])
    confidence = np.concatenate([model_votes.confidence, np.zeros((n_new, 2), np.float32)])
    return replace(
        model_votes,
        pairs=Pairs(model_votes.pairs.image_ids, image, label),
        rank=rank[order],
        confidence=confidence[order],
        original=label == model_votes.original_label[image],
    )
