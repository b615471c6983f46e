"""Choosing models among 2^19 and 2^20 subsets: ours against one subset after the other.

Lists are the 150,000 largest probabilities of each of the torchvision models, questions the
1,135 gold ones. The plain loop sums the lists of a subset's members, question by question, in
NumPy; it runs on a sample of the subsets and is scaled to all. On 12 models it runs over all
4,096 subsets, and its choice is compared with ours.

    python benchmarks/model_choice.py [--sample 4000]
"""

import argparse
import math
from fractions import Fraction

import numpy as np
from measure import best_of, describe_machine, in_fresh_process, published, seconds

from reassess.proposals.model_selection import choose_models
from reassess.records import align

N_CLASSES = 1000
TOP = 150_000


def gold_lists() -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Lists on gold questions, which are positive, which always proposed, and the models."""
    catalog = published()
    benchmark, gold = catalog.benchmark("imagenet"), catalog.gold("imagenet-gold")
    models = catalog.predictions("imagenet-torchvision", benchmark)
    first = np.arange(len(benchmark.image_ids)) * N_CLASSES
    pairs = gold.questions.pairs
    row = align(pairs.image_ids, benchmark.image_ids, source="gold", target_name=benchmark.name)
    key = first[row[pairs.image]] + pairs.label
    columns, always = [], np.isin(key, first + benchmark.original)
    for one in models:
        last = np.partition(one.scores, -TOP, axis=None)[-TOP]
        image, column = np.nonzero(one.scores >= last)
        columns.append(np.isin(key, first[image] + one.ranked_classes[image, column]))
        always |= np.isin(key, first + one.top)
    return np.stack(columns, axis=1), gold.truth(), always, [one.model for one in models]


def counted(listed: np.ndarray, positive: np.ndarray, always: np.ndarray, mask: int):
    """What one subset finds and proposes."""
    members = [i for i in range(listed.shape[1]) if mask >> i & 1]
    proposed = always | (listed[:, members].sum(axis=1) >= 2)
    return int((proposed & positive).sum()), int(proposed.sum())


def ours(n_models: int, recall: float) -> float:
    listed, positive, always, names = gold_lists()
    chosen = listed[:, :n_models], positive
    options = {"models": names[:n_models], "recall": recall, "always": always}
    return best_of(lambda: choose_models(*chosen, **options), 3)


def loop(n_models: int, n_sample: int) -> float:
    listed, positive, always, _ = gold_lists()
    masks = np.random.default_rng(0).integers(0, 1 << n_models, n_sample).tolist()
    lists = listed[:, :n_models]
    return seconds(lambda: [counted(lists, positive, always, mask) for mask in masks]) / n_sample


def agree(n_models: int, recall: float) -> bool:
    listed, positive, always, names = gold_lists()
    needed = math.ceil(Fraction(str(recall)) * int(positive.sum()))
    lists = listed[:, :n_models]
    every = [counted(lists, positive, always, mask) for mask in range(1 << n_models)]
    best = max((pair for pair in every if pair[0] >= needed), key=lambda p: (Fraction(*p), -p[1]))
    options = {"models": names[:n_models], "recall": recall, "always": always}
    found = choose_models(lists, positive, **options).chosen
    return best == (found.n_found, found.n_proposals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=4000, help="subsets that the loop runs on")
    n_sample = parser.parse_args().sample
    print(describe_machine())
    print(f"12 models, every subset: the same choice: {agree(12, 0.84)}")
    for n_models in (19, 20):
        mine, memory = in_fresh_process(ours, n_models, 0.85)
        one, _ = in_fresh_process(loop, n_models, n_sample)
        scaled = one * 2**n_models
        print(
            f"2^{n_models} subsets: ours {mine:.2f} s (peak {memory:,.0f} MB), loop {scaled:,.0f} "
            f"s (scaled from {n_sample:,} subsets), ratio {scaled / mine:,.0f}"
        )
    listed, positive, always, names = gold_lists()
    for recall in (0.80, 0.85, 0.88, 0.89):
        lists = listed[:, :20], positive
        for search in ("exhaustive", "greedy"):
            options = {"models": names[:20], "recall": recall, "always": always, "search": search}
            one = choose_models(*lists, **options).chosen
            shown = [name.partition("_pytorch")[0] for name in one.models]
            print(
                f"recall {recall}, {search}: {one.n_found} of {one.n_positive} ({one.recall:.3f}), "
                f"{one.n_proposals} proposals, precision {one.precision:.3f}, {', '.join(shown)}"
            )


if __name__ == "__main__":
    main()
