"""Labels with a probability: what models score when no threshold has decided.

Every question has P(the class is in the image), calibrated on gold; a model's score is the sum of
the probabilities of its top predictions over the expected number of images that have a label.
Two things decide whether that is fair. Posteriors are over-confident, so that their log-odds are
drawn towards 0 by what gold says (Platt). And a class that models predict is in the image more
often than its votes alone say, so that the share of models that predict it stands beside the
log-odds; left out, good models would be drawn towards poor ones.

Images that were not put to raters keep the label sets that they have, as certain. A predicted
class that raters were never asked about counts as absent. Letters: n images, M models, Q questions,
G gold questions, a questions that a model predicts, e those and the images not rated.

Source: J. Platt (1999); that what is to be analysed must be among what probabilities are
conditioned on, X.-L. Meng (1994), Statistical Science 9:538-573.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reassess.analysis.alignment import pairs_of
from reassess.errors import DataError
from reassess.records import Gold, ImageTable, LabelSets, Predictions, Questions, positions
from reassess.scoring import image_table
from reassess.statistics import logistic_regression, sigmoid


@dataclass(frozen=True, slots=True)
class SoftLabels:
    """Which question each model's top prediction is about, and what was never asked.

    Attributes:
        table: which model is right on which image under the label sets as decided.
        image: image of each question, a row of ``table``; -1 for images not predicted.
        share: share of the models whose top prediction each question is about.
        asked: questions that some model's top prediction is about.
        right: which models' top predictions each of them is about, then, for each image that was
            not rated, which models are right.
        order: questions of predicted images, those of an image together.
        starts: where in ``order`` each rated image begins.
        rated: whether raters were asked about an image.
    """

    table: ImageTable
    image: Int[np.ndarray, "Q"]
    share: Float[np.ndarray, "Q"]
    asked: Int[np.ndarray, "a"]
    right: Float[np.ndarray, "e M"]
    order: Int[np.ndarray, "o"]
    starts: Int[np.ndarray, "s"]
    rated: Bool[np.ndarray, "n"]

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
        pairs = pairs_of(questions)
        rated = np.zeros(len(table.image_ids), dtype=bool)
        rated[image[image >= 0]] = True
        if not rated.any():
            raise DataError(
                f"votes: none of their images (such as {str(pairs.image_ids[0])!r}) was predicted "
                f"(such as {str(table.image_ids[0])!r}), but some must be. Write image ids the "
                "same way in both."
            )
        n_keys = 1 + int(max(pairs.label.max(), table.top.max()))
        order = np.flatnonzero(image >= 0)
        order = order[np.argsort(image[order], kind="stable")]
        starts = np.flatnonzero(np.diff(image[order], prepend=-1))
        key = image[order].astype(np.int64) * n_keys + pairs.label[order]
        sorter = np.argsort(key, kind="stable")
        wanted = np.arange(len(rated))[:, None] * n_keys + table.top
        place = np.minimum(np.searchsorted(key, wanted, sorter=sorter), len(key) - 1)
        found = key[sorter[place]] == wanted
        model = np.nonzero(found)[1]
        question = order[sorter[place[found]]]
        share = np.bincount(question, minlength=len(image)) / len(table.models)
        asked = np.flatnonzero(share > 0)
        predicted = np.zeros((len(asked), len(table.models)), np.float32)
        predicted[np.searchsorted(asked, question), model] = 1
        right = np.concatenate([predicted, table.right[~rated].astype(np.float32)])
        return cls(table, image, share, asked, right, order, starts, rated)

    def evidence(
        self, probability: Float[np.ndarray, "Q"], weight: Float[np.ndarray, "n"]
    ) -> Float[np.ndarray, "e"]:
        """What each row of ``right`` adds to the accuracy of a model that is right there.

        Args:
            probability: P(the class is in the image) of each question.
            weight: of each image, such as how often it was drawn.
        """
        unrated = weight[~self.rated]
        none = np.multiply.reduceat(1 - probability[self.order], self.starts)
        labelled = weight[self.rated] @ (1 - none)
        labelled += unrated @ (self.table.n_labels[~self.rated] > 0)
        of_asked = weight[self.image[self.asked]] * probability[self.asked]
        evidence: Float[np.ndarray, "e"] = np.concatenate([of_asked, unrated]) / labelled
        return evidence

    def accuracies(self, evidence: Float[np.ndarray, "b e"]) -> Float[np.ndarray, "b M"]:
        """Each model's accuracy under labels with a probability, one row a resample."""
        return np.asarray(evidence @ self.right, np.float64)


@dataclass(frozen=True, slots=True)
class Calibrator:
    """What gold says about log-odds: from them to probabilities.

    Attributes:
        row: question of each gold question that was asked about a predicted image.
        gold: the same gold question in the record of gold.
        truth: whether it holds.
        share: share of the models that predict the class, for every question.
        start: coefficients under equal weights: constant, log-odds, share of models.
    """

    row: Int[np.ndarray, "G"]
    gold: Int[np.ndarray, "G"]
    truth: Bool[np.ndarray, "G"]
    share: Float[np.ndarray, "Q"]
    start: Float[np.ndarray, "p"]

    @classmethod
    def of(
        cls,
        gold: Gold,
        n_yes: int | None,
        soft: SoftLabels,
        questions: Questions,
        log_odds: Float[np.ndarray, "Q"],
    ) -> "Calibrator":
        """A calibration of these log-odds on gold.

        Raises:
            DataError: no gold question is among those asked about predicted images, or all of
                them hold, or none does.
        """
        found = positions(gold.questions.ids, questions.ids, source="gold")
        known = np.flatnonzero(found >= 0)
        known = known[soft.image[found[known]] >= 0]
        truth = gold.truth(n_yes)[known]
        if not truth.any() or truth.all():
            raise DataError(
                f"gold: {len(known):,} of its {len(found):,} questions were put to raters about "
                f"predicted images and {int(truth.sum()):,} of those hold, but some must hold and "
                "some must not, to calibrate posteriors on."
            )
        without = cls(found[known], known, truth, soft.share, np.zeros(3))
        return cls(without.row, known, truth, soft.share, without.coefficients(log_odds, None))

    def coefficients(
        self, log_odds: Float[np.ndarray, "Q"], weight: Float[np.ndarray, "g"] | None
    ) -> Float[np.ndarray, "p"]:
        """Constant, slope of the log-odds and slope of the share of models.

        Args:
            log_odds: of every question.
            weight: of every question of the record of gold; None weighs all the same.
        """
        x = np.column_stack([np.ones(len(self.row)), log_odds[self.row], self.share[self.row]])
        of_gold = None if weight is None else weight[self.gold]
        return logistic_regression(x, self.truth, of_gold, start=self.start)

    def probability(
        self, log_odds: Float[np.ndarray, "Q"], weight: Float[np.ndarray, "g"] | None = None
    ) -> Float[np.ndarray, "Q"]:
        """P(the class is in the image) of every question, calibrated under weights of gold."""
        constant, slope, of_share = self.coefficients(log_odds, weight)
        return sigmoid(constant + slope * log_odds + of_share * self.share)


def _rows(questions: Questions, image_ids: Shaped[np.ndarray, "n"]) -> Int[np.ndarray, "Q"]:
    """Row of each question's image; -1 where it was not predicted."""
    pairs = pairs_of(questions)
    row: Int[np.ndarray, "Q"] = positions(pairs.image_ids, image_ids, source="votes")[pairs.image]
    return row
