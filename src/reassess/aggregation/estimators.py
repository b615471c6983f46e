"""Aggregation in scikit-learn's shape: options in the constructor, ``fit``, trailing underscores.

A thin layer over the pure functions of the package. Votes come as `Votes`, as a data frame or file
with one row a vote, or as scikit-learn's matrix: a row for each question, a column for each rater
(`reassess.aggregation.vote_matrix`). scikit-learn is imported only for a matrix and for tags.

Options are checked by ``fit``, as scikit-learn asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.aggregation.bcc import bcc_ensemble
from reassess.aggregation.calibration import VirtualRater, calibrated
from reassess.aggregation.coding import SMALLEST, log_normalised
from reassess.aggregation.methods import dawid_skene, majority
from reassess.aggregation.vote_matrix import GivenVotes, given_votes, is_long_table
from reassess.engines import Engine
from reassess.errors import OptionError, not_fitted_error, preview
from reassess.files.votes import read_gold
from reassess.records import Gold, Posterior, Votes

Estimator = TypeVar("Estimator", bound="_Fitted")


class _Fitted:
    """What every aggregator can tell, and the parameters that scikit-learn asks for."""

    posterior_: Posterior
    classes_: Shaped[np.ndarray, "T"]
    n_features_in_: int
    _row: Int[np.ndarray, "n"] | None
    _answers: Shaped[np.ndarray, "A"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by name, as scikit-learn's ``clone`` and searches ask for them."""
        del deep
        return {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]

    def set_params(self: Estimator, **params: Any) -> Estimator:
        """Set options by name; returns the estimator.

        Raises:
            OptionError: there is no such option.
        """
        unknown = set(params) - set(self.get_params())
        if unknown:
            raise OptionError(
                f"the option {preview(unknown)} is unknown, but must be one of "
                f"{', '.join(self.get_params())}."
            )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit_predict(self, X: Any, y: Any = None, **more: Any) -> Shaped[np.ndarray, "n"]:  # noqa: N803 -- scikit-learn's word
        """The likeliest truth of each question of the votes, after a fit to them.

        Args:
            X: the votes, as ``fit`` takes them.
            y: gold, as ``fit`` takes it.
            more: further arguments of ``fit``.

        Returns:
            One of ``classes_`` for each row of a matrix, or each question of votes.
        """
        self.fit(X, y, **more)  # type: ignore[attr-defined]
        return self._likeliest(self._of_rows(self.posterior_.log_probability))

    def fit_predict_proba(self, X: Any, y: Any = None, **more: Any) -> Float[np.ndarray, "n T"]:  # noqa: N803
        """P(truth) of each question of the votes, after a fit to them; as `fit_predict`."""
        self.fit(X, y, **more)  # type: ignore[attr-defined]
        probability: Float[np.ndarray, "n T"] = np.exp(
            self._of_rows(self.posterior_.log_probability)
        )
        return probability

    def _keep(self, given: GivenVotes, posterior: Posterior) -> None:
        """Keep what a fit found, and how a matrix becomes votes."""
        self.posterior_ = posterior
        self._row = given.row
        self._answers = np.array(posterior.answers) if given.values is None else given.values
        same = given.values is not None and posterior.states == given.votes.answers
        self.classes_ = self._answers if same else np.array(posterior.states)
        self.n_features_in_ = getattr(self, "n_features_in_", len(posterior.rater_ids))

    def _of_rows(
        self, by_question: Float[np.ndarray, "Q T"], row: Int[np.ndarray, "n"] | None = None
    ) -> Float[np.ndarray, "n T"]:
        """Values of the rows of a matrix; rows without an answer know the prior only."""
        row = self._row if row is None else row
        if row is None:
            return by_question
        found: Float[np.ndarray, "n T"] = by_question[np.maximum(row, 0)]
        found[row < 0] = self._log_prior()
        return found

    def _log_prior(self) -> Float[np.ndarray, "T"]:
        n_states = len(self.posterior_.states)
        prior = np.full(n_states, 1 / n_states) if self.prior_ is None else self.prior_
        logarithm: Float[np.ndarray, "T"] = np.log(np.maximum(prior, SMALLEST))
        return logarithm

    def _likeliest(self, log_probability: Float[np.ndarray, "n T"]) -> Shaped[np.ndarray, "n"]:
        likeliest: Shaped[np.ndarray, "n"] = self.classes_[np.argmax(log_probability, axis=1)]
        return likeliest

    def _checked(self) -> None:
        """Refuse to predict before a fit.

        Raises:
            NotFittedError: nothing was fitted.
        """
        if not self.__sklearn_is_fitted__():
            raise not_fitted_error(type(self).__name__)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "posterior_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        tags = Tags(
            estimator_type=None, target_tags=TargetTags(required=False), input_tags=InputTags()
        )
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags

    @property
    def probability_(self) -> Float[np.ndarray, "Q T"]:
        """P(truth) of each question."""
        return self.posterior_.probability

    @property
    def labels_(self) -> Int[np.ndarray, "Q"]:
        """The likeliest truth of each question, an index into ``states_``."""
        likeliest: Int[np.ndarray, "Q"] = np.argmax(self.posterior_.log_probability, axis=1)
        return likeliest

    @property
    def states_(self) -> tuple[str, ...]:
        """Names of the true states."""
        return self.posterior_.states

    @property
    def question_ids_(self) -> Shaped[np.ndarray, "Q"]:
        """Ids of the questions of ``probability_``."""
        return self.posterior_.questions.ids

    @property
    def rater_ids_(self) -> Shaped[np.ndarray, "R"]:
        """Ids of the raters of ``confusion_``."""
        return self.posterior_.rater_ids

    @property
    def confusion_(self) -> Float[np.ndarray, "R T A"] | None:
        """``confusion_[r, t, a]`` = P(rater r answers a | truth t)."""
        return self.posterior_.confusion

    @property
    def prior_(self) -> Float[np.ndarray, "T"] | None:
        """P(truth) before any vote."""
        return self.posterior_.prior


