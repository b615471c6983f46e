"""What every command does at a terminal: widths, quiet, the log, completion; and the doctor."""

import json
import re
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from reassess.cli import main
from reassess.cli.output import QUIET, inform

SCORE = ("score", "p.csv", "--labels", "l.json", "--original-labels", "o.csv")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Predictions of three models whose names share an end, and labels of a part of the images."""
    monkeypatch.chdir(tmp_path)
    Path("l.json").write_text('{"a.jpg": [0], "b.jpg": [1]}')
    Path("o.csv").write_text("image,label\na.jpg,0\nb.jpg,1\nc.jpg,1\n")
    for model in ("first", "second", "third"):
        rows = "a.jpg,0,.9\nb.jpg,0,.8\nc.jpg,1,.8\n"
        Path(f"{model}_of_some_models_top1.csv").write_text(f"image,class,score\n{rows}")
    Path("p.csv").write_text("image,class,score\na.jpg,0,.9\nb.jpg,0,.8\nc.jpg,1,.8\n")
    return tmp_path


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(main, list(words), env=environment, catch_exceptions=False)


def test_no_width_loses_a_number(here: Path) -> None:
    files = sorted(one.name for one in here.glob("*_top1.csv"))
    line = (*SCORE[:1], *files, *SCORE[2:])
    numbers = {
        width: sorted(re.findall(r"\d+\.\d+", run(*line, COLUMNS=str(width)).stdout))
        for width in (200, 80, 60, 40)
    }
    assert len(numbers[200]) == 15
    assert all(found == numbers[200] for found in numbers.values())
    shown = run(*line, COLUMNS="60").stdout
    assert "\nsecond " in shown
    assert "Left out of each name: …_of_some_models_top1 at the end." in shown


def test_quiet_prints_no_notes_but_json_holds_them(here: Path) -> None:
    del here
    assert "Note: l has 2 of the 3 images" in run(*SCORE).stderr
    quiet = run(*SCORE, "-q")
    assert quiet.stderr == ""
    assert quiet.stdout == run(*SCORE).stdout
    assert "2 of the 3 images" in json.loads(run(*SCORE, "-q", "--json").stdout)["notes"][0]
    both = run(*SCORE, "-q", "-v")
    assert (both.exit_code, "exclude each other" in both.stderr) == (2, True)
    assert "Error: " in run("score", "missing.npz", "--labels", "l.json", "--quiet").stderr


def test_quiet_keeps_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    with click.Context(main) as context:
        context.meta[QUIET] = True
        inform("Note: one image is left out.")
        inform("Warning: no image is kept of class 'doe'.")
    assert capsys.readouterr().err == "Warning: no image is kept of class 'doe'.\n"


def test_the_log_says_what_each_command_did(here: Path) -> None:
    assert run(*SCORE, "--log", "x.log", "-q", "-o", "s.csv").exit_code == 0
    assert run("score", "missing.npz", "--labels", "l.json", "--log", "x.log").exit_code == 2
    assert run("score", "--log", "x.log").exit_code == 2
    scored, refused, misused = map(json.loads, Path("x.log").read_text().splitlines())
    assert scored["line"] == f"reassess {' '.join(SCORE)} --log x.log -q -o s.csv"
    assert (scored["status"], "error" in scored) == (0, False)
    assert scored["folder"] == str(here)
    assert any("2 of the 3 images" in text for text in scored["messages"])
    assert "1 model: s.csv" in scored["messages"]
    assert (refused["status"], "missing.npz" in refused["error"]) == (2, True)
    assert (misused["status"], "Missing argument" in misused["error"]) == (2, True)


def test_the_log_holds_no_secrets(here: Path) -> None:
    del here
    # Each line lacks something or has too much, and ends before the command is loaded further.
    for words in (
        ("log", "--database", "postgresql://me:s3cret@host/db"),
        ("log", "--database", "postgresql://host/db?password=s3cret&user=me"),
        ("score", "https://host/x.npz?X-Amz-Signature=s3cret"),
        ("recruit", "--code", "s3cret"),
        ("recruit", "--code=s3cret"),
        ("erase", "study", "s3cret", "more"),
        ("erase", "--votes", "study", "s3cret person", "more"),
    ):
        assert run(*words, "--log", "x.log").exit_code == 2
    text = Path("x.log").read_text()
    assert len(text.splitlines()) == 7
    assert "s3cret" not in text
    assert "postgresql://me:***@host/db" in text


def test_the_log_replaces_nothing(here: Path) -> None:
    del here
    before = Path("o.csv").read_text()
    for name, says in (("o.csv", "holds something else"), (".", "folder"), ("o.csv/x", "o.csv")):
        refused = run(*SCORE, "--log", name)
        assert (refused.exit_code, says in refused.stderr) == (2, True)
    assert Path("o.csv").read_text() == before
    same = run(*SCORE, "--log", "s.csv", "-o", "s.csv")
    assert (same.exit_code, "--log is 's.csv', but -o writes" in same.stderr) == (2, True)
    assert not Path("s.csv").exists()


@pytest.mark.parametrize(
    ("words", "begun", "offered"),
    [
        (["score", "p.csv", "--labels"], "imagenet-r", ["imagenet-real"]),
        (["score"], "imagenet-t", ["imagenet-torchvision"]),
        (["score", "p.csv", "--scale"], "lo", ["logit"]),
        (["verdict", "--results"], "timm", ["timm-results"]),
        (["mistakes", "study"], "imagenet", []),
        ([], "compare-l", ["compare-labels"]),
        (["votes"], "im", ["import"]),
    ],
)
def test_a_shell_completes_names(words: list[str], begun: str, offered: list[str]) -> None:
    found = ShellComplete(main, {}, "reassess", "_REASSESS_COMPLETE").get_completions(words, begun)
    assert [one.value for one in found if one.type == "plain"] == offered


def test_a_shell_gets_no_refusal_of_a_misspelt_command() -> None:
    """It would show the refusal in the middle of the line that is typed."""
    assert ShellComplete(main, {}, "reassess", "_REASSESS_COMPLETE").get_completions(["scroe"], "")


@pytest.mark.parametrize("words", [["score"], ["report"], ["score", "-o"], ["score", "--log"]])
def test_a_shell_completes_files(words: list[str]) -> None:
    found = ShellComplete(main, {}, "reassess", "_REASSESS_COMPLETE").get_completions(words, "p")
    assert "file" in {one.type for one in found}


def test_the_doctor_finds_what_is_here(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reassess.cli import doctor

    monkeypatch.setenv("REASSESS_DATA", str(here / "none"))
    found = json.loads(run("doctor", "--json").stdout)
    assert found["extras"]["study"]["packages"]["scipy"]
    assert found["data"] == {
        "folder": str(here / "none"), "from": "REASSESS_DATA", "exists": False, "writable": True,
        "cached": [], "published": found["data"]["published"],
    }  # fmt: skip
    assert found["cores"]["usable"] >= 1
    assert found["folder"]["writable"] is True
    assert found["folder"]["fsync_ms"] > 0
    assert not list(here.glob(".reassess*"))
    ran = run("doctor", COLUMNS="60")
    assert (ran.exit_code, str(found["python"]["version"]) in ran.stdout) == (0, True)
    broken = {"file_system": "nfs4", "writable": False}
    found |= {"folder": found["folder"] | broken, "extras": {"study": {"complete": False}}}
    monkeypatch.setattr(doctor, "examine", lambda: found | {"problems": doctor.problems(found)})
    assert len(json.loads(run("doctor", "--json").stdout)["problems"]) == 3
