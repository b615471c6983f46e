"""What rating costs: votes, screens, rater hours and money, before anything is asked.

    votes = questions × votes a question × share of the votes that are asked for
    hours = (votes × seconds a question + screens × seconds a screen) / 3600
    money = hours × wage

Adaptive rating stops asking about a question once its label is settled. What that saves was
measured by replaying the 924,810 published votes in random order, and stands in `SAVINGS`;
other raters or other questions save more or less. Savings are per question: screens shrink,
but a screen is shown to a rater for as long as one of its questions is open. Gold questions
that measure the raters come on top, as questions of their own.

Seconds a question are an assumption until votes carry durations, and money is not computed
without a wage. Decides nothing about who is asked what: `reassess.rating` does.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from reassess.errors import DataError, OptionError
from reassess.registry import checks_choices

Rating = Literal["fixed", "lossless", "adaptive"]

ASSUMED_SECONDS_PER_QUESTION = 5.0
"""An assumption, not a measurement: looking, reading a label's description, and answering."""

_LONGEST = 10.0
"""Medians of a duration beyond which a rater is taken to have been away from the screen."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What a way of rating asks for, compared with asking for all votes on every question.

    Attributes:
        votes: share of the votes that are asked for, in [0, 1].
        screens: share of the screens that are shown, in [0, 1]; also the share of the votes
            where screens are always answered whole.
        same_decisions: share of the questions whose label is decided as all votes would.
    """

    votes: float
    screens: float
    same_decisions: float


SAVINGS: dict[Rating, Saving] = {
    "fixed": Saving(votes=1.0, screens=1.0, same_decisions=1.0),
    "lossless": Saving(votes=0.708, screens=0.839, same_decisions=1.0),
    "adaptive": Saving(votes=0.45, screens=0.74, same_decisions=0.99),
}
"""``fixed`` asks for every vote; ``lossless`` stops where no further answer can change the
decision; ``adaptive`` rates a twentieth of the images in full, learns from them, and then asks
about the least sure question first. Its screens: a twentieth, and 72.6% of the others.

Source: replays of the published votes. For scale: five other raters agree with the published
decisions on 94% of the questions.
"""


@checks_choices
@dataclass(frozen=True, slots=True)
class Cost:
    """What rating costs, and what it buys.

    Attributes:
        rating: the way of rating.
        n_questions: questions to settle.
        n_tasks: screens that hold them.
        n_votes: answers that are asked for.
        n_screens: screens that are shown, once for each rater.
        hours: of raters' time.
        money: in the currency of the wage; None where no wage was given.
        same_decisions: share of the questions decided as all votes would; None where the share
            of the votes was given rather than measured.
        recall: expected share of all valid labels that are found; None where the proposals'
            recall is unknown.
        assumed: the arguments that were not given and have an assumed value.
    """

    rating: Rating
    n_questions: int
    n_tasks: int
    n_votes: int
    n_screens: int
    hours: float
    money: float | None
    same_decisions: float | None
    recall: float | None
    assumed: tuple[str, ...]


@checks_choices
def rating_cost(
    n_questions: int,
    n_tasks: int,
    *,
    rating: Rating = "fixed",
    votes_per_question: int = 5,
    share_of_votes: float | None = None,
    seconds_per_question: float | None = None,
    seconds_per_screen: float = 0.0,
    wage_per_hour: float | None = None,
    recall: float | None = None,
    kept: float = 1.0,
) -> Cost:
    """What it costs to have questions rated.

    Args:
        n_questions: questions to settle.
        n_tasks: screens that hold them.
        rating: the way of rating; see `SAVINGS`.
        votes_per_question: answers to each question where none is saved; also how many raters
            see each screen.
        share_of_votes: share of those votes that is asked for, in [0, 1], where it was measured
            on votes of your own; None takes that of `SAVINGS`.
        seconds_per_question: of a rater, for one answer, as `seconds_per_question` measures it;
            None assumes `ASSUMED_SECONDS_PER_QUESTION`.
        seconds_per_screen: of a rater, for each screen beyond the answers.
        wage_per_hour: of a rater, with what a platform adds; None names no money.
        recall: share of all valid labels that the proposals hold, in [0, 1].
        kept: share of the valid labels asked about that the answers are expected to keep, in
            [0, 1], such as an operating point's recall on gold; 1 for raters who never err.

    Raises:
        OptionError: a number is negative, a share lies outside [0, 1], or there are more
            screens than questions.
    """
    _check_shares({"share of the votes": share_of_votes, "recall": recall, "share kept": kept})
    _check_amounts(
        {
            "number of questions": n_questions,
            "number of tasks": n_tasks,
            "number of votes a question": votes_per_question,
            "number of seconds a question": seconds_per_question,
            "number of seconds a screen": seconds_per_screen,
            "wage": wage_per_hour,
        }
    )
    if n_tasks > n_questions:
        raise OptionError(
            f"the number of tasks is {n_tasks:,}, but must be at most {n_questions:,}, that of the "
            "questions in them."
        )
    saving = SAVINGS[rating]
    votes = saving.votes if share_of_votes is None else share_of_votes
    screens = saving.screens if share_of_votes is None else 1.0
    n_votes = math.ceil(round(n_questions * votes_per_question * votes, 6))
    n_screens = min(n_votes, math.ceil(round(n_tasks * votes_per_question * screens, 6)))
    given = seconds_per_question
    each = ASSUMED_SECONDS_PER_QUESTION if given is None else given
    hours = (n_votes * each + n_screens * seconds_per_screen) / 3600
    return Cost(
        rating=rating,
        n_questions=n_questions,
        n_tasks=n_tasks,
        n_votes=n_votes,
        n_screens=n_screens,
        hours=hours,
        money=None if wage_per_hour is None else hours * wage_per_hour,
        same_decisions=saving.same_decisions if share_of_votes is None else None,
        recall=None if recall is None else recall * kept,
        assumed=("seconds_per_question",) if given is None else (),
    )


def seconds_per_question(durations: Float[np.ndarray, "V"]) -> float:
    """Mean seconds of a vote, where a vote of more than ten medians counts as ten medians.

    A rater who left the screen for lunch was not answering. A mean, since hours are a sum.

    Args:
        durations: seconds of each vote.

    Raises:
        DataError: there are none, or one is negative or not a number.
    """
    if len(durations) == 0:
        raise DataError("durations: there are 0, but must be one or more. Give those of votes.")
    wrong = ~(np.isfinite(durations) & (durations >= 0))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"durations: vote[{row}] is {durations[row]} seconds, but must be 0 or more; "
            f"{int(wrong.sum()):,} of {len(durations):,} are not. Leave those votes out."
        )
    longest = _LONGEST * float(np.median(durations))
    return float(np.minimum(durations, longest).mean())


def _check_shares(shares: dict[str, float | None]) -> None:
    for name, value in shares.items():
        if value is not None and not 0 <= value <= 1:
            raise OptionError(f"the {name} is {value}, but must lie in [0, 1].")


def _check_amounts(amounts: dict[str, float | int | None]) -> None:
    for name, value in amounts.items():
        if value is not None and not (0 <= value < math.inf):
            raise OptionError(f"the {name} is {value}, but must be 0 or more.")
