"""What a study reads: its benchmark, its models, and the hashes of their files.

A hash is taken once and remembered, so that gigabytes of scores are not read again to see that
they are the same. What the manifest names and is not there is refused with the line that names
it and what to do.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import ClassError, FileError, OptionError, preview
from reassess.files import (
    OtherImages,
    open_predictions,
    read_benchmark,
    read_ids,
    read_predictions,
    sha256_of,
    write_atomically,
)
from reassess.files.access import exists, prefix_errors_with
from reassess.files.class_words import integers_are
from reassess.files.prediction_forms import named_in_full, prediction_files, two_files
from reassess.files.remote_images import RemoteImages, is_address
from reassess.proposals import image_per_row
from reassess.records import (
    Benchmark,
    Classes,
    Hierarchy,
    Predictions,
    ScoreMatrix,
    ShortLists,
)
from reassess.registry import checks_choices
from reassess.study.class_order import refuse_renumbered
from reassess.study.manifest import SECTIONS, ModelEntry, Study

CACHE = ".cache"
"""The hidden folder of a study: hashes and finished shards. It can be deleted at any time."""


def read_study_benchmark(study: Study) -> Benchmark:
    """The images, original labels, classes and is-a edges of a study.

    Raises:
        FileError: a file is missing or malformed.
        DataError: an image appears twice, a label is no class, or the classes have other numbers
            than when the study's questions were made.
    """
    refuse_missing(study, "benchmark", but="images")
    try:
        with integers_are(None):  # what a command says is about its own files
            found = read_benchmark(
                study.path(study.labels),
                classes=None if study.classes is None else study.path(study.classes),
                hierarchy=None if study.hierarchy is None else study.path(study.hierarchy),
                name=study.name,
                labels_are=study.labels_are,
            )
    except ClassError as error:
        if study.classes is None:
            raise
        raise ClassError(
            f"{error} Further classes come behind those that are there: reassess locate "
            f"{study.folder} --labels FILE --append-classes"
        ) from error
    refuse_renumbered(study, found.classes)
    return found


def read_study_hierarchy(study: Study, benchmark: Benchmark) -> Hierarchy | None:
    """The hierarchy of the benchmark's classes; None where the study has no edges.

    Raises:
        DataError: the edges form a cycle, or a class is in none.
    """
    if study.hierarchy is None:
        return None
    with prefix_errors_with(study.path(study.hierarchy)):
        return Hierarchy.from_edges(benchmark.hierarchy, named_classes(benchmark))


def named_classes(benchmark: Benchmark) -> Classes:
    """The classes as edges name them; where only indices are known, by their digits."""
    if benchmark.classes is not None:
        return benchmark.classes
    named = {name for edge in benchmark.hierarchy for name in edge if name.isdecimal()}
    known = -1 if benchmark.original is None else int(benchmark.original.max())
    n_classes = 1 + max([known, *map(int, named)])
    return Classes.from_names([str(index) for index in range(n_classes)])


@checks_choices
def open_model(
    study: Study, entry: ModelEntry, benchmark: Benchmark, *, other_images: OtherImages = "skip"
) -> Predictions | ScoreMatrix | ShortLists:
    """A model's predictions of every image, full scores left on disk.

    Args:
        study: the study.
        entry: the model.
        benchmark: the study's.
        other_images: what becomes of rows about images that are not the study's.

    Raises:
        FileError: the file is missing, corrupt or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: rows do not fit the images.
        OptionError: the file holds several models and none is named.
    """
    refuse_missing(study, "models", entry)
    found = _only(
        entry,
        open_predictions(
            named_in_full(source_of(study, entry)[0]),
            benchmark,
            other_images=other_images,
            **_rows(study, entry),
        ),
    )
    with prefix_errors_with(Path(entry.predictions)):
        image_per_row(found, benchmark)
    return found


def rank_model(study: Study, entry: ModelEntry, benchmark: Benchmark, *, depth: int) -> Predictions:
    """A model's ``depth`` best classes of each image, or as many as its file holds.

    Raises:
        FileError: the file is missing, corrupt or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: rows do not fit the images.
        OptionError: the file holds several models and none is named.
    """
    return rank_models(study, [entry], benchmark, depth=depth)[0]


def rank_models(
    study: Study, entries: Sequence[ModelEntry], benchmark: Benchmark, *, depth: int
) -> tuple[Predictions, ...]:
    """The ``depth`` best classes of several models, from files that are read once each.

    Raises:
        FileError: a file is missing, corrupt or of no known form.
        DataError: a shape, class or score is not what it must be.
        AlignmentError: rows do not fit the images.
        OptionError: a file holds several models and none is named.
    """
    read: dict[tuple[object, ...], list[Predictions]] = {}
    ranked = []
    for entry in entries:
        refuse_missing(study, "models", entry)
        source = named_in_full(source_of(study, entry)[0])
        key = (source, entry.order, entry.ids, entry.scale, entry.n_classes)
        if key not in read:
            read[key] = read_predictions(
                source, benchmark, **_rows(study, entry), top=depth, other_images="skip"
            )
        found = _only(entry, read[key])
        if not isinstance(found, Predictions):
            raise TypeError(type(found))
        ranked.append(found)
    return tuple(ranked)


def split_model(source: str, folder: Path | None = None) -> tuple[str, str | None]:
    """``FILE#MODEL`` as its two parts; a path that exists is a path, even with ``#`` in it.

    Args:
        source: as people write it, or as a manifest does.
        folder: where relative paths begin; None for the present one.
    """
    there = exists(Path(source) if folder is None else folder / source)
    if there or two_files(source) is not None or "#" not in source:
        return source, None
    file, _, model = source.rpartition("#")
    return file, model


def source_of(study: Study, entry: ModelEntry) -> tuple[str, str | None]:
    """Where a model's predictions are from here, and which model of the file it is."""
    source, chosen = split_model(entry.predictions, study.folder)
    first, colon, second = source.partition(".npy:")
    if colon and not exists(study.path(source)):
        return f"{study.path(first + '.npy')}:{study.path(second)}", chosen
    return str(study.path(source)), chosen


