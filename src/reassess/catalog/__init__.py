"""Published benchmarks by name: download once, verify the hash, cache, read with `files`.

The cache folder is named by ``REASSESS_DATA`` (else it is the user's cache folder) and may be
filled beforehand and read-only: what is there with the right hash is never fetched. Which
files there are, their public address and their hash stand in ``data/catalog.json``; what
was derived from public files by hand has no address, only a sentence how it was made.

Class names and is-a edges of ImageNet ship with the package (WordNet 3.0). What there is stands in
`reassess.catalog.entries`; how files become records that no reader of ours takes as they are, in
`reassess.catalog.conversions`.
"""

import functools
import json
import os
from dataclasses import dataclass, replace
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from reassess.catalog import conversions
from reassess.catalog.entries import ENTRIES, Entry, EntryKind, entry, is_published, pinned_files
from reassess.errors import CatalogError, DataError, OptionError
from reassess.files import (
    read_benchmark,
    read_classes,
    read_gold,
    read_hierarchy,
    read_labels,
    read_predictions,
    read_votes,
    sha256_of,
)
from reassess.files.access import read_npy, read_npz
from reassess.files.dense_questions import read_dense_pairs
from reassess.files.expert_mistakes import ExpertMistakes, read_expert_mistakes
from reassess.files.prediction_forms import named_in_full, without_siblings
from reassess.files.results import Results, read_results
from reassess.notes import note
from reassess.records import (
    Accuracy,
    Benchmark,
    Classes,
    Gold,
    LabelSets,
    Posterior,
    Predictions,
    Votes,
)

REAL_POOL = (
    "VGG-16", "Inception v3", "ResNet-50", "ResNet-152", "ResNeXt-101, 32x8d",
    "ResNeXt-101, 32x8d, IG", "ResNeXt-101, 32x48d, IG", "BiT-M", "BiT-L", "Assemble ResNet-50",
    "Assemble ResNet-152", "NASNet-A Large", "NASNet-A Mobile", "Once for all (Large)", "S4L MOAM",
    "CPC v2, fine-tuned", "CPC v2, linear", "MoCo v2, long", "SimCLR",
)  # fmt: skip
"""The models whose predictions the published labels were asked about: the paper, Table 3."""

IMAGENET_ORIGINAL = Accuracy(42_164, 46_837, 3_163)
"""ReaL accuracy of ImageNet's original labels; a test computes it from the published files."""


_MISTAKES = "_mistakes.json"
_LABELS = "_multilabelfy.json"
"""How the one file of labels is called of an entry that holds more."""


