"""A study as its owner runs it: from `reassess new` to labels, through crashes and later models."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from reassess.files import read_labels
from reassess.files.artefacts import read_tasks
from reassess.statistics import detectable_difference
from tests.conftest import Ran

pytestmark = pytest.mark.usefixtures("owner")

Cli = Callable[..., Ran]
K, N = 6, 240
NAMES = [f"c{k}" for k in range(K)]


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with labels, classes, edges, gold and four models' logits."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    original = rng.integers(0, K, N)
    ids = [f"{NAMES[k]}/{n:03d}.jpg" for n, k in enumerate(original)]
    rows = zip(ids, original, strict=True)
    Path("labels.csv").write_text("image,label\n" + "".join(f"{i},{NAMES[k]}\n" for i, k in rows))
    Path("classes.csv").write_text(
        "index,id,name\n" + "".join(f"{k},{name},Class {k}\n" for k, name in enumerate(NAMES))
    )
    edges = [(name, "even" if k % 2 == 0 else "odd") for k, name in enumerate(NAMES)]
    edges += [("even", "thing"), ("odd", "thing")]
    Path("edges.csv").write_text("child,parent\n" + "".join(f"{a},{b}\n" for a, b in edges))
    valid = {(n, int(k)) for n, k in enumerate(original)}
    valid |= {(n, int((k + 2) % K)) for n, k in enumerate(original) if n % 3 == 0}
    for number in range(4):
        scores = rng.normal(0, 1, (N, K))
        for n, k in valid:
            scores[n, k] += 2.5
        np.savez(f"m{number}.npz", logits=scores.astype(np.float32), ids=ids)
    answers = [
        f"{ids[n]},{NAMES[k]},{expert},{'yes' if (n, k) in valid else 'no'}\n"
        for n in range(0, N, 4)
        for k in range(K)
        for expert in "xyz"
    ]
    Path("gold.csv").write_text("image,label,expert,answer\n" + "".join(answers))
    return tmp_path


def begun(cli: Cli, models: int = 3) -> None:
    for arguments in (
        ("new", "s", "--labels", "labels.csv", "--classes", "classes.csv",
         "--hierarchy", "edges.csv"),
        ("add", "s", *(f"m{n}.npz" for n in range(models))),
    ):  # fmt: skip
        ran = cli(*arguments)
        assert ran.status == 0, ran.err


def proposed(cli: Cli, *options: str) -> dict:
    ran = cli("propose", "s", "--json", *options)
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def votes_on(study: str, n_questions: int | None = None) -> None:
    """Three raters who answer the study's questions, every answer yes."""
    ids = read_tasks(Path(study) / "tasks.parquet").questions.ids[:n_questions]
    rows = [
        f"{image},{label},{rater},yes\n"
        for image, _, label in (i.rpartition(":") for i in ids.tolist())
        for rater in "ab"
    ]
    Path(study, "votes.csv").write_text("image,label,rater,answer\n" + "".join(rows))


def test_figures_are_those_of_whole_matrices(cli: Cli) -> None:
    begun(cli)
    found = proposed(cli, "--pairs-per-model", "400", "--per-task", "2", "--audit", "0")
    models = [np.load(f"m{n}.npz")["logits"].astype(float) for n in range(3)]
    listed = np.zeros((N, K), int)
    kept = np.zeros((N, K), bool)
    for scores in models:
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        listed += sum(s >= np.sort(s.ravel())[-400] for s in (scores, log_p)).astype(bool)
        kept[np.arange(N), scores.argmax(axis=1)] = True
    names = [line.split(",")[1] for line in Path("labels.csv").read_text().split()[1:]]
    original = np.array([NAMES.index(name) for name in names])
    kept[np.arange(N), original] = True
    rated = np.any([s.argmax(axis=1) != original for s in models], axis=0)
    kept |= listed >= 2
    assert found["n_images"] == N
    assert found["n_unrated"] == int((~rated).sum())
    assert found["n_proposals"] == int(kept.sum())
    assert found["n_questions"] == found["n_new_questions"] == int(kept[rated].sum())
    assert found["n_tasks"] == int(np.ceil(kept[rated].sum(axis=1) / 2).sum())
    unrated = Path("s/unrated.csv").read_text().splitlines()
    assert len(unrated) == 1 + found["n_unrated"]
    assert unrated[1].endswith("every model's top prediction is the original label")


