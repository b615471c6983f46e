"""The first stages of a study: which pairs to ask about, and on which screens.

By the paper's rule, of all models or of the subset that gold questions speak for, or by
learned probability. What has been answered stays as it is: a model, images or classes that
come later only add questions. An image that nobody has answered anything about is split
into tasks afresh.

Letters: N images, M models, P proposals, Q questions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reassess.aggregation import dawid_skene
from reassess.engines import LocalEngine
from reassess.errors import DataError, OptionError
from reassess.files import read_gold, read_votes
from reassess.files.proposals import read_tasks, write_proposals, write_tasks, write_unrated
from reassess.proposals import (
    NOT_LISTED,
    LearnedProposals,
    ModelChoice,
    Unseen,
    choose_models,
    gather_evidence,
    image_of_rows,
    learn_proposals,
    of_models,
    propose,
    questions_of,
    split_into_tasks,
    unseen_labels,
    what_is_lost,
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
    align,
    check_class_order,
)
from reassess.study.inputs import CACHE, Hashes, benchmark_of, hierarchy_of, open_model, rank_model
from reassess.study.manifest import Study
from reassess.study.resuming import ResumingScans
from reassess.study.stages import FILES, gold_file, inputs_of, record_stage, votes_file

TOP = 150_000
"""Pairs of each list: the paper's number, three an image of its 50,000."""

PER_TASK = 8
RECALL = 0.97
"""Of what the models name, where nobody says how much the learned rule shall find."""

DEPTH = 5
"""Ranked classes of each model that the learned rule looks at."""

UNRATED = "unrated.csv"

OnStep = Callable[[str], None]
"""Called with a line when a step begins or moves on."""


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
    unseen: Unseen | None
    lost: dict[str, str]
    n_resumed: int


def propose_study(
    study: Study, *, workers: int | None = None, on_step: OnStep | None = None
) -> Proposed:
    """What the study's settings propose, from its files; nothing is written but finished shards.

    Raises:
        OptionError: the study has no model, or options contradict each other.
        DataError: an input is not what it must be.
        FileError: a file is missing or malformed.
    """
    say = on_step or _silent
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
        learned = _learn(study, benchmark, gold, votes, say)
        proposals, recall = _by_probability(study, learned)
        unseen = _unseen_of(learned)
    else:
        proposals, lost, n_resumed = _by_the_paper(study, benchmark, workers, say)
        if study.setting("propose", "recall") is not None:
            choice = _choose(study, proposals, gold, say)
            proposals = of_models(proposals, choice.chosen.models)
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
    with LocalEngine(workers) as engine:
        scans = ResumingScans(engine, study.folder / CACHE / "scans", sources)
        top = study.setting("propose", "top", TOP)
        proposals = propose(
            predictions, benchmark, top=top, engine=scans, on_model=lambda name: say(f"read {name}")
        )
    scans.forget_others()
    lost = {one.model: text for one in predictions if (text := what_is_lost(one)) is not None}
    return proposals, lost, scans.n_resumed


def _choose(study: Study, proposals: Proposals, gold: Gold | None, say: OnStep) -> ModelChoice:
    """The subset of models that gold questions speak for."""
    if gold is None:
        raise OptionError("--recall with the paper's rule needs gold questions (--gold FILE).")
    place = _places(proposals.pairs, _aligned(gold.questions, proposals.pairs.image_ids, "gold"))
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
        on_progress=say,
    )


def _learn(
    study: Study, benchmark: Benchmark, gold: Gold | None, votes: Votes | None, say: OnStep
) -> LearnedProposals:
    """P(valid) of the pairs that the models rank, from votes where there are any, and gold."""
    known, valid = _truth(benchmark, gold, votes)
    ranked = []
    for entry in study.models:
        say(f"reading {entry.name}")
        one = rank_model(study, entry, benchmark, depth=DEPTH)
        image_of_rows(one, benchmark)
        check_class_order(one.top, benchmark, f"predictions {one.model!r}")
        ranked.append(one)
    say("counting who says what")
    evidence = gather_evidence(ranked, benchmark, depth=DEPTH)
    return learn_proposals(
        evidence,
        known,
        valid,
        on_fold=lambda done, n_folds: say(f"learned fold {done} of {n_folds}"),
    )


