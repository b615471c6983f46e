"""Random samples of what a proposal rule leaves out, to be asked about all the same.

Images on which all models agree with the original label are skipped, and what a new model predicts
beyond the proposals is not asked about. Neither is known: a simple random sample of each, whose
inclusion probability is known, tells how often it is wrong (`reassess.scoring.audited`).

Numbers to draw are totals: drawing twice with the same arguments is the same draw, and a larger
number draws the rest from what was left, which is a simple random sample as well. What entered a
population later is a stratum of its own, as it had no chance before.

Letters: N images, P pairs, S strata.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.errors import OptionError
from reassess.records import Audit, AuditStratum, Pairs

MOST_SKIPPED = 150
"""Skipped images that are audited by default: 150 tell a rate of wrong labels to 2 points."""

SHARE_SKIPPED = 5
"""At most one in so many skipped images is audited by default."""

N_UNASKED = 200
"""Predictions of a new model that are asked about by default."""


def no_audit(image_ids: Shaped[np.ndarray, "N"]) -> Audit:
    """An audit of which nothing is drawn."""
    none = np.empty(0, np.int64)
    return Audit((), Pairs.empty(image_ids), none, none, np.empty(0, dtype=bool))


def default_n_skipped(n_skipped: int) -> int:
    """How many skipped images are audited by default: 150, at most a fifth of them."""
    return min(MOST_SKIPPED, n_skipped // SHARE_SKIPPED)


def n_skipped_drawn(audit: Audit) -> int:
    """How many skipped images are drawn, those that a new model disputes among them."""
    return int((audit.drawn & audit.is_whole).sum())


def draw_skipped(
    skipped: Pairs,
    n: int,
    seed: int,
    audit: Audit | None = None,
    *,
    never: Bool[np.ndarray, "N"] | None = None,
) -> Audit | None:
    """The audit with ``n`` skipped images drawn in all; None where nothing is drawn.

    The number is spread over strata as their sizes are, and what was drawn stays drawn. Skipped
    images that are new since the last draw make a stratum of their own; images that are not
    skipped any more leave theirs.

    Args:
        skipped: every skipped image with its original label, drawn before or not.
        n: how many to have drawn, or all that there are.
        seed: of the draw.
        audit: what was drawn before, of the same images.
        never: images that are not drawn, such as those with gold.
    """
    if audit is not None:
        stays = audit.pairs.is_in(skipped)
        if never is not None:
            stays &= audit.drawn | ~never[audit.pairs.image]
        audit = audit.take(~audit.of_kind("skipped") | stays)
        known = np.isin(skipped.image, audit.pairs.image[audit.is_whole])
        skipped = skipped.take(~known)
        n = max(n - int((audit.drawn & audit.of_kind("disputed")).sum()), 0)
    if never is not None:
        skipped = skipped.take(~never[skipped.image])
    if len(skipped):
        stratum = AuditStratum("skipped", None, ())
        none = np.zeros(len(skipped), dtype=bool)
        audit = _with_stratum(audit, stratum, skipped, skipped.label, none)
    if audit is None:
        return None
    return _drawn_to(audit, np.array([one.kind == "skipped" for one in audit.strata]), n, seed)


def draw_unasked(
    model: str, unasked: Pairs, skipped: Pairs, n: int, seed: int, audit: Audit | None = None
) -> Audit | None:
    """The audit with ``n`` of a model's unasked predictions drawn in all; None where it has none.

    Skipped images that the model disputes are a stratum of their own and leave that of the
    skipped ones. Those that were drawn stay drawn: among the disputed ones they are as random a
    sample as before. The number is spread over strata as their sizes are.

    Args:
        model: its name.
        unasked: its top predictions that are no label and were not asked about; those that an
            audit holds already are left to their stratum.
        skipped: every skipped image with its original label, drawn or not.
        n: how many to have drawn, or all that there are.
        seed: of the draw.
        audit: what was drawn before, of the same images.
    """
    original = np.full(len(unasked.image_ids), -1)
    original[skipped.image] = skipped.label
    if audit is not None:
        unasked = unasked.take(~unasked.is_in(audit.pairs.take(~audit.of_kind("skipped"))))
        original[audit.pairs.image[audit.of_kind("disputed")]] = -1
    is_disputed = original[unasked.image] >= 0
    disputed, others = unasked.take(is_disputed), unasked.take(~is_disputed)
    before = audit
    if audit is not None:
        leaves = np.isin(audit.pairs.image, disputed.image) & audit.of_kind("skipped")
        audit = audit.take(~leaves)
    for part, seeds, drawn in _by_earlier_stratum(disputed, before):
        stratum = AuditStratum("disputed", model, seeds)
        audit = _with_stratum(audit, stratum, part, original[part.image], drawn)
    if len(others):
        stratum, none = AuditStratum("unasked", model, ()), np.zeros(len(others), dtype=bool)
        audit = _with_stratum(audit, stratum, others, np.full(len(others), -1), none)
    if audit is None:
        return None
    return _drawn_to(audit, np.array([one.model == model for one in audit.strata]), n, seed)


def _by_earlier_stratum(
    disputed: Pairs, audit: Audit | None
) -> list[tuple[Pairs, tuple[int, ...], Bool[np.ndarray, "n"]]]:
    """Disputed pairs by the stratum of their image before, with its seeds and what was drawn."""
    stratum = np.full(len(disputed.image_ids), -1)
    drawn = np.zeros(len(disputed.image_ids), dtype=bool)
    strata: tuple[AuditStratum, ...] = ()
    if audit is not None:
        was = audit.of_kind("skipped")
        stratum[audit.pairs.image[was]] = audit.stratum[was]
        drawn[audit.pairs.image[was & audit.drawn]] = True
        strata = audit.strata
    found = []
    for place in np.unique(stratum[disputed.image]).tolist():
        part = disputed.take(stratum[disputed.image] == place)
        found.append((part, strata[place].seeds if place >= 0 else (), drawn[part.image]))
    return found


def still_unasked(audit: Audit, asked: Pairs) -> Audit:
    """The audit without what is asked about anyway by now.

    What stays is as random a sample as before: whether a pair is asked about otherwise does not
    depend on the draw.

    Args:
        audit: what was drawn.
        asked: the pairs that are asked about beside the audit, of the same images.
    """
    rated = np.zeros(len(asked.image_ids), dtype=bool)
    rated[asked.image] = True
    goes = rated[audit.pairs.image] & audit.is_whole | audit.pairs.is_in(asked)
    return audit.take(~goes)


def draw_distractors(
    audit: Audit,
    before: Audit | None,
    asked: Pairs,
    proposals: Pairs,
    original: Int[np.ndarray, "N"],
    seed: int,
) -> Audit:
    """The audit with distractors for the skipped images that were drawn since.

    On a skipped image the models propose little beside the original label, so that few questions
    would tell raters which image is audited. Each is therefore asked about as many classes as an
    image that is rated by the rule, of the same original label where there is one, and the classes
    that it lacks are that image's.

    Args:
        audit: what is drawn.
        before: what was drawn before, and has its distractors; None for nothing.
        asked: what is asked about images that are rated by the rule.
        proposals: the pairs worth asking about, of all images, rated or not.
        original: the original label of each image.
        seed: of the draw.
    """
    new = np.zeros(len(original), dtype=bool)
    new[audit.pairs.image[audit.drawn & audit.is_whole]] = True
    if before is not None:
        new[before.pairs.image[before.drawn & before.is_whole]] = False
    image = np.flatnonzero(new)
    donors = np.unique(asked.image)
    if not len(image) or not len(donors):
        return audit
    rng = np.random.default_rng([seed, len(image), 1])
    donor = _donors(donors, original, image, rng)
    own = audited_questions(replace(audit, distractors=None), proposals)
    n_own = np.bincount(own.image, minlength=len(original))
    n_asked = np.bincount(asked.image, minlength=len(original))
    order = np.argsort(asked.image, kind="stable")
    start = np.cumsum(n_asked) - n_asked
    sizes = n_asked[donor]
    inside = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = order[np.repeat(start[donor], sizes) + inside]
    found = Pairs(asked.image_ids, np.repeat(image, sizes), asked.label[rows], asked.class_ids)
    found = found.take(~found.is_in(own))
    lacks = np.maximum(n_asked[donor] - n_own[image], 0)
    found = found.take(_some_of_each(found.image, image, lacks, rng))
    if audit.distractors is not None:
        found = found.take(~found.is_in(audit.distractors))
        found = Pairs.concatenate([audit.distractors, found])
    return replace(audit, distractors=found) if len(found) else audit


def _donors(
    donors: Int[np.ndarray, "d"],
    original: Int[np.ndarray, "N"],
    image: Int[np.ndarray, "n"],
    rng: np.random.Generator,
) -> Int[np.ndarray, "n"]:
    """A random donor for each image, of its original label where there is one."""
    donors = donors[np.argsort(original[donors], kind="stable")]
    labels = original[donors]
    low = np.searchsorted(labels, original[image])
    high = np.searchsorted(labels, original[image], side="right")
    low, high = np.where(high > low, low, 0), np.where(high > low, high, len(donors))
    found: Int[np.ndarray, "n"] = donors[rng.integers(low, high)]
    return found


def _some_of_each(
    group: Int[np.ndarray, "m"],
    groups: Int[np.ndarray, "n"],
    n: Int[np.ndarray, "n"],
    rng: np.random.Generator,
) -> Bool[np.ndarray, "m"]:
    """At random so many of each group, or all; ``groups`` rise and hold every group."""
    place = np.searchsorted(groups, group)
    order = np.lexsort((rng.random(len(group)), place))
    sizes = np.bincount(place, minlength=len(groups))
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found: Bool[np.ndarray, "m"] = rank < n[place]
    return found


def audited_questions(audit: Audit, proposals: Pairs) -> Pairs:
    """What an audit asks about beyond the images that are rated anyway.

    Args:
        audit: what was drawn.
        proposals: the pairs worth asking about, of all images, rated or not; of the same images.
    """
    whole = np.zeros(len(proposals.image_ids), dtype=bool)
    whole[audit.pairs.image[audit.drawn & audit.is_whole]] = True
    found = proposals.take(whole[proposals.image])
    parts = [audit.pairs.take(audit.drawn)]
    if audit.distractors is not None:
        parts.append(audit.distractors.take(whole[audit.distractors.image]))
    for part in parts:
        found = Pairs.concatenate([found, part.take(~part.is_in(found))])
    return found


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
    audit: Audit | None,
    stratum: AuditStratum,
    pairs: Pairs,
    kept: Int[np.ndarray, "n"],
    drawn: Bool[np.ndarray, "n"],
) -> Audit:
    """The audit with one stratum more."""
    kept = kept.astype(np.int64)
    if audit is None:
        return Audit((stratum,), pairs, np.zeros(len(pairs), np.int64), kept, drawn)
    return Audit(
        (*audit.strata, stratum),
        Pairs.concatenate([audit.pairs, replace(pairs, class_ids=audit.pairs.class_ids)]),
        np.concatenate([audit.stratum, np.full(len(pairs), len(audit.strata))]),
        np.concatenate([audit.kept, kept]),
        np.concatenate([audit.drawn, drawn]),
        audit.distractors,
    )


def _drawn_to(audit: Audit, among: Bool[np.ndarray, "S"], n: int, seed: int) -> Audit | None:
    """The audit once ``n`` pairs of some strata are drawn in all, of each as its size asks for.

    A stratum gets at least one. Strata of which nothing is drawn are left out; None where all are.

    Raises:
        OptionError: the number is negative.
    """
    if n < 0:
        raise OptionError(f"the number to draw is {n}, but must be 0 or more.")
    # Another draw under the same seed must not choose what lies at the same places.
    rng = np.random.default_rng([seed, int(audit.drawn.sum())])
    drawn, strata = audit.drawn.copy(), list(audit.strata)
    places, sizes = np.flatnonzero(among), audit.n_population[among]
    wanted = _spread(sizes, n)
    for place, k in zip(places.tolist(), (wanted - audit.n_drawn[among]).tolist(), strict=True):
        if k > 0:
            left = np.flatnonzero((audit.stratum == place) & ~audit.drawn)
            drawn[rng.choice(left, k, replace=False)] = True
            strata[place] = replace(strata[place], seeds=(*strata[place].seeds, seed))
    found = replace(audit, strata=tuple(strata), drawn=drawn)
    found = found.take((found.n_drawn > 0)[found.stratum])
    return found if found.strata else None


def _spread(sizes: Int[np.ndarray, "S"], n: int) -> Int[np.ndarray, "S"]:
    """A number spread over strata as their sizes are; at least one each where there are enough."""
    n = min(n, int(sizes.sum()))
    if n == 0:
        return np.zeros(len(sizes), np.int64)
    wanted = sizes * n / sizes.sum()
    share = np.floor(wanted).astype(np.int64)  # and the largest remainders get one more
    share[np.argsort(share - wanted, kind="stable")[: n - int(share.sum())]] += 1
    at_least_one: Int[np.ndarray, "S"] = np.maximum(share, 1)
    return at_least_one
