"""The commands, on a tiny study and on the published data."""

import csv
import io
import json
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from reassess.catalog import Catalog
from reassess.cli import SECTIONS, main
from reassess.statistics.sequential import difference_sequence
from tests.conftest import IDS, ORIGINAL, SCORES, SETS

Run = Callable[..., Any]
TOP = SCORES.argmax(axis=1).tolist()
REAL = (sum(t in s for t, s in zip(TOP, SETS, strict=True)), sum(map(bool, SETS)))
FIRST = (sum(t == o for t, o in zip(TOP, ORIGINAL, strict=True)), len(IDS))

ANCHORS = {"alexnet": (54.50, 60.79), "resnet50": (75.06, 81.98), "resnet152": (77.61, 84.07)}
"""Original and ReaL accuracy in percent, as the data's publisher and others measured them."""


def run_json(cli: Run, *arguments: str | Path) -> Any:
    ran = cli(*arguments, "--json")
    assert ran.status == 0, ran
    return json.loads(ran.out)


def counts(found: Any) -> tuple[int, int]:
    return found["n_correct"], found["n_scored"]


@pytest.mark.parametrize("command", [c for names in SECTIONS.values() for c in names])
def test_every_command_helps_with_an_example(command: str, cli: Run) -> None:
    ran = cli(command, "--help")
    assert ran.status == 0
    assert "Example" in ran.out
    assert f"reassess {command}" in ran.out
    assert cli(command, "-h").out == ran.out


def test_the_first_page_lists_every_command(cli: Run) -> None:
    ran = cli("--help")
    assert all(title in ran.out for title in SECTIONS)
    context = click.Context(main)
    assert main.list_commands(context) == [c for names in SECTIONS.values() for c in names]
    assert all(isinstance(main.get_command(context, c), click.Command) for c in ("label", "score"))
    assert cli("scroe").status == 2
    assert version("reassess") in cli("--version").out


