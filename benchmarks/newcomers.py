"""Is a newcomer judged fairly by its rivals' pool? The published models, before and after an audit.

Labels are limited to what a pool of 5 of the published models proposes: their top predictions and
the original labels, images on which all agree being skipped. The other models are newcomers. 150 of
the skipped images are drawn, and 200 of each newcomer's predictions that nobody was asked about;
the published labels answer. For each pair of a newcomer and a member of the pool:

before   does `compare` say *cannot tell* wherever the bounds straddle zero?
after    is a pair significant (5 %) one way that is significant the other way under all labels?

An interval is about the labels that raters give where everything that an audit can draw is asked:
``covered``. All labels hold more, such as classes that neither the pool nor the newcomer proposes,
and images that have no other: ``covered_by_all`` counts how often the interval holds their
difference.

Run: REASSESS_DATA=… python benchmarks/newcomers.py [--pools 20] [--seed 0]
"""

import argparse
import json
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from reassess.proposals.audits import draw_skipped, draw_unasked, skipped_pairs, unasked_pairs
from reassess.records import Audit, Comparison, LabelSets, Pairs, Predictions
from reassess.scoring import compare
from reassess.sources import evaluation_target

K = 1000
OTHER = {"a": "b", "b": "a"}


@dataclass(frozen=True)
class Pool:
    """What a pool proposes, and what is known where only that was asked about.

    Attributes:
        full: the published labels.
        original: the original label of each image.
        proposals: what the pool proposes, of all images.
        rated: on which images its models do not all agree with the original label.
    """

    full: LabelSets
    original: Any
    proposals: Pairs
    rated: Any

    @classmethod
    def of(cls, members: list[Predictions], full: LabelSets, original: Any) -> "Pool":
        """The pool of some models."""
        tops = np.stack([*(one.top for one in members), original])
        keys = np.unique(np.arange(len(full)) * K + tops)
        pairs = Pairs(full.image_ids, keys // K, keys % K)
        return cls(full, original, pairs, (tops != original).any(axis=0))

    @property
    def skipped(self) -> Pairs:
        """Every skipped image with its original label."""
        return skipped_pairs(self.full.image_ids, self.original, self.rated)

    def labels(self, audit: Audit | None = None) -> LabelSets:
        """The labels where the published ones answer what was asked about, and what was drawn."""
        rated, ids = self.rated.copy(), self.full.image_ids
        new = Pairs.empty(ids)
        if audit is not None:
            whole = audit.drawn & ~audit.of_kind("unasked")
            rated[audit.pairs.image[whole]] = True
            new = audit.pairs.take(audit.drawn & ~audit.of_kind("skipped"))
        proposed = self.proposals.take(rated[self.proposals.image])
        asked = Pairs.concatenate([proposed, new.take(~new.is_in(proposed))])
        holds = Pairs(ids, self.full.image, self.full.indices)
        kept = asked.take(asked.is_in(holds))
        unrated = skipped_pairs(ids, self.original, rated)
        image = np.concatenate([kept.image, unrated.image])
        label = np.concatenate([kept.label, unrated.label])
        order = np.lexsort((label, image))
        counts = np.bincount(image, minlength=len(ids))
        return LabelSets(
            "limited", ids, np.concatenate([[0], np.cumsum(counts)]), label[order], rated=rated,
            n_classes=K, classes=self.full.classes, asked=asked, audit=audit,
        )  # fmt: skip


class Outcome(NamedTuple):
    """What is said of a pair of models: before and after an audit, after one of everything, truly.

    Attributes:
        before: by what the pool proposes.
        after: with the audit.
        every: with an audit of everything that it could draw.
        truth: under all labels.
    """

    before: Comparison
    after: Comparison
    every: Comparison
    truth: Comparison


def outcomes(
    models: list[Predictions], pool: Pool, members: list[int], rng: np.random.Generator,
    n_skipped: int, n_unasked: int,
) -> list[Outcome]:  # fmt: skip
    """Of each pair of a newcomer and a member."""
    before, skipped = pool.labels(), pool.skipped
    assert before.asked is not None
    known = Pairs.concatenate([replace(before.asked, class_ids=None), skipped])
    everything = replace(pool.full, asked=None)
    first = draw_skipped(skipped, n_skipped, int(rng.integers(2**31))) if n_skipped else None
    whole = draw_skipped(skipped, len(skipped), 0)
    found: list[Outcome] = []
    for place, newcomer in enumerate(models):
        if place in members:
            continue
        unasked = unasked_pairs(before.image_ids, newcomer.top, known)
        seed = int(rng.integers(2**31))
        after, every = (
            pool.labels(draw_unasked(newcomer.model, unasked, skipped, n, seed, earlier))
            for n, earlier in ((n_unasked, first), (len(unasked), whole))
        )
        of = (before, after, every, everything)
        found += [
            Outcome(*(compare(newcomer, models[one], labels) for labels in of)) for one in members
        ]
    return found


def count(found: list[Outcome]) -> dict[str, float]:
    """How often what happens to a pair."""
    names = (
        "pairs", "straddle", "cannot_tell", "reversed_as_counted", "reversed_before",
        "reversed_after", "decided_after", "decided_under_all", "covered", "covered_by_all",
    )  # fmt: skip
    totals: dict[str, float] = dict.fromkeys(names, 0)
    for before, after, every, truth in found:
        assert before.unasked is not None
        assert after.audited is not None
        assert every.audited is not None
        assert before.difference is not None
        assert truth.difference is not None
        counted = ("a" if before.difference > 0 else "b") if before.p_value < 0.05 else "undecided"
        opposite = OTHER.get(truth.decision)
        totals["pairs"] += 1
        totals["straddle"] += before.unasked.is_open
        totals["cannot_tell"] += before.decision == "cannot tell"
        totals["reversed_as_counted"] += counted == opposite
        totals["reversed_before"] += before.decision == opposite
        totals["reversed_after"] += after.decision == opposite
        totals["decided_after"] += after.decision in OTHER
        totals["decided_under_all"] += opposite is not None
        totals["covered"] += after.audited.low <= every.audited.value <= after.audited.high
        totals["covered_by_all"] += after.audited.low <= truth.difference <= after.audited.high
    audits = [one.after.audited for one in found if one.after.audited is not None]
    widths = [one.high - one.low for one in audits]
    return totals | {"median_width": float(np.median(widths))}


def main() -> None:
    """Print the counts after each pool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skipped", type=int, default=150)
    parser.add_argument("--unasked", type=int, default=200)
    given = parser.parse_args()
    target = evaluation_target("imagenet-real")
    models = target.predictions("imagenet-v2-repo", top_k=1)
    rng = np.random.default_rng(given.seed)
    found: list[Outcome] = []
    for _ in range(given.pools):
        members = rng.choice(len(models), 5, replace=False).tolist()
        pool = Pool.of([models[one] for one in members], target.labels, target.benchmark.original)
        found += outcomes(models, pool, members, rng, given.skipped, given.unasked)
        print(json.dumps(count(found)), flush=True)


if __name__ == "__main__":
    main()
