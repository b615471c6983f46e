"""Turns: so many threads at a time, in the order in which they came.

Python's own locks let whoever runs at the moment jump the queue, so that under load some
raters wait for ever; here a turn that is given up is handed to the one who waits longest.
Threads that wait their turn do not fight for the interpreter either.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """At most ``n`` threads inside `turn` at once, first come, first served."""

    def __init__(self, n: int) -> None:
        self._free = n
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Wait for a turn and keep it for the block.

        Raises:
            TimeoutError: none came within so many seconds.
        """
        with self._guard:
            mine = None
            if self._free:
                self._free -= 1
            else:
                mine = threading.Event()
                self._waiting.append(mine)
        if mine is not None and not mine.wait(seconds):
            with self._guard:
                if not mine.is_set():
                    self._waiting.remove(mine)
                    raise TimeoutError(f"no turn came within {seconds:g} seconds: it is locked")
        try:
            yield
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._free += 1
