"""Which column of a table plays a part, and what is refused where two could."""

from itertools import permutations
from pathlib import Path

import pytest

from reassess.errors import FileError
from reassess.files import read_benchmark, read_ids
from reassess.files.columns import IMAGE, LABEL, RATER, Part
from reassess.files.tables import read_table
from reassess.notes import collect_notes


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("columns", list(permutations(["image", "file_name", "label"])))
def test_two_columns_that_could_be_the_image_are_refused_in_any_order(
    columns: tuple[str, ...], tmp_path: Path
) -> None:
    cells = {"image": ["1", "2"], "file_name": ["a.jpg", "b.jpg"], "label": ["0", "1"]}
    rows = zip(*(cells[name] for name in columns), strict=True)
    lines = [",".join(columns), *(",".join(row) for row in rows)]
    path = table(tmp_path, "\n".join(lines) + "\n")
    with pytest.raises(
        FileError, match=r"'image' and 'file_name' could both be the image.*row 2.*2 of 2.*rename"
    ):
        read_benchmark(path)


@pytest.mark.parametrize(
    ("part", "header", "found"),
    [
        (LABEL, "image,label,class", None),
        (LABEL, "image,Target,category", None),
        (LABEL, "image,label,prediction", "label"),
        (RATER, "rater,worker,label", None),
        (IMAGE, "id,image,label", "image"),
        (IMAGE, "id,label", "id"),
        (IMAGE, "File Name,label", "File Name"),
        (IMAGE, "ImageId,label", "ImageId"),
        (Part("x", ("a",)), "image,label", None),
    ],
)
def test_a_part_has_one_column_or_none(
    part: Part, header: str, found: str | None, tmp_path: Path
) -> None:
    """Cells of the first row are the columns' own names, so that no two say the same."""
    read = read_table(table(tmp_path, f"{header}\n{header}\n"))
    if len(read.candidates(part)) < 2:
        assert read.find(part) == found
    else:
        with pytest.raises(FileError, match=f"could both be the {part.name}"):
            read.find(part)


def test_columns_that_say_the_same_may_both_be_there(tmp_path: Path) -> None:
    path = table(tmp_path, "label,class,image,path\n0,0,a.jpg,train/a.jpg\n1,1,b.jpg,train/b.jpg\n")
    assert read_benchmark(path).image_ids.tolist() == ["a.jpg", "b.jpg"]
    assert read_ids(path).tolist() == ["a.jpg", "b.jpg"]


def test_what_was_read_is_recorded_once_a_file(tmp_path: Path) -> None:
    path = table(tmp_path, "filename,note,label\na,x,0\n")
    with collect_notes() as notes:
        read_benchmark(path)
        read_ids(path)
    (entry,) = notes.columns
    assert (entry.file, dict(entry.used)) == (str(path), {"image": "filename", "label": "label"})
    assert tuple(entry.left) == ("note",)
