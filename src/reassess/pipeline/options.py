"""The options of every stage, each set one validated type.

What a command takes, what a section of `study.toml` may hold and what Python passes are the
fields of one frozen dataclass; its constructor refuses what no stage can mean.
"""

import math
from dataclasses import dataclass

from reassess.aggregation import AggregateOptions
from reassess.errors import OptionError
from reassess.labels import LabelOptions
from reassess.proposals import ProposeOptions

__all__ = ["AggregateOptions", "CostOptions", "LabelOptions", "ProposeOptions"]


@dataclass(frozen=True, slots=True)
class CostOptions:
    """What rating costs.

    Attributes:
        votes_per_question: k, votes that a question gets.
        seconds_per_question: of a rater; None for what the votes tell, else an assumption.
        wage_per_hour: in money; None leaves money out.

    Raises:
        OptionError: a value is out of range.
    """

    votes_per_question: int = 5
    seconds_per_question: float | None = None
    wage_per_hour: float | None = None

    def __post_init__(self) -> None:
        if self.votes_per_question < 1:
            raise OptionError(
                f"votes_per_question is {self.votes_per_question}, but must be 1 or more."
            )
        seconds, wage = self.seconds_per_question, self.wage_per_hour
        if seconds is not None and not 0 < seconds < math.inf:
            raise OptionError(f"seconds_per_question is {seconds}, but must be above 0.")
        if wage is not None and not 0 <= wage < math.inf:
            raise OptionError(f"wage_per_hour is {wage}, but must be 0 or more.")
