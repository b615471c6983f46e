"""One pipeline: a study's run, the same steps from Python and the command line, byte for byte."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reassess.aggregation import METHODS, AggregateOptions, AggregationInputs, Method
from reassess.errors import OptionError
from reassess.files import (
    read_benchmark,
    read_gold,
    read_posterior,
    read_votes,
    write_labels,
    write_posterior,
)
from reassess.files.audits import read_audit
from reassess.labels import RULES, LabelOptions, LabelRule
from reassess.pipeline import make_labels, make_posterior
from reassess.proposals import RULES as PROPOSAL_RULES
from reassess.records import Posterior
from reassess.study import change_settings, open_study, run_study, stage_status
from tests.conftest import Ran
from tests.study.small import rated_study

Cli = Callable[..., Ran]

RULE_OPTIONS = {
    "threshold": {"threshold": 0.6},
    "recall-at-precision": {"target": 0.8},
    "precision-at-recall": {"target": 0.8},
    "precision-at-least": {"target": 0.5},
    "f1": {},
}


def combinations() -> list[tuple[str | None, str | None, tuple[str, ...]]]:
    """Method, gold, and the rules that can be meant with them."""
    return [
        (method, gold, tuple(n for n, one in RULES.items() if gold or not one.needs_gold))
        for method in (None, *METHODS)
        for gold in (None, "gold.csv")
        if gold or method is None or not METHODS[method].needs_gold
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with votes and gold."""
    return rated_study(tmp_path_factory.mktemp("pipeline"), audit=20).folder


