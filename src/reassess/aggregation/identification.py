"""Whether votes can tell what was fitted to them: a fit may converge on nothing.

Dawid and Skene's model knows the truth only by what raters have in common. Where many of them
answer the contrary, where hardly anyone votes twice, or where no question has two votes, it still
fits and still converges. These checks find such fits; they prove nothing where they are silent.

Letters: Q questions, R raters, T states, A answers, G gold questions.

Source: H. B. Mann, D. R. Whitney (1947), Annals of Mathematical Statistics 18:50-60.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int

from reassess.aggregation.coding import Coded
from reassess.aggregation.em import totals_and_mass
from reassess.aggregation.methods import STATES, shares_of_answers, vote_shares
from reassess.engines import ThreadEngine
from reassess.records import ANSWERS, Gold, Posterior, Votes, positions
from reassess.statistics import mcnemar_exact, z_critical

SHARE_BELOW = 0.1
"""Share of the votes from raters below the diagonal from which a fit is doubted. A few contrary
raters are in every crowd, and the model turns their votes around rightly."""

DISTANCE_OF_PRIOR = 0.2
"""How far the prior may lie from the shares of votes. On the published votes it is 0.04."""

FEWEST_RATERS = 3
"""Of fewer nothing tells who is right where they disagree."""

SMALL_CROWD, FEW_VOTES = 10, 100
"""Most raters of a small crowd, and most votes of each for each truth, if answers are the truths.
A model of such a crowd is on average no better than the majority of votes unless some raters guess,
and often worse (by up to 8 points in simulations of 3 raters)."""

_ROWS_AT_ONCE = 1 << 16

SIGNIFICANCE = 0.05
"""Of the tests whether a fit labels gold worse than the majority of votes does, or no better than
chance."""

LEAST_GOLD = 10
"""Gold questions of either truth below which gold says nothing about chance."""


def identification_notes(
    votes: Votes, posterior: Posterior, gold: Gold | None = None, min_expert_yes: int | None = None
) -> list[str]:
    """What speaks against a fit, one text each; empty where nothing does.

    Args:
        votes: what was fitted.
        posterior: what came of it.
        gold: to judge it by; gold that entered the fit judges nothing and is left out.
        min_expert_yes: how many experts must say yes; None for more than half.
    """
    found = [
        _on_convergence(posterior),
        _on_votes(votes, posterior) or _on_small_crowd(votes, posterior),
    ]
    if gold is not None and not posterior.used_gold:
        found.append(_not_borne_out(posterior, gold, min_expert_yes))
    if posterior.confusion is not None and posterior.prior is not None:
        coded = Coded.from_votes(votes)
        of_answer = shares_of_answers(coded.n_answers, len(posterior.states))
        with ThreadEngine() as threads:
            totals, mass = totals_and_mass(coded, of_answer, threads)
        n_votes = totals.reshape(coded.n_raters, coded.n_answers).sum(axis=1)
        found.append(_below_the_diagonal(votes, n_votes, posterior))
        if not posterior.used_gold:
            found.append(_far_prior(posterior, mass / coded.n_questions))
            if gold is not None:
                found.append(_worse_than_majority(votes, posterior, gold, min_expert_yes))
    return [text for text in found if text is not None]


def _on_convergence(posterior: Posterior) -> str | None:
    if posterior.converged is not False:
        return None
    n = len(posterior.log_likelihood) - 1
    return (
        f"The fit by {posterior.method} has NOT converged: it stopped at its last iteration"
        f"{f' ({n:,})' if n > 0 else ''}. Allow more (--iterations)."
    )


def _on_votes(votes: Votes, posterior: Posterior) -> str | None:
    """What no model can learn from these votes; gold that was used tells right from wrong."""
    only = _only_answer(votes)
    if only is not None:
        return (
            f"All {len(votes):,} votes are {only!r}, so that nothing tells the questions apart. "
            "Check the column of answers."
        )
    n_questions, n_raters = len(votes.questions), len(votes.rater_ids)
    if not posterior.used_gold and not any_two_raters(votes):
        says = "the posterior says what the votes say"
        if posterior.method != "majority":
            says = "no model of raters means anything (--method majority says what the votes say)"
        return (
            "No question has votes of two raters, so that nothing tells right answers from wrong "
            f"ones: {says}. Ask several raters the same questions."
        )
    if 2 * n_raters <= n_questions:
        return None  # they gave a vote on each question, of which those below are less than half
    pairs = np.unique(votes.rater_and_question())
    rater = pairs // n_questions
    once = np.bincount(rater, minlength=n_raters) == 1
    share = float(once[rater].mean())
    if n_raters > 1 and share > 0.5:
        return (
            f"{100 * share:.0f}% of the votes come from raters with a single vote ({once.sum():,} "
            f"of {n_raters:,} raters), whose confusion cannot be learned: raters are hardly told "
            "apart. Check that the column of raters names people, not votes."
        )
    return None


def _on_small_crowd(votes: Votes, posterior: Posterior) -> str | None:
    """What a model cannot learn from few raters."""
    if posterior.used_gold or posterior.method == "majority":
        return None
    n_raters, n_states = n_voting(votes), len(posterior.states)
    if n_raters == FEWEST_RATERS - 1:
        return (
            "Only two raters gave the votes. Where they disagree nothing tells who is right, and a "
            "model of raters can take the side of the worse one. Ask a third rater, or aggregate "
            "by --method majority."
        )
    n_each = len(votes) / n_raters / n_states
    if posterior.states == STATES or n_raters > SMALL_CROWD or n_each > FEW_VOTES:
        return None
    return (
        f"{n_raters:,} raters gave {n_each:.0f} votes for each of {n_states:,} answers on average. "
        "From so few the model hardly learns who is right: in simulations of such crowds it is no "
        "better than the majority of votes, unless some raters guess. Compare: --method majority."
    )


def n_voting(votes: Votes) -> int:
    """How many raters gave a vote."""
    _, code = votes.grouped()
    votes_once = np.zeros(len(votes.rater_ids), bool)
    for start in range(0, len(code), _ROWS_AT_ONCE):
        votes_once[code[start : start + _ROWS_AT_ONCE] // len(votes.answers)] = True
        if votes_once.all():  # as of all crowds but those with raters who never voted
            break
    return int(np.count_nonzero(votes_once))


def _only_answer(votes: Votes) -> str | None:
    """The one answer that all votes are; None where there are several, or a single vote."""
    _, code = votes.grouped()
    n_answers = len(votes.answers)
    for start in range(0, len(code), _ROWS_AT_ONCE):
        if (code[start : start + _ROWS_AT_ONCE] % n_answers != code[0] % n_answers).any():
            return None
    return votes.answers[int(code[0]) % n_answers] if len(code) > 1 else None


def any_two_raters(votes: Votes) -> bool:
    """Whether some question has votes of two raters."""
    indptr, code = votes.grouped()
    for start in range(0, len(indptr) - 1, _ROWS_AT_ONCE):
        ends = indptr[start : start + _ROWS_AT_ONCE + 1]
        rater = code[ends[0] : ends[-1]] // len(votes.answers)
        differs = rater[1:] != rater[:-1]
        differs[ends[1:-1] - ends[0] - 1] = False  # from one question to the next
        if differs.any():
            return True
    return False


def _below_the_diagonal(
    votes: Votes, n_votes: Float[np.ndarray, "R"], posterior: Posterior
) -> str | None:
    """Raters whose answers speak for the contrary, where they are many."""
    assert posterior.confusion is not None  # noqa: S101 -- its caller looks
    below = _is_below(posterior.confusion, votes.answers)
    if below is None:
        return None
    place = positions(votes.rater_ids, posterior.rater_ids, source="votes")
    share = float(n_votes[below[place]].sum() / n_votes.sum())
    if share <= SHARE_BELOW:
        return None
    n = int(below[place].sum())
    return (
        f"{n:,} of {len(place):,} raters lie below the diagonal of their confusion: by the fit "
        "they say the contrary of the truth more often than the truth. They gave "
        f"{100 * share:.0f}% of the votes, so the fit may have taken the truth for its contrary. "
        "Check the order of the answers (--answers), look at the raters (reassess raters), or hold "
        "the fit to gold "
        "(--gold-mode clamp)."
    )


def _is_below(
    confusion: Float[np.ndarray, "R T A"], answers: tuple[str, ...]
) -> Bool[np.ndarray, "R"] | None:
    """Whether answers speak for the contrary; None where states and answers have no order."""
    n_states, n_answers = confusion.shape[1:]
    if n_states == n_answers:
        below: Bool[np.ndarray, "R"] = np.trace(confusion, axis1=1, axis2=2) < 1
        return below
    if answers != ANSWERS or n_states != 2:
        return None
    mean = confusion @ np.linspace(0, 1, n_answers)
    return mean[:, 1] < mean[:, 0]


def _far_prior(posterior: Posterior, share: Float[np.ndarray, "T"]) -> str | None:
    """A prior that is far from the shares of the votes."""
    prior, states = posterior.prior, posterior.states
    assert prior is not None  # noqa: S101 -- its caller looks
    worst = int(np.argmax(np.abs(prior - share)))
    if abs(float(prior[worst] - share[worst])) <= DISTANCE_OF_PRIOR:
        return None
    return (
        f"The fit finds that {states[worst]!r} holds for {100 * prior[worst]:.0f}% of the "
        f"questions, but {100 * share[worst]:.0f}% of the votes speak for it. One of the two is "
        "far off: judge the labels by gold (--gold), or aggregate by --method majority and compare."
    )


def _not_borne_out(posterior: Posterior, gold: Gold, min_expert_yes: int | None) -> str | None:
    """Whether gold questions that hold get no higher probability than those that do not.

    By Mann and Whitney's test, at 5 %, one-sided.
    """
    if posterior.states != STATES:
        return None
    row = gold.questions.rows_in(posterior.questions, source="gold")
    truth = gold.truth(min_expert_yes)[row >= 0]
    n_hold, n_not = int(truth.sum()), int((~truth).sum())
    if min(n_hold, n_not) < LEAST_GOLD:
        return None
    present = posterior.present[row[row >= 0]]
    others, n = np.sort(present[~truth]), n_hold + n_not
    below, not_above = (np.searchsorted(others, present[truth], side=s) for s in ("left", "right"))
    share = float((below + not_above).mean()) / 2 / n_not
    ties = np.unique(present, return_counts=True)[1].astype(float)
    spread = (n + 1 - float((ties**3 - ties).sum()) / (n * (n - 1))) / (12 * n_hold * n_not)
    if share - 0.5 > z_critical(1 - 2 * SIGNIFICANCE) * math.sqrt(max(spread, 0.0)):
        return None
    return (
        f"Gold does not bear the votes out: a gold question that holds gets a higher probability "
        f"than one that does not in {100 * share:.0f}% of all such pairs, and chance is 50% "
        f"({n:,} gold questions). Labels of these votes would be worth nothing. Check the order of "
        "the answers (--answers), the images and classes that votes and gold name, and the raters "
        "(reassess raters)."
    )


def _worse_than_majority(
    votes: Votes, posterior: Posterior, gold: Gold, min_expert_yes: int | None
) -> str | None:
    """Whether gold says that the fit decides worse than the mean of the votes."""
    if posterior.states != STATES:
        return None
    row: Int[np.ndarray, "G"] = gold.questions.rows_in(votes.questions, source="gold")
    asked = row >= 0
    truth = gold.truth(min_expert_yes)[asked]
    fitted = (posterior.present[row[asked]] > 0.5) == truth
    simple = (vote_shares(votes, 2)[row[asked], 1] > 0.5) == truth
    n_fitted, n_simple = int((fitted & ~simple).sum()), int((simple & ~fitted).sum())
    if n_simple <= n_fitted or mcnemar_exact(n_fitted, n_simple) > SIGNIFICANCE:
        return None
    return (
        f"Gold says less for {posterior.method} than for the majority of votes: of {len(truth):,} "
        f"gold questions it decides {int(fitted.sum()):,} rightly, and the majority "
        f"{int(simple.sum()):,}. Aggregate by --method majority, or hold the fit to gold "
        "(--gold-mode clamp)."
    )
