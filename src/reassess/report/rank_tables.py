"""Ranks and how sure they are: a table for the terminal, sentences, and columns for files.

Decides nothing: `reassess.analysis.uncertainty` and `reassess.analysis.soft_labels` do.
"""

from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from reassess.analysis.replicates import Ranked
from reassess.analysis.soft_labels import Sensitivity
from reassess.analysis.uncertainty import UncertainScores
from reassess.report import formatting as fmt
from reassess.report.verdict import rank_span, ranks_between, threshold_ends


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
    share = fmt.percent(found.confidence, 0)
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
            cells.append(rank_span(sensitivity.rank[:, i].min(), sensitivity.rank[:, i].max()))
        table.add_row(*map(Text, cells))
    scored = fmt.count(found.n_scored, "image")
    table.caption = f"{scored} scored, {found.n_unlabelled:,} left out because no label holds"
    return table


def _ranked(name: str, ranked: Ranked, order: list[int]) -> dict[str, list[Any]]:
    columns = {
        f"{name}": ranked.accuracy, f"{name}_low": ranked.low, f"{name}_high": ranked.high,
        f"{name}_rank": ranked.rank, f"{name}_rank_best": ranked.best,
        f"{name}_rank_worst": ranked.worst,
    }  # fmt: skip
    return {key: values[order].tolist() for key, values in columns.items()}


def _cells(ranked: Ranked, i: int) -> list[str]:
    ends = fmt.between(float(ranked.low[i]), float(ranked.high[i]), 2).removesuffix("%")
    return [
        fmt.bare(float(ranked.accuracy[i]), 2), ends, str(ranked.rank[i]),
        ranks_between(ranked, i),
    ]  # fmt: skip


def _order(found: UncertainScores) -> list[int]:
    order: list[int] = np.argsort(-found.images.accuracy, kind="stable").tolist()
    return order
