"""Where work runs: one argument, the same bytes out.

`Engine` is the contract; `ThreadEngine` runs shards in the threads of this process. `ENGINES`
names what work can run on. `cut_rows` cuts work into shards, and `JobShare` says which of them a
job of an array does.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from reassess.engines.base import Engine
from reassess.engines.shards import JobShare, RowShard, cut_rows
from reassess.engines.threads import ThreadEngine
from reassess.registry import Registry


@dataclass(frozen=True, slots=True)
class EngineKind:
    """A kind of engine.

    Attributes:
        name: what people type.
        start: starts one with so many workers, None for as many as there are cores; it ends with
            the block.
        summary: what it is, in one line for help.
    """

    name: str
    start: Callable[[int | None], AbstractContextManager[Engine]]
    summary: str


ENGINES: Registry[EngineKind] = Registry(
    "engine", [EngineKind("threads", ThreadEngine, "threads of this process")]
)
"""The engines, the default first."""

__all__ = [
    "ENGINES",
    "Engine",
    "EngineKind",
    "JobShare",
    "RowShard",
    "ThreadEngine",
    "cut_rows",
]
