"""Votes out: a stream of column batches in bounded memory, and the record."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from sqlalchemy import Connection, and_, func, select, update

from reassess.errors import DataError
from reassess.rating.counts import lock_tasks, refresh_tasks
from reassess.rating.database import insert_columns
from reassess.rating.people import check_name, person_named
from reassess.rating.questions import question_numbers
from reassess.rating.schema import IMPORTED, RETIRED, images, questions, raters, slots, tasks
from reassess.rating.schema import votes as vote_table
from reassess.rating.store import Store, log, study_row
from reassess.rating.submission import LONGEST
from reassess.rating.surplus import TASKS_AT_ONCE
from reassess.records import ANSWERS, Pairs, Questions, Votes

VOTES_AT_ONCE = 20_000
"""Counted votes that are read at a time: a batch as Python objects takes some 20 MB."""

PURPOSES = ("rating", "gold", "repeat", "practice", "qualification", "imported")


@dataclass(frozen=True, slots=True)
class VoteBatch:
    """Some votes, one row each; together the batches hold all, by question.

    Attributes:
        image_id: strings.
        label: index of the class.
        rater: the rater's name, strings.
        answer: 0 no, 1 maybe, 2 yes.
        given_at: UTC, ``datetime64[ms]``; NaT where unknown.
        seconds: how long it took; NaN where unknown.
        counted: whether it is one of its question's at most k votes: the first answer, in its
            latest version, of a rater whose votes are not excluded, about an image that is not
            withdrawn.
        purpose: why it was asked, an index into `PURPOSES`.
        round: 0 for the first time that this rater was asked, 1 for a repetition.
        version: 0 for the first answer, 1 for its first correction, …
    """

    image_id: Shaped[np.ndarray, "v"]
    label: Int[np.ndarray, "v"]
    rater: Shaped[np.ndarray, "v"]
    answer: Int[np.ndarray, "v"]
    given_at: Shaped[np.ndarray, "v"]
    seconds: Float[np.ndarray, "v"]
    counted: Bool[np.ndarray, "v"]
    purpose: Int[np.ndarray, "v"]
    round: Int[np.ndarray, "v"]
    version: Int[np.ndarray, "v"]


NEVER = np.iinfo(np.int64).min
"""A time that is not known, among milliseconds since 1970."""
_COLUMNS = ("question", "rater", "round", "version", "answer", "purpose", "given_at",
            "milliseconds")  # fmt: skip


def vote_batches(
    store: Store, *, counted_only: bool = False, n_votes: int = VOTES_AT_ONCE
) -> Iterator[VoteBatch]:
    """All votes of one moment, those of a question in one batch.

    Args:
        store: the study.
        counted_only: leave out what is not counted: corrected answers, repetitions, gold
            beyond k votes, practice, excluded votes, and those about withdrawn images.
        n_votes: counted votes in a batch, at most, though never fewer than a question's; it
            bounds the memory.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.stream() as connection:
        names, withdrawn = _rater_names(connection), _withdrawn(connection)
        for low, high in _spans(connection, n_votes):
            rows = _rows(connection, low, high, withdrawn, counted_only=counted_only)
            if rows.shape[1]:
                yield _batch(connection, rows, names, low, high)


def votes(store: Store) -> Votes:
    """The counted votes as a record, with times and durations where any is known.

    Raises:
        DataError: there is none.
        StoreError: the database cannot be read.
    """
    parts: list[Int[np.ndarray, "3 v"]] = []
    times: list[Int[np.ndarray, "2 v"]] = []
    with store.database.read() as connection:
        withdrawn = _withdrawn(connection)
        for low, high in _spans(connection, VOTES_AT_ONCE):
            rows = _rows(connection, low, high, withdrawn, counted_only=True)
            parts.append(rows[[0, 1, 4]].astype(np.int32))
            times.append(rows[[6, 7]])
        asked, rater, answer = np.concatenate([np.zeros((3, 0), np.int32), *parts], axis=1)
        used, question = np.unique(asked, return_inverse=True)
        pairs = _pairs(connection, used)
        names = _rater_names(connection)
    people, code = np.unique(rater, return_inverse=True)
    given_at, took = np.concatenate([np.zeros((2, 0), np.int64), *times], axis=1)
    return Votes(
        Questions.from_pairs(pairs), names[people], ANSWERS, question, code, answer.astype(np.int8),
        given_at=given_at.view("datetime64[ms]") if (given_at != NEVER).any() else None,
        seconds=_seconds(took) if (took != NEVER).any() else None,
    )  # fmt: skip


