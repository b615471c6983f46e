"""Which columns of a large table of votes are what, where their names alone make that certain.

Whether cells bear it out is for `reassess.files.arrow_votes`, and doubt for
`reassess.files.vote_questions`, which looks at every cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reassess.files.arrow_tasks import task_columns
from reassess.files.columns import ANSWER, CLASS_ID, CLASS_INDEX, IMAGE, LABEL, RATER, TASK, Part
from reassess.files.counted import COUNTED
from reassess.files.tables import ColumnFile
from reassess.files.vote_tables import GIVEN_AT, SECONDS

PARTS = (IMAGE, RATER, ANSWER)
"""What the first three attributes of `VoteColumns` are, beside images and classes."""

_BESIDE: tuple[Part | Sequence[str], ...] = (COUNTED, GIVEN_AT, SECONDS)


@dataclass(frozen=True, slots=True)
class VoteColumns:
    """The columns of a long table by what they are.

    Attributes:
        image: the images; tasks, where these are the questions.
        rater: the raters.
        answer: the answers.
        classes: one or two columns of classes; none where tasks are the questions.
        doubles: further columns for one of the first three, with its place among them.
        beside: columns of tasks, beside images and classes; or the other way round.
        class_id: the one of these, beside tasks, that holds ids of classes; None where none does.
        counted: which rows count; None where nothing says so.
        given_at: when votes were given; None where nothing does.
        seconds: how long they took; likewise.
    """

    image: str
    rater: str
    answer: str
    classes: tuple[str, ...]
    doubles: tuple[tuple[int, str], ...]
    beside: tuple[str, ...]
    class_id: str | None
    counted: str | None
    given_at: str | None
    seconds: str | None

    @property
    def names(self) -> list[str]:
        """All of them, each once, in an order that is not that of the attributes."""
        further = [one for one in (self.counted, self.given_at, self.seconds) if one is not None]
        of_rows = [self.image, self.rater, self.answer, *self.classes]
        return [*of_rows, *(name for _, name in self.doubles), *self.beside, *further]


def vote_columns(table: ColumnFile) -> VoteColumns | None:
    """The columns of a table; None where it is not certain what they are."""
    found = [table.candidates(part) for part in PARTS]
    named = [table.candidates(part) for part in (LABEL, CLASS_ID, CLASS_INDEX)]
    beside, class_id = tuple(table.candidates(TASK)), None
    further = [table.candidates(part) for part in _BESIDE]
    classes = tuple(one[0] for one in named if one)
    of_tasks = task_columns(table)
    if of_tasks is not None:
        found, named, classes, class_id = of_tasks.parts, [], (), of_tasks.class_id
        beside = tuple(dict.fromkeys([*of_tasks.beside, *([class_id] if class_id else [])]))
    if not all(found) or any(len(one) > 1 for one in [*named, *further]):
        return None
    (image, *_), (rater, *_), (answer, *_) = found
    if of_tasks is None and (
        not 1 <= len(classes) <= 2 or (beside and image.strip().lower() == "id")
    ):
        return None
    doubles = tuple((part, name) for part, names in enumerate(found) for name in names[1:])
    counted, given_at, seconds = (one[0] if one else None for one in further)
    made = VoteColumns(
        image, rater, answer, classes, doubles, beside, class_id, counted, given_at, seconds
    )
    return made if len(set(made.names)) == len(made.names) else None
