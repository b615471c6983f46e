"""The table of recipes, as a page of Markdown: the paper's Table 2 for any images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from reassess.analysis.recipes import RecipeScore
from reassess.files import write_atomically
from reassess.report import formatting as fmt

_HOW_TO_READ = """\
Accuracies are in percent, the mean of the seeds with its 95 % interval (Student's t over the
seeds: how far the mean of further trainings may lie off, on these test images). The difference
is to the baseline of the same schedule, in percentage points, the mean of the seeds. p: for
each seed the two models are compared on the same test images (McNemar's exact test); what
stands here is the largest of the seeds' p-values, or 1 where they disagree on the sign, so that
it is small only where every seed shows the difference by itself. No correction is made for the
number of rows. An epoch is one pass over the images that a recipe learns from: after cleaning
they are fewer, and so are the steps."""

_CLEAR = """\
Mistakes: predictions on clear images, on whose label people agree, that are another class; the
mean of the seeds, and each seed's."""


def recipe_page(
    scores: Mapping[str, Sequence[RecipeScore]], facts: Sequence[str], *, title: str
) -> str:
    """A page: what was run, one table for each kind of labels, how to read them.

    Args:
        scores: the recipes, by the name of the labels that judge them.
        facts: what was run, a line each.
        title: of the page.
    """
    parts = [f"# {title}", "\n".join(f"- {fact}" for fact in facts)]
    for name, rows in scores.items():
        n_scored = rows[0].n_scored
        parts.append(f"## Judged by {name} ({fmt.count(n_scored, 'test image')})")
        parts.append(_table(rows))
    parts += ["## How to read it", _HOW_TO_READ]
    if any(row.mistakes is not None for rows in scores.values() for row in rows):
        parts.append(_CLEAR)
    return "\n\n".join(parts) + "\n"


def write_recipe_page(text: str, path: str | Path) -> None:
    """Write the page.

    Raises:
        FileError: it cannot be written.
    """
    with write_atomically(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _table(rows: Sequence[RecipeScore]) -> str:
    """A table in Markdown, one row a recipe and schedule."""
    clear = rows[0].mistakes is not None
    header = ["schedule", "epochs", "recipe", "images", "accuracy", "difference", "p"]
    header += ["mistakes on clear images"] if clear else []
    cells = [header, [":--", "--:", ":--", "--:", "--:", "--:", "--:"] + ["--:"] * clear]
    cells += [_cells(row) + ([_mistakes(row)] if clear else []) for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _cells(row: RecipeScore) -> list[str]:
    accuracy = fmt.bare(row.mean)
    if row.low is not None and row.high is not None:
        low, high = max(0.0, row.low), min(1.0, row.high)
        accuracy += f" [{fmt.bare(low)}, {fmt.bare(high)}]"
    p_value = fmt.UNDEFINED
    if row.p_value is not None:
        p_value = fmt.p_value(row.p_value).removeprefix("p ").removeprefix("= ")
    return [
        row.schedule, f"{row.epochs}", row.variant, f"{row.n_images:,}", accuracy,
        fmt.points(row.difference), p_value,
    ]  # fmt: skip


def _mistakes(row: RecipeScore) -> str:
    assert row.mistakes is not None  # noqa: S101 -- the caller asked; this tells mypy
    each = ", ".join(f"{n:,}" for n in row.mistakes)
    return f"{np.mean(row.mistakes):,.0f} ({each})"
