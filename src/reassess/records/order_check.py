"""Whether predictions number classes and images as the labels do, by what the labels say.

Nothing in a bare array says which class a column stands for, or which image a row. Predictions
whose rows or classes stand in another order hit the labels no more often than chance, but would
hit them often in the right one. `check_order` tries the orders that files are usually in and the
one-to-one renaming of classes that fits best; it refuses where another order is certain, and
remarks on whatever is at chance. A model that is clearly above chance is passed after one count.

A refusal needs all of it: predictions of nearly the whole benchmark, agreement beyond chance of
`_GOOD` in the other order and at most a third of that as they are, and a probability below
`_CERTAIN` that both orders are equally right. A renaming is learned on one half of each class's
images and judged on the other, so that it cannot fit noise.

Letters: N images, n rows, L labels, K classes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import AlignmentError, DataError
from reassess.notes import note
from reassess.records.alignment import positions
from reassess.records.benchmark import Benchmark, Classes
from reassess.records.labels import LabelSets
from reassess.records.predictions import Predictions

_GOOD = 0.3
"""Agreement beyond chance that only a right order gives: 0 at chance, 1 where all is right."""

_CLEAR = 0.5
"""The same, of a renaming that was fitted, where predictions are right less often than by chance:
as they are on images that were chosen because models get them wrong."""

_PASSED = 0.6
"""Agreement beyond chance from which on no other order is looked for."""

_CERTAIN = 1e-6
_LIKELY = 1e-3
"""Probabilities that another order is no better, all that were tried taken together."""

_NO_ROWS = 0.1
"""Agreement beyond chance that predictions do not have whose rows stand in another order."""

_FEW = 5000
"""Images for which a renaming is fitted in no time."""

_MOST_SORTED = 100_000
"""Classes up to which the usual orders of classes are tried."""

_NEGLIGIBLE = 0.01
"""Agreement beyond chance below which even many images make no model of use."""

_NEVER_PERFECT = 100
"""Images on which no model is right on all, unless it knew their labels."""

_NEARLY_ALL = 0.9
"""Share of the labelled images that predictions must be about to be refused. On a part of them,
such as those that another model got wrong, a good model may be worse than chance."""


@dataclass(frozen=True)
class _Fit:
    """How well predictions fit labels.

    Attributes:
        top: the top prediction of each of the N images; -1 where there is none.
        image: the image of each of the L labels, of predicted images only.
        label: its class.
    """

    top: Int[np.ndarray, "N"]
    image: Int[np.ndarray, "L"]
    label: Int[np.ndarray, "L"]

    @cached_property
    def right(self) -> Bool[np.ndarray, "N"]:
        """Whether an image's prediction is one of its labels."""
        found = np.zeros(len(self.top), dtype=bool)
        found[self.image[self.top[self.image] == self.label]] = True
        return found

    @cached_property
    def n_right(self) -> int:
        return int(self.right.sum())

    @cached_property
    def n_images(self) -> int:
        """Images with a prediction and a label."""
        judged = np.zeros(len(self.top), dtype=bool)
        judged[self.image] = True
        return int(judged.sum())

    @cached_property
    def by_chance(self) -> float:
        """Right predictions to expect if the same predictions were dealt out at random."""
        judged = np.zeros(len(self.top), dtype=bool)
        judged[self.image] = True
        n_labels, top = np.bincount(self.label), self.top[judged]
        known = (top >= 0) & (top < len(n_labels))
        return float(n_labels[top[known]].sum() / self.n_images)

    @cached_property
    def beyond_chance(self) -> float:
        """Agreement beyond chance, 1 where every prediction is right; like Cohen's kappa."""
        possible = self.n_images - self.by_chance
        return (self.n_right - self.by_chance) / possible if possible > 0 else 0.0


@dataclass(frozen=True)
class _Other:
    """Another order, and how well predictions fit in it.

    Attributes:
        fit: the predictions as they would be.
        clause: what would be otherwise, after "if", and what is wrong.
        remedy: what to do, a sentence.
        error: the error to raise.
        fitted: whether the order was fitted to the labels, and is none that files are usually in.
    """

    fit: _Fit
    clause: str
    remedy: str
    error: type[DataError]
    fitted: bool = False

    def p_value(self, found: _Fit) -> float:
        """Probability of so many more right predictions if both orders were equally right."""
        more = int((self.fit.right & ~found.right).sum())
        fewer = int((found.right & ~self.fit.right).sum())
        return _at_least(more, more + fewer, 0.5)


