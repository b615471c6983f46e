"""Adaptive rating of a study: the rule that its own votes teach, and how it is kept up.

While there is no calibration every question gets all its votes. Once `MIN_QUESTIONS` questions
have them, the votes so far are aggregated by the study's own method and threshold, and a
question is settled where no answer still to come could change that decision (`lossless`), or
where its posterior is beyond `BOUNDS` (`bounds`). Raters' matrices move as votes come in, so
the rule is made anew whenever there are `GROWTH` times the votes; what a later rule no longer
calls settled is asked again. Only with matrices that stay as they are is lossless exact.

Rules are `reassess.aggregation.adaptive`'s, the queue is `reassess.rating`'s: here their
questions are brought together. Letters: Q questions of the store, q assessed, v their votes.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, Shaped

from reassess.aggregation.adaptive import Bounds, Evidence, Lossless
from reassess.errors import OptionError, ReassessError
from reassess.files import read_gold
from reassess.pipeline import aggregate
from reassess.rating import (
    AskAll,
    QuestionTable,
    Store,
    open_store,
    progress,
    question_table,
    refresh,
    settings_of,
    votes,
)
from reassess.records import Assessment, StoppingRule, Votes
from reassess.study.inputs import benchmark_of
from reassess.study.labelling import THRESHOLD
from reassess.study.manifest import Study, open_study
from reassess.study.stages import gold_file

Stop = Literal["lossless", "bounds"]

MIN_QUESTIONS = 300
"""Questions that must have all their votes before anybody's matrix is trusted."""

BOUNDS = (0.02, 0.98)
GROWTH = 1.2
SECONDS = 300.0

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
        said = Assessment(np.zeros(n, np.bool_), np.ones(n), np.full(n, 0.5))
        if known.any():
            place = np.cumsum(known) - 1
            given = known[position]
            of_rule = self.rule.assess(
                row[known], place[position[given]], rater[given], answer[given], n_left[known]
            )
            said.settled[known], said.urgency[known] = of_rule.settled, of_rule.urgency
            said.present[known] = of_rule.present
        return said


class LiveRule:
    """A rule whose rule can be changed while a server runs; it begins as `AskAll`."""

    def __init__(self) -> None:
        self.current: StoppingRule = AskAll()

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
    study: Study, store: Store, *, stop: Stop = "lossless", min_questions: int = MIN_QUESTIONS
) -> StudyRule | None:
    """The rule that the votes so far teach; None while all must be asked.

    All is asked while too few questions have all their votes, where the study's method knows
    no matrices (majority), where its threshold is chosen only after rating, and where the
    aggregation has not converged.

    Args:
        study: the study.
        store: its store.
        stop: which rule.
        min_questions: how many questions must have all their votes first.

    Raises:
        DataError: gold or votes are not what they must be.
        StoreError: the database cannot be read.
    """
    threshold = _threshold(study)
    method: Any = study.setting("aggregate", "method", "dawid-skene")
    asked = question_table(store)
    if threshold is None or method == "majority" or progress(store).n_votes == 0:
        return None
    given = votes(store)
    k = settings_of(store).votes_per_question
    if int((given.counts().sum(axis=1) >= k).sum()) < min_questions:
        return None
    evidence = _evidence(study, given, len(asked.question), method, threshold)
    if evidence is None:
        return None
    rule = Lossless(evidence) if stop == "lossless" else Bounds(evidence, *BOUNDS)
    return StudyRule.of_table(rule, asked, np.arange(len(asked.question)))


def fit_elsewhere(
    folder: Path, url: str, stop: Stop, min_questions: int = MIN_QUESTIONS
) -> StudyRule | None:
    """`fit_rule` in a process of its own, so that a server's pages need not wait for it.

    Raises:
        ReassessError: what `fit_rule` raises.
        OptionError: the process died.
    """
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            return process.submit(_fit, folder, url, stop, min_questions).result()
    except BrokenProcessPool as error:
        raise OptionError(
            f"{folder}: the process that learns when to stop died, perhaps for want of memory. "
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
    """Make the rule anew as votes come in, until told to stop; to be run in a thread.

    Args:
        live: the rule of the store.
        store: the study.
        fit: makes a rule of the votes so far; None leaves the rule as it is.
        until: when to stop.
        seconds: between two looks at the number of votes.
        refreshes: whether to assess every question anew; one process of a site suffices.
    """
    n_before = 0
    while True:
        try:
            n_votes = progress(store).n_votes
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


def _fit(folder: Path, url: str, stop: Stop, min_questions: int) -> StudyRule | None:
    with open_store(url) as store:
        return fit_rule(open_study(folder), store, stop=stop, min_questions=min_questions)


def _threshold(study: Study) -> float | None:
    """The cut that labels will be decided by; None where it is chosen after rating."""
    if study.setting("label", "rule", "threshold") != "threshold":
        return None
    threshold = float(study.setting("label", "threshold", THRESHOLD))
    return threshold if 0 < threshold < 1 else None


def _evidence(
    study: Study, given: Votes, n_questions: int, method: Any, threshold: float
) -> Evidence | None:
    """The evidence of the study's own aggregation, with the gold that it will use."""
    path = gold_file(study, "aggregate")
    gold = None if path is None else read_gold(path, classes=benchmark_of(study).classes)
    posterior = aggregate(given, gold, method)
    if posterior.converged is False:
        return None
    return Evidence.from_posterior(posterior, n_questions, threshold=threshold)
