"""Many models at once: every accuracy in one table, and two models on the same images."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reassess.errors import AlignmentError, DataError, OptionError, preview
from reassess.records import (
    Accuracy,
    Benchmark,
    Comparison,
    ImageTable,
    LabelSets,
    ModelScore,
    Predictions,
    align,
    check_order,
    check_order_by_labels,
    checks_records,
    positions,
)
from reassess.scoring.accuracy import (
    check_k,
    correct,
    multilabel_accuracy,
    on_shared_images,
    original_accuracy,
    original_labels,
    real_accuracies,
)
from reassess.scoring.audited import accuracy_of_top, difference_of_tops
from reassess.scoring.multilabel import SetRule, multilabel_metrics
from reassess.scoring.unasked import unasked_difference, unasked_predictions
from reassess.statistics import (
    check_resamples,
    mcnemar_exact,
    paired_difference_interval,
    percentile_interval,
    stratified_bootstrap,
)
from reassess.statistics.sequential import difference_sequence


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How to draw intervals: images with replacement inside each original class.

    Attributes:
        n_resamples: B.
        seed: each model is drawn for from this seed, so that the order of models is free.
        confidence: of the interval.

    Raises:
        OptionError: there are too few resamples for the confidence, or the seed is negative.
    """

    n_resamples: int
    seed: int
    confidence: float = 0.95

    def __post_init__(self) -> None:
        check_resamples(self.n_resamples, self.confidence)
        if self.seed < 0:
            raise OptionError(f"the seed is {self.seed}, but must be 0 or more.")

    def interval(
        self, predictions: Predictions, labels: LabelSets | None, benchmark: Benchmark
    ) -> tuple[float, float] | None:
        """Ends of the percentile interval of top-1 accuracy; None where nothing is judged.

        Raises:
            DataError: the original labels, which make the strata, are unknown.
            AlignmentError: images do not match.
        """
        if labels is None or benchmark.original is None:
            raise DataError(
                f"{benchmark.name}: a stratified bootstrap draws inside the original classes, "
                "which are unknown. Give the original labels (--original-labels FILE)."
            )
        classes, shared = on_shared_images(predictions, labels, subset=True)
        row = align(shared.image_ids, benchmark.image_ids, source=labels.name)
        judged = shared.sizes > 0
        if not judged.any():
            return None
        right = correct(classes[:, :1], shared)[judged]
        rng = np.random.default_rng(self.seed)
        draws = stratified_bootstrap(right, benchmark.original[row][judged], self.n_resamples, rng)
        return percentile_interval(draws, self.confidence, value=float(right.mean()))


@checks_records
def score_models(
    predictions: Iterable[Predictions],
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    ks: Sequence[int] = (),
    unclear: LabelSets | None = None,
    subset: bool = False,
    bootstrap: Bootstrap | None = None,
    sets: SetRule | None = None,
) -> Iterator[ModelScore]:
    """Score models one after the other, so that only one is in memory.

    Args:
        predictions: one record a model.
        labels: reassessed labels; the order of the benchmark's images is fastest.
        benchmark: its original labels are scored where it has any.
        ks: further k for top-k ReaL accuracy; one that a file does not hold is an error.
        unclear: labels that multi-label accuracy counts as right.
        subset: whether labelled images without a prediction may be left out.
        bootstrap: how to draw stratified bootstrap intervals; None draws none.
        sets: how models predict sets of classes, for multi-label metrics; None for none.

    Raises:
        AlignmentError: images do not match, or rows stand in another order.
        DataError: classes do not match or stand in another order, or a bootstrap lacks original
            labels to stratify by.
        OptionError: a k is beyond what a file holds.
    """
    originals = original_labels(benchmark) if benchmark.original is not None else None
    for one in predictions:
        _check_order(one, labels, benchmark)
        multilabel = None
        if originals is not None:
            multilabel = multilabel_accuracy(one, labels, benchmark, unclear=unclear, subset=subset)
        every = {1, *ks}
        by_k = real_accuracies(one, labels, every, subset=subset)
        original_by_k = {}
        if originals is not None:
            original_by_k = real_accuracies(one, originals, every, subset=subset)
        classes, shared = on_shared_images(one, labels, subset=subset)
        audited = None if labels.audit is None else accuracy_of_top(classes[:, 0], shared)
        value = by_k[1].value if audited is None else audited.value
        yield ModelScore(
            model=one.model,
            real=by_k[1],
            original=original_by_k.get(1),
            real_at={k: by_k[k] for k in ks},
            original_at={k: original_by_k[k] for k in ks if k in original_by_k},
            multilabel=multilabel,
            real_bootstrap=_interval(bootstrap, one, labels, benchmark),
            original_bootstrap=_interval(bootstrap, one, originals, benchmark),
            unasked=unasked_predictions(classes, shared, value),
            audited=audited,
            sets=None
            if sets is None
            else multilabel_metrics(one, labels, k=sets.k, threshold=sets.threshold, subset=subset),
        )


