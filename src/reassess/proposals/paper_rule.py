"""The paper's rule for proposals.

1. Of each model take the pairs with the largest logits, and those with the largest
   probabilities, over the whole set.
2. Drop a pair that only one model has.
3. Add the original label and every model's top prediction.
4. An image on which every model's top prediction is the original label is not rated.

A model *has* a pair when either of its lists holds it. A tie with the last pair of a list is
kept, and a list longer than what a file holds takes all of it. Full logits give both lists;
full probabilities give one, as logits are lost up to a constant an image; ranked classes give one
list of the scores that they have, and none without scores, so that only their top predictions
count (`available_lists`). Short lists (`reassess predict --keep`) give both.

Letters: N images, K classes, M models, P proposals, n rows or pairs.

Source: the paper, section 3.1 and appendix A.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reassess.engines import Engine, RowShard, ThreadEngine, cut_rows
from reassess.errors import AlignmentError, DataError, OptionError, preview
from reassess.progress import Progress, null_progress
from reassess.proposals.scans import ListKind, Scan, ScanShard, list_kinds, scan, scan_shards
from reassess.proposals.streamed_lists import lists_from_short_lists
from reassess.proposals.top_lists import (
    TopLists,
    distinct,
    list_keys,
    lists_from_ranked,
    lists_from_scans,
)
from reassess.records import (
    Benchmark,
    Pairs,
    Predictions,
    Proposals,
    Questions,
    ScoreMatrix,
    ShortLists,
    align,
    check_order,
)
from reassess.records.benchmark import MOST_CLASSES

PAIRS_PER_IMAGE = 3
"""Length of a list, for each image of the benchmark: the paper's 150,000 pairs of its 50,000
images. A fixed number would take every pair of a small benchmark."""


def propose(
    predictions: Sequence[Predictions | ScoreMatrix | ShortLists],
    benchmark: Benchmark,
    *,
    pairs_per_model: int | None = None,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Proposals:
    """The pairs worth asking about, by image and class.

    Args:
        predictions: one record a model, for every image of the benchmark.
        benchmark: the images and their original labels.
        pairs_per_model: length of each list over the whole set; pairs that tie with the last
            one are taken too. By default `PAIRS_PER_IMAGE` for each image.
        engine: where shards of full scores are scanned; threads of this process by default.
        progress: shown each model when its lists are made.

    Raises:
        OptionError: there is no model, or ``pairs_per_model`` is below 1.
        DataError: a model appears more than once, its scores are no scores, its classes stand in
            another order, or the benchmark has no labels.
        AlignmentError: a model did not predict exactly the benchmark's images.

    Source: the paper, section 3.1 and appendix A.
    """
    n_listed = default_pairs_per_model(benchmark) if pairs_per_model is None else pairs_per_model
    if not predictions or n_listed < 1:
        raise OptionError(
            f"there are {len(predictions)} models and pairs_per_model is {n_listed}, but "
            "both must be 1 or more."
        )
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: the original labels are unknown (--original-labels FILE)."
        )
    _check_names([one.model for one in predictions])
    if engine is not None:
        lists = list(_top_lists(predictions, benchmark, n_listed, engine, progress))
    else:
        with ThreadEngine() as threads:
            lists = list(_top_lists(predictions, benchmark, n_listed, threads, progress))
    return pool_lists(lists, benchmark)


def default_pairs_per_model(benchmark: Benchmark) -> int:
    """`PAIRS_PER_IMAGE` for each image of a benchmark."""
    return PAIRS_PER_IMAGE * len(benchmark.image_ids)


def _check_names(models: Sequence[str]) -> None:
    if len(set(models)) < len(models):
        twice = sorted({name for name in models if models.count(name) > 1})
        raise DataError(
            f"predictions: model {preview(twice)} appears more than once, but must appear once, "
            "as a pair needs two models. Rename or leave out one of them."
        )


def _top_lists(
    predictions: Sequence[Predictions | ScoreMatrix | ShortLists],
    benchmark: Benchmark,
    n_listed: int,
    engine: Engine,
    progress: Progress,
) -> Iterator[TopLists]:
    """Each model's lists, full scores scanned shard by shard."""
    predictions = _aligned(predictions, benchmark)
    images = [image_per_row(one, benchmark) for one in predictions]
    shards = _shards_by_model(predictions, n_listed)
    scans = engine.map(scan, (shard for part in shards.values() for shard in part))
    for done, (one, image) in enumerate(zip(predictions, images, strict=True), start=1):
        if isinstance(one, ScoreMatrix):
            found = lists_from_scans(one, _next(scans, shards[one.model]), n_listed)
        elif isinstance(one, ShortLists):
            found = lists_from_short_lists(one, n_listed)
        else:
            found = lists_from_ranked(one, image, len(benchmark.image_ids), n_listed)
        check_order(found.top[image], image, benchmark, f"predictions {one.model!r}")
        progress(f"read {one.model}", done=done, total=len(predictions))
        yield found


