"""Excel workbooks (``.xlsx``) as tables: the one sheet with cells, its first row the header.

Read by calamine, which needs no Excel. Whole numbers are integers again, since Excel stores every
number as a float; rows without any cell are left out. What the workbook does not show is noted:
hidden sheets, which are left out, and hidden rows and columns, which are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from reassess.errors import FileError, MissingExtraError, preview
from reassess.files.hidden_cells import hidden_cells
from reassess.files.text_tables import check_numbers
from reassess.notes import note
from reassess.records.benchmark import plain_text

WORKBOOKS = frozenset({".xlsx", ".xlsm"})


@dataclass(frozen=True, slots=True)
class WorkbookTable:
    """The cells of a sheet.

    Attributes:
        path: the file.
        header: its column names, in order.
        rows: the rows below the header; None where a cell is empty.
        first_row: the number of the first row below the header.
        left_out: the numbers of the rows without any cell, rising.
    """

    path: Path
    header: tuple[str, ...]
    rows: list[list[Any]]
    first_row: int = 2
    left_out: tuple[int, ...] = ()

    def column(self, name: str) -> list[Any]:
        """A column's cells."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]

    def is_empty(self) -> bool:
        """Whether there is no row below the header."""
        return not self.rows

    def holds_images(self, name: str) -> bool:
        """No cell holds an image."""
        del name
        return False

    def block(self, name: str) -> None:
        """No cell is an array."""
        del name

    def numbers(self, names: Sequence[str]) -> Float[np.ndarray, "n m"]:
        """Several columns as one array.

        Raises:
            FileError: a cell is not a number, with its row.
        """
        columns = [self.column(name) for name in names]
        for name, cells in zip(names, columns, strict=True):
            check_numbers(cells, self.path, name, self.first_row, self.left_out)
        return np.array(columns, dtype=np.float64).T


def read_workbook(path: Path) -> WorkbookTable:
    """The one sheet of a workbook that has cells.

    Raises:
        MissingExtraError: calamine is not installed.
        FileError: the workbook is unfinished or corrupt, or several sheets have cells.
    """
    try:
        import python_calamine
    except ImportError as error:
        raise MissingExtraError(
            "python-calamine", "excel", f"reading the Excel workbook {path} (or save it as CSV)"
        ) from error
    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as workbook:
            visible = python_calamine.SheetVisibleEnum.Visible
            sheets = {
                one.name: (place, one.visible == visible, workbook.get_sheet_by_name(one.name))
                for place, one in enumerate(workbook.sheets_metadata)
                if one.typ == python_calamine.SheetTypeEnum.WorkSheet
            }
            filled = {
                name: rows
                for name, (_, is_shown, one) in sheets.items()
                if is_shown and (rows := one.to_python())
            }
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise FileError(
            f"{path}: it is not a complete Excel workbook ({error}). Save it again, or as CSV "
            "UTF-8."
        ) from error
    hidden = [name for name, (_, is_shown, one) in sheets.items() if not is_shown and one.start]
    if len(filled) > 1:
        raise FileError(
            f"{path}: the Excel workbook has cells in the sheets {preview(filled)}, but must have "
            "them in one. Delete the others, or save the one that is meant as CSV UTF-8."
        )
    if not filled and hidden:
        raise FileError(
            f"{path}: the Excel workbook has cells in hidden sheets alone ({preview(hidden)}), but "
            "must have them in one that is shown. Unhide it in Excel, and save."
        )
    if not filled:
        return WorkbookTable(path, (), [])
    (name, (header, *rows)), *_ = filled.items()
    left = f" Hidden sheets were left out: {preview(hidden)}." if hidden else ""
    note(f"{path}: read the sheet {name!r} of the Excel workbook.{left}")
    cells = [[_cell(one) for one in row] for row in rows]
    names = tuple(plain_text(str(one)) for one in header)
    place, _, sheet = sheets[name]
    row, column = sheet.start or (0, 0)
    first = 2 + row
    _note_hidden(path, place, names, first, column)
    is_filled = [any(one is not None for one in row) for row in cells]
    return WorkbookTable(
        path,
        names,
        [row for row, filled in zip(cells, is_filled, strict=True) if filled],
        first,
        tuple(number for number, filled in enumerate(is_filled, first) if not filled),
    )


def _note_hidden(
    path: Path, place: int, names: Sequence[str], first_row: int, first_column: int
) -> None:
    """Say which rows and columns were read that the sheet does not show."""
    found = hidden_cells(path, place)
    rows = [str(row) for row in found.rows if row >= first_row]
    places = [at - first_column for at in found.columns]
    columns = [names[at] for at in places if 0 <= at < len(names) and names[at]]
    for n, what, some in ((len(rows), "row", rows), (len(columns), "column", columns)):
        if n:
            is_one = n == 1
            note(
                f"{path}: {n:,} {what}{'' if is_one else 's'} that the Excel workbook hides "
                f"{'was' if is_one else 'were'} read like the others: {preview(some)}. Delete "
                f"{'it' if is_one else 'them'} in Excel if {'it is' if is_one else 'they are'} "
                "not meant."
            )


def _cell(value: Any) -> Any:
    """A cell: None where it is empty, a whole number as an integer."""
    if value == "":
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value
