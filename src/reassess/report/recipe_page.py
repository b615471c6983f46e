"""The page of recipes, in Markdown: the paper's Table 2 for any images."""

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from reassess.analysis.recipes import RecipeScore
from reassess.files import write_atomically
from reassess.report import formatting as fmt
from reassess.report.table import Column, Columns, Table, render

_HOW_TO_READ = """\
Accuracies are in percent, the mean of the seeds with its 95 % interval beside it (Student's t
over the seeds: how far the mean of further trainings may lie off, on these test images). The
difference is to the baseline of the same schedule, in percentage points, the mean of the seeds.
p: for each seed the two models are compared on the same test images (McNemar's exact test); what
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
        parts.append(render(recipe_table(rows), "markdown").rstrip())
    parts += ["## How to read it", _HOW_TO_READ]
    if any(row.mistakes is not None for rows in scores.values() for row in rows):
        parts.append(_CLEAR)
    return "\n\n".join(parts) + "\n"


def write_recipe_page(text: str, path: str | PathLike[str]) -> None:
    """Write the page.

    Raises:
        FileError: it cannot be written.
    """
    with write_atomically(path) as beside:
        beside.write_text(text, encoding="utf-8")


def recipe_table(rows: Sequence[RecipeScore]) -> Table:
    """One row a recipe and schedule: accuracy, difference from the baseline, mistakes."""
    columns: Columns = [
        (Column("schedule", "schedule"), [one.schedule for one in rows]),
        (Column("epochs", "epochs", "count"), [one.epochs for one in rows]),
        (Column("recipe", "recipe"), [one.variant for one in rows]),
        (Column("n_images", "images", "count"), [one.n_images for one in rows]),
        (
            Column("accuracy", "accuracy", "percent", aside="{accuracy_low}–{accuracy_high}"),
            [one.mean for one in rows],
        ),
        (Column("accuracy_low", "", "percent"), [_inside(one.low) for one in rows]),
        (Column("accuracy_high", "", "percent"), [_inside(one.high) for one in rows]),
        (Column("difference", "difference", "points"), [one.difference for one in rows]),
        (Column("p_value", "p", "p-value"), [one.p_value for one in rows]),
    ]
    if rows and rows[0].mistakes is not None:
        each = [None if one.mistakes is None else one.mistakes for one in rows]
        columns += [
            (
                Column("mistakes", "mistakes on clear images", "count", aside="{of_seeds}"),
                [None if one is None else float(np.mean(one)) for one in each],
            ),
            (
                Column("of_seeds"),
                [None if one is None else ", ".join(f"{n:,}" for n in one) for one in each],
            ),
        ]
    return Table.from_columns("recipes", "Recipes", columns)


def _inside(value: float | None) -> float | None:
    """The end of an interval of a fraction, which Student's t knows no bounds of."""
    return None if value is None else min(1.0, max(0.0, value))
