"""Training from the command line: what a user types, also on real images, also when killed."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from reassess.files.access import read_npz
from reassess.files.model_outputs import read_out_of_fold
from reassess.files.tables import read_table
from reassess.study import new_study
from reassess.training import image_predictions
from reassess.training.checkpoints import read_weights
from tests.conftest import Ran
from tests.training.small import NAMES, SIDE, write_folder, write_parquet

Cli = Callable[..., Ran]
QUICK = ("--side", SIDE, "--batch-size", 16, "--device", "cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Forty-eight images of four classes in the folder `photos`."""
    monkeypatch.chdir(tmp_path)
    return write_folder(tmp_path / "photos")


def table(path: str, ids: list[str], labels: list[str]) -> None:
    rows = "".join(f"{i},{k}\n" for i, k in zip(ids, labels, strict=True))
    Path(path).write_text("image,label\n" + rows)


@pytest.mark.usefixtures("photos")
def test_train_predict_and_score_hand_on_to_each_other(cli: Cli, monkeypatch):
    ran = cli("train", "photos", *QUICK, "--objective", "sigmoid", "--epochs", 6,
              "--metrics", "m.csv",
              "-o", "model.safetensors")  # fmt: skip
    assert ran.status == 0, ran
    assert "4 classes: model.safetensors" in ran.out
    assert not Path("model.checkpoint.safetensors").exists()
    assert len(read_table(Path("m.csv")).cells("loss")) == 18
    write_parquet(Path("test.parquet"), seed=5)
    ran = cli("predict", "test.parquet", "--model", "model.safetensors", "-o", "preds.npz")
    assert ran.status == 0, ran
    ids = read_table(Path("test.parquet")).texts("id")
    table("labels.csv", ids, [one.partition("/")[0] for one in ids])
    Path("sets.json").write_text(
        "{" + ",".join(f'"{i}": [{NAMES.index(i.partition("/")[0])}]' for i in ids) + "}"
    )
    ran = cli(
        "score", "preds.npz", "--labels", "sets.json", "--original-labels", "labels.csv", "--csv"
    )
    assert ran.status == 0, ran
    Path("scored.csv").write_text(ran.out)
    assert read_table(Path("scored.csv")).numbers(["real_value"])[0, 0] > 0.7
    monkeypatch.setattr(image_predictions, "SHARD_IMAGES", 16)
    predicted_by_jobs(cli)


def predicted_by_jobs(cli: Cli) -> None:
    """The 48 images in three shards: by two jobs, resumed, joined; missing and mixed-up ones."""
    command = ("predict", "test.parquet", "--model", "model.safetensors", "-o")
    assert cli(*command, "whole.npz").status == 0
    assert not Path("whole.shards").exists()
    ran = cli(*command, "jobs.npz", "--shard", "1/2")
    assert (ran.status, "its 2 of 3 shards are done, 0 of them before" in ran.out) == (0, True), ran
    ran = cli(*command, "jobs.npz", "--join")
    assert (ran.status, "shard-2-of-3.npz: shard 2 of 3 is missing" in ran.err) == (2, True), ran
    assert cli(*command, "jobs.npz", "--shard", "2/2").status == 0
    first, second, _ = sorted(Path("jobs.shards").iterdir())
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    ran = cli(*command, "jobs.npz", "--join")
    assert (ran.status, "shard 1 of 3 was made from other images" in ran.err) == (2, True), ran
    ran = cli(*command, "jobs.npz", "--join", "--batch-size", 8)
    assert "was made from other batch size and images" in ran.err
    first.write_bytes(kept)
    assert not Path("jobs.npz").exists()
    assert cli(*command, "jobs.npz", "--join").status == 0
    second.unlink()
    ran = cli(*command, "jobs.npz")  # resumed: two shards are there
    assert (ran.status, "2 of 3 shards were done before" in ran.err) == (0, True), ran
    assert Path("jobs.npz").read_bytes() == Path("whole.npz").read_bytes()
    assert "only one can be" in cli(*command, "jobs.npz", "--shard", "1/2", "--join").err
    assert cli(*command, "short.npz", "--keep", 3).status == 0
    full, short = read_npz(Path("whole.npz"))["logits"], read_npz(Path("short.npz"))
    kinds = [short[name].dtype.name for name in ("classes", "log_softmax", "log_sum_exp")]
    assert kinds == ["uint16", "float16", "float32"]
    np.testing.assert_array_equal(short["classes"], np.argsort(-full, axis=1)[:, :3])
    tables = [cli("score", name, "--labels", "sets.json", "--csv").out
              for name in ("whole.npz", "short.npz")]  # fmt: skip
    assert tables[0].replace("whole", "short") == tables[1]


