"""The paper's rule on full scores from disk: ours against NumPy's floor and DuckDB's SQL.

Files of float32 logits [50000, 1000] are made in a temporary folder, one a model. The floor is what
any program must do: read each file and take the maximum of every row with NumPy. DuckDB runs the
same rule as SQL over (image, class, logit) on a few models and is scaled; its outcome on those is
compared with ours. Files come from the page cache unless they do not fit it.

The parts are measured in turns with their floors, by processor time as well, so that their ratios
hold on a busy machine: the compiled scan with its read against row maxima of a fresh map, float16
against NumPy's widening of it, and short lists against full scores.

    python benchmarks/proposals.py [--models 20] [--peer-models 2] [--folder DIR] [--parts]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import best_of, describe_machine, describe_moment, in_fresh_process
from measure import seconds as seconds_of

N, K, TOP = 50_000, 1_000, 150_000


def make(folder: Path, model: int, n_images: int) -> Path:
    """Logits of a model that is right on some three images in four, and unsure on many."""
    path = folder / f"model{model}-{n_images}.npy"
    if path.exists():
        return path
    rng = np.random.default_rng(model)
    scores = np.lib.format.open_memmap(path, "w+", np.float32, (n_images, K))
    sure = rng.gamma(4.0, 2.0, n_images).astype(np.float32)
    for start in range(0, n_images, 5000):
        block = rng.standard_normal((min(5000, n_images - start), K), np.float32) * 2
        image = np.arange(start, start + len(block))
        block[np.arange(len(block)), image % K] += sure[image]
        block[np.arange(len(block)), (image * 7 + 3) % K] += sure[image] / 2
        scores[start : start + len(block)] = block
    scores.flush()
    return path


def read_study_benchmark(n_images: int):
    from reassess.records import Benchmark

    ids = np.array([f"{n:06d}.jpg" for n in range(n_images)])
    return Benchmark("made", ids, np.arange(n_images) % K)


def floor(paths: list[Path]) -> float:
    def read_and_maximum() -> None:
        for path in paths:
            np.load(path, mmap_mode="r").max(axis=1)

    return best_of(read_and_maximum, 3)


def ours(paths: list[Path], n_images: int) -> dict[str, float]:
    from reassess.files import open_predictions
    from reassess.proposals import propose

    benchmark = read_study_benchmark(n_images)

    def run():
        found = []
        for path in paths:
            found += open_predictions(path, benchmark, order="file-number", scale="logit")
        return propose(found, benchmark, pairs_per_model=TOP)

    seconds = best_of(run, 3)
    proposals = run()
    return {"seconds": seconds, "proposals": len(proposals), "rated": int(proposals.rated.sum())}


SQL_OF_A_MODEL = """
insert into listed
with logits as (select * from scores), sums as (
    select image, max(logit) + ln(sum(exp(logit - m))) as z
    from logits join (select image as i, max(logit) as m from logits group by image) on i = image
    group by image
), ranked as (
    select l.image, l.class, logit, logit - z as logp from logits l join sums using (image)
),
bounds as (
    select (select min(logit) from (select logit from ranked order by logit desc limit $top)) as a,
           (select min(logp) from (select logp from ranked order by logp desc limit $top)) as b
)
select $model as model, image, class from ranked, bounds where logit >= a or logp >= b
"""


def duckdb_rule(paths: list[Path], n_images: int) -> dict[str, float]:
    """The same rule in SQL over tables in long form."""
    import duckdb

    connection = duckdb.connect(config={"memory_limit": "8GB"})
    image = np.repeat(np.arange(n_images, dtype=np.int32), K)
    label = np.tile(np.arange(K, dtype=np.int16), n_images)

    def run() -> None:
        connection.execute("create or replace table listed (model int, image int, class int)")
        connection.execute("create or replace table tops (image int, class int)")
        for number, path in enumerate(paths):
            logit = np.load(path).ravel()
            columns = {"image": image, "class": label, "logit": logit}
            connection.register("arrays", columns)
            connection.execute("create or replace table scores as select * from arrays")
            connection.execute(SQL_OF_A_MODEL, {"model": number, "top": TOP})
            connection.execute(
                "insert into tops select image, arg_max(class, logit) from scores group by image"
            )

    def count() -> int:
        return connection.execute(
            """select count(*) from (
                select image, class from listed group by image, class having count(*) >= 2
                union select image, class from tops
                union select range as image, range % $k as class from range($n))""",
            {"k": K, "n": n_images},
        ).fetchone()[0]

    seconds = seconds_of(lambda: (run(), count()))
    return {"seconds": seconds, "proposals": count()}


def in_turns(ours: Callable[[], object], floor: Callable[[], object], rounds: int = 5) -> str:
    """Both several times, one after the other: the least processor and wall seconds of each."""
    least = [[float("inf")] * 2, [float("inf")] * 2]
    for number in range(rounds + 1):
        for times, function in zip(least, (ours, floor), strict=True):
            cpu, wall = time.process_time(), time.perf_counter()
            function()
            spent = time.process_time() - cpu, time.perf_counter() - wall
            if number:  # the first compiles, and fills the page cache
                times[:] = map(min, times, spent)
    (cpu, wall), (cpu_floor, wall_floor) = least
    return (
        f"{cpu:.2f} s of processor against {cpu_floor:.2f} s, {cpu / cpu_floor:.2f} times; wall "
        f"{wall:.2f} s against {wall_floor:.2f} s, {wall / wall_floor:.2f} times"
    )


def scan_alone(source, least: float) -> None:
    """The compiled scan and its read, with thresholds that some three scores a row exceed."""
    from reassess.proposals import kernels

    step = 2**21 // K
    top, best, shift = np.empty(step, np.int64), np.empty(step, np.float32), np.empty(step)
    found = np.empty(step * K, np.int64)
    thresholds = np.array([least, -3.0, 2e-5])
    for block in source.blocks(0, N, step):
        block.flags.writeable = False
        more = (thresholds, True, top[: len(block)], best[: len(block)], shift[: len(block)], found)
        if block.dtype == np.float16:
            kernels.scan_halves(block.view(np.uint16), *more)
        else:
            kernels.scan_singles(block, *more)


def parts(paths: list[Path], n_images: int, workers: int) -> None:
    """Each part of proposing against the least that any program must do for it."""
    from reassess.engines import ThreadEngine
    from reassess.files import open_predictions
    from reassess.files.short_lists import N_CLASSES, shorten
    from reassess.proposals import propose

    one, benchmark = paths[0], read_study_benchmark(n_images)
    halves, short = one.with_suffix(".half.npy"), one.with_suffix(".short.npz")
    if not halves.exists():
        np.save(halves, np.load(one).astype(np.float16))
        lists = shorten(np.load(one), 100)
        np.savez(short, ids=benchmark.image_ids, **lists, **{N_CLASSES: np.array(K)})

    def row_maxima(files: list[Path]) -> None:
        for path in files:
            np.load(path, mmap_mode="r").max(axis=1)

    def widen() -> None:
        np.load(halves, mmap_mode="r").astype(np.float32)

    def whole(files: list[Path], workers: int) -> None:
        found = []
        for path in files:
            found += open_predictions(path, benchmark, order="file-number", scale="logit")
        with ThreadEngine(workers) as engine:
            propose(found, benchmark, pairs_per_model=TOP, engine=engine)

    least = float(np.sort(np.load(one, mmap_mode="r")[:400].ravel())[-1200])
    singles, half = (
        open_predictions(path, benchmark, order="file-number", scale="logit")[0]
        for path in (one, halves)
    )
    single = in_turns(lambda: scan_alone(singles, least), lambda: row_maxima([one]), 8)
    print("scan and read, float32:", single)
    print("scan and read, float16:", in_turns(lambda: scan_alone(half, least), widen, 8))
    sizes = [path.stat().st_size / 1e6 for path in (short, one)]
    print(
        f"short lists of 100, {sizes[0]:.0f} MB against {sizes[1]:.0f} MB:",
        in_turns(lambda: whole([short], 1), lambda: whole([one], 1)),
    )
    print(
        f"propose, {len(paths)} models, {workers} threads against one that reads:",
        in_turns(lambda: whole(paths, workers), lambda: row_maxima(paths), 3),
    )


def report(paths: list[Path], n_peers: int) -> None:
    size = sum(path.stat().st_size for path in paths) / 1e9
    least, _ = in_fresh_process(floor, paths)
    mine, peak = in_fresh_process(ours, paths, N)
    print(f"floor, {size:.1f} GB: read and row maxima {least:.2f} s ({size / least:.2f} GB/s)")
    print(
        f"ours: {mine['seconds']:.2f} s, {least / mine['seconds']:.2f} of the floor's speed, peak "
        f"{peak:.0f} MB; {mine['proposals']:,} proposals, {mine['rated']:,} images to rate"
    )
    if n_peers:
        peer, peer_peak = in_fresh_process(duckdb_rule, paths[:n_peers], N)
        few, _ = in_fresh_process(ours, paths[:n_peers], N)
        assert abs(peer["proposals"] - few["proposals"]) <= 2, (peer, few)
        print(
            f"DuckDB, {n_peers} models: {peer['seconds']:.2f} s, peak {peer_peak:.0f} MB, "
            f"{peer['seconds'] / few['seconds']:.0f} times ours ({few['seconds']:.2f} s)"
        )


def sizes(folder: Path, n_models: int) -> None:
    """Cost over images x models."""
    for n_images, models in ((12_500, n_models // 2), (25_000, n_models // 2), (N, n_models)):
        paths = [make(folder, model, n_images) for model in range(models)]
        mine, peak = in_fresh_process(ours, paths, n_images)
        each = mine["seconds"] / (n_images * models)
        print(
            f"{models} models x {n_images:,} images: {mine['seconds']:.2f} s, "
            f"{1e6 * each:.2f} us an image and model, peak {peak:.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--peer-models", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--parts", action="store_true", help="only the parts, within a minute")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(f"{describe_machine()}; {describe_moment()}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        paths = [make(folder, model, N) for model in range(options.models)]
        _, peak = in_fresh_process(parts, paths, N, options.workers)
        print(f"peak of the parts: {peak:.0f} MB")
        if options.parts:
            return
        report(paths, options.peer_models)
        sizes(folder, options.models)


if __name__ == "__main__":
    main()
