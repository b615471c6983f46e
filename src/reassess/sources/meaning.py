"""What a source means: a file, a study or a published name, and the files behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reassess.catalog import Catalog, EntryKind, entry, is_published
from reassess.errors import OptionError
from reassess.files import sha256_of
from reassess.files.access import exists
from reassess.files.dataset_folder import is_dataset_folder
from reassess.files.prediction_forms import prediction_files, two_files, without_siblings
from reassess.notes import collect_notes, note
from reassess.registry import checks_choices

if TYPE_CHECKING:
    from reassess.study import Study

# reassess.study is imported where a source is a study: scoring a file does without it.

SourceKind = Literal["benchmark", "labels", "predictions", "votes", "gold", "posterior", "results"]
Meaning = Literal["name", "file", "study"]

_PUBLISHED_AS: dict[str, tuple[EntryKind, ...]] = {
    "benchmark": ("benchmark",),
    "labels": ("labels", "checks"),
    "predictions": ("predictions",),
    "votes": ("votes",),
    "gold": ("gold",),
    "posterior": ("scores",),
    "results": ("results",),
}
"""The kinds of the catalogue that a source may be."""
_OF_STUDIES = frozenset({"benchmark", "labels", "predictions", "votes", "gold", "posterior"})


@checks_choices
@dataclass(frozen=True, slots=True)
class Source:
    """A source, and what it was taken for.

    Attributes:
        place: the published name, the path or the study's folder.
        meaning: which of them it is.
        name: how the caller wants it called (``NAME=``); None where nothing is said.
        model: the one model that is meant (``#MODEL``); None for all.
    """

    place: str
    meaning: Meaning
    name: str | None = None
    model: str | None = None


@checks_choices
def resolve(source: str | PathLike[str], kind: SourceKind) -> Source:
    """What a source means.

    Args:
        source: a published name, a path or a study's folder.
        kind: what is looked for.

    Raises:
        OptionError: it is neither there nor published under this name.
    """
    name, place, model = None, fspath(source), None
    if kind in {"labels", "predictions"}:
        name, place, model = split_source(place)
    published = bool(_PUBLISHED_AS[kind]) and is_published(place, *_PUBLISHED_AS[kind])
    if exists(Path(place)):
        meaning: Meaning = "study" if kind in _OF_STUDIES and is_study(place) else "file"
        may_be_folder = kind in {"predictions", "results"} or (
            kind == "labels" and is_dataset_folder(Path(place))
        )
        if meaning == "file" and not may_be_folder and Path(place).is_dir():
            raise OptionError(
                f"{place}: it is a folder without study.toml, but must be a file or a study. Check "
                "the path."
            )
        if published:
            what = "study" if meaning == "study" else "file or folder"
            note(
                f"{place!r} is a {what} here and a published name, too: the {what} was used. Call "
                f"it ./{place} to say so, or rename it to get what is published."
            )
        return Source(place, meaning, name, model)
    if published:
        return Source(place, "name", name, model)
    is_path = Path(place).suffix or "/" in place or two_files(place) is not None
    if not is_path and _PUBLISHED_AS[kind]:
        entry(place, *_PUBLISHED_AS[kind])
    return Source(place, "file", name, model)


def is_study(source: str | PathLike[str]) -> bool:
    """Whether a source is the folder of a study."""
    from reassess.study.manifest import FILE_NAME

    return exists(Path(source) / FILE_NAME)


def split_source(source: str) -> tuple[str | None, str, str | None]:
    """``NAME=PLACE#MODEL`` as its three parts; name and model are None where they are not there.

    A path that exists is a path, even with ``=`` or ``#`` in it.
    """
    name = None
    before, equals, rest = source.partition("=")
    first = (two_files(source) or (Path(source),))[0]
    if equals and before and "/" not in before and not exists(first):
        name, source = before, rest
    place, sign, model = source.rpartition("#")
    return (name, place, model) if sign and not exists(Path(source)) else (name, source, None)


def prediction_sources(sources: Sequence[str]) -> list[str]:
    """Sources of predictions, without the files of scores that are read with their classes."""
    return without_siblings(sources)


def study_at(found: Source) -> "Study":
    """The study that a source means.

    Raises:
        DataError: its manifest says what no manifest may.
    """
    from reassess.study import open_study

    return open_study(found.place)


def file_of_study(study: "Study", path: Path | None, what: str, remedy: str) -> Path:
    """A file of a study that must be there.

    Raises:
        OptionError: it is not, with what to do.
    """
    if path is None:
        raise OptionError(f"{study.folder}: the study has no {what}. Make it or name it: {remedy}")
    return path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that numbers rest on.

    Attributes:
        name: its name, as it was given.
        sha256: hexadecimal SHA-256 of its bytes.
    """

    name: str
    sha256: str


@checks_choices
def files_behind(source: str | PathLike[str] | None, kind: SourceKind) -> list[SourceFile]:
    """The files that a source means, with their hashes; none where no source is given.

    Raises:
        OptionError: there is no such source.
        FileError: a file is missing or unreadable.
    """
    if source is None:
        return []
    with collect_notes():  # whoever read the source got them
        found = resolve(source, kind)
    if found.meaning == "name":
        catalog = Catalog.default()
        paths = [catalog.path(one) for one in entry(found.place, *_PUBLISHED_AS[kind]).paths]
        return [SourceFile(f"{found.place}: {path.name}", sha256_of(path)) for path in paths]
    if found.meaning == "study":
        paths = _files_of_study(found, kind)
    else:
        paths = prediction_files(found.place)
    return hashed(paths)


def files_behind_benchmark(
    labels: str | PathLike[str], original_labels: str | PathLike[str] | None
) -> list[SourceFile]:
    """The files of the original labels; by default those that the labels bring along.

    Raises:
        OptionError: there is no such source.
        FileError: a file is missing or unreadable.
    """
    if original_labels is not None:
        return files_behind(original_labels, "benchmark")
    with collect_notes():
        found = resolve(labels, "labels")
    own: str | None = None if found.meaning == "file" else found.place
    if found.meaning == "name":
        own = entry(found.place).about_images_of
    return files_behind(own, "benchmark")


def hashed(paths: Sequence[str | PathLike[str]]) -> list[SourceFile]:
    """Files, and all files in folders, with their hashes.

    Raises:
        FileError: a file is missing or unreadable.
    """
    inside: list[Path] = []
    for path in map(Path, paths):
        inside += (
            sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        )
    return [SourceFile(str(path), sha256_of(path)) for path in inside]


def _files_of_study(found: Source, kind: SourceKind) -> list[Path]:
    from reassess.study import FILES, select_models, votes_file
    from reassess.study.artefacts import findings_gold_file
    from reassess.study.inputs import model_files

    study = study_at(found)
    if kind in {"labels", "posterior"}:
        return [study.folder / FILES["labels" if kind == "labels" else "posterior"]]
    if kind == "benchmark":
        named = (study.labels, study.classes, study.hierarchy)
        return [study.path(one) for one in named if one is not None]
    if kind == "predictions":
        entries = select_models(study, None if found.model is None else [found.model])
        return [path for one in entries for path in model_files(study, one)]
    path = votes_file(study) if kind == "votes" else findings_gold_file(study)
    return [] if path is None else [path]
