"""What the benchmarks share: clocks, memory, the machine, the published data."""

import multiprocessing
import os
import platform
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reassess.catalog import Catalog


def seconds(function: Callable[[], Any]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def best_of(function: Callable[[], Any], rounds: int) -> float:
    """The shortest of several calls, after one that is not counted."""
    function()
    return min(seconds(function) for _ in range(rounds))


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What a function returns when it runs in a process of its own, and its peak MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_with_memory, (function, arguments))


def _with_memory(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    result = function(*arguments)
    return result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def describe_machine() -> str:
    """Processor, cores, memory and Python, in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GiB, Python {platform.python_version()}"
    )


def describe_moment() -> str:
    """The day, the commit and how busy the machine is already, in one line."""
    found = shutil.which("git")
    assert found
    commit = subprocess.run(  # noqa: S603 -- our own question
        [found, "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return f"{time.strftime('%Y-%m-%d')}, commit {commit}, load {os.getloadavg()[0]:.1f}"


def cpu_of(pid: int) -> float:
    """Seconds of a core that a process and its children have taken."""
    pids, taken = [pid], 0.0
    while pids:
        one = pids.pop()
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        taken += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        pids += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return taken


def published() -> Catalog:
    """The published data."""
    return Catalog.default()


def mend_torchvision() -> None:
    """Let a torchvision built for CUDA be imported beside a CPU build of torch."""
    import torch

    global _LIBRARY  # noqa: PLW0603 -- torch forgets a library that nobody holds
    _LIBRARY = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        try:
            _LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            return


_LIBRARY: Any = None
