"""Votes and gold: every format in which they are kept, read and written through one door.

long          CSV or parquet, one row a vote: ``image, label, rater, answer``, with ``given_at``
              and ``seconds`` where they are known
real-npz      the published archive: counts of raters by questions by answers
label-studio  Label Studio's JSON: one task a question, one annotation a vote
crowd-kit     CSV or parquet with crowd-kit's words: ``task, worker, label``
peerannot     JSON {task: {worker: answer}}

Tables may also be wide, a column a rater, or Mechanical Turk's (`reassess.files.vote_layouts`), and
stand in JSON: a list with one object a row, or one object a line.

`VOTE_FORMATS` says what each format is called, how its files end, and how it is read and
written; a further format is one entry more, and is then offered wherever votes are read or
written. Gold is kept in the same formats, with ``expert`` for ``rater``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from reassess.errors import DataError, OptionError
from reassess.files.access import check_readable, prefix_errors_with, sha256_of
from reassess.files.arrow_votes import read_arrow_votes
from reassess.files.columns import RATER
from reassess.files.declared_answers import OURS, DeclaredAnswers, check_declared
from reassess.files.dense_votes import read_dense_votes, write_dense_votes
from reassess.files.frames import Frame, frame_name
from reassess.files.json_tables import first_record, read_json_table
from reassess.files.label_studio import (
    EXPORTED_COLUMNS,
    is_exported_table,
    read_exported_table,
    read_label_studio,
    write_label_studio,
)
from reassess.files.peerannot import is_answers_json, read_answers_json, write_answers_json
from reassess.files.tables import TABLES, ColumnFile, read_table
from reassess.files.vote_layouts import one_vote_a_row
from reassess.files.vote_tables import (
    Part,
    part_with_class_ids,
    read_vote_table,
    write_crowd_kit,
    write_long,
)
from reassess.records import ANSWERS, Classes, Gold, Votes
from reassess.registry import Registry

_TABLES = (".csv", ".tsv", ".parquet", ".pq")
_READ = (*sorted(TABLES - set(_TABLES)), ".jsonl", ".ndjson")


@runtime_checkable
class ReadVotes(Protocol):
    """Reads the votes of one file."""

    def __call__(
        self, path: Path, *, classes: Classes | None, answers: DeclaredAnswers | None
    ) -> Votes:
        """The votes.

        Args:
            path: a file that is there and not empty.
            classes: what class ids and names are looked up in, where the format has them.
            answers: what words or codes for answers mean, as `read_votes` takes them.

        Raises:
            DataError: the file is malformed.
        """


@runtime_checkable
class WriteVotes(Protocol):
    """Writes votes part by part, in bounded memory."""

    def __call__(
        self,
        parts: Iterable[Part],
        path: Path,
        *,
        classes: Classes | None,
        answers: Sequence[str],
    ) -> int:
        """How many votes were written.

        Args:
            parts: the votes.
            path: the file.
            classes: names of the classes, for formats that show them to people.
            answers: names of the answers, in the order of their codes.

        Raises:
            FileError: the file cannot be written.
            DataError: there is no vote.
        """


@dataclass(frozen=True, slots=True)
class VoteFormat:
    """A format of files of votes.

    Attributes:
        name: what people type.
        endings: of its files, lower case; a file whose ending two formats share is read in the
            one that is registered first.
        read: reads a file.
        write: writes one.
        summary: what it is, in one line for help.
        holds: what it keeps beside image, class, rater and answer: "task" (questions that are no
            pairs), "answers" (other answers than no, maybe, yes), "given_at", "seconds",
            "class_ids" (ids of the classes), "repeats" (several answers of a rater to one
            question), "further" (any other column).
        also_reads: endings of files that are read, but not written.
        matches: whether a file whose ending several formats share is of this one; None where any
            may be.
    """

    name: str
    endings: tuple[str, ...]
    read: ReadVotes
    write: WriteVotes
    summary: str
    holds: frozenset[str] = frozenset()
    also_reads: tuple[str, ...] = ()
    matches: Callable[[Path], bool] | None = None


def _read_label_studio(
    path: Path, *, classes: Classes | None = None, answers: DeclaredAnswers | None = None
) -> Votes:
    """Votes from what Label Studio exports, as JSON or as a table; from JSON that lists rows."""
    if path.suffix.lower() == ".json" and _is_json_rows(path):
        rows = read_json_table(path)
        return _votes_of(ColumnFile(path, rows.header, rows), classes, answers)
    if path.suffix.lower() == ".json":
        return read_label_studio(path, classes=classes, answers=answers)
    table = read_table(path)
    for column in EXPORTED_COLUMNS:
        table.require((column,))
    return read_exported_table(table, classes=classes, answers=answers)


def _read_table(
    path: Path, *, classes: Classes | None = None, answers: DeclaredAnswers | None = None
) -> Votes:
    """Votes from a table: ours, crowd-kit's, Label Studio's, Mechanical Turk's, or a wide one."""
    return _votes_of(read_table(path), classes, answers)


