"""The lines of docs/loops.md run as printed."""

import re
import shutil
import warnings
from pathlib import Path

import pytest

from reassess import write_labels
from reassess.notes import NoteWarning

PAGE = Path(__file__).parents[2] / "docs" / "loops.md"

for needed in ("torchvision", "timm", "torchmetrics", "lightning", "transformers"):
    pytest.importorskip(needed)


def test_the_page_runs_from_its_first_line_to_its_last(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digits.folder, "photos")
    write_labels(digits.labels, "labels.json")
    Path("keep.txt").write_text("\n".join(digits.keep) + "\n", encoding="utf-8")
    names = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoteWarning)
        for code in blocks:
            exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 -- the page's own code
