"""A study's store: filled again and again, rated adaptively, its votes aggregated; its pictures."""

import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess import rating
from reassess.aggregation import calibrated, original_label_rater
from reassess.aggregation.adaptive import (
    STOPPING_RULES,
    AnswerWeights,
    Lossless,
    OnePassFirst,
    RatingSoFar,
    SeedFirst,
    StoppingMethod,
    vote_budget,
)
from reassess.catalog import Catalog
from reassess.errors import OptionError, ReassessError
from reassess.files import read_labels
from reassess.files.artefacts import read_tasks
from reassess.rating import (
    Answer,
    Settings,
    Store,
    Submission,
    TaskLease,
    accept_invitation,
    invite,
    next_task,
    question_table,
    submit,
)
from reassess.records import ANSWERS, Assessment, Pairs, Questions, StoppingRule, Votes
from reassess.site.stopping import (
    LiveRule,
    StudyRule,
    arrivals,
    check_stop,
    fit_elsewhere,
    fit_rule,
    keep_fitting,
    seed_questions,
)
from reassess.site.store import (
    cookie_secret,
    database_url,
    limit_votes,
    open_rating,
)
from reassess.site.sync import sync
from reassess.site.transfer import export_votes
from reassess.study import (
    Study,
    add_models,
    change_settings,
    open_study,
    propose_study,
    run_study,
)
from reassess.study.images import ImageFolder, example_images
from reassess.web.serve import ServeConfig, serve_study
from tests.rating.play import SEED
from tests.study.small import PRACTICE, K, N, ids_of, is_true, make_study, write_gold

PLAIN = Settings(gold_rate=0.0, repeat_rate=0.0, n_practice=0, n_qualification=0)
Say = Callable[[str, int], int]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make_study(folder)
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Study:
    """A copy of the small study, without a store."""
    shutil.copytree(made, tmp_path / "copy")
    return open_study(tmp_path / "copy" / "s")


@pytest.fixture
def with_luck(study: Study) -> Study:
    """The study with a store whose order of tasks is the same in every run."""
    rating.open_store(database_url(study), secret=SEED).close()
    return study


def person(store: Store, name: str) -> int:
    return accept_invitation(store, invite(store, name)).number


def rate(store: Store, rater: int, say: Say, most: int = 10**9) -> int:
    """Answer tasks until there is none; how many there were."""
    for n in range(most):
        leased = next_task(store, rater)
        if not isinstance(leased, TaskLease):
            return n
        answers = tuple(Answer(q.question, say(leased.image_id, q.label)) for q in leased.questions)
        submit(store, rater, Submission(leased.lease, f"{leased.lease}", answers))
    return most


def mostly_right(seed: int, share: float = 0.92) -> Say:
    rng = np.random.default_rng(seed)

    def say(image_id: str, label: int) -> int:
        right = rng.random() < share
        return 2 if is_true(image_id, label) == right else 0

    return say


def test_filling_again_adds_what_is_new_and_keeps_screens_and_votes(study: Study) -> None:
    with open_rating(study, create=True) as store:
        rating.change_settings(store, PLAIN)
        tasks = read_tasks(study.folder / "tasks.parquet")
        filled = sync(study, store)
        assert (filled.n_new, filled.n_gold, filled.n_practice) == (len(tasks.questions), 0, 0)
        asked = filled.asked
        names = np.strings.add(asked.image_ids[asked.image], ":")
        names = np.strings.add(names, asked.label.astype(str))
        of_store = {name: int(task) for name, task in zip(names, asked.task, strict=True)}
        leased = {of_store[q] for q in tasks.questions.ids.tolist()}
        together = {(of_store[q], t) for q, t in zip(tasks.questions.ids, tasks.task, strict=True)}
        assert len(leased) == len(together) == tasks.n_tasks
        assert rate(store, person(store, "ann"), mostly_right(0), 20) == 20
        before = rating.votes(store)
        assert sync(study, store).n_new == 0

        export_votes(study, store)
        grown = add_models(study, [study.folder.parent / "m3.npz"], scale="logit")
        propose_study(grown)
        more = read_tasks(study.folder / "tasks.parquet")
        filled = sync(grown, store)
        assert filled.n_new == len(np.setdiff1d(more.questions.ids, tasks.questions.ids)) > 0
        gone = np.setdiff1d(tasks.questions.ids, more.questions.ids)
        assert filled.n_not_proposed == len(gone)
        after = rating.votes(store)
        assert after.questions.ids.tolist() == before.questions.ids.tolist()
        assert not rating.audit(store)


