"""The files behind names and paths on the command line, with their hashes, for a report."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reassess.cli.options import split_source

if TYPE_CHECKING:
    from reassess.catalog import Kind
    from reassess.report import Input


def inputs_of(role: str, source: str | None, kind: "Kind | None" = None) -> "Iterator[Input]":
    """The files that a source means, if it is given.

    Args:
        role: what it is.
        source: a path, two paths, NAME=FILE, or a name of the catalogue.
        kind: of catalogue entries; None takes no names.
    """
    from reassess.catalog import Catalog, entry, files_of, knows
    from reassess.files import sha256_of
    from reassess.files.arrays import exists
    from reassess.files.prediction_forms import prediction_files
    from reassess.report import Input

    if source is None:
        return
    name = split_source(source)[1]
    if kind is not None and knows(name, kind) and not exists(Path(name)):
        for relative in files_of(entry(name, kind)):
            path = Catalog.default().path(relative)
            yield Input(role, f"{name}: {path.name}", sha256_of(path))
        return
    for path in prediction_files(name):
        inside = (
            sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        )
        for one in inside:
            yield Input(role, str(one), sha256_of(one))
