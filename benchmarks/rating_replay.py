"""How many votes the live queue saves: the published votes, played through the rating store.

Askers come in random order, fetch a task (`next_task`) and hand it in (`submit`), as people
do. To each question on it an asker says the question's next published vote, in an order drawn at
random beforehand, so that no vote is looked at before the queue asked for it. The store sees the
askers, distinct for each question; the rule and the learning are told whose vote it was. The gold
round of 88,530 votes, which the raters' confusion comes from, is apart; every other vote counts,
those on seed images included. The target is the published decision (score at least 0.8).

    python benchmarks/rating_replay.py [--modes MODE ...] [--every N] [--folder DIR]

Modes: ``lossless-given`` (the raters of a question are known), ``lossless`` (anybody may be next),
``learned`` (a seed, then the least sure first, within a budget).
"""

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from adaptive_replay import Study
from measure import describe_machine

from reassess.aggregation.adaptive import Lossless, SeedFirst, learned_rule, question_features
from reassess.rating import (
    Answer,
    NoStopping,
    Settings,
    Store,
    Submission,
    TaskLease,
    accept_invitation,
    add_questions,
    audit,
    change_settings,
    invite,
    next_task,
    open_store,
    question_table,
    refresh,
    settings_of,
    study_progress,
    submit,
    votes,
)
from reassess.records import ANSWERS, Assessment, Pairs, Questions, StoppingRule, Votes
from reassess.site.stopping import (
    GROWTH,
    LiveRule,
    StudyRule,
    arrivals,
    seed_questions,
)

SETTINGS = Settings(gold_rate=0, repeat_rate=0, n_practice=0, n_qualification=0)
BUDGETS = (0.35, 0.4, 0.45)
N_ASKERS = 50
FIRST_LOOK = 0.01
"""Share of all votes at which the seed is looked at first; a server looks every few minutes."""


def part_of(study: Study, every: int) -> Study:
    """The study of every n-th image."""
    votes = study.votes
    pairs = votes.questions.pairs
    chosen = pairs.image % every == 0
    image_ids, image = np.unique(pairs.image_ids[pairs.image[chosen]], return_inverse=True)
    questions = Questions.from_pairs(Pairs(image_ids, image, pairs.label[chosen]))
    cast, row = chosen[votes.question], np.cumsum(chosen) - 1
    used, rater = np.unique(votes.rater[cast], return_inverse=True)
    study.votes = Votes(
        questions, votes.rater_ids[used], ANSWERS, row[votes.question[cast]], rater,
        votes.answer[cast],
    )  # fmt: skip
    study.evidence = replace(study.evidence, start=study.evidence.start[chosen])
    study.given = replace(study.given, start=study.given.start[chosen],
                          assigned=study.given.assigned[chosen])  # fmt: skip
    study.target = study.target[chosen]
    study.known = question_features(questions, study.benchmark)
    return study


class Told:
    """A rule that is told whose published vote it was that an asker handed in."""

    def __init__(self, rule: StoppingRule, said_by: np.ndarray, rater_ids: np.ndarray) -> None:
        self.rule, self.said_by, self.rater_ids = rule, said_by, rater_ids

    def assess(self, question, position, rater, answer, n_left) -> Assessment:
        """What the rule says, given rows of the study."""
        names = self.name(question[position], rater)
        return self.rule.assess(question, position, names, answer, n_left)

    def name(self, question, rater) -> np.ndarray:
        """The published rater of each vote."""
        asker = np.array([int(one[-3:]) for one in rater.tolist()], np.int64)
        return self.rater_ids[self.said_by[question, asker]]


