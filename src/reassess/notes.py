"""What was understood on the way: notes, and which columns of which file were read.

A reader calls `note` where a file was read in one of several ways, or something in it was left
out, and `columns_read` for every table. Whoever wants to hear it, as the command line does, opens
`collect_notes` around the work; without one a note is a `NoteWarning`, and columns are dropped.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


class NoteWarning(UserWarning):
    """What a caller should know about how something was understood."""


@dataclass(frozen=True, slots=True)
class ColumnsRead:
    """Which columns of a table were read.

    Attributes:
        file: the path, as it was given.
        used: the name of the column by what it was read as: ``{"image": "filename", …}``.
        left: the names of the other columns, in the file's order.
    """

    file: str
    used: Mapping[str, str]
    left: Sequence[str]


@dataclass(slots=True)
class Notes:
    """The notes of some work, each text once, in the order in which they came.

    Attributes:
        texts: the notes.
        columns: the tables that were read; a table that was read twice stands once.
    """

    texts: list[str] = field(default_factory=list)
    columns: list[ColumnsRead] = field(default_factory=list)


_OPEN: ContextVar[tuple[Notes, Callable[[str], None] | None] | None] = ContextVar(
    "open notes", default=None
)


@contextmanager
def collect_notes(show: Callable[[str], None] | None = None) -> Iterator[Notes]:
    """Collect the notes of the work inside; the innermost collector gets them.

    Args:
        show: is called with each note as it comes, once a text.
    """
    notes = Notes()
    token = _OPEN.set((notes, show))
    try:
        yield notes
    finally:
        _OPEN.reset(token)


def note(text: str) -> None:
    """Say how something was understood: one sentence or two, with the file and the remedy."""
    found = _OPEN.get()
    if found is None:
        warnings.warn(text, NoteWarning, stacklevel=3)
        return
    notes, show = found
    if text not in notes.texts:
        notes.texts.append(text)
        if show is not None:
            show(text)


def columns_read(file: str, used: Mapping[str, str], columns: Sequence[str]) -> None:
    """Record which of a table's columns were read, and as what."""
    found = _OPEN.get()
    if found is None:
        return
    left = tuple(name for name in columns if name not in set(used.values()))
    entry = ColumnsRead(file, dict(used), left)
    if entry not in found[0].columns:
        found[0].columns.append(entry)
