"""Shards on a Ray cluster, or on a Ray that is started on this machine.

Each worker is an actor that holds one processor (and where asked a GPU) and runs one block of
shards at a time. The driver hands blocks to workers that are there and to nobody else, so nothing
hangs in a queue of Ray's: where no worker comes within the stated wait, the work is refused. A
block whose worker or node dies goes to another worker, at most `ATTEMPTS` times; the lost worker is
asked for again, here or on another node. Letters: W workers.

Which shards there are is for the caller (`reassess.engines.base`), what they cost for
`docs/cluster.md`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TypeVar

from reassess.engines.ray_cluster import check_same_versions, connect, describe_room, note_small_shm
from reassess.engines.ray_jobs import Block, Job, Placed, place_blocks
from reassess.engines.ray_worker import Failure, Worker
from reassess.errors import EngineError, OptionError, ReassessError

Shard = TypeVar("Shard")
Result = TypeVar("Result")

ATTEMPTS = 3
"""Workers that a block may take down before the work is refused: one that needs more memory than
there is takes down any."""

PATIENCE = 60.0
"""Seconds that work waits for a first worker, at the start and after all were lost."""

_POLL = 1.0
"""Seconds between two looks at the clock while nothing comes."""


class RayEngine:
    """Workers on a Ray cluster; a context manager that gives them back.

    Args:
        workers: W; None takes one for each processor of the cluster, or for each GPU where they
            are asked for.
        address: ``HOST:PORT`` of the cluster's head, or ``auto`` for that of this machine; None
            starts a Ray here, or takes the one that this process has started.
        patience: seconds to wait for a first worker.
        gpus: GPUs that each worker holds; None for one where the cluster has any.

    Raises:
        MissingExtraError: Ray is not installed.
        OptionError: a number is out of range, or the address is none.
        EngineError: no cluster answers there, no worker comes within the wait, or a node has
            another version of reassess, Python or NumPy.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        address: str | None = None,
        patience: float = PATIENCE,
        gpus: int | None = 0,
    ) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers is {workers}, but must be 1 or more.")
        if not patience > 0:
            raise OptionError(f"the wait is {patience} s, but must be more than 0 s.")
        self._ray, self._started_here = connect(address, workers, gpus)
        self._patience = patience
        self._lost = ""
        self._idle: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._running: dict[Any, tuple[Job, Block, Any]] = {}
        try:
            resources = self._ray.cluster_resources()
            if gpus is None:
                gpus = 1 if resources.get("GPU", 0) else 0
            self._gpus = gpus
            n_there = resources.get("GPU", 0) // gpus if gpus else resources.get("CPU", 0)
            self._actor = self._ray.remote(Worker).options(
                num_cpus=1, num_gpus=gpus, max_restarts=0, scheduling_strategy="SPREAD"
            )
            for _ in range(max(1, int(n_there) if workers is None else workers)):
                self._start_worker()
            self._last_seen = time.monotonic()
            while not self._idle:
                self._collect()
        except BaseException:
            self.close()
            raise

    @property
    def workers(self) -> int:
        """How many workers are there or asked for."""
        return len(self._idle) + len(self._running) + len(self._starting)

    def map(self, function: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
        """Yield ``function(shard)`` in the order of the shards; arrays in it are read-only.

        Raises:
            Exception: what a shard raised, with a note that names it.
            EngineError: a shard lost its worker `ATTEMPTS` times, or there was no worker for
                longer than the wait.
        """
        with self._job(function, shards) as job:
            while True:
                while job.ready():
                    yield from job.pop()
                if job.is_done():
                    return
                while self._idle and (block := job.take(self._idle[-1], 4 * self.workers)):
                    self._submit(job, block, self._idle.pop())
                if not job.ready() and not job.is_done():
                    self._collect()
                if job.error is not None:
                    raise job.error

    def place(self, shards: Iterable[Shard]) -> "_Placement":
        """The shards in the cluster's memory; each stays with the worker that takes it first."""
        return _Placement(self, list(shards))

    @contextmanager
    def _job(self, function: Callable[[Any], Any], shards: Iterable[Any]) -> Iterator[Job]:
        job = Job([self._ray.put(function)], shards)
        try:
            yield job
        finally:  # what still runs is of no use: its worker is idle when it is done
            job.abandoned = True

    def _start_worker(self) -> None:
        worker = self._actor.remote()
        self._starting[worker.hello.remote()] = worker

    def _submit(self, job: Job, block: Block, worker: Any) -> None:
        reference = worker.run.remote(job.name, job.function, block.key, block.shards)
        self._running[reference] = job, block, worker

    def _collect(self) -> None:
        """Wait until something comes, and take all that has come.

        Raises:
            EngineError: there was no worker for longer than the wait.
        """
        references = [*self._running, *self._starting]
        ready, _ = self._ray.wait(references, num_returns=1, timeout=_POLL)
        if ready:
            ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        for reference in ready:
            if reference in self._starting:
                self._greet(reference, self._starting.pop(reference))
            else:
                self._take(reference, *self._running.pop(reference))
        if self._idle or self._running:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > self._patience:
            raise EngineError(
                f"no worker was free for {self._patience:g} s: each needs {self._needs()}, but "
                f"{describe_room(self._ray)}{self._lost}. Wait until others are done, ask for "
                "more nodes, or wait longer (--engine-wait SECONDS)."
            )

    def _needs(self) -> str:
        return "1 CPU" + (f" and {self._gpus} GPU" if self._gpus else "")

    def _greet(self, reference: Any, worker: Any) -> None:
        """Take a worker that is there, if it is as this process is."""
        try:
            node = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:  # its node went before it was there
            self._lost = f"; the last worker ended as it began ({_short(error)})"
            self._start_worker()
            return
        check_same_versions(node)
        note_small_shm(node.host, node.shm_bytes)
        self._idle.append(worker)

    def _take(self, reference: Any, job: Job, block: Block, worker: Any) -> None:
        """Take what came of a block: results, an error of its own, or the loss of its worker."""
        try:
            results = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(worker)
            results = Failure(0, EngineError(_short(error)), str(error))
        except self._ray.exceptions.RayError as error:
            self._replace(job, block, worker, error)
            return
        else:
            self._idle.append(worker)
        if job.abandoned:
            return
        if isinstance(results, Failure):
            job.error = results.error
            job.error.add_note(f"It was raised in {block.name(results.place)}.")
            if not isinstance(job.error, ReassessError):
                job.error.add_note(results.traceback)
        else:
            job.done[block.number] = results

    def _replace(self, job: Job, block: Block, worker: Any, error: Exception) -> None:
        """Give a block whose worker was lost to another, and ask for a worker instead of it."""
        with suppress(Exception):
            self._ray.kill(worker)
        self._start_worker()
        block.attempts += 1
        if block.attempts >= ATTEMPTS:
            job.error = EngineError(
                f"{block.name()} lost its worker {ATTEMPTS} times ({_short(error)}), so that it is "
                "likely to need more memory than a worker has. Give each more: fewer workers a "
                "node (--workers), or larger nodes."
            )
        job.put_back(block)

    def forget(self, placed: Placed) -> None:
        """Let go of shards that were placed; workers that run do so when they are done."""
        workers = [*self._idle, *(worker for _, _, worker in self._running.values())]
        for worker in workers:
            worker.forget.remote(placed.keys)

    def put(self, shards: Sequence[Any]) -> Placed:
        """Put shards into the cluster's memory, in a block for each worker.

        More blocks would even out what is uneven, but each costs every map a round trip.
        """
        return place_blocks(shards, self.workers, self._ray.put)

    def close(self) -> None:
        """Give the workers back, and end the Ray that was started for them."""
        workers = [*self._idle, *(one[2] for one in self._running.values())]
        for worker in [*workers, *self._starting.values()]:
            with suppress(Exception):
                self._ray.kill(worker)
        self._idle, self._running, self._starting = [], {}, {}
        if self._started_here:
            self._ray.shutdown()

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Placement:
    """Shards in the cluster's memory until the block ends."""

    def __init__(self, engine: RayEngine, shards: list[Any]) -> None:
        self._engine = engine
        self._shards = shards
        self._placed: Placed | None = None

    def __enter__(self) -> Placed:
        self._placed = self._engine.put(self._shards)
        self._shards = []
        return self._placed

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._placed is not None:
            self._engine.forget(self._placed)


def _short(error: BaseException) -> str:
    """What went wrong, of an error that Ray reports with a page of advice."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return f"{type(cause).__name__}: {cause}"[:300]
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # Where a worker could not be made, its own traceback stands last; else advice does.
    said = lines[-1] if "creation task" in lines[0] else lines[0].split(". ")[0]
    return said.strip().rstrip(".")[:300]
