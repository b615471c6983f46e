"""The stages of a study: what each is made from, and whether it is done, stale or missing.

=============  ================================  =======================================
stage          file                              made from
=============  ================================  =======================================
proposals      `proposals.parquet`,              original labels, classes, models, the
               `unrated.csv`                     options of ``propose`` (and gold, votes)
tasks          `tasks.parquet`                   proposals, is-a edges, ``per_task``
votes          as [votes] names, `votes.csv`     people: nothing makes them again
posterior      `posterior.npz`                   votes, gold, the options of ``aggregate``
labels         `labels.json`                     posterior, original labels, the options of
                                                 ``label``, adjudications, the models
=============  ================================  =======================================

A review of mistakes (`reassess.study.reviewing`) has tasks and votes only, and `review.json`.

Beside each file that a stage wrote, `stages.json` holds the hashes of what it was made from.
Nothing is run here: `reassess.study.run` does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from reassess.errors import FileError, OptionError
from reassess.files import write_atomically
from reassess.files.tables import read_table
from reassess.proposals import seconds_per_question
from reassess.study.inputs import Hashes, digest
from reassess.study.manifest import Study

StageName = Literal["proposals", "tasks", "votes", "posterior", "labels"]
State = Literal["done", "stale", "missing", "waiting"]

FILES: dict[StageName, str] = {
    "proposals": "proposals.parquet",
    "tasks": "tasks.parquet",
    "posterior": "posterior.npz",
    "labels": "labels.json",
}
REVIEW = "review.json"
"""What a review of mistakes has and no other study: which mistakes were drawn, and from what."""
_RECORD = "stages.json"


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far a stage is.

    Attributes:
        stage: its name.
        file: its file, below the study's folder.
        state: ``done``; ``stale`` where an input changed since; ``missing`` where it was never
            run; ``waiting`` where an input of it is missing.
        changed: the inputs that changed, that are new or gone, or that are waited for.
    """

    stage: StageName
    file: str
    state: State
    changed: tuple[str, ...]


def is_review(study: Study) -> bool:
    """Whether the study is a review of another study's mistakes: its questions are drawn once."""
    return (study.folder / REVIEW).is_file()


def refuse_review(study: Study) -> None:
    """Refuse to make a review's questions or labels: questions are drawn once, labels never.

    Raises:
        OptionError: the study is a review.
    """
    if is_review(study):
        raise OptionError(
            f"{study.folder}: it is a review of mistakes, whose questions were drawn once and that "
            f"has no later stages. See its result: reassess mistakes {study.folder} --result"
        )


def votes_file(study: Study) -> Path | None:
    """The file of votes: as the manifest names it, else `votes.parquet` or `votes.csv`."""
    named = study.setting("votes", "file")
    if named is not None:
        return study.path(named)
    usual = [study.folder / name for name in ("votes.parquet", "votes.csv", "votes.npz")]
    return next((path for path in usual if path.is_file()), None)


def seconds_of_votes(study: Study) -> float | None:
    """Seconds a question, measured where the study's votes carry a column ``seconds``.

    A vote whose duration nobody measured has an empty cell, as an export writes it.

    Raises:
        FileError: the file is malformed, or a cell is neither empty nor a number.
    """
    path = votes_file(study)
    if path is None or path.suffix == ".npz":
        return None
    table = read_table(path)
    column = table.find(("seconds", "duration"))
    if column is None:
        return None
    try:
        seconds = np.array([float(cell or "nan") for cell in table.cells(column)])
    except (TypeError, ValueError) as error:
        raise FileError(f"{path}: column {column!r}: a cell is not a number ({error}).") from error
    return seconds_per_question(seconds[np.isfinite(seconds)])


def gold_file(study: Study, section: str) -> Path | None:
    """The file of gold that a section names, else the one that ``propose`` names."""
    named = study.setting(section, "gold") or study.setting("propose", "gold")
    return None if named is None else study.path(named)


def findings_gold_file(study: Study) -> Path | None:
    """The gold that findings are held against: that of ``aggregate``, else that of ``label``."""
    return gold_file(study, "aggregate") or gold_file(study, "label")


def adjudications_file(study: Study) -> Path | None:
    """The file of experts' decisions that the manifest names; None where it names none."""
    named = study.setting("label", "adjudications")
    return None if named is None else study.path(named)


