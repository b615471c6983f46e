"""What models score where labels have a probability, and under other thresholds.

Every question has P(the class is in the image), calibrated on gold; a model's score is the sum over
its top predictions, divided by the expected number of images that have a label. Four things decide
whether that is fair:

1. Posteriors are over-confident: gold draws their log-odds towards 0 (Platt).
2. A class that models predict is in the image more often than its votes alone say: the share of
   models that predict it stands beside the log-odds.
3. A probability draws a good model towards the poor ones, as votes do not know which model
   predicted. Among questions that an equal share of models predict, deviations from the mean are
   therefore divided by their reliability, Var(p) / (mean p (1 - mean p)): the correction for
   sensitivity and specificity. It holds where votes depend on the truth and not on the model.
4. The questions of an image are not independent: whether it has any label is calibrated on the
   gold images themselves.

Images that were not put to raters keep the label sets that they have, as certain, unless an audit
drew from them (`reassess.analysis.audited_labels`). A predicted class that raters were never asked
about counts as absent. Letters: n images, M models, Q questions, G gold questions, a questions that
a model predicts, e those and the images not rated, s images that were shown.

Source: 1, J. Platt (1999), "Probabilistic Outputs for Support Vector Machines"; 2, X.-L. Meng
(1994), Statistical Science 9:538-573; 3, W. Rogan and B. Gladen (1978), American Journal of
Epidemiology 107:71-76.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.analysis.audited_labels import AuditedImages
from reassess.errors import DataError
from reassess.records import (
    Gold,
    ImageTable,
    LabelSets,
    Predictions,
    Questions,
    find_keys,
    pair_keys,
    positions,
)
from reassess.scoring import image_table
from reassess.statistics import logistic_regressions, sigmoid

N_BINS = 10
"""Groups of questions by the share of models that predict them, of about equal size."""

_ROWS_AT_ONCE = 1 << 18
"""Questions that are added up at once: more would need a matrix of ten times as many numbers."""

LEAST_RELIABILITY = 0.1
"""Deviations are blown up tenfold at the most, where votes say next to nothing."""

FEWEST_GOLD_IMAGES = 10
"""Images judged in full by gold, below which questions are taken to be independent."""


@dataclass(frozen=True, slots=True)
class SoftLabels:
    """Which question each model's top prediction is about, and what was never asked.

    Attributes:
        table: which model is right on which image under the label sets as decided.
        image: image of each question, a row of ``table``; -1 for images not predicted.
        share: share of the models whose top prediction each question is about.
        asked: questions that some model's top prediction is about.
        n_models: how many models' top predictions each of them is about.
        group: its group by that number, in 0 to `N_BINS`.
        right: which models' top predictions each of them is about, then, for each image that was
            not rated, which models are right.
        order: questions of predicted images, those of an image together.
        starts: where in ``order`` each rated image begins.
        rated: whether raters were asked about an image, because of what models say.
        shown: the same, and images that an audit drew.
        has_label: P(some label) of an image that is not rated: 1 or 0, or as an audit has it.
        kept_holds: P(the label that such an image keeps holds): 1, or as an audit has it.
        stands_for: how many pairs each asked question stands for: 1, but for those of an audit.
        audited: skipped images that an audit drew from; None without an audit.
    """

    table: ImageTable
    image: Int[np.ndarray, "Q"]
    share: Float[np.ndarray, "Q"]
    asked: Int[np.ndarray, "a"]
    n_models: Float[np.ndarray, "a"]
    group: Int[np.ndarray, "a"]
    right: Float[np.ndarray, "e M"]
    order: Int[np.ndarray, "o"]
    starts: Int[np.ndarray, "s"]
    rated: Bool[np.ndarray, "n"]
    shown: Bool[np.ndarray, "n"]
    has_label: Float[np.ndarray, "n"]
    kept_holds: Float[np.ndarray, "n"]
    stands_for: Float[np.ndarray, "a"]
    audited: AuditedImages | None = None

    @classmethod
    def of(
        cls, predictions: Sequence[Predictions], labels: LabelSets, questions: Questions
    ) -> "SoftLabels":
        """Bring predictions, labels and questions together by image id.

        Raises:
            DataError: the questions are not about images and classes, two models have the
                same name, or no predicted image was put to raters.
            AlignmentError: the models predicted different images, or labels are missing.
        """
        table = image_table(predictions, labels)
        image = _rows(questions, table.image_ids)
        pairs = questions.require_pairs()
        audited = _audited(labels, table, questions, image)
        rated, shown, weight = _shown(image, audited, len(table.image_ids))
        if not rated.any():
            raise DataError(
                f"votes: none of their images (such as {str(pairs.image_ids[0])!r}) was predicted "
                f"(such as {str(table.image_ids[0])!r}), but some must be. Write image ids the "
                "same way in both."
            )
        n_keys = 1 + int(max(pairs.label.max(), table.top.max()))
        known = np.flatnonzero(image >= 0)
        known = known[np.argsort(image[known], kind="stable")]
        keys = pair_keys(image[known], pairs.label[known], n_keys)
        place = find_keys(pair_keys(np.arange(len(rated))[:, None], table.top, n_keys), keys)
        model = np.nonzero(place >= 0)[1]
        question = known[place[place >= 0]]
        share = np.bincount(question, minlength=len(image)) / len(table.models)
        asked = np.flatnonzero((share > 0) & (weight > 0))
        by_model = np.zeros((len(image), len(table.models)), np.float32)
        by_model[question, model] = 1
        predicted = by_model[asked]
        kept, has_label = table.right, (table.n_labels > 0).astype(float)
        if audited is not None:
            kept = kept.copy()
            kept[audited.image] = table.top[audited.image] == audited.label[audited.image, None]
            has_label[audited.image] = 1.0
        n_models = predicted.sum(axis=1).astype(float)
        order = known[shown[image[known]]]
        return cls(
            table=table,
            image=image,
            share=share,
            asked=asked,
            n_models=n_models,
            group=_groups(n_models),
            right=np.concatenate([predicted, kept[~rated].astype(np.float32)]),
            order=order,
            starts=np.flatnonzero(np.diff(image[order], prepend=-1)),
            rated=rated,
            shown=shown,
            has_label=has_label,
            kept_holds=np.ones(len(rated)),
            stands_for=weight[asked],
            audited=audited,
        )

    def evidence(
        self,
        probability: Float[np.ndarray, "b Q"],
        labelled: Float[np.ndarray, "b s"],
        weight: Float[np.ndarray, "b n"],
    ) -> Float[np.ndarray, "b e"]:
        """What each row of ``right`` adds to the accuracy of a model that is right there.

        Args:
            probability: P(the class is in the image) of each question, one row a resample.
            labelled: P(some label holds) of each image in ``shown``.
            weight: of each image, such as how often it was drawn.
        """
        n_asked, unrated = len(self.asked), ~self.rated
        evidence = np.empty((len(weight), len(self.right)))
        evidence[:, n_asked:] = weight[:, unrated] * self.kept_holds[unrated]
        of_asked = weight[:, self.image[self.asked]]
        truths = self.unattenuated(probability[:, self.asked], of_asked)
        of_asked *= truths
        evidence[:, :n_asked] = of_asked * self.stands_for
        evidence /= self.n_labelled(labelled, weight)[:, None]
        return evidence

    def n_labelled(
        self, labelled: Float[np.ndarray, "b s"], weight: Float[np.ndarray, "b n"]
    ) -> Float[np.ndarray, "b"]:
        """Expected number of images that have a label; arguments as of `evidence`."""
        of_rated = labelled[:, self.rated[self.shown]]
        unrated = weight[:, ~self.rated] @ self.has_label[~self.rated]
        n: Float[np.ndarray, "b"] = (weight[:, self.rated] * of_rated).sum(axis=1) + unrated
        return n

    def correct(
        self, kept: Float[np.ndarray, "Q"], weight: Float[np.ndarray, "n"]
    ) -> Float[np.ndarray, "e"]:
        """What each row of ``right`` adds to the number of right images under certain labels."""
        of_asked = weight[self.image[self.asked]] * kept[self.asked]
        return np.concatenate([of_asked, weight[~self.rated]])

    def unattenuated(
        self, probability: Float[np.ndarray, "b a"], weight: Float[np.ndarray, "b a"]
    ) -> Float[np.ndarray, "b a"]:
        """Truths without bias: within a group, deviations over their reliability."""
        blocks = [slice(at, at + _ROWS_AT_ONCE) for at in range(0, len(self.group), _ROWS_AT_ONCE)]
        sums = np.zeros((3, len(weight), N_BINS))
        for rows in blocks:
            in_group = (self.group[rows, None] == np.arange(N_BINS)).astype(np.float64)
            mass, some = weight[:, rows] * self.n_models[rows], probability[:, rows]
            sums += [mass @ in_group, (mass * some) @ in_group, (mass * some**2) @ in_group]
        size = np.maximum(sums[0], 1e-12)
        mean, square = sums[1] / size, sums[2] / size
        most = mean * (1 - mean)
        reliability = np.divide(square - mean**2, most, out=np.ones_like(most), where=most > 1e-12)
        reliability = np.clip(reliability, LEAST_RELIABILITY, 1.0)
        unbiased = np.empty(probability.shape)
        for rows in blocks:
            group = self.group[rows]
            of_group = mean[:, group]
            apart = probability[:, rows] - of_group
            unbiased[:, rows] = of_group + apart / reliability[:, group]
        return unbiased

    def odds_of_any(self, probability: Float[np.ndarray, "b Q"]) -> Float[np.ndarray, "b s"]:
        """Log-odds that an image that was shown has a label, as if questions were independent."""
        none = np.multiply.reduceat(1 - probability[:, self.order], self.starts, axis=1)
        none = np.clip(none, 1e-12, 1 - 1e-12)
        odds: Float[np.ndarray, "b s"] = np.log1p(-none) - np.log(none)
        return odds

    def accuracies(self, evidence: Float[np.ndarray, "b e"]) -> Float[np.ndarray, "b M"]:
        """Each model's accuracy under labels with a probability, one row a resample."""
        sums = np.zeros((len(evidence), self.right.shape[1]))
        for start in range(0, len(self.right), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            sums += np.asarray(evidence[:, rows] @ self.right[rows], np.float64)
        return sums


def _audited(
    labels: LabelSets, table: ImageTable, questions: Questions, image: Int[np.ndarray, "Q"]
) -> AuditedImages | None:
    """Skipped images that an audit drew from, on the predicted images; None without an audit."""
    audit = labels.audit
    if audit is None:
        return None
    if table.image_ids is not labels.image_ids:
        rows = positions(table.image_ids, labels.image_ids, source="predictions")
        audit = labels.take(rows).audit
    return None if audit is None else AuditedImages.of(audit, questions, image)


def _shown(
    image: Int[np.ndarray, "Q"], audited: AuditedImages | None, n_images: int
) -> tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"], Float[np.ndarray, "Q"]]:
    """Which images were rated, which were shown to raters, and what each question stands for.

    0 where it does not count for itself: about the label of an audited image.
    """
    weight, shown = np.ones(len(image)), np.zeros(n_images, dtype=bool)
    alone = np.zeros(len(image), dtype=bool)
    if audited is not None:
        weight[audited.question] = 0.0
        weight[audited.beside] = audited.stands_for
        alone[audited.beside] = ~audited.is_drawn[image[audited.beside]]
    shown[image[(image >= 0) & ~alone]] = True
    return (shown if audited is None else shown & ~audited.is_drawn), shown, weight


def usable_gold(gold: Gold | None, questions: Questions) -> Gold | None:
    """The gold, if some of what raters were asked holds by it and some does not; else None."""
    if gold is None:
        return None
    asked = gold.questions.rows_in(questions, source="gold") >= 0
    truth = gold.truth()[asked]
    return gold if truth.any() and not truth.all() else None


@dataclass(frozen=True, slots=True)
class Calibrator:
    """What gold says about log-odds: from them to probabilities.

    Attributes:
        soft: which questions are about which images.
        row: question of each gold question that was asked about a predicted image.
        gold: the same gold question in the record of gold.
        truth: whether it holds.
        judged: rated images, in the order of ``soft.starts``, all of whose questions are gold.
        has_label: whether any question of these holds.
        of_questions: coefficients under equal weights: constant, log-odds, share of models.
        of_images: coefficients of P(some label holds): constant, log-odds if independent; None
            where too few images were judged in full.
    """

    soft: SoftLabels
    row: Int[np.ndarray, "G"]
    gold: Int[np.ndarray, "G"]
    truth: Bool[np.ndarray, "G"]
    judged: Int[np.ndarray, "j"]
    has_label: Bool[np.ndarray, "j"]
    of_questions: Float[np.ndarray, "3"]
    of_images: Float[np.ndarray, "2"] | None

    @classmethod
    def of(
        cls,
        gold: Gold,
        min_expert_yes: int | None,
        soft: SoftLabels,
        questions: Questions,
        log_odds: Float[np.ndarray, "Q"],
    ) -> "Calibrator":
        """A calibration of these log-odds on gold.

        Raises:
            DataError: no gold question is among those asked about predicted images, or all of
                them hold, or none does.
        """
        found = gold.questions.rows_in(questions, source="gold")
        known = np.flatnonzero(found >= 0)
        known = known[soft.image[found[known]] >= 0]
        truth = gold.truth(min_expert_yes)[known]
        if not truth.any() or truth.all():
            raise DataError(
                f"gold: {len(known):,} of its {len(found):,} questions were put to raters about "
                f"predicted images and {int(truth.sum()):,} of those hold, but some must hold and "
                "some must not, to calibrate posteriors on."
            )
        row = found[known]
        judged, has_label = _judged(soft, row, truth)
        first = cls(soft, row, known, truth, judged, has_label, np.zeros(3), None)
        log_odds = log_odds[None]
        first = replace(first, of_questions=first._fit_questions(log_odds, None)[0])
        some_each = has_label.any() and not has_label.all()
        if len(judged) < FEWEST_GOLD_IMAGES or not some_each:
            return first
        probability, _ = first.probability(log_odds, None)
        odds = soft.odds_of_any(probability)
        return replace(first, of_images=first._fit_images(odds, None, np.zeros(2))[0])

    def probability(
        self, log_odds: Float[np.ndarray, "b Q"], weight: Float[np.ndarray, "b n"] | None
    ) -> tuple[Float[np.ndarray, "b Q"], Float[np.ndarray, "b s"]]:
        """P(the class is in the image) of each question, and P(some label) of each rated image.

        Args:
            log_odds: of presence, of every question, one row a resample.
            weight: of each image when fitting to gold; None weighs all the same.
        """
        constant, slope, of_share = self._fit_questions(log_odds, weight).T[:, :, None]
        probability = sigmoid(constant + slope * log_odds + of_share * self.soft.share)
        odds = self.soft.odds_of_any(probability)
        if self.of_images is not None:
            constant, slope = self._fit_images(odds, weight, self.of_images).T[:, :, None]
            odds = constant + slope * odds
        return probability, sigmoid(odds)

    def _fit_questions(
        self, log_odds: Float[np.ndarray, "b Q"], weight: Float[np.ndarray, "b n"] | None
    ) -> Float[np.ndarray, "b 3"]:
        x = np.ones((len(log_odds), len(self.row), 3))
        x[:, :, 1], x[:, :, 2] = log_odds[:, self.row], self.soft.share[self.row]
        of_gold = None if weight is None else weight[:, self.soft.image[self.row]]
        return logistic_regressions(x, self.truth, of_gold, start=self.of_questions)

    def _fit_images(
        self,
        odds: Float[np.ndarray, "b s"],
        weight: Float[np.ndarray, "b n"] | None,
        start: Float[np.ndarray, "2"],
    ) -> Float[np.ndarray, "b 2"]:
        x = np.ones((len(odds), len(self.judged), 2))
        x[:, :, 1] = odds[:, self.judged]
        of_image = None if weight is None else weight[:, self.soft.shown][:, self.judged]
        return logistic_regressions(x, self.has_label, of_image, start=start)


def _judged(
    soft: SoftLabels, row: Int[np.ndarray, "G"], truth: Bool[np.ndarray, "G"]
) -> tuple[Int[np.ndarray, "j"], Bool[np.ndarray, "j"]]:
    """Rated images all of whose questions are gold, and whether any of these holds."""
    place = np.cumsum(soft.shown) - 1
    n_shown = int(soft.shown.sum())
    known = soft.shown[soft.image[row]]
    row, truth = row[known], truth[known]
    n_asked = np.bincount(place[soft.image[soft.order]], minlength=n_shown)
    n_gold = np.bincount(place[soft.image[row]], minlength=n_shown)
    n_hold = np.bincount(place[soft.image[row]], truth, minlength=n_shown)
    judged = np.flatnonzero((n_gold == n_asked) & (n_gold > 0))
    return judged, n_hold[judged] > 0


def _groups(n_models: Float[np.ndarray, "a"]) -> Int[np.ndarray, "a"]:
    """Groups of about equal size, counted in predictions, by how many models predict."""
    number, of_question, count = np.unique(n_models, return_inverse=True, return_counts=True)
    mass = number * count
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    groups: Int[np.ndarray, "a"] = np.minimum((middle * N_BINS).astype(int), N_BINS - 1)[
        of_question
    ]
    return groups


def _rows(questions: Questions, image_ids: Shaped[np.ndarray, "n"]) -> Int[np.ndarray, "Q"]:
    """Row of each question's image; -1 where it was not predicted."""
    pairs = questions.require_pairs()
    row: Int[np.ndarray, "Q"] = positions(pairs.image_ids, image_ids, source="votes")[pairs.image]
    return row
