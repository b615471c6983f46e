"""Texts and pairs numbered as they first appear, without a Python object for any of them.

`Texts` numbers the texts of Arrow's columns, batch after batch, and keeps the distinct ones as one
column of bytes with the end of each. `Pairs` does it for two numbers a row; where equal pairs stand
together, as in a table that is sorted by question, no pair is ever hashed. `grouped` brings rows
into the order of their groups.

Does not know what the texts are: `reassess.files.arrow_votes` does. The kernels are compiled by
numba when they are first called, and cached on disk.
"""

import functools
from collections.abc import Callable, Iterator
from typing import IO, Any, no_type_check

import numpy as np
from jaxtyping import Int, Shaped, UInt

from reassess.errors import MissingExtraError
from reassess.records.arrays import texts_from_bytes

_Array = np.ndarray[Any, np.dtype[Any]]
_ROWS_AT_ONCE = 1 << 20

_GROWTH = 1.25
"""What is grown is grown in place and filled with zeros, so that pages beyond this are paid for."""

ODD, NOT_ASCII = 1, 2
"""What `Texts.kinds` holds: a text with blanks around it, a control character or nothing in it; and
one that is not ASCII."""


class Texts:
    """Distinct texts in the order of their first appearance.

    Args:
        most: how many there can be, as far as that is known; memory that is not written to is only
            reserved.

    Attributes:
        n: how many there are.
        kinds: of what kinds they are: `ODD` and `NOT_ASCII`, added up.
        depths: the fewest and the most ``/`` in one of them.
    """

    def __init__(self, most: int = 0) -> None:
        self.n = 0
        self.kinds = 0
        self.depths = (0, 0)
        self._ends = np.zeros(most + 1, np.int64)
        self._bytes = np.zeros(0, np.uint8)
        self._hashes = np.zeros(most, np.uint32)
        self._slots = np.full(1 << 10, -1, np.int32)

    def number(
        self,
        code: Int[np.ndarray, "n"],
        offsets: Int[np.ndarray, "ends"],
        data: UInt[np.ndarray, "b"],
    ) -> Int[np.ndarray, "n"]:
        """The number of each row's text.

        Args:
            code: for each row its text in a dictionary.
            offsets: where the texts of the dictionary begin and end.
            data: their bytes.
        """
        n_texts = len(offsets) - 1
        self._make_room(min(n_texts, len(code)), int(offsets[-1] - offsets[0]))
        local = np.full(n_texts, -1, np.int32)
        number = np.empty(len(code), np.int32)
        least, most = self.depths if self.n else (1 << 31, 0)
        found = np.array([self.n, self.kinds, least, most], np.int64)
        _kernel(_number_texts)(
            code, offsets, data, local, number,
            self._slots, self._hashes, self._ends, self._bytes, found,
        )  # fmt: skip
        self.n, self.kinds, least, most = found.tolist()
        self.depths = least, most
        return number

    def _make_room(self, n: int, n_bytes: int) -> None:
        """Room for so many further texts."""
        grow(self._ends, self.n + n + 1)
        grow(self._hashes, self.n + n)
        grow(self._bytes, int(self._ends[self.n]) + n_bytes)
        if 2 * (self.n + n) > len(self._slots):
            size = 1 << (2 * (self.n + n)).bit_length()
            self._slots = np.full(size, -1, np.int32)
            _kernel(_place_hashes)(self._slots, self._hashes[: self.n])

    @property
    def lengths(self) -> Int[np.ndarray, "N"]:
        """Bytes of each text."""
        lengths: Int[np.ndarray, "N"] = np.diff(self._ends[: self.n + 1])
        return lengths

    def first_bytes(self) -> UInt[np.ndarray, "N"]:
        """The first byte of each text, none of which may be empty."""
        first: UInt[np.ndarray, "N"] = self._bytes[self._ends[: self.n]]
        return first

    def not_ascii(self) -> list[str]:
        """The texts that are not ASCII."""
        ends = self._ends[: self.n + 1]
        before = np.zeros(int(ends[-1]) + 1, np.int32)
        np.cumsum(self._bytes[: int(ends[-1])] > 126, out=before[1:])
        return self.some(np.flatnonzero(before[ends[1:]] > before[ends[:-1]]))

    def some(self, rows: Int[np.ndarray, "n"]) -> list[str]:
        """The texts with these numbers."""
        ends = self._ends
        return [bytes(self._bytes[ends[i] : ends[i + 1]]).decode() for i in rows.tolist()]

    def all_as_list(self) -> list[str]:
        """All texts."""
        return self.some(np.arange(self.n))

    def as_array(self) -> Shaped[np.ndarray, "N"]:
        """All texts as an array; see `texts_from_bytes`."""
        ends = self._ends[: self.n + 1]
        is_ascii = not self.kinds & NOT_ASCII
        return texts_from_bytes(self._bytes[: int(ends[-1])], ends, is_ascii=is_ascii)


