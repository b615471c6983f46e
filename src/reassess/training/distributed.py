"""Where training runs: the device, and the processes that PyTorch's launcher started.

    torchrun --nproc-per-node 4 -m reassess.cli train pets -o model.safetensors

starts the same command four times; each process learns from a quarter of every batch, and
PyTorch averages their gradients. Nothing here starts a process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from reassess.errors import OptionError


@dataclass(frozen=True)
class DistributedContext:
    """The processes of a distributed run, as one of them sees it.

    Attributes:
        rank: which one this is; the first writes files.
        n: how many there are.
        local: which one it is on its machine, and thus which GPU is its own.
    """

    rank: int = 0
    n: int = 1
    local: int = 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model with gradients that are averaged over the processes."""
        if self.n == 1:
            return model
        return nn.parallel.DistributedDataParallel(model)


SINGLE_PROCESS = DistributedContext()


def resolve_device(name: str, context: DistributedContext = SINGLE_PROCESS) -> torch.device:
    """The device of a name; ``auto`` is a GPU where there is one.

    Raises:
        OptionError: there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", context.local)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise OptionError(
            f"--device is {name!r}, but must be auto, cpu, cuda or cuda:N of a GPU that PyTorch "
            f"sees ({torch.cuda.device_count()} here)."
        ) from error
    return device


@contextmanager
def join_process_group(device: str) -> Iterator[DistributedContext]:
    """The processes of this run: those of the launcher, else this one alone."""
    n = int(os.environ.get("WORLD_SIZE", "1"))
    if n == 1:
        yield SINGLE_PROCESS
        return
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield DistributedContext(distributed.get_rank(), n, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        distributed.destroy_process_group()


def require_single_process(command: str) -> None:
    """Refuse a launcher's processes where each would do the whole work.

    Raises:
        OptionError: the launcher started more than one.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise OptionError(
            f"reassess {command} runs in one process, but the launcher started "
            f"{os.environ['WORLD_SIZE']}. Start it without torchrun; reassess train knows several."
        )


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Let PyTorch use only operations that give the same bits each time, or raise an error."""
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
