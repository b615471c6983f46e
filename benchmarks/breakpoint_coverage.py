"""How often the verdict's intervals hold the truth, where models come in families.

Made-up models: families of uneven size share an offset from a line that bends at a known
place. Prints, for families drawn whole and for models drawn one by one, how often 95 %
intervals of the breakpoint, of both slopes and of their ratio hold the truth, their mean
width, and how often a straight line is called bent at a level of 5 %. There is no peer that
draws families; statsmodels has no breakpoints.

    python benchmarks/breakpoint_coverage.py --studies 500
"""

import argparse

import numpy as np

from reassess.statistics.intervals import defined_interval, group_weights
from reassess.statistics.segmented import broken_line_draws, broken_line_p_value, fit_broken_line

AT, LOWER, UPPER = 0.76, 1.0, 0.65
TRUTH = {"breakpoint": AT, "slope below": LOWER, "slope above": UPPER, "ratio": UPPER / LOWER}


def study(rng, n_families, upper):
    """Original and ReaL accuracy of models, and the family of each."""
    size = rng.geometric(0.25, n_families)
    family = np.repeat(np.arange(n_families), size)
    centre = rng.uniform(0.55, 0.9, n_families)
    x = np.clip(centre[family] + rng.normal(0, 0.03, len(family)), 0.4, 0.95)
    y = 0.05 + LOWER * x + (upper - LOWER) * np.maximum(x - AT, 0)
    noise = rng.normal(0, 0.003, n_families)[family] + rng.normal(0, 0.002, len(family))
    return x, y + noise, family


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--families", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{options.studies} studies, {options.families} families, {options.resamples} resamples")
    for drawn in ("families", "models"):
        rng = np.random.default_rng(options.seed)
        held, width = dict.fromkeys(TRUTH, 0), dict.fromkeys(TRUTH, 0.0)
        n_called = 0
        for _ in range(options.studies):
            x, y, family = study(rng, options.families, UPPER)
            groups = family if drawn == "families" else np.arange(len(x))
            draws = broken_line_draws(x, y, group_weights(groups, options.resamples, rng))
            by_name = dict(
                zip(
                    TRUTH,
                    (draws.breakpoint, draws.lower, draws.upper, draws.upper / draws.lower),
                    strict=True,
                )
            )
            for name, values in by_name.items():
                low, high = defined_interval(values)
                held[name] += low <= TRUTH[name] <= high
                width[name] += high - low
            x, y, family = study(rng, options.families, LOWER)
            groups = family if drawn == "families" else np.arange(len(x))
            assert fit_broken_line(x, y).f >= 0
            n_called += broken_line_p_value(x, y, groups, 199, rng) < 0.05
        for name in TRUTH:
            share, mean = held[name] / options.studies, width[name] / options.studies
            print(f"{drawn:9} {name:12} holds {100 * share:5.1f} %   mean width {mean:.4f}")
        print(f"{drawn:9} a straight line is called bent {100 * n_called / options.studies:.1f} %")


if __name__ == "__main__":
    main()
