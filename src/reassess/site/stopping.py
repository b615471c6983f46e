"""Adaptive rating of a study: the rule that its own votes teach, and how it is kept up.

While there is no calibration every question gets all its votes. Once `MIN_QUESTIONS` questions
have them, the votes so far are aggregated by the study's own method and threshold, and a
question is settled where no answer still to come could change that decision (`lossless`), or
where its posterior is beyond set bounds (`bounds`). Raters' matrices move as votes come in, so
the rule is made again whenever there are `GROWTH` times the votes; what a later rule no longer
calls settled is asked again. Only with matrices that stay as they are is lossless exact.

With `learned` random seed images come first, in full; then every question is asked once; then the
least sure come first, until a budget (`Settings.budget`) is spent. What is sure is learned from
the votes each time, so that every process of a site has it from the database alone.

Rules are `reassess.aggregation.adaptive`'s, the queue is `reassess.rating`'s: here
their questions are brought together. Letters: Q questions of the store, q assessed, v their votes.
"""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.aggregation import METHODS, AggregateOptions
from reassess.aggregation.adaptive import (
    STOPPING_RULES,
    AnswerWeights,
    RatingSoFar,
    StoppingMethod,
    VotesInOrder,
)
from reassess.errors import OptionError, ReassessError
from reassess.files import read_gold
from reassess.labels import RULES, THRESHOLD, LabelOptions
from reassess.notes import collect_notes
from reassess.pipeline import LABELS, POSTERIOR, make_posterior
from reassess.pipeline.context import CONTEXT_DEPTH, queue_context
from reassess.progress import null_progress
from reassess.rating import (
    QuestionTable,
    Store,
    open_store,
    question_table,
    refresh,
    settings_of,
    study_progress,
    votes,
)
from reassess.records import Assessment, NoStopping, Pairs, Questions, StoppingRule, Votes
from reassess.study.artefacts import StudyArtefacts, StudyModels, gold_file
from reassess.study.inputs import read_study_benchmark
from reassess.study.manifest import Study, open_study

MIN_QUESTIONS = 300
"""Questions that must have all their votes before any rater's matrix is trusted."""

SEED_SHARE = 0.03
"""Share of the images that are rated in full before anything is learned; more in small studies."""

GROWTH = 1.2
"""A rule is made anew once there are so many times the votes of the last one: the matrices of
raters move little with less, and every making reads all votes."""

