"""The queue's rules, one rater at a time; on SQLite and, but those of chance, on PostgreSQL."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reassess.errors import DataError, OptionError
from reassess.rating import (
    Answer,
    LeaseError,
    NoTask,
    RaterError,
    Submission,
    TaskLease,
    add_questions,
    audit,
    change_settings,
    close,
    earlier_task,
    exclude_votes,
    gold_progress,
    grid_classes,
    holds_image,
    import_gold,
    leased_task,
    next_class_grid,
    next_task,
    pause,
    qualification_warning,
    question_table,
    rater,
    rater_progress,
    rater_table,
    refresh,
    remarks,
    reopen,
    restore_votes,
    resume,
    return_task,
    set_use,
    settings_of,
    study_progress,
    submit,
    vote_batches,
    votes,
    waive_qualification,
)
from reassess.rating.task_choice import draw
from reassess.records import Assessment, Questions, Tasks

from .play import PLAIN, answer_all, gold_of, key, play, questions, raters, truth_of, truthful

ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""For tests of chance, which take many tasks: the draw is of Python and knows no database."""


def counted(store) -> Counter:
    """Counted votes of each (image, class)."""
    return Counter(
        (image, label)
        for batch in vote_batches(store, counted_only=True)
        for image, label in zip(batch.image_id.tolist(), batch.label.tolist(), strict=True)
    )


def test_every_question_gets_k_votes_by_distinct_raters_and_no_more(store):
    add_questions(store, questions(4, 10))
    people = raters(store, 7)
    tasks = [play(store, person) for person in people]
    assert set(counted(store).values()) == {5}
    assert len(counted(store)) == 40
    record = votes(store)
    assert len(set(zip(record.question.tolist(), record.rater.tolist(), strict=True))) == 200
    assert all(len(task.questions) <= 8 for mine in tasks for task in mine)
    assert [next_task(store, person) for person in people] == [NoTask("complete")] * 7
    assert study_progress(store).n_done == study_progress(store).n_questions == 40
    assert audit(store) == ()


@ON_SQLITE
def test_nobody_is_asked_twice_and_each_has_an_order_of_their_own(make_store):
    """Orders are independent: with tasks at random places on the ring, r was 0.25 on average."""
    store = make_store(replace(PLAIN, votes_per_question=8))
    add_questions(store, questions(60, 1))
    people = raters(store, 8)
    orders = [[task.image_id for task in play(store, person)] for person in people]
    for order in orders:
        assert len(order) == len(set(order)) == 60
    places = np.array([[order.index(name) for name in sorted(order)] for order in orders])
    correlations = np.corrcoef(places)[np.triu_indices(8, 1)]
    assert abs(correlations.mean()) < 0.125  # five standard errors
    assert abs(correlations).max() < 0.65


def test_tasks_are_shown_as_they_were_bundled(store):
    asked = questions(2, 4)
    add_questions(store, Tasks(asked, np.array([0, 0, 1, 1, 2, 2, 2, 2])))
    shown = {
        (s.image_id, frozenset(q.label for q in s.questions))
        for s in play(store, raters(store, 1)[0])
    }
    one, two = asked.pairs.image_ids
    whole = frozenset({0, 1, 2, 3})
    assert shown == {(one, frozenset({0, 1})), (one, frozenset({2, 3})), (two, whole)}
    with pytest.raises(DataError, match="at most 8"):
        add_questions(store, Tasks(questions(1, 9), np.zeros(9, np.int64)))


def test_questions_added_later_leave_the_old_ones_alone(store):
    assert add_questions(store, questions(3, 4)) == 12
    person = raters(store, 1)[0]
    play(store, person, 2)
    before = question_table(store)
    assert add_questions(store, questions(5, 6)) == 18
    after = question_table(store)
    assert np.array_equal(after.question[:12], before.question)
    assert np.array_equal(after.label[:12], before.label)
    assert sum(counted(store).values()) == 12
    shown = [(s.image_id, q.label) for s in play(store, person) for q in s.questions]
    assert len(shown) == len(set(shown)) == 18
    assert audit(store) == ()


