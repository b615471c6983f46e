"""What every engine promises, on threads; what a cluster adds is tried in tests/cluster."""

import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.aggregation import FitFile, dawid_skene
from reassess.aggregation.coding import Coded
from reassess.aggregation.em import Pass, VoteShard
from reassess.engines import ENGINES, EngineOptions, ThreadEngine
from reassess.engines.ray_jobs import Job, place_blocks
from reassess.errors import DataError, EngineError, FileError, MissingExtraError, OptionError
from reassess.proposals.scans import ScanShard, scan
from reassess.records import ScoreMatrix
from tests.engines.killed_fit import votes


@dataclass(frozen=True)
class Part:
    """A shard that says what it is."""

    rows: str

    def __str__(self) -> str:
        return f"rows {self.rows}"


def refuse(part: Part) -> str:
    if part.rows == "8 to 11":
        raise DataError("a score is NaN, but must be a number.")
    return part.rows


@pytest.mark.parametrize("workers", [1, 3])
def test_a_failing_shard_raises_and_names_itself(workers):
    shards = [Part("0 to 7"), Part("8 to 11"), Part("12 to 15")]
    with ThreadEngine(workers) as engine, engine.place(shards) as placed:
        results = engine.map(refuse, placed)
        assert next(results) == "0 to 7"
        with pytest.raises(DataError, match="NaN") as caught:
            next(results)
    assert caught.value.__notes__ == ["It was raised in shard 2 (rows 8 to 11)."]


def test_whoever_asks_for_results_works_too_and_no_more_threads_than_stated():
    """Three meet in each shard; a fourth would have nobody to meet."""
    meeting = threading.Barrier(3, timeout=20)

    def meet(number: int) -> tuple[int, int]:
        meeting.wait()
        return number, threading.get_ident()

    with ThreadEngine(3) as engine:
        found = list(engine.map(meet, range(30)))
    assert [number for number, _ in found] == list(range(30))
    assert len({thread for _, thread in found}) == 3
    assert threading.get_ident() in {thread for _, thread in found}


def test_what_is_not_asked_for_is_not_begun():
    begun = []
    with ThreadEngine(2) as engine:
        results = engine.map(lambda number: begun.append(number) or time.sleep(0.05), range(100))
        next(results)
        results.close()
    assert len(begun) < 10


def test_a_missing_ray_is_named_with_its_command(cli, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'reassess\[ray\]'"):
        ENGINES["ray"].start(EngineOptions())
    (tmp_path / "votes.csv").write_text("image,label,rater,answer\na,0,r,yes\nb,1,r,no\n")
    made = tmp_path / "p.npz"
    ran = cli("aggregate", tmp_path / "votes.csv", "-o", made, "--engine", "ray")
    assert ran.status == 2
    assert "pip install 'reassess[ray]'" in ran.err
    assert not made.exists()


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("threads", EngineOptions(address="auto"), OptionError, "'threads' has none"),
        ("threads", EngineOptions(workers=0), OptionError, "workers is 0"),
        ("ray", EngineOptions(workers=0), OptionError, "workers is 0"),
        ("ray", EngineOptions(wait=0.0), OptionError, "the wait is 0"),
        ("ray", EngineOptions(address="head"), OptionError, "must be HOST:PORT"),
        ("ray", EngineOptions(address="ray://head:10001"), OptionError, "must be HOST:PORT"),
        ("ray", EngineOptions(address="127.0.0.1:1"), EngineError, "nothing answers at 127.0.0.1"),
    ],
)
def test_what_no_engine_can_be_started_with_is_refused(name, options, error, message):
    with pytest.raises(error, match=message):
        ENGINES[name].start(options)


@given(st.integers(0, 40), st.integers(1, 9), st.booleans(), st.randoms())
def test_blocks_come_in_their_order_whoever_is_lost(n_shards, n_workers, placed, random):
    """A cluster without a cluster: workers that take blocks, are lost, and end in any order."""
    shards = list(range(n_shards))
    held = []
    given_shards = place_blocks(shards, n_workers, lambda part: held.append(part) or part)
    job = Job(None, given_shards if placed else shards)
    running, found, n_lost = [], [], 0
    while not job.is_done():
        while job.ready():
            found += job.pop()
        while len(running) < n_workers and (block := job.take(random.random(), 2 * n_workers)):
            running.append(block)
        if not running:
            continue
        block = running.pop(random.randrange(len(running)))
        if random.random() < 0.3 and n_lost < 20:
            n_lost += 1
            job.put_back(block)
        else:
            job.done[block.number] = list(block.shards[0] if placed else block.shards)
    assert found == shards


