"""Bad input is refused with one message: exit status 2, which file and where, nothing written."""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import IDS, ORIGINAL, SCORES, SETS

RANKED = np.argsort(-SCORES, axis=1, kind="stable")
BEST = np.take_along_axis(SCORES, RANKED, 1)
OUT = "new/out.json"

SCORE = "score {} --labels real.json --original-labels labels.csv --json -o new/out.json"
FOLDER = SCORE + " --order imagefolder"
JUDGE = "score preds.npz --labels {} --original-labels labels.csv --json -o new/out.json"
ORIGIN = "score preds.npz --labels real.json --original-labels {} --json -o new/out.json"
VOTES = "aggregate {} --method majority -o new/out.npz"
GOLD = "aggregate votes.csv --gold {} -o new/out.npz"
LABEL = "label {} --original-labels labels.csv -o new/out.json"


@dataclass(frozen=True)
class Bad:
    """A bad file, the command that reads it, and words that the message must have.

    ``write`` gets the path ``file`` in the tiny study; ``says`` is looked for without case,
    ``names`` is what the message must name where it is not the file.
    """

    name: str
    file: str
    write: Callable[[str], Any]
    command: str
    says: tuple[str, ...]
    names: str | None = None


def text(content: str | bytes) -> Callable[[str], Any]:
    raw = content if isinstance(content, bytes) else content.encode()
    return lambda path: Path(path).write_bytes(raw)


def npy(array: Any) -> Callable[[str], Any]:
    return lambda path: np.save(path, np.asarray(array))


def npz(**arrays: Any) -> Callable[[str], Any]:
    return lambda path: np.savez(path, **arrays)


def with_ids(**arrays: Any) -> Callable[[str], Any]:
    return npz(**{"ids": IDS, **arrays})


def objects(path: str) -> None:
    np.save(path, np.array([{}, []], dtype=object), allow_pickle=True)


def object_ids(path: str) -> None:
    np.savez(path, classes=RANKED, ids=np.array(IDS, dtype=object))


def cut(source: str, share: float = 0.6) -> Callable[[str], Any]:
    """The beginning of a good file."""

    def write(path: str) -> None:
        raw = Path(source).read_bytes()
        Path(path).write_bytes(raw[: int(len(raw) * share)])

    return write


def cut_npy(path: str) -> None:
    np.save(path, np.repeat(SCORES, 100, axis=1))
    cut(path)(path)


def npy_in_disguise(path: str) -> None:
    with Path(path).open("wb") as file:
        np.save(file, SCORES)


def cut_parquet(path: str) -> None:
    pq.write_table(pa.table({"filename": IDS, "index": ORIGINAL}), path)
    cut(path)(path)


def parquet(**columns: Any) -> Callable[[str], Any]:
    return lambda path: pq.write_table(pa.table(columns), path)


def at(array: Any, row: int, column: int, value: Any) -> Any:
    changed = np.array(array)
    changed[row, column] = value
    return changed


def dense(**changed: Any) -> Callable[[str], Any]:
    """The published layout of votes: two raters, three questions."""
    tensor = np.zeros((2, 3, 3))
    tensor[0, :, 0], tensor[1, :, 2] = 1, 1
    info = np.array([["a.jpg", "0"], ["a.jpg", "1"], ["b.jpg", "2"]])
    return npz(**{"tensor": tensor, "info": info, "ids": np.array([7, 8]), **changed})


def tensor(**cells: float) -> Any:
    """A tensor in which the raters A and B gave these counts."""
    array = np.zeros((2, 3, 3))
    array[0, :, 0] = cells.get("a", 1)
    array[1, :, 2] = cells.get("b", 1)
    return array


def posterior(**changed: Any) -> Callable[[str], Any]:
    """A posterior of two questions, with arrays exchanged, or left out where they are None."""

    def write(path: str) -> None:
        good: dict[str, Any] = {
            "format": "reassess posterior 1", "method": "majority", "truths": ["absent", "present"],
            "answers": ["no", "maybe", "yes"], "log_probability": np.log(np.full((2, 2), 0.5)),
            "rater_ids": ["ann"], "log_likelihood": np.zeros(0), "objective": np.zeros(0),
            "image_ids": IDS[:2], "image": np.array([0, 1]), "label": np.array([0, 1]),
        }  # fmt: skip
        arrays = {k: v for k, v in (good | changed).items() if v is not None}
        np.savez(path, **arrays)

    return write


def labels_json(sets: Any = None, **more: Any) -> Callable[[str], Any]:
    by_image = dict(zip(IDS, SETS, strict=True)) if sets is None else sets
    return text(json.dumps({"labels": by_image, **more}))


def rows(*lines: str) -> Callable[[str], Any]:
    return text("\n".join(lines) + "\n")


