"""Replicates: what models score under resampled images, raters and votes.

The work behind `reassess.analysis.uncertainty`, which defines what the intervals mean. Resamples
are cut into shards of a fixed size with a generator each, so that the number of threads changes
nothing. Letters: n images, M models, Q questions, R raters, B resamples, b of a shard.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt

from reassess.aggregation import WeightedRefit
from reassess.aggregation.reweighting import FAY, Weights
from reassess.analysis.audited_labels import AuditedShare, likelihood_ratio
from reassess.analysis.label_noise import label_noise
from reassess.analysis.soft_labels import Calibrator, SoftLabels
from reassess.engines import Engine
from reassess.progress import Progress
from reassess.records import Gold, ImageTable, Questions
from reassess.scoring.audited_models import AuditedModels
from reassess.statistics import (
    bootstrap_counts,
    descending_ranks,
    half_sample,
    rank_intervals,
    resampled_sums,
    sigmoid,
    wilson_bounds,
    z_critical,
)

RESAMPLES_A_SHARD = 10
"""Small enough that 1,000 resamples keep 64 threads busy; every shard costs one generator only.
Another size draws other numbers."""

_MOST_CELLS = 1 << 21
"""Questions times resamples that are aggregated at once: of 200,000 questions or less all
resamples of a shard, of more as many as fit. A thread holds some ten arrays of so many numbers."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Accuracy and rank of each model, with their intervals, in the order of the models.

    Attributes:
        accuracy: the estimate, in [0, 1].
        low: lower end of its interval.
        high: upper end.
        rank: 1 for the best; equal models share a rank.
        best: best rank that is still possible.
        worst: worst rank that is still possible.
    """

    accuracy: Float[np.ndarray, "M"]
    low: Float[np.ndarray, "M"]
    high: Float[np.ndarray, "M"]
    rank: Int[np.ndarray, "M"]
    best: Int[np.ndarray, "M"]
    worst: Int[np.ndarray, "M"]


@dataclass(frozen=True, slots=True)
class LabelUncertainty:
    """What labels that are not certain do to the scores.

    Attributes:
        covariance: of the models' accuracies, from images and labels together.
        of_votes: of the same on these very images, had other raters of the same crowd answered.
        of_labels: of the same on these very images, from every error of the labels: that of votes,
            and what raters see wrong together.
        coefficients: of the calibration on gold: constant, slope of the log-odds (below 1 where
            posteriors are over-confident), slope of the share of models; None without gold.
        n_gold: gold questions that it rests on.
    """

    covariance: Float[np.ndarray, "M M"]
    of_votes: Float[np.ndarray, "M M"]
    of_labels: Float[np.ndarray, "M M"]
    coefficients: tuple[float, ...] | None
    n_gold: int


@dataclass(frozen=True, slots=True)
class ImageResampler:
    """Accuracies under resampled images.

    Attributes:
        counted: whether each model is right on each image, and whether the image is scored.
    """

    counted: Bool[np.ndarray, "n cells"]

    def __call__(self, shard: tuple[int, np.random.Generator]) -> Float[np.ndarray, "b M"]:
        """Of some resamples, from a generator of their own."""
        size, child = shard
        sums = resampled_sums(self.counted, size, child)
        accuracies: Float[np.ndarray, "b M"] = sums[:, :-1] / sums[:, -1:]
        return accuracies


def resample_images(
    table: ImageTable,
    n_resamples: int,
    confidence: float,
    rng: np.random.Generator,
    engine: Engine,
    audited: AuditedModels | None = None,
) -> Ranked:
    """ReaL accuracy and rank under resampled images; labels stay as decided.

    With an audit both are its own, and what it drew is uncertain as well.
    """
    scored = table.n_labels > 0
    n_correct = (table.right & scored[:, None]).sum(axis=0)
    counted = np.column_stack([table.right & scored[:, None], scored])
    sizes = _shards(n_resamples)

    shards = zip(sizes, rng.spawn(len(sizes)), strict=True)
    draws = np.concatenate(list(engine.map(ImageResampler(counted), shards)))
    n_scored = np.full(len(n_correct), int(scored.sum()))
    low, high = wilson_bounds(n_correct, n_scored, confidence)
    accuracy = n_correct / n_scored
    deviation = draws - draws.mean(axis=0)
    if audited is not None:
        accuracy, low, high = audited.accuracy, audited.low, audited.high
        root = _root(audited.covariance)
        deviation = deviation + rng.standard_normal(deviation.shape) @ root.T
    best, worst = rank_intervals(accuracy, deviation, confidence)
    return Ranked(accuracy, low, high, descending_ranks(accuracy), best, worst)


@dataclass(frozen=True, slots=True)
class Resampling:
    """What some resamples draw; None leaves it as it is.

    Attributes:
        n: b, how many resamples.
        images: how often each image was drawn.
        raters: how much the votes of each rater count.
        half_sample: one bit a vote: the half that counts for more.
    """

    n: int = 1
    images: Float[np.ndarray, "b n"] | None = None
    raters: Float[np.ndarray, "b R"] | None = None
    half_sample: UInt[np.ndarray, "b bytes"] | None = None


@dataclass(frozen=True, slots=True)
class Rescorer:
    """Scores models under weights of images, raters and votes.

    Attributes:
        soft: which model is right on which question.
        refit: aggregates the votes again under weights.
        calibrator: turns log-odds into probabilities as gold has them; None without gold.
        gold: the gold that it rests on; None likewise.
        shares: of the skipped images of each stratum of an audit, those whose kept label holds, and
            those that have any; None without an audit.
    """

    soft: SoftLabels
    refit: WeightedRefit
    calibrator: Calibrator | None
    gold: Gold | None
    shares: tuple[AuditedShare, AuditedShare] | None = None

    @classmethod
    def of(
        cls,
        soft: SoftLabels,
        refit: WeightedRefit,
        questions: Questions,
        gold: Gold | None = None,
        min_expert_yes: int | None = None,
    ) -> "Rescorer":
        """A rescorer that is calibrated on gold, where there is any.

        Raises:
            DataError: some gold question must hold and some must not, among those asked.
        """
        calibrator = None
        if gold is not None:
            calibrator = Calibrator.of(gold, min_expert_yes, soft, questions, refit.log_odds())
        return cls(soft, refit, calibrator, gold)

    def evidence(self, drawn: Resampling) -> Float[np.ndarray, "b e"]:
        """Evidence after votes are aggregated and gold is calibrated again, one row a resample."""
        probability, labelled = self._probability(self._log_odds(drawn), drawn.images)
        weight = drawn.images
        if weight is None:
            weight = np.ones((drawn.n, len(self.soft.rated)))
        return self.soft.evidence(probability, labelled, weight)

    def label_noise(self) -> tuple[Float[np.ndarray, "M M"], Float[np.ndarray, "M M"]]:
        """What the votes, and all errors of the labels, add to the models' accuracies."""
        log_odds = self.refit.log_odds()
        probability, labelled = self._probability(log_odds[None], None)
        asked = self.soft.asked
        n_labelled = self._n_labelled(labelled)
        return label_noise(self.soft, probability[0, asked], sigmoid(log_odds[asked]), n_labelled)

    def audited(self, confidence: float) -> "Rescorer":
        """The same with the shares of skipped images as an audit has them; as it is without one."""
        soft, drawn = self.soft, self.soft.audited
        if drawn is None:
            return self
        log_odds = self.refit.log_odds()
        probability, labelled = (one[0] for one in self._probability(log_odds[None], None))
        if self.calibrator is not None:
            log_odds = self.calibrator.of_questions[1] * log_odds
        rated = soft.order[soft.rated[soft.image[soft.order]]]
        kept = drawn.share(
            likelihood_ratio(log_odds[drawn.question], log_odds[rated], probability[rated]),
            confidence,
        )
        place, of_rated = np.cumsum(soft.shown) - 1, labelled[soft.rated[soft.shown]]
        some = drawn.share(
            likelihood_ratio(_logit(labelled[place[drawn.image]]), _logit(of_rated), of_rated),
            confidence,
        )
        # Where the label that an image keeps holds, it has one: votes that hardly tell whether
        # there is any must not say less.
        some = some.at_least(kept)
        soft = replace(
            soft,
            kept_holds=drawn.of_image(kept.value, 1.0),
            has_label=np.where(drawn.stratum >= 0, drawn.of_image(some.value, 1.0), soft.has_label),
        )
        return replace(self, soft=soft, shares=(kept, some))

    def audit_covariance(self, accuracy: Float[np.ndarray, "M"]) -> Float[np.ndarray, "M M"]:
        """Of the models' accuracies, from the sample of an audit; 0 without one.

        All images of a stratum depart together.
        """
        if self.shares is None:
            return np.zeros((len(accuracy), len(accuracy)))
        kept, some = self.shares
        of_kept, of_some = self._moved(accuracy)
        # Both shares count as independent: letting them fall together held too seldom where many
        # labels of skipped images are wrong.
        covariance: Float[np.ndarray, "M M"] = (of_kept * kept.variance[:, None]).T @ of_kept
        covariance += (of_some * some.variance[:, None]).T @ of_some
        return covariance

    def audit_reach(
        self, accuracy: Float[np.ndarray, "M"]
    ) -> tuple[Float[np.ndarray, "M"], Float[np.ndarray, "M"]]:
        """How far below and above its estimate an accuracy can lie, as far as an audit tells.

        The ends of both shares' intervals add up in squares (Zou and Donner). An accuracy is higher
        where fewer images have a label, but these are at least those whose kept label holds.
        """
        if self.shares is None:
            return np.zeros(len(accuracy)), np.zeros(len(accuracy))
        kept, some = self.shares
        of_kept, of_some = self._moved(accuracy)

        def reach(
            of_first: Float[np.ndarray, "S"], of_second: Float[np.ndarray, "S"]
        ) -> Float[np.ndarray, "M"]:
            squares = (of_kept * of_first[:, None]) ** 2 + (of_some * of_second[:, None]) ** 2
            return np.asarray(np.sqrt(squares.sum(axis=0)))

        fewest = np.maximum(some.low, kept.value)
        return (
            reach(kept.value - kept.low, some.high - some.value),
            reach(kept.high - kept.value, some.value - fewest),
        )

    def _moved(
        self, accuracy: Float[np.ndarray, "M"]
    ) -> tuple[Float[np.ndarray, "S M"], Float[np.ndarray, "S M"]]:
        """What accuracies lose when the share kept falls to 0, and gain when that labelled does."""
        soft, drawn = self.soft, self.soft.audited
        assert drawn is not None  # noqa: S101 -- whoever has shares has an audit
        n_labelled = self._n_labelled(self._probability(self.refit.log_odds()[None], None)[1])
        stratum = drawn.stratum[~soft.rated]
        of_audit = stratum >= 0
        kept = np.zeros((len(drawn.n_population), len(accuracy)))
        np.add.at(kept, stratum[of_audit], soft.right[len(soft.asked) :][of_audit])
        size = np.bincount(stratum[of_audit], minlength=len(kept))
        return kept / n_labelled, size[:, None] * accuracy / n_labelled

    def _n_labelled(self, labelled: Float[np.ndarray, "1 s"]) -> float:
        return float(self.soft.n_labelled(labelled, np.ones((1, len(self.soft.rated))))[0])

    def _log_odds(self, drawn: Resampling) -> Float[np.ndarray, "b Q"]:
        of_question = of_gold = None
        if drawn.images is not None:
            # Row -1: images without a prediction.
            extended = np.concatenate([drawn.images, np.ones((drawn.n, 1))], axis=1)
            of_question = extended[:, self.soft.image]
            if self.gold is not None and self.calibrator is not None:
                of_gold = np.ones((drawn.n, len(self.gold.questions)))
                of_gold[:, self.calibrator.gold] = of_question[:, self.calibrator.row]
        return self.refit.again(
            Weights(drawn.n, of_question, of_gold, drawn.raters, drawn.half_sample)
        )

    def _probability(
        self, log_odds: Float[np.ndarray, "b Q"], image_weight: Float[np.ndarray, "b n"] | None
    ) -> tuple[Float[np.ndarray, "b Q"], Float[np.ndarray, "b s"]]:
        """P(the class is in the image), and P(some label); calibrated where there is gold."""
        if self.calibrator is not None:
            return self.calibrator.probability(log_odds, image_weight)
        probability = sigmoid(log_odds)
        return probability, sigmoid(self.soft.odds_of_any(probability))

    def resamples(self, size: int, rng: np.random.Generator) -> Float[np.ndarray, "3 b M"]:
        """Accuracies under resampled images, under resampled raters, and under resampled votes."""
        step = max(1, _MOST_CELLS // self.refit.coded.n_questions)
        parts = [self._some_resamples(min(step, size - done), rng) for done in range(0, size, step)]
        return np.concatenate(parts, axis=1)

    def _some_resamples(self, size: int, rng: np.random.Generator) -> Float[np.ndarray, "3 b M"]:
        """As many resamples as are held at once."""
        n_raters, n_votes = self.refit.coded.n_raters, len(self.refit.coded.code)
        images, raters, votes = [], [], []
        for _ in range(size):
            images.append(bootstrap_counts(len(self.soft.rated), 1, rng)[0])
            sign = rng.integers(2, size=n_raters) * 2.0 - 1
            raters.append(1 + FAY * sign)
            votes.append(half_sample(n_votes, rng))
        rows = np.empty((3, size, len(self.soft.right)), np.float32)
        rows[0] = self.evidence(Resampling(size, images=np.stack(images).astype(float)))
        rows[1] = self.evidence(Resampling(size, raters=np.stack(raters)))
        rows[2] = self.evidence(Resampling(size, half_sample=np.stack(votes)))
        flat = self.soft.accuracies(rows.reshape(3 * size, -1))
        return flat.reshape(3, size, -1)


@dataclass(frozen=True, slots=True)
class LabelResampler:
    """Accuracies under resampled images, raters and votes.

    Attributes:
        scoring: what scores models under weights.
    """

    scoring: Rescorer

    def __call__(self, shard: tuple[int, np.random.Generator]) -> Float[np.ndarray, "3 b M"]:
        """Of some resamples, from a generator of their own."""
        return self.scoring.resamples(*shard)


def resample(
    scoring: Rescorer,
    n_resamples: int,
    confidence: float,
    rng: np.random.Generator,
    engine: Engine,
    progress: Progress,
) -> tuple[Ranked, LabelUncertainty]:
    """Accuracy and rank under calibrated labels, from resampled images, raters and votes.

    Perturbing by Fay's weights instead of drawing makes deviations `FAY` times as large, hence the
    division of variances by its square.
    """
    scoring = scoring.audited(confidence)
    accuracy = scoring.soft.accuracies(scoring.evidence(Resampling()))[0]
    sizes = _shards(n_resamples)

    parts, done = [], 0
    for part in engine.map(LabelResampler(scoring), zip(sizes, rng.spawn(len(sizes)), strict=True)):
        parts.append(part)
        done += part.shape[1]
        progress("resamples", done=done, total=n_resamples)
    of_images, of_raters, of_votes = (_covariance(draws) for draws in np.concatenate(parts, axis=1))
    of_raters, of_votes = of_raters / FAY**2, of_votes / FAY**2
    of_sample = _root(of_images + of_raters - of_votes)
    reach = z_critical(confidence) * np.sqrt((of_sample**2).sum(axis=1))
    below, above = (np.hypot(reach, one) for one in scoring.audit_reach(accuracy))
    root = _root(of_sample @ of_sample.T + scoring.audit_covariance(accuracy))
    covariance = root @ root.T
    # The correction for attenuation can pass 1 where votes are few and models are good.
    accuracy = np.clip(accuracy, 0.0, 1.0)
    deviation = rng.standard_normal((n_resamples, len(accuracy))) @ root.T
    best, worst = rank_intervals(accuracy, deviation, confidence)
    low, high = np.clip(accuracy - below, 0, 1), np.clip(accuracy + above, 0, 1)
    ranked = Ranked(accuracy, low, high, descending_ranks(accuracy), best, worst)
    start = scoring.calibrator
    from_votes, from_labels = scoring.label_noise()
    return ranked, LabelUncertainty(
        covariance=covariance,
        of_votes=from_votes,
        of_labels=from_labels,
        coefficients=None if start is None else tuple(start.of_questions.tolist()),
        n_gold=0 if start is None else len(start.row),
    )


def _logit(probability: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    inside = np.clip(probability, 1e-12, 1 - 1e-12)
    odds: Float[np.ndarray, "n"] = np.log(inside) - np.log1p(-inside)
    return odds


def _covariance(draws: Float[np.ndarray, "B M"]) -> Float[np.ndarray, "M M"]:
    apart = draws - draws.mean(axis=0)
    covariance: Float[np.ndarray, "M M"] = apart.T @ apart / (len(draws) - 1)
    return covariance


def _root(covariance: Float[np.ndarray, "M M"]) -> Float[np.ndarray, "M M"]:
    """A square root; directions that the subtraction leaves below 0 count as 0."""
    size, direction = np.linalg.eigh(covariance)
    root: Float[np.ndarray, "M M"] = direction * np.sqrt(np.maximum(size, 0.0))
    return root


def _shards(n_resamples: int) -> list[int]:
    whole, rest = divmod(n_resamples, RESAMPLES_A_SHARD)
    return [RESAMPLES_A_SHARD] * whole + ([rest] if rest else [])
