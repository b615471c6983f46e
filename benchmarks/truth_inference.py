"""How well does the default label crowds' votes, beside the field's methods?

The 17 vote sets of the truth-inference benchmark (Zheng et al., 2017; Li et al., 2019), whose truth
is known. Share of the tasks with a truth that are labelled rightly, a tie of b labels
counting 1/b, and log-loss with probabilities kept above 1e-6; means over the sets. The default is
what `choose_method` takes; IBCC, BWA and EBCC are as published by Li et al. (EBCC is the best of 40
random starts and took 18 minutes). crowd-kit runs with its own defaults where it is installed;
`--peer` runs one of its methods alone, and `--sets` prints each set when it is done. Needs
REASSESS_DATA.

    python benchmarks/truth_inference.py [--left-out 5] [--no-peers] [--peer GLAD --sets]
"""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from measure import describe_machine

from reassess.aggregation import METHODS, AggregateOptions, AggregationInputs, choose_method
from reassess.engines import ThreadEngine
from reassess.records import Questions, Votes

PUBLISHED = {
    "CF": (0.883, 0.893, 0.883), "CF_amt": (0.857, 0.860, 0.857), "MS": (0.790, 0.786, 0.787),
    "SP": (0.915, 0.917, 0.915), "SP_amt": (0.944, 0.946, 0.944),
    "ZC_all": (0.795, 0.835, 0.862), "ZC_in": (0.770, 0.764, 0.781),
    "ZC_us": (0.827, 0.911, 0.912), "product": (0.938, 0.919, 0.935),
    "senti_1k": (0.960, 0.956, 0.961), "face": (0.640, 0.618, 0.635),
    "adult": (0.745, 0.742, 0.748), "bird": (0.889, 0.759, 0.861), "dog": (0.839, 0.831, 0.840),
    "rte": (0.928, 0.928, 0.931), "trec": (0.705, 0.604, 0.704), "web": (0.751, 0.822, 0.769),
}  # fmt: skip
"""Published accuracies of IBCC, BWA and EBCC."""

PEERS = ("DawidSkene", "GLAD", "MACE")
LEAST_PROBABILITY = 1e-6
SHARE_LEFT_OUT = 0.15

CAVEAT = (
    "Differences below .003 are noise: the standard error of a mean of 17 sets is .0036, that of "
    "the difference to one pooled model .0018. The default was chosen on these sets, among about "
    "120 fits; a choice that had not seen them would be expected at .8425."
)

Aggregate = Callable[[Votes], np.ndarray]
Sets = dict[str, tuple[Votes, np.ndarray]]


def read(path: Path) -> tuple[Votes, np.ndarray]:
    """The votes of a set, and the truth of each task: -1 where unknown."""
    table = pq.read_table(path).to_pydict()
    words = sorted(set(table["label"]))
    tasks, task = np.unique(table["task"], return_inverse=True)
    workers, worker = np.unique(table["worker"], return_inverse=True)
    answer = np.array([words.index(one) for one in table["label"]])
    truth = np.full(len(tasks), -1)
    for t, gold in zip(task, table["gold"], strict=True):
        if gold is not None:
            truth[t] = words.index(gold)
    return Votes(Questions(tasks, None), workers, tuple(words), task, worker, answer), truth


def share_right(probability: np.ndarray, truth: np.ndarray) -> float:
    """Share of the known truths that are the likeliest label; a tie counts in part."""
    known = truth >= 0
    probability, truth = probability[known], truth[known]
    is_best = np.isclose(probability, probability.max(axis=1, keepdims=True), rtol=0, atol=1e-12)
    return float((is_best[np.arange(len(truth)), truth] / is_best.sum(axis=1)).mean())


