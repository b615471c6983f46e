"""The page that compares features names tests that exist, and counts its own rows rightly."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "how-we-compare.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) \| [^|]+ \| ([a-z ]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
TESTS = r"`(tests/[\w/]+\.py)::(test_\w+)`"


def test_every_named_test_exists():
    named = re.findall(TESTS, TEXT)
    assert len(named) > 76
    for path, name in named:
        source = (ROOT / path).read_text("utf-8")
        assert re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE), f"{path}::{name}"


def test_what_is_there_has_a_test_and_the_counts_are_those_of_the_rows():
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 77))
    for number, state, about in ROWS:
        assert state in {"there", "in part", "not there"}, number
        assert state != "there" or re.search(TESTS, about), number
    n = Counter(state for _, state, _ in ROWS)
    stated = f"{n['there']} are there, {n['in part']} are there in part, {n['not there']} are not"
    assert stated in TEXT
