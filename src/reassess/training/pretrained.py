"""Weights to begin with: timm's own, or those of a file, with a new head where classes differ.

People relabel a benchmark and fine-tune; few train from nothing. All weights but the head's are
taken as they are. The head is kept where it has the same classes, else it begins as that of a new
model. Files are safetensors: those that `reassess train` writes, and those of timm's models.
"""

import hashlib
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from reassess.errors import FileError, OptionError
from reassess.files.access import check_readable
from reassess.records import Classes
from reassess.training.batches import Start
from reassess.training.checkpoints import FORMAT, read_tensors
from reassess.training.data import Note
from reassess.training.models import TIMM, build_model, find_head, import_timm
from reassess.training.trained_model import check_within_reach, normalization_of

FROM_TIMM = "timm"


def load_pretrained(
    model: nn.Module, name: str, source: str | PathLike[str], classes: Classes | None, on_note: Note
) -> Start:
    """Give a new model the weights of a source; what it is then.

    Args:
        model: with fresh weights, changed in place.
        name: as `build_model` takes it.
        source: ``timm`` for timm's own weights of this name, or a file.
        classes: of the model, where they are known.
        on_note: gets a sentence on what became of the head.

    Raises:
        FileError: the file is missing, corrupt or of another model; or timm's weights are out of
            reach.
        OptionError: the model is none of timm's, or timm has no weights of it.
    """
    about: dict[str, Any] = {}
    if str(source) == FROM_TIMM:
        tensors = _from_timm(name)
    else:
        check_readable(Path(source))
        tensors, about = read_tensors(Path(source))
    if about.get("format") == FORMAT and about.get("model") != name:
        raise FileError(
            f"{source}: it holds {about.get('model')!r}, but must hold {name!r}. Name its model "
            f"(--model {about.get('model')})."
        )
    is_kept = _load(model, tensors, source, _same_classes(about, classes))
    where = name if str(source) == FROM_TIMM else source
    head = "its head, too" if is_kept else "with a new head"
    on_note(f"beginning with the weights of {where}, {head}")
    digest = _digest(model.state_dict())
    if about.get("format") == FORMAT:
        mean, std = about["mean"], about["std"]
        return Start((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), digest)
    if name.startswith(TIMM):
        return Start(*normalization_of(name), digest)
    return Start(digest=digest)


def _digest(tensors: dict[str, Tensor]) -> str:
    """A hash of all weights, to tell runs apart."""
    found = hashlib.sha256()
    for name, one in sorted(tensors.items()):
        found.update(f"{name} {tuple(one.shape)} ".encode())
        found.update(one.detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()


def _from_timm(name: str) -> dict[str, Tensor]:
    """The weights that timm has of a model, with their own head."""
    if not name.startswith(TIMM):
        raise OptionError(
            f"--pretrained is {FROM_TIMM!r}, but --model is {name!r}, which is none of timm's. "
            "Name one (--model timm:NAME), or a file of weights (--pretrained FILE)."
        )
    config: Any = import_timm().get_pretrained_cfg(name.removeprefix(TIMM))
    if not config.has_weights:
        raise OptionError(
            f"--pretrained is {FROM_TIMM!r}, but timm has no weights of {name!r}. Name another."
        )
    if config.hf_hub_id:
        check_within_reach(name, config.hf_hub_id)
    found = build_model(name, int(config.to_dict()["num_classes"]), pretrained=True)
    return found.state_dict()


def _same_classes(about: dict[str, Any], classes: Classes | None) -> bool:
    """Whether the file's classes may be these: only where both are known can they be others."""
    stored = about.get("class_ids")
    return stored is None or classes is None or tuple(stored) == classes.ids


def _load(
    model: nn.Module, tensors: dict[str, Tensor], source: str | PathLike[str], same_classes: bool
) -> bool:
    """Load weights, whether with those of the head.

    Raises:
        FileError: they are those of another model.
    """
    head = find_head(model)
    prefix = next(name for name, module in model.named_modules() if module is head)
    wanted = model.state_dict()
    in_head = {name for name in wanted if name.startswith(f"{prefix}.")}
    fits = {
        name for name, one in tensors.items() if name in wanted and one.shape == wanted[name].shape
    }
    missing = sorted(wanted.keys() - in_head - fits)
    if missing:
        raise FileError(
            f"{source}: {len(missing):,} of {len(wanted):,} weights are missing or of another "
            f"shape (such as {missing[0]!r}), but all except the head's must fit. Name the model "
            "that the file holds (--model)."
        )
    is_kept = same_classes and in_head <= fits
    chosen = {name: tensors[name] for name in (wanted if is_kept else wanted.keys() - in_head)}
    model.load_state_dict(chosen, strict=False)
    return is_kept
