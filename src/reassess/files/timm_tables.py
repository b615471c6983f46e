"""Tables of predictions: those of timm's ``inference.py``, and tables of results.

A column of file names, and ``index``, ``label``, ``prob`` or ``logit``: each one column, one
column of lists (in CSV as NumPy prints them), or ``name_0``, ``name_1``, … CSV, parquet and every
form of JSON that the script writes. Where the truth stands beside the prediction, it is never
scored: a column that could be either is refused. Neither aligns nor ranks:
`reassess.files.predictions` does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reassess.errors import DataError, FileError, preview
from reassess.files.access import Array
from reassess.files.class_words import class_indices
from reassess.files.columns import IMAGE, Part
from reassess.files.frames import Frame
from reassess.files.json_tables import JSON_TABLES, is_json, read_json_table
from reassess.files.stored_predictions import StoredTruth
from reassess.files.tables import ColumnFile, named, read_table
from reassess.files.text_tables import read_text_table
from reassess.notes import collect_notes, note
from reassess.records import Benchmark, ScoreType
from reassess.registry import checks_choices

_OUTPUTS: tuple[tuple[str, ScoreType | None], ...] = (
    ("prob", "probability"),
    ("logit", "logit"),
    ("score", None),
)
"""Columns of scores, and the scale that each name declares."""

PREDICTION = Part(
    "prediction",
    (
        "prediction", "predictions", "predicted", "pred", "preds", "predicted_label",
        "predicted_class", "predicted_index", "predicted_class_id", "predicted_category",
        "predictedlabel", "predictedclass", "pred_label", "pred_class", "pred_index", "y_pred",
        "y_hat", "yhat", "argmax", "top1", "top_1", "model_prediction", "label_pred", "class_pred",
    ),
)  # fmt: skip
"""Names of nothing but a prediction."""

TRUTH = Part(
    "truth",
    (
        "truth", "true", "true_label", "true_class", "true_index", "y_true", "y", "ground_truth",
        "groundtruth", "gt", "gt_label", "target", "targets", "actual", "actual_label", "expected",
        "original", "original_label", "label_true", "reference", "correct_label", "correct_class",
    ),
)  # fmt: skip
"""Names of nothing but what is true."""

_ALIKE = 0.3
"""Agreement beyond chance from which on two columns speak of the same classes."""

_SURELY = 5
"""Standard errors by which they must agree more often than by chance."""

_MOST_COMPARED = 30
"""So many further columns are compared."""

EITHER = ("index", "label", "class", "category", "labels")
"""Names that timm gives to a prediction, and others to the truth."""


@checks_choices
@dataclass(frozen=True, slots=True)
class TimmTable:
    """What such a table holds, in the order of its rows and columns.

    Attributes:
        ids: the file name of each row, strings.
        classes: class indices [N, k]; None where every class has a score.
        scores: [N, k], or [N, K] without ``classes``; None where there are none.
        scale: what the scores are; None where the name of the column does not say.
        truth: the true class of each row, where a column is that by its name.
    """

    ids: Array
    classes: Array | None
    scores: Array | None
    scale: ScoreType | None
    truth: StoredTruth | None = None


def read_timm_table(source: Path | Frame | ColumnFile, benchmark: Benchmark) -> TimmTable:
    """Read a table of predictions, a file, an open one or a frame.

    Raises:
        FileError: a column is missing, or a cell is not what it must be.
        DataError: a label names no class, or two columns could be the prediction.
    """
    if isinstance(source, ColumnFile):
        table = source
    else:
        table = _open(source) if isinstance(source, Path) else read_table(source)
    path = table.path
    ids = np.array(table.texts(table.require(IMAGE)))
    scores, scale = None, None
    for name, its_scale in _OUTPUTS:
        columns = _numbered(table, name)
        if columns:
            table.use("scores", *columns)
            scores, scale = _numbers(table, columns), its_scale
            break
    classes = _predicted(table, benchmark, scores)
    if classes is None and scores is None:
        truth = TRUTH.candidates(table.header)
        what = f"; {truth[0]!r} is the truth by its name" if truth else ""
        raise FileError(
            f"{path}: no column is a prediction ('index', 'label', 'prediction', 'prob', 'logit') "
            f"among {named(table.header)}{what}. Name the column of predicted classes "
            "'prediction', or write it with timm's inference.py --include-index."
        )
    if (
        classes is None
        and scores is not None
        and benchmark.n_classes not in {None, scores.shape[1]}
    ):
        raise FileError(
            f"{path}: no column says which classes its {scores.shape[1]:,} scores are of. Write "
            "them with timm's inference.py --include-index, or --topk 0 for every class."
        )
    return TimmTable(ids, classes, scores, scale, _truth(table, benchmark))


def _truth(table: ColumnFile, benchmark: Benchmark) -> StoredTruth | None:
    """The true class of each row; None where no column is that alone, or says no classes."""
    names = TRUTH.candidates(table.header)
    if len(names) != 1 or benchmark.original is None:
        return None
    try:
        with collect_notes():
            classes = _classes(table, names, benchmark)
    except (DataError, FileError):
        return None
    return StoredTruth(names[0], classes[:, 0]) if classes.shape[1] == 1 else None


def _open(path: Path) -> ColumnFile:
    """The table; timm writes CSV into a file that it calls ``.json``, too."""
    if path.suffix.lower() not in JSON_TABLES:
        return read_table(path)
    source = read_json_table(path) if is_json(path) else read_text_table(path)
    if source.is_empty():
        raise FileError(f"{path}: there are 0 rows, but there must be at least one.")
    return ColumnFile(path, source.header, source)


def _predicted(table: ColumnFile, benchmark: Benchmark, scores: Array | None) -> Array | None:
    """The predicted classes; None where there is no such column, and scores must do.

    Raises:
        DataError: two columns could hold them, and differ.
    """
    certain = PREDICTION.candidates(table.header)
    certain += [c for name in PREDICTION.aliases for c in _numbered_only(table, name)]
    truth = TRUTH.candidates(table.header)
    groups = {name: _numbered(table, name, record=False) for name in EITHER}
    either = {name: columns for name, columns in groups.items() if columns}
    if certain:
        classes = _same_classes(table, _grouped(certain), benchmark, scores)
        left = [*truth, *(one for columns in either.values() for one in columns)]
        if left and "index" not in either:
            note(f"{table.path}: {certain[0]!r} is the prediction; {preview(left)} was left out.")
        return classes
    if not either:
        return None
    if "index" in either and len(either) > 1:
        return _indices_beside_labels(table, either, benchmark)
    if truth and scores is None:
        first = next(iter(either.values()))
        raise DataError(
            f"{table.path}: {first[0]!r} may be the prediction, or name the truth as {truth[0]!r} "
            "does. Rename the column of predicted classes 'prediction'."
        )
    if scores is not None and scores.shape[1] > max(
        _width(table, columns) for columns in either.values()
    ):
        return _beside_full_scores(table, either, benchmark, scores)
    if scores is None and "index" not in either:  # the truth is seldom called so
        _refuse_alike(table, [one for columns in either.values() for one in columns])
    return _same_classes(table, either, benchmark, scores)


def _refuse_alike(table: ColumnFile, named_so: list[str]) -> None:
    """Refuse a column of classes where another, whatever it is called, often holds the same.

    One of the two is a prediction and the other the truth, or each is another model's.

    Raises:
        DataError: there is such a column.
    """
    words = np.array([str(cell).strip() for cell in table.cells(named_so[0])])
    held, count = np.unique(words, return_counts=True)
    images = IMAGE.candidates(table.header)
    for name in [one for one in table.header if one not in {*named_so, *images}][:_MOST_COMPARED]:
        other = np.array([str(cell).strip() for cell in table.cells_unread(name)])
        place = np.minimum(np.searchsorted(held, other), len(held) - 1)
        known = held[place] == other
        chance = float(np.where(known, count[place], 0).mean() / len(words))
        same = float((words == other).mean())
        beyond = (same - chance) / max((chance * (1 - chance) / len(words)) ** 0.5, 1e-9)
        if known.mean() > 0.9 and beyond > _SURELY and _ALIKE < (same - chance) / (1 - chance) < 1:
            row = int(np.argmax(words != other))
            raise DataError(
                f"{table.path}: {named_so[0]!r} and {name!r} hold the same in "
                f"{same:.0%} of the rows, so that either could be the prediction; row "
                f"{table.number(row)} has {str(words[row])!r} and "
                f"{str(other[row])!r}. Rename the column of predicted classes 'prediction'."
            )


def _grouped(columns: Sequence[str]) -> dict[str, list[str]]:
    """Numbered columns of one name together, others alone."""
    found: dict[str, list[str]] = {}
    for column in dict.fromkeys(columns):
        found.setdefault(re.sub(r"_\d+\s*$", "", column) if _NUMBERED.search(column) else column,
                         []).append(column)  # fmt: skip
    return found


_NUMBERED = re.compile(r"_\d+\s*$")


def _same_classes(
    table: ColumnFile, groups: dict[str, list[str]], benchmark: Benchmark, scores: Array | None
) -> Array:
    """The classes that one or several columns name, which must be the same.

    Raises:
        DataError: they differ.
    """
    read = {columns[0]: _classes(table, columns, benchmark) for columns in groups.values()}
    first, *others = read
    for other in others:
        one, two = read[first][:, 0], read[other][:, 0]
        if not np.array_equal(one, two):
            row = int(np.argmax(one != two))
            raise DataError(
                f"{table.path}: {first!r} and {other!r} could both be the prediction, but differ: "
                f"row {table.number(row)} names the classes {one[row]} and {two[row]}; "
                f"{int((one != two).sum()):,} of {len(one):,} rows differ. Keep the column that is "
                "meant, or rename it 'prediction'."
            )
    table.use("prediction", *next(iter(groups.values())))
    k = scores.shape[1] if scores is not None else 0
    return next((found for found in read.values() if found.shape[1] == k), read[first])


def _indices_beside_labels(
    table: ColumnFile, either: dict[str, list[str]], benchmark: Benchmark
) -> Array:
    """The ``index`` of timm with its ``label``: two names of one class.

    Raises:
        DataError: the indices only count the rows, or labels name other classes.
    """
    classes = _classes(table, either["index"], benchmark)
    first = int(classes[0, 0])
    if len(classes) > 1 and np.array_equal(classes[:, 0], np.arange(first, first + len(classes))):
        raise DataError(
            f"{table.path}: 'index' counts the rows from {first:,}, but stands where timm writes "
            "the class index. Drop it, or rename the column of predicted classes 'prediction'."
        )
    described = _Descriptions(benchmark)
    for name, columns in either.items():
        if name == "index":
            continue
        words = [one for column in columns for one in _flat(table, column)]
        known = [n for n, word in enumerate(words) if word in described.known]
        if len(columns) > 1 or len(words) != classes.size:
            continue
        flat = classes.ravel()
        differ = [n for n in known if described.known[words[n]] != flat[n]]
        if differ:
            raise DataError(
                f"{table.path}: row {table.number(differ[0] // classes.shape[1])}: 'index' is "
                f"{flat[differ[0]]}, but {columns[0]!r} is {words[differ[0]]!r}, another class; "
                f"{len(differ):,} of {len(words):,} differ. Check the classes (--classes), or drop "
                "the column that is not the prediction."
            )
    table.use("prediction", *either["index"])
    return classes


def _width(table: ColumnFile, columns: list[str]) -> int:
    """How many classes a row names."""
    where = f"{table.path}: column {columns[0]!r}"
    return sum(len(_items(cell, where)) for c in columns for cell in table.cells(c)[:1])


def _beside_full_scores(
    table: ColumnFile, either: dict[str, list[str]], benchmark: Benchmark, scores: Array
) -> Array | None:
    """A class beside a score of every class: the best one, or the truth, which is left out."""
    names = [columns[0] for columns in either.values()]
    if benchmark.n_classes in {None, scores.shape[1]}:
        note(f"{table.path}: every class has a score; {preview(names)} was left out.")
        return None
    return _same_classes(table, either, benchmark, scores)


def _numbered(table: ColumnFile, name: str, *, record: bool = True) -> list[str]:
    """The column of this name, or its columns ``name_0``, ``name_1``, … in order.

    Raises:
        FileError: such numbers do not begin at 0, or one is left out.
    """
    single = table.candidates((name,))
    if single:
        if record:
            table.use(name, single[0])
        return single[:1]
    return _numbered_only(table, name)


def _numbered_only(table: ColumnFile, name: str) -> list[str]:
    numbers = [re.fullmatch(rf"\s*{name}_(\d+)\s*", other.lower()) for other in table.header]
    by_number = {
        int(number[1]): column
        for number, column in zip(numbers, table.header, strict=True)
        if number
    }
    if sorted(by_number) != list(range(len(by_number))):
        raise FileError(
            f"{table.path}: the columns {named([by_number[i] for i in sorted(by_number)])} must be "
            f"numbered from 0 without a gap. Rename them {name}_0, {name}_1, …"
        )
    return [by_number[i] for i in range(len(by_number))]


_ITEM = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\s,\[\]]+)")


def _items(cell: Any, where: str) -> list[str]:
    """The items of a list that a cell holds, as strings; a plain cell is a list of one."""
    if not isinstance(cell, str):
        return [str(item) for item in cell] if np.iterable(cell) else [str(cell)]
    if not cell.lstrip().startswith("["):
        return [cell]
    if "..." in cell:
        raise FileError(f"{where} is a shortened list. Write one column a prediction instead.")
    return ["".join(found) for found in _ITEM.findall(cell)]


def _lists(table: ColumnFile, column: str) -> list[list[str]]:
    where = f"{table.path}: column {column!r}"
    rows = [_items(cell, where) for cell in table.cells(column)]
    _check_equal([len([item for item in row if item]) for row in rows], where)
    return rows


def _check_equal(lengths: list[int], where: str) -> None:
    for number, length in enumerate(lengths, start=2):
        if length != lengths[0]:
            raise FileError(
                f"{where}: row {number} has {length} items, but must have {lengths[0]} as the "
                "first row has."
            )


def _numbers(table: ColumnFile, columns: list[str]) -> Array:
    if len(columns) > 1:
        return table.numbers(columns)
    block = table.block(columns[0])
    if block is not None:
        return block.astype(np.float64, copy=False)
    where = f"{table.path}: column {columns[0]!r}"
    cells = table.cells(columns[0])
    if all(not cell.lstrip().startswith("[") if isinstance(cell, str) else not np.iterable(cell)
           for cell in cells):  # fmt: skip
        return table.numbers(columns)
    try:
        rows = [np.array(_items(cell, where), dtype=np.float64) for cell in cells]
        _check_equal([len(row) for row in rows], where)
        return np.stack(rows)
    except ValueError as error:
        raise FileError(f"{table.path}: column {columns[0]!r}: {error}.") from error


def _flat(table: ColumnFile, column: str) -> list[str]:
    """All the words of a column, row by row."""
    where = f"{table.path}: column {column!r}"
    return [word for cell in table.cells(column) for word in _items(cell, where)]


def _classes(table: ColumnFile, columns: list[str], benchmark: Benchmark) -> Array:
    """Class indices from columns of indices, ids, names or timm's descriptions."""
    described = _Descriptions(benchmark)
    by_column = []
    for column in columns:
        block = table.block(column)
        if block is not None and block.dtype.kind in "iu":
            by_column.append(block)
            continue
        rows = _lists(table, column)
        where = f"{table.path}: column {column!r}"
        numbers = [table.number(n) for n, row in enumerate(rows) for _ in row]
        flat = described.as_ids([item for row in rows for item in row], numbers, where)
        is_index = column.strip().lower().startswith(("index", "pred_index", "predicted_index"))
        found = class_indices(
            flat, benchmark.classes, where, labels_are="index" if is_index else None,
            rows=np.array(numbers, np.int64),
        )  # fmt: skip
        by_column.append(found.reshape(len(rows), len(rows[0]) if rows else 0))
    return np.concatenate(by_column, axis=1)


