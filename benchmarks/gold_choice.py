"""When is gold better spent on calibrating raters than on judging the labels?

The rule of `reassess.aggregation.choose_method`: calibrate where most votes come from raters with
enough gold answers of each truth. Held against the two-answer vote sets of the truth-inference
benchmark, whose truth is known: part of the tasks become gold, both methods label the others, and
the log-loss and the share that is right are compared, by the share of votes from raters with at
least so many gold answers of each truth. Needs REASSESS_DATA.

    python benchmarks/gold_choice.py [--seeds 10]
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from reassess.aggregation import calibrated, dawid_skene
from reassess.records import ANSWERS, Gold, Posterior, Questions, Votes

SETS = ("SP", "SP_amt", "ZC_all", "ZC_in", "ZC_us", "bird", "product", "rte", "senti_1k", "trec")
SHARES_OF_GOLD = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)
LEAST_ANSWERS = (5, 10, 20, 40)
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)


def read(path: Path) -> tuple[Votes, np.ndarray] | None:
    """The votes of a set as no and yes, and the truth of each task (-1 where unknown)."""
    table = pq.read_table(path).to_pydict()
    words = sorted(set(table["label"]))
    if len(words) != 2:
        return None
    tasks, task = np.unique(table["task"], return_inverse=True)
    workers, worker = np.unique(table["worker"], return_inverse=True)
    answer = 2 * np.array([words.index(one) for one in table["label"]])
    truth = np.full(len(tasks), -1)
    for t, gold in zip(task, table["gold"], strict=True):
        if gold is not None:
            truth[t] = words.index(gold)
    return Votes(Questions(tasks, None), workers, ANSWERS, task, worker, answer), truth


def draws(votes: Votes, truth: np.ndarray, n_seeds: int) -> Iterator[tuple[np.ndarray, Gold]]:
    """Which tasks become gold, and the gold, one expert an answer."""
    known = np.flatnonzero(truth >= 0)
    for seed in range(n_seeds):
        for share in SHARES_OF_GOLD:
            rng = np.random.default_rng([seed, int(1000 * share)])
            chosen = np.sort(rng.choice(known, max(4, round(share * len(known))), replace=False))
            if not 0 < truth[chosen].mean() < 1:
                continue
            ids = votes.questions.ids[chosen]
            n = len(chosen)
            one = Votes(
                Questions(ids, None), np.array(["expert"]), ANSWERS, np.arange(n),
                np.zeros(n, np.int64), 2 * truth[chosen],
            )  # fmt: skip
            yield chosen, Gold(one)


def loss(posterior: Posterior, truth: np.ndarray, rest: np.ndarray) -> tuple[float, float]:
    """Log-loss and share right on the tasks that are not gold."""
    log = np.maximum(posterior.log_probability[rest, truth[rest]], np.log(1e-6))
    right = (posterior.present[rest] > 0.5) == (truth[rest] == 1)
    return float(-log.mean()), float(right.mean())


def main() -> None:
    """Print, for each least number of answers and each share of votes, which method wins."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    n_seeds = parser.parse_args().seeds
    folder = Path(os.environ["REASSESS_DATA"]) / "truth-inference"
    found: dict[tuple[int, int], list[tuple[str, float, float]]] = defaultdict(list)
    for name in SETS:
        read_set = read(folder / f"{name}.parquet")
        if read_set is None:
            continue
        votes, truth = read_set
        learned = dawid_skene(votes)
        n_votes = np.bincount(votes.rater, minlength=len(votes.rater_ids))
        for chosen, gold in draws(votes, truth, n_seeds):
            rest = np.setdiff1d(np.flatnonzero(truth >= 0), chosen)
            of_vote = np.where(np.isin(votes.question, chosen), truth[votes.question], -1)
            cell = votes.rater[of_vote >= 0] * 2 + of_vote[of_vote >= 0]
            least = np.bincount(cell, minlength=2 * len(n_votes)).reshape(-1, 2).min(axis=1)
            ours, theirs = loss(calibrated(votes, gold), truth, rest), loss(learned, truth, rest)
            for n_least in LEAST_ANSWERS:
                share = n_votes[least >= n_least].sum() / len(votes)
                place = int(np.searchsorted(BINS, share, side="right")) - 1
                found[n_least, place].append((name, theirs[0] - ours[0], ours[1] - theirs[1]))
    print("gain of calibrating over Dawid and Skene, mean over sets of the mean over draws")
    print("gold answers of each truth | share of votes | sets | draws | log-loss | % right | wins")
    for (n_least, place), rows in sorted(found.items()):
        sets = sorted({one[0] for one in rows})
        by_set = [np.mean([r[1:] for r in rows if r[0] == one], axis=0) for one in sets]
        gain = np.mean(by_set, axis=0)
        wins = np.mean([one[0] > 0 for one in by_set])
        print(
            f"{n_least:>4} | {BINS[place]:.2f} to {min(1, BINS[place + 1]):.2f} | {len(sets)} | "
            f"{len(rows)} | {gain[0]:+.3f} | {100 * gain[1]:+.2f} | {100 * wins:.0f} % of sets"
        )


if __name__ == "__main__":
    main()
