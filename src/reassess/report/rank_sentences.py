"""What is known of ranks, in sentences: which are decided, which are open and why, what would swap.

Tells the findings of `reassess.analysis.uncertainty`, each with its interval; the verdict on the
metric is `reassess.report.verdict`'s.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reassess.analysis.replicates import Ranked
from reassess.analysis.sensitivity import Sensitivity
from reassess.analysis.standings import Neighbours
from reassess.analysis.uncertainty import Adjacent, UncertainScores, count_decisions
from reassess.report import formatting as fmt

Sentences = tuple[tuple[str, str], ...]
"""What a sentence is about, in a word or two, and the sentence."""

LEAST_SWAP = 0.1
"""Adjacent models are named where other raters would swap them with at least this probability."""

_N_NAMED = 3
_N_SWAPS = 8


def neighbours_sentence(neighbours: Sequence[Neighbours]) -> str:
    """Which neighbours exact tests decide, where no intervals of ranks were drawn."""
    open_ = [one for one in neighbours if not one.difference.decided]
    first = (
        f"Of {fmt.count(len(neighbours), 'pair')} of neighbours in rank,"
        f" {fmt.are(len(neighbours) - len(open_))} decided (exact paired tests, Holm)"
    )
    if not open_:
        return f"{first}."
    named = [f"{one.better} before {one.worse}" for one in open_[:_N_NAMED]]
    if len(open_) > _N_NAMED:
        named.append(f"{len(open_) - _N_NAMED:,} more")
    return f"{first}; open: {fmt.listed(named)}."


def ranks_sentences(found: UncertainScores) -> Sentences:
    """The best models with both kinds of interval, which ranks are decided, and what would swap."""
    ranks = decided_sentence(found)
    best = np.argsort(-found.images.accuracy, kind="stable")[:_N_NAMED].tolist()
    if found.both is None:
        named = [f"{found.models[m]} {_ranked(found.images, m)}" for m in best]
        return (
            ("best", f"From images, with labels taken as certain: {'; '.join(named)}."),
            ("ranks", ranks),
            *_on_what_was_asked(found),
            ("labels", f"Labels are taken as certain: {found.no_label_uncertainty}."),
        )
    named = [
        f"{found.models[m]} {_ranked(found.images, m)}, calibrated {_ranked(found.both, m)}"
        for m in best
    ]
    best_told = "; ".join(named)
    return (
        ("best", f"From images, and calibrated from images and labels together: {best_told}."),
        ("ranks", f"{ranks} {swap_sentence(found, _N_NAMED)}"),
        *_on_what_was_asked(found),
        *_on_calibration(found),
    )


def _on_what_was_asked(found: UncertainScores) -> Sentences:
    """The audit, or what intervals are conditional on without one, and what stays unknown."""
    skipped = (("skipped", sentence) for sentence in _skipped_sentences(found))
    unasked = (("not asked", sentence) for sentence in unasked_sentences(found))
    return (*skipped, *unasked)


def _on_calibration(found: UncertainScores) -> Sentences:
    """That nothing was calibrated, where nothing was."""
    known = found.uncertainty is not None and found.uncertainty.coefficients is not None
    return () if known else (("calibration", calibration_sentence(found)),)


def _ranked(kind: Ranked, m: int) -> str:
    """``86.83% (86.52–87.13%), rank 1–2``."""
    ends = fmt.between(float(kind.low[m]), float(kind.high[m]), 2)
    return f"{fmt.percent(float(kind.accuracy[m]), 2)} ({ends}), rank {ranks_between(kind, m)}"


def rank_lines(found: UncertainScores, sensitivity: Sensitivity | None) -> list[str]:
    """What the table comes to, in sentences: ranks decided or not, and what would swap."""
    adjacent = found.adjacent()
    lines = []
    if adjacent:
        lines += [decided_sentence(found), *_corrected(found, adjacent)]
    lines += [*_skipped_sentences(found), *unasked_sentences(found)]
    if found.uncertainty is None:
        return [*lines, f"Labels are taken as certain: {found.no_label_uncertainty}."]
    if adjacent:
        lines.append(swap_sentence(found, _N_SWAPS))
    lines.append(calibration_sentence(found))
    if sensitivity is not None:
        lines.append(_moves(sensitivity))
    return lines


def _skipped_sentences(found: UncertainScores) -> list[str]:
    """The audit that the scores rest on, and what they are conditional on without one."""
    lines = []
    if found.audited is not None:
        n_skipped, n_unasked = found.audited.n_skipped, found.audited.n_unasked
        parts = [fmt.count(n_skipped, "skipped image")] if n_skipped else []
        parts += [fmt.count(n_unasked, "unasked prediction")] if n_unasked else []
        lines.append(f"Levels, ranks and intervals rest on an audit of {fmt.listed(parts)}.")
    if found.n_unchecked:
        lines.append(
            "Intervals are conditional on the original labels of"
            f" {fmt.count(found.n_unchecked, 'image')} being right, which raters did not check."
        )
    return lines


def decided_sentence(found: UncertainScores) -> str:
    """How many pairs of adjacent models are decided, and what leaves the others undecided."""
    adjacent = found.adjacent()
    n = count_decisions(adjacent)
    text = f"Of {fmt.count(len(adjacent), 'pair')} of adjacent models"
    text += f" {fmt.are(n['decided'])} decided, {n['images']:,} undecided because of the images"
    if found.both is not None:
        text += f", {n['labels']:,} undecided because of the labels"
    if n["unasked"]:
        text += f", {n['unasked']:,} undecided because of predictions that raters did not see"
    return f"{text}."


def unasked_sentences(found: UncertainScores) -> list[str]:
    """What raters were not asked about, and that intervals count it as wrong; none where nothing.

    The model with the most stands for all: each has its number and its bounds in the table.
    """
    unasked = found.unasked
    if unasked is None or not unasked.n.any():
        return []
    most = int(np.argmax(unasked.n))
    n_models = int((unasked.n > 0).sum())
    low, high = (fmt.percent(float(end[most]), 2) for end in (unasked.low, unasked.high))
    told = (
        f"Raters were not asked about top predictions of {fmt.count(n_models, 'model')}, which"
        f" accuracies, ranks and their intervals count as wrong: {int(unasked.n[most]):,} of"
        f" {found.models[most]}, which lies between {low} and {high} whatever they are."
    )
    return [told]


def swap_sentence(found: UncertainScores, n_named: int) -> str:
    """Which adjacent models other raters would put the other way round, likeliest first."""
    likely = sorted(
        (one for one in found.adjacent() if (one.p_swap or 0.0) >= LEAST_SWAP),
        key=lambda one: -one.p_swap,  # type: ignore[operator]
    )
    if not likely:
        return (
            "No two neighbours would swap with a probability of "
            f"{fmt.percent(LEAST_SWAP, 0)} or more, had other raters of the same crowd answered on "
            "the same images."
        )
    named = [f"{a.better} and {a.worse} ({fmt.percent(a.p_swap, 0)})" for a in likely]
    more = f", and {len(named) - n_named:,} more" if len(named) > n_named else ""
    told = ", ".join(named[:n_named]) + more if more else fmt.listed(named)
    return (
        "Neighbours that may swap when other raters of the same crowd answer, on the same images: "
        f"{told}."
    )


def _corrected(found: UncertainScores, adjacent: Sequence[Adjacent]) -> list[str]:
    """Why corrected tests decide fewer pairs; nothing where there is one pair only."""
    n_pairs = len(found.models) * (len(found.models) - 1) // 2
    if n_pairs == 1:
        return []
    alpha = 1 - found.confidence
    holm = sum(one.p_holm < alpha for one in adjacent)
    false = sum(one.p_false_discovery < alpha for one in adjacent)
    share = fmt.percent(alpha, 0)
    return [
        (
            "Each pair is judged for itself there, as by somebody who asks about these two models"
            f" only. Of {n_pairs:,} pairs of models tested at once some seem to differ by chance:"
            f" the images decide {holm:,} of these {len(adjacent):,} if not one of all answers may"
            f" be wrong (Holm; with a risk of {share}), and {false:,} if {share} of them may"
            " (Benjamini–Hochberg)."
        )
    ]


def calibration_sentence(found: UncertainScores) -> str:
    """What gold said of the posteriors, or that there was none to say it."""
    uncertainty = found.uncertainty
    if uncertainty is None or uncertainty.coefficients is None:
        return (
            "Posteriors are taken as they are, because there is no gold (--gold, or a study's) by "
            "which some of the raters' questions hold and some do not; they are usually "
            "over-confident, and intervals from labels then too narrow."
        )
    slope = uncertainty.coefficients[1]
    kind = "over-confident" if slope < 1 else "not over-confident"
    return (
        f"Posteriors are {kind}: on {fmt.count(uncertainty.n_gold, 'gold question')} their "
        f"log-odds are worth {fmt.number(slope, 2)} of what they say, and were calibrated so."
    )


def threshold_ends(sensitivity: Sensitivity) -> tuple[str, str]:
    """The lowest and the highest threshold: ``0.243``, ``0.95``."""
    return f"{min(sensitivity.thresholds):.3g}", f"{max(sensitivity.thresholds):.3g}"


def _moves(sensitivity: Sensitivity) -> str:
    span = sensitivity.rank.max(axis=0) - sensitivity.rank.min(axis=0)
    where = f"between the thresholds {' and '.join(threshold_ends(sensitivity))}"
    if span.max() == 0:
        return f"No rank changes {where}."
    most = int(np.argmax(span))
    ranks = sensitivity.rank[:, most]
    return (
        f"Ranks of {fmt.count(int((span > 0).sum()), 'model')} change {where}, most that of "
        f"{sensitivity.models[most]} ({rank_span(ranks.min(), ranks.max())})."
    )


def ranks_between(ranked: Ranked, i: int) -> str:
    """The interval of a model's rank: ``3–5``, or ``3``."""
    return rank_span(ranked.best[i], ranked.worst[i])


def rank_span(best: Any, worst: Any) -> str:
    """Two ranks as ``3–5``, or ``3`` where they are one."""
    return str(best) if best == worst else f"{best}–{worst}"
