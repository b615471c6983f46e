"""One pass over a shard of a model's full scores: top predictions, and what may be listed.

Scores are streamed once, in blocks of rows that fit a core's cache. A running threshold, the n-th
largest score so far, keeps what is held small; it never exceeds the final one, so that the outcome
does not depend on the order of the rows or on how they are cut into shards. Log-probabilities are
computed in the file's own precision, so that pairs down to a margin below the threshold are kept:
`reassess.proposals.top_lists` ranks those in double precision.

Letters: N images, n rows of a shard, b of a block, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.errors import MissingExtraError
from reassess.proposals.travelling_rows import TravellingRows
from reassess.records import ScoreMatrix
from reassess.records.score_values import (
    check_scores,
    constant_rows,
    refuse_never_predicted,
    rounding,
)

ListKind = Literal["logit", "probability", "score"]
"""What a list ranks by; ``score`` where the scale is not declared."""

_SHARD_CELLS = 2**26
"""Scores in a shard, which is lost at most when work is interrupted: ImageNet's 50,000 images with
1,000 classes are one."""

BLOCK_CELLS = 2**21
"""Scores in a block, of which 8 MiB are mapped at once in single precision."""

_SAMPLED_ROWS = 400
"""Rows that tell roughly where a list ends: less than a hundredth of ImageNet's 50,000."""

MARGIN = 2e-5
"""Distance from the threshold within which a log-probability is computed again: five times what the
kernel's may be off. A larger margin only ranks more pairs twice."""


@dataclass(frozen=True, slots=True)
class ListedPairs:
    """Pairs of a list, in no particular order.

    Attributes:
        image: index of the pair's image.
        label: its class.
        score: what the list ranks by; log-probability where it ranks by probability.
    """

    image: Int[np.ndarray, "n"]
    label: Int[np.ndarray, "n"]
    score: Float[np.ndarray, "n"]

    def take(self, chosen: Shaped[np.ndarray, "m"]) -> "ListedPairs":
        """The chosen pairs, by mask or index."""
        return ListedPairs(self.image[chosen], self.label[chosen], self.score[chosen])


@dataclass(frozen=True, slots=True)
class ScanShard:
    """Rows of one model's scores, to be scanned on their own.

    Attributes:
        source: the model's scores.
        start: first row.
        stop: the row after the last.
        n_listed: how many pairs each list holds, more where scores tie.
        image: the image of each row among all of the model's, where the source has these rows
            only; None where it has all.
        first_row: how many rows of the model come before those that the source has.
    """

    source: ScoreMatrix
    start: int
    stop: int
    n_listed: int
    image: Int[np.ndarray, "n"] | None = None
    first_row: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        rows = TravellingRows.of(self.source, self.start, self.stop)
        image = self.source.image if self.image is None else self.image
        first_row = self.first_row + self.start
        return SentScanShard, (rows, image[self.start : self.stop], self.n_listed, first_row)

    def __str__(self) -> str:
        first = self.first_row + self.start
        return f"{self.source.model}, rows {first:,} to {first + self.stop - self.start - 1:,}"


