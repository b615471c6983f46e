"""Large tables of votes are read through Arrow, and mean what they mean cell by cell."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.errors import ReassessError
from reassess.files import arrow_votes, read_posterior, read_votes, write_posterior
from reassess.notes import collect_notes
from reassess.records import Classes, Pairs, Posterior, Questions, Votes
from reassess.records.arrays import TextBytes

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("numba")

Columns = dict[str, list[Any]]


def columns(**other: Any) -> Columns:
    """Votes of three raters on four questions, by question; with columns changed or added."""
    image = ["a.jpg", "a.jpg", "dir/b.jpg", "c.jpg"]
    found: Columns = {
        "image": [one for one in image for _ in range(3)],
        "label": [one for one in ("3", "1", "3", "0") for _ in range(3)],
        "rater": ["ann", "ben", "cid"] * 4,
        "answer": ["yes", "no", "maybe", "no", "no", "yes"] * 2,
    }
    return found | {
        name: column(found) if callable(column) else column for name, column in other.items()
    }


def put(name: str, **cells: Any) -> Callable[[Columns], list[Any]]:
    """A column with other cells in some rows, ``r3="x"`` in the fourth."""
    return lambda found: [cells.get(f"r{row}", cell) for row, cell in enumerate(found[name])]


def meaning(path: Any, **more: Any) -> tuple[Any, ...]:
    """All that is read of a file or frame, with its notes; or the refusal."""
    with collect_notes() as notes:
        try:
            votes = read_votes(path, **more)
        except ReassessError as error:
            return type(error), str(error)
    pairs = votes.questions.pairs
    about = () if pairs is None else (
        pairs.image_ids.tolist(), pairs.image.tolist(), pairs.label.tolist(), pairs.class_ids
    )  # fmt: skip
    return (
        votes.questions.ids.tolist(), about, votes.rater_ids.tolist(), votes.answers,
        votes.question.tolist(), votes.rater.tolist(), votes.answer.tolist(),
        [str(one) for one in (votes.given_at if votes.given_at is not None else ())],
        None if votes.seconds is None else np.nan_to_num(votes.seconds, nan=-1).tolist(),
        votes.sha256, notes.texts, notes.columns,
    )  # fmt: skip


def check_same(path: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> bool:
    """Compare what both readers say of a file; whether Arrow's read it to the end."""
    expected = meaning(path, **more)
    read = []
    through_arrow = arrow_votes.read_arrow_votes
    with monkeypatch.context() as patch:
        patch.setattr(arrow_votes, "SMALLEST", 0)
        patch.setattr(
            "reassess.files.votes.read_arrow_votes",
            lambda *given: read.append(through_arrow(*given)) or read[-1],
        )
        assert meaning(path, **more) == expected
    return any(one is not None for one in read)


