"""Votes by the million: `reassess aggregate` beside pyarrow, which only reads the same columns.

Writes a long parquet of simulated votes (string ids, five votes a question, five questions an
image, 1,000 raters), then reads, fits and writes it in a process of its own. The floor is pyarrow
reading the four columns in plain batches and dropping them. The two run in turns, each after a
small table that loads what they need, three times and for at least three seconds of ours: a run of
a tenth of a second is as long as the host lets it be. Prints the shortest run's seconds of wall
clock and of processor time, the ratio of both to the floor's, the cost a vote and the peak memory.

    python benchmarks/scale.py [1e6 1e7 3e7] [--shuffled] [--csv] [--runs 3] [--folder DIR]
    python benchmarks/scale.py 1e6 --forms wide tasks-csv times pandas

`--forms` only reads the same votes in the other forms in which people hold them, with 20 raters.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import describe_machine, describe_moment, in_fresh_process

VOTES_A_QUESTION = 5
QUESTIONS_AN_IMAGE = 5
RATERS = 1_000
CLASSES = 1_000
ROWS_AT_ONCE = 1_000_000
SMALL = 60_000
SECONDS_AT_LEAST = 3.0
COLUMNS = ["image", "label", "rater", "answer"]
MEMORY = ("pandas", "polars", "pyarrow")


def simulated(vote: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Columns of these votes, which are numbered: image, class, rater and answer by number."""
    question, place = np.divmod(vote, VOTES_A_QUESTION)
    image = question // QUESTIONS_AN_IMAGE
    label = (image * 7919 + question % QUESTIONS_AN_IMAGE * 37) % CLASSES
    rater = (question * 611_953 + place * 131) % RATERS
    is_right = rng.random(len(question)) < 0.8 + 0.19 * (rater * 37 % RATERS) / RATERS
    holds = question * 2_654_435_761 % 2**32 < 0.3 * 2**32
    answer = np.where(rng.random(len(question)) < 0.05, 1, np.where(holds == is_right, 2, 0))
    return {"image": image, "label": label, "rater": rater, "answer": answer}


def make(path: Path, n_votes: int, shuffled: bool, csv: bool) -> None:
    """Write so many votes by question, or in any order."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    text = pa.string()
    schema = pa.schema([("image", text), ("label", pa.int32()), ("rater", text), ("answer", text)])
    raters = pa.array([f"rater{number:05d}" for number in range(RATERS)])
    answers = pa.array(["no", "maybe", "yes"])
    order = rng.permutation(n_votes) if shuffled else None
    open_writer = pyarrow.csv.CSVWriter if csv else pyarrow.parquet.ParquetWriter
    more = {} if csv else {"compression": "zstd"}
    with open_writer(path, schema, **more) as writer:
        for start in range(0, n_votes, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, n_votes)
            rows = np.arange(start, stop) if order is None else order[start:stop]
            found = simulated(rows, rng)
            images, image = np.unique(found["image"], return_inverse=True)
            names = pa.array([f"ILSVRC2012_val_{number:08d}.JPEG" for number in images.tolist()])
            columns = [
                names.take(pa.array(image)), pa.array(found["label"].astype(np.int32)),
                raters.take(pa.array(found["rater"])), answers.take(pa.array(found["answer"])),
            ]  # fmt: skip
            writer.write_table(pa.table(columns, schema=schema))


def timed(function: Any, *arguments: Any) -> tuple[Any, dict[str, float]]:
    """What a function returns, and its seconds by the clock and of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = function(*arguments)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result, {"wall": time.perf_counter() - start, "cpu": cpu}


def floor(path: Path, small: Path) -> dict[str, float]:
    """Seconds in which pyarrow reads the columns in plain batches."""
    import pyarrow.csv
    import pyarrow.parquet

    def read(path: Path) -> None:
        if path.suffix == ".csv":
            for _ in pyarrow.csv.open_csv(path):
                pass
            return
        file = pyarrow.parquet.ParquetFile(path, memory_map=False)
        for _ in file.iter_batches(1 << 18, columns=COLUMNS):
            pass

    read(small)
    return timed(read, path)[1]


def ours(path: Path, small: Path) -> dict[str, dict[str, float]]:
    """Seconds of reading, fitting and writing, in a warm process; and how many iterations."""
    from reassess.engines import ThreadEngine
    from reassess.files import read_votes, write_posterior
    from reassess.pipeline import AggregateOptions, make_posterior

    options = AggregateOptions()
    with ThreadEngine() as engine:
        warm = make_posterior(votes=read_votes(small), options=options, engine=engine)
        write_posterior(warm.record, small.with_name("warm.npz"))
        votes, read = timed(read_votes, path)
        made, fit = timed(lambda: make_posterior(votes=votes, options=options, engine=engine))
    _, write = timed(write_posterior, made.record, path.with_name("posterior.npz"))
    fit["iterations"] = len(made.record.log_likelihood) - 1
    return {"read": read, "fit": fit, "write": write}


def seconds_of(run: tuple[dict[str, dict[str, float]], float]) -> float:
    """How long `ours` took by the clock, of what it returned and its peak memory."""
    return sum(part["wall"] for part in run[0].values())


