"""What a table means: the right number, or a refusal that names the cell; never another number.

A world – images, classes, what is true – is written down in one of the many ways in which people
and tools write it, sometimes with a fault, and read through the door that commands use. Whatever
is read must be the world; whatever is refused must say where. Files without a fault, whose
integers have one meaning, must be read.
"""

import csv
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from reassess import sources
from reassess.errors import ReassessError
from reassess.files import read_benchmark, read_classes, read_gold, read_labels, read_votes
from reassess.notes import collect_notes
from reassess.records import Benchmark, Classes
from reassess.scoring import original_labels, score_models

QUICK = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
CLASSES = [
    (["cat", "dog", "owl"], ["cat", "dog", "owl"]),
    (["n01", "n02", "n03", "n04"], ["Käfer", "dog house", "none", "NaN"]),
    (["2", "0", "1"], ["c", "a", "b"]),
    (["10", "11", "12"], ["ten", "eleven", "twelve"]),
    (["007", "008", "1e3"], ["x", "y", "z"]),
    (["1", "2", "3"], ["one", "two", "three"]),
]
"""Ids and names of classes; of some the ids look like numbers, or are those of other classes."""
IMAGES = ["a/1.jpg", "b/1.jpg", "c/ü.png", "photo 3.JPEG", "5", "deep/er/x.webp"]
KINDS = ["id", "name", "index"]
NO_CLASS = ["", "?", "1,000", "3e0", "-1", "99", "NaN", "no such class"]
LABEL_HEADS = ["label", "class", "category", "target", "Label", " LABEL "]
IMAGE_HEADS = ["image", "filename", "file", "image_id", "File Name", "path"]


@dataclass
class World:
    """What is true: the classes, and the class of each image.

    Attributes:
        ids: of the K classes.
        names: of the same.
        truth: class of each image of `IMAGES`.
    """

    ids: list[str]
    names: list[str]
    truth: list[int]

    def word(self, kind: str, label: int) -> str:
        """A class as a file writes it."""
        return {"id": self.ids[label], "name": self.names[label], "index": str(label)}[kind]

    def no_class(self, kind: str) -> list[str]:
        """Words that name no class among words of this kind."""
        return [word for word in NO_CLASS if kind != "name" or word not in self.names]

    def classes(self) -> Classes:
        """The classes as a record."""
        empty = ("",) * len(self.ids)
        return Classes(tuple(self.ids), tuple(self.names), empty, empty)

    def is_ambiguous(self, kind: str) -> bool:
        """Whether integers of this kind may be of the other, or a name is another's id."""
        integers = all(one.isdecimal() for one in self.ids)
        return kind != "name" and integers and self.ids != [str(k) for k in range(len(self.ids))]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    ids, names = draw(st.sampled_from(CLASSES))
    truth = draw(st.lists(st.integers(0, len(ids) - 1), min_size=len(IMAGES), max_size=len(IMAGES)))
    return World(ids, names, truth)