def _is_json_rows(path: Path) -> bool:
    """Whether a JSON file lists a table's rows, each with its rater, as no export of theirs has."""
    names = tuple(first_record(path))
    return bool(RATER.candidates(names)) and not {"data", "annotations", "annotator"} & set(names)


def _votes_of(table: ColumnFile, classes: Classes | None, answers: DeclaredAnswers | None) -> Votes:
    if is_exported_table(table):
        return read_exported_table(table, classes=classes, answers=answers)
    table = one_vote_a_row(table)
    large = read_arrow_votes(table, classes, answers)
    return large or read_vote_table(table, classes=classes, answers=answers)


VOTE_FORMATS: Registry[VoteFormat] = Registry(
    "format of votes",
    [
        VoteFormat(
            "long",
            _TABLES,
            _read_table,
            write_long,
            "image,label,rater,answer with given_at and seconds (.csv, .tsv, .parquet)",
            frozenset({"task", "answers", "given_at", "seconds", "class_ids", "further"}),
            _READ,
        ),
        VoteFormat(
            "real-npz",
            (".npz",),
            read_dense_votes,
            write_dense_votes,
            "the published archive (.npz)",
            frozenset({"repeats", "class_ids"}),
        ),
        VoteFormat(
            "peerannot",
            (".json",),
            read_answers_json,
            write_answers_json,
            "peerannot's answers.json, {task: {worker: answer}}",
            frozenset({"task", "answers"}),
            matches=is_answers_json,
        ),
        VoteFormat(
            "label-studio",
            (".json",),
            _read_label_studio,
            write_label_studio,
            "Label Studio's JSON (.json)",
            frozenset({"given_at", "seconds", "class_ids"}),
            (*_TABLES, *_READ),
        ),
        VoteFormat(
            "crowd-kit",
            _TABLES,
            _read_table,
            write_crowd_kit,
            "task,worker,label (.csv, .tsv, .parquet)",
            frozenset({"task", "answers", "class_ids"}),
            _READ,
        ),
    ],
)
"""The formats in which votes are read and written."""


def vote_format(
    path: str | PathLike[str], form: str | None = None, *, to_read: bool = False
) -> VoteFormat:
    """The format of a file of votes: the one that is named, or the first with its ending.

    Args:
        path: the file.
        form: name of the format; None goes by the extension.
        to_read: take formats that read such a file but do not write it, too.

    Raises:
        OptionError: there is no such format, or the ending is another's.
    """
    path = Path(path)
    ending = path.suffix.lower()
    offered = list(VOTE_FORMATS.values()) if form is None else [VOTE_FORMATS[form]]
    for one in offered:
        if ending not in one.endings and not (to_read and ending in one.also_reads):
            continue
        if form is None and one.matches is not None and not (to_read and one.matches(path)):
            continue
        return one
    wanted = dict.fromkeys(
        ending for one in offered for ending in one.endings + one.also_reads * to_read
    )
    remedy = "Save the votes in one of these forms" if to_read else "Rename the file"
    raise OptionError(
        f"{path}: its extension is {ending!r}, but must be one of {', '.join(wanted)}"
        f"{'' if form is None else f' for the format {form}'}. {remedy}."
    )


def read_votes(
    path: str | PathLike[str] | Frame,
    *,
    classes: Classes | None = None,
    answers: DeclaredAnswers | None = None,
    form: str | None = None,
) -> Votes:
    """Votes from a file of any of `VOTE_FORMATS` or a data frame; the one door of every command.

    A vote that stands twice counts once, and what a column ``counted`` calls false does not count;
    notes say how many (`reassess.notes`).

    Args:
        path: the file; or a frame of pandas, polars or pyarrow with the columns of its CSV.
        classes: needed where classes are named by id or name and not by index.
        answers: what words or codes for answers mean: their names in order, as
            ``["nein", "vielleicht", "ja"]`` for no, maybe and yes; or for each word no, maybe or
            yes, as ``{"nein": "no", "ja": "yes"}``. None where the file holds no, maybe and yes.
        form: name of the format; None goes by the extension.

    Raises:
        OptionError: the format is unknown, the extension is another's, or two answers have one
            name.
        FileError: the file is missing, corrupt, a pickle or lacks a column, or two columns could
            play one part.
        DataError: there is no vote, a rater or question has none, a value is no answer, or a rater
            gives two answers to one question about an image and a class.
    """
    check_declared(answers)
    if not isinstance(path, str | PathLike):
        table = read_table(path)
        with prefix_errors_with(table.path):
            return _votes_of(table, classes, answers).numbered_by(classes)
    path = Path(path)
    check_readable(path)
    found = vote_format(path, form, to_read=True)
    with prefix_errors_with(path):
        votes = found.read(path, classes=classes, answers=answers)
        votes = votes.numbered_by(classes)
    return votes.with_hash(sha256_of(path))