class _Predicts(_Fitted):
    """What an aggregator can say of further votes: of the raters whom it knows."""

    def predict_log_proba(self, X: Any) -> Float[np.ndarray, "n T"]:  # noqa: N803
        """Logarithm of `predict_proba`, which keeps the order where probabilities saturate."""
        self._checked()
        given = given_votes(X, self, known=self._answers)
        return self._of_rows(self._log_posterior(given.votes), _rows_of(given))

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n T"]:  # noqa: N803
        """P(truth) of questions given further votes, columns in the order of ``classes_``.

        Args:
            X: votes with the answers of the fit, as ``fit`` takes them. Of raters who were not in
                the fit the mean of the others' confusion is taken.

        Raises:
            NotFittedError: nothing was fitted.
            DataError: the votes are not what they must be, or have other answers.
        """
        probability: Float[np.ndarray, "n T"] = np.exp(self.predict_log_proba(X))
        return probability

    def predict(self, X: Any) -> Shaped[np.ndarray, "n"]:  # noqa: N803
        """The likeliest truth of questions given further votes: one of ``classes_`` each."""
        return self._likeliest(self.predict_log_proba(X))

    def _log_posterior(self, votes: Votes) -> Float[np.ndarray, "Q T"]:
        """One E-step with what was fitted."""
        confusion = self.confusion_
        assert confusion is not None  # noqa: S101 -- methods without one have their own
        place = {one: row for row, one in enumerate(self.rater_ids_.tolist())}
        row = np.array([place.get(one, len(place)) for one in votes.rater_ids.tolist()])
        table = np.log(np.maximum(np.append(confusion, confusion.mean(0)[None], 0), SMALLEST))
        joint = np.tile(self._log_prior(), (len(votes.questions), 1))
        for t in range(joint.shape[1]):
            each = table[row[votes.rater], t, votes.answer]
            joint[:, t] += np.bincount(votes.question, each, len(joint))
        return log_normalised(joint)


def _rows_of(given: GivenVotes) -> Int[np.ndarray, "n"]:
    return np.arange(len(given.votes.questions)) if given.row is None else given.row


@dataclass
class MajorityVote(_Predicts):
    """Shares of votes; see `reassess.aggregation.majority`."""

    def fit(self, X: Any, y: Any = None) -> "MajorityVote":  # noqa: N803
        """Aggregate votes; returns the estimator.

        Args:
            X: `Votes`, a frame or file with one row a vote, or a matrix of questions and raters.
            y: ignored.
        """
        del y
        given = given_votes(X, self)
        self._keep(given, majority(given.votes))
        return self

    def _log_posterior(self, votes: Votes) -> Float[np.ndarray, "Q T"]:
        return majority(votes).log_probability