@dataclass(frozen=True, slots=True)
class SentScanShard:
    """A `ScanShard` in the process that it travelled to.

    Attributes:
        rows: its rows.
        image: the image of each among all of the model's.
        n_listed: as of the shard.
        first_row: how many rows of the model come before.
    """

    rows: TravellingRows
    image: Int[np.ndarray, "n"]
    n_listed: int
    first_row: int

    def open(self) -> ScanShard:
        """The shard, with its own rows only.

        Raises:
            FileError: this node does not see the file of the scores.
        """
        source = self.rows.open()
        return ScanShard(source, 0, len(self.image), self.n_listed, self.image, self.first_row)


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in a shard.

    Attributes:
        top: the top prediction of each row.
        lists: the shard's own largest pairs, a superset of what the model's list takes.
    """

    top: Int[np.ndarray, "n"]
    lists: dict[ListKind, ListedPairs]


def scan_shards(source: ScoreMatrix, n_listed: int) -> Iterator[ScanShard]:
    """Shards of a model's rows, cut by their size and nothing else."""
    n_rows = len(source.image)
    step = max(1, _SHARD_CELLS // source.n_classes)
    for start in range(0, n_rows, step):
        yield ScanShard(source, start, min(start + step, n_rows), n_listed)


def scan(shard: ScanShard | SentScanShard) -> Scan:
    """The top predictions and the largest pairs of a shard's rows.

    A sample of the rows tells roughly where each list ends, so that little more than the
    list is ever held; where that end was too high, the rows are scanned again without one.

    Raises:
        DataError: a score is NaN or infinite, or a probability outside [0, 1].
        FileError: another node does not see the file of the scores.
        MissingExtraError: numba is missing.
    """
    if isinstance(shard, SentScanShard):
        shard = shard.open()
    found, complete = _Scanner(shard, _likely_ends(shard)).run()
    if not complete:
        found, _ = _Scanner(shard, dict.fromkeys(list_kinds(shard.source), -np.inf)).run()
    if shard.image is None:
        return found
    image = shard.image
    lists = {kind: replace(one, image=image[one.image]) for kind, one in found.lists.items()}
    return Scan(found.top, lists)


def _likely_ends(shard: ScanShard) -> dict[ListKind, float]:
    """For each list a score that its last pair probably exceeds, from a sample of rows."""
    source, n_rows = shard.source, shard.stop - shard.start
    n_sampled = max(_SAMPLED_ROWS, min(n_rows, 4 * _SAMPLED_ROWS * source.n_classes // 10**6))
    rows = np.unique(np.linspace(shard.start, shard.stop - 1, min(n_sampled, n_rows)).astype(int))
    share = shard.n_listed / (n_rows * source.n_classes)
    # A third more than the sample should hold, and a hundred: too low an end costs memory, too high
    # a second scan.
    n_above = int(1.3 * share * len(rows) * source.n_classes) + 100
    sample = source.rows(rows).astype(_working_type(source))
    if len(rows) == n_rows or n_above >= sample.size or not np.isfinite(sample).all():
        return dict.fromkeys(list_kinds(source), -np.inf)
    ends: dict[ListKind, float] = {}
    for kind in list_kinds(source):
        if kind == "probability" and source.score_type == "logit":
            sample = sample - exact_log_sum(sample)[:, None]
        ends[kind] = nth_largest(sample.ravel(), n_above)
    return ends


class _Scanner:
    """One pass over a shard's rows, with a running threshold for each list."""

    def __init__(self, shard: ScanShard, ends: dict[ListKind, float]) -> None:
        source = shard.source
        self._shard = shard
        self._step = max(1, BLOCK_CELLS // source.n_classes)
        self._lists = {kind: _Largest(shard.n_listed, ends[kind]) for kind in list_kinds(source)}
        self._found = np.empty(self._step * source.n_classes, np.int64)

    def run(self) -> tuple[Scan, bool]:
        """What is found, and whether every list is as long as it must be."""
        shard, source = self._shard, self._shard.source
        top = np.empty(shard.stop - shard.start, np.int64)
        stop = shard.start
        for block in source.blocks(shard.start, shard.stop, self._step):
            start, stop = stop, stop + len(block)
            winner = top[start - shard.start : stop - shard.start]
            best, shift = np.empty(len(block), _working_type(source)), np.zeros(len(block))
            n_found, n_nan = self._find(block, winner, best, shift)
            _check_block(source, block, best, start, shard.first_row, n_nan)
            self._take(block, shift, source.image[start:stop], n_found)
        lists = {kind: kept.pairs() for kind, kept in self._lists.items()}
        n_wanted = min(shard.n_listed, len(top) * source.n_classes)
        complete = all(kept.is_complete(n_wanted) for kept in self._lists.values())
        return Scan(top, lists), complete

    def _find(
        self,
        block: Float[np.ndarray, "b K"],
        winner: Int[np.ndarray, "b"],
        best: Float[np.ndarray, "b"],
        shift: Float[np.ndarray, "b"],
    ) -> tuple[int, int]:
        """Fill in what a block's rows say, and the flat places of what may be listed.

        Returns:
            How many places were found, and how many scores are NaN.
        """
        ends = {kind: kept.end for kind, kept in self._lists.items()}
        is_logit = self._shard.source.score_type == "logit"
        if best.dtype == np.float64:
            return self._find_in_doubles(block.astype(np.float64), winner, best, shift, ends)
        kernels = _kernels()
        least = ends["logit"] if is_logit else min(ends.values())
        thresholds = np.array([least, ends["probability"] if is_logit else np.inf, MARGIN])
        found = (thresholds, is_logit, winner, best, shift, self._found)
        if block.dtype == np.float16 and kernels.converts_halves():
            halves = _plain(block).view(np.uint16)
            n_found, n_nan = kernels.scan_halves(halves, *found)
        else:
            singles = _plain(block.astype(np.float32, copy=False))
            n_found, n_nan = kernels.scan_singles(singles, *found)
        return int(n_found), int(n_nan)

    def _find_in_doubles(
        self,
        block: Float[np.ndarray, "b K"],
        winner: Int[np.ndarray, "b"],
        best: Float[np.ndarray, "b"],
        shift: Float[np.ndarray, "b"],
        ends: dict[ListKind, float],
    ) -> tuple[int, int]:
        """The same by NumPy: scores in double precision are few, and computed exactly."""
        winner[:] = block.argmax(axis=1)
        best[:] = block[np.arange(len(block)), winner]
        least = np.full(len(block), min(ends.values()))
        if self._shard.source.score_type == "logit":
            shift[:] = exact_log_sum(block)
            least = np.minimum(ends["logit"], ends["probability"] + shift - MARGIN)
        at = np.flatnonzero(block >= least[:, None])
        self._found[: len(at)] = at
        return len(at), int(np.isnan(best).sum())

    def _take(
        self,
        block: Float[np.ndarray, "b K"],
        shift: Float[np.ndarray, "b"],
        image: Int[np.ndarray, "b"],
        n_found: int,
    ) -> None:
        """Hand the pairs of a block that may be among the largest to their lists."""
        if n_found == 0:
            return
        at = self._found[:n_found]
        row, label = np.divmod(at, block.shape[1])
        score = block[row, label].astype(np.float64)
        for kind, kept in self._lists.items():
            of_logits = kind == "probability" and self._shard.source.score_type == "logit"
            kept.add(image[row], label, score - shift[row] if of_logits else score)


def _kernels() -> Any:
    """The compiled loops.

    Raises:
        MissingExtraError: numba is missing.
    """
    try:
        from reassess.proposals import kernels
    except ImportError as error:
        raise MissingExtraError("numba", "study", "scanning full scores") from error
    return kernels


def _plain(block: Float[np.ndarray, "b K"]) -> Float[np.ndarray, "b K"]:
    """The block in rows and read-only, as the kernels are compiled for one kind of array."""
    plain = np.require(block, requirements=("C", "A")).view()
    plain.flags.writeable = False
    return plain


def list_kinds(source: ScoreMatrix) -> tuple[ListKind, ...]:
    """The lists that a model's full scores can give."""
    if source.score_type == "logit":
        return ("logit", "probability")
    return (source.score_type or "score",)


def _working_type(source: ScoreMatrix) -> Any:
    return np.float64 if source.scores.dtype.itemsize > 4 else np.float32


def nth_largest(values: Float[np.ndarray, "n"], n: int) -> float:
    """The n-th largest value; the smallest where there are fewer."""
    last = len(values) - min(n, len(values))
    return float(np.partition(values, last)[last])


def exact_log_sum(block: Float[np.ndarray, "b K"]) -> Float[np.ndarray, "b"]:
    """Logarithm of the sum of each row's exponentials, in double precision."""
    best = block.max(axis=1)
    log_sum: Float[np.ndarray, "b"] = np.log(np.exp(block - best[:, None]).sum(axis=1)) + best
    return log_sum


class _Largest:
    """The pairs with the largest scores so far, ties at the last kept.

    Log-probabilities of single precision may lie a margin below what they should be, so
    that pairs down to that margin below the threshold are held too.
    """

    def __init__(self, n_listed: int, end: float) -> None:
        self.end = end
        self._n_listed = n_listed
        self._parts: list[ListedPairs] = []
        self._n_held = 0

    def add(
        self,
        image: Int[np.ndarray, "n"],
        label: Int[np.ndarray, "n"],
        score: Float[np.ndarray, "n"],
    ) -> None:
        """Take what may still be among the largest."""
        chosen = np.flatnonzero(score >= self.end - MARGIN)
        self._parts.append(
            ListedPairs(
                image[chosen].astype(np.int32), label[chosen].astype(np.int32), score[chosen]
            )
        )
        self._n_held += len(chosen)
        if self._n_held > max(4 * self._n_listed, BLOCK_CELLS):
            self.pairs()

    def pairs(self) -> ListedPairs:
        """What is held, cut down to what can still be among the largest."""
        held = joined(self._parts)
        if len(held.score) > self._n_listed:
            self.end = max(self.end, nth_largest(held.score, self._n_listed))
        held = held.take(np.flatnonzero(held.score >= self.end - MARGIN))
        self._parts, self._n_held = [held], len(held.score)
        return held

    def is_complete(self, n_wanted: int) -> bool:
        """Whether enough pairs are at or above the end that was begun with."""
        return int((self._parts[0].score >= self.end).sum()) >= n_wanted


def joined(parts: list[ListedPairs]) -> ListedPairs:
    """The pairs of all parts, one part after the other."""
    return ListedPairs(
        np.concatenate([part.image for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.score for part in parts]),
    )


def _check_block(
    source: ScoreMatrix,
    block: Float[np.ndarray, "b K"],
    best: Float[np.ndarray, "b"],
    start: int,
    before: int,
    n_nan: int,
) -> None:
    """Refuse NaN and infinity, probabilities outside [0, 1], and rows never predicted.

    A probability outside by rounding only passes; so do two classes that are equally probable.
    """
    name, row = f"predictions {source.model!r}", constant_rows(block)
    row = row[block[row, 0] != 0.5] if source.n_classes == 2 else row
    if len(row):
        never = np.zeros(len(block), dtype=bool)
        never[row] = True
        ids = source.image_ids[source.image[start : start + len(block)]]
        refuse_never_predicted(never, float(block[row[0], 0]), ids, name)
    if (
        n_nan
        or not np.isfinite(best).all()
        or (source.score_type == "probability" and (best.max() > 1 or block.min() < 0))
    ):
        slack = rounding(source.scores.dtype)
        check_scores(block, source.score_type, name, first_row=before + start, slack=slack)