def shards_to_scan(
    predictions: Sequence[Predictions | ScoreMatrix | ShortLists],
    benchmark: Benchmark,
    *,
    pairs_per_model: int | None = None,
) -> list[ScanShard]:
    """What `propose` scans, so that jobs of an array can scan it before: `scan` each of them.

    Args:
        predictions: one record a model, for every image of the benchmark.
        benchmark: the images.
        pairs_per_model: length of each list, as for `propose`.
    """
    n_listed = default_pairs_per_model(benchmark) if pairs_per_model is None else pairs_per_model
    by_model = _shards_by_model(_aligned(predictions, benchmark), n_listed)
    return [shard for shards in by_model.values() for shard in shards]


def _shards_by_model(
    predictions: Sequence[Predictions | ScoreMatrix | ShortLists], n_listed: int
) -> dict[str, list[ScanShard]]:
    return {
        one.model: list(scan_shards(one, n_listed))
        for one in predictions
        if isinstance(one, ScoreMatrix)
    }


def _next(scans: Iterator[Scan], shards: Iterable[ScanShard]) -> list[Scan]:
    return [next(scans) for _ in shards]


def image_per_row(
    one: Predictions | ScoreMatrix | ShortLists, benchmark: Benchmark
) -> Int[np.ndarray, "n"]:
    """The benchmark's image of each row; every image must have one.

    Raises:
        AlignmentError: an image of the benchmark was not predicted, or a row is about another.
    """
    source = f"predictions {one.model!r}"
    if isinstance(one, Predictions):
        row = align(one.image_ids, benchmark.image_ids, source=source, target_name=benchmark.name)
    else:
        (aligned,) = _aligned([one], benchmark)
        row = aligned.image  # type: ignore[union-attr]
    if len(row) < len(benchmark.image_ids):
        missing = np.delete(benchmark.image_ids, row)
        raise AlignmentError(
            f"{source}: image {preview(missing)} of {benchmark.name} is missing, but every image "
            "must "
            f"be predicted to be proposed for; {len(missing):,} of {len(benchmark.image_ids):,} "
            "are missing. Predict them."
        )
    return row


def _aligned(
    predictions: Sequence[Predictions | ScoreMatrix | ShortLists], benchmark: Benchmark
) -> list[Predictions | ScoreMatrix | ShortLists]:
    """The same, full scores and short lists with the benchmark's images in its order.

    Those that files hold have them; those that were made in memory list their own.

    Raises:
        AlignmentError: a row is about no image of the benchmark.
    """
    ids, found = benchmark.image_ids, []
    for one in predictions:
        own = one.image_ids
        if isinstance(one, Predictions) or own is ids or np.array_equal(own, ids):
            found.append(one)
            continue
        source = f"predictions {one.model!r}"
        row = align(own[one.image], ids, source=source, target_name=benchmark.name)
        found.append(replace(one, image_ids=ids, image=row))
    return found