def test_a_screen_comes_back_until_it_is_answered_and_can_be_prefetched(store):
    add_questions(store, questions(3, 2))
    person = raters(store, 1)[0]
    first = next_task(store, person)
    assert next_task(store, person).lease == first.lease
    second = next_task(store, person, beyond=[first.lease])
    assert second.lease != first.lease
    assert second.image_id != first.image_id
    assert next_task(store, person, beyond=[first.lease]).lease == second.lease
    answer_all(store, person, first)
    assert next_task(store, person).lease == second.lease


def test_an_answer_sent_twice_is_stored_once(store):
    add_questions(store, questions(1, 3))
    person = raters(store, 1)[0]
    task = next_task(store, person)
    answers = tuple(Answer(q.question, 2) for q in task.questions)
    sent = Submission(task.lease, "the key", answers, something_else="a spoon")
    first, again = submit(store, person, sent), submit(store, person, sent)
    assert set(first.status.values()) == {"stored"}
    assert not first.again
    assert again.again
    assert again.status == first.status
    assert sum(len(batch.answer) for batch in vote_batches(store)) == 3
    assert [remark.text for remark in remarks(store)] == ["a spoon"]
    assert rater_progress(store, person).n_answers == 3


def test_a_correction_is_a_new_row_that_counts_instead(store):
    add_questions(store, questions(1, 2))
    people = raters(store, 2)
    for person in people:
        play(store, person, 0)
    task = earlier_task(store, people[0])
    assert [q.answer for q in task.questions] == [0, 0]
    one = task.questions[0].question
    for said, status in ((2, "corrected"), (2, "unchanged"), (1, "corrected")):
        receipt = submit(store, people[0], Submission(task.lease, key(), (Answer(one, said),)))
        assert receipt.status == {one: status}
    (batch,) = vote_batches(store)
    assert len(batch.answer) == 6
    chain = batch.answer[(batch.rater == "rater-0") & (batch.version > 0)]
    assert sorted(chain.tolist()) == [1, 2]
    assert sorted(votes(store).answer.tolist()) == [0, 0, 0, 1]
    # The correction is compared with the other's vote, not with the one that it replaces.
    agreement = rater_table(store)[0].agreement
    assert (agreement.n, agreement.of) == (0, 1)
    assert rater_progress(store, people[0]).n_answers == 2
    assert audit(store) == ()


def test_a_lease_runs_out_and_a_late_answer_finds_a_free_slot_or_none(make_store, clock):
    store = make_store(replace(PLAIN, votes_per_question=1, lease_seconds=60))
    add_questions(store, questions(1, 1))
    slow, quick, third = raters(store, 3)
    late = next_task(store, slow)
    assert next_task(store, quick) == NoTask("wait")
    clock.wait(61)
    task = next_task(store, quick)
    assert isinstance(task, TaskLease)
    number = task.questions[0].question
    return_task(store, quick, task.lease)
    receipt = answer_all(store, slow, late, 2)
    assert receipt.status == {number: "stored"}
    assert next_task(store, third) == NoTask("complete")
    assert answer_all(store, quick, task, 0).status == {number: "stored"}  # as gold would be
    assert votes(store).answer.tolist() == [2]
    assert sorted(b.counted.tolist() for b in vote_batches(store)) == [[True, False]]
    assert audit(store) == ()


def test_an_image_that_cannot_be_seen_goes_to_others(store):
    add_questions(store, questions(1, 2))
    blind, other = raters(store, 2)
    task = next_task(store, blind)
    submit(store, blind, Submission(task.lease, key(), cannot_see=True))
    assert next_task(store, blind) == NoTask("complete")
    assert len(play(store, other)) == 1
    assert [(r.kind, r.rater) for r in remarks(store)] == [("cannot see", "rater-0")]
    both = Submission(task.lease, key(), (Answer(1, 0),), cannot_see=True)
    with pytest.raises(DataError, match="cannot be seen"):
        submit(store, blind, both)


