"""A rated study whose raters have names, and its release; made once for all tests here."""

from pathlib import Path

import pytest

from reassess.release import About, write_release
from reassess.study import Study, change_settings, open_study, run_study
from tests.study.small import rated_study

ABOUT = About(
    "Small pets", "1.0.0", "2026-11-30", "0.2.0", "CC-BY-4.0", ("Ada Lovelace", "Grace Hopper"),
    url="https://example.org/pets",
)  # fmt: skip
NAMES = ("Ann Rater", "Bob Rater")
"""What two of the raters are called."""


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose raters have names, and whose gold decides the threshold, too."""
    made = rated_study(tmp_path_factory.mktemp("released"))
    votes = (made.folder / "votes.csv").read_text()
    for old, new in zip((",r0,", ",r1,"), NAMES, strict=True):
        votes = votes.replace(old, f",{new},")
    (made.folder / "votes.csv").write_text(votes)
    (made.folder / "gold.csv").write_text(
        (made.folder / "gold.csv").read_text().replace(",x,", ",Expert Eve,")
    )
    made = change_settings(
        made, "label", {"rule": "precision-at-recall", "target": 0.9, "gold": "gold.csv"}
    )
    run_study(made)
    return open_study(made.folder)


@pytest.fixture(scope="session")
def released(study: Study) -> Path:
    folder = study.folder.parent / "pets-1.0"
    write_release(study, folder, ABOUT)
    return folder
