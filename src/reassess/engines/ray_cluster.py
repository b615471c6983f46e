"""The cluster behind an engine: reached or started, what is free on it, what speaks against it."""

import os
import shutil
import socket
import sys
from typing import Any

from reassess.engines.ray_worker import SHM, Node, versions
from reassess.errors import EngineError, MissingExtraError, OptionError
from reassess.notes import note

_CONNECT_SECONDS = 5.0
"""Seconds in which the head must take a connection: Ray itself asks again for many minutes."""

_OBJECT_STORE_SHARE = 0.3
"""Of the memory, as Ray takes it, where it is started here."""

_SMALL_SHM = 2**30
"""Bytes of /dev/shm below which there is a note: a container has 64 MB unless told otherwise."""


def connect(address: str | None, workers: int | None, gpus: int | None) -> tuple[Any, bool]:
    """Ray, connected, and whether it was started for this.

    Args:
        address: as `RayEngine` takes it.
        workers: how many a Ray that is started here must have room for.
        gpus: GPUs that each holds; None for one where there are any.

    Raises:
        MissingExtraError: Ray is not installed.
        OptionError: the address is none.
        EngineError: no cluster answers there.
    """
    if address is not None:
        _check_reachable(address)
    # Before the import, which reads them: no statistics are sent, workers without a GPU keep the
    # environment's word on which GPUs there are, and those of a Ray that is started here come
    # before nobody and after nobody (Ray's own 15 lets any other process pass).
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray as found
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "the engine 'ray'") from error
    ray: Any = found
    if ray.is_initialized():
        return ray, False
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is not None:
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise EngineError(
                f"the cluster at {address!r} cannot be joined ({' '.join(str(error).split())[:200]}"
                "). Run this on one of its nodes, with the same versions of Ray and Python."
            ) from error
        return ray, True
    n_cpus = max(workers or 1, os.cpu_count() or 1)
    # "local": without it Ray would join one that runs here already, or that RAY_ADDRESS names.
    ray.init(
        "local", num_cpus=n_cpus, num_gpus=0 if gpus == 0 else None, include_dashboard=False,
        object_store_memory=_object_store_bytes(), **quiet,
    )  # fmt: skip
    return ray, True


def _check_reachable(address: str) -> None:
    """Refuse an address that is none, or at which nothing listens."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise OptionError(
            f"the address is {address!r}, but must be HOST:PORT of the cluster's head, as `ray "
            "start` prints it, or 'auto' on one of its nodes."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"nothing answers at {address} within {_CONNECT_SECONDS:g} s ({error}), but the "
            "cluster's head must. Start it (ray start --head), or give its address."
        ) from error


def _object_store_bytes() -> int:
    """Room for objects that fits into /dev/shm; as much as Ray takes where there is none."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    wanted = int(memory * _OBJECT_STORE_SHARE)
    if not SHM.is_dir():
        return wanted
    # Ray's least is 75 MiB; below it, it leaves /dev/shm for the disk by itself.
    return max(min(wanted, int(shutil.disk_usage(SHM).free * 0.9)), 80 * 2**20)


def note_small_shm(host: str, n_bytes: int | None) -> None:
    """Say that a node keeps objects on disk, or little of them in memory."""
    if n_bytes is not None and n_bytes < _SMALL_SHM:
        note(
            f"{host}: /dev/shm has {n_bytes / 2**20:,.0f} MiB, so Ray keeps shards on disk there, "
            "which is slower. Give it more: docker run --shm-size=8g, or a memory-backed emptyDir "
            "at /dev/shm in Kubernetes."
        )


def check_same_versions(node: Node) -> None:
    """Refuse a node on which other versions would give other bytes.

    Raises:
        EngineError: its reassess, Python or NumPy is another.
    """
    ours = versions()
    differ = [name for name in ours if ours[name] != node.versions.get(name)]
    if differ:
        theirs = ", ".join(f"{name} {node.versions.get(name)}" for name in differ)
        must = ", ".join(f"{name} {ours[name]}" for name in differ)
        raise EngineError(
            f"{node.host}: it has {theirs}, but must have {must} as this process has, or results "
            f"could differ. Install the same there ({sys.executable} is this process's Python)."
        )


def describe_room(ray: Any) -> str:
    """What of the cluster is free, for a message."""
    there, free = ray.cluster_resources(), ray.available_resources()
    parts = [
        f"{free.get(kind, 0):g} of {there.get(kind, 0):g} {kind}s are free"
        for kind in ("CPU", "GPU")
        if kind == "CPU" or there.get(kind)
    ]
    n_nodes = sum(bool(node["Alive"]) for node in ray.nodes())
    return f"on {n_nodes} node{'s' if n_nodes > 1 else ''} {' and '.join(parts)}"