def test_what_is_left_out_goes_back_to_the_queue(make_store):
    store = make_store(replace(PLAIN, votes_per_question=1))
    add_questions(store, questions(1, 3))
    one, two = raters(store, 2)
    task = next_task(store, one)
    submit(store, one, Submission(task.lease, key(), (Answer(task.questions[1].question, 1),)))
    left = next_task(store, two)
    rest = {task.questions[0].question, task.questions[2].question}
    assert {q.question for q in left.questions} == rest


def test_nobody_touches_what_is_not_his(store):
    add_questions(store, questions(2, 2))
    one, two = raters(store, 2)
    task = next_task(store, one)
    other = next_task(store, one, beyond=[task.lease])
    number = other.questions[0].question
    for act in (
        lambda: submit(store, two, Submission(task.lease, key())),
        lambda: submit(store, one, Submission(task.lease, key(), (Answer(number, 1),))),
        lambda: submit(store, one, Submission(10**30, key())),
        lambda: leased_task(store, two, task.lease),
        lambda: return_task(store, two, task.lease),
    ):
        with pytest.raises(LeaseError):
            act()
    first = task.questions[0].question
    for answers in ((Answer(first, 3),), (Answer(first, 1), Answer(first, 2))):
        with pytest.raises(DataError):
            submit(store, one, Submission(task.lease, key(), answers))
    with pytest.raises(RaterError):
        next_task(store, 999)
    assert holds_image(store, one, task.image_id)
    assert not holds_image(store, two, task.image_id)


def test_pausing_returns_leases_and_setting_aside_returns_votes(make_store):
    store = make_store(replace(PLAIN, votes_per_question=2))
    add_questions(store, questions(4, 3))
    one, two, three = raters(store, 3)
    play(store, one)
    held = next_task(store, two)
    assert pause(store, two, reason="lunch") == 1
    assert next_task(store, two) == NoTask("paused")
    with pytest.raises(RaterError, match="paused"):
        answer_all(store, two, held)
    resume(store, two)
    play(store, two)
    assert next_task(store, three) == NoTask("complete")
    assert exclude_votes(store, one) == 12
    assert audit(store) == ()
    assert rater(store, one).is_paused
    assert sum(counted(store).values()) == 12
    assert sum(len(batch.answer) for batch in vote_batches(store)) == 24
    assert len(play(store, three, most=2)) == 2
    assert restore_votes(store, one) == 6
    assert set(counted(store).values()) == {2}
    assert audit(store) == ()


def test_a_closed_study_takes_back_screens_but_gives_none(store):
    add_questions(store, questions(3, 2))
    one, two = raters(store, 2)
    out = next_task(store, one)
    close(store)
    assert next_task(store, two) == NoTask("closed")
    assert set(answer_all(store, one, out).status.values()) == {"stored"}
    assert next_task(store, one) == NoTask("closed")
    reopen(store)
    assert isinstance(next_task(store, one), TaskLease)


def test_k_may_grow_and_shrinks_only_while_no_vote_is_lost(make_store):
    store = make_store(replace(PLAIN, votes_per_question=5))
    add_questions(store, questions(2, 2))
    people = raters(store, 6)
    for person in people[:5]:
        play(store, person)
    assert next_task(store, people[5]) == NoTask("complete")
    change_settings(store, replace(PLAIN, votes_per_question=6))
    play(store, people[5])
    assert set(counted(store).values()) == {6}
    assert audit(store) == ()
    with pytest.raises(OptionError, match="at least 6"):
        change_settings(store, PLAIN)


