"""Pages of tables: tests that they name exist, counts are right, commands can be typed."""

import re
import shlex
from collections import Counter
from pathlib import Path

import click
import pytest

from reassess.cli import main

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


@pytest.mark.parametrize("page", ["which-test-when.md", "messages.md"])
def test_commands_in_tables_can_be_typed(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / page).read_text("utf-8")
    typed = re.findall(r"`reassess ([a-z][^`]+)`", text)
    assert len(typed) > 10
    for command in typed:
        with click.Context(main) as context:
            name, verb, left = main.resolve_command(context, shlex.split(command))
            while isinstance(verb, click.Group):
                name, verb, left = verb.resolve_command(context, left)
            verb.make_context(name, left, parent=context)
