"""What a file says of labels: which hold, or only which predictions are wrong."""

from pathlib import Path

from reassess.errors import DataError
from reassess.files.json_files import read_json


def holds_verdicts(path: str | Path) -> bool:
    """Whether a file holds experts' verdicts on predictions rather than label sets.

    A file that cannot be read holds none: whoever reads it says what is wrong with it.
    """
    path = Path(path)
    if path.suffix.lower() != ".json":
        return False
    try:
        value = read_json(path)
    except DataError:
        return False
    first = next(iter(value.values()), None) if isinstance(value, dict) else None
    return isinstance(first, dict) and "top_prediction" in first
