"""Memory of a whole study at ImageNet-21k's size: every command, and how it grows.

Simulates a study of 21,841 classes: original labels as parquet, three models' short lists of ten
classes (`reassess predict --keep 10`), three votes a question. Runs each command as people do, in a
process of its own, at several sizes, and prints its peak memory and time, what an image adds to the
peak, and the straight line to 14 million images, which is an extrapolation.

    python benchmarks/large_study.py [140000 467000 1400000] [--folder DIR] [--only label score]
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import describe_machine, describe_moment, in_fresh_process

N_CLASSES = 21_841
WHOLE = 14_197_122
MODELS = ("a", "b", "c")
KEPT = 10
RATERS = 1_000
RESAMPLES = 100
_ROWS = 1 << 18

Measured = dict[str, tuple[float, float]]
"""By command, its peak in MB and its seconds of processor time."""


def image_ids(n_images: int, original: np.ndarray) -> np.ndarray:
    """Ids as ImageNet's: the class folder, then the file."""
    number = np.arange(n_images).astype("U8")
    folder = np.strings.add("n", np.strings.zfill(original.astype("U5"), 8))
    return np.strings.add(
        np.strings.add(np.strings.add(folder, "/"), folder),
        np.strings.add(np.strings.add("_", number), ".JPEG"),
    )


def make_benchmark(folder: Path, n_images: int) -> None:
    """Original labels and classes."""
    import pyarrow as pa
    import pyarrow.parquet

    original = np.arange(n_images) * 7919 % N_CLASSES
    columns = {"image": pa.array(image_ids(n_images, original)), "label": pa.array(original)}
    pyarrow.parquet.write_table(pa.table(columns), folder / "labels.parquet")
    names = (f"{k},n{k:08d},class {k}" for k in range(N_CLASSES))
    (folder / "classes.csv").write_text("index,id,name\n" + "\n".join(names) + "\n")


def make_model(folder: Path, number: int, n_images: int) -> None:
    """Short lists of a model that is right on two images in three, mostly where others are."""
    original = np.arange(n_images) * 7919 % N_CLASSES
    rng, shared = np.random.default_rng(number + 1), np.random.default_rng(0)
    classes = np.empty((n_images, KEPT), np.uint16)
    below = np.empty((n_images, KEPT), np.float16)
    log_sum = np.empty(n_images, np.float32)
    for start in range(0, n_images, _ROWS):
        rows = slice(start, min(start + _ROWS, n_images))
        own = original[rows]
        n = len(own)
        is_hard = shared.random(n) < 0.4
        is_wrong = rng.random(n) < np.where(is_hard, 0.75, 0.03)
        others = (own[:, None] + 1 + 37 * np.arange(KEPT)) % N_CLASSES
        found = np.column_stack([own, others[:, : KEPT - 1]])
        found[is_wrong, :2] = found[is_wrong, 1::-1]
        classes[rows] = found
        gaps = rng.gamma(1.0, 1.2, (n, KEPT))
        gaps[:, 0] = rng.gamma(2.0, np.where(is_hard, 0.4, 0.05))
        lower = -np.cumsum(gaps, axis=1)
        below[rows] = lower - np.log(np.exp(lower).sum(axis=1, keepdims=True)) - 0.1
        log_sum[rows] = rng.gamma(8.0, 2.0, n)
    lists = {"classes": classes, "log_softmax": below, "log_sum_exp": log_sum}
    more = {"n_classes": np.array(N_CLASSES), "ids": image_ids(n_images, original)}
    np.savez(folder / f"{MODELS[number]}.npz", **lists, **more)


def make_votes(study: Path) -> int:
    """Three votes a question of the study's tasks; how many there are."""
    import pyarrow as pa
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    schema = pa.schema(
        [("image", pa.string()), ("label", pa.int64()), ("rater", pa.string()),
         ("answer", pa.string())]
    )  # fmt: skip
    raters = pa.array([f"rater{one:05d}" for one in range(RATERS)])
    answers, n_votes = pa.array(["no", "maybe", "yes"]), 0
    with pyarrow.parquet.ParquetWriter(study / "votes.parquet", schema) as writer:
        for batch in pyarrow.parquet.ParquetFile(study / "tasks.parquet").iter_batches(_ROWS):
            row = np.repeat(np.arange(len(batch)), 3)
            holds = np.repeat(rng.random(len(batch)) < 0.4, 3)
            is_right = rng.random(len(row)) < 0.85
            columns = [
                batch.column("image").cast(pa.string()).take(pa.array(row)),
                batch.column("label").cast(pa.int64()).take(pa.array(row)),
                raters.take(pa.array((row * 3 + np.arange(len(row)) % 3 * 17) % RATERS)),
                answers.take(pa.array(np.where(holds == is_right, 2, 0))),
            ]
            writer.write_table(pa.table(columns, schema=schema))
            n_votes += len(row)
    return n_votes


