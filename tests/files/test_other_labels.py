"""Workers' checks of label errors: what majorities make of them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess.errors import DataError, FileError
from reassess.files import read_labels
from reassess.files.other_labels import read_label_checks
from reassess.records import align


def check(name: str, given: int, guessed: int, *votes: int) -> dict[str, Any]:
    counts = dict(zip(("given", "guessed", "both", "neither"), votes, strict=True))
    return {
        "id": 1,
        "url": f"https://labels.example/val/n1/{name}",
        "given_original_label": given,
        "our_guessed_label": guessed,
        "mturk": counts,
    }


CHECKS = [
    check("a.JPEG", 3, 1, 5, 0, 0, 0),
    check("b.JPEG", 3, 1, 2, 3, 0, 0),
    check("c.JPEG", 0, 2, 0, 1, 4, 0),
    check("d.JPEG", 0, 2, 1, 1, 0, 3),
    check("e.JPEG", 0, 2, 2, 0, 2, 1),
    check("f.JPEG", 0, 2, 2, 2, 0, 0),
]


def test_majorities_by_hand(tmp_path: Path) -> None:
    """Five workers, or four: more than half must agree, or the image is left out."""
    path = tmp_path / "checks.json"
    path.write_text(json.dumps(CHECKS))
    labels = read_labels(path)
    assert labels.image_ids.tolist() == ["a.JPEG", "b.JPEG", "c.JPEG", "d.JPEG"]
    assert labels.lists() == [[3], [1], [0, 2], []]


def test_the_published_checks(published) -> None:
    """Northcutt's counts, and the given label is the original one: the class orders agree."""
    path = published.folder / "imagenet" / "imagenet_mturk.json"
    checks = read_label_checks(path)
    counts = [int(checks.chosen(c).sum()) for c in ("given", "guessed", "both", "neither")]
    assert (len(checks), counts) == (5440, [2524, 1428, 597, 293])
    benchmark = published.benchmark("imagenet")
    assert benchmark.original is not None
    rows = align(checks.image_ids, benchmark.image_ids, source="checks")
    assert np.array_equal(benchmark.original[rows], checks.given)
    labels = published.labels("imagenet-mturk")
    assert (len(labels), int((labels.sizes == 0).sum())) == (5440 - 598, 293)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ([CHECKS[0], 3], FileError, r"check \[1\] lacks"),
        ([{"id": 1}], FileError, r"objects with 'id', but labels must be objects"),
        ([check("a", -1, 1, 5, 0, 0, 0)], FileError, "label -1"),
        ([check("a", 1, 1, 5, 0, 0, 0)], FileError, "both 1, but must differ"),
        ([check("a", 0, 1, 0, 0, 0, 0)], FileError, "'mturk' is"),
        ([check("", 0, 1, 5, 0, 0, 0)], FileError, "must end in a file name"),
        ([CHECKS[0], CHECKS[0]], DataError, "'a.JPEG' appears more than once"),
    ],
)
def test_refuses(content: Any, error: type[Exception], says: str, tmp_path: Path) -> None:
    path = tmp_path / "checks.json"
    path.write_text(json.dumps(content))
    with pytest.raises(error, match=says) as raised:
        read_labels(path)
    assert str(path) in str(raised.value)
