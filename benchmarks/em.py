"""One EM iteration on the published votes: ours against crowd-kit's Dawid-Skene.

Prints the time of one iteration with three truths (crowd-kit's model) and with two, of a
whole fit of 20 iterations with set-up, each ratio, and the peak memory of each process.

    python benchmarks/em.py [--rounds 5]
"""

import argparse

import numpy as np
from measure import best_of, describe_machine, in_fresh_process, published

ITERATIONS = 20


def votes():
    return published().votes("imagenet-votes")


def peer_fit(n_iterations: int) -> dict[str, float]:
    """Seconds of crowd-kit's fit; its stopping rule, which ends it after two iterations, is off."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene
    from measure import seconds

    read = votes()
    table = pd.DataFrame({"task": read.question, "worker": read.rater, "label": read.answer})
    return {
        "fit": seconds(lambda: DawidSkene(n_iter=n_iterations, tol=-np.inf).fit(table)),
        "set-up": seconds(lambda: DawidSkene(n_iter=0, tol=-np.inf).fit(table)),
    }


def our_fit(n_states: int, rounds: int) -> dict[str, float]:
    """Seconds of a whole fit, and of one pass over the votes with all that belongs to it."""
    from reassess.aggregation import dawid_skene
    from reassess.aggregation.coding import Coded, smoothed_confusion
    from reassess.aggregation.em import expectation, vote_shards
    from reassess.aggregation.methods import vote_shares
    from reassess.engines import ThreadEngine

    read = votes()
    shares = vote_shares(read, n_states)
    coded = Coded.from_votes(read)
    shards, totals = vote_shards(coded), coded.totals()
    found = {}
    for workers in (1, None):
        with ThreadEngine(workers) as engine:
            counts, mass = coded.counts(shares), shares.sum(axis=0)

            def iterate(counts=counts, mass=mass, engine=engine):
                confusion = smoothed_confusion(counts, 1.0)
                return expectation(coded, shards, confusion, mass / mass.sum(), engine, totals)

            name = "1 core" if workers == 1 else "all cores"
            found[f"iteration, {name}"] = best_of(iterate, 20 * rounds)
    found["fit"] = best_of(
        lambda: dawid_skene(read, n_states=n_states, max_iterations=ITERATIONS, tolerance=-1.0),
        rounds,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(describe_machine())
    peer, peer_memory = in_fresh_process(peer_fit, ITERATIONS)
    per_iteration = (peer["fit"] - peer["set-up"]) / ITERATIONS
    print(
        f"crowd-kit, 3 states: iteration {1e3 * per_iteration:.1f} ms, "
        f"fit of {ITERATIONS} {peer['fit']:.2f} s, peak {peer_memory:,.0f} MB"
    )
    for n_states in (3, 2):
        ours, memory = in_fresh_process(our_fit, n_states, rounds)
        print(
            f"reassess, {n_states} states: fit of {ITERATIONS} {ours['fit']:.3f} s, "
            f"ratio {peer['fit'] / ours['fit']:.1f}, peak {memory:,.0f} MB"
        )
        for name, value in ours.items():
            if name != "fit":
                print(f"    {name}: {1e3 * value:.2f} ms, ratio {per_iteration / value:.0f}")


if __name__ == "__main__":
    main()