def check_order(
    top: Int[np.ndarray, "n"],
    image: Int[np.ndarray, "n"],
    benchmark: Benchmark,
    source: str,
    *,
    n_classes: int | None = None,
) -> None:
    """Refuse predictions whose rows or classes stand in another order; remark on chance.

    Without original labels nothing is checked: `check_order_by_labels` does without.

    Args:
        top: the top prediction of each row; -1 where a row has none.
        image: the benchmark's image of each row, in the order of the rows where it is known.
        benchmark: the images with their original labels.
        source: what carries the predictions, for the message.
        n_classes: how many classes the model scored, where it is known.

    Raises:
        AlignmentError: the rows fit the labels far better in another order.
        DataError: the classes do.
    """
    original = benchmark.original
    if original is None:
        return
    found = _fit(top, image, len(original), np.arange(len(original)), original)
    if found is None:
        return
    counted = f"{source}: the top prediction is the original label on"
    if found.beyond_chance < _PASSED:
        _judge(found, image, benchmark, counted, n_classes, n_labelled=len(original))
    else:
        _note_perfect(found, counted)


def check_order_by_labels(
    predictions: Predictions, labels: LabelSets, benchmark: Benchmark | None = None
) -> None:
    """The same by reassessed labels, where no original ones are known.

    Args:
        predictions: one model's; images without labels do not count.
        labels: the labels.
        benchmark: what is known of their images besides.

    Raises:
        AlignmentError: the rows fit the labels far better in another order.
        DataError: the classes do.
    """
    source = f"predictions {predictions.model!r}"
    image = positions(predictions.image_ids, labels.image_ids, source=source)
    top, image = predictions.top[image >= 0], image[image >= 0]
    found = _fit(top, image, len(labels), labels.image, labels.indices)
    if found is None:
        return
    counted = f"{source}: the top prediction is among the labels on"
    if found.beyond_chance >= _PASSED:
        _note_perfect(found, counted)
        return
    if benchmark is None or not np.array_equal(benchmark.image_ids, labels.image_ids):
        classes = None if benchmark is None else benchmark.classes
        benchmark = Benchmark(labels.name, labels.image_ids, None, classes)
    n_labelled = int((labels.sizes > 0).sum())
    _judge(found, image, benchmark, counted, predictions.n_classes, n_labelled=n_labelled)


def note_perfect_predictions(predictions: Predictions, labels: LabelSets) -> None:
    """Say where every prediction is right, as those are that were copied from the labels.

    Args:
        predictions: one model's, on the images of the labels, in this order.
        labels: the labels.
    """
    judged = np.flatnonzero(labels.sizes)
    top = predictions.top[judged]
    if len(judged) < _NEVER_PERFECT or (top < 0).any():
        return
    if labels.contains(judged, top).all():
        counted = f"predictions {predictions.model!r}: the top prediction is among the labels on"
        note(_perfect(counted, len(judged)))


def check_order_of_labels(labels: LabelSets, benchmark: Benchmark) -> None:
    """Refuse labels that number the classes or images otherwise than the original labels do.

    Such labels agree with the original ones hardly ever as they are, and often in another order, as
    where they count classes from 1. Labels that mostly differ, as those of images that were
    mislabelled may, pass where no other order fits.

    Args:
        labels: sets of labels, of which those of one label are compared.
        benchmark: the same images, in this order, with their original labels.

    Raises:
        AlignmentError: the lists of labels fit the original labels far better in another order.
        DataError: the classes do.
    """
    original, alone = benchmark.original, np.flatnonzero(labels.sizes == 1)
    if original is None or len(alone) == 0:
        return
    top = labels.indices[labels.indptr[alone]]
    found = _fit(top, alone, len(original), np.arange(len(original)), original)
    if found is not None and found.beyond_chance < _GOOD:
        counted = f"labels {labels.name!r}: the only label of an image is its original label on"
        n_classes = labels.n_classes
        _refuse_other_order(found, alone, benchmark, counted, n_classes, n_labelled=len(alone))


