"""How often the interval of a posterior holds the posterior under the raters' true confusion.

Simulated crowds whose confusion is known: what their votes say of a question is then known
exactly. Prints for each world the share of questions whose 95% interval holds it, of all
questions and of those that the votes leave open (between 5% and 95%), the median width there, and
seconds of CPU.

    python benchmarks/posterior_intervals.py [--repeats 20]
"""

import argparse
import time

import numpy as np

from reassess.aggregation import calibrated, dawid_skene
from reassess.analysis.posterior_intervals import posterior_intervals
from reassess.records import Questions
from reassess.simulate import simulate_gold, simulate_votes, simulated_raters
from reassess.statistics import sigmoid

WORLDS = {
    "20 raters, 1,000 questions, 5 votes": (20, 1000, 5),
    "20 raters, 5,000 questions, 5 votes": (20, 5000, 5),
    "60 raters, 1,000 questions, 3 votes": (60, 1000, 3),
    "8 raters, 500 questions, 5 votes": (8, 500, 5),
    "20 raters, 1,000 questions, 5 votes, gold on 100 images": (20, 1000, 5, 100),
    "20 raters, 1,000 questions, 5 votes, gold on 300 images": (20, 1000, 5, 300),
}
PRESENT = 0.4


def one_world(
    rng: np.random.Generator,
    n_raters: int,
    n_questions: int,
    votes_per_question: int,
    n_gold: int = 0,
) -> tuple[float, float, float]:
    """Coverage of all questions and of open ones, and the median width of these."""
    questions, _ = Questions.from_columns(
        image=[f"{n // 2}.jpg" for n in range(n_questions)], label=np.arange(n_questions) % 2
    )
    truth = rng.random(n_questions) < PRESENT
    confusion = simulated_raters(n_raters, rng)
    votes = simulate_votes(
        questions, truth, confusion, votes_per_question=votes_per_question, rng=rng
    )
    gold = None
    if n_gold:
        gold = simulate_gold(questions, truth, n_images=n_gold, rng=rng)
    posterior = dawid_skene(votes) if gold is None else calibrated(votes, gold)
    found = posterior_intervals(votes, posterior, gold=gold, rng=rng)
    number = np.array([int(one.rpartition("-")[2]) - 1 for one in votes.rater_ids.tolist()])
    log = np.log(confusion[number])
    evidence = (log[:, 1] - log[:, 0])[votes.rater, votes.answer]
    odds = np.log(PRESENT / (1 - PRESENT)) + np.bincount(
        votes.question, evidence, minlength=n_questions
    )
    exact = sigmoid(odds)
    held = (found.low <= exact) & (exact <= found.high)
    is_open = (exact > 0.05) & (exact < 0.95)
    width = np.median((found.high - found.low)[is_open])
    return float(held.mean()), float(held[is_open].mean()), float(width)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    for name, world in WORLDS.items():
        began = time.process_time()
        rows = [one_world(np.random.default_rng(seed), *world) for seed in range(repeats)]
        mean, error = np.mean(rows, axis=0), np.std(rows, axis=0) / repeats**0.5
        print(
            f"{name}: {mean[0]:.1%} ± {error[0]:.1%} of all, {mean[1]:.1%} ± {error[1]:.1%} of "
            f"open ones, width {mean[2]:.3f}, {(time.process_time() - began) / repeats:.2f} s"
        )


if __name__ == "__main__":
    main()