def test_a_budget_is_spent_to_the_vote_and_not_beyond(make_store):
    """What is out on tasks counts as spent until it comes back; a class grid is bound by it too."""
    store = make_store(replace(PLAIN, budget=9))
    add_questions(store, questions(10, 2))
    one, two, three = raters(store, 3)
    assert len(play(store, one, most=2)) == 2
    held = next_task(store, one)
    assert isinstance(held, TaskLease)
    later = next_task(store, one, beyond=(held.lease,))
    assert isinstance(later, TaskLease)
    last = next_task(store, two)
    assert isinstance(last, TaskLease)
    assert [len(s.questions) for s in (held, later, last)] == [2, 2, 1]
    assert next_task(store, three) == NoTask("wait")
    assert next_class_grid(store, three, 0) == NoTask("complete")
    answer_all(store, one, held)
    answer_all(store, two, last)
    return_task(store, one, later.lease)
    (swept, *rest) = next_class_grid(store, three, 0)
    assert len(rest) == 1
    answer_all(store, three, swept)
    answer_all(store, three, rest[0])
    assert next_task(store, two) == NoTask("complete")
    assert study_progress(store).n_votes == 9
    assert study_progress(store).n_votes_left == 0
    assert rater_progress(store, two).share_done == 1.0
    assert audit(store) == ()


class ByLabel:
    """Class 0 is urgent until it has three votes, class 1 nearly as much, the others can wait."""

    def __init__(self, label_of):
        self.label_of = label_of

    def assess(self, question, position, rater, answer, n_left):
        del rater, answer, n_left
        label = np.array([self.label_of.get(q, 2) for q in question.tolist()])
        n = np.bincount(position, minlength=len(question))
        urgency = np.select([(label == 0) & (n < 3), label == 1], [0.95, 0.8], 0.1 * (label + 1))
        return Assessment(np.zeros(len(question), bool), urgency, np.full(len(question), 0.5))


def test_under_a_budget_a_screen_leaves_out_what_can_wait_and_comes_again_for_it(make_store):
    label_of = {}
    store = make_store(replace(PLAIN, budget=10_000), rule=ByLabel(label_of))
    add_questions(store, questions(6, 4))
    table = question_table(store)
    label_of |= dict(zip(table.question.tolist(), table.label.tolist(), strict=True))
    refresh(store)
    one, two, three, four = raters(store, 4)

    def shown(person, most=6):
        tasks = play(store, person, most=most)
        return [sorted(q.label for q in s.questions) for s in tasks]

    assert shown(one) == [[0, 1]] * 6
    assert shown(two) == [[0, 1]] * 6
    assert shown(three, 1) == [[0, 1]]
    change_settings(store, PLAIN)
    assert shown(four, 1) == [[0, 1, 2, 3]]
    change_settings(store, replace(PLAIN, budget=10_000))
    assert shown(three, 4) == [[0, 1]] * 4
    left = [[0, 2, 3], [1], *[[2, 3]] * 5]
    assert sorted(shown(three, 9)) == left, "what was held back, once nothing else is left for him"
    assert shown(one, 9) == [[2, 3]] * 6
    assert audit(store) == ()


@ON_SQLITE
def test_gold_under_a_budget_is_as_long_as_the_screen_that_it_stands_for(make_store):
    label_of = {}
    settings = replace(PLAIN, budget=10_000, gold_rate=0.5)
    store = make_store(settings, rule=ByLabel(label_of))
    add_questions(store, questions(40, 4))
    import_gold(store, gold_of(questions(20, 4)))
    table = question_table(store)
    label_of |= dict(zip(table.question.tolist(), table.label.tolist(), strict=True))
    refresh(store)
    person = raters(store, 1)[0]
    assert {len(s.questions) for s in play(store, person, most=30)} == {1, 2}


class TwoAlike:
    """A question is settled when its first two votes agree; a split one is urgent."""

    def assess(self, question, position, rater, answer, n_left):
        counts = np.zeros((len(question), 3), np.int64)
        np.add.at(counts, (position, answer), 1)
        n = counts.sum(axis=1)
        split = (n > 0) & (counts.max(axis=1) < n)
        assert len(rater) == 0 or str(rater[0]).startswith("rater-")
        assert (n_left == 5 - n).all()
        return Assessment(
            counts.max(axis=1) >= 2, np.where(split, 0.9, 0.1), np.full(len(question), 0.5)
        )