@pytest.mark.usefixtures("photos")
def test_photos_are_cropped_and_weights_are_fine_tuned(cli: Cli):
    if find_spec("torchvision") is None:
        pytest.skip("the extra zoo is not installed")
    quick = ("train", "photos", *QUICK, "--epochs", 1, "--augmentation", "crop")
    assert cli(*quick, "-o", "first.safetensors").status == 0
    ran = cli(*quick, "--pretrained", "first.safetensors", "--head-rate", 5, "-o", "m.safetensors")
    assert ran.status == 0, ran
    assert "beginning with the weights of first.safetensors, its head, too" in ran.err
    ran = cli(*quick, "--pretrained", "timm", "-o", "n.safetensors")
    assert ran.status == 2
    assert "none of timm's" in ran.err
    ran = cli(*quick, "--graph", "-o", "n.safetensors")
    assert ran.status == 2
    assert "must then have all images in memory" in ran.err
    assert not Path("n.safetensors").exists()


def test_folds_clean_and_train_hand_on_to_each_other(photos, cli: Cli):
    """Every twelfth label is wrong; most of these go, and most others stay."""
    labels = [one.partition("/")[0] for one in photos]
    wrong = range(0, 48, 12)
    for row in wrong:
        labels[row] = "doe"
    table("labels.csv", photos, labels)
    ran = cli("folds", "photos", "--labels", "labels.csv", *QUICK, "--folds", 3, "--epochs", 8,
              "-o", "oof.npz")  # fmt: skip
    assert ran.status == 0, ran
    assert len(list(Path("oof.folds").iterdir())) == 3
    ran = cli("clean", "oof.npz", "--labels", "labels.csv", "-o", "keep.txt")
    assert ran.status == 0, ran
    kept = Path("keep.txt").read_text().splitlines()
    removed = read_table(Path("removed.csv"))
    assert sorted(kept + removed.texts("image")) == sorted(photos)
    assert {photos[row] for row in wrong} <= set(removed.texts("image"))
    assert len(kept) > 30
    assert "the label 'doe'" in removed.texts("reason")[0]
    ran = cli("train", "photos", "--labels", "labels.csv", "--keep-list", "keep.txt", *QUICK,
              "--epochs", 1, "-o", "m.safetensors")  # fmt: skip
    assert ran.status == 0, ran
    assert f"{len(kept)} images" in ran.err
    ran = cli("train", "photos", "--labels", "labels.csv", "--keep-list", "removed.csv",
              "-o", "n.safetensors")  # fmt: skip
    assert (ran.status, Path("n.safetensors").exists()) == (2, False)
    assert "removed, but must list those that are kept" in " ".join(ran.err.split())


def test_a_class_that_is_not_kept_is_named_and_stays(photos, cli: Cli):
    label = np.array([NAMES.index(one.partition("/")[0]) for one in photos])
    guess = np.where(label == 3, 0, label)
    p = 0.9 * np.eye(4)[guess] + 0.025
    np.savez("oof.npz", probabilities=p, ids=photos)
    table("labels.csv", photos, [NAMES[k] for k in label])
    ran = cli("clean", "oof.npz", "--labels", "labels.csv", "-o", "keep.txt")
    assert ran.status == 0, ran
    assert "Warning: no image is kept of class 'doe'" in ran.err
    ran = cli(
        "train", "photos", "--keep-list", "keep.txt", *QUICK, "--epochs", 1, "-o", "m.safetensors"
    )
    assert ran.status == 0, ran
    assert "Warning: 1 of 4 classes have no image among the 36: 'doe'" in ran.err
    about = read_weights("m.safetensors")[1]
    assert (about["n_classes"], about["class_names"]) == (4, NAMES)