def _check_order(one: Predictions, labels: LabelSets, benchmark: Benchmark | None) -> None:
    """Refuse another order: of labels, and of predictions by original labels or, else, by these."""
    if benchmark is not None:
        labels.refuse_other_order(benchmark)
    if benchmark is None or benchmark.original is None:
        check_order_by_labels(one, labels, benchmark)
        return
    source = f"predictions {one.model!r}"
    image = positions(one.image_ids, benchmark.image_ids, source=source)
    known = image >= 0
    check_order(one.top[known], image[known], benchmark, source, n_classes=one.n_classes)


def _interval(
    bootstrap: Bootstrap | None, one: Predictions, labels: LabelSets | None, benchmark: Benchmark
) -> tuple[float, float] | None:
    return None if bootstrap is None else bootstrap.interval(one, labels, benchmark)


@checks_records
def image_table(predictions: Sequence[Predictions], labels: LabelSets) -> ImageTable:
    """Which models are right on which image: one row an image, one column a model.

    Args:
        predictions: one record a model, all of the same images in the same order.
        labels: the label sets of at least these images.

    Raises:
        AlignmentError: the models predicted different images, or labels are missing.
        DataError: two models have the same name.
    """
    names = [one.model for one in predictions]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise DataError(
            f"models: the name {preview(twice)} appears more than once, but must be unique in a "
            "table of images. Name the models (NAME=FILE)."
        )
    image_ids = predictions[0].image_ids
    shape = (len(image_ids), len(predictions))
    top, right = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=bool)
    _, shared = on_shared_images(predictions[0], labels, subset=True)
    for column, one in enumerate(predictions):
        same = one.reindex(image_ids)
        top[:, column] = same.top
        right[:, column] = correct(same.ranked_classes[:, :1], shared)
    models = tuple(one.model for one in predictions)
    return ImageTable(image_ids, models, top, right, shared.sizes)


@checks_records
def compare(
    a: Predictions,
    b: Predictions,
    labels: LabelSets,
    *,
    k: int = 1,
    subset: bool = False,
    confidence: float = 0.95,
    benchmark: Benchmark | None = None,
    anytime: bool = False,
) -> Comparison:
    """Compare two models on the images that have a label.

    Args:
        a: the first model's predictions.
        b: the second's, for the same images.
        labels: reassessed labels, or original ones as label sets.
        k: how many of the top predictions count.
        subset: whether labelled images without predictions may be left out.
        confidence: of the interval.
        benchmark: its original labels tell both models' original accuracies, where it has any.
        anytime: whether to decide by an interval that holds at every look.

    Raises:
        AlignmentError: the models did not predict the same images, labels are missing, or rows
            stand in another order.
        DataError: classes stand in another order.
        OptionError: k or level is out of range.
    """
    originals: list[Accuracy | None] = []
    for one in (a, b):
        check_k(k, one)
        _check_order(one, labels, benchmark)
        if benchmark is None or benchmark.original is None:
            originals.append(None)
        else:
            originals.append(original_accuracy(one, benchmark, k=k, subset=True))
    row = positions(b.image_ids, a.image_ids, source=f"predictions {b.model!r}")
    if len(a.image_ids) != len(b.image_ids) or (row < 0).any():
        differ = b.image_ids[row < 0] if (row < 0).any() else np.setdiff1d(a.image_ids, b.image_ids)
        raise AlignmentError(
            f"predictions {a.model!r} and {b.model!r} must be about the same images, but "
            f"{preview(differ)} is in one of them only. Name the images to score (--subset FILE)."
        )
    classes_a, shared = on_shared_images(a, labels, subset=subset)
    classes_b = np.empty((len(row), k), dtype=b.ranked_classes.dtype)
    classes_b[row] = b.ranked_classes[:, :k]
    scored = shared.sizes > 0
    right_a, right_b = correct(classes_a[:, :k], shared), correct(classes_b, shared)
    only_a = shared.image_ids[scored & right_a & ~right_b]
    only_b = shared.image_ids[scored & right_b & ~right_a]
    n_both = int((right_a & right_b).sum())
    n_neither = int((scored & ~right_a & ~right_b).sum())
    low, high = paired_difference_interval(n_both, len(only_a), len(only_b), n_neither, confidence)
    audited = None
    if shared.audit is not None and k == 1:
        audited = difference_of_tops(classes_a[:, 0], classes_b[:, 0], shared, confidence)
    value = (len(only_a) - len(only_b)) / int(scored.sum()) if scored.any() else None
    if audited is not None:
        value = audited.value
    return Comparison(
        model_a=a.model,
        model_b=b.model,
        labels=labels.name,
        n_both=n_both,
        n_neither=n_neither,
        only_a=only_a,
        only_b=only_b,
        low=low,
        high=high,
        p_value=mcnemar_exact(len(only_a), len(only_b)),
        confidence=confidence,
        original_a=originals[0],
        original_b=originals[1],
        unasked=unasked_difference(classes_a[:, :k], classes_b, shared, value),
        audited=audited,
        anytime=difference_sequence(
            len(only_a), len(only_b), int(scored.sum()), confidence=confidence
        )
        if anytime and scored.any()
        else None,
    )