class _Descriptions:
    """How timm describes classes: names and synonyms, and "detailed" with the definition behind.

    Attributes:
        known: class index by description, where one class alone has it.
        shared: the ids of the classes that have a description in common.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self.known: dict[str, int] = {}
        self.shared: dict[str, list[str]] = {}
        self._definitions: dict[str, list[tuple[int, str]]] = {}
        self._classes = benchmark.classes
        if self._classes is None:
            return
        columns = zip(
            self._classes.names, self._classes.synonyms, self._classes.definitions, strict=True
        )
        for index, (name, synonyms, definition) in enumerate(columns):
            text = f"{name}, {synonyms.replace('; ', ', ')}" if synonyms else name
            self._definitions.setdefault(text, []).append((index, definition))
        for text, found in self._definitions.items():
            if len(found) == 1:
                self.known[text] = found[0][0]
            else:
                self.shared[text] = [self._classes.ids[index] for index, _ in found]

    def as_ids(self, words: list[str], rows: list[int], where: str) -> list[str]:
        """Words with descriptions replaced by the ids of their classes.

        Raises:
            DataError: two classes are described so.
        """
        if self._classes is None:
            return words
        by_word = {word: self._as_id(word) for word in dict.fromkeys(words)}
        doubtful = [word for word in by_word if word in self.shared]
        if doubtful:
            n = sum(word in self.shared for word in words)
            row = next(n for n, word in zip(rows, words, strict=True) if word in self.shared)
            raise DataError(
                f"{where}: row {row} is {doubtful[0]!r}, but several classes are described "
                f"so ({preview(self.shared[doubtful[0]])}); {n:,} of {len(words):,} cells are in "
                "doubt. Write them with timm's inference.py --include-index, or --label-type name "
                "or detailed."
            )
        return [by_word[word] for word in words]

    def _as_id(self, word: str) -> str:
        """The id of the class that a word describes; the word itself where it describes none."""
        if self._classes is None or word in self._classes.index_of:
            return word
        if word in self.known:
            return self._classes.ids[self.known[word]]
        text, colon, definition = word.partition(": ")
        found = self._definitions.get(text, []) if colon else []
        if len(found) > 1:
            found = [one for one in found if definition and one[1].startswith(definition)]
        return self._classes.ids[found[0][0]] if len(found) == 1 else word
