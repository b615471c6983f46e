"""Models are removed with their copies; a new study keeps secrets out of version control."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

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
