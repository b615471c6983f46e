"""The demo, whole: every file reads back, raters are called simulated, labels get better."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reassess import demo
from reassess.demo import DemoResult, make_digits, ranking, run_demo
from reassess.errors import DataError, MissingExtraError, OptionError
from reassess.files import (
    read_benchmark,
    read_gold,
    read_labels,
    read_posterior,
    read_predictions,
    read_votes,
    sha256_of,
)
from reassess.files.tables import read_table
from reassess.notes import NoteWarning
from reassess.pipeline import (
    AggregateOptions,
    LabelOptions,
    ProposeOptions,
    make_posterior,
    reassess_benchmark,
)
from reassess.records import Accuracy, Gold, Pairs, Questions, Votes
from tests.conftest import WholeDemo

SMALL = 200


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return run_demo(tmp_path_factory.mktemp("small"), seed=3, n_images=SMALL)


def test_whole_demo(whole_demo: WholeDemo) -> None:
    """At its full size: stages in order, files that read back, labels nearer to the truth."""
    assert whole_demo.ran.status == 0
    told = [(name, detail) for name, detail in whole_demo.steps if name in demo.STAGES]
    assert tuple(dict.fromkeys(name for name, _ in told)) == demo.STAGES
    assert 8 <= len(demo.STAGES) <= 10
    assert all("simulated" in detail for name, detail in told if name == "votes" and detail)
    result: DemoResult = whole_demo.result
    check_files(result)
    check_simulated(result)
    check_counts(result)
    found = result.found
    assert (found.n_images, found.n_planted) == (1_470, 44)
    assert found.n_planted_removed >= 40
    assert found.n_right_removed <= 20
    assert 270 <= found.n_second <= 323
    assert found.n_second_found >= 0.8 * found.n_second
    assert found.n_exact_after > found.n_exact_before + 200
    assert found.n_empty <= 15
    for model, true in found.true.items():
        assert true.value is not None
        real, original = found.real[model].value, found.original[model].value
        assert real is not None
        assert original is not None
        assert abs(real - true.value) < 0.01 < abs(original - true.value)
    assert ranking(found.real) == ranking(found.true)
    text = " ".join(found.sentences())
    assert "44 of 1,470 original labels are mistakes planted" in text
    assert f"removed {found.n_planted_removed} of them" in text
    assert found.sentences()[0] in re.sub(r"\s+", " ", result.report.read_text(encoding="utf-8"))
    precision, recall = against_truth(result)
    assert precision > 0.98
    assert recall > 0.95


def against_truth(result: DemoResult) -> tuple[float, float]:
    """Precision and recall of all labels, counted with sets."""
    labels, truth = result.records.labels.lists(), result.digits.truth.lists()
    n_right = sum(len(set(a) & set(b)) for a, b in zip(labels, truth, strict=True))
    return n_right / sum(map(len, labels)), n_right / sum(map(len, truth))


def check_files(result: DemoResult) -> None:
    """Each file is there and gives the record that it was written from."""
    folder, records = result.folder, result.records
    benchmark = read_benchmark(folder / "labels.csv", classes=folder / "classes.csv")
    assert benchmark.image_ids.tolist() == records.benchmark.image_ids.tolist()
    assert benchmark.original is not None
    assert records.benchmark.original is not None
    assert benchmark.original.tolist() == records.benchmark.original.tolist()
    assert benchmark.classes == records.benchmark.classes
    assert sorted(path.stem for path in (folder / "predictions").iterdir()) == sorted(
        one.model for one in records.predictions
    )
    for one in records.predictions:
        (again,) = read_predictions(folder / f"predictions/{one.model}.npz", benchmark, top=10)
        assert again.score_type == "probability"
        assert np.array_equal(again.ranked_classes, one.ranked_classes)
    assert len(records.predictions) == 6
    questions = read_table(folder / "questions.csv")
    rows = zip(questions.cells("image"), questions.cells("label"), strict=True)
    assert [f"{image}:{label}" for image, label in rows] == records.questions.ids.tolist()
    votes = read_votes(folder / "votes.csv")
    assert np.array_equal(votes.answer, records.votes.answer)
    assert votes.sha256 == records.posterior.votes_sha256 == records.labels.votes_sha256
    gold = read_gold(folder / "gold.csv")
    assert gold.questions.ids.tolist() == records.gold.questions.ids.tolist()  # type: ignore[union-attr]
    assert np.array_equal(
        read_posterior(folder / "posterior.npz").present, records.posterior.present
    )
    labels = read_labels(folder / "labels.json")
    assert labels.lists() == records.labels.lists()
    assert labels.operating_point == records.point
    assert read_labels(folder / "truth.json").lists() == result.digits.truth.lists()
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    assert scores["labels"] == labels.name
    for entry, score in zip(scores["models"], records.scores, strict=True):
        assert entry["model"] == score.model
        assert entry["real"]["n_correct"] == score.real.n_correct
    with Image.open(folder / "images" / "0001.png") as image:
        assert image.size == (128, 64)
    n_images = len(records.benchmark.image_ids)
    assert len(list((folder / "images").iterdir())) == n_images
    assert {path.suffix for path in (folder / "figures").iterdir()} == {
        ".png", ".svg", ".pdf", ".csv", ".tex",
    }  # fmt: skip
    assert result.report == folder / "report.html"


def check_simulated(result: DemoResult) -> None:
    """Wherever raters or experts appear they are called simulated."""
    folder, records = result.folder, result.records
    for name in ("votes.csv", "gold.csv"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()[1:]
        assert lines
        assert all(",simulated-" in line for line in lines)
    assert all(name.startswith("simulated-rater-") for name in records.posterior.rater_ids.tolist())
    page = result.report.read_text(encoding="utf-8")
    assert "simulated" in page.lower()
    assert "simulated" in page[: page.index("</h1>")].lower()
    drawings = sorted((folder / "figures").glob("*.svg"))
    assert drawings
    assert all("simulated" in path.read_text(encoding="utf-8") for path in drawings)
    assert "simulated" in " ".join(result.found.sentences())


def check_counts(result: DemoResult) -> None:
    """What was found, counted again image by image."""
    digits, labels, found = result.digits, result.records.labels.lists(), result.found
    original = digits.benchmark.original
    assert original is not None
    counts = dict.fromkeys(("removed", "right", "second", "second_found", "before", "after"), 0)
    rows = zip(digits.truth.lists(), original.tolist(), labels, digits.planted, strict=True)
    for truth, label, after, planted in rows:
        counts["removed"] += planted and label not in after
        counts["right"] += not planted and label not in after
        missing = set(truth) - {label} if len(truth) == 2 and not planted else set()
        counts["second"] += len(missing)
        counts["second_found"] += len(missing & set(after))
        counts["before"] += truth == [label]
        counts["after"] += truth == after
    assert list(counts.values()) == [
        found.n_planted_removed,
        found.n_right_removed,
        found.n_second,
        found.n_second_found,
        found.n_exact_before,
        found.n_exact_after,
    ]
    assert found.n_empty == labels.count([])
    rated = result.records.labels.rated
    assert rated is not None
    assert found.n_rated + found.n_audited == rated.sum()


def test_small_demo(small: DemoResult) -> None:
    check_files(small)
    check_simulated(small)
    check_counts(small)
    assert small.found.n_exact_after > small.found.n_exact_before


def test_the_same_seed_gives_the_same_files(small: DemoResult, tmp_path: Path) -> None:
    again = run_demo(tmp_path, seed=3, n_images=SMALL)
    names, before = (
        sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
        for folder in (tmp_path, small.folder)
    )
    assert names == before
    names = [n for n in names if "/.cache/" not in n]  # it holds paths and times
    differ = [n for n in names if sha256_of(tmp_path / n) != sha256_of(small.folder / n)]
    assert [n for n in differ if not n.endswith(".pdf")] == []  # vl-convert orders its parts again
    assert again.found == small.found


def test_another_seed_gives_other_digits() -> None:
    one, other = (make_digits(SMALL, np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(one.pixels, other.pixels)


def test_the_truth_is_what_the_images_show() -> None:
    """Each half of an image is a scan of scikit-learn's, used once, or empty."""
    from sklearn.datasets import load_digits

    digits = make_digits(demo.N_IMAGES, np.random.default_rng(4))
    scans = load_digits()
    digit_of = {
        (scan / 16).tobytes(): digit for scan, digit in zip(scans.images, scans.target, strict=True)
    }
    assert len(digit_of) == 1_797
    shown: list[list[int]] = []
    used = []
    for image in digits.pixels:
        halves = [np.ascontiguousarray(image[:, :8]), np.ascontiguousarray(image[:, 8:])]
        filled = [half.tobytes() for half in halves if half.any()]
        used += filled
        shown.append(sorted(int(digit_of[half]) for half in filled))
    assert digits.truth.lists() == shown
    assert len(set(used)) == len(used)
    two = np.array([len(labels) == 2 for labels in shown])
    assert 0.18 < two.mean() < 0.22
    left = digits.pixels[~two][:, :, :8].any(axis=(1, 2)).mean()
    assert 0.45 < left < 0.55
    original = digits.benchmark.original
    assert original is not None
    right = [label in labels for label, labels in zip(original.tolist(), shown, strict=True)]
    assert (~np.array(right)).tolist() == digits.planted.tolist()
    assert digits.planted.sum() == 44


