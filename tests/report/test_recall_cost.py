"""The recall–cost curve of a choice of models: what it shows, its files."""

import struct
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from reassess.errors import OptionError
from reassess.proposals.model_selection import ModelChoice, choose_models
from reassess.report import write_recall_cost

pytest.importorskip("altair")
pytest.importorskip("vl_convert")

MODELS = ("ant & co", "bee", "cow", "</script><b>dog")


@pytest.fixture(scope="module")
def choice() -> ModelChoice:
    rng = np.random.default_rng(5)
    positive = rng.random(300) < 0.4
    listed = rng.random((300, 4)) < np.where(positive, 0.7, 0.2)[:, None]
    always = rng.random(300) < 0.2 * positive
    return choose_models(listed, positive, models=MODELS, recall=0.7, always=always)


def test_the_drawing_names_points_models_and_the_wanted_recall(
    choice: ModelChoice, tmp_path: Path
) -> None:
    write_recall_cost(choice, tmp_path / "curve.svg")
    root = ET.fromstring((tmp_path / "curve.svg").read_text("utf-8"))  # noqa: S314 -- our own
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    used = {model for one in choice.curve for model in one.models}
    assert used <= set(texts)
    assert {"1", "2", "3", "4"} <= set(texts)
    assert "wanted recall 70.0%" in texts
    one = choice.chosen
    title = f"{len(one.models)} models of 4 reach a recall of {100 * one.recall:.1f}%"
    assert any(text.startswith(title) for text in texts)


def test_files_of_each_kind(choice: ModelChoice, tmp_path: Path) -> None:
    for suffix in (".png", ".svg", ".html"):
        write_recall_cost(choice, tmp_path / f"curve{suffix}")
    width, height = struct.unpack(">II", (tmp_path / "curve.png").read_bytes()[16:24])
    assert width > 1200
    assert height > 800
    page = (tmp_path / "curve.html").read_text("utf-8")
    assert MODELS[3] in str(choice.curve)
    assert MODELS[3] not in page
    assert 'src="http' not in page
    with pytest.raises(OptionError, match=r"'curve.gif', but must end in one of '.png'"):
        write_recall_cost(choice, "curve.gif")
