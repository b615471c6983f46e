"""The manifest as a document that is changed and written, with a person's comments and order kept.

One of an earlier format becomes one of the present.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any

from reassess.errors import MissingExtraError
from reassess.files import write_atomically
from reassess.study.manifest import (
    FILE_NAME,
    SECTIONS,
    BenchmarkFiles,
    ModelEntry,
    Study,
    former_names,
    ignored_keys,
    read_manifest,
)


def entry_table(entry: ModelEntry | BenchmarkFiles) -> Any:
    """A benchmark or a model as a table of the manifest, without what is not given."""
    table = load_tomlkit().table()
    for one in fields(entry):
        value = getattr(entry, one.name)
        if value is not None:
            table[one.name] = value
    return table


def manifest_document(folder: Path) -> Any:
    """The manifest as a document to change, in the words of the present format."""
    text = (folder / FILE_NAME).read_text(encoding="utf-8-sig")
    ignored = ignored_keys(load_tomlkit().parse(text).unwrap())
    for start, stop, word in former_names(text):
        text = text[:start] + word + text[stop:]
    document = load_tomlkit().parse(text)
    for section, key in ignored:
        del document[section][SECTIONS[section].former[key]]
    return document


def write_manifest(folder: Path, text: str) -> Study:
    """The study of a manifest that was written, if it may be."""
    study = read_manifest(text, folder)
    with write_atomically(folder / FILE_NAME) as beside:
        beside.write_text(text, encoding="utf-8")
    return study


def load_tomlkit() -> Any:
    """The library that keeps comments and order, imported where it is first needed.

    Raises:
        MissingExtraError: it is missing.
    """
    try:
        import tomlkit
    except ImportError as error:
        raise MissingExtraError("tomlkit", "study", "writing study.toml") from error
    return tomlkit
