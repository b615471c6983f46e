"""Many raters at once: threads, processes, and processes killed in mid-flight."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from reassess.rating import (
    Answer,
    NoTask,
    Settings,
    Submission,
    TaskLease,
    add_questions,
    audit,
    change_settings,
    exclude_votes,
    next_task,
    open_store,
    pause,
    resume,
    return_expired,
    study_progress,
    submit,
    vote_batches,
    votes,
)

from .play import PLAIN, questions, raters

ROOT = Path(__file__).parents[2]

WORKER = """
import random, sys, time
from reassess.rating import Answer, NoTask, Submission, next_task, open_store, submit
url, first, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = open_store(url)
people, turn = list(range(first, first + n)), 0
while people:
    turn += 1
    person = people[turn % len(people)]
    task = next_task(store, person)
    if isinstance(task, NoTask):
        if task.reason != "wait":
            people.remove(person)
        continue
    answers = tuple(Answer(q.question, random.randrange(3)) for q in task.questions)
    submit(store, person, Submission(task.lease, f"{person}-{task.lease}", answers))
    print(person, *(a.question for a in answers), flush=True)
"""


def work(store, person, problems):
    """Answer until there is nothing; now and then twice, or not at all."""
    luck = random.Random(person)  # noqa: S311
    try:
        while True:
            task = next_task(store, person)
            if isinstance(task, NoTask):
                if task.reason != "wait":
                    return
                time.sleep(0.01)
                continue
            assert isinstance(task, TaskLease)
            answers = tuple(Answer(q.question, luck.randrange(3)) for q in task.questions)
            sent = Submission(task.lease, f"{person}-{task.lease}", answers)
            receipts = [submit(store, person, sent) for _ in range(luck.choice((1, 1, 2)))]
            assert set(receipts[0].status.values()) == {"stored"}
    except Exception as error:  # noqa: BLE001 -- a thread's failure must reach the test
        problems.append(error)


def run_threads(store, people, *others):
    problems: list[Exception] = []
    threads = [threading.Thread(target=work, args=(store, p, problems)) for p in people]
    threads += [threading.Thread(target=other) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_threads_give_every_question_k_votes_and_no_more(make_store):
    store = make_store(Settings(votes_per_question=3, n_practice=0, n_qualification=0))
    add_questions(store, questions(25, 4))
    run_threads(store, raters(store, 12))
    assert audit(store) == ()
    record = votes(store)
    assert record.counts().sum(axis=1).tolist() == [3] * 100
    pairs = set(zip(record.question.tolist(), record.rater.tolist(), strict=True))
    assert len(pairs) == 300
    assert study_progress(store).n_leases == 0


def test_the_owner_may_meddle_while_raters_work(make_store):
    store = make_store(Settings(votes_per_question=2, n_practice=0, n_qualification=0))
    add_questions(store, questions(12, 4))
    people = raters(store, 8)

    def meddle():
        for person in people[:3]:
            pause(store, person)
            resume(store, person)
        exclude_votes(store, people[3])
        add_questions(store, questions(3, 4, start=100))
        change_settings(store, Settings(votes_per_question=3, n_practice=0, n_qualification=0))

    owner = threading.Thread(target=meddle)
    workers = [threading.Thread(target=lambda p=p: _quietly(store, p)) for p in people]
    for thread in (*workers, owner):
        thread.start()
    for thread in (*workers, owner):
        thread.join()
    run_threads(store, [*people[:3], *people[4:]])
    assert audit(store) == ()
    assert votes(store).counts().sum(axis=1).tolist() == [3] * 60


def _quietly(store, person):
    """Work, whatever the owner does meanwhile."""
    work(store, person, [])


def test_processes_killed_in_mid_flight_lose_nothing(url):
    settings = Settings(
        votes_per_question=3, n_practice=0, n_qualification=0, gold_rate=0.0, repeat_rate=0.0
    )
    with open_store(url) as store:
        change_settings(store, settings)
        add_questions(store, questions(60, 4))
        people = raters(store, 8)
    acknowledged: set[tuple[int, int]] = set()
    luck = random.Random(0)  # noqa: S311
    n_rounds = 0
    while n_rounds < 3:
        workers = [start(url, people[0], 4), start(url, people[4], 4)]
        time.sleep(2 + luck.random())
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
        for worker in workers:
            out, _ = worker.communicate()
            acknowledged |= acknowledged_in(out)
        n_rounds += 1
        with open_store(url) as store:
            assert audit(store) == ()
            assert acknowledged <= stored(store)
    with open_store(url, clock=lambda: time.time() + 3600) as store:
        return_expired(store)
        assert study_progress(store).n_leases == 0
        run_threads(store, people)
        assert audit(store) == ()
        assert acknowledged <= stored(store)
        assert votes(store).counts().sum(axis=1).tolist() == [3] * 240


def start(url: str, first: int, n: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, url, str(first), str(n)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def acknowledged_in(out: str) -> set[tuple[int, int]]:
    """(rater, question) of every line that is whole."""
    lines = [line.split() for line in out.splitlines(keepends=True) if line.endswith("\n")]
    return {(int(person), int(q)) for person, *asked in lines for q in asked}


def stored(store) -> set[tuple[int, int]]:
    """(rater, question) of every counted vote."""
    from sqlalchemy import select

    from reassess.rating.schema import slots

    with store.database.read() as connection:
        rows = connection.execute(
            select(slots.c.rater, slots.c.question).where(slots.c.version.is_not(None))
        ).all()
    assert len(rows) == len({tuple(row) for row in rows})
    assert len(rows) == sum(len(b.answer) for b in vote_batches(store, counted_only=True))
    return {tuple(row) for row in rows}


def test_several_processes_share_a_study(url):
    n = 6
    with open_store(url) as store:
        change_settings(store, PLAIN)
        add_questions(store, questions(15, 3))
        people = raters(store, n)
    workers = [start(url, people[0], n // 2), start(url, people[n // 2], n // 2)]
    outs = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    with open_store(url) as store:
        assert audit(store) == ()
        assert votes(store).counts().sum(axis=1).tolist() == [5] * 45
        assert stored(store) == acknowledged_in(outs[0]) | acknowledged_in(outs[1])