def _note_perfect(found: _Fit, counted: str) -> None:
    if found.n_right == found.n_images >= _NEVER_PERFECT:
        note(_perfect(counted, found.n_images))


def _perfect(counted: str, n_images: int) -> str:
    return (
        f"{counted} all {n_images:,} images, as in a copy of the labels. Check that they are "
        "predictions, and that the model was not trained on these images."
    )


def _judge(
    found: _Fit,
    image: Int[np.ndarray, "n"],
    benchmark: Benchmark,
    counted: str,
    n_classes: int | None,
    *,
    n_labelled: int,
) -> None:
    """Refuse what fits far better in another order; remark on what may, and on chance."""
    if _refuse_other_order(found, image, benchmark, counted, n_classes, n_labelled=n_labelled):
        return
    if _is_at_chance(found):
        more = "hardly" if found.n_right > found.by_chance else "no"
        note(
            f"{counted} {found.n_right:,} of {found.n_images:,} images, {more} more often than by "
            f"chance ({found.by_chance:,.1f}). Check which image each row is about (--order, "
            "--ids) and the order of its classes (--classes)."
        )


def _refuse_other_order(
    found: _Fit,
    image: Int[np.ndarray, "n"],
    benchmark: Benchmark,
    counted: str,
    n_classes: int | None,
    *,
    n_labelled: int,
) -> bool:
    """Refuse what fits far better in another order; whether what may was noted.

    Raises:
        DataError: another order is certain.
    """
    counted = f"{counted} {found.n_right:,} of {found.n_images:,} images"
    n_seen = 1 + int(max(found.top.max(), found.label.max()))
    n_all = max(n_seen, n_classes or 0, benchmark.n_classes or 0)
    best, n_tried = _best_other(found, image, benchmark, n_all)
    if best is not None:
        gain, p_value = best.fit.beyond_chance, best.p_value(found) * n_tried
        would = f"{counted}, but would be on {best.fit.n_right:,} if {best.clause}. {best.remedy}"
        whole = found.n_images >= _NEARLY_ALL * n_labelled
        # What a model gets wrong, it confuses by habit: on images that were chosen for it, classes
        # fit renamed, too, though not well.
        enough = _CLEAR if best.fitted and _is_below_chance(found) else _GOOD
        if gain >= enough and found.beyond_chance <= gain / 3 and p_value < _CERTAIN and whole:
            raise best.error(would)
        if gain >= max(_GOOD, 1.5 * found.beyond_chance) and p_value < _LIKELY:
            note(would)
            return True
    return False


def _fit(
    top: Int[np.ndarray, "n"],
    image: Int[np.ndarray, "n"],
    n_images: int,
    of_image: Int[np.ndarray, "L"],
    label: Int[np.ndarray, "L"],
) -> _Fit | None:
    """How predictions fit; None where labels cannot tell: there are none, or all are one class."""
    by_image = np.full(n_images, -1, np.int64)
    by_image[image] = top
    judged = by_image[of_image] >= 0
    of_image, label = of_image[judged], label[judged].astype(np.int64)
    if len(label) == 0 or bool((label == label[0]).all()):
        return None
    return _Fit(by_image, of_image, label)


def _is_at_chance(found: _Fit) -> bool:
    """Not above chance as far as can be told, on images enough to tell.

    A model halfway between chance and perfection would hardly ever be right so rarely.
    """
    n, chance = found.n_images, found.by_chance / found.n_images
    above = _at_least(found.n_right, n, chance) < _LIKELY and found.beyond_chance >= _NEGLIGIBLE
    n_wrong, halfway = n - found.n_right, (1 + chance) / 2
    return not above and _at_least(n_wrong, n, 1 - halfway) < 0.02


def _is_below_chance(found: _Fit) -> bool:
    """Right less often than the same predictions dealt out at random."""
    chance = found.by_chance / found.n_images
    return _at_least(found.n_images - found.n_right, found.n_images, 1 - chance) < _LIKELY


