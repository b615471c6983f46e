"""Where work runs: one argument, the same bytes out.

`Engine` is the contract; `ThreadEngine` runs shards in the threads of this process, and
`reassess.engines.ray` on a cluster. `ENGINES` names what work can run on. `cut_rows` cuts work into
shards, and `JobShare` says which of them a job of an array does.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from reassess.engines.base import Engine
from reassess.engines.shards import JobShare, RowShard, cut_rows
from reassess.engines.threads import ThreadEngine
from reassess.errors import OptionError
from reassess.registry import Registry


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What an engine is started with.

    Attributes:
        workers: how many; None for as many as there are processors, or GPUs where they are asked
            for.
        address: ``HOST:PORT`` of a cluster's head, or ``auto`` for that of this machine; None for
            what is here.
        wait: seconds to wait for a first worker of a cluster.
        gpus: GPUs that each worker of a cluster holds; None for one where there are any.
    """

    workers: int | None = None
    address: str | None = None
    wait: float = 60.0
    gpus: int | None = 0


@dataclass(frozen=True, slots=True)
class EngineKind:
    """A kind of engine.

    Attributes:
        name: what people type.
        start: starts one; it ends with the block.
        summary: what it is, in one line for help.
    """

    name: str
    start: Callable[[EngineOptions], AbstractContextManager[Engine]]
    summary: str


def _threads(options: EngineOptions) -> AbstractContextManager[Engine]:
    if options.address is not None:
        raise OptionError(
            f"the address is {options.address!r}, but the engine 'threads' has none: it is this "
            "process. Leave it out, or take the engine 'ray'."
        )
    return ThreadEngine(options.workers)


def _ray(options: EngineOptions) -> AbstractContextManager[Engine]:
    from reassess.engines.ray import RayEngine

    return RayEngine(
        options.workers, address=options.address, patience=options.wait, gpus=options.gpus
    )


ENGINES: Registry[EngineKind] = Registry(
    "engine",
    [
        EngineKind("threads", _threads, "threads of this process"),
        EngineKind("ray", _ray, "workers of a Ray cluster, or of a Ray started here"),
    ],
)
"""The engines, the default first."""

__all__ = [
    "ENGINES",
    "Engine",
    "EngineKind",
    "EngineOptions",
    "JobShare",
    "RowShard",
    "ThreadEngine",
    "cut_rows",
]
