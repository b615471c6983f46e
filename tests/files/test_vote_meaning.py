"""What a file of votes or gold means: which question, whose answer, which answer, and when."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import DataError, OptionError, ReassessError
from reassess.files import VOTE_FORMATS, read_gold, read_votes, write_votes
from reassess.files.artefacts import read_tasks
from reassess.files.label_studio import read_label_studio
from reassess.notes import collect_notes
from reassess.records import ANSWERS, Questions, Votes
from tests.study.small import make_study

from .test_votes import some_votes, triples, votes_of

HEADER = "image,label,rater,answer"
ROWS = [
    (f"i{image}.jpg", label, f"r{rater}", ("no", "yes")[(image + label * rater) % 2])
    for image in range(6)
    for label in (0, 1)
    for rater in range(5)
]
"""Sixty votes of five raters on twelve questions."""


def table(path: Path, header: str, rows: Any) -> Path:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def votes(tmp_path: Path) -> Votes:
    return read_votes(table(tmp_path / "plain.csv", HEADER, ROWS))


def read(path: Path, **more: Any) -> tuple[Votes, str]:
    """The votes, and what was noted."""
    with collect_notes() as notes:
        found = read_votes(path, **more)
    return found, "\n".join(notes.texts)


@pytest.mark.parametrize(
    ("header", "more", "says"),
    [
        ("task", lambda row: (int(row[0][1]) // 2,), "'task' was left aside"),
        ("item", lambda row: (f"{row[0]}/{row[1]}",), "'item' was left aside"),
        ("question", lambda _: ("Do you see it?",), "'question' was left aside"),
        ("id", lambda row: (hash(row),), ""),
        ("vote", lambda row: (row[3],), ""),
        ("filename", lambda row: (f"below/{row[0]}",), ""),
    ],
)  # fmt: skip
def test_image_and_class_name_a_question_whatever_stands_beside(
    header: str, more: Any, says: str, votes: Votes, tmp_path: Path
) -> None:
    path = table(tmp_path / "v.csv", f"{HEADER},{header}", [row + more(row) for row in ROWS])
    found, notes = read(path)
    assert triples(found) == triples(votes)
    assert says in notes
    gold, notes = read(table(tmp_path / "g.csv", f"{HEADER},{header}".replace("rater", "expert"),
                             [row + more(row) for row in ROWS]))  # fmt: skip
    assert triples(gold) == triples(votes)


@pytest.mark.parametrize(
    ("header", "cells", "says"),
    [
        # The same image and class in several tasks: is the question the task?
        (f"{HEADER},task", "{0},{1},{2},{3},{n}", r"row 2 and row 3 .* differ in 'task'"),
        # A task that holds several images or classes: is it a screen?
        ("task,worker,label,image", "{1},{2},{3},{0}", "differ in 'image'"),
        ("task,worker,answer,label", "{0},{2},{3},{1}", "differ in 'label'"),
        # A task that numbers the rows.
        ("task,worker,label,image", "{n},{2},{3},{0}", "another in each of the 60 rows"),
        ("task,item,worker,label", "{0},{0}x,{2},{3}", "could both be the task"),
        (f"{HEADER},annotator", "{0},{1},{2},{3},x", "could both be the rater"),
        (f"{HEADER},response", "{0},{1},{2},{3},yes", "could both be the answer"),
        (f"{HEADER},filename", "{0},{1},{2},{3},other.jpg", "could both be the image"),
        (f"{HEADER},category", "{0},{1},{2},{3},3", "could both be the label"),
        (f"{HEADER},class_id", "{0},{1},{2},{3},3", "an id one class"),
    ],
)
def test_columns_that_could_play_one_part_are_refused(
    header: str, cells: str, says: str, tmp_path: Path
) -> None:
    rows = [cells.format(*row, n=n).split(",") for n, row in enumerate(ROWS)]
    path = table(tmp_path / "v.csv", header, rows)
    with pytest.raises(ReassessError, match=says) as caught:
        read_votes(path)
    assert str(path) in str(caught.value)


def test_a_task_that_names_a_question_may_have_its_image_beside(tmp_path: Path) -> None:
    rows = [(f"{row[0]}:{row[1]}", row[2], row[3], row[0]) for row in ROWS]
    found, notes = read(table(tmp_path / "v.csv", "task,worker,label,image", rows))
    assert len(found.questions) == 12
    assert "a question is a task (column 'task'); 'image' was left aside" in notes


@pytest.mark.parametrize("spelt", [("True", "False"), ("1", "0"), ("yes", "NO"), ("t", "f")])
def test_votes_that_do_not_count_are_left_out(
    spelt: tuple[str, str], votes: Votes, tmp_path: Path
) -> None:
    """As `votes export --include-uncounted` writes them: a correction replaces an answer."""
    rows = [(*row, spelt[0]) for row in ROWS] + [(*row[:3], "maybe", spelt[1]) for row in ROWS[:7]]
    path = table(tmp_path / "all.csv", f"{HEADER},counted", rows)
    found, notes = read(path)
    assert triples(found) == triples(votes)
    assert "7 of 67 votes are left out" in notes
    path = table(path, f"{HEADER},counted", [*rows[:3], (*ROWS[4], 3)])
    with pytest.raises(DataError, match=r"'counted': row 5 is '3', but must be true or false"):
        read_votes(path)
    with pytest.raises(DataError, match="0 of 60 votes count"), collect_notes():
        read_votes(table(path, f"{HEADER},counted", [(*row, spelt[1]) for row in ROWS]))


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_a_vote_that_stands_twice_counts_once(suffix: str, votes: Votes, tmp_path: Path) -> None:
    path = tmp_path / f"v{suffix}"
    write_votes(votes, path)
    if suffix == ".json":
        path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    elif suffix == ".csv":
        path.write_text(path.read_text() + "\n".join(path.read_text().split("\n")[1:]))
    else:
        once = pa.parquet.read_table(path)
        pa.parquet.write_table(pa.concat_tables([once, once]), path)
    found, notes = read(path)
    assert triples(found) == triples(votes)
    assert "60 of 120 rows repeat a vote" in notes
    with collect_notes() as notes_of_gold:
        assert triples(read_gold(path).votes) == triples(votes)
    assert "60 votes" in notes_of_gold.texts[0]


def test_two_answers_of_a_rater_to_one_question_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "v.csv", HEADER, [*ROWS, (*ROWS[3][:3], "maybe")])
    for one in (read_votes, read_gold):
        with pytest.raises(DataError, match=r"rater 'r3' .*'i0.jpg:0' .* row 5 .* row 62.*counted"):
            one(path)
    # Where a task is no pair there may be several answers, as in published crowdsourcing data …
    tasks = [(f"{row[0]}/{row[1]}", row[2], row[3]) for row in ROWS]
    path = table(path, "task,worker,label", [*tasks, (*tasks[3][:2], "maybe")])
    found, notes = read(path)
    assert len(found) == 61
    assert "row 5" in notes
    # … but not everywhere: then the task is a screen.
    path = table(path, "task,worker,label", [(row[0], row[2], row[3]) for row in ROWS])
    with pytest.raises(DataError, match="not, say, screens of several"), collect_notes():
        read_votes(path)


def test_a_dense_archive_counts_on_purpose(tmp_path: Path) -> None:
    tensor = np.zeros((2, 1, 3), int)
    tensor[0, 0] = [2, 0, 1]
    tensor[1, 0] = [0, 0, 1]
    np.savez(tmp_path / "v.npz", tensor=tensor, info=[["a.jpg", "3"]], ids=["ann", "bob"])
    votes = read_votes(tmp_path / "v.npz")
    assert len(votes) == 4
    with pytest.raises(DataError, match=r"rater 'ann' .* more than once.*dense archive"):
        write_votes(votes, tmp_path / "v.csv")


def test_a_header_in_the_middle_is_refused(tmp_path: Path) -> None:
    rows = [*ROWS[:30], tuple(HEADER.split(",")), *ROWS[30:]]
    path = table(tmp_path / "v.csv", HEADER, rows)
    with pytest.raises(DataError, match="row 32 holds names of columns"):
        read_votes(path)


@pytest.mark.parametrize(
    "declared",
    [["nein", "vielleicht", "ja"], ["Nein", "JA"], {"ja": "yes", "nein": "no"}],
)
def test_answers_in_other_words_are_no_maybe_and_yes(
    declared: Any, votes: Votes, tmp_path: Path
) -> None:
    words = {"no": "nein", "yes": "Ja"}
    path = table(tmp_path / "v.csv", HEADER, [(*row[:3], words[row[3]]) for row in ROWS])
    with pytest.raises(DataError, match=r"'Ja' \(30\).*must be|must be.*'Ja' \(30\)") as caught:
        read_votes(path)
    assert "--answers ja=yes,nein=no" in str(caught.value)
    found, _ = read(path, answers=declared)
    assert found.answers == ANSWERS
    assert triples(found) == triples(votes)
    with collect_notes():
        assert triples(read_gold(path, answers=declared).votes) == triples(votes)


@pytest.mark.parametrize(
    ("codes", "declared", "outcome"),
    [
        ((0, 2), None, "0=no,1=maybe,2=yes"),
        ((0, 1), None, "0=no,1=maybe,2=yes or --answers 0=no,1=yes"),
        ((1, 3), None, "1=no,2=maybe,3=yes"),
        ((0, 2), ["no", "maybe", "yes"], None),
        ((0, 1), ["no", "yes"], None),
        (("0.0", "2.0"), ["no", "maybe", "yes"], None),
        ((2, 0), ["yes", "maybe", "no"], None),
        ((1, 3), ["no", "maybe", "yes"], None),
        ((1, 2), ["no", "maybe", "yes"], "count from 0 or from 1"),
        ((7, 9), {"7": "no", "9": "yes"}, None),
        ((0, 5), ["no", "maybe", "yes"], "'5', but an answer must be one of no, maybe, yes"),
        (("ja", "nein"), ["yes", "vielleicht", "no"], "out of place"),
    ],
)
def test_codes_are_read_where_what_they_mean_is_certain(
    codes: tuple[object, object], declared: Any, outcome: str | None, votes: Votes, tmp_path: Path
) -> None:
    rows = [(*row[:3], codes[row[3] == "yes"]) for row in ROWS]
    path = table(tmp_path / "v.csv", HEADER, rows)
    if outcome is None:
        assert triples(read(path, answers=declared)[0]) == triples(votes)
        return
    with pytest.raises(DataError) as caught:
        read_votes(path, answers=declared)
    assert outcome in str(caught.value)


def test_gold_of_two_codes_is_not_taken_for_no_and_maybe(tmp_path: Path) -> None:
    path = table(tmp_path / "g.csv", HEADER, [(*row[:3], int(row[3] == "yes")) for row in ROWS])
    with pytest.raises(DataError, match=r"row 2 is '0'.*--answers 0=no,1=yes"):
        read_gold(path)
    with collect_notes():
        path = table(path, HEADER, [(*row[:3], 2 * (row[3] == "yes")) for row in ROWS])
        assert triples(read_gold(path).votes) == triples(read_votes(path, answers=ANSWERS))


def test_a_misspelt_answer_is_not_a_further_one(tmp_path: Path) -> None:
    path = table(tmp_path / "v.csv", HEADER, [*ROWS, ("z.jpg", 0, "r0", "yse")])
    with pytest.raises(DataError, match=r"row 62 is 'yse'.*1 of 61 rows.*Did you mean 'yes'"):
        read_votes(path)
    many = [(f"q{n}", f"r{n % 3}", ("wolf", "bear")[n % 2]) for n in range(600)]
    path = table(path, "task,worker,label", [*many, ("q0", "r9", "wofl")])
    with pytest.raises(DataError, match=r"row 602 is 'wofl'.*mean 'wolf'"):
        read_votes(path)
    assert read_votes(path, answers=["bear", "wofl", "wolf"]).answers == ("bear", "wofl", "wolf")
    rare = table(path, "task,worker,label", [*many, ("q0", "r9", "otter")])
    assert set(read_votes(rare).answers) == {"bear", "otter", "wolf"}


@pytest.mark.parametrize("answers", [["no"], ["no", "No"], {"ja": "yeah"}, {"": "no"}])
def test_answers_are_declared_once_each(answers: Any, tmp_path: Path) -> None:
    path = table(tmp_path / "v.csv", HEADER, ROWS)
    with pytest.raises(OptionError, match="--answers"):
        read_votes(path, answers=answers)


@pytest.mark.parametrize(
    "spelt",
    [
        lambda n, name: name + " " * (n % 2),
        lambda n, name: ("\u00a0" + name) if n % 2 else name,
        lambda n, name: ("\u00e9", "e\u0301")[n % 2] + name,
        lambda n, name: name[1:] + (".0" if n % 2 else ""),
        lambda n, name: name if name == "r4" else name[1:] + (".0" if n % 2 else ""),
    ],
)
def test_raters_are_one_however_they_are_spelt(spelt: Any, tmp_path: Path) -> None:
    rows = [(*row[:2], spelt(n, row[2]), row[3]) for n, row in enumerate(ROWS)]
    found, notes = read(table(tmp_path / "v.csv", HEADER, rows))
    assert len(found.rater_ids) == 5
    assert len(found) == 60
    assert notes


def test_raters_that_may_be_one_are_refused_or_noted(tmp_path: Path) -> None:
    rows = [(*row[:2], "0" * (n % 2) + row[2][1:], row[3]) for n, row in enumerate(ROWS)]
    with pytest.raises(DataError, match="are the same number"):
        read_votes(table(tmp_path / "v.csv", HEADER, rows))
    rows = [(*row[:2], row[2].upper() if n % 2 else row[2], row[3]) for n, row in enumerate(ROWS)]
    assert "differ by case only" in read(table(tmp_path / "v.csv", HEADER, rows))[1]


TEN = np.datetime64("2025-12-31T10:00:00.000")


@pytest.mark.parametrize(
    "text",
    [
        "2025-12-31T10:00:00Z", "2025-12-31 10:00", "2025-12-31 10:00:00 UTC",
        "2025-12-31T10:00:00.0001", "2025-12-31 12:00:00 +0200", "2025-12-31T04:30:00-05:30",
        "1767175200", "1767175200000", "1767175200.0", "1767175200000000",
    ],
)  # fmt: skip
def test_times_are_read_in_utc(text: str, tmp_path: Path) -> None:
    path = table(tmp_path / "v.csv", f"{HEADER},given_at", [(*row, text) for row in ROWS[:2]])
    found, notes = read(path)
    assert found.given_at is not None
    assert found.given_at.tolist() == [TEN.item()] * 2
    assert ("since 1970" in notes) == text.startswith("17")


@pytest.mark.parametrize(
    "text",
    [
        "20251231", "-5", "0", "now", "today", "31.12.2025", "2025-02-30", "2025-12-31T25:00",
        "2025-12-31 10:00 CET", "2025-12-31T10:00:00+25:00", "1969-12-31", "3025-12-31", "12:30",
        "1767175200000000000000", "noon",
    ],
)  # fmt: skip
def test_what_is_no_time_for_certain_is_refused_with_its_row(text: str, tmp_path: Path) -> None:
    rows = [(*ROWS[0], "2025-12-31" if text == "2025-02-30" else ""), (*ROWS[1], text)]
    path = table(tmp_path / "v.csv", f"{HEADER},given_at", rows)
    with pytest.raises(DataError, match=r"column 'given_at': row 3 is '.*must be a time"):
        read_votes(path)


def test_a_column_of_numbers_has_one_unit(tmp_path: Path) -> None:
    rows = [(*ROWS[0], "1767175200"), (*ROWS[1], "1767175200000")]
    with pytest.raises(DataError, match=r"row 3 is '1767175200000'"):
        read_votes(table(tmp_path / "v.csv", f"{HEADER},given_at", rows))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([TEN.item()] * 2, pa.timestamp("us")),
        ([TEN.item()] * 2, pa.timestamp("ms", tz="Europe/Berlin")),
        ([1_767_175_200_000_000_123] * 2, pa.timestamp("ns")),
        ([TEN.item()] * 2, pa.date32()),
        ([1_767_175_200] * 2, pa.int64()),
    ],
)
def test_times_that_parquet_stores(values: Any, kind: Any, tmp_path: Path) -> None:
    image, label, rater, answer = zip(*ROWS[:2], strict=True)
    stored = {"image": image, "label": label, "rater": rater, "answer": answer}
    pa.parquet.write_table(
        pa.table(stored | {"given_at": pa.array(values, kind)}), tmp_path / "v.parquet"
    )
    found, _ = read(tmp_path / "v.parquet")
    assert found.given_at is not None
    midnight = TEN.astype("datetime64[D]").astype("datetime64[ms]")
    assert found.given_at[0] == (midnight if kind == pa.date32() else TEN)


FLAT = {
    "image": "/data/local-files/?d=a%20b.jpg", "label": 0, "class": "cat", "class_id": "n0",
    "answer": "yes", "id": 5, "annotator": 1, "annotation_id": 7,
    "created_at": "2025-12-31T10:00:00.000000Z",
    "updated_at": "2026-01-01T10:00:00Z", "lead_time": 2.5,
}  # fmt: skip


@pytest.mark.parametrize("form", ["json", "csv", "tsv"])
def test_what_label_studio_exports_flat_is_read(form: str, tmp_path: Path) -> None:
    """JSON_MIN, CSV and TSV: one object or row an annotation; unannotated tasks hold no vote."""
    rows = [
        FLAT,
        {**FLAT, "annotator": 2, "answer": "No"},
        {**FLAT, "label": 1, "class_id": "n1"},
        FLAT,
    ]
    empty = {"image": FLAT["image"], "label": 2, "class": "dog", "id": 6}
    path = tmp_path / f"export.{form}"
    if form == "json":
        path.write_text(json.dumps([*rows, empty]))
    else:
        comma = "," if form == "csv" else "\t"
        lines = [FLAT, *([one.get(key, "") for key in FLAT] for one in [*rows, empty])]
        path.write_text("\n".join(comma.join(map(str, line)) for line in lines))
    found, notes = read(path)
    assert triples(found) == {
        ("a b.jpg:0", "1", "yes"): 1, ("a b.jpg:0", "2", "no"): 1, ("a b.jpg:1", "1", "yes"): 1,
    }  # fmt: skip
    assert found.questions.require_pairs().class_ids == ("n0", "n1")
    assert found.given_at is not None
    assert set(found.given_at.tolist()) == {TEN.item()}
    assert "1 of 4 rows repeat a vote" in notes


def test_other_exports_of_label_studio_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    for content, says in [
        (
            [{"id": 1, "data": {"image": "i0.jpg", "label": 0}, "completions": []}],
            "before version 1",
        ),
        ([{"image": "i0.jpg", "label": 0, "predictions": [{}]}], "predictions, which are no votes"),
        ([{"text": "some"}], "neither 'annotations', as JSON has, nor 'annotator', as JSON_MIN"),
        ([{**FLAT, "answer": ""}], r"the choice 'answer' is \[\]"),
        ([FLAT, {**FLAT, "answer": "no"}], r"task\[0\] and 'no' in task\[1\]"),
    ]:
        path.write_text(json.dumps(content))
        with pytest.raises(DataError, match=says):
            read_label_studio(path)


def test_a_user_of_label_studio_is_one_rater_by_number_and_by_address(tmp_path: Path) -> None:
    def annotated(label: int, who: Any) -> dict[str, Any]:
        chosen = [{"from_name": "answer", "value": {"choices": ["yes"]}}]
        return {"data": {"image": "a.jpg", "label": label},
                "annotations": [{"completed_by": who, "result": chosen}]}  # fmt: skip

    (tmp_path / "v.json").write_text(
        json.dumps([annotated(0, 1), annotated(1, {"id": 1, "email": "ann@example.org"})])
    )
    assert read_votes(tmp_path / "v.json").rater_ids.tolist() == ["ann@example.org"]


@pytest.mark.usefixtures("study")
def test_own_words_lead_to_labels(cli: Any) -> None:
    for name in ("votes", "gold"):
        german = Path(f"{name}.csv").read_text()
        for ours, theirs in (("yes", "ja"), ("maybe", "vielleicht"), ("no\n", "nein\n")):
            german = german.replace(f",{ours}", f",{theirs}")
        Path(f"{name}-german.csv").write_text(german)
    Path("votes-german.csv").rename("german.csv")
    found = []
    for name, gold, more in (
        ("votes.csv", "gold.csv", ()),
        ("german.csv", "gold-german.csv", ("--answers", "nein,vielleicht,ja")),
    ):
        done = cli("aggregate", name, *more, "-o", "p.npz")
        assert done.status == 0, done.err
        about = ("--original-labels", "labels.csv", "--gold", gold, *more)
        done = cli("label", "p.npz", *about, "-o", "l.json")
        assert done.status == 0, done.err
        labels = json.loads(Path("l.json").read_text())
        done = cli("ranks", "preds.npz", "--labels", "l.json", "--votes", name, *about,
                   "--resamples", "40", "--json")  # fmt: skip
        assert done.status == 0, done.err
        models = json.loads(done.out)["models"]
        found.append((labels["labels"], labels["operating_point"], models))
    assert found[0] == found[1]
    done = cli("aggregate", "german.csv", "-o", "p.npz")
    assert done.status == 2
    assert "--answers ja=yes,nein=no,vielleicht=maybe" in done.err
    done = cli("aggregate", "german.csv", "--answers", "nein=no,ja", "-o", "p.npz")
    assert "each word must have one meaning" in done.err


def test_every_door_reads_the_same_votes(cli: Any, tmp_path: Path) -> None:
    """A file with all that is left out or counted once: `votes import`, a study and Python."""
    pytest.importorskip("sqlalchemy")
    study = make_study(tmp_path)
    asked = read_tasks(study.folder / "tasks.parquet").questions.require_pairs()
    images = asked.image_ids[asked.image]
    rows = [
        (image, label, f"r{rater} ", ("nein", "ja")[(n + rater) % 2], "yes", n)
        for n, (image, label) in enumerate(zip(images, asked.label.tolist(), strict=True))
        for rater in range(2)
    ]
    rows += [rows[0], (*rows[1][:3], "ja", "no", 0)]
    path = table(tmp_path / "v.csv", f"{HEADER},counted,item", rows)
    meaning = {"nein": "no", "ja": "yes"}
    typed = ("--answers", "nein=no,ja=yes")
    done = cli("votes", "import", study.folder, path, *typed)
    assert done.status == 0, done.err
    assert f"{2 * len(asked):,} new votes" in done.out
    assert "repeat a vote" in done.err
    assert cli("votes", "export", study.folder).status == 0
    found, notes = read(path, answers=meaning)
    assert "1 of" in notes
    by_name = read_votes(study.folder / "votes.csv")
    assert triples(by_name) == triples(found)
    made = []
    for source, more in ((path, typed), (study.folder / "votes.csv", ())):
        done = cli("aggregate", source, *more, "--json", "-o", tmp_path / "p.npz")
        assert done.status == 0, done.err
        made.append({k: v for k, v in json.loads(done.out).items() if k.startswith("n_")})
    assert made[0] == made[1]


@given(
    drawn=some_votes(),
    known=st.booleans(),
    named=st.booleans(),
    name=st.sampled_from([(one, end) for one, f in VOTE_FORMATS.items() for end in f.endings]),
    expert=st.booleans(),
)
def test_what_is_written_is_read_by_every_reader(
    drawn: Any, known: bool, named: bool, name: tuple[str, str], expert: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    """Votes and gold through every format: questions, class ids, raters, answers and times."""
    votes = votes_of(drawn)
    class_ids = ("n2", "n0", "n3", "n1")
    if named:
        pairs = replace(votes.questions.require_pairs(), class_ids=class_ids)
        votes = replace(votes, questions=Questions.from_pairs(pairs))
    if known:
        times = np.datetime64("2026-01-01", "ms") + np.arange(len(votes)) * 61_007
        times[1:][votes.rater[1:] == 0] = np.datetime64("NaT")
        votes = replace(votes, given_at=times, seconds=np.arange(len(votes)) / 4)
    form, ending = name
    path = tmp_path_factory.mktemp("votes") / f"v{ending}"
    write_votes(votes, path, form)
    found = read_gold(path, form=form).votes if expert else read_votes(path, form=form)
    assert triples(found) == triples(votes)
    assert set(found.questions.ids.tolist()) == set(votes.questions.ids.tolist())
    if named and "class_ids" in VOTE_FORMATS[form].holds:
        pairs = found.questions.require_pairs()
        assert pairs.class_ids is not None
        assert all(pairs.class_ids[k] == class_ids[k] for k in set(pairs.label.tolist()))
    if "given_at" in VOTE_FORMATS[form].holds:
        assert _known(found) == _known(votes)


def _known(votes: Votes) -> set[tuple[str, ...]]:
    """What is known of each vote, as texts."""
    given_at = votes.given_at if votes.given_at is not None else [""] * len(votes)
    seconds = votes.seconds if votes.seconds is not None else [""] * len(votes)
    return {
        (str(votes.questions.ids[q]), str(votes.rater_ids[r]), str(at), str(took))
        for q, r, at, took in zip(votes.question, votes.rater, given_at, seconds, strict=True)
    }


def test_votes_in_a_workbook_or_with_semicolons_are_read(votes: Votes, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [HEADER.split(","), *ROWS]:
        book.active.append(row)
    book.save(tmp_path / "v.xlsx")
    text = table(tmp_path / "v.csv", HEADER, ROWS).read_text()
    (tmp_path / "v.txt").write_text(text.replace(",", ";"), encoding="utf-16")
    for name in ("v.xlsx", "v.txt"):
        assert triples(read(tmp_path / name)[0]) == triples(votes)
    with pytest.raises(OptionError, match=r"'\.xlsx', but must be one of \.csv"):
        write_votes(votes, tmp_path / "w.xlsx")


def test_images_that_may_be_one_are_noted(tmp_path: Path) -> None:
    """As where one of two exports has bare file names: later stages refuse to align such ids."""
    rows = [(f"cat/{row[0]}" if n % 2 else row[0], *row[1:]) for n, row in enumerate(ROWS)]
    found, notes = read(table(tmp_path / "v.csv", HEADER, rows))
    assert len(found.questions) == 24
    assert "images 'i0.jpg' and 'cat/i0.jpg' may be the same" in notes


def test_words_are_no_codes() -> None:
    """In a process of its own, as here types are checked before the record is made."""
    make = "from reassess.records import Votes; import numpy as np; Votes.from_columns"
    for columns, says in (
        ("task=['q'], rater=['a'], answer=np.array(['yes'])", "answer[0] is 'yes', but must be"),
        ("image=['i'], label=np.array(['cat']), rater=['a'], answer=np.array([2])",
         "class[0] is 'cat', but must be an integer"),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", f"{make}({columns})"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"DataError: votes: {says}" in done.stderr
