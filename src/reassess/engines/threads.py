"""Shards in the threads of this process, for functions that release the GIL."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TypeVar

from reassess.engines.base import Numbered
from reassess.errors import OptionError

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class ThreadEngine:
    """Threads of this process; a context manager that ends them.

    The thread that asks for results is one of them: where a pass takes a millisecond, waking
    another thread for each shard and waiting for it took half as long again.

    Args:
        workers: number of threads; None takes one a core.

    Raises:
        OptionError: there is less than one worker.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers is {workers}, but must be 1 or more.")
        self.workers = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self.workers - 1) if self.workers > 1 else None

    def map(self, function: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
        """Yield ``function(shard)`` in the order of the shards."""
        if self._pool is None:
            return map(Numbered(function), enumerate(shards))
        numbered, run = list(enumerate(shards)), Numbered(function)
        futures = {one[0]: self._pool.submit(run, one) for one in numbered}
        return _in_order(run, numbered, futures)

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


def _in_order(
    run: Numbered, shards: list[tuple[int, Shard]], futures: dict[int, Future[Result]]
) -> Iterator[Result]:
    """Yield the results; while the next is awaited, run here what no thread has begun."""
    waiting = deque(shards)
    try:
        for number, _ in shards:
            while waiting and not futures[number].done():
                other = waiting.popleft()
                if other[0] in futures and futures[other[0]].cancel():
                    futures[other[0]] = _ran(run, other)
            yield futures.pop(number).result()
    finally:
        for future in futures.values():
            future.cancel()


def _ran(run: Numbered, shard: tuple[int, Shard]) -> Future[Result]:
    """The outcome of a shard, which is raised only when it is its turn."""
    outcome: Future[Result] = Future()
    try:
        outcome.set_result(run(shard))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised in its turn
        outcome.set_exception(error)
    return outcome