def test_a_stopping_rule_settles_questions_one_by_one_and_urgent_ones_come_first(make_store):
    store = make_store(rule=TwoAlike())
    add_questions(store, questions(20, 4))
    one, two, three, four = raters(store, 4)
    play(store, one, 0)
    play(store, two, lambda image_id, label: 2 if (image_id[-5], label) == ("3", 1) else 0)
    left = {("folder/00003.jpg", 1), ("folder/00013.jpg", 1)}
    add_questions(store, questions(1, 1, start=100))
    assert 3 * len(left) + 5 <= study_progress(store).n_votes_left <= 5 * len(left) + 5
    tasks = play(store, three, 0)
    shown = [{(s.image_id, q.label) for q in s.questions} for s in tasks]
    assert shown[0] | shown[1] == left
    assert shown[2] == {("folder/00100.jpg", 0)}
    assert len(play(store, four)) == 1
    assert next_task(store, one) != NoTask("closed")
    assert audit(store) == ()
    plain = make_store()
    assert refresh(plain) == 0
    assert len(play(plain, four)) == 20
    assert refresh(store) > 0
    assert audit(store) == ()


@ON_SQLITE
def test_gold_stands_at_random_places_at_its_rate_and_is_nothing_special(make_store):
    store = make_store(replace(PLAIN, gold_rate=0.4, votes_per_question=1))
    gold = questions(40, 2, start=1000)
    add_questions(store, questions(120, 2))
    add_questions(store, gold)
    import_gold(store, gold_of(gold))
    ordinary, place = questions(120, 2), []
    names = set(ordinary.pairs.image_ids.tolist())
    people = raters(store, 4)
    shown = [play(store, person, truthful, most=30) for person in people]
    for mine in shown:
        place += [i for i, task in enumerate(mine) if task.image_id not in names]
        assert all(len(task.questions) == 2 for task in mine)
        assert not any(task.is_practice for task in mine)
    gaps = {tuple(np.diff([i for i, s in enumerate(m) if s.image_id not in names])) for m in shown}
    assert len(gaps) == 4
    assert all(len(set(gap)) > 1 for gap in gaps)
    counts = np.histogram(place, bins=5, range=(0, 30))[0]
    assert stats.chisquare(counts).pvalue > 0.001
    # Gold comes at its rate, and among the rest as any other question that needs a vote.
    assert 0.3 * 120 < len(place) < 0.65 * 120
    assert max(counted(store).values()) == 1
    assert audit(store) == ()


def test_gold_that_as_many_have_answered_as_may_is_hidden_no_more(make_store):
    most = 3
    settings = replace(PLAIN, gold_rate=0.5, votes_per_question=1, gold_exposure=most)
    store = make_store(settings)
    gold = questions(4, 2, start=1000)
    add_questions(store, gold)
    add_questions(store, questions(100, 2))
    import_gold(store, gold_of(gold))
    names = set(gold.pairs.image_ids.tolist())
    people = raters(store, 6)
    met = Counter(
        task.image_id for one in people for task in play(store, one, truthful, most=15)
        if task.image_id in names
    )  # fmt: skip
    assert set(met.values()) == {most}
    assert gold_progress(store).n_used_up == 4
    # Newcomers are tested with it all the same: who is not tested would be let in.
    change_settings(store, replace(settings, n_qualification=2))
    (newcomer,) = raters(store, 1, start=6)
    assert next_task(store, newcomer).image_id in names
    change_settings(store, replace(settings, gold_exposure=0))
    play(store, newcomer, truthful, most=15)
    assert len(play(store, people[0], truthful, most=1)) == 1
    assert gold_progress(store).n_used_up == 0


