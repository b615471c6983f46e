"""Which task a rater gets next: random, cheap, and the same if they ask again.

Every draw comes from the study's secret, the rater and the number of the page, so that
nobody can foresee where gold stands, and a request that is repeated finds the same. Tasks
lie on a ring; a draw goes to a random point of it and takes one of the next few tasks that
are open and new to the rater: a few steps in an index, at any size.

A task behind a wide gap would come early for everybody, and the orders of two raters would
be alike. So tasks are spread evenly (`places`), and a draw also skips some (`REACH`), which
evens out the gaps that gold, urgency and finished tasks leave.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Select,
    TextClause,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from reassess.rating.database import AnyRow
from reassess.rating.records import Settings
from reassess.rating.round_trip import send
from reassess.rating.schema import (
    ANSWERED,
    EXPIRED,
    FOR_PRACTICE,
    FOR_RATING,
    GOLD,
    IMPORTED,
    IS_GOLD,
    LEVELS,
    OPEN,
    PRACTICE,
    RATING,
    REPEAT,
    SHUFFLE,
    UNSEEN,
    images,
    leases,
    questions,
    slots,
    tasks,
    votes,
)

REACH = 8
"""A draw takes one of so many next tasks on the ring."""

NEARLY = (3, 4)
"""Numerator and denominator: under a budget a task shows what has at least this share of the
urgency of its most urgent question, so that no vote goes to what can wait."""

_GOLDEN = np.uint64(0x9E3779B1)
"""2**32 over the golden ratio."""


@dataclass(frozen=True, slots=True)
class TaskSeed:
    """The seed of one task of one rater.

    Attributes:
        ordinal: the number of the task among the rater's, from 1.
        purpose: in [0, 1), decides between rating, gold and a repetition; 1 is always rating.
        place: in [0, SHUFFLE), where on the ring to look.
        skip: in [0, REACH), how many tasks to leave out from there.
        shuffle: orders the questions of the task.
    """

    ordinal: int
    purpose: float
    place: int
    skip: int
    shuffle: int


def draw(secret: str, rater: int, ordinal: int) -> TaskSeed:
    """The seed of a rater's n-th task."""
    digest = hashlib.blake2b(f"{secret}:{rater}:{ordinal}".encode(), digest_size=32).digest()
    one, two, three, four = (int.from_bytes(digest[i : i + 8], "big") for i in (0, 8, 16, 24))
    return TaskSeed(ordinal, (one >> 11) / 2**53, two % SHUFFLE, four % REACH, three)


def places(numbers: Int[np.ndarray, "T"]) -> Int[np.ndarray, "T"]:
    """Where on the ring tasks lie: evenly, however many have come before and will come after.

    Source: Knuth, The Art of Computer Programming 3, 6.4 (Fibonacci hashing); by the three-gap
        theorem the widest gap is at most 2.62 times the narrowest.
    """
    turned = numbers.astype(np.uint64) * _GOLDEN % np.uint64(2**32)
    return (turned * np.uint64(SHUFFLE) >> np.uint64(32)).astype(np.int64)


def shuffled(numbers: Sequence[int], shuffle: int) -> list[int]:
    """The questions of a task in the order to show them."""

    def key(number: int) -> bytes:
        return hashlib.blake2b(f"{shuffle}:{number}".encode(), digest_size=8).digest()

    return sorted(numbers, key=key)


def purpose_of(seed: TaskSeed, settings: Settings) -> int:
    """What the task shows if it can: `RATING`, `GOLD` or `REPEAT`."""
    if seed.purpose < settings.gold_rate:
        return GOLD
    if seed.purpose < settings.gold_rate + settings.repeat_rate:
        return REPEAT
    return RATING


class _IsAmong(FunctionElement[bool]):
    """Whether a number is among those of a JSON array."""

    type = Boolean()
    inherit_cache = True


@compiles(_IsAmong, "sqlite")
def _among_on_sqlite(element: _IsAmong, compiler: Any, **options: Any) -> str:
    number, array = (compiler.process(one, **options) for one in element.clauses)
    return f"{number} IN (SELECT value FROM json_each({array}))"  # noqa: S608 -- our own names


