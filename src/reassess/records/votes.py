"""What was answered: raters' votes, one row each, and the gold that experts fixed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import DataError, OptionError, preview
from reassess.records.benchmark import Classes
from reassess.records.pairs import factorize
from reassess.records.questions import ANSWERS, Questions
from reassess.records.tabular import Backend, as_frame
from reassess.registry import checks_choices


@dataclass(frozen=True, slots=True)
class Votes:
    """Answers of raters to questions, one row a vote, any number a question.

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
        _check_used(self.rater, self.rater_ids, "rater")
        _check_used(self.question, self.questions.ids, "question")

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
            answer=answer[order].astype(np.int8 if len(answers) < 128 else np.int32),
            sha256=sha256,
            given_at=given_at,
            seconds=seconds,
        )

    def __len__(self) -> int:
        return len(self.question)

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
        return replace(self, questions=self.questions.numbered_by(classes, source=source))

    def counts(self) -> Int[np.ndarray, "Q A"]:
        """How often each question got each answer."""
        n_answers = len(self.answers)
        cell = self.question.astype(np.int64) * n_answers + self.answer
        shape = (len(self.questions), n_answers)
        return np.bincount(cell, minlength=shape[0] * n_answers).reshape(shape)

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


def _check_used(code: Int[np.ndarray, "V"], ids: Shaped[np.ndarray, "n"], what: str) -> None:
    """Refuse codes out of range, ids that repeat and ids that no vote mentions."""
    if len(ids) == 0:
        raise DataError(f"votes: there are 0 {what}s, but there must be at least one.")
    _check_codes(code, len(ids), what)
    if len(np.unique(ids)) < len(ids):
        values, counts = np.unique(ids, return_counts=True)
        raise DataError(
            f"votes: {what} id {preview(values[counts > 1])} appears more than once, but must be "
            "unique. Rename one of them."
        )
    unused = np.flatnonzero(np.bincount(code, minlength=len(ids)) == 0)
    if len(unused):
        raise DataError(
            f"votes: {what} {preview(ids[unused])} has 0 votes, but must have at least one; "
            f"{len(unused):,} of {len(ids):,} {what}s have none. Leave {what}s without votes "
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