def test_ranking_by_hand() -> None:
    accuracy = {"b": Accuracy(1, 2), "a": Accuracy(2, 4), "c": Accuracy(3, 4)}
    assert ranking(accuracy) == ("c", "a", "b")


def test_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="seed is -1"):
        run_demo(tmp_path, seed=-1)
    for n_images in (199, 1_471):
        with pytest.raises(OptionError, match=f"number of images is {n_images}"):
            run_demo(tmp_path, n_images=n_images)
    for package, extra in (("PIL", "study"), ("altair", "report")):
        monkeypatch.setattr(demo, "find_spec", lambda name, p=package: None if name == p else 1)
        with pytest.raises(MissingExtraError, match=rf"'{package}'.*reassess\[{extra}\]"):
            run_demo(tmp_path)
    assert list(tmp_path.iterdir()) == []


def reassess_small(small: DemoResult, **options: Any) -> Any:
    sections = {
        "propose": ProposeOptions(pairs_per_model=2 * SMALL),
        "aggregate": AggregateOptions(method=options.pop("method", None)),
        "label": LabelOptions(rule=options.pop("rule", "threshold")),
    }
    predictions = options.pop("predictions", small.records.predictions)
    arguments = {"ask": lambda _: small.records.votes, "options": sections} | options
    return reassess_benchmark(predictions, small.records.benchmark, **arguments)


