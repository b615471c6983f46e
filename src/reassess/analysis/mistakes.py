"""The remaining mistakes of models: of which kind each is, and how severe.

A mistake is an image with at least one reassessed label whose top prediction is not among
them. The rules that sort mistakes stand with `MistakeKind` and `Severity`; every mistake keeps
the evidence that they look at, so that other rules can be tried. Whether a mistake *is* one
only people can say: `reassess.analysis.reviews` draws them for a rating study.

Letters: K classes, M models, N images, m mistakes, W witnesses.

Source: Beyer et al. (2020), section 5 and Figure 7, for the question; V. Vasudevan et al.
(2022), "When does dough become a bagel?", for kinds and severities as experts see them. The
rules are ours, held against those experts' verdicts in docs/mistakes.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.analysis.classes import PAIR_KINDS, class_pairs
from reassess.errors import DataError
from reassess.records import (
    Classes,
    Hierarchy,
    LabelSets,
    Pairs,
    Posterior,
    Predictions,
    Questions,
    Votes,
    find_keys,
    pair_keys,
)
from reassess.registry import checks_choices
from reassess.scoring import predicted_rows

MistakeKind = Literal["missed label", "near class", "co-occurring", "far away", "unsorted"]
"""Of which kind a mistake probably is; the first that holds.

`missed label`  the prediction is probably another valid label that the labels miss: raters were
                asked about it and its posterior is at least a quarter of the threshold; or they
                were never asked, and more than half of the other models (two at least) say
                the same
`near class`    the prediction and a label of the image are at most four steps apart in the
                hierarchy (siblings: two), under a common ancestor that not all classes share
`co-occurring`  the prediction and a label of the image stand together in label sets far more
                often than by chance (`reassess synonyms`: inseparable, implies or overlap)
`far away`      none of these
`unsorted`      none of these, but without a hierarchy near and far cannot be told apart
"""

Severity = Literal["slight", "moderate", "severe"]
"""How far the prediction is from the nearest label of the image.

`slight`    near, as above
`moderate`  farther, under a common ancestor of at most half of all classes
`severe`    they have nothing in common but what more than half of all classes have
"""

MISTAKE_KINDS: tuple[MistakeKind, ...] = get_args(MistakeKind)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

ALMOST = 0.25
"""A label was almost kept where its posterior is at least this share of the threshold."""
NEAR = 4
"""Steps in the hierarchy within which classes are near."""


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The mistakes of models with the evidence about each; by model, then image.

    Attributes:
        models: names of the M models.
        n_scored: images of each model that have a label.
        image_ids: the N images of the label sets.
        model: of each mistake.
        image: row of its image in ``image_ids``.
        predicted: class of the top prediction.
        label: the label of the image that the prediction is nearest to; without a hierarchy the
            one that it occurs with most often.
        kind: code into `MISTAKE_KINDS`.
        severity: code into `SEVERITIES`; -1 without a hierarchy.
        distance: steps in the hierarchy between ``predicted`` and ``label``; -1 without.
        ancestor: their lowest common ancestor, a node of the hierarchy; -1 without.
        n_together: images whose labels hold both.
        posterior: of the predicted class on this image; NaN where it was not asked.
        votes: of raters on the predicted class: no, maybe, yes; all 0 where there are none.
        n_same: other models whose top prediction is the same.
        n_others: other models that there are.
    """

    models: tuple[str, ...]
    n_scored: Int[np.ndarray, "M"]
    image_ids: Shaped[np.ndarray, "N"]
    model: Int[np.ndarray, "m"]
    image: Int[np.ndarray, "m"]
    predicted: Int[np.ndarray, "m"]
    label: Int[np.ndarray, "m"]
    kind: Int[np.ndarray, "m"]
    severity: Int[np.ndarray, "m"]
    distance: Int[np.ndarray, "m"]
    ancestor: Int[np.ndarray, "m"]
    n_together: Int[np.ndarray, "m"]
    posterior: Float[np.ndarray, "m"]
    votes: Int[np.ndarray, "m 3"]
    n_same: Int[np.ndarray, "m"]
    n_others: int

    def __len__(self) -> int:
        return len(self.model)

    @property
    def n_mistakes(self) -> Int[np.ndarray, "M"]:
        """Mistakes of each model."""
        return np.bincount(self.model, minlength=len(self.models))

    @checks_choices
    def counts(self, of: Literal["kind", "severity"]) -> Int[np.ndarray, "M c"]:
        """Mistakes of each model by kind, or by severity where it is known."""
        code, names = {
            "kind": (self.kind, MISTAKE_KINDS),
            "severity": (self.severity, SEVERITIES),
        }[of]
        n_codes = len(names)
        known = code >= 0
        cell = self.model[known] * n_codes + code[known]
        return np.bincount(cell, minlength=len(self.models) * n_codes).reshape(-1, n_codes)


