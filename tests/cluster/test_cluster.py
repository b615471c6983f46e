"""Ray on two nodes: the same bytes as threads, and what happens where something is lost."""

import os
import signal
import time
from dataclasses import dataclass

import numpy as np
import pytest

from reassess.aggregation import dawid_skene, em
from reassess.analysis.uncertainty import uncertain_scores
from reassess.engines import ThreadEngine
from reassess.engines.ray import RayEngine
from reassess.errors import DataError, EngineError
from reassess.proposals import propose, top_lists
from reassess.records import ScoreMatrix
from tests.analysis.simulated import simulated
from tests.cluster.conftest import NODE

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
    monkeypatch.setattr(top_lists, "_SHARD_CELLS", 20 * 70)
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
    third = cluster.add_node(**NODE)
    with RayEngine(3) as engine:
        found = []
        for number, one in enumerate(engine.map(Slow(), range(40))):
            found.append(one)
            if number == 8:
                cluster.remove_node(third, allow_graceful=False)
        assert [square for square, _ in found] == [n**2 for n in range(40)]
        assert third.node_id in {node for _, node in found[:9]}
        assert {node for _, node in found[25:]} == {n.node_id for n in cluster.list_all_nodes()}


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
