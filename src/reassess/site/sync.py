"""A study's questions and gold into its store, as often as they change.

The store asks what `tasks.parquet` holds, with the experts' answers of the study's gold file as
hidden gold. Gold about images that are not rated becomes the practice round. What is there
already, votes above all, is left alone.

Letters: Q questions.
"""

import json
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from reassess.errors import DataError, OptionError
from reassess.files import read_gold
from reassess.files.artefacts import read_tasks
from reassess.rating import (
    QuestionTable,
    Store,
    Use,
    add_questions,
    gold,
    images_in_use,
    import_gold,
    keep_classes,
    mark_practice,
    practice_of_gold,
    question_table,
    set_use,
    withdraw_images,
    withdrawn_images,
)
from reassess.records import Benchmark, Gold, Pairs, Questions, Tasks, Votes, align
from reassess.site.kept import KEPT
from reassess.site.transfer import is_export
from reassess.study import FILES, Study, read_study_benchmark
from reassess.study.artefacts import gold_file
from reassess.study.auditing import release_judged
from reassess.study.withdrawn import read_withdrawn, write_withdrawn

_PRACTICE = "practice.json"
"""What version 0.1.0 noted beside the database."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a study's store holds after questions and gold were loaded, and what was new.

    Attributes:
        benchmark: the study's images, original labels and classes.
        asked: the questions that the store knows.
        n_new: questions that were added.
        n_gold: gold questions among those that raters are asked, or practise on.
        n_practice: images of the practice round.
        n_unasked_gold: gold questions about rated images that are not asked: they are left out.
        n_not_proposed: questions of the store that are not proposed any more; still asked.
    """

    benchmark: Benchmark
    asked: QuestionTable
    n_new: int
    n_gold: int
    n_practice: int
    n_unasked_gold: int
    n_not_proposed: int


def sync(study: Study, store: Store, *, answered: frozenset[str] = frozenset()) -> SyncResult:
    """What the store holds after the study's questions and gold were put into it.

    Votes, and questions that are there already, stay as they are.

    Args:
        study: the study.
        store: its store.
        answered: images whose votes are about to be imported. An audit keeps them, although
            experts have judged them.

    Raises:
        OptionError: the study has no tasks yet.
        FileError: a file is missing or malformed.
        DataError: tasks or gold are not what they must be, classes have other numbers than those
            of the questions in the store, or all images of the store are another study's.
        RaterError: an expert has the name of a rater.
        StoreError: the database cannot be read or written.
    """
    path = study.folder / FILES["tasks"]
    if not path.is_file():
        raise OptionError(
            f"{study.folder}: there are no tasks ({path.name} is missing), but raters need some. "
            f"Make them: reassess propose {study.folder}"
        )
    benchmark = read_study_benchmark(study)
    experts = _gold_of(study, benchmark)
    if experts is not None:
        judged = frozenset(_gold_pairs(experts).image_ids.tolist())
        release_judged(study, judged - answered - images_in_use(store, judged, "rating"))
    tasks = read_tasks(path, classes=benchmark.classes)
    _check_is_of(study, store, benchmark)
    if benchmark.classes is not None:
        keep_classes(store, benchmark.classes.ids)
    withdrawn = frozenset(withdrawn_images(store)) | frozenset(read_withdrawn(study))
    n_new = _add_new(store, tasks)
    images_asked = frozenset(tasks.pairs.image_ids.tolist())
    practice = _practise(study, store, experts, images_asked, withdrawn)
    _keep_withdrawn(study, store, withdrawn)
    asked = question_table(store)
    there = None if experts is None else _gold_pairs(experts).is_in(asked.pairs)
    if experts is not None and there is not None:
        _import_new(store, experts, there, is_ours=_is_ours(study, store))
    is_wanted = asked.pairs.is_in(tasks.pairs)
    is_practice = np.isin(asked.image_ids, list(practice))[asked.image]
    return SyncResult(
        benchmark=benchmark,
        asked=asked,
        n_new=n_new,
        n_gold=0 if there is None else int(there.sum()),
        n_practice=len(practice),
        n_unasked_gold=0 if there is None else int((~there).sum()),
        n_not_proposed=int((~is_wanted & ~is_practice).sum()),
    )


def _check_is_of(study: Study, store: Store, benchmark: Benchmark) -> None:
    """Refuse a store whose images are all another study's: votes of the two would be mixed.

    Raises:
        DataError: none of its images is in the study.
    """
    held = question_table(store).image_ids
    if len(held) and not np.isin(held, benchmark.image_ids).any():
        raise DataError(
            f"{study.folder}: the database holds {len(held):,} images, such as {held[0]}, but must "
            "hold some of the study's; none of them is in it. It is another study's: name this "
            "study's own (--database, or [site] database in study.toml)."
        )


