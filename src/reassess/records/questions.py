"""What is asked, what was answered, and what the answers say about the truth.

Proposals, questions, votes and gold; and the posterior, which an aggregation makes of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import DataError, OptionError, preview
from reassess.records.benchmark import MOST_CLASSES
from reassess.records.pairs import Pairs, factorize, pair_keys

ANSWERS = ("no", "maybe", "yes")
"""The published answers to "is this class in the image?", in the published order."""

_PAIR = re.compile(r"(.*):(\d+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Proposals:
    """Pairs worth asking about, and who proposed them.

    Attributes:
        pairs: the P proposed pairs.
        models: the M models, in the order of the columns of ``proposed``.
        proposed: whether a model's list holds the pair.
        original: whether the pair is the image's original label.
        rated: for each image of ``pairs.image_ids`` whether it is to be rated.
        top: whether the pair is some model's top prediction; None where that was not kept.
        probability: P(valid label) of each pair, where the rule learned it.
    """

    pairs: Pairs
    models: tuple[str, ...]
    proposed: Bool[np.ndarray, "P M"]
    original: Bool[np.ndarray, "P"]
    rated: Bool[np.ndarray, "N"]
    top: Bool[np.ndarray, "P"] | None = None
    probability: Float[np.ndarray, "P"] | None = None

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True, slots=True)
class Questions:
    """What raters are asked.

    Attributes:
        ids: one distinct id a question, strings; ``<image id>:<class index>`` for pairs.
        pairs: the (image, class) pair behind each question; None where the ids of a table
            name something else, so that votes can be aggregated but no labels decided.
    """

    ids: Shaped[np.ndarray, "Q"]
    pairs: Pairs | None

    def __post_init__(self) -> None:
        if self.pairs is not None and len(self.pairs) != len(self.ids):
            raise DataError("questions: ids and pairs differ in length.")

    @classmethod
    def from_pairs(cls, pairs: Pairs) -> "Questions":
        """Questions about pairs, with their canonical ids."""
        return cls(pairs.ids(), pairs)

    @classmethod
    def from_ids(cls, ids: Shaped[np.ndarray, "Q"]) -> "Questions":
        """Questions by their ids; where all are ``<image id>:<class index>``, about those pairs.

        Raises:
            DataError: a class index is too large, or two ids name the same pair.
        """
        found = [_PAIR.fullmatch(one) for one in ids.tolist()]
        matches = [match for match in found if match is not None]
        if len(matches) < len(found):
            return cls(ids, None)
        image_ids, image = factorize([match[1] for match in matches])
        # Python refuses to convert thousands of digits.
        label = [int(m[2]) if len(m[2]) < 40 else MOST_CLASSES for m in matches]
        if max(label) >= MOST_CLASSES:
            row = int(np.argmax(label))
            raise DataError(
                f"question[{row}] asks about class {matches[row][2][:40]}, but a class index must "
                f"be in [0, {MOST_CLASSES:,}). Check the ids."
            )
        return cls(ids, Pairs(image_ids, image, np.array(label, np.int64)))

    def require_pairs(self, source: str = "questions") -> Pairs:
        """The (image, class) pairs behind the questions.

        Args:
            source: what carries the questions, for messages.

        Raises:
            DataError: the questions are about something else.
        """
        if self.pairs is None:
            raise DataError(
                f"{source}: question[0] is {str(self.ids[0])!r}, but must name an image and a "
                "class. Write columns image,label, or tasks as <image>:<class index>."
            )
        return self.pairs

    def __len__(self) -> int:
        return len(self.ids)


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
            answers: names of the answers, in the order of their codes.
            given_at: as the attribute; times that are all unknown become None.
            seconds: as the attribute; durations that are all unknown become None.
            sha256: hash of the file that the columns come from.

        Raises:
            OptionError: neither or both of ``task`` and ``image`` with ``label`` are given.
            DataError: there is no vote, or columns differ in length.
        """
        if task is not None and image is None and label is None:
            ids, question = factorize(task)
            questions = Questions.from_ids(ids)
        elif task is None and image is not None and label is not None:
            if len(image) != len(label):
                raise DataError("votes: images and classes differ in length.")
            image_ids, row = factorize(image)
            keys = pair_keys(row, label, 1 + int(label.max(initial=0)))
            _, first, place = np.unique(keys, return_index=True, return_inverse=True)
            by_appearance = np.argsort(first)
            question = np.argsort(by_appearance)[place]
            first = first[by_appearance]
            questions = Questions.from_pairs(Pairs(image_ids, row[first], label[first]))
        else:
            raise OptionError("votes: give either task, or image and label.")
        rater_ids, who = factorize(rater)
        if not len(question) == len(who) == len(answer):
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
            rater=who[order].astype(np.int32),
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
        pairs = self.questions.pairs
        kept = None if pairs is None else pairs.take(question)
        return Votes(
            Questions(self.questions.ids[question], kept),
            self.rater_ids[rater],
            self.answers,
            to_question,
            to_rater,
            self.answer[rows],
            sha256=self.sha256,
            given_at=None if self.given_at is None else self.given_at[rows],
            seconds=None if self.seconds is None else self.seconds[rows],
        )

    def counts(self) -> Int[np.ndarray, "Q A"]:
        """How often each question got each answer."""
        n_answers = len(self.answers)
        cell = self.question.astype(np.int64) * n_answers + self.answer
        shape = (len(self.questions), n_answers)
        return np.bincount(cell, minlength=shape[0] * n_answers).reshape(shape)

    def rater_and_question(self) -> Int[np.ndarray, "V"]:
        """One number for the rater and the question of each vote: rater · Q + question."""
        numbers: Int[np.ndarray, "V"] = (
            self.rater.astype(np.int64) * len(self.questions) + self.question
        )
        return numbers


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


