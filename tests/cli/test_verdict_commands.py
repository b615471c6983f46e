"""`verdict` and `compare-labels`, as their readers type them."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reassess.analysis.proxy import Breakpoint
from reassess.files import sha256_of
from reassess.report.build import sensitivity_of
from reassess.scoring import real_accuracy
from reassess.statistics import wilson_interval
from reassess.study import change_settings, collect, open_study
from reassess.study.report_inputs import report_inputs
from tests.conftest import IDS, ORIGINAL, SETS, Ran
from tests.study.small import NAMES

Cli = Callable[..., Ran]


def write_results(folder: Path, n: int = 40) -> None:
    """Two of timm's tables, in other orders, with one entry that the second lacks."""
    rng = np.random.default_rng(0)
    x = rng.uniform(60, 90, n)
    y = np.minimum(x + 5, 75 + 0.5 * (x - 70)) + rng.normal(0, 0.1, n)
    for name, values, rows in (
        ("results-imagenet.csv", x, range(n)),
        ("results-imagenet-real.csv", y, range(n - 2, -1, -1)),
    ):
        (folder / name).write_text(
            "model,img_size,top1,top5\n"
            + "".join(f"{chr(97 + i % 13)}net_m{i}.x,224,{values[i]:.3f},99\n" for i in rows)
        )


@pytest.mark.usefixtures("published")
def test_the_verdict_on_the_published_results(cli: Cli) -> None:
    ran = cli("verdict", "--results", "timm-results", "--json")
    assert ran.status == 0, ran
    found = json.loads(ran.out)
    assert (found["n_models"], found["n_above_original_labels"]) == (1556, 105)
    assert found["original_labels_real"] == pytest.approx(42_164 / 46_837)
    assert found["slopes"][0]["slope"] == pytest.approx(1.04, abs=0.005)
    assert found["slopes"][-1]["slope"] == pytest.approx(0.30, abs=0.005)
    for one in found["slopes"]:
        assert one["interval"][0] < one["slope"] < one["interval"][1]
    low, high = found["breakpoint_interval"]
    assert low < found["breakpoint"] < high
    assert found["answer"] == "weaker"
    text = cli("verdict", "--results", "timm-results")
    assert 5 < len(found["sentences"]) <= 10
    assert "105 of 1,556 models (6.7%) are above" in text.out


def test_results_from_a_folder_or_one_by_one(tmp_path: Path, cli: Cli) -> None:
    write_results(tmp_path)
    found = json.loads(cli("verdict", "--results", tmp_path, "--json").out)
    assert (found["n_models"], found["n_left_out"], found["n_groups"]) == (39, 1, 13)
    bend = found["bend"]
    assert (bend["value"], bend["interval"]) == (found["breakpoint"], found["breakpoint_interval"])
    assert bend.keys() == set(Breakpoint.__dataclass_fields__)
    tables = [tmp_path / f"results-imagenet{end}.csv" for end in ("", "-real")]
    again = cli("verdict", "--results", tables[1], "--results", tables[0], "--json")
    assert json.loads(again.out)["breakpoint"] == pytest.approx(found["breakpoint"])
    alone = json.loads(cli("verdict", "--results", tmp_path, "--cluster-by", "none", "--json").out)
    assert (alone["n_groups"], alone["breakpoint"]) == (39, found["breakpoint"])
    edges = cli("verdict", "--results", tmp_path, "--bins", "0.7,0.8", "--json").out
    assert [one["high"] for one in json.loads(edges)["slopes"]] == [0.7, 0.8, None]
    drawn = tmp_path / "drawn"
    told = cli("verdict", "--results", tmp_path, "--json", "--seed", "0", "--figures", drawn)
    assert cli("verdict", "--results", tmp_path, "--json").out == told.out
    written = {path.name for path in drawn.iterdir()}
    tables = {f"table-{name}.{end}" for name in ("verdict", "slopes") for end in ("csv", "tex")}
    assert written == tables | {f"verdict.{end}" for end in ("png", "svg", "pdf", "csv")}
    assert len((drawn / "verdict.csv").read_text().splitlines()) == 1 + found["n_models"]
    with (drawn / "table-verdict.csv").open(newline="") as file:
        values = {row["quantity"]: float(row["value"]) for row in csv.DictReader(file)}
    assert values["breakpoint"] == found["breakpoint"]
    refused = cli("verdict", "--results", tmp_path, "--figure-width", "column")
    assert refused.status == 2
    assert "Add --figures DIR" in refused.err


