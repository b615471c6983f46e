"""Formats of votes: one table, and what is added to it is offered everywhere."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reassess.errors import DataError, OptionError
from reassess.files import VOTE_FORMATS, VoteFormat, read_posterior, read_votes, write_votes
from reassess.files.artefacts import read_tasks
from reassess.files.vote_tables import Part
from reassess.notes import collect_notes
from reassess.records import ANSWERS, Classes, Votes
from tests.study.small import make_study

from .test_votes import triples

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from("xyz"), st.integers(0, 2)),
    min_size=1,
    max_size=9,
)


def read_toy(path: Path, *, classes: Classes | None, answers: Sequence[str] | None) -> Votes:
    assert classes is None or len(classes) > 0
    assert answers is None or len(answers) > 1
    rows = [line.split("|") for line in path.read_text().splitlines()]
    return Votes.from_columns(
        image=[row[0] for row in rows],
        label=np.array([int(row[1]) for row in rows]),
        rater=[row[2] for row in rows],
        answer=np.array([ANSWERS.index(row[3]) for row in rows]),
    )


def write_toy(
    parts: Iterable[Part], path: Path, *, classes: Classes | None, answers: Sequence[str]
) -> int:
    assert classes is None or len(classes) > 0
    lines = [
        "|".join((image, str(label), rater, answers[answer]))
        for part in parts
        for image, label, rater, answer in zip(
            *(part[name].tolist() for name in ("image", "label", "rater", "answer")), strict=True
        )
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return len(lines)


@pytest.fixture
def toy() -> Iterator[VoteFormat]:
    """A format of one line a vote, as somebody's own tool may write it."""
    yield VOTE_FORMATS.register(
        VoteFormat("toy", (".toy",), read_toy, write_toy, "bars between (.toy)")
    )
    VOTE_FORMATS.unregister("toy")


@pytest.mark.usefixtures("toy", "study")
def test_a_format_that_is_registered_is_read_by_every_command(cli: Any) -> None:
    for command in ("export", "import"):
        assert "toy: bars between (.toy)" in " ".join(cli("votes", command, "--help").out.split())
    write_votes(read_votes("votes.csv"), "votes.toy")
    assert triples(read_votes("votes.toy")) == triples(read_votes("votes.csv"))
    found = []
    for source in ("votes.csv", "votes.toy"):
        done = cli("aggregate", source, "-o", f"{source}.npz")
        assert done.status == 0, done.err
        found.append(read_posterior(f"{source}.npz"))
    assert np.array_equal(found[0].log_probability, found[1].log_probability)


