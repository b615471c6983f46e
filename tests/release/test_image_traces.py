"""An image followed through a study: each step is what its file says."""

import json
from pathlib import Path
from typing import Any

import pytest

from reassess.errors import AlignmentError
from reassess.study import Study, open_study
from reassess.study.image_traces import trace_image
from tests.study.small import PRACTICE, is_true, make_study


def test_an_image_is_followed_from_proposals_to_labels(study: Study) -> None:
    labels = json.loads((study.folder / "labels.json").read_text())
    image = next(one for one, held in labels["labels"].items() if len(held) == 2)
    trace = trace_image(study, image.rpartition("/")[2])  # the bare name is enough
    assert trace.image == image
    assert trace.original == image[:2]
    assert trace.labels == tuple(f"c{k}" for k in sorted(labels["labels"][image]))
    assert trace.threshold == labels["operating_point"]["threshold"]
    assert trace.classes[0].is_original
    rows = [line.split(",") for line in (study.folder / "votes.csv").read_text().splitlines()[1:]]
    for one in trace.classes:
        wanted = sorted((r[2], r[3]) for r in rows if r[0] == image and f"c{r[1]}" == one.class_id)
        assert sorted((vote.who, vote.answer) for vote in one.votes) == wanted
        assert bool(one.votes) is one.is_asked
        assert one.is_label is (one.class_id in trace.labels)
        assert {vote.answer for vote in one.gold} <= {
            "yes" if is_true(image, int(one.class_id[1])) else "no"
        }
        if one.posterior is not None:
            assert one.is_label is (one.posterior >= trace.threshold)
    for model in trace.predictions:
        assert model.is_right is (model.ranked[0] in trace.labels)
        assert model.is_original is (model.ranked[0] == trace.original)
    assert trace.decision().startswith(f"Its labels are {trace.labels[0]}, {trace.labels[1]} (")
    assert "was not put to raters" in trace_image(study, PRACTICE).decision()
    with pytest.raises(AlignmentError, match=r"'nowhere\.jpg', but must be an image of s"):
        trace_image(study, "nowhere.jpg")


def test_a_study_without_votes_shows_what_there_is(tmp_path: Path) -> None:
    made = make_study(tmp_path)
    (tmp_path / "s" / "tasks.parquet").unlink()
    trace = trace_image(open_study(made.folder), PRACTICE)
    assert trace.labels is None
    assert trace.decision() == "Its labels are not decided yet."
    assert trace.classes[0].is_asked is None


def test_the_command_prints_it_and_writes_a_page_with_the_picture(
    study: Study, tmp_path: Path, cli: Any
) -> None:
    image = pytest.importorskip("PIL.Image")
    labels = json.loads((study.folder / "labels.json").read_text())
    name = next(one for one, held in labels["labels"].items() if len(held) == 2)
    image.new("RGB", (32, 32), "teal").save(study.folder.parent / "photos" / name)
    done = cli("show", study.folder, name)
    assert done.status == 0, done.err
    assert "Ann Rater: yes" in " ".join(done.out.split())
    done = cli("show", study.folder, name, "-o", tmp_path / "i.html")
    assert done.status == 0, done.err
    page = (tmp_path / "i.html").read_text()
    assert '<img src="data:image/' in page
    assert "Ann Rater: yes" in page
    done = cli("show", study.folder, name, "--json")
    assert json.loads(done.out)["decision"].startswith("Its labels are")
