"""The paper's rule on full scores from disk: ours against NumPy's floor and DuckDB's SQL.

Files of float32 logits [50000, 1000] are made in a temporary folder, one a model. The floor is what
any program must do: read each file and take the maximum of every row with NumPy. DuckDB runs the
same rule as SQL over (image, class, logit) on a few models and is scaled; its outcome on those is
compared with ours. Files come from the page cache unless they do not fit it.

    python benchmarks/proposals.py [--models 20] [--peer-models 2] [--folder DIR]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from measure import best_of, describe_machine, in_fresh_process
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
    options = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        paths = [make(folder, model, N) for model in range(options.models)]
        report(paths, options.peer_models)
        sizes(folder, options.models)


if __name__ == "__main__":
    main()
