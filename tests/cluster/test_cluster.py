"""Ray on two nodes: the same bytes as threads, and what happens where something is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from reassess.aggregation import dawid_skene, em
from reassess.analysis.uncertainty import uncertain_scores
from reassess.engines import ThreadEngine
from reassess.engines.ray import RayEngine
from reassess.errors import DataError, EngineError
from reassess.proposals import propose, scans
from reassess.records import ScoreMatrix
from tests.analysis.simulated import simulated
from tests.cluster.conftest import NODE
from tests.engines.test_engines import check_a_killed_fit_goes_on

ENGINES = {
    "one thread": lambda: ThreadEngine(1),
    "threads": lambda: ThreadEngine(3),
    "ray": lambda: RayEngine(2),
}


def propositions(study, folder, engine):
    """The rule's proposals from full scores in files and in memory."""
    benchmark, models = study.benchmark, []
    for n in range(3):
        logits = np.random.default_rng(n).normal(size=(len(benchmark.image_ids), 20))
        np.save(folder / f"{n}.npy", logits.astype(np.float32))
        scores = np.load(folder / f"{n}.npy", mmap_mode="r" if n else None)
        models.append(
            ScoreMatrix(f"m{n}", benchmark.image_ids, np.arange(len(scores)), scores, "logit")
        )
    found = propose(models, benchmark, engine=engine)
    return found.pairs.image, found.pairs.label, found.proposed, found.top


def test_every_engine_gives_the_same_bytes(cluster, monkeypatch, tmp_path):
    monkeypatch.setattr(em, "QUESTIONS_A_SHARD", 100)
    monkeypatch.setattr(scans, "_SHARD_CELLS", 20 * 70)
    study = simulated(400, np.random.default_rng(0))
    found = {}
    for name, start in ENGINES.items():
        with start() as engine:
            posterior = dawid_skene(study.votes, engine=engine)
            ranked = uncertain_scores(
                study.predictions, study.labels, votes=study.votes, posterior=study.posterior,
                gold=study.gold, n_resamples=40, rng=np.random.default_rng(1), engine=engine,
            )  # fmt: skip
            arrays = [
                posterior.log_probability, posterior.confusion, np.array(posterior.objective),
                ranked.both.low, ranked.both.best, ranked.images.worst, ranked.p_holm,
                *propositions(study, tmp_path, engine),
            ]  # fmt: skip
        found[name] = [np.ascontiguousarray(one).tobytes() for one in arrays]
    assert found["threads"] == found["one thread"]
    assert found["ray"] == found["one thread"]


@dataclass(frozen=True)
class Slow:
    """Squares a number, and says where."""

    seconds: float = 0.1

    def __call__(self, number: int) -> tuple[int, str]:
        import ray

        time.sleep(self.seconds)
        return number**2, ray.get_runtime_context().get_node_id()


def test_a_node_that_is_killed_costs_nothing_but_time(cluster):
    """A worker may outlive its node for a while; what it still returns is right, and counts."""
    third = cluster.add_node(**NODE)
    with RayEngine(3) as engine:
        found = []
        for number, one in enumerate(engine.map(Slow(), range(60))):
            found.append(one)
            if number == 8:
                cluster.remove_node(third, allow_graceful=False)
            if number == 20:
                wait_until_ray_knows_it_is_gone(third.node_id)
        assert [square for square, _ in found] == [n**2 for n in range(60)]
        assert third.node_id in {node for _, node in found[:9]}
        # 21 had been asked for and at most 12 more handed out when Ray knew.
        assert {node for _, node in found[33:]} == {n.node_id for n in cluster.list_all_nodes()}


def wait_until_ray_knows_it_is_gone(node):
    import ray

    end = time.monotonic() + 60
    while any(one["Alive"] and one["NodeID"] == node for one in ray.nodes()):
        assert time.monotonic() < end, "Ray still counts the node as alive after 60 s"
        time.sleep(0.1)


def test_a_node_that_is_killed_between_passes_changes_no_byte(cluster, monkeypatch):
    """Its votes were placed there; another worker fetches them again."""
    monkeypatch.setattr(em, "QUESTIONS_A_SHARD", 50)
    votes = simulated(400, np.random.default_rng(2), n_gold=50).votes
    third = cluster.add_node(**NODE)

    def kill(what: str, *, done: int, **_: object) -> None:
        del what
        if done == 2:
            cluster.remove_node(third, allow_graceful=False)

    with RayEngine(3) as engine:
        on_ray = dawid_skene(votes, engine=engine, progress=kill)
    assert third not in cluster.list_all_nodes()
    with ThreadEngine(1) as engine:
        alone = dawid_skene(votes, engine=engine)
    assert on_ray.log_probability.tobytes() == alone.log_probability.tobytes()


@dataclass(frozen=True)
class Fails:
    """Raises, or ends its process, at one shard."""

    at: int
    how: str

    def __call__(self, number: int) -> int:
        if number == self.at and self.how == "refuses":
            raise DataError("row[7] is NaN, but must be a number. Predict it again.")
        if number == self.at and self.how == "breaks":
            raise UnpicklableError(number, "broken")
        if number == self.at and self.how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        return number