def test_classes_that_are_only_numbers_have_a_hierarchy_too(cli: Cli) -> None:
    names = [line.split(",") for line in Path("labels.csv").read_text().split()[1:]]
    rows = [f"{image},{NAMES.index(name)}\n" for image, name in names]
    Path("labels.csv").write_text("image,label\n" + "".join(rows))
    edges = "".join(f"{k},{'even' if k % 2 == 0 else 'odd'}\n" for k in range(K))
    bad_edges(edges, "edges.csv")
    made = cli("new", "s", "--labels", "labels.csv", "--hierarchy", "edges.csv")
    assert made.status == 0, made.err
    assert cli("add", "s", "m0.npz", "m1.npz").status == 0
    found = proposed(cli, "--pairs-per-model", "100000", "--per-task", "3", "--audit", "0")
    tasks = read_tasks("s/tasks.parquet")
    whole = {tuple(sorted(tasks.pairs.label[tasks.task == t])) for t in range(tasks.n_tasks)}
    assert found["n_questions"] == K * (N - found["n_unrated"])
    assert whole == {(0, 2, 4), (1, 3, 5)}
    bad_edges("0,a\na,0\n1,a\n2,a\n3,a\n4,a\n5,a\n", "edges.csv")
    refused = cli("new", "t", "--labels", "labels.csv", "--hierarchy", "edges.csv")
    assert (refused.status, "edges.csv: hierarchy" in refused.err) == (2, True)
    assert not Path("t").exists()


def test_new_says_which_images_labels_do_not_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.png", "a/2.png", "b/3.jpg", "b/3.txt", "b/.hidden"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    rows = {"some.csv": ("1.png", "b/9.jpg"), "all.csv": ("a/1.png", "2.png", "3.jpg")}
    for file, names in rows.items():
        Path(file).write_text("image,label\n" + "".join(f"{name},cat\n" for name in names))
    made = cli("new", "s", "--labels", "some.csv", "--images", "photos")
    assert made.status == 0
    assert (
        "2 of 3 image files are not named by the labels, such as 'a/2.png', 'b/3.jpg'" in made.err
    )
    assert "1 of 2 images of the labels have no file there, such as 'b/9.jpg'" in made.err
    assert "not named" in cli("locate", "s", "--images", "photos").err
    assert cli("new", "t", "--labels", "all.csv", "--images", "photos").err == ""


def test_a_dry_run_writes_nothing_and_tells_the_cost(cli: Cli) -> None:
    begun(cli)
    before = {path: path.read_bytes() for path in Path("s").glob("*") if path.is_file()}
    found = proposed(
        cli,
        "--dry-run",
        "--pairs-per-model",
        "400",
        "--seconds-per-question",
        "6",
        "--wage-per-hour",
        "20",
    )
    fixed = found["costs"][0]
    assert fixed["hours"] == pytest.approx(found["n_questions"] * 5 * 6 / 3600)
    assert fixed["money"] == pytest.approx(20 * fixed["hours"])
    assert before == {path: path.read_bytes() for path in Path("s").glob("*") if path.is_file()}
    n = found["n_images"]
    assert [one["difference"] for one in found["power"]] == [
        detectable_difference(n, share) for share in (0.05, 0.1, 0.2)
    ]
    assert "a paired test finds a difference of" in cli("propose", "s", "--dry-run").out


