"""Simulated raters and experts: programs with a known confusion, never people.

For the demo, and for checking the statistics where the truth is known. Every rater id made
here begins with ``simulated-``, so that such votes are never mistaken for those of people. Does
not estimate anything: `reassess.aggregation` does.

Letters: Q questions, R raters, V votes, T true states (absent, present), A answers (no,
maybe, yes).
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.errors import DataError, OptionError
from reassess.records import ANSWERS, Gold, Pairs, Questions, Votes

Rows = tuple[tuple[float, ...], ...]

TYPICAL_RATER: Rows = ((0.90, 0.06, 0.04), (0.15, 0.13, 0.72))
"""P(no, maybe, yes) of a simulated rater of average skill where a class is absent, present."""

TYPICAL_EXPERT: Rows = ((0.985, 0.005, 0.01), (0.02, 0.01, 0.97))
"""The same for a simulated expert."""


def simulated_raters(
    n_raters: int,
    rng: np.random.Generator,
    *,
    mean: Rows = TYPICAL_RATER,
    concentration: float = 10.0,
) -> Float[np.ndarray, "R T A"]:
    """The confusion of simulated raters who differ in skill: P(r answers a | truth t).

    Args:
        n_raters: R.
        rng: source of randomness.
        mean: P(answer | truth) of the rater of average skill; one row a truth.
        concentration: how alike the raters are; each row is drawn from the Dirichlet
            distribution with the row of ``mean`` times this.

    Raises:
        OptionError: there is less than one rater, or the concentration is not above 0.
    """
    if n_raters < 1 or concentration <= 0:
        raise OptionError(
            f"there are {n_raters} simulated raters with the concentration {concentration}, but "
            "there must be at least one, and the concentration must be above 0."
        )
    rows = [rng.dirichlet(concentration * np.array(row), size=n_raters) for row in mean]
    return np.stack(rows, axis=1)


def simulate_votes(
    questions: Questions,
    truth: Bool[np.ndarray, "Q"],
    confusion: Float[np.ndarray, "R T A"],
    *,
    votes_per_question: int = 5,
    rng: np.random.Generator,
) -> Votes:
    """Votes of simulated raters, each question answered by as many different ones.

    Their ids are ``simulated-rater-01`` and so on; those who got no question are left out.

    Args:
        questions: the questions.
        truth: whether the class is in the image, for each question.
        confusion: of each simulated rater.
        votes_per_question: how many raters answer a question.
        rng: source of randomness.

    Raises:
        DataError: truth, confusion and questions do not fit together.
        OptionError: there are fewer raters than votes a question.
    """
    return _votes(questions, truth, confusion, votes_per_question, rng, "simulated-rater")


def simulate_gold(
    questions: Questions,
    truth: Bool[np.ndarray, "Q"],
    *,
    n_images: int,
    n_experts: int = 5,
    rng: np.random.Generator,
) -> Gold:
    """Answers of simulated experts to every question about some images drawn at random.

    Their ids are ``simulated-expert-1`` and so on; each answers every one of the questions.

    Args:
        questions: about (image, class) pairs.
        truth: whether the class is in the image, for each question.
        n_images: how many images to draw; all of them where there are fewer.
        n_experts: how many simulated experts there are.
        rng: source of randomness.

    Raises:
        DataError: the questions are no (image, class) pairs, or truth does not fit them.
        OptionError: there is less than one image or expert.
    """
    pairs = questions.require_pairs("gold")
    if len(truth) != len(pairs):
        raise DataError(
            f"gold: there are {len(truth):,} truths, but must be one for each of {len(pairs):,} "
            "questions."
        )
    if n_images < 1:
        raise OptionError(f"the number of gold images is {n_images}, but must be 1 or more.")
    asked_about = np.unique(pairs.image)  # the list may hold images without any question
    n_drawn = min(n_images, len(asked_about))
    image = asked_about[np.sort(rng.choice(len(asked_about), n_drawn, replace=False))]
    row = np.flatnonzero(np.isin(pairs.image, image))
    new_row = np.searchsorted(image, pairs.image[row])
    asked = Questions.from_pairs(Pairs(pairs.image_ids[image], new_row, pairs.label[row]))
    experts = simulated_raters(n_experts, rng, mean=TYPICAL_EXPERT, concentration=100.0)
    return Gold(_votes(asked, truth[row], experts, n_experts, rng, "simulated-expert"))


def _votes(
    questions: Questions,
    truth: Bool[np.ndarray, "Q"],
    confusion: Float[np.ndarray, "R T A"],
    votes_per_question: int,
    rng: np.random.Generator,
    name: str,
) -> Votes:
    if confusion.shape[1:] != (2, len(ANSWERS)) or len(truth) != len(questions):
        raise DataError(
            f"simulated votes: the confusion has the shape {confusion.shape} and there are "
            f"{len(truth):,} truths, but must be [raters, 2, {len(ANSWERS)}] and one for each of "
            f"{len(questions):,} questions."
        )
    n_raters = len(confusion)
    chosen = _distinct_raters(len(questions), n_raters, votes_per_question, rng)
    question = np.repeat(np.arange(len(questions)), votes_per_question)
    used, rater = np.unique(chosen, return_inverse=True)
    rater = rater.reshape(-1)
    below = np.cumsum(confusion[used], axis=2)[rater, truth[question].astype(np.int64)]
    drawn = rng.random(len(question))[:, None] * below[:, -1:]
    width = len(str(n_raters))
    return Votes(
        questions=questions,
        rater_ids=np.array([f"{name}-{r + 1:0{width}}" for r in used.tolist()]),
        answers=ANSWERS,
        question=question,
        rater=rater,
        answer=(drawn >= below[:, :-1]).sum(axis=1),
    )


def _distinct_raters(
    n_questions: int, n_raters: int, k: int, rng: np.random.Generator
) -> Int[np.ndarray, "Q k"]:
    """For each question k different raters, every set of k equally likely.

    Source: R. W. Floyd's sampling, J. Bentley (1987), CACM 30(9):754-757.
    """
    if not 1 <= k <= n_raters:
        raise OptionError(
            f"votes_per_question is {k}, but must be in [1, {n_raters}], the simulated raters. "
            "Ask for fewer votes, or simulate more raters."
        )
    chosen = np.empty((n_questions, k), np.int64)
    for column in range(k):
        last = n_raters - k + column
        drawn = rng.integers(0, last, size=n_questions, endpoint=True)
        again = (chosen[:, :column] == drawn[:, None]).any(axis=1)
        chosen[:, column] = np.where(again, last, drawn)
    return chosen