@pytest.fixture
def study_folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, whose options a test may set."""
    return shutil.copytree(made, tmp_path / "s")


@pytest.mark.parametrize(("method", "gold", "rules"), combinations())
def test_run_python_and_command_line_agree(
    study_folder: Path,
    tmp_path: Path,
    cli: Cli,
    method: str | None,
    gold: str | None,
    rules: tuple[str, ...],
) -> None:
    study = change_settings(open_study(study_folder), "propose", {"gold": None})
    study = change_settings(study, "aggregate", {"method": method, "gold": gold})
    at = {"classes": study.path(study.classes or ""), "labels": study.path(study.labels)}
    with_gold = [] if gold is None else ["--gold", study_folder / gold]
    with_method = [] if method is None else ["--method", method]
    ran = cli("aggregate", study_folder / "votes.csv", "--classes", at["classes"], *with_gold,
              *with_method, "-o", tmp_path / "typed.npz")  # fmt: skip
    assert ran.status == 0, ran.err

    benchmark = read_benchmark(at["labels"], classes=at["classes"])
    votes = read_votes(study_folder / "votes.csv", classes=benchmark.classes)
    known = None if gold is None else read_gold(study_folder / gold, classes=benchmark.classes)
    drawn = study_folder / "audit.json"
    posterior = make_posterior(
        votes=votes, gold=known, benchmark=benchmark, options=AggregateOptions(method=method)
    ).record
    write_posterior(posterior, tmp_path / "python.npz")

    names = [one.name for one in study.models]
    with_models = [word for name in names for word in ("--model", name)]
    for rule in rules:
        options = RULE_OPTIONS[rule]
        asked = {"rule": rule, "threshold": None, "target": None, "gold": gold} | options
        study = change_settings(study, "label", asked)
        assert "labels" in dict(run_study(study))
        labels = make_labels(
            posterior=read_posterior(tmp_path / "python.npz"), benchmark=benchmark, gold=known,
            audit=read_audit(drawn, benchmark.image_ids, classes=benchmark.classes),
            models=names, name=study.name, options=LabelOptions(rule=rule, **options),
        ).record  # fmt: skip
        write_labels(labels, tmp_path / "python.json")
        with_rule = [word for key, value in options.items() for word in (f"--{key}", value)]
        ran = cli("label", tmp_path / "typed.npz", "--original-labels", at["labels"],
                  "--classes", at["classes"], *with_gold, "--rule", rule, *with_rule,
                  *with_models, "--name", study.name, "--audit", drawn,
                  "-o", tmp_path / "typed.json")  # fmt: skip
        assert ran.status == 0, ran.err
        for ours, kind in (("posterior.npz", "npz"), ("labels.json", "json")):
            of_study = (study_folder / ours).read_bytes()
            assert (tmp_path / f"python.{kind}").read_bytes() == of_study
            assert (tmp_path / f"typed.{kind}").read_bytes() == of_study


def test_gold_stays_out_of_dawid_and_skene(study_folder: Path) -> None:
    """Gold that does not calibrate must judge the labels, not make them."""
    votes = read_votes(study_folder / "votes.csv")
    gold = read_gold(study_folder / "gold.csv")
    alone = make_posterior(votes=votes, options=AggregateOptions(method="dawid-skene")).record
    beside = make_posterior(
        votes=votes, gold=gold, options=AggregateOptions(method="dawid-skene")
    ).record
    assert np.array_equal(alone.log_probability, beside.log_probability)
    assert not beside.used_gold
    clamped = make_posterior(
        votes=votes, gold=gold, options=AggregateOptions(method="dawid-skene", gold_mode="clamp")
    ).record
    assert clamped.used_gold
    assert not np.array_equal(alone.log_probability, clamped.log_probability)


def test_part_of_the_gold_that_calibrated_is_in_sample_too(study_folder: Path) -> None:
    """Another file of the same questions has not become unseen."""
    votes = read_votes(study_folder / "votes.csv")
    gold = read_gold(study_folder / "gold.csv")
    posterior = make_posterior(votes=votes, gold=gold, options=AggregateOptions()).record
    assert posterior.method == "calibrated"
    rows = (study_folder / "gold.csv").read_text(encoding="utf-8").splitlines()
    (study_folder / "part.csv").write_text("\n".join(rows[:31]) + "\n", encoding="utf-8")
    benchmark = read_benchmark(study_folder / "labels.csv", classes=study_folder / "classes.csv")
    for name in ("gold", "part"):
        made = make_labels(
            posterior=posterior, benchmark=benchmark, options=LabelOptions(),
            gold=read_gold(study_folder / f"{name}.csv"),
        )  # fmt: skip
        assert made.record.operating_point is not None
        assert made.record.operating_point.in_sample
        assert "in sample" in made.summary


def test_the_gold_of_a_study_means_the_same_to_aggregate(
    study_folder: Path, tmp_path: Path, cli: Cli
) -> None:
    ran = cli("aggregate", study_folder, "-o", tmp_path / "p.npz")
    assert ran.status == 0, ran.err
    assert "by calibrated" in ran.out
    assert (tmp_path / "p.npz").read_bytes() == (study_folder / "posterior.npz").read_bytes()


@pytest.fixture
def toy() -> Iterator[Method]:
    """An aggregator that takes the first answer of each question, registered while a test runs."""

    def run(inputs: AggregationInputs) -> Posterior:
        votes = inputs.votes
        first = np.full(len(votes.questions), -1)
        first[votes.question[::-1]] = votes.answer[::-1]
        present = np.array([0.1, 0.5, 0.9])[first]
        return Posterior(
            votes.questions, ("absent", "present"), np.log(np.stack([1 - present, present], 1)),
            "first-answer", votes.answers, votes.rater_ids, votes_sha256=votes.sha256,
        )  # fmt: skip

    method = METHODS.register(
        Method("first-answer", run, "the first answer", "aggregated by the first answer of each")
    )
    yield method
    METHODS.unregister("first-answer")


def test_a_new_method_is_one_registration(
    toy: Method, study_folder: Path, tmp_path: Path, cli: Cli
) -> None:
    """It is offered, run, bootstrapped as far as it can be, and described: everywhere."""
    assert "first-answer" in cli("aggregate", "--help").out
    study = change_settings(open_study(study_folder), "aggregate", {"method": "first-answer"})
    study = change_settings(study, "label", {"rule": "threshold", "target": None})
    run_study(study)
    assert read_posterior(study_folder / "posterior.npz").method == "first-answer"
    ranks = cli("ranks", study_folder, "--resamples", "40")
    assert ranks.status == 0, ranks.err
    assert "first-answer" in ranks.out
    report = cli("report", study_folder, "-o", tmp_path / "r.html", "--resamples", "40")
    assert report.status == 0, report.err
    assert toy.sentence in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("door", ["manifest", "command", "python"])
def test_a_misspelt_method_is_refused_at_every_door(
    door: str, study_folder: Path, cli: Cli
) -> None:
    if door == "python":
        with pytest.raises(OptionError, match="Did you mean 'dawid-skene'"):
            AggregateOptions(method="dawid-skeen")
        return
    change_settings(open_study(study_folder), "aggregate", {"method": None, "gold": "gold.csv"})
    manifest = study_folder / "study.toml"
    before = manifest.read_text(encoding="utf-8")
    try:
        if door == "manifest":
            head, _, rest = before.partition("[aggregate]\n")
            manifest.write_text(f'{head}[aggregate]\nmethod = "dawid-skeen"\n{rest}')
            ran = cli("run", study_folder)
        else:
            ran = cli("aggregate", study_folder / "votes.csv", "--method", "dawid-skeen",
                      "-o", study_folder / "p.npz")  # fmt: skip
    finally:
        manifest.write_text(before, encoding="utf-8")
    assert ran.status == 2
    assert "dawid-skeen" in ran.err
    assert "dawid-skene" in ran.err


def test_new_rules_are_one_registration_each(study_folder: Path, tmp_path: Path, cli: Cli) -> None:
    """Each is offered, explained, run and described where the paragraph on methods stands."""
    label = LabelRule("toycut", lambda *_: 0.66, "a toy cut", "a toy threshold", needs_gold=False)
    propose = replace(
        PROPOSAL_RULES["paper"], name="toylist", summary="a toy list", sentence="those of a toy"
    )
    RULES.register(label)
    PROPOSAL_RULES.register(propose)
    try:
        helps = {name: " ".join(cli(name, "--help").out.split()) for name in ("label", "propose")}
        assert "toycut: a toy cut" in helps["label"]
        assert "toylist: a toy list" in helps["propose"]
        study = change_settings(open_study(study_folder), "propose", {"rule": "toylist"})
        study = change_settings(study, "label", {"rule": "toycut", "target": None})
        run_study(study)
        ran = cli("report", study_folder, "-o", tmp_path / "r.html", "--resamples", "40")
        assert ran.status == 0, ran.err
    finally:
        RULES.unregister("toycut")
        PROPOSAL_RULES.unregister("toylist")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "pairs of image and class: those of a toy." in page
    assert "was at least 0.660, a toy threshold" in page


def test_a_file_that_changes_during_a_run_leaves_stale_what_was_made_of_it(
    study_folder: Path,
) -> None:
    """Labels are read once a run, so that their hash must be that of what was read."""
    study = open_study(study_folder)
    (study_folder / "stages.json").unlink()
    path = study.path(study.labels)

    def edit(step: str, *, done: int | None = None, total: int | None = None) -> None:
        del done, total
        if step == "posterior":
            path.write_text(path.read_text().replace(",c0\n", ",c1\n"))

    assert {"proposals", "labels"} <= {name for name, _ in run_study(study, progress=edit)}
    states = {one.stage: (one.state, one.changed) for one in stage_status(study)}
    assert states["proposals"] == ("stale", ("labels",))
    assert states["labels"] == ("stale", ("labels",))


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"labels": 3}'])
def test_a_record_of_stages_that_is_none_makes_them_stale(study_folder: Path, text: str) -> None:
    (study_folder / "stages.json").write_text(text)
    states = {one.stage: one.state for one in stage_status(open_study(study_folder))}
    assert states == dict.fromkeys(
        ("proposals", "audit", "tasks", "posterior", "labels"), "missing"
    ) | {"votes": "done"}


def test_gold_votes_without_gold_are_refused(study_folder: Path) -> None:
    votes = read_votes(study_folder / "votes.csv")
    with pytest.raises(OptionError, match="gold votes are given, but no gold"):
        make_posterior(votes=votes, gold_votes=votes, options=AggregateOptions())


@pytest.mark.parametrize(
    ("method", "kept_out"), [("dawid-skene", True), ("majority", True), ("calibrated", False)]
)
def test_gold_that_stays_out_of_the_fit_is_named(
    study_folder: Path, method: str, kept_out: bool
) -> None:
    votes, gold = read_votes(study_folder / "votes.csv"), read_gold(study_folder / "gold.csv")
    made = make_posterior(votes=votes, gold=gold, options=AggregateOptions(method=method))
    assert ("gold is not used here, but can judge the labels" in made.summary) == kept_out