def model_files(study: Study, entry: ModelEntry) -> list[Path]:
    """The files that hold a model's predictions, and the ids of their rows."""
    paths = prediction_files(source_of(study, entry)[0])
    if entry.ids is not None:
        paths.append(study.path(entry.ids))
    return paths


def _rows(study: Study, entry: ModelEntry) -> dict[str, Any]:
    ids = None if entry.ids is None else read_ids(study.path(entry.ids))
    return {
        "order": entry.order, "ids": ids, "scale": entry.scale, "n_columns": entry.n_classes,
    }  # fmt: skip


def _only(
    entry: ModelEntry, found: list[Predictions] | list[Predictions | ScoreMatrix | ShortLists]
) -> Predictions | ScoreMatrix | ShortLists:
    """The one model that an entry means, under the entry's name."""
    models = [one.model for one in found]
    _, sign, chosen = entry.predictions.rpartition("#")
    if len(found) > 1:
        if not sign or chosen not in models:
            raise OptionError(
                f"{entry.predictions}: it holds {len(models)} models, but one must be named "
                f"(FILE#MODEL); it has {preview(models, 40)}."
            )
        return replace(found[models.index(chosen)], model=entry.name)
    return replace(found[0], model=entry.name)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file or folder that a manifest names.

    Attributes:
        keys: where in the manifest, as `Study.place` takes them.
        path: where it is from here.
        remedy: what to do where it is missing.
        entry: the model that it belongs to; None for other files.
    """

    keys: tuple[str | int, ...]
    path: Path
    remedy: str
    entry: ModelEntry | None = None

    def __str__(self) -> str:
        return os.path.normpath(self.path)


def named_files(study: Study) -> Iterator[NamedFile]:
    """Every file and folder that the manifest names, in its order."""
    locate = f"Say where it is: reassess locate {study.folder}"
    for key in ("labels", "classes", "images", "hierarchy"):
        named = getattr(study, key)
        if named is not None and not (key == "images" and is_address(named)):
            kind = "DIR" if key == "images" else "FILE"
            yield NamedFile(("benchmark", key), study.path(named), f"{locate} --{key} {kind}")
    for number, entry in enumerate(study.models):
        remedy = f"{locate} --predictions {entry.name}=FILE"
        for path in prediction_files(source_of(study, entry)[0]):
            yield NamedFile(("models", number, "predictions"), path, remedy, entry)
        if entry.ids is not None:
            yield NamedFile(("models", number, "ids"), study.path(entry.ids), _CHANGE, entry)
    for name, section in SECTIONS.items():
        for key in section.files:
            named = study.setting(name, key)
            if named is not None:
                yield NamedFile((name, key), study.path(named), _CHANGE)


_CHANGE = "Put the file there, or change that line."


def missing_files(study: Study) -> list[NamedFile]:
    """What the manifest names and is not there."""
    return [one for one in named_files(study) if not exists(one.path)]


def refuse_missing(
    study: Study, part: str, entry: ModelEntry | None = None, *, but: str | None = None
) -> None:
    """Refuse to go on without a file that a part of the manifest names.

    Args:
        study: the study.
        part: the section, or "models".
        entry: the model whose files must be there.
        but: a key that is not needed.

    Raises:
        FileError: a file is missing; the message says which line names it and what to do.
    """
    for one in named_files(study):
        if one.keys[0] == part and one.keys[-1] != but and one.entry == entry:
            _refuse_if_missing(study, one)


def _refuse_if_missing(study: Study, file: NamedFile) -> None:
    if not exists(file.path):
        kind = "folder" if file.keys[-1] == "images" else "file"
        raise FileError(
            f"{study.place(*file.keys)} names {file}, but there is no such {kind}. {file.remedy}"
        )


def images_folder(study: Study, *, must_exist: bool = True) -> Path | RemoteImages | None:
    """The folder of images, or images elsewhere; None where the study names none.

    Args:
        study: the study.
        must_exist: refuse a folder that is not there; images elsewhere are not looked at.

    Raises:
        FileError: it is not there.
        OptionError: the address is malformed.
    """
    if study.images is not None and is_address(study.images):
        return RemoteImages(study.images, study.folder / CACHE / "images")
    for one in named_files(study):
        if one.keys == ("benchmark", "images"):
            if not must_exist:
                return one.path
            _refuse_if_missing(study, one)
            return one.path
    return None


class Hashes:
    """SHA-256 of files, remembered in a study's hidden folder.

    A hash is served again only for a file of the same size, time of change, number and time of
    its entry in the file system: the last two are new wherever a study was copied to. The
    study's own files are known by their names in it, so that a study that was moved keeps them.

    Args:
        study: the study.
        largest: bytes up to which a file is read whose hash is not remembered, and nothing is
            written, for who only wants to look; None reads any, and remembers.
    """

    def __init__(self, study: Study, *, largest: int | None = None) -> None:
        self._study = study
        self._largest = largest
        self._path = study.folder / CACHE / "hashes.json"
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        self._known: dict[str, Any] = found if isinstance(found, dict) else {}

    def of_file(self, path: str | PathLike[str]) -> str:
        """Hash of a file.

        Raises:
            FileError: it is missing or unreadable, or larger than may be read.
        """
        path = Path(path)
        if not exists(path):
            for one in named_files(self._study):
                if one.path == path:
                    _refuse_if_missing(self._study, one)
        key = self._study.relative(path) or str(path.absolute())
        state = _state_of(path)
        known = self._known.get(key)
        if isinstance(known, dict) and known.get("state") == state and _is_settled(known):
            return str(known["sha256"])
        if self._largest is not None:
            if state[0] > self._largest:
                raise FileError(f"{path}: its hash is not known.")
            return sha256_of(path)
        begun = time.time_ns()
        found = sha256_of(path)
        if _state_of(path) == state:  # else it was changed meanwhile: remember nothing
            self._known[key] = {"state": state, "at": begun, "sha256": found}
            with write_atomically(self._path) as beside:
                beside.write_text(json.dumps(self._known), encoding="utf-8")
        return found

    def of_model(self, entry: ModelEntry) -> str:
        """Hash of all that decides what a model predicted: its files and how they are read.

        Raises:
            FileError: a file is missing or unreadable.
        """
        chosen = source_of(self._study, entry)[1]
        parts = [self.of_file(path) for path in model_files(self._study, entry)]
        return digest(*parts, chosen, entry.scale, entry.order)


_SETTLED_NS = 2_000_000_000
"""A file that changed so shortly before it was hashed may have changed again at the same time:
no file system that is in use counts more coarsely."""


def _state_of(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _is_settled(known: Mapping[str, Any]) -> bool:
    changed = max(known["state"][1:3])
    return bool(known["at"] - changed > _SETTLED_NS)


def digest(*parts: Any) -> str:
    """A hash of texts, numbers and None, in this order."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def digest_of_array(array: np.ndarray[Any, np.dtype[Any]]) -> str:
    """A hash of an array's values and type."""
    plain = np.ascontiguousarray(array)
    return hashlib.sha256(str(plain.dtype).encode() + plain.tobytes()).hexdigest()
