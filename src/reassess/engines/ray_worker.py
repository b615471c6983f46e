"""What runs on a worker of a Ray cluster: one block of shards at a time. Knows no driver."""

import pickle
import platform
import shutil
import socket
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import EngineError

SHM = Path("/dev/shm")  # noqa: S108 -- where Ray keeps objects, and not a file of ours


@dataclass(frozen=True, slots=True)
class Node:
    """What a worker says of where it is.

    Attributes:
        host: the node's name.
        versions: of reassess, Python and NumPy.
        shm_bytes: the size of /dev/shm; None where there is none.
    """

    host: str
    versions: dict[str, str]
    shm_bytes: int | None

    @classmethod
    def here(cls) -> "Node":
        """This process's own."""
        shm = shutil.disk_usage(SHM).total if SHM.is_dir() else None
        return cls(socket.gethostname(), versions(), shm)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a shard.

    Attributes:
        place: which shard of its block.
        error: what it raised.
        traceback: where, on the worker.
    """

    place: int
    error: Exception
    traceback: str


@dataclass
class Worker:
    """Runs blocks of shards; what was placed stays until it is forgotten.

    So does the last function, with all that it holds: a model is loaded once.
    """

    _held: dict[str, Sequence[Any]] = field(default_factory=dict)
    _function: tuple[str, Callable[[Any], Any]] | None = None

    def hello(self) -> Node:
        """Where this worker is."""
        return Node.here()

    def run(
        self, name: str, function: Sequence[Any], key: str | None, shards: Sequence[Any]
    ) -> list[Any] | Failure:
        """The function's results for the shards of a block, or the first error.

        Args:
            name: of the function, unlike that of any other.
            function: what the function is fetched by.
            key: the name of a block that was placed; None for shards that come along.
            shards: the shards, or of a placed block what they are fetched by.
        """
        if self._function is None or self._function[0] != name:
            self._function = name, _fetched(function[0])
        apply = self._function[1]
        if key is not None:
            if key not in self._held:
                self._held[key] = _fetched(shards[0])
            shards = self._held[key]
        results = []
        for place, shard in enumerate(shards):
            try:
                results.append(apply(shard))
            except Exception as error:  # noqa: BLE001 -- it is raised again by the driver
                return Failure(place, _portable(error), traceback.format_exc())
        return results

    def forget(self, keys: Sequence[str]) -> None:
        """Let go of blocks that were placed."""
        for key in keys:
            self._held.pop(key, None)


def versions() -> dict[str, str]:
    """Versions that must be the same everywhere, for the same bytes."""
    try:
        ours = version("reassess")
    except PackageNotFoundError:
        ours = "not installed"
    return {"reassess": ours, "Python": platform.python_version(), "NumPy": np.__version__}


def _fetched(reference: Any) -> Any:
    """What is behind a reference; arrays in it are views into the node's shared memory."""
    import ray

    return ray.get(reference)


def _portable(error: Exception) -> Exception:
    """The error, or its text where it could not come back from this process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes
    except Exception:  # noqa: BLE001 -- whatever an exception's own code raises
        return EngineError(f"{type(error).__name__}: {error}")
    return error
