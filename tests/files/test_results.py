"""timm's tables of results: from a folder or one by one, joined; bad cells are refused."""

from pathlib import Path

import numpy as np
import pytest

from reassess.errors import DataError, FileError, ReassessError
from reassess.files.results import read_results, results_in

ORIGINAL, REAL = "results-imagenet.csv", "results-imagenet-real.csv"


def write(path: Path, *rows: str, header: str = "model,img_size,top1") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_what_is_there_is_joined_by_model_and_size(tmp_path: Path) -> None:
    write(tmp_path / ORIGINAL, "a.x,224,70.5", "a.x,288,71", "b,224,80")
    write(tmp_path / REAL, "b,224,85.5", "a.x,224,75", "c,224,60")
    write(tmp_path / "notes.csv", "x,1,2")
    found = read_results(results_in(tmp_path))
    assert list(found.accuracy) == ["original", "real"]
    assert list(zip(found.model.tolist(), found.img_size.tolist(), strict=True)) == [
        ("a.x", 224), ("a.x", 288), ("b", 224), ("c", 224),
    ]  # fmt: skip
    np.testing.assert_allclose(found.accuracy["original"], [0.705, 0.71, 0.8, np.nan])
    np.testing.assert_allclose(found.accuracy["real"], [0.75, np.nan, 0.855, 0.6])


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        (["a,224,x"], FileError, "row 2, column 'top1' is 'x'"),
        (["a,224,70", "b,224,nan"], FileError, r"row 3, column 'top1' is 'nan'.*\[0, 100\]"),
        (["a,224,101"], FileError, "is '101'"),
        (["a,big,70"], FileError, "column 'img_size' is 'big'"),
        (["a,224,70", "a,224,71"], DataError, "the entry .*'a', 224.* appears twice"),
        (["a,224"], FileError, "row 2 has 2 columns"),
    ],
)
def test_refuses(rows: list[str], error: type[ReassessError], says: str, tmp_path: Path) -> None:
    path = write(tmp_path / ORIGINAL, *rows)
    with pytest.raises(error, match=says) as raised:
        read_results([path])
    assert str(path) in str(raised.value)


def test_refuses_folders_and_names_that_say_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no table of results"):
        results_in(tmp_path)
    with pytest.raises(DataError, match="the name must be one of results-imagenet"):
        read_results([write(tmp_path / "other.csv", "a,224,70")])
    path = write(tmp_path / ORIGINAL, "a,224,70")
    with pytest.raises(DataError, match="appears twice"):
        read_results([path, path])
