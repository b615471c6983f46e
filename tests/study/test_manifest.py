"""The manifest: what it may say, what it refuses and where, and what it survives."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import DataError
from reassess.registry import literal_choices
from reassess.study import (
    Study,
    change_settings,
    database_as_named,
    new_study,
    open_study,
    run_study,
    stage_status,
    without_password,
)
from reassess.study.manifest import SECTIONS, read_manifest
from reassess.study.toml_lines import places_in


@pytest.fixture
def study(tmp_path: Path) -> Study:
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\na.jpg,0\nb.jpg,1\n")
    return new_study(tmp_path / "s", labels=labels)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("postgresql://me:secret@host:5432/pets", "postgresql://me@host:5432/pets"),
        ("postgresql+psycopg://me:p@ss/w?x@host/pets", "postgresql+psycopg://me@host/pets"),
        ("postgresql://me@host/pets?password=x&sslmode=require", "postgresql://me@host/pets?sslmode=require"),
        ("postgresql:///pets?password=x", "postgresql:///pets"),
        ("postgresql://host:5432/pets", "postgresql://host:5432/pets"),
        ("sqlite:////data/pets.db", "sqlite:////data/pets.db"),
    ],
)  # fmt: skip
def test_a_password_never_enters_a_manifest(study: Study, url: str, plain: str) -> None:
    assert without_password(url) == plain
    assert change_settings(study, "site", {"database": plain}).database == plain
    if url != plain:
        with pytest.raises(DataError, match=r"PGPASSWORD .*pgpass"):
            change_settings(study, "site", {"database": url})
        assert "secret" not in (study.folder / "study.toml").read_text()


def test_a_database_of_the_study_moves_with_it(study: Study, tmp_path: Path) -> None:
    assert study.database is None
    named = database_as_named(f"sqlite:///{study.folder / 'votes.db'}", study.folder)
    assert named == "sqlite:///votes.db"
    change_settings(study, "site", {"database": named})
    moved = study.folder.rename(tmp_path / "moved")
    assert open_study(moved).database == f"sqlite:///{moved / 'votes.db'}"


def test_a_file_of_the_study_is_known_from_its_folder(study: Study) -> None:
    assert study.relative(study.folder / "sub" / ".." / "votes.csv") == "votes.csv"
    assert study.relative(study.folder.parent / "labels.csv") is None


BEGINNING = """\
format = 2
name = "pets"

[benchmark]
labels = "labels.csv"  # the labels as shipped

[[models]]
name = "vit"
predictions = "vit.npz"

