"""The options of every stage, each set one validated type.

What a command takes, what a section of `study.toml` may hold and what Python passes are the
fields of one frozen dataclass; its constructor refuses what no stage can mean.
"""

import math
from dataclasses import dataclass

from reassess.aggregation import AggregateOptions
from reassess.errors import OptionError
from reassess.labels import LabelOptions

__all__ = ["AggregateOptions", "CostOptions", "LabelOptions", "ProposeOptions"]

PER_TASK = 8
"""Most questions of a task: what fits a screen."""


@dataclass(frozen=True, slots=True)
class ProposeOptions:
    """Which pairs are asked about, in which tasks.

    Attributes:
        rule: how pairs are chosen: ``paper`` or ``learned``.
        pairs_per_model: pairs of each list of the paper's rule; None for three an image.
        recall: in (0, 1], the wanted recall; None for all models (paper) or 0.97 of what the
            models name (learned).
        budget: at most so many proposals (learned only); None for as many as the recall needs.
        per_task: most questions of a task.

    Raises:
        OptionError: a value is out of range, or options contradict each other.
    """

    rule: str = "paper"
    pairs_per_model: int | None = None
    recall: float | None = None
    budget: int | None = None
    per_task: int = PER_TASK

    def __post_init__(self) -> None:
        for name in ("pairs_per_model", "budget", "per_task"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value}, but must be 1 or more.")
        if self.recall is not None and not 0 < self.recall <= 1:
            raise OptionError(f"recall is {self.recall}, but must be in (0, 1].")
        if self.budget is not None and self.rule != "learned":
            raise OptionError(
                f"budget goes with the rule learned, not with {self.rule}. Leave it out."
            )
        if self.budget is not None and self.recall is not None:
            raise OptionError("budget and recall both say how much is wanted. Leave one out.")


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