def test_gold_is_hidden_among_what_is_asked_and_the_rest_is_practice(study: Study) -> None:
    tasks = read_tasks(study.folder / "tasks.parquet")
    pairs = tasks.pairs
    rated = pairs.image_ids[np.unique(pairs.image)[:10]].tolist()
    write_gold(study, [*rated, PRACTICE])
    study = change_settings(study, "aggregate", {"gold": "gold.csv"})
    asked = set(tasks.questions.ids.tolist())
    n_hidden = sum(f"{i}:{k}" in asked for i in rated for k in range(K))
    with open_rating(study, create=True) as store:
        filled = sync(study, store)
        assert filled.n_practice == 1
        assert filled.n_gold == n_hidden + K
        assert filled.n_unasked_gold == len(rated) * K - n_hidden
        assert filled.n_not_proposed == 0
        known = rating.gold(store)
        assert known is not None
        shown = known.questions.pairs
        assert shown is not None
        right = [
            is_true(str(shown.image_ids[i]), int(k))
            for i, k in zip(shown.image, shown.label, strict=True)
        ]
        assert known.truth().tolist() == right
        n_votes = len(known.votes)
        assert len(known.votes) == 3 * filled.n_gold
        again = sync(study, store)
        assert (again.n_new, again.n_gold) == (0, filled.n_gold)
        known = rating.gold(store)
        assert known is not None
        assert len(known.votes) == n_votes
        with closing(sqlite3.connect(study.folder / "rating.db")) as database:
            kept = database.execute("SELECT count(*) FROM expert_votes").fetchone()[0]
        assert kept == n_votes, "filling again says nothing twice"
        ann = person(store, "ann")
        first = next_task(store, ann)
        assert isinstance(first, TaskLease)
        assert first.is_practice
        assert first.image_id == PRACTICE
        progress = rating.study_progress(store)
        assert progress.n_questions == len(tasks.questions)


def test_tasks_are_needed(study: Study) -> None:
    (study.folder / "tasks.parquet").unlink()
    with (
        open_rating(study, create=True) as store,
        pytest.raises(OptionError, match="reassess propose"),
    ):
        sync(study, store)


def test_votes_per_question_are_the_owners(study: Study) -> None:
    study = change_settings(study, "cost", {"votes_per_question": 3})
    for given, expected in ((None, 3), (4, 4), (None, 4)):
        with open_rating(study, votes_per_question=given, create=True) as store:
            assert rating.settings_of(store).votes_per_question == expected