@ON_SQLITE
def test_screens_are_shown_again_for_self_agreement_after_a_gap(make_store):
    store = make_store(replace(PLAIN, repeat_rate=0.3, repeat_gap=5))
    add_questions(store, questions(40, 2))
    person = raters(store, 1)[0]
    order = [task.image_id for task in play(store, person)]
    again = [(i, order.index(name)) for i, name in enumerate(order) if name in order[:i]]
    assert 5 < len(again) < 25
    assert all(i - first > 5 for i, first in again)
    assert len({first for _, first in again}) == len(again)
    assert sum(counted(store).values()) == 80
    rounds = Counter(np.concatenate([b.round for b in vote_batches(store)]).tolist())
    assert rounds == {0: 80, 1: 2 * len(again)}
    assert audit(store) == ()


def test_practice_then_qualification_then_real_work(make_store):
    store = make_store(replace(PLAIN, n_practice=2, n_qualification=3, qualification_accuracy=0.8))
    known = questions(12, 2, start=500)
    add_questions(store, questions(5, 2))
    add_questions(store, known)
    import_gold(store, gold_of(known))
    set_use(store, known.pairs.image_ids[:4].tolist(), "practice")
    good, bad = raters(store, 2)
    task = next_task(store, good)
    assert task.is_practice
    assert rater_progress(store, good).n_practice_left == 2
    receipt = answer_all(store, good, task, truthful)
    assert receipt.truth == {q.question: truth_of(task.image_id, q.label) for q in task.questions}
    answer_all(store, good, next_task(store, good), truthful)
    tests = [task.image_id for task in play(store, good, truthful, most=3)]
    assert set(tests) <= set(known.pairs.image_ids[4:].tolist())
    assert sum(counted(store).values()) == 0
    rest = play(store, good, truthful)
    assert rater(store, good).stage == "rating"
    assert len(rest) == 5 + 8 - 3
    assert sum(counted(store).values()) == 2 * (5 + 8)
    play(store, bad, lambda image_id, label: 2 - truthful(image_id, label))
    assert rater(store, bad).stage == "failed"
    assert next_task(store, bad) == NoTask("not-qualified")
    assert set(counted(store).values()) == {1}
    waive_qualification(store, bad)
    assert isinstance(next_task(store, bad), TaskLease)
    assert audit(store) == ()


@ON_SQLITE
@pytest.mark.parametrize(
    ("say", "qualifies"),
    [
        (lambda *_: 0, False),
        (lambda *_: 1, False),
        (lambda *_: 2, False),
        (lambda image_id, _: (int(image_id[-9:-4]) % 2) * 2, False),
        (None, False),
        (truthful, True),
        (lambda image_id, label: 0 if image_id[-5] == "9" else truthful(image_id, label), True),
    ],
    ids=["no", "maybe", "yes", "by image", "nothing", "truth", "nearly"],
)
def test_one_answer_to_everything_does_not_qualify(make_store, say, qualifies):
    store = make_store(replace(PLAIN, n_qualification=6))
    add_questions(store, questions(24, 3))
    import_gold(store, gold_of(questions(20, 3)))  # a third is present
    assert qualification_warning(store) is None
    (person,) = raters(store, 1)
    for _ in range(60):
        if rater(store, person).stage in ("rating", "failed") or isinstance(
            task := next_task(store, person), NoTask
        ):
            break
        if say is None:
            submit(store, person, Submission(task.lease, task.image_id))
        else:
            answer_all(store, person, task, say)
    assert rater(store, person).stage == ("rating" if qualifies else "failed")
    assert audit(store) == ()


