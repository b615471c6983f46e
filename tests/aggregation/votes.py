"""Votes made for tests, and the models written again the plain way."""

import numpy as np

from reassess.records import ANSWERS, Pairs, Questions, Votes


def pair_questions(n_questions: int) -> Questions:
    image_ids = np.array([f"img/{i:05d}.png" for i in range(n_questions)])
    return Questions.from_pairs(
        Pairs(image_ids, np.arange(n_questions), np.zeros(n_questions, dtype=int))
    )


def dense_votes(answer: np.ndarray, answers: tuple[str, ...] = ANSWERS) -> Votes:
    """Votes from answers [questions, raters]; -1 where a rater did not answer."""
    question, rater = np.nonzero(answer >= 0)
    used = np.unique(rater)
    return Votes(
        questions=pair_questions(len(answer)),
        rater_ids=np.array([f"r{r}" for r in used]),
        answers=answers,
        question=question,
        rater=np.searchsorted(used, rater),
        answer=answer[question, rater],
    )


def random_votes(rng, n_questions=60, n_raters=7, n_answers=3, share=0.6, skill=0.8) -> Votes:
    """Votes of raters who are right with probability ``skill``."""
    truth = rng.integers(0, n_answers, n_questions)
    wrong = rng.integers(0, n_answers, (n_questions, n_raters))
    right = rng.random((n_questions, n_raters)) < skill
    answer = np.where(right, truth[:, None], wrong)
    answer[rng.random(answer.shape) > share] = -1
    answer[:, 0] = np.where((answer < 0).all(axis=1), 0, answer[:, 0])
    names = ANSWERS if n_answers == 3 else tuple(f"a{i}" for i in range(n_answers))
    return dense_votes(answer, names)


def plain_em(votes: Votes, initial: np.ndarray, pseudocount: float, n_iterations: int):
    """Dawid and Skene's EM with loops over votes: the oracle.

    Returns:
        The posterior after the last iteration, and the true log-likelihood before each
        iteration and after the last.
    """
    n_raters, n_answers, n_states = len(votes.rater_ids), len(votes.answers), initial.shape[1]
    triples = list(zip(votes.question, votes.rater, votes.answer, strict=True))
    posterior = initial.astype(float)
    log_likelihoods = []
    for iteration in range(n_iterations + 1):
        counts = np.full((n_raters, n_states, n_answers), pseudocount)
        for q, r, a in triples:
            counts[r, :, a] += posterior[q]
        with np.errstate(divide="ignore", invalid="ignore"):
            confusion = counts / counts.sum(axis=2, keepdims=True)
        confusion = np.where(np.isnan(confusion), 1 / n_answers, confusion)
        prior = posterior.sum(axis=0) + pseudocount
        prior /= prior.sum()
        with np.errstate(divide="ignore"):
            joint = np.tile(np.log(prior), (len(posterior), 1))
            for q, r, a in triples:
                joint[q] += np.log(confusion[r, :, a])
        peak = joint.max(axis=1, keepdims=True)
        total = peak[:, 0] + np.log(np.exp(joint - peak).sum(axis=1))
        log_likelihoods.append(total.sum())
        final = np.exp(joint - total[:, None])
        if iteration < n_iterations:
            posterior = final
    return final, log_likelihoods
