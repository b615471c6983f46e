"""Random samples of what a proposal rule leaves out, to be asked about all the same.

Images on which all models agree with the original label are skipped, and what a new model predicts
beyond the proposals is not asked about. Neither is known: a simple random sample of each, whose
inclusion probability is known, tells how often it is wrong (`reassess.scoring.audited`).

A stratum is extended by drawing again from what was left, which is a simple random sample as well.
What entered a population later is a stratum of its own, as it had no chance before.

Letters: N images.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.errors import OptionError
from reassess.records import Audit, AuditKind, AuditStratum, Pairs

MOST_SKIPPED = 150
"""Skipped images that are audited by default: 150 tell a rate of wrong labels to 2 points."""

SHARE_SKIPPED = 5
"""At most one in so many skipped images is audited by default."""

N_UNASKED = 200
"""Predictions of a new model that are asked about by default."""


def default_n_skipped(n_skipped: int) -> int:
    """How many skipped images are audited by default: 150, at most a fifth of them."""
    return min(MOST_SKIPPED, n_skipped // SHARE_SKIPPED)


def draw_skipped(skipped: Pairs, n: int, seed: int, audit: Audit | None = None) -> Audit | None:
    """The audit with ``n`` more of the skipped images drawn; None where there is nothing to draw.

    Skipped images that are new since the last draw make a stratum of their own; images that are
    not skipped any more leave theirs.

    Args:
        skipped: every skipped image with its original label, drawn before or not.
        n: how many to draw, or all that are left.
        seed: of the draw.
        audit: what was drawn before, of the same images.
    """
    if audit is not None:
        was = audit.of_kind("skipped")
        audit = audit.take(~was | audit.pairs.is_in(skipped))
        known = np.isin(skipped.image, audit.pairs.image[~audit.of_kind("unasked")])
        skipped = skipped.take(~known)
    if len(skipped):
        audit = _with_stratum(audit, AuditStratum("skipped", None, ()), skipped, skipped.label)
    if audit is None:
        return None
    return _drawn_more(audit, audit.of_kind("skipped"), n, seed)


def draw_unasked(
    model: str, unasked: Pairs, skipped: Pairs, n: int, seed: int, audit: Audit | None = None
) -> Audit | None:
    """The audit with ``n`` more of a model's unasked predictions drawn; None where it has none.

    Skipped images that the model disputes are a stratum of their own, and leave that of the skipped
    ones, drawn or not: which of them are asked about is drawn afresh. The number is spread over
    both as their sizes are.

    Args:
        model: its name.
        unasked: its top predictions that are no label and were not asked about; those that an
            audit holds already are left to their stratum.
        skipped: every skipped image with its original label, drawn or not.
        n: how many to draw, or all that are left.
        seed: of the draw.
        audit: what was drawn before, of the same images.
    """
    original = np.full(len(unasked.image_ids), -1)
    original[skipped.image] = skipped.label
    if audit is not None:
        unasked = unasked.take(~unasked.is_in(audit.pairs.take(~audit.of_kind("skipped"))))
        original[audit.pairs.image[audit.of_kind("disputed")]] = -1
    disputed = original[unasked.image] >= 0
    if audit is not None:
        leaves = np.isin(audit.pairs.image, unasked.image[disputed]) & audit.of_kind("skipped")
        audit = audit.take(~leaves)
    kinds: tuple[AuditKind, ...] = ("disputed", "unasked")
    for kind, rows in zip(kinds, (disputed, ~disputed), strict=True):
        part = unasked.take(rows)
        if len(part):
            stratum = AuditStratum(kind, model, ())
            audit = _with_stratum(audit, stratum, part, original[part.image])
    if audit is None:
        return None
    own = np.array([one.model == model for one in audit.strata], dtype=bool)
    return _drawn_more(audit, own[audit.stratum], n, seed)


def skipped_pairs(
    image_ids: Shaped[np.ndarray, "N"], original: Int[np.ndarray, "N"], rated: Bool[np.ndarray, "N"]
) -> Pairs:
    """Every skipped image with its original label."""
    image = np.flatnonzero(~rated)
    return Pairs(image_ids, image, original[image].astype(np.int64))


def unasked_pairs(
    image_ids: Shaped[np.ndarray, "N"], top: Int[np.ndarray, "N"], known: Pairs
) -> Pairs:
    """The top predictions that are not among known pairs.

    Args:
        image_ids: the images.
        top: a model's top prediction of each.
        known: pairs that were asked about, and the labels that skipped images keep.
    """
    pairs = Pairs(image_ids, np.arange(len(top)), top.astype(np.int64))
    return pairs.take(~pairs.is_in(known))


def _with_stratum(
    audit: Audit | None, stratum: AuditStratum, pairs: Pairs, kept: Int[np.ndarray, "n"]
) -> Audit:
    """The audit with one stratum more, of which nothing is drawn."""
    none = np.zeros(len(pairs), dtype=bool)
    kept = kept.astype(np.int64)
    if audit is None:
        return Audit((stratum,), pairs, np.zeros(len(pairs), np.int64), kept, none)
    return Audit(
        (*audit.strata, stratum),
        Pairs.concatenate([audit.pairs, replace(pairs, class_ids=audit.pairs.class_ids)]),
        np.concatenate([audit.stratum, np.full(len(pairs), len(audit.strata))]),
        np.concatenate([audit.kept, kept]),
        np.concatenate([audit.drawn, none]),
    )


def _drawn_more(audit: Audit, among: Bool[np.ndarray, "P"], n: int, seed: int) -> Audit | None:
    """The audit once ``n`` pairs of some strata are drawn, as many of each as its size asks for.

    Strata of which nothing was drawn are left out; None where all are.

    Raises:
        OptionError: the number is negative.
    """
    if n < 0:
        raise OptionError(f"the number to draw is {n}, but must be 0 or more.")
    rng = np.random.default_rng(seed)
    drawn, left = audit.drawn.copy(), np.flatnonzero(among & ~audit.drawn)
    strata, sizes = np.unique(audit.stratum[left], return_counts=True)
    n = min(n, len(left))
    wanted = sizes * n / max(len(left), 1)
    share = np.floor(wanted).astype(np.int64)  # and the largest remainders get one more
    share[np.argsort(share - wanted, kind="stable")[: n - int(share.sum())]] += 1
    seeds = {}
    for stratum, k in zip(strata.tolist(), share.tolist(), strict=True):
        drawn[rng.choice(left[audit.stratum[left] == stratum], k, replace=False)] = True
        seeds[stratum] = (seed,) if k else ()
    found = Audit(
        tuple(
            replace(one, seeds=(*one.seeds, *seeds.get(place, ())))
            for place, one in enumerate(audit.strata)
        ),
        audit.pairs,
        audit.stratum,
        audit.kept,
        drawn,
    )
    found = found.take((found.n_drawn > 0)[found.stratum])
    return found if found.strata else None
