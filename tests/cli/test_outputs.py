"""No output of a command replaces an input of it, or another output: every command, walked."""

import os
import re
from itertools import combinations
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from reassess.cli import main
from reassess.cli.outputs import OutputFile, OutputFolder
from reassess.study import new_study
from tests.cli.test_every_option import COMMANDS


def is_output(one: click.Parameter) -> bool:
    return isinstance(one.type, OutputFile | OutputFolder)


def may_be_path(one: click.Parameter) -> bool:
    words = ("FILE", "DIR", "STUDY", "DATA", "CSV", "PREDICTIONS", "URL", "FOLDER")
    named = isinstance(one, click.Argument) or any(word in (one.metavar or "") for word in words)
    return named and not is_output(one) and isinstance(one.type, click.types.StringParamType)


def parameter(words: str, name: str) -> click.Parameter:
    return next(one for one in COMMANDS[words].params if one.name == name)


def typed(words: str, values: dict[str, str]) -> list[str]:
    """A line of the command with these values, and something for each that must be given."""
    options, arguments = [], []
    for one in COMMANDS[words].params:
        value = values.get(one.name or "")
        if isinstance(one, click.Argument):
            if value is not None or one.required:
                arguments += [value or "elsewhere"] * max(one.nargs, 1)
        elif value is not None or one.required:
            options += [one.opts[0], value or "elsewhere"]
    return [*words.split(), *options, *arguments]


def run(words: str, **values: str) -> tuple[int, str]:
    ran = CliRunner().invoke(main, typed(words, values), catch_exceptions=False)
    return ran.exit_code, ran.stderr


