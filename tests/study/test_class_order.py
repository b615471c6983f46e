"""Classes keep their numbers: in a study, in every file that it writes, and in its store."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from reassess import sources
from reassess.errors import ClassError, DataError
from reassess.files import (
    read_gold,
    read_labels,
    read_posterior,
    read_votes,
    write_labels,
    write_votes,
)
from reassess.files.artefacts import read_tasks
from reassess.notes import collect_notes
from reassess.rating import class_ids
from reassess.records import Classes, LabelSets, Votes
from reassess.scoring import score_models
from reassess.site.imports import import_votes_file
from reassess.site.store import open_rating
from reassess.site.sync import sync
from reassess.site.transfer import export_votes
from reassess.study import (
    Study,
    add_models,
    locate,
    new_study,
    open_study,
    propose_study,
    read_study_benchmark,
    run_study,
)

NAMES = ["bird", "cat", "dog", "fish"]
N = 40
TURNED = Classes.from_names(NAMES[::-1])


def _table(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *rows])
    return path


def _rows() -> list[tuple[str, str]]:
    drawn = np.random.default_rng(0).integers(0, len(NAMES), N)
    return [(f"{n:03d}.jpg", NAMES[k]) for n, k in enumerate(drawn.tolist())]


def _with_ants() -> list[tuple[str, str]]:
    return [*_rows(), *((f"{n:03d}.jpg", "ant") for n in range(N, N + 5))]


def _model(path: Path, rows: list[tuple[str, str]], names: list[str], seed: int) -> Path:
    rng = np.random.default_rng(seed)
    scores = rng.random((len(rows), len(names)))
    for n, (_, name) in enumerate(rows):
        scores[n, names.index(name)] += rng.random() < 0.8
    np.savez(path, logits=scores.astype("f4"), ids=[image for image, _ in rows])
    return path


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study without a file of classes, with questions."""
    made = new_study(tmp_path / "s", labels=_table(tmp_path / "labels.csv", _rows()))
    models = [_model(tmp_path / f"m{n}.npz", _rows(), NAMES, n) for n in range(2)]
    add_models(made, models)
    propose_study(open_study(made.folder))
    return open_study(made.folder)


def _perfect(study: Study) -> Votes:
    """Three raters who know that each image holds the class of its label and no other."""
    asked = read_tasks(study.folder / "tasks.parquet").questions
    pairs = asked.require_pairs()
    truth = dict(_rows())
    is_there = [
        truth[image] == NAMES[label]
        for image, label in zip(pairs.image_ids[pairs.image], pairs.label.tolist(), strict=True)
    ]
    question = np.repeat(np.arange(len(asked)), 3)
    answer = np.where(np.repeat(is_there, 3), 2, 0)
    rater = np.tile([0, 1, 2], len(asked))
    return Votes.from_codes(
        questions=asked, question=question, rater_ids=np.array(["a", "b", "c"]), rater=rater,
        answer=answer,
    )  # fmt: skip


def _labels(study: Study) -> dict[str, list[str]]:
    """The reassessed labels by name."""
    benchmark = read_study_benchmark(study)
    assert benchmark.classes is not None
    sets = read_labels(study.folder / "labels.json", classes=benchmark.classes)
    names = benchmark.classes.names
    images = zip(sets.image_ids.tolist(), sets.lists(), strict=True)
    return {image: [names[label] for label in held] for image, held in images}


def test_a_study_writes_down_the_order_of_its_classes(study: Study, tmp_path: Path) -> None:
    assert study.classes == "classes.csv"
    assert read_study_benchmark(study).classes.ids == tuple(NAMES)
    plain = new_study(tmp_path / "plain", labels=_table(tmp_path / "i.csv", [("a", "1")]))
    assert plain.classes is None, "indices have no names"


