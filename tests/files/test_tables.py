"""Tables as other programs write them: what is read, as what, and what is refused by its cause."""

import csv
import gzip
import io
import unicodedata
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import DataError, FileError, MissingExtraError
from reassess.files import read_benchmark
from reassess.files.cells import EMPTY_WORDS
from reassess.files.tables import read_table
from reassess.notes import collect_notes
from reassess.records.benchmark import plain_text

CELL = (
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=6)
    .map(lambda text: plain_text(f"x{text}"))
    .filter(lambda text: text not in EMPTY_WORDS)
)
ROWS = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6)
HEADER = ("image", "label")


def written(folder: Path, rows: list[tuple[str, str]], dialect: str) -> Path:
    """A table as another program would write it."""
    if dialect == "workbook":
        path = folder / "t.xlsx"
        book = openpyxl.Workbook()
        for row in (HEADER, *rows):
            book.active.append([f"'{cell}" if cell.startswith("=") else cell for cell in row])
        book.save(path)
        return path
    if dialect == "parquet":
        path = folder / "t.parquet"
        pq.write_table(pa.table(dict(zip(HEADER, zip(*rows, strict=True), strict=True))), path)
        return path
    name, sign, encoding, first = {
        "commas": ("t.csv", ",", "utf-8", ""),
        "commas in a .tsv": ("t.tsv", ",", "utf-8", ""),
        "mark": ("t.csv", ",", "utf-8-sig", ""),
        "tabs": ("t.tsv", "\t", "utf-8", ""),
        "tabs in a .txt": ("t.txt", "\t", "utf-8", ""),
        "semicolons": ("t.csv", ";", "utf-8-sig", ""),
        "bars": ("t.csv", "|", "utf-8", ""),
        "stated": ("t.csv", ";", "utf-8-sig", "sep=;\r\n"),
        "unicode text": ("t.txt", "\t", "utf-16", ""),
        "utf-32": ("t.csv", ",", "utf-32", ""),
    }[dialect]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=sign).writerows([HEADER, *rows])
    (folder / name).write_bytes((first + text.getvalue()).encode(encoding))
    return folder / name


DIALECTS = [
    "commas", "commas in a .tsv", "mark", "tabs", "tabs in a .txt", "semicolons", "bars", "stated",
    "unicode text", "utf-32", "workbook", "parquet",
]  # fmt: skip


@given(rows=ROWS, dialect=st.sampled_from(DIALECTS))
def test_the_same_rows_come_from_every_dialect(
    rows: list[tuple[str, str]], dialect: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("tables"), rows, dialect)
    with collect_notes() as notes:
        table = read_table(path)
        read = list(zip(table.texts("image"), table.texts("label"), strict=True))
    assert read == rows
    assert table.header == HEADER
    usual = dialect in {"commas", "mark", "tabs", "parquet"}
    assert bool(notes.texts) != usual, "what is read in an unusual way is said"


@given(
    text=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=8),
    form=st.sampled_from(["NFC", "NFD"]),
    blanks=st.sampled_from(["", " ", "\t", "\xa0"]),
)
def test_blanks_and_unicode_forms_make_no_other_text(text: str, form: str, blanks: str) -> None:
    plain = plain_text(text)
    assert plain_text(blanks + unicodedata.normalize(form, text) + blanks) == plain
    assert plain_text(plain) == plain


def test_blanks_and_unicode_forms_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    apart = unicodedata.normalize("NFD", "café")
    path.write_text(f"image,label\na.jpg,café\nb.jpg,{apart}\nc.jpg, café\n", encoding="utf-8")
    with collect_notes() as notes:
        benchmark = read_benchmark(path)
    assert benchmark.n_classes == 1
    blanks, form = notes.texts
    assert "1 of 3 cells in column 'label' have blanks" in blanks
    assert "1 of 3 cells in column 'label' are in another Unicode form" in form
    path.write_text("image,label\na.jpg,0\na.jpg ,1\n")
    with collect_notes(), pytest.raises(DataError, match=r"'a.jpg' appears already"):
        read_benchmark(path)