LABELS = [f"{i},{k}" for i, k in zip(IDS, ORIGINAL, strict=True)]
TIMM = [f"{i},{k},0.5" for i, k in zip(IDS, ORIGINAL, strict=True)]

PREDICTIONS = [
    Bad("no such file", "nowhere.npy", lambda _: None, FOLDER, ("no such file",)),
    Bad("a name too long", "n" * 300 + ".npy", lambda _: None, FOLDER, ("no such file",)),
    Bad("a folder", "folder.npy", lambda p: Path(p).mkdir(), FOLDER, ("folder",)),
    Bad("an empty file", "empty.npy", text(""), FOLDER, ("empty",)),
    Bad("text called npy", "text.npy", text("image,label\n"), FOLDER, ("not a numpy file",)),
    Bad("text called npz", "text.npz", text("image,label\n"), SCORE, ("not a numpy file",)),
    Bad("text called parquet", "t.parquet", text("image,label\n"), SCORE, ("not parquet",)),
    Bad("unknown extension", "preds.dat", text("1 2 3"), SCORE, (".dat", "not a known form")),
    Bad("cut npy", "cut.npy", cut_npy, FOLDER, ("unfinished or corrupt",)),
    Bad("cut npz", "cut.npz", cut("preds.npz"), SCORE, ("unfinished or corrupt",)),
    Bad("cut parquet", "cut.parquet", cut_parquet, SCORE, ("unfinished",)),
    Bad("npz called npy", "x.npy", lambda p: shutil.copy("preds.npz", p), FOLDER, ("archive",)),
    Bad("npy called npz", "x.npz", npy_in_disguise, SCORE,
        ("one array", ".npy")),
    Bad("pickle", "p.npy", lambda p: Path(p).write_bytes(pickle.dumps([1])), FOLDER, ("pickle",)),
    Bad("old pickle", "p.npy", lambda p: Path(p).write_bytes(pickle.dumps([1], 0)), FOLDER,
        ("not a numpy file",)),
    Bad("object array", "objects.npy", objects, FOLDER, ("python objects",)),
    Bad("object ids", "ids.npz", object_ids, SCORE, ("python objects",)),
    Bad("no order stated", "x.npy", npy(RANKED), SCORE, ("--order", "--ids", "6 rows")),
    Bad("missing rows", "x.npy", npy(RANKED[:5]), FOLDER, ("5 rows", "must be 6")),
    Bad("three axes", "x.npy", npy(RANKED[:, :, None]), FOLDER, ("(6, 4, 1)",)),
    Bad("one axis of floats", "x.npy", npy(SCORES[:, 0]), FOLDER, ("(6,)",)),
    Bad("no column", "x.npy", npy(RANKED[:, :0]), FOLDER, ("(6, 0)",)),
    Bad("bools", "x.npy", npy(SCORES > 0.3), FOLDER, ("bool", "integers")),
    Bad("complex", "x.npy", npy(SCORES + 0j), FOLDER, ("complex", "floats")),
    Bad("strings", "x.npy", npy(SCORES.astype(str)), FOLDER, ("type <u", "floats")),
    Bad("too few columns", "x.npy", npy(SCORES[:, :3]), FOLDER, ("3 columns", "at least 4")),
    Bad("too many columns", "x.npy", npy(np.c_[SCORES, SCORES]), FOLDER + " --classes classes.csv",
        ("8 columns", "must have 4")),
    Bad("transposed", "x.npy", npy(np.pad(SCORES, ((0, 0), (0, 3))).T), FOLDER, ("7 rows",)),
    Bad("NaN", "x.npy", npy(at(SCORES, 4, 2, np.nan)), FOLDER, ("score[4, 2] is nan",)),
    Bad("infinity", "x.npy", npy(at(SCORES, 1, 0, np.inf)), FOLDER, ("score[1, 0] is inf",)),
    Bad("NaN beside classes", "x.npz", with_ids(classes=RANKED, scores=at(BEST, 5, 3, np.nan)),
        SCORE, ("score[5, 3] is nan",)),
    Bad("negative class", "x.npy", npy(at(RANKED, 2, 1, -1)), FOLDER, ("class[2, 1] is -1",)),
    Bad("class K", "x.npy", npy(at(RANKED, 2, 1, 4)), FOLDER + " --classes classes.csv",
        ("class[2, 1] is 4", "[0, 4)")),
    Bad("huge class", "x.npy", npy(at(RANKED.astype("u8"), 3, 0, 2**63 + 1)), FOLDER,
        ("class[3, 0] is 9223372036854775807",)),
    Bad("id for a class", "x.npy", npy(at(RANKED, 3, 0, 10**12)), FOLDER, ("class[3, 0]",)),
    Bad("float classes", "x.npz", with_ids(classes=RANKED.astype(float)), SCORE, ("float64",)),
    Bad("integer scores", "x.npz", with_ids(scores=RANKED), SCORE, ("scores", "int64", "floats")),
    Bad("scores of another shape", "x.npz", with_ids(classes=RANKED, scores=BEST[:, :3]), SCORE,
        ("(6, 3)", "(6, 4)")),
    Bad("scores by another name", "x.npz", with_ids(classes=RANKED, confidence=BEST), SCORE,
        ("'confidence'", "probabilities")),
    Bad("probability above 1", "x.npz", with_ids(classes=RANKED, probabilities=BEST * 2), SCORE,
        ("score[0, 0] is 1.4", "[0, 1]")),
    Bad("probability below 0, not on top", "x.npz",
        with_ids(probabilities=at(SCORES, 2, 3, -0.1)), SCORE + " --top-k 1",
        ("score[2, 3] is -0.1", "[0, 1]")),
    Bad("wrong --scale", "x.npy", npy(SCORES * 9), FOLDER + " --scale probability", ("[0, 1]",)),
    Bad("unknown id", "x.npz", with_ids(classes=RANKED, ids=[*IDS[:5], "gnu/img_7.jpg"]), SCORE,
        ("id[5] is 'gnu/img_7.jpg'", "1 of 6")),
    Bad("duplicate id", "x.npz", with_ids(classes=RANKED, ids=[*IDS[:5], IDS[0]]), SCORE,
        ("'cat/img_1.jpg'", "rows 0, 5")),
    Bad("the same image in two spellings", "x.npz",
        with_ids(classes=RANKED, ids=[*IDS[:5], "img_1.jpg"]), SCORE, ("rows 0, 5",)),
    Bad("missing id", "x.npz", with_ids(classes=RANKED[:5], ids=IDS[:5]), SCORE,
        ("'fox/img_6.jpg' is missing", "1 of 6")),
    Bad("too few ids", "x.npz", with_ids(classes=RANKED, ids=IDS[:5]), SCORE, ("5 ids", "6 rows")),
    Bad("ids on two axes", "x.npz", with_ids(classes=RANKED, ids=[IDS]), SCORE, ("(1, 6)",)),
    Bad("ids in latin-1", "x.npz",
        with_ids(classes=RANKED, ids=[i.replace("cat", "chât").encode("latin-1") for i in IDS]),
        SCORE, ("utf-8",)),
    Bad("float ids", "x.npz", with_ids(classes=RANKED, ids=np.arange(6.0)), SCORE, ("float64",)),
    Bad("no array", "x.npz", npz(), SCORE, ("no arrays",)),
    Bad("only ids", "x.npz", with_ids(), SCORE, ("no arrays",)),
    Bad("images with unequal scores", "x.npz",
        npz(**{i: SCORES[0, : 3 + (i == IDS[0])] for i in IDS}), SCORE, ("different lengths",)),
    Bad("wrong --ids: too short", "short.txt", text("\n".join(IDS[:5])),
        "score full.npy --labels real.json --original-labels labels.csv --ids {} --json "
        "-o new/out.json",
        ("5 ids", "6 rows"), "--ids"),
    Bad("--ids with a gap", "gap.txt", text("\n".join([*IDS[:3], "", *IDS[3:]])),
        "score full.npy --labels real.json --ids {} --json -o new/out.json", ("line 4",)),
    Bad("--ids: objects", "ids.npy", objects,
        "score full.npy --labels real.json --ids {} --json -o new/out.json", ("python objects",)),
    Bad("--ids: an empty list", "ids.json", text("[]"),
        "score full.npy --labels real.json --ids {} --json -o new/out.json", ("one image id",)),
    Bad("--ids: numbers", "ids.json", text("[1, 2]"),
        "score full.npy --labels real.json --ids {} --json -o new/out.json", ("line 1 is '1'",)),
    Bad("--subset that nobody knows", "some.txt", text("gnu.jpg\n"),
        SCORE.replace("{}", "preds.npz") + " --subset {}", ("'gnu.jpg'",), "--subset"),
]  # fmt: skip

