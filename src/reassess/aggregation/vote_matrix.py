"""Votes from what an estimator is given: records, tables, or scikit-learn's matrix.

In a matrix a row is a question and a column a rater; a cell is the rater's answer, a code (an
integer from 0) or a word, and NaN or None where they gave none. scikit-learn validates it, in its
own words, and is imported when the first matrix comes.

Letters: n rows, Q questions, R raters, V votes, A answers.
"""

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from reassess.errors import DataError, MatrixError, MissingExtraError, preview
from reassess.files.columns import ANSWER, IMAGE, LABEL, RATER, TASK
from reassess.files.tables import read_table
from reassess.files.votes import read_votes
from reassess.records import ANSWERS, Questions, Votes

_PARTS_OF_A_TABLE = (RATER, TASK, IMAGE, ANSWER, LABEL)


@dataclass(frozen=True, slots=True)
class GivenVotes:
    """Votes, and how a matrix became them.

    Attributes:
        votes: the votes.
        row: the question of each row of a matrix, -1 where no rater answered; None for votes that
            came as a table, where each question is a row.
        values: the answers as a matrix has them, in the order of their codes; None for names.
    """

    votes: Votes
    row: Int[np.ndarray, "n"] | None = None
    values: Shaped[np.ndarray, "A"] | None = None


def given_votes(
    given: Any, estimator: Any, *, known: Shaped[np.ndarray, "A"] | None = None
) -> GivenVotes:
    """Votes from whatever people hold.

    Args:
        given: `Votes`; a data frame or file with one row a vote, as `reassess.read_votes` takes
            it; or a matrix [n, R], as an array, lists or a frame whose columns are raters.
        estimator: whose ``n_features_in_`` a matrix sets, or is held against.
        known: the answers that it was fitted to; None where it is being fitted.

    Raises:
        MatrixError: a matrix is not what it must be.
        DataError: votes are not what they must be, or an answer is none of the known.
        MissingExtraError: a matrix is given and scikit-learn is not installed.
    """
    if isinstance(given, Votes):
        return GivenVotes(given if known is None else _recoded(given, known))
    is_sparse = hasattr(given, "tocsr")  # of SciPy, some of whose matrices are dicts
    if (isinstance(given, str | PathLike | dict) and not is_sparse) or is_long_table(given):
        if known is None:
            return GivenVotes(read_votes(given))
        names = tuple(str(one) for one in known.tolist())
        votes = read_votes(given, answers=None if names == ANSWERS else names)
        return GivenVotes(_recoded(votes, known))
    cells = _validated(given, estimator, reset=known is None)
    answered, values = _answers_in(cells)
    _refuse_records(cells)
    if known is None:
        known = _in_our_order(np.unique(values))
        if len(known) < 2:
            raise MatrixError(
                f"X holds {len(known)} kind of answers ({preview(known)}), but must hold at least "
                "2 to learn from: one row a question, one column a rater. Check the matrix."
            )
    columns: Any = getattr(estimator, "feature_names_in_", None)
    columns = np.arange(cells.shape[1]) if columns is None else columns
    index = getattr(given, "index", None)
    ids = np.arange(len(cells)) if index is None or callable(index) else np.asarray(index)
    ids = ids.astype(str)
    ids = ids if len(np.unique(ids)) == len(ids) else np.arange(len(cells)).astype(str)
    rows, raters = np.nonzero(answered)
    used, question = np.unique(rows, return_inverse=True)
    of_column, rater = np.unique(raters, return_inverse=True)
    votes = Votes.from_codes(
        questions=Questions.from_ids(ids[used]), question=question, rater=rater,
        rater_ids=np.asarray(columns).astype(str)[of_column], answer=_codes(values, known),
        answers=tuple(str(one) for one in known.tolist()),
    )  # fmt: skip
    row = np.full(len(cells), -1)
    row[used] = np.arange(len(used))
    return GivenVotes(votes, row, known)


def _refuse_records(cells: Shaped[np.ndarray, "n R"]) -> None:
    """Refuse words of which no two columns have one in common: they are no raters' answers.

    Raises:
        MatrixError: each row looks like a vote, with its image, class, rater and answer.
    """
    if cells.dtype != object or cells.shape[1] < 2 or len(cells) < 2:
        return
    words = [{str(cell) for cell in column if cell == cell} for column in cells.T]  # noqa: PLR0124 -- NaN
    if sum(map(len, words)) == len(set().union(*words)):
        raise MatrixError(
            f"X has {cells.shape[1]} columns that have no answer in common, such as "
            f"{preview(cells[0])} in row 0, but must have one row a question and one column a "
            "rater. If each row is a vote, give a frame with the columns image, label, rater and "
            "answer."
        )