class Pairs:
    """Distinct pairs of numbers in the order of their first appearance.

    Args:
        most: as that of `Texts`.

    Attributes:
        n: how many there are.
        is_grouped: whether all rows of each pair stood together, and all pairs of each first
            number.
    """

    def __init__(self, most: int = 0) -> None:
        self.n = 0
        self.is_grouped = True
        self._one = np.zeros(most, np.int32)
        self._other = np.zeros(most, np.int32)
        self._seen = np.zeros(0, np.int32)
        self._slots = np.zeros(0, np.int32)

    @property
    def one(self) -> Int[np.ndarray, "Q"]:
        """The first number of each pair."""
        return self._one[: self.n]

    @property
    def other(self) -> Int[np.ndarray, "Q"]:
        """The second number of each pair."""
        return self._other[: self.n]

    def number(
        self, one: Int[np.ndarray, "n"], other: Int[np.ndarray, "n"]
    ) -> Int[np.ndarray, "n"]:
        """The number of each row's pair.

        Args:
            one: the first number of each row, itself numbered as it first appears.
            other: the second, 0 or more.
        """
        number = np.empty(len(one), np.int32)
        grow(self._one, self.n + len(one))
        grow(self._other, self.n + len(one))
        row = 0
        if self.is_grouped:
            n_seen = len(self._seen)
            grow(self._seen, int(other.max(initial=0)) + 1)
            self._seen[n_seen:] = -1
            row, self.n = _kernel(_number_runs)(
                one, other, self._one, self._other, self._seen, number, self.n
            )
            self.is_grouped = row == len(one)
        if row < len(one):
            if 2 * (self.n + len(one)) > len(self._slots):
                size = 1 << (2 * (self.n + len(one))).bit_length()
                self._slots = np.full(size, -1, np.int32)
                _kernel(_place_pairs)(self._slots, self.one, self.other)
            self.n = _kernel(_number_pairs)(
                one, other, self._one, self._other, self._slots, number, self.n, row
            )
        return number


class Codes:
    """Numbers in the smallest integers that hold them.

    Args:
        most: as that of `Texts`.

    Attributes:
        n: how many there are.
    """

    def __init__(self, most: int = 0) -> None:
        self.n = 0
        self._most = most
        self._held: _Array = np.zeros(most, np.uint8)

    def add(self, numbers: Int[np.ndarray, "n"], end: int) -> None:
        """Take further numbers, which are below an end, as are all before."""
        small = np.min_scalar_type(max(end - 1, 0))
        if small.itemsize > self._held.itemsize:
            held, self._held = self._held, np.zeros(max(self._most, self.n), small)
            self._held[: self.n] = held[: self.n]
        grow(self._held, self.n + len(numbers))
        self._held[self.n : self.n + len(numbers)] = numbers
        self.n += len(numbers)

    @property
    def numbers(self) -> UInt[np.ndarray, "n"]:
        """All of them."""
        return self._held[: self.n]

    def as_type(self, kind: np.dtype[Any]) -> UInt[np.ndarray, "n"]:
        """All of them in integers of a type, to be changed; they are given up."""
        self._held.resize(self.n, refcheck=False)
        held, self._held = self._held, self._held[:0]
        return held.astype(kind, copy=False)


class Spill:
    """Arrays of numbers that wait in a file, in the order in which they came.

    Args:
        file: open to write and to read, and empty.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lengths: list[int] = []

    def add(self, numbers: Int[np.ndarray, "n"]) -> None:
        """Put numbers of 32 bits down."""
        for start in range(0, len(numbers), _ROWS_AT_ONCE):
            some = numbers[start : start + _ROWS_AT_ONCE]
            self._file.write(some.astype(np.int32, copy=False).tobytes())
            self._lengths.append(len(some))

    def arrays(self) -> Iterator[Int[np.ndarray, "n"]]:
        """Take them up again."""
        self._file.seek(0)
        for n in self._lengths:
            yield np.frombuffer(self._file.read(4 * n), np.int32)


def scatter(
    group: Int[np.ndarray, "n"], values: UInt[np.ndarray, "n"], place: Int[np.ndarray, "Q"],
    out: UInt[np.ndarray, "V"],
) -> None:  # fmt: skip
    """Put each value where its group's next one belongs, and move the place of the group on."""
    _kernel(_scatter)(group, values, place, out)


def count(number: Int[np.ndarray, "n"], counts: Int[np.ndarray, "Q"]) -> None:
    """Add to the counts how often each number occurs."""
    _kernel(_count)(number, counts)


def repeats(
    indptr: Int[np.ndarray, "ends"], code: UInt[np.ndarray, "V"], n_answers: int, n_raters: int
) -> bool:
    """Whether a rater occurs twice in a group; a code is rater · A + answer."""
    found: bool = _kernel(_repeats)(indptr, code, n_answers, np.full(n_raters, -1, np.int32))
    return found


def grow(array: _Array, size: int) -> None:
    """Give an array at least this size, in place."""
    if size > len(array):
        array.resize(max(size, int(_GROWTH * len(array))), refcheck=False)


