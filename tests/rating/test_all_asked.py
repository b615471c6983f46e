"""Whatever happens: when nobody gets anything more, nobody who is there could answer anything."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reassess.rating import (
    Answer,
    NoTask,
    Settings,
    Store,
    Submission,
    TaskLease,
    add_questions,
    audit,
    change_settings,
    exclude_votes,
    import_gold,
    next_class_grid,
    next_task,
    pause,
    question_table,
    rater,
    restore_votes,
    resume,
    return_task,
    set_use,
    settings_of,
    study_progress,
    submit,
    vote_batches,
    waive_qualification,
)
from reassess.rating.transfer import PURPOSES
from reassess.records import Assessment, Pairs, Questions, Tasks

from .play import PLAIN, Clock, answer_all, gold_of, key, play, questions, raters, truthful

REPEAT, PRACTICE = PURPOSES.index("repeat"), PURPOSES.index("practice")


def uneven(rng: np.random.Generator, n_images: int, start: int = 0) -> Tasks:
    """Images with one to five questions, one task each."""
    sizes = rng.integers(1, 6, n_images)
    image = np.repeat(np.arange(n_images), sizes)
    label = np.concatenate([np.arange(n) for n in sizes])
    names = np.array([f"folder/{i + start:05}.jpg" for i in range(n_images)])
    return Tasks(Questions.from_pairs(Pairs(names, image, label)), image)


class TwoSame:
    """A question is settled once two votes are the same; which two differ is the more urgent."""

    def assess(self, question, position, _rater, answer, _n_left):
        counts = np.zeros((len(question), 3), np.int64)
        np.add.at(counts, (position, answer), 1)
        differ = (counts > 0).sum(axis=1) > 1
        return Assessment(
            counts.max(axis=1) >= 2, np.where(differ, 0.9, 0.1), np.full(len(question), 0.5)
        )


class Study:
    """A small study of a seed, its raters, and what each was shown."""

    def __init__(self, make_store: Callable[..., Store], clock: Clock, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.clock = clock
        self.rule = TwoSame() if self.chance(0.3) else None
        self.store = make_store(self.settings(), **({"rule": self.rule} if self.rule else {}))
        asked = uneven(self.rng, 7)
        add_questions(self.store, asked)
        known = self.rng.random(len(asked.questions)) < (1.0 if self.chance(0.5) else 0.6)
        import_gold(self.store, gold_of(self.some(asked, known & (asked.task < 4))))
        self.images = asked.pairs.image_ids.tolist()
        self.people = raters(self.store, int(self.rng.integers(2, 5)))
        self.out: list[tuple[int, TaskLease]] = []
        self.passed_over: set[tuple[int, int]] = set()
        self.shown: Counter[tuple[int, int]] = Counter()
        self.unseen: set[tuple[int, str]] = set()

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def settings(self) -> Settings:
        return replace(
            PLAIN, votes_per_question=int(self.rng.integers(1, 4)), lease_seconds=60,
            gold_rate=0.4, repeat_rate=0.1, repeat_gap=1,
            n_practice=int(self.chance(0.2)), n_qualification=int(self.rng.integers(0, 3)),
            qualification_accuracy=0.6, gold_exposure=int(self.rng.integers(0, 3)),
        )  # fmt: skip

    @staticmethod
    def some(asked: Tasks, which: np.ndarray) -> Questions:
        return Questions.from_pairs(asked.pairs.take(np.flatnonzero(which)))

    def act(self) -> None:
        """Whatever people, owners and time do."""
        acts = [self.ask] * 6 + [self.answer] * 6 + [self.give_back, self.wait, self.own, self.grid]
        acts[int(self.rng.integers(len(acts)))]()

    def anybody(self) -> int:
        return self.people[int(self.rng.integers(len(self.people)))]

    def ask(self, who: int | None = None) -> bool:
        who = self.anybody() if who is None else who
        mine = [task.lease for holder, task in self.out if holder == who]
        task = next_task(self.store, who, beyond=mine if self.chance(0.5) else ())
        if isinstance(task, NoTask):
            return False
        if task.lease not in mine:
            self.out.append((who, task))
            self.shown.update((who, q.question) for q in task.questions)
        return True

    def grid(self) -> None:
        who = self.anybody()
        found = next_class_grid(self.store, who, int(self.rng.integers(3)), n_images=2)
        mine = {task.lease for holder, task in self.out if holder == who}
        if not isinstance(found, NoTask):
            self.out += [(who, task) for task in found if task.lease not in mine]

    def answer(self, *, whole: bool = False) -> None:
        if not self.out:
            return
        who, task = self.out.pop(int(self.rng.integers(len(self.out))))
        if rater(self.store, who).is_paused:
            return
        if not whole and self.chance(0.1):
            self.unseen.add((who, task.image_id))
            submit(self.store, who, Submission(task.lease, key(), cannot_see=True))
            return
        left_out = {q.question for q in task.questions if not whole and self.chance(0.05)}
        self.passed_over |= {(who, number) for number in left_out}
        answers = tuple(
            Answer(q.question, int(self.rng.choice([0, 1, 2], p=[0.6, 0.1, 0.3])))
            for q in task.questions
            if q.question not in left_out
        )
        submit(self.store, who, Submission(task.lease, key(), answers))

    def give_back(self) -> None:
        if self.out:
            who, task = self.out.pop(int(self.rng.integers(len(self.out))))
            return_task(self.store, who, task.lease)

    def wait(self) -> None:
        self.clock.wait(61 if self.chance(0.5) else 20)

    def own(self) -> None:
        who = self.anybody()
        kind = int(self.rng.integers(9))
        if kind < 4:
            [pause, resume, exclude_votes, restore_votes][kind](self.store, who)
        elif kind == 4:
            waive_qualification(self.store, who)
        elif kind == 5:
            add_questions(self.store, uneven(self.rng, 2, start=int(self.rng.integers(4, 9))))
        elif kind == 6:
            self.set_k(1)
        elif kind == 7 and self.rule is None:
            before = settings_of(self.store)
            budget = None if before.budget else int(self.rng.integers(5, 30))
            change_settings(self.store, replace(before, budget=budget))
        elif kind == 8:
            image = self.images[int(self.rng.integers(len(self.images)))]
            set_use(self.store, [image], "practice" if self.chance(0.5) else "rating")

    def set_k(self, n_more: int) -> None:
        before = settings_of(self.store)
        k = min(4, before.votes_per_question + n_more)
        change_settings(self.store, replace(before, votes_per_question=k))

    def finish(self) -> None:
        """Everybody who is there answers until nobody gets anything more."""
        change_settings(self.store, replace(settings_of(self.store), budget=None))
        set_use(self.store, self.images, "rating")
        for _ in range(3):
            while self.out or any(self.ask(who) for who in self.people):
                while self.out:
                    self.answer(whole=True)
            self.clock.wait(61)

    def check(self) -> None:
        """All votes that count are counted, and whoever is there could answer nothing more."""
        assert audit(self.store) == ()
        people = {number: rater(self.store, number) for number in self.people}
        names = {one.name: number for number, one in people.items()}
        given, counted = defaultdict(set), Counter()
        for batch in vote_batches(self.store):
            for image_id, label, name, is_counted, purpose in zip(
                batch.image_id.tolist(), batch.label.tolist(), batch.rater.tolist(),
                batch.counted.tolist(), batch.purpose.tolist(), strict=True,
            ):  # fmt: skip
                if purpose != REPEAT:
                    given[image_id, label].add((names[name], purpose == PRACTICE))
                counted[image_id, label] += is_counted
        k = settings_of(self.store).votes_per_question
        table = question_table(self.store)
        n_open = 0
        for number, image, label in zip(
            table.question.tolist(), table.image.tolist(), table.label.tolist(), strict=True
        ):
            asked = (str(table.image_ids[image]), label)
            count = [
                who
                for who, practised in given[asked]
                if not practised and who not in self.excluded() and people[who].stage == "rating"
            ]
            assert counted[asked] >= min(k, len(count)), (asked, "votes that could count do not")
            if counted[asked] >= k or self.is_settled(asked):
                continue
            n_open += 1
            for who, one in people.items():
                assert (
                    one.is_paused
                    or one.stage == "failed"
                    or who in {who for who, _ in given[asked]}
                    or (who, number) in self.passed_over
                    or (who, asked[0]) in self.unseen
                ), (asked, who, "could still answer")
        assert study_progress(self.store).n_unassignable == n_open

    def excluded(self) -> set[int]:
        from reassess.rating import rater_table

        return {one.number for one in rater_table(self.store) if one.is_excluded}

    def is_settled(self, asked: tuple[str, int]) -> bool:
        if self.rule is None:
            return False
        from reassess.rating import image_counts

        found = image_counts(self.store, asked[0]).questions
        return next(one.is_done for one in found if one.label == asked[1])


def run(make_store: Callable[..., Store], clock: Clock, seed: int, n_acts: int = 60) -> None:
    study = Study(make_store, clock, seed)
    for _ in range(n_acts):
        study.act()
    study.finish()
    study.check()


@pytest.mark.parametrize(("url", "seed"), [("sqlite", 9), ("postgresql", 10)], indirect=["url"])
def test_nothing_is_left_that_somebody_could_answer(make_store, clock, seed):
    run(make_store, clock, seed)


def test_gold_that_was_cut_comes_again_for_the_rest(make_store):
    store = make_store(replace(PLAIN, votes_per_question=3, gold_rate=0.5))
    short, gold = questions(8, 1), questions(4, 5, start=1000)
    add_questions(store, short)
    add_questions(store, gold)
    import_gold(store, gold_of(gold))
    one, two, three = raters(store, 3)
    first = [task for task in play(store, one) if task.image_id.startswith("folder/010")]
    assert min(len(task.questions) for task in first) < 5, "as long as the task in whose place"
    shown = [q.question for task in first for q in task.questions]
    assert len(shown) == len(set(shown)) == 20, "each question once"
    play(store, two)
    assert study_progress(store).n_unassignable == 0
    play(store, three)
    assert study_progress(store).n_done == 8 + 20
    assert audit(store) == ()


def test_a_vote_without_a_place_takes_the_first_that_is_free(make_store):
    settings = replace(PLAIN, votes_per_question=1, n_qualification=1, qualification_accuracy=0.9)
    store = make_store(settings)
    add_questions(store, questions(1, 3))
    import_gold(store, gold_of(questions(1, 3)))
    add_questions(store, questions(1, 1, start=9))  # else nothing is left for who has qualified
    one, two, three = raters(store, 3)
    waive_qualification(store, one)
    play(store, one, truthful)
    play(store, two, truthful, most=1)  # their test: all of its places are taken
    assert isinstance(next_task(store, two), NoTask)
    play(store, three, lambda *_: 0, most=1)
    assert isinstance(next_task(store, three), NoTask)
    assert rater(store, three).stage == "failed"

    def counted():
        batches = list(vote_batches(store, counted_only=True))
        return Counter(name for batch in batches for name in batch.rater.tolist())

    assert counted() == {"rater-0": 4}
    exclude_votes(store, one)
    assert counted() == {"rater-1": 3}
    waive_qualification(store, three)
    assert counted() == {"rater-1": 3}
    change_settings(store, replace(settings, votes_per_question=3))
    assert counted() == {"rater-1": 3, "rater-2": 3}
    assert restore_votes(store, one) == 4
    exclude_votes(store, two)
    assert restore_votes(store, two) == 3
    assert counted() == {"rater-0": 4, "rater-1": 3, "rater-2": 3}
    assert audit(store) == ()


def test_a_late_answer_counts_once_the_place_is_given_back(make_store, clock):
    store = make_store(replace(PLAIN, votes_per_question=1, lease_seconds=60))
    add_questions(store, questions(1, 2))
    one, two = raters(store, 2)
    late = next_task(store, one)
    clock.wait(61)
    held = next_task(store, two)
    answer_all(store, one, late)  # stored, and without a place
    assert study_progress(store).n_votes == 0
    answered = Answer(held.questions[0].question, 2)
    submit(store, two, Submission(held.lease, key(), (answered,)))
    assert study_progress(store).n_done == 2
    assert audit(store) == ()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_who_answers_nothing_is_not_asked_to_wait_for_ever(make_store):
    store = make_store(replace(PLAIN, repeat_rate=0.5, repeat_gap=1))
    add_questions(store, questions(9, 1))
    (person,) = raters(store, 1)
    while isinstance(task := next_task(store, person), TaskLease):
        submit(store, person, Submission(task.lease, key()))
    assert task == NoTask("complete")
    assert study_progress(store).n_unassignable == 9
    pause(store, person)
    assert study_progress(store).n_unassignable == 9
    raters(store, 1, start=1)
    assert study_progress(store).n_unassignable == 0