TABLES = [
    Bad("header only", "t.csv", rows("filename,index"), SCORE, ("0 rows",)),
    Bad("no header", "t.csv", rows(*TIMM), SCORE,
        ("'image'", "filename", "missing", "first row must name the columns")),
    Bad("a blank first line", "t.csv", rows("", "filename,index,prob", *TIMM), SCORE, ("row 1",)),
    Bad("ragged", "t.csv", rows("filename,index,prob", *TIMM[:2], "cat,1", *TIMM[3:]), SCORE,
        ("row 4", "2 columns", "must have 3")),
    Bad("ragged wide", "t.csv",
        rows("filename," + ",".join(f"prob_{k}" for k in range(4)),
             *(f"{i},.1,.2,.3,.4" for i in IDS[:5]), IDS[5] + ",.1,.2,.3,.4,.5"),
        SCORE, ("row 7", "6 columns")),
    Bad("empty cell", "t.csv", rows("filename,index,prob", *TIMM[:5], f"{IDS[5]},,0.5"), SCORE,
        ("'index'", "row 7")),
    Bad("empty name", "t.csv", rows("filename,index,prob", *TIMM[:5], ",3,0.5"), SCORE,
        ("row 7", "'filename'", "empty")),
    Bad("a word for a number", "t.csv", rows("filename,index,prob", *TIMM[:5], f"{IDS[5]},3,high"),
        SCORE, ("'prob'", "high")),
    Bad("a word in wide numbers", "t.csv",
        rows("filename,prob_0,prob_1,prob_2,prob_3", *(f"{i},.1,.2,x,.4" for i in IDS)), SCORE,
        ("not a number", "x")),
    Bad("words in wide parquet", "t.parquet",
        parquet(filename=IDS, **{f"prob_{k}": ["x"] * 6 for k in range(4)}), SCORE,
        ("not a number",)),
    Bad("NaN in wide parquet", "t.parquet",
        parquet(filename=IDS, **{f"prob_{k}": [k / 9] * 5 + [k / 9 or None] for k in range(4)}),
        SCORE, ("score[5, 0] is nan",)),
    Bad("rows never predicted", "t.parquet",
        parquet(filename=IDS, **{f"prob_{k}": [k / 9] * 4 + [0.0] * 2 for k in range(4)}), SCORE,
        ("row 4", "2 of 6 rows", IDS[4])),
    Bad("columns with a gap", "t.csv",
        rows("filename,index_0,index_2", *(f"{i},0,1" for i in IDS)), SCORE, ("'index_2'", "gap")),
    Bad("columns from 1", "t.csv",
        rows("filename,index_0,index_1,prob_1,prob_2", *(f"{i},0,1,.4,.6" for i in IDS)), SCORE,
        ("'prob_1'", "from 0")),
    Bad("the same column twice", "t.csv", rows("filename,index,Index", *TIMM), SCORE, ("twice",)),
    Bad("lists of unequal length", "t.csv",
        rows("filename,index", *(f"{i},[0 1]" for i in IDS[:5]), f"{IDS[5]},[0]"), SCORE,
        ("row 7", "1 items", "2")),
    Bad("an empty list", "t.csv", rows("filename,index", *(f"{i},[]" for i in IDS)), SCORE,
        ("at least one",)),
    Bad("a shortened list", "t.csv", rows("filename,index", *(f"{i},[0 ... 3]" for i in IDS)),
        SCORE, ("shortened",)),
    Bad("an empty string in a list", "t.csv",
        rows("filename,label", *(f"{i},\"['', 'cat']\"" for i in IDS)), SCORE, ("'label'",)),
    Bad("neither class nor score", "t.csv", rows("filename,guess", *(f"{i},0" for i in IDS)), SCORE,
        ("'index'", "guess")),
    Bad("one score is not all scores", "t.csv", rows("filename,prob", *(f"{i},.9" for i in IDS)),
        SCORE, ("1 columns", "at least 4")),
    Bad("a name that no class has", "t.csv", rows("filename,label", *(f"{i},gnu" for i in IDS)),
        SCORE + " --classes classes.csv", ("row 2 is 'gnu'", "4 classes")),
    Bad("decimal commas", "t.csv", rows("filename,index,prob", *(f'{i},0,"0,5"' for i in IDS)),
        SCORE, ("row 2", "'prob'", "'0,5'", "decimal comma")),
    Bad("an open quote", "t.csv", rows("filename,label", *(f"{i},cat" for i in IDS[:5]),
        f'{IDS[5]},"cat'), SCORE + " --classes classes.csv", ("not a complete csv",)),
    Bad("latin-1", "t.csv", text("filename,label\nchât.jpg,cat\n".encode("latin-1")), SCORE,
        ("utf-8",)),
    Bad("utf-16", "t.csv", text("filename,label\na.jpg,cat\n".encode("utf-16-le")), SCORE,
        ("utf-16", "save it as utf-8")),
]  # fmt: skip