PAIRS = [
    pytest.param(words, given.name, output.name, id=f"{words} {given.name} {output.name}")
    for words, command in COMMANDS.items()
    for output in command.params
    for given in command.params
    if isinstance(output.type, OutputFile) and may_be_path(given)
]
OUTPUTS = [
    pytest.param(words, one.name, other.name, id=f"{words} {one.name} {other.name}")
    for words, command in COMMANDS.items()
    for one, other in combinations(filter(is_output, command.params), 2)
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_option_that_writes_is_an_output() -> None:
    """Its help says that it writes; a new one that is only typed as text fails here."""
    verbs = ("write", "where to write", "also write", "draw the", "save")
    for words, command in COMMANDS.items():
        for one in command.params:
            if not isinstance(one, click.Option) or one.is_flag or one.metavar is None:
                continue
            text = (one.help or "").lower()
            writes = {"-o", "--output"} & set(one.opts) or text.startswith(verbs)
            assert is_output(one) or not writes, (words, one.name)
    assert len(PAIRS) > 80
    assert len(OUTPUTS) > 8


@pytest.mark.parametrize(("words", "given", "output"), PAIRS)
def test_an_output_over_an_input_is_refused(
    words: str, given: str, output: str, here: Path
) -> None:
    (here / "input").write_text("precious")
    word = "sqlite:///input" if given == "database" else "input"
    status, told = run(words, **{given: word, output: "./input"})
    assert status == 2
    assert "writes 'input', but must not replace an input" in told
    assert f"reads '{word}'" in told
    assert (here / "input").read_text() == "precious"
    assert len(list(here.iterdir())) == 1


@pytest.mark.parametrize("link", ["symbolic", "hard", "of the folder"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_link_is_what_it_leads_to(link: str, reverse: bool, here: Path) -> None:
    (here / "input").write_text("precious")
    names = ["input", "link"]
    if link == "symbolic":
        (here / "link").symlink_to("input")
    elif link == "hard":
        (here / "link").hardlink_to("input")
    else:
        (here / "folder").symlink_to(here)
        names = ["input", "folder/input"]
    given, output = names[::-1] if reverse else names
    status, told = run("score", predictions=given, per_image=output)
    assert (status, "must not replace an input" in told) == (2, True)
    assert (here / "input").read_text() == "precious"


@pytest.mark.parametrize(("words", "one", "other"), OUTPUTS)
def test_two_outputs_of_one_place_are_refused(words: str, one: str, other: str, here: Path) -> None:
    (here / "folder").mkdir()
    places = [("new", "new"), ("new", "folder/../new")]
    if not isinstance(parameter(words, one).type, OutputFolder):
        places.append(("new", "new/er"))
    for first, second in places:
        status, told = run(words, **{one: first, other: second})
        assert status == 2
        assert "must write a file of its own" in told or "cannot be written" in told
    assert [path.name for path in here.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ("a=x_preds.npy", "x_probs.npy"), ("x_preds.npy#m", "x_preds.npy"),
        ("x_preds.npy:x_probs.npy", "x_probs.npy"), ("b=x_preds.npy:x_probs.npy", "x_preds.npy"),
        ("real.json", "real.meta.json"),
    ],
)  # fmt: skip
def test_what_is_read_along_is_an_input(given: str, output: str, here: Path) -> None:
    for name in ("x_preds.npy", "x_probs.npy"):
        np.save(here / name, np.zeros((2, 2)))
    (here / "real.json").write_text("[[0]]")
    (here / "real.meta.json").write_text("{}")
    before = (here / output).read_bytes()
    status, told = run("score", predictions=given, labels="real.json", per_image=output)
    assert (status, (here / output).read_bytes()) == (2, before)
    assert "must not replace an input" in told


@pytest.fixture
def study(here: Path) -> Path:
    (here / "photos").mkdir()
    (here / "photos" / "a.png").write_bytes(b"x")
    (here / "labels.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    new_study(here / "pets", labels=here / "labels.csv", images=here / "photos")
    for name in ("votes.csv", "labels.json", "posterior.npz", "rating.db", "stages.json"):
        (here / "pets" / name).write_text(f"precious {name}")
    return here / "pets"


@pytest.mark.parametrize(
    "name",
    ["study.toml", "labels.csv", "votes.csv", "labels.json", "posterior.npz", "rating.db",
     "stages.json", "copies.json", "../photos/a.png"],
)  # fmt: skip
def test_the_files_of_a_study_are_inputs(name: str, study: Path) -> None:
    before = (study / name).read_bytes()
    for words, source, output, own in (
        ("report", "study", "output", None), ("votes export", "study", "file", "votes.csv"),
        ("aggregate", "votes", "output", "posterior.npz"),
    ):  # fmt: skip
        status, told = run(words, **{source: "pets", output: f"pets/{name}"})
        assert status == 2
        assert ("must not replace an input" in told) is (name != own), told
        assert (study / name).read_bytes() == before


def test_a_folder_of_finished_work_is_no_input(here: Path) -> None:
    """``--no-resume`` would empty it."""
    (here / "photos.folds" / "cat").mkdir(parents=True)
    (here / "photos.folds" / "cat" / "a.png").write_bytes(b"x")
    for data in ("photos.folds", "photos.folds/cat"):
        status, told = run("folds", source=data, output="photos.npz")
        assert status == 2
        assert "must not replace an input" in told


@pytest.mark.parametrize("given", [".", "/", "", "x" * 300, "a\0b", "=", "#", ":", "sqlite:///"])
def test_odd_words_are_left_to_their_readers(given: str, here: Path) -> None:
    status, told = run("score", predictions=given, labels=given, output="x.json")
    assert status == 2
    assert told
    assert not list(here.iterdir())


def test_a_figure_does_not_replace_an_input(here: Path) -> None:
    (here / "figures").mkdir()
    (here / "figures" / "labels.json").write_text("[[0]]\n")
    (here / "figures" / "curve.svg").write_text("precious")
    given = {"predictions": "x.npz", "figures": "figures"}
    assert "must not replace" not in run("score", labels="figures/labels.json", **given)[1]
    status, told = run("score", labels="figures/curve.svg", **given)
    assert status == 2
    assert "must not replace an input" in told
    status, told = run("score", labels="labels.json", output="figures/table.png", **given)
    assert "must write a file of its own" in told


def test_outputs_are_looked_at_before_any_work(here: Path) -> None:
    (here / "folder").mkdir()
    (here / "file").write_text("x")
    os.mkfifo(here / "pipe")
    given = {"predictions": "missing.npz", "labels": "missing.json"}
    for output, match in (
        ("folder", "it is a folder"), ("folder/", "it is a folder"), ("file/x", "Not a directory"),
        ("new/", "it is a folder"),
    ):  # fmt: skip
        status, told = run("score", report=output, **given)
        assert (status, match in told) == (2, True), told
    assert "must be a folder" in run("score", figures="file", **given)[1]
    assert "missing.json" in run("score", report="pipe", **given)[1]


@pytest.mark.parametrize(
    ("words", "more", "values"),
    [
        ("label", "", {"output": "x.csv"}), ("label", "--format by-file", {"output": "x.csv"}),
        ("label", "--format parquet", {"output": "x.json"}), ("score", "", {"output": "x.pdf"}),
        ("score", "--json", {"output": "x.csv"}), ("score", "--csv", {"output": "x.json"}),
        ("score", "", {"per_image": "x.json"}), ("score", "", {"report": "x.pdf"}),
        ("report", "", {"output": "x.pdf"}), ("clean", "", {"output": "x.csv"}),
        ("clean", "", {"output": "x", "removed": "x.parquet"}), ("ranks", "", {"output": "x.npz"}),
        ("train", "", {"output": "x.safetensors", "metrics": "x.json"}),
        ("recipes", "", {"output": "x.csv"}), ("aggregate", "", {"output": "x.csv"}),
        ("predict", "", {"output": "x.csv"}), ("folds", "", {"output": "x.parquet"}),
    ],
)  # fmt: skip
def test_an_extension_says_what_a_file_holds(
    words: str, more: str, values: dict[str, str], here: Path
) -> None:
    """Refused before anything is read, with what it must be."""
    command = [*typed(words, values), *more.split()]
    ran = CliRunner().invoke(main, command, catch_exceptions=False)
    assert ran.exit_code == 2
    (name,) = (one for one in values.values() if "." in one and one != "x.safetensors")
    assert f"'{name}'" in ran.stderr
    assert "must end in" in ran.stderr
    if words == "label" and name == "x.csv":
        assert "--format native or real-json or by-file" in ran.stderr
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    "words",
    [words for words, one in COMMANDS.items() if any(p.name == "resamples" for p in one.params)],
)
def test_one_resample_makes_no_interval(words: str, here: Path) -> None:
    for few in ("1", "2", "39"):
        status, told = run(words, resamples=few)
        assert status == 2
        assert re.search("number of resamples is|'--resamples'", told), told
    assert not list(here.iterdir())