def is_long_table(given: object) -> bool:
    """Whether the header of a frame names raters, tasks, images or answers."""
    if not any({"columns", "column_names"} & vars(one).keys() for one in type(given).__mro__):
        return False
    table = read_table(given)  # type: ignore[arg-type]
    return any(table.candidates(part) for part in _PARTS_OF_A_TABLE)


def _validated(given: Any, estimator: Any, *, reset: bool) -> Shaped[np.ndarray, "n R"]:
    """A matrix as scikit-learn checks it: floats, or objects where any cell is a word."""
    try:
        from sklearn.utils.validation import validate_data
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "study", "a matrix of votes") from error
    if hasattr(given, "to_pandas") and not hasattr(given, "to_numpy"):  # pyarrow's
        given = given.to_pandas()
    try:
        plain = np.asarray(given) if not hasattr(given, "tocsr") else np.empty(0)
    except ValueError as error:
        raise MatrixError(
            f"X is a {type(given).__name__}, but must be a matrix of questions and raters, or a "
            f"table of votes ({error})."
        ) from error
    has_words = plain.dtype.kind in "US" or (
        plain.dtype.kind == "O" and any(isinstance(cell, str) for cell in plain.flat)
    )
    try:
        found: Shaped[np.ndarray, "n R"] = validate_data(
            estimator, given, reset=reset, dtype=object if has_words else np.float64,
            ensure_all_finite="allow-nan",
        )  # fmt: skip
    except ValueError as error:
        raise MatrixError(str(error)) from error
    return found


def _answers_in(
    cells: Shaped[np.ndarray, "n R"],
) -> tuple[Shaped[np.ndarray, "n R"], Shaped[np.ndarray, "V"]]:
    """Which cells hold an answer, and these answers, row by row: integers or texts.

    Raises:
        MatrixError: a cell is neither, or there is no answer.
    """
    if cells.dtype.kind == "O":
        answered = np.array([[c is not None and c == c for c in row] for row in cells.tolist()])  # noqa: PLR0124 -- NaN
        values = np.array([str(cell).strip() for cell in cells[answered].tolist()], dtype=str)
    else:
        answered = ~np.isnan(cells)
        wrong = answered & ((cells < 0) | (cells != np.floor(cells)))
        if wrong.any():
            negative = answered & (cells < 0)
            row, column = np.argwhere(negative if negative.any() else wrong)[0].tolist()
            raise MatrixError(
                f"{'Negative values in data: ' * bool(cells[row, column] < 0)}"
                f"X[{row}, {column}] is {cells[row, column]:g}, but must be the code of an answer, "
                f"an integer of 0 or more, or NaN where the rater gave none; {int(wrong.sum()):,} "
                "cells are not. Rows are questions, columns raters."
            )
        values = cells[answered].astype(np.int64)
    if len(values) == 0:
        raise MatrixError("X holds 0 answers, but must hold at least one. Check the matrix.")
    return answered, values


def _in_our_order(values: Shaped[np.ndarray, "A"]) -> Shaped[np.ndarray, "A"]:
    """Answers sorted; no, maybe, yes in this order, and all three, where they are of these."""
    if set(values.tolist()) <= set(ANSWERS):
        return np.array(ANSWERS)
    return values


def _codes(values: Shaped[np.ndarray, "V"], known: Shaped[np.ndarray, "A"]) -> Int[np.ndarray, "V"]:
    """The place of each answer among the known ones.

    Raises:
        MatrixError: one is not among them.
    """
    place = {value: code for code, value in enumerate(known.tolist())}
    code = np.array([place.get(value, -1) for value in values.tolist()], np.int64)
    if (code < 0).any():
        unknown = np.unique(values[code < 0])
        raise MatrixError(
            f"X holds the answer {preview(unknown)}, but must hold those that it was fitted to: "
            f"{preview(known, 20)}. Fit it to votes with all answers."
        )
    return code


def _recoded(votes: Votes, known: Shaped[np.ndarray, "A"]) -> Votes:
    """The same votes with the codes of known answers.

    Raises:
        DataError: an answer is not among them.
    """
    names = tuple(str(one) for one in known.tolist())
    if votes.answers == names:
        return votes
    unknown = [one for one in votes.answers if one not in names]
    if unknown:
        raise DataError(
            f"votes: the answer {preview(unknown)} is none of those that were fitted, but must be "
            f"one of {', '.join(names)}. Fit to votes with all answers."
        )
    code = np.array([names.index(one) for one in votes.answers])[votes.answer]
    return Votes.from_codes(
        questions=votes.questions, question=votes.question, rater_ids=votes.rater_ids,
        rater=votes.rater, answer=code, answers=names,
    )  # fmt: skip