@dataclass(frozen=True, slots=True)
class Posterior:
    """P(truth) of each question given its votes, and the model that says so.

    Attributes:
        questions: the Q questions.
        states: names of the T true states, in the order of the columns; for the question
            "is this class in the image?" ``("absent", "present")``.
        log_probability: natural logarithm of the posterior. Log-odds keep their order where
            probabilities saturate at 1.
        method: how it was computed.
        answers: names of the A answers of the votes.
        rater_ids: the R raters of ``confusion``, strings.
        confusion: ``confusion[r, t, a]`` = P(rater r answers a | truth t); None for methods
            without one.
        prior: P(truth) before any vote; None for methods without one.
        log_likelihood: the true log-likelihood of the votes before each iteration of an
            iterative method and after the last; empty for methods that do not iterate.
        objective: what such a method raises in every iteration: the log-likelihood plus the
            log-density of its pseudocount's prior.
        converged: whether an iterative method met its tolerance; None where nothing iterates.
        votes_sha256: hash of the votes that it was computed from.
        used_gold: whether gold entered it, so that precision and recall on the same gold are
            those of questions that it has seen.
        gold_sha256: hash of that gold, where it is known.
        gold_ids: ids of the gold questions that entered it; None where that is not known.
    """

    questions: Questions
    states: tuple[str, ...]
    log_probability: Float[np.ndarray, "Q T"]
    method: str
    answers: tuple[str, ...]
    rater_ids: Shaped[np.ndarray, "R"]
    confusion: Float[np.ndarray, "R T A"] | None = None
    prior: Float[np.ndarray, "T"] | None = None
    log_likelihood: tuple[float, ...] = ()
    objective: tuple[float, ...] = ()
    converged: bool | None = None
    votes_sha256: str | None = None
    used_gold: bool = False
    gold_sha256: str | None = None
    gold_ids: Shaped[np.ndarray, "G"] | None = None

    def __post_init__(self) -> None:
        if self.log_probability.shape != (len(self.questions), len(self.states)):
            raise DataError(
                f"posterior: it has the shape {self.log_probability.shape}, but must be "
                f"[{len(self.questions)}, {len(self.states)}], questions by states."
            )
        if np.isnan(self.log_probability).any() or (self.log_probability > 0).any():
            raise DataError("posterior: a log-probability is NaN or above 0.")

    @property
    def probability(self) -> Float[np.ndarray, "Q T"]:
        """P(truth) of each question; rows sum to 1."""
        probability: Float[np.ndarray, "Q T"] = np.exp(self.log_probability)
        return probability

    @property
    def present(self) -> Float[np.ndarray, "Q"]:
        """P(the class is in the image), where the states are absent and present.

        Raises:
            DataError: the states are others.
        """
        if self.states != ("absent", "present"):
            raise DataError(
                f"posterior: the states are {self.states}, but must be ('absent', 'present') to "
                "decide labels. Aggregate votes on (image, class) questions with two states."
            )
        return self.probability[:, 1]
