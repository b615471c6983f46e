"""What is asked, and what the answers say about the truth: proposals, questions, posteriors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import DataError, OptionError
from reassess.records.alignment import positions
from reassess.records.arrays import TextBytes
from reassess.records.benchmark import MOST_CLASSES, Classes
from reassess.records.pairs import Pairs, factorize, pair_keys
from reassess.records.question_rows import rows_of_pairs
from reassess.records.tabular import Backend, as_frame
from reassess.registry import checks_choices

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

    @checks_choices
    def to_frame(self, backend: Backend | None = None) -> Any:
        """A data frame of one row a pair: ``image``, ``label``, ``original`` and ``n_models``.

        Args:
            backend: pandas, polars or pyarrow; None takes the first that is installed.

        Raises:
            OptionError: the library is unknown or not installed.
        """
        columns = {
            "image": self.pairs.image_ids[self.pairs.image], "label": self.pairs.label,
            "original": self.original, "n_models": self.proposed.sum(axis=1),
        }  # fmt: skip
        return as_frame(columns, backend)

    def __repr__(self) -> str:
        return (
            f"Proposals({len(self):,} pairs of {len(self.pairs.image_ids):,} images by "
            f"{len(self.models):,} models, {int(self.rated.sum()):,} images to rate)"
        )

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class Questions:
    """What raters are asked.

    Canonical ids of pairs are made when they are first asked for: of millions of questions they
    would take more memory than all that is known about them.

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

    def __getattr__(self, name: str) -> Any:
        pairs: Pairs | None = self.__dict__.get("pairs")
        texts: TextBytes | None = self.__dict__.get("_id_texts")
        if name == "ids" and pairs is not None:
            ids = pairs.ids()
        elif name == "ids" and texts is not None:
            ids = texts.as_array()
        else:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        object.__setattr__(self, "ids", ids)
        return ids

    @classmethod
    def from_pairs(cls, pairs: Pairs) -> "Questions":
        """Questions about pairs, with their canonical ids."""
        made = object.__new__(cls)
        object.__setattr__(made, "pairs", pairs)
        object.__setattr__(made, "_is_canonical", True)
        return made

    @classmethod
    def from_texts(cls, texts: TextBytes) -> "Questions":
        """Questions about something else than pairs, by their distinct ids."""
        made = object.__new__(cls)
        object.__setattr__(made, "pairs", None)
        object.__setattr__(made, "_id_texts", texts)
        return made

    @property
    def is_canonical(self) -> bool:
        """Whether the ids are those that the pairs make."""
        if self.pairs is None:
            return False
        return self._is_made or np.array_equal(self.ids, self.pairs.ids())

    @property
    def first_id(self) -> str:
        """The id of the first question, for messages."""
        if self.pairs is None or "ids" in self.__dict__:
            return str(self.ids[0])
        return self.pairs.ids_of(np.zeros(1, np.int64))[0]

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

    @classmethod
    def from_columns(
        cls,
        *,
        task: Sequence[str] | None = None,
        image: Sequence[str] | None = None,
        label: Int[np.ndarray, "V"] | None = None,
        class_ids: tuple[str, ...] | None = None,
    ) -> tuple["Questions", Int[np.ndarray, "V"]]:
        """The distinct questions of columns, as they first appear, and that of each row.

        Args:
            task: id of the question, see `from_ids`; or
            image: id of the image asked about, with
            label: index of the class asked about.
            class_ids: ids of the classes, as `Pairs.class_ids`.

        Raises:
            OptionError: neither or both of ``task`` and ``image`` with ``label`` are given.
            DataError: columns differ in length, or an id names no question.
        """
        if task is not None and image is None and label is None:
            ids, question = factorize(task)
            found = cls.from_ids(ids)
            if found.pairs is not None and class_ids is not None:
                found = cls(ids, replace(found.pairs, class_ids=class_ids))
            return found, question
        if task is not None or image is None or label is None:
            raise OptionError("votes: give either task, or image and label.")
        if len(image) != len(label):
            raise DataError("votes: images and classes differ in length.")
        image_ids, row = factorize(image)
        keys = pair_keys(row, label, 1 + int(label.max(initial=0)))
        _, first, place = np.unique(keys, return_index=True, return_inverse=True)
        by_appearance = np.argsort(first)
        question = np.argsort(by_appearance)[place]
        first = first[by_appearance]
        pairs = Pairs(image_ids, row[first], label[first], class_ids)
        return cls.from_pairs(pairs), question

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

    def rows_in(self, other: "Questions", *, source: str) -> Int[np.ndarray, "Q"]:
        """The row of another record's question that each id names, -1 where none does.

        Ids are compared as those of images are (`positions`). What was found last is kept, as one
        command asks for it several times.

        Args:
            other: the questions that exist.
            source: what these questions are, for messages.

        Raises:
            AlignmentError: an id fits several questions, or two ids name the same.
        """
        if other is self:
            return np.arange(len(self))
        held = self.__dict__.get("_found_in")
        if held is None or held[0] is not other:
            rows = self._look_up(other, source)
            rows.flags.writeable = False
            held = (other, rows)
            object.__setattr__(self, "_found_in", held)
        found: Int[np.ndarray, "Q"] = held[1]
        return found

    def _look_up(self, other: "Questions", source: str) -> Int[np.ndarray, "Q"]:
        rows = None
        one, two = (questions.pairs if questions._is_made else None for questions in (self, other))
        if one is not None and two is not None:
            rows = rows_of_pairs(one, two, source=source)
        return positions(self.ids, other.ids, source=source) if rows is None else rows

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_found_in"}

    def columns(self, rows: Int[np.ndarray, "n"] | None = None) -> dict[str, Any]:
        """What is asked, as columns: ``image`` and ``label``, else ``task``.

        Args:
            rows: the question of each row; None for each question once.
        """
        if self.pairs is None:
            return {"task": self.ids if rows is None else self.ids[rows]}
        image, label = self.pairs.image_ids[self.pairs.image], self.pairs.label
        if rows is None:
            return {"image": image, "label": label}
        return {"image": image[rows], "label": label[rows]}

    def take(self, rows: Int[np.ndarray, "n"] | Bool[np.ndarray, "Q"]) -> "Questions":
        """The questions of these rows, or where the mask is true."""
        if self.pairs is not None and self._is_made:
            return Questions.from_pairs(self.pairs.take(rows))
        return Questions(self.ids[rows], None if self.pairs is None else self.pairs.take(rows))

    @property
    def _is_made(self) -> bool:
        """Whether the ids are those that the pairs make, without making them to see it."""
        return "_is_canonical" in self.__dict__

    def numbered_by(self, classes: Classes | None, *, source: str) -> "Questions":
        """The same questions with the numbers that the classes have here; see `Pairs.numbered_by`.

        Raises:
            DataError: a class that occurs is not among the classes.
        """
        if self.pairs is None:
            return self
        pairs = self.pairs.numbered_by(classes, source=source)
        if pairs.label is self.pairs.label and not self._is_made:
            return Questions(self.ids, pairs)
        return Questions.from_pairs(pairs) if self.is_canonical else Questions(self.ids, pairs)

    def __len__(self) -> int:
        if self.pairs is not None:
            return len(self.pairs)
        texts: TextBytes | None = self.__dict__.get("_id_texts")
        return len(self.ids if texts is None else texts)


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
        objective: what such a method is fitted by: the log-likelihood plus the log-density of its
            pseudo-votes' prior.
        converged: whether an iterative method met its tolerance; None where nothing iterates.
        votes_sha256: hash of the votes that it was computed from.
        used_gold: whether gold entered it, so that precision and recall on the same gold are
            those of questions that it has seen.
        gold_sha256: hash of that gold, where it is known.
        gold_ids: ids of the gold questions that entered it; None where that is not known.
        confusion_prior: what raters with few votes were drawn to, "pooled" or "uniform"; None
            where nothing says so, as in files of 0.1.0, whose prior was uniform.
        held_out: log-posterior of each question of ``gold_ids``, had the gold of its image not
            been counted, NaN where it has no votes; None where that is not known.
        calibrated: P(present) of each question as gold has it, in [0, 1]; None without gold.
        context: the models whose predictions entered it beside the votes; none as a rule.
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
    confusion_prior: str | None = None
    held_out: Float[np.ndarray, "G T"] | None = None
    calibrated: Float[np.ndarray, "Q"] | None = None
    context: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.log_probability.shape != (len(self.questions), len(self.states)):
            raise DataError(
                f"posterior: it has the shape {self.log_probability.shape}, but must be "
                f"[{len(self.questions)}, {len(self.states)}], questions by states."
            )
        if np.isnan(self.log_probability).any() or (self.log_probability > 0).any():
            raise DataError("posterior: a log-probability is NaN or above 0.")
        if self.calibrated is not None and not (
            self.calibrated.shape == (len(self.questions),)
            and ((self.calibrated >= 0) & (self.calibrated <= 1)).all()
        ):
            raise DataError(
                "posterior: the calibrated probabilities must be in [0, 1], one a question."
            )

    def numbered_by(self, classes: Classes | None) -> "Posterior":
        """The same with the numbers that the classes have here; see `Pairs.numbered_by`.

        Raises:
            DataError: a class that occurs is not among the classes.
        """
        questions = self.questions.numbered_by(classes, source="posterior")
        gold_ids, pairs = self.gold_ids, questions.pairs
        before = self.questions.pairs
        if gold_ids is None or pairs is None or before is None or pairs.label is before.label:
            return replace(self, questions=questions)
        row = Questions.from_ids(gold_ids).rows_in(self.questions, source="gold")
        now = pairs.ids_of(np.maximum(row, 0))
        both = zip(gold_ids.tolist(), now, (row >= 0).tolist(), strict=True)
        gold_ids = np.array([new if known else one for one, new, known in both], dtype=str)
        return replace(self, questions=questions, gold_ids=gold_ids)

    @checks_choices
    def to_frame(self, backend: Backend | None = None) -> Any:
        """A data frame of one row a question: what was asked, and P(truth) under each state's name.

        Args:
            backend: pandas, polars or pyarrow; None takes the first that is installed.

        Raises:
            OptionError: the library is unknown or not installed.
        """
        columns = self.questions.columns()
        columns |= dict(zip(self.states, self.probability.T, strict=True))
        return as_frame(columns, backend)

    def __repr__(self) -> str:
        return (
            f"Posterior({len(self.questions):,} questions, states {', '.join(self.states)}, by "
            f"{self.method})"
        )

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
            remedy = "Aggregate again with two states (--states 2)."
            if self.answers != ANSWERS:
                each = ",".join(f"{answer}=no|maybe|yes" for answer in self.answers[:6])
                remedy = f"Say what the answers mean: reassess aggregate VOTES --answers {each}"
            if self.questions.pairs is None:
                remedy = (
                    f"Question {str(self.questions.ids[0])!r} names no image and class: give votes "
                    "the columns image,label,rater,answer, or tasks <image>:<class index>."
                )
            raise DataError(
                f"posterior: the states are {', '.join(self.states)}, but must be absent, present "
                f"to decide labels, as they are where the answers are no, maybe, yes. {remedy}"
            )
        present: Float[np.ndarray, "Q"] = np.exp(self.log_probability[:, 1])
        return present