def test_any_two_columns_and_what_score_writes(tmp_path: Path, cli: Cli) -> None:
    """Percent or fractions, one file or two that are joined: always the same verdict."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.6, 0.9, 30)
    y = x + 0.03 + rng.normal(0, 0.003, 30)
    names, place = [f"m{i}" for i in range(30)], {}
    for file, rows in {
        "percent.csv": ["name,val acc,shifted,size"]
        + [f"{m},{100 * a:.4f}%,{100 * b:.4f},9M" for m, a, b in zip(names, x, y, strict=True)],
        "first.csv": ["model;acc"] + [f"{m};{a:.6f}" for m, a in zip(names, x, strict=True)],
        "second.csv": ["model,acc"]
        + [f"{m},{b:.6f}" for m, b in reversed(list(zip(names, y, strict=True)))],
    }.items():
        place[file] = tmp_path / file
        place[file].write_text("\n".join(rows) + "\n")
    scores = [
        {"model": m, "real": {"value": b, "n_scored": 9}, "original": {"value": a}}
        for m, a, b in zip(names, x.tolist(), y.tolist(), strict=True)
    ]
    place["scores.json"] = tmp_path / "scores.json"
    place["scores.json"].write_text(json.dumps({"labels": "l", "models": scores}))
    (tmp_path / "error.csv").write_text("model,top1_err,acc\nz1,0.2,0.8\nz2,0.3,0.7\n")
    several = ["--results", place["first.csv"], "--results", place["second.csv"]]
    found = []
    for arguments in (
        [place["percent.csv"], "--x", "val acc", "--y", "shifted"],
        [*several, "--x", "first:acc", "--y", "second:acc"],
        [place["scores.json"]],
    ):
        ran = cli("verdict", *arguments, "--json", "--resamples", "100")
        assert ran.status == 0, ran
        found.append(json.loads(ran.out))
    assert {one["answer"] for one in found} == {"yes"}
    assert {one["n_models"] for one in found} == {30}
    slopes = [one["bend"]["slope_above"] for one in found]
    assert slopes == pytest.approx([slopes[0]] * 3, abs=1e-3)
    assert {one["original_labels_real"] for one in found} == {None}
    for arguments, says in (
        ([place["percent.csv"]], "no column 'original', but --x and --y must name columns"),
        ([place["percent.csv"], "--x", "size", "--y", "shifted"], "row 2, column 'size' is '9M'"),
        ([*several, "--x", "acc", "--y", "acc"], "Write which, as first:acc"),
        ([tmp_path / "error.csv", "--x", "top1_err", "--y", "acc"], "holds errors by its name"),
        (
            [
                "--results",
                place["first.csv"],
                "--results",
                tmp_path / "error.csv",
                "--x",
                "first:acc",
                "--y",
                "error:acc",
            ],
            "have no model in common, such as",
        ),
    ):
        ran = cli("verdict", *arguments)
        assert (ran.status, ran.out) == (2, "")
        assert says in " ".join(ran.err.split())
    (tmp_path / "mixed.csv").write_text("model,original,real\na,0.8,70\nb,81,71\n")
    ran = cli("verdict", tmp_path / "mixed.csv")
    assert (ran.status, "may be percent or a fraction" in ran.err) == (2, True)


def test_a_column_called_a_is_no_test_set_of_timm(tmp_path: Path, cli: Cli) -> None:
    table = tmp_path / "own.csv"
    rows = [f"m{i},{0.6 + i / 50},{0.5 + i / 60:.4f}" for i in range(9)]
    table.write_text("\n".join(["model,a,v2", *rows]) + "\n")
    ran = cli("verdict", table, "--x", "a", "--y", "v2", "--resamples", "100")
    assert "'a'" in ran.out, ran
    assert "'v2'" in ran.out
    assert "ImageNet" not in ran.out
    timm = tmp_path / "timm"
    timm.mkdir()
    write_results(timm)
    (timm / "results-imagenet-real.csv").rename(timm / "results-imagenet-a.csv")
    ran = cli("verdict", "--results", timm, "--y", "a", "--resamples", "100")
    assert "accuracy on ImageNet-A" in ran.out, ran


def test_a_constant_column_has_no_negative_zero(tmp_path: Path, cli: Cli) -> None:
    rows = [f"m{i},{0.6 + i / 80:.4f},0.7" for i in range(24)]
    (tmp_path / "t.csv").write_text("\n".join(["model,original,real", *rows]) + "\n")
    ran = cli("verdict", tmp_path / "t.csv", "--resamples", "100")
    assert ran.status == 0, ran
    assert "0.00" in ran.out
    assert not re.search(r"[-−]0\.?0*(?![.\d])", ran.out), ran.out
    assert "-0.0," not in cli("verdict", tmp_path / "t.csv", "--resamples", "100", "--json").out


def test_the_verdict_on_a_study(here: Path, cli: Cli) -> None:
    ran = cli("verdict", "s", "--resamples", "100")
    assert ran.status == 0, ran
    assert "Open: these models do not tell" in ran.out
    assert "needs 8 models, and here are 3" in ran.out
    found = json.loads(cli("verdict", "s", "--resamples", "100", "--json").out)
    said = (found["n_models"], found["n_above_original_labels"])
    assert said == (3, 0)
    assert (found["breakpoint"], found["bend"]) == (None, None)
    ranks = json.loads(cli("ranks", "s", "--resamples", "100", "--json").out)
    assert ranks["n_undecided_by_labels"] is not None
    for name in ("n_decided", "n_undecided_by_images", "n_undecided_by_labels", "adjacent"):
        assert found["ranks"][name] == ranks[name]
    for one, row in zip(found["models"], ranks["models"], strict=True):
        assert (one["model"], one["rank"]) == (row["model"], row["real_rank"])
        for name in ("calibrated", "calibrated_rank"):
            assert one[name] == row[name]
        assert one["calibrated_interval"] == [row["calibrated_low"], row["calibrated_high"]]
        assert one["rank_interval"] == [row["real_rank_best"], row["real_rank_worst"]]
        spans = [row["calibrated_rank_best"], row["calibrated_rank_worst"]]
        assert one["calibrated_rank_interval"] == spans
    assert "undecided because of the labels" in ran.out
    kept = f"original labels of {found['n_images'] - found['n_rated']} images being right"
    assert f"Intervals are conditional on the {kept}" in " ".join(ran.out.split())
    best = found["models"][0]
    low, high = (100 * end for end in best["calibrated_interval"])
    assert f"{100 * best['calibrated']:.2f}% ({low:.2f}–{high:.2f}%)" in " ".join(ran.out.split())
    assert found["n_changed"] == sum(
        len(held) != 1 or held != [original]
        for held, original in _labels_and_originals(here)
    )  # fmt: skip


def test_the_verdict_on_one_model_has_the_same_keys(here: Path, cli: Cli) -> None:
    several = json.loads(cli("verdict", "s", "--resamples", "100", "--json").out)
    manifest = here / "s" / "study.toml"
    others = r"\[\[models\]\]\nname = \"m[12]\"[^\[]*"
    manifest.write_text(re.sub(others, "", manifest.read_text()))
    one = json.loads(cli("verdict", "s", "--resamples", "100", "--json").out)
    assert one.keys() == several.keys()
    assert (one["n_models"], one["slopes"], one["answer"]) == (1, [], "open")
    assert "fewer than 2 models" in one["missing"][0]


@pytest.mark.parametrize("gold", ["all hold", "never asked"])
def test_gold_that_cannot_calibrate_is_no_reason_to_say_nothing(
    gold: str, here: Path, cli: Cli
) -> None:
    path = here / "s" / "gold.csv"
    header, *lines = path.read_text().splitlines()
    kept = [line for line in lines if line.endswith(",yes")]
    if gold == "never asked":
        votes = (here / "s" / "votes.csv").read_text().splitlines()
        asked = {tuple(line.split(",")[:2]) for line in votes}
        kept = [line for line in lines if tuple(line.split(",")[:2]) not in asked]
    assert kept
    path.write_text("\n".join([header, *kept]) + "\n")
    for command in ("verdict", "ranks", "report"):
        ran = cli(command, "s", "--resamples", "100")
        assert ran.status == 0, ran
    assert "Posteriors are taken as they are" in (here / "s" / "report.html").read_text("utf-8")


def test_gold_that_only_the_labels_name_calibrates_and_is_told(here: Path, cli: Cli) -> None:
    """By default labels take gold where the aggregation has none; so do findings."""
    manifest = here / "s" / "study.toml"
    before = manifest.read_text()
    assert before.count("[aggregate]") == 1
    manifest.write_text(before.replace("[aggregate]", "[label]"))
    found = json.loads(cli("ranks", "s", "--resamples", "40", "--json").out)
    assert found["calibration"]["n_gold"] > 100
    assert cli("report", "s", "--resamples", "40").status == 0
    page = (here / "s" / "report.html").read_text("utf-8")
    assert "Can the labels be trusted?" in page
    assert f"gold.csv, SHA-256 {sha256_of(here / 's' / 'gold.csv')}" in page


def test_without_gold_the_verdict_says_that_nothing_was_calibrated(here: Path, cli: Cli) -> None:
    manifest = here / "s" / "study.toml"
    manifest.write_text(manifest.read_text().replace('gold = "gold.csv"', ""))
    ran = cli("verdict", "s", "--resamples", "100")
    assert ran.status == 0, ran
    assert "there is no gold" in " ".join(ran.out.split())


def test_what_experts_decided_counts_at_every_threshold(here: Path, cli: Cli) -> None:
    """Decisions that overturn the votes on many questions: scores follow the labels as decided."""
    study = open_study(here / "s")
    overturned = collect(study)
    assert overturned.posterior is not None
    pairs = overturned.posterior.questions.pairs
    assert pairs is not None
    rows = ["image,label,expert,answer"]
    for q in range(0, len(pairs), 7):
        answer = "no" if overturned.posterior.present[q] > 0.5 else "yes"
        image_id = pairs.image_ids[pairs.image[q]]
        rows.append(f"{image_id},{NAMES[pairs.label[q]]},x,{answer}")
    (here / "s" / "adjudications.csv").write_text("\n".join(rows) + "\n")
    change_settings(study, "label", {"adjudications": "adjudications.csv"})
    assert cli("run", "s").status == 0
    assert cli("report", "s", "--resamples", "40").status == 0
    page = (here / "s" / "report.html").read_text("utf-8")
    assert "adjudications.csv, SHA-256 " in page
    found = collect(open_study(here / "s"))
    point, moved = found.labels.operating_point, sensitivity_of(report_inputs(found))
    assert point is not None
    assert moved is not None
    own = moved.accuracy[moved.thresholds.index(point.threshold)]
    for one, accuracy in zip(found.predictions, own.tolist(), strict=True):
        assert accuracy == pytest.approx(real_accuracy(one, found.labels, subset=True).value)


def _labels_and_originals(folder: Path) -> list[tuple[list[int], int]]:
    labels = json.loads((folder / "s" / "labels.json").read_text())["labels"]
    with (folder / "labels.csv").open(newline="") as file:
        original = {row["image"]: int(row["label"][1:]) for row in csv.DictReader(file)}
    return [(held, original[image]) for image, held in labels.items()]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "neither is there"),
        (["s", "--results", "timm-results"], "both are there"),
        (["s", "--x", "v2"], "--x and --y choose among published"),
        (["--results", "nonsense"], "neither a file nor a name in the catalogue"),
        (["--results", "empty"], "holds no table of results"),
        (["--results", "t", "--y", "v2"], "no accuracy 'v2'"),
        (["--results", "t", "--x", "real"], "x and y are both"),
        (["--results", "t", "--top-share", "0"], "the top share is 0"),
        (["--results", "t", "--bins", "a"], "--bins is 'a'"),
        (["--results", "t", "--bins", "0.8,0.7"], "must ascend"),
        (["nowhere"], "there is no study"),
    ],
)
def test_verdict_refuses(arguments, says, tmp_path: Path, monkeypatch, cli: Cli) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("t").mkdir()
    write_results(Path("t"))
    ran = cli("verdict", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err


def test_help_states_the_rules(cli: Cli) -> None:
    text = cli("verdict", "--help").out
    for word in ("order", "gain", "answer", "three of four pairs", "sketch"):
        assert word in text


def test_label_sets_side_by_side(study: Path, cli: Cli) -> None:
    """By hand: the second takes a label from one image, empties one and leaves one out."""
    other = dict(zip(IDS, SETS, strict=True))
    other |= {IDS[1]: [1], IDS[5]: []}
    del other[IDS[0]]
    (study / "other.json").write_text(json.dumps(other))
    ran = cli(
        "compare-labels", "real.json", "second=other.json", "--original-labels", "labels.csv",
        "--models", "preds.npz", "-o", "table.csv", "--json",
    )  # fmt: skip
    assert ran.status == 0, ran
    found = json.loads(ran.out)
    assert (found["n_images"], found["n_images_in_all"], found["n_identical_in_all"]) == (6, 5, 3)
    (pair,) = found["pairs"]
    assert (pair["a"], pair["b"], pair["share_identical"]) == ("real", "second", 0.6)
    (model,) = found["models"]
    assert model["own"]["real"]["n_scored"] == sum(map(bool, SETS))
    own = model["own"]["real"]
    assert own["interval"] == list(wilson_interval(own["n_correct"], own["n_scored"]))
    assert model["own"]["second"]["n_scored"] == 3 == model["shared"]["real"]["n_scored"]
    with (study / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["original"] for row in rows] == [str(k) for k in ORIGINAL]
    assert [row["second"] for row in rows] == ["", "1", "1", "none", "2 3", "none"]
    assert [row["identical"] for row in rows] == ["", "no", "yes", "yes", "yes", "no"]
    (study / "ids.txt").write_text("\n".join(IDS[1:4]) + "\n")
    part = cli("compare-labels", "real.json", "second=other.json", "--subset", "ids.txt", "--json")
    found = json.loads(part.out)
    assert (found["n_images"], found["n_identical_in_all"]) == (3, 2)
    text = cli("compare-labels", "real.json", "second=other.json", "--models", "preds.npz").out
    assert "the original labels are not known" in text


def test_a_study_beside_a_file_of_its_labels(here: Path, cli: Cli) -> None:
    """The file names classes by the study's indices; verdicts stand beside both."""
    verdict = {"top_prediction": 0, "failure category": "Fine-grained error",
               "failure severity": "Major"}  # fmt: skip
    (here / "wrong.json").write_text(json.dumps({"c0/practice.jpg": verdict}))
    ran = cli("compare-labels", "s", "again=s/labels.json", "wrong.json", "--json")
    assert ran.status == 0, ran
    found = json.loads(ran.out)
    assert found["share_identical_in_all"] == 1
    assert [one["n_called_right"] for one in found["verdicts"]] == [1, 1]
    assert "called right" in cli("compare-labels", "s", "again=s/labels.json", "wrong.json").out


