"""Files in which one thing could be two: read rightly, or refused with what is wrong in them."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from reassess.cli import main

K, N = 12, 60
TRUTH = [(7 * n + n // K) % (K - 1) for n in range(N)]
"""The last class does not occur."""
IDS = [f"d/i{n:03d}.jpg" for n in range(N)]
ZEROS = [f"{k + 1:03d}" for k in range(K)]
OTHER = "differ by blanks, letters' widths or invisible marks only"
SCORE = "score p.npz --labels real.json --csv"
VOTES = [
    (image, (TRUTH[n] + step) % K, f"r{rater}", "no" if step else "yes")
    for n, image in enumerate(IDS)
    for step in (0, 1)
    for rater in range(3)
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("real.json").write_text(json.dumps(dict(zip(IDS, [[k] for k in TRUTH], strict=True))))


def run(line: str) -> Result:
    found = CliRunner().invoke(main, line.split())
    assert found.exit_code in {0, 2}, found.exception
    return found


def table(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def archive(**arrays: Any) -> Callable[[], None]:
    return lambda: np.savez("p.npz", **{"ids": np.array(IDS), **arrays})


def best(order: Sequence[int] = range(K)) -> np.ndarray[Any, Any]:
    """Scores whose column j is of class ``order[j]``."""
    return np.eye(K)[TRUTH][:, list(order)] + np.arange(K)[list(order)] * 1e-3


def labels_without_zeros() -> None:
    table("classes.csv", ["id"], [[one] for one in ZEROS])
    table("labels.csv", ["image", "label"], zip(IDS, [k + 1 for k in TRUTH], strict=True))


def counted_rows() -> None:
    rows = zip(range(1, N + 1), IDS, TRUTH, strict=True)
    table("p.csv", ["index", "image", "label"], rows)


def wide(further: str) -> Callable[[], None]:
    words = ("no", "yes")
    rows = [[IDS[n], TRUTH[n], *(words[(n + r) % 2] for r in range(4))] for n in range(N)]
    return lambda: table("v.csv", ["image", "label", "r0", "r1", "r2", further], rows)


def in_other_folders() -> None:
    archive(ids=np.array([one.replace("d/", "e/") for one in IDS]), classes=TRUTH)()


def labels_from_one() -> None:
    archive(classes=np.array(TRUTH))()
    table("labels.csv", ["image", "label"], zip(IDS, TRUTH, strict=True))
    sets = dict(zip(IDS, [[k + 1] for k in TRUTH], strict=True))
    Path("real.json").write_text(json.dumps(sets))


def out_of_fold() -> None:
    fold = np.where(np.arange(N) < 9, -1, 0)
    np.savez("o.npz", probabilities=best() / best().sum(1, keepdims=True), ids=IDS, fold=fold)
    table("labels.csv", ["image", "label"], zip(IDS, TRUTH, strict=True))


@pytest.mark.parametrize(
    ("write", "line", "says"),
    [
        (labels_without_zeros, "new s --labels labels.csv --classes classes.csv",
         "row 2 is 1, which is ambiguous"),
        (archive(logits=best(), class_ids=np.arange(K + 1)), SCORE,
         "it names 13 classes, but the scores have 12 columns"),
        (archive(logits=best()[:, ::-1], class_ids=np.arange(K + 1)[::-1]), SCORE,
         "it names 13 classes, but the scores have 12 columns"),
        (lambda: np.savez("p.npz", np.array(TRUTH), np.array(TRUTH)), SCORE,
         "its 2 arrays have no names ('arr_0', 'arr_1')"),
        (labels_from_one, f"{SCORE} --original-labels labels.csv",
         "its original label on 0 of 60 images, but would be on 60 if its classes were counted"),
        (counted_rows, "score p.csv --labels real.json", "'index' counts the rows from 1"),
        (wide("majority_vote"), "aggregate v.csv -o q.npz", "'majority_vote' may hold something"),
        (wide("Final Label"), "aggregate v.csv -o q.npz", "'Final Label' may hold something"),
        (in_other_folders, SCORE, "60 would fit but for the folder, such as 'e/i000.jpg' for"),
        (out_of_fold, "clean o.npz --labels labels.csv -o keep.txt",
         "image 'd/i000.jpg' has the fold -1, but must"),
        (out_of_fold, "clean o.npz --labels labels.csv --output=", "-o is empty, but must name"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_refused(write: Callable[[], None], line: str, says: str) -> None:
    write()
    before = sorted(Path().iterdir())
    found = run(line)
    assert says in found.stderr, found.output
    assert found.exit_code == 2
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("column", "spelt", "says"),
    [
        (
            2,
            lambda one: f"rater  {one}",
            OTHER,
        ),
        (
            2,
            lambda one: f"rater\u00a0{one}",
            OTHER,
        ),
        (
            2,
            lambda one: f"rater {one}\u00ad",
            OTHER,
        ),
        (2, lambda one: f"RATER {one}", "differ by case only"),
        (0, lambda one: one.replace("/", "\\"), "differ by case, blanks or backslashes only"),
        (0, str.upper, "differ by case, blanks or backslashes only, and were read as two, as were"),
    ],
)
def test_ids_that_look_alike_are_noted(column: int, spelt: Callable[[str], str], says: str) -> None:
    votes = [[image, k, f"rater {one}", answer] for image, k, one, answer in VOTES]
    for row, vote in enumerate(votes):
        if row % 2:
            vote[column] = spelt(VOTES[row][column])
    table("v.csv", ["image", "label", "rater", "answer"], votes)
    found = run("aggregate v.csv --method majority -o q.npz")
    assert found.exit_code == 0, found.output
    assert says in found.stderr


def test_the_classes_that_an_archive_names_are_put_in_order() -> None:
    order = [*range(5, K), *range(5)]
    archive(logits=best(order), class_ids=np.array(order))()
    (row,) = csv.DictReader(io.StringIO(run(SCORE).stdout))
    assert row["real_n_correct"] == str(N)


def test_labels_beside_class_ids_are_read_as_those_say() -> None:
    """Votes as they are exported, of classes that are called by numbers in the order of texts."""
    ids = sorted(map(str, range(K)))
    table("classes.csv", ["index", "id"], enumerate(ids))
    for form, words in (("index", range(K)), ("id", ids)):
        rows = [(image, words[k], ids[k], rater, answer) for image, k, rater, answer in VOTES]
        table("v.csv", ["image", "label", "class_id", "rater", "answer"], rows)
        found = run(f"aggregate v.csv --classes classes.csv --method majority -o {form}.npz")
        assert found.exit_code == 0, found.output
    one, other = (np.load(f"{form}.npz")["label"] for form in ("index", "id"))
    assert one.tolist() == other.tolist() == [k for _, k, rater, _ in VOTES if rater == "r0"]
