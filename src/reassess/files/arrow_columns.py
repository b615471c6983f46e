"""What Arrow's columns of a large table of votes hold, batch by batch, without an object a row.

`numbers_of_texts` and `class_indices_of` number what questions, raters and answers are; `Times`,
`Durations`, `Counted`, `Double` and `LeftAside` keep, or only check, what may stand beside. What is
unusual in a cell is an `UnusualError`: the reader that looks at every cell names it and its row.

Letters: V votes, Q questions.
"""

from typing import Any, no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.files.counted import FALSE, TRUE
from reassess.files.interning import ODD, Texts, grow, kernel
from reassess.files.times import FIRST, LAST, times_alike
from reassess.records.benchmark import MOST_CLASSES


class UnusualError(Exception):
    """Something in the table is for the reader that looks at every cell."""


def are_integers(column: Any) -> bool:
    """Whether a column of Arrow's holds integers."""
    from pyarrow import types

    return bool(types.is_integer(column.type))


def class_indices_of(column: Any) -> Int[np.ndarray, "n"]:
    """A column of integers that may be class indices, as it is.

    Raises:
        UnusualError: a cell is empty, or is none.
    """
    if column.null_count:
        raise UnusualError
    values: Int[np.ndarray, "n"] = column.to_numpy(zero_copy_only=False)
    if len(values) and not 0 <= int(values.min()) <= int(values.max()) < MOST_CLASSES:
        raise UnusualError
    return values.astype(np.int32, copy=False)


def numbers_of_texts(column: Any, texts: Texts) -> Int[np.ndarray, "n"]:
    """The number of each row's text.

    Raises:
        UnusualError: a cell is empty, is no text, or has blanks around it.
    """
    import pyarrow as pa

    if are_integers(column):
        column = column.cast(pa.string())
    words, code = _parted(column)
    if column.null_count or words.null_count:
        raise UnusualError
    number = texts.number(code, *_bytes_of(words))
    if texts.kinds & ODD:
        raise UnusualError
    return number


def _parted(column: Any) -> tuple[Any, Int[np.ndarray, "n"]]:
    """The texts of a column's dictionary, and the one of each row.

    Raises:
        UnusualError: they are no texts.
    """
    from pyarrow import types

    words = column.dictionary if types.is_dictionary(column.type) else column
    if not (types.is_large_string(words.type) or types.is_string(words.type)):
        raise UnusualError
    if words is column:
        return words, np.arange(len(column), dtype=np.int32)
    codes = column.indices.fill_null(0) if column.null_count else column.indices
    return words, codes.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)


def _bytes_of(words: Any) -> tuple[Any, Any]:
    """Where texts of Arrow's end, and their bytes."""
    from pyarrow import types

    _, offsets, data = words.buffers()
    ends = np.frombuffer(offsets, np.int64 if types.is_large_string(words.type) else np.int32)
    ends = ends[words.offset : words.offset + len(words) + 1]
    return ends, np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)


class Times:
    """When each vote was given.

    Args:
        most: how many rows there can be.
    """

    def __init__(self, most: int) -> None:
        self._n = 0
        self._held = np.zeros(most, "datetime64[ms]")

    def add(self, column: Any) -> None:
        """Take a further batch: stored times, or texts that are written alike.

        Raises:
            UnusualError: a cell is of another kind, or no time.
        """
        import pyarrow as pa
        from pyarrow import types

        if types.is_timestamp(column.type):
            kind = pa.timestamp("ms", tz=column.type.tz)
            times = column.cast(kind, safe=False).to_numpy(zero_copy_only=False)
            times = times.astype("datetime64[ms]")
        else:
            words, code = _parted(column)
            times = _times_of(words)[code]
            if column.null_count:
                times[~np.asarray(column.is_valid())] = np.datetime64("NaT")
        if ((times < FIRST) | (times >= LAST)).any():
            raise UnusualError
        grow(self._held, self._n + len(times))
        self._held[self._n : self._n + len(times)] = times
        self._n += len(times)

    def known(self) -> Shaped[np.ndarray, "V"] | None:
        """All of them, NaT where a cell is empty; None where all are."""
        held = self._held[: self._n]
        return None if np.isnat(held).all() else held


def _times_of(words: Any) -> Shaped[np.ndarray, "w"]:
    """The times of distinct texts, NaT for an empty one.

    Raises:
        UnusualError: they are not written alike, or are none.
    """
    ends, data = _bytes_of(words)
    times = np.full(len(words), np.datetime64("NaT"), "datetime64[ms]")
    length = np.diff(ends)
    filled = length > 0
    if words.null_count:
        filled &= np.asarray(words.is_valid())
    if not filled.any():
        return times
    width = int(length[filled][0])
    if (length[filled] != width).any():
        raise UnusualError
    first = ends[:-1][filled]
    letters = data[first[:, None] + np.arange(width)]
    found = times_alike(letters)
    if found is None:
        raise UnusualError
    times[filled] = found
    return times