def inputs_of(study: Study, stage: StageName, hashes: Hashes) -> dict[str, str]:
    """The hashes of all that a stage is made from, by name.

    Raises:
        FileError: a file is missing or unreadable.
    """
    if stage == "proposals":
        found = _files(study, hashes, "labels", "classes")
        found |= {f"model {one.name}": hashes.of_model(one) for one in study.models}
        options = {k: v for k, v in _options(study, "propose").items() if k != "per_task"}
        found["options of propose"] = digest(sorted(options.items()))
        gold = gold_file(study, "propose")
        if gold is not None:
            found["gold"] = hashes.of_file(gold)
        votes = votes_file(study)
        if study.setting("propose", "rule") == "learned" and votes is not None:
            found["votes"] = hashes.of_file(votes)
        return found
    if stage == "tasks":
        found = _files(study, hashes, "classes", "hierarchy")
        found["proposals"] = hashes.of_file(study.folder / FILES["proposals"])
        found["per_task"] = digest(study.setting("propose", "per_task", 8))
        return found
    if stage == "votes":
        return {}
    gold = gold_file(study, "aggregate" if stage == "posterior" else "label")
    found = {} if gold is None else {"gold": hashes.of_file(gold)}
    if stage == "posterior":
        votes = votes_file(study)
        if votes is not None:
            found["votes"] = hashes.of_file(votes)
        found["options of aggregate"] = digest(sorted(_options(study, "aggregate").items()))
        return found | _files(study, hashes, "classes")
    decided = adjudications_file(study)
    if decided is not None:
        found["adjudications"] = hashes.of_file(decided)
    found["posterior"] = hashes.of_file(study.folder / FILES["posterior"])
    found["options of label"] = digest(sorted(_options(study, "label").items()))
    found |= {f"model {one.name}": hashes.of_model(one) for one in study.models}
    return found | _files(study, hashes, "labels", "classes")


def _files(study: Study, hashes: Hashes, *names: str) -> dict[str, str]:
    named = {name: getattr(study, name) for name in names}
    return {name: hashes.of_file(study.path(at)) for name, at in named.items() if at is not None}


def _options(study: Study, section: str) -> Mapping[str, Any]:
    """The options of a section; gold and adjudications are inputs of their own."""
    files = ("gold", "adjudications")
    return {k: v for k, v in study.settings.get(section, {}).items() if k not in files}


def waits_for(study: Study, stage: StageName) -> tuple[str, ...]:
    """The inputs that a stage cannot do without and that are not there."""
    there = {name: (study.folder / file).is_file() for name, file in FILES.items()}
    if stage == "proposals":
        return () if study.models else ("models",)
    if stage == "tasks":
        return () if there["proposals"] else ("proposals",)
    if stage == "posterior":
        return () if votes_file(study) is not None else ("votes",)
    if stage == "labels":
        return () if there["posterior"] else ("posterior",)
    return () if there["tasks"] else ("tasks",)


def stage_status(study: Study) -> list[StageStatus]:
    """How far every stage is, in their order.

    Raises:
        FileError: a file that the manifest names is missing.
    """
    hashes = Hashes(study)
    record = _recorded(study)
    if is_review(study):
        tasks = (study.folder / FILES["tasks"]).is_file()
        drawn = StageStatus("tasks", FILES["tasks"], "done" if tasks else "missing", ())
        return [drawn, _status_of(study, "votes", hashes, record, [drawn])]
    found: list[StageStatus] = []
    for stage in get_args(StageName):
        found.append(_status_of(study, stage, hashes, record, found))
    return found


def _status_of(
    study: Study,
    stage: StageName,
    hashes: Hashes,
    record: Mapping[str, Mapping[str, str]],
    earlier: list[StageStatus],
) -> StageStatus:
    if stage == "votes":
        votes = votes_file(study)
        name = "votes.csv" if votes is None else votes.name
        if votes is not None and votes.is_file():
            return StageStatus(stage, name, "done", ())
        waiting = waits_for(study, stage)
        return StageStatus(stage, name, "waiting" if waiting else "missing", waiting)
    file = FILES[stage]
    waiting = waits_for(study, stage)
    if waiting:
        return StageStatus(stage, file, "waiting", waiting)
    if not (study.folder / file).is_file() or stage not in record:
        return StageStatus(stage, file, "missing", ())
    now, then = inputs_of(study, stage, hashes), record[stage]
    changed = [name for name in {**then, **now} if now.get(name) != then.get(name)]
    changed += [e.stage for e in earlier if e.stage in now and e.state == "stale"]
    changed = list(dict.fromkeys(changed))
    return StageStatus(stage, file, "stale" if changed else "done", tuple(changed))


def _recorded(study: Study) -> dict[str, dict[str, str]]:
    try:
        found = json.loads((study.folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def record_stage(study: Study, stage: StageName, inputs: Mapping[str, str]) -> None:
    """Remember what a stage's file was made from, once the file is there.

    Raises:
        FileError: it cannot be written.
    """
    record = _recorded(study) | {stage: dict(inputs)}
    with write_atomically(study.folder / _RECORD) as beside:
        beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
