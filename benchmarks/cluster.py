"""What a cluster costs: bytes, a shard's seconds, Ray against threads, and many workers SIMULATED.

    python benchmarks/cluster.py [--votes N] [--no-ray]

Bytes and seconds are measured here. What 1 to 512 workers would take is not: it is computed from
the measured seconds of shards by playing the engine's loop (one process hands out blocks and takes
results, one after the other; each worker runs one block at a time), and is marked "simulated".
"""

import argparse
import heapq
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import describe_machine, describe_moment

from reassess.aggregation.coding import Coded
from reassess.aggregation.em import Pass, vote_shards
from reassess.engines import ThreadEngine
from reassess.proposals.scans import scan, scan_shards
from reassess.records import ScoreMatrix

RATERS, ANSWERS = 500, 3
NETWORK = 1.25e9
"""Assumed, not measured: bytes a second of the process that hands out the work (10 Gbit/s)."""
WORKERS = (1, 8, 64, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=10_000_000)
    parser.add_argument("--no-ray", action="store_true")
    options = parser.parse_args()
    print(f"{describe_machine()}; {describe_moment()}")
    coded = votes(options.votes)
    call = 2e-3 if options.no_ray else on_ray(coded)
    passes = aggregate_figures(coded)
    scans = propose_figures()
    costs = f"{call * 1e3:.1f} ms of the driver a block and {NETWORK * 8e-9:.0f} Gbit/s"
    print(f"\nSIMULATED, with {costs}")
    print(f"{'workers':>8}  {'one pass, 1e9 votes':>22}  {'propose, 512 models':>22}")
    base: tuple[float, ...] = ()
    for n_workers in WORKERS:
        seconds = (
            simulate_pass(passes, n_workers, call, 1e9),
            simulate(scans[0], [scans[1]] * 512, n_workers, call, scans[2]),
        )
        base = base or seconds
        cells = (f"{s:10.2f} s {b / s:8.1f} x" for s, b in zip(seconds, base, strict=True))
        print(f"{n_workers:>8}  " + "  ".join(cells))


def votes(n_votes: int) -> Coded:
    """Five votes on each question."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, RATERS * ANSWERS, n_votes, dtype=np.uint16)
    return Coded(np.arange(0, n_votes + 1, 5), code, RATERS, ANSWERS)


def a_pass() -> Pass:
    """One pass under some parameters."""
    rng = np.random.default_rng(1)
    return Pass(rng.uniform(0.5, 2, (1, RATERS * ANSWERS)), np.array([0.7]), in_logs=False)


def timed(function: Callable[[], object], times: int = 5) -> list[float]:
    """Seconds of each call after the first."""
    function()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return found


def on_ray(coded: Coded) -> float:
    """Ray against threads over whole passes, two workers each, in turns; seconds a block."""
    from reassess.engines.ray import RayEngine

    step, shards = a_pass(), vote_shards(coded)
    with RayEngine(2) as ray, ThreadEngine(2) as threads:
        start = time.perf_counter()
        with ray.place(shards) as placed:
            list(ray.map(step, placed))
            print(f"votes to Ray, first pass: {time.perf_counter() - start:.2f} s, once")
            ours, theirs = [], []
            for _ in range(7):
                ours += timed(lambda: list(ray.map(step, placed)), 1)
                theirs += timed(lambda: list(threads.map(step, shards)), 1)
        ratio = min(ours) / min(theirs)
        print(
            f"a pass over {len(coded.code):.0e} votes, 2 workers: Ray {min(ours):.3f} s, threads "
            f"{min(theirs):.3f} s, ratio {ratio:.2f} (least of 7, in turns); medians "
            f"{statistics.median(ours):.3f} and {statistics.median(theirs):.3f} s"
        )
        empty = timed(lambda: list(ray.map(abs, range(200))), 3)
        print(f"a block that does nothing: {min(empty) / 200 * 1e3:.2f} ms")
        return min(empty) / 200


def aggregate_figures(coded: Coded) -> tuple[float, float, int]:
    """Seconds and bytes of a shard of votes; what it is reduced in."""
    step, shard = a_pass(), vote_shards(coded)[0]
    sent, back = len(pickle.dumps(shard, 5)), len(pickle.dumps(step(shard), 5))
    n_votes = int(coded.indptr[shard.stop])
    seconds = min(timed(lambda: step(shard), 20))
    counts, result = np.zeros((1, RATERS * ANSWERS)), step(shard)[0]

    def reduce() -> None:
        nonlocal counts
        counts += result

    print(
        f"aggregate: a shard of {n_votes:,} votes takes {seconds * 1e3:.2f} ms; sent once "
        f"{sent / n_votes:.1f} bytes a vote; each pass sends {len(pickle.dumps(step, 5)):,} bytes "
        f"to each worker and gets {back:,} back of each shard, reduced in "
        f"{min(timed(reduce, 20)) * 1e6:.0f} us"
    )
    return seconds, n_votes, back


def propose_figures() -> tuple[float, float, int]:
    """Seconds to scan one model of 50,000 x 1,000 scores, bytes to send it, bytes back."""
    rng, n, k = np.random.default_rng(2), 50_000, 1_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.npy"
        np.save(path, rng.standard_normal((n, k), dtype=np.float32))
        scores = np.load(path, mmap_mode="r")
        ids = np.array([f"ILSVRC2012_val_{i:08}.JPEG" for i in range(n)])
        shard = next(scan_shards(ScoreMatrix("m", ids, np.arange(n), scores, "logit"), 3 * n))
        sent, back = len(pickle.dumps(shard, 5)), len(pickle.dumps(scan(shard), 5))
        seconds = min(timed(lambda: scan(shard), 3))
    print(
        f"propose: a model of {n:,} x {k:,} scores takes {seconds:.2f} s; sends {sent / n:.0f} "
        f"bytes an image (its id; scores are read where they lie), gets {back / n:.0f} back"
    )
    return sent, seconds, back


def simulate_pass(
    measured: tuple[float, float, int], n_workers: int, call: float, n_votes: float
) -> float:
    """SIMULATED seconds of one pass; votes lie on the workers already."""
    seconds, votes_a_shard, back = measured
    n_shards = int(n_votes / votes_a_shard)
    n_blocks = min(n_shards, n_workers)
    sizes = np.diff(np.linspace(0, n_shards, n_blocks + 1).astype(int))
    blocks = [size * seconds for size in sizes]
    return simulate(0, blocks, n_workers, call, back * n_shards / n_blocks)


def simulate(sent: float, blocks: list[float], n_workers: int, call: float, back: float) -> float:
    """SIMULATED seconds until the last result is taken.

    Args:
        sent: bytes that go out with a block.
        blocks: measured seconds of each.
        n_workers: how many run at a time.
        call: seconds of the driver for a block, half to hand out and half to take.
        back: bytes that come back.
    """
    driver, running, waiting = 0.0, [], list(reversed(blocks))
    idle = n_workers
    while waiting or running:
        if waiting and idle:
            driver += call / 2 + sent / NETWORK
            heapq.heappush(running, driver + waiting.pop())
            idle -= 1
        else:
            driver = max(driver, heapq.heappop(running)) + call / 2 + back / NETWORK
            idle += 1
    return driver


if __name__ == "__main__":
    main()
