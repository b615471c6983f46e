"""Labels that no model proposed: estimated from a few models, and counted.

Of the 60 published prediction files some are drawn and the others hidden. Which of the 57,553
published labels the drawn ones do not list is known, so that each estimate can be compared
with the number itself. Lists are every model's top 1, 3 or 5 predictions of each image. A second
table draws labels whose difficulty follows a known law.

    python benchmarks/missing_labels.py [--draws 60]
"""

import argparse

import numpy as np
from measure import describe_machine, published, seconds

from reassess.errors import DataError
from reassess.proposals.missing_labels import estimate_missing_labels

METHODS = ("power-law", "chao2", "halves")
ENTRIES = ("imagenet-torchvision", "imagenet-v2-repo")


def ranks() -> np.ndarray:
    """The rank at which each model lists each published label; 5 where it does not."""
    catalog = published()
    benchmark, real = catalog.benchmark("imagenet"), catalog.labels("imagenet-real")
    models = [one for name in ENTRIES for one in catalog.predictions(name, benchmark)]
    n_images = len(benchmark.image_ids)
    rank = np.full((n_images, 1000, len(models)), 5, dtype=np.int8)
    for i, one in enumerate(models):
        for k in range(5):
            rank[np.arange(n_images), one.ranked_classes[:, k], i] = k
    return rank[np.repeat(np.arange(n_images), real.sizes), real.indices]


LAWS = {
    "power law": lambda rng, n: -np.expm1(-20 * rng.random(n) ** 2),
    "Beta(1/2, 1)": lambda rng, n: rng.beta(0.5, 1, n),
    "Beta(2, 2)": lambda rng, n: rng.beta(2, 2, n),
    "all alike, 0.3": lambda _, n: np.full(n, 0.3),
}
"""P(a model lists the label), independent of the other models."""


def simulated(n_labels: int = 300_000) -> None:
    rng = np.random.default_rng(0)
    print("| difficulty | models | unseen |", " | ".join(METHODS), "|")
    for name, law in LAWS.items():
        for n_models in (8, 16):
            captured = rng.random((n_labels, n_models)) < law(rng, n_labels)[:, None]
            unseen = (~captured.any(axis=1)).mean()
            ratios = [compared(captured, method)[0] for method in METHODS]
            shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"| {name} | {n_models} | {100 * unseen:.1f}% | {shown} |")


def compared(captured: np.ndarray, method: str) -> tuple[float, bool]:
    """Estimated over actual number, and whether the interval holds the latter."""
    actual = int((~captured.any(axis=1)).sum())
    try:
        found = estimate_missing_labels(captured, method=method)
    except DataError:
        return np.inf, False
    return found.n_missing / actual, found.interval[0] <= actual <= found.interval[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=60, help="draws of models a row")
    n_draws = parser.parse_args().draws
    print(describe_machine())
    rank = ranks()
    rng = np.random.default_rng(0)
    n_all = rank.shape[1]
    print("| list | models | unseen |", " | ".join(METHODS), "|")
    for top in (1, 3, 5):
        for n_models in (5, 10, 20, 40, n_all):
            drawn = [
                rank[:, rng.choice(n_all, n_models, replace=False)] < top
                for _ in range(n_draws if n_models < n_all else 1)
            ]
            unseen = np.mean([(~one.any(axis=1)).sum() for one in drawn])
            cells = []
            for method in METHODS:
                ratio, inside = np.array([compared(one, method) for one in drawn]).T
                low, middle, high = np.quantile(ratio, [0.05, 0.5, 0.95], method="nearest")
                cells.append(f"{middle:.2f} ({low:.2f}–{high:.2f}), {100 * inside.mean():.0f}%")
            print(f"| top {top} | {n_models} | {unseen:,.0f} |", " | ".join(cells), "|", flush=True)
    simulated()
    whole = rank < 5
    print(f"{n_all} models, top 5: {estimate_missing_labels(whole)}")
    print(f"power-law takes {seconds(lambda: estimate_missing_labels(whole)):.2f} s")


if __name__ == "__main__":
    main()
