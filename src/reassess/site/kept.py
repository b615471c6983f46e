"""The hidden folder of a study: what must outlive a server, and is its owner's alone to read."""

from pathlib import Path

from reassess.errors import FileError
from reassess.study import Study

KEPT = ".rating"
"""Its name: unlike `CACHE` it must not be deleted."""


def kept_folder(study: Study) -> Path:
    """The study's hidden folder of what must outlive a server, for its owner alone.

    Raises:
        FileError: it cannot be made.
    """
    path = study.folder / KEPT
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be made ({error.strerror}). Run as who owns the study."
        ) from error
    return path