ORIGINALS = [
    Bad("a class twice", "o.csv", rows("image,label", *LABELS, LABELS[0]), ORIGIN,
        ("row 8", "'cat/img_1.jpg'", "row 2")),
    Bad("negative", "o.csv", rows("image,label", *LABELS[:5], f"{IDS[5]},-1"), ORIGIN,
        ("row 7 is -1",)),
    Bad("huge", "o.csv", rows("image,label", *LABELS[:5], f"{IDS[5]},{10**30}"), ORIGIN,
        ("row 7 is 1000000",)),
    Bad("too large for a class", "o.csv", rows("image,label", *LABELS[:5], f"{IDS[5]},2000000000"),
        ORIGIN, ("row 7 is 2000000000",)),
    Bad("thousands of digits", "o.csv", rows("image,label", *LABELS[:5], f"{IDS[5]},{'9' * 5000}"),
        ORIGIN, ("row 7 is 9999",)),
    Bad("K and more", "o.csv", rows("image,label", *LABELS[:5], f"{IDS[5]},4"),
        ORIGIN + " --classes classes.csv", ("row 7 is 4", "[0, 4)")),
    Bad("empty label", "o.csv", rows("image,label", *LABELS[:5], f"{IDS[5]},"), ORIGIN,
        ("row 7", "'label'", "empty")),
    Bad("NaN label", "o.parquet", parquet(image=IDS, label=[*map(float, ORIGINAL[:5]), np.nan]),
        ORIGIN, ("row 7", "'label'", "empty")),
    Bad("no column of labels", "o.csv", rows("image,colour", *LABELS), ORIGIN,
        ("'label'", "colour")),
    Bad("blanks between", "o.csv", rows("image label", *(r.replace(",", " ") for r in LABELS)),
        ORIGIN, ("'image'", "missing", "image label", "commas")),
    Bad("labels and original mixed up", "o.json", labels_json(),
        "score preds.npz --labels labels.csv --original-labels {} --json -o new/out.json",
        ("not a table",)),
    Bad("other images", "real.json", labels_json({i: [0] for i in ["gnu.jpg", *IDS]}), JUDGE,
        ("id[0]", "of labels (", "'gnu.jpg'")),
    Bad("a class file with a gap", "c.csv", rows("index,name", "0,cat", "2,dog"),
        SCORE.replace("{}", "preds.npz") + " --classes {}", ("'index'", "0 to 1")),
    Bad("a class id twice", "c.csv", rows("id,name", "n0,cat", "n0,dog", "n1,eel", "n2,fox"),
        SCORE.replace("{}", "preds.npz") + " --classes {}", ("'n0'", "once")),
    Bad("a classes file that is none", "c.csv", rows("colour", "red"),
        SCORE.replace("{}", "preds.npz") + " --classes {}", ("'id'", "missing")),
]  # fmt: skip