def test_a_block_goes_back_to_the_worker_that_holds_it():
    placed = place_blocks(range(8), 4, lambda part: part)
    workers = ["a", "b", "a", "b"]
    job = Job(None, placed)
    assert [job.take(one, 9).number for one in workers] == [0, 1, 2, 3]
    again = Job(None, placed)
    assert [again.take(one, 9).number for one in ["b", "b", "a", "a"]] == [1, 3, 0, 2]


@given(st.integers(1, 30), st.integers(0, 10**6))
def test_what_travels_of_a_shard_of_votes_gives_the_same_bytes(n_questions, seed):
    rng = np.random.default_rng(seed)
    indptr = np.append(0, np.cumsum(rng.integers(1, 6, n_questions)))
    code = rng.integers(0, 12, indptr[-1]).astype(np.uint8)
    start = int(rng.integers(n_questions))
    whole = VoteShard(Coded(indptr, code, 4, 3), start, n_questions)
    part = pickle.loads(pickle.dumps(whole))
    assert len(part.coded.code) == indptr[-1] - indptr[start]
    step = Pass(rng.uniform(0.1, 3, (1, 12)), np.array([0.4]), in_logs=False)
    for ours, theirs in zip(step(whole), step(part), strict=True):
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


@pytest.mark.parametrize("where", ["memory", "file", "rows of a file"])
def test_what_travels_of_a_shard_of_scores_is_scanned_alike(tmp_path, where):
    rng = np.random.default_rng(3)
    np.save(tmp_path / "s.npy", rng.normal(size=(90, 7)).astype(np.float32))
    scores = np.load(tmp_path / "s.npy", mmap_mode=None if where == "memory" else "r")
    kept = np.sort(rng.permutation(90)[:60]) if where == "rows of a file" else None
    n_rows = 90 if kept is None else 60
    ids = np.array([f"{n}.jpg" for n in range(100)])
    source = ScoreMatrix("m", ids, rng.permutation(100)[:n_rows], scores, "logit", kept)
    whole = ScanShard(source, 20, n_rows, 50)
    sent = pickle.dumps(whole)
    assert len(sent) < (4_000 if where != "memory" else 9_000)
    part = pickle.loads(sent)
    assert str(part.open()) == str(whole) == f"m, rows 20 to {n_rows - 1}"
    again = pickle.loads(pickle.dumps(part.open()))
    for ours, theirs in ((scan(whole), scan(part)), (scan(whole), scan(again))):
        assert ours.top.tobytes() == theirs.top.tobytes()
        for kind, pairs in ours.lists.items():
            assert pairs.image.tolist() == theirs.lists[kind].image.tolist()
            assert pairs.score.tobytes() == theirs.lists[kind].score.tobytes()
    if where != "memory":
        (tmp_path / "s.npy").touch()
        with pytest.raises(FileError, match=r"s\.npy: on the node .* is another file"):
            scan(pickle.loads(sent))


def fit_in_a_process(engine, file, how, *address):
    script = Path(__file__).with_name("killed_fit.py")
    command = [sys.executable, script, engine, file, how, *address]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check_a_killed_fit_goes_on(engine, folder, *address):
    """Killed in the fourth iteration, it goes on there, to the same bytes as without."""
    alone = fit_in_a_process("threads", folder / "whole.npz", "go")
    assert alone.stdout.split()[0] == "1", alone.stderr
    assert (
        fit_in_a_process(engine, folder / "f.npz", "kill", *address).returncode == -signal.SIGKILL
    )
    again = fit_in_a_process(engine, folder / "f.npz", "go", *address)
    assert again.stdout.split() == ["3", alone.stdout.split()[1]], again.stderr


def test_a_killed_fit_goes_on(tmp_path):
    check_a_killed_fit_goes_on("threads", tmp_path)


def test_the_state_of_another_fit_is_not_taken_up(tmp_path):
    kept = FitFile(tmp_path / "f.npz", 0.0)
    dawid_skene(votes(), kept=kept, max_iterations=4)
    seen = []
    dawid_skene(
        votes(), kept=FitFile(tmp_path / "f.npz"), pseudocount=2.0, confusion_prior="uniform",
        max_iterations=4, progress=lambda _, done: seen.append(done),
    )  # fmt: skip
    assert seen == [1, 2, 3, 4]
    (tmp_path / "f.npz").write_bytes(b"broken")
    whole = dawid_skene(votes())
    assert dawid_skene(votes(), kept=kept).log_probability.tobytes() == (
        whole.log_probability.tobytes()
    )
    kept.remove()
    assert list(tmp_path.iterdir()) == []
