"""Runs what is stale, in the order of the stages; knows no stage and no folder.

The inputs of a stage are hashed once, before its work: what changes meanwhile leaves it stale.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reassess.engines import Engine
from reassess.pipeline.stage import Artefacts, Made, Stage, State
from reassess.progress import Progress, null_progress
from reassess.registry import checks_choices


@checks_choices
@dataclass(frozen=True, slots=True)
class StageCheck:
    """How far a stage is.

    Attributes:
        stage: its name.
        state: ``done``; ``stale`` where an input changed since; ``missing`` where it was never
            run; ``waiting`` where an input of it is missing.
        changed: the inputs that changed, that are new or gone, or that are waited for.
        inputs: the hashes of what it would be made from now.
    """

    stage: str
    state: State
    changed: tuple[str, ...]
    inputs: dict[str, str]


def run(
    artefacts: Artefacts,
    stages: Sequence[Stage],
    *,
    engine: Engine,
    progress: Progress = null_progress,
    everything: bool = False,
) -> list[tuple[str, Made[Any]]]:
    """The stages that were stale or missing and are done now, each with what it made.

    A stage that people make, or that waits for an input, is left alone.

    Args:
        artefacts: where the records lie.
        stages: in their order.
        engine: where heavy work runs.
        progress: told of each stage, and of its steps.
        everything: run also what is done already.

    Raises:
        ReassessError: whatever a stage refuses.
    """
    made: list[tuple[str, Made[Any]]] = []
    todo = {"stale", "missing", "done"} if everything else {"stale", "missing"}
    for stage, status in check_stages(artefacts, stages):
        if stage.run is None or status.state not in todo:
            continue
        progress(stage.name)
        options = artefacts.options(stage)
        names = (*stage.inputs(options), *stage.sees)
        records = {name: artefacts.read(name, stage) for name in names}
        unused = dict.fromkeys(set(stage.uses) - set(names))
        result = stage.run(**records, **unused, options=options, engine=engine, progress=progress)
        artefacts.write(stage, result.record, status.inputs)
        made.append((stage.name, result))
    return made


def check_stages(
    artefacts: Artefacts, stages: Sequence[Stage]
) -> Iterator[tuple[Stage, StageCheck]]:
    """How far every stage is, in their order, each looked at when it is its turn."""
    stale: set[str] = set()
    for stage in stages:
        missing = tuple(name for name in stage.needs if not artefacts.exists(name))
        inputs: dict[str, str] = {}
        changed: tuple[str, ...] = missing
        before = artefacts.recorded(stage)
        if stage.run is None and artefacts.exists(stage.name):
            state: State = "done"
            changed = ()
        elif missing:
            state = "waiting"
        elif stage.run is None:
            state = "missing"
        else:
            options = artefacts.options(stage)
            for name in stage.inputs(options):
                inputs |= artefacts.hashes(name, stage)
            inputs[f"options of {stage.section}"] = _digest(options, stage.decided_by)
            if before is None or not artefacts.exists(stage.name):
                state = "missing"
            else:
                differ = [n for n in {**before, **inputs} if before.get(n) != inputs.get(n)]
                differ += [n for n in stage.needs if n in stale]
                if artefacts.is_replaced(stage):
                    differ.append(f"the file of {stage.name} itself")
                changed = tuple(dict.fromkeys(differ))
                state = "stale" if changed else "done"
        if state == "stale":
            stale.add(stage.name)
        yield stage, StageCheck(stage.name, state, changed, inputs)
        if artefacts.recorded(stage) != before:  # it was run meanwhile
            stale.discard(stage.name)


def _digest(options: Any, names: Sequence[str]) -> str:
    """A hash of some options by name, defaults included: a new default makes a record stale."""
    values = [(name, getattr(options, name)) for name in names]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