@dataclass(frozen=True, init=False)
class Catalog:
    """Published data in a cache folder.

    Attributes:
        folder: the cache folder.
    """

    folder: Path

    def __init__(self, folder: str | PathLike[str]) -> None:
        object.__setattr__(self, "folder", Path(folder))

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
        if relative not in pinned_files():
            raise CatalogError(
                f"{relative!r} is no file of the catalogue, but must be one, such as "
                f"{next(iter(pinned_files()))!r}. The files of a name: entry(name).paths."
            )
        pinned = pinned_files()[relative]
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
        """A published benchmark: `imagenet`, `imagenet-v2`, `cifar10`, `cifar10-train`.

        Raises:
            OptionError: the name is another.
            CatalogError: its files are absent or differ.
        """
        return _benchmark(self, entry(name, "benchmark").name)

    def labels(self, name: str) -> LabelSets:
        """Published label sets on their benchmark: `imagenet-real`, `imagenet-mturk`, ….

        Checks of suspected label errors are about some of the images only, and two classes of each.

        Raises:
            OptionError: the name is another.
            CatalogError: its file is absent or differs.
        """
        one = entry(name, "labels", "checks")
        if name == "imagenet-mistakes":
            raise OptionError(
                f"{name!r} holds experts' verdicts on two models' mistakes, but must be labels of "
                "images. Compare it: reassess compare-labels imagenet-real imagenet-mistakes"
            )
        about = self.benchmark(one.about_images_of)
        paths = [path for path in one.paths if path.endswith(_LABELS)]
        path = self.path((paths or one.paths)[0])
        if name == "cifar10n":
            return conversions.cifar10n_labels(path, about)
        labels = read_labels(path, classes=about.classes, name=name)
        if name == "cifar10-mturk":
            labels = conversions.numbered_images(labels, about)
        labels = labels.align_to(about)
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
        """Published votes: `imagenet-votes`, `imagenet-gold-votes`, `cifar10h`.

        Raises:
            OptionError: the name is another.
            CatalogError: the file is absent or differs.
        """
        path = self._first(name, "votes")
        if name == "cifar10h":
            return conversions.cifar10h_votes(path, self.benchmark("cifar10"))
        return read_votes(path)

    def posterior(self, name: str) -> Posterior:
        """A published posterior: `imagenet-scores`, of the questions of `imagenet-votes`.

        Raises:
            OptionError: the name is another.
            CatalogError: a file is absent or differs.
        """
        scores = self.scores(name)
        return conversions.posterior_of_scores(
            scores, read_dense_pairs(self._first("imagenet-votes", "votes"))
        )

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
        """Published predictions of models: `imagenet-torchvision`, `cifar10-predictions`, ….

        Raises:
            OptionError: the name is unknown.
            CatalogError: a file is absent or differs.
            DataError: they are about the images of another published benchmark.
        """
        one = entry(name, "predictions")
        if benchmark.name in {other.about_images_of for other in ENTRIES} - {one.about_images_of}:
            raise DataError(
                f"{name}: it is about the images of {one.about_images_of}, but must be about those "
                f"of {benchmark.name}. Score it on its own: --original-labels {one.about_images_of}"
            )
        ids = self.benchmark(one.about_images_of).image_ids if one.order is None else None
        paths = [str(self.path(path)) for path in one.paths if path.endswith((".npy", ".npz"))]
        return [
            replace(record, model=record.model.removesuffix(one.model_ending))
            for path in without_siblings(paths)
            for record in read_predictions(
                named_in_full(path), benchmark, order=one.order, ids=ids,
                scale="probability" if name == "cifar10-probabilities" else None,
            )
        ]  # fmt: skip

    def results(self, name: str = "timm-results") -> Results:
        """The published accuracies, one row a model and image size.

        Raises:
            OptionError: the name is unknown.
            CatalogError: a file is absent or differs.
        """
        paths = [self.path(relative) for relative in entry(name, "results").paths]
        if name == "imagenet-eth":
            return conversions.results_of_errors(paths[0])
        return read_results(paths)


def imagenet_file(name: str) -> Path:
    """A file of ImageNet's package data: ``classes.csv``, ``hierarchy.csv``."""
    return Path(str(resources.files("reassess").joinpath("data/imagenet", name)))


@functools.lru_cache(maxsize=4)
def _benchmark(catalog: Catalog, name: str) -> Benchmark:
    """A benchmark of the catalogue."""
    paths = [catalog.path(relative) for relative in entry(name, "benchmark").paths]
    if name == "imagenet":
        return _imagenet(catalog)
    if name == "imagenet-v2":
        (path,) = (one for one in paths if one.suffix == ".csv")
        return replace(
            read_benchmark(path, classes=_imagenet_classes(), name=name),
            hierarchy=read_hierarchy(imagenet_file("hierarchy.csv")),
        )
    return conversions.cifar10_benchmark(paths[0], name)


def _imagenet_classes() -> Classes:
    return read_classes(imagenet_file("classes.csv"))


def _imagenet(catalog: Catalog) -> Benchmark:
    """ImageNet's validation set; ids are paths below the image folder."""
    labels, paths = (catalog.path(path) for path in entry("imagenet").paths[::-1])
    listed = json.loads(paths.read_text(encoding="utf-8"))
    return Benchmark(
        name="imagenet",
        image_ids=np.array([path.removeprefix("val/") for path in listed]),
        original=read_npy(labels).astype(np.int64),
        classes=_imagenet_classes(),
        hierarchy=read_hierarchy(imagenet_file("hierarchy.csv")),
    )


__all__ = [
    "ENTRIES",
    "IMAGENET_ORIGINAL",
    "REAL_POOL",
    "Catalog",
    "Entry",
    "EntryKind",
    "entry",
    "imagenet_file",
    "is_published",
]
