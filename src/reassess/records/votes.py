"""What was answered: raters' votes, one row each, and the gold that experts fixed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped, UInt

from reassess.errors import DataError, OptionError, preview, which_have
from reassess.records.benchmark import Classes
from reassess.records.pairs import factorize
from reassess.records.questions import ANSWERS, Questions
from reassess.records.tabular import Backend, as_frame
from reassess.registry import checks_choices

_QUESTIONS_AT_ONCE, _VOTES_AT_ONCE = 1 << 18, 1 << 20
"""NumPy counts integers of 8 bytes, to which it copies smaller ones."""


@dataclass(frozen=True)
class Votes:
    """Answers of raters to questions, one row a vote, any number a question.

    Votes of a large file are held grouped by question, one code for rater and answer each
    (`grouped`); their columns are made when they are first asked for.

    Attributes:
        questions: the Q questions; each has at least one vote.
        rater_ids: the R raters, distinct strings; each gave at least one vote.
        answers: the names of the A answers, in the order of their codes.
        question: question of each vote.
        rater: rater of each vote.
        answer: answer of each vote, a code into ``answers``.
        sha256: hash of the file that the votes came from; None for votes made in memory.
        given_at: when each vote was given, UTC, ``datetime64[ms]``, NaT where unknown; None
            where no time is known.
        seconds: how long each vote took, NaN where unknown; None where no duration is known.

    Raises:
        DataError: there is no vote, a code is out of range, a rater has no vote, or a
            question has none.
    """

    questions: Questions
    rater_ids: Shaped[np.ndarray, "R"]
    answers: tuple[str, ...]
    question: Int[np.ndarray, "V"]
    rater: Int[np.ndarray, "V"]
    answer: Int[np.ndarray, "V"]
    sha256: str | None = None
    given_at: Shaped[np.ndarray, "V"] | None = None
    seconds: Float[np.ndarray, "V"] | None = None

    def __post_init__(self) -> None:
        if not len(self.question) == len(self.rater) == len(self.answer):
            raise DataError("votes: questions, raters and answers differ in length.")
        for what, column in (("times", self.given_at), ("durations", self.seconds)):
            if column is not None and len(column) != len(self.question):
                raise DataError(f"votes: the {what} differ in length from the answers.")
        if len(self.question) == 0:
            raise DataError(
                "votes: there are 0 votes, but there must be at least one. Check that the file "
                "is the one with the answers."
            )
        _check_codes(self.answer, len(self.answers), "answer")
        _check_distinct(self.rater_ids, "rater")
        if not self.questions.is_canonical:
            _check_distinct(self.questions.ids, "question")
        _check_used(self.rater, len(self.rater_ids), lambda rows: self.rater_ids[rows], "rater")
        _check_used(
            self.question, len(self.questions), lambda rows: self.questions.take(rows).ids,
            "question",
        )  # fmt: skip

    def __getattr__(self, name: str) -> Any:
        held = self.__dict__.get("_grouped")
        if held is None or name not in {"question", "rater", "answer"}:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        indptr, code = held
        n_answers = len(self.answers)
        if name == "question":
            column = np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))
        elif name == "rater":
            column = (code // code.dtype.type(n_answers)).astype(np.int32)
        else:
            column = (code % code.dtype.type(n_answers)).astype(_answer_type(n_answers))
        object.__setattr__(self, name, column)
        return column

    @classmethod
    def from_grouped(
        cls,
        *,
        questions: Questions,
        rater_ids: Shaped[np.ndarray, "R"],
        answers: Sequence[str],
        indptr: Int[np.ndarray, "ends"],
        code: UInt[np.ndarray, "V"],
        sha256: str | None = None,
        given_at: Shaped[np.ndarray, "V"] | None = None,
        seconds: Float[np.ndarray, "V"] | None = None,
    ) -> "Votes":
        """Votes that are grouped by question; see `grouped`.

        Args:
            questions: as the attribute; each has a vote.
            rater_ids: as the attribute; each gave a vote.
            answers: as the attribute, of which there are two or more.
            indptr: the votes on question q are ``code[indptr[q]:indptr[q + 1]]``.
            code: rater · A + answer of each vote, below R · A.
            sha256: as the attribute.
            given_at: as the attribute.
            seconds: as the attribute.
        """
        made = object.__new__(cls)
        for name, value in (
            ("questions", questions), ("rater_ids", rater_ids), ("answers", tuple(answers)),
            ("sha256", sha256), ("given_at", given_at), ("seconds", seconds),
            ("_grouped", (indptr, code)),
        ):  # fmt: skip
            object.__setattr__(made, name, value)
        return made

    def checked(self) -> "Votes":
        """These votes, where ids of raters are distinct and each rater and question has one.

        Raises:
            DataError: they are not.
        """
        _check_distinct(self.rater_ids, "rater")
        _check_voted(self.per_rater(), lambda rows: self.rater_ids[rows], "rater")
        _check_voted(
            np.diff(self.grouped()[0]), lambda rows: self.questions.take(rows).ids, "question"
        )
        return self

    def grouped(self) -> tuple[Int[np.ndarray, "ends"], UInt[np.ndarray, "V"]]:
        """The votes by question: where those of each begin and end, and rater · A + answer of each.

        Codes are in the smallest integers that hold them: the published votes take one byte each.
        """
        held: tuple[Any, Any] | None = self.__dict__.get("_grouped")
        if held is not None:
            return held
        question, rater, answer = self.question, self.rater, self.answer
        if (np.diff(question) < 0).any():
            order = np.argsort(question, kind="stable")
            question, rater, answer = question[order], rater[order], answer[order]
        n_answers = len(self.answers)
        small = np.min_scalar_type(len(self.rater_ids) * n_answers - 1)
        code = rater.astype(np.uint32) * np.uint32(n_answers) + answer.astype(np.uint32)
        per_question = np.bincount(question, minlength=len(self.questions))
        indptr = np.concatenate([[0], np.cumsum(per_question)]).astype(np.int64)
        return indptr, code.astype(small)

    def votes_on(self, questions: Int[np.ndarray, "n"]) -> "VotesOn":
        """The votes on some questions, those of the first before those of the second.

        Args:
            questions: rows of `questions`.
        """
        indptr, code = self.grouped()
        first, n_votes = indptr[questions].astype(np.int64), np.diff(indptr)[questions]
        before = np.cumsum(n_votes) - n_votes
        of_question = np.repeat(np.arange(len(questions)), n_votes)
        vote = np.arange(len(of_question)) + (first - before)[of_question]
        rater, answer = np.divmod(code[vote].astype(np.int64), len(self.answers))
        return VotesOn(of_question, rater, answer)

    def with_hash(self, sha256: str | None) -> "Votes":
        """The same votes, with the hash of the file that they came from."""
        return self._with(sha256=sha256)

    def _with(self, **changes: Any) -> "Votes":
        """The same votes with other values of attributes that need no check."""
        made = object.__new__(type(self))
        for name, value in (self.__dict__ | changes).items():
            object.__setattr__(made, name, value)
        return made

    @classmethod
    def from_columns(
        cls,
        *,
        rater: Sequence[str],
        answer: Int[np.ndarray, "V"],
        task: Sequence[str] | None = None,
        image: Sequence[str] | None = None,
        label: Int[np.ndarray, "V"] | None = None,
        class_ids: tuple[str, ...] | None = None,
        answers: Sequence[str] = ANSWERS,
        given_at: Shaped[np.ndarray, "V"] | None = None,
        seconds: Float[np.ndarray, "V"] | None = None,
        sha256: str | None = None,
    ) -> "Votes":
        """Votes from columns with one row a vote, as tables and databases hold them.

        Questions and raters are numbered as they first appear; the votes stand by question.

        Args:
            rater: id of the rater.
            answer: code of the answer.
            task: id of the question, see `Questions.from_ids`; or
            image: id of the image asked about, with
            label: index of the class asked about.
            class_ids: ids of the classes, as `Pairs.class_ids`.
            answers: names of the answers, in the order of their codes.
            given_at: as the attribute; times that are all unknown become None.
            seconds: as the attribute; durations that are all unknown become None.
            sha256: hash of the file that the columns come from.

        Raises:
            OptionError: neither or both of ``task`` and ``image`` with ``label`` are given.
            DataError: there is no vote, columns differ in length, or answers or classes are no
                integers.
        """
        _check_integers(answer, "answer", f"its place in {', '.join(answers)}")
        _check_integers(label, "class", "its index")
        questions, question = Questions.from_columns(
            task=task, image=image, label=label, class_ids=class_ids
        )
        rater_ids, who = factorize(rater)
        return cls.from_codes(
            questions=questions, question=question, rater_ids=rater_ids, rater=who,
            answer=answer, answers=answers, given_at=given_at, seconds=seconds, sha256=sha256,
        )  # fmt: skip

    @classmethod
    def from_codes(
        cls,
        *,
        questions: Questions,
        question: Int[np.ndarray, "V"],
        rater_ids: Shaped[np.ndarray, "R"],
        rater: Int[np.ndarray, "V"],
        answer: Int[np.ndarray, "V"],
        answers: Sequence[str] = ANSWERS,
        given_at: Shaped[np.ndarray, "V"] | None = None,
        seconds: Float[np.ndarray, "V"] | None = None,
        sha256: str | None = None,
    ) -> "Votes":
        """Votes whose questions and raters are numbered; they come to stand by question.

        Args:
            questions: as the attribute, as are all others.
            question: question of each vote.
            rater_ids: the raters.
            rater: rater of each vote.
            answer: code of each answer.
            answers: names of the answers, in the order of their codes.
            given_at: as the attribute; times that are all unknown become None.
            seconds: as the attribute; durations that are all unknown become None.
            sha256: hash of the file that the columns come from.

        Raises:
            DataError: there is no vote, or columns differ in length.
        """
        if not len(question) == len(rater) == len(answer):
            raise DataError("votes: questions, raters and answers differ in length.")
        order = np.argsort(question, kind="stable")
        if given_at is not None:
            given_at = None if np.isnat(given_at).all() else given_at[order]
        if seconds is not None:
            seconds = None if np.isnan(seconds).all() else seconds[order]
        return cls(
            questions=questions,
            rater_ids=rater_ids,
            answers=tuple(answers),
            question=question[order].astype(np.int32),
            rater=rater[order].astype(np.int32),
            answer=answer[order].astype(_answer_type(len(answers))),
            sha256=sha256,
            given_at=given_at,
            seconds=seconds,
        )

    def __len__(self) -> int:
        held = self.__dict__.get("_grouped")
        return len(self.question if held is None else held[1])

    def take(self, rows: Int[np.ndarray, "n"] | Bool[np.ndarray, "V"]) -> "Votes":
        """These votes alone, with the questions and the raters that still have one.

        Raises:
            DataError: no vote is left.
        """
        question, to_question = np.unique(self.question[rows], return_inverse=True)
        rater, to_rater = np.unique(self.rater[rows], return_inverse=True)
        return Votes(
            self.questions.take(question),
            self.rater_ids[rater],
            self.answers,
            to_question,
            to_rater,
            self.answer[rows],
            sha256=self.sha256,
            given_at=None if self.given_at is None else self.given_at[rows],
            seconds=None if self.seconds is None else self.seconds[rows],
        )

    def numbered_by(self, classes: Classes | None, *, source: str = "votes") -> "Votes":
        """The same votes with the numbers that the classes have here; see `Pairs.numbered_by`.

        Args:
            classes: the classes; None leaves the votes as they are.
            source: what they are, for messages.

        Raises:
            DataError: a class that occurs is not among the classes.
        """
        if classes is None:
            return self
        return self._with(questions=self.questions.numbered_by(classes, source=source))

    def counts(self) -> Int[np.ndarray, "Q A"]:
        """How often each question got each answer."""
        n_answers = len(self.answers)
        indptr, code = self.grouped()
        counts = np.empty((len(indptr) - 1, n_answers), np.int64)
        for start in range(0, len(counts), _QUESTIONS_AT_ONCE):
            ends = indptr[start : start + _QUESTIONS_AT_ONCE + 1]
            cell = np.repeat(np.arange(len(ends) - 1) * n_answers, np.diff(ends))
            cell += code[ends[0] : ends[-1]] % n_answers
            size = (len(ends) - 1) * n_answers
            counts[start : start + len(ends) - 1] = np.bincount(cell, minlength=size).reshape(
                -1, n_answers
            )
        return counts

    def per_rater(self) -> Int[np.ndarray, "R"]:
        """How many votes each rater gave."""
        _, code = self.grouped()
        n_answers = len(self.answers)
        counts = np.zeros(len(self.rater_ids) * n_answers, np.int64)
        for start in range(0, len(code), _VOTES_AT_ONCE):
            counts += np.bincount(code[start : start + _VOTES_AT_ONCE], minlength=len(counts))
        of_rater: Int[np.ndarray, "R"] = counts.reshape(-1, n_answers).sum(axis=1)
        return of_rater

    @checks_choices
    def to_frame(self, backend: Backend | None = None) -> Any:
        """A data frame of one row a vote; `read_votes` takes it back.

        Columns: ``image`` and ``label`` (class index), or ``task`` where questions are about
        something else; ``rater``, ``answer``, and ``given_at`` and ``seconds`` where known.

        Args:
            backend: pandas, polars or pyarrow; None takes the first that is installed.

        Raises:
            OptionError: the library is unknown or not installed.
        """
        columns = self.questions.columns(self.question)
        columns["rater"] = self.rater_ids[self.rater]
        columns["answer"] = np.array(self.answers)[self.answer]
        if self.given_at is not None:
            columns["given_at"] = self.given_at
        if self.seconds is not None:
            columns["seconds"] = self.seconds
        return as_frame(columns, backend)

    def __repr__(self) -> str:
        return (
            f"Votes({len(self):,} votes of {len(self.rater_ids):,} raters on "
            f"{len(self.questions):,} questions, answers {', '.join(self.answers)})"
        )

    def rater_and_question(self) -> Int[np.ndarray, "V"]:
        """One number for the rater and the question of each vote: rater · Q + question."""
        numbers: Int[np.ndarray, "V"] = (
            self.rater.astype(np.int64) * len(self.questions) + self.question
        )
        return numbers


@dataclass(frozen=True, slots=True)
class VotesOn:
    """Votes on some questions.

    Attributes:
        question: the place of each vote's question among those asked for.
        rater: its rater.
        answer: its answer.
    """

    question: Int[np.ndarray, "v"]
    rater: Int[np.ndarray, "v"]
    answer: Int[np.ndarray, "v"]


def _answer_type(n_answers: int) -> type:
    """The type of the codes of so many answers."""
    return np.int8 if n_answers < 128 else np.int32


def _check_integers(codes: object, what: str, meaning: str) -> None:
    """Refuse words where codes belong, as people hold them."""
    values = np.asarray(codes)
    if codes is not None and values.size and values.dtype.kind not in "iu":
        raise DataError(
            f"votes: {what}[0] is {values.tolist()[0]!r}, but must be an integer: {meaning}. Give "
            "codes; words in files are read by read_votes."
        )


def _check_codes(code: Int[np.ndarray, "V"], n_codes: int, what: str) -> None:
    if code.min() < 0 or code.max() >= n_codes:
        row = int(np.flatnonzero((code < 0) | (code >= n_codes))[0])
        raise DataError(
            f"votes: {what}[{row}] is {int(code[row])}, but must be in [0, {n_codes:,})."
        )


def _check_distinct(ids: Shaped[np.ndarray, "n"], what: str) -> None:
    """Refuse ids that repeat."""
    if len(np.unique(ids)) < len(ids):
        values, counts = np.unique(ids, return_counts=True)
        raise DataError(
            f"votes: {what} id {preview(values[counts > 1])} appears more than once, but must be "
            "unique. Rename one of them."
        )


def _check_used(
    code: Int[np.ndarray, "V"],
    n_ids: int,
    ids_of: Callable[[Int[np.ndarray, "n"]], Shaped[np.ndarray, "n"]],
    what: str,
) -> None:
    """Refuse codes out of range, and ids that no vote mentions."""
    if n_ids == 0:
        raise DataError(f"votes: there are 0 {what}s, but there must be at least one.")
    _check_codes(code, n_ids, what)
    _check_voted(np.bincount(code, minlength=n_ids), ids_of, what)


def _check_voted(
    n_votes: Int[np.ndarray, "n"],
    ids_of: Callable[[Int[np.ndarray, "u"]], Shaped[np.ndarray, "u"]],
    what: str,
) -> None:
    """Refuse ids without a vote."""
    unused, n_ids = np.flatnonzero(n_votes == 0), len(n_votes)
    if len(unused):
        raise DataError(
            f"votes: {which_have(what, ids_of(unused))} 0 votes, but must have at least one; "
            f"{len(unused):,} of {n_ids:,} {what}s have none. Leave {what}s without votes "
            "out of the file."
        )


@dataclass(frozen=True, slots=True)
class Gold:
    """Questions whose truth experts fixed.

    Attributes:
        votes: the experts' answers; ``votes.rater_ids`` are the experts.
    """

    votes: Votes

    def __post_init__(self) -> None:
        if self.votes.answers != ANSWERS:
            raise DataError(
                f"gold: the answers are {self.votes.answers}, but must be {ANSWERS}. Write no, "
                "maybe or yes into the column of answers."
            )

    @property
    def questions(self) -> Questions:
        """The gold questions."""
        return self.votes.questions

    def numbered_by(self, classes: Classes | None) -> "Gold":
        """The same gold with the numbers that the classes have here; see `Pairs.numbered_by`.

        Raises:
            DataError: a class that occurs is not among the classes.
        """
        return Gold(self.votes.numbered_by(classes, source="gold"))

    def share_of_yes(self) -> Float[np.ndarray, "Q"]:
        """Share of the experts who said yes, in [0, 1]."""
        counts = self.votes.counts()
        share: Float[np.ndarray, "Q"] = counts[:, 2] / counts.sum(axis=1)
        return share

    def truth(self, min_expert_yes: int | None = None) -> Bool[np.ndarray, "Q"]:
        """Whether the class is in the image.

        Args:
            min_expert_yes: how many experts must say yes; None asks for more than half of those who
                answered the question.

        Raises:
            OptionError: ``min_expert_yes`` is below 1, which every question would meet.
        """
        if min_expert_yes is None:
            return self.share_of_yes() > 0.5
        if min_expert_yes < 1:
            raise OptionError(
                f"the number of experts who must say yes is {min_expert_yes}, but must be 1 or "
                "more."
            )
        return self.votes.counts()[:, 2] >= min_expert_yes
