"""What models score: proportions that keep their denominators, and comparisons of two models.

Letters: n images, M models, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.errors import DataError
from reassess.records.multilabel import MultilabelMetrics
from reassess.statistics import wilson_interval
from reassess.statistics.sampling import audited_interval
from reassess.statistics.sequential import AnytimeEstimate

ComparisonDecision = Literal["a", "b", "undecided", "cannot tell"]
"""Of two models: which is better, or that the test or what was asked leaves it open."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Right answers over answers that could be judged.

    Attributes:
        n_correct: images whose prediction is right.
        n_scored: images that could be judged.
        n_unlabelled: images left out because no label holds for them.
    """

    n_correct: int
    n_scored: int
    n_unlabelled: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.n_correct <= self.n_scored:
            raise DataError(
                f"accuracy: {self.n_correct} of {self.n_scored} are correct, but the count must "
                "lie between 0 and the number scored."
            )

    @property
    def value(self) -> float | None:
        """The proportion in [0, 1]; None where nothing could be judged."""
        return self.n_correct / self.n_scored if self.n_scored else None

    def interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """Lower and upper end of Wilson's interval, in [0, 1]; None where nothing was judged.

        It is about images like these. A study's labels that were audited, or that raters are not
        sure of, make it wider (`reassess.analysis.uncertainty`).

        Raises:
            OptionError: the confidence is not in (0, 1).
        """
        return wilson_interval(self.n_correct, self.n_scored, confidence) if self.n_scored else None

    def __float__(self) -> float:
        """The value; NaN where nothing could be judged."""
        return float("nan") if self.value is None else self.value

    def __str__(self) -> str:
        of = f"{self.n_correct:,} of {self.n_scored:,} correct"
        left = f", {self.n_unlabelled:,} without a label" if self.n_unlabelled else ""
        ends = self.interval()
        if self.value is None or ends is None:
            return f"no image to judge{left}"
        return f"{self.value:.4f} [{ends[0]:.4f}, {ends[1]:.4f}] ({of}{left})"

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={getattr(self, name)}" for name in self.__dataclass_fields__)
        value = None if self.value is None else round(self.value, 6)
        return f"Accuracy(value={value}, {counts})"

    def _repr_html_(self) -> str:
        return html_table(
            ("accuracy", "95% interval", "correct", "scored", "without a label"),
            [(*shown(self), f"{self.n_correct:,}", f"{self.n_scored:,}", f"{self.n_unlabelled:,}")],
        )


def shown(accuracy: Accuracy | None) -> tuple[str, str]:
    """An accuracy and its interval as texts; dashes where there is none."""
    ends = None if accuracy is None else accuracy.interval()
    if accuracy is None or accuracy.value is None or ends is None:
        return "–", "–"
    return f"{accuracy.value:.4f}", f"[{ends[0]:.4f}, {ends[1]:.4f}]"


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A small table for notebooks."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True, slots=True)
class UnaskedPredictions:
    """Predictions of a model that nobody was asked about, and what they leave open.

    Attributes:
        n_unasked: top predictions that are no label, that no question was about, and that no
            audit drew from; they count as wrong.
        n_unchecked: top predictions that are right by an original label that nobody checked and
            that no audit drew from.
        low: accuracy where none of the unasked ones is in the image.
        high: accuracy where all of them are.
    """

    n_unasked: int
    n_unchecked: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AuditedAccuracy:
    """An accuracy as an audit has it: labels as decided, corrected by random samples.

    Attributes:
        value: the estimate, in [0, 1].
        n_scored: estimated number of images with a label.
        departures: how often drawn pairs lower and raise it, and by how much, by stratum; the
            interval follows from them (`reassess.statistics.sampling.audited_interval`).
        n_skipped: skipped images that were drawn, disputed ones among them.
        n_unasked: unasked predictions of this model that were drawn.
    """

    value: float
    n_scored: float
    departures: Float[np.ndarray, "2 5 S"]
    n_skipped: int
    n_unasked: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Lower and upper end of its interval, from images and the audit's samples, in [0, 1]."""
        return audited_interval(self.value, self.n_scored, self.departures, confidence)


@dataclass(frozen=True, slots=True)
class MultilabelAccuracy:
    """Accuracy of each original class, and its mean over the classes.

    Attributes:
        n_correct: right images of each class.
        n_scored: judged images of each class.
        n_unlabelled: images left out because no label holds for them.
    """

    n_correct: Int[np.ndarray, "K"]
    n_scored: Int[np.ndarray, "K"]
    n_unlabelled: int

    @property
    def by_class(self) -> Float[np.ndarray, "C"]:
        """Accuracy of the classes that have a judged image."""
        used = self.n_scored > 0
        accuracy: Float[np.ndarray, "C"] = self.n_correct[used] / self.n_scored[used]
        return accuracy

    @property
    def value(self) -> float | None:
        """Mean of the classes' accuracies; None where no image was judged."""
        by_class = self.by_class
        return float(by_class.mean()) if len(by_class) else None


