"""Label Studio's tasks as labels, as original labels and as models' predictions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess.errors import DataError, FileError
from reassess.files import read_benchmark, read_labels, read_predictions, read_votes, write_labels
from reassess.notes import collect_notes
from reassess.records import Benchmark, Classes, LabelSets

CLASSES = Classes.from_names(["cat", "dog", "owl"])


def annotation(*choices: str, control: str = "choice", **more: Any) -> dict[str, Any]:
    result = {
        "id": "x1", "from_name": control, "to_name": "image", "type": "choices",
        "value": {"choices": list(choices)}, "origin": "manual",
    }  # fmt: skip
    return {
        "id": 9, "completed_by": 1, "was_cancelled": False, "ground_truth": False,
        "result": [result] if choices else [], "lead_time": 2.5,
    } | more  # fmt: skip


def task(image: str, *annotations: Any, **data: Any) -> dict[str, Any]:
    """A task as the site exports it."""
    return {
        "id": 3, "annotations": list(annotations), "drafts": [], "predictions": [],
        "file_upload": "x.jpg", "data": {"image": image, **data}, "meta": {}, "inner_id": 1,
    }  # fmt: skip


def predicted(image: str, *classes: tuple[str, float | None], model: str = "m") -> dict[str, Any]:
    made = [
        {"model_version": model, "score": score, "result": annotation(name)["result"]}
        for name, score in classes
    ]
    return task(image) | {"predictions": made}


def save(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_choices_are_the_labels_of_an_image(tmp_path: Path) -> None:
    rectangle = {"type": "rectanglelabels", "value": {"rectanglelabels": ["cat"]}}
    both = annotation("cat", "dog")
    both["result"].append(rectangle)
    tasks = [
        task("/data/local-files/?d=a/1%202.jpg", both),
        task("/data/upload/7/0123abcd-b.jpg", annotation()),
        task("https://ls.example/data/upload/0123abcd-e.jpg", annotation("owl"),
             annotation("dog", ground_truth=True)),
        task("c.jpg", annotation("owl"), annotation("owl"), annotation("dog", was_cancelled=True)),
        task("d.jpg"),
    ]  # fmt: skip
    path = save(tmp_path / "export.json", tasks)
    with collect_notes() as notes:
        read = read_labels(path, classes=CLASSES)
    assert read.image_ids.tolist() == ["a/1 2.jpg", "b.jpg", "e.jpg", "c.jpg"]
    assert read.lists() == [[0, 1], [], [1], [2]]
    assert any("1 of 5 tasks have no annotation" in one for one in notes.texts)
    assert any("1 boxes" in one for one in notes.texts)
    with collect_notes(), pytest.raises(DataError, match="must have 1, its original label"):
        read_benchmark(path, classes=CLASSES)


def test_tasks_that_nobody_annotated_are_original_labels(tmp_path: Path) -> None:
    tasks = [
        {"data": {"image": f"{n}.jpg", "label": name}} for n, name in enumerate(["dog", "cat"])
    ]
    with collect_notes() as notes:
        read = read_benchmark(save(tmp_path / "tasks.json", tasks), classes=CLASSES)
    assert read.image_ids.tolist() == ["0.jpg", "1.jpg"]
    assert read.original is not None
    assert read.original.tolist() == [1, 0]
    assert any("nobody annotated" in one for one in notes.texts)
    tasks = [{"data": {"image": "a.jpg", "labels": [2, 0]}}, {"data": {"image": "b", "labels": []}}]
    with collect_notes():
        assert read_labels(save(tmp_path / "t.json", tasks)).lists() == [[0, 2], []]


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        ([task("a", annotation("cat"), annotation("dog"))], "opinions that differ are votes"),
        ([task("a", annotation("cat"), annotation("good", control="quality"))],
         "'choice', 'quality', but must be with one control"),
        ([task("a", annotation("yes", control="answer"), label=1)], "which are votes"),
        ([task("a", annotation("cow"))], "'cow'"),
        ([task("a", annotation("cat")), task("a", annotation("dog"))], "more than once"),
        ([task("a", annotation())], "no annotation holds a choice"),
        ([predicted("a", ("cat", 0.9))], "1 of them have predictions: give these as a model's"),
        ([{"data": {"image": "a", "label": "cat", "class": "dog"}}], "could each be the label"),
        ([{"data": {"image": "a", "label": None}}], "'label' is None, but must be a class"),
        ([{"data": {"picture": "a", "label": "cat"}}], "no 'image_id' or 'image'"),
    ],
)  # fmt: skip
def test_what_are_no_labels_is_refused(tasks: Any, says: str, tmp_path: Path) -> None:
    path = save(tmp_path / "export.json", tasks)
    with collect_notes(), pytest.raises((DataError, FileError)) as caught:
        read_labels(path, classes=CLASSES)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_classes_come_back_in_their_order_and_the_configuration_names_them(tmp_path: Path) -> None:
    classes = Classes(("n2", "n1"), ("owl & co", "1"), ("", ""), ("", ""))
    labels = LabelSets.from_lists("l", np.array(["b", "a"]), [[1], []], classes=classes)
    write_labels(labels, tmp_path / "l.json", "label-studio")
    read = read_labels(tmp_path / "l.json")
    assert read.lists() == [[1], []]
    assert read.classes is not None
    assert read.classes.ids == classes.ids
    config = (tmp_path / "l.config.xml").read_text()
    assert '<Choice value="owl &amp; co"/>' in config
    assert 'choice="multiple"' in config
    converter = pytest.importorskip("label_studio_sdk.converter.converter")
    (tmp_path / "out").mkdir()
    made = converter.Converter(config=config, project_dir=None)
    made.convert_to_csv(str(tmp_path / "l.json"), str(tmp_path / "out"), is_dir=False, sep=",")
    assert "b,1" in (tmp_path / "out" / "result.csv").read_text()


def test_predictions_are_those_of_models(tmp_path: Path) -> None:
    about = Benchmark("b", np.array(["a", "b"]), np.array([0, 1]), CLASSES)
    first = predicted("a", ("dog", 0.2), ("cat", 0.7))
    first["predictions"] += predicted("a", ("owl", None), model="n")["predictions"]
    second = predicted("b", ("owl", 0.1))
    second["predictions"] += predicted("b", ("dog", None), model="n")["predictions"]
    path = save(tmp_path / "t.json", [second, first])
    with collect_notes():
        read = {one.model: one.ranked_classes.tolist() for one in read_predictions(path, about)}
    assert read == {"m": [[0], [2]], "n": [[2], [1]]}
    for wrong, says in (
        ([predicted("a", ("cat", 0.5), ("dog", 0.5))], "no two alike"),
        ([predicted("a", ("cat", None), ("dog", 0.5))], "a number for each"),
        ([task("a", annotation("cat"))], "hold 0 predictions"),
        ([task("a") | {"predictions": [{"result": annotation("cat", "dog")["result"]}]}],
         "several have no order"),
    ):  # fmt: skip
        with pytest.raises((DataError, FileError), match=says):
            read_predictions(save(path, wrong), about)


def test_choices_of_classes_are_no_votes(tmp_path: Path) -> None:
    path = save(tmp_path / "export.json", [task("a", annotation("cat"))])
    with pytest.raises(DataError, match="no 'label'"):
        read_votes(path)