def log_loss(probability: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -ln P(truth), P kept above `LEAST_PROBABILITY`."""
    known = np.flatnonzero(truth >= 0)
    right = probability[known, truth[known]]
    return float(-np.log(np.maximum(right, LEAST_PROBABILITY)).mean())


def by_method(name: str | None, engine: ThreadEngine) -> Aggregate:
    """One of our methods; None takes the default."""

    def run(votes: Votes) -> np.ndarray:
        method = METHODS[name or choose_method(votes, None)[0]]
        return method.run(AggregationInputs(votes, AggregateOptions(), engine=engine)).probability

    return run


def by_peer(name: str) -> Aggregate:
    """One of crowd-kit's methods, under its own defaults."""
    import pandas as pd
    from crowdkit import aggregation

    def run(votes: Votes) -> np.ndarray:
        table = pd.DataFrame({"task": votes.question, "worker": votes.rater, "label": votes.answer})
        fitted = getattr(aggregation, name)()
        found = fitted.fit(table).probas_ if name != "MACE" else fitted.fit_predict_proba(table)
        wanted = found.reindex(index=range(len(votes.questions)), columns=range(len(votes.answers)))
        return wanted.fillna(0).to_numpy()

    return run


def left_out(votes: Votes, truth: np.ndarray, seed: int) -> tuple[Votes, np.ndarray]:
    """The votes without `SHARE_LEFT_OUT` of the tasks."""
    kept = np.random.default_rng(seed).random(len(truth)) >= SHARE_LEFT_OUT
    rows = kept[votes.question]
    return votes.take(rows), truth[np.unique(votes.question[rows])]


def permuted(votes: Votes, seed: int) -> tuple[Votes, np.ndarray, np.ndarray]:
    """The votes with rows, tasks, raters and answers in another order, and where they went."""
    rng = np.random.default_rng(seed)
    n_questions, n_raters = len(votes.questions), len(votes.rater_ids)
    tasks, raters = rng.permutation(n_questions), rng.permutation(n_raters)
    answers, rows = rng.permutation(len(votes.answers)), rng.permutation(len(votes))
    renamed = Votes(
        Questions(votes.questions.ids[np.argsort(tasks)], None),
        votes.rater_ids[np.argsort(raters)],
        tuple(votes.answers[a] for a in np.argsort(answers)),
        tasks[votes.question][rows], raters[votes.rater][rows], answers[votes.answer][rows],
    )  # fmt: skip
    return renamed, tasks, answers


def scores(sets: Sets, run: Aggregate) -> Iterator[tuple[str, float, float, float]]:
    """Name, share right, log-loss and seconds of a core of each set."""
    for name, (votes, truth) in sets.items():
        start = time.process_time()
        probability = run(votes)
        seconds = time.process_time() - start
        yield name, share_right(probability, truth), log_loss(probability, truth), seconds


def print_row(name: str, rows: list[tuple[str, float, float, float]]) -> None:
    """Means over the sets, without those of ZC, and the time."""
    right = np.array([one[1] for one in rows])
    is_zc = np.array([one[0].startswith("ZC") for one in rows])
    loss, seconds = np.mean([one[2] for one in rows]), sum(one[3] for one in rows)
    rest = " | " if np.isnan(loss) else f"{loss:.3f} | {seconds:.1f} s"
    print(f"{name} | {right.mean():.4f} | {right[~is_zc].mean():.4f} | {rest}", flush=True)


def print_peer(name: str, sets: Sets, *, by_set: bool) -> None:
    """One of crowd-kit's methods, and each set when it is done."""
    rows = []
    for row in scores(sets, by_peer(name)):
        rows.append(row)
        if by_set:
            print(f"  {name} {row[0]}: {row[1]:.4f} | {row[2]:.3f} | {row[3]:.1f} s", flush=True)
    print_row(f"crowd-kit {name}", rows)


def print_default(sets: Sets, run: Aggregate, n_left_out: int) -> None:
    """What the default must hold beside its means: fewer tasks, and any order."""
    means = []
    for seed in range(n_left_out):
        fewer = {name: left_out(*one, seed) for name, one in sets.items()}
        means.append(np.mean([right for _, right, _, _ in scores(fewer, run)]))
    if means:
        print(
            f"15% of the tasks left out, {n_left_out} draws: mean {np.mean(means):.4f} "
            f"({min(means):.4f} to {max(means):.4f})"
        )
    furthest = 0.0
    for votes, _ in sets.values():
        other, tasks, answers = permuted(votes, seed=1)
        furthest = max(furthest, float(np.abs(run(other)[tasks][:, answers] - run(votes)).max()))
    print(
        f"rows, tasks, raters and answers permuted: probabilities differ by {furthest:.1e} at most"
    )


def main() -> None:
    """Print a row a method, then the default's by set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--left-out", type=int, default=5, help="draws of 15%% of the tasks")
    parser.add_argument("--no-peers", action="store_true", help="leave crowd-kit out")
    parser.add_argument("--peer", choices=PEERS, action="append", help="only this one; repeat it")
    parser.add_argument("--sets", action="store_true", help="print each set of a peer, too")
    given = parser.parse_args()
    folder = Path(os.environ["REASSESS_DATA"]) / "truth-inference"
    sets = {name: read(folder / f"{name}.parquet") for name in PUBLISHED}
    print(describe_machine())
    print("method | mean of 17 | without ZC | log-loss | time of all fits on one core")
    if given.peer:
        for name in given.peer:
            print_peer(name, sets, by_set=given.sets)
        return
    with ThreadEngine(1) as engine:
        default = by_method(None, engine)
        for votes, _ in sets.values():
            default(votes)  # compiles
        ours = list(scores(sets, default))
        print_row("default (bcc-ensemble)", ours)
        for name in ("dawid-skene", "majority"):
            print_row(name, list(scores(sets, by_method(name, engine))))
        for place, name in enumerate(("IBCC", "BWA", "EBCC")):
            print_row(
                f"{name}, published", [(n, PUBLISHED[n][place], np.nan, np.nan) for n in sets]
            )
        if given.no_peers or importlib.util.find_spec("crowdkit") is None:
            why = "--no-peers" if given.no_peers else f"not installed for {sys.executable}"
            print(f"crowd-kit skipped: {why}")
        else:
            for name in PEERS:
                print_peer(name, sets, by_set=given.sets)
        print_default(sets, default, given.left_out)
    print("\nset | votes | raters | answers | default | IBCC | BWA | EBCC | log-loss | seconds")
    for name, right, loss, seconds in ours:
        votes = sets[name][0]
        theirs = " | ".join(f"{one:.3f}" for one in PUBLISHED[name])
        print(
            f"{name} | {len(votes):,} | {len(votes.rater_ids)} | {len(votes.answers)} | "
            f"{right:.3f} | {theirs} | {loss:.3f} | {seconds:.2f}"
        )
    print(f"\n{CAVEAT}")


if __name__ == "__main__":
    main()
