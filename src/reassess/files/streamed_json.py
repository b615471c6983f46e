"""JSON of millions of lists, written some at a time; the same bytes as Python's own."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int, Shaped

from reassess.files.access import write_atomically

_AT_ONCE = 1 << 15
"""Images of which as much is made an object of Python at once."""


@dataclass(frozen=True, slots=True)
class ListsByImage:
    """A list of numbers for each image.

    Attributes:
        ids: the images; None where the lists stand alone, in their order.
        values: the numbers of all lists, one list after the other.
        ends: list n is ``values[ends[n]:ends[n + 1]]``.
    """

    ids: Shaped[np.ndarray, "N"] | None
    values: Shaped[np.ndarray, "L"]
    ends: Int[np.ndarray, "ends"]

    def parts(self) -> Iterator[Any]:
        """Objects that make one together, or lists that do."""
        for start in range(0, len(self.ends) - 1, _AT_ONCE):
            ends = self.ends[start : start + _AT_ONCE + 1]
            flat, places = self.values[ends[0] : ends[-1]].tolist(), (ends - ends[0]).tolist()
            lists = [flat[a:b] for a, b in pairwise(places)]
            if self.ids is None:
                yield lists
            else:
                yield dict(zip(self.ids[start : start + _AT_ONCE].tolist(), lists, strict=True))

    @property
    def brackets(self) -> str:
        """What stands around all of it."""
        return "[]" if self.ids is None else "{}"


@dataclass(frozen=True, slots=True)
class ListOfIds:
    """A list of ids."""

    ids: Shaped[np.ndarray, "N"]
    brackets: ClassVar[str] = "[]"

    def parts(self) -> Iterator[list[str]]:
        """Lists that make one together."""
        for start in range(0, len(self.ids), _AT_ONCE):
            yield self.ids[start : start + _AT_ONCE].tolist()


def write_json(value: Any, path: Path) -> str:
    """Write a value as JSON, in which the values of an object may be streamed.

    Returns:
        SHA-256 of what was written, hexadecimal.

    Raises:
        FileError: the file cannot be written.
    """
    found = hashlib.sha256()
    with write_atomically(path) as beside, beside.open("wb") as file:
        for piece in chain(_pieces(value), ["\n"]):
            content = piece.encode("utf-8")
            found.update(content)
            file.write(content)
    return found.hexdigest()


def _pieces(value: Any) -> Iterator[str]:
    """What `json.dumps` gives, in pieces."""
    streamed = ListsByImage | ListOfIds
    if isinstance(value, streamed):
        yield value.brackets[0]
        for number, part in enumerate(value.parts()):
            yield (", " if number else "") + json.dumps(part, ensure_ascii=False)[1:-1]
        yield value.brackets[1]
    elif isinstance(value, dict) and any(isinstance(one, streamed) for one in value.values()):
        for number, (name, one) in enumerate(value.items()):
            yield f"{', ' if number else '{'}{json.dumps(name, ensure_ascii=False)}: "
            yield from _pieces(one)
        yield "}"
    else:
        yield json.dumps(value, ensure_ascii=False)
