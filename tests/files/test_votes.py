"""Votes, gold and posteriors: what is written is read again, and both layouts say the same."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.errors import DataError, ReassessError
from reassess.files import read_gold, read_posterior, read_votes, write_posterior, write_votes
from reassess.files.cells import EMPTY_WORDS
from reassess.notes import NoteWarning, collect_notes
from reassess.records import ANSWERS, Pairs, Posterior, Questions, Votes
from reassess.records.benchmark import plain_text

NAMES = (
    st.text(
        st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=8
    )
    .map(plain_text)
    .filter(lambda name: name and name not in EMPTY_WORDS)
)


def triples(votes: Votes) -> Counter[tuple[str, str, str]]:
    """What the votes say, whatever the order of their codes."""
    return Counter(
        zip(
            votes.questions.ids[votes.question].tolist(),
            votes.rater_ids[votes.rater].tolist(),
            np.array(votes.answers)[votes.answer].tolist(),
            strict=True,
        )
    )


@st.composite
def some_votes(draw: st.DrawFn, *, repeats: bool = False) -> tuple[Any, ...]:
    """Votes on pairs with odd names; where asked for, some rater answers a question twice."""
    images = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    raters = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold))
    raters = [f"{name}." for name in raters]
    cell = st.tuples(st.integers(0, len(images) - 1), st.integers(0, 3))
    pairs = draw(st.lists(cell, min_size=1, max_size=6, unique=True))
    vote = st.tuples(
        st.integers(0, len(pairs) - 1), st.integers(0, len(raters) - 1), st.integers(0, 2)
    )
    rows = draw(st.lists(vote, max_size=12))
    rows += [(q, q % len(raters), 0) for q in range(len(pairs))]
    rows += [(0, r, 2) for r in range(len(raters))]
    if not repeats:
        rows = list({(q, r): (q, r, a) for q, r, a in rows}.values())
    return images, raters, pairs, rows


def votes_of(drawn: tuple[Any, ...]) -> Votes:
    images, raters, pairs, rows = drawn
    image, label = (np.array(column) for column in zip(*pairs, strict=True))
    question, rater, answer = (np.array(column) for column in zip(*rows, strict=True))
    questions = Questions.from_pairs(Pairs(np.array(images), image, label))
    return Votes(questions, np.array(raters), ANSWERS, question, rater, answer)


def test_the_long_and_the_dense_layout_say_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tensor = np.eye(3)[rng.integers(0, 3, size=(4, 5))]
    tensor[1:, 1:] *= rng.integers(0, 2, size=(3, 4, 1))
    info = np.array([["été 1.jpg", "3"], ["été 1.jpg", "12"], ["b:2", "0"], ["c", "7"], ["d", "3"]])
    lines = [
        f"{info[q, 0]},{info[q, 1]},{10 + r},{ANSWERS[a]}"
        for r, q, a in np.argwhere(tensor).tolist()
    ]
    rng.shuffle(lines)
    (tmp_path / "v.csv").write_bytes(
        ("\ufeffimage,label,rater,answer\r\n" + "\r\n".join(lines)).encode()
    )
    tasks = [line.split(",") for line in lines]
    (tmp_path / "t.csv").write_text(
        "Worker , TASK,label\n" + "".join(f"{r},{i}:{c},{a.upper()}\n" for i, c, r, a in tasks)
    )
    np.savez_compressed(tmp_path / "v.npz", tensor=tensor, info=info, ids=np.arange(10, 14))
    as_bytes = np.strings.encode(info, "utf-8")
    np.savez(tmp_path / "b.npz", tensor=tensor.astype("i1"), info=as_bytes, ids=np.arange(10, 14))
    expected = Counter[tuple[str, str, str]]()
    for i, c, r, a in tasks:
        expected[f"{i}:{c}", r, a] += 1
    for name in ("v.csv", "t.csv", "v.npz", "b.npz"):
        votes = read_votes(tmp_path / name)
        assert triples(votes) == expected, name
        assert votes.questions.pairs is not None
        assert dict(zip(votes.questions.ids, votes.questions.pairs.label, strict=True)) == {
            f"{i}:{c}": int(c) for i, c in info
        }


@pytest.mark.parametrize(
    "header", ["task,worker,label", "question,annotator,answer", "item,rater_id,vote"]
)
def test_aliases_and_answers_of_other_kinds(header: str, tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text(f"{header}\nq1,ann,10\nq1,bob,9\nq2,ann,9\n")
    votes = read_votes(path)
    assert votes.answers == ("9", "10"), "codes are ordered as numbers"
    assert triples(votes) == {("q1", "ann", "10"): 1, ("q1", "bob", "9"): 1, ("q2", "ann", "9"): 1}
    assert votes.questions.pairs is None
    path.write_text(f"{header}\nq1,ann,2\nq1,bob,0\n")
    declared = read_votes(path, answers=["cat", "dog", "eel"])
    assert triples(declared) == {("q1", "ann", "eel"): 1, ("q1", "bob", "cat"): 1}


def test_gold_needs_the_three_answers(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text(
        "image,label,expert,answer\na,0,x,Yes\na,0,y,no\na,0,z, yes\nb,1,x,maybe\nb,1,y,yes\n"
    )
    with pytest.warns(NoteWarning, match="'answer' have blanks"):
        gold = read_gold(path)
    assert gold.truth().tolist() == [True, False], "more than half: 2 of 3, and not 1 of 2"
    assert gold.truth(1).tolist() == [True, True]
    assert gold.share_of_yes().tolist() == [2 / 3, 1 / 2]
    path.write_text("image,label,expert,answer\na,0,x,5\n")
    with pytest.raises(DataError, match=r"row 2 is '5'.*no, maybe, yes"):
        read_gold(path)


@given(drawn=some_votes(), seed=st.integers(0, 99), full=st.booleans(), pairs=st.booleans())
def test_a_posterior_is_read_as_it_was_written(
    drawn: Any, seed: int, full: bool, pairs: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    votes = votes_of(drawn)
    rng = np.random.default_rng(seed)
    n_questions, n_raters = len(votes.questions), len(votes.rater_ids)
    more: dict[str, Any] = {}
    if full:
        more = {
            "confusion": rng.dirichlet(np.ones(3), (n_raters, 2)), "prior": np.array([0.2, 0.8]),
            "log_likelihood": (-3.0, -2.5), "objective": (-4.0, -3.5), "converged": False,
            "votes_sha256": "ab" * 32, "gold_sha256": "cd" * 32,
        }  # fmt: skip
    questions = votes.questions if pairs else Questions(votes.questions.ids, None)
    log_probability = np.log(rng.dirichlet(np.ones(2), n_questions))
    log_probability[0] = [0.0, -np.inf]
    written = Posterior(
        questions, ("absent", "present"), log_probability, "m", ANSWERS, votes.rater_ids, **more
    )
    path = tmp_path_factory.mktemp("posterior") / "p.npz"
    write_posterior(written, path)
    first = path.read_bytes()
    read = read_posterior(path)
    for name in ("states", "method", "answers", "log_likelihood", "objective", "converged"):
        assert getattr(read, name) == getattr(written, name)
    assert (read.votes_sha256, read.gold_sha256) == (written.votes_sha256, written.gold_sha256)
    for name in ("log_probability", "rater_ids", "confusion", "prior"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    assert read.questions.ids.tolist() == questions.ids.tolist()
    write_posterior(read, path)
    assert path.read_bytes() == first


def dense_meaning(path: Path, *, is_large: bool) -> tuple[Any, ...]:
    """All that is read of a dense archive, some at a time or whole; or the refusal."""
    with pytest.MonkeyPatch.context() as patch, collect_notes() as notes:
        patch.setattr("reassess.files.dense_questions.SMALLEST", 0 if is_large else 1 << 18)
        if is_large:
            patch.setattr("reassess.files.dense_questions._QUESTIONS_AT_ONCE", 2)
            patch.setattr("reassess.files.dense_votes._CELLS_AT_ONCE", 7)
        try:
            votes = read_votes(path)
        except ReassessError as error:
            return type(error), str(error)
    pairs = votes.questions.require_pairs()
    return (
        votes.questions.ids.tolist(), pairs.image_ids.tolist(), pairs.class_ids,
        votes.rater_ids.tolist(), votes.question.tolist(), votes.rater.tolist(),
        votes.answer.tolist(), notes.texts,
    )  # fmt: skip


@settings(max_examples=40)
@given(drawn=some_votes(repeats=True))
def test_a_large_dense_archive_is_read_as_a_small_one(
    drawn: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    votes, path = votes_of(drawn), tmp_path_factory.mktemp("dense") / "v.npz"
    write_votes(votes, path)
    found = dense_meaning(path, is_large=True)
    assert found == dense_meaning(path, is_large=False)
    assert triples(read_votes(path)) == triples(votes)


@pytest.mark.parametrize(
    "info",
    [
        [[" a", "0"], ["b", "1"]], [["u\u0308", "0"], ["b", "1"]], [["", "0"], ["b", "1"]],
        [["a", "01"], ["a", "1"]], [["a", "x"], ["b", "1"]], [["a", "1"], ["a", "1"]],
        [["a", " 1"], ["b", "1"]], [["a", "-1"], ["b", "1"]], [["a", "1", ""], ["b", "1", ""]],
    ],
)  # fmt: skip
@pytest.mark.parametrize("counts", [[1, 1], [1, 0]])
def test_a_large_dense_archive_is_refused_as_a_small_one(
    info: list[list[str]], counts: list[int], tmp_path: Path
) -> None:
    tensor = np.zeros((1, 2, 3), int)
    tensor[0, :, 2] = counts
    np.savez(tmp_path / "v.npz", tensor=tensor, info=info, ids=["ann"])
    found = dense_meaning(tmp_path / "v.npz", is_large=True)
    assert found == dense_meaning(tmp_path / "v.npz", is_large=False)
    if counts[1] == 0:
        assert issubclass(found[0], ReassessError)


def test_votes_on_images_of_many_lengths_are_written_densely(tmp_path: Path) -> None:
    images = np.array(["a", "b" * 40], np.dtypes.StringDType())
    pairs = Pairs.of_distinct(images, np.array([0, 1]), np.array([3, 4]))
    votes = Votes(
        Questions.from_pairs(pairs), np.array(["x"]), ANSWERS, np.array([0, 1]), np.array([0, 0]),
        np.array([2, 0]),
    )  # fmt: skip
    write_votes(votes, tmp_path / "v.npz")
    assert triples(read_votes(tmp_path / "v.npz")) == triples(votes)
