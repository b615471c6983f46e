"""The contract of an engine.

Shards are cut by the data (fixed size), never by the number of workers, and results come
in the order of the shards, so that one worker and sixty-four give the same floats. What is
distributed is a sum. A shard that fails raises and names itself; nothing is skipped.

A function that is mapped must also run in another process: a function of a module, or a dataclass
of plain values with ``__call__``. A shard that is a part of something large says in ``__reduce__``
what of it travels, so that threads copy nothing and a cluster gets no more than the part.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

Shard = TypeVar("Shard")
Result = TypeVar("Result")


@runtime_checkable
class Engine(Protocol):
    """Something that applies a function to shards."""

    def map(self, function: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
        """Yield ``function(shard)`` in the order of the shards; arrays in it may be read-only."""

    def place(self, shards: Iterable[Shard]) -> AbstractContextManager[Iterable[Shard]]:
        """The shards, kept where the work runs until the block ends.

        For shards over which several functions are mapped, one after the other: they travel once.
        """


@dataclass(frozen=True, slots=True)
class Numbered:
    """Applies a function to a numbered shard; an error that escapes gets a note with its name.

    Attributes:
        function: what is applied.
    """

    function: Callable[[Any], Any]

    def __call__(self, numbered: tuple[int, Any]) -> Any:
        """The function's result for the shard."""
        number, shard = numbered
        try:
            return self.function(shard)
        except Exception as error:
            error.add_note(f"It was raised in {shard_name(number, shard)}.")
            raise


def shard_name(number: int, shard: object) -> str:
    """What messages call a shard: its number, counted from 1, and what it says of itself."""
    says = isinstance(shard, str | int) or "__str__" in vars(type(shard))
    return f"shard {number + 1:,} ({shard})" if says else f"shard {number + 1:,}"