SETS_OF_LABELS = [
    Bad("cut json", "l.json", cut("real.json"), JUDGE, ("unfinished or not json",)),
    Bad("deep json", "l.json", text("[" * 100_000), JUDGE, ("not json",)),
    Bad("latin-1 json", "l.json", text('{"chât": [1]}'.encode("latin-1")), JUDGE, ("not json",)),
    Bad("a number", "l.json", text("3"), JUDGE, ("int", "list of lists")),
    Bad("no list", "l.json", text("[]"), JUDGE, ("0 label sets",)),
    Bad("no object", "l.json", text("{}"), JUDGE, ("0 label sets",)),
    Bad("predictions for labels", "l.npz", lambda p: shutil.copy("preds.npz", p), JUDGE,
        ("must be json", "a file of numpy arrays", "write a table")),
    Bad("a pickle for labels", "l.json", lambda p: Path(p).write_bytes(pickle.dumps({"a": [0]})),
        JUDGE, ("must be json", "a pickle")),
    Bad("other records", "l.json", text('[{"name": "a", "y": 0}]'), JUDGE,
        ("'name', 'y'", "'image' and 'labels'")),
    Bad("json lines", "l.json", text('{"a": [0]}\n{"b": [1]}\n'), JUDGE,
        ("not json", "json lines")),
    Bad("a table as json", "l.json", text("image,label\na,0\n"), JUDGE, ("not json", ".csv")),
    Bad("records without images", "l.json", text('[{"image": "a", "labels": [0]}, {"labels": 0}]'),
        JUDGE, ("record [1]", "'image'")),
    Bad("records with two images", "l.json", text('[{"image": "a", "path": "b", "label": 0}]'),
        JUDGE, ("'image' and 'path'",)),
    Bad("all empty", "l.json", labels_json({i: [] for i in IDS}), JUDGE,
        ("all 6 label sets are empty",)),
    Bad("an image twice", "l.json", text('{"cat/img_1.jpg": [0], "cat/img_1.jpg": [1]}'), JUDGE,
        ("'cat/img_1.jpg'", "more than once")),
    Bad("an image in two spellings", "l.json",
        labels_json(dict(zip([*IDS[:5], "img_1.jpg"], SETS, strict=True))), JUDGE, ("rows 0, 5",)),
    Bad("a label twice", "l.json", labels_json(dict(zip(IDS, [[0, 0], *SETS[1:]], strict=True))),
        JUDGE, ("'cat/img_1.jpg'", "twice")),
    Bad("K", "l.json", labels_json(dict(zip(IDS, [[4], *SETS[1:]], strict=True))),
        JUDGE + " --classes classes.csv", ("label[0] is 4", "[0, 4)")),
    Bad("negative", "l.json", labels_json(dict(zip(IDS, [[-1], *SETS[1:]], strict=True))), JUDGE,
        ("-1",)),
    Bad("huge", "l.json", labels_json(dict(zip(IDS, [[10**30], *SETS[1:]], strict=True))), JUDGE,
        ("[0]", "1000000")),
    Bad("floats", "l.json", labels_json(dict(zip(IDS, [[0.0], *SETS[1:]], strict=True))), JUDGE,
        ("[0]", "0.0")),
    Bad("bools", "l.json", labels_json(dict(zip(IDS, [[True], *SETS[1:]], strict=True))), JUDGE,
        ("[0]", "true")),
    Bad("a bare class", "l.json", labels_json(dict(zip(IDS, ORIGINAL, strict=True))), JUDGE,
        ("[0] is 0",)),
    Bad("names without classes", "l.json", labels_json({i: ["cat"] for i in IDS}), JUDGE,
        ("--classes",)),
    Bad("unknown image", "l.json", labels_json({"gnu.jpg": [0]}), JUDGE, ("'gnu.jpg'",)),
    Bad("a bare list of another length", "l.json", text(json.dumps(SETS[:5])), JUDGE,
        ("5 label sets", "6")),
    Bad("a posterior for other labels", "l.json", labels_json(posterior={IDS[0]: [0.9, 0.8]}),
        JUDGE, ("'cat/img_1.jpg' has 2 values", "must have 1")),
    Bad("a posterior that is none", "l.json", labels_json(posterior={
        i: ["x"] * len(s) for i, s in zip(IDS, SETS, strict=True)}), JUDGE,
        ("beside the labels",)),
    Bad("an operating point that is none", "l.json", labels_json(operating_point={"x": 1}), JUDGE,
        ("beside the labels",)),
    Bad("a meta file that is none", "l.json",
        lambda p: (text(json.dumps(SETS))(p), text("{}")("l.meta.json")), JUDGE,
        ("image_ids",), "l.meta.json"),
]  # fmt: skip

