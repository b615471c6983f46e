"""A model that joins a rated study: what is left to do, and labels without its questions."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reassess.study import change_settings, open_questions, open_study, stage_status
from tests.conftest import Ran
from tests.study.small import rated_study


def test_labels_can_be_decided_without_the_questions_of_a_new_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Ran]
) -> None:
    rated_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "s" / "labels.json").read_text()
    older = "the labels are not those that the study gives now"
    assert older not in cli("score", "m3.npz", "--labels", "s").err
    change_settings(open_study("s"), "label", {"threshold": 0.3})
    for typed in (("score", "m3.npz", "--labels", "s"), ("raters", "s", "--resamples", "100")):
        assert f"{older} (changed: options of label)" in " ".join(cli(*typed).err.split())
    change_settings(open_study("s"), "label", {"threshold": None})
    assert older not in cli("score", "m3.npz", "--labels", "s").err
    manifest = tmp_path / "s" / "study.toml"
    said = manifest.read_text()
    manifest.write_text(said.replace("[benchmark]", '[benchmark]\nlabels_are = "id"'))
    states = {one.stage: one for one in stage_status(open_study("s"))}
    for stage in ("proposals", "posterior", "labels"):  # its files may be read otherwise by now
        assert "labels_are" in states[stage].changed
    manifest.write_text("\ufeff" + said)  # as Windows' editor saves it
    assert {one.state for one in stage_status(open_study("s"))} == {"done"}
    manifest.write_text(said)
    originals = tmp_path / "s" / "labels.csv"
    kept = originals.read_text()
    first, *rest = kept.splitlines()
    originals.write_text("\n".join([first, *reversed(rest)]) + "\n")
    assert f"{older} (changed: original labels)" in cli("score", "m3.npz", "--labels", "s").err
    originals.write_text(kept)
    own = ("label", "s", "--original-labels", "s", "--threshold", "0.2", "-o", "s/labels.json")
    assert cli(*own).status == 0
    assert "changed: the file of labels itself" in cli("status", "s").out
    assert (
        f"{older} (changed: the file of labels itself)"
        in cli("score", "m3.npz", "--labels", "s").err
    )
    assert cli("run", "s").status == 0
    assert (tmp_path / "s" / "labels.json").read_text() == before
    assert cli("add", "s", "new=m3.npz").status == 0
    ran = cli("run", "s")
    assert ran.status == 2
    assert "reassess run STUDY --only-answered" in ran.err
    n_open, n_asked = open_questions(open_study("s"))
    assert 0 < n_open < n_asked
    status = " ".join(cli("status", "s").out.split())
    assert f"{n_open:,} of {n_asked:,} questions have no votes yet" in status
    assert "reassess run s --only-answered" in status
    refused = cli("release", "s", "out")
    assert refused.status == 2
    assert "labels.json is older than what it is made from (changed: model new)" in refused.err
    ran = cli("run", "s", "--only-answered")
    assert ran.status == 0, ran
    assert f"{n_open:,} of {n_asked:,} questions have no votes" in ran.err
    assert (tmp_path / "s" / "labels.json").read_text() != before  # it names the new model
    assert "Next" not in cli("status", "s").out
    assert cli("release", "s", "out").status == 0
    assert cli("check", "out").status == 0
