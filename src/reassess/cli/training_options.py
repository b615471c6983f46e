"""What the commands of training share: images of a study or of data, options, progress."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reassess.cli.options import LiteralChoice, RegistryChoice, labels_are_option, option
from reassess.cli.output import inform, progress_bar
from reassess.errors import OptionError

if TYPE_CHECKING:
    from jaxtyping import Shaped
    from numpy import ndarray

    from reassess.training import ImageTransform, LabelledImages

Command = TypeVar("Command", bound=Callable[..., Any])

_PRECISION_HELP = "Precision of the activations; weights are float32."


def _precisions() -> Any:
    from reassess.training.recipe import Precision

    return Precision


def _augmentations() -> Any:
    from reassess.training.recipe import Augmentation

    return Augmentation


def _objectives() -> Any:
    from reassess.training.recipe import OBJECTIVES

    return OBJECTIVES


def cleaning_rules() -> Any:
    """The registry of cleaning rules, imported when it is needed."""
    from reassess.training.cleaning import CLEANING_RULES

    return CLEANING_RULES


@dataclass(frozen=True)
class DataOptions:
    """Which labels the images have, and what becomes of the images.

    Attributes:
        labels: a file; None for the study's or the source's own.
        classes: a file; None for those of the labels.
        side: of the images, in pixels; None for the model's own.
        skip_unreadable: leave out what cannot be decoded.
    """

    labels: str | None
    classes: str | None
    side: int | None
    skip_unreadable: bool


def data_options(command: Command) -> Command:
    """Options on labels and images, which the command gets as ``data``, a `DataOptions`."""

    @wraps(command)
    def gathered(**given: Any) -> Any:
        data = DataOptions(**{one.name: given.pop(one.name) for one in fields(DataOptions)})
        return command(data=data, **given)

    decorated: Any = gathered
    for decorate in (
        click.option("--skip-unreadable", is_flag=True,
                     help="Leave out images that cannot be decoded, and name them."),
        click.option("--side", type=click.IntRange(8), metavar="PIXELS",
                     help="Side of the square that images become.  [default: 32, or timm's]"),
        labels_are_option,
        click.option("--classes", metavar="FILE",
                     help="Classes in their order: index,id,name,synonyms,definition."),
        click.option("--labels", metavar="FILE",
                     help="A table image,label, a list as val.txt, or label sets of `reassess "
                     "label`.  [default: the study's; labels.csv, metadata.csv or val.txt in the "
                     "folder; class folders, a column, .cls]"),
    ):  # fmt: skip
        decorated = decorate(decorated)
    result: Command = decorated
    return result


def recipe_options(*names: str, **defaults: Any) -> Callable[[Command], Command]:
    """Options on how a model learns, which the command gets as ``recipe``, a `Recipe`.

    Args:
        names: fields of the recipe that can be set, in the order of the help; others keep their
            defaults.
        defaults: where the command's default is not the recipe's.
    """

    def decorate(command: Command) -> Command:
        from reassess.training.recipe import Recipe

        @wraps(command)
        def gathered(**given: Any) -> Any:
            recipe = Recipe(**{name: given.pop(name) for name in names})
            return command(recipe=recipe, **given)

        decorated: Any = gathered
        for name in reversed(names):
            default = defaults.get(name, getattr(Recipe, name))
            decorated = _recipe_option(name, default)(decorated)
        result: Command = decorated
        return result

    return decorate


def _recipe_option(name: str, default: Any) -> Callable[[Any], Any]:
    """The command-line option of a field of the recipe."""
    words = name.replace("_", "-")
    names = f"--{words}/--no-{words}" if name == "flip" else f"--{words}"
    return option(names, name, default=default, show_default=True, **_RECIPE_OPTIONS[name])


def _summaries() -> str:
    from reassess.training.recipe import OBJECTIVES

    return "; ".join(f"{one.name}: {one.summary}" for one in OBJECTIVES.values())


_RECIPE_OPTIONS: dict[str, dict[str, Any]] = {
    "objective": {"old": ("--recipe",), "type": RegistryChoice(_objectives),
                  "help": f"What is learned. {_summaries()}."},
    "epochs": {"type": click.IntRange(1), "metavar": "E", "help": "Passes over the images."},
    "batch_size": {"type": click.IntRange(1), "metavar": "N", "help": "Images a step."},
    "learning_rate": {"type": float, "metavar": "RATE", "help": "Highest learning rate, for "
                      "batches of 128; in proportion for others."},
    "warmup": {"type": float, "metavar": "SHARE",
               "help": "Share of the steps in which the learning rate rises."},
    "weight_decay": {"type": float, "metavar": "RATE",
                     "help": "Weight decay of weights, not of biases and norms."},
    "max_grad_norm": {"old": ("--clip",), "type": float, "metavar": "NORM",
                      "help": "Norm to which gradients are clipped; 0 for no clipping."},
    "ema_decay": {"old": ("--ema",), "type": float, "metavar": "SHARE", "help": "Share that the "
                  "exponential moving average of the weights keeps a step; 0 for no average."},
    "soft_targets": {"old": ("--soft",), "is_flag": True,
                     "help": "Learn the posteriors of labels where they are known."},
    "label_smoothing": {"old": ("--smoothing",), "type": float, "metavar": "SHARE",
                        "help": "Share of a target that is spread over all classes."},
    "mixup": {"type": float, "metavar": "ALPHA",
              "help": "Mix images and targets by Beta(alpha, alpha); 0 for no mixup."},
    "max_shift_px": {"old": ("--shift",), "type": click.IntRange(0), "metavar": "PIXELS",
                     "help": "Largest random shift of an image."},
    "flip": {"help": "Mirror half of the images at random."},
    "precision": {"type": LiteralChoice(_precisions), "help": _PRECISION_HELP},
    "augmentation": {"type": LiteralChoice(_augmentations), "help": "How images are changed. "
                     "shift: moved by some pixels; crop: random resized crops of photos; trivial, "
                     "rand: TrivialAugment or RandAugment after that."},
    "head_rate": {"type": float, "metavar": "TIMES", "help": "Learning rate of the head, in "
                  "proportion to that of all other weights."},
    "seed": {"type": click.IntRange(0, 2**32 - 1),
             "help": "Seed of weights, order and augmentation."},
}  # fmt: skip


device_option = click.option(
    "--device", default="auto", show_default=True, metavar="NAME",
    help="auto (a GPU where there is one), cpu, cuda, cuda:N.",
)  # fmt: skip

precision_option = click.option(
    "--precision", type=LiteralChoice(_precisions), default="float32", show_default=True,
    help=_PRECISION_HELP,
)  # fmt: skip

model_option = click.option(
    "--model", default="resnet-8", show_default=True, metavar="NAME",
    help="resnet-8, resnet-20, resnet-18, or timm:NAME.",
)  # fmt: skip


def read_images(
    source: str,
    data: DataOptions,
    transform: "ImageTransform",
    *,
    keep_list: "Shaped[ndarray, 'n'] | None" = None,
    stream: bool = False,
    quiet: bool = False,
) -> "LabelledImages":
    """The images and labels of a study or of data, decoded; what is left out is printed."""
    from reassess.sources import is_study
    from reassess.training import open_labelled

    def note(text: str) -> None:
        if not quiet:
            inform(f"Note: {text}.")

    images: Any = source
    labels: Any = data.labels
    classes: Any = data.classes
    if is_study(source):
        from reassess.study import open_study
        from reassess.study.training import labels_in_use

        if classes is not None:
            raise OptionError("a study has classes of its own: leave --classes out.")
        found = labels_in_use(open_study(source))
        images, classes = found.images, found.classes
        if labels is None:
            labels = found.labels
            note(found.about)
    with progress_bar("Decoding", quiet=quiet) as progress:
        return open_labelled(
            images,
            labels=labels,
            classes=classes,
            keep_list=keep_list,
            transform=transform,
            skip_unreadable=data.skip_unreadable,
            stream=stream,
            progress=progress,
            on_note=note,
            on_warning=lambda text: None if quiet else warn(text),
        )


def warn(text: str) -> None:
    """Print a warning on stderr."""
    inform(f"Warning: {text}.")
