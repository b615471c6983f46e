"""The contract of a stage, and where records lie between stages.

A stage is a value: its name, what it reads and writes, its options, and a function from records
to a record. It sees neither folders nor a command line. Where the records lie is an
`Artefacts`: a study's folder (`reassess.study`) or memory (`InMemory`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from reassess.engines import Engine
from reassess.errors import AlignmentError
from reassess.progress import Progress
from reassess.records import Predictions, ScoreMatrix, ShortLists

Record_co = TypeVar("Record_co", covariant=True)

State = Literal["done", "stale", "missing", "waiting"]


@dataclass(frozen=True, slots=True)
class Made(Generic[Record_co]):
    """What a stage made.

    Attributes:
        record: what the stage writes.
        summary: what was made, in a clause for people.
        details: what else is known of it, for those who ask for more than the record.
    """

    record: Record_co
    summary: str
    details: Any = None


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a stage that has none."""


def always(options: Any) -> bool:
    """Whatever the options are: the input is used."""
    del options
    return True


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline.

    Attributes:
        name: also the name of the record that it writes.
        section: the command and the manifest's section that hold its options.
        run: makes the record. It gets ``options``, ``engine``, ``progress`` and every input by
            its name, None for an input that is not there; None where people make it.
        needs: inputs without which it waits.
        uses: further inputs, each with whether the options make use of it.
        sees: inputs that it looks at and that do not make it stale when they change: what was
            asked before and what was answered stay as they are.
        options: the type of its options.
        decided_by: the options that decide the record; the others of the section are another
            stage's.
    """

    name: str
    section: str
    run: Callable[..., Made[Any]] | None
    needs: tuple[str, ...]
    uses: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)
    sees: tuple[str, ...] = ()
    options: type = NoOptions
    decided_by: tuple[str, ...] = ()

    def inputs(self, options: Any) -> tuple[str, ...]:
        """Names of the inputs that decide the record under these options."""
        return (*self.needs, *(name for name, used in self.uses.items() if used(options)))


@runtime_checkable
class Scans(Engine, Protocol):
    """An engine that may keep the scans of full scores that were finished before."""

    n_resumed: int

    def finish(self) -> None:
        """Forget the kept scans that were not used."""


@runtime_checkable
class Models(Protocol):
    """The models of a benchmark, read when a stage asks for them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in the order in which they were added."""

    def opened(self, progress: Progress) -> Sequence[Predictions | ScoreMatrix | ShortLists]:
        """Every model's predictions of every image, full scores left on disk."""

    def ranked(self, depth: int, progress: Progress) -> Sequence[Predictions]:
        """Every model's ``depth`` best classes of each image, or as many as are known."""

    def scans(self, engine: Engine) -> Scans:
        """An engine for scans of full scores, which resumes those that it keeps."""


@runtime_checkable
class Artefacts(Protocol):
    """Where records lie: each under its name, with the hashes of what it was made from."""

    def exists(self, name: str) -> bool:
        """Whether there is a record of this name."""

    def read(self, name: str, stage: Stage) -> Any:
        """The record of this name as a stage means it; None where it does not exist."""

    def write(self, stage: Stage, record: Any, inputs: Mapping[str, str]) -> None:
        """Keep what a stage made, and the hashes of what it was made from."""

    def hashes(self, name: str, stage: Stage) -> Mapping[str, str]:
        """Hashes of all that a record consists of, by what it is called; none if not there."""

    def recorded(self, stage: Stage) -> Mapping[str, str] | None:
        """The hashes of what a stage's record was made from; None where it was not made."""

    def is_replaced(self, stage: Stage) -> bool:
        """Whether something else was written in the place of what a stage made."""

    def options(self, stage: Stage) -> Any:
        """The options of a stage."""


class InMemory:
    """Records in memory: nothing is kept, so every stage runs.

    Args:
        records: the records to begin with, by name.
        options: by section.
    """

    def __init__(self, records: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        self.records = dict(records)
        self._options = options

    def exists(self, name: str) -> bool:
        """Whether there is a record of this name."""
        return self.records.get(name) is not None

    def read(self, name: str, stage: Stage) -> Any:
        """The record of this name."""
        del stage
        return self.records.get(name)

    def write(self, stage: Stage, record: Any, inputs: Mapping[str, str]) -> None:
        """Keep what a stage made."""
        del inputs
        self.records[stage.name] = record

    def hashes(self, name: str, stage: Stage) -> Mapping[str, str]:
        """Nothing: records in memory have no hashes."""
        del name, stage
        return {}

    def recorded(self, stage: Stage) -> None:
        """Nothing was made before."""
        del stage

    def is_replaced(self, stage: Stage) -> bool:
        """No: what is in memory is what was made last."""
        del stage
        return False

    def options(self, stage: Stage) -> Any:
        """The options of the stage's section, or its defaults."""
        return self._options.get(stage.section, stage.options())


class GivenModels:
    """Models whose predictions are in memory.

    Args:
        predictions: one record a model.
    """

    def __init__(self, predictions: Sequence[Predictions | ScoreMatrix | ShortLists]) -> None:
        self._predictions = tuple(predictions)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(one.model for one in self._predictions)

    def opened(self, progress: Progress) -> Sequence[Predictions | ScoreMatrix | ShortLists]:
        """The predictions as they were given."""
        del progress
        return self._predictions

    def ranked(self, depth: int, progress: Progress) -> Sequence[Predictions]:
        """The predictions as they were given, which may be deeper.

        Raises:
            AlignmentError: a model's scores lie on disk, unranked.
        """
        del depth, progress
        for one in self._predictions:
            if not isinstance(one, Predictions):
                raise AlignmentError(
                    f"predictions {one.model!r}: they are full scores, but must be ranked classes. "
                    "Read them with `reassess.files.read_predictions`."
                )
        return [one for one in self._predictions if isinstance(one, Predictions)]

    def scans(self, engine: Engine) -> Scans:
        """The engine itself: nothing is kept."""
        return _Forgetful(engine)


class _Forgetful:
    """An engine whose scans are not kept."""

    n_resumed = 0

    def __init__(self, engine: Engine) -> None:
        self.map, self.place = engine.map, engine.place

    def finish(self) -> None:
        """Nothing was kept."""
