"""Which images a report shows: several labels, none, another one, pairs, changed classes.

A gallery is the same each time it is made. Reads no image: whoever asks hands in small copies.
Letters: n images of a gallery.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.analysis.classes import (
    KINDS,
    ChangedClasses,
    ClassPairs,
    images_with_several,
    images_without,
)
from reassess.records import Benchmark, LabelSets, align, positions
from reassess.report import formatting as fmt
from reassess.report.page_parts import Gallery, Picture, class_name

SmallCopies = Callable[[Sequence[str]], Mapping[str, str]]
"""From image ids to ``data:`` addresses of small copies, of those that have a file."""

N_PICTURES = 12
"""Images of a gallery of single images."""

_N_GROUPS, _N_EACH = 5, 3
"""Pairs or classes that are shown, and the images of each."""

_ON_NONE = "Images that no label fits"
_ON_NONE_RATED = "Images that raters saw and that no proposed label fits"

_Row = tuple[int, tuple[str, ...]]


def galleries(
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    pairs: ClassPairs | None = None,
    changed: ChangedClasses | None = None,
    small_copies: SmallCopies | None = None,
) -> tuple[Gallery, ...]:
    """The galleries that have an image.

    Args:
        labels: the reassessed labels.
        benchmark: their images, original labels and class names.
        pairs: classes that are hard to tell apart, strongest evidence first.
        changed: original classes, those that lost most first.
        small_copies: gives the pictures; None shows ids and labels only.

    Raises:
        AlignmentError: an image of the labels is not in the benchmark.
    """
    original = _original(labels, benchmark)
    lost = np.zeros(len(labels), np.bool_)
    if original is not None:
        lost = ~labels.contains(np.arange(len(labels)), original)
    several = _rows(labels, images_with_several(labels, N_PICTURES))
    none = _spread(_rows(labels, images_without(labels, len(labels))))
    replaced = _spread(np.flatnonzero(lost & (labels.sizes == 1)))
    name = partial(class_name, benchmark)
    chosen: list[tuple[str, str, list[_Row]]] = [
        ("several", "Images with most labels", _plain(several)),
        ("none", _ON_NONE if labels.rated is None else _ON_NONE_RATED, _plain(none)),
        ("replaced", "Images whose one label is another than the original", _plain(replaced)),
        ("of-pairs", "Images on which two classes meet", list(_of_pairs(labels, pairs, name))),
        (
            "of-changed",
            "Images that the most changed classes lost",
            list(_of_changed(changed, original, lost, name)),
        ),
    ]
    ids = [str(labels.image_ids[row]) for _, _, rows in chosen for row, _ in rows]
    copies = {} if small_copies is None else small_copies(ids)
    return tuple(
        Gallery(key, caption, _pictures(labels, original, name, rows, copies))
        for key, caption, rows in chosen
        if rows
    )


def _plain(rows: Int[np.ndarray, "n"]) -> list[_Row]:
    return [(row, ()) for row in rows[:N_PICTURES].tolist()]


def _of_pairs(
    labels: LabelSets, pairs: ClassPairs | None, name: Callable[[int], str]
) -> Iterator[_Row]:
    """Images that hold both classes of a pair, for the first pairs that have any."""
    if pairs is None:
        return
    for row in np.flatnonzero(pairs.n_both > 0)[:_N_GROUPS].tolist():
        a, b = int(pairs.a[row]), int(pairs.b[row])
        holds_a, holds_b = (labels.image[labels.indices == label] for label in (a, b))
        n_both = fmt.count(int(pairs.n_both[row]), "image")
        line = f"{KINDS[int(pairs.kind[row])]}: {name(a)}, {name(b)}; {n_both} with both"
        both = _spread(np.intersect1d(holds_a, holds_b))
        yield from ((image, (line,)) for image in both[:_N_EACH].tolist())


def _of_changed(
    changed: ChangedClasses | None,
    original: Int[np.ndarray, "N"] | None,
    lost: Bool[np.ndarray, "N"],
    name: Callable[[int], str],
) -> Iterator[_Row]:
    """Images that lost their original label, for the classes that lost most."""
    if changed is None or original is None:
        return
    n_lost = changed.n_images - changed.n_kept
    for row in np.flatnonzero(n_lost)[:_N_GROUPS].tolist():
        label = int(changed.label[row])
        line = f"{name(label)} lost {int(n_lost[row]):,} of {int(changed.n_images[row]):,}"
        images = _spread(np.flatnonzero(lost & (original == label)))
        yield from ((image, (line,)) for image in images[:_N_EACH].tolist())


def _pictures(
    labels: LabelSets,
    original: Int[np.ndarray, "N"] | None,
    name: Callable[[int], str],
    rows: Sequence[_Row],
    copies: Mapping[str, str],
) -> tuple[Picture, ...]:
    made = []
    for row, lines in rows:
        image_id = str(labels.image_ids[row])
        held = labels.indices[labels.indptr[row] : labels.indptr[row + 1]].tolist()
        said = [*lines, "now: " + (", ".join(map(name, held)) or "no label")]
        if original is not None:
            said.append(f"originally: {name(int(original[row]))}")
        made.append(Picture(image_id, copies.get(image_id, ""), tuple(said)))
    return tuple(made)


def _rows(labels: LabelSets, ids: Shaped[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    return positions(ids, labels.image_ids, source="gallery")


def _spread(rows: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The rows in an order drawn once and for all, so that the first few are not neighbours."""
    drawn: Int[np.ndarray, "n"] = np.random.default_rng(0).permutation(rows)
    return drawn


def _original(labels: LabelSets, benchmark: Benchmark) -> Int[np.ndarray, "N"] | None:
    if benchmark.original is None:
        return None
    row = align(labels.image_ids, benchmark.image_ids, source="labels", target_name=benchmark.name)
    original: Int[np.ndarray, "N"] = benchmark.original[row]
    return original