LONG = "image,label,rater,answer"
VOTES_AND_GOLD = [
    Bad("header only", "v.csv", rows(LONG), VOTES, ("0 rows",)),
    Bad("no column of raters", "v.csv", rows("image,label,answer", "a,0,yes"), VOTES,
        ("'worker'",)),
    Bad("an empty answer", "v.csv", rows(LONG, "a,0,x,yes", "a,1,x,"), VOTES,
        ("row 3", "'answer'", "empty")),
    Bad("one answer only", "v.csv", rows("task,worker,label", "1,x,cat", "2,x,cat"), VOTES,
        ("every answer is 'cat'",)),
    Bad("a class that is no index", "v.csv", rows(LONG, "a,cat,x,yes"), VOTES,
        ("row 2 is 'cat'", "--classes")),
    Bad("an answer that was not declared", "v.csv", rows(LONG, "a,0,x,yes", "a,0,y,dunno"),
        VOTES + " --answers no,yes", ("row 3 is 'dunno'", "no, yes")),
    Bad("a huge class in a task", "v.csv", rows("task,worker,label", f"a:{10**30},x,1", "b:1,x,0"),
        VOTES, ("asks about class 1000000",)),
    Bad("a pickle", "v.npz", lambda p: Path(p).write_bytes(pickle.dumps([1])), VOTES, ("pickle",)),
    Bad("predictions for votes", "v.npz", lambda p: shutil.copy("preds.npz", p), VOTES,
        ("'info'", "classes")),
    Bad("a tensor of objects", "v.npz", dense(tensor=np.array([[[None] * 3] * 3] * 2)), VOTES,
        ("'tensor'", "object")),
    Bad("no votes", "v.npz", dense(tensor=np.zeros((2, 3, 3))), VOTES, ("0 votes",)),
    Bad("no raters", "v.npz", dense(tensor=np.zeros((0, 3, 3)), ids=np.zeros(0, int)), VOTES,
        ("0 raters",)),
    Bad("no questions", "v.npz",
        dense(tensor=np.zeros((2, 0, 3)), info=np.zeros((0, 2), "U4")), VOTES, ("0 votes",)),
    Bad("a rater with no votes", "v.npz", dense(tensor=tensor(b=0)), VOTES,
        ("rater '8' has 0 votes",)),
    Bad("a question with no votes", "v.npz", dense(tensor=tensor() * [[1], [1], [0]]), VOTES,
        ("question 'b.jpg:2' has 0 votes",)),
    Bad("half a vote", "v.npz", dense(tensor=tensor(b=0.5)), VOTES, ("tensor[1, 0, 2] is 0.5",)),
    Bad("less than no vote", "v.npz", dense(tensor=tensor(b=-1)), VOTES, ("[1, 0, 2] is -1",)),
    Bad("a vote that is NaN", "v.npz", dense(tensor=tensor(b=np.nan)), VOTES, ("is nan",)),
    Bad("a googol of votes", "v.npz", dense(tensor=tensor(b=1e100)), VOTES, ("is 1e+100",)),
    Bad("a tensor of another shape", "v.npz", dense(tensor=tensor()[:, :2]), VOTES,
        ("(2, 2, 3)", "(2, 3, 3)")),
    Bad("a rater twice", "v.npz", dense(ids=np.array([7, 7])), VOTES, ("rater id '7'",)),
    Bad("a question twice", "v.npz", dense(info=np.array([["a", "0"], ["a", "0"], ["b", "2"]])),
        VOTES, ("'a' with class 0", "more than one row")),
    Bad("a class that is a word", "v.npz",
        dense(info=np.array([["a", "x"], ["a", "0"], ["b", "2"]])), VOTES,
        ("'info'", "row 0 is 'x'")),
    Bad("gold with an unknown answer", "g.csv",
        rows("image,label,expert,answer", "a,0,x,yes", "a,1,x,perhaps"), GOLD,
        ("row 3 is 'perhaps'", "no, maybe, yes")),
    Bad("gold about other questions", "g.csv",
        rows("image,label,expert,answer", "gnu,0,x,yes", "gnu,1,x,no"), GOLD, ("'gnu:0'",), "gold"),
    Bad("gold of one kind", "g.csv", rows("image,label,expert,answer", f"{IDS[0]},0,x,yes"),
        GOLD + " --method calibrated", ("1 of 1", "other kind"), "gold"),
]  # fmt: skip

