"""Models with their weights and all that is needed to use them: classes, size of the images.

A file of weights holds the model's name, its classes and its transform, so that nothing has to be
repeated when it predicts. Weights of timm's come with timm's own transform.
"""

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from reassess.errors import DataError, FileError, OptionError, ReassessError
from reassess.progress import Progress, null_progress
from reassess.records import Classes
from reassess.training.batches import MEAN, STD, Start
from reassess.training.checkpoints import read_weights, write_weights
from reassess.training.data import LabelledImages, Note, ignore_note
from reassess.training.distributed import SINGLE_PROCESS, DistributedContext
from reassess.training.images import ImageTransform
from reassess.training.loop import train
from reassess.training.models import (
    BUILT_IN,
    TIMM,
    build_model,
    check_model_name,
    import_timm,
    to_device,
)
from reassess.training.recipe import OBJECTIVES, CheckpointConfig, Recipe, StepConfig

SUFFIX = ".safetensors"
_SIDE = 32
"""Pixels of the images that the built-in models are made for."""


@dataclass(frozen=True)
class TrainedModel:
    """A model that can predict.

    Attributes:
        module: the network.
        name: as `build_model` takes it.
        n_classes: K.
        classes: the classes; None where only indices are known.
        transform: what images must become.
        objective: a name of `OBJECTIVES`: what it was trained to do, and so what its logits mean.
        mean: of the channels, subtracted.
        std: of the channels, divided by.

    Raises:
        OptionError: there is no such objective.
    """

    module: nn.Module
    name: str
    n_classes: int
    classes: Classes | None
    transform: ImageTransform
    objective: str = "softmax"
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD

    def __post_init__(self) -> None:
        OBJECTIVES.checked(self.objective, "objective")

    def to(self, device: torch.device) -> "TrainedModel":
        """The same model on a device, ready to predict."""
        return replace(self, module=to_device(self.module, device).eval())

    def check_classes(self, n_classes: int | None, classes: Classes | None, where: str) -> None:
        """Refuse a benchmark of other classes, or of the same in another order.

        Raises:
            DataError: number or order of the classes differ.
        """
        if n_classes is not None and n_classes != self.n_classes:
            raise DataError(
                f"{self.name}: it has {self.n_classes:,} classes, but must have {n_classes:,} as "
                f"{where} has. Name a model of these classes."
            )
        if classes is None or self.classes is None or classes.ids == self.classes.ids:
            return
        row = next(
            i for i, (a, b) in enumerate(zip(classes.ids, self.classes.ids, strict=True)) if a != b
        )
        raise DataError(
            f"{self.name}: class[{row}] is {self.classes.ids[row]!r}, but must be "
            f"{classes.ids[row]!r} as in {where}. Name a model of the same classes in their order."
        )


def train_model(
    images: LabelledImages,
    recipe: Recipe,
    name: str,
    *,
    device: torch.device | None = None,
    checkpoints: CheckpointConfig | None = None,
    distributed: DistributedContext = SINGLE_PROCESS,
    step: StepConfig | None = None,
    pretrained: str | PathLike[str] | None = None,
    progress: Progress = null_progress,
    on_note: Note = ignore_note,
) -> TrainedModel:
    """A model of this name, trained on these images from scratch or from pretrained weights.

    Args and errors as in `reassess.training.loop.train`; ``pretrained`` is ``timm`` for timm's
    weights, or a file of safetensors; None to begin anew.

    Raises:
        OptionError: there is no such model.
        FileError: the pretrained weights are missing, corrupt, or those of another model.
    """
    module = build_model(name, images.n_classes, seed=recipe.seed, objective=recipe.objective)
    start = Start()
    if pretrained is not None:
        from reassess.training.pretrained import load_pretrained

        start = load_pretrained(module, name, pretrained, images.classes, on_note)
    untrained = TrainedModel(
        module, name, images.n_classes, images.classes, images.transform, recipe.objective,
        start.mean, start.std,
    )  # fmt: skip
    module = train(
        module, images, recipe, device=device, checkpoints=checkpoints, distributed=distributed,
        step=step, start=start, progress=progress, on_note=on_note,
    )  # fmt: skip
    return replace(untrained, module=module)


def transform_for(name: str, side: int | None) -> ImageTransform:
    """The transform of images for a model: the side that was asked for, else the model's own.

    Raises:
        OptionError: there is no such model.
        MissingExtraError: timm is needed and missing.
    """
    check_model_name(name)
    if side is not None or not name.startswith(TIMM):
        return ImageTransform(side or _SIDE)
    timm: Any = import_timm()
    known: dict[str, Any] = timm.get_pretrained_cfg(name.removeprefix(TIMM)).to_dict()
    return ImageTransform(int(known["input_size"][-1]), float(known.get("crop_pct") or 1.0))