def test_a_study_is_rated_adaptively_aggregated_and_labelled(with_luck: Study) -> None:
    """Ask all, learn who says what, then only what is open; the labels are those of all votes."""
    study, live = with_luck, LiveRule()
    with open_rating(study, rule=live, create=True) as store:
        rating.change_settings(store, PLAIN)
        filled = sync(study, store)
        people = [person(store, f"rater-{n}") for n in range(7)]
        says = [mostly_right(n) for n in range(7)]
        assert fit_rule(study, store) is None
        while True:
            for who, say in zip(people, says, strict=True):
                rate(store, who, say, 4)
            if (rating.votes(store).counts().sum(axis=1) >= 5).sum() >= 120:
                break
        assert fit_rule(study, store) is None, "too few to trust anybody's matrix"
        rule = fit_rule(study, store, min_questions=120)
        assert rule is not None
        apart = fit_elsewhere(study.folder, database_url(study), "lossless", 120)
        assert apart is not None
        assert apart.row.tolist() == rule.row.tolist()

        told = threading.Event()
        told.set()
        keep_fitting(live, store, lambda: rule, until=told)
        n_settled = rating.refresh(store)
        assert n_settled > 120
        while sum(rate(store, who, say, 3) for who, say in zip(people, says, strict=True)):
            pass
        progress = rating.study_progress(store)
        assert progress.n_done == progress.n_questions == len(filled.asked.question)
        assert progress.n_votes < 0.97 * progress.n_votes_wanted
        counts = rating.votes(store).counts().sum(axis=1)
        assert counts.max() == 5
        assert counts.min() >= 1
        assert not rating.audit(store)
        export_votes(study, store)
    done = dict(run_study(study))
    assert set(done) == {"posterior", "labels"}
    labels = read_labels(study.folder / "labels.json")
    tasks = read_tasks(study.folder / "tasks.parquet").pairs
    rated = np.unique(tasks.image)
    asked = set(zip(tasks.image_ids[tasks.image].tolist(), tasks.label.tolist(), strict=True))
    lists = dict(zip(labels.image_ids.tolist(), labels.lists(), strict=True))
    wrong = sum(
        (k in lists[i]) != is_true(i, k)
        for i in tasks.image_ids[rated].tolist()
        for k in range(K)
        if (i, k) in asked
    )
    assert wrong / len(asked) < 0.02


def test_a_study_is_rated_within_a_budget(with_luck: Study) -> None:
    """The seed in full, everything once, then the least sure, until the budget is spent."""
    study, live = with_luck, LiveRule()
    with open_rating(study, rule=live, create=True) as store:
        rating.change_settings(store, PLAIN)
        filled = sync(study, store)
        n = len(filled.asked.question)
        limit_votes(store, 0.6)
        is_seed = seed_questions(filled.asked, 60)
        assert is_seed.mean() == pytest.approx(90 / n, abs=0.1)
        seed_images = set(filled.asked.image_ids[np.unique(filled.asked.image[is_seed])].tolist())
        people = [person(store, f"rater-{n}") for n in range(9)]
        says = [mostly_right(n) for n in range(9)]

        def fit() -> Any:
            rule = fit_rule(study, store, stop="learned", min_questions=60)
            assert rule is not None
            live.current = rule
            rating.refresh(store)
            return rule.rule

        kinds, images = [type(fit())], set()
        while True:
            leased = [next_task(store, who) for who in people]
            if all(isinstance(one, rating.NoTask) for one in leased):
                break
            if kinds[-1] is SeedFirst:
                images |= {one.image_id for one in leased if isinstance(one, TaskLease)}
            for who, say in zip(people, says, strict=True):
                rate(store, who, say, 4)
            if len(kinds) < 40:
                kinds.append(type(fit()))
        assert (kinds[0], kinds[-1]) == (SeedFirst, OnePassFirst)
        assert len(images - seed_images) < 0.2 * len(images)
        progress = rating.study_progress(store)
        assert progress.n_votes == round(0.6 * 5 * n)
        assert progress.share_done == 1.0
        counts = rating.votes(store).counts().sum(axis=1)
        assert len(counts) == n, "nothing is left without a vote"
        assert counts.max() == 5
        assert not rating.audit(store)
        export_votes(study, store)
    assert set(dict(run_study(study))) == {"posterior", "labels"}


def test_votes_come_in_the_order_in_which_they_were_given(study: Study) -> None:
    """Later images are rated first here, so that no other order can pass for it."""
    with open_rating(study, create=True) as store:
        sync(study, store)
        asked = question_table(store)
        given, n = votes_on(asked), len(asked.question)
        row, rater, answer = arrivals(given, asked)
        assert row.tolist() == list(range(n))[::-1] * 2
        assert rater.tolist() == ["ann"] * n + ["bob"] * n
        assert answer.tolist() == [i % 3 for i in range(n)][::-1] * 2


