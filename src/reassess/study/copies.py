"""Copies of files in a study, so that it can be moved or copied alone.

A copy never takes the place of a file that something else made. `copies.json` holds what each
copy was called and its hash.
"""

import json
import shutil
from itertools import count
from os import PathLike
from pathlib import Path

from reassess.errors import FileError
from reassess.files import sha256_of, write_atomically
from reassess.files.prediction_forms import sibling_name
from reassess.study.manifest import Study
from reassess.study.named_places import as_named, below

COPIED_BELOW = 100_000_000
"""Bytes below which a file of predictions is copied into the study, unless told otherwise."""

COPIES = "copies.json"
"""What was copied into a study: the name of each original, and its hash."""

PREDICTIONS = "predictions"
"""The folder of a study's copies of predictions."""


def kept_in_study(study: Study, path: str | PathLike[str], name: str) -> str:
    """A file as the manifest names it once it is in the study: copied there unless it is.

    An earlier copy gives way; where something else has the name, the copy gets a number.

    Args:
        study: the study.
        path: the file.
        name: what the copy is called, without the ending, which it keeps.

    Raises:
        FileError: it is missing, or the study cannot be written to.
    """
    ending = Path(path).suffix.lower()
    names = (name + ("" if number == 1 else f"-{number}") + ending for number in count(1))
    found = sha256_of(path)
    free = next(one for one in names if not _is_foreign(study.folder, one, found))
    return copied(study.folder, path, free)


def kept_files(study: Study, paths: list[Path], *, copy: bool | None) -> list[str]:
    """How the manifest names files that belong together: copied, or left where they are.

    Args:
        study: the study.
        paths: the files.
        copy: whether to copy them; None copies what is below `COPIED_BELOW`.

    Raises:
        FileError: one is missing, or the study cannot be written to.
    """
    if all(study.relative(path) is not None for path in paths):
        return [as_named(path, study.folder) for path in paths]
    if copy is None:
        copy = all(path.stat().st_size < COPIED_BELOW for path in paths)
    if not copy:
        return [as_named(path, study.folder) for path in paths]
    names = [path.name for path in paths]
    if len(set(names)) < len(names):  # both of X.npy:Y.npy may have one name
        names = [f"{number}-{name}" for number, name in enumerate(names)]
    hashes = [sha256_of(path) for path in paths]
    folder = _free_folder(study.folder, names, hashes)
    return [
        copied(study.folder, path, f"{folder}/{name}")
        for path, name in zip(paths, names, strict=True)
    ]


def copied_if(folder: Path, path: str | PathLike[str] | None, name: str) -> str | None:
    """As `copied`, under this name and the file's own ending; None for no file."""
    return None if path is None else copied(folder, path, f"{name}{Path(path).suffix.lower()}")


def copied(folder: Path, path: str | PathLike[str], name: str) -> str:
    """The name in a study of a file's copy; a file that is in the study keeps its own.

    Args:
        folder: the study's.
        path: the file.
        name: what the copy is called.

    Raises:
        FileError: something else has the name, the file is missing, or nothing can be written.
    """
    inside = below(folder, path)
    if inside is not None:
        return inside
    target, found = folder / name, sha256_of(path)
    if _is_foreign(folder, name, found):
        raise FileError(
            f"{target}: it is there already and is not a copy that reassess made, so that {path} "
            "does not take its place. Move one of them away, or name the one in the study."
        )
    if target.exists() and sha256_of(target) == found:
        return name
    with write_atomically(target) as beside:
        shutil.copyfile(path, beside)
    record = _copies(folder) | {name: {"from": Path(path).name, "sha256": found}}
    with write_atomically(folder / COPIES) as beside:
        beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return name


def _free_folder(study: Path, names: list[str], hashes: list[str]) -> str:
    """Where files can be put under their names, which readers go by, or are already.

    ``xpreds.npy`` is read with the ``xprobs.npy`` beside it: neither these files nor those that
    are there may get a sibling that is another model's.
    """
    for number in count(1):
        folder = PREDICTIONS if number == 1 else f"{PREDICTIONS}/{number}"
        there = {path.name for path in (study / folder).glob("*")}
        others = there - set(names)
        siblings = {sibling_name(name) for name in names} & others
        siblings |= {sibling_name(name) for name in others} & set(names)
        is_same = there >= set(names) and all(
            (study / folder / name).is_file() and sha256_of(study / folder / name) == expected
            for name, expected in zip(names, hashes, strict=True)
        )
        if not siblings and (is_same or not there & set(names)):
            return folder
    raise AssertionError("numbers do not end")


def _is_foreign(folder: Path, name: str, sha256: str) -> bool:
    """Whether a name in a study is taken by other content than a copy's, old or new."""
    target = folder / name
    if not target.exists():
        return False
    there = sha256_of(target) if target.is_file() else None
    return there is None or there not in {sha256, _copies(folder).get(name, {}).get("sha256")}


def _copies(folder: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads((folder / COPIES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
