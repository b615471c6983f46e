"""The table of forms in docs/file-formats.md: each is read, with the right number, or refused.

A row of `FORMS` is a row of the documentation, which a test holds together: what the form is
called, how it is written, whether it is read, and what is said.
"""

import csv
import json
import pickle
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reassess import sources
from reassess.errors import ReassessError
from reassess.files import read_classes, read_votes
from reassess.files.results import read_results
from reassess.notes import collect_notes
from reassess.records import Benchmark, Classes, Predictions
from reassess.scoring import original_labels, score_models
from tests.files.test_timm_tables import save_results, script_table
from tests.files.tool_exports import coco, cvat, mturk, save

DOCS = Path(__file__).parents[2] / "docs" / "file-formats.md"
IMAGES = ["a/1.jpg", "a/2.jpg", "b/3.jpg", "c/ü.png"]
CLASSES = ["cat", "dog", "owl"]
TRUTH = [0, 0, 1, 2]
"""The class of each image."""
Cells = dict[str, Sequence[Any]]


def table(
    name: str, columns: Cells, delimiter: str = ",", encoding: str = "utf-8", first: str = ""
) -> Path:
    path = Path(name)
    with path.open("w", newline="", encoding=encoding) as file:
        file.write(first)
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def parquet(name: str, columns: Cells) -> Path:
    pq.write_table(pa.table({key: list(cells) for key, cells in columns.items()}), name)
    return Path(name)


def excel(name: str, columns: Cells) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (list(columns), *zip(*columns.values(), strict=True)):
        book.active.append(list(row))
    book.save(name)
    return Path(name)


def as_json(name: str, value: Any) -> Path:
    Path(name).write_text(json.dumps(value))
    return Path(name)


def npz(name: str, **arrays: Any) -> Path:
    np.savez(name, **{key: np.array(array) for key, array in arrays.items()})
    return Path(name)


def npy(name: str, array: Any) -> Path:
    np.save(name, np.array(array))
    return Path(name)


def pickled(name: str) -> Path:
    Path(name).write_bytes(pickle.dumps({"labels": TRUTH}))
    return Path(name)