@dataclass(frozen=True, slots=True)
class ModelScore:
    """What one model scores.

    Attributes:
        model: its name.
        real: top-1 under the reassessed labels.
        original: top-1 under the original labels; None where they are unknown.
        real_at: top-k accuracy under the reassessed labels, by k.
        original_at: top-k accuracy under the original labels, by k; empty where they are unknown.
        multilabel: averaged over original classes; None where they are unknown.
        real_bootstrap: ends of the stratified bootstrap interval of ``real``; None where none
            was asked for.
        original_bootstrap: the same for ``original``.
        unasked: predictions that nobody was asked about; None where the labels do not say what was.
        audited: ``real`` as an audit has it; None without one.
        sets: metrics of predicted sets of classes; None where none were asked for.
    """

    model: str
    real: Accuracy
    original: Accuracy | None
    real_at: dict[int, Accuracy]
    original_at: dict[int, Accuracy]
    multilabel: MultilabelAccuracy | None
    real_bootstrap: tuple[float, float] | None = None
    original_bootstrap: tuple[float, float] | None = None
    unasked: UnaskedPredictions | None = None
    audited: AuditedAccuracy | None = None
    sets: MultilabelMetrics | None = None

    @property
    def real_value(self) -> float | None:
        """ReaL accuracy: as an audit has it, else as counted; None where nothing was judged."""
        return self.real.value if self.audited is None else self.audited.value

    def real_interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """Its interval, likewise; None where nothing was judged."""
        found = self.real if self.audited is None else self.audited
        return found.interval(confidence)

    def __str__(self) -> str:
        parts = [f"ReaL {self.real}"]
        if self.audited is not None:
            parts.append(f"audited {self.audited.value:.4f}")
        if self.original is not None:
            parts.append(f"original {self.original}")
        return f"{self.model}: {'; '.join(parts)}"

    def _repr_html_(self) -> str:
        rows = [("ReaL", *shown(self.real))]
        rows += [(f"ReaL, top {k}", *shown(one)) for k, one in self.real_at.items()]
        if self.original is not None:
            rows.append(("original", *shown(self.original)))
        return html_table((self.model, "accuracy", "95% interval"), rows)


@dataclass(frozen=True, slots=True)
class UnaskedDifference:
    """What the predictions that nobody was asked about leave open between two models.

    Attributes:
        n_a: such predictions of the first model.
        n_b: those of the second.
        low: accuracy of the first less that of the second where all of the first's are absent and
            all of the second's present.
        high: the difference the other way round. A prediction that both make is one.
        n_unchecked: images of which one model is right by an original label that nobody checked and
            that no audit drew from, and the other wrong.
    """

    n_a: int
    n_b: int
    low: float
    high: float
    n_unchecked: int = 0

    @property
    def is_open(self) -> bool:
        """Whether they alone decide which model is better."""
        return self.low < 0 < self.high


@dataclass(frozen=True, slots=True)
class AuditedDifference:
    """A difference of two accuracies as an audit has it.

    Attributes:
        value: accuracy of the first less that of the second.
        low: lower end of its interval, from images and the audit's samples.
        high: upper end.
        p_value: two-sided, that both are right equally often.
        accuracy_a: accuracy of the first.
        accuracy_b: of the second.
    """

    value: float
    low: float
    high: float
    p_value: float
    accuracy_a: float
    accuracy_b: float


