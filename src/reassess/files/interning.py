"""Texts and pairs numbered as they first appear, without a Python object for any of them.

`Texts` numbers the texts of Arrow's columns, batch after batch, and keeps the distinct ones as one
column of bytes with the end of each. `Pairs` does it for two numbers a row.

A text is hashed and compared by eight bytes at a time, once for each entry of a batch's dictionary.
As long as texts ascend, as ids of sorted files do, each is only held against the one before, and
nothing is hashed. Where nothing is sorted a table of numbers is larger than the processor's cache,
and a look-up waits for memory: so some entries are looked up at once, of which each waits for the
same time.

Does not know what the texts are: `reassess.files.arrow_votes` does. The kernels are compiled by
numba when they are first called, and cached on disk.
"""

from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Int, Integer, UInt

from reassess.compiled import Kernel, compiled
from reassess.engines import RowShard, ThreadEngine, cut_rows
from reassess.records.arrays import TextBytes

_Array = np.ndarray[Any, np.dtype[Any]]

_GROWTH = 1.25
"""What is grown is grown in place and filled with zeros, so that pages beyond this are paid for."""

_AT_ONCE = 32
"""Entries that are looked up together."""

_MANY = 1 << 16
"""Entries of a batch, and texts that are known, from which all threads look them up: each waits for
memory most of the time."""

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
        self._bytes = np.zeros(16, np.uint8)
        self._slots = np.zeros(0, np.uint64)  # none while the texts ascend
        self._number = np.zeros(0, np.int32)

    def number(
        self,
        code: Int[np.ndarray, "n"] | None,
        offsets: Int[np.ndarray, "ends"],
        data: UInt[np.ndarray, "b"],
    ) -> Int[np.ndarray, "n"]:
        """The number of each row's text, in an array that the next call may write to.

        Args:
            code: for each row its text in a dictionary; None where each has one of its own.
            offsets: where the texts of the dictionary begin and end.
            data: their bytes.
        """
        local = np.full(len(offsets) - 1, -1, np.int32)
        if code is None:
            new = np.arange(len(local), dtype=np.int32)
        else:
            new = np.empty(min(len(local), len(code)), np.int32)
            new = new[: kernel(_first_rows)(code, local, new)]
        self._make_room(len(new), int(offsets[-1] - offsets[0]))
        if len(data) < 16:
            data = np.append(data, np.zeros(16, np.uint8))
        if len(self._slots) and min(self.n, len(new)) >= _MANY:
            new = self._find(new, offsets, data, local)
        done = self._take(new, offsets, data, local)
        if done < len(new):
            self._place_all(self.n + len(new))
            self._take(new[done:], offsets, data, local)
        if code is None:
            return local
        self._number = at_least(self._number, len(code))
        number = self._number[: len(code)]
        kernel(_look_up)(code, local, number)
        return number

    def forget(self, n: int, kinds: int) -> None:
        """Let go of all but the first n texts, which are of these kinds."""
        self.n, self.kinds = n, kinds
        if len(self._slots):
            self._slots = self._slots[:0]
            self._place_all(n)

    def _place_all(self, room: int) -> None:
        """Make a table for so many texts in all, and number those that there are again."""
        n, self.n = self.n, 0
        self._make_slots(room)
        again = np.arange(n, dtype=np.int32)  # they are written where they are
        self._take(again, self._ends, self._bytes, np.empty(n, np.int32))

    def _make_room(self, n: int, n_bytes: int) -> None:
        """Room for so many further texts."""
        grow(self._ends, self.n + n + 1)
        grow(self._bytes, int(self._ends[self.n]) + n_bytes + 8)  # a word begins at each byte
        if len(self._slots):
            self._make_slots(self.n + n)

    def _make_slots(self, n: int) -> None:
        """A table for so many texts in all."""
        if 4 * n > 3 * len(self._slots):
            held, self._slots = self._slots, np.zeros(1 << (4 * n // 3).bit_length(), np.uint64)
            kernel(_place_again)(held, self._slots)

    def _take(
        self,
        new: Int[np.ndarray, "m"],
        offsets: Int[np.ndarray, "ends"],
        data: UInt[np.ndarray, "b"],
        local: Int[np.ndarray, "n"],
    ) -> int:
        """Number entries of a dictionary; how many, less than all where they ascend no longer."""
        least, most = self.depths if self.n else (1 << 31, 0)
        found = np.array([self.n, self.kinds, least, most], np.int64)
        done: int = kernel(_number_texts)(
            new, offsets, data, _words(data), local,
            self._slots, self._ends, self._bytes, _words(self._bytes), found, True,
        )  # fmt: skip
        self.n, self.kinds, least, most = found.tolist()
        self.depths = least, most
        return done

    def _find(
        self,
        new: Int[np.ndarray, "m"],
        offsets: Int[np.ndarray, "ends"],
        data: UInt[np.ndarray, "b"],
        local: Int[np.ndarray, "n"],
    ) -> Int[np.ndarray, "k"]:
        """Number the entries of a dictionary that are known, by all threads; the others."""

        def find(rows: RowShard) -> None:
            kernel(_number_texts)(
                new[rows.start : rows.stop], offsets, data, _words(data), local, self._slots,
                self._ends, self._bytes, _words(self._bytes), np.zeros(4, np.int64), False,
            )  # fmt: skip

        with ThreadEngine() as threads:
            for _ in threads.map(find, cut_rows(len(new), _MANY // 2)):
                pass
        others: Int[np.ndarray, "k"] = new[local[new] < 0]
        return others

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

    def equal(self, other: "Texts") -> bool:
        """Whether the other has the same texts, in the same order."""
        ends = self._ends[: self.n + 1]
        return np.array_equal(ends, other._ends[: other.n + 1]) and np.array_equal(
            self._bytes[: ends[-1]], other._bytes[: ends[-1]]
        )

    def so_far(self) -> TextBytes:
        """All texts; valid until a further one is numbered."""
        ends = self._ends[: self.n + 1]
        is_ascii = not self.kinds & NOT_ASCII
        return TextBytes(self._bytes[: ends[-1]], ends, is_ascii=is_ascii)

    def as_bytes(self) -> TextBytes:
        """All texts; they are given up."""
        self._ends.resize(self.n + 1, refcheck=False)
        self._bytes.resize(int(self._ends[-1]), refcheck=False)
        return TextBytes(self._bytes, self._ends, is_ascii=not self.kinds & NOT_ASCII)


class Pairs:
    """Distinct pairs of numbers in the order of their first appearance, and how often each occurs.

    Args:
        most: as that of `Texts`.

    Attributes:
        n: how many there are.
        ones: the first number of each pair, and room for more.
        others: the second number of each, likewise.
    """

    def __init__(self, most: int = 0) -> None:
        self.n = 0
        self.ones = np.zeros(most, np.int32)
        self.others = np.zeros(most, np.int32)
        self._slots = np.zeros((0, 2), np.uint64)

    def make_room(self, n: int) -> None:
        """Room for so many further pairs."""
        grow(self.ones, self.n + n)
        grow(self.others, self.n + n)

    def number(
        self, one: Int[np.ndarray, "n"], other: Int[np.ndarray, "n"]
    ) -> Int[np.ndarray, "n"]:
        """The number of each row's pair, which are 0 or more."""
        self.make_room(len(one))
        room = self.n + len(one)
        if 4 * room > 3 * len(self._slots):
            held = self._slots
            self._slots = np.zeros((1 << (4 * room // 3).bit_length(), 2), np.uint64)
            if len(held):
                kernel(_place_pairs_again)(held, self._slots)
            else:
                kernel(_place_pairs)(self._slots, self.ones[: self.n], self.others[: self.n])
        number = np.empty(len(one), np.int32)
        self.n = kernel(_number_pairs)(
            one, other, self.ones, self.others, self._slots, number, self.n
        )
        return number

    def add_counts(self, counts: Int[np.ndarray, "N"]) -> None:
        """Add to counts how often each pair occurs among those that were numbered."""
        kernel(_add_counts)(self._slots, counts)


def grow(array: _Array, size: int) -> None:
    """Give an array at least this size, in place."""
    if size > len(array):
        array.resize(max(size, int(_GROWTH * len(array))), refcheck=False)


def at_least(buffer: _Array, size: int) -> _Array:
    """A buffer of this size, the same one where it is large enough.

    What is allocated anew for each batch is mapped and cleared page by page each time.
    """
    return buffer if len(buffer) >= size else np.empty(size, buffer.dtype)


def occurrences(numbers: Int[np.ndarray, "n"], n: int) -> Int[np.ndarray, "N"]:
    """How often each number below n occurs; `numpy.bincount` makes integers of 8 bytes first."""
    counts = np.zeros((4, n), np.int64)
    kernel(_count)(numbers, counts)
    found: Int[np.ndarray, "N"] = counts.sum(axis=0)
    return found


def occurring(numbers: Integer[np.ndarray, "n"]) -> Int[np.ndarray, "m"]:
    """The distinct ones of numbers of 0 or more, ascending."""
    occurs = np.zeros(int(numbers.max(initial=0)) + 1, np.bool_)
    kernel(_mark)(numbers, occurs)
    return np.flatnonzero(occurs)


def replace(numbers: Int[np.ndarray, "n"], table: Int[np.ndarray, "m"]) -> None:
    """Write for each number what a table has for it, in place."""
    kernel(_look_up)(numbers, table, numbers)


def _words(data: UInt[np.ndarray, "b"]) -> UInt[np.ndarray, "w"]:
    """The eight bytes that begin at each byte, as numbers; of 16 bytes or more."""
    return np.ndarray((len(data) - 7,), np.uint64, data, strides=(1,))


def kernel(function: Callable[..., Any]) -> Kernel:
    """A kernel, compiled when it is first called.

    Raises:
        MissingExtraError: numba is not installed.
    """
    return compiled(function, "reading large tables of votes")


@no_type_check
def _first_rows(code, local, new):
    """Write the entries that occur, as they first do, and mark them; return how many there are."""
    n = np.uint64(0)
    for row in range(len(code)):
        c = code[row]
        if local[c] == -1:
            local[c] = -2
            new[n] = c
            n += np.uint64(1)
            if n == np.uint64(len(local)):  # all of a small dictionary, long before the last row
                break
    return n


@no_type_check
def _count(numbers, counts):
    """Add to counts [4, n] how often each number occurs.

    Of few numbers many are alike, and a count would wait for the one before: so four are kept.
    """
    for row in range(len(numbers)):
        counts[row & 3, numbers[row]] += 1


@no_type_check
def _mark(numbers, occurs):
    for row in range(len(numbers)):
        occurs[numbers[row]] = True


@no_type_check
def _look_up(code, table, out):
    for row in range(len(code)):
        out[row] = table[code[row]]


@no_type_check
def _number_texts(  # noqa: PLR0912, PLR0915 -- one loop, whose parts share what it has read
    new, offsets, data, words, local, slots, ends, text, text_words, found, adds
):
    """Write the number of each new entry into local; add the new texts, and their kinds to found.

    Unless it adds, entries whose texts are new are passed over; it writes to nothing but local.

    A slot holds a hash of 32 bits beside a text's number, from 1 on. Without slots the texts must
    ascend; return how many entries are done, which is all of them unless one does not.
    """
    ascend = len(slots) == 0
    mask = np.uint64(len(slots) - 1)
    one, eight, low = np.uint64(1), np.uint64(8), np.uint64(0xFFFFFFFF)
    n, kinds, least, most = found[0], found[1], found[2], found[3]
    hashes, seen = np.empty(_AT_ONCE, np.uint64), np.empty(_AT_ONCE, np.uint64)
    place_of, head_of = np.empty(_AT_ONCE, np.uint64), np.empty(_AT_ONCE, np.uint64)
    slot_of = np.empty(_AT_ONCE, np.uint64)
    for begin in range(0, len(new), _AT_ONCE):
        here = min(_AT_ONCE, len(new) - begin)
        for i in range(0 if ascend else here):
            start, stop = np.uint64(offsets[new[begin + i]]), np.uint64(offsets[new[begin + i] + 1])
            wide = np.uint64(0x9E3779B97F4A7C15) ^ (stop - start)
            at = start
            while at + eight <= stop:
                wide = (wide ^ words[at]) * np.uint64(0xFF51AFD7ED558CCD)
                wide ^= wide >> np.uint64(32)
                at += eight
            word = np.uint64(0)
            if at < stop and stop - start >= eight:
                word = words[stop - eight]
            else:
                while at < stop:
                    word = (word << eight) | np.uint64(data[at])
                    at += one
            wide = (wide ^ word) * np.uint64(0xC4CEB9FE1A85EC53)
            wide ^= wide >> np.uint64(29)
            hashes[i] = (wide ^ (wide >> np.uint64(32))) & low
            seen[i] = slots[hashes[i] & mask]
        for i in range(0 if ascend else here):
            slot, held = hashes[i] & mask, seen[i]
            while held and held >> np.uint64(32) != hashes[i]:
                slot = (slot + one) & mask
                held = slots[slot]
            slot_of[i], seen[i] = slot, held
            known = held & low
            place_of[i] = np.uint64(ends[known - one]) if known else np.uint64(0)
        for i in range(0 if ascend else here):
            head_of[i] = text_words[place_of[i]]  # so that it is there when it is compared
        for i in range(here):
            c = new[begin + i]
            start, stop = np.uint64(offsets[c]), np.uint64(offsets[c + 1])
            size = stop - start
            if ascend:
                place = np.uint64(ends[n - 1]) if n else np.uint64(0)
                before = np.uint64(ends[n]) - place
                shorter = min(size, before)
                at = np.uint64(0)
                while at + eight <= shorter and text_words[place + at] == words[start + at]:
                    at += eight
                while at < shorter and text[place + at] == data[start + at]:
                    at += one
                if n and at == shorter and size == before:  # a batch may end within its rows
                    local[c] = n - 1
                    continue
                if at < shorter:
                    follows = data[start + at] > text[place + at]
                else:
                    follows = n == 0 or size > before
                if not follows:
                    found[0], found[1], found[2], found[3] = n, kinds, least, most
                    return begin + i
            else:
                slot, held, place = slot_of[i], seen[i], place_of[i]
                if held == np.uint64(0):  # an entry before this one may have taken it
                    held = slots[slot]
                while held:
                    if held >> np.uint64(32) == hashes[i]:
                        known = held & low
                        if held != seen[i]:
                            place = np.uint64(ends[known - one])
                        same = np.uint64(ends[known]) - place == size
                        at = np.uint64(0)
                        while same and at + eight <= size:
                            same = text_words[place + at] == words[start + at]
                            at += eight
                        if same and at < size and size >= eight:
                            same = text_words[place + size - eight] == words[stop - eight]
                        else:
                            while same and at < size:
                                same = text[place + at] == data[start + at]
                                at += one
                        if same:
                            break
                    slot = (slot + one) & mask
                    held = slots[slot]
                if held:
                    local[c] = np.int32((held & low) - one)
                    continue
                if not adds:
                    continue
                slots[slot] = (hashes[i] << np.uint64(32)) | np.uint64(n + 1)
            place = np.uint64(ends[n])
            odd = size == 0 or data[start] <= 32 or data[stop - one] <= 32
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
            local[c] = n
            n += 1
    found[0], found[1], found[2], found[3] = n, kinds, least, most
    return len(new)


@no_type_check
def _place_again(held, slots):
    mask = np.uint64(len(slots) - 1)
    for old in range(len(held)):
        if held[old]:
            slot = (held[old] >> np.uint64(32)) & mask
            while slots[slot]:
                slot = (slot + np.uint64(1)) & mask
            slots[slot] = held[old]


@no_type_check
def _place_pairs(slots, ones, others):
    mask = np.uint64(len(slots) - 1)
    for number in range(len(ones)):
        key = (np.uint64(ones[number]) << np.uint64(32)) | np.uint64(others[number])
        mixed = (key ^ (key >> np.uint64(31))) * np.uint64(0xC4CEB9FE1A85EC53)
        slot = (mixed ^ (mixed >> np.uint64(32))) & mask
        while slots[slot, 1]:
            slot = (slot + np.uint64(1)) & mask
        slots[slot, 0], slots[slot, 1] = key, np.uint64(number + 1) << np.uint64(32)


@no_type_check
def _place_pairs_again(held, slots):
    mask = np.uint64(len(slots) - 1)
    for old in range(len(held)):
        if held[old, 1]:
            key = held[old, 0]
            mixed = (key ^ (key >> np.uint64(31))) * np.uint64(0xC4CEB9FE1A85EC53)
            slot = (mixed ^ (mixed >> np.uint64(32))) & mask
            while slots[slot, 1]:
                slot = (slot + np.uint64(1)) & mask
            slots[slot, 0], slots[slot, 1] = key, held[old, 1]


@no_type_check
def _number_pairs(one, other, ones, others, slots, number, n):
    """Write the number of the pair of each row, and count it; return how many pairs there are.

    A slot holds a pair, and beside it its number, from 1 on, over how often it occurs: so a look-up
    waits for memory once.
    """
    mask = np.uint64(len(slots) - 1)
    for row in range(len(one)):
        key = (np.uint64(one[row]) << np.uint64(32)) | np.uint64(other[row])
        mixed = (key ^ (key >> np.uint64(31))) * np.uint64(0xC4CEB9FE1A85EC53)
        slot = (mixed ^ (mixed >> np.uint64(32))) & mask
        held = slots[slot, 1]
        while held and slots[slot, 0] != key:
            slot = (slot + np.uint64(1)) & mask
            held = slots[slot, 1]
        if held == np.uint64(0):
            held = np.uint64(n + 1) << np.uint64(32)
            slots[slot, 0] = key
            ones[n], others[n] = one[row], other[row]
            n += 1
        slots[slot, 1] = held + np.uint64(1)
        number[row] = np.int32(held >> np.uint64(32)) - 1
    return n


@no_type_check
def _add_counts(slots, counts):
    for slot in range(len(slots)):
        held = slots[slot, 1]
        if held:
            counts[(held >> np.uint64(32)) - np.uint64(1)] += held & np.uint64(0xFFFFFFFF)
