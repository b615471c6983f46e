"""A small study whose labels are decided, for the commands that say what it found."""

import shutil
from pathlib import Path

import pytest

from tests.study.small import rated_study


@pytest.fixture(scope="session")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rated")
    rated_study(folder)
    return folder


@pytest.fixture
def here(rated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study `s` with labels, in the working directory."""
    shutil.copytree(rated, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"
