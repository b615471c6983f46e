"""The manifest: what it may say, what it refuses and where, and what it survives."""

from pathlib import Path

import pytest

from reassess.errors import DataError
from reassess.study import (
    Study,
    change_settings,
    database_as_named,
    new_study,
    open_study,
    without_password,
)


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