def with_blank_rows(folder: Path, form: str) -> Any:
    """Labels with blank rows above the row of ``?``, which is row 7 of the file."""
    cells = [("a", "0"), ("", ""), ("b", "1"), ("", ""), ("c", "?"), ("d", "1")]
    if form == "frame":
        return pd.DataFrame([("a", "0")] * 7 + [("c", "?")], columns=HEADER)
    if form == "workbook":
        book, path = openpyxl.Workbook(), folder / "l.xlsx"
        for row, (image, label) in enumerate([HEADER, *cells], start=1):
            for column, cell in enumerate((image, label), start=2):
                book.active.cell(row + 1, column, cell or None)
        book.save(path)
        return path
    lines = [",".join(row) if row[0] or form == "empty" else "" for row in (HEADER, *cells)]
    path = folder / "l.csv"
    path.write_text("\n".join(["sep=,", *lines]) + "\n")
    return path


@pytest.mark.parametrize("form", ["blank", "empty", "workbook", "frame"])
def test_a_row_is_named_as_its_file_counts_it(form: str, tmp_path: Path) -> None:
    with collect_notes(), pytest.raises(DataError, match=r"row 7 is '\?'"):
        read_benchmark(with_blank_rows(tmp_path, form))


@pytest.mark.parametrize("word", ["", "NaN", "NA", "null", "<NA>", "None", "N/A", "  ", "\\N"])
def test_what_stands_for_an_empty_cell_is_empty(word: str, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text(f"image,label\na,cat\nb,{word}\n")
    with (
        collect_notes(),
        pytest.raises(FileError, match=r"row 3, .* is .*empty.*1 of 2"),
    ):
        read_benchmark(path)
    if word.strip():
        assert read_table(path).texts("label", known={word}) == ["cat", word]


IMAGE = {"bytes": b"\x89PNG\x00", "path": "a.png"}


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (pa.array([1.0, 2.0]), ["1", "2"]),
        (pa.array([0.5, 2.0]), ["0.5", "2"]),
        (pa.array([1, 2], pa.uint8()), ["1", "2"]),
        (pa.array(["b", "a"]).dictionary_encode(), ["b", "a"]),
        (pa.array([b"caf\xc3\xa9", b"a"]), ["café", "a"]),
        (pa.array([IMAGE, IMAGE | {"path": "d/b.png"}]), ["a.png", "d/b.png"]),
        (pa.array([IMAGE, IMAGE]), "holds images, not ids.*'a.png'.*unique.*image_id"),
        (pa.array([IMAGE, IMAGE | {"path": None}]), "holds images, not ids: row 3 has no path"),
        (pa.array([{"x": 1}, {"x": 2}]), r"row 2, column 'image' holds a structure"),
        (pa.array([b"\x89PNG\x00", b"\xff\xd8"]), "row 2, column 'image' holds bytes"),
        (pa.array([["a"], ["b"]]), r"row 2, column 'image' holds a list \(\['a'\]\)"),
        (pa.array([1e20, 2.0]), "row 2.*too large to be exact"),
        (pa.array([1.0, None]), "row 3, column 'image' is empty"),
        (pa.array([1.0, float("nan")]), "row 3, column 'image' is empty"),
        (pa.array([date(2026, 4, 3)] * 2), "row 2, column 'image' holds a date"),
    ],
)
def test_cells_of_parquet_are_texts_or_refused(
    cells: pa.Array, read: list[str] | str, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": cells, "label": [0, 1]}), path)
    with collect_notes():
        if isinstance(read, list):
            assert read_benchmark(path).image_ids.tolist() == read
            return
        with pytest.raises(FileError, match=read) as raised:
            read_benchmark(path)
    assert "b'" not in str(raised.value) or len(str(raised.value)) < 400, "no image is printed"


def test_ids_beside_images_are_the_ids(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for name in ("image_id", "id"):
        pq.write_table(pa.table({"image": [IMAGE, IMAGE], name: ["x", "y"], "label": [0, 1]}), path)
        assert read_benchmark(path).image_ids.tolist() == ["x", "y"]


def zipped(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return content.getvalue()


def npy(array: Any, **more: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, array, **more)
    return content.getvalue()


def parquet() -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"image": ["a"]}), content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("t.csv", "image,label\na,caf\xe9\n".encode("latin-1"), r"line 2.*0xe9.*'a,café'.*UTF-8"),
        ("t.csv", "image,label\na,0\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("t.csv", b"image,label\n\x00\x01\x02\n", "zero bytes"),
        ("t.csv", "\ufeffimage,label\na,0".encode("utf-16")[:-1], "not complete UTF-16"),
        ("t.csv", b"image,label\na;0\n", "row 2 has 1 column, but must have 2"),
        ("t.csv", b"image;label|kind\na;0|1\n", "by semicolons or by vertical bars"),
        ("t.csv", b'image,label\n"a,0\n', "not a complete CSV text"),
        ("t.csv", gzip.compress(b"image,label\na,0\n"), "gzip.*gunzip"),
        ("t.csv", zipped(a="image"), "zip archive. Unpack"),
        ("t.csv", zipped(**{"a.npy": ""}), "NumPy arrays. Name it .npz"),
        ("t.csv", b"\x89PNG\r\n\x1a\n", "PNG image"),
        ("t.csv", parquet(), "a parquet file. Name it .parquet"),
        ("t.csv", npy(np.zeros(3)), "NumPy array. Name it .npy"),
        ("t.csv", b"<!DOCTYPE html>\n<html>", "web page.*Download"),
        ("t.csv", b"version https://git-lfs.github.com/spec/v1\noid 1", "Git LFS.*git lfs pull"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", r"old form \(.xls\).*.xlsx"),
        ("t.parquet", b"image,label\na,0\n", "not parquet"),
        ("t.parquet", zipped(xl__workbook="x"), "called parquet.*Excel workbook"),
        ("t.xlsx", zipped(xl__workbook="x"), "not a complete Excel workbook"),
        ("t.xlsx", b"image,label\na,0\n", "not a complete Excel workbook"),
        ("t.csv", b'[{"image": "a"}]', "it is JSON.*Name it .json"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n\n", "row 1 is blank"),
        ("t.csv", b"sep=;\n\n", "row 2 is blank"),
        ("t.csv", b"sep=;\nimage;label\n", "0 rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_what_is_no_table_is_named(name: str, content: bytes, cause: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with collect_notes(), pytest.raises(FileError, match=f"(?s){cause}"):
        read_table(path).cells("image")


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("image,label\na;b,0\n", ("image", "label")),
        ("image,a;b\nx,0\n", ("image", "a;b")),
        ("image\na;b\n", ("image",)),
        ("image;note\na;1,5\n", ("image", "note")),
        ('image;note\n"a;b";1\n', ("image", "note")),
        ('"sep=;"\r\nimage;label\r\na;0\r\n', ("image", "label")),
        ("SEP=|\nimage|label\na|0\n", ("image", "label")),
        ("image,label\r\na,0\r\n\r\n", ("image", "label")),
        ("image,label\ra,0\r", ("image", "label")),
        ("image,label,,\na,0,,\n,,,\n", ("image", "label", "", "")),
        ("image;label;\na;0;\n;;\n", ("image", "label", "")),
    ],
)
def test_the_sign_between_cells_is_the_usual_one_or_certain(
    text: str, header: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    with collect_notes():
        table = read_table(path)
        assert len(table.cells(header[0])) == 1
    assert table.header == header


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        ("0,93", "row 3, column 'prob_1' .*'0,93', with a decimal comma"),
        ("1,234.5", "separators of thousands"),
        ("1,234,567", "separators of thousands"),
        ("93%", "a percentage"),
        ("", "which is empty"),
        ("1_000", "'1_000'"),
        ("high", "'high'.*1 of 2 cells are none"),
    ],
)
def test_numbers_are_refused_with_their_cell(cell: str, cause: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": ["a", "b"], "prob_0": [0.5, 1e-9], "prob_1": ["1", cell]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    for path in sorted(tmp_path.iterdir()):
        with collect_notes():
            table = read_table(path)
            assert table.numbers(["prob_0"])[:, 0].tolist() == [0.5, 1e-9]
            with pytest.raises(FileError, match=cause):
                table.numbers(["prob_0", "prob_1"])


def test_a_workbook_has_one_sheet(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    for row in (["image", "label"], ["a", 1], [None, None], ["b", 2]):
        book.active.append(row)
    book.create_sheet("empty")
    hidden = book.create_sheet("old")
    hidden.append(["x"])
    hidden.sheet_state = "hidden"
    book.save(path)
    with collect_notes() as notes:
        benchmark = read_benchmark(path)
    assert (benchmark.image_ids.tolist(), benchmark.original.tolist()) == (["a", "b"], [1, 2])
    assert "read the sheet 'Sheet' of the Excel workbook" in notes.texts[0]
    (tmp_path / "named.csv").write_bytes(path.read_bytes())
    with collect_notes():
        assert read_benchmark(tmp_path / "named.csv").image_ids.tolist() == ["a", "b"]
    hidden.sheet_state = "visible"
    book.save(path)
    with pytest.raises(FileError, match="sheets 'Sheet', 'old', but must have them in one"):
        read_benchmark(path)
    book.active["A2"], hidden.sheet_state = date(2026, 4, 3), "hidden"
    book.save(path)
    with collect_notes(), pytest.raises(FileError, match=r"holds a date.*makes dates of texts"):
        read_benchmark(path)


def test_what_a_workbook_hides_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    shown = book.active
    old = book.create_sheet("old", 0)
    old.append(["image", "label"])
    for row in (["image", "class_name", "label"], *([f"{n}", f"c{n}", n] for n in range(5))):
        shown.append(row)
    book.active, old.sheet_state = 1, "hidden"
    book.save(path)
    with collect_notes() as notes:
        read_benchmark(path)
    assert [one.partition(": ")[2] for one in notes.texts] == [
        "read the sheet 'Sheet' of the Excel workbook. Hidden sheets were left out: 'old'."
    ]
    for number in (3, 5):
        shown.row_dimensions[number].hidden = True
    shown.column_dimensions["B"].hidden = True
    book.save(path)
    with collect_notes() as notes:
        assert len(read_benchmark(path).image_ids) == 5
    _, rows, columns = notes.texts
    assert "2 rows that the Excel workbook hides were read like the others: '3', '5'" in rows
    assert "1 column that the Excel workbook hides was read like the others: 'class_n" in columns
    shown.sheet_state, old.sheet_state = "hidden", "visible"
    del book["old"]
    book.create_sheet("new")
    book.active = 1
    book.save(path)
    with pytest.raises(FileError, match=r"hidden sheets alone \('Sheet'\)"):
        read_benchmark(path)


def test_a_workbook_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(zipped(xl__workbook="x"))
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    with pytest.raises(MissingExtraError, match=r"reassess\[excel\]"):
        read_table(path)


def test_a_class_may_be_called_as_an_empty_cell_where_the_classes_say_so(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("name\nNA\nnone\nEU\n")
    (tmp_path / "l.csv").write_text("image,label\na,NA\nb,none\nc,EU\n")
    original = read_benchmark(tmp_path / "l.csv", classes=tmp_path / "c.csv").original
    assert original is not None
    assert original.tolist() == [0, 1, 2]