def normalization_of(name: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of the channels that a model of timm's is used to."""
    config: Any = import_timm().get_pretrained_cfg(name.removeprefix(TIMM))
    known: dict[str, Any] = config.to_dict()
    return _three(list(known["mean"])), _three(list(known["std"]))


def write_model(model: TrainedModel, path: str | PathLike[str], **about: Any) -> None:
    """Write a model with its weights; ``about`` is stored with it.

    Raises:
        FileError: the file cannot be written.
    """
    classes = model.classes
    about |= {
        "kind": "model",
        "model": model.name,
        "n_classes": model.n_classes,
        "class_ids": None if classes is None else list(classes.ids),
        "class_names": None if classes is None else list(classes.names),
        "side": model.transform.side,
        "crop": model.transform.crop,
        "objective": model.objective,
        "mean": list(model.mean),
        "std": list(model.std),
    }
    write_weights(model.module.state_dict(), about, Path(path))


def check_model_path(output: str) -> None:
    """Refuse a name that `read_model` would not read.

    Raises:
        OptionError: the extension is another.
    """
    if Path(output).suffix.lower() != SUFFIX:
        raise OptionError(f"the output is {output!r}, but must end in {SUFFIX} (-o FILE{SUFFIX}).")


def open_model(source: str, *, side: int | None = None) -> TrainedModel:
    """A model that can predict: a file that `write_model` wrote, or ``timm:NAME``.

    Args:
        source: which.
        side: of the images, where not the model's own.

    Raises:
        FileError: the file is missing, corrupt, or a checkpoint.
        OptionError: it is a name without weights.
        ReassessError: timm's weights cannot be fetched.
        MissingExtraError: timm is needed and missing.
    """
    if source.startswith(TIMM):
        found = _from_timm(source)
    elif source in BUILT_IN:
        raise OptionError(
            f"--model is {source!r}, a model without weights, but must have learned something. "
            "Name the file that `reassess train` wrote."
        )
    else:
        found = read_model(source)
    return found if side is None else replace(found, transform=replace(found.transform, side=side))


def read_model(path: str | PathLike[str]) -> TrainedModel:
    """The model in a file that `write_model` wrote.

    Raises:
        FileError: the file is missing, corrupt, or a checkpoint.
        MissingExtraError: it is a model of timm's, and timm is missing.
    """
    tensors, about = read_weights(path)
    if about.get("kind") != "model":
        raise FileError(
            f"{path}: it is a checkpoint of a run, not a model. End the run (reassess train "
            "--resume), and name what it writes."
        )
    module = build_model(about["model"], about["n_classes"])
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise FileError(
            f"{path}: its weights are not those of {about['model']!r} ({str(error)[:120]}). Train "
            "again with this version."
        ) from error
    ids, names = about["class_ids"], about["class_names"]
    blank = ("",) * about["n_classes"]
    objective: str = about["objective"]
    if objective not in OBJECTIVES:
        raise FileError(
            f"{path}: its objective is {objective!r}, but must be one of {', '.join(OBJECTIVES)}. "
            "Register it (reassess.training.OBJECTIVES), or train again."
        )
    return TrainedModel(
        module=module,
        name=about["model"],
        n_classes=about["n_classes"],
        classes=None if ids is None else Classes(tuple(ids), tuple(names), blank, blank),
        transform=ImageTransform(about["side"], about["crop"]),
        objective=objective,
        mean=_three(about["mean"]),
        std=_three(about["std"]),
    )


def _three(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue


def _from_timm(source: str) -> TrainedModel:
    check_model_name(source)
    name = source.removeprefix(TIMM)
    config: Any = import_timm().get_pretrained_cfg(name)
    if not config.has_weights:
        raise OptionError(
            f"--model is {source!r}, but timm has no weights of it. Name another, such as "
            "timm:resnet50, or a file that `reassess train` wrote."
        )
    known: dict[str, Any] = config.to_dict()
    if config.hf_hub_id:
        check_within_reach(source, config.hf_hub_id)
    try:
        module = build_model(source, int(known["num_classes"]), pretrained=True)
    except ReassessError:
        raise
    except Exception as error:  # whatever the hub's client raises when the network breaks off
        raise _out_of_reach(source, error) from error
    crop = float(known.get("crop_pct") or 1.0)
    return TrainedModel(
        module=module,
        name=source,
        n_classes=int(known["num_classes"]),
        classes=None,
        transform=ImageTransform(int(known["input_size"][-1]), crop),
        mean=_three(list(known["mean"])),
        std=_three(list(known["std"])),
    )


def check_within_reach(source: str, hub_id: str) -> None:
    """Ask the hub once; timm retries for a minute before it gives up.

    Raises:
        FileError: the weights are not in the cache, and the hub does not answer.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    repository, _, revision = hub_id.partition("@")
    names = ("model.safetensors", "pytorch_model.bin")
    cached = (try_to_load_from_cache(repository, one, revision=revision or None) for one in names)
    if any(isinstance(path, str) for path in cached):
        return
    try:
        get_hf_file_metadata(hf_hub_url(repository, names[0], revision=revision or None))
    except HfHubHTTPError:
        return  # an answer: timm looks for another file, or says what is wrong
    except Exception as error:  # the client's HTTP library has changed, and its exceptions with it
        raise _out_of_reach(source, error) from error


def _out_of_reach(source: str, error: Exception) -> FileError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    reason = reason if len(reason) <= 160 else f"{reason[:160]}..."
    return FileError(
        f"{source}: its weights are not in the cache and cannot be fetched ({reason}). Fetch "
        "them where there is a network, or train a model (reassess train)."
    )