def test_a_study_from_proposals_to_labels(cli: Cli) -> None:
    begun(cli)
    proposed(cli, "--pairs-per-model", "400")
    stages = json.loads(cli("status", "s", "--json").out)["stages"]
    assert [one["state"] for one in stages] == [*["done"] * 3, "missing", *["waiting"] * 2]
    waits = "s: left alone, as votes are missing: posterior, labels.\nNext: reassess status s\n"
    assert cli("run", "s").out == waits
    votes_on("s")
    ran = cli("run", "s")
    assert ran.status == 0, ran.err
    labels = read_labels("s/labels.json")
    assert json.loads(Path("s/labels.json").read_text())["models"] == ["m0", "m1", "m2"]
    assert len(labels) == N
    assert cli("run", "s").out == "s: nothing is stale.\n"
    Path("s/labels.csv").write_text(Path("s/labels.csv").read_text() + "c0/more.jpg,c0\n")
    stages = json.loads(cli("status", "s", "--json").out)["stages"]
    assert [(one["stage"], one["state"]) for one in stages if one["state"] == "stale"] == [
        ("proposals", "stale"), ("audit", "stale"), ("tasks", "stale"), ("labels", "stale"),
    ]  # fmt: skip
    assert stages[0]["changed"] == ["labels"]


