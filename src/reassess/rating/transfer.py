"""Votes out: a stream of column batches in bounded memory, and the record."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from sqlalchemy import Connection, and_, func, select

from reassess.rating.schema import images, questions, raters, slots
from reassess.rating.schema import votes as vote_table
from reassess.rating.store import Store, study_row
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
            latest version, of a rater whose votes are not set aside.
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
            beyond k votes, practice, and votes set aside.
        n_votes: counted votes in a batch, at most, though never fewer than a question's; it
            bounds the memory.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.stream() as connection:
        names = _rater_names(connection)
        for low, high in _spans(connection, n_votes):
            rows = _rows(connection, low, high, counted_only=counted_only)
            if rows.shape[1]:
                yield _batch(connection, rows, names, low, high)


def votes(store: Store) -> Votes:
    """The counted votes as a record, for aggregation, with their times where any is known.

    Raises:
        DataError: there is none.
        StoreError: the database cannot be read.
    """
    parts: list[Int[np.ndarray, "3 v"]] = []
    times: list[Int[np.ndarray, "v"]] = []
    with store.database.read() as connection:
        for low, high in _spans(connection, VOTES_AT_ONCE):
            rows = _rows(connection, low, high, counted_only=True)
            parts.append(rows[[0, 1, 4]].astype(np.int32))
            times.append(rows[6])
        asked, rater, answer = np.concatenate([np.zeros((3, 0), np.int32), *parts], axis=1)
        used, question = np.unique(asked, return_inverse=True)
        pairs = _pairs(connection, used)
        names = _rater_names(connection)
    people, code = np.unique(rater, return_inverse=True)
    given_at = np.concatenate([np.zeros(0, np.int64), *times])
    return Votes(
        Questions.from_pairs(pairs), names[people], ANSWERS, question, code, answer.astype(np.int8),
        given_at=given_at.view("datetime64[ms]") if (given_at != NEVER).any() else None,
    )  # fmt: skip


def _spans(connection: Connection, n_votes: int) -> Iterator[tuple[int, int]]:
    """Spans [low, high) of question numbers, of as many questions as can have so many votes."""
    width = max(1, n_votes // study_row(connection).settings.votes_per_question)
    last = connection.execute(select(func.max(questions.c.id))).scalar() or 0
    for low in range(0, last + 1, width):
        yield low, low + width


def _rows(
    connection: Connection, low: int, high: int, *, counted_only: bool
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
    return columns


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
        seconds=np.where(took == NEVER, np.nan, took / 1000),
        counted=rows[8] == 1,
        purpose=rows[5],
        round=rows[2],
        version=rows[3],
    )


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
