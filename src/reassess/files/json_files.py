"""JSON files, read whole and refused where they say two things."""

import json
from pathlib import Path
from typing import Any

from reassess.errors import DataError, FileError
from reassess.files.arrays import check_readable


def read_json(path: Path) -> Any:
    """What a JSON file holds; a name that an object has twice is an error, not the last one.

    Raises:
        FileError: the file is missing, unfinished or not JSON.
        DataError: an object has a name twice.
    """

    def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in found if names.count(name) > 1)
            raise DataError(f"{path}: {twice!r} appears more than once, but must be unique.")
        return found

    check_readable(path)
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: the file is unfinished or not JSON ({error}).") from error