@dataclass(frozen=True, slots=True)
class CalibratedDifference:
    """A difference of two accuracies under labels with a probability, from images and labels.

    Attributes:
        value: accuracy of the first less that of the second, under calibrated labels.
        low: lower end of its interval: other images, other raters, other votes, other gold.
        high: upper end.
        p_value: two-sided, that both are right equally often under labels without error.
        accuracy_a: accuracy of the first.
        accuracy_b: of the second.
        p_swap: probability that other raters of the same crowd, on these very images, would put
            them in the other order.
        n_gold: gold questions that the probabilities are calibrated on; 0 where they are taken as
            they are, so that the interval is too narrow.
    """

    value: float
    low: float
    high: float
    p_value: float
    accuracy_a: float
    accuracy_b: float
    p_swap: float
    n_gold: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two models differ on images that both predicted and that have a label.

    Attributes:
        model_a: the first model.
        model_b: the second model.
        labels: the labels that judge.
        n_both: images that both have right.
        n_neither: images that neither has right.
        only_a: ids of the images that only a has right, strings.
        only_b: ids of the images that only b has right, strings.
        low: lower end of the interval of the difference, as counted.
        high: upper end of the interval of the difference, as counted.
        p_value: exact two-sided McNemar test that both are right equally often.
        confidence: of the interval.
        original_a: accuracy of a under the original labels; None where these are unknown.
        original_b: the same of b.
        unasked: what predictions that nobody was asked about leave open; None where the labels do
            not say what was.
        audited: the difference as an audit has it; None without one.
        calibrated: the difference with the labels' uncertainty; None without the votes.
        anytime: the difference as counted, with an interval that holds at every look; None where it
            was not asked for.
    """

    model_a: str
    model_b: str
    labels: str
    n_both: int
    n_neither: int
    only_a: Shaped[np.ndarray, "n"]
    only_b: Shaped[np.ndarray, "m"]
    low: float
    high: float
    p_value: float
    confidence: float
    original_a: Accuracy | None = None
    original_b: Accuracy | None = None
    unasked: UnaskedDifference | None = None
    audited: AuditedDifference | None = None
    calibrated: CalibratedDifference | None = None
    anytime: AnytimeEstimate | None = None

    @property
    def decision(self) -> ComparisonDecision:
        """Which model is better, if that can be told.

        ``cannot tell`` where predictions that nobody was asked about alone decide it; else by the
        test, of the audited difference where there is one. With the labels' uncertainty, both tests
        must say the same. Whoever looks again and again decides by the interval of ``anytime``.
        """
        if self.unasked is not None and self.unasked.is_open:
            return "cannot tell"
        return "undecided" if self.is_open_by_labels else self._as_decided

    @property
    def is_open_by_labels(self) -> bool:
        """Whether labels as decided tell the models apart, and their uncertainty leaves it open."""
        found, side = self.calibrated, self._as_decided
        if found is None or side == "undecided":
            return False
        return (found.value > 0) != (side == "a") or found.p_value >= 1 - self.confidence

    @property
    def _as_decided(self) -> ComparisonDecision:
        """Which model is better if labels are as decided, by the test of images and of an audit."""
        if self.anytime is not None:
            return "a" if self.anytime.low > 0 else "b" if self.anytime.high < 0 else "undecided"
        found = self if self.audited is None else self.audited
        value = self.difference if self.audited is None else self.audited.value
        if value is None or found.p_value >= 1 - self.confidence:
            return "undecided"
        return "a" if value > 0 else "b"

    @property
    def accuracy_a(self) -> Accuracy:
        """Accuracy of a on the images that were judged."""
        return Accuracy(self.n_both + len(self.only_a), self.n_scored)

    @property
    def accuracy_b(self) -> Accuracy:
        """Accuracy of b on the images that were judged."""
        return Accuracy(self.n_both + len(self.only_b), self.n_scored)

    @property
    def n_scored(self) -> int:
        """Images that were judged."""
        return self.n_both + self.n_neither + len(self.only_a) + len(self.only_b)

    @property
    def difference(self) -> float | None:
        """Accuracy of a less accuracy of b; None where no image was judged."""
        return (len(self.only_a) - len(self.only_b)) / self.n_scored if self.n_scored else None

    def __str__(self) -> str:
        found = self if self.audited is None else self.audited
        value = self.difference if self.audited is None else self.audited.value
        if value is None:
            return f"{self.model_a} and {self.model_b} on {self.labels}: no image to judge"
        a = self.accuracy_a.value if self.audited is None else self.audited.accuracy_a
        b = self.accuracy_b.value if self.audited is None else self.audited.accuracy_b
        better = {"a": f"{self.model_a} is better", "b": f"{self.model_b} is better"}
        return (
            f"{self.model_a} {a:.4f}, {self.model_b} {b:.4f} on {self.labels}: {value:+z.4f} "
            f"[{found.low:+z.4f}, {found.high:+z.4f}], p = {found.p_value:.2g}, "
            f"{better.get(self.decision, self.decision)} ({self.n_scored:,} images)"
        )

    def __repr__(self) -> str:
        return f"Comparison({self})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


@dataclass(frozen=True, slots=True)
class ImageTable:
    """Which models are right on which image.

    Attributes:
        image_ids: the n images, strings.
        models: the M models.
        top: each model's top prediction.
        right: whether it is among the labels.
        n_labels: size of each image's label set; where it is 0 nothing is judged.
    """

    image_ids: Shaped[np.ndarray, "n"]
    models: tuple[str, ...]
    top: Int[np.ndarray, "n M"]
    right: Bool[np.ndarray, "n M"]
    n_labels: Int[np.ndarray, "n"]