@ON_SQLITE
def test_qualification_goes_on_until_both_kinds_of_gold_were_asked(make_store):
    store = make_store(replace(PLAIN, n_qualification=1))
    known = questions(30, 1)  # one of three is present, with one question an image
    add_questions(store, known)
    import_gold(store, gold_of(known))
    shown = []
    for person in raters(store, 8):
        shown.append([])
        while rater(store, person).stage in ("practice", "qualification"):
            task = next_task(store, person)
            if rater(store, person).stage == "rating":
                break
            shown[-1].append(truth_of(task.image_id, 0))
            answer_all(store, person, task, truthful)
        assert rater(store, person).stage == "rating"
    assert {(len(one), len(set(one))) for one in shown} == {(2, 2)}
    change_settings(store, replace(settings_of(store), qualification_accuracy=0.5))
    assert "Ask for more" in qualification_warning(store)


def test_gold_of_one_kind_is_warned_of(make_store):
    store = make_store(replace(PLAIN, n_qualification=2))
    add_questions(store, questions(9, 1))
    assert qualification_warning(store) is None  # nobody is tested
    absent = [i for i in range(9) if not truth_of(f"folder/{i:05}.jpg", 0)]
    import_gold(store, gold_of(Questions.from_pairs(questions(9, 1).pairs.take(np.array(absent)))))
    assert "of all 6 gold questions the class is not in the image" in qualification_warning(store)
    (lazy,) = raters(store, 1)
    play(store, lazy, 0)
    assert rater(store, lazy).stage == "rating"


@ON_SQLITE
def test_the_progress_that_a_rater_sees_does_not_tell_gold(make_store, clock):
    store = make_store(replace(PLAIN, votes_per_question=1, gold_rate=0.4, goal=40))
    add_questions(store, questions(60, 2))
    import_gold(store, gold_of(questions(12, 2)))
    one, two = raters(store, 2)
    play(store, one, most=30)
    seen = []
    for _ in range(25):
        clock.wait(3600)
        before = rater_progress(store, two)
        play(store, two, most=1)
        clock.wait(3600)
        seen.append((before.share_done, rater_progress(store, two).share_done))
    moves = [n for n, (was, now) in enumerate(seen, 1) if was != now]
    assert set(moves) <= {10, 20}  # after ten answers, whatever the tenth is
    assert {now for _, now in seen} <= {n / 20 for n in range(21)}
    assert rater_progress(store, two).goal == 40


def test_a_class_can_be_swept_in_a_grid(make_store):
    store = make_store(replace(PLAIN, votes_per_question=1))
    add_questions(store, questions(10, 3))
    one, two = raters(store, 2)
    assert dict(grid_classes(store)) == {0: 10, 1: 10, 2: 10}
    assert next_class_grid(store, one, 1) == NoTask("not-qualified")
    for person in (one, two):
        waive_qualification(store, person)
    grid = next_class_grid(store, one, 1, n_images=6)
    assert len({task.image_id for task in grid}) == 6
    assert {q.label for task in grid for q in task.questions} == {1}
    assert {s.lease for s in next_class_grid(store, one, 1)} == {s.lease for s in grid}
    assert len(next_class_grid(store, two, 1)) == 4
    for task in grid:
        answer_all(store, one, task)
    shown = [(s.image_id, q.label) for s in play(store, one) for q in s.questions]
    assert len(shown) == 20
    assert {label for _, label in shown} == {0, 2}
    assert audit(store) == ()


def test_questions_without_pairs_are_refused(store):
    with pytest.raises(DataError, match="must name an image and a class"):
        add_questions(store, Questions(np.array(["a", "b"]), None))


def test_luck_is_uniform_and_has_no_rhythm():
    luck = np.array([[draw("secret", r, n).purpose for n in range(300)] for r in range(20)])
    assert stats.kstest(luck.ravel(), "uniform").pvalue > 0.001
    for lag in range(1, 12):
        pair = luck[:, :-lag].ravel(), luck[:, lag:].ravel()
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.06
    assert abs(np.corrcoef(luck)[np.triu_indices(20, 1)]).max() < 0.25
    assert draw("secret", 1, 1) == draw("secret", 1, 1) != draw("other", 1, 1)