def test_classes_that_are_new_come_at_the_end_and_no_vote_changes_its_class(
    study: Study, tmp_path: Path
) -> None:
    write_votes(_perfect(study), study.folder / "votes.csv")
    run_study(study)
    before = _labels(study)
    assert before == {image: [name] for image, name in _rows()}
    grown = _table(tmp_path / "grown.csv", _with_ants())
    with pytest.raises(ClassError, match=r"row 42 is 'ant'.*--append-classes"):
        locate(study, labels=grown)
    (study.folder / "labels.csv").write_text(grown.read_text())
    with pytest.raises(ClassError, match=r"row 42 is 'ant'.*--append-classes"):
        read_study_benchmark(study)
    _table(study.folder / "labels.csv", _rows())
    elsewhere = _table(tmp_path / "elsewhere.csv", [(f"x{i}", name) for i, name in _rows()])
    with pytest.raises(DataError, match="is missing, but raters are asked about it"):
        locate(study, labels=elsewhere)
    study = locate(study, labels=grown, append_classes=True)
    assert read_study_benchmark(study).classes.ids == (*NAMES, "ant")
    names = [*NAMES, "ant"]
    # Models that were made before have no score of ants, and are read with as many as they had.
    former = {f"m{n}": _first_columns(tmp_path / f"o{n}.npz", 4, seed=n) for n in range(2)}
    propose_study(locate(study, predictions=former), write=False)
    with pytest.raises(DataError, match=r"must have 5 \(or 4, as many as there were"):
        locate(study, predictions={"m0": _first_columns(tmp_path / "three.npz", 3, seed=0)})
    models = {f"m{n}": _model(tmp_path / f"n{n}.npz", _with_ants(), names, n) for n in range(2)}
    study = add_models(study, models, replace=True)
    propose_study(study)
    write_votes(_perfect_of_all(study), study.folder / "votes.csv")
    with collect_notes():  # whether the fit converged does not matter here
        run_study(study)
    after = _labels(study)
    # An image loses a label that is not asked about any more; none gets that of another class.
    assert all(set(after[image]) <= set(before[image]) for image in before)
    assert sum(after[image] == before[image] for image in before) > N // 4
    assert after["044.jpg"] == ["ant"]


def _first_columns(path: Path, n_columns: int, *, seed: int) -> Path:
    """Predictions of all images, ants included, without the scores of later classes."""
    arrays = dict(np.load(_model(path, _with_ants(), [*NAMES, "ant"], seed)))
    np.savez(path, logits=arrays["logits"][:, :n_columns], ids=arrays["ids"])
    return path


def _perfect_of_all(study: Study) -> Votes:
    """The same votes, and those on the questions about ants."""
    asked = read_tasks(study.folder / "tasks.parquet").questions
    pairs, truth, names = asked.require_pairs(), dict(_with_ants()), [*NAMES, "ant"]
    there = [
        truth[image] == names[label]
        for image, label in zip(pairs.image_ids[pairs.image], pairs.label.tolist(), strict=True)
    ]
    return Votes.from_codes(
        questions=asked, question=np.repeat(np.arange(len(asked)), 3),
        rater_ids=np.array(["a", "b", "c"]), rater=np.tile([0, 1, 2], len(asked)),
        answer=np.where(np.repeat(there, 3), 2, 0),
    )  # fmt: skip


def test_classes_that_get_other_numbers_are_refused_once_there_are_questions(
    study: Study, tmp_path: Path
) -> None:
    turned = tmp_path / "turned.csv"
    turned.write_text("index,id\n" + "".join(f"{n},{one}\n" for n, one in enumerate(NAMES[::-1])))
    refusal = r"class 0 is 'fish', but must be 'bird'.*4 of 4 classes.*--append-classes"
    with pytest.raises(DataError, match=refusal):
        locate(study, classes=turned)
    (study.folder / "classes.csv").write_text(turned.read_text())
    with pytest.raises(DataError, match=refusal):
        run_study(study)


def test_a_study_of_0_1_0_whose_labels_changed_is_refused(study: Study) -> None:
    """It named no classes and its questions name none: what their numbers were cannot be told."""
    import pyarrow.parquet as pq

    manifest = study.folder / "study.toml"
    manifest.write_text(manifest.read_text().replace('classes = "classes.csv"\n', ""))
    tasks = study.folder / "tasks.parquet"
    pq.write_table(pq.read_table(tasks).replace_schema_metadata({}), tasks)
    assert read_study_benchmark(open_study(study.folder)).classes.ids == tuple(NAMES)
    _table(study.folder / "labels.csv", _with_ants())
    with pytest.raises(DataError, match=r"changed since the study's questions were made"):
        read_study_benchmark(open_study(study.folder))


def test_files_in_another_order_of_classes_are_matched_by_id(study: Study, tmp_path: Path) -> None:
    votes = _perfect(study)
    for name in ("v.csv", "v.parquet", "v.npz", "v.json"):
        write_votes(votes, tmp_path / name)
    write_votes(votes, tmp_path / "c.csv", "crowd-kit")
    write_votes(votes, study.folder / "votes.csv")
    run_study(study)
    pairs = votes.questions.require_pairs()
    wanted = {
        (image, NAMES[label])
        for image, label in zip(pairs.image_ids[pairs.image], pairs.label.tolist(), strict=True)
    }
    tasks = study.folder / "tasks.parquet"
    with collect_notes() as notes:
        read = {
            "tasks": read_tasks(tasks, classes=TURNED).questions,
            "posterior": read_posterior(study.folder / "posterior.npz", classes=TURNED).questions,
            "gold": read_gold(tmp_path / "v.csv", classes=TURNED).questions,
            "crowd-kit": read_votes(tmp_path / "c.csv", form="crowd-kit", classes=TURNED).questions,
        } | {
            name: read_votes(tmp_path / name, classes=TURNED).questions
            for name in ("v.csv", "v.parquet", "v.npz", "v.json")
        }
    assert any("another order" in text for text in notes.texts)
    for name, asked in read.items():
        found = asked.require_pairs()
        assert found.class_ids == TURNED.ids, name
        both = zip(found.image_ids[found.image], found.label.tolist(), strict=True)
        assert {(image, TURNED.ids[label]) for image, label in both} == wanted, name
    with pytest.raises(DataError, match="it is about class"):
        read_tasks(tasks, classes=Classes.from_names(["bird", "cat", "dog", "eel"]))


