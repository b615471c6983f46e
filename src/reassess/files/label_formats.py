"""Formats of files of labels: what one is, and the registry in which each stands.

A format is one registration (`reassess.files.labels` has them all): its name, its ending, how it
is told, its reader and its writer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from reassess.errors import FileError, OptionError
from reassess.files.access import prefix_errors_with
from reassess.files.parquet import is_parquet
from reassess.files.places import check_extension
from reassess.records import Classes, LabelSets
from reassess.registry import Registry


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A file of labels that is being read.

    Attributes:
        path: the file.
        value: what it holds, where it is JSON.
        name: what to call the labels where the file does not say.
        classes: the classes, where they are known.
        image_ids: the benchmark's images, where they are known.
    """

    path: Path
    value: Any
    name: str
    classes: Classes | None
    image_ids: Shaped[np.ndarray, "N"] | None


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """A format of files of labels.

    Attributes:
        name: what people type.
        ending: of its files.
        summary: what it is, in one line for help.
        matches: whether what a JSON file holds is of this format; a format with another ending
            than ``.json`` is told by that.
        read: reads a file that matches.
        write: writes one; None where the format is only read.
        lost: fields of `LabelSets` that the format does not hold.
        is_folder: whether it is a folder and no file; its name has no ending of its own.
    """

    name: str
    ending: str
    summary: str
    matches: Callable[[Any], bool]
    read: Callable[[LabelFile], LabelSets]
    write: Callable[[LabelSets, Path], None] | None
    lost: frozenset[str] = frozenset()
    is_folder: bool = False


LABEL_FORMATS: Registry[LabelFormat] = Registry("format of labels")
"""The formats of labels, in the order in which a JSON file is held against them."""


def label_format(path: str | PathLike[str], form: str | None = None) -> LabelFormat:
    """The format in which labels are written: the one that is named, or the ending's first.

    Raises:
        OptionError: there is no such format, it is only read, or the ending is another's: the
            ending is how the file will be read.
    """
    path = Path(path)
    ending = ".parquet" if is_parquet(path) else path.suffix.lower()
    writable = {name: one for name, one in LABEL_FORMATS.items() if one.write is not None}
    if form is None:
        by_ending = [name for name, one in writable.items() if one.ending == ending]
        form = by_ending[0] if by_ending else "native"
    found = LABEL_FORMATS[form]
    if found.write is None:
        written = ", ".join(map(repr, writable))
        raise OptionError(
            f"the format of labels is {found.name!r}, which is only read, but must be one of "
            f"{written}. Choose one of them."
        )
    files = {name: one for name, one in writable.items() if not one.is_folder}
    endings = tuple(dict.fromkeys(one.ending for one in files.values()))
    if found.is_folder:
        if ending in endings:
            raise OptionError(
                f"the output is {str(path)!r}, but must be a folder for the format {found.name}. "
                "Leave its ending out."
            )
        return found
    if found.ending != ending and ending in endings:
        raise OptionError(
            f"the output is {str(path)!r}, but must end in {found.ending} for the format "
            f"{found.name}: the extension is how it will be read. Rename the file."
        )
    others = " or ".join(files)
    check_extension(
        path, (*endings, ".pq"), f"Rename it, or choose another form: --format {others}"
    )
    return found


def write_labels(labels: LabelSets, path: str | PathLike[str], form: str | None = None) -> None:
    """Write reassessed labels in one of `LABEL_FORMATS`.

    Args:
        labels: the labels.
        path: the file.
        form: name of the format; by default the ending's first, which is ``native`` for JSON.

    Raises:
        OptionError: the format is unknown or only read, or the extension is another's.
        FileError: the file cannot be written.
    """
    path = Path(path)
    write = label_format(path, form).write
    assert write is not None  # noqa: S101 -- checked by label_format; this tells mypy
    write(labels, path)


def classes_stated_in(about: Mapping[str, Any], path: Path) -> Classes | None:
    """The classes that a file states; None where it states none.

    Raises:
        FileError: they are not what was written.
    """
    ids = about.get("class_ids")
    if ids is None:
        return None
    names = about.get("class_names", ids)
    lists = [ids, names]
    if not all(isinstance(one, list) and all(isinstance(x, str) for x in one) for one in lists):
        raise FileError(f"{path}: 'class_ids' are not the list of ids that was written.")
    blank = ("",) * len(ids)
    with prefix_errors_with(path):
        return Classes(tuple(ids), tuple(names), blank, blank)