def make(folder: Path, n_images: int) -> None:
    """All that a study begins with; not in the process that starts commands.

    What a process begins with counts as its child's peak.
    """
    make_benchmark(folder, n_images)
    for number in range(len(MODELS)):
        make_model(folder, number, n_images)


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """What is run, in order, each with its arguments."""
    study, labels = str(folder / "study"), str(folder / "decided.parquet")
    files = [str(folder / f"{name}.npz") for name in MODELS]
    original = ["--original-labels", str(folder / "labels.parquet")]
    original += ["--classes", str(folder / "classes.csv")]
    draws = ["--resamples", str(RESAMPLES)]
    yield "new", ["new", study, "--labels", original[1], "--classes", original[3]]
    named = [f"{name}={file}" for name, file in zip(MODELS, files, strict=True)]
    yield "add", ["add", study, "--no-copy", *named]
    yield "propose", ["propose", study]
    yield "run: aggregate and label", ["run", study]
    yield "label", ["label", f"{study}/posterior.npz", *original, "-o", labels]
    yield "score", ["score", *files, "--labels", labels, *original]
    yield "ranks", ["ranks", *files, "--labels", labels, *original, *draws]
    yield "ranks of the study", ["ranks", study, *draws]
    yield "report", ["report", study, *draws]


def run(arguments: list[str], log: Path) -> tuple[float, float]:
    """Peak memory in MB and processor seconds of a command, which must succeed."""
    line = [sys.executable, "-m", "reassess.cli", *arguments]
    with log.open("w") as file:
        out = [(os.POSIX_SPAWN_DUP2, file.fileno(), number) for number in (1, 2)]
        pid = os.posix_spawn(line[0], line, os.environ, file_actions=out)
        _, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)}\n{log.read_text()}")
    return used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def measure(folder: Path, n_images: int, only: list[str]) -> Measured:
    """Every command on a study of so many images."""
    in_fresh_process(make, folder, n_images)
    found: Measured = {}
    for name, arguments in commands(folder):
        if name.startswith("run"):
            n_votes, _ = in_fresh_process(make_votes, folder / "study")
            print(f"    {n_votes:,} votes")
        if name.startswith("ranks of") and only and name not in only:
            continue
        if name in {"score", "ranks", "report"} and only and name not in only:
            continue
        start = time.perf_counter()
        found[name] = run(arguments, folder / "log.txt")
        peak, cpu = found[name]
        print(
            f"    {name}: peak {peak:,.0f} MB, {cpu:.1f} s of processor, "
            f"{time.perf_counter() - start:.1f} s",
            flush=True,
        )
    return found


def report(by_size: dict[int, Measured]) -> None:
    """What an image adds, and the line to the whole of ImageNet-21k."""
    (small, first), (large, last) = min(by_size.items()), max(by_size.items())
    print(f"from {small:,} to {large:,} images, and extrapolated to {WHOLE:,}:")
    for name, (peak, cpu) in last.items():
        each = (peak - first[name][0]) / (large - small)
        seconds = cpu + (cpu - first[name][1]) / (large - small) * (WHOLE - large)
        gigabytes = (peak + each * (WHOLE - large)) / 1e3
        print(f"    {name}: {1e6 * each:,.0f} bytes an image, {gigabytes:.1f} GB, {seconds:,.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", nargs="*", type=int, default=[140_000, 467_000, 1_400_000])
    parser.add_argument("--folder", type=Path, help="where the studies lie while it runs")
    parser.add_argument("--only", nargs="*", default=[], help="of those that read, these alone")
    options = parser.parse_args()
    print(f"{describe_machine()}; {describe_moment()}")
    by_size: dict[int, Measured] = {}
    for n_images in options.images:
        print(f"{n_images:,} images, {N_CLASSES:,} classes, {len(MODELS)} models")
        with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
            by_size[n_images] = measure(Path(temporary), n_images, options.only)
    if len(by_size) > 1:
        report(by_size)


if __name__ == "__main__":
    main()