def _gold_of(study: Study, benchmark: Benchmark) -> Gold | None:
    """The study's gold, its images named as the benchmark names them."""
    path = gold_file(study, "aggregate")
    if path is None:
        return None
    votes = read_gold(path, classes=benchmark.classes, answers=study.answers).votes
    pairs = votes.questions.require_pairs(str(path))
    row = align(pairs.image_ids, benchmark.image_ids, source=str(path), target_name="the study")
    named = Pairs(benchmark.image_ids[row], pairs.image, pairs.label)
    return Gold(replace(votes, questions=Questions.from_pairs(named)))


def _gold_pairs(experts: Gold) -> Pairs:
    return experts.questions.require_pairs("gold")


def _add_new(store: Store, tasks: Tasks) -> int:
    """Add the questions that the store has not; those of one task stay in one task."""
    pairs = tasks.pairs
    new = ~pairs.is_in(question_table(store).pairs)
    if not new.any():
        return 0
    _, task = np.unique(tasks.task[new], return_inverse=True)
    return add_questions(store, Tasks(Questions.from_pairs(pairs.take(new)), task))


def _practise(
    study: Study,
    store: Store,
    experts: Gold | None,
    images_asked: frozenset[str],
    withdrawn: frozenset[str],
) -> frozenset[str]:
    """The images of the practice round: those with gold that nobody is asked about."""
    before = _practised(study, store)
    now: frozenset[str] = frozenset()
    n_new = 0
    if experts is not None:
        pairs = _gold_pairs(experts)
        free = ~np.isin(pairs.image_ids, list(images_asked))[pairs.image]
        if free.any():
            apart = pairs.take(free)
            n_new = add_questions(store, Questions.from_pairs(apart))
            now = frozenset(pairs.image_ids[np.unique(apart.image)].tolist())
    made = now if n_new else now - before
    uses: tuple[tuple[frozenset[str], Use], ...] = (
        (before & images_asked, "rating"), (made, "practice"),
    )  # fmt: skip
    for changed, use in uses:
        if changed - withdrawn:
            set_use(store, sorted(changed - withdrawn), use)
    practice = now | (before - images_asked)
    if practice != before:
        mark_practice(store, practice)
    return practice


def _keep_withdrawn(study: Study, store: Store, withdrawn: frozenset[str]) -> None:
    """Withdraw what the study lists from this store too, and list what the store withdrew."""
    uses: tuple[Use, ...] = ("rating", "practice")
    asked = frozenset[str]().union(*(images_in_use(store, withdrawn, use) for use in uses))
    if asked:
        withdraw_images(store, sorted(asked), reason="the study lists them as withdrawn")
    if withdrawn - set(read_withdrawn(study)):
        write_withdrawn(study, withdrawn)


def _practised(study: Study, store: Store) -> frozenset[str]:
    """The images that an earlier loading made practice in this store.

    Version 0.1.0 noted them beside the database, where the note outlived it: of those it holds
    for this store what is practice here.
    """
    noted = practice_of_gold(store)
    path = study.folder / KEPT / _PRACTICE
    try:
        beside = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return noted
    found = noted | images_in_use(store, [str(one) for one in beside], "practice")
    mark_practice(store, found)
    path.unlink(missing_ok=True)
    return found


def _is_ours(study: Study, store: Store) -> bool:
    """Whether the study's gold file is what an export from this store wrote."""
    path = gold_file(study, "aggregate")
    return path is not None and is_export(study, store, path)


def _import_new(
    store: Store, experts: Gold, asked: Bool[np.ndarray, "Q"], *, is_ours: bool
) -> None:
    """Import the answers to questions that are asked, less those that the store has.

    Where the file came out of a site, what experts have said since holds.
    """
    said = _answers(gold(store, include_withdrawn=True))
    votes = experts.votes
    new = np.array([
        bool(asked[question]) and said.get(key) != answer and not (is_ours and key in said)
        for question, (key, answer) in zip(votes.question.tolist(), _rows(votes), strict=True)
    ])  # fmt: skip
    if not new.any():
        return
    import_gold(store, Gold(votes.take(new)))


def _answers(known: Gold | None) -> dict[tuple[str, str], int]:
    return {} if known is None else dict(_rows(known.votes))


def _rows(votes: Votes) -> list[tuple[tuple[str, str], int]]:
    """(question, expert) and answer of each vote."""
    asked = votes.questions.ids[votes.question].tolist()
    who = votes.rater_ids[votes.rater].tolist()
    return list(zip(zip(asked, who, strict=True), votes.answer.tolist(), strict=True))