def pool_lists(lists: Sequence[TopLists], benchmark: Benchmark) -> Proposals:
    """The proposals that several models' lists make together.

    Raises:
        DataError: the benchmark has no original labels.
    """
    if benchmark.original is None:
        raise DataError(
            f"{benchmark.name}: the original labels are unknown (--original-labels FILE)."
        )
    labels = benchmark.original

    def pool(rows: RowShard) -> tuple[np.ndarray[Any, np.dtype[Any]], ...]:
        return _pool_some(lists, labels, rows.start, rows.stop)

    with ThreadEngine() as threads:
        parts = list(threads.map(pool, cut_rows(len(benchmark.image_ids), _IMAGES_AT_ONCE)))
    key, proposed, original, top = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Proposals(
        pairs=Pairs(benchmark.image_ids, key // MOST_CLASSES, key % MOST_CLASSES),
        models=tuple(one.model for one in lists),
        proposed=proposed,
        original=original,
        rated=np.any([one.top != benchmark.original for one in lists], axis=0),
        top=top,
    )


_IMAGES_AT_ONCE = 1 << 13
"""Images whose lists are pooled at once: their keys stay in the processor's cache, and of millions
of images nothing but the outcome is held."""


def _pool_some(
    lists: Sequence[TopLists], labels: Int[np.ndarray, "N"], start: int, stop: int
) -> tuple[
    Int[np.ndarray, "P"], Bool[np.ndarray, "P M"], Bool[np.ndarray, "P"], Bool[np.ndarray, "P"]
]:
    """Of some images the keys that are proposed, by whom, and whether as original or as top."""
    images = np.arange(start, stop)
    original = list_keys(images, labels[start:stop])
    is_top = distinct(np.concatenate([list_keys(images, one.top[start:stop]) for one in lists]))
    ends = np.array([start, stop], np.int64) * MOST_CLASSES
    listed = [one.listed[slice(*np.searchsorted(one.listed, ends).tolist())] for one in lists]
    together = np.sort(np.concatenate(listed), kind="stable")  # each list is a run that rises
    shared = together[1:][together[1:] == together[:-1]]
    key = distinct(np.concatenate([shared, original, is_top]))
    proposed = np.zeros((len(key), len(lists)), dtype=bool)
    for column, one in enumerate(listed):
        proposed[:, column] = _is_in(key, one)
    return key, proposed, _is_in(key, original), _is_in(key, is_top)


def _is_in(key: Int[np.ndarray, "P"], chosen: Int[np.ndarray, "n"]) -> Bool[np.ndarray, "P"]:
    """Whether each key is among the chosen ones, both sorted and without repeats."""
    found = np.zeros(len(key), dtype=bool)
    at = np.searchsorted(key, chosen)
    inside = at < len(key)
    at, chosen = at[inside], chosen[inside]
    found[at[key[at] == chosen]] = True
    return found


def restrict_to_models(proposals: Proposals, models: Sequence[str]) -> Proposals:
    """The proposals that a subset of the models makes.

    Their lists are pooled again; the original label and the top predictions of *all* models
    stay, as do the images to be rated: on the published questions, models of the paper's pool
    outside its final six are covered as well as those six.

    Raises:
        OptionError: a name is no model of the proposals.
        DataError: the top predictions were not recorded.

    Source: the paper, appendix A.
    """
    unknown = [name for name in models if name not in proposals.models]
    if unknown:
        raise OptionError(
            f"model {preview(unknown)} is none of the proposals' models, but must be one of "
            f"{preview(proposals.models, 40)}."
        )
    if proposals.top is None:
        raise DataError("proposals: the top predictions of the models were not kept.")
    chosen = [proposals.models.index(name) for name in models]
    pooled = proposals.proposed[:, chosen].sum(axis=1) >= 2
    kept = pooled | proposals.original | proposals.top
    pairs = proposals.pairs
    return Proposals(
        pairs=pairs.take(kept),
        models=proposals.models,
        proposed=proposals.proposed[kept],
        original=proposals.original[kept],
        rated=proposals.rated,
        top=proposals.top[kept],
    )


def build_questions(proposals: Proposals) -> Questions:
    """The questions to put to raters: the proposals of the images that are to be rated."""
    pairs = proposals.pairs
    asked = proposals.rated[pairs.image]
    new_row = np.cumsum(proposals.rated) - 1
    rated_pairs = Pairs(
        image_ids=pairs.image_ids[proposals.rated],
        image=new_row[pairs.image[asked]],
        label=pairs.label[asked],
    )
    return Questions.from_pairs(rated_pairs)


def available_lists(one: Predictions | ScoreMatrix | ShortLists) -> tuple[ListKind, ...]:
    """Which lists a model can give: of logits, of probabilities, of scores of unknown scale."""
    if isinstance(one, ScoreMatrix):
        return list_kinds(one)
    if isinstance(one, ShortLists) or one.log_sum is not None:
        return ("logit", "probability")
    return () if one.scores is None else (one.score_type or "score",)


def missing_list_reason(one: Predictions | ScoreMatrix | ShortLists) -> str | None:
    """Why a model cannot give both lists, as a noun phrase; None where it can."""
    return _MISSING_LISTS[available_lists(one)]


_MISSING_LISTS: dict[tuple[ListKind, ...], str | None] = {
    (): "no scores: only its top predictions count",
    ("score",): "scores of unknown scale: one list instead of two (--scale says what they are)",
    ("probability",): "probabilities alone: the list of the largest logits cannot be made of them",
    (
        "logit",
    ): "logits of the best classes alone: the list of the largest probabilities is missing",
    ("logit", "probability"): None,
}