@pytest.mark.usefixtures("published")
def test_published_reassessments_by_name(cli: Cli) -> None:
    found = json.loads(
        cli("compare-labels", "imagenet-real", "imagenet-mturk", "imagenet-mistakes", "--json").out
    )
    assert [one["n_images"] for one in found["sets"]] == [50_000, 4842]
    counts = {(one["model"], one["name"]): one["n_called_right"] for one in found["verdicts"]}
    assert counts["vit3b", "imagenet-real"] == 85


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["real.json"], "hold 1 label sets"),
        (["real.json", "nonsense"], "neither a file nor a name"),
        (["real.json", "real.json"], "must have different names"),
        (["real.json", "classes.csv"], "the column 'label'"),
        (["real.json", "b=real.json", "--subset", "ids.txt"], "none of the 1 images"),
        (["real.json", "elsewhere.json", "--original-labels", "labels.csv"], "must be an image of"),
        (["real.json", "x=missing.json"], "there is no such file"),
        (["real.json", "b=real.json", "--models", "none.npz"], "no such file"),
        (["real.json", "."], "folder without study.toml"),
    ],
)
def test_compare_labels_refuses(arguments, says, study: Path, cli: Cli) -> None:
    (study / "ids.txt").write_text("gnu.jpg\n")
    (study / "elsewhere.json").write_text(json.dumps({"gnu/1.jpg": [0]}))
    ran = cli("compare-labels", *arguments, "-o", "table.csv")
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert not Path("table.csv").exists()