def test_a_study_trains_on_its_labels_and_its_classes(photos, cli: Cli):
    table("labels.csv", photos, [one.partition("/")[0] for one in photos])

    def classes(names: list[str], file: str) -> None:
        rows = "".join(f"{k},id of {name},{name}\n" for k, name in enumerate(names))
        Path(file).write_text("index,id,name\n" + rows)

    classes(NAMES[::-1], "classes.csv")
    new_study("s", labels="labels.csv", classes="classes.csv", images="photos")
    ran = cli("train", "s", *QUICK, "--epochs", 1, "-o", "m.safetensors")
    assert ran.status == 0, ran
    assert "labels are the original ones" in ran.err
    ran = cli("predict", "s", "--model", "m.safetensors", "-o", "p.npz")
    assert ran.status == 0, ran
    assert sorted(read_npz(Path("p.npz"), ["ids"])["ids"].tolist()) == sorted(photos)
    ran = cli("add", "s", "p.npz")
    assert ran.status == 0, ran
    ran = cli("folds", "s", *QUICK, "--epochs", 1, "--folds", 2, "-o", "oof.npz")
    assert ran.status == 0, ran
    ran = cli("clean", "oof.npz", "--labels", "labels.csv", "-o", "keep.txt")
    assert ran.status == 0, ran
    assert set(read_table(Path("removed.csv")).texts("label")) <= set(NAMES)
    classes(NAMES, "s/classes.csv")
    ran = cli("predict", "s", "--model", "m.safetensors", "-o", "q.npz")
    assert ran.status == 2
    assert re.search(r"\[0\] is 'id of doe', but must be 'id of ant'", ran.err), ran
    ran = cli("add", "s", "again=p.npz")
    assert ran.status == 0, ran
    assert "its classes stand in another order" in ran.err


