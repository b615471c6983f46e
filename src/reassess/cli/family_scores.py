"""Scores of models under labels whose context leaves the model's own family out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reassess.cli.output import progress_bar
from reassess.errors import OptionError
from reassess.records import LabelSets, ModelScore, Predictions, align

if TYPE_CHECKING:
    from reassess.sources import EvaluationTarget

Rescore = Callable[[Sequence[Predictions], LabelSets], Sequence[ModelScore]]
"""Scores models as they were scored before, under other labels."""


@dataclass(frozen=True, slots=True)
class FamilyScore:
    """A model under labels that lean on no model of its family, and under the study's own.

    Attributes:
        without: the family that was left out; None where the context held none of it.
        with_family: ReaL accuracy under the study's labels; None where nothing was judged.
    """

    without: str | None
    with_family: float | None


def refuse_single_labels(**given: object) -> None:
    """Refuse outputs that are about one set of labels.

    Raises:
        OptionError: one is given.
    """
    for name, value in given.items():
        if value is not None:
            raise OptionError(
                f"--{name.replace('_', '-')} is about one set of labels, but --leave-family-out "
                "takes another set for each family. Leave one of them out."
            )


def rescore_without_families(
    labels: str,
    target: "EvaluationTarget",
    scores: list[ModelScore],
    predictions: Sequence[Predictions],
    rescore: Rescore,
) -> list[FamilyScore]:
    """Put in place of each score the one under labels that leave the model's family out.

    Args:
        labels: the study that the labels are of.
        target: what the models were scored by.
        scores: the scores under the study's labels; changed in place.
        predictions: what was scored, in the same order.
        rescore: how models are scored.

    Raises:
        OptionError: the labels are no study's, or have no context.
    """
    from reassess import sources
    from reassess.study import open_study
    from reassess.study.family_labels import labels_without_families

    if not sources.is_study(labels):
        raise OptionError(
            f"--labels is {labels!r}, but must be a study with --leave-family-out, which "
            "aggregates its votes again. For files: reassess aggregate … --context-without FAMILY."
        )
    found = [FamilyScore(None, one.real_value) for one in scores]
    with progress_bar("Aggregating") as step:
        models = [one.model for one in scores]
        for apart in labels_without_families(open_study(labels), models, progress=step):
            own = apart.labels.align_to(target.benchmark)
            own = own.take(align(target.image_ids, own.image_ids, source=own.name))
            places = [place for place, name in enumerate(models) if name in apart.models]
            again = rescore([predictions[place] for place in places], own)
            for place, score in zip(places, again, strict=True):
                scores[place] = score
                found[place] = FamilyScore(apart.family, found[place].with_family)
    return found