def find_mistakes(
    labels: LabelSets,
    predictions: Sequence[Predictions],
    *,
    witnesses: Sequence[Predictions] = (),
    hierarchy: Hierarchy | None = None,
    posterior: Posterior | None = None,
    votes: Votes | None = None,
    classes: Classes | None = None,
) -> Mistakes:
    """The mistakes of models under reassessed labels, each with its kind, severity, evidence.

    Args:
        labels: the reassessed labels.
        predictions: the models whose mistakes are wanted.
        witnesses: further models, whose agreement is evidence; a model of the same name as one
            of ``predictions`` is that one.
        hierarchy: which class is a kind of which; without it nothing is near, far or severe.
        posterior: of the questions behind the labels; without it no label was almost kept.
        votes: behind the posterior; shown as evidence only.
        classes: how many there are, where the labels do not say.

    Raises:
        AlignmentError: a predicted image is not in the label sets.
        DataError: two models have one name.
    """
    names = [one.model for one in predictions]
    if len(set(names)) < len(names):
        raise DataError(f"mistakes: the models are {names}, but must have distinct names.")
    more = [one for one in witnesses if one.model not in set(names)]
    n_scored, model, image, predicted = _wrong(labels, predictions)
    found = Mistakes(
        models=tuple(names), n_scored=n_scored, image_ids=labels.image_ids,
        model=model, image=image, predicted=predicted, label=predicted,
        kind=np.full(len(model), MISTAKE_KINDS.index("far away")),
        severity=np.full(len(model), -1), distance=np.full(len(model), -1),
        ancestor=np.full(len(model), -1), n_together=np.zeros(len(model), np.int64),
        posterior=_posteriors(labels, image, predicted, posterior),
        votes=_votes(labels, image, predicted, votes),
        n_same=_n_same(labels, image, predicted, [*predictions, *more]),
        n_others=len(names) + len(more) - 1,
    )  # fmt: skip
    found, often = _beside_labels(found, labels, hierarchy, classes)
    return _sorted(found, labels, hierarchy, often)


def _wrong(labels: LabelSets, predictions: Sequence[Predictions]) -> tuple[
    Int[np.ndarray, "M"], Int[np.ndarray, "m"], Int[np.ndarray, "m"], Int[np.ndarray, "m"]
]:  # fmt: skip
    """Scored images of each model; model, image and top prediction of each mistake."""
    n_scored, parts = [], []
    for number, one in enumerate(predictions):
        row = predicted_rows(one, labels)
        scored = labels.sizes[row] > 0
        wrong = np.flatnonzero(scored & ~labels.contains(row, one.top))
        wrong = wrong[np.argsort(row[wrong])]
        n_scored.append(int(scored.sum()))
        parts.append(np.stack([np.full(len(wrong), number), row[wrong], one.top[wrong]]))
    model, image, predicted = np.concatenate([np.zeros((3, 0), np.int64), *parts], axis=1)
    return np.array(n_scored, np.int64), model, image, predicted


def _n_same(
    labels: LabelSets,
    image: Int[np.ndarray, "m"],
    predicted: Int[np.ndarray, "m"],
    models: Sequence[Predictions],
) -> Int[np.ndarray, "m"]:
    """How many of the models predict the same as each mistake, less the one that makes it."""
    n_same = np.full(len(image), -1)
    for one in models:
        top = np.full(len(labels), -1)
        top[predicted_rows(one, labels)] = one.top
        n_same += top[image] == predicted
    return n_same


def _asked(
    labels: LabelSets,
    image: Int[np.ndarray, "m"],
    predicted: Int[np.ndarray, "m"],
    questions: Questions,
) -> Int[np.ndarray, "m"]:
    """The question about the predicted class of each mistake; -1 where none was asked."""
    pairs = questions.pairs
    if pairs is None or len(pairs) == 0:
        return np.full(len(image), -1)
    keys = pair_keys(image, predicted, 1 + int(predicted.max(initial=0)))
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    wanted = Pairs(labels.image_ids, image[first], predicted[first])
    return wanted.positions_in(pairs, source="questions")[back]