def test_files_of_other_origin_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("precious")
    with pytest.raises(OptionError, match=r"'labels\.csv', which no demo wrote"):
        run_demo(tmp_path, n_images=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]
    assert (tmp_path / "labels.csv").read_text() == "precious"


def test_pipeline_joins_the_stages_for_anybody(small: DemoResult) -> None:
    """The same votes, asked for by hand, give the same records; each method has its name."""
    options = {"rule": "f1", "ask_experts": lambda _: small.records.gold}
    again = reassess_small(small, method="dawid-skene", **options)
    assert again.labels.lists() == small.records.labels.lists()
    assert again.point == small.records.point
    assert again.proposals.pairs.ids().tolist() == small.records.proposals.pairs.ids().tolist()
    for method in ("majority", "dawid-skene", "calibrated"):
        other = reassess_small(small, method=method, **options)
        assert other.posterior.method == method
        assert other.labels.operating_point == other.point
    given = reassess_small(small)
    assert (given.point.rule, given.point.threshold, given.gold) == ("threshold", 0.8, None)
    assert [s.model for s in given.scores] == [p.model for p in small.records.predictions]


@pytest.mark.parametrize(
    ("n_silent", "message"), [(1, r"question \S+ has 0 votes.*1 of"),
                              (2, r"questions \S+, \S+ have 0 votes.*2 of")],
)  # fmt: skip
def test_pipeline_refuses_silence(small: DemoResult, n_silent: int, message: str) -> None:
    """A question without votes must not pass for an image that was never rated."""
    votes = small.records.votes
    kept = votes.question < len(votes.questions) - n_silent
    pairs = votes.questions.pairs
    assert pairs is not None
    image, label = pairs.image[:-n_silent], pairs.label[:-n_silent]
    fewer = Questions.from_pairs(Pairs(pairs.image_ids, image, label))
    columns = (votes.question[kept], votes.rater[kept], votes.answer[kept])
    silent = Votes(fewer, votes.rater_ids, votes.answers, *columns)
    with pytest.raises(DataError, match=message):
        reassess_small(small, ask=lambda _: silent)


def test_pipeline_refuses(small: DemoResult) -> None:
    with pytest.raises(OptionError, match="'calibrated' needs gold"):
        reassess_small(small, method="calibrated")
    with pytest.raises(OptionError, match="Did you mean 'label'"):
        reassess_small(small, options={"labels": LabelOptions()})
    with pytest.raises(OptionError, match="options of 'label' are AggregateOptions"):
        reassess_small(small, options={"label": AggregateOptions()})
    agreeing = [
        demo.Predictions(
            "echo",
            small.records.benchmark.image_ids,
            small.records.benchmark.original[:, None],  # type: ignore[index]
            np.ones((SMALL, 1)),
        )
    ]
    with (
        pytest.warns(NoteWarning, match="as in a copy of the labels"),
        pytest.raises(DataError, match="there are 0 questions"),
    ):
        reassess_small(small, predictions=agreeing)
    gold = small.records.gold
    assert isinstance(gold, Gold)
    made = make_posterior(
        votes=small.records.votes, gold=gold, options=AggregateOptions(method="calibrated")
    )
    assert made.record.gold_sha256 == gold.votes.sha256
