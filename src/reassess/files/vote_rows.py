"""Rows of votes as a record: raters by their ids, and each vote counted once.

However a file holds votes, they come through here. A rater's id is compared without blanks around
it, in Unicode's form NFC, and as a number without a fraction of zeros. A vote that stands twice
counts once. Two different answers of one rater to one question about an image and a class are
refused, as nothing says which of them holds; to other questions, of which there can be several
answers, they count, and a note says so.

The dense archive, which counts votes on purpose, does not come through here.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import DataError
from reassess.files.alike_ids import may_end_alike, may_look_alike
from reassess.files.interning import Texts
from reassess.notes import note
from reassess.records import Questions, Votes, factorize
from reassess.records.benchmark import alike_text, how_words_differ, plain_text

_RARE = 10
"""Where more than one vote in so many is a further answer, the tasks name something else."""

_INTEGER = re.compile(r"\d+(\.0+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class VoteRows:
    """Votes as a file holds them, one row each, with the rows that do not count.

    Attributes:
        source: the file, for messages.
        questions: what was asked.
        question: the question of each row.
        raters: ids of raters as they are written, in the order of their first appearance.
        rater: the one of each row.
        answer: code of each answer.
        answers: names of the answers, in the order of their codes.
        given_at: when each vote was given; None where no time is known.
        seconds: how long each vote took; None where no duration is known.
        counts: the rows that count; None where all do.
        place: names a row in messages, by its number from 0.
    """

    source: str
    questions: Questions
    question: Int[np.ndarray, "n"]
    raters: Sequence[str]
    rater: Int[np.ndarray, "n"]
    answer: Int[np.ndarray, "n"]
    answers: tuple[str, ...]
    given_at: Shaped[np.ndarray, "n"] | None
    seconds: Float[np.ndarray, "n"] | None
    counts: Bool[np.ndarray, "n"] | None
    place: Callable[[int], str]

    def votes(self) -> Votes:
        """The votes that count, each once.

        Raises:
            DataError: no row counts, two raters' ids cannot be told apart, or a rater gives two
                answers to one question.
        """
        if self.questions.pairs is not None:
            note_ends(self.questions.pairs.image_ids.tolist(), self.source)
        rater_ids, rater = plain_ids(self.raters, "rater", self.source, self.rater)
        return self.each_once(rater_ids, rater)

    def each_once(self, rater_ids: Shaped[np.ndarray, "R"], rater: Int[np.ndarray, "n"]) -> Votes:
        """The votes that count, each once, by raters whose ids are known.

        Args:
            rater_ids: ids of the raters.
            rater: the one of each row.

        Raises:
            DataError: no row counts, or a rater gives two answers to one question.
        """
        rows = np.arange(len(rater)) if self.counts is None else np.flatnonzero(self.counts)
        once = self._once(rater, rows)
        rows = rows if once is None else rows[once]
        questions, question, rater = self.questions, self.question[rows], rater[rows]
        if len(rows) < len(self.question):
            asked, question = np.unique(question, return_inverse=True)
            voted, rater = np.unique(rater, return_inverse=True)
            questions, rater_ids = questions.take(asked), rater_ids[voted]
        return Votes.from_codes(
            questions=questions,
            question=question,
            rater_ids=rater_ids,
            rater=rater,
            answer=self.answer[rows],
            answers=self.answers,
            given_at=None if self.given_at is None else self.given_at[rows],
            seconds=None if self.seconds is None else self.seconds[rows],
        )

    def _once(
        self, rater: Int[np.ndarray, "n"], rows: Int[np.ndarray, "m"]
    ) -> Int[np.ndarray, "k"] | None:
        """Which of some rows count when each vote does once; None where all do.

        Raises:
            DataError: a rater gives two answers to one question about an image and a class.
        """
        key = rater[rows].astype(np.int64) * len(self.questions) + self.question[rows]
        order = np.argsort(key, kind="stable")
        again = np.flatnonzero(np.diff(key[order]) == 0)
        if len(again) == 0:
            return None
        answer = self.answer[rows]
        whole = key * len(self.answers) + answer
        _, first, n = np.unique(whole, return_index=True, return_counts=True)
        self._note_repeats(rows, first, n, whole)
        kept = np.sort(first)
        order = kept[np.argsort(key[kept], kind="stable")]
        differ = np.flatnonzero(np.diff(key[order]) == 0)
        if len(differ):
            one, other = rows[order[differ[0]]], rows[order[differ[0] + 1]]
            self._refuse_or_note(int(one), int(other), len(differ), len(kept))
        return kept

    def _note_repeats(
        self, rows: Int[np.ndarray, "m"], first: Int[np.ndarray, "k"], n: Int[np.ndarray, "k"],
        whole: Int[np.ndarray, "m"],
    ) -> None:  # fmt: skip
        n_repeats = len(rows) - len(first)
        if n_repeats == 0:
            return
        repeated = int(first[np.argmax(n > 1)])
        second = repeated + 1 + int(np.argmax(whole[repeated + 1 :] == whole[repeated]))
        note(
            f"{self.source}: {n_repeats:,} of {len(rows):,} rows repeat a vote (same question, "
            f"rater and answer), such as {self.place(int(rows[second]))}, which repeats "
            f"{self.place(int(rows[repeated]))}; each vote counts once: {len(first):,} votes."
        )

    def _refuse_or_note(self, one: int, other: int, n: int, n_votes: int) -> None:
        """Refuse two answers of a rater to one question, or where that can be, note it."""
        question = str(self.questions.ids[self.question[one]])
        said = (
            f"rater {self.raters[self.rater[one]].strip()!r} answers question {question!r} with "
            f"{self.answers[self.answer[one]]!r} in {self.place(one)} and "
            f"{self.answers[self.answer[other]]!r} in {self.place(other)}"
        )
        if self.questions.pairs is None and _RARE * n <= n_votes:
            note(
                f"{self.source}: {said}; {n:,} of {n_votes:,} votes are further answers, and count."
            )
            return
        remedy = (
            "Leave one of them, or in a table mark those that do not hold: a column 'counted' with "
            "false."
            if self.questions.pairs is not None
            else "Check that the column of tasks names questions and not, say, screens of several."
        )
        raise DataError(
            f"{self.source}: {said}, but a rater must answer a question once; {n:,} of "
            f"{n_votes:,} votes are further answers. {remedy}"
        )


def plain_ids(
    texts: Sequence[str], what: str, source: str, of_row: Int[np.ndarray, "V"] | None = None
) -> tuple[Shaped[np.ndarray, "n"], Int[np.ndarray, "V"]]:
    """Distinct ids as they first appear, and that of each text; one thing has one id.

    Ids are compared without blanks around them and in Unicode's form NFC. Where all are numbers,
    or ``1`` is there, too, ``1.0`` is ``1``. A note says which were taken for one.

    Args:
        texts: the ids as they are written.
        what: what they name, for messages.
        source: the file.
        of_row: where the texts are distinct, the one of each row; None where they are the rows.

    Raises:
        DataError: an id is empty, or two raters' are one number, as ``1`` and ``01`` are.
    """
    if of_row is None:
        raw, code = factorize(texts)
        written = raw.tolist()
    else:
        written, code = list(texts), of_row
    plain = [plain_text(text) for text in written]
    if "" in plain:
        row = int(np.argmax(code == plain.index("")))
        raise DataError(
            f"{source}: the {what} of vote {row + 1:,} is blank, but must have an id. Fill it, or "
            "leave the vote out."
        )
    spelt, plain = plain, _without_fraction(plain)
    if what == "rater":
        _check_raters(plain, source)
    ids, place = factorize(plain)
    fraction = spelt != plain
    if len(ids) < len(written):
        _, first = np.unique(place, return_index=True)
        one = int(np.flatnonzero(first[place] != np.arange(len(place)))[0])
        other = written[int(first[place[one]])]
        differ = "a fraction of zeros" if fraction else "blanks or their Unicode form"
        note(
            f"{source}: {what}s {other!r} and {written[one]!r} were read as one, {plain[one]!r}: "
            f"they differ by {differ} only. There are {len(ids):,} {what}s."
        )
    elif fraction:
        one = next(i for i, text in enumerate(plain) if text != spelt[i])
        note(f"{source}: {what}s were read as whole numbers: {spelt[one]!r} as {plain[one]!r}.")
    return ids, place[code]


def _without_fraction(ids: list[str]) -> list[str]:
    """Ids with ``1`` for ``1.0``, where all are numbers or the other form is there, too."""
    known = set(ids)
    all_numbers = all(_INTEGER.fullmatch(one) for one in known)
    whole = {
        one: one.partition(".")[0]
        for one in known
        if "." in one and _INTEGER.fullmatch(one)
        and (all_numbers or one.partition(".")[0] in known)
    }  # fmt: skip
    return [whole.get(one, one) for one in ids] if whole else ids


def _check_raters(ids: Sequence[str], source: str) -> None:
    """Refuse raters whose ids are one number, and note those that look alike.

    Raises:
        DataError: two ids are one number.
    """
    by_value: dict[str, str] = {}
    alike: dict[str, str] = {}
    for one in dict.fromkeys(ids):
        other = by_value.setdefault(one.lstrip("0"), one) if one.isdecimal() else one
        if other != one:
            raise DataError(
                f"{source}: raters {other!r} and {one!r} are the same number, but two ids must not "
                "be. Write the id of each rater in one way."
            )
        other = alike.setdefault(alike_text(one), one)
        if other != one:
            note(
                f"{source}: raters {other!r} and {one!r} differ by {how_words_differ(one, other)} "
                "only, and were read as two raters. Write them alike if they are one."
            )
            return


def _note_alike(image_ids: Sequence[str], source: str) -> None:
    """Note image ids that differ by case, blanks or backslashes only."""
    first: dict[str, str] = {}
    pairs = [
        (other, one)
        for one in image_ids
        if (other := first.setdefault(alike_text(one.replace("\\", "/")), one)) != one
    ]
    if pairs:
        (other, one), *_ = pairs
        note(
            f"{source}: images {other!r} and {one!r} differ by case, blanks or backslashes only, "
            f"and were read as two, as were {len(pairs) - 1:,} more. Write the ids of images in "
            "one way if they are one."
        )


def note_ends(image_ids: Texts | Sequence[str], source: str) -> None:
    """Note image ids that are the end of another, as where two exports name images differently."""
    if isinstance(image_ids, Texts):
        if not may_look_alike(image_ids) and not may_end_alike(image_ids):
            return
        image_ids = image_ids.all_as_list()
    _note_alike(image_ids, source)
    depth = [image_id.count("/") for image_id in image_ids]
    if min(depth) == max(depth):
        return
    known = set(image_ids)
    ends = [
        (image_id, end)
        for image_id, n_folders in zip(image_ids, depth, strict=True)
        if n_folders
        for end in [image_id.split("/", n)[n] for n in range(1, n_folders + 1)]
        if end in known
    ]
    if ends:
        note(
            f"{source}: images {ends[0][1]!r} and {ends[0][0]!r} may be the same, and were read as "
            f"two, as were {len(ends) - 1:,} more. Write the ids of images in one way if they are."
        )
