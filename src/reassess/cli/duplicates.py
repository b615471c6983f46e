"""``reassess duplicates``: images that are there twice, and leaks between training and test."""

from typing import TYPE_CHECKING

import click

from reassess.cli.options import output_option
from reassess.cli.output import console, print_json, progress_bar

if TYPE_CHECKING:
    from reassess.analysis.duplicates import DuplicatePairs
    from reassess.files.thumbnails import Thumbnails
    from reassess.report.table import Table

_FIRST = 20
"""Pairs that are shown."""


@click.command(
    epilog="""\b
Examples:
  reassess duplicates photos
  reassess duplicates val --against train -o leaks.csv
  reassess duplicates test.parquet --against 'train-{000..127}.tar' --similarity 0.99 --json
"""
)
@click.argument("images")
@click.option(
    "--against",
    metavar="IMAGES",
    help="Images of another set, such as the training images: pairs between both are leaks.",
)
@click.option(
    "--similarity",
    type=float,
    default=0.98,
    show_default=True,
    help="Least similarity of two images, in (0, 1]; 1 finds identical pictures.",
)
@click.option("--workers", type=int, help="Threads.  [default: one a core]")
@output_option("every pair")
@click.option("--json", "as_json", is_flag=True, help="Print every pair as JSON.")
def duplicates(
    images: str,
    against: str | None,
    similarity: float,
    workers: int | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Find IMAGES that are there twice, or that are also among those of another set.

    IMAGES are a folder, parquet or WebDataset shards. Pictures are alike where small versions of
    them are: whatever their size, compression and brightness. Mirrored, rotated and strongly
    cropped copies are not found. Small drawings of few shapes, such as digits, look alike without
    being copies: ask for a higher similarity.
    """
    from reassess.analysis.duplicates import duplicate_pairs
    from reassess.files.images import open_images
    from reassess.files.thumbnails import read_thumbnails
    from reassess.report.table import format_of, to_rich, write_rendered

    if output is not None:
        format_of(output)
    with progress_bar("Looking") as step:
        found = read_thumbnails(open_images(images), workers=workers, progress=step)
        others = None
        if against is not None:
            others = read_thumbnails(open_images(against), workers=workers, progress=step)
        pairs = duplicate_pairs(found, others, similarity=similarity, progress=step)
    table = _table(pairs, found, others or found, is_leak=others is not None)
    if output is not None:
        write_rendered(table, output)
    if as_json:
        n_identical = int(pairs.is_identical.sum())
        counts = {"n_images": len(found.image_ids), "n_pairs": len(pairs)}
        print_json(counts | {"n_identical": n_identical, "pairs": table.records()})
        return
    if len(pairs):
        console().print(to_rich(table.head(_FIRST)))
    click.echo(_summary(pairs, found, others))


def _table(
    pairs: "DuplicatePairs", found: "Thumbnails", others: "Thumbnails", *, is_leak: bool
) -> "Table":
    """One row a pair."""
    from reassess.report.table import Column, Columns, Table

    columns: Columns = [
        (Column("image", "image"), found.image_ids[pairs.image].tolist()),
        (Column("other", "other"), others.image_ids[pairs.other].tolist()),
        (Column("similarity", "similarity", "number", 3), pairs.similarity.tolist()),
        (Column("is_identical", "same file", "check"), pairs.is_identical.tolist()),
    ]
    for key, source, rows in (
        ("label", found, pairs.image),
        ("other_label", others, pairs.other),
    ):
        if source.labels is not None:
            labels = [source.labels[row] for row in rows.tolist()]
            columns.append((Column(key, key.replace("_", " ")), labels))
    title = "Images that are in both sets" if is_leak else "Images that are there twice"
    return Table.from_columns("duplicates", title, columns, about="image")


def _summary(pairs: "DuplicatePairs", found: "Thumbnails", others: "Thumbnails | None") -> str:
    """How many pairs and images, and how many pairs have two labels."""
    import numpy as np

    n, of = len(np.unique(pairs.image)), len(found.image_ids)
    if others is None:
        n = len(np.unique(np.concatenate([pairs.image, pairs.other])))
        text = f"{len(pairs):,} pairs: {n:,} of {of:,} images are there more than once"
    else:
        text = f"{len(pairs):,} pairs: {n:,} of {of:,} images are in the other set too"
    text += f"; {int(pairs.is_identical.sum()):,} pairs are the same file."
    left, right = found.labels, (others or found).labels
    if left is not None and right is not None:
        rows = zip(pairs.image.tolist(), pairs.other.tolist(), strict=True)
        n_two = sum(left[a] != right[b] for a, b in rows)
        text += f" {n_two:,} pairs have two labels."
    return text
