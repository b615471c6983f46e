"""Experts' verdicts on mistakes: the published counts, and what is refused."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reassess.errors import DataError, FileError
from reassess.files.expert_mistakes import CATEGORIES, SEVERITIES, read_expert_mistakes

GOOD = {"top_prediction": 3, "failure category": "Fine-grained with OOV",
        "failure severity": "Major"}  # fmt: skip


def test_two_spellings_are_one_category(tmp_path: Path) -> None:
    other = GOOD | {"failure category": "Fine-grained error with OOV", "top_prediction": 5}
    path = tmp_path / "deep_mistakes.json"
    path.write_text(json.dumps({"b.JPEG": GOOD, "a.JPEG": other}))
    found = read_expert_mistakes(path, n_classes=6)
    assert (found.model, found.image_ids.tolist()) == ("deep", ["b.JPEG", "a.JPEG"])
    assert found.label.tolist() == [3, 5]
    assert found.of_category("fine-grained, out of vocabulary").all()
    assert found.of_severity("major").tolist() == [True, True]


def test_the_published_counts(published) -> None:
    """As METHOD gives them for both models."""
    folder = published.folder / "imagenet" / "mistakes"
    found = read_expert_mistakes(folder / "vit3b_mistakes.json", n_classes=1000)
    by_category = Counter(CATEGORIES[i] for i in found.category.tolist())
    assert [by_category[name] for name in CATEGORIES] == [241, 54, 52, 30, 1]
    by_severity = Counter(SEVERITIES[i] for i in found.severity.tolist())
    assert by_severity == {"major": 154, "minor": 150, "borderline": 74}
    found = read_expert_mistakes(folder / "greedy_soups_mistakes.json", n_classes=1000)
    by_category = Counter(CATEGORIES[i] for i in found.category.tolist())
    assert [by_category[name] for name in CATEGORIES] == [172, 26, 32, 19, 0]
    assert int(found.of_severity("major").sum()) == 89


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ({}, FileError, "holds nothing"),
        ([GOOD], FileError, "holds list"),
        ({"a": 3}, FileError, "'a' is 3"),
        ({"a": GOOD | {"top_prediction": 6}}, FileError, "top_prediction is 6.* below 6"),
        ({"a": GOOD | {"top_prediction": True}}, FileError, "top_prediction is True"),
        ({"a": GOOD | {"failure category": "Odd"}}, FileError, "category is 'Odd'"),
        ({"a": GOOD | {"failure severity": None}}, FileError, "severity is None"),
        ('{"a": 1, "a": 2}', DataError, "'a' appears more than once"),
        ("{", FileError, "not JSON"),
    ],
)
def test_refuses(content: Any, error: type[Exception], says: str, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(error, match=says) as raised:
        read_expert_mistakes(path, n_classes=6)
    assert str(path) in str(raised.value)
