"""The first stages of a study: which pairs to ask about, and on which screens.

By the paper's rule, of all models or of the subset that gold questions speak for, or by
learned probability. What has been answered stays as it is: a model, images or classes that
come later only add questions. An image that nobody has answered anything about is split
into tasks afresh.

Letters: N images, M models, P proposals, Q questions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.engines import ThreadEngine
from reassess.errors import OptionError
from reassess.files import read_gold, read_votes
from reassess.files.proposals import (
    read_tasks,
    write_proposals,
    write_tasks,
    write_unrated,
)
from reassess.proposals import (
    LearnedProposals,
    MissingLabels,
    ModelChoice,
    build_questions,
    choose_models,
    missing_list_reason,
    propose,
    restrict_to_models,
    split_into_tasks,
)
from reassess.records import (
    Benchmark,
    Gold,
    Hierarchy,
    Pairs,
    Proposals,
    Questions,
    Tasks,
    Votes,
)
from reassess.study.inputs import CACHE, Hashes, benchmark_of, hierarchy_of, open_model
from reassess.study.learning import OnStep, by_probability, learned_of, missing_from_learned
from reassess.study.manifest import Study
from reassess.study.resuming import ResumingScans
from reassess.study.stages import (
    FILES,
    gold_file,
    inputs_of,
    record_stage,
    refuse_review,
    votes_file,
)

PER_TASK = 8
UNRATED = "unrated.csv"


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a study's rule proposes, and the screens that it makes.

    Attributes:
        benchmark: the images.
        proposals: the pairs, by image and class.
        tasks: the questions on their screens, answered ones included.
        new: for each question whether it was not in the study before.
        answered: for each question whether it has a vote.
        choice: how the models were chosen; None where all are used.
        learned: the learned probabilities; None by the paper's rule.
        expected_recall: of all valid labels that the models can tell of, the share that is
            proposed: as learned, or on gold questions; None where nothing tells.
        unseen: estimate of the valid labels that no model lists; None where nothing tells.
        lost: what the form of a model's predictions loses, by the model's name.
        n_resumed: shards that were finished before.
    """

    benchmark: Benchmark
    proposals: Proposals
    tasks: Tasks
    new: Bool[np.ndarray, "Q"]
    answered: Bool[np.ndarray, "Q"]
    choice: ModelChoice | None
    learned: LearnedProposals | None
    expected_recall: float | None
    unseen: MissingLabels | None
    lost: dict[str, str]
    n_resumed: int


def propose_study(
    study: Study, *, workers: int | None = None, on_step: OnStep | None = None
) -> Proposed:
    """What the study's settings propose, from its files; nothing is written but finished shards.

    Raises:
        OptionError: the study has no model or is a review of mistakes, or options contradict
            each other.
        DataError: an input is not what it must be.
        FileError: a file is missing or malformed.
    """
    say = on_step or _silent
    refuse_review(study)
    if not study.models:
        raise OptionError(
            f"{study.folder}: there are 0 models, but must be at least one. Add some: reassess add "
            f"{study.folder} NAME=FILE"
        )
    say("reading the benchmark")
    benchmark = benchmark_of(study)
    hierarchy = hierarchy_of(study, benchmark)
    gold = _gold_of(study, benchmark)
    votes = _votes_of(study, benchmark)
    choice, learned, unseen, recall = None, None, None, None
    lost: dict[str, str] = {}
    n_resumed = 0
    if study.setting("propose", "rule", "paper") == "learned":
        learned = learned_of(study, benchmark, gold, votes, say)
        proposals, recall = by_probability(study, learned)
        unseen = missing_from_learned(learned)
    else:
        proposals, lost, n_resumed = _by_the_paper(study, benchmark, workers, say)
        if study.setting("propose", "recall") is not None:
            choice = _choose(study, proposals, gold, say)
            proposals = restrict_to_models(proposals, choice.chosen.models)
            recall = choice.chosen.recall
    say("splitting into tasks")
    tasks, new, answered = _living_tasks(study, benchmark, proposals, votes, hierarchy)
    return Proposed(
        benchmark, proposals, tasks, new, answered, choice, learned, recall, unseen, lost, n_resumed
    )  # fmt: skip


def write_proposed(study: Study, proposed: Proposed) -> None:
    """Write proposals, tasks and the list of unrated images into the study.

    Raises:
        FileError: a file cannot be written.
    """
    hashes = Hashes(study)
    inputs = inputs_of(study, "proposals", hashes)
    write_proposals(proposed.proposals, study.folder / FILES["proposals"], {"inputs": inputs})
    benchmark, rated = proposed.benchmark, proposed.proposals.rated
    assert benchmark.original is not None  # noqa: S101 -- read_benchmark always gives labels
    labels = benchmark.original[~rated].tolist()
    names = benchmark.classes.ids if benchmark.classes is not None else None
    reason = (
        "every model's top prediction is the original label"
        if proposed.learned is None
        else "the original label alone is proposed, and as good as certain"
    )
    write_unrated(
        benchmark.image_ids[~rated],
        [str(label) if names is None else names[label] for label in labels],
        reason,
        study.folder / UNRATED,
    )
    record_stage(study, "proposals", inputs)
    inputs = inputs_of(study, "tasks", hashes)
    write_tasks(proposed.tasks, study.folder / FILES["tasks"], {"inputs": inputs})
    record_stage(study, "tasks", inputs)


