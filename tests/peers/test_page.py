"""The code of pages about other libraries runs as printed."""

import re
import shutil
import warnings
from pathlib import Path

import pytest

from reassess import write_labels
from reassess.notes import NoteWarning
from tests.peers.pages import NEEDED

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```(python|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", NEEDED)
def test_the_page_runs_from_its_first_line_to_its_last(digits, tmp_path, monkeypatch, capsys, page):
    """What it shows below a block is what the block prints, or how it ends."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    for needed in NEEDED[page]:
        pytest.importorskip(needed)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digits.folder, "photos")
    write_labels(digits.labels, "labels.json")
    Path("keep.txt").write_text("\n".join(digits.keep) + "\n", encoding="utf-8")
    names = {}
    found = _BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8"))
    assert found
    printed = ""
    for kind, text in found:
        if kind == "text":
            assert text.strip().removesuffix("[...]").strip() in printed
            continue
        capsys.readouterr()
        ending = ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoteWarning)
            try:
                exec(compile(text, page, "exec"), names)  # noqa: S102 -- the page's own code
            except AttributeError as error:
                if "sklearn_tags" not in str(error):
                    raise
                ending = f"{type(error).__name__}: {error}"
        printed = capsys.readouterr().out + ending