SECONDS = 300.0
"""Between two looks at the number of votes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StudyRule:
    """A rule of aggregation as the store asks it: numbers of questions become its rows.

    Attributes:
        rule: the rule.
        row: row in the rule's evidence by number in the store; -1 where it has none. What
            has none, such as a question that was added since, is open and most urgent.
    """

    rule: StoppingRule
    row: Int[np.ndarray, "n"]

    @classmethod
    def of_table(
        cls, rule: StoppingRule, asked: QuestionTable, row: Int[np.ndarray, "Q"]
    ) -> "StudyRule":
        """The rule, given the row in its evidence of each question of the store."""
        by_number = np.full(int(asked.question.max(initial=-1)) + 1, -1)
        by_number[asked.question] = row
        return cls(rule, by_number)

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """Which questions are settled, and how urgent each is; see `records.StoppingRule`."""
        row = np.full(len(question), -1)
        numbered = question < len(self.row)
        row[numbered] = self.row[question[numbered]]
        known = row >= 0
        n = len(question)
        assessed = Assessment(np.zeros(n, np.bool_), np.ones(n), np.full(n, 0.5))
        if known.any():
            place = np.cumsum(known) - 1
            given = known[position]
            of_rule = self.rule.assess(
                row[known], place[position[given]], rater[given], answer[given], n_left[known]
            )
            assessed.settled[known], assessed.urgency[known] = of_rule.settled, of_rule.urgency
            assessed.present[known] = of_rule.present
        return assessed


class LiveRule:
    """A rule whose rule can be changed while a server runs; it begins as `NoStopping`."""

    def __init__(self) -> None:
        self.current: StoppingRule = NoStopping()

    def assess(
        self,
        question: Int[np.ndarray, "q"],
        position: Int[np.ndarray, "v"],
        rater: Shaped[np.ndarray, "v"],
        answer: Int[np.ndarray, "v"],
        n_left: Int[np.ndarray, "q"],
    ) -> Assessment:
        """What the present rule says."""
        return self.current.assess(question, position, rater, answer, n_left)


def fit_rule(
    study: Study, store: Store, *, stop: str = "lossless", min_questions: int = MIN_QUESTIONS
) -> StudyRule | None:
    """The rule that the votes so far teach; None while all must be asked in any order.

    All is asked while too few questions have all their votes, where the study's method knows
    no matrices (majority), where its threshold is chosen only after rating, and where the
    aggregation has not converged.

    Args:
        study: the study.
        store: its store.
        stop: name of one of `STOPPING_RULES`.
        min_questions: how many questions must have all their votes first.

    Raises:
        OptionError: there is no such rule.
        DataError: gold or votes are not what they must be.
        StoreError: the database cannot be read.
    """
    return _fit_method(study, store, STOPPING_RULES[stop], min_questions)


def _fit_method(
    study: Study, store: Store, method: StoppingMethod, min_questions: int
) -> StudyRule | None:
    asked = question_table(store)
    given = votes(store) if study_progress(store).n_votes else None
    k = settings_of(store).votes_per_question
    weights = None
    if given is not None and int((given.counts().sum(axis=1) >= k).sum()) >= min_questions:
        weights = _weights(study, given, asked.pairs)
    rule = method.fit(
        RatingSoFar(
            questions=Questions.from_pairs(asked.pairs),
            benchmark=read_study_benchmark(study),
            votes=None if given is None else arrivals(given, asked),
            weights=weights,
            is_seed=seed_questions(asked, min_questions),
            votes_per_question=k,
        )
    )
    if rule is None:
        return None
    return StudyRule.of_table(rule, asked, np.arange(len(asked.question)))


def seed_questions(
    asked: QuestionTable, min_questions: int = MIN_QUESTIONS
) -> Bool[np.ndarray, "Q"]:
    """Which questions are about seed images: drawn once and for all, also as a study grows.

    In every process the same. Half as many again as must have all their votes, or `SEED_SHARE`.
    """
    share = max(SEED_SHARE, 1.5 * min_questions / max(1, int(asked.is_rated.sum())))
    drawn = np.random.default_rng(0).random(len(asked.image_ids))
    is_seed: Bool[np.ndarray, "Q"] = (drawn < share)[asked.image] & asked.is_rated
    return is_seed


def least_budget(asked: QuestionTable, votes_per_question: int) -> float:
    """The share of all votes that the seed needs in full, and all other questions once.

    With less a learned rule has nothing to learn from before its budget is spent.
    """
    n_rated, n_seed = int(asked.is_rated.sum()), int(seed_questions(asked).sum())
    return (n_seed + (n_rated - n_seed) / votes_per_question) / max(1, n_rated)


def check_stop(study: Study, stop: str) -> None:
    """Refuse a rule that would never learn anything.

    Raises:
        OptionError: there is no such rule, or what is decided of a question is not known while
            it is rated.
    """
    method = _aggregate_options(study).method
    knows_raters = method is None or METHODS[method].has_confusion
    if STOPPING_RULES[stop].needs_decision and (not knows_raters or _threshold(study) is None):
        raise OptionError(
            f"{study.folder}: --stop {stop} predicts what all votes would decide, but the method "
            f"is {method!r} and the labels' rule {study.setting('label', 'rule', 'threshold')!r}. "
            "Aggregate with dawid-skene or calibrated, and give a threshold in (0, 1)."
        )


def fit_elsewhere(
    folder: Path, url: str, stop: str, min_questions: int = MIN_QUESTIONS
) -> StudyRule | None:
    """`fit_rule` in a process of its own, so that a server's pages need not wait for it.

    Raises:
        ReassessError: what `fit_rule` raises.
        OptionError: the process died.
    """
    method = STOPPING_RULES[stop]  # passed whole: the other process knows built-in names only
    try:
        with ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_end_with_parent
        ) as process:
            return process.submit(_fit, folder, url, method, min_questions).result()
    except BrokenProcessPool as error:
        raise OptionError(
            f"{folder}: the process that learns when to stop died, possibly out of memory. "
            "Every question is asked as before."
        ) from error


def keep_fitting(
    live: LiveRule,
    store: Store,
    fit: Callable[[], StoppingRule | None],
    *,
    until: threading.Event,
    seconds: float = SECONDS,
    refreshes: bool = True,
) -> None:
    """Make the rule again as votes come in, until told to stop; to be run in a thread.

    Args:
        live: the rule of the store.
        store: the study.
        fit: makes a rule of the votes so far; None leaves the rule as it is.
        until: when to stop.
        seconds: between two looks at the number of votes.
        refreshes: whether to assess every question again; one process of a site suffices.
    """
    n_before = -1
    while True:
        try:
            n_votes = study_progress(store).n_votes
            if n_votes > GROWTH * n_before:
                rule, n_before = fit(), n_votes
                if rule is not None:
                    live.current = rule
                    n_settled = refresh(store) if refreshes else None
                    _log.info("rule of %d votes; %s questions are settled", n_votes, n_settled)
        except ReassessError as error:
            _log.warning("the stopping rule stays as it is: %s", error)
        if until.wait(seconds):
            return


def _end_with_parent() -> None:
    """Let this process end when the server does that it learns for, however that ends."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _fit(folder: Path, url: str, method: StoppingMethod, min_questions: int) -> StudyRule | None:
    with open_store(url, must_exist=True) as store:
        return _fit_method(open_study(folder), store, method, min_questions)