def _truth(benchmark: Benchmark, gold: Gold | None, votes: Votes | None) -> tuple[Pairs, Any]:
    """The pairs that something is known about, and P(valid) of each; gold wins over votes."""
    if gold is None and votes is None:
        raise OptionError(
            "--rule learned needs something to learn from: gold questions (--gold FILE) or the "
            "study's votes (votes.csv). Begin with --rule paper."
        )
    n_classes = 1 + max(
        int(p.label.max()) for one in (gold, votes) if one is not None
        for p in (_aligned(one.questions, benchmark.image_ids, "questions"),)
    )  # fmt: skip
    found: dict[int, float] = {}
    if votes is not None:
        pairs = _aligned(votes.questions, benchmark.image_ids, "votes")
        posterior = dawid_skene(votes)
        key = pairs.image * n_classes + pairs.label
        found |= dict(zip(key.tolist(), posterior.present.tolist(), strict=True))
    if gold is not None:
        pairs = _aligned(gold.questions, benchmark.image_ids, "gold")
        key = pairs.image * n_classes + pairs.label
        found |= dict(zip(key.tolist(), gold.share_of_yes().tolist(), strict=True))
    keys = np.array(sorted(found))
    valid = np.array([found[key] for key in keys.tolist()])
    return Pairs(benchmark.image_ids, keys // n_classes, keys % n_classes), valid


def _by_probability(study: Study, learned: LearnedProposals) -> tuple[Proposals, float | None]:
    """The proposals at the wanted recall or within the budget, and their expected recall."""
    budget, recall = study.setting("propose", "budget"), study.setting("propose", "recall")
    if budget is None and recall is None:
        recall = RECALL * learned.pool_recall
    proposals = learned.propose(recall=None if recall is None else float(recall), budget=budget)
    return proposals, learned.expected_recall(proposals)


def _unseen_of(learned: LearnedProposals) -> Unseen | None:
    """How many valid labels no model lists, at least; None where the models are too few to tell."""
    listed = learned.evidence.rank != NOT_LISTED
    for method in ("power-law", "chao2"):
        try:
            return unseen_labels(listed, learned.probability, method=method)
        except (DataError, OptionError):
            continue
    return None


def _gold_of(study: Study, benchmark: Benchmark) -> Gold | None:
    path = gold_file(study, "propose")
    return None if path is None else read_gold(path, classes=benchmark.classes)


def _votes_of(study: Study, benchmark: Benchmark) -> Votes | None:
    path = votes_file(study)
    return None if path is None else read_votes(path, classes=benchmark.classes)


def _aligned(questions: Questions, image_ids: Any, what: str) -> Pairs:
    """The pairs of questions, their images as rows of ``image_ids``."""
    pairs = questions.pairs
    if pairs is None:
        raise DataError(
            f"{what}: the questions name no image and class, but must. Write columns image,label."
        )
    row = align(pairs.image_ids, image_ids, source=what, target_name="the study")
    return Pairs(image_ids, row[pairs.image], pairs.label)


def _places(pairs: Pairs, wanted: Pairs) -> Int[np.ndarray, "Q"]:
    """Where each wanted pair stands among pairs about the same images; -1 where it does not."""
    n_classes = 1 + max(int(pairs.label.max(initial=0)), int(wanted.label.max(initial=0)))
    key = pairs.image.astype(np.int64) * n_classes + pairs.label
    if len(key) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(key)
    asked = wanted.image.astype(np.int64) * n_classes + wanted.label
    at = np.minimum(np.searchsorted(key[order], asked), len(key) - 1)
    found: Int[np.ndarray, "Q"] = np.where(key[order][at] == asked, order[at], -1)
    return found


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
    wanted = _aligned(questions_of(proposals), benchmark.image_ids, "questions")
    old, old_task = _earlier(study.folder / FILES["tasks"], benchmark)
    nothing = Pairs(benchmark.image_ids, *np.empty((2, 0), np.int64))
    asked = nothing if votes is None else _aligned(votes.questions, benchmark.image_ids, "votes")
    touched = np.zeros(len(benchmark.image_ids), dtype=bool)
    touched[asked.image] = True
    still = _is_among(old, asked) | _is_among(old, wanted)
    kept = touched[old.image] & still
    elsewhere = _is_among(wanted, asked) & ~_is_among(wanted, old)
    fresh = ~elsewhere & (~touched[wanted.image] | ~_is_among(wanted, old))
    _, number = np.unique(old_task[kept], return_inverse=True)
    parts, numbers = [_some(old, kept)], [number]
    for chosen in (elsewhere, fresh):
        part = _some(wanted, chosen)
        split = split_into_tasks(
            Questions.from_pairs(part),
            per_task=study.setting("propose", "per_task", PER_TASK),
            hierarchy=hierarchy,
        )
        n_before = 1 + max(int(one.max(initial=-1)) for one in numbers)
        numbers.append(split.task + n_before)
        parts.append(part)
    pairs = Pairs(
        benchmark.image_ids,
        np.concatenate([part.image for part in parts]),
        np.concatenate([part.label for part in parts]),
    )
    tasks = Tasks(Questions.from_pairs(pairs), np.concatenate(numbers))
    answered = _is_among(pairs, asked)
    return tasks, ~answered & ~_is_among(pairs, old), answered


def _some(pairs: Pairs, chosen: Bool[np.ndarray, "Q"]) -> Pairs:
    return Pairs(pairs.image_ids, pairs.image[chosen], pairs.label[chosen])


def _is_among(pairs: Pairs, others: Pairs) -> Bool[np.ndarray, "Q"]:
    """Whether each pair is one of others about the same images."""
    found: Bool[np.ndarray, "Q"] = _places(others, pairs) >= 0
    return found


def _earlier(path: Path, benchmark: Benchmark) -> tuple[Pairs, Int[np.ndarray, "Q"]]:
    """The questions that the study had before, and the task of each; none at first."""
    if not path.is_file():
        return Pairs(benchmark.image_ids, *np.empty((2, 0), np.int64)), np.empty(0, np.int64)
    before = read_tasks(path)
    return _aligned(before.questions, benchmark.image_ids, str(path)), before.task
