"""Votes as numbers while a table is read: the question of each row, and one code for its answer.

As long as the rows of a question stand together, and those of an image, questions are counted and
no row is looked up; in any other order each row's question waits in a file until the votes can be
put where they belong. A code is rater · 2^s + answer, so that a further rater or answer changes no
code before it; in the end it becomes rater · A + answer.

Does not know what numbers mean: `reassess.files.arrow_votes` does.
Letters: V votes, Q questions, R raters, A answers.
"""

import itertools
import os
from typing import IO, Any, no_type_check

import numpy as np
from jaxtyping import Int, Shaped, UInt

from reassess.engines import RowShard, ThreadEngine, cut_rows
from reassess.files.interning import Pairs, at_least, grow, kernel, occurring

_ROWS_AT_ONCE = 1 << 20

_QUESTIONS_AT_ONCE = 1 << 16


class RowsByQuestion:
    """Which rows ask what: distinct pairs of an image and a class, numbered as they first appear.

    Args:
        most: how many rows there can be; memory that is not written to is only reserved.
        scratch: a file, empty, where numbers of rows wait.

    Attributes:
        pairs: the questions.
    """

    def __init__(self, most: int, scratch: IO[bytes]) -> None:
        self.pairs = Pairs(most)
        self._n_votes = np.zeros(most + 1, np.int32)  # after a 0
        self._last_image = np.zeros(0, np.int32)  # of each class
        self._scratch = scratch
        self._lengths: list[int] | None = None
        self._question = np.zeros(0, np.int32)

    @property
    def are_grouped(self) -> bool:
        """Whether all rows of a question, and of an image, stand together so far."""
        return self._lengths is None

    def add(self, image: Int[np.ndarray, "n"], label: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
        """The question of each of further rows, in an array that the next call writes to.

        Args:
            image: their images, numbered as they appear.
            label: their classes, by numbers of 0 or more.
        """
        self.pairs.make_room(len(image))
        grow(self._n_votes, self.pairs.n + len(image) + 1)
        self._question = at_least(self._question, len(image))
        question, row = self._question[: len(image)], 0
        if self._lengths is None:
            n_seen = len(self._last_image)
            grow(self._last_image, int(label.max(initial=0)) + 1)
            self._last_image[n_seen:] = -1
            row, self.pairs.n = kernel(_count_runs)(
                image, label, self.pairs.ones, self.pairs.others, self._last_image,
                self._n_votes[1:], self.pairs.n, question,
            )  # fmt: skip
            if row == len(image):
                return question
            self._lengths = []
            before = np.arange(self.pairs.n, dtype=np.int32)
            self._put_down(np.repeat(before, self._n_votes[1 : self.pairs.n + 1]))
        question[row:] = self.pairs.number(image[row:], label[row:])
        self._put_down(question[row:])
        return question

    def _put_down(self, numbers: Int[np.ndarray, "n"]) -> None:
        assert self._lengths is not None  # noqa: S101 -- its caller made it
        for start in range(0, len(numbers), _ROWS_AT_ONCE):
            some = numbers[start : start + _ROWS_AT_ONCE]
            self._scratch.write(some.astype(np.int32, copy=False).tobytes())
            self._lengths.append(len(some))
        self._scratch.flush()

    def _parts(self) -> list[tuple[int, int]]:
        """From and to which rows were put down at once; 2 GB are not read at once."""
        return list(itertools.pairwise(np.cumsum([0, *(self._lengths or ())]).tolist()))

    def _taken_up(self, start: int, stop: int) -> Int[np.ndarray, "n"]:
        """The question of each of some rows."""
        kept = os.pread(self._scratch.fileno(), 4 * (stop - start), 4 * start)
        return np.frombuffer(kept, np.int32)

    def ends(self) -> Int[np.ndarray, "ends"]:
        """Where the votes of each question begin and end, grouped; the counts are given up."""
        n_votes = self._n_votes[: self.pairs.n + 1]
        if self._lengths is not None:
            self.pairs.add_counts(n_votes[1:])
        wide = int(n_votes.sum(dtype=np.int64)) >= 1 << 31
        return np.cumsum(n_votes, dtype=np.int64) if wide else np.cumsum(n_votes, out=n_votes)

    def grouped(
        self, indptr: Int[np.ndarray, "ends"], values: Shaped[np.ndarray, "V"]
    ) -> Shaped[np.ndarray, "V"]:
        """Values of the rows, in the order of the questions."""
        if self._lengths is None:
            return values
        # One thread puts the first half of the rows where the votes of their questions begin, the
        # other the second half, from the last row on, where they end: so both keep the order.
        out, parts = np.empty_like(values), self._parts()
        halves = (parts[: len(parts) // 2], False), (parts[len(parts) // 2 :][::-1], True)

        def put(half: tuple[list[tuple[int, int]], bool]) -> None:
            some, backward = half
            place = indptr[1:].copy() if backward else indptr[:-1].copy()
            for start, stop in some:
                question = self._taken_up(start, stop)
                kernel(_scatter)(question, values[start:stop], place, out, backward)

        with ThreadEngine() as threads:
            for _ in threads.map(put, halves):
                pass
        return out

    def in_their_order(
        self, indptr: Int[np.ndarray, "ends"], values: UInt[np.ndarray, "V"]
    ) -> tuple[Int[np.ndarray, "V"], UInt[np.ndarray, "V"]]:
        """The question of each row, and values by question in the order of the rows again."""
        if self._lengths is None:
            questions = np.arange(len(indptr) - 1, dtype=np.int32)
            return np.repeat(questions, np.diff(indptr)), values
        question = np.concatenate([self._taken_up(*rows) for rows in self._parts()])
        ordered = np.empty_like(values)
        ordered[np.argsort(question, kind="stable")] = values
        return question, ordered


class VoteCodes:
    """Rater and answer of each row, in the smallest integers that hold both.

    Args:
        most: as that of `RowsByQuestion`.
    """

    def __init__(self, most: int) -> None:
        self._n = 0
        self._most = most
        self._shift = 2
        self._held: np.ndarray[Any, np.dtype[Any]] = np.zeros(most, np.uint8)

    def __len__(self) -> int:
        return self._n

    def add(
        self, rater: Int[np.ndarray, "n"], n_raters: int, answer: Int[np.ndarray, "n"],
        n_answers: int,
    ) -> None:  # fmt: skip
        """Take further rows; numbers are below those of raters and answers, as are all before."""
        self._make_room(n_raters, n_answers)
        grow(self._held, self._n + len(rater))
        kernel(_join)(rater, answer, self._shift, self._held[self._n : self._n + len(rater)])
        self._n += len(rater)

    def _make_room(self, n_raters: int, n_answers: int) -> None:
        shift = max(self._shift, (n_answers - 1).bit_length())
        kind = np.min_scalar_type((n_raters << shift) - 1)
        if shift == self._shift and kind.itemsize <= self._held.itemsize:
            return
        before = self._held
        if kind.itemsize > before.itemsize:
            self._held = np.zeros(max(self._most, self._n), kind)
        for start in range(0, self._n, _ROWS_AT_ONCE):
            rows = slice(start, min(start + _ROWS_AT_ONCE, self._n))
            kernel(_move)(before[rows], self._shift, shift, self._held[rows])
        self._shift = shift

    def grouped(
        self, questions: RowsByQuestion, indptr: Int[np.ndarray, "ends"]
    ) -> UInt[np.ndarray, "V"]:
        """All of them by question, given up: rater · 2^s + answer."""
        self._held.resize(self._n, refcheck=False)
        held, self._held = self._held, self._held[:0]
        return questions.grouped(indptr, held)

    def raters_of(self, grouped: UInt[np.ndarray, "V"]) -> Int[np.ndarray, "r"]:
        """The raters' numbers that occur, ascending."""
        return np.unique(occurring(grouped) >> self._shift)

    def settle(
        self,
        grouped: UInt[np.ndarray, "V"],
        indptr: Int[np.ndarray, "ends"],
        rater: Int[np.ndarray, "r"],
        answer: Int[np.ndarray, "a"],
        n_answers: int,
    ) -> tuple[UInt[np.ndarray, "V"], bool]:
        """What `Votes.grouped` gives for each vote; and whether a rater answers a question twice.

        Args:
            grouped: the votes by question, which are given up.
            indptr: where those of each question end.
            rater: the rater of each rater's number.
            answer: the answer of each answer's number.
            n_answers: A.
        """
        n_raters = int(rater.max()) + 1
        kind = np.min_scalar_type(n_raters * n_answers - 1)
        code = grouped if kind == grouped.dtype else np.empty(len(grouped), kind)
        table = np.zeros((len(rater), 1 << self._shift), kind)
        table[:, : len(answer)] = rater[:, None] * n_answers + answer
        of_code, of_rater = table.reshape(-1), rater.astype(np.int32)

        def write(some: RowShard) -> bool:
            last = np.full(n_raters, -1, np.int32)
            found: bool = kernel(_settle)(
                some.start, some.stop, indptr, grouped, self._shift, of_rater, of_code, last, code
            )
            return found

        with ThreadEngine() as engine:
            shards = cut_rows(len(indptr) - 1, _QUESTIONS_AT_ONCE)
            repeats = any(list(engine.map(write, shards)))
        return code, repeats


@no_type_check
def _count_runs(one, other, ones, others, last_one, counts, n, number):
    """Number and count pairs while equal ones stand together; the row up to which, and n."""
    for row in range(len(one)):
        a, b = one[row], other[row]
        last = ones[n - 1] if n else np.int32(-1)
        if n == 0 or a != last or b != others[n - 1]:
            if a < last or last_one[b] == a:
                return row, n
            ones[n], others[n] = a, b
            last_one[b] = a
            n += 1
        counts[n - 1] += 1
        number[row] = n - 1
    return len(one), n


@no_type_check
def _scatter(group, values, place, out, backward):
    """Write each value to the next place of its group; from the last row on to the one before."""
    if backward:
        for row in range(len(group) - 1, -1, -1):
            place[group[row]] -= 1
            out[place[group[row]]] = values[row]
    else:
        for row in range(len(group)):
            out[place[group[row]]] = values[row]
            place[group[row]] += 1


@no_type_check
def _join(rater, answer, shift, out):
    for row in range(len(rater)):
        out[row] = (rater[row] << shift) | answer[row]


@no_type_check
def _move(held, shift, to, out):
    below = (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
    for row in range(len(held)):
        one = np.uint64(held[row])
        out[row] = ((one >> np.uint64(shift)) << np.uint64(to)) | (one & below)


@no_type_check
def _settle(start, stop, indptr, held, shift, rater_of, code_of, last, out):
    """Write the code of each vote; return whether a rater occurs twice in a group."""
    repeats = False
    for group in range(start, stop):
        for vote in range(np.uint64(indptr[group]), np.uint64(indptr[group + 1])):
            one = np.uint64(held[vote])
            rater = np.uint64(rater_of[one >> np.uint64(shift)])
            repeats |= last[rater] == group
            last[rater] = group
            out[vote] = code_of[one]
    return repeats
