"""Shards in the threads of this process, for functions that release the GIL."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TypeVar

from reassess.engines.base import Numbered
from reassess.errors import OptionError

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class ThreadEngine:
    """Threads of this process; a context manager that ends them.

    Args:
        workers: number of threads; None takes one a core.

    Raises:
        OptionError: there is less than one worker.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers is {workers}, but must be 1 or more.")
        self.workers = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self.workers) if self.workers > 1 else None

    def map(self, function: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
        """Yield ``function(shard)`` in the order of the shards."""
        if self._pool is None:
            return map(Numbered(function), enumerate(shards))
        return self._pool.map(Numbered(function), enumerate(shards))

    def place(self, shards: Iterable[Shard]) -> AbstractContextManager[Iterable[Shard]]:
        """The shards, as they are: threads share memory."""
        return nullcontext(tuple(shards))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> "ThreadEngine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
