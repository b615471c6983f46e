"""What owners and experts do and see: gold, adjudication, figures, export and import."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from reassess.errors import AlignmentError, DataError
from reassess.rating import (
    PURPOSES,
    NoTask,
    RaterError,
    Settings,
    accept_invitation,
    add_questions,
    adjudicate,
    adjudications,
    audit,
    audit_log,
    choose_gold,
    close,
    contested_images,
    gold,
    image_counts,
    import_gold,
    import_votes,
    invite,
    judge,
    next_gold_task,
    open_store,
    rater_table,
    raters_of,
    set_use,
    study_progress,
    vote_batches,
    votes,
)
from reassess.records import ANSWERS, Pairs, Questions, Votes
from reassess.statistics import clustered_interval, wilson_bounds, wilson_interval

from .play import PLAIN, gold_of, play, questions, raters, truth_of, truthful


def expert(store, name):
    return accept_invitation(store, invite(store, name, "expert")).number


def test_gold_is_what_enough_experts_have_judged(make_store):
    store = make_store(replace(PLAIN, experts_per_gold=2))
    add_questions(store, questions(10, 3))
    assert choose_gold(store, ["folder/00002.jpg"]) == 1
    set_use(store, [f"folder/{i:05}.jpg" for i in range(5, 10)], "retired")
    assert choose_gold(store, 9) == 4
    one, two = expert(store, "one"), expert(store, "two")
    assert gold(store) is None
    for person in (one, two):
        tasks = []
        while not isinstance(task := next_gold_task(store, person), NoTask):
            tasks.append(task)
            said = {
                q: 2 if truth_of(task.image_id, label) else 0
                for q, label in zip(task.questions, task.labels, strict=True)
            }
            judge(store, person, said)
        assert len(tasks) == 5
    record = gold(store)
    assert len(record.questions) == 15
    pairs = record.questions.pairs
    wanted = [truth_of(str(pairs.image_ids[i]), k) for i, k in zip(pairs.image, pairs.label)]  # noqa: B905
    assert record.truth().tolist() == wanted
    first = next(iter(said))
    judge(store, two, {first: 1})
    assert (gold(store).votes.answer == 1).sum() == 1
    assert study_progress(store).n_gold == 15
    person = raters(store, 1)[0]
    with pytest.raises(RaterError, match="must be expert or owner"):
        next_gold_task(store, person)
    with pytest.raises(DataError, match="unknown"):
        judge(store, one, {99_999: 1})
    with pytest.raises(AlignmentError, match="nowhere"):
        choose_gold(store, ["nowhere.jpg"])


def test_adjudication_stands_beside_the_votes(store):
    add_questions(store, questions(1, 1))
    for person, said in zip(raters(store, 4), (0, 0, 2, 2), strict=True):
        play(store, person, said)
    before = votes(store)
    (image,) = contested_images(store)
    asked = image.questions[0]
    assert (asked.n_no, asked.n_maybe, asked.n_yes, image.n_contested) == (2, 0, 2, 2)
    judge_ = expert(store, "judge")
    adjudicate(store, judge_, asked.question, 2, "a small one, behind the tree")
    adjudicate(store, judge_, asked.question, 1, "or not")
    (decided,) = adjudications(store)
    assert (decided.answer, decided.note, decided.expert) == (1, "or not", "judge")
    assert np.array_equal(votes(store).answer, before.answer)
    assert image_counts(store, image.image_id) == image
    assert [act.actor for act in audit_log(store) if act.action == "adjudicate"] == ["judge"] * 2


def test_the_rater_table_tells_good_bad_and_hasty_raters(make_store, clock):
    settings = replace(PLAIN, votes_per_question=4, repeat_rate=0.3, repeat_gap=2)
    store = make_store(settings)
    asked = questions(16, 3)
    add_questions(store, asked)
    import_gold(store, gold_of(asked))
    good, yes, third = raters(store, 3)
    play(store, good, truthful)
    clock.wait(3600)
    play(store, yes, 2)
    clock.wait(7200)
    play(store, third, truthful, most=2)
    table = {line.name: line for line in rater_table(store)}
    n_true = sum(truth_of(f"folder/{i:05}.jpg", k) for i in range(16) for k in range(3))
    best, worst = table["rater-0"], table["rater-1"]
    assert (best.precision.value, best.recall.value, best.gold_accuracy.value) == (1, 1, 1)
    assert (worst.precision.n, worst.precision.of) == (n_true, 48)
    assert worst.recall.value == 1
    assert (worst.agreement.n, worst.agreement.of) == (n_true, 48)
    assert best.agreement.of == 0
    assert best.self_agreement.of > 0
    assert best.self_agreement.value == 1
    assert best.drift == 0
    assert best.seconds_per_answer == 2.0
    assert not best.is_suspicious
    low, high = worst.precision.low, worst.precision.high
    assert low < n_true / 48 < high
    # Sixteen images of three questions each are worth sixteen answers where they are alike.
    assert (best.gold_accuracy.of, best.gold_accuracy.low) == (48, wilson_interval(16, 16)[0])
    image, right = np.repeat(np.arange(16), 3), np.array(
        [truth_of(f"folder/{i:05}.jpg", k) for i in range(16) for k in range(3)]
    )  # fmt: skip
    assert (low, high) == clustered_interval(right, image)
    ends = wilson_bounds(np.array([n_true / 3]), np.array([16.0]))
    assert (worst.agreement.low, worst.agreement.high) == tuple(float(one[0]) for one in ends)
    assert (best.agreement.low, best.agreement.high) == (0.0, 1.0)
    shown = study_progress(store)
    assert (shown.n_questions, shown.n_images, shown.n_gold) == (48, 16, 48)
    assert shown.n_votes == 48 + 48 + 6
    assert shown.votes_per_hour == 48
    hours = (shown.n_votes_wanted - shown.n_votes) / 48
    now = shown.expected_end - timedelta(hours=hours)
    assert abs(now.timestamp() - clock.time) < 1


def test_a_hasty_rater_is_suspicious(store):
    add_questions(store, questions(10, 3))
    for person, milliseconds in zip(raters(store, 3), (3000, 2500, 300), strict=True):
        from .play import answer_all, next_task

        while not isinstance(task := next_task(store, person), NoTask):
            answer_all(store, person, task, 0, milliseconds)
    assert [line.is_suspicious for line in rater_table(store)] == [False, False, True]
    assert rater_table(store)[2].share_fast.value == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_who_guesses_at_a_usual_pace_fails_gold(make_store):
    """A coin, one answer to everything, and the truth upside down; not those who mostly know it."""
    store = make_store(replace(PLAIN, votes_per_question=10))
    asked = questions(60, 1)
    add_questions(store, asked)
    import_gold(store, gold_of(asked))
    rng = np.random.default_rng(0)

    def knows(share):
        def answer(image_id, label):
            truth = truthful(image_id, label)
            return truth if rng.random() < share else 2 - truth

        return answer

    def often_maybe(image_id, label):
        return truthful(image_id, label) if rng.random() < 0.3 else 1

    ways = [knows(0.5), 0, 2, knows(0.1), knows(0.9), knows(0.8), often_maybe]
    people = raters(store, len(ways) + 1)
    for person, way in zip(people, ways, strict=False):
        play(store, person, way)
    play(store, people[-1], 0, most=3)  # of whom too little is known
    failed = [line.fails_gold for line in rater_table(store)]
    assert failed == [True, True, True, True, False, False, False, False]


def some_votes(asked: Questions, k: int) -> Votes:
    question = np.repeat(np.arange(len(asked)), k)
    rater = (question + np.tile(np.arange(k), len(asked))) % 7
    names = np.array([f"old-{i}" for i in range(7)])
    answer = np.random.default_rng(0).integers(3, size=len(question))
    return Votes(asked, names, ANSWERS, question, rater, answer)


def rows_of(record: Votes) -> set[tuple[str, str, int]]:
    ids = record.questions.ids[record.question].tolist()
    people = record.rater_ids[record.rater].tolist()
    return set(zip(ids, people, record.answer.tolist(), strict=True))


def test_votes_go_in_and_come_out_as_they_were(store):
    asked = questions(20, 5)
    add_questions(store, asked)
    given = some_votes(asked, 3)
    assert import_votes(store, given) == 300
    assert import_votes(store, given) == 0
    assert rows_of(votes(store)) == rows_of(given)
    assert audit(store) == ()
    batches = list(vote_batches(store, n_votes=90))
    assert len(batches) > 3
    assert max(len(batch.answer) for batch in batches) <= 90
    assert len(list(vote_batches(store, n_votes=1))) == 100  # a question's stay together
    rows = {
        (f"{image}:{label}", rater, answer)
        for b in batches
        for image, label, rater, answer in zip(
            b.image_id.tolist(), b.label.tolist(), b.rater.tolist(), b.answer.tolist(), strict=True
        )
    }
    assert rows == rows_of(given)
    assert {PURPOSES[p] for b in batches for p in b.purpose} == {"imported"}
    assert all(np.isnat(b.given_at).all() and np.isnan(b.seconds).all() for b in batches)
    for person in raters(store, 2):
        play(store, person)
    assert votes(store).counts().sum(axis=1).tolist() == [5] * 100
    assert audit(store) == ()


def test_what_cannot_be_imported_is_explained(store):
    asked = questions(4, 2)
    add_questions(store, asked)
    given = some_votes(asked, 3)
    with pytest.raises(DataError, match="more than 5 votes"):
        import_votes(store, some_votes(asked, 6))
    import_votes(store, given)
    other = replace(given, answer=(given.answer + 1) % 3)
    with pytest.raises(DataError, match="has answered"):
        import_votes(store, other)
    with pytest.raises(DataError, match="not in the study"):
        import_votes(store, some_votes(questions(5, 2), 3))
    assert audit(store) == ()
    twice = Votes(
        Questions.from_pairs(Pairs(np.array(["folder/00000.jpg"]), np.array([0]), np.array([0]))),
        np.array(["new"]), ANSWERS, np.array([0, 0]), np.array([0, 0]), np.array([1, 1]),
    )  # fmt: skip
    with pytest.raises(DataError, match="more than once"):
        import_votes(store, twice)


def test_of_votes_that_are_refused_none_is_there(store):
    asked = questions(2_100, 1)  # more tasks than are imported at a time
    add_questions(store, asked)
    question = np.append(np.arange(2_100), np.full(5, 2_099))
    rater = np.append(np.zeros(2_100, int), np.arange(1, 6))
    names = np.array([f"new-{i}" for i in range(6)])
    given = Votes(asked, names, ANSWERS, question, rater, np.zeros(2_105, int))
    with pytest.raises(DataError, match="more than 5 votes"):
        import_votes(store, given)
    assert study_progress(store).n_votes == 0
    assert raters_of(store) == ()
    assert audit(store) == ()


def test_exported_times_are_those_of_the_answers(store, clock):
    add_questions(store, questions(1, 1))
    play(store, raters(store, 1)[0], 2)
    (batch,) = vote_batches(store)
    assert batch.given_at[0] == np.datetime64(int(clock.time * 1000), "ms")
    assert batch.seconds.tolist() == [2.0]
    assert batch.counted.tolist() == [True]


def test_what_an_owner_did_is_in_the_audit_log(empty_url):
    with open_store(empty_url, settings=Settings()) as store:
        owner = accept_invitation(store, invite(store, "boss", "owner")).number
        close(store, by=owner)
        act = audit_log(store)[0]
        assert (act.actor, act.action) == ("boss", "close")
        assert [a.action for a in audit_log(store, before=act.number)] == ["invite"]
