"""Aggregation in scikit-learn's shape: options in the constructor, ``fit``, trailing underscores.

A thin layer over the pure functions of the package; scikit-learn itself is not needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

from reassess.aggregation.bcc import bcc_ensemble
from reassess.aggregation.calibration import VirtualRater, calibrated
from reassess.aggregation.methods import dawid_skene, majority
from reassess.aggregation.priors import ConfusionPrior
from reassess.engines import Engine
from reassess.errors import OptionError, preview
from reassess.records import Gold, Posterior, Votes
from reassess.registry import checks_choices


class _Fitted:
    """What every aggregator can tell, and the parameters that scikit-learn asks for."""

    posterior_: Posterior

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """The options by name, as scikit-learn's ``clone`` and searches ask for them."""
        del deep
        return {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]

    def set_params(self, **params: object) -> "_Fitted":
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


@dataclass
class MajorityVote(_Fitted):
    """Shares of votes; see `reassess.aggregation.majority`."""

    def fit(self, votes: Votes) -> "MajorityVote":
        """Aggregate votes; returns the estimator."""
        self.posterior_ = majority(votes)
        return self


@dataclass
class BCCEnsemble(_Fitted):
    """Shares and Bayesian classifier combinations; see `reassess.aggregation.bcc_ensemble`."""

    max_iterations: int = 500

    def fit(self, votes: Votes) -> "BCCEnsemble":
        """Aggregate votes whose answers are the truths; returns the estimator.

        Raises:
            OptionError: the answers are not the truths, or the number of iterations is below 1.
        """
        self.posterior_ = bcc_ensemble(votes, max_iterations=self.max_iterations)
        return self


@checks_choices
@dataclass
class DawidSkene(_Fitted):
    """Dawid and Skene's model; options as in `reassess.aggregation.dawid_skene`."""

    n_states: int | None = None
    confusion_prior: ConfusionPrior = "pooled"
    pseudocount: float | None = None
    gold_mode: Literal["clamp", "initialise"] = "clamp"
    min_expert_yes: int | None = None
    max_iterations: int = 500
    tolerance: float = 1e-9
    engine: Engine | None = field(default=None, repr=False)

    def fit(self, votes: Votes, gold: Gold | None = None) -> "DawidSkene":
        """Fit the model to votes, with known truths where there is gold.

        Raises:
            OptionError: an option is out of range.
            DataError: no gold question is among the votes.
        """
        self.posterior_ = dawid_skene(
            votes,
            n_states=self.n_states,
            confusion_prior=self.confusion_prior,
            pseudocount=self.pseudocount,
            gold=gold,
            gold_mode=self.gold_mode,
            min_expert_yes=self.min_expert_yes,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
            engine=self.engine,
        )
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


@checks_choices
@dataclass
class Calibrated(_Fitted):
    """Confusion from gold, one E-step; options as in `reassess.aggregation.calibrated`."""

    confusion_prior: ConfusionPrior = "pooled"
    pseudocount: float | None = None
    min_expert_yes: int | None = None
    virtual_raters: Sequence[VirtualRater] = ()

    def fit(self, votes: Votes, gold: Gold, gold_votes: Votes | None = None) -> "Calibrated":
        """Count confusion on gold and weigh the votes; returns the estimator.

        Raises:
            DataError: votes and gold do not fit.
            OptionError: the pseudocount is negative, or given under the pooled prior.
        """
        self.posterior_ = calibrated(
            votes,
            gold,
            gold_votes=gold_votes,
            confusion_prior=self.confusion_prior,
            pseudocount=self.pseudocount,
            min_expert_yes=self.min_expert_yes,
            virtual_raters=self.virtual_raters,
        )
        return self
