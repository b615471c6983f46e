"""One image followed through a study: what was proposed, what people said, what was decided.

Every step is read from its record; nothing is computed but which row is the image's. A step that
has not been made is None. Letters: M models.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.records import (
    Benchmark,
    Gold,
    LabelSets,
    Pairs,
    Posterior,
    Predictions,
    Proposals,
    Tasks,
    Votes,
    align,
)


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer to the question whether a class is in the image.

    Attributes:
        who: the rater or expert.
        answer: no, maybe or yes.
        given_at: when, in UTC; None where that is not known.
        seconds: how long it took; None where that is not known.
    """

    who: str
    answer: str
    given_at: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TracedClass:
    """A class that was proposed for the image, or that it has or had.

    Attributes:
        class_id: its id; its index where no classes are known.
        name: its name.
        is_original: whether it is the original label.
        proposed_by: the models whose list holds it.
        is_asked: whether raters were asked about it; None where no tasks are made.
        votes: what raters said.
        posterior: P(the class is in the image) given the votes; None without.
        calibrated: the same as gold has it; None without.
        gold: what experts said about it as gold.
        adjudications: what experts decided about it, which wins over votes.
        is_label: whether it is a reassessed label; None where labels are not decided.
    """

    class_id: str
    name: str
    is_original: bool
    proposed_by: tuple[str, ...]
    is_asked: bool | None
    votes: tuple[GivenAnswer, ...]
    posterior: float | None
    calibrated: float | None
    gold: tuple[GivenAnswer, ...]
    adjudications: tuple[GivenAnswer, ...]
    is_label: bool | None


@dataclass(frozen=True, slots=True)
class TracedPrediction:
    """What a model predicts for the image.

    Attributes:
        model: its name.
        ranked: ids of its best classes, best first.
        is_original: whether its top prediction is the original label; None without one.
        is_right: whether it is a reassessed label; None without labels, or where the image has
            none.
    """

    model: str
    ranked: tuple[str, ...]
    is_original: bool | None
    is_right: bool | None


@dataclass(frozen=True, slots=True)
class ImageTrace:
    """An image's way through a study.

    Attributes:
        image: its id.
        original: id of its original label; None where there is none.
        is_rated: whether it was put to raters; None where nothing is proposed yet.
        is_withdrawn: whether it was taken out of the study.
        labels: ids of its reassessed labels; None where labels are not decided.
        threshold: the operating point of the labels; None where it is not known.
        rule: how that was chosen.
        classes: original label first, then by the number of models that proposed them.
        predictions: one a model.
    """

    image: str
    original: str | None
    is_rated: bool | None
    is_withdrawn: bool
    labels: tuple[str, ...] | None
    threshold: float | None
    rule: str | None
    classes: tuple[TracedClass, ...]
    predictions: tuple[TracedPrediction, ...]

    def decision(self) -> str:
        """What was decided and why, in a sentence."""
        if self.is_withdrawn:
            return "The image was withdrawn from the study."
        if self.labels is None:
            return "Its labels are not decided yet."
        held = ", ".join(self.labels) or "no label: it is left out of scores"
        if self.is_rated is False:
            return f"It was not put to raters and keeps its original label: {held}."
        cut = "" if self.threshold is None else f" (posterior at least {self.threshold:g})"
        return f"Its labels are {held}{cut}." if self.labels else f"It has {held}{cut}."