def _silent(line: str) -> None:
    """What is called where nobody listens."""


def _by_the_paper(
    study: Study, benchmark: Benchmark, workers: int | None, say: OnStep
) -> tuple[Proposals, dict[str, str], int]:
    """The paper's rule on all models, what their forms lose, and how many shards were there."""
    if study.setting("propose", "budget") is not None:
        raise OptionError("--budget goes with --rule learned, not with paper. Leave it out.")
    predictions = []
    for entry in study.models:
        say(f"opening {entry.name}")
        predictions.append(open_model(study, entry, benchmark))
    hashes = Hashes(study)
    sources = {entry.name: hashes.of_model(entry) for entry in study.models}
    with ThreadEngine(workers) as engine:
        scans = ResumingScans(engine, study.folder / CACHE / "scans", sources)
        proposals = propose(
            predictions,
            benchmark,
            pairs_per_model=study.setting("propose", "pairs_per_model"),
            engine=scans,
            progress=lambda what, **_: say(what),
        )
    scans.forget_others()
    lost = {
        one.model: text for one in predictions if (text := missing_list_reason(one)) is not None
    }
    return proposals, lost, scans.n_resumed


def _choose(study: Study, proposals: Proposals, gold: Gold | None, say: OnStep) -> ModelChoice:
    """The subset of models that gold questions speak for."""
    if gold is None:
        raise OptionError("--recall with the paper's rule needs gold questions (--gold FILE).")
    place = _pairs(gold.questions, proposals.pairs.image_ids, "gold").positions_in(proposals.pairs)
    known = place >= 0
    listed = np.zeros((len(place), len(proposals.models)), dtype=bool)
    listed[known] = proposals.proposed[place[known]]
    always = np.zeros(len(place), dtype=bool)
    top = proposals.original if proposals.top is None else proposals.original | proposals.top
    always[known] = top[place[known]]
    return choose_models(
        listed,
        gold.truth(),
        models=proposals.models,
        recall=float(study.setting("propose", "recall")),
        always=always,
        progress=lambda what, **_: say(what),
    )


def _gold_of(study: Study, benchmark: Benchmark) -> Gold | None:
    path = gold_file(study, "propose")
    return None if path is None else read_gold(path, classes=benchmark.classes)


def _votes_of(study: Study, benchmark: Benchmark) -> Votes | None:
    path = votes_file(study)
    return None if path is None else read_votes(path, classes=benchmark.classes)


def _living_tasks(
    study: Study,
    benchmark: Benchmark,
    proposals: Proposals,
    votes: Votes | None,
    hierarchy: Hierarchy | None,
) -> tuple[Tasks, Bool[np.ndarray, "Q"], Bool[np.ndarray, "Q"]]:
    """The tasks, which of their questions are new, and which are answered.

    Images with an answer keep the tasks that they had, less questions that are neither
    answered nor proposed any more; what is proposed beyond that makes further tasks.
    """
    wanted = _pairs(build_questions(proposals), benchmark.image_ids, "questions")
    old, old_task = _earlier(study.folder / FILES["tasks"], benchmark)
    if votes is None:
        asked = Pairs.empty(benchmark.image_ids)
    else:
        asked = _pairs(votes.questions, benchmark.image_ids, "votes")
    touched = np.zeros(len(benchmark.image_ids), dtype=bool)
    touched[asked.image] = True
    still = old.is_in(asked) | old.is_in(wanted)
    kept = touched[old.image] & still
    elsewhere = wanted.is_in(asked) & ~wanted.is_in(old)
    fresh = ~elsewhere & (~touched[wanted.image] | ~wanted.is_in(old))
    _, number = np.unique(old_task[kept], return_inverse=True)
    parts, numbers = [old.take(kept)], [number]
    for chosen in (elsewhere, fresh):
        part = wanted.take(chosen)
        split = split_into_tasks(
            Questions.from_pairs(part),
            per_task=study.setting("propose", "per_task", PER_TASK),
            hierarchy=hierarchy,
        )
        n_before = 1 + max(int(one.max(initial=-1)) for one in numbers)
        numbers.append(split.task + n_before)
        parts.append(part)
    pairs = Pairs.concatenate(parts)
    tasks = Tasks(Questions.from_pairs(pairs), np.concatenate(numbers))
    answered = pairs.is_in(asked)
    return tasks, ~answered & ~pairs.is_in(old), answered


def _pairs(questions: Questions, image_ids: Shaped[np.ndarray, "N"], source: str) -> Pairs:
    pairs = questions.require_pairs(source)
    return pairs.aligned_to(image_ids, source=source, target_name="the study")


def _earlier(path: Path, benchmark: Benchmark) -> tuple[Pairs, Int[np.ndarray, "Q"]]:
    """The questions that the study had before, and the task of each; none at first."""
    if not path.is_file():
        return Pairs.empty(benchmark.image_ids), np.empty(0, np.int64)
    before = read_tasks(path)
    return _pairs(before.questions, benchmark.image_ids, str(path)), before.task
