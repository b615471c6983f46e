"""Votes in, from elsewhere: each takes a slot of its question, or none of them is stored."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int
from sqlalchemy import Connection, select, update

from reassess.errors import DataError
from reassess.rating.bulk import insert_columns
from reassess.rating.counting import TASKS_AT_ONCE, lock_tasks, refresh_tasks
from reassess.rating.loading import question_numbers
from reassess.rating.people import check_name, person_named
from reassess.rating.schema import IMPORTED, images, questions, raters, slots
from reassess.rating.schema import votes as vote_table
from reassess.rating.store import Store, log, study_row
from reassess.rating.transfer import NEVER
from reassess.records import ANSWERS, Votes


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
        columns = np.stack([question, person, votes.answer, _given_at(votes)])[:, order]
        columns, task = columns.astype(np.int64), task[order]
        k = study_row(connection).settings.votes_per_question
        for _, part in _parts(columns, task):
            _places(connection, part[:, _is_new(connection, part)], k)
    columns[1] = store.database.write(lambda c: _people(c, votes, store.now()))[votes.rater][order]
    n_new = sum(_import_part(store, part, low) for low, part in _parts(columns, task))
    store.database.write(
        lambda c: log(c, store.now(), by, "import votes", {"new": n_new, "of": len(votes)})
    )
    return n_new


def _parts(
    columns: Int[np.ndarray, "4 v"], task: Int[np.ndarray, "v"]
) -> Iterator[tuple[int, Int[np.ndarray, "4 v"]]]:
    """The votes of `TASKS_AT_ONCE` tasks at a time, and the first of these tasks."""
    for low in np.unique(task - task % TASKS_AT_ONCE).tolist():
        start, end = np.searchsorted(task, [low, low + TASKS_AT_ONCE])
        yield low, columns[:, start:end]


def _given_at(votes: Votes) -> Int[np.ndarray, "v"]:
    if votes.given_at is None:
        return np.full(len(votes), NEVER)
    times: Int[np.ndarray, "v"] = votes.given_at.astype("datetime64[ms]").astype(np.int64)
    return times


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


def _import_part(store: Store, part: Int[np.ndarray, "4 v"], low: int) -> int:
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
               "given_at": [None if at == NEVER else at for at in new[3].tolist()]},
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


def _is_new(connection: Connection, part: Int[np.ndarray, "4 v"]) -> Bool[np.ndarray, "v"]:
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


def _places(connection: Connection, new: Int[np.ndarray, "4 v"], k: int) -> list[int]:
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