@pytest.mark.usefixtures("photos")
def test_recipes_write_the_paper_s_table_and_go_on_where_they_were(cli: Cli):
    command = ("recipes", "photos", *QUICK, "--short", 1, "--long", 2, "--seeds", 1, "--folds", 2,
               "-o", "table.md")  # fmt: skip
    ran = cli(*command)
    assert ran.status == 0, ran
    page = Path("table.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith(("| sh", "| lo"))]
    recipes = ["baseline", "+ sigmoid", "+ clean", "+ both"]
    assert [row[2] for row in rows] == 2 * recipes
    assert [row[1] for row in rows] == ["1"] * 4 + ["2"] * 4
    runs = sorted(Path("table.runs").glob("*-*-*-*.npz"))
    assert len(runs) == 8
    runs[0].unlink()
    again = cli(*command)
    assert again.err.count("was done before") == 2 + 7
    assert Path("table.md").read_text() == page


@pytest.mark.usefixtures("photos")
def test_recipes_are_judged_by_two_kinds_of_labels_and_by_clear_mistakes(cli: Cli):
    write_parquet(Path("test.parquet"), 12, seed=5)
    ids = read_table(Path("test.parquet")).texts("id")
    names = [one.partition("/")[0] for one in ids]
    table("clear.csv", ids[:8], names[:8])
    Path("real.json").write_text(
        "{" + ",".join(f'"{i}": [{n % 4}]' if n else f'"{i}": []' for n, i in enumerate(ids)) + "}"
    )
    ran = cli("recipes", "photos", *QUICK, "--short", 1, "--long", 1, "--seeds", 1, "--folds", 2,
              "--test", "test.parquet", "--test-reassessed", "real.json", "--clear", "clear.csv",
              "-o", "t.md")  # fmt: skip
    assert ran.status == 0, ran
    page = Path("t.md").read_text()
    assert "Judged by original labels (12 test images)" in page
    assert "Judged by reassessed labels (11 test images)" in page
    assert "mistakes on clear images" in page


@pytest.mark.usefixtures("published")
def test_two_epochs_on_human_label_noise_beat_chance(published, tmp_path, monkeypatch, cli: Cli):
    """1,000 images of CIFAR-10 with 40 % wrong labels; chance is a tenth."""
    monkeypatch.chdir(tmp_path)
    noisy = np.load(published.path("cifar10/cifar10n.npz"))
    table("noisy.csv", [str(i) for i in range(1000)], noisy["worse_label"][:1000].tolist())
    train = str(published.path("cifar10/train.parquet"))
    ran = cli("folds", train, "--labels", "noisy.csv", "--device", "cpu", "--epochs", 3,
              "--batch-size", 32, "--folds", 2, "-o", "oof.npz")  # fmt: skip
    assert ran.status == 0, ran
    found = read_out_of_fold("oof.npz")
    truth = noisy["clean_label"][found.image_ids.astype(int)]
    assert (found.probabilities.argmax(axis=1) == truth).mean() > 0.17


def start(*arguments: str, **more: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | more
    command = [sys.executable, "-m", "reassess.cli", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.usefixtures("photos")
def test_a_killed_run_that_is_resumed_writes_the_same_file(cli: Cli):
    common = ["train", "photos", *map(str, QUICK), "--epochs", "12"]
    killed = start(*common, "--checkpoint-every", "5", "-o", "killed.safetensors")
    deadline = time.monotonic() + 120
    while not Path("killed.checkpoint.safetensors").is_file() and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.kill()
    killed.communicate()
    done = read_weights("killed.checkpoint.safetensors")[1]["step"]
    assert 0 < done < 36
    ran = cli(*common, "--checkpoint-every", "30", "--resume", "-o", "killed.safetensors")
    assert ran.status == 0, ran
    assert f"going on from killed.checkpoint.safetensors, after step {done} of 36" in ran.err
    assert cli(*common, "-o", "whole.safetensors").status == 0
    assert Path("killed.safetensors").read_bytes() == Path("whole.safetensors").read_bytes()
    assert "is not there: beginning" in cli(*common, "--resume", "-o", "whole.safetensors").err


@pytest.mark.usefixtures("photos")
def test_two_processes_of_pytorch_s_launcher_train_one_model():
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port",
        "29517", "-m", "reassess.cli", "train", "photos", *map(str, QUICK), "--epochs", "2",
        "-o", "m.safetensors",
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("4 classes: m.safetensors") == 1
    tensors, _ = read_weights("m.safetensors")
    assert all(bool(torch.isfinite(one).all()) for one in tensors.values())
    assert list(Path().glob(".m*")) == []


@pytest.mark.parametrize("command", ["train", "folds", "predict", "recipes"])
def test_a_missing_extra_is_named_with_its_command(command):
    ending = {"train": ".safetensors", "recipes": ".md"}.get(command, ".npz")
    code = (
        "import sys; sys.modules['torch'] = None; from reassess.cli import main; "
        f"main(['{command}', 'photos', '--model', 'm', '-o', 'x{ending}'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 2, run.stderr
    assert "pip install 'reassess[train]'" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.usefixtures("photos")
def test_weights_of_timm_s_that_nobody_hands_out_are_one_error(tmp_path):
    if find_spec("timm") is None:
        pytest.skip("the extra zoo is not installed")
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "cache")}
    run = start("predict", "photos", "--model", "timm:test_resnet", "-o", "p.npz", **nowhere)
    _, said = run.communicate()
    assert run.returncode == 2, said
    assert said.startswith("Error: timm:test_resnet: its weights are not in the cache and cannot")
    assert said.count("\n") == 1


def test_cleaning_needs_no_pytorch(photos):
    np.savez("oof.npz", probabilities=np.tile([0.4, 0.3, 0.2, 0.1], (48, 1)), ids=photos)
    table("labels.csv", photos, [one.partition("/")[0] for one in photos])
    code = (
        "import sys; sys.modules['torch'] = None; from reassess.cli import main; "
        "main(['clean', 'oof.npz', '--labels', 'labels.csv', '-o', 'keep.txt'])"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert len(Path("keep.txt").read_text().splitlines()) == 12


BAD = {
    "train photos -o model.pt": "must end in .safetensors",
    "train photos --keep-list none.txt -o m.safetensors": "none.txt: there is no such file",
    "train nowhere -o m.safetensors": "nowhere: there is no such file or folder",
    "train photos --model resnet-9 -o m.safetensors": "must be one of resnet-8",
    "train photos --device cuda:7 -o m.safetensors": "--device is 'cuda:7'",
    "train photos --learning-rate 1e30 --max-grad-norm 0 -o m.safetensors": "must be a number",
    "folds nowhere --model resnet-9 -o oof.npz": "must be one of resnet-8",
    "folds photos -o oof.csv": "must end in .npz",
    "folds photos --folds 1 -o oof.npz": "--folds is 1",
    "predict photos --model resnet-8 -o p.npz": "a model without weights",
    "clean photos/labels.csv --labels labels.csv -o keep.txt": "there is no such file",
    "recipes photos --short 3 --long 2 -o t.md": "--long is 2",
}


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize("command", BAD)
def test_bad_input_is_refused_in_one_message_and_nothing_is_written(command, cli: Cli):
    before = sorted(Path().rglob("*"))
    quick = ["--side", "16", "--epochs", "1"] if "train" in command or "folds" in command else []
    ran = cli(*command.split(), *quick)
    assert ran.status == 2, ran
    assert BAD[command] in ran.err
    assert sorted(Path().rglob("*")) == before
