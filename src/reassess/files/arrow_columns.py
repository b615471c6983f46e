"""What Arrow's columns of a large table of votes hold, batch by batch, without an object a row.

`numbers_of_texts` and `class_indices_of` number what questions, raters and answers are; `Times`,
`Durations`, `Counted`, `Double` and `Beside` keep, or only check, what may stand beside. What is
unusual in a cell is an `UnusualError`: the reader that looks at every cell names it and its row.

Letters: V votes, Q questions.
"""

from pathlib import Path
from typing import Any, Literal, no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.files.cells import EMPTY_IN_LOWER_CASE, EXACT, note_blanks, note_forms
from reassess.files.counted import FALSE, TRUE
from reassess.files.interning import ODD, Texts, grow, kernel
from reassess.files.times import FIRST, LAST, NUMBER, times_of_numbers, times_of_texts
from reassess.records.benchmark import MOST_CLASSES, plain_text

_Kind = Literal["stored", "text", "number"]
"""What cells of times are."""


class UnusualError(Exception):
    """Something in the table is for the reader that looks at every cell."""


def are_integer_cells(column: Any) -> bool:
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


class Changes:
    """Blanks that were taken off the cells of a column, and forms of Unicode that were composed."""

    def __init__(self) -> None:
        self._n_blanks = self._n_forms = 0
        self._blanks = self._form = ""  # the first of each

    def __bool__(self) -> bool:
        return self._n_blanks + self._n_forms > 0

    def plain(self, words: Any, code: Int[np.ndarray, "n"]) -> Any:
        """What `plain_text` says of texts, which are counted as often as rows have them.

        Args:
            words: texts, as an array of Arrow's.
            code: the one of each row.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        stripped = plain = pc.utf8_trim(words, characters=_BLANKS)
        foreign = pc.invert(pc.string_is_ascii(words))
        if pc.any(foreign).as_py():
            texts = [plain_text(text) for text in words.filter(foreign).to_pylist()]
            plain = pc.replace_with_mask(stripped, foreign, pa.array(texts, words.type))
        n, such = _rows_of(pc.not_equal(words, stripped), words, code)
        self._n_blanks, self._blanks = self._n_blanks + n, self._blanks or such
        n, such = _rows_of(pc.not_equal(stripped, plain), words, code)
        self._n_forms, self._form = self._n_forms + n, self._form or such
        return plain

    def note(self, path: Path, column: str, n_rows: int) -> None:
        """Note them, as the reader does that looks at every cell."""
        what = f"cells in column {column!r}"
        if self._n_blanks:
            note_blanks(self._n_blanks, n_rows, self._blanks, path, what)
        if self._n_forms:
            note_forms(self._n_forms, n_rows, self._form, path, what)


_BLANKS = "".join(chr(one) for one in range(1 << 16) if chr(one).isspace())
"""What Python takes off the ends of a text."""


def _rows_of(which: Any, words: Any, code: Int[np.ndarray, "n"]) -> tuple[int, str]:
    """How many rows have one of some texts, and the first that does; "" for none."""
    rows = np.flatnonzero(which.to_numpy(zero_copy_only=False)[code])
    return len(rows), words[int(code[rows[0]])].as_py() if len(rows) else ""


def numbers_of_texts(
    column: Any, texts: Texts, changes: Changes | None = None
) -> Int[np.ndarray, "n"]:
    """The number of each row's text.

    Args:
        column: the rows.
        texts: those that were numbered before.
        changes: what was taken off cells, which counts that of these; None where nothing may be.

    Raises:
        UnusualError: a cell is empty or no text, or is not as it is compared and may not be.
    """
    from pyarrow import types

    if column.null_count:
        raise UnusualError
    column = _as_texts(column)
    words, code = _parted(column)
    is_coded = types.is_dictionary(column.type)
    if words.null_count:
        raise UnusualError
    if changes:  # where some cells were changed, more are likely to be
        words = changes.plain(words, code)
    n, kinds, texts.kinds = texts.n, texts.kinds, 0
    number = texts.number(code if is_coded else None, *_bytes_of(words))
    if texts.kinds and changes is not None and not changes:
        words = changes.plain(words, code)
        if changes:
            texts.forget(n, kinds)
            number = texts.number(code if is_coded else None, *_bytes_of(words))
    texts.kinds |= kinds
    if texts.kinds & ODD:
        raise UnusualError
    return number


def _as_texts(column: Any) -> Any:
    """A column as its cells are written: integers, whole numbers in floats, and truth values.

    Raises:
        UnusualError: a float is no whole number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_floating(column.type):
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise UnusualError from error
        if len(column) and pc.max(pc.abs(column)).as_py() >= EXACT:
            raise UnusualError
    if are_integer_cells(column):
        return column.cast(pa.string())
    return pc.if_else(column, "True", "False") if types.is_boolean(column.type) else column