def _threshold(study: Study) -> float | None:
    """The cut that labels will be decided by; None where it is chosen after rating."""
    options: LabelOptions = StudyArtefacts(study).options(LABELS)
    if RULES[options.rule].takes != "threshold":
        return None
    threshold = THRESHOLD if options.threshold is None else options.threshold
    return threshold if 0 < threshold < 1 else None


def _aggregate_options(study: Study) -> AggregateOptions:
    options: AggregateOptions = StudyArtefacts(study).options(POSTERIOR)
    return options


def _weights(study: Study, given: Votes, asked: Pairs) -> AnswerWeights | None:
    """The weights of answers by the study's own aggregation, with the gold that it will use.

    Beside a context every question starts from what models predict of it, as far as gold trusts
    them so far. None where the study knows no matrices, chooses its threshold later, has no gold
    for its context, or has not converged.
    """
    threshold, options = _threshold(study), _aggregate_options(study)
    if threshold is None:
        return None
    if options.method is not None and not METHODS[options.method].has_confusion:
        return None
    benchmark = read_study_benchmark(study)
    path = gold_file(study, POSTERIOR.section)
    gold = None
    if path is not None:
        gold = read_gold(path, classes=benchmark.classes, answers=study.answers)
    if options.context and gold is None:
        return None
    of_votes = replace(options, context=False, context_without=None)
    # Votes that came so far may tell little: only what is released is worth a note.
    with collect_notes():
        made = make_posterior(
            votes=given,
            gold=gold,
            benchmark=benchmark if options.original_rater or not options.context else None,
            options=of_votes,
        )
        posterior = made.record
        if posterior.converged is False or posterior.confusion is None:
            return None
        weights = AnswerWeights.from_posterior(posterior, len(asked), threshold=threshold)
        if not options.context or gold is None:
            return weights
        models = StudyModels(StudyArtefacts(study))
        fit, context = queue_context(
            posterior, models.ranked(CONTEXT_DEPTH, null_progress), benchmark, gold, asked,
            without=options.left_out, min_expert_yes=options.min_expert_yes,
        )  # fmt: skip
    return weights.with_context(fit, context)


def arrivals(given: Votes, asked: QuestionTable) -> VotesInOrder:
    """Row in the table, rater and answer of each vote, in the order in which they came."""
    row = given.questions.require_pairs("votes").positions_in(asked.pairs, source="votes")
    came = np.arange(len(given)) if given.given_at is None else given.given_at
    order = np.argsort(came, kind="stable")
    rater = given.rater_ids[given.rater[order]]
    return row[given.question[order]], rater, given.answer[order].astype(np.int64)
