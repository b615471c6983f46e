"""Votes as peerannot keeps them: ``answers.json``, an object {task: {worker: answer}}.

An answer is a class index there; words are read, too, and written where the answers are words,
which peerannot itself does not take.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from reassess.errors import DataError, FileError
from reassess.files.access import check_readable, read_json, write_atomically
from reassess.files.answers import read_answers
from reassess.files.declared_answers import DeclaredAnswers
from reassess.files.signatures import describe_json
from reassess.files.vote_rows import VoteRows, plain_ids
from reassess.files.vote_tables import Part, task_ids
from reassess.records import ANSWERS, Classes, Questions, Votes, factorize
from reassess.records.benchmark import plain_text

_IMAGE = re.compile(r"\.(jpe?g|png|webp|bmp|gif|tiff?)(:\d+)?$", re.IGNORECASE)
_SHAPE = "an object {task: {worker: answer}}, as peerannot's answers.json"


def is_answers_json(path: Path) -> bool:
    """Whether a JSON file holds an object, as peerannot's do and Label Studio's do not."""
    check_readable(path)
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_answers_json(
    path: Path, *, classes: Classes | None = None, answers: DeclaredAnswers | None = None
) -> Votes:
    """Votes from such a file; a task ``<image>:<class index>`` is a question about that pair.

    Args:
        path: the file.
        classes: are not asked for: answers keep the words that they have.
        answers: as `reassess.files.read_votes` takes them.

    Raises:
        FileError: the file is missing, or of another form.
        DataError: there is no vote, or what an answer means is not certain.
    """
    del classes
    value = read_json(path)
    foreign = describe_json(value)
    if foreign is not None:
        raise FileError(f"{path}: {foreign} (image,label,rater,answer).")
    rows = list(_rows(path, value))
    _refuse_swapped(path, rows)
    if not rows:
        raise DataError(
            f"{path}: there are 0 votes in {len(value):,} tasks, but there must be at least one. "
            "Give the file with the workers' answers."
        )
    tasks, raters, texts = (list(column) for column in zip(*rows, strict=True))
    ids, question = plain_ids(tasks, "task", str(path))
    questions = Questions.from_ids(ids)

    def place(row: int) -> str:
        return f"task {tasks[row]!r}, worker {raters[row]!r}"

    read = read_answers(
        texts, answers, f"{path}", about_pairs=questions.pairs is not None, place=place
    )
    names, rater = factorize(raters)
    return VoteRows(
        str(path), questions, question, names.tolist(), rater, read.code, read.names, None, None,
        None, place,
    ).votes()  # fmt: skip


def _refuse_swapped(path: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """Refuse an object {worker: {task: answer}}, which is told where tasks name images.

    Raises:
        FileError: workers are called as images are, and tasks are not.
    """
    named = {text: bool(_IMAGE.search(text)) for row in rows for text in row[:2]}
    if rows and all(named[who] for _, who, _ in rows) and not any(named[t] for t, _, _ in rows):
        task, worker, _ = rows[0]
        raise FileError(
            f"{path}: task {task!r} has an answer of worker {worker!r}, which is an image by its "
            f"name, but must be {_SHAPE}; all {len(rows):,} answers are so. Swap the two."
        )


def _rows(path: Path, value: Any) -> Iterable[tuple[str, str, str]]:
    if not isinstance(value, dict):
        raise FileError(f"{path}: it holds a {type(value).__name__}, but must hold {_SHAPE}.")
    for task, given in value.items():
        if not isinstance(given, dict):
            raise FileError(
                f"{path}: task {task!r} has {str(given)[:40]}, but must have {{worker: answer}}: "
                f"the file must hold {_SHAPE}. Votes may also be a table image,label,rater,answer."
            )
        for worker, answer in given.items():
            whole = isinstance(answer, float) and answer.is_integer()
            text = str(int(answer) if whole else answer)
            if isinstance(answer, bool) or (not isinstance(answer, str | int) and not whole):
                raise FileError(
                    f"{path}: task {task!r}, worker {worker!r} is {str(answer)[:40]!r}, but must "
                    "be an answer: a class index or a word. Leave out workers who gave none."
                )
            yield plain_text(task), worker, plain_text(text)


def write_answers_json(
    parts: Iterable[Part],
    path: Path,
    *,
    classes: Classes | None = None,  # noqa: ARG001 -- tasks name classes by their indices
    answers: Sequence[str] = ANSWERS,
) -> int:
    """How many votes were written; see `reassess.files.votes.WriteVotes`.

    Answers that are integers are written as such, others as words.

    Raises:
        FileError: the file cannot be written.
        DataError: there is no vote.
    """
    integers = all(name.isdecimal() and str(int(name)) == name for name in answers)
    names: list[Any] = [int(name) if integers else name for name in answers]
    n_votes = 0
    with write_atomically(path) as beside, beside.open("w", encoding="utf-8") as file:
        last: str | None = None
        for part in parts:
            columns = (task_ids(part).tolist(), part["rater"].tolist(), part["answer"].tolist())
            for task, rater, code in zip(*columns, strict=True):
                start = "{" if last is None else ", " if task == last else "},\n"
                head = "" if task == last else f"{json.dumps(task, ensure_ascii=False)}: {{"
                vote = f"{json.dumps(rater, ensure_ascii=False)}: {json.dumps(names[code])}"
                file.write(f"{start}{head}{vote}")
                last, n_votes = task, n_votes + 1
        if last is None:
            raise DataError(
                f"{path}: there are 0 votes to write, but there must be at least one. Ask raters "
                "first."
            )
        file.write("}}\n")
    return n_votes
