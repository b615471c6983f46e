"""What rating costs, by hand."""

import numpy as np
import pytest

from reassess.errors import DataError, OptionError
from reassess.proposals.cost import ASSUMED_SECONDS_PER_QUESTION, rating_cost, seconds_per_question


def test_the_published_study() -> None:
    """184,962 questions in 37,988 tasks, five votes each; six seconds a vote are 1,541 hours."""
    fixed = rating_cost(184_962, 37_988, seconds_per_question=6.0, wage_per_hour=12.0)
    assert (fixed.n_votes, fixed.n_screens) == (924_810, 189_940)
    assert fixed.hours == pytest.approx(924_810 / 600)
    assert fixed.money == pytest.approx(924_810 / 50)
    assert (fixed.same_decisions, fixed.recall, fixed.assumed) == (1.0, None, ())
    lossless = rating_cost(184_962, 37_988, rating="lossless", seconds_per_question=6.0)
    assert lossless.hours == pytest.approx(0.708 * fixed.hours, rel=1e-5)
    assert (lossless.same_decisions, lossless.money) == (1.0, None)
    adaptive = rating_cost(184_962, 37_988, rating="adaptive", recall=0.97, kept=0.8)
    assert adaptive.n_votes == 416_165
    assert adaptive.same_decisions == 0.99
    assert adaptive.recall == pytest.approx(0.776)


def test_what_nobody_said_is_assumed_and_says_so() -> None:
    cost = rating_cost(720, 90, votes_per_question=1)
    assert cost.assumed == ("seconds_per_question",)
    assert cost.hours == pytest.approx(720 * ASSUMED_SECONDS_PER_QUESTION / 3600)
    assert cost.money is None


def test_a_measured_share_and_the_time_of_screens() -> None:
    """A third of 30 votes is 10; their 10 seconds and 6 screens of 5 make 130 seconds."""
    cost = rating_cost(
        10, 2, votes_per_question=3, share_of_votes=1 / 3, seconds_per_question=10.0,
        seconds_per_screen=5.0,
    )  # fmt: skip
    assert (cost.n_votes, cost.n_screens, cost.same_decisions) == (10, 6, None)
    assert cost.hours == pytest.approx(130 / 3600)
    nothing = rating_cost(0, 0, wage_per_hour=10.0)
    assert (nothing.n_votes, nothing.hours, nothing.money) == (0, 0.0, 0.0)


def test_seconds_of_a_question_leave_lunch_out() -> None:
    """The median is 4; an hour counts as 40: (4 × 4 + 40) / 5."""
    assert seconds_per_question(np.array([4.0, 4, 3600, 4, 4])) == pytest.approx(56 / 5)
    assert seconds_per_question(np.array([1.0, 2, 6])) == 3.0


def test_refuses() -> None:
    with pytest.raises(OptionError, match="number of tasks is 6, but must be at most 5"):
        rating_cost(5, 6)
    with pytest.raises(OptionError, match="number of questions is -1, but must be 0 or more"):
        rating_cost(-1, 0)
    with pytest.raises(OptionError, match="wage is nan"):
        rating_cost(5, 1, wage_per_hour=float("nan"))
    with pytest.raises(OptionError, match=r"share of the votes is 1.5, but must lie in \[0, 1\]"):
        rating_cost(5, 1, share_of_votes=1.5)
    with pytest.raises(OptionError, match=r"recall is -0\.1"):
        rating_cost(5, 1, recall=-0.1)
    with pytest.raises(DataError, match="there are 0"):
        seconds_per_question(np.array([]))
    with pytest.raises(DataError, match=r"vote\[1\] is -1.0 seconds.*1 of 2 are not"):
        seconds_per_question(np.array([1.0, -1]))