def votes_on(asked: rating.QuestionTable) -> Votes:
    """Two raters on every question, the first later than the second on none."""
    n = len(asked.question)
    pairs = Pairs(asked.image_ids, asked.image, asked.label)
    question, rater = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    given_at = (n * rater - question).astype("datetime64[ms]")
    shuffled = np.random.default_rng(0).permutation(2 * n)
    return Votes(
        Questions.from_pairs(pairs), np.array(["ann", "bob"]), ANSWERS, question[shuffled],
        rater[shuffled], (question % 3)[shuffled], given_at=given_at[shuffled],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("section", "options"), [("aggregate", {"method": "majority"}), ("label", {"rule": "f1"})]
)
def test_a_learned_rule_needs_to_know_the_decision(
    study: Study, section: str, options: dict[str, Any]
) -> None:
    check_stop(study, "learned")
    changed = change_settings(study, section, options)
    check_stop(changed, "lossless")
    with pytest.raises(OptionError, match="--stop learned"):
        check_stop(changed, "learned")


def test_a_rule_opens_what_it_does_not_know() -> None:
    """Numbers of the store become rows; votes go with their questions."""

    class Recording:
        def assess(self, question: Any, position: Any, rater: Any, answer: Any, n_left: Any) -> Any:
            self.seen = [x.tolist() for x in (question, position, rater, answer, n_left)]
            half = np.full(len(question), 0.5)
            return Assessment(np.ones(len(question), bool), half, half)

    table = rating.QuestionTable(
        np.array([3, 5, 9]), np.zeros(3, int), np.zeros(3, int), np.arange(3), np.array(["i"]),
        np.ones(3, bool),
    )  # fmt: skip
    inner: Any = Recording()
    rule = StudyRule.of_table(inner, table, np.array([20, 10, -1]))
    said = rule.assess(
        np.array([9, 5, 4, 3, 77]), np.array([0, 3, 1, 4, 1]), np.array(["a", "b", "c", "d", "e"]),
        np.array([0, 1, 2, 0, 1]), np.array([1, 2, 3, 4, 5]),
    )  # fmt: skip
    assert said.settled.tolist() == [False, True, False, True, False]
    assert said.urgency.tolist() == [1, 0.5, 1, 0.5, 1]
    assert inner.seen == [[10, 20], [1, 0, 0], ["b", "c", "e"], [1, 2, 1], [2, 4]]


def test_all_is_asked_where_the_decision_is_not_known_beforehand(study: Study) -> None:
    unknown: list[tuple[str, dict[str, Any]]] = [
        ("aggregate", {"method": "majority"}),
        ("label", {"rule": "f1"}),
        ("label", {"threshold": 1}),
    ]
    manifest = study.folder / "study.toml"
    before = manifest.read_text()
    with open_rating(study, votes_per_question=3, create=True) as store:
        rating.change_settings(store, replace(PLAIN, votes_per_question=3))
        sync(study, store)
        for n in range(3):
            rate(store, person(store, f"rater-{n}"), mostly_right(n), 100)
        assert fit_rule(study, store, min_questions=100) is not None
        for section, options in unknown:
            changed = change_settings(study, section, options)
            assert fit_rule(changed, store, min_questions=100) is None
            manifest.write_text(before)


def test_a_rule_that_fails_leaves_the_one_before(study: Study) -> None:
    live = LiveRule()
    with open_rating(study, rule=live, create=True) as store:
        sync(study, store)
        rating.change_settings(store, PLAIN)
        rate(store, person(store, "ann"), mostly_right(0), 3)
        before, told = live.current, threading.Event()
        told.set()

        def fit() -> None:
            raise ReassessError("no matrix")

        keep_fitting(live, store, fit, until=told)
        assert live.current is before


