"""Which models to take lists from: the subset with the highest precision at a wanted recall.

On gold questions a subset of the models proposes what at least two of its members list, and
what is proposed whatever the subset (the original labels, every model's top prediction).
Found is a question that is proposed and whose class is in the image:

    recall = found / all positive gold questions        precision = found / proposed

Up to `N_EXHAUSTIVE` models every subset is counted, above that a greedy search improves one
(`subsets` does both). Precision and recall are compared as fractions of integers, never as
floats. Makes no lists. Letters: Q gold questions, M models.

Source: the paper, section 3.1, which kept 6 of 19 models this way; the search is ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from jaxtyping import Bool

from reassess.errors import DataError, OptionError, preview
from reassess.progress import Progress, null_progress
from reassess.proposals.subsets import (
    every_subset,
    front,
    greedy_subsets,
    preference,
)
from reassess.registry import checks_choices

Search = Literal["auto", "exhaustive", "greedy"]

N_EXHAUSTIVE = 20
"""Up to so many models every subset is counted."""


@dataclass(frozen=True, slots=True)
class Subset:
    """A subset of the models, and what its lists propose on gold questions.

    Attributes:
        models: its members, in the order in which the models were given; none of them where
            what is always proposed is all that is needed.
        n_found: positive gold questions that are proposed.
        n_positive: positive gold questions.
        n_proposals: gold questions that are proposed.
    """

    models: tuple[str, ...]
    n_found: int
    n_positive: int
    n_proposals: int

    @property
    def recall(self) -> float:
        """Share of the positive gold questions that are proposed, in [0, 1]."""
        return self.n_found / self.n_positive

    @property
    def precision(self) -> float:
        """Share of the proposed gold questions that are positive, in [0, 1]."""
        return self.n_found / self.n_proposals


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The chosen models, and what else could have been had.

    Attributes:
        chosen: the subset with the highest precision at the wanted recall.
        curve: the recall–cost curve, by rising recall and number of proposals: every subset
            than which none finds as much with fewer proposals, one for each such number. Of a
            greedy search only what it met.
        models: the models to choose from.
        wanted: the wanted recall.
        exhaustive: whether every subset was counted.
    """

    chosen: Subset
    curve: tuple[Subset, ...]
    models: tuple[str, ...]
    wanted: float
    exhaustive: bool


@checks_choices
def choose_models(
    listed: Bool[np.ndarray, "Q M"],
    positive: Bool[np.ndarray, "Q"],
    *,
    models: Sequence[str],
    recall: float,
    always: Bool[np.ndarray, "Q"] | None = None,
    search: Search = "auto",
    progress: Progress = null_progress,
) -> ModelChoice:
    """The subset of models with the highest precision of those that reach a recall.

    Ties go to fewer proposals, then to fewer models, then to the models given first.

    Args:
        listed: whether a model's list holds the gold question.
        positive: whether the class is in the image. Positives that no model lists belong in
            here too: recall counts them.
        models: names of the columns of ``listed``.
        recall: wanted at least, in (0, 1]; compared as the decimal fraction that it prints.
        always: what is proposed whatever the subset: original labels and the top predictions
            of every model, those outside the subset included; None where nothing is.
        search: ``exhaustive`` counts all subsets, ``greedy`` improves one step by step, ``auto``
            takes the former up to `N_EXHAUSTIVE` models.
        progress: shown each step.

    Raises:
        DataError: shapes differ, there is no model or one appears more than once, or nothing is
            positive.
        OptionError: the recall is out of range or beyond what all models together reach, or
            there are too many models to count all subsets.

    Source: the paper, section 3.1.
    """
    names = tuple(models)
    given = np.zeros(len(positive), dtype=bool) if always is None else always
    _check(listed, positive, given, names, recall)
    exhaustive = {
        "auto": len(names) <= N_EXHAUSTIVE, "exhaustive": True, "greedy": False,
    }[search]  # fmt: skip
    if exhaustive and len(names) > N_EXHAUSTIVE:
        raise OptionError(
            f"there are {len(names)} models, but must be at most {N_EXHAUSTIVE} to count every "
            "subset. Search greedily, or leave models out."
        )
    n_positive = int(positive.sum())
    needed = math.ceil(Fraction(str(recall)) * n_positive)
    reachable = int(positive[given | (listed.sum(axis=1) >= 2)].sum())
    _check_reachable(recall, reachable, needed, n_positive)
    base = (int((positive & given).sum()), int(given.sum()))
    pooled = listed[~given], positive[~given]
    best = (
        every_subset(*pooled, base, progress)
        if exhaustive
        else greedy_subsets(*pooled, base, needed, progress)
    )

    def named(found: int) -> Subset:
        n_proposals, _, members = best[found]
        return Subset(tuple(names[i] for i in members), found, n_positive, n_proposals)

    chosen = max((f for f in best if f >= needed), key=lambda f: preference(f, best[f]))
    curve = tuple(named(found) for found in front(best))
    return ModelChoice(named(chosen), curve, names, recall, exhaustive)


def _check(
    listed: Bool[np.ndarray, "Q M"],
    positive: Bool[np.ndarray, "Q"],
    always: Bool[np.ndarray, "Q"],
    names: tuple[str, ...],
    recall: float,
) -> None:
    if listed.shape != (len(positive), len(names)) or len(always) != len(positive):
        raise DataError(
            f"lists: the shape is {listed.shape}, but must be [{len(positive)}, {len(names)}], "
            f"gold questions by models, with {len(always)} flags of what is always proposed."
        )
    if not names or len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(
            f"lists: model {preview(twice)} appears more than once, but must appear once. "
            "Rename or leave out one of them."
            if names
            else "lists: there are 0 models, but must be one or more. Add predictions."
        )
    if not positive.any():
        raise DataError(
            f"gold: 0 of {len(positive):,} questions are positive, but at least one must be to "
            "measure recall. Ask experts about more images."
        )
    if not 0 < recall <= 1:
        raise OptionError(f"the wanted recall is {recall}, but must lie in (0, 1].")


def _check_reachable(recall: float, reachable: int, needed: int, n_positive: int) -> None:
    """Refuse a recall beyond that of all models, which no subset exceeds."""
    if reachable < needed:
        raise OptionError(
            f"the wanted recall is {recall}, but must be at most {reachable / n_positive:.4f}, the "
            f"recall of all models together; they propose {reachable:,} of {n_positive:,} positive "
            "gold questions. Ask for less, take longer lists (--pairs-per-model), or add models."
        )