@pytest.mark.usefixtures("toy")
def test_a_study_takes_and_gives_votes_in_a_format_that_is_registered(
    cli: Any, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy")
    study = make_study(tmp_path)
    asked = read_tasks(study.folder / "tasks.parquet").questions
    n = len(asked)
    votes = Votes(
        asked, np.array(["ann"]), ANSWERS, np.arange(n), np.zeros(n, int), np.arange(n) % 3
    )
    write_votes(votes, tmp_path / "in.toy")
    for act, name in (("import", "in.toy"), ("export", "out.toy")):
        done = cli("votes", act, study.folder, tmp_path / name, "--format", "toy")
        assert done.status == 0, done.err
    assert triples(read_votes(tmp_path / "out.toy")) == triples(votes)


def test_the_part_of_a_file_that_the_study_asks_about_is_taken(cli: Any, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    study = make_study(tmp_path)
    asked = read_tasks(study.folder / "tasks.parquet").questions
    pairs = asked.pairs
    assert pairs is not None
    image, label = str(pairs.image_ids[pairs.image[0]]), int(pairs.label[0])
    rows = [(image, label), ("c0/practice.jpg", 3), ("elsewhere.jpg", 0)]
    text = "image,label,rater,answer\n" + "".join(f"{i},{k},ann,yes\n" for i, k in rows)
    (tmp_path / "v.csv").write_text(text)
    refused = cli("votes", "import", study.folder, tmp_path / "v.csv")
    assert (refused.status, "(--only-asked)" in refused.err) == (2, True), refused.err
    done = cli("votes", "import", study.folder, tmp_path / "v.csv", "--only-asked")
    assert done.status == 0, done.err
    assert "2 of 3 votes are on questions that the study does not ask" in done.err
    assert done.out.startswith("1 new votes of 1 in")
    (tmp_path / "v.csv").write_text(text.replace(image, "nowhere.jpg"))
    done = cli("votes", "import", study.folder, tmp_path / "v.csv", "--only-asked")
    assert done.status == 2
    assert "0 of 3 votes are on questions of the study" in done.err


@pytest.mark.usefixtures("study")
def test_a_format_that_is_not_registered_is_refused_with_those_that_come_near(cli: Any) -> None:
    done = cli("votes", "export", "s", "v.csv", "--format", "log")
    assert done.status == 2
    assert "Did you mean 'long'?" in done.err
    votes = read_votes("votes.csv")
    for act in (
        lambda: write_votes(votes, "v.csv", "crowdkit"),
        lambda: read_votes("votes.csv", form="crowdkit"),
    ):
        with pytest.raises(OptionError, match=r"'crowdkit', but must be .*mean 'crowd-kit'"):
            act()
    with pytest.raises(OptionError, match=r"'\.csv', but must be one of \.npz for the format real"):
        write_votes(votes, "v.csv", "real-npz")
    with pytest.raises(OptionError, match=r"'\.xlsx', but must be one of \.csv, \.tsv"):
        write_votes(votes, "v.xlsx")


@given(rows=ROWS, known=st.booleans(), as_task=st.booleans())
def test_votes_from_columns_are_the_rows_by_question(
    rows: list[tuple[str, int, str, int]], known: bool, as_task: bool
) -> None:
    image, label, rater, answer = (list(column) for column in zip(*rows, strict=True))
    about: dict[str, Any] = {"image": image, "label": np.array(label)}
    if as_task:
        about = {"task": [f"{i}:{k}" for i, k in zip(image, label, strict=True)]}
    seconds = np.arange(len(rows), dtype=float) if known else np.full(len(rows), np.nan)
    votes = Votes.from_columns(rater=rater, answer=np.array(answer), seconds=seconds, **about)
    pairs = votes.questions.require_pairs()
    seen = list(dict.fromkeys((i, k) for i, k, _, _ in rows))
    assert list(zip(pairs.image_ids[pairs.image], pairs.label, strict=True)) == seen
    by_question = sorted(range(len(rows)), key=lambda row: seen.index(rows[row][:2]))
    assert triples(votes) == triples(votes.take(np.arange(len(votes))))
    assert [rows[row][2:] for row in by_question] == list(
        zip(votes.rater_ids[votes.rater].tolist(), votes.answer.tolist(), strict=True)
    )
    assert (None if votes.seconds is None else votes.seconds.tolist()) == (
        by_question if known else None
    )


def test_what_a_format_cannot_say_is_refused(tmp_path: Path) -> None:
    other = Votes.from_columns(
        task=["why", "how"], rater=["ann", "bob"], answer=np.array([0, 1]), answers=("cat", "dog")
    )
    for name, one in VOTE_FORMATS.items():
        path = tmp_path / f"v{one.endings[0]}"
        if "task" in one.holds:
            write_votes(other, path, name)
            assert triples(read_votes(path)) == triples(other)
        else:
            with pytest.raises(DataError, match="holds pairs only"):
                write_votes(other, path, name)
    pairs = Votes.from_columns(
        task=["a:1", "b:2"], rater=["ann", "bob"], answer=np.array([0, 1]), answers=("cat", "dog")
    )
    with pytest.raises(DataError, match=r"answers are cat, dog, but must be no, maybe, yes"):
        write_votes(pairs, tmp_path / "v.json")


def test_a_duration_may_be_missing_but_must_be_a_number(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text("image,label,rater,answer,seconds\na,0,ann,yes,1.5\na,0,bob,no,\n")
    seconds = read_votes(path).seconds
    assert seconds is not None
    np.testing.assert_array_equal(seconds, [1.5, np.nan])
    with path.open("a", newline="") as file:
        csv.writer(file).writerow(["a", 0, "cy", "no", "soon"])
    with pytest.raises(DataError, match=r"'seconds': row 4 is 'soon', but must be"):
        read_votes(path)


def test_other_layouts_say_when_who_and_how_long(tmp_path: Path) -> None:
    """MTurk's Pacific time is put into UTC; rows of messages are those of the file."""
    path = tmp_path / "batch.csv"
    head = "HITId,WorkerId,AssignmentStatus,SubmitTime,WorkTimeInSeconds,Input.picture,Answer.kind"
    rows = [
        "h1,A1,Rejected,Mon Sep 23 09:17:18 PDT 2019,9,a.png,cat",
        "h1,A2,Approved,Mon Sep 23 09:17:18 PDT 2019,18,a.png,cat",
        "h2,A2,Submitted,Tue Dec 24 23:30:00 PST 2019,7.5,b.png,dog",
    ]
    path.write_text("\n".join([head, *rows]))
    with collect_notes() as notes:
        votes = read_votes(path)
    assert sorted(triples(votes)) == [("a.png", "A2", "cat"), ("b.png", "A2", "dog")]
    assert votes.seconds.tolist() == [18, 7.5]
    assert votes.given_at.astype("M8[s]").astype(str).tolist() == [
        "2019-09-23T16:17:18", "2019-12-25T07:30:00",
    ]  # fmt: skip
    assert any("a question is what 'Input.picture' holds" in text for text in notes.texts)
    path.write_text("\n".join([head, *rows]).replace("7.5", "soon"))
    with collect_notes(), pytest.raises(DataError, match="row 4 is 'soon'"):
        read_votes(path)


CELLS = st.lists(st.tuples(*[st.sampled_from(["", "0", "1", "2.0"])] * 3), min_size=1, max_size=6)


@given(cells=CELLS)
def test_a_wide_table_is_its_long_one(
    cells: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = [set(column) - {""} for column in zip(*cells, strict=True)]
    assume({"0", "1"} <= set[str]().union(*words))
    for n, own in enumerate(words):
        assume(not own or own & set[str]().union(*words[:n], *words[n + 1 :]))
    folder = tmp_path_factory.mktemp("w")
    wide = ["task,ann,bob,cid", *(f"t{n},{','.join(row)}" for n, row in enumerate(cells))]
    long = ["task,worker,label"] + [
        f"t{n},{rater},{cell}" for n, row in enumerate(cells)
        for rater, cell in zip(("ann", "bob", "cid"), row, strict=True) if cell
    ]  # fmt: skip
    (folder / "w.csv").write_text("\n".join(wide))
    (folder / "l.csv").write_text("\n".join(long).replace("2.0", "2"))
    with collect_notes():
        one, other = read_votes(folder / "w.csv"), read_votes(folder / "l.csv")
    assert triples(one) == triples(other)
    assert one.answers == other.answers