POSTERIORS = [
    Bad("no such file", "nowhere", lambda _: None, LABEL, ("neither a file",)),
    Bad("votes for a posterior", "p.csv", lambda p: shutil.copy("votes.csv", p), LABEL,
        ("not a posterior",)),
    Bad("predictions for a posterior", "p.npz", lambda p: shutil.copy("preds.npz", p), LABEL,
        ("not a posterior",)),
    Bad("an array is missing", "p.npz", posterior(truths=None), LABEL, ("'truths' is missing",)),
    Bad("NaN", "p.npz", posterior(log_probability=np.full((2, 2), np.nan)), LABEL, ("nan",)),
    Bad("another shape", "p.npz", posterior(log_probability=np.zeros((3, 2))), LABEL, ("(3, 2)",)),
    Bad("other states", "p.npz", posterior(truths=["cat", "dog"]), LABEL,
        ("cat, dog", "--states 2")),
    Bad("an unknown image", "p.npz", posterior(image_ids=["gnu.jpg", IDS[0]]), LABEL,
        ("'gnu.jpg'",)),
    Bad("a class that does not exist", "p.npz", posterior(label=np.array([0, 9])),
        LABEL + " --classes classes.csv --threshold 0.1", ("is 9", "[0, 4)")),
    Bad("no pairs", "p.npz", posterior(image_ids=None, question_ids=["q1", "q2"]), LABEL,
        ("must name an image and a class",)),
    Bad("nothing above the threshold", "p.npz",
        posterior(image_ids=IDS, image=np.arange(6), label=np.array(ORIGINAL),
                  log_probability=np.log(np.full((6, 2), 0.5))), LABEL, ("empty",)),
]  # fmt: skip