def _parted(column: Any) -> tuple[Any, Int[np.ndarray, "n"]]:
    """The texts of a column's dictionary, and the one of each row.

    Raises:
        UnusualError: they are no texts.
    """
    import pyarrow as pa
    from pyarrow import types

    is_coded = types.is_dictionary(column.type)
    words = _as_texts(column.dictionary) if is_coded else column
    if types.is_string_view(words.type):
        words = words.cast(pa.large_string())
    if not (types.is_large_string(words.type) or types.is_string(words.type)):
        raise UnusualError
    if not is_coded:
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
    """When each vote was given: stored times, texts in ISO 8601, or numbers of one unit since 1970.

    Args:
        most: how many rows there can be.
    """

    def __init__(self, most: int) -> None:
        self._n = 0
        self._kind: _Kind | None = None
        self._held = np.zeros(most, "datetime64[ms]")  # the bits of numbers, where these are held

    def add(self, column: Any) -> None:
        """Take a further batch.

        Raises:
            UnusualError: a cell is of another kind than others, or no time.
        """
        import pyarrow as pa
        from pyarrow import types

        kind: _Kind | None = "stored"
        if types.is_date(column.type):
            column = column.cast(pa.timestamp("ms"))
        if types.is_timestamp(column.type):
            unit = pa.timestamp("ms", tz=column.type.tz)
            times = column.cast(unit, safe=False).to_numpy(zero_copy_only=False)
            times = times.astype("datetime64[ms]")
        elif types.is_integer(column.type) or types.is_floating(column.type):
            kind, times = "number", _doubles(column)
        else:
            words, code = _parted(column)
            kind, times = _times_of(words)
            times = times[code]
            if column.null_count:
                times[~np.asarray(column.is_valid())] = np.array("NaT", times.dtype)
        empty = np.isnan(times) if kind == "number" else np.isnat(times)
        self._put(times, None if empty.all() else kind)

    def _put(self, times: Shaped[np.ndarray, "n"], kind: _Kind | None) -> None:
        grow(self._held, self._n + len(times))
        if kind is not None and self._kind is None:
            self._kind = kind
            if kind == "number":
                self._held.view(np.float64)[: self._n] = np.nan
        if kind not in {None, self._kind}:
            raise UnusualError
        rows = slice(self._n, self._n + len(times))
        self._n += len(times)
        if kind is None:
            times = np.full(len(times), np.nan if self._kind == "number" else np.datetime64("NaT"))
        if self._kind == "number":
            self._held.view(np.float64)[rows] = times
            return
        if ((times < FIRST) | (times >= LAST)).any():
            raise UnusualError
        self._held[rows] = times

    def known(
        self, where: str, counts: Bool[np.ndarray, "V"] | None
    ) -> Shaped[np.ndarray, "V"] | None:
        """All of them, NaT where a cell is empty; None where all are.

        Args:
            where: what holds them, for a note on their unit.
            counts: the rows that count; None where all do.

        Raises:
            UnusualError: numbers are of no one unit.
        """
        held: Shaped[np.ndarray, "V"] | None = self._held[: self._n]
        if self._kind == "number":
            values = self._held.view(np.float64)[: self._n]
            held = times_of_numbers(
                values if counts is None else np.where(counts, values, np.nan), where
            )
            if held is None:
                raise UnusualError
        return None if self._kind is None else held


def _times_of(words: Any) -> tuple[_Kind, Shaped[np.ndarray, "w"]]:
    """What distinct texts hold, and their times or numbers; NaT and NaN for empty ones.

    Raises:
        UnusualError: they are of several kinds, or none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(words)
    empty = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(sorted(EMPTY_IN_LOWER_CASE)))
    texts = pc.if_else(empty, None, texts)
    is_number = pc.match_substring_regex(texts, f"^(?:{NUMBER.pattern})$")
    filled = np.asarray(texts.is_valid())
    if pc.any(is_number).as_py():
        if not pc.all(is_number).as_py():
            raise UnusualError
        try:
            return "number", _doubles(texts)
        except pa.ArrowException as error:
            raise UnusualError from error
    times = np.full(len(words), np.datetime64("NaT"), "datetime64[ms]")
    if filled.any():
        ends, data = _bytes_of(pa.concat_arrays([texts.drop_null()]))
        found = times_of_texts(data, ends)
        if found is None or np.isnat(found).any():
            raise UnusualError
        times[filled] = found
    return "text", times


def _doubles(column: Any) -> Float[np.ndarray, "n"]:
    """A column of numbers, or of texts that are some, in double precision; NaN where empty."""
    import pyarrow as pa

    found: Float[np.ndarray, "n"] = column.cast(pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    return found


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
            seconds = _doubles(column)
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

    def add(self, column: Any, first: Any, number: Int[np.ndarray, "n"]) -> None:
        """Take a further batch, beside the first column and the numbers of its texts.

        Raises:
            UnusualError: it says otherwise.
        """
        if _is_float(column) != _is_float(first):  # 1.0 is not 1 where two columns are compared
            raise UnusualError
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


def _is_float(column: Any) -> bool:
    from pyarrow import types

    return bool(types.is_floating(column.type))


class Beside:
    """A column beside the one that names the questions, with a number for each question."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.is_one_a_question = True
        self._of_question = np.zeros(0, np.int32)  # its text's number, from 1
        self._are_answers = True

    def add(
        self, column: Any, question: Int[np.ndarray, "n"], n_questions: int,
        answer: Int[np.ndarray, "n"],
    ) -> None:  # fmt: skip
        """Take a further batch, beside the question and the answer of each row.

        Raises:
            UnusualError: a cell is unusual.
        """
        number = numbers_of_texts(column, self.texts)
        grow(self._of_question, n_questions)
        if self.is_one_a_question:
            held = self._of_question
            self.is_one_a_question = bool(kernel(_one_a_group)(question, number, held))
        self._are_answers &= np.array_equal(number, answer)

    def repeats(self, answers: Texts) -> bool:
        """Whether it is the column of answers once more."""
        return self._are_answers and self.texts.equal(answers)

    def of_questions(self, n_questions: int) -> Int[np.ndarray, "Q"]:
        """The text of each question, by its number."""
        return self._of_question[:n_questions] - np.int32(1)


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