@dataclass
class Sheet:
    """A table to be written: its columns in order, and how.

    Attributes:
        columns: cells by name.
        form: of the file.
        blanks: whether blanks stand around the cells of texts.
        decomposed: whether letters are written in NFD.
    """

    columns: dict[str, list[Any]]
    form: str = "csv"
    blanks: bool = False
    decomposed: bool = False
    rows: list[int] = field(default_factory=list)

    def write(self, folder: Path, stem: str) -> Path:
        n_rows = len(next(iter(self.columns.values())))
        rows = self.rows or range(n_rows)
        columns = {
            name: [self._cell(cells[row]) for row in rows] for name, cells in self.columns.items()
        }
        suffix = {"semicolon": "csv", "sep": "csv", "utf-16": "csv", "tab": "tsv"}
        path = folder / f"{stem}.{suffix.get(self.form, self.form)}"
        if self.form == "parquet":
            pq.write_table(pa.table(columns), path)
            return path
        if self.form == "xlsx":
            book = openpyxl.Workbook()
            for row in (list(columns), *zip(*columns.values(), strict=True)):
                book.active.append(list(row))
            book.save(path)
            return path
        encoding = "utf-16" if self.form == "utf-16" else "utf-8"
        with path.open("w", newline="", encoding=encoding) as file:
            if self.form == "sep":
                file.write("sep=;\r\n")
            delimiter = {"semicolon": ";", "sep": ";", "tab": "\t"}.get(self.form, ",")
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return path

    def _cell(self, cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        text = unicodedata.normalize("NFD", cell) if self.decomposed else cell
        return f" {text} " if self.blanks and text else text


@st.composite
def sheets(draw: st.DrawFn, columns: dict[str, list[Any]]) -> Sheet:
    """The same cells: columns and rows in any order, further columns, any dialect."""
    n_rows = len(next(iter(columns.values())))
    more: dict[str, list[Any]] = {"split": ["val"] * n_rows, "width": list(range(n_rows))}
    extra = draw(st.lists(st.sampled_from(sorted(more)), unique=True))
    order = draw(st.permutations([*columns, *extra]))
    rows = draw(st.permutations(range(n_rows)))
    return Sheet(
        {name: (columns | more)[name] for name in order},
        draw(st.sampled_from(["csv", "semicolon", "sep", "tab", "utf-16", "parquet", "xlsx"])),
        draw(st.booleans()),
        draw(st.booleans()),
        list(rows),
    )


@contextmanager
def right_or_refused(
    path: Path, *, must_be_read: bool, where: str = r"row|column|cell|\[\d+"
) -> Iterator[None]:
    """Let a refusal pass that says where, if there may be one; anything else fails."""
    refusal = None
    try:
        with collect_notes():
            yield
    except ReassessError as error:
        refusal = str(error)
    if refusal is not None:
        assert path.name in refusal
        assert re.search(where, refusal), refusal
        assert not must_be_read, refusal


def plain(image: str) -> str:
    return unicodedata.normalize("NFC", image.strip())


@QUICK
@given(
    data=st.data(), world=worlds(), kind=st.sampled_from(["id", "name", "index"]),
    fault=st.sampled_from(["none", "cell", "second column", "row", "other row"]),
    known=st.booleans(),
)  # fmt: skip
def test_original_labels(
    data: st.DataObject, world: World, kind: str, fault: str, known: bool,
    tmp_path: Path,
) -> None:  # fmt: skip
    images, truth = list(IMAGES), list(world.truth)
    words: list[Any] = [world.word(kind, label) for label in truth]
    heads = LABEL_HEADS + {"id": ["class_id", "wnid"], "index": ["class_index"], "name": []}[kind]
    image_head, head = data.draw(st.sampled_from(IMAGE_HEADS)), data.draw(st.sampled_from(heads))
    columns = {image_head: images, head: words}
    place = data.draw(st.integers(0, len(images) - 1))
    if fault == "cell":
        words[place] = data.draw(st.sampled_from(world.no_class(kind)))
    elif fault == "second column":
        free = [one for one in ("label", "class", "category") if one not in columns]
        other = [world.word(kind, (label + 1) % len(world.ids)) for label in truth]
        # Of the ids "2", "0", "1" the next one is the index of the class itself.
        assume(other not in ([world.word(one, label) for label in truth] for one in KINDS))
        columns[free[0]] = other
    elif fault in {"row", "other row"}:
        step = 0 if fault == "row" else 1
        images.append(images[place])
        words.append(world.word(kind, (truth[place] + step) % len(world.ids)))
    sheet = data.draw(sheets(columns))
    classes = None
    if known:
        order = data.draw(st.permutations(range(len(world.ids))))
        table = {
            "index": [str(k) for k in order],
            "id": [world.ids[k] for k in order],
            "name": [world.names[k] for k in order],
        }
        classes = read_classes(Sheet(table).write(tmp_path, "classes"))
        assert list(classes.ids) == world.ids
    path = sheet.write(tmp_path, "labels")
    clear = fault == "none" and not (known and world.is_ambiguous(kind))
    named = clear and (known or kind == "index" or not any(map(_is_numeric, words)))
    with right_or_refused(path, must_be_read=named and not any(map(_is_empty_word, words))):
        found = read_benchmark(path, classes=classes)
        assert fault in {"none", "cell"}, "a fault was not seen"
        assert found.original is not None
        labels = found.original.tolist()
        by_image = dict(zip(map(plain, found.image_ids.tolist()), labels, strict=True))
        for n, image in enumerate(IMAGES):
            if fault == "cell" and n == place:
                continue
            label, word = by_image[image], world.word(kind, truth[n])
            if known:
                assert label == truth[n]
            elif found.classes is None:  # integers, of which only the order is known
                assert label == int(word)
            else:
                assert found.classes.ids[label] == word
        if fault == "cell":
            assert not known, "a word that is no class was taken for one"


def _is_numeric(word: str) -> bool:
    return re.fullmatch(r"[\d.,e+-]+", word) is not None


def _is_empty_word(word: str) -> bool:
    return word.lower() in {"none", "nan"}


@QUICK
@given(
    data=st.data(), world=worlds(), kind=st.sampled_from(["id", "name", "index"]),
    fault=st.sampled_from(["none", "cell", "second column", "twice"]),
    form=st.sampled_from(["table", "json", "records"]),
)  # fmt: skip
def test_reassessed_labels(
    data: st.DataObject, world: World, kind: str, fault: str, form: str, tmp_path: Path
) -> None:
    """Sets of labels: several rows an image, none, or one."""
    n_classes = len(world.ids)
    one_set = st.sets(st.integers(0, n_classes - 1), max_size=n_classes)
    meant = [data.draw(one_set) for _ in IMAGES]
    meant[0] |= {0}
    rows = [
        (image, world.word(kind, label))
        for image, labels in zip(IMAGES, meant, strict=True)
        for label in sorted(labels)
    ]
    place = data.draw(st.integers(0, len(rows) - 1))
    if fault == "cell":
        word = data.draw(st.sampled_from([w for w in NO_CLASS if w.strip() and w != "NaN"]))
        rows[place] = (rows[place][0], word)
    elif fault == "twice":
        rows.append(rows[place])
    path = _labels_file(data, world, kind, fault, form, rows, meant, tmp_path)
    clear = fault == "none" and not world.is_ambiguous(kind)
    with right_or_refused(path, must_be_read=clear, where=r"row|column|cell|\[\d+|image '|field"):
        found = read_labels(path, classes=world.classes())
        by_image = {
            plain(image): set(labels)
            for image, labels in zip(found.image_ids.tolist(), found.lists(), strict=True)
        }
        for image, labels in zip(IMAGES, meant, strict=True):
            assert by_image.get(image, set()) == labels, fault
        assert fault in {"none", "twice"}, "a fault was not seen"


def _labels_file(
    data: st.DataObject, world: World, kind: str, fault: str, form: str,
    rows: list[tuple[str, str]], meant: list[set[int]], folder: Path,
) -> Path:  # fmt: skip
    """The sets in one of their forms; images without a label have an empty one where they can."""
    empty = [image for image, labels in zip(IMAGES, meant, strict=True) if not labels]
    if form == "table":
        rows = [*rows, *((image, "") for image in empty)]
        head = data.draw(st.sampled_from(["label", "class"]))
        columns: dict[str, list[Any]] = {
            data.draw(st.sampled_from(IMAGE_HEADS)): [image for image, _ in rows],
            head: [word for _, word in rows],
        }
        if fault == "second column":
            other = next(one for one in ("class", "label") if one != head)
            columns[other] = [world.ids[(len(word) + 1) % len(world.ids)] for _, word in rows]
            columns[other][0] = "another"
        return data.draw(sheets(columns)).write(folder, "labels")
    # Integers in JSON are class indices, texts are ids or names.
    cells: list[tuple[str, Any]] = [
        (image, int(word) if kind == "index" and word.isdecimal() else word) for image, word in rows
    ]
    path = folder / "labels.json"
    if form == "records":
        records: list[dict[str, Any]] = [{"image": i, "label": word} for i, word in cells]
        records += [{"image": image, "label": []} for image in empty]
        if fault == "second column":
            records = [one | {"class": 0} for one in records]
        path.write_text(json.dumps(data.draw(st.permutations(records))))
        return path
    by_image: dict[str, list[Any]] = {image: [] for image in IMAGES}
    for image, word in cells:
        by_image[image].append(word)
    if fault == "second column":
        by_image[IMAGES[0]] = ["another"]
    path.write_text(json.dumps(by_image))
    return path


ANSWERS = ["no", "maybe", "yes"]


@QUICK
@given(
    data=st.data(), world=worlds(), kind=st.sampled_from(["id", "name", "index"]),
    fault=st.sampled_from(["none", "twice", "contradiction", "answer", "label", "task", "class"]),
    gold=st.booleans(),
)  # fmt: skip
def test_votes_and_gold(
    data: st.DataObject, world: World, kind: str, fault: str, gold: bool, tmp_path: Path
) -> None:
    pairs = [(n, label) for n in range(3) for label in range(len(world.ids))]
    raters = ["ann", "Bo b", "7"]
    rows = [(*pair, rater, data.draw(st.integers(0, 2))) for pair in pairs for rater in raters[:2]]
    meant = Counter((IMAGES[n], label, rater, ANSWERS[answer]) for n, label, rater, answer in rows)
    place = data.draw(st.integers(0, len(rows) - 1))
    if fault in {"twice", "contradiction"}:
        n, label, rater, answer = rows[place]
        rows.append((n, label, rater, (answer + (fault == "contradiction")) % 3))
    heads = [one for one in LABEL_HEADS if one != "target"]
    columns: dict[str, list[Any]] = {
        data.draw(st.sampled_from(IMAGE_HEADS)): [IMAGES[n] for n, *_ in rows],
        data.draw(st.sampled_from(heads)): [world.word(kind, label) for _, label, *_ in rows],
        data.draw(st.sampled_from(["rater", "worker", "annotator"])): [row[2] for row in rows],
        data.draw(st.sampled_from(["answer", "vote"])): [ANSWERS[row[3]] for row in rows],
    }
    names = list(columns)
    if fault == "answer":
        columns[names[3]][place] = data.draw(st.sampled_from(["ja", "2", "", "yess", "NaN"]))
    elif fault == "label":
        columns[names[1]][place] = data.draw(st.sampled_from(world.no_class(kind)))
    elif fault == "task":  # fewer questions than pairs of image and label
        columns["task"] = [f"q{n}" for n, *_ in rows]
    elif fault == "class":
        free = next(one for one in ("label", "class") if one not in names)
        columns[free] = [world.word(kind, (row[1] + 1) % len(world.ids)) for row in rows]
    path = data.draw(sheets(columns)).write(tmp_path, "votes")
    classes = world.classes()
    read: Callable[..., Any] = read_gold if gold else read_votes
    clear = fault in {"none", "twice"} and not world.is_ambiguous(kind)
    with right_or_refused(path, must_be_read=clear):
        found = read(path, classes=classes)
        votes = found.votes if gold else found
        pair = votes.questions.require_pairs("votes")
        image = np.vectorize(plain)(pair.image_ids)[pair.image[votes.question]].tolist()
        label = pair.label[votes.question].tolist()
        rater = votes.rater_ids[votes.rater].tolist()
        answer = [votes.answers[code] for code in votes.answer]
        assert Counter(zip(image, label, rater, answer, strict=True)) == meant, fault
        assert fault in {"none", "twice", "task"}, "a fault was not seen"


FORMS = ["index", "id", "lists", "columns", "ranked.npz", "logits.npz", "permuted.npz"]


@QUICK
@given(
    data=st.data(), world=worlds(), form=st.sampled_from(FORMS),
    fault=st.sampled_from(["none", "image twice", "image missing", "no class", "truth", "scores"]),
)  # fmt: skip
def test_predictions(
    data: st.DataObject, world: World, form: str, fault: str, tmp_path: Path
) -> None:
    n_classes, n_images = len(world.ids), len(IMAGES)
    classes = world.classes()
    benchmark = Benchmark(
        name="b", image_ids=np.array(IMAGES), original=np.array(world.truth), classes=classes
    )
    top = data.draw(st.lists(st.integers(0, n_classes - 1), min_size=n_images, max_size=n_images))
    ranked = [[label, (label + 1) % n_classes] for label in top]
    has_scores = form in {"logits.npz", "permuted.npz"}
    images, place = list(IMAGES), data.draw(st.integers(0, n_images - 1))
    if fault == "image twice":
        images[place] = images[(place + 1) % n_images]
    elif fault == "image missing":
        images[place] = "no such.jpg"
    elif fault == "no class" and not has_scores:
        ranked[place][0] = n_classes + 97  # nor is it the id of a class
    path = _predictions(data, world, form, fault, images, ranked, place, tmp_path)
    applies = {"no class": not has_scores, "scores": has_scores}.get(fault, True)
    clear = fault == "none" and not (form == "id" and world.is_ambiguous("id"))
    with right_or_refused(path, must_be_read=clear and form != "permuted.npz"):
        found = sources.predictions(path, benchmark)
        (score,) = score_models(found, original_labels(benchmark), benchmark)
        right = sum(one == label for one, label in zip(top, world.truth, strict=True))
        assert (score.original.n_correct, score.original.n_scored) == (right, n_images)
        assert fault in {"none", "truth"} or not applies, "a fault was not seen"


def _predictions(
    data: st.DataObject, world: World, form: str, fault: str, images: list[str],
    ranked: list[list[int]], place: int, folder: Path,
) -> Path:  # fmt: skip
    """The same predictions in one of many forms."""
    n_classes = len(world.ids)
    if form.endswith(".npz"):
        path = folder / form
        scores = np.full((len(images), n_classes), -1.0)
        for row, labels in enumerate(ranked):
            for rank, label in enumerate(labels):
                scores[row, label % n_classes] = 2.0 - rank
        if fault == "scores":
            scores[place] = data.draw(st.sampled_from([np.nan, -np.inf]))
        arrays: dict[str, Any] = {"ids": np.array(images)}
        if form == "ranked.npz":
            arrays["classes"] = np.array(ranked)
        elif form == "logits.npz":
            arrays["logits"] = scores
        else:
            order = np.array(data.draw(st.permutations(range(n_classes))))
            arrays |= {"logits": scores[:, order], "class_ids": np.array(world.ids)[order]}
        np.savez(path, **arrays)
        return path
    columns: dict[str, list[Any]] = {"filename": images}
    words = [[_class_word(world, form, label) for label in labels] for labels in ranked]
    if form == "lists":
        columns["index"] = [json.dumps([int(word) for word in row]) for row in words]
    elif form == "columns":
        columns |= {f"index_{rank}": [row[rank] for row in words] for rank in range(2)}
    else:
        columns["label" if form == "id" else "index"] = [row[0] for row in words]
    if fault == "truth":
        columns["target"] = [world.ids[label] for label in world.truth]
    return data.draw(sheets(columns)).write(folder, "predictions")


def _class_word(world: World, form: str, label: int) -> str:
    if form == "id" and label < len(world.ids):
        return world.ids[label]
    return str(label)
