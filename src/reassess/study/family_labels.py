"""A study's labels with a family of models left out of their context, so that they can judge it.

Labels that lean on models' predictions (`reassess.pipeline.context`) may favour these models. Here
posterior and labels are made again, in memory, without one family at a time; the study stays as it
is. Where a family is the whole context, its labels rest on votes alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reassess.analysis.proxy import model_family
from reassess.engines import ThreadEngine
from reassess.errors import OptionError
from reassess.pipeline import LABELS, POSTERIOR, AggregateOptions, InMemory, Stage, run
from reassess.progress import Progress, null_progress
from reassess.records import LabelSets
from reassess.study.artefacts import StudyArtefacts
from reassess.study.manifest import Study


@dataclass(frozen=True, slots=True)
class FamilyLabels:
    """Labels that lean on no model of a family.

    Attributes:
        family: the family that the context leaves out.
        models: those of the models asked about that are of it.
        labels: the labels.
    """

    family: str
    models: tuple[str, ...]
    labels: LabelSets


def labels_without_families(
    study: Study,
    models: Sequence[str],
    *,
    workers: int | None = None,
    progress: Progress = null_progress,
) -> Iterator[FamilyLabels]:
    """Labels for every family of models that the study's labels lean on, each without that family.

    Each family costs what posterior and labels cost. A family that is no part of the context has
    no labels here: the study's own can judge it.

    Args:
        study: a study whose votes are aggregated with a context.
        models: names of the models to be judged, of the study or not.
        workers: threads; None takes one a core.
        progress: told of each family and its steps.

    Raises:
        OptionError: the study's labels have no context.
        ReassessError: whatever a stage refuses.
    """
    lies = StudyArtefacts(study)
    options: AggregateOptions = lies.options(POSTERIOR)
    if not options.context:
        raise OptionError(
            f"{study.folder}: its labels lean on no model, so that no family need be left out. "
            "Score without --leave-family-out."
        )
    names = [one.name for one in study.models]
    left = set(options.left_out)
    leant_on = [one for one in names if not {one, model_family(one)} & left]
    families = dict.fromkeys(map(model_family, leant_on))
    wanted = [one for one in dict.fromkeys(map(model_family, models)) if one in families]
    for done, family in enumerate(wanted):
        progress(f"without {family}", done=done, total=len(wanted))
        alone = families.keys() == {family}
        without = ",".join((*options.left_out, family))
        changed = replace(options, context=not alone, context_without=None if alone else without)
        memory = _Reaggregated(lies, changed)
        with ThreadEngine(workers) as engine:
            run(memory, (POSTERIOR, LABELS), engine=engine)
        members = tuple(one for one in models if model_family(one) == family)
        yield FamilyLabels(family, members, memory.records["labels"])


class _Reaggregated(InMemory):
    """A study's records, with posterior and labels made in memory under other options."""

    def __init__(self, artefacts: StudyArtefacts, options: AggregateOptions) -> None:
        super().__init__({}, {})
        self._study, self._aggregate = artefacts, options

    def exists(self, name: str) -> bool:
        return super().exists(name) or self._study.exists(name)

    def read(self, name: str, stage: Stage) -> Any:
        made = super().read(name, stage)
        return self._study.read(name, stage) if made is None else made

    def options(self, stage: Stage) -> Any:
        return self._aggregate if stage is POSTERIOR else self._study.options(stage)
