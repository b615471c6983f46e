"""The contract of an engine.

Shards are cut by the data (fixed size), never by the number of workers, and results come
in the order of the shards, so that one worker and sixty-four give the same floats. What is
distributed is a sum. A shard that fails raises; nothing is skipped.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

Shard = TypeVar("Shard")
Result = TypeVar("Result")


@runtime_checkable
class Engine(Protocol):
    """Something that applies a function to shards."""

    def map(self, function: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
        """Yield ``function(shard)`` in the order of the shards."""
