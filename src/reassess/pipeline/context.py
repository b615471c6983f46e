"""A context for votes: how probable each question is by models' predictions alone.

Learned from the posteriors of other images, cross-fitted by image, with the features of the
proposal rule ``learned``; combined with the votes on gold by `reassess.aggregation.context`. Off
unless asked for: labels that lean on models must not judge those models unsaid, so that the
posterior and the labels name them, and a model's own family can be left out. No family has more
than a third of the say: the families are dealt into three parts at random, each part learns by
itself, and the log-odds of all parts are averaged, whatever the number of a family's members.

Letters: Q questions, N images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from reassess.aggregation import ContextFit, combine_context
from reassess.aggregation.context import bounded_log_odds
from reassess.analysis.proxy import model_family
from reassess.engines import Engine
from reassess.errors import OptionError, preview
from reassess.progress import Progress, null_progress
from reassess.proposals.learned import learn_proposals
from reassess.proposals.model_votes import DEPTH, add_pairs, best_classes, collect_model_votes
from reassess.records import Benchmark, Gold, Pairs, Posterior, Predictions, align
from reassess.statistics import sigmoid

CONTEXT_DEPTH = DEPTH
"""Best classes of an image that are read of each model."""


N_PARTS = 3
"""Parts of the families that learn apart from each other."""

N_DEALS = 2
"""How often the families are dealt into parts. Each part cuts the images into folds for itself:
with one cut the accuracy of a model moves by up to 0.11 points from seed to seed, more than what
leaving its family out does."""

_DECIMALS = 2
"""Of the posteriors that are learned from: one that is not certain stands for both outcomes, and
takes twice the time."""


@dataclass(frozen=True, slots=True)
class Contextual:
    """A posterior with a context.

    Attributes:
        posterior: of votes and context together.
        fit: how much each counts.
        context: P(present) of each question by the context alone.
    """

    posterior: Posterior
    fit: ContextFit
    context: Float[np.ndarray, "Q"]


def add_context(
    posterior: Posterior,
    predictions: Sequence[Predictions],
    benchmark: Benchmark,
    gold: Gold,
    *,
    without: Sequence[str] = (),
    min_expert_yes: int | None = None,
    seed: int = 0,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Contextual:
    """The posterior of votes and of models' predictions together.

    Args:
        posterior: of the votes alone, about (image, class) pairs.
        predictions: one record a model, for every image that was asked about.
        benchmark: the images and their original labels.
        gold: questions whose truth experts fixed, of 20 images or more.
        without: models, or families by `model_family`, whose predictions are left out, so that the
            labels can judge them.
        min_expert_yes: how many experts must say yes; None for more than half.
        seed: of the cuts into folds and of boosting.
        engine: where the folds are learned.
        progress: shown each fold.

    Raises:
        OptionError: no model is left, or one that is left out is none of them.
        DataError: gold is too little, a model appears more than once, or original labels are
            unknown.
        AlignmentError: images do not match.
        MissingExtraError: scikit-learn is not installed.
    """
    kept = _without(predictions, without)
    posterior = posterior.numbered_by(benchmark.classes)
    context = learn_context(
        posterior, predictions, benchmark, without=without, seed=seed, engine=engine,
        progress=progress,
    )  # fmt: skip
    combined, fit = combine_context(
        posterior,
        context,
        [one.model for one in kept],
        gold.numbered_by(benchmark.classes),
        min_expert_yes=min_expert_yes,
    )
    return Contextual(combined, fit, context)


def queue_context(
    posterior: Posterior,
    predictions: Sequence[Predictions],
    benchmark: Benchmark,
    gold: Gold,
    asked: Pairs,
    *,
    without: Sequence[str] = (),
    min_expert_yes: int | None = None,
    engine: Engine | None = None,
) -> tuple[ContextFit, Float[np.ndarray, "Q"]]:
    """How much votes and context count so far, and the context of every question that is asked.

    Args:
        posterior: of the votes so far alone.
        predictions: as in `add_context`.
        benchmark: as in `add_context`.
        gold: as in `add_context`.
        asked: the Q pairs that are asked about, those with votes among them.
        without: as in `add_context`.
        min_expert_yes: as in `add_context`.
        engine: as in `add_context`.

    Raises:
        OptionError: as in `add_context`.
        DataError: as in `add_context`.
        AlignmentError: images do not match.
        MissingExtraError: scikit-learn is not installed.
    """
    kept = _without(predictions, without)
    posterior = posterior.numbered_by(benchmark.classes)
    context = learn_context(
        posterior, predictions, benchmark, without=without, asked=asked, engine=engine
    )
    place = posterior.questions.require_pairs("posterior").positions_in(asked, source="posterior")
    _, fit = combine_context(
        posterior,
        context[place],
        [one.model for one in kept],
        gold.numbered_by(benchmark.classes),
        min_expert_yes=min_expert_yes,
    )
    return fit, context


def _without(predictions: Sequence[Predictions], without: Sequence[str]) -> list[Predictions]:
    """The models that are left.

    Raises:
        OptionError: none is, or one that is left out is none of them.
    """
    names = [one.model for one in predictions]
    known = {*names, *map(model_family, names)}
    unknown = [name for name in without if name not in known]
    left_out = set(without)
    kept = [one for one in predictions if not {one.model, model_family(one.model)} & left_out]
    if unknown or not kept:
        what = f"{preview(unknown)} is none of them" if unknown else "all are left out"
        raise OptionError(
            f"the context has {len(names):,} models, and {what}, but at least one must be left to "
            "learn from. Name models as their predictions do, or families, as resnet."
        )
    return kept


def learn_context(
    posterior: Posterior,
    predictions: Sequence[Predictions],
    benchmark: Benchmark,
    *,
    without: Sequence[str] = (),
    asked: Pairs | None = None,
    seed: int = 0,
    engine: Engine | None = None,
    progress: Progress = null_progress,
) -> Float[np.ndarray, "Q"]:
    """P(present) of each question by predictions, learned from the posteriors of other images.

    Args:
        posterior: of the votes alone.
        predictions: one record a model.
        benchmark: the images and their original labels.
        without: as in `add_context`; parts without a model of these learn the same in any case.
        asked: the Q pairs that it is to be known of; None for those of the posterior.
        seed: as in `add_context`.
        engine: as in `add_context`.
        progress: as in `add_context`.

    Raises:
        OptionError: as in `add_context`.
        DataError: as in `add_context`.
        AlignmentError: images do not match.
        MissingExtraError: scikit-learn is not installed.
    """
    kept = {one.model for one in _without(predictions, without)}
    pairs = posterior.questions.require_pairs("posterior")
    wanted = pairs if asked is None else asked
    row = align(
        wanted.image_ids, benchmark.image_ids, source="questions", target_name=benchmark.name
    )
    images = _images(benchmark, np.unique(row[wanted.image]))
    own = pairs.aligned_to(images.image_ids, source="posterior")
    wanted = wanted.aligned_to(images.image_ids, source="questions")
    parts = _parts(predictions, seed)
    log_odds, n_learned = np.zeros(len(wanted)), 0
    for number, part in enumerate(parts):
        models = [one for one in part if one.model in kept]
        if models:
            log_odds += _learned_log_odds(
                models, images, own, posterior.present, wanted, len(parts) * seed + number,
                engine, progress,
            )  # fmt: skip
            n_learned += 1
    probability: Float[np.ndarray, "Q"] = sigmoid(log_odds / n_learned)
    return probability


def _parts(predictions: Sequence[Predictions], seed: int) -> list[list[Predictions]]:
    """The models of each part of each deal; with few families some parts are empty."""
    family = [model_family(one.model) for one in predictions]
    families = sorted(set(family))
    parts: list[list[Predictions]] = []
    for deal in range(N_DEALS):
        order = np.random.default_rng([seed, deal]).permutation(len(families))
        part_of = {families[place]: rank % N_PARTS for rank, place in enumerate(order.tolist())}
        parts += [
            [one for one, of in zip(predictions, family, strict=True) if part_of[of] == part]
            for part in range(N_PARTS)
        ]
    return parts


def _learned_log_odds(
    predictions: Sequence[Predictions],
    images: Benchmark,
    known: Pairs,
    valid: Float[np.ndarray, "K"],
    wanted: Pairs,
    seed: int,
    engine: Engine | None,
    progress: Progress,
) -> Float[np.ndarray, "Q"]:
    """Log-odds of the wanted pairs by what some models predict, learned from those known.

    Args:
        predictions: one record a model.
        images: those asked about, with their original labels.
        known: pairs with a posterior, numbered by these images.
        valid: P(present) of each.
        wanted: the pairs that it is to be known of, numbered likewise.
        seed: of the cut into folds and of boosting.
        engine: where the folds are learned.
        progress: shown each fold.
    """
    progress("counting the models' votes")
    ranked = [best_classes(one, DEPTH).reindex(images.image_ids) for one in predictions]
    model_votes = collect_model_votes(ranked, images, depth=DEPTH)
    by_id = model_votes.pairs.image_ids
    known, wanted = (one.aligned_to(by_id, source="questions") for one in (known, wanted))
    n_classes = max(model_votes.n_classes, 1 + int(wanted.label.max()))
    if n_classes > model_votes.n_classes:
        model_votes = replace(model_votes, n_classes=n_classes)
    key = wanted.keys(n_classes)
    model_votes = add_pairs(model_votes, np.setdiff1d(key, model_votes.key))
    learned = learn_proposals(
        model_votes, known, np.round(valid, _DECIMALS), seed=seed, engine=engine, progress=progress
    )
    place = np.searchsorted(learned.pairs.keys(n_classes), key)
    return bounded_log_odds(learned.probability[place])


def _images(benchmark: Benchmark, rows: Int[np.ndarray, "n"]) -> Benchmark:
    """Some images of a benchmark, with their original labels."""
    original = None if benchmark.original is None else benchmark.original[rows]
    return Benchmark(benchmark.name, benchmark.image_ids[rows], original)
