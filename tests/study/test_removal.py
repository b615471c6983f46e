"""Models are removed with their copies; a new study keeps secrets out of version control."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess.errors import OptionError
from reassess.study import open_study, remove_models, stage_status
from tests.study.small import make_study


def test_a_model_is_removed_with_its_copy_and_nothing_else(tmp_path: Path, cli: Any) -> None:
    study = make_study(tmp_path)
    before = (study.folder / "study.toml").read_text()
    with pytest.raises(OptionError, match=r"model 'm7' is not in the study"):
        remove_models(study, ["m1", "m7"])
    assert (study.folder / "study.toml").read_text() == before
    done = cli("remove", study.folder, "m1")
    assert done.status == 0, done.err
    assert "removed m1; 2 models" in done.out
    changed = open_study(study.folder)
    assert [one.name for one in changed.models] == ["m0", "m2"]
    assert sorted(one.name for one in (study.folder / "predictions").iterdir()) == [
        "m0.npz", "m2.npz",
    ]  # fmt: skip
    assert (tmp_path / "m1.npz").exists()  # the original is nobody's copy
    stale = {one.stage: one for one in stage_status(changed)}["proposals"]
    assert (stale.state, stale.changed) == ("stale", ("model m1",))
    assert not remove_models(changed, ["m0", "m2"]).models
    assert not (study.folder / "predictions").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_new_study_keeps_secrets_and_databases_out_of_git(tmp_path: Path) -> None:
    folder = make_study(tmp_path).folder
    for name in ("rating.db", "rating.db-wal", ".release-key"):
        (folder / name).write_text("secret")
    (folder / ".rating").mkdir(exist_ok=True)
    (folder / ".rating" / "secret").write_text("secret")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    kept = subprocess.run(
        ["git", "ls-files"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "study.toml" in kept
    assert "tasks.parquet" in kept
    assert not [one for one in kept if one.startswith((".rating", ".cache", ".release", "rating"))]


def test_images_cut_out_of_the_labels_lead_to_withdrawing_them(tmp_path: Path, cli: Any) -> None:
    study = make_study(tmp_path, audit=20)
    labels = study.folder / "labels.csv"
    labels.write_text("\n".join(labels.read_text().splitlines()[:200]) + "\n")
    for command in ("run", "propose"):
        done = cli(command, study.folder)
        assert done.status == 2
        assert f"reassess images {study.folder} --withdraw IMAGE" in done.err


def test_a_join_with_nothing_to_join_says_so(tmp_path: Path, cli: Any) -> None:
    study = make_study(tmp_path)
    done = cli("propose", study.folder, "--rule", "learned", "--join")
    assert (done.status, "which scans no full scores" in done.err) == (2, True), done.err
    lists = tmp_path / "lists.npz"
    scores = np.load(tmp_path / "m0.npz")
    best = np.argsort(-scores["logits"], axis=1)[:, :2]
    top = np.take_along_axis(scores["logits"], best, axis=1)
    np.savez(lists, classes=best, logits=top, ids=scores["ids"])
    cli(
        "new",
        tmp_path / "t",
        "--labels",
        tmp_path / "labels.csv",
        "--classes",
        tmp_path / "classes.csv",
    )
    cli("add", tmp_path / "t", lists)
    done = cli("propose", tmp_path / "t", "--join")
    assert (done.status, "--join joined nothing" in done.err) == (0, True), done.err