def _posteriors(
    labels: LabelSets,
    image: Int[np.ndarray, "m"],
    predicted: Int[np.ndarray, "m"],
    posterior: Posterior | None,
) -> Float[np.ndarray, "m"]:
    if posterior is None:
        return np.full(len(image), np.nan)
    question = _asked(labels, image, predicted, posterior.questions)
    found = np.exp(posterior.log_probability[question, -1])
    return np.where(question >= 0, found, np.nan)


def _votes(
    labels: LabelSets,
    image: Int[np.ndarray, "m"],
    predicted: Int[np.ndarray, "m"],
    votes: Votes | None,
) -> Int[np.ndarray, "m 3"]:
    if votes is None or len(votes.answers) != 3:
        return np.zeros((len(image), 3), np.int64)
    question = _asked(labels, image, predicted, votes.questions)
    return np.where((question >= 0)[:, None], votes.counts()[question], 0)


def _beside_labels(
    found: Mistakes, labels: LabelSets, hierarchy: Hierarchy | None, classes: Classes | None
) -> tuple[Mistakes, Bool[np.ndarray, "m"]]:
    """Each mistake beside the nearest label of its image; whether any occurs with it often."""
    if len(found) == 0:
        return found, np.zeros(0, np.bool_)
    sizes = labels.sizes[found.image]
    mistake = np.repeat(np.arange(len(found)), sizes)
    start = labels.indptr[found.image] - np.cumsum(sizes) + sizes
    label = labels.indices[np.arange(len(mistake)) + np.repeat(start, sizes)]
    predicted = found.predicted[mistake]
    n_together, often = _together(labels, predicted, label, classes)
    if hierarchy is None:
        distance = ancestor = np.full(len(label), -1)
    else:
        distance = hierarchy.distance(predicted, label)
        ancestor = hierarchy.common_ancestor(predicted, label)
    order = np.lexsort((label, -n_together, distance, mistake))
    first = order[np.unique(mistake[order], return_index=True)[1]]
    beside = replace(
        found, label=label[first], distance=distance[first], ancestor=ancestor[first],
        n_together=n_together[first],
    )  # fmt: skip
    return beside, np.bincount(mistake, often, minlength=len(found)) > 0


def _together(
    labels: LabelSets,
    one: Int[np.ndarray, "n"],
    other: Int[np.ndarray, "n"],
    classes: Classes | None,
) -> tuple[Int[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Images whose labels hold both classes, and whether that is far more than by chance."""
    n_keys = 1 + max(int(a.max(initial=0)) for a in (one, other, labels.indices))
    if classes is None and labels.n_classes is None:
        labels = replace(labels, n_classes=n_keys)
    pairs = class_pairs(labels, classes=classes)
    pairs = pairs.take(np.maximum(pairs.a, pairs.b) < n_keys)
    if len(pairs) == 0:
        return np.zeros(len(one), np.int64), np.zeros(len(one), np.bool_)
    keys = pair_keys(np.minimum(pairs.a, pairs.b), np.maximum(pairs.a, pairs.b), n_keys)
    wanted = pair_keys(np.minimum(one, other), np.maximum(one, other), n_keys)
    at = find_keys(wanted, keys)
    there = at >= 0
    by_votes = [PAIR_KINDS.index(kind) for kind in ("inseparable", "implies", "overlap")]
    return np.where(there, pairs.n_both[at], 0), there & np.isin(pairs.kind[at], by_votes)


def _sorted(
    found: Mistakes, labels: LabelSets, hierarchy: Hierarchy | None, often: Bool[np.ndarray, "m"]
) -> Mistakes:
    """The mistakes with kind and severity, by the rules of `MistakeKind` and `Severity`."""
    point = labels.operating_point
    asked = ~np.isnan(found.posterior)
    almost = np.zeros(len(found), np.bool_)
    if point is not None:
        almost = asked & (np.nan_to_num(found.posterior) >= ALMOST * point.threshold)
    agreed = ~asked & (found.n_same >= 2) & (2 * found.n_same > found.n_others)
    near, severity, rest = np.zeros(len(found), np.bool_), found.severity, "unsorted"
    if hierarchy is not None:
        below = np.where(found.ancestor < 0, hierarchy.n_classes, hierarchy.n_below[found.ancestor])
        near = (found.distance <= NEAR) & (below < hierarchy.n_classes)
        severity = np.where(near, 0, np.where(2 * below <= hierarchy.n_classes, 1, 2))
        rest = "far away"
    rules = [almost | agreed, near, often]
    kind = np.select(rules, [0, 1, 2], MISTAKE_KINDS.index(rest))
    return replace(found, kind=kind, severity=severity)