@compiles(_IsAmong, "postgresql")
def _among_on_postgresql(element: _IsAmong, compiler: Any, **options: Any) -> str:
    number, array = (compiler.process(one, **options) for one in element.clauses)
    return f"CAST({array} AS JSONB) @> to_jsonb({number})"


def was_shown(rater: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a rater has had a question of a task on their screen, answered or passed over."""
    return exists().where(
        leases.c.rater == rater,
        leases.c.task == questions.c.task,
        leases.c.state == literal_column(str(ANSWERED)),
        leases.c.is_sweep.is_(False),
        _IsAmong(questions.c.id, leases.c.questions),
    )


def _unanswered(question: ColumnElement[bool] | TextClause) -> ColumnElement[bool]:
    """A question like this, of a task, that the rater has neither answered nor in a task."""
    answered = exists().where(
        votes.c.question == questions.c.id, votes.c.rater == bindparam("rater")
    )
    held = exists().where(slots.c.rater == bindparam("rater"), slots.c.question == questions.c.id)
    return and_(questions.c.task == tasks.c.id, question, ~answered, ~held)


def _new_to(
    question: ColumnElement[bool] | TextClause, *, again: bool = False
) -> ColumnElement[bool]:
    """A task not shown to the rater, with a question like this that they have not answered.

    The first condition settles nearly every task; the second matters after a class grid, and
    where a task that they have answered may come ``again`` with what they were not shown. A lease
    that ran out counts as shown: it is theirs again, or given up, before anything else is.
    """
    seen = [OPEN, EXPIRED, UNSEEN] if again else [OPEN, ANSWERED, EXPIRED, UNSEEN]
    shown = exists().where(
        leases.c.rater == bindparam("rater"),
        leases.c.task == tasks.c.id,
        leases.c.state.in_([literal_column(str(code)) for code in seen]),
        leases.c.is_sweep.is_(False),
    )
    unanswered = _unanswered(question)
    if again:
        unanswered = and_(unanswered, ~was_shown(bindparam("rater")))
    return and_(~shown, exists().where(unanswered))


_HAS_ROOM = text("tasks.n_open > 0")
_IS_OPEN = text("questions.is_open")
_IS_GOLD = text(f"tasks.gold > 0 AND tasks.gold = {IS_GOLD} AND tasks.use = {FOR_RATING}")
_IS_KNOWN = text("questions.truth IS NOT NULL")

_HIGHEST_LEVEL = select(func.max(tasks.c.level)).where(_HAS_ROOM).scalar_subquery()
_LEVEL_BELOW = (
    select(tasks.c.level)
    .where(_HAS_ROOM, tasks.c.level < bindparam("level"))
    .order_by(tasks.c.level.desc())
    .limit(1)
)
_FROM, _TO = tasks.c.shuffle >= bindparam("low"), tasks.c.shuffle < bindparam("high")
_FOUND = select(tasks.c.id, images.c.name, tasks.c.n_open).join(images)
_NEAR_TOP = and_(_IS_OPEN, NEARLY[1] * questions.c.level >= NEARLY[0] * tasks.c.level)
_LIMIT = literal_column(str(REACH), Integer)  # a number, so that one plan serves every draw


def _with_room(
    found: "Select[int, str, int]", new: ColumnElement[bool]
) -> "tuple[Select[int, str, int], Select[int, str, int]]":
    """Such tasks from a point of the ring on: of the highest level, and of one that is given."""
    here = found.where(_HAS_ROOM, _FROM, _TO, new).order_by(tasks.c.shuffle).limit(_LIMIT)
    return (
        here.where(tasks.c.level == _HIGHEST_LEVEL),
        here.where(tasks.c.level == bindparam("level")),
    )


def _again(question: ColumnElement[bool] | TextClause) -> "Select[int, str, int]":
    new = and_(_unanswered(question), ~was_shown(bindparam("rater")))
    n_new = select(func.count()).where(new).scalar_subquery()
    return select(tasks.c.id, images.c.name, n_new).join(images)


_WITH_ROOM = _with_room(_FOUND, _new_to(_IS_OPEN))
_PRIORITY = _with_room(_again(_NEAR_TOP), _new_to(_NEAR_TOP, again=True))
_MET_IN_PART = exists().where(
    leases.c.rater == bindparam("rater"),
    leases.c.task == tasks.c.id,
    leases.c.state == literal_column(str(ANSWERED)),
    leases.c.is_sweep.is_(False),
    func.json_array_length(leases.c.questions) < tasks.c.n_questions,
)
"""A task of which the rater was shown a part: without it every question would be looked at."""
_LEFT_OVER = _with_room(_again(_IS_OPEN).where(_MET_IN_PART), _new_to(_IS_OPEN, again=True))
_N_SEEN = (
    select(func.count(votes.c.rater.distinct()))
    .select_from(votes.join(questions, questions.c.id == votes.c.question))
    .where(questions.c.task == tasks.c.id, votes.c.purpose != IMPORTED)
    .scalar_subquery()
)
"""Raters who have answered a task here; by questions, of which the votes have an index."""
_IS_FRESH = bindparam("exposure") > _N_SEEN
_USED_UP = select(func.count()).select_from(tasks).where(_IS_GOLD, ~_IS_FRESH)
_OF_TRUTH = {None: "", True: " AND questions.truth", False: " AND NOT questions.truth"}
_GOLD_WITH = {
    truth: _FOUND.where(_IS_GOLD, _FROM, _TO, _new_to(text(_IS_KNOWN.text + also)))
    .order_by(tasks.c.shuffle)
    .limit(_LIMIT)
    for truth, also in _OF_TRUTH.items()
}
_FRESH_GOLD_WITH = {truth: wanted.where(_IS_FRESH) for truth, wanted in _GOLD_WITH.items()}
_PRACTICE = (
    _FOUND.where(text(f"tasks.use = {FOR_PRACTICE}"), _new_to(_IS_KNOWN))
    .order_by(tasks.c.id)
    .limit(1)
)
_repeated = leases.alias("again")
_EARLIER = (
    select(leases.c.task, images.c.name, leases.c.questions)
    .select_from(leases.join(tasks, tasks.c.id == leases.c.task).join(images))
    .where(
        leases.c.rater == bindparam("rater"),
        leases.c.ordinal >= bindparam("low"),
        leases.c.ordinal <= bindparam("high"),
        leases.c.state == ANSWERED,
        leases.c.purpose.in_([RATING, GOLD]),
        leases.c.is_sweep.is_(False),
        ~exists().where(
            _repeated.c.rater == leases.c.rater,
            _repeated.c.task == leases.c.task,
            _repeated.c.purpose == REPEAT,
            _repeated.c.state.in_([OPEN, ANSWERED, UNSEEN]),
        ),
    )
    .order_by(leases.c.ordinal)
    .limit(1)
)
_GIVEN = select(func.count()).where(
    leases.c.rater == bindparam("rater"),
    leases.c.purpose == bindparam("purpose"),
    leases.c.state.in_([OPEN, ANSWERED]),
)


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """A task that suits a rater.

    Attributes:
        task: its number.
        image_id: its image.
        n_open: open questions that would be shown.
        questions: those to show; None where the queue decides.
        near_top_priority: whether only its nearly most urgent questions are to be shown.
        again: whether the rater may have met the task, and is to see what they were not shown.
    """

    task: int
    image_id: str
    n_open: int
    questions: tuple[int, ...] | None = None
    near_top_priority: bool = False
    again: bool = False


def pick_open(
    connection: Connection, rater: int, seed: TaskSeed, *, priority_only: bool
) -> TaskChoice | None:
    """A task with room that is new to the rater, from the most urgent level that has one.

    Where none is left for them, a task comes again with the questions that they were not shown:
    gold is cut to the length of other tasks, and questions open again.

    Args:
        connection: of a transaction.
        rater: the rater's number.
        seed: where to look.
        priority_only: whether a task comes for its nearly most urgent questions alone
            (`near_top_priority`), and may come again with others; only where none is left that
            this rater could answer, for whatever is.
    """
    if priority_only:
        found = _most_urgent(connection, _PRIORITY, rater, seed)
        if found is not None:
            return replace(found, near_top_priority=True, again=True)
    found = _most_urgent(connection, _WITH_ROOM, rater, seed)
    if found is not None:
        return found
    found = _most_urgent(connection, _LEFT_OVER, rater, seed)
    return None if found is None else replace(found, again=True)


def _most_urgent(
    connection: Connection,
    wanted: "tuple[Select[int, str, int], Select[int, str, int]]",
    rater: int,
    seed: TaskSeed,
) -> TaskChoice | None:
    found = _first(connection, wanted[0], {"rater": rater}, seed)
    if found is not None:
        return found
    level = connection.execute(_LEVEL_BELOW, {"level": LEVELS}).scalar()
    while level is not None:
        found = _first(connection, wanted[1], {"rater": rater, "level": level}, seed)
        if found is not None:
            return found
        level = connection.execute(_LEVEL_BELOW, {"level": level}).scalar()
    return None


def near_top_priority(level: int, highest: int) -> bool:
    """Whether a question is nearly as urgent as the most urgent one of its task that is open."""
    return NEARLY[1] * level >= NEARLY[0] * highest


def pick_gold(
    connection: Connection,
    rater: int,
    seed: TaskSeed,
    *,
    exposure: int = 0,
    truth: bool | None = None,
) -> TaskChoice | None:
    """A task with gold that is new to the rater.

    Args:
        connection: of a transaction.
        rater: the rater's number.
        seed: where to look.
        exposure: only a task that fewer raters than this have answered; 0 takes any.
        truth: what gold must say of one of its questions; None takes any.
    """
    if not exposure:
        return _first(connection, _GOLD_WITH[truth], {"rater": rater}, seed)
    limited = {"rater": rater, "exposure": exposure}
    return _first(connection, _FRESH_GOLD_WITH[truth], limited, seed)


def n_used_up(connection: Connection, exposure: int) -> int:
    """Gold tasks that at least so many raters have answered; none where 0 sets no limit."""
    if not exposure:
        return 0
    return int(connection.execute(_USED_UP, {"exposure": exposure}).scalar_one())


def pick_practice(connection: Connection, rater: int) -> TaskChoice | None:
    """The first practice task that is new to the rater."""
    row = connection.execute(_PRACTICE, {"rater": rater}).first()
    return None if row is None else TaskChoice(*row)


def pick_earlier(
    connection: Connection, rater: int, last: int, seed: TaskSeed
) -> TaskChoice | None:
    """A task that the rater answered, at most the ``last``-th, and was not shown again."""
    if last < 1:
        return None
    start = 1 + seed.place % last
    for low, high in ((start, last), (1, start - 1)):
        row = connection.execute(_EARLIER, {"rater": rater, "low": low, "high": high}).first()
        if row is not None:
            return TaskChoice(row.task, row.name, 0, tuple(row.questions))
    return None


def n_given(connection: Connection, rater: int, purpose: int) -> int:
    """Tasks of this purpose that the rater holds or has answered."""
    return int(connection.execute(_GIVEN, {"rater": rater, "purpose": purpose}).scalar_one())


def is_practised(connection: Connection, rater: int, settings: Settings) -> bool:
    """Whether the rater has had all the practice tasks there are for them."""
    return (
        n_given(connection, rater, PRACTICE) >= settings.n_practice
        or pick_practice(connection, rater) is None
    )


def _first(
    connection: Connection, wanted: "Select[int, str, int]", values: dict[str, int], seed: TaskSeed
) -> TaskChoice | None:
    """One of the next tasks on the ring from a point to its end, then from its start."""
    found: list[AnyRow] = []
    for low, high in ((seed.place, SHUFFLE), (0, seed.place)):
        if len(found) <= seed.skip:
            found += send(connection, (wanted, values | {"low": low, "high": high}))[0]
    if not found:
        return None
    return TaskChoice(*found[seed.skip % min(len(found), seed.skip + 1)])
