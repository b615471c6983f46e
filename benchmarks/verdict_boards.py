"""What the verdict says of made-up boards whose answer is known.

Boards of 8 to 100 models, with the noise of timm's tables (0.3 points around a line) and twice
that: straight in points, straight in probits, bent to .85 and .65 of the slope, and flat above the
bend. Some boards draw models in families that share an offset. Prints the share of each answer: a
*no* is false unless the top is flat, and a *yes* is false where it is. There is no peer.

    python benchmarks/verdict_boards.py --boards 200
"""

import argparse
from collections import Counter

import numpy as np

from reassess.analysis.model_sample import from_probits, probits
from reassess.analysis.proxy import proxy
from reassess.analysis.verdict import judge

AT = 0.76
SIZES = (8, 12, 20, 25, 40, 100)
NOISES = (0.003, 0.006)
KINDS = {
    "straight": lambda x: 0.05 + x,
    "straight, y below x": lambda x: 0.9 * x - 0.05,
    "straight in probits": lambda x: from_probits(0.8 * probits(x) - 0.2),
    "bent to .85": lambda x: 0.05 + x - 0.15 * np.maximum(x - AT, 0),
    "bent to .65": lambda x: 0.05 + x - 0.35 * np.maximum(x - AT, 0),
    "flat": lambda x: 0.05 + np.minimum(x, AT),
}
STRAIGHT = ("straight", "straight, y below x", "straight in probits")


def board(kind, n_models, noise, families, rng):
    """Both accuracies of each model, and its family."""
    x = rng.uniform(0.6, 0.9, n_models)
    family = rng.integers(max(8, n_models // 3), size=n_models) if families else np.arange(n_models)
    shared = rng.normal(0, noise, n_models)[np.unique(family, return_inverse=True)[1]]
    own = rng.normal(0, noise, n_models)
    off = (shared + own) / np.sqrt(2) if families else own
    return x, KINDS[kind](x) + off, family


def answers(kind, n_models, noise, families, n_boards, n_resamples, rng):
    """How often each answer is given."""
    found = Counter()
    for _ in range(n_boards):
        x, y, family = board(kind, n_models, noise, families, rng)
        about = proxy(x, y, groups=family, n_resamples=n_resamples, rng=rng)
        found[judge(about).answer] += 1
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--boards", type=int, default=100)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--families", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    n = options.boards
    print(f"{n} boards each, {options.resamples} resamples, families: {options.families}")
    print(f"{'board':20} {'models':>6} {'noise':>6} {'yes':>6} {'weaker':>7} {'no':>6} {'open':>6}")
    worst_no, worst_yes = 0.0, 1.0
    for kind in KINDS:
        for n_models in options.sizes:
            for noise in NOISES:
                found = answers(kind, n_models, noise, options.families, n, options.resamples, rng)
                shares = [found[answer] / n for answer in ("yes", "weaker", "no", "open")]
                row = " ".join(f"{100 * share:5.1f}%" for share in shares)
                print(f"{kind:20} {n_models:6} {100 * noise:6.1f} {row}", flush=True)
                if kind != "flat":
                    worst_no = max(worst_no, shares[2])
                if kind in STRAIGHT and n_models >= 20:
                    worst_yes = min(worst_yes, shares[0])
    print(f"most frequent false no: {100 * worst_no:.1f}% (at most 5% wanted)")
    print(f"least frequent yes, straight, 20 models or more: {100 * worst_yes:.1f}% (50% wanted)")


if __name__ == "__main__":
    main()
