"""The queue as a machine: whatever raters, owners and time do, its invariants hold."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reassess.rating import (
    Answer,
    LeaseError,
    RaterError,
    Settings,
    Submission,
    TaskLease,
    add_questions,
    audit,
    exclude_votes,
    import_gold,
    next_task,
    open_store,
    pause,
    restore_votes,
    resume,
    return_task,
    submit,
    vote_batches,
)

from .play import Clock, gold_of, key, questions, raters

WHO = st.integers(0, 3)
WHICH = st.integers(0, 10**6)


class Queue(RuleBasedStateMachine):
    """Four raters, three images, two votes a question; gold and repetitions among them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.store = open_store(
            f"sqlite:///{Path(self.folder.name)}/study.db",
            settings=Settings(
                votes_per_question=2, lease_seconds=60, gold_rate=0.3, repeat_rate=0.3,
                repeat_gap=1, n_practice=0, n_qualification=0,
            ),
            clock=self.clock,
        )  # fmt: skip
        asked = questions(3, 2)
        add_questions(self.store, asked)
        import_gold(self.store, gold_of(questions(1, 2)))
        self.people = raters(self.store, 4)
        self.tasks: list[tuple[int, TaskLease]] = []
        self.sent: list[tuple[int, Submission, dict[int, str]]] = []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(who=WHO)
    def ask(self, who: int) -> None:
        person = self.people[who]
        mine = [task.lease for holder, task in self.tasks if holder == person]
        task = next_task(self.store, person, beyond=mine)
        if isinstance(task, TaskLease):
            self.tasks.append((person, task))

    @rule(which=WHICH, said=st.lists(st.integers(0, 2), min_size=2, max_size=2), most=WHO)
    def answer(self, which: int, said: list[int], most: int) -> None:
        """Answer, correct, or answer too late: whichever it is by now."""
        if not self.tasks:
            return
        person, task = self.tasks[which % len(self.tasks)]
        answers = tuple(Answer(q.question, a) for q, a in zip(task.questions, said, strict=False))[
            :most
        ]
        sent = Submission(task.lease, key(), answers)
        try:
            receipt = submit(self.store, person, sent)
        except RaterError:
            return
        assert set(receipt.status) == {a.question for a in answers}
        self.sent.append((person, sent, dict(receipt.status)))

    @rule(which=WHICH)
    def send_again(self, which: int) -> None:
        if not self.sent:
            return
        person, sent, status = self.sent[which % len(self.sent)]
        n = sum(len(b.answer) for b in vote_batches(self.store))
        receipt = submit(self.store, person, sent)
        assert receipt.again
        assert receipt.status == status
        assert sum(len(b.answer) for b in vote_batches(self.store)) == n

    @rule(which=WHICH)
    def give_back(self, which: int) -> None:
        if self.tasks:
            person, task = self.tasks[which % len(self.tasks)]
            return_task(self.store, person, task.lease)

    @rule(which=WHICH, who=WHO)
    def meddle_with_another(self, which: int, who: int) -> None:
        if not self.tasks:
            return
        person, task = self.tasks[which % len(self.tasks)]
        if self.people[who] != person:
            try:
                submit(self.store, self.people[who], Submission(task.lease, key()))
            except LeaseError:
                return
            raise AssertionError("another rater's screen was accepted")

    @rule(seconds=st.sampled_from([1, 61]))
    def wait(self, seconds: int) -> None:
        self.clock.wait(seconds)

    @rule(who=WHO, act=st.sampled_from([pause, resume, exclude_votes, restore_votes]))
    def own(self, who: int, act: object) -> None:
        act(self.store, self.people[who])  # type: ignore[operator]

    @invariant()
    def everything_holds(self) -> None:
        assert audit(self.store) == ()
        for batch in vote_batches(self.store, counted_only=True):
            pairs = list(zip(batch.image_id.tolist(), batch.label.tolist(), strict=True))
            assert max(pairs.count(pair) for pair in pairs) <= 2


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
