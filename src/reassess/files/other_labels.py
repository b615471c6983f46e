"""Label sets that others wrote: tables, and workers' checks of suspected label errors.

Tables    CSV, TSV or parquet: ``image`` and ``label`` (a class index, id or name; an image may
          have several rows), or ``image`` and ``labels`` (or ``proposed_labels``, as tables of
          ImageNet's reassessments have): indices, ids or names with blanks, commas, semicolons
          or bars between. An image whose only cell is empty, or ``none``, has no label; one that
          ``is_problematic`` is left out, and so is one whose ``category`` is X: tables of
          ImageNet's reassessments have X without a label where the raters did not agree, and Z
          where no class fits. A table of original labels looks the same, so that only
          what compares label sets reads such tables.
Checks    as published, a JSON list with one entry an image: the original label (``given``), the
          label that a model guessed, and how many workers chose ``given``, ``guessed``, ``both``
          or ``neither``. Only images under suspicion were checked, and only these two classes
          were asked about: what the checks say of an image is partial, and of the other images
          they say nothing. Letters: n images.

Source: Northcutt, Athalye, Mueller (2021), "Pervasive label errors in test sets destabilize
machine learning benchmarks", NeurIPS Datasets and Benchmarks; github.com/cleanlab/label-errors.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.errors import FileError
from reassess.files.access import prefix_errors_with, read_json
from reassess.files.cells import stands_for_empty
from reassess.files.class_columns import refuse_questions
from reassess.files.class_words import class_indices
from reassess.files.columns import IMAGE, LABELS, PROBLEMATIC
from reassess.files.tables import ColumnFile, read_table
from reassess.notes import note
from reassess.records import Classes, LabelSets, factorize
from reassess.records.benchmark import MOST_CLASSES, plain_text

CHOICES = ("given", "guessed", "both", "neither")
"""What a worker may choose; `LabelChecks.votes` has one column each."""

_FIELDS = ("given_original_label", "our_guessed_label", "mturk", "url")


@dataclass(frozen=True, slots=True)
class LabelChecks:
    """What workers chose for each image.

    Attributes:
        image_ids: the n images, strings.
        given: class of the original label of each.
        guessed: class that a model guessed.
        votes: how many workers made each of `CHOICES`.
    """

    image_ids: Shaped[np.ndarray, "n"]
    given: Int[np.ndarray, "n"]
    guessed: Int[np.ndarray, "n"]
    votes: Int[np.ndarray, "n 4"]

    def __len__(self) -> int:
        return len(self.image_ids)

    def chosen(self, choice: str) -> Bool[np.ndarray, "n"]:
        """Where more than half of the workers made this one of `CHOICES`."""
        n_workers = self.votes.sum(axis=1)
        found: Bool[np.ndarray, "n"] = 2 * self.votes[:, CHOICES.index(choice)] > n_workers
        return found

    def label_sets(self, name: str) -> LabelSets:
        """What most workers chose, as label sets; images without a majority are left out.

        ``given`` and ``guessed`` give sets of one, ``both`` one of two, ``neither`` an empty one.

        Args:
            name: what to call them.
        """
        has_given = self.chosen("given") | self.chosen("both")
        has_guessed = self.chosen("guessed") | self.chosen("both")
        decided = np.flatnonzero(has_given | has_guessed | self.chosen("neither"))
        held = np.column_stack([has_given, has_guessed])[decided]
        classes = np.column_stack([self.given, self.guessed])[decided]
        indptr = np.concatenate([[0], np.cumsum(held.sum(axis=1))])
        return LabelSets(name, self.image_ids[decided], indptr, classes[held])


def is_label_checks(value: Any) -> bool:
    """Whether what a JSON file holds looks like such checks."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def read_label_checks(path: str | PathLike[str]) -> LabelChecks:
    """Workers' checks from a published file.

    Raises:
        FileError: the file is missing, no JSON, or an entry is not of the form above.
        DataError: an image appears twice.
    """
    path = Path(path)
    return label_checks(read_json(path), path)