@functools.cache
def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel compiled when it is first called, and cached on disk.

    Raises:
        MissingExtraError: numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise MissingExtraError("numba", "study", "reading large tables of votes") from error
    kernel: Callable[..., Any] = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return kernel


@no_type_check
def _number_texts(  # noqa: PLR0912, PLR0915 -- one loop, whose parts share what it has read
    code, offsets, data, local, number, slots, hashes, ends, text, found
):
    """Write the number of each row's text; add the new ones, and their kinds to found."""
    mask = np.uint32(len(slots) - 1)
    n, kinds, least, most = found[0], found[1], found[2], found[3]
    for row in range(len(code)):
        c = code[row]
        if local[c] >= 0:
            number[row] = local[c]
            continue
        start, stop = offsets[c], offsets[c + 1]
        size = stop - start
        wide = np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(size)
        at = start
        while at + 8 <= stop:
            word = np.uint64(0)
            for k in range(8):
                word |= np.uint64(data[at + k]) << np.uint64(8 * k)
            wide = (wide ^ word) * np.uint64(0xFF51AFD7ED558CCD)
            wide ^= wide >> np.uint64(32)
            at += 8
        word = np.uint64(0)
        while at < stop:
            word = (word << np.uint64(8)) | np.uint64(data[at])
            at += 1
        wide = (wide ^ word) * np.uint64(0xC4CEB9FE1A85EC53)
        wide ^= wide >> np.uint64(29)
        short = np.uint32(wide ^ (wide >> np.uint64(32)))
        slot = short & mask
        while True:
            known = slots[slot]
            if known < 0:
                break
            if hashes[known] == short and ends[known + 1] - ends[known] == size:
                place = ends[known]
                same = True
                for k in range(size):
                    if text[place + k] != data[start + k]:
                        same = False
                        break
                if same:
                    break
            slot = (slot + np.uint32(1)) & mask
        if known < 0:
            known = np.int32(n)
            slots[slot] = known
            hashes[n] = short
            place = ends[n]
            odd = size == 0 or data[start] <= 32 or data[stop - 1] <= 32
            foreign = False
            depth = 0
            for k in range(size):
                byte = data[start + k]
                text[place + k] = byte
                odd |= byte < 32
                foreign |= byte > 126
                depth += byte == 47
            ends[n + 1] = place + size
            kinds |= np.int64(odd) | (np.int64(foreign) << 1)
            least, most = min(least, depth), max(most, depth)
            n += 1
        local[c] = known
        number[row] = known
    found[0], found[1], found[2], found[3] = n, kinds, least, most


@no_type_check
def _place_hashes(slots, hashes):
    mask = np.uint32(len(slots) - 1)
    for number in range(len(hashes)):
        slot = hashes[number] & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint32(1)) & mask
        slots[slot] = number


@no_type_check
def _number_runs(one, other, ones, others, seen, number, n):
    """Number pairs as long as equal ones stand together; the row up to which they do, and n."""
    for row in range(len(one)):
        a, b = one[row], other[row]
        last = ones[n - 1] if n else np.int32(-1)
        if n == 0 or a != last or b != others[n - 1]:
            if a < last or (a == last and seen[b] == a):
                return row, n
            ones[n], others[n] = a, b
            seen[b] = a
            n += 1
        number[row] = n - 1
    return len(one), n


@no_type_check
def _place_pairs(slots, ones, others):
    mask = np.uint64(len(slots) - 1)
    for number in range(len(ones)):
        key = (np.uint64(ones[number]) << np.uint64(32)) | np.uint64(others[number])
        key = (key ^ (key >> np.uint64(31))) * np.uint64(0xC4CEB9FE1A85EC53)
        slot = (key ^ (key >> np.uint64(32))) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = number


@no_type_check
def _number_pairs(one, other, ones, others, slots, number, n, first):
    """Write the number of the pair of each row from the first on; return how many there are."""
    mask = np.uint64(len(slots) - 1)
    for row in range(first, len(one)):
        a, b = one[row], other[row]
        key = (np.uint64(a) << np.uint64(32)) | np.uint64(b)
        key = (key ^ (key >> np.uint64(31))) * np.uint64(0xC4CEB9FE1A85EC53)
        slot = (key ^ (key >> np.uint64(32))) & mask
        known = slots[slot]
        while known >= 0 and (ones[known] != a or others[known] != b):
            slot = (slot + np.uint64(1)) & mask
            known = slots[slot]
        if known < 0:
            known = np.int32(n)
            slots[slot] = known
            ones[n], others[n] = a, b
            n += 1
        number[row] = known
    return n


@no_type_check
def _scatter(group, values, place, out):
    for row in range(len(group)):
        out[place[group[row]]] = values[row]
        place[group[row]] += 1


@no_type_check
def _count(number, counts):
    for row in range(len(number)):
        counts[number[row]] += 1


@no_type_check
def _repeats(indptr, code, n_answers, last):
    for group in range(len(indptr) - 1):
        for vote in range(indptr[group], indptr[group + 1]):
            rater = code[vote] // n_answers
            if last[rater] == group:
                return True
            last[rater] = group
    return False
