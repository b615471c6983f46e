"""Proposals by learned probability: which pairs are likely enough to be valid labels.

A classifier learns P(valid) from the models' votes for a pair (`vote_features`), from the classes
that co-occur with its image's (`cooccurrence`) and from whatever truth exists. It is cross-fitted
by image: an image's probabilities come from a model and from rates that never saw its fold's
truth, and are calibrated by other folds' predictions; an image without known truth gets the mean
over the models of all folds. Where much truth is known, gradient boosting learns it; where
little, a logistic regression on the votes alone.

A pair is proposed when its probability reaches a threshold; the original label always is.
An image needs no rating when its original label alone is proposed and as good as certain.

Beyond the classes that some model lists, only co-occurring ones are in the pool. Letters: N images,
M models, P pairs, Q known pairs, F folds.

Source: ours; the paper had no such rule.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Int

from reassess.engines import Engine, ThreadEngine
from reassess.errors import DataError, OptionError
from reassess.progress import Progress, null_progress
from reassess.proposals.calibration import Calibration, calibration, fit_platt, recalibrate
from reassess.proposals.classifiers import (
    fit_boosting,
    fit_logistic,
    fit_scaled_logistic,
    single_threaded,
)
from reassess.proposals.cooccurrence import Cooccurrence, CooccurrenceRates
from reassess.proposals.known_truth import (
    Truth,
    check_enough,
    check_valid,
    image_folds,
    pool_truth,
)
from reassess.proposals.model_votes import NOT_LISTED, ModelVotes, add_pairs
from reassess.proposals.vote_features import (
    OF_THE_PAIR,
    VoteFeatures,
    rank_within_image,
    vote_features,
)
from reassess.records import Pairs, Proposals, align, pair_keys
from reassess.registry import checks_choices

Learner = Literal["boosting", "logistic"]

FEWEST_FOR_BOOSTING = 500
"""Valid pairs, and invalid ones, that boosting needs: ten leaves of its fifty; with fewer the
logistic model is trained, which has eight weights."""

CERTAIN = 0.95
"""Probability of an original label from which on its image stays unrated, if nothing else is
proposed: raters themselves agree with the published decisions on 94 % of the questions."""

_N_VOTE_ROWS = 200_000  # one weight a model: more rows change nothing
_BLOCK_PAIRS = 200_000  # whose features are computed at once, to bound memory
_KEPT_FULLY = 0.01  # training pairs less probable than this are thinned out ...
_FEWEST_KEPT = 0.05  # ... to no less than this share, and weighted up, so that nothing is biased
_NO_RIVAL = -20.0  # log-odds of the second pair of an image that has one only: as good as never


@checks_choices
@dataclass(frozen=True, slots=True)
class LearnedProposals:
    """P(valid) of every pair of a pool, and its calibration.

    Attributes:
        model_votes: the pool, with the co-occurring classes that were added to it.
        probability: P(valid) of each pair.
        learner: the classifier.
        calibration: how the probabilities of pairs with known truth compare with it.
        fold: of each image its fold, from whose truth its probabilities did not come; -1 where
            none was known.
        pool_recall: the share of the known valid labels that lie in the pool.
    """

    model_votes: ModelVotes
    probability: Float[np.ndarray, "P"]
    learner: Learner
    calibration: Calibration
    fold: Int[np.ndarray, "N"]
    pool_recall: float

    @property
    def pairs(self) -> Pairs:
        """The pairs of the pool, images in the order of their ids."""
        return self.model_votes.pairs

    def propose(self, *, recall: float | None = None, budget: int | None = None) -> Proposals:
        """The most probable pairs, and every original label.

        An image is rated unless its original label alone is proposed, with a probability of
        at least `CERTAIN`.

        Args:
            recall: the wanted expected recall, in (0, 1]; the fewest pairs that reach it.
            budget: how many pairs to propose at most, over all images, original labels
                included.

        Raises:
            OptionError: not exactly one of them is given, the recall is beyond what the pool
                holds, or the budget does not reach for the original labels.
        """
        if (recall is None) == (budget is None):
            raise OptionError("either a recall or a budget must be given, and not both.")
        if recall is not None:
            return self.above(self._threshold_of_recall(recall))
        return self.above(self._threshold_of_budget(budget or 0))

    def above(self, threshold: float) -> Proposals:
        """The pairs with at least this probability, and every original label."""
        model_votes = self.model_votes
        chosen = np.flatnonzero((self.probability >= threshold) | model_votes.original)
        image = model_votes.pairs.image[chosen]
        row_of = np.argsort(model_votes.benchmark_ids)  # images of the pool stand by id
        order = np.lexsort((model_votes.pairs.label[chosen], row_of[image]))
        chosen, image = chosen[order], row_of[image][order]
        n_images = len(model_votes.benchmark_ids)
        doubted = ~model_votes.original[chosen] | (self.probability[chosen] < CERTAIN)
        return Proposals(
            pairs=Pairs(model_votes.benchmark_ids, image, model_votes.pairs.label[chosen]),
            models=model_votes.models,
            proposed=model_votes.rank[chosen] != NOT_LISTED,
            original=model_votes.original[chosen],
            rated=np.bincount(image, weights=doubted, minlength=n_images) > 0,
            top=(model_votes.rank[chosen] == 0).any(axis=1),
            probability=self.probability[chosen],
        )

    def expected_recall(self, proposals: Proposals) -> float:
        """The share of all valid labels that proposals of this rule are expected to hold.

        The probabilities of what is proposed, over those of the whole pool, times the share
        of the known valid labels that the pool holds.

        Raises:
            DataError: the proposals have no probabilities.
        """
        if proposals.probability is None:
            raise DataError("proposals: there are no probabilities; another rule made them.")
        share = proposals.probability.sum() / self.probability.sum()
        return self.pool_recall * float(share)

    def _ranked(self) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "N"]]:
        """Falling probabilities of pairs that are no original labels, and those of labels."""
        original = self.model_votes.original
        return -np.sort(-self.probability[~original]), self.probability[original]

    def _threshold_of_recall(self, recall: float) -> float:
        others, originals = self._ranked()
        if not 0 < recall <= self.pool_recall:
            raise OptionError(
                f"the wanted recall is {recall}, but must be above 0 and at most "
                f"{self.pool_recall:.4f}, which the pool holds. Ask for less, or add models."
            )
        wanted = recall / self.pool_recall * self.probability.sum()
        reached = originals.sum() + np.append(0.0, np.cumsum(others))
        n_needed = int(np.searchsorted(reached, wanted * (1 - 1e-12)))
        n_needed = min(n_needed, len(others))
        return float(others[n_needed - 1]) if n_needed else np.inf

    def _threshold_of_budget(self, budget: int) -> float:
        others, originals = self._ranked()
        n_others = budget - len(originals)
        if n_others < 0:
            raise OptionError(
                f"the budget is {budget:,}, but must be {len(originals):,} or more: every image's "
                "original label is proposed. Raise it."
            )
        if n_others >= len(others):
            return 0.0
        # A tie at the threshold would exceed the budget, so that all that tie stay out.
        return float(np.nextafter(others[n_others], np.inf))


@checks_choices
def learn_proposals(
    model_votes: ModelVotes,
    known: Pairs,
    valid: Float[np.ndarray, "Q"],
    *,
    complete: bool = False,
    learner: Learner | None = None,
    folds: int = 5,
    seed: int = 0,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> LearnedProposals:
    """P(valid) of every pair of the pool, learned from those whose truth is known.

    Truth about contested images only makes the probabilities of all others too high, though their
    pairs are ranked well. Then give a budget, not a recall.

    Args:
        model_votes: the pool and the models' votes for it.
        known: pairs whose truth is known: gold questions, questions with votes, or labels.
        valid: P(valid) of each: the share of experts' yes, a posterior, or 1.
        complete: whether ``known`` holds every valid label of its images, so that all their
            other pairs are invalid (label sets); else those are unknown (gold, votes).
        learner: the classifier; by default boosting where enough truth is known.
        folds: F, into which the images with known truth are cut.
        seed: of the cut and of boosting.
        engine: where the models of the folds learn; threads of this process by default. Each
            takes one core, so that the floats are the same wherever they run.
        progress: shown each fold.

    Raises:
        OptionError: there are fewer than three folds.
        DataError: a truth lies outside [0, 1], or there is too little truth: fewer images
            than folds, or a fold without which only one outcome is left.
        AlignmentError: a known image is none of the benchmark's.
        MissingExtraError: scikit-learn is not installed.
    """
    if folds < 3:
        raise OptionError(
            f"the number of folds is {folds}, but must be 3 or more: the rates that a model learns "
            "from leave out two."
        )
    check_valid(known, valid)
    n_classes = max(model_votes.n_classes, 1 + int(known.label.max(initial=0)))
    model_votes = replace(model_votes, n_classes=n_classes)
    pool_ids = model_votes.pairs.image_ids
    row = align(known.image_ids, pool_ids, source="truth", target_name="the pool")
    image = row if complete else np.unique(row[known.image])
    fold = image_folds(image, len(model_votes.original_label), folds, seed)
    key = pair_keys(row[known.image], known.label, n_classes)
    order = np.argsort(key)
    key, valid = key[order], valid[order].astype(float)
    cooccurrence = Cooccurrence(model_votes, key, valid, fold, folds)
    if complete:
        model_votes = add_pairs(model_votes, cooccurrence.missing_from(model_votes))
    truth = pool_truth(model_votes, key, valid, fold, folds, complete)
    check_enough(truth)
    learner = learner or _learner(truth)
    with single_threaded():
        cross_fit = _CrossFit(model_votes, truth, cooccurrence, learner, seed)
        raw = _predict_all_folds(cross_fit, truth, engine, progress)
        probability = _calibrated(raw, truth)
    judged = truth.known
    return LearnedProposals(
        model_votes=model_votes,
        probability=probability,
        learner=learner,
        calibration=calibration(
            probability[judged], truth.valid[judged], truth.fold[judged], folds
        ),
        fold=fold,
        pool_recall=float(1 - valid[~np.isin(key, model_votes.key)].sum() / valid.sum()),
    )


class _CrossFit:
    """What the models of all folds share."""

    def __init__(
        self,
        model_votes: ModelVotes,
        truth: Truth,
        cooccurrence: Cooccurrence,
        learner: Learner,
        seed: int,
    ) -> None:
        self._model_votes, self._truth = model_votes, truth
        self._learner, self._seed = learner, seed
        self._cooccurrence = cooccurrence
        self._key = model_votes.key
        self._votes: VoteFeatures = vote_features(model_votes)
        self._named = model_votes.named
        if learner == "boosting":
            self._rates = CooccurrenceRates(model_votes, self._votes, truth)

    def __call__(self, held_out: int) -> tuple[Int[np.ndarray, "n"], Float[np.ndarray, "n"]]:
        """P(valid) of the pairs of one fold, and of those without any, learned from the others."""
        fold = self._truth.fold
        rows = np.flatnonzero((fold == held_out) | (fold < 0))
        with single_threaded():
            return rows, self._predict(rows, held_out)

    def _predict(self, rows: Int[np.ndarray, "n"], held_out: int) -> Float[np.ndarray, "n"]:
        truth = self._truth
        train = np.flatnonzero(truth.known & (truth.fold != held_out))
        # What only the fold held out suggests must not be learned from either.
        suggested = self._cooccurrence.suggests(self._key[train], held_out)
        train = train[self._named[train] | suggested]
        learners = {"logistic": self._learn_logistic, "boosting": self._learn_boosting}
        return learners[self._learner](held_out, train, rows)

    def _learn_logistic(
        self, held_out: int, train: Int[np.ndarray, "n"], rows: Int[np.ndarray, "m"]
    ) -> Float[np.ndarray, "m"]:
        """P(valid) of rows, from features of the pair alone: it takes little truth."""
        del held_out
        values = self._votes.values[:, OF_THE_PAIR]
        model = fit_scaled_logistic(values[train], self._truth.valid[train], strength=10.0)
        return _by_block(rows, lambda part: model.predict_proba(values[part])[:, 1])

    def _learn_boosting(
        self, held_out: int, train: Int[np.ndarray, "n"], rows: Int[np.ndarray, "m"]
    ) -> Float[np.ndarray, "m"]:
        """P(valid) of rows, from votes, co-occurrence and the other pairs of the image."""
        rng = np.random.default_rng([self._seed, held_out])
        log_odds = self._log_odds(train, rng)
        context = self._context(log_odds)

        def features(part: Int[np.ndarray, "b"]) -> Float32[np.ndarray, "b F"]:
            beside = self._cooccurrence.share(self._key[part], held_out).astype(np.float32)
            rates = self._rates.features(part, held_out)
            return np.column_stack([self._votes.values[part], rates, beside, context[part]])

        kept = np.clip(1 / (1 + np.exp(-log_odds[train])) / _KEPT_FULLY, _FEWEST_KEPT, 1.0)
        drawn = rng.random(len(train)) < kept
        train, weight = train[drawn], 1 / kept[drawn]
        model = fit_boosting(features(train), self._truth.valid[train], weight, seed=self._seed)
        return _by_block(rows, lambda part: model.predict_proba(features(part))[:, 1])

    def _log_odds(
        self, train: Int[np.ndarray, "n"], rng: np.random.Generator
    ) -> Float[np.ndarray, "P"]:
        """Log-odds of every pair by a logistic regression of the models' votes for it."""
        model_votes = self._model_votes
        drawn = rng.random(len(train)) * len(train) < _N_VOTE_ROWS
        vote = (1.0 / (1 + np.arange(NOT_LISTED + 1))).astype(np.float32)
        vote[NOT_LISTED] = 0

        def features(part: Int[np.ndarray, "b"]) -> Float32[np.ndarray, "b F"]:
            own = model_votes.original[part].astype(np.float32)
            return np.column_stack([vote[model_votes.rank[part]], own])

        model = fit_logistic(features(train[drawn]), self._truth.valid[train[drawn]])
        return _by_block(
            np.arange(len(model_votes)), lambda part: model.decision_function(features(part))
        )

    def _context(self, log_odds: Float[np.ndarray, "P"]) -> Float32[np.ndarray, "P F"]:
        """The log-odds of a pair among those of its image."""
        image, original = self._model_votes.pairs.image, self._model_votes.original
        n_images = len(self._model_votes.original_label)
        # Co-occurring classes are no rivals: what added them may be what is held out.
        rival = np.where(self._named, log_odds, -np.inf)
        place, order = rank_within_image(image, rival)
        start = np.searchsorted(image, np.arange(n_images))
        best = rival[order[start]][image]
        runner_up = order[np.minimum(start + 1, len(order) - 1)]
        there = (image[runner_up] == np.arange(n_images)) & self._named[runner_up]
        second = np.where(there, log_odds[runner_up], _NO_RIVAL)[image]
        power = np.exp(rival - best)
        probability = np.where(original, 0.0, 1 / (1 + np.exp(-rival)))
        expected = np.bincount(image, weights=probability)[image]
        columns = [
            log_odds,
            place,
            best - log_odds,
            power / np.bincount(image, weights=power)[image],
            second,
            expected,
            expected - probability,
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def _predict_all_folds(
    cross_fit: _CrossFit, truth: Truth, engine: Engine | None, progress: Progress
) -> Float[np.ndarray, "P"]:
    """P(valid) of every pair; where nothing is known, the mean over the folds' models."""
    raw = np.zeros(len(truth.fold))
    with ThreadEngine() if engine is None else nullcontext(engine) as running:
        for held_out, (rows, found) in enumerate(running.map(cross_fit, range(truth.n_folds))):
            raw[rows] += found / np.where(truth.fold[rows] < 0, truth.n_folds, 1)
            progress("learning folds", done=1 + held_out, total=truth.n_folds)
    return raw


def _by_block(
    rows: Int[np.ndarray, "n"],
    function: Callable[[Int[np.ndarray, "b"]], Float[np.ndarray, "b"]],
) -> Float[np.ndarray, "n"]:
    """A function's values for rows, computed a block at a time."""
    parts = [rows[i : i + _BLOCK_PAIRS] for i in range(0, len(rows), _BLOCK_PAIRS)]
    return np.concatenate([np.empty(0), *(function(part) for part in parts)])


def _learner(truth: Truth) -> Learner:
    n_valid = truth.valid.sum()
    enough = min(n_valid, truth.known.sum() - n_valid) >= FEWEST_FOR_BOOSTING
    return "boosting" if enough else "logistic"


def _calibrated(raw: Float[np.ndarray, "P"], truth: Truth) -> Float[np.ndarray, "P"]:
    """Probabilities calibrated on the other folds' truth; on all folds' where none is known."""
    probability = np.empty(len(raw))
    for fold in range(-1, truth.n_folds):
        rows = truth.fold == fold
        if rows.any():
            others = truth.known & ~rows
            probability[rows] = recalibrate(raw[rows], fit_platt(raw[others], truth.valid[others]))
    return probability
