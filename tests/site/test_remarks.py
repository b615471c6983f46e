"""What raters wrote: out of the store with the classes that it names, and into new questions."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from reassess import rating
from reassess.files.artefacts import read_tasks
from reassess.files.remarks import read_remarks
from reassess.records import Classes, Pairs
from reassess.site import open_rating, sync
from reassess.site.remarks import class_by_word, classes_named
from tests.conftest import Ran
from tests.study.small import make_study

CLASSES = Classes(
    ("n1", "n2", "n3", "n4"),
    ("tabby, tabby cat", "crane", "crane", "park bench"),
    ("", "bird", "machine", "bench; garden seat"),
    ("", "", "", ""),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a Tabby!", (0,)), ("two tabbies", ()), ("benches", ()), ("a bench and a bird", (3, 1)),
        ("crane", ()), ("machine; the garden seat", (2, 3)), ("tabby cat, tabby", (0,)),
        ("purple walrus", ()), ("", ()), ("two birds", (1,)),
    ],
)  # fmt: skip
def test_a_text_names_classes_by_their_unique_words(text: str, found: tuple[int, ...]):
    assert classes_named(text, class_by_word(CLASSES)) == found


def named(pairs: Pairs) -> set[tuple[str, int]]:
    return set(zip(pairs.image_ids[pairs.image].tolist(), pairs.label.tolist(), strict=True))


def test_what_raters_wrote_becomes_a_table_and_then_questions(
    tmp_path: Path, cli: Callable[..., Ran]
):
    study = make_study(tmp_path, top=300)
    store = open_rating(study, create=True)
    with store:
        assert cli("votes", "export", str(study.folder), "--remarks").status == 2  # nothing yet
        asked = sync(study, store).benchmark.classes
        assert asked is not None
        person = rating.accept_invitation(store, rating.invite(store, "rita")).number
        before = read_tasks(study.folder / "tasks.parquet").pairs
        known = set(
            zip(before.image_ids[before.image].tolist(), before.label.tolist(), strict=True)
        )
        task = rating.next_task(store, person)
        assert isinstance(task, rating.TaskLease)
        new = next(k for k in range(len(asked)) if (task.image_id, k) not in known)
        for key, text in (("a", f"a {asked.names[new]}, and a purple walrus"), ("b", "=1+1")):
            given = tuple(rating.Answer(one.question, 0) for one in task.questions)
            rating.submit(
                store, person, rating.Submission(task.lease, key, given, something_else=text)
            )
        done = cli("votes", "export", str(study.folder), "--remarks")
    assert done.status == 0, done.err
    assert 'remarks = "remarks.csv" under [propose]' in done.err
    table = study.folder / "remarks.csv"
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [(row["image"], row["label"], row["rater"]) for row in rows] == [
        (task.image_id, asked.ids[new], "rita"), (task.image_id, "", "rita"),
    ]  # fmt: skip
    pairs = read_remarks(table, classes=asked)
    assert (pairs.image_ids[pairs.image].tolist(), pairs.label.tolist()) == ([task.image_id], [new])
    proposed = cli("propose", str(study.folder), "--remarks", str(table))
    assert proposed.status == 0, proposed.err
    after = read_tasks(study.folder / "tasks.parquet").pairs
    assert named(after) - known == {(task.image_id, new)}
    assert 'remarks = "remarks.csv"' in (study.folder / "study.toml").read_text()