def make_form(form: str, path: Path, n_votes: int) -> Any:
    """Write so many votes in another form, or return the frame that holds them.

    ``wide`` has a row a question and 10 raters of 20 in it, the other forms a row a vote: ``tasks``
    with a column of images beside, ``ids`` with one of class ids, ``times`` in three forms of text,
    ``numbers`` with seconds since 1970; ``pandas``, ``polars`` and ``pyarrow`` are in memory.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    found = simulated(np.arange(n_votes), rng)
    answers = pa.array(["no", "maybe", "yes"])
    image = pc.binary_join_element_wise("val_", pa.array(found["image"]).cast(pa.string()), "")
    label = pa.array(found["label"].astype(np.int32))
    table = pa.table({
        "image": image, "label": label, "answer": answers.take(pa.array(found["answer"])),
        "rater": pc.binary_join_element_wise(
            "rater", pa.array(found["rater"] % 20).cast(pa.string()), ""
        ),
    })  # fmt: skip
    if form.startswith("wide"):
        first = slice(None, n_votes // 10)
        asked = np.arange(n_votes // 10, dtype=np.int32) % CLASSES
        columns: dict[str, Any] = {"image": image[first], "label": pa.array(asked)}
        holds = rng.permuted(np.tile(np.arange(20) < 10, (n_votes // 10, 1)), axis=1)
        codes = rng.integers(0, 3, holds.shape)
        for rater in range(20):
            code = pa.array(codes[:, rater], mask=~holds[:, rater])
            columns[f"rater{rater}"] = answers.take(code)
        table = pa.table(columns)
    elif form.startswith(("tasks", "ids")):
        task = pc.binary_join_element_wise(image, label.cast(pa.string()), ":")
        table = table.drop_columns(["label"]).append_column("task", task)
        if form.startswith("ids"):
            wnid = pc.binary_join_element_wise("n", label.cast(pa.string()), "")
            table = table.drop_columns(["image"]).append_column("class_id", wnid)
    elif form.startswith(("times", "numbers")):
        second = pa.array(np.arange(n_votes) + 1_769_860_800)
        when = pc.strftime(second.cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%S")
        ends = pa.array(["Z", ".125Z", "+02:00"]).take(pa.array(np.arange(n_votes) % 3))
        texts = pc.binary_join_element_wise(when, ends, "")
        table = table.append_column("given_at", texts if form.startswith("times") else second)
    if form == "pandas":
        return table.to_pandas()
    if form == "polars":
        import polars as pl

        return pl.from_arrow(table)
    if form == "pyarrow":
        return table
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path, compression="zstd")
    return path


def read_form(form: str, path: Path, n_votes: int) -> dict[str, float]:
    """Seconds of reading votes in another form, in a warm process, and MB before it began."""
    from reassess.files import read_votes
    from reassess.notes import collect_notes

    with collect_notes():
        read_votes(make_form(form, path.with_stem("warm"), SMALL))
        held = make_form(form, path, n_votes) if form in MEMORY else path
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        votes, took = timed(read_votes, held)
    return {**took, "before": before, "votes": len(votes)}


def print_forms(forms: list[str], n_votes: int, folder: str | None) -> None:
    """Print what reading takes in each form."""
    for form in forms:
        with tempfile.TemporaryDirectory(dir=folder) as inside:
            path = Path(inside) / f"votes.{'csv' if form.endswith('csv') else 'parquet'}"
            if form not in MEMORY:
                in_fresh_process(make_form, form, path, n_votes)
            found, memory = in_fresh_process(read_form, form, path, n_votes)
        print(
            f"{form}: {found['votes']:,} votes, wall {found['wall']:.2f} s, cpu {found['cpu']:.2f} "
            f"s, peak {memory:,.0f} MB, before it {found['before']:,.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("votes", nargs="*", type=float, default=[1e6, 1e7, 3e7])
    parser.add_argument("--shuffled", action="store_true", help="rows in any order")
    parser.add_argument("--csv", action="store_true", help="CSV in place of parquet")
    parser.add_argument("--forms", nargs="+", default=[], help="read these forms of votes instead")
    parser.add_argument("--runs", type=int, default=3, help="at least; the shortest counts")
    parser.add_argument("--folder", help="where the files lie while it runs")
    given = parser.parse_args()
    print(describe_machine())
    print(describe_moment())
    for n_votes in map(int, given.votes):
        if given.forms:
            print_forms(given.forms, n_votes, given.folder)
            continue
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            path = Path(folder) / ("votes.csv" if given.csv else "votes.parquet")
            small = path.with_stem("small")
            for one, n in ((path, n_votes), (small, SMALL)):
                in_fresh_process(make, one, n, given.shuffled, given.csv)
            alone, found = [], []
            while len(found) < given.runs or sum(map(seconds_of, found)) < SECONDS_AT_LEAST:
                alone.append(in_fresh_process(floor, path, small))
                found.append(in_fresh_process(ours, path, small))
            written = (Path(folder) / "posterior.npz").stat().st_size
        floor_took, floor_memory = min(alone, key=lambda run: run[0]["wall"])
        took, memory = min(found, key=seconds_of)
        print(f"{n_votes:,} votes, {took['fit']['iterations']} iterations, posterior "
              f"{written / 1e6:,.0f} MB, {len(found)} runs")  # fmt: skip
        for kind in ("wall", "cpu"):
            total = sum(part[kind] for part in took.values())
            parts = ", ".join(f"{name} {part[kind]:.3f}" for name, part in took.items())
            print(
                f"    {kind}: pyarrow {floor_took[kind]:.3f} s, reassess {total:.3f} s ({parts}), "
                f"ratio {total / floor_took[kind]:.2f}, {1e9 * total / n_votes:.0f} ns a vote"
            )
        print(f"    peak: pyarrow {floor_memory:,.0f} MB, reassess {memory:,.0f} MB")


if __name__ == "__main__":
    main()