def _spans(connection: Connection, n_votes: int) -> Iterator[tuple[int, int]]:
    """Spans [low, high) of question numbers, of as many questions as can have so many votes."""
    width = max(1, n_votes // study_row(connection).settings.votes_per_question)
    last = connection.execute(select(func.max(questions.c.id))).scalar() or 0
    for low in range(0, last + 1, width):
        yield low, low + width


def _withdrawn(connection: Connection) -> Int[np.ndarray, "q"]:
    """The questions about withdrawn images, whose votes count for nothing."""
    found = select(questions.c.id).join(tasks, tasks.c.id == questions.c.task)
    numbers = connection.execute(found.where(tasks.c.use == RETIRED)).scalars().all()
    return np.array(numbers, np.int64)


def _rows(
    connection: Connection,
    low: int,
    high: int,
    withdrawn: Int[np.ndarray, "q"],
    *,
    counted_only: bool,
) -> Int[np.ndarray, "9 v"]:
    """The votes of questions in [low, high): `_COLUMNS`, and whether each is counted."""
    sits = and_(
        slots.c.question == vote_table.c.question, slots.c.rater == vote_table.c.rater,
        slots.c.round == vote_table.c.round, slots.c.version == vote_table.c.version,
    )  # fmt: skip
    found = (
        select(*(vote_table.c[name] for name in _COLUMNS), slots.c.slot)
        .select_from(vote_table.join(slots, sits, isouter=not counted_only))
        .where(vote_table.c.question >= low, vote_table.c.question < high)
        .order_by(
            vote_table.c.question, vote_table.c.rater, vote_table.c.round, vote_table.c.version
        )
    )
    rows = connection.execute(found).fetchall()
    columns = np.empty((9, len(rows)), np.int64)
    for i, column in enumerate(zip(*rows, strict=True) if rows else ()):
        if i == 8:
            columns[i] = [place is not None for place in column]
        elif i >= 6:
            columns[i] = [NEVER if value is None else value for value in column]
        else:
            columns[i] = column
    columns[8, np.isin(columns[0], withdrawn)] = 0
    return columns[:, columns[8] == 1] if counted_only else columns


def _batch(
    connection: Connection, rows: Int[np.ndarray, "9 v"], names: Any, low: int, high: int
) -> VoteBatch:
    asked = connection.execute(
        select(questions.c.id, images.c.name, questions.c.label)
        .join(images, images.c.id == questions.c.image)
        .where(questions.c.id >= low, questions.c.id < high)
        .order_by(questions.c.id)
    ).all()
    numbers, image_ids, labels = (np.array(column) for column in zip(*asked, strict=True))
    row = np.searchsorted(numbers, rows[0])
    took = rows[7]
    return VoteBatch(
        image_id=image_ids[row],
        label=labels[row],
        rater=names[rows[1]],
        answer=rows[4],
        given_at=rows[6].view("datetime64[ms]"),
        seconds=_seconds(took),
        counted=rows[8] == 1,
        purpose=rows[5],
        round=rows[2],
        version=rows[3],
    )


def _seconds(milliseconds: Int[np.ndarray, "v"]) -> Float[np.ndarray, "v"]:
    return np.where(milliseconds == NEVER, np.nan, milliseconds / 1000)


def _rater_names(connection: Connection) -> Shaped[np.ndarray, "r"]:
    """Names by number, with holes where there is no such number."""
    found = connection.execute(select(raters.c.id, raters.c.name)).all()
    names = [""] * (max((row.id for row in found), default=0) + 1)
    for row in found:
        names[row.id] = row.name
    return np.array(names, np.str_)


def _pairs(connection: Connection, used: Int[np.ndarray, "Q"]) -> Pairs:
    """The pairs behind question numbers that rise."""
    found = connection.execute(
        select(questions.c.id, questions.c.image, questions.c.label).order_by(questions.c.id)
    )
    wanted = np.array([tuple(row) for row in found], np.int64).reshape(-1, 3)
    wanted = wanted[np.searchsorted(wanted[:, 0], used)]
    distinct, image = np.unique(wanted[:, 1], return_inverse=True)
    named = connection.execute(select(images.c.id, images.c.name).order_by(images.c.id)).all()
    numbers = np.array([row.id for row in named], np.int64)
    names = np.array([row.name for row in named], np.str_)
    return Pairs(names[np.searchsorted(numbers, distinct)], image, wanted[:, 2])


def import_votes(store: Store, votes: Votes, *, by: int | None = None) -> int:
    """How many votes were new; each takes a slot of its question.

    Questions must be in the store (`add_questions`); raters who are new are made, without a
    way to sign in. All votes are looked at before the first is stored, so that of a file that is
    refused nothing is; only where people rate meanwhile, a question may fill up in between. Votes
    that are there already are skipped, so that an import that was cut off is finished by running
    it again.

    Raises:
        DataError: answers are not no, maybe, yes; a question is unknown; a rater answers one
            twice or otherwise than before; or a question would get more than k votes.
        RaterError: a rater has the name of an expert or owner.
        StoreError: the database cannot be written.
    """
    if votes.answers != ANSWERS:
        raise DataError(f"votes: the answers are {votes.answers}, but must be {ANSWERS}.")
    with store.database.stream() as connection:
        number = question_numbers(connection, votes.questions)
        task_of = _task_numbers(connection, number)
        before = _known_people(connection, votes)
        question, task, person = (
            column[row]
            for column, row in (
                (number, votes.question), (task_of, votes.question), (before, votes.rater),
            )
        )  # fmt: skip
        order = np.lexsort((person, question, task))
        _check_once(votes, question[order], person[order], order)
        columns = np.stack(
            [question, person, votes.answer, _given_at(votes), _milliseconds(votes)]
        )[:, order]
        columns, task = columns.astype(np.int64), task[order]
        k = study_row(connection).settings.votes_per_question
        for _, part in _parts(columns, task):
            _places(connection, part[:, _is_new(connection, part)], k)
    columns[1] = store.database.write(lambda c: _people(c, votes, store.now()))[votes.rater][order]
    n_new = sum(_import_part(store, part, low) for low, part in _parts(columns, task))
    store.database.write(
        lambda c: log(c, store.now(), by, "import votes", {"new": n_new, "of": len(votes)})
    )
    if n_new:
        store.database.analyze("tasks", "questions", "votes", "slots")
    return n_new


def _parts(
    columns: Int[np.ndarray, "5 v"], task: Int[np.ndarray, "v"]
) -> Iterator[tuple[int, Int[np.ndarray, "5 v"]]]:
    """The votes of `TASKS_AT_ONCE` tasks at a time, and the first of these tasks."""
    for low in np.unique(task - task % TASKS_AT_ONCE).tolist():
        start, end = np.searchsorted(task, [low, low + TASKS_AT_ONCE])
        yield low, columns[:, start:end]


def _given_at(votes: Votes) -> Int[np.ndarray, "v"]:
    if votes.given_at is None:
        return np.full(len(votes), NEVER)
    times: Int[np.ndarray, "v"] = votes.given_at.astype("datetime64[ms]").astype(np.int64)
    return times


def _milliseconds(votes: Votes) -> Int[np.ndarray, "v"]:
    if votes.seconds is None:
        return np.full(len(votes), NEVER)
    known = np.clip(np.rint(np.nan_to_num(votes.seconds) * 1000), 0, LONGEST).astype(np.int64)
    return np.where(np.isnan(votes.seconds), NEVER, known)


def _check_once(
    votes: Votes,
    question: Int[np.ndarray, "v"],
    person: Int[np.ndarray, "v"],
    order: Int[np.ndarray, "v"],
) -> None:
    """Refuse a rater's second vote on a question; the votes stand in an order by both."""
    twice = np.flatnonzero((np.diff(question) == 0) & (np.diff(person) == 0))
    if len(twice):
        row = order[twice[0]]
        raise DataError(
            f"votes: {votes.rater_ids[votes.rater[row]]} answers question "
            f"{votes.questions.ids[votes.question[row]]} more than once, but must once; "
            f"{len(twice):,} votes are repeats. Leave one of each."
        )


def _import_part(store: Store, part: Int[np.ndarray, "5 v"], low: int) -> int:
    """Import the votes of the tasks from ``low`` on."""

    def act(connection: Connection) -> int:
        lock_tasks(connection, low, low + TASKS_AT_ONCE)
        k = study_row(connection).settings.votes_per_question
        new = part[:, _is_new(connection, part)]
        places = _places(connection, new, k)
        n = int(new.shape[1])
        columns = {"question": new[0].tolist(), "rater": new[1].tolist()}
        zeros = [0] * n
        insert_columns(
            connection,
            vote_table,
            columns
            | {"round": zeros, "version": zeros, "answer": new[2].tolist(),
               "purpose": [IMPORTED] * n,
               "given_at": [None if at == NEVER else at for at in new[3].tolist()],
               "milliseconds": [None if took == NEVER else took for took in new[4].tolist()]},
        )  # fmt: skip
        insert_columns(
            connection,
            slots,
            columns | {"slot": places, "n_slots": [k] * n, "round": zeros, "version": zeros},
        )
        people, count = np.unique(new[1], return_counts=True)
        for person, n_more in zip(people.tolist(), count.tolist(), strict=True):
            connection.execute(
                update(raters)
                .where(raters.c.id == person)
                .values(
                    n_answers=raters.c.n_answers + n_more, n_counted=raters.c.n_counted + n_more
                )
            )
        return n

    n_new = store.database.write(act)
    if n_new:
        refresh_tasks(store, low, low + TASKS_AT_ONCE)
    return n_new


def _is_new(connection: Connection, part: Int[np.ndarray, "5 v"]) -> Bool[np.ndarray, "v"]:
    """Which votes are not there yet.

    Raises:
        DataError: one is there with another answer.
    """
    if part.shape[1] == 0:
        return np.zeros(0, np.bool_)
    there = {
        (row.question, row.rater): row.answer
        for row in connection.execute(
            select(vote_table.c.question, vote_table.c.rater, vote_table.c.answer)
            .where(
                vote_table.c.question.between(int(part[0].min()), int(part[0].max())),
                vote_table.c.round == 0,
            )
            .order_by(vote_table.c.version)
        )
    }
    before = [there.get((q, r)) for q, r in part[:2].T.tolist()]
    for was, (question, rater, answer) in zip(before, part[:3].T.tolist(), strict=True):
        if was is not None and was != answer:
            name = connection.execute(select(raters.c.name).where(raters.c.id == rater)).scalar()
            raise DataError(
                f"votes: {name} answers question {_question_name(connection, question)} with "
                f"{ANSWERS[answer]!r}, but has answered {ANSWERS[was]!r} before. Leave the vote "
                "out."
            )
    return np.array([was is None for was in before], np.bool_)


def _places(connection: Connection, new: Int[np.ndarray, "5 v"], k: int) -> list[int]:
    """A free place for each vote.

    Raises:
        DataError: a question has none left.
    """
    if new.shape[1] == 0:
        return []
    taken: dict[int, set[int]] = {}
    in_range = slots.c.question.between(int(new[0].min()), int(new[0].max()))
    for question, place in connection.execute(
        select(slots.c.question, slots.c.slot).where(in_range)
    ):
        taken.setdefault(question, set()).add(place)
    places: list[int] = []
    for question in new[0].tolist():
        used = taken.setdefault(question, set())
        place = next((place for place in range(k) if place not in used), None)
        if place is None:
            raise DataError(
                f"votes: question {_question_name(connection, question)} would get more than {k} "
                f"votes, but must get at most {k}. Raise votes_per_question, or leave votes out."
            )
        used.add(place)
        places.append(place)
    return places


def _question_name(connection: Connection, number: int) -> str:
    """A question as people name it: image and class."""
    found = select(images.c.name, questions.c.label).join(images, images.c.id == questions.c.image)
    row = connection.execute(found.where(questions.c.id == number)).one()
    return f"{row.name}:{row.label}"


def _known_people(connection: Connection, votes: Votes) -> Int[np.ndarray, "R"]:
    """The number of each rater who is there; of others one below 0, which is nobody's."""
    known = {row.name: row.id for row in connection.execute(select(raters.c.id, raters.c.name))}
    names: list[str] = votes.rater_ids.tolist()
    return np.array([known.get(name, -1 - i) for i, name in enumerate(names)], np.int64)


def _people(connection: Connection, votes: Votes, now: int) -> Int[np.ndarray, "R"]:
    """The number of each rater, who is made where new and may rate at once."""
    names: list[str] = votes.rater_ids.tolist()
    known = {row.name for row in connection.execute(select(raters.c.name))}
    for name in names:
        check_name(name)
    numbers = [person_named(connection, name, "rater", now) for name in names]
    new = [n for name, n in zip(names, numbers, strict=True) if name not in known]
    if new:
        connection.execute(update(raters).where(raters.c.id.in_(new)).values(stage="rating"))
    return np.array(numbers, np.int64)


def _task_numbers(connection: Connection, number: Int[np.ndarray, "Q"]) -> Int[np.ndarray, "Q"]:
    found = connection.execute(select(questions.c.id, questions.c.task).order_by(questions.c.id))
    known = np.array([tuple(row) for row in found], np.int64).reshape(-1, 2)
    task: Int[np.ndarray, "Q"] = known[np.searchsorted(known[:, 0], number), 1]
    return task