@dataclass
class BCCEnsemble(_Fitted):
    """Shares and Bayesian classifier combinations; see `reassess.aggregation.bcc_ensemble`.

    It speaks of the votes of the fit only: `fit_predict`, ``probability_``.
    """

    max_iterations: int = 500

    def fit(self, X: Any, y: Any = None) -> "BCCEnsemble":  # noqa: N803
        """Aggregate votes whose answers are the truths; returns the estimator.

        Args:
            X: `Votes`, a frame or file with one row a vote, or a matrix of questions and raters.
            y: ignored.

        Raises:
            OptionError: the answers are not the truths, or the number of iterations is below 1.
        """
        del y
        given = given_votes(X, self)
        self._keep(given, bcc_ensemble(given.votes, max_iterations=self.max_iterations))
        return self


@dataclass
class DawidSkene(_Predicts):
    """Dawid and Skene's model; options as in `reassess.aggregation.dawid_skene`."""

    n_states: int | None = None
    confusion_prior: str = "pooled"
    pseudocount: float | None = None
    gold_mode: str = "clamp"
    min_expert_yes: int | None = None
    max_iterations: int = 500
    tolerance: float = 1e-9
    engine: Engine | None = field(default=None, repr=False)

    def fit(self, X: Any, y: Any = None, *, gold: Any = None) -> "DawidSkene":  # noqa: N803
        """Fit the model to votes, with known truths where there is gold.

        Args:
            X: `Votes`, a frame or file with one row a vote, or a matrix of questions and raters.
            y: `Gold`, or its frame; any other target is ignored, as scikit-learn passes one to
                every estimator.
            gold: `Gold`, or its frame or file.

        Raises:
            OptionError: an option is out of range.
            DataError: no gold question is among the votes, or votes are not what they must be.
        """
        given = given_votes(X, self)
        is_gold = isinstance(y, Gold) or (y is not None and is_long_table(y))
        gold = _gold(y if is_gold else gold)
        found = dawid_skene(
            given.votes,
            n_states=self.n_states,
            confusion_prior=self.confusion_prior,  # type: ignore[arg-type]
            pseudocount=self.pseudocount,
            gold=gold,
            gold_mode=self.gold_mode,  # type: ignore[arg-type]
            min_expert_yes=self.min_expert_yes,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
            engine=self.engine,
        )
        self._keep(given, found)
        return self

    @property
    def log_likelihood_(self) -> tuple[float, ...]:
        """The true log-likelihood before each iteration and after the last."""
        return self.posterior_.log_likelihood

    @property
    def n_iter_(self) -> int:
        """Iterations that were made."""
        return len(self.posterior_.log_likelihood) - 1

    @property
    def converged_(self) -> bool:
        """Whether the last iteration changed the objective by no more than the tolerance."""
        return bool(self.posterior_.converged)


@dataclass
class Calibrated(_Predicts):
    """Confusion from gold, one E-step; options as in `reassess.aggregation.calibrated`."""

    confusion_prior: str = "pooled"
    pseudocount: float | None = None
    min_expert_yes: int | None = None
    virtual_raters: Sequence[VirtualRater] = ()

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        gold_votes: Any = None,
        *,
        gold: Any = None,
    ) -> "Calibrated":
        """Count confusion on gold and weigh the votes; returns the estimator.

        Args:
            X: `Votes`, a frame or file with one row a vote, or a matrix of questions and raters.
            y: the gold: `Gold`, or its frame or file.
            gold_votes: the raters' answers to gold questions, where they were given apart.
            gold: the same as ``y``.

        Raises:
            DataError: votes and gold do not fit.
            OptionError: there is no gold, or the pseudocount is negative or comes with the pooled
                prior.
        """
        known = _gold(y if gold is None else gold)
        if known is None:
            raise OptionError(
                "there is no gold, but confusion is counted on it. Give it: fit(votes, gold)."
            )
        given = given_votes(X, self)
        found = calibrated(
            given.votes,
            known,
            gold_votes=None if gold_votes is None else given_votes(gold_votes, self).votes,
            confusion_prior=self.confusion_prior,  # type: ignore[arg-type]
            pseudocount=self.pseudocount,
            min_expert_yes=self.min_expert_yes,
            virtual_raters=self.virtual_raters,
        )
        self._keep(given, found)
        return self


def _gold(given: Any) -> Gold | None:
    return given if given is None or isinstance(given, Gold) else read_gold(given)
