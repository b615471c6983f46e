"""Do intervals with an audit of skipped images hold, and could they be narrower?

A share of the images is skipped, and of these a rate is mislabelled; a model predicts the original
label of all of them and is right elsewhere with some probability. A sample of the skipped images is
checked. Each row is one setting, each column a way to say how far the audited accuracy can be off:
coverage of 95 % intervals in percent and their mean width in points.

ours   Wilson's ends of the departures' share, added in squares (`departure_reach`)
two    a normal interval with two pseudo-draws that depart
one    with one
where  with two only where no draw departs

Run: python benchmarks/audit_intervals.py [--studies 4000] [--seed 0] [--drawn 10]
"""

import argparse
import itertools
import json

import numpy as np

from reassess.statistics import wilson_bounds
from reassess.statistics.sampling import audited_interval

SIZES = ((1500, 450, 90), (600, 180, 36), (50_000, 25_000, 150), (4000, 2400, 150),
         (2000, 1000, 150))  # fmt: skip
"""Images, skipped ones, and drawn ones."""

ADDED = {"two": (2.0, 2.0), "one": (1.0, 1.0), "where": (2.0, 0.0)}
"""Pseudo-draws that depart where none was drawn that does, and elsewhere."""


def intervals(
    way: str, n: int, skipped: int, drawn: int, found: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the intervals of some studies in which ``found`` of the drawn images are wrong."""
    share, unseen = skipped / n, 1 - drawn / skipped
    if way == "ours":
        ends = []
        for k, one in zip(found.tolist(), value.tolist(), strict=True):
            weight = share * np.sqrt(unseen)
            row = np.array([[weight], [k], [1.0], [drawn], [1.0]], float)
            none = np.array([[weight], [0.0], [1.0], [drawn], [0.0]], float)
            ends.append(audited_interval(one, float(n), np.stack([row, none])))
        low, high = np.array(ends).T
        return low, high
    added = np.where(found == 0, *ADDED[way])
    around = found * (1 - found / drawn) + added
    variance = unseen * share**2 * around / ((drawn + 1) * (drawn + 2))
    inner = (value * n + 2) / (n + 4)
    spread = inner * (1 - inner)
    n_effective = spread / (spread / n + variance)
    return wilson_bounds(value * n_effective, n_effective, 0.95)


def main() -> None:
    """Print a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drawn", type=int, help="another number of drawn images, in each setting")
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    worst: dict[str, list[float]] = {}
    for (n, skipped, usual), right, wrong in itertools.product(
        SIZES, (0.6, 0.9), (0.0, 0.003, 0.01, 0.03, 0.1)
    ):
        drawn = usual if given.drawn is None else min(given.drawn, skipped)
        mislabelled = rng.binomial(skipped, wrong, given.studies)
        found = rng.hypergeometric(mislabelled, skipped - mislabelled, drawn)
        elsewhere = rng.binomial(n - skipped, right, given.studies)
        value = (elsewhere + skipped * (1 - found / drawn)) / n
        truth = skipped / n * (1 - wrong) + (1 - skipped / n) * right
        row: dict[str, object] = {
            "images": n, "skipped": skipped, "drawn": drawn, "right": right, "wrong": wrong,
        }  # fmt: skip
        for way in ("ours", *ADDED):
            low, high = intervals(way, n, skipped, drawn, found, value)
            coverage = 100 * float(np.mean((low <= truth) & (truth <= high)))
            row[way] = [round(coverage, 1), round(100 * float(np.mean(high - low)), 2)]
            worst.setdefault(way, []).append(coverage)
        print(json.dumps(row), flush=True)
    print(json.dumps({way: [round(min(of), 1), round(max(of), 1)] for way, of in worst.items()}))


if __name__ == "__main__":
    main()