"""
"""Ten lines that may stand in a manifest."""


def refusal(text: str) -> str:
    with pytest.raises(DataError) as caught:
        read_manifest(BEGINNING + text, Path("pets"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[label]\nrule = "precision_at_recall"',
            (
                "line 12: [label] rule is 'precision_at_recall', but must be one of 'threshold', "
                "'recall-at-precision', 'precision-at-recall', 'precision-at-least', 'f1'. "
                "Did you mean 'precision-at-recall' or 'precision-at-least'?"
            ),
        ),
        (
            "[label]\n# mine\ntreshold = 0.5",
            (
                "line 13: [label] 'treshold' is not known, but must be "
                "one of rule, threshold, target, min_expert_yes, confidence, only_answered, gold, "
                "adjudications. Did you mean 'threshold'?"
            ),
        ),
        ("[lable]\nthreshold = 0.5", "line 11: 'lable' is not known, but must be one of format, "),
        (
            '[aggregate]\nmethod = "dawid_skene"\ngold_mode = "clamped"',
            (
                "line 13: [aggregate] "
                "gold_mode is 'clamped', but must be one of 'hold-out', 'clamp', 'initialise'. "
                "Did you mean 'clamp'?"
            ),
        ),
        (
            "[aggregate]\nanswers = 'ja=yes,nein'",
            "line 12: [aggregate] answers is 'ja=yes,nein', but each word must have one meaning",
        ),
        (
            "[aggregate]\nanswers = 'ja=gewiss'",
            "line 12: [aggregate] answers says ja=gewiss, but each word must mean one of",
        ),
        ('[aggregate]\nmethod = "dawid skene"', "line 12: [aggregate] method is 'dawid skene', "),
        ('[propose]\nrule = "lerned"', "line 12: [propose] rule is 'lerned', but must be one of "),
        ("[label]\nthreshold = 1.5", "line 12: [label] threshold is 1.5, but must be in [0, 1]."),
        ("[label]\nthreshold = nan", "line 12: [label] threshold is nan, but must be a finite "),
        ("[label]\nthreshold = true", "line 12: [label] threshold is True, but must be a number."),
        ('[label]\nrule = "f1"\nthreshold = 0.5', "line 12: [label] rule 'f1' chooses the "),
        ("[propose]\nper_task = 0", "line 12: [propose] per_task is 0, but must be 1 or more."),
        ("[propose]\nbudget = -1", "line 12: [propose] budget is -1, but must be 1 or more."),
        ("[propose]\nbudget = 2.5", "line 12: [propose] budget is 2.5, but must be an integer."),
        ("[propose]\nrecall = 0", "line 12: [propose] recall is 0.0, but must "),
        ("[propose]\ntop = 'x'", "line 12: [propose] top is 'x', but must be an integer."),
        (
            "[propose]\ntop = 3\npairs_per_model = 3",
            ("line 12: [propose] top is the former name of pairs_per_model"),
        ),
        ("[cost]\nwage_per_hour = inf", "line 12: [cost] wage_per_hour is inf, but must be a fin"),
        ("[votes]\nfile = 3", "line 12: [votes] file is 3, but must be a text in quotes."),
        ("[votes]\nfile = ''", "line 12: [votes] file is empty, but must be a text."),
        (
            "[site]\ndatabase = 'postgresql://me:pw@host/pets'",
            (
                "line 12: [site] database holds a "
                "password, but a manifest is read by many. Take it out, and give it in "
                "the variable PGPASSWORD"
            ),
        ),
        (
            "[[models]]\nname = 'vit'\npredictions = 'x'",
            ("line 12: [[models]] name is 'vit', which appears more than once"),
        ),
        (
            "[[models]]\nname = 'b'\npredictions = 'x'\nscale = 'logits'",
            (
                "line 14: [[models]] scale "
                "is 'logits', but must be one of 'logit', 'probability'. Did you mean 'logit'?"
            ),
        ),
        ("[[models]]\nname = 'b'", "line 11: [[models]] predictions is missing, but must be "),
        (
            "[[models]]\nname = 'b'\npredictions = 'x'\nn_classes = 0",
            "[[models]] n_classes is 0, but ",
        ),
        ("[ask]\nquestion = '''\n[label]\nx = 1'''\nnay = 'x'", "line 15: [ask] 'nay' is not "),
        (
            "[label]\nthreshold = 7\nx = 1\n[cost]\ny = 1",
            (
                "line 12: [label] threshold is 7.0, but "
                "must be in [0, 1]. 2 further faults stand in this file."
            ),
        ),
    ],
)
def test_what_a_manifest_must_not_say_is_refused_with_line_and_near_word(
    text: str, message: str
) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "format = 3",
            "line 1: format is 3, which a later version of reassess wrote, but must be ",
        ),
        ("format = '2'", "line 1: format is '2', but must be 1 or 2."),
        ("name = 'x'", "pets/study.toml: format is missing, but must be 1 or 2."),
        ("format = 2", "[benchmark] is missing or no table"),
        ("format = 2\n[benchmark]\nimages = 'x'", "line 2: [benchmark] labels is missing"),
        ("format = 2\nname = 3\n[benchmark]\nlabels = 'x'", "line 2: name is 3, but must be a "),
    ],
)
def test_what_a_manifest_must_begin_with(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_manifest(text, Path("pets"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("benchmark", 'labels = "labels.json"'),
        ("votes", 'file = "posterior.npz"'),
        ("label", 'adjudications = "../s/labels.json"'),
        ("aggregate", 'gold = "unrated.csv"'),
    ],
)
def test_an_input_that_a_stage_would_write_over_is_refused(
    section: str, line: str, study: Study
) -> None:
    path = study.folder / "study.toml"
    text = path.read_text()
    if section == "benchmark":
        text = text.replace('labels = "labels.csv"', line)
    else:
        text += f"\n[{section}]\n{line}\n"
    path.write_text(text + '\n[[models]]\nname = "m"\npredictions = "m.npz"\n')
    number = 1 + text.split("\n").index(line)
    for act in (run_study, stage_status):
        with pytest.raises(DataError, match=rf"line {number}: .*but must name another file"):
            act(open_study(study.folder))


EVERY_KEY = [
    (name, key, kind)
    for name, section in SECTIONS.items()
    for kind in (*section.options, None)
    for key in (section.files if kind is None else [one.name for one in fields(kind)])
]


@pytest.mark.parametrize(("section", "key", "kind"), EVERY_KEY)
def test_every_option_is_held_against_its_type_and_its_name(
    section: str, key: str, kind: type | None
) -> None:
    """A misspelt key and a value of the wrong type, for every key that there is."""
    near = refusal(f"[{section}]\n{key}s = 1")
    assert f"line 12: [{section}] '{key}s' is not known" in near
    assert f"Did you mean {key!r}" in near
    assert f"line 12: [{section}] {key} is [1], but must be" in refusal(f"[{section}]\n{key} = [1]")
    choices = kind and literal_choices(get_type_hints(kind)[key])
    for one in choices or ():
        if one is not None:
            assert f"Did you mean {one!r}" in refusal(f'[{section}]\n{key} = "{one}x"')


keys = st.text(st.sampled_from("ab_-1"), min_size=1, max_size=3)
texts = st.text(st.sampled_from("ab #=[]{}'\"\n\\,"), max_size=8)
values = st.recursive(
    texts | st.integers(-9, 9) | st.booleans(), lambda inner: st.lists(inner, max_size=3)
)
tables = st.dictionaries(keys | texts.filter(lambda t: "\n" not in t), values, max_size=4)


@given(tables, st.dictionaries(keys, tables | st.lists(tables, min_size=1, max_size=3), max_size=4))
def test_every_key_of_a_document_is_found_at_its_line(top: dict, below: dict) -> None:
    """Whatever the values hold: brackets, comments, quotes, several lines."""
    document = tomlkit.document()
    for key, value in (top | below).items():
        document[key] = value
    text = tomlkit.dumps(document)
    assert tomllib.loads(text) == top | below
    expected: dict[tuple[str | int, ...], str] = {}
    for key, value in (top | below).items():
        if isinstance(value, dict):
            expected |= {(key, name): name for name in value}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            expected |= {(key, n, name): name for n, one in enumerate(value) for name in one}
        else:
            expected[key,] = key
    places = places_in(text)
    assert expected.keys() <= places.keys()
    for path, name in expected.items():
        place = places[path]
        assert tomllib.loads(text[place.start : place.stop] + " = 1") == {name: 1}
        assert text[: place.start].count("\n") == place.line - 1


def test_every_key_is_documented_and_the_example_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "file-formats.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `\[(\w+)\]` \| (.*) \|$", page, re.MULTILINE))
    for name, section in SECTIONS.items():
        assert set(section.keys) <= set(re.findall(r"`(\w+)`", rows[name])), name
    example = page.partition("```toml\n")[2].partition("```")[0]
    assert read_manifest(example, Path("pets")).setting("label", "threshold") == 0.8
