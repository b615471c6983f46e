"""People who enrol themselves, what they agreed to, and their own limits: on both databases."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from reassess.errors import DataError, OptionError
from reassess.rating import (
    EnrolmentError,
    NoTask,
    RaterError,
    TaskLease,
    add_questions,
    address_of,
    agreed_text,
    audit,
    change_role,
    change_settings,
    close_address,
    completion,
    consent_digest,
    enrol,
    enrolments_of,
    give_consent,
    given_consents,
    has_consented,
    join_addresses_of,
    next_class_grid,
    next_task,
    open_address,
    pause,
    rater_progress,
    raters_of,
    remove,
    resume,
    settings_of,
)
from reassess.rating.erasure import erase_person

from .play import answer_all, play, questions, raters, truthful

PID = "5f2b0c6d9e1a4b00017c3d2e"


def with_goal(store, goal):
    change_settings(store, replace(settings_of(store), goal=goal))


def why(store, token, who):
    with pytest.raises(EnrolmentError) as error:
        enrol(store, token, who)
    return error.value.reason


def test_one_id_is_one_person_and_no_address_takes_more_than_it_may(store, clock):
    token = open_address(
        store, "prolific", people=2, most_tasks=4, completion_code="C0DE", seconds=60
    )
    ann = enrol(store, token, PID, platform_study="st", platform_session="one")
    assert enrol(store, token, PID, platform_session="two").number == ann.number
    assert (ann.role, ann.channel) == ("rater", "prolific")
    assert PID not in ann.name
    bob = enrol(store, token, PID[::-1])
    assert why(store, token, "a" * 24) == "full"
    assert enrol(store, token, PID).number == ann.number  # who is in stays in
    for nobody in ("", "{{%PROLIFIC_PID%}}", "a b", "é", "a" * 256, "a\0"):
        assert why(store, token, nobody) == "no-id"
    for wrong in ("", "guess", "\ud800", token[:-1]):
        assert why(store, wrong, PID) == "unknown"
    pause(store, ann.number)
    assert why(store, token, PID) == "not-allowed"
    resume(store, ann.number)
    assert enrol(store, token, PID).number == ann.number
    remove(store, ann.number)
    assert why(store, token, PID) == "not-allowed"
    change_role(store, bob.number, "owner")
    assert why(store, token, PID[::-1]) == "not-allowed"  # an id is no way to an owner's rights
    (address,) = join_addresses_of(store)
    assert (address.n_people, address.most_people, address.is_open) == (2, 2, True)
    close_address(store, address.handle)
    assert why(store, token, PID) == "over"
    with pytest.raises(OptionError, match="not open"):
        close_address(store, address.handle)
    late = open_address(store, "mturk", people=1, seconds=60)
    clock.wait(61)
    assert why(store, late, "A1") == "over"
    with pytest.raises(EnrolmentError):
        address_of(store, late)
    assert audit(store) == ()


def test_the_same_id_at_once_is_one_person(store):
    one = open_address(store, "mturk", people=10)
    other = open_address(store, "mturk", people=10)
    found, start = [], threading.Barrier(8)

    def come(n):
        start.wait()
        found.append(enrol(store, one if n % 2 else other, "A1B2C3").number)

    threads = [threading.Thread(target=come, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [address.n_people for address in join_addresses_of(store)] == [1, 1]
    rush = open_address(store, "mturk", people=3)
    start, reasons = threading.Barrier(6), []

    def rushing(n):
        start.wait()
        try:
            enrol(store, rush, f"W{n}")
        except EnrolmentError as error:
            reasons.append(error.reason)

    threads = [threading.Thread(target=rushing, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reasons == ["full"] * 3


def test_a_classroom_chooses_names_once(store):
    (old,) = raters(store, 1)
    token = open_address(store, "classroom", people=3, goal=5)
    ann = enrol(store, token, "Ann")
    assert (ann.name, ann.channel) == ("Ann", "classroom")
    for name in ("Ann", "ann", next(one.name for one in raters_of(store) if one.number == old)):
        assert why(store, token, name) == "taken"
    for name in ("", " x", "a\nb", "n" * 201):
        with pytest.raises(DataError, match="rater name"):
            enrol(store, token, name)
    assert rater_progress(store, ann.number).goal == 5
    ben = enrol(store, token, "Ben", platform_session="form")
    assert enrol(store, token, "Ben", platform_session="form").number == ben.number  # sent twice
    assert why(store, token, "Ben") == "taken"
    bea = enrol(store, token, "Bea", platform_session="form")
    assert bea.number != ben.number
    pause(store, ben.number)
    with pytest.raises(EnrolmentError, match="paused"):
        enrol(store, token, "Ben", platform_session="form")
    assert completion(store, ann.number).code == ""
    assert completion(store, old) is None


@pytest.mark.parametrize("way", ["tasks", "grid", "ahead"])
def test_nobody_gets_more_tasks_than_are_theirs(store, way):
    add_questions(store, questions(12, 1))
    token = open_address(store, "prolific", people=2, most_tasks=5, completion_code="C0DE")
    ann = enrol(store, token, PID)
    done = completion(store, ann.number)
    assert (done.is_complete, done.n_left, done.code) == (False, 5, "")
    if way == "tasks":
        play(store, ann.number, truthful)
    elif way == "grid":
        play(store, ann.number, truthful, most=1)  # grids come after the first tasks
        grid = next_class_grid(store, ann.number, 0, n_images=24)
        assert len(grid) == 4
        assert next_class_grid(store, ann.number, 0, beyond=[one.lease for one in grid]) == NoTask(
            "wait"
        )
        for task in grid:
            answer_all(store, ann.number, task, truthful)
    else:
        held = []
        while isinstance(task := next_task(store, ann.number, beyond=held), TaskLease):
            held.append(task.lease)
        assert (len(held), task.reason) == (5, "wait")
        play(store, ann.number, truthful)
    assert next_task(store, ann.number) == NoTask("finished")
    assert next_class_grid(store, ann.number, 0) == NoTask("finished")
    progress = rater_progress(store, ann.number)
    assert (progress.n_screens, progress.goal) == (5, 5)
    done = completion(store, ann.number)
    assert (done.is_complete, done.n_left, done.code) == (True, 0, "C0DE")
    again = open_address(store, "prolific", people=2, most_tasks=2, completion_code="0THER")
    assert enrol(store, again, PID).number == ann.number  # another study of theirs: two more
    assert completion(store, ann.number).code == ""
    play(store, ann.number, truthful)
    assert rater_progress(store, ann.number).n_screens == 7
    assert completion(store, ann.number).code == "0THER"
    assert audit(store) == ()


def test_who_finds_nothing_left_is_complete_and_each_worker_has_a_code(store):
    add_questions(store, questions(2, 1))
    token = open_address(store, "mturk", people=5)
    one, other, late = (enrol(store, token, f"W{n}").number for n in range(3))
    for person in (one, other):
        play(store, person, truthful)
        assert completion(store, person).is_complete is False  # no number was set
        with_goal(store, 4)
        assert completion(store, person).n_left == 2
        with_goal(store, 0)
    codes = {completion(store, person, nothing_left=True).code for person in (one, other)}
    assert len(codes) == 2
    assert "" not in codes
    assert completion(store, one).code in codes  # and stays
    assert completion(store, late, nothing_left=True).is_complete is False  # has done nothing


@pytest.mark.parametrize(("options", "said"), [
    ({"people": 0}, "people"), ({"people": 5, "most_tasks": 0}, "tasks"),
    ({"people": 5, "goal": 9, "most_tasks": 5}, "goal"),
    ({"people": 5, "completion_code": "X"}, "left out"),
    ({"people": 5, "channel": "prolific"}, "missing"),
    ({"people": 5, "channel": "prolific", "completion_code": "https://x"}, "code alone"),
])  # fmt: skip
def test_an_address_that_makes_no_sense_is_refused(store, options, said):
    options = {"channel": "mturk"} | options
    with pytest.raises(OptionError, match=said):
        open_address(store, **options)


def test_what_was_agreed_to_is_kept_and_erased_with_the_votes(store):
    add_questions(store, questions(3, 1))
    token = open_address(store, "prolific", people=9, completion_code="C0DE")
    ann, bob = (enrol(store, token, f"{n}{PID}", platform_session=f"s{n}") for n in range(2))
    assert not has_consented(store, ann.number, "one")
    for text in ("one", "one", "two"):
        give_consent(store, ann.number, text)
    give_consent(store, bob.number, "one")
    assert has_consented(store, ann.number, "two")
    assert not has_consented(store, bob.number, "two")
    said = [(one.name, one.digest) for one in given_consents(store)]
    digests = [consent_digest(text) for text in ("one", "two")]
    assert sorted(said) == sorted(
        [(ann.name, digests[0]), (ann.name, digests[1]), (bob.name, digests[0])]
    )
    assert agreed_text(store, digests[1]) == "two"
    assert agreed_text(store, "") is None
    play(store, ann.number, truthful)
    erase_person(store, ann.number)
    gone = erase_person(store, bob.number, with_votes=True)
    left = {one.rater: one for one in enrolments_of(store)}
    assert bob.number not in left
    assert left[ann.number].platform_id is left[ann.number].platform_session is None
    assert {one.rater for one in given_consents(store)} == {ann.number}
    assert why(store, token, f"0{PID}") == "not-allowed"
    assert enrol(store, token, f"1{PID}").name != gone.name  # nothing of theirs is left
    with pytest.raises(RaterError):
        give_consent(store, ann.number, "one")
    from reassess.rating.schema import metadata

    with store.database.read() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(select(table)).all()
            assert f"0{PID}" not in str(rows), table.name
    assert audit(store) == ()
