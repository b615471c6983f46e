"""Which recipe trained better models? Means over seeds, and tests against the baseline.

An accuracy's interval is Student's over the seeds: how far the mean of further trainings may
lie off, on these test images. A difference is tested seed by seed: the runs of a recipe and of
the baseline with the same schedule and seed are two models on the same images (McNemar's
exact test, `reassess.scoring.compare`). The p-value of the row is the largest of its seeds', 1
where they disagree on the sign: the intersection-union test of "some seed shows no difference".

Letters: S seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reassess.errors import DataError
from reassess.records import LabelSets, Predictions, positions
from reassess.records.recipes import RecipeRun, Schedule, Variant
from reassess.registry import checks_choices
from reassess.scoring import compare, real_accuracy
from reassess.statistics.intervals import mean_interval


@checks_choices
@dataclass(frozen=True, slots=True)
class RecipeScore:
    """A recipe's models under some labels.

    Attributes:
        variant: the objective and the images that they learned from.
        schedule: for how long.
        epochs: passes over the images.
        n_images: how many images they learned from.
        accuracies: of each seed.
        mean: of them.
        low: lower end of the mean's interval; None with one seed.
        high: upper end.
        difference: mean of the seeds' differences from the baseline; None for itself.
        p_value: that some seed shows no difference; None for the baseline.
        n_scored: test images that could be judged.
        mistakes: on clear images, of each seed; None where none are known.
    """

    variant: Variant
    schedule: Schedule
    epochs: int
    n_images: int
    accuracies: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    difference: float | None
    p_value: float | None
    n_scored: int
    mistakes: tuple[int, ...] | None


def recipe_scores(
    runs: Sequence[RecipeRun],
    labels: LabelSets,
    *,
    clear: LabelSets | None = None,
    confidence: float = 0.95,
) -> list[RecipeScore]:
    """Every recipe under some labels, schedule by schedule.

    Args:
        runs: the models, one a variant, schedule and seed.
        labels: of the test images; an image without one is left out.
        clear: images on whose one label people agree; other images of theirs are ignored.
        confidence: of the intervals.

    Raises:
        DataError: no test image has a label, or a baseline is missing.
        AlignmentError: a test image is not among the labels.
    """
    grouped: dict[tuple[Schedule, Variant], dict[int, RecipeRun]] = {}
    for run in runs:
        grouped.setdefault((run.schedule, run.variant), {})[run.seed] = run
    schedules = dict.fromkeys(run.schedule for run in runs)
    variants = dict.fromkeys(run.variant for run in runs)
    found = []
    for schedule in schedules:
        baseline = grouped.get((schedule, "baseline"), {})
        for variant in variants:
            of_seed = grouped[schedule, variant]
            if set(of_seed) - set(baseline):
                raise DataError(f"the {schedule} runs of {variant!r} have no baseline of a seed.")
            found.append(_score(of_seed, baseline, labels, clear, confidence))
    return found


def _score(
    of_seed: dict[int, RecipeRun], baseline: dict[int, RecipeRun], labels: LabelSets,
    clear: LabelSets | None, confidence: float,
) -> RecipeScore:  # fmt: skip
    one = next(iter(of_seed.values()))
    judged = [real_accuracy(run.predictions, labels, subset=True) for run in of_seed.values()]
    values = [accuracy.value for accuracy in judged]
    accuracies = tuple(value for value in values if value is not None)
    if len(accuracies) < len(values):
        raise DataError(f"{labels.name}: no test image has a label, but at least one must.")
    difference, p_value = None, None
    if one.variant != "baseline":
        difference, p_value = _against(of_seed, baseline, labels)
    interval = mean_interval(np.array(accuracies), confidence)
    return RecipeScore(
        variant=one.variant,
        schedule=one.schedule,
        epochs=one.epochs,
        n_images=one.n_images,
        accuracies=accuracies,
        mean=float(np.mean(accuracies)),
        low=None if interval is None else interval[1],
        high=None if interval is None else interval[2],
        difference=difference,
        p_value=p_value,
        n_scored=judged[0].n_scored,
        mistakes=None if clear is None else tuple(
            clear_mistakes(run.predictions, clear) for run in of_seed.values()
        ),
    )  # fmt: skip


def _against(
    of_seed: dict[int, RecipeRun], baseline: dict[int, RecipeRun], labels: LabelSets
) -> tuple[float, float]:
    """Mean difference from the baseline, and the p-value over all seeds."""
    compared = [
        compare(run.predictions, baseline[seed].predictions, labels, subset=True)
        for seed, run in of_seed.items()
    ]
    differences = np.array([one.difference for one in compared], dtype=float)
    agree = bool((differences > 0).all() or (differences < 0).all())
    p_value = max(one.p_value for one in compared) if agree else 1.0
    return float(differences.mean()), p_value


def clear_mistakes(predictions: Predictions, clear: LabelSets) -> int:
    """Images on whose label people agree, and that a model takes for something else."""
    row = positions(clear.image_ids, predictions.image_ids, source=clear.name)
    known = np.flatnonzero(row >= 0)
    if len(known) == 0:
        return 0
    sets = clear.take(known)
    predicted = predictions.top[row[known]]
    return int((~sets.contains(np.arange(len(known)), predicted) & (sets.sizes > 0)).sum())
