"""Ranks and how sure they are: a table for the terminal, sentences, and columns for files.

Decides nothing: `reassess.analysis.uncertainty` and `reassess.analysis.sensitivity` do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from reassess.analysis.drawing import Ranked
from reassess.analysis.sensitivity import Sensitivity
from reassess.analysis.uncertainty import Adjacent, UncertainScores, count_verdicts
from reassess.report import words

LEAST_SWAP = 0.1
"""Adjacent models are named where other raters would swap them with at least this probability."""

_NAMED = 8


def rank_columns(found: UncertainScores, sensitivity: Sensitivity | None) -> dict[str, list[Any]]:
    """Every model as columns, the best ReaL accuracy first; fractions, not percent."""
    order = _order(found)
    columns: dict[str, list[Any]] = {"model": [found.models[i] for i in order]}
    columns |= _ranked("real", found.images, order)
    if found.both is not None:
        columns |= _ranked("calibrated", found.both, order)
    if sensitivity is not None:
        columns["rank_best_at_thresholds"] = sensitivity.rank.min(axis=0)[order].tolist()
        columns["rank_worst_at_thresholds"] = sensitivity.rank.max(axis=0)[order].tolist()
    return columns


def ranks_table(found: UncertainScores, sensitivity: Sensitivity | None) -> Table:
    """One row a model, the best ReaL accuracy first."""
    share = words.percent(found.confidence, 0)
    table = Table(
        title=Text(f"Accuracy in percent and rank, {share} intervals, labels: {found.labels_name}"),
        title_justify="left", caption_justify="left", box=None, header_style="bold",
    )  # fmt: skip
    table.pad_edge = False
    table.add_column("model", no_wrap=True)
    headings = ["ReaL", "from images", "rank", "from images"]
    if found.both is not None:
        headings += ["calibrated", "images, labels", "rank", "images, labels"]
    if sensitivity is not None:
        headings.append(f"thresholds {'–'.join(threshold_ends(sensitivity))}")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for i in _order(found):
        cells = [found.models[i], *_cells(found.images, i)]
        if found.both is not None:
            cells += _cells(found.both, i)
        if sensitivity is not None:
            cells.append(_span(sensitivity.rank[:, i].min(), sensitivity.rank[:, i].max()))
        table.add_row(*map(Text, cells))
    scored = words.count(found.n_scored, "image")
    table.caption = f"{scored} scored, {found.n_unlabelled:,} left out because no label holds"
    return table


def rank_lines(found: UncertainScores, sensitivity: Sensitivity | None) -> list[str]:
    """What the table comes to, in sentences: ranks decided or not, and what would swap."""
    adjacent = found.adjacent()
    lines = []
    if adjacent:
        lines += [decided_sentence(found), *_corrected(found, adjacent)]
    if found.uncertainty is None:
        return [*lines, "Labels are taken as certain: no votes were given (--votes)."]
    if adjacent:
        lines.append(swap_sentence(found, _NAMED))
    lines.append(calibration_sentence(found))
    if sensitivity is not None:
        lines.append(_moves(sensitivity))
    return lines


def decided_sentence(found: UncertainScores) -> str:
    """How many pairs of adjacent models are decided, and what leaves the others undecided."""
    adjacent = found.adjacent()
    n = count_verdicts(adjacent)
    text = f"Of {words.count(len(adjacent), 'pair')} of adjacent models"
    text += f" {words.are(n['decided'])} decided, {n['images']:,} undecided because of the images"
    if found.both is not None:
        text += f", {n['labels']:,} undecided because of the labels"
    return f"{text}."


def swap_sentence(found: UncertainScores, n_named: int) -> str:
    """Which adjacent models other raters would put the other way round, likeliest first."""
    likely = sorted(
        (one for one in found.adjacent() if (one.p_swap or 0.0) >= LEAST_SWAP),
        key=lambda one: -one.p_swap,  # type: ignore[operator]
    )
    if not likely:
        return (
            "No two neighbours would swap with a probability of "
            f"{words.percent(LEAST_SWAP, 0)} or more, had other raters answered on the same images."
        )
    named = [f"{a.better} and {a.worse} ({words.percent(a.p_swap, 0)})" for a in likely]
    more = f", and {len(named) - n_named:,} more" if len(named) > n_named else ""
    told = ", ".join(named[:n_named]) + more if more else words.listed(named)
    return f"Neighbours that may swap when other raters answer, on the same images: {told}."


def _corrected(found: UncertainScores, adjacent: Sequence[Adjacent]) -> list[str]:
    """Why corrected tests decide fewer pairs; nothing where there is one pair only."""
    n_pairs = len(found.models) * (len(found.models) - 1) // 2
    if n_pairs == 1:
        return []
    alpha = 1 - found.confidence
    holm = sum(one.p_holm < alpha for one in adjacent)
    false = sum(one.p_false_discovery < alpha for one in adjacent)
    share = words.percent(alpha, 0)
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
        f"Posteriors are {kind}: on {words.count(uncertainty.n_gold, 'gold question')} their "
        f"log-odds are worth {slope:.2f} of what they say, and were calibrated so."
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
        f"Ranks of {words.count(int((span > 0).sum()), 'model')} change {where}, most that of "
        f"{sensitivity.models[most]} ({_span(ranks.min(), ranks.max())})."
    )


def _ranked(name: str, ranked: Ranked, order: list[int]) -> dict[str, list[Any]]:
    columns = {
        f"{name}": ranked.accuracy, f"{name}_low": ranked.low, f"{name}_high": ranked.high,
        f"{name}_rank": ranked.rank, f"{name}_rank_best": ranked.best,
        f"{name}_rank_worst": ranked.worst,
    }  # fmt: skip
    return {key: values[order].tolist() for key, values in columns.items()}


def _cells(ranked: Ranked, i: int) -> list[str]:
    ends = words.between(float(ranked.low[i]), float(ranked.high[i]), 2).removesuffix("%")
    return [
        words.bare(float(ranked.accuracy[i]), 2), ends, str(ranked.rank[i]),
        ranks_between(ranked, i),
    ]  # fmt: skip


def ranks_between(ranked: Ranked, i: int) -> str:
    """The interval of a model's rank: ``3–5``, or ``3``."""
    return _span(ranked.best[i], ranked.worst[i])


def _span(best: Any, worst: Any) -> str:
    return str(best) if best == worst else f"{best}–{worst}"


def _order(found: UncertainScores) -> list[int]:
    order: list[int] = np.argsort(-found.images.accuracy, kind="stable").tolist()
    return order