INDICES = ["n03", "n01", "n03", "n00"]
CLASSES = Classes.from_names([f"n0{i}" for i in range(5)])
USUAL: dict[str, tuple[Columns, dict[str, Any]]] = {
    "as it is": (columns(), {}),
    "integers": (columns(label=lambda c: list(map(int, c["label"]))), {}),
    "integers as images": (columns(image=lambda c: [len(one) for one in c["image"]]), {}),
    "names of classes": (
        columns(label=lambda c: [f"n0{x}" for x in c["label"]]),
        {"classes": CLASSES},
    ),
    "ids beside indices": (columns(class_id=lambda c: [f"n0{one}" for one in c["label"]]), {}),
    "other words": (
        columns(
            answer=lambda c: [{"no": "nein", "yes": "ja", "maybe": "na ja"}[a] for a in c["answer"]]
        ),
        {"answers": ["nein", "na ja", "ja"]},
    ),
    "not ASCII": (
        columns(image=put("image", r3="\u00fc.jpg"), rater=put("rater", r0="J\u00f6rg")),
        {},
    ),
    "raters as numbers": (columns(rater=["1.0", "2", "3"] * 2 + ["1", "2", "3"] * 2), {}),
    "a vote twice": (columns(rater=put("rater", r4="ann"), answer=put("answer", r4="no")), {}),
    "a vote twice, far apart": (
        columns(
            **{
                name: put(name, r10=value)
                for name, value in (
                    ("image", "a.jpg"),
                    ("label", "3"),
                    ("rater", "ann"),
                    ("answer", "yes"),
                )
            }
        ),
        {},
    ),
    "two answers, far apart": (
        columns(
            **{
                name: put(name, r10=value)
                for name, value in (
                    ("image", "a.jpg"),
                    ("label", "3"),
                    ("rater", "ann"),
                    ("answer", "no"),
                )
            }
        ),
        {},
    ),
    "two answers": (columns(rater=put("rater", r1="ann")), {}),
    "an image that ends another": (columns(image=put("image", r11="b.jpg")), {}),
    "a column beside": (columns(note=["x"] * 12), {}),
    "two columns for the image": (columns(filename=lambda c: c["image"]), {}),
    "the file beside the path": (
        columns(filename=lambda c: [f"photos/{one}" for one in c["image"]]),
        {},
    ),
    "two columns for the rater": (columns(worker=lambda c: c["rater"]), {}),
    "a task beside": (columns(task=[str(i // 3) for i in range(12)]), {}),
    "all rows count": (columns(counted=["true"] * 12), {}),
    "rows that do not count": (columns(counted=["true"] * 5 + ["False"] + ["TRUE"] * 6), {}),
    "a question none of which counts": (columns(counted=["1"] * 3 + ["0"] * 3 + ["1"] * 6), {}),
    "a rater none of whom counts": (columns(counted=["t", "f", "t"] * 4), {}),
    "an answer that does not count": (
        columns(answer=put("answer", r5="jes"), counted=["true"] * 5 + ["false"] + ["true"] * 6),
        {},
    ),
    "an answer again, the first of which does not count": (
        columns(rater=put("rater", r4="ann"), counted=["true"] * 3 + ["false"] + ["true"] * 8),
        {},
    ),
    "times": (columns(given_at=["2026-01-31T12:00:00Z"] * 12), {}),
    "times and none": (
        columns(given_at=[f"2026-01-31T12:00:{i:02}.125Z" if i % 5 else "" for i in range(12)]),
        {},
    ),
    "no times": (columns(given_at=[""] * 12), {}),
    "times of two forms": (columns(given_at=["2026-01-31T12:00:00Z", "2026-01-31"] * 6), {}),
    "times with an offset": (columns(given_at=["2026-01-31T12:00:00+02:00"] * 12), {}),
    "numbers as times": (columns(given_at=["1769860800"] * 12), {}),
    "seconds": (columns(seconds=["1.5", "0", "12"] * 4), {}),
    "seconds and none": (columns(seconds=["1.5", "", "1e2"] * 4), {}),
    "all that is exported": (
        columns(
            class_id=lambda c: [f"n0{one}" for one in c["label"]],
            given_at=[f"2026-01-31T12:00:{i:02}.125Z" for i in range(12)],
            seconds=[f"{i}.25" for i in range(12)],
            counted=["true"] * 4 + ["false"] * 2 + ["true"] * 6,
        ),
        {},
    ),
}


def tasks(**other: Any) -> Columns:
    """Votes of three raters on four tasks, by task, with any answers."""
    found: Columns = {
        "task": [one for one in ("t1", "t22", "x/t3.0", "t4") for _ in range(3)],
        "worker": ["ann", "ben", "cid"] * 4,
        "label": ["cat", "dog", "cat", "eel", "cat", "dog"] * 2,
    }
    return found | {
        name: column(found) if callable(column) else column for name, column in other.items()
    }


PAIRS = [one for one in ("a.jpg:3", "b:c.jpg:10", "ü d/a.jpg:3", "a.jpg:0") for _ in range(3)]
OURS = ["yes", "no", "maybe"] * 4
USUAL |= {
    "tasks": (tasks(), {}),
    "tasks that are numbers": (tasks(task=[i // 3 for i in range(12)]), {}),
    "tasks that are long numbers": (tasks(task=[f"{i // 3:020}" for i in range(12)]), {}),
    "tasks by another name": ({"Question ID": PAIRS, "annotator": OURS[::-1], "vote": OURS}, {}),
    "tasks that are pairs": (tasks(task=PAIRS, label=OURS), {}),
    "tasks that are pairs, one not": (tasks(task=[*PAIRS[:-1], "why"]), {}),
    "tasks that are pairs, with other answers": (tasks(task=PAIRS), {}),
    "tasks that are pairs, with ours in other words": (
        tasks(task=PAIRS), {"answers": ["eel", "cat", "dog"]},
    ),
    "tasks with declared answers": (tasks(), {"answers": ["dog", "cat", "eel", "fox"]}),
    "tasks with codes": (
        tasks(label=["1", "2", "3"] * 4), {"answers": ["dog", "cat", "eel"]},
    ),
    "tasks in any order": (
        {name: [*column[::2], *column[1::2]] for name, column in tasks().items()}, {},
    ),
    "two columns for the task": (tasks(question=lambda c: c["task"]), {}),
    "two columns for the answer of a task": (tasks(category=lambda c: c["label"]), {}),
    "a number of the row beside tasks": (tasks(id=[str(i) for i in range(12)]), {}),
    "tasks that do not count": (
        tasks(
            counted=["true"] * 3 + ["false"] * 3 + ["true"] * 6,
            given_at=[f"2026-01-31T12:00:{i:02}Z" for i in range(12)], seconds=["1.5"] * 12,
        ), {},
    ),
    "a vote on a task twice": (tasks(worker=put("worker", r2="ann")), {}),
    "images that differ by case": (columns(image=put("image", r11="A.jpg")), {}),
    "images that differ by blanks": (
        columns(image=put("image", r10="a  b.jpg", r11="a b.jpg")), {},
    ),
    "images that differ by a backslash": (
        columns(image=put("image", r10="d/e.jpg", r11="d\\e.jpg")), {},
    ),
    "images that differ by a width": (
        columns(image=put("image", r10="a.jpg", r11="\uff41.jpg")), {},
    ),
    "images in other cases at other places": (columns(image=put("image", r11="jA.jpg")), {}),
}  # fmt: skip
USUAL |= {
    "an image beside tasks": (tasks(image=lambda c: [f"{one}.jpg" for one in c["task"]]), {}),
    "answers in the column beside": (tasks(vote=OURS, label=OURS), {}),
    "ids of the classes of tasks": (
        tasks(task=PAIRS, label=OURS, class_id=[f"n{one.rpartition(':')[2]}" for one in PAIRS]),
        {},
    ),
}
USUAL |= {
    "blanks around an image": (columns(image=put("image", r2=" a.jpg")), {}),
    "blanks around all images": (columns(image=lambda c: [f"{one} " for one in c["image"]]), {}),
    "blanks around a rater": (columns(rater=put("rater", r3="ann ", r7="\u3000ben")), {}),
    "blanks around an answer": (columns(answer=put("answer", r7=" no", r9="yes\u00a0")), {}),
    "blanks around a class": (
        columns(label=lambda c: [f" n0{x}" for x in c["label"]]), {"classes": CLASSES},
    ),
    "blanks around a task": (tasks(task=put("task", r3="1 ", r5=" 2")), {}),
    "blanks in all columns": (
        columns(**{name: put(name, r2=f" {word}", r8=f"{word}\t") for name, word in (
            ("image", "a.jpg"), ("rater", "cid"), ("answer", "yes"))}), {},
    ),
    "another Unicode form": (columns(image=put("image", r2="u\u0308.jpg", r9="\u00fc.jpg")), {}),
    "another form, blanks and marks": (
        columns(
            rater=put("rater", r2=" u\u0308 ", r4="\ufeffben", r8="cid\u200b"),
            image=put("image", r1="\u00fc.jpg", r3="u\u0308.jpg "),
        ), {},
    ),
}  # fmt: skip
READ = [case for case in USUAL if case not in {"two answers", "two answers, far apart"}]
UNUSUAL: dict[str, tuple[Columns, dict[str, Any]]] = {
    "an empty image": (columns(image=put("image", r7="")), {}),
    "an image that stands for an empty one": (columns(image=put("image", r7="NaN")), {}),
    "blanks where a second column stands": (
        columns(image=put("image", r2=" a.jpg"), filename=lambda c: c["image"]), {},
    ),
    "blanks where rows may not count": (
        columns(image=put("image", r2=" a.jpg"), counted=["true"] * 11 + ["false"]), {},
    ),
    "nothing but blanks": (columns(rater=put("rater", r2="  ")), {}),
    "a control character": (columns(image=put("image", r2="a\tb.jpg")), {}),
    "a zero byte in an image": (columns(image=put("image", r2="a.jpg\0")), {}),
    "a zero byte in a rater": (columns(rater=put("rater", r2="c\0id")), {}),
    "a null": (columns(answer=put("answer", r5=None)), {}),
    "no answer": (columns(answer=put("answer", r5="jes")), {}),
    "no class": (columns(label=put("label", r5="-1")), {}),
    "a class written twice": (columns(label=put("label", r5="01")), {}),
    "a header again": (
        columns(rater=put("rater", r4="rater"), answer=put("answer", r4="answer")), {},
    ),
    "raters who may be one": (columns(rater=put("rater", r4="ANN")), {}),
    "raters of one number": (columns(rater=["1", "01", "2"] * 4), {}),
    "an id with two indices": (columns(class_id=["n01"] * 12), {}),
    "two columns for the image that differ": (columns(filename=put("image", r3="x.jpg")), {}),
    "two columns for the rater that differ": (columns(worker=put("rater", r3="x")), {}),
    "a task that tells apart": (columns(task=[str(i // 2) for i in range(12)]), {}),
    "no row counts": (columns(counted=["false"] * 12), {}),
    "neither counts nor does not": (columns(counted=["true"] * 11 + ["maybe"]), {}),
    "no time": (columns(given_at=["2026-13-31T12:00:00Z"] * 12), {}),
    "a time long ago": (columns(given_at=["1926-01-31T12:00:00Z"] * 12), {}),
    "seconds below 0": (columns(seconds=["1.5"] * 11 + ["-1"]), {}),
    "no seconds": (columns(seconds=["1.5"] * 11 + ["long"]), {}),
    "an unlikely way to write seconds": (columns(seconds=["1_0"] * 12), {}),
    "tasks that are pairs in two forms": (tasks(task=["a:1", "a:01", "b:2"] * 4, label=OURS), {}),
    "tasks that are one pair in two forms": (
        tasks(task=["a:1", "a:01", "b:2"] * 4, worker=[str(i) for i in range(12)], label=OURS), {},
    ),
    "tasks with a class too large": (tasks(task=["a:1", "a:99999999", "b:2"] * 4, label=OURS), {}),
    "tasks with digits of other scripts": (tasks(task=["a:1", "b:\u0663", "c:2"] * 4), {}),
    "tasks that are numbers with a fraction": (tasks(task=["1.0", "2.0", "3.5"] * 4), {}),
    "tasks that are whole numbers with a fraction": (tasks(task=["1.0", "2", "3"] * 4), {}),
    "an empty task": (tasks(task=[""] * 12), {}),
    "tasks beside images": (tasks(image=["a.jpg"] * 12), {}),
    "ids of classes beside tasks": (tasks(task=PAIRS, label=OURS, class_id=["n1"] * 12), {}),
    "further answers to a task": (
        tasks(task=[str(i // 2) for i in range(12)], worker=["ann", "ann", "ben"] * 4), {},
    ),
    "one answer for all tasks": (tasks(label=["cat"] * 12), {}),
    "a sign among answers": (tasks(label=[*"-x-x-x-y-y-y"]), {}),
    "integers that are ids, too": (columns(), {"classes": Classes.from_names(list("31024"))}),
}  # fmt: skip


@pytest.mark.parametrize("case", [*USUAL, *UNUSUAL])
def test_both_readers_say_the_same(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, more = (USUAL | UNUSUAL)[case]
    path = tmp_path / "votes.parquet"
    pq.write_table(pa.table(cells), path, row_group_size=5)
    assert check_same(path, monkeypatch, **more) or case not in READ
    path = tmp_path / "votes.csv"
    rows = [list(cells), *zip(*cells.values(), strict=True)]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), "utf-8")
    assert check_same(path, monkeypatch, **more) or case not in READ


@pytest.mark.parametrize(
    ("text", "is_usual"),
    [
        ('"image","label","rater","answer"\r\n"a,b.jpg","1","ann","yes"\r\n', True),
        ('image,label,rater,answer\n"a\nb.jpg",1,ann,yes\n', False),
        ('image,label,rater,answer\n"a""b.jpg",1,ann,yes\n', False),
        ('image,label,rater,answer\n"a"b.jpg,1,ann,yes\n', False),
        ('image,label,rater,answer\na"b.jpg,1,ann,yes\n', False),
        ("image,label,rater,answer\n\na.jpg,1,ann,yes\n\n", True),
        ("image,label,rater,answer\na.jpg,1,ann,yes\n,,,\n", False),
        ("image,label,rater,answer\na.jpg,1,ann,yes\nb.jpg,1,ann\n", False),
        ("\ufeffimage,label,rater,answer\ra.jpg,1,ann,yes", True),
        ("image;label;rater;answer\na,b.jpg;1;ann;yes\n", True),
        ("sep=;\nimage;label;rater;answer\na.jpg;1;ann;yes\n", False),
        ("image,label,rater,answer,,\na.jpg,1,ann,yes,,\n", True),
    ],
)
def test_a_text_is_parted_alike(
    text: str, is_usual: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(text.encode())
    assert check_same(path, monkeypatch) == is_usual


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_the_order_of_rows_and_the_size_of_batches_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, random: Any, batch: int
) -> None:
    rows = [
        (f"image {i}/{'x' * (i % 19)}.jpg", label, f"rater {r}", random.choice(["no", "yes"]))
        for i in range(12) for label in range(i % 4) for r in range(i % 3 + 1)
    ]  # fmt: skip
    if batch % 3 == 1:
        random.shuffle(rows)
    elif batch % 3 == 2:  # images in the order of their bytes, of which batches begin anywhere
        rows.sort()
    if batch % 4 == 3:  # the same images with blanks around them, or in another form
        ways = ("{}", " {}", "{}\t", "u\u0308{}", "\u00fc{}")
        rows = [
            (ways[3 + random.randrange(2)].format(image) if i % 2 else image, *rest)
            for i, (image, *rest) in enumerate(rows)
        ]
        rows = [(random.choice(ways[:3]).format(image), *rest) for image, *rest in rows]
    names = ("image", "label", "rater", "answer")
    path = tmp_path_factory.mktemp("votes") / "votes.parquet"
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    pq.write_table(table, path, row_group_size=7, use_dictionary=batch % 2 == 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reassess.files.parquet._ROWS_A_BATCH", batch)
        patch.setattr("reassess.files.interning._MANY", 2 if batch % 5 else 1 << 16)
        assert check_same(path, patch)


def test_ids_that_arrays_of_texts_would_make_one_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "votes.parquet"
    pq.write_table(pa.table(columns(image=put("image", r2="a.jpg\0"))), path)
    refusal = meaning(path)[1]
    assert "row 4, column 'image' is 'a.jpg\\x00', which holds a zero byte" in refusal


def test_texts_and_bytes_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = np.array(["a", "", "\u00fcber.jpg", "x" * 70, "b"])
    for width in (1, 1 << 26):
        monkeypatch.setattr("reassess.records.arrays._FIXED_WIDTH", width)
        again = TextBytes.of(texts).as_array()
        assert again.tolist() == texts.tolist()
        assert again.dtype.kind == ("T" if width == 1 else "U")


@pytest.mark.parametrize("image", [[0, 1, 1], [0, 1, 0], [1, 0, 0]])
@pytest.mark.parametrize("held", ["array", "bytes"])
def test_a_posterior_of_many_questions_is_read_as_it_was_written(
    image: list[int], held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reassess.records.arrays._FIXED_WIDTH", 1)
    monkeypatch.setattr("reassess.files.posteriors._LARGE", 1)
    texts = TextBytes.of(np.array(["a", "b/\u00fc"]))
    names = texts if held == "bytes" else texts.as_array()
    pairs = Pairs.of_distinct(names, np.array(image, np.int32), np.array([4, 300, 2], np.int32))
    questions, path = Questions.from_pairs(pairs), tmp_path / "posterior.npz"
    certain, likely = (0.0, -np.inf), (-np.log1p(np.exp(-40.0)), -40.0)
    for two in (np.log([[0.5, 0.5], [0.1, 0.9], [0.7, 0.3]]), [certain, certain[::-1], likely]):
        made = Posterior(questions, ("absent", "present"), np.array(two), "majority",
                         ("no", "yes"), np.array(["r"]))  # fmt: skip
        write_posterior(made, path)
        read = read_posterior(path)
        pairs = read.questions.require_pairs()
        assert pairs.image_ids.tolist() == ["a", "b/\u00fc"]
        assert pairs.image.tolist() == image
        assert pairs.label.tolist() == [4, 300, 2]
        assert np.allclose(read.log_probability, made.log_probability, rtol=1e-13, atol=0)
    three = Posterior(questions, ("x", "y", "z"), np.log(np.full((3, 3), 1 / 3)), "majority",
                      ("x", "y", "z"), np.array(["r"]))  # fmt: skip
    write_posterior(three, path)
    assert np.array_equal(read_posterior(path).log_probability, three.log_probability)


def test_votes_that_are_grouped_have_the_columns_of_others() -> None:
    made = Votes.from_columns(
        image=["a", "b", "a"], label=np.array([0, 1, 0]), rater=["x", "x", "y"],
        answer=np.array([0, 2, 1]),
    )  # fmt: skip
    indptr, code = made.grouped()
    again = Votes.from_grouped(
        questions=made.questions, rater_ids=made.rater_ids, answers=made.answers, indptr=indptr,
        code=code,
    )  # fmt: skip
    for name in ("question", "rater", "answer"):
        assert np.array_equal(getattr(again, name), getattr(made, name))
    assert again.counts().tolist() == made.counts().tolist() == [[1, 1, 0], [0, 0, 1]]
    assert again.per_rater().tolist() == [2, 1]
    assert len(again.take(np.array([0]))) == 1


def test_a_rare_word_near_a_frequent_one_is_refused_by_both_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = {
        "task": [str(i // 3) for i in range(330)], "worker": ["ann", "ben", "cid"] * 110,
        "label": ["house", "garden", "house"] * 109 + ["house", "garden", "hause"],
    }  # fmt: skip
    path = tmp_path / "votes.parquet"
    pq.write_table(pa.table(cells), path)
    assert not check_same(path, monkeypatch)
    assert "Did you mean 'house'" in meaning(path)[1]
