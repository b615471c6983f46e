"""Stores as earlier versions of the schema left them: ``python -m tests.rating.kept FILE.sql``.

What goes in is the same in every version, and every rater knows the truth, so that what comes
out can be compared whatever the order in which a store asks.
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from reassess.rating import (
    Answer,
    Settings,
    Store,
    Submission,
    add_questions,
    adjudicate,
    adjudications,
    gold,
    image_counts,
    import_gold,
    open_store,
    settings_of,
    study_progress,
    submit,
    vote_batches,
)

from .play import Clock, gold_of, key, play, questions, raters, truthful

FOLDER = Path(__file__).parent / "stores"
SETTINGS = Settings(
    votes_per_question=3, gold_rate=0.2, repeat_rate=0.0, n_practice=0, n_qualification=0
)


def fill(store: Store) -> None:
    """Gold, votes, a correction, a remark, and an adjudication."""
    add_questions(store, questions(4, 2))
    import_gold(store, gold_of(questions(1, 2)))
    people = raters(store, 4)
    for person in people[:3]:
        tasks = play(store, person, truthful)
    corrected = tasks[-1]
    asked = corrected.questions[0]
    again = (Answer(asked.question, 1, 900),)
    submit(store, people[2], Submission(corrected.lease, key(), again, something_else="a hat"))
    decided = image_counts(store, "folder/00002.jpg").questions[0].question
    adjudicate(store, 1, decided, 1, "who knows")


def told(store: Store) -> tuple[object, ...]:
    """What comes out of a store, without what chance decides."""
    experts = gold(store)
    said = None if experts is None else (experts.questions.ids.tolist(), experts.truth().tolist())
    rows = sorted(
        row
        for b in vote_batches(store, counted_only=True)
        for row in zip(*(c.tolist() for c in (b.image_id, b.label, b.rater)), strict=True)
    )
    n_all = sum(len(batch.answer) for batch in vote_batches(store))
    decided = [(one.image_id, one.answer, one.note) for one in adjudications(store)]
    figures = study_progress(store)
    return settings_of(store), rows, n_all, said, decided, figures.n_votes, figures.n_done


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.db"
        with open_store(f"sqlite:///{path}", settings=SETTINGS, clock=Clock()) as made:
            fill(made)
        with closing(sqlite3.connect(path)) as connection:
            Path(sys.argv[1]).write_text("\n".join(connection.iterdump()) + "\n", encoding="utf-8")