def image_trace(
    image: str,
    benchmark: Benchmark,
    *,
    proposals: Proposals | None = None,
    tasks: Tasks | None = None,
    votes: Votes | None = None,
    posterior: Posterior | None = None,
    labels: LabelSets | None = None,
    gold: Gold | None = None,
    adjudications: Gold | None = None,
    predictions: Sequence[Predictions] = (),
    withdrawn: Collection[str] = (),
) -> ImageTrace:
    """An image's way through the records of a study.

    Args:
        image: its id, or the end of it where that is unique.
        benchmark: the images, their original labels and classes.
        proposals: what was proposed.
        tasks: what was asked.
        votes: what raters said.
        posterior: of their votes.
        labels: the reassessed labels, on the images of the benchmark.
        gold: what experts said as gold.
        adjudications: what experts decided.
        predictions: one record a model, for the images of the benchmark.
        withdrawn: ids of images that were taken out.

    Raises:
        AlignmentError: there is no such image, or several.
    """
    (row,) = align(
        np.array([image]), benchmark.image_ids, source="IMAGE", target_name=benchmark.name
    )
    image_id = str(benchmark.image_ids[row])
    original = None if benchmark.original is None else int(benchmark.original[row])
    held = None if labels is None else set(labels.lists()[int(row)])
    proposed = _proposed(proposals, image_id)
    asked = None if tasks is None else set(_of_image(tasks.questions.pairs, image_id)[1].tolist())
    said = {name: _answers(one, image_id) for name, one in (
        ("votes", votes), ("gold", None if gold is None else gold.votes),
        ("adjudications", None if adjudications is None else adjudications.votes),
    )}  # fmt: skip
    probability = _probabilities(posterior, image_id)
    every = {*proposed, *(asked or ()), *(held or ()), *said["votes"], *said["gold"]}
    every |= set() if original is None else {original}
    order = sorted(every, key=lambda k: (k != original, -len(proposed.get(k, ())), k))
    point = None if labels is None else labels.operating_point
    names = _Names(benchmark)
    return ImageTrace(
        image=image_id,
        original=None if original is None else names.id_of(original),
        is_rated=_is_rated(proposals, labels, int(row), image_id),
        is_withdrawn=image_id in withdrawn,
        labels=None if held is None else tuple(names.id_of(k) for k in sorted(held)),
        threshold=None if point is None else point.threshold,
        rule=None if point is None else point.rule,
        classes=tuple(
            TracedClass(
                names.id_of(k), names.name_of(k), k == original, proposed.get(k, ()),
                None if asked is None else k in asked, said["votes"].get(k, ()),
                *probability.get(k, (None, None)), said["gold"].get(k, ()),
                said["adjudications"].get(k, ()), None if held is None else k in held,
            )
            for k in order
        ),
        predictions=tuple(
            _prediction(one, int(row), original, held, names) for one in predictions
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Names:
    benchmark: Benchmark

    def id_of(self, label: int) -> str:
        classes = self.benchmark.classes
        return str(label) if classes is None else classes.ids[label]

    def name_of(self, label: int) -> str:
        classes = self.benchmark.classes
        return str(label) if classes is None else classes.names[label]


def _of_image(
    pairs: Pairs | None, image_id: str
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """The rows of the pairs of an image, and their classes."""
    if pairs is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows = np.flatnonzero(pairs.image_ids[pairs.image] == image_id)
    return rows, pairs.label[rows]


def _proposed(proposals: Proposals | None, image_id: str) -> dict[int, tuple[str, ...]]:
    """The models that proposed each class of an image."""
    if proposals is None:
        return {}
    rows, label = _of_image(proposals.pairs, image_id)
    return {
        int(k): tuple(name for name, has in zip(proposals.models, proposals.proposed[row],
                                                strict=True) if has)
        for row, k in zip(rows, label, strict=True)
    }  # fmt: skip


def _answers(votes: Votes | None, image_id: str) -> dict[int, tuple[GivenAnswer, ...]]:
    """What was said about each class of an image, by the names of who said it."""
    if votes is None:
        return {}
    questions, label = _of_image(votes.questions.pairs, image_id)
    found: dict[int, tuple[GivenAnswer, ...]] = {}
    for question, k in zip(questions, label, strict=True):
        rows = np.flatnonzero(votes.question == question)
        given = (_answer(votes, int(row)) for row in rows)
        found[int(k)] = tuple(sorted(given, key=lambda one: (one.given_at or "", one.who)))
    return found


def _answer(votes: Votes, row: int) -> GivenAnswer:
    at: Any = None if votes.given_at is None else votes.given_at[row]
    seconds = None if votes.seconds is None else float(votes.seconds[row])
    return GivenAnswer(
        str(votes.rater_ids[votes.rater[row]]),
        votes.answers[votes.answer[row]],
        None if at is None or np.isnat(at) else np.datetime_as_string(at, "s", timezone="UTC"),
        None if seconds is None or np.isnan(seconds) else seconds,
    )


def _probabilities(
    posterior: Posterior | None, image_id: str
) -> dict[int, tuple[float | None, float | None]]:
    """P(present) of each class of an image that was asked about, and as gold has it."""
    if posterior is None:
        return {}
    rows, label = _of_image(posterior.questions.pairs, image_id)
    calibrated = posterior.calibrated
    return {
        int(k): (float(posterior.probability[row, -1]),
                 None if calibrated is None else float(calibrated[row]))
        for row, k in zip(rows, label, strict=True)
    }  # fmt: skip


def _is_rated(
    proposals: Proposals | None, labels: LabelSets | None, row: int, image_id: str
) -> bool | None:
    if labels is not None and labels.rated is not None:
        return bool(labels.rated[row])
    if proposals is None:
        return None
    place = np.flatnonzero(proposals.pairs.image_ids == image_id)
    return bool(len(place) and proposals.rated[place[0]])


def _prediction(
    one: Predictions, row: int, original: int | None, held: set[int] | None, names: _Names
) -> TracedPrediction:
    ranked = [int(k) for k in one.ranked_classes[row] if k >= 0]
    return TracedPrediction(
        one.model,
        tuple(names.id_of(k) for k in ranked),
        None if original is None else ranked[0] == original,
        None if not held else ranked[0] in held,
    )