@dataclass
class Replay:
    """A store that is being rated with the published votes."""

    study: Study
    store: Store
    live: LiveRule
    rng: np.random.Generator

    def __post_init__(self) -> None:
        every = self.study.votes
        add_questions(self.store, every.questions)
        self.asked = question_table(self.store)
        ids = self.asked.pairs.ids()
        by_id = {one: i for i, one in enumerate(every.questions.ids.tolist())}
        self.row = np.array([by_id[one] for one in ids.tolist()])
        self.row_of = dict(zip(self.asked.question.tolist(), self.row.tolist(), strict=True))
        order = np.lexsort((self.rng.random(len(every)), every.question))
        self.rater = every.rater[order].reshape(-1, 5)
        self.answer = every.answer[order].reshape(-1, 5)
        self.n_votes = np.zeros(len(self.row), np.int64)
        self.said_by = np.full((len(self.row), N_ASKERS), -1, np.int16)
        self.n_screens = 0
        names = [f"asker-{i:03}" for i in range(N_ASKERS)]
        self.askers = [accept_invitation(self.store, invite(self.store, one)).number
                       for one in names]  # fmt: skip

    @property
    def share(self) -> float:
        """Votes handed in, of all."""
        return float(self.n_votes.sum() / len(self.study.votes))

    def use(self, rule: StoppingRule) -> None:
        """Let the store ask another rule."""
        told = Told(rule, self.said_by, self.study.votes.rater_ids)
        self.live.current = StudyRule.of_table(told, self.asked, self.row)
        refresh(self.store)

    def play(self) -> Iterator[None]:
        """Askers come until nobody is given a task; stops after every task."""
        waiting = list(range(N_ASKERS))
        while waiting:
            asker = waiting[int(self.rng.integers(len(waiting)))]
            task = next_task(self.store, self.askers[asker])
            if not isinstance(task, TaskLease):
                waiting.remove(asker)
                continue
            answers = []
            for one in task.questions:
                row = self.row_of[one.question]
                n = self.n_votes[row]
                self.said_by[row, asker] = self.rater[row, n]
                answers.append(Answer(one.question, int(self.answer[row, n])))
                self.n_votes[row] += 1
            receipt = submit(
                self.store, self.askers[asker],
                Submission(task.lease, str(task.lease), tuple(answers)),
            )  # fmt: skip
            assert set(receipt.status.values()) == {"stored"}
            self.n_screens += 1
            yield

    def learn(self, is_seed: np.ndarray) -> StoppingRule:
        """The rule that the votes in the store teach, as a server would make it."""
        question, asker, answer = arrivals(votes(self.store), self.asked)
        row = self.row[question]
        rater = Told(NoStopping(), self.said_by, self.study.votes.rater_ids).name(row, asker)
        return learned_rule(self.study.evidence, self.study.known, (row, rater, answer), is_seed, 5)

    def decided(self, rule: StoppingRule) -> tuple[np.ndarray, np.ndarray]:
        """The decision of the rule on each question, and that of the votes alone."""
        position = np.repeat(np.arange(len(self.row)), self.n_votes)
        nth = np.arange(len(position)) - np.repeat(
            np.cumsum(self.n_votes) - self.n_votes, self.n_votes
        )
        raters = self.study.votes.rater_ids[self.rater[position, nth]]
        answer = self.answer[position, nth]
        every = np.arange(len(self.row))
        said = rule.assess(every, position, raters, answer, 5 - self.n_votes)
        evidence = self.study.evidence
        log_odds = evidence.log_odds(every, position, evidence.rows(raters), answer)
        return said.present >= 0.5, log_odds >= evidence.cut

    def report(self, mode: str, rule: StoppingRule, start: float) -> None:
        """Print a row of the table."""
        present, by_votes = self.decided(rule)
        wrong = present != self.study.target
        image = self.study.votes.questions.pairs.image
        n_votes, n = int(self.n_votes.sum()), len(self.study.votes)
        agree = 1 - wrong.mean()
        print(
            f"| {mode} | {n_votes:,} of {n:,} ({n_votes / n:.2%}) | {agree:.3%} | "
            f"{(np.bincount(image, weights=wrong) == 0).mean():.1%} | "
            f"{(by_votes == self.study.target).mean():.3%} | {(self.n_votes == 0).mean():.1%} | "
            f"{self.n_screens:,} | {time.perf_counter() - start:.0f} s |",
            flush=True,
        )


def replay(study: Study, mode: str, url: str, seed: int) -> None:
    """Play one mode through and print its rows."""
    live = LiveRule()
    ticks = iter(range(2_000_000_000_000, 3_000_000_000_000))
    with open_store(
        url,
        settings=SETTINGS,
        rule=live,
        clock=lambda: next(ticks) / 1000,
        secret=f"replay {seed}",
    ) as store:
        change_settings(store, replace(settings_of(store), lease_seconds=30 * 86_400))
        start = time.perf_counter()
        this = Replay(study, store, live, np.random.default_rng(seed))
        rule: StoppingRule = Lossless(study.given if mode == "lossless-given" else study.evidence)
        marks: list[float] = []
        is_seed = seed_questions(this.asked)[np.argsort(this.row)]
        if mode == "learned":
            marks = list(BUDGETS)
            budget = round(BUDGETS[-1] * len(study.votes))
            change_settings(store, replace(settings_of(store), budget=budget))
            rule = SeedFirst(rule, is_seed)
        this.use(rule)
        look_at = round(FIRST_LOOK * len(study.votes))
        for _ in this.play():
            n_votes = int(this.n_votes.sum())
            if mode == "learned" and n_votes >= look_at:
                look_at, found = math.ceil(GROWTH * n_votes), this.learn(is_seed)
                print(f"{n_votes:,} votes: {type(found).__name__}", file=sys.stderr)
                if not isinstance(found, SeedFirst):
                    rule = found
                    this.use(rule)
            if len(marks) > 1 and this.share >= marks[0]:
                this.report(f"{mode}, {marks.pop(0):.0%}", rule, start)
        this.report(mode, rule, start)
        problems = audit(store)
        assert not problems, problems
        assert study_progress(store).n_votes == this.n_votes.sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    modes = ("lossless-given", "lossless", "learned")
    parser.add_argument("--modes", nargs="+", choices=modes, default=modes)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every n-th image")
    parser.add_argument("--folder", help="where the database is written")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(describe_machine())
    study = Study(with_models=False)
    if options.every > 1:
        study = part_of(study, options.every)
    print(f"{len(study.target):,} questions, {N_ASKERS} askers")
    print("| mode | votes | agree | images exact | by votes alone | never asked | screens | time |")
    print("|---|---|---|---|---|---|---|---|")
    for mode in options.modes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            replay(study, mode, f"sqlite:///{Path(folder) / 'rating.db'}", options.seed)


if __name__ == "__main__":
    main()
