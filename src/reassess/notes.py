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


def columns_read(
    file: str, used: Mapping[str, str | Sequence[str]], columns: Sequence[str]
) -> None:
    """Record which of a table's columns were read, and as what; more of a file adds to it.

    Args:
        file: the path, as it was given.
        used: the column, or several, by what it was read as.
        columns: all columns of the file.
    """
    found = _OPEN.get()
    if found is None:
        return
    entries = found[0].columns
    place = next((i for i, entry in enumerate(entries) if entry.file == file), None)
    before = ColumnsRead(file, {}, columns) if place is None else entries[place]
    names = {part: (one,) if isinstance(one, str) else tuple(one) for part, one in used.items()}
    read = {name for several in names.values() for name in several}
    entry = ColumnsRead(
        file,
        {**before.used, **{part: _shortened(several) for part, several in names.items()}},
        tuple(name for name in before.left if name not in read),
    )
    if place is None:
        entries.append(entry)
    else:
        entries[place] = entry


def _shortened(columns: Sequence[str]) -> str:
    """The names of columns that were read as one thing: a thousand scores are one line."""
    return ", ".join(columns) if len(columns) < 4 else f"{columns[0]} … {columns[-1]}"


def open_notes() -> Notes | None:
    """What was collected so far by the innermost collector; None where none is open."""
    found = _OPEN.get()
    return None if found is None else found[0]