WORDS = [CLASSES[label] for label in TRUTH]
LABELS: Cells = {"image": IMAGES, "label": WORDS}
ONE_HOT = np.eye(3, dtype=int)[TRUTH]
LOGITS = np.where(ONE_HOT == 1, 2.5, -1.5) - np.arange(3) / 10
RANKED = np.argsort(-LOGITS, axis=1)
VOTES: Cells = {
    "image": [one for one in IMAGES for _ in range(2)],
    "label": [word for word in WORDS for _ in range(2)],
    "rater": ["ann", "bob"] * 4,
    "answer": ["yes", "yes", "no", "maybe"] * 2,
}
ROWS = list(zip(*VOTES.values(), strict=True))
STUDIO_TASK = {
    "image": "a/1.jpg", "label": "cat", "image_id": "a/1.jpg", "class_id": "cat",
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A form of files.

    Attributes:
        name: as the documentation calls it.
        role: what the file is about: the key of `READERS`.
        write: writes one.
        is_read: whether it is read.
        says: what a note or a refusal holds; a pattern. Empty where nothing is said.
        finds: what is read, where it is something else than `READERS` say.
    """

    name: str
    role: str
    write: Callable[[], Path]
    is_read: bool
    says: str = ""
    finds: tuple[Any, ...] = ()


def original(path: Path) -> list[Any]:
    found = sources.benchmark(path)
    assert found.original is not None
    names = CLASSES if found.classes is None else found.classes.names
    return sorted(zip(found.image_ids.tolist(), (names[n] for n in found.original), strict=True))


def classes(path: Path) -> list[Any]:
    return list(read_classes(path).names)


def n_right(path: Path) -> list[Any]:
    benchmark = sources.benchmark(table("labels-of-it.csv", LABELS))
    (found,) = sources.predictions(path, benchmark)
    (score,) = score_models([found], original_labels(benchmark), benchmark)
    return [score.original.n_correct, score.original.n_scored]


def answers(path: Path) -> list[Any]:
    known = sources.class_table(str(table("classes-of-it.csv", {"id": CLASSES})), None)
    found = read_votes(path, classes=known)
    pairs = found.questions.require_pairs("votes")
    place = pairs.image[found.question]
    return sorted(
        zip(
            pairs.image_ids[place].tolist(), pairs.label[found.question].tolist(),
            found.rater_ids[found.rater].tolist(), (found.answers[n] for n in found.answer),
            strict=True,
        )
    )  # fmt: skip


def sets(path: Path) -> list[Any]:
    known = str(table("labels-of-it.csv", LABELS))
    found = sources.evaluation_target(path, known).labels
    return sorted(zip(found.image_ids.tolist(), found.lists(), strict=True))


def accuracies(path: Path) -> list[Any]:
    return read_results([path]).accuracy["real"].tolist()


READERS: dict[str, tuple[Callable[[Path], list[Any]], list[Any]]] = {
    "original labels": (original, sorted(zip(IMAGES, WORDS, strict=True))),
    "classes": (classes, CLASSES),
    "predictions": (n_right, [4, 4]),
    "votes": (answers, sorted(
        (image, CLASSES.index(word), rater, answer)
        for image, word, rater, answer in zip(*VOTES.values(), strict=True)
    )),
    "reassessed labels": (sets, sorted((one, [n]) for one, n in zip(IMAGES, TRUTH, strict=True))),
    "results": (accuracies, [0.81, 0.75]),
}  # fmt: skip
"""The reader of each role, and what it must find."""


def _with(columns: Cells, **more: Iterable[Any]) -> Cells:
    return columns | {key: list(cells) for key, cells in more.items()}


def _nfd(words: Iterable[str]) -> list[str]:
    return [unicodedata.normalize("NFD", one) for one in words]


STUDIO = [
    {
        "data": {"image": image, "label": word},
        "annotations": [
            {
                "completed_by": {"email": rater},
                "result": [
                    {"from_name": "answer", "type": "choices", "value": {"choices": [answer]}}
                ],
            }
            for one, rater, answer in zip(
                VOTES["image"], VOTES["rater"], VOTES["answer"], strict=True
            )
            if one == image
        ],
    }
    for image, word in zip(IMAGES, WORDS, strict=True)
]
STUDIO_MIN = [
    {"id": n, "image": image, "label": word, "annotator": rater, "answer": answer}
    for n, (image, word, rater, answer) in enumerate(zip(*VOTES.values(), strict=True))
]
WIDE: Cells = LABELS | {name: VOTES["answer"][n::2] for n, name in enumerate(["ann", "bob"])}
TURK = [
    {"HITId": f"H{n // 2}", "WorkerId": rater, "Input.image_url": f"https://x.org/{image}",
     "Input.label": word, "Answer.a": answer}
    for n, (image, word, rater, answer) in enumerate(zip(*VOTES.values(), strict=True))
]  # fmt: skip
REJECTED = TURK[0] | {"WorkerId": "spammer", "AssignmentStatus": "Rejected"}
PEERANNOT = {
    f"{image}:{label}": {"ann": VOTES["answer"][2 * n], "bob": VOTES["answer"][2 * n + 1]}
    for n, (image, label) in enumerate(zip(IMAGES, TRUTH, strict=True))
}


def _boxes(row: dict[str, str]) -> dict[str, str]:
    rest = {name: cell for name, cell in row.items() if name != "Answer.a"}
    return rest | {
        f"Answer.a.{word}": str(word == row["Answer.a"]).lower() for word in ("no", "maybe", "yes")
    }


def _task_answers(row: dict[str, str]) -> dict[str, str]:
    rest = {name: cell for name, cell in row.items() if name != "Answer.a"}
    return rest | {"Answer.taskAnswers": json.dumps([{"a": {"label": row["Answer.a"]}}])}


TIMM: Cells = {"filename": IMAGES, "index": RANKED[:, 0].tolist(), "prob": [0.9] * 4}
INT: Cells = {"image": IMAGES, "label": TRUTH}
SETS = {one: [word] for one, word in zip(IMAGES, WORDS, strict=True)}
COCO = coco(SETS, CLASSES)
CVAT = cvat(SETS, CLASSES)

FORMS = [
    Form("CSV with commas", "original labels", lambda: table("f.csv", LABELS), is_read=True),
    Form(
        "CSV with semicolons",
        "original labels",
        lambda: table("f.csv", LABELS, ";"),
        is_read=True,
        says="semicolons between",
    ),
    Form(
        "CSV after a line `sep=;`",
        "original labels",
        lambda: table("f.csv", LABELS, ";", first="sep=;\r\n"),
        is_read=True,
        says="semicolons part",
    ),
    Form(
        "tabs, in `.tsv`, `.txt` or `.csv`",
        "original labels",
        lambda: table("f.txt", LABELS, "\t"),
        is_read=True,
        says="tabs between",
    ),
    Form(
        "UTF-16 with a byte order mark",
        "original labels",
        lambda: table("f.csv", LABELS, encoding="utf-16"),
        is_read=True,
        says="UTF-16",
    ),
    Form(
        "Latin-1",
        "original labels",
        lambda: table("f.csv", LABELS, encoding="latin-1"),
        is_read=False,
        says=r"not UTF-8 .*Save it as UTF-8",
    ),
    Form(
        "Excel, `.xlsx`",
        "original labels",
        lambda: excel("f.xlsx", LABELS),
        is_read=True,
        says="sheet 'Sheet'",
    ),
    Form("parquet", "original labels", lambda: parquet("f.parquet", LABELS), is_read=True),
    Form(
        "names in NFD, or with blanks around",
        "original labels",
        lambda: table(
            "f.csv",
            {"image": [f" {one} " for one in _nfd(IMAGES)], "label": [f" {one}" for one in WORDS]},
        ),
        is_read=True,
        says=r"blanks around.*Unicode form",
    ),
    Form(
        "one name among integers",
        "original labels",
        lambda: table("f.csv", _with(INT, label=[0, 0, "?", 2])),
        is_read=False,
        says=r"row 4 is .*must be an integer",
    ),
    Form(
        "a lone `?`, `-` or other sign among names",
        "original labels",
        lambda: table("f.csv", _with(LABELS, label=["cat", "-", "dog", "owl"])),
        is_read=False,
        says=r"row 3 is '-'.*give the classes",
    ),
    Form(
        "an empty cell, `NaN`, `NA`, `null`",
        "original labels",
        lambda: table("f.csv", _with(LABELS, label=["cat", "NA", "dog", "owl"])),
        is_read=False,
        says=r"row 3, column 'label'.*empty cell",
    ),
    Form(
        "`-1` for no label",
        "original labels",
        lambda: table("f.csv", _with(INT, label=[0, -1, 1, 2])),
        is_read=False,
        says=r"row 3 is -1.*leave these rows out",
    ),
    Form(
        "two columns of labels that differ",
        "original labels",
        lambda: table("f.csv", _with(LABELS, category=WORDS[::-1])),
        is_read=False,
        says=r"'label' and 'category'.*row 2",
    ),
    Form(
        "two columns of labels that agree",
        "original labels",
        lambda: table("f.csv", _with(LABELS, category=WORDS)),
        is_read=True,
    ),
    Form(
        "an image twice",
        "original labels",
        lambda: table("f.csv", {"image": [*IMAGES, IMAGES[0]], "label": [*WORDS, "dog"]}),
        is_read=False,
        says=r"row 6.*already in row 2",
    ),
    Form(
        "cells of `{bytes, path}` (Hugging Face)",
        "original labels",
        lambda: parquet(
            "f.parquet", _with(LABELS, image=[{"bytes": b"x", "path": one} for one in IMAGES])
        ),
        is_read=True,
        says=r"their paths.*were read as ids",
    ),
    Form(
        "cells of bytes alone",
        "original labels",
        lambda: parquet("f.parquet", _with(LABELS, image=[one.encode() for one in IMAGES])),
        is_read=True,
    ),
    Form(
        "classes by `index`, in any order of rows",
        "classes",
        lambda: table("f.csv", {"index": [2, 0, 1], "id": ["owl", "cat", "dog"]}),
        is_read=True,
    ),
    Form(
        "classes by `id` that are numbers in another order than the rows",
        "classes",
        lambda: table("f.csv", {"id": [2, 0, 1], "name": ["owl", "cat", "dog"]}),
        is_read=False,
        says=r"row 2 is 2.*Add a column 'index'",
    ),
    Form(
        "a table with the truth beside the prediction",
        "predictions",
        lambda: table(
            "f.csv", {"image": IMAGES, "label": WORDS, "prediction": ["cat", "cat", "dog", "cat"]}
        ),
        is_read=True,
        says="'label' was left out",
        finds=(3, 4),
    ),
    Form(
        "`.npz` of `logits`, `ids`",
        "predictions",
        lambda: npz("f.npz", logits=LOGITS, ids=IMAGES),
        is_read=True,
    ),
    Form(
        "`.npz` of `logits`, `ids` and `class_ids` in another order",
        "predictions",
        lambda: npz("f.npz", logits=LOGITS[:, ::-1], ids=IMAGES, class_ids=CLASSES[::-1]),
        is_read=True,
        says="put in order",
    ),
    Form(
        "`.npz` of ranked `classes`, `ids`",
        "predictions",
        lambda: npz("f.npz", classes=RANKED, ids=IMAGES),
        is_read=True,
    ),
    Form(
        "integer one-hot rows",
        "predictions",
        lambda: npz("f.npz", classes=ONE_HOT, ids=IMAGES),
        is_read=False,
        says="look one-hot",
    ),
    Form(
        "rows of zeros, NaN or −inf only",
        "predictions",
        lambda: npz("f.npz", logits=LOGITS * [[1], [1], [0], [1]], ids=IMAGES),
        is_read=False,
        says="never predicted",
    ),
    Form(
        "probabilities a hair above 1",
        "predictions",
        lambda: npz("f.npz", probabilities=ONE_HOT * 1.000001, ids=IMAGES),
        is_read=True,
    ),
    Form(
        "a pickled `.npy`", "predictions", lambda: pickled("f.npy"), is_read=False, says="a pickle"
    ),
    Form("votes `image,label,rater,answer`", "votes", lambda: table("f.csv", VOTES), is_read=True),
    Form(
        "the same vote twice",
        "votes",
        lambda: table("f.csv", {key: [*cells, cells[0]] for key, cells in VOTES.items()}),
        is_read=True,
        says="each vote counts once",
    ),
    Form(
        "two answers of one rater to one question",
        "votes",
        lambda: table(
            "f.csv",
            {key: [*cells, "no" if key == "answer" else cells[0]] for key, cells in VOTES.items()},
        ),
        is_read=False,
        says="in row 2 and 'no' in row 10",
    ),
    Form(
        "a further column `task` that joins questions",
        "votes",
        lambda: table("f.csv", _with(VOTES, task=["t"] * 8)),
        is_read=True,
        says="'task' was left aside",
    ),
    Form(
        "an export with `counted`",
        "votes",
        lambda: table(
            "f.csv",
            _with(
                {
                    key: [*cells, "no" if key == "answer" else cells[0]]
                    for key, cells in VOTES.items()
                },
                counted=[1] * 8 + [0],
            ),
        ),
        is_read=True,
        says="1 of 9 votes are left out",
    ),
    Form(
        "answers in other words",
        "votes",
        lambda: table("f.csv", _with(VOTES, answer=["ja", "ja", "nein", "vielleicht"] * 2)),
        is_read=False,
        says="--answers ja=yes,nein=no",
    ),
    Form(
        "times that are no dates",
        "votes",
        lambda: table("f.csv", _with(VOTES, given_at=["426386112000000000"] * 8)),
        is_read=False,
        says=r"row 2 is .*must be a time",
    ),
    Form(
        "Hugging Face's `PredictionOutput` in a `.npz`",
        "predictions",
        lambda: npz(
            "f.npz", predictions=LOGITS, label_ids=TRUTH, metrics={"test_loss": 0.5}, ids=IMAGES
        ),
        is_read=True,
        says="'label_ids' is taken for the truth",
    ),
    Form(
        "a wide table, one column a rater",
        "votes",
        lambda: table("f.csv", WIDE | {"cid": [""] * 4}),
        is_read=True,
        says=r"3 raters \('ann', 'bob', 'cid'\), 4 of 12 cells are empty .*'cid' gave none",
    ),
    Form(
        "a wide table with a column `gold`",
        "votes",
        lambda: table("f.csv", WIDE | {"gold": ["yes", "no"] * 2}),
        is_read=False,
        says="'gold' may hold something else by its name. Drop the column",
    ),
    Form(
        "a wide table with a column of other cells",
        "votes",
        lambda: table("f.csv", WIDE | {"batch": ["b1", "b2"] * 2}),
        is_read=False,
        says="'batch' has no cell in common with the others, such as 'b1'",
    ),
    Form(
        "Mechanical Turk's results",
        "votes",
        lambda: table("f.csv", mturk([*TURK, REJECTED])),
        is_read=True,
        says="1 of 9 assignments were rejected",
    ),
    Form(
        "Mechanical Turk's results, boxes that are ticked",
        "votes",
        lambda: table("f.csv", mturk([_boxes(row) for row in TURK])),
        is_read=True,
    ),
    Form(
        "Mechanical Turk's results, `Answer.taskAnswers`",
        "votes",
        lambda: table("f.csv", mturk([_task_answers(row) for row in TURK])),
        is_read=True,
    ),
    Form(
        "Mechanical Turk's results with two answers",
        "votes",
        lambda: table("f.csv", mturk([row | {"Answer.why": "so"} for row in TURK])),
        is_read=False,
        says="'Answer.a', 'Answer.why', but one column must hold it",
    ),
    Form(
        "peerannot's `answers.json`",
        "votes",
        lambda: as_json("f.json", PEERANNOT),
        is_read=True,
    ),
    Form(
        "a list of `{image, label, rater, answer}`",
        "votes",
        lambda: as_json("f.json", [dict(zip(VOTES, row, strict=True)) for row in ROWS]),
        is_read=True,
    ),
    Form(
        "JSON Lines, `.jsonl`",
        "votes",
        lambda: save(
            "f.jsonl", "\n".join(json.dumps(dict(zip(VOTES, row, strict=True))) for row in ROWS)
        ),
        is_read=True,
    ),
    Form(
        "a packed table, `.csv.gz`",
        "votes",
        lambda: save("f.csv.gz", "x"),
        is_read=False,
        says="'.gz', but must be one of .* Save the votes in one of these forms",
    ),
    Form("Label Studio: JSON", "votes", lambda: as_json("f.json", STUDIO), is_read=True),
    Form("Label Studio: JSON_MIN", "votes", lambda: as_json("f.json", STUDIO_MIN), is_read=True),
    Form(
        "`{image: [classes]}`",
        "reassessed labels",
        lambda: as_json("f.json", {one: [n] for one, n in zip(IMAGES, TRUTH, strict=True)}),
        is_read=True,
    ),
    Form(
        "a list of `{image, label}`",
        "reassessed labels",
        lambda: as_json(
            "f.json",
            [dict(zip(LABELS, row, strict=True)) for row in zip(IMAGES, WORDS, strict=True)],
        ),
        is_read=True,
        says="list of records",
    ),
    Form("COCO's JSON", "reassessed labels", lambda: save("f.json", COCO), is_read=True),
    Form(
        "COCO's JSON with boxes",
        "reassessed labels",
        lambda: save("f.json", coco(SETS, CLASSES, bbox=[0, 0, 1, 1])),
        is_read=True,
        says="hold each category of which it has one",
    ),
    Form(
        "COCO's JSON, with a category that is no class",
        "reassessed labels",
        lambda: save("f.json", coco({"a/1.jpg": ["car"]}, ["car"])),
        is_read=False,
        says="'car', but must be the id or the unique name",
    ),
    Form("CVAT's tags", "reassessed labels", lambda: save("f.xml", CVAT), is_read=True),
    Form(
        "CVAT's tags beside boxes, and an image without a tag",
        "reassessed labels",
        lambda: save("f.xml", cvat(SETS | {IMAGES[3]: []}, CLASSES, "<box/>")),
        is_read=True,
        says="4 boxes.*1 of 4 images have no tags",
        finds=((IMAGES[0], [0]), (IMAGES[1], [0]), (IMAGES[2], [1]), (IMAGES[3], [])),
    ),
    Form(
        "CVAT's boxes without tags",
        "reassessed labels",
        lambda: save("f.xml", cvat({one: [] for one in IMAGES}, CLASSES, "<box/>")),
        is_read=False,
        says="0 tags beside 4 boxes.*Add tags",
    ),
    Form(
        "XML that declares entities",
        "reassessed labels",
        lambda: save("f.xml", cvat(SETS, CLASSES, head='<!DOCTYPE a [<!ENTITY x "y">]>')),
        is_read=False,
        says="declares a document type",
    ),
    Form(
        "classes written as texts of digits",
        "reassessed labels",
        lambda: as_json("f.json", {one: [str(n)] for one, n in zip(IMAGES, TRUTH, strict=True)}),
        is_read=True,
        says="integers written as texts",
    ),
    Form(
        "`proposed_labels` with commas, and `is_problematic`",
        "reassessed labels",
        lambda: table(
            "f.csv",
            {
                "id": [*IMAGES, "bad.jpg"],
                "original_label": [0, 1, 1, 2, 0],
                "proposed_labels": [*TRUTH, "0, 1"],
                "unclear_multi_labels": ["", "", "2", "", ""],
                "is_problematic": ["False"] * 4 + ["True"],
            },
        ),
        is_read=True,
        says="1 of 5 images are problematic",
    ),
    Form(
        "label sets as a table",
        "reassessed labels",
        lambda: table("f.csv", LABELS),
        is_read=True,
        says="rows of one image as one set",
    ),
    Form(
        "`top1` in percent",
        "results",
        lambda: table(
            "results-imagenet-real.csv",
            {"model": ["a", "b"], "img_size": [224, 224], "top1": [81, 75]},
        ),
        is_read=True,
    ),
    Form(
        "JSON of timm's validate.py",
        "results",
        lambda: as_json(
            "results-imagenet-real.json",
            [
                {"model": m, "top1": top1, "top1_err": 100 - top1, "img_size": 224}
                for m, top1 in (("a", 81.0), ("b", 75.0))
            ],
        ),
        is_read=True,
    ),
    Form(
        "`top1` in fractions, with `top1_err`",
        "results",
        lambda: table(
            "results-imagenet-real.csv",
            {
                "model": ["a", "b"],
                "img_size": [224, 224],
                "top1": [0.81, 0.75],
                "top1_err": [0.19, 0.25],
            },
        ),
        is_read=True,
        says="read as fractions",
    ),
    Form(
        "`top1` of 1 or less",
        "results",
        lambda: table(
            "results-imagenet-real.csv",
            {"model": ["a", "b"], "img_size": [224, 224], "top1": [0.81, 0.75]},
        ),
        is_read=False,
        says="percent or a fraction",
    ),
]


INFERENCE_CLASSES = Classes(
    ("n1", "n2", "n3"), ("tench", "crane", "crane"), ("Tinca tinca", "", ""),
    ("a fish", "a bird", "a machine"),
)  # fmt: skip
INFERENCE_TOP = [0, 2, 1, 2]


def inferred(
    options: str,
    *,
    index: bool = False,
    label: str = "description",
    topk: int = 1,
    form: str = "csv",
) -> Path:
    """What the script writes with some options, as these are passed on to pandas."""
    ranked = np.array([[top, (top + 1) % 3] for top in INFERENCE_TOP])
    model = Predictions(
        "m", np.array(IMAGES), ranked, np.array([[0.75, 0.25]] * 4), "probability", 3
    )  # fmt: skip
    table = script_table(model, INFERENCE_CLASSES, topk, label, index=index)
    if "--output-type logit" in options:
        table = table.rename(columns={"prob": "logit"})
    if "--fullname" in options:
        table["filename"] = IMAGES
    if options.startswith("its console"):
        printed = table.set_index("filename").to_json(orient="index", indent=4)
        Path("f.json").write_text(f"--result\n{printed}\n")
        return Path("f.json")
    if "--topk 0" in options:
        scores = np.eye(3, dtype=np.float32)[INFERENCE_TOP] * 0.5 + 0.125
        table = table[["filename"]].assign(prob=list(scores))
    if "--results-separate-col" in options:
        for name in sorted(set(table) - {"filename"}):
            cells = np.array(table.pop(name).tolist())
            for n in range(topk):
                table[f"{name}_{n}"] = cells[:, n]
    return save_results(table, Path("f"), form)


def n_inferred(path: Path) -> list[Any]:
    benchmark = Benchmark("b", np.array(IMAGES), np.array(INFERENCE_TOP), INFERENCE_CLASSES)
    (found,) = sources.predictions(path, benchmark)
    (score,) = score_models([found], original_labels(benchmark), benchmark)
    return [score.original.n_correct, score.original.n_scored]


READERS["timm's `inference.py`"] = n_inferred, [4, 4]
FORMS += [
    Form(
        options
        if "console" in options
        else f"`{options}`"
        if options
        else "without options (`description`)",
        "timm's `inference.py`",
        partial(inferred, options, **how),
        is_read=not says,
        says=says,
    )
    for options, how, says in (
        ("", {}, r"'crane', but several .*--include-index, or --label-type name or"),
        ("--label-type none", {"label": "none"}, "no column says .*--include-index"),
        ("--label-type name", {"label": "name"}, ""),
        ("--label-type detail", {"label": "detailed"}, ""),
        ("--include-index", {"index": True}, ""),
        ("--label-type none --include-index", {"label": "none", "index": True}, ""),
        ("--topk 5 --include-index", {"topk": 2, "index": True}, ""),
        ("--topk 5 --label-type name", {"topk": 2, "label": "name"}, ""),
        ("--topk 5 --label-type detail", {"topk": 2, "label": "detailed"}, ""),
        ("--topk 5 --results-separate-col --include-index", {"topk": 2, "index": True}, ""),
        (
            "--topk 5 --results-separate-col --label-type detail --output-type logit --fullname",
            {"topk": 2, "label": "detailed"},
            "",
        ),
        ("--topk 0 --results-separate-col", {"topk": 3}, ""),
        (
            "--results-format parquet --topk 5 --include-index",
            {"form": "parquet", "topk": 2, "index": True},
            "",
        ),
        (
            "--results-format json --topk 5 --include-index",
            {"form": "json", "topk": 2, "index": True},
            "",
        ),
        (
            "--results-format json-record --include-index",
            {"form": "json-record", "index": True},
            "",
        ),
        (
            "--results-format json-split --topk 5 --label-type name",
            {"form": "json-split", "topk": 2, "label": "name"},
            "",
        ),
        ("its console output, in a `.json`", {"topk": 2, "index": True}, ""),
    )
]


@pytest.mark.parametrize("form", [pytest.param(one, id=one.name) for one in FORMS])
def test_a_form_is_read_rightly_or_refused(
    form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    read, expected = READERS[form.role]
    path = form.write()
    found, told = None, ""
    with collect_notes() as notes:
        try:
            found = read(path)
            told = " ".join(notes.texts)
        except ReassessError as error:
            told = str(error)
    assert (found is not None) is form.is_read, told
    if form.is_read:
        wanted = list(form.finds) or expected
        assert found == (pytest.approx(wanted) if form.role == "results" else wanted)
    assert re.search(form.says, told)
    assert bool(told) is bool(form.says), told


def test_the_documentation_lists_these_forms() -> None:
    text = DOCS.read_text(encoding="utf-8")
    section = text.split("## What is read, and what is refused")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    rows = [line.strip("| ").split(" | ") for line in lines]
    listed = {(name, role, word) for role, name, word, *_ in rows}
    assert listed == {(one.name, one.role, "read" if one.is_read else "refused") for one in FORMS}