class UnpicklableError(Exception):
    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"{text} {number}")


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("refuses", DataError, r"row\[7\] is NaN"),
        ("breaks", EngineError, "UnpicklableError: broken 5"),
        ("dies", EngineError, r"shard 6 \(5\) lost its worker 3 times"),
    ],
)
def test_a_shard_that_fails_raises_and_names_itself(cluster, how, error, message):
    with RayEngine(2) as engine:
        with pytest.raises(error, match=message) as caught:
            list(engine.map(Fails(5, how), range(9)))
        if how != "dies":
            assert caught.value.__notes__ == ["It was raised in shard 6 (5)."]
        assert list(engine.map(Fails(5, "not"), range(9))) == list(range(9))  # and goes on


def test_where_all_processors_are_taken_the_wait_ends(cluster):
    with RayEngine(2) as engine:
        assert list(engine.map(Slow(0), range(2)))[1][0] == 1
        start = time.monotonic()
        with pytest.raises(EngineError, match=r"free for 2 s: each needs 1 CPU, but on 2 nodes 0"):
            RayEngine(1, patience=2.0)
        assert time.monotonic() - start < 15
    with pytest.raises(EngineError, match="each needs 1 CPU and 1 GPU, but on 2 nodes"):
        RayEngine(1, patience=2.0, gpus=1)


def test_a_killed_fit_goes_on_beside_a_cluster_that_was_not_named(cluster, tmp_path):
    """Each process starts a Ray of its own, though one runs here, and leaves none behind."""
    check_a_killed_fit_goes_on("ray", tmp_path)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A model that was not trained, 60 images, and a study of the same with full scores."""
    from PIL import Image

    from reassess.training.images import ImageTransform
    from reassess.training.models import build_model
    from reassess.training.trained_model import TrainedModel, write_model

    folder, rng = tmp_path_factory.mktemp("inputs"), np.random.default_rng(0)
    module = build_model("resnet-8", 4, seed=0)
    model = TrainedModel(module, "resnet-8", 4, None, ImageTransform(16))
    write_model(model, folder / "m.safetensors")
    ids = [f"c{n % 4}/{n:02}.png" for n in range(60)]
    for one in ids:
        path = folder / "photos" / one
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    lines = [f"{one},{one[1]}" for one in ids]
    (folder / "labels.csv").write_text("\n".join(["image,label", *lines]) + "\n")
    for n in range(2):
        logits = rng.normal(size=(60, 4)) + 3 * np.eye(4)[np.arange(60) % 4]
        np.savez(folder / f"s{n}.npz", ids=np.array(ids), logits=logits.astype(np.float32))
    made = run(folder, 0, "predict", "photos", "--model", "m.safetensors", "-o", "whole.npz")
    assert made.returncode == 0, made.stderr
    return folder


def run(folder, n_kept, *arguments):
    command = [sys.executable, Path(__file__).with_name("killed_command.py"), str(n_kept)]
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("engine", ["threads", "ray"])
def test_a_killed_prediction_goes_on(cluster, inputs, tmp_path, engine):
    """Killed with two of four shards kept, it predicts the other two; the bytes are the same."""
    there = ("--engine", "ray", "--address", cluster.address) if engine == "ray" else ()
    typed = ("predict", inputs / "photos", "--model", inputs / "m.safetensors")
    whole = (inputs / "whole.npz").read_bytes()
    killed = run(tmp_path, 2, *typed, "-o", "p.npz", *there)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list((tmp_path / "p.shards").iterdir())) == 2
    assert not (tmp_path / "p.npz").exists()
    again = run(tmp_path, 0, *typed, "-o", "p.npz", *there)
    assert "2 of 4 shards were done before" in again.stderr, again.stderr
    assert (tmp_path / "p.npz").read_bytes() == whole
    if engine == "threads":  # the jobs of an array make the same
        for number in (1, 2):
            run(tmp_path, 0, *typed, "-o", "j.npz", "--shard", f"{number}/2")
        assert run(tmp_path, 0, *typed, "-o", "j.npz", "--join").returncode == 0
        assert (tmp_path / "j.npz").read_bytes() == whole


@pytest.mark.parametrize("engine", ["threads", "ray"])
def test_killed_proposals_go_on(cluster, inputs, tmp_path, engine):
    """Killed with three of eight scans kept, it makes the other five, and the same proposals."""
    there = ("--engine", "ray", "--address", cluster.address) if engine == "ray" else ()
    for study in ("whole", "s"):
        made = run(tmp_path, 0, "new", study, "--labels", inputs / "labels.csv")
        assert made.returncode == 0, made.stderr
        scores = (f"m{n}={inputs / f's{n}.npz'}" for n in range(2))
        assert run(tmp_path, 0, "add", study, *scores).returncode == 0
    assert run(tmp_path, 0, "propose", "whole").returncode == 0
    killed = run(tmp_path, 3, "propose", "s", *there)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run(tmp_path, 0, "propose", "s", "--json", *there)
    assert json.loads(again.stdout)["n_resumed_shards"] == 3, again.stderr
    for name in ("proposals.parquet", "tasks.parquet"):
        ours, theirs = tmp_path / "s" / name, tmp_path / "whole" / name
        assert ours.read_bytes() == theirs.read_bytes(), name