def read_gold(
    path: str | PathLike[str] | Frame,
    *,
    classes: Classes | None = None,
    answers: DeclaredAnswers | None = None,
    form: str | None = None,
) -> Gold:
    """Gold from a file of votes, such as a table ``image,label,expert,answer``.

    Args:
        path: the file, or a frame.
        classes: as `read_votes` takes them.
        answers: as `read_votes` takes them.
        form: as `read_votes` takes it.

    Raises:
        OptionError: the format is unknown, or the extension is another's.
        FileError: the file is missing, corrupt, a pickle or lacks a column.
        DataError: there is no answer, or one is neither no, maybe nor yes.
    """
    votes = read_votes(path, classes=classes, answers=answers or OURS, form=form)
    with prefix_errors_with(Path(path) if isinstance(path, str | PathLike) else frame_name(path)):
        return Gold(votes)


def write_votes(
    votes: Votes,
    path: str | PathLike[str],
    form: str | None = None,
    *,
    classes: Classes | None = None,
) -> None:
    """Write votes in one of `VOTE_FORMATS`; reading the file gives what the format holds.

    Args:
        votes: the votes.
        path: the file.
        form: name of the format; None goes by the extension.
        classes: names of the classes, for formats that show them to people.

    Raises:
        OptionError: the format is unknown, or the extension is another's.
        DataError: the questions are no pairs, the answers are others than no, maybe and yes, or
            a rater answers a question twice, and the format cannot say so.
        FileError: the file cannot be written.
    """
    path = Path(path)
    into = vote_format(path, form)
    if "task" not in into.holds:
        votes.questions.require_pairs(f"{path}: the format {into.name} holds pairs only")
    if "answers" not in into.holds and votes.answers != ANSWERS:
        raise DataError(
            f"{path}: the answers are {', '.join(votes.answers)}, but must be "
            f"{', '.join(ANSWERS)} in the format {into.name}. Write a table (.csv, .parquet)."
        )
    if "repeats" not in into.holds:
        _check_once(votes, path)
    parts = (part_with_class_ids(part, classes) for part in votes_as_parts(votes))
    into.write(parts, path, classes=classes, answers=votes.answers)


def _check_once(votes: Votes, path: Path) -> None:
    """Refuse several answers of a rater to one question: read again, they would count once."""
    key = votes.rater_and_question()
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(np.diff(key[order]) == 0)
    if len(again):
        row = order[again[0]]
        raise DataError(
            f"{path}: rater {str(votes.rater_ids[votes.rater[row]])!r} answers question "
            f"{str(votes.questions.ids[votes.question[row]])!r} more than once, but must once in "
            f"this format; {len(again):,} votes are repeats. Write the dense archive (.npz), which "
            "counts votes, or leave one of each."
        )


def votes_as_parts(votes: Votes, n_votes: int = 100_000) -> Iterator[Part]:
    """The votes as columns, in parts of about ``n_votes``, those of a question in one."""
    order = np.argsort(votes.question, kind="stable")
    ends = np.flatnonzero(np.diff(votes.question[order], append=-1)) + 1
    start = 0
    while start < len(order):
        end = int(ends[np.searchsorted(ends, min(start + n_votes, len(order)))])
        yield _part(votes, order[start:end])
        start = end


def _part(votes: Votes, rows: Any) -> Part:
    question, pairs = votes.question[rows], votes.questions.pairs
    if pairs is None:
        part = {"task": votes.questions.ids[question]}
    else:
        label = pairs.label[question]
        part = {"image": pairs.image_ids[pairs.image[question]], "label": label}
        if pairs.class_ids is not None:
            part["class_id"] = np.array(pairs.class_ids, dtype=str)[label]
    part |= {"rater": votes.rater_ids[votes.rater[rows]], "answer": votes.answer[rows]}
    if votes.given_at is not None:
        part["given_at"] = votes.given_at[rows]
    if votes.seconds is not None:
        part["seconds"] = votes.seconds[rows]
    return part
