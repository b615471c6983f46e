"""Adjudication: what an expert decides about contested questions, beside their votes.

Votes stay as they are, and so does the queue. For experts and owners only. What decisions do
to labels is up to whoever exports them.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select

from reassess.errors import DataError
from reassess.rating.experts import EXPERTS, check_answers, say
from reassess.rating.figures import ImageCounts, counts_of
from reassess.rating.people import check_role
from reassess.rating.records import LONGEST_TEXT, is_text
from reassess.rating.schema import CHOSEN, RETIRED, expert_votes, images, questions, raters, tasks
from reassess.rating.store import Store, log, moment
from reassess.records import ANSWERS


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What an expert decided about a question, beside its votes.

    Attributes:
        question: its number.
        image_id: its image.
        image: the image's number in the store.
        label: its class.
        expert: name of who decided.
        answer: 0 no, 1 maybe, 2 yes.
        note: why, in the expert's words.
        at: when.
    """

    question: int
    image_id: str
    image: int
    label: int
    expert: str
    answer: int
    note: str
    at: datetime


_ASKED = (
    select(images.c.name, questions.c.label)
    .join(images, images.c.id == questions.c.image)
    .where(questions.c.id == bindparam("question"))
)
_other = tasks.alias("other")
_TO_ADJUDICATE = (
    select(tasks.c.image)
    .where(
        tasks.c.n_contested > 0,
        tasks.c.use != RETIRED,
        ~exists().where(
            questions.c.task == tasks.c.id,
            expert_votes.c.question == questions.c.id,
            expert_votes.c.for_gold.is_(False),
        ),
        ~exists().where(
            _other.c.image == tasks.c.image,
            _other.c.gold >= CHOSEN,
            questions.c.task == _other.c.id,
            ~exists().where(
                expert_votes.c.question == questions.c.id,
                expert_votes.c.expert == bindparam("expert"),
                expert_votes.c.for_gold.is_(True),
            ),
        ),
    )
    .order_by(tasks.c.n_contested.desc(), tasks.c.id)
    .limit(bindparam("limit"))
)


def adjudicate(store: Store, expert: int, question: int, answer: int, note: str = "") -> None:
    """Store what an expert decides about a question. The votes stay as they are.

    Raises:
        RaterError: the person is unknown, or neither expert nor owner.
        DataError: the question is unknown, the answer none of 0, 1, 2, or the note too long.
        StoreError: the database cannot be written.
    """
    check_answers({question: answer})
    if len(note) > LONGEST_TEXT or not is_text(note):
        raise DataError(
            f"note: it has {len(note):,} characters, but must have at most {LONGEST_TEXT:,}, all "
            "of them text. Shorten it."
        )

    def act(connection: Connection) -> None:
        check_role(connection, expert, EXPERTS)
        say(connection, expert, {question: answer}, store.now(), for_gold=False, note=note)
        image_id, label = connection.execute(_ASKED, {"question": question}).one()
        said = {"image": image_id, "label": label, "answer": ANSWERS[answer], "note": note}
        log(connection, store.now(), expert, "adjudicate", said)

    store.database.write(act)


def adjudications(store: Store, *, image_id: str | None = None) -> tuple[Adjudication, ...]:
    """The latest decision of each expert about each question; none about withdrawn images.

    Args:
        store: the study.
        image_id: only those about this image.

    Raises:
        StoreError: the database cannot be read.
    """
    table = expert_votes
    found = (
        select(
            table,
            images.c.name.label("image_id"),
            questions.c.image,
            questions.c.label,
            raters.c.name,
        )
        .select_from(
            table.join(questions, questions.c.id == table.c.question)
            .join(images, images.c.id == questions.c.image)
            .join(raters, raters.c.id == table.c.expert)
            .join(tasks, tasks.c.id == questions.c.task)
        )
        .where(table.c.for_gold.is_(False), tasks.c.use != RETIRED)
        .order_by(table.c.question, table.c.expert, table.c.version)
    )
    if image_id is not None:
        found = found.where(images.c.name == image_id)
    with store.database.read() as connection:
        latest = {(row.question, row.expert): row for row in connection.execute(found)}
    return tuple(
        Adjudication(
            row.question,
            row.image_id,
            row.image,
            row.label,
            row.name,
            row.answer,
            row.note,
            moment(row.given_at),
        )
        for row in latest.values()
    )


def to_adjudicate(store: Store, expert: int, limit: int = 50) -> tuple[ImageCounts, ...]:
    """The most contested images that nobody has decided about, most contested first.

    Images with gold that this expert has yet to judge are left out, since they must not know
    what raters said.

    Raises:
        RaterError: the person is unknown, or neither expert nor owner.
        StoreError: the database cannot be read.
    """
    with store.database.read() as connection:
        check_role(connection, expert, EXPERTS)
        rows = connection.execute(_TO_ADJUDICATE, {"expert": expert, "limit": 2 * limit})
        return counts_of(connection, list(dict.fromkeys(rows.scalars()))[:limit])
