"""The page as it is asked for on the command line: of a study, and of files without one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reassess.files import sha256_of
from reassess.study import change_settings, open_study
from tests.conftest import Ran
from tests.study.small import make_study, rated_study

pytest.importorskip("vl_convert")
Cli = Callable[..., Ran]


def test_a_study_is_told_on_a_page_and_in_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    rated_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    ran = cli("report", "s", "--resamples", "50", "--figures", "figures")
    assert ran.status == 0, ran
    assert ran.out == ""
    assert "report: s/report.html" in ran.err
    assert "Who answered" in Path("s/report.html").read_text("utf-8")
    kinds = [
        {one.stem for one in Path("figures").glob(f"*.{kind}")} for kind in ("png", "svg", "pdf")
    ]
    assert kinds[0] == kinds[1] == kinds[2] > {"accuracies", "agreement"}
    assert "m0: ReaL accuracy" in Path("figures/accuracies.svg").read_text("utf-8")
    assert "older" not in ran.err
    change_settings(open_study("s"), "label", {"threshold": 0.6})
    ran = cli("report", "s", "--resamples", "50")
    assert "the labels are older than what they are made from (changed: " in ran.err
    assert "were decided before these changed" in Path("s/report.html").read_text("utf-8")


def test_a_study_without_labels_is_told_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    ran = cli("report", "s")
    assert ran.status == 2
    assert "there are no labels yet" in ran.err
    assert not Path("s/report.html").exists()


def test_scores_of_files_name_every_file(study: Path, cli: Cli) -> None:
    """The two files of a pair, the labels, the original labels and the classes."""
    given = ("preds.npz", "real.json", "labels.csv", "classes.csv")
    ran = cli("score", "mine=preds.npz", "--labels", "real.json", "--original-labels", "labels.csv",
              "--classes", "classes.csv", "--report", "page.html")  # fmt: skip
    assert ran.status == 0, ran
    text = (study / "page.html").read_text("utf-8")
    for name in given:
        assert f"{name}, SHA-256 {sha256_of(study / name)}" in text
    for name, role in (("preds.npz", "model mine"), ("labels.csv", "original labels")):
        assert f"<dt>{role}</dt><dd>{name}, " in text
    assert "Which labels changed?" in text
    assert ": 1 model under reassessed labels</h1>" in text