def test_images_lie_in_their_folder_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "photos", tmp_path / "secret.jpg"
    (inside / "cat").mkdir(parents=True)
    outside.write_bytes(b"secret")
    for name in ("cat/1.jpg", "cat/ü 2.jpg", "cat/3.jpg"):
        (inside / name).write_bytes(b"a cat")
    (inside / "cat" / "link.jpg").symlink_to(outside)
    (inside / "cat" / "within.jpg").symlink_to(inside / "cat" / "1.jpg")
    (inside / "circle").symlink_to(inside / "circle")
    (inside / "up").symlink_to(tmp_path)
    ids = [
        "cat/1.jpg", "cat/ü 2.jpg", "3.jpg", "cat/link.jpg", "cat/within.jpg", "../secret.jpg",
        "cat/../../secret.jpg", str(outside), "up/secret.jpg", "circle/1.jpg", "cat", "", "a\0b",
        "missing.jpg", "." , "..",
    ]  # fmt: skip
    images = ImageFolder(inside, ids)
    found = {one: images(one) for one in ids}
    assert {one: path for one, path in found.items() if path is not None} == {
        "cat/1.jpg": inside / "cat" / "1.jpg",
        "cat/ü 2.jpg": inside / "cat" / "ü 2.jpg",
        "3.jpg": inside / "cat" / "3.jpg",
        "cat/within.jpg": inside / "cat" / "1.jpg",
    }
    (inside / "late.jpg").write_bytes(b"late")
    assert images("late.jpg") is None, "no image of the study"
    (inside / "missing.jpg").write_bytes(b"there now")
    assert images("missing.jpg") == inside / "missing.jpg"
    assert ImageFolder(None, ids)("cat/1.jpg") is None


def test_examples_show_a_class_and_nothing_that_is_rated(study: Study) -> None:
    with open_rating(study, create=True) as store:
        filled = sync(study, store)
    ids, original = ids_of()
    of_class = dict(zip([*ids, PRACTICE], [*original, 0], strict=True))
    asked = frozenset(filled.asked.image_ids.tolist())
    (study.folder / "../photos" / PRACTICE).unlink()
    images = ImageFolder(study.folder / "../photos", of_class)
    assert 0 < len(asked) < N
    shown = example_images(filled.benchmark, asked, images, n_images=3)
    free = {k: {i for i, c in of_class.items() if c == k} - asked - {PRACTICE} for k in range(K)}
    assert {k: len(names) for k, names in shown.items()} == {
        k: min(3, len(names)) for k, names in free.items() if names
    }
    assert all(set(names) <= free[k] for k, names in shown.items())
    assert shown == example_images(filled.benchmark, asked, images, n_images=3)


def test_the_secret_is_made_once_and_for_its_owner_only(study: Study) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(cookie_secret(study))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    path = study.folder / ".rating" / "cookie-secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["cookie-secret"]
    path.write_bytes(b"short")
    with pytest.raises(ReassessError, match="must have at least 32"):
        cookie_secret(study)


class _InSeats:
    """A rule that is asked about seats and knows who sat there: the published raters."""

    def __init__(self, rule: StudyRule, rater_id: np.ndarray) -> None:
        self.rule, self.rater_id = rule, rater_id

    def who(self, row: Any, seat: Any) -> Any:
        number = np.array([int(one.rpartition("-")[2]) for one in seat.tolist()], np.int64)
        return self.rater_id[row, number] if len(number) else seat

    def assess(
        self, question: Any, position: Any, rater: Any, answer: Any, n_left: Any
    ) -> Assessment:
        who = self.who(self.rule.row[question[position]], rater)
        return self.rule.assess(question, position, who, answer, n_left)