@pytest.mark.parametrize("form", ["native", "real-json", "by-file", "parquet"])
def test_labels_in_another_order_of_classes_are_matched_by_id(
    form: str, study: Study, tmp_path: Path
) -> None:
    write_votes(_perfect(study), study.folder / "votes.csv")
    run_study(study)
    sets = read_labels(study.folder / "labels.json")
    assert sets.classes is not None
    assert sets.classes.ids == tuple(NAMES)
    path = tmp_path / ("l.parquet" if form == "parquet" else "l.json")
    write_labels(sets, path, form)
    with collect_notes():
        turned = read_labels(path, classes=TURNED)
    by_name = {
        image: [TURNED.ids[label] for label in held]
        for image, held in zip(turned.image_ids.tolist(), turned.lists(), strict=True)
    }
    assert by_name == {image: [name] for image, name in _rows()}
    sorted_names = read_study_benchmark(study)
    with pytest.raises(DataError, match=r"must stand in the order of"):
        turned.align_to(sorted_names)


def test_the_store_knows_its_classes(study: Study, tmp_path: Path) -> None:
    write_votes(_perfect(study), tmp_path / "votes.csv")
    with open_rating(study, votes_per_question=3, create=True) as store:
        sync(study, store)
        assert class_ids(store) == tuple(NAMES)
        assert import_votes_file(study, store, tmp_path / "votes.csv")[0] > 0
        path, _ = export_votes(study, store)
        with path.open() as file:
            first = next(iter(csv.DictReader(file)))
        assert first["class_id"] == NAMES[int(first["label"])]
        # The questions are made again for other classes, as where the database is another study's.
        (study.folder / "tasks.parquet").unlink()
        (study.folder / "classes.csv").write_text("id\n" + "\n".join(NAMES[::-1]) + "\n")
        with pytest.raises(DataError, match=r"class 0 is 'fish', but must be 'bird'"):
            export_votes(study, store, tmp_path / "again.csv")


def test_old_files_without_ids_are_read_by_their_numbers(study: Study, tmp_path: Path) -> None:
    write_votes(_perfect(study), study.folder / "votes.csv")
    run_study(study)
    native = json.loads((study.folder / "labels.json").read_text())
    (tmp_path / "old.json").write_text(json.dumps({"labels": native["labels"]}))
    old = read_labels(tmp_path / "old.json", classes=Classes.from_names(NAMES))
    assert old.lists() == read_labels(study.folder / "labels.json").lists()


@pytest.mark.parametrize("form", ["native", "real-json", "by-file", "parquet"])
def test_forgotten_classes_are_those_that_the_labels_state(form: str, tmp_path: Path) -> None:
    names = ["dog", "ant", "cat", "bee"]
    label = np.arange(N) % 4
    ids = np.array([f"{n:03d}.jpg" for n in range(N)])
    original = _table(
        tmp_path / "labels.csv",
        [(i, names[k]) for i, k in zip(ids.tolist(), label.tolist(), strict=True)],
    )
    np.savez(tmp_path / "p.npz", classes=np.where(np.arange(N) < 4, 0, label)[:, None], ids=ids)
    path = tmp_path / ("l.parquet" if form == "parquet" else "l.json")
    lists = [[k] for k in label.tolist()]
    write_labels(
        LabelSets.from_lists("l", ids, lists, classes=Classes.from_names(names)), path, form
    )
    with collect_notes() as notes:
        target = sources.evaluation_target(path, original)
        found = target.predictions(tmp_path / "p.npz")
    (score,) = score_models(found, target.labels, target.benchmark)
    assert score.original is not None
    assert score.original.n_correct == score.real.n_correct == N - 3
    assert "no classes were given" in notes.texts[0]
    with collect_notes():
        compared = sources.reassessments([str(path), f"csv={original}"], original)
    assert compared.benchmark.classes.ids == tuple(names)