def test_verbose_and_json_say_which_columns_were_read(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("l.json").write_text('{"a.jpg": [0], "b.jpg": [1]}')
    Path("o.csv").write_text("File Name,class,comment\na.jpg,0,x\nb.jpg,1,y\n")
    Path("p.csv").write_text("filename,index,prob\na.jpg,0,.9\nb.jpg,0,.8\n")
    score = ("score", "p.csv", "--labels", "l.json", "--original-labels", "o.csv")
    lines = cli(*score, "-v").err.splitlines()
    assert "Read: o.csv: image from 'File Name', label from 'class'; left: 'comment'." in lines
    assert any(line.startswith("Read: p.csv: ") and "'prob'" in line for line in lines)
    found = run_json(cli, *score)
    assert found["notes"] == []
    assert {one["file"]: one["left"] for one in found["read"]} == {
        "o.csv": ["comment"],
        "p.csv": [],
    }
    assert "Read:" not in cli(*score).err
    assert "Read: no table." in cli("datasets", "--verbose").err


def test_a_misspelt_option_is_answered_with_present_names_only(cli: Run) -> None:
    for typed, offered in (("--unclea", "--ambiguous-labels"), ("--leve", "--confidence")):
        told = cli("score", "p.npz", "--labels", "l.json", typed, "1").err
        assert f"No such option '{typed}'. Did you mean {offered}" in told
        assert f"{typed}r" not in told
        assert f"{typed}l" not in told


def test_an_option_before_the_command_is_answered_with_its_place(cli: Run) -> None:
    told = cli("-q", "score", "p.npz").err
    assert "put them after it, as in 'reassess score --quiet'" in told
    assert "put them after it" not in cli("--versoin").err


def test_a_study_is_begun_with_each_note_once_and_reads_files_beside_it_by_their_names(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("l.csv").write_text("image;label\na.jpg; cat\nb.jpg;dog\n")
    told = cli("new", "s", "--labels", "l.csv").err
    assert told.count("semicolons between") == told.count("have blanks around") == 1
    np.savez("p.npz", classes=np.array([[0], [1]]), ids=["c.jpg", "d.jpg"])
    told = cli("add", "s", "p.npz").err
    assert "Error: p.npz: image id[0] is 'c.jpg'" in told
    assert "Use the same ids" in told
    assert "--subset" not in told


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize("method", ["majority", "dawid-skene", "calibrated"])
def test_a_tiny_study(method: str, cli: Run) -> None:
    """The raters see what holds, apart from one who is fooled and one in doubt."""
    more = ("--gold", "gold.csv") if method == "calibrated" else ()
    made = run_json(cli, "aggregate", "votes.csv", "--method", method, *more, "-o", "p.npz")
    n_pairs = sum(len({0, 1, *s}) for s in SETS)
    assert (made["n_votes"], made["n_raters"], made["n_questions"]) == (5 * n_pairs, 5, n_pairs)

    for output, form in (("l.json", "native"), ("real.v2.json", "real-json"), ("l.pq", "parquet")):
        made = run_json(
            cli, "label", "p.npz", "--original-labels", "labels.csv", "--threshold", "0.7",
            "--format", form, "-o", output,
        )  # fmt: skip
        assert (made["n_labels"], made["n_labelled"], made["n_unrated"]) == (7, 5, 0)
        scored = run_json(
            cli,
            "score",
            "preds.npz",
            "--labels",
            output,
            "--original-labels",
            "labels.csv",
            "--top-k",
            "2",
        )
        (model,) = scored["models"]
        assert model["model"] == "preds"
        assert counts(model["real"]) == REAL
        assert model["real"]["n_unlabelled"] == 1
        assert counts(model["original"]) == FIRST
        assert model["real"]["value"] == REAL[0] / REAL[1]
        assert 0 < model["real"]["low"] < model["real"]["value"] < model["real"]["high"] < 1
        two = [
            set(np.argsort(-row)[:2].tolist()) & set(s) for row, s in zip(SCORES, SETS, strict=True)
        ]
        assert counts(model["hit_at"]["2"]["real"]) == (sum(map(bool, two)), REAL[1])
    stored = json.loads(Path("l.json").read_text())
    assert {i: sorted(s) for i, s in stored["labels"].items()} == dict(zip(IDS, SETS, strict=True))
    assert stored["operating_point"]["threshold"] == 0.7
    assert stored["unrated"] == []
    assert len(stored["votes_sha256"]) == 64
    assert json.loads(Path("real.v2.json").read_text()) == SETS


@pytest.mark.usefixtures("study")
def test_images_that_were_not_rated_keep_their_label(cli: Run) -> None:
    lines = Path("votes.csv").read_text().splitlines()
    Path("votes.csv").write_text("\n".join(x for x in lines if IDS[4] not in x))
    assert cli("aggregate", "votes.csv", "--method", "majority", "-o", "p.npz").status == 0
    made = run_json(cli, "label", "p.npz", "--original-labels", "labels.csv", "-o", "new/l.json")
    stored = json.loads(Path("new/l.json").read_text())
    assert made["n_unrated"] == 1
    assert stored["unrated"] == [IDS[4]]
    assert stored["labels"][IDS[4]] == [ORIGINAL[4]]


@pytest.mark.usefixtures("study")
def test_every_way_to_say_which_image_a_row_is_about(cli: Run) -> None:
    np.save("m.npy", SCORES)
    backwards = list(range(len(IDS)))[::-1]
    np.save("b.npy", SCORES[backwards])
    Path("b.txt").write_text("\n".join(IDS[i].rpartition("/")[2] for i in backwards))
    np.savez("b.npz", scores=SCORES[backwards], ids=np.array(IDS)[backwards])
    Path("x=y").mkdir()
    for name in ("a=b.npz", "x=y/b.npz"):
        Path(name).write_bytes(Path("b.npz").read_bytes())
    ranked = np.argsort(-SCORES, axis=1)
    np.save("c=d.npy", ranked)
    np.save("e.npy", np.take_along_axis(SCORES, ranked, axis=1))
    judge = ("--labels", "real.json", "--original-labels", "labels.csv", "--classes", "classes.csv")
    names = {"vit=b.npz": "vit", "a=b.npz": "a=b", "x=y/b.npz": "b", "c=d.npy:e.npy": "c=d"}
    for how in (
        ("a=b.npz",),
        ("x=y/b.npz",),
        ("c=d.npy:e.npy", "--order", "imagefolder"),
        ("m.npy", "--order", "imagefolder"),
        ("m.npy", "--order", "file-number"),
        ("b.npy", "--ids", "b.txt"),
        ("b.npz",),
        ("vit=b.npz",),
        ("b.npz", "--scale", "probability"),
    ):
        (model,) = run_json(cli, "score", *how, *judge)["models"]
        assert (counts(model["real"]), counts(model["original"])) == (REAL, FIRST), how
        assert model["model"] == names.get(how[0], how[0][0])
    Path("some.txt").write_text(f"{IDS[4]}\nimg_1.jpg\n")
    (model,) = run_json(cli, "score", "b.npz", *judge, "--subset", "some.txt")["models"]
    right = [i for i in (0, 4) if TOP[i] in SETS[i]]
    assert counts(model["real"]) == (len(right), 2)


@pytest.mark.usefixtures("study")
def test_csv_and_tables_of_images(cli: Run) -> None:
    np.savez("other.npz", classes=np.array([[s[0] if s else 0] for s in SETS]), ids=IDS)
    command = ("score", "preds.npz", "other.npz", "--labels", "real.json", "--csv")
    ran = cli(*command, "--per-image", "new/i.csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [(r["model"], int(r["real_n_correct"])) for r in rows] == [("preds", 3), ("other", 5)]
    with Path("new/i.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["image"] for row in table] == IDS
    expected = [str(int(t in s)) if s else "" for t, s in zip(TOP, SETS, strict=True)]
    assert [row["preds:right"] for row in table] == expected
    assert [int(row["preds:top"]) for row in table] == TOP
    Path("names.csv").write_text("id,name\n" + "".join(f"n{k},{k}th\n" for k in range(4)))
    assert cli(*command, "--classes", "names.csv", "--per-image", "ids.csv").status == 0
    with Path("ids.csv").open() as file:
        assert [row["preds:top"] for row in csv.DictReader(file)] == [f"n{k}" for k in TOP]
    assert cli(*command, "-o", "new/s.csv").status == 0
    assert Path("new/s.csv").read_text() == ran.out


@pytest.mark.usefixtures("study")
def test_models_of_other_classes_are_scored_by_those_of_the_labels(cli: Run) -> None:
    """Of six classes two are none of the labels', and two are one of them."""
    Path("few.csv").write_text("index,id\n0,n0\n1,n1\n2,n2\n3,n3\n")
    logits = np.full((len(IDS), 6), -9.0)
    logits[np.arange(len(IDS)), TOP] = 1.0  # right or wrong as preds.npz, once 4 and 5 are gone
    logits[:, 4] = 5.0
    own = np.roll(logits, 1, axis=1)
    np.savez("six.npz", logits=own, ids=IDS)
    names = ["zebra", *(f"n{k}" for k in range(4)), "yak"]
    Path("six.csv").write_text("id\n" + "\n".join(names) + "\n")
    command = ("score", "six.npz", "--labels", "real.json", "--classes", "few.csv")
    (found,) = run_json(cli, *command, "--model-classes", "six.csv")["models"]
    assert (found["real"]["n_correct"], found["real"]["n_scored"]) == REAL[:2]
    assert "2 of 6 classes of the models" in cli(*command, "--model-classes", "six.csv").err
    Path("map.csv").write_text("id,to\nw0,\nw1,n0\nw2,n1\nw3,n2\nw4,n3\nw5,\n")
    report = ("--model-classes", "map.csv", "--report", "r.html")
    (other,) = run_json(cli, *command, *report)["models"]
    assert other["real"] == found["real"]
    assert "map.csv" in Path("r.html").read_text("utf-8")
    assert cli(*command).status == 2  # six columns, four classes


@pytest.mark.usefixtures("study")
def test_metrics_of_predicted_sets_stand_in_every_form(cli: Run) -> None:
    """Average precision needs the scores of all classes, of which files may keep a few."""
    rng = np.random.default_rng(0)
    np.savez("full.npz", logits=rng.normal(size=(len(IDS), 7)), ids=IDS)
    np.savez("short.npz", classes=np.array(TOP)[:, None], ids=IDS)
    command = ("score", "full.npz", "short.npz", "--labels", "real.json")
    full, short = run_json(cli, *command, "--multilabel", "top-1")["models"]
    assert (short["sets"]["precision"], short["sets"]["mean_average_precision"]) == (
        REAL[0] / REAL[1], None,
    )  # fmt: skip
    assert 0 < full["sets"]["mean_average_precision"] <= 1
    (row, _) = csv.DictReader(io.StringIO(cli(*command, "--multilabel", "top-1", "--csv").out))
    assert float(row["sets_macro_f1"]) == full["sets"]["macro_f1"]
    shown = cli(*command[:2], *command[3:], "--multilabel", "0.5").out
    assert "Predicted sets (score >= 0.5)" in shown
    assert cli(*command, "--multilabel", "best").status == 2


@pytest.mark.usefixtures("study")
def test_compare(cli: Run) -> None:
    np.savez("perfect.npz", classes=np.array([[s[0] if s else 0] for s in SETS]), ids=IDS[:6])
    found = run_json(
        cli, "compare", "new=preds.npz", "perfect.npz", "--labels", "real.json", "-o", "flips.csv"
    )
    wrong = [i for i, t, s in zip(IDS, TOP, SETS, strict=True) if s and t not in s]
    assert (found["a"], found["b"]) == ("new", "perfect")
    assert (found["n_both"], found["n_only_a"], found["n_neither"]) == (REAL[0], 0, 0)
    assert found["only_b"] == wrong
    assert found["difference"] == -len(wrong) / REAL[1]
    assert found["p_value"] == 0.5, "two flips, the same way: 2 * (1/2)**2"
    given = ("compare", "new=preds.npz", "perfect.npz", "--labels", "real.json", "--anytime")
    at_every_look = run_json(cli, *given)
    anytime = at_every_look["anytime"]
    known = difference_sequence(0, len(wrong), REAL[1])
    assert (anytime["low"], anytime["high"]) == pytest.approx((known.low, known.high))
    assert (at_every_look["decision"], at_every_look["low"]) == ("undecided", found["low"])
    told = " ".join(cli(*given).out.split())
    assert re.search(
        r"new minus perfect lies between \S+ and \S+ points \(95% confidence seq", told
    )
    assert "one look only" in cli(*given, "--votes", "v.csv").err
    with Path("flips.csv").open() as file:
        assert [(r["image"], r["right"]) for r in csv.DictReader(file)] == [
            (i, "perfect") for i in wrong
        ]


@pytest.mark.usefixtures("study")
def test_labels_alone_give_real_accuracy_alone(cli: Run) -> None:
    (model,) = run_json(cli, "score", "preds.npz", "--labels", "real.json")["models"]
    assert counts(model["real"]) == REAL
    assert model["original"] is None


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            "score preds.npz --labels real.json --original-labels labels.csv",
            ["preds", "60.0", "33.3"],
        ),
        ("compare new=preds.npz old=preds.npz --labels real.json", ["new", "old"]),
        ("aggregate votes.csv -o p.npz", ["75 votes on 15 questions", "converged"]),
        (
            "label p.npz --original-labels labels.csv -o l.json",
            ["7 labels on 5 of 6 images", "0.8"],
        ),
        ("datasets", ["imagenet-real"]),
    ],
)
def test_what_people_read(command: str, says: list[str], cli: Run) -> None:
    assert cli("aggregate", "votes.csv", "--method", "majority", "-o", "p.npz").status == 0
    if command.startswith("label"):
        command += " --threshold 0.7"
        says = [*says[:1], "0.7"]
    ran = cli(*command.split())
    assert ran.status == 0, ran
    assert all(words in ran.out for words in says), ran.out


def test_datasets(cli: Run, published: Catalog) -> None:
    listed = run_json(cli, "datasets")
    assert listed["folder"] == str(published.folder)
    assert {"imagenet", "imagenet-real", "imagenet-votes"} <= {e["name"] for e in listed["entries"]}
    assert all(e["cached"] for e in listed["entries"] if e["name"].startswith("imagenet"))


def percent(found: Any) -> float:
    return round(100 * found["n_correct"] / found["n_scored"], 2)


def anchors(found: Any) -> dict[str, tuple[float, float]]:
    return {m["model"].partition("_")[0]: (percent(m["original"]), percent(m["real"]))
            for m in found["models"]}  # fmt: skip


def test_the_published_labels_from_the_published_votes(
    published: Catalog, cli: Run, tmp_path: Path
) -> None:
    del published
    cli_made = run_json(
        cli, "aggregate", "imagenet-votes", "--gold", "imagenet-gold",
        "--gold-votes", "imagenet-gold-votes", "--original-labels", "imagenet",
        "--original-classes", "0-397", "--original-min-expert-yes", "2", "-o", tmp_path / "p.npz",
    )  # fmt: skip
    assert cli_made["n_votes"] == 924_810
    ours = tmp_path / "real.json"
    made = run_json(
        cli, "label", tmp_path / "p.npz", "--original-labels", "imagenet", "--threshold", "0.8",
        "--format", "real-json", "-o", ours,
    )  # fmt: skip
    assert (made["n_labels"], made["n_labelled"], made["n_unrated"]) == (57_553, 46_837, 25_111)
    theirs = Catalog.default().folder / "imagenet/real.json"
    sets = [set(s) for s in json.loads(theirs.read_text())]
    assert [set(s) for s in json.loads(ours.read_text())] == sets


def test_published_models_in_every_form(published: Catalog, cli: Run, tmp_path: Path) -> None:
    """Rows by folder, by number or shuffled; columns mixed; other types: the same scores."""
    folder = published.folder / "imagenet/predictions/torchvision"
    files = [folder / f"{name}_pytorch_imagenet_top5preds.npy" for name in ANCHORS]
    judge = ("--labels", "imagenet-real")
    assert anchors(run_json(cli, "score", *files, *judge, "--order", "imagefolder")) == ANCHORS

    listed = json.loads(
        (published.folder / "imagenet/imagenet_val_set_index_to_filepath.json").read_text()
    )
    ids = np.array(listed)
    numbers = np.argsort([int(i[-13:-5]) for i in listed])
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(ids))
    forms: dict[str, list[Any]] = {"file-number": [], "npz": [], "ranked": []}
    for file in files:
        name = file.name.partition("_")[0]
        classes = np.load(file)
        scores = np.load(file.with_name(file.name.replace("preds", "probs"))).astype(np.float32)
        first, second = tmp_path / f"{name}_c.npy", tmp_path / f"{name}_s.npy"
        np.save(first, classes[numbers].astype(np.int16))
        np.save(second, scores[numbers])
        forms["file-number"].append(f"{first}:{second}")
        columns = rng.permutation(5)
        forms["npz"].append(tmp_path / f"{name}.npz")
        np.savez(
            forms["npz"][-1], ids=np.strings.replace(ids[shuffled], "val/", ""),
            classes=classes[shuffled][:, columns], scores=scores[shuffled][:, columns],
        )  # fmt: skip
        forms["ranked"].append(tmp_path / f"{name}_r.npy")
        best_first = np.argsort(-scores, axis=1, kind="stable")
        ranked = np.take_along_axis(classes, best_first, 1)[shuffled]
        np.save(forms["ranked"][-1], ranked[:, :1].astype(np.uint16))
    (tmp_path / "ids.txt").write_text("\n".join(i.rpartition("/")[2] for i in ids[shuffled]))
    number = ("--order", "file-number")
    bare = ("--labels", published.folder / "imagenet/real.json", "--original-labels", "imagenet")
    assert anchors(run_json(cli, "score", *forms["file-number"], *judge, *number)) == ANCHORS
    assert anchors(run_json(cli, "score", *forms["npz"], *bare)) == ANCHORS
    with_ids = ("--ids", tmp_path / "ids.txt")
    assert anchors(run_json(cli, "score", *forms["ranked"], *judge, *with_ids)) == ANCHORS
    alone = run_json(
        cli, "score", *forms["file-number"], "--labels", bare[1], *number
    )  # lists by number, rows by number: nothing else is needed
    assert [percent(m["real"]) for m in alone["models"]] == [real for _, real in ANCHORS.values()]
    wrong = cli("score", forms["file-number"][0], *judge, "--order", "imagefolder")
    assert wrong.status == 2, wrong
    assert "(--order file-number)" in wrong.err


def test_full_scores_of_50000_images_in_half_precision(
    published: Catalog, cli: Run, tmp_path: Path
) -> None:
    file = published.folder / "imagenet/predictions/torchvision/resnet50_pytorch_imagenet_top5"
    classes, probs = (np.load(f"{file}{what}.npy") for what in ("preds", "probs"))
    scores = np.full((50_000, 1000), -np.inf, np.float16)
    np.put_along_axis(scores, classes, np.argsort(np.argsort(probs, axis=1), axis=1), axis=1)
    np.save(tmp_path / "resnet50.npy", scores)
    found = run_json(
        cli, "score", tmp_path / "resnet50.npy", "--labels", "imagenet-real",
        "--order", "imagefolder", "--scale", "logit",
    )  # fmt: skip
    assert anchors(found) == {"resnet50": ANCHORS["resnet50"]}
