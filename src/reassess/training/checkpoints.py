"""Weights in files: models, and runs that can be resumed. safetensors, no pickle.

A file is written beside and renamed, so that the last good one stays where the disk is full or
the machine dies. What the tensors are stands as JSON in the file's metadata.
"""

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reassess.errors import FileError, MissingExtraError
from reassess.files import write_atomically
from reassess.files.access import check_readable

FORMAT = "reassess weights 1"


def write_weights(tensors: Mapping[str, Tensor], about: Mapping[str, Any], path: Path) -> None:
    """Write tensors and what they are; the file appears whole or not at all.

    Raises:
        FileError: the file cannot be written; what stood there before still does.
        MissingExtraError: safetensors is missing.
    """
    plain = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
    text = json.dumps({"format": FORMAT, **about}, sort_keys=True)
    content = _safetensors().save(plain, metadata={"reassess": text})
    try:
        with write_atomically(path) as beside:
            beside.write_bytes(content)
    except FileError as error:
        stays = " The last one that was written is still there." if path.is_file() else ""
        raise FileError(
            f"{str(error).removesuffix('.')}; {len(content) / 2**20:,.1f} MiB are needed.{stays} "
            "Free the space, then go on with --resume."
        ) from error


def read_weights(path: str | PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, and what they are.

    Raises:
        FileError: the file is missing, corrupt, or not one that `write_weights` wrote.
        MissingExtraError: safetensors is missing.
    """
    tensors, about = read_tensors(Path(path))
    if about.get("format") != FORMAT:
        raise FileError(
            f"{path}: it holds weights, but not as `reassess train` writes them. Name a file that "
            "it wrote, or a model of timm's (timm:NAME)."
        )
    return tensors, about


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name of any file of safetensors, and what they are where we wrote it.

    Raises:
        FileError: the file is missing, corrupt or no safetensors.
        MissingExtraError: safetensors is missing.
    """
    check_readable(path)
    _safetensors()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            about = json.loads(metadata.get("reassess", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise FileError(
            f"{path}: the file is unfinished, corrupt or no safetensors ({error}). Train again."
        ) from error
    return tensors, about


def add_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under longer names."""
    return {prefix + name: one for name, one in tensors.items()}


def strip_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, under their shorter names."""
    cut = len(prefix)
    return {name[cut:]: one for name, one in tensors.items() if name.startswith(prefix)}


def momentum_state(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What the optimiser remembers of each parameter, by the parameter's name."""
    names: dict[Any, str] = {parameter: name for name, parameter in model.named_parameters()}
    return {
        names[parameter]: state["momentum_buffer"]
        for parameter, state in optimizer.state.items()
        if state.get("momentum_buffer") is not None
    }


def load_momentum_state(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, momentum: Mapping[str, Tensor]
) -> None:
    """Give an optimiser back what it remembered."""
    for name, parameter in model.named_parameters():
        if name in momentum:
            kept = torch.empty_like(parameter, memory_format=torch.preserve_format)
            kept.copy_(momentum[name])
            optimizer.state[parameter]["momentum_buffer"] = kept


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as error:
        raise MissingExtraError("safetensors", "train", "reading and writing weights") from error
    return safetensors.torch