def label_checks(value: Any, path: Path) -> LabelChecks:
    """Workers' checks from what a JSON file holds.

    Raises:
        FileError: an entry is not of the form above.
        DataError: an image appears twice.
    """
    if not is_label_checks(value):
        raise FileError(
            f"{path}: it must hold a list of checks, each an object with {', '.join(_FIELDS)}."
        )
    rows = [_entry(path, row, entry) for row, entry in enumerate(value)]
    ids = np.array([image_id for image_id, _, _, _ in rows], dtype=str)
    given, guessed = (np.array([one[i] for one in rows], dtype=np.int64) for i in (1, 2))
    votes = np.array([one[3] for one in rows], dtype=np.int64)
    with prefix_errors_with(path):  # label sets refuse an image that appears twice
        LabelSets("checks", ids, np.zeros(len(ids) + 1, np.int64), np.zeros(0, np.int64))
    return LabelChecks(ids, given, guessed, votes)


def _entry(path: Path, row: int, entry: Any) -> tuple[str, int, int, list[int]]:
    """The image, both classes and the votes of one check."""
    where = f"{path}: check [{row}]"
    missing = [name for name in _FIELDS if not isinstance(entry, dict) or name not in entry]
    if missing:
        raise FileError(f"{where} lacks {missing[0]!r}, but must have {', '.join(_FIELDS)}.")
    given, guessed = entry["given_original_label"], entry["our_guessed_label"]
    for label in (given, guessed):
        if type(label) is not int or not 0 <= label < MOST_CLASSES:
            raise FileError(f"{where} has the label {label!r}, but must have a class index.")
    if given == guessed:
        raise FileError(f"{where}: given and guessed label are both {given}, but must differ.")
    votes = entry["mturk"]
    counts: list[Any] = [votes.get(name) for name in CHOICES] if isinstance(votes, dict) else []
    if not counts or any(type(n) is not int or n < 0 for n in counts) or not any(counts):
        raise FileError(
            f"{where}: 'mturk' is {str(votes)[:60]}, but must count the workers who chose "
            f"{', '.join(CHOICES)}."
        )
    image_id = str(entry["url"]).rpartition("/")[2]
    if not image_id:
        raise FileError(f"{where}: 'url' is {entry['url']!r}, but must end in a file name.")
    return image_id, given, guessed, counts


def read_label_table(path: str | PathLike[str], *, classes: Classes | None, name: str) -> LabelSets:
    """Label sets from such a table, images in the order of their first row.

    Args:
        path: the file.
        classes: what ids and names are looked up in; None takes indices only.
        name: what to call them.

    Raises:
        FileError: the file is missing, is no table, or lacks a column.
        DataError: a label is no class, or an image has it twice.
    """
    return label_sets_of(read_table(Path(path)), classes=classes, name=name)


def label_sets_of(table: ColumnFile, *, classes: Classes | None, name: str) -> LabelSets:
    """Label sets from an open table; see `read_label_table`.

    Raises:
        FileError: it lacks a column.
        DataError: a label is no class, or an image has it twice.
    """
    path = table.path
    refuse_questions(table)
    column = table.require(LABELS)
    cells = table.cells(column)
    if any(isinstance(cell, list) for cell in cells):  # parquet
        cells = [" ".join(map(str, cell)) if isinstance(cell, list) else cell for cell in cells]
    whole = column.strip().lower() in {"label", "class"}
    kept = _usable_rows(table)
    rows = np.array(table.texts(table.require(IMAGE)))[kept].tolist()
    texts = ["" if cells[n] is None else plain_text(str(cells[n])) for n in kept.tolist()]
    known = {} if classes is None else classes.index_of
    words = [[] if stands_for_empty(one) and one not in known else [one] for one in texts]
    if not whole:
        words = _split(words, known, f"{path}: column {column!r}")
    row = np.repeat(np.arange(len(words)), [len(one) for one in words])
    flat = [word for one in words for word in one]
    where = f"{path}: column {column!r}"
    label = (
        class_indices(
            flat, classes, where, rows=table.row_numbers(len(cells))[kept[row]], mixed=True
        )
        if flat
        else np.zeros(0, np.int64)
    )
    ids, image = factorize(rows)
    order = np.argsort(image[row], kind="stable")
    indptr = np.searchsorted(image[row][order], np.arange(len(ids) + 1))
    n_classes = None if classes is None else len(classes)
    with prefix_errors_with(path):
        return LabelSets(name, ids, indptr, label[order], n_classes=n_classes, classes=classes)


