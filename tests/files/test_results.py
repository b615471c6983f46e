"""timm's tables of results: from a folder or one by one, joined; bad cells are refused."""

from pathlib import Path

import numpy as np
import pytest

from reassess.errors import DataError, FileError, ReassessError
from reassess.files.results import read_results, results_in
from reassess.notes import collect_notes

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
        (
            ["a,224,70", "b,224,nan"],
            FileError,
            "row 3, column 'top1' is 'nan', which",
        ),
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


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [0.812, 0.795],
            "row 2, top1 is 0.812, which may be percent or.*no row is above",
        ),
        ([0.5, 0.1], "row 2, top1 is 0.5.*Multiply fractions by 100; if these are percent, add"),
        ([1, 1], "row 2, top1 is 1,"),
        ([81.2, 0.795, 79], "row 3, top1 is 0.795.*1 of 3 rows.*the other 2 are 79 and more"),
    ],
)
def test_what_may_be_fractions_is_refused(rows: list[float], says: str, tmp_path: Path) -> None:
    path = write(tmp_path / REAL, *(f"m{n},224,{value}" for n, value in enumerate(rows)))
    with pytest.raises(FileError, match=says) as raised:
        read_results([path])
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("rows", [[0, 0], [0.48, 1.12, 88.6], [0, 0.6, 4], [81.2, 1.0001]])
def test_percent_near_nothing_are_read(rows: list[float], tmp_path: Path) -> None:
    path = write(tmp_path / REAL, *(f"m{n},224,{value}" for n, value in enumerate(rows)))
    np.testing.assert_allclose(read_results([path]).accuracy["real"], np.array(rows) / 100)


def test_the_error_rate_tells_percent_from_fractions(tmp_path: Path) -> None:
    def read(*pairs: tuple[float, float]) -> list[float]:
        rows = [f"m{n},224,{top1},{err}" for n, (top1, err) in enumerate(pairs)]
        path = write(tmp_path / REAL, *rows, header="model,img_size,top1,top1_err")
        return [round(value, 6) for value in read_results([path]).accuracy["real"].tolist()]

    assert read((81.2, 18.8), (0.48, 99.52)) == [0.812, 0.0048]
    assert read((0.5, 99.5), (0.9, 99.1)) == [0.005, 0.009]
    with collect_notes() as notes:
        assert read((0.812, 0.188), (0.5, 0.5)) == [0.812, 0.5]
    assert "were read as fractions" in notes.texts[0]
    with pytest.raises(FileError, match=r"row 3, top1 is 0.812 and top1_err is 0.188.*1 of 2 rows"):
        read((81.2, 18.8), (0.812, 0.188))


def test_refuses_folders_and_names_that_say_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no table of results"):
        results_in(tmp_path)
    with pytest.raises(DataError, match="the name must be one of results-imagenet"):
        read_results([write(tmp_path / "other.csv", "a,224,70")])
    path = write(tmp_path / ORIGINAL, "a,224,70")
    with pytest.raises(DataError, match="appears twice"):
        read_results([path, path])
