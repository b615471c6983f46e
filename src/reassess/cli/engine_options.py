"""Options that say where work runs: ``--engine``, ``--address`` and their company."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reassess.cli.options import RegistryChoice, RegistryOption

if TYPE_CHECKING:
    from reassess.engines import Engine, EngineKind

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULT = "threads"


def _engines() -> "Mapping[str, EngineKind]":
    from reassess.engines import ENGINES

    return ENGINES


@dataclass(frozen=True)
class EngineChoice:
    """The engine that was asked for.

    Attributes:
        engine: a name of `reassess.engines.ENGINES`.
        workers: how many; None for as many as there is room for.
        address: of the cluster's head; None for what is here.
        engine_wait: seconds to wait for a first worker.
    """

    engine: str
    workers: int | None
    address: str | None
    engine_wait: float

    @property
    def is_here(self) -> bool:
        """Whether the work stays in this process."""
        return self.engine == _DEFAULT

    def start(self, gpus: int | None = 0) -> "AbstractContextManager[Engine]":
        """The engine, which ends with the block.

        Args:
            gpus: GPUs that each worker of a cluster holds; None for one where there are any.
        """
        from reassess.engines import ENGINES, EngineOptions

        options = EngineOptions(self.workers, self.address, self.engine_wait, gpus)
        return ENGINES[self.engine].start(options)


def engine_options(command: Command) -> Command:
    """The options; the command gets ``runs_on``, an `EngineChoice`."""

    @wraps(command)
    def gathered(**given: Any) -> Any:
        names = [one.name for one in fields(EngineChoice)]
        choice = EngineChoice(**{name: given.pop(name) for name in names})
        return command(runs_on=choice, **given)

    decorated: Any = gathered
    for decorate in (
        click.option("--workers", type=int, help="Threads, or workers of the cluster.  [default: "
                     "one a core]"),
        click.option("--engine-wait", type=click.FloatRange(0, min_open=True), default=60.0,
                     show_default=True, metavar="SECONDS",
                     help="Longest wait for a free worker of the cluster."),
        click.option("--address", metavar="HOST:PORT|auto",
                     help="Address of the cluster's head, for --engine ray.  [default: a Ray that "
                     "is started here]"),
        click.option("--engine", cls=RegistryOption, type=RegistryChoice(_engines),
                     default=_DEFAULT, help="Where the work runs, with the same result. {names}.  "
                     "[default: threads]"),
    ):  # fmt: skip
        decorated = decorate(decorated)
    result: Command = decorated
    return result
