"""The runner: what is stale is run, by hashes that were taken before the work."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from reassess.engines import ThreadEngine
from reassess.errors import DataError
from reassess.pipeline import (
    STAGES,
    GivenModels,
    InMemory,
    Made,
    NoOptions,
    Stage,
    check_stages,
    run,
)
from reassess.study import Study, change_settings, open_study, run_study, stage_status
from tests.study.small import rated_study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rated_study(tmp_path_factory.mktemp("runner")).folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Study:
    return open_study(shutil.copytree(made, tmp_path / "s"))


def states(study: Study) -> dict[str, str]:
    return {one.stage: one.state for one in stage_status(open_study(study.folder))}


def test_an_input_that_changes_during_the_work_leaves_the_stage_stale(study: Study) -> None:
    """Hashed after the work, the posterior would pass for one of votes that it has not seen."""
    votes = study.folder / "votes.csv"
    change_settings(study, "aggregate", {"confusion_prior": "uniform"})

    def grow(what: str, **_: int | None) -> None:
        if what == "posterior":
            rows = votes.read_text(encoding="utf-8").splitlines()
            votes.write_text("\n".join(rows[:-1]) + "\n", encoding="utf-8")

    run_study(open_study(study.folder), progress=grow)
    assert states(study)["posterior"] == "stale"
    # Read after the change, it comes out the same, so that the labels need no work.
    assert dict(run_study(open_study(study.folder))).keys() == {"posterior"}
    assert set(states(study).values()) == {"done"}


@pytest.mark.parametrize(
    ("section", "option", "value", "stale"),
    [
        ("propose", "pairs_per_model", 500, {"proposals", "audit", "tasks"}),
        ("propose", "audit", 3, {"audit", "tasks"}),
        ("propose", "per_task", 3, {"tasks"}),
        ("aggregate", "iterations", 300, {"posterior", "labels"}),
        ("label", "threshold", 0.7, {"labels"}),
    ],
)
def test_an_option_makes_stale_what_it_decides(
    study: Study, section: str, option: str, value: object, stale: set[str]
) -> None:
    assert set(states(study).values()) == {"done"}
    changed = change_settings(study, section, {option: value})
    assert {name for name, state in states(changed).items() if state == "stale"} == stale


def test_what_people_gave_is_done_whatever_came_before(study: Study) -> None:
    (study.folder / "tasks.parquet").unlink()
    assert states(study)["votes"] == "done"


def test_a_stage_of_ones_own_runs_where_the_others_do() -> None:
    """A stage is a value: declared once, it is run, fed and kept like those of the pipeline."""

    def count(*, benchmark: int, options: NoOptions, **_: object) -> Made[int]:
        assert options == NoOptions()
        return Made(benchmark + 1, "counted")

    stage = Stage(name="counted", section="count", run=count, needs=("benchmark",))
    memory = InMemory({"benchmark": 41}, {})
    with ThreadEngine(1) as engine:
        assert run(memory, [stage], engine=engine) == [("counted", Made(42, "counted"))]
    waiting = [one.state for _, one in check_stages(InMemory({}, {}), [stage])]
    assert (memory.records["counted"], waiting) == (42, ["waiting"])


def test_the_record_of_stages_names_every_input(study: Study) -> None:
    """Every input of a stage that is there has its hash in the record, under its name."""
    record = json.loads((study.folder / "stages.json").read_text(encoding="utf-8"))
    stages = {"proposals", "audit", "tasks", "posterior", "labels"}
    assert record.keys() == stages | {"written"}
    assert record["written"].keys() <= stages
    assert {"labels", "classes", "model m0", "options of propose"} <= record["proposals"].keys()
    assert {"votes", "gold", "classes", "options of aggregate"} <= record["posterior"].keys()
    assert {"posterior", "labels", "name", "options of label"} <= record["labels"].keys()
    assert [stage.name for stage in STAGES][-1] == "scores"


def test_models_in_memory_must_be_ranked_to_be_scored() -> None:
    from reassess.progress import null_progress
    from reassess.records import ScoreMatrix

    ids = np.array(["a", "b"])
    scores = ScoreMatrix("m", ids, np.arange(2), np.eye(2), "logit")
    with pytest.raises(DataError, match="must be ranked classes"):
        GivenModels([scores]).ranked(1, null_progress)