_BETWEEN = (",", ";", "|")
"""What may stand between the labels of a cell; blanks where none of them does."""


def _split(words: list[list[str]], known: Container[str], where: str) -> list[list[str]]:
    """The labels of each cell, each once, split at the one sign that stands between them.

    Args:
        words: the text of each cell, none for an empty one.
        known: the words that are classes: these are never split.
        where: the column, for messages.

    Raises:
        FileError: two signs could stand between labels.
    """
    words = [[part for text in one for part in _listed(text, known)] for one in words]
    open_texts = [text for one in words for text in one if text not in known]
    signs = [sign for sign in _BETWEEN if any(sign in text for text in open_texts)]
    if len(signs) > 1:
        raise FileError(
            f"{where} has {' and '.join(map(repr, signs))} in its cells, but labels must stand "
            "with one sign between them in all rows. Write one row for each label instead."
        )
    if signs:
        note(f"{where} was split at {signs[0]!r} into the labels of an image.")
    split = [
        [part for text in one for part in ([text] if text in known else _parts(text, signs))]
        for one in words
    ]
    once = [list(dict.fromkeys(one)) for one in split]
    n_twice = sum(len(one) < len(all_) for one, all_ in zip(once, split, strict=True))
    if n_twice:
        note(f"{where} has {n_twice:,} cells that name a class twice; it counts once.")
    return once


_LISTED = re.compile(r"""'([^']*)'|"([^"]*)"|([^\s,'"]+)""")


def _listed(text: str, known: Container[str]) -> list[str]:
    """The labels of a cell that is a list as Python or NumPy print it, ``[0, 2]``; else itself."""
    if text in known or not (text.startswith("[") and text.endswith("]")):
        return [text]
    return ["".join(found).strip() for found in _LISTED.findall(text[1:-1])]


def _parts(text: str, signs: Sequence[str]) -> list[str]:
    parts = text.split(signs[0]) if signs else text.split()
    return [part.strip() for part in parts if part.strip()]


def _usable_rows(table: ColumnFile) -> Int[np.ndarray, "n"]:
    """The rows of images that were decided and that nobody marked as problematic, with notes.

    Raises:
        FileError: a mark is neither true nor false.
    """
    n_rows = len(table.cells_unread(table.header[0]))
    return np.flatnonzero(_unmarked(table, n_rows) & ~_undecided(table, n_rows))


def _undecided(table: ColumnFile, n_rows: int) -> Bool[np.ndarray, "n"]:
    """Whether a row is an image on which the raters of a published reassessment did not agree."""
    found = np.zeros(n_rows, dtype=bool)
    names = table.candidates(("category",))
    if not names or not table.candidates(("proposed_labels",)):
        return found
    marks = [str(cell).strip() for cell in table.cells_unread(names[0])]
    if set(marks) <= _CATEGORIES:
        found = np.array([mark == "X" for mark in marks])
    if found.any():
        note(
            f"{table.path}: {int(found.sum()):,} of {n_rows:,} images are undecided, of the "
            f"{names[0]} 'X', and were left out. Set it to 'Z' where no class fits."
        )
    return found


_CATEGORIES = frozenset("ABMZX")
"""Of Kisel et al.'s tables: confirmed, another class, several, no class, undecided."""


def _unmarked(table: ColumnFile, n_rows: int) -> Bool[np.ndarray, "n"]:
    """Whether a row is an image that nobody marked as problematic.

    Raises:
        FileError: a mark is neither true nor false.
    """
    column = table.find(PROBLEMATIC)
    if column is None:
        return np.ones(n_rows, dtype=bool)
    cells = table.cells(column)
    marks = np.array([str(cell).strip().lower() for cell in cells])
    wrong = np.flatnonzero(~np.isin(marks, ["true", "false", "1", "0"]))
    if len(wrong):
        row = int(wrong[0])
        raise FileError(
            f"{table.path}: column {column!r}: {table.place(row)} is {cells[row]!r}, but must be "
            "true or false, 1 or 0. Fix it, or drop the column to read every image."
        )
    kept: Bool[np.ndarray, "n"] = np.isin(marks, ["false", "0"])
    if not kept.all():
        note(
            f"{table.path}: {int((~kept).sum()):,} of {n_rows:,} images are problematic "
            f"by the column {column!r} and were left out. Drop the column to read them."
        )
    return kept