def test_a_later_model_adds_questions_and_nothing_answered_is_asked_again(cli: Cli) -> None:
    begun(cli)
    first = proposed(cli, "--pairs-per-model", "300")
    votes_on("s", first["n_questions"] // 2)
    before = read_tasks("s/tasks.parquet")
    assert cli("add", "s", "later=m3.npz").status == 0
    second = proposed(cli)
    after = read_tasks("s/tasks.parquet")
    old, now = before.questions.ids.tolist(), after.questions.ids.tolist()
    answered = {*old[: first["n_questions"] // 2]}
    assert answered <= set(now)
    assert second["n_answered"] == len(answered)
    assert second["n_new_questions"] == len(set(now) - set(old)) > 0
    screen = dict(zip(now, after.task.tolist(), strict=True))
    old_screen = dict(zip(old, before.task.tolist(), strict=True))
    for one in answered:
        together = {screen[other] for other in answered if old_screen[other] == old_screen[one]}
        assert len(together) == 1
    mixed = {screen[one] for one in answered} & {screen[one] for one in set(now) - set(old)}
    assert not mixed


def test_a_later_class_leaves_earlier_models_as_they_are(cli: Cli) -> None:
    """Their scores have no column for it; what the model of its day says of it is asked."""
    begun(cli)
    first = proposed(cli, "--pairs-per-model", "300")
    with Path("s/classes.csv").open("a") as classes, Path("s/hierarchy.csv").open("a") as edges:
        classes.write(f"{K},c{K},Class {K}\n")
        edges.write(f"c{K},even\n")
    again = proposed(cli)
    assert (again["n_questions"], again["n_new_questions"]) == (first["n_questions"], 0)
    found = np.load("m3.npz")
    scores = np.hstack([found["logits"], np.full((N, 1), 9, np.float32)])
    np.savez("later.npz", logits=scores, ids=found["ids"])
    assert cli("add", "s", "later.npz").status == 0
    later = proposed(cli)
    assert later["n_proposals"] >= first["n_proposals"] + N
    labels = read_tasks("s/tasks.parquet").pairs.label
    assert (labels == K).sum() == N
    ran = cli("add", "s", "old=m3.npz")
    assert (ran.status, "6 columns, but must have 7" in ran.err) == (2, True)


def test_gold_chooses_models_and_the_curve_is_drawn(cli: Cli) -> None:
    begun(cli, 4)
    found = proposed(cli, "--recall", "0.9", "--gold", "gold.csv", "--pairs-per-model", "300",
                     "--curve", "curve.svg")  # fmt: skip
    assert found["expected_recall"] >= 0.9
    assert set(found["chosen_models"]) <= {"m0", "m1", "m2", "m3"}
    assert found["curve"][-1]["recall"] >= found["expected_recall"]
    assert Path("curve.svg").read_text().startswith("<svg")
    assert found["n_proposals"] <= proposed(cli, "--recall", "0.99")["n_proposals"]
    assert "gold" in Path("s/study.toml").read_text()


def test_the_learned_rule_learns_from_gold_and_from_votes(cli: Cli) -> None:
    begun(cli, 4)
    ran = cli("propose", "s", "--rule", "learned", "--dry-run")
    assert (ran.status, "needs something to learn from" in ran.err) == (2, True)
    found = proposed(cli, "--rule", "learned", "--gold", "gold.csv", "--budget", "400")
    assert N <= found["n_proposals"] <= 400
    assert "budget = 400" in Path("s/study.toml").read_text()
    wanted = proposed(cli, "--recall", "0.9")
    assert wanted["expected_recall"] >= 0.9
    assert "budget" not in Path("s/study.toml").read_text()
    assert 0.5 < found["expected_recall"] <= 1


@pytest.mark.parametrize("rounds", [2])
def test_killed_and_started_again_it_goes_on_and_gives_the_same_bytes(
    cli: Cli, rounds: int
) -> None:
    rng = np.random.default_rng(1)
    ids = [f"{n:05d}.jpg" for n in range(20_000)]
    Path("labels.csv").write_text(
        "image,label\n" + "".join(f"{i},{n % 99}\n" for n, i in enumerate(ids))
    )
    sources = []
    for number in range(6):
        np.save(f"big{number}.npy", rng.standard_normal((20_000, 200), np.float32))
        sources.append(f"big{number}.npy")
    for folder in ("whole", "s", "jobs"):
        assert cli("new", folder, "--labels", "labels.csv").status == 0
        ran = cli("add", folder, *sources, "--order", "file-number", "--scale", "logit")
        assert ran.status == 0, ran.err
    assert cli("propose", "whole", "--pairs-per-model", "30000").status == 0
    command = [sys.executable, "-m", "reassess.cli", "propose", "s", "--pairs-per-model", "30000",
               "--workers", "1"]  # fmt: skip
    scans = Path("s/.cache/scans")
    n_killed = 0
    for n_wanted in range(1, rounds + 1):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(scans.glob("[!.]*.npz"))) >= n_wanted:
                os.kill(process.pid, signal.SIGKILL)
                break
        n_killed += process.wait() == -signal.SIGKILL
        assert not Path("s/proposals.parquet").exists() or process.returncode == 0
    assert n_killed > 0
    n_there = len(list(scans.glob("[!.]*.npz")))
    assert proposed(cli, "--pairs-per-model", "30000")["n_resumed_shards"] == n_there >= 1
    by_jobs("jobs", cli)
    for folder, name in product(
        ("s", "jobs"), ("proposals.parquet", "tasks.parquet", "unrated.csv")
    ):
        assert Path(folder, name).read_bytes() == Path("whole", name).read_bytes()


def by_jobs(folder: str, cli: Cli) -> None:
    """Six models by an array of two jobs: one that is late, and a scan that was moved."""
    command = ("propose", folder, "--pairs-per-model", "30000")
    before = Path(folder, "study.toml").read_bytes()
    ran = cli(*command, "--shard", "1/2")
    assert (ran.status, "3 of 6 shards" in ran.out) == (0, True), ran
    ran = cli(*command, "--join")
    assert ran.status == 2
    assert "the scan of model 'big1', rows 0 to 19,999, is missing" in ran.err
    assert "3 of 6 are missing" in ran.err
    assert not Path(folder, "proposals.parquet").exists()
    assert Path(folder, "study.toml").read_bytes() == before
    assert json.loads(cli(*command, "--shard", "2/2", "--json").out)["n_done"] == 3
    one, other, *_ = sorted(Path(folder, ".cache/scans").glob("*.npz"))
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    ran = cli(*command, "--join")
    assert (ran.status, "is missing or unfinished" in ran.err) == (2, True)
    one.write_bytes(kept)
    assert cli(*command, "--join").status == 0


def bad_edges(text: str, file: str = "s/hierarchy.csv") -> None:
    Path(file).write_text("child,parent\n" + text)


@pytest.mark.parametrize(
    ("spoil", "arguments", "message"),
    [
        (None, ("add", "s", "m0.npz", "m0=m1.npz"), "model 'm0' appears more than once"),
        (None, ("add", "s", "m0=none.npz"), "none.npz: there is no such file"),
        (lambda: save(rows=slice(5, None)), ("add", "s", "bad=bad.npz"), "5 of 240 are missing"),
        (lambda: save(columns=slice(1, None)), ("add", "s", "bad=bad.npz"), "5 columns"),
        (
            lambda: save(shift=1),
            ("add", "s", "bad=bad.npz"),
            "they stand in another order than those of s",
        ),
        (lambda: bad_edges("c0,a\na,b\nb,a\n"), ("propose", "s"), "s/hierarchy.csv: hierarchy: "),
        (lambda: bad_edges("c0,a\nc1,a\n"), ("propose", "s"), "class 'c2', 'c3', 'c4'"),
        (None, ("propose", "nowhere"), "there is no study"),
        (None, ("new", "s", "--labels", "labels.csv"), "there is a study already"),
        (None, ("propose", "s", "--recall", "0.9"), "needs gold questions"),
        (lambda: toml("[propose]\ntopp = 3\n"), ("status", "s"), "'topp' is not known"),
        (
            lambda: toml("[propose]\ntop = 'x'\n"),
            ("status", "s"),
            "top is 'x', but must be an int",
        ),
        (lambda: toml("[["), ("run", "s"), "it is not TOML"),
        (lambda: Path("s/predictions/m1.npz").unlink(), ("run", "s"), "reassess locate s --pred"),
    ],
)
def test_bad_input_is_told_and_leaves_the_study_as_it_was(
    cli: Cli,
    spoil: Callable[[], None] | None,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    begun(cli)
    if spoil is not None:
        spoil()
    before = {path: path.read_bytes() for path in Path("s").glob("*") if path.is_file()}
    ran = cli(*arguments)
    assert ran.status == 2
    assert message in ran.err
    after = {path: path.read_bytes() for path in Path("s").glob("*") if path.is_file()}
    assert before == after


def test_predictions_of_a_whole_benchmark_serve_a_study_of_a_part_of_it(cli: Cli) -> None:
    lines = Path("labels.csv").read_text().splitlines(keepends=True)
    part = lines[1 : 1 + N // 2]
    names = {line.partition(",")[0] for line in part}
    Path("part.csv").write_text(lines[0] + "".join(part))
    rng = np.random.default_rng(3)
    for number in range(3):
        with np.load(f"m{number}.npz") as file:
            found = dict(file)
        order = rng.permutation(N)  # rows of the part and of the rest lie among each other
        scores, ids = found["logits"][order], found["ids"][order]
        here = np.isin(ids, list(names))
        Path("whole").mkdir(exist_ok=True)
        Path("alone").mkdir(exist_ok=True)
        np.save(f"whole/m{number}.npy", scores)
        Path(f"whole/{number}.txt").write_text("\n".join(ids) + "\n")
        ranked = np.argsort(-scores, axis=1)[:, :3]
        if number == 2:  # of ranked classes as of full scores
            np.savez(f"whole/m{number}.npz", classes=ranked, ids=ids)
            np.savez(f"alone/m{number}.npz", classes=ranked[here], ids=ids[here])
        else:
            np.savez(f"alone/m{number}.npz", logits=scores[here], ids=ids[here])
    made = {}
    for kind in ("whole", "alone"):
        assert cli("new", kind[0], "--labels", "part.csv", "--classes", "classes.csv").status == 0
        for number in range(3):
            npy = ("--scale", "logit", "--ids", f"whole/{number}.txt")
            is_npy = kind == "whole" and number < 2
            file = f"{kind}/m{number}.{'npy' if is_npy else 'npz'}"
            done = cli("add", kind[0], file, *(npy if is_npy else ()))
            assert done.status == 0, done.err
            assert (f"{N // 2} of {N} rows are about images" in done.err) == (kind == "whole")
        done = cli("propose", kind[0])
        assert done.status == 0, done.err
        assert "passed over" not in done.err
        made[kind] = read_tasks(Path(kind[0], "tasks.parquet")).questions.ids.tolist()
    assert made["whole"] == made["alone"]
    with np.load("m0.npz") as file:
        found = dict(file)
    last = np.flatnonzero(found["ids"] == part[-1].partition(",")[0])
    rows = np.setdiff1d(np.arange(N), last)
    np.savez("few.npz", logits=found["logits"][rows], ids=found["ids"][rows])
    refused = cli("add", "a", "few.npz")
    assert refused.status == 2
    assert f"1 of {N // 2} have none, such as image [{N // 2 - 1}]" in refused.err


def save(rows: slice = slice(None), columns: slice = slice(None), shift: int = 0) -> None:
    found = np.load("m0.npz")
    scores = np.roll(found["logits"], shift, axis=1)[rows, columns]
    np.savez("bad.npz", logits=scores, ids=found["ids"][rows])


def toml(text: str) -> None:
    path = Path("s/study.toml")
    path.write_text(path.read_text() + text)


def test_comments_of_a_person_survive_and_the_cache_may_go(cli: Cli) -> None:
    begun(cli, 2)
    path = Path("s/study.toml")
    path.write_text(path.read_text().replace("[benchmark]", "# mine\n[benchmark]"))
    assert cli("add", "s", "m2.npz").status == 0
    assert "# mine\n[benchmark]" in path.read_text()
    first = proposed(cli, "--pairs-per-model", "200")
    shutil.rmtree("s/.cache")
    again = proposed(cli)
    del first["read"], again["read"]  # what the cache holds is not read again
    assert again == first | {"n_new_questions": 0}


def test_learning_from_votes_is_the_same_again_and_finds_what_gold_calls_valid(cli: Cli) -> None:
    begun(cli, 4)
    proposed(cli, "--pairs-per-model", "700")
    truth = {}
    for line in Path("gold.csv").read_text().splitlines()[1:]:
        image, label, _, answer = line.split(",")
        truth[image, NAMES.index(label)] = answer == "yes"
    ids = read_tasks("s/tasks.parquet").questions.ids.tolist()
    asked = [(image, int(label)) for image, _, label in (i.rpartition(":") for i in ids)]
    number = {image: int(image[-7:-4]) for image, _ in asked}
    rows = []
    for image, label in asked:
        original = NAMES.index(image.partition("/")[0])
        valid = label == original or (number[image] % 3 == 0 and label == (original + 2) % K)
        rows += [f"{image},{label},{rater},{'yes' if valid else 'no'}\n" for rater in "ab"]
    Path("s/votes.csv").write_text("image,label,rater,answer\n" + "".join(rows))
    found = proposed(cli, "--rule", "learned", "--recall", "0.9")
    first = Path("s/proposals.parquet").read_bytes()
    assert found["n_proposals"] < 2.2 * N
    assert found["calibration"]["expected_error"] < 0.1
    proposed(cli)
    assert Path("s/proposals.parquet").read_bytes() == first
    kept = {tuple(p) for p in _pairs_of("s/proposals.parquet")}
    wanted = {pair for pair, valid in truth.items() if valid}
    assert len(wanted & kept) >= 0.85 * len(wanted)


def _pairs_of(path: str) -> list[tuple[str, int]]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, columns=["image", "label"])
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_models_of_more_and_fewer_classes_do_not_go_into_one_study(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only the indices of classes are known, and both would hold every label."""
    monkeypatch.chdir(tmp_path)
    label = np.arange(60) % 4
    ids = np.array([f"{n}.jpg" for n in range(60)])
    rows = "".join(f"{a},{b}\n" for a, b in zip(ids.tolist(), label.tolist(), strict=True))
    Path("labels.csv").write_text("image,label\n" + rows)
    for n_classes in (5, 6):
        scores = np.random.default_rng(n_classes).random((60, n_classes)) / 2
        scores[np.arange(60), label] += 0.5
        np.savez(f"m{n_classes}.npz", probabilities=scores, ids=ids)
    assert cli("new", "s", "--labels", "labels.csv").status == 0
    assert cli("add", "s", "m5.npz").status == 0
    ran = cli("add", "s", "m6.npz")
    assert ran.status == 2
    assert "have 6 columns, but must have 5 as those of 'm5' have" in ran.err
    assert cli("add", "s", "m5=m6.npz", "--replace").status == 0