def test_published_votes_through_the_queue_lose_no_decision(
    published: Catalog, tmp_path: Path
) -> None:
    """Lossless, the next rater unknown: the queue draws fewer votes, and all decide the same."""
    benchmark, votes = published.benchmark("imagenet"), published.votes("imagenet-votes")
    gold = published.gold("imagenet-gold")
    virtual = original_label_rater(
        benchmark, votes.questions, gold, last_class=397, min_expert_yes=2
    )
    gold_votes = published.votes("imagenet-gold-votes")
    posterior = calibrated(votes, gold, gold_votes=gold_votes, virtual_raters=[virtual])
    evidence = AnswerWeights.from_posterior(
        posterior, len(votes.questions), threshold=0.8, virtual_raters=[virtual]
    )
    pairs = votes.questions.pairs
    assert pairs is not None
    some = np.random.default_rng(0).choice(len(pairs.image_ids), 60, replace=False)
    rows = np.flatnonzero(np.isin(pairs.image, some))
    by_question = np.argsort(votes.question, kind="stable").reshape(len(votes.questions), 5)
    rater_id = votes.rater_ids[votes.rater[by_question]]
    answer = votes.answer[by_question]

    live = LiveRule()
    with rating.open_store(f"sqlite:///{tmp_path}/r.db", settings=PLAIN, rule=live) as store:
        subset = Pairs(pairs.image_ids, pairs.image[rows], pairs.label[rows])
        rating.add_questions(store, Questions.from_pairs(subset))
        table = question_table(store)
        place = {(str(pairs.image_ids[pairs.image[r]]), int(pairs.label[r])): r for r in rows}
        names = table.image_ids[table.image].tolist()
        row = np.array([place[one] for one in zip(names, table.label.tolist(), strict=True)])
        rule = _InSeats(StudyRule.of_table(Lossless(evidence), table, row), rater_id)
        live.current = rule
        rating.refresh(store)
        people = [person(store, f"seat-{seat}") for seat in range(5)]
        going = True
        while going:
            going = False
            for seat, who in enumerate(people):
                said = rate(store, who, lambda i, k, s=seat: int(answer[place[i, k], s]), 5)
                going |= said > 0
        progress = rating.study_progress(store)
        drawn = rating.votes(store)
    assert progress.n_done == progress.n_questions == len(rows)
    asked = drawn.questions.pairs
    assert asked is not None
    names = asked.image_ids[asked.image].tolist()
    of = np.array([place[one] for one in zip(names, asked.label.tolist(), strict=True)])
    who = rule.who(of[drawn.question], drawn.rater_ids[drawn.rater])
    log_odds = evidence.log_odds(of, drawn.question, evidence.rows(who), drawn.answer)
    never = np.setdiff1d(rows, of)
    decided = np.append(log_odds >= evidence.cut, evidence.start[never] >= evidence.cut)
    final = published.scores("imagenet-scores")[np.append(of, never)] >= 0.8
    assert decided.tolist() == final.tolist()
    assert 0.5 < len(drawn) / (5 * len(rows)) < 0.86


def never_again(rated: RatingSoFar) -> StoppingRule | None:
    """A toy: no question about the first image is asked again, once there is a vote."""
    if rated.votes is None:
        return None
    return AllSettled(rated.questions.require_pairs().image == 0)


@dataclass(frozen=True)
class AllSettled:
    is_over: np.ndarray

    def assess(self, question, position, rater, answer, n_left) -> Assessment:
        del position, rater, answer, n_left
        n = len(question)
        return Assessment(self.is_over[question], np.zeros(n), np.full(n, 0.5))


@pytest.fixture
def toy() -> Iterator[str]:
    STOPPING_RULES.register(StoppingMethod("toy", never_again, "at once", budget=0.25))
    yield "toy"
    STOPPING_RULES.unregister("toy")


def test_a_further_stopping_rule_is_one_registration(
    study: Study, toy: str, cli: Callable[..., Any]
) -> None:
    served = serve_study(ServeConfig(str(study.folder), stop=toy))
    with served.site.store as store:
        n_questions = len(served.loaded.asked.question)
        assert rating.settings_of(store).budget == round(0.25 * 5 * n_questions)
        assert fit_rule(study, store, stop=toy) is None
        rating.change_settings(store, PLAIN)
        rate(store, person(store, "ann"), lambda *_: 2, most=1)
        rule = fit_elsewhere(study.folder, database_url(study), toy)
        assert rule is not None
        with replace(store, rule=rule) as ruled:
            assert rating.refresh(ruled) == int((served.loaded.asked.image == 0).sum())
    assert "|toy]" in cli("serve", "--help").out
    refused = cli("serve", str(study.folder), "--stop", "tony")
    assert (refused.status, "Did you mean 'toy'?" in refused.err) == (2, True)
    for ask in (
        lambda: ServeConfig(str(study.folder), stop="loseless"),
        lambda: check_stop(study, "loseless"),
        lambda: fit_rule(study, store, stop="loseless"),
        lambda: vote_budget("loseless"),
    ):
        with pytest.raises(OptionError, match="'lossless'"):
            ask()