CASES = PREDICTIONS + TABLES + ORIGINALS + SETS_OF_LABELS + VOTES_AND_GOLD + POSTERIORS


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: f"{bad.file[:12]}: {bad.name}")
def test_bad_files(bad: Bad, study: Path, cli: Callable[..., Any]) -> None:
    np.save("full.npy", SCORES)
    bad.write(bad.file)
    before = sorted(study.rglob("*"))
    ran = cli(*(bad.file if word == "{}" else word for word in bad.command.split()))
    assert ran.status == 2, ran
    assert ran.err.startswith("Error: "), ran.err
    assert "Traceback" not in ran.err + ran.out
    assert (bad.names or bad.file) in ran.err, ran.err
    assert len(ran.err) < 900, "a message is a sentence or three"
    assert all(word.lower() in ran.err.lower() for word in bad.says), ran.err
    assert sorted(study.rglob("*")) == before, "something was left behind"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("score preds.npz --labels real.json --confidence 2 --json", "confidence is 2.0"),
        ("score preds.npz --labels real.json --top-k 5 --json", "k is 5, but must be in [1, 4]"),
        ("score preds.npz --labels real.json --top-k 0 --json", "k is 0"),
        ("score full.npy --labels real.json --order imagefolder --ids i.txt --json", "--order and"),
        ("score preds.npz --labels real.json --json --csv", "exclude each other"),
        ("score p=preds.npz p=preds.npz --labels real.json --per-image new/x.csv --json", "'p'"),
        ("score preds.npz --labels imagenet-reel --json", "'imagenet-reel' is neither"),
        ("compare preds.npz preds.npz --labels real.json --json -o new/x.csv", "'preds'"),
        ("compare two.npz preds.npz --labels real.json --json", "holds 2 models"),
        (
            "label post.npz --original-labels labels.csv --threshold nan -o new/l.json",
            "threshold is nan",
        ),
        ("label post.npz --original-labels labels.csv --target 0.9 -o new/l.json", "target of 0.9"),
        ("label post.npz --original-labels labels.csv --rule f1 -o new/l.json", "needs gold"),
        (
            "label post.npz --original-labels labels.csv --gold gold.csv --n-yes 0 -o new/l.json",
            "is 0",
        ),
        (
            "label post.npz --original-labels labels.csv --format parquet -o new/l.json",
            "must end in",
        ),
        (
            "label post.npz --original-labels labels.csv --format native -o new/l.parquet",
            "must end in",
        ),
        ("aggregate votes.csv -o new/post.json", "must end in .npz"),
        ("aggregate votes.csv --method calibrated -o new/p.npz", "needs gold"),
        ("aggregate votes.csv --original-labels labels.csv -o new/p.npz", "the method calibrated"),
        ("aggregate votes.csv --answers no,no,yes -o new/p.npz", "different names"),
        ("aggregate votes.csv --workers 0 -o new/p.npz", "workers is 0"),
        ("aggregate votes.csv --states 1 -o new/p.npz", "states is 1"),
        ("score preds.npz --labels real.json --json -o labels.csv/x.json", "cannot be written"),
        ("score preds.npz --labels real.json --json -o folder", "cannot be written"),
        ("aggregate votes.csv -o /proc/new/p.npz", "/proc/new/p.npz: cannot be written"),
    ],
)
def test_bad_options_and_outputs(
    command: str, says: str, study: Path, cli: Callable[..., Any]
) -> None:
    np.save("full.npy", SCORES)
    np.savez("two.npz", a=RANKED, b=RANKED, ids=IDS)
    Path("i.txt").write_text("\n".join(IDS))
    Path("folder").mkdir()
    assert cli("aggregate", "votes.csv", "--method", "majority", "-o", "post.npz").status == 0
    before = sorted(study.rglob("*"))
    ran = cli(*command.split())
    assert (ran.status, ran.out) == (2, ""), ran
    assert ran.err.startswith("Error: ")
    assert says in ran.err
    assert sorted(study.rglob("*")) == before, "something was left behind"


@pytest.fixture
def good(study: Path) -> dict[str, tuple[str, ...]]:
    """One good file of each kind, and the command that reads it."""
    dense()(str(study / "dense.npz"))
    posterior()("post.npz")
    np.save("full.npy", SCORES)
    parquet(filename=IDS, index=RANKED.tolist(), prob=BEST.tolist())("timm.parquet")
    parquet(image=IDS, labels=SETS)("real.parquet")
    timm = [f'{i},"{c}","{s}"' for i, c, s in zip(IDS, RANKED, BEST, strict=True)]
    rows("filename,index,prob", *timm)("timm.csv")
    score = ("score", "{}", "--labels", "real.json", "--original-labels", "labels.csv", "--json")
    judge = ("score", "preds.npz", "--labels", "{}", "--original-labels", "labels.csv", "--json")
    votes = ("aggregate", "{}", "--method", "majority", "-o", "out.npz")
    return {
        **dict.fromkeys(("preds.npz", "timm.csv", "timm.parquet"), score),
        "full.npy": (*score, "--order", "imagefolder"),
        **dict.fromkeys(("real.json", "real.parquet"), judge),
        "labels.csv": (
            "score",
            "preds.npz",
            "--labels",
            "real.json",
            "--original-labels",
            "{}",
            "--json",
        ),
        **dict.fromkeys(("votes.csv", "dense.npz"), votes),
        "post.npz": ("label", "{}", "--original-labels", "labels.csv", "-o", "out.json"),
    }


def test_the_good_files_are_good(good: dict[str, tuple[str, ...]], cli: Callable[..., Any]) -> None:
    for name, command in good.items():
        ran = cli(*(name if word == "{}" else word for word in command))
        assert ran.status == 0, ran


@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_bytes_cause_a_traceback(
    data: st.DataObject, good: dict[str, tuple[str, ...]], cli: Callable[..., Any]
) -> None:
    name = data.draw(st.sampled_from(sorted(good)))
    raw = bytearray(Path(name).read_bytes())
    start = data.draw(st.integers(0, len(raw) - 1))
    n_cut = data.draw(st.sampled_from([0, 1, 2, len(raw)]))
    raw[start : start + n_cut] = data.draw(st.binary(min_size=1, max_size=3))
    bad = Path("bad").with_suffix(Path(name).suffix)
    bad.write_bytes(raw)
    ran = cli(*(bad if word == "{}" else word for word in good[name]))
    assert ran.status in {0, 2}
    assert ran.status == 0 or "Error: " in ran.err