def _at_least(n_right: int, n: int, p: float) -> float:
    """P(at least so many of n), each with probability p: the tail of the binomial."""
    if n_right <= 0 or p >= 1:
        return 1.0
    if p <= 0:
        return 0.0
    k = np.arange(n_right, n + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    log_term = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
    log_term = log_term + k * math.log(p) + (n - k) * math.log1p(-p)
    return float(min(1.0, np.exp(log_term).sum()))


def _best_other(
    found: _Fit, image: Int[np.ndarray, "n"], benchmark: Benchmark, n_classes: int
) -> tuple[_Other | None, int]:
    """The order that fits best, the simplest of equals, and how many were tried."""
    tried = list(_class_orders(found, benchmark, n_classes))
    rows: list[_Other] = []
    if found.beyond_chance < _NO_ROWS:
        rows = list(_row_orders(found, image, benchmark))
        tried += rows
    if max(map(_agreement, tried), default=0.0) < _PASSED and _is_associated(found):
        tried.append(_fitted_names(found, benchmark))
    if max(map(_agreement, tried), default=0.0) < _GOOD:
        tried += [
            replace(
                other,
                clause=f"{one.clause}; and if {other.clause}",
                remedy=f"{one.remedy} {other.remedy}",
            )
            for one in rows
            if _is_associated(one.fit)
            for other in (
                *_class_orders(one.fit, benchmark, n_classes),
                _fitted_names(one.fit, benchmark),
            )
        ]
    return max(tried, key=_agreement, default=None), len(tried)


def _agreement(other: _Other) -> float:
    """Agreement beyond chance, rounded so that of nearly equal orders the first one wins."""
    return round(other.fit.beyond_chance, 2)


def _is_associated(found: _Fit) -> bool:
    """Whether a predicted class goes with some label: without it no renaming can fit.

    Pairs of images that agree in both, as often as if neither knew of the other, say no. Few
    images are always worth a try.
    """
    if len(found.label) < _FEW:
        return True
    predicted = found.top[found.image]
    span = 1 + int(found.label.max())
    same = [
        float((n * (n - 1.0)).sum())
        for n in (
            np.unique(predicted * span + found.label, return_counts=True)[1],
            np.bincount(predicted),
            np.bincount(found.label),
        )
    ]
    return same[0] > 1.2 * same[1] * same[2] / len(found.label) ** 2


def _row_orders(found: _Fit, image: Int[np.ndarray, "n"], benchmark: Benchmark) -> Iterator[_Other]:
    """The predictions with their rows in another order than they were read in."""
    n_images = len(benchmark.image_ids)
    if len(image) != n_images:
        return
    known = _known_rows(benchmark)
    as_read = list(known.values()) if np.array_equal(image, np.arange(n_images)) else [image]
    for rows in as_read:
        for name, other in known.items():
            for backwards in (False, True):
                wanted = other[::-1] if backwards else other
                if np.array_equal(wanted, rows):
                    continue
                top = np.empty_like(found.top)
                top[wanted] = found.top[rows]
                yield _Other(
                    replace(found, top=top),
                    f"its rows were in the order of {name}{', backwards' * backwards}: they stand "
                    "in another order than they were read in",
                    "Name the image of each row (--ids FILE, or ids in the file)."
                    if backwards or name not in _OPTIONS
                    else f"Read them in that order (--order {_OPTIONS[name]}), or name the image "
                    "of each row (--ids FILE).",
                    AlignmentError,
                )


_OPTIONS = {"file numbers": "file-number", "an image folder": "imagefolder"}
"""What says an order of rows on the command line."""


def _known_rows(benchmark: Benchmark) -> dict[str, Int[np.ndarray, "N"]]:
    """The image of each row in each order that files are usually in."""
    found = {}
    attributes = {"file numbers": "by_file_number", "an image folder": "by_imagefolder"}
    for name, attribute in attributes.items():
        try:
            found[name] = getattr(benchmark, attribute)
        except AlignmentError:
            continue
    found["the table of labels"] = np.arange(len(benchmark.image_ids))
    found["sorted image ids"] = np.argsort(benchmark.image_ids, kind="stable")
    if benchmark.original is not None:
        found["classes"] = np.argsort(benchmark.original, kind="stable")
    return found


def _class_orders(found: _Fit, benchmark: Benchmark, n_classes: int) -> Iterator[_Other]:
    """The predictions with their classes in one of the orders that classes are usually in."""
    if n_classes > _MOST_SORTED:
        return
    index = np.arange(n_classes)
    for how, rename in (("higher", np.roll(index, -1)), ("lower", np.roll(index, 1))):
        yield replace(
            _renamed(found, rename, f"its classes were counted one {how}", benchmark),
            remedy="Count classes from 0 in predictions and labels, and leave out a class for the "
            "background.",
        )
    for how, keys in _sorting_keys(benchmark.classes, n_classes).items():
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
        for rename in (order, np.argsort(order)):
            yield _renamed(found, rename, f"its classes were renamed ({how})", benchmark)
    yield _renamed(found, index[::-1], "its classes were renamed (in reverse)", benchmark)


def _sorting_keys(known: Classes | None, n_classes: int) -> dict[str, list[str]]:
    """What classes may have been sorted by."""
    keys = {"sorted as texts: 0, 1, 10, 11, …": [str(k) for k in range(n_classes)]}
    if known is not None:
        keys["sorted by id"] = list(known.ids)
        keys["sorted by name"] = list(known.names)
        keys["sorted by name in lower case"] = [name.lower() for name in known.names]
    return keys


def _renamed(
    found: _Fit, rename: Int[np.ndarray, "K"], clause: str, benchmark: Benchmark
) -> _Other:
    """The predictions with each class index replaced by another; -1 where there is none."""
    top = np.append(rename, -1)[np.where(found.top < len(rename), found.top, -1)]
    return _other_classes(replace(found, top=top), clause, benchmark)


def _other_classes(fit: _Fit, clause: str, benchmark: Benchmark) -> _Other:
    return _Other(
        fit,
        f"{clause}: they stand in another order than those of {benchmark.name}",
        "Write the columns in the order of its classes (--classes FILE says which it is).",
        DataError,
    )


def _fitted_names(found: _Fit, benchmark: Benchmark) -> _Other:
    """The predictions with classes renamed one to one as fits best, as judged on other images."""
    first = np.full(len(found.top), -1, np.int64)
    first[found.image[::-1]] = found.label[::-1]
    judged = np.flatnonzero(first >= 0)
    luck = np.random.default_rng(0).random(len(judged))
    half = np.zeros(len(found.top), dtype=bool)
    half[judged[np.argsort(first[judged] + luck)[::2]]] = True  # every other one of each class
    top = np.full_like(found.top, -1)
    for learn in (half, ~half):
        of_half = learn[found.image]
        old, new = _one_to_one(found.top[found.image[of_half]], found.label[of_half])
        if len(old) == 0:
            continue
        place = np.minimum(np.searchsorted(old, found.top), len(old) - 1)
        known = ~learn & (old[place] == found.top)
        top[known] = new[place[known]]
    moved = np.flatnonzero(old != new)[:2]
    examples = ", ".join(f"{int(old[at])} to {int(new[at])}" for at in moved)
    other = _other_classes(
        replace(found, top=top), f"its classes were renamed ({examples}, …)", benchmark
    )
    return replace(other, fitted=True)


def _one_to_one(
    predicted: Int[np.ndarray, "L"], label: Int[np.ndarray, "L"]
) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
    """Classes, rising, and the class that each is best renamed to; no two to the same.

    The most frequent pairs are taken first, which is the best assignment wherever one stands out.
    """
    span = 1 + int(label.max(initial=0))
    cell, count = np.unique(predicted * span + label, return_counts=True)
    cell = cell[np.argsort(-count, kind="stable")]
    old, new = np.divmod(cell, span)
    taken: list[tuple[Int[np.ndarray, "c"], Int[np.ndarray, "c"]]] = []
    while len(old):
        first = np.intersect1d(
            np.unique(old, return_index=True)[1], np.unique(new, return_index=True)[1]
        )
        taken.append((old[first], new[first]))
        free = ~np.isin(old, old[first]) & ~np.isin(new, new[first])
        old, new = old[free], new[free]
    if not taken:
        return old, new
    old, new = (np.concatenate(part) for part in zip(*taken, strict=True))
    order = np.argsort(old)
    return old[order], new[order]