class Durations:
    """How long each vote took.

    Args:
        most: how many rows there can be.
    """

    def __init__(self, most: int) -> None:
        self._n = 0
        self._held = np.zeros(most)

    def add(self, column: Any) -> None:
        """Take a further batch of numbers, or of texts that are numbers.

        Raises:
            UnusualError: a cell is none, or below 0.
        """
        import pyarrow as pa
        from pyarrow import types

        if types.is_integer(column.type) or types.is_floating(column.type):
            seconds = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        else:
            words, code = _parted(column)
            texts = pa.compute.if_else(pa.compute.equal(words, ""), None, words)
            try:
                of_word = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
            except pa.ArrowException as error:
                raise UnusualError from error
            seconds = of_word[code]
            if column.null_count:
                seconds[~np.asarray(column.is_valid())] = np.nan
        if ((seconds < 0) | np.isinf(seconds)).any():
            raise UnusualError
        grow(self._held, self._n + len(seconds))
        self._held[self._n : self._n + len(seconds)] = seconds
        self._n += len(seconds)

    def known(self) -> Float[np.ndarray, "V"] | None:
        """All of them, NaN where a cell is empty; None where all are."""
        held = self._held[: self._n]
        return None if np.isnan(held).all() else held


class Counted:
    """Which rows count.

    Args:
        most: how many rows there can be.
    """

    def __init__(self, most: int) -> None:
        self._n = 0
        self._held = np.zeros(most, np.bool_)

    def add(self, column: Any) -> Bool[np.ndarray, "n"]:
        """Take a further batch, and say which of its rows count.

        Raises:
            UnusualError: a cell is neither true nor false.
        """
        from pyarrow import types

        if types.is_boolean(column.type):
            if column.null_count:
                raise UnusualError
            counts: Bool[np.ndarray, "n"] = column.to_numpy(zero_copy_only=False)
        else:
            texts = Texts()
            number = numbers_of_texts(column, texts)
            words = [word.lower() for word in texts.all_as_list()]
            if not all(word in TRUE or word in FALSE for word in words):
                raise UnusualError
            counts = np.array([word in TRUE for word in words], np.bool_)[number]
        grow(self._held, self._n + len(counts))
        self._held[self._n : self._n + len(counts)] = counts
        self._n += len(counts)
        return counts

    def known(self) -> Bool[np.ndarray, "V"] | None:
        """The rows that count; None where all do.

        Raises:
            UnusualError: none does.
        """
        held = self._held[: self._n]
        if not held.any():
            raise UnusualError
        return None if held.all() else held


class Double:
    """A second column for a part, which must say the same in every row.

    Args:
        is_path: whether cells name the same where one is the end of the other at a ``/``.
    """

    def __init__(self, *, is_path: bool) -> None:
        self._texts = Texts()
        self._is_path = is_path

    def add(self, column: Any, number: Int[np.ndarray, "n"]) -> None:
        """Take a further batch, beside the numbers of the first column's texts.

        Raises:
            UnusualError: it says otherwise.
        """
        if not np.array_equal(numbers_of_texts(column, self._texts), number):
            raise UnusualError

    def check(self, texts: Texts) -> None:
        """Compare the texts with the first column's.

        Raises:
            UnusualError: they differ.
        """
        if texts.equal(self._texts):
            return
        both = zip(texts.all_as_list(), self._texts.all_as_list(), strict=True)
        if not all(
            a == b or (self._is_path and (a.endswith("/" + b) or b.endswith("/" + a)))
            for a, b in both
        ):
            raise UnusualError


class LeftAside:
    """A column of tasks beside images and classes, which must not tell apart what they do not."""

    def __init__(self) -> None:
        self._texts = Texts()
        self._of_question = np.zeros(0, np.int32)  # its text's number, from 1

    def add(self, column: Any, question: Int[np.ndarray, "n"], n_questions: int) -> None:
        """Take a further batch, beside the question of each row.

        Raises:
            UnusualError: a question has several texts.
        """
        number = numbers_of_texts(column, self._texts)
        grow(self._of_question, n_questions)
        if not kernel(_one_a_group)(question, number, self._of_question):
            raise UnusualError


@no_type_check
def _one_a_group(group, number, of_group):
    """Whether each group has one number; those of new groups are written, from 1."""
    for row in range(len(group)):
        one = number[row] + np.int32(1)
        if of_group[group[row]] == 0:
            of_group[group[row]] = one
        elif of_group[group[row]] != one:
            return False
    return True
