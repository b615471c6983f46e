"""Breaks: leases that live while their page is open, run out, and are offered again."""

from dataclasses import replace

from reassess.rating import (
    NoTask,
    TaskLease,
    add_questions,
    audit,
    keep_tasks,
    next_class_grid,
    next_task,
    pause,
    return_expired,
    return_task,
    study_progress,
    votes,
)

from .play import PLAIN, answer_all, questions, raters

MINUTES = replace(PLAIN, votes_per_question=1, lease_seconds=60)


def task_for(store, rater, **more) -> TaskLease:
    found = next_task(store, rater, **more)
    assert isinstance(found, TaskLease)
    return found


def test_a_lease_lives_as_long_as_its_page_asks_for_it(make_store, clock):
    store = make_store(MINUTES)
    add_questions(store, questions(1, 2))
    reader, other = raters(store, 2)
    task = task_for(store, reader)
    for _ in range(5):
        clock.wait(50)
        assert keep_tasks(store, reader, [task.lease]) == (task.lease,)
        assert next_task(store, other) == NoTask("wait")
    assert keep_tasks(store, other, [task.lease, -1, 2**70]) == ()
    answer_all(store, reader, task, 2)
    assert keep_tasks(store, reader, [task.lease]) == ()
    assert audit(store) == ()


def test_what_ran_out_is_offered_again_and_not_what_others_answered(make_store, clock):
    store = make_store(MINUTES)
    add_questions(store, questions(3, 2))
    away, other = raters(store, 2)
    first = task_for(store, away)
    second = task_for(store, away, beyond=[first.lease])
    clock.wait(61)
    assert return_expired(store) == 2
    assert task_for(store, away).lease == second.lease  # after a break the same page
    assert task_for(store, away, beyond=[second.lease]).lease == first.lease
    clock.wait(61)
    taken = []
    while isinstance(task := next_task(store, other), TaskLease):
        answer_all(store, other, task, 0)
        taken.append(task.image_id)
    assert len(taken) == 3
    assert keep_tasks(store, away, [first.lease, second.lease]) == ()
    assert next_task(store, away) == NoTask("complete")
    answer_all(store, away, first, 2)  # stored all the same, and not counted
    assert len(votes(store)) == 6
    assert audit(store) == ()


def test_a_rater_who_is_paused_gets_nothing_back(make_store, clock):
    store = make_store(MINUTES)
    add_questions(store, questions(1, 1))
    (away,) = raters(store, 1)
    lease = task_for(store, away).lease
    clock.wait(61)
    return_expired(store)
    pause(store, away)
    assert keep_tasks(store, away, [lease]) == ()
    assert study_progress(store).n_leases == 0


def test_nobody_holds_more_than_two_grids_whatever_they_open(make_store, clock):
    store = make_store(replace(MINUTES, votes_per_question=2))
    add_questions(store, questions(60, 4))
    (eager,) = raters(store, 1)
    return_task(store, eager, task_for(store, eager).lease)  # now they may rate
    seen: list[int] = []
    for label in (0, 1, 2, 3, 0):
        for _ in range(4):
            grid = next_class_grid(store, eager, label, n_images=12, beyond=seen)
            if isinstance(grid, tuple):
                seen += [one.lease for one in grid]
        assert study_progress(store).n_leases <= 2 * 12
    held = next_class_grid(store, eager, 0, n_images=12)
    assert isinstance(held, tuple)
    clock.wait(61)
    return_expired(store)
    again = next_class_grid(store, eager, 0, n_images=12)
    assert isinstance(again, tuple)
    assert {one.lease for one in held} <= set(seen)
    assert {one.lease for one in again} <= set(seen)  # the same cells, not new ones
    assert audit(store) == ()
