"""What votes say about raters: simulated ones with known habits, and plain loops as oracles."""

from dataclasses import replace

import numpy as np
import pytest

from reassess.aggregation import dawid_skene, majority
from reassess.analysis.raters import (
    leave_one_out,
    rater_confusions,
    rater_drifts,
    rater_repeats,
    vote_agreement,
)
from reassess.errors import DataError, OptionError
from reassess.files import read_votes, write_votes
from reassess.records import ANSWERS, Pairs, Questions, Votes

CAREFUL = np.array([[0.90, 0.05, 0.05], [0.05, 0.10, 0.85]])
SLOPPY = np.array([[0.60, 0.20, 0.20], [0.30, 0.20, 0.50]])


def simulated(confusions, n_images=400, seed=0, each=1.0):
    """Votes of raters with these confusions on three questions an image; half are present."""
    rng = np.random.default_rng(seed)
    n = 3 * n_images
    truth = rng.integers(2, size=n)
    image, label = np.divmod(np.arange(n), 3)
    ids = np.array([f"{i:04d}.png" for i in range(n_images)])
    rows = []
    for rater, confusion in enumerate(confusions):
        asked = np.flatnonzero(rng.random(n) < each) if rater >= 3 else np.arange(n)
        cumulative = confusion[truth[asked]].cumsum(axis=1)
        answer = (rng.random((len(asked), 1)) > cumulative).sum(axis=1)
        rows.append(np.stack([asked, np.full(len(asked), rater), answer]))
    question, rater, answer = np.concatenate(rows, axis=1)
    order = np.argsort(question, kind="stable")
    names = np.array([f"r{i}" for i in range(len(confusions))])
    questions = Questions.from_pairs(Pairs(ids, image, label))
    return Votes(questions, names, ANSWERS, question[order], rater[order], answer[order])


def test_confusion_is_drawn_to_the_mean_where_votes_are_few():
    votes = simulated([CAREFUL] * 5 + [SLOPPY] * 2 + [SLOPPY], each=0.9)
    few = (votes.rater == 7) & (np.arange(len(votes)) % 90 > 0)
    keep = ~few
    votes = replace(
        votes, question=votes.question[keep], rater=votes.rater[keep], answer=votes.answer[keep]
    )
    found = rater_confusions(votes, dawid_skene(votes))
    assert found.confusion.sum(axis=2) == pytest.approx(np.ones((8, 2)))
    assert found.confusion[:5] == pytest.approx(np.broadcast_to(CAREFUL, (5, 2, 3)), abs=0.06)
    assert found.confusion[5:7] == pytest.approx(np.broadcast_to(SLOPPY, (2, 2, 3)), abs=0.08)
    assert found.n[7].sum() < 20
    stranger, pooled = found.confusion[7], found.pooled
    assert (np.abs(stranger - pooled) < np.abs(SLOPPY - pooled).max()).all()


def test_raters_who_are_alike_are_drawn_together_completely():
    alike = simulated([CAREFUL] * 6)
    mixed = simulated([CAREFUL] * 3 + [SLOPPY] * 3)
    strengths = [rater_confusions(v, dawid_skene(v)).strength.min() for v in (alike, mixed)]
    assert strengths[0] > 10 * strengths[1]


def test_leaving_out_a_rater_is_what_a_loop_over_questions_says():
    votes = simulated([CAREFUL, SLOPPY, SLOPPY, CAREFUL, SLOPPY], n_images=60, each=0.5)
    # One rater answers some questions twice, as votes in files may.
    votes = Votes(
        votes.questions, votes.rater_ids, ANSWERS, np.append(votes.question, votes.question[:40]),
        np.append(votes.rater, votes.rater[:40]), np.append(votes.answer, votes.answer[:40]),
    )  # fmt: skip
    posterior = dawid_skene(votes)
    effects = leave_one_out(votes, posterior, 0.8)
    log = np.log(posterior.confusion)
    for r in range(5):
        flipped = []
        for q in np.unique(votes.question[votes.rater == r]):
            rest = (votes.question == q) & (votes.rater != r)
            joint = np.log(posterior.prior) + log[votes.rater[rest], :, votes.answer[rest]].sum(0)
            without = 1 / (1 + np.exp(joint[0] - joint[1]))
            if (without >= 0.8) != (posterior.present[q] >= 0.8):
                flipped.append(q)
        assert effects.n_flipped[r] == len(flipped)
        assert effects.n_images[r] == len({q // 3 for q in flipped})
        assert effects.n_questions[r] == len(np.unique(votes.question[votes.rater == r]))
    assert effects.n_flipped.sum() > 0
    assert effects.n_alone.sum() == 0


def test_drift_is_seen_where_it_is_and_its_interval_holds_zero_where_not():
    steady = simulated([CAREFUL] * 4, n_images=300)
    tired = steady.answer.copy()
    later = (steady.rater == 3) & (steady.question >= 450)
    tired[later] = np.random.default_rng(1).integers(3, size=later.sum())
    given_at = np.datetime64("2026-01-01T09:00:00.000", "ms") + steady.question * 1000
    votes = replace(steady, answer=tired, given_at=given_at)
    drifts = rater_drifts(votes, dawid_skene(votes))
    assert drifts.high[3] < -0.2
    assert (drifts.low[:3] < 0).all()
    assert (drifts.high[:3] > -0.05).all()
    few = replace(votes, given_at=np.where(steady.question < 10, given_at, np.datetime64("NaT")))
    assert np.isnan(rater_drifts(few, dawid_skene(votes)).change).all()


def test_votes_that_nobody_shares_say_nothing_of_their_rater():
    """What a rater says where he is alone does not count; of one who always is nothing is known."""
    rng = np.random.default_rng(0)
    shared = simulated([CAREFUL, SLOPPY, CAREFUL], n_images=100)
    n = len(shared.questions)
    alone = np.arange(n, 2 * n)
    image, label = np.divmod(np.arange(3 * n), 3)
    ids = np.array([f"{i:04d}.png" for i in range(n)])
    votes = Votes(
        Questions.from_pairs(Pairs(ids, image, label)), np.append(shared.rater_ids, "hermit"),
        ANSWERS, np.concatenate([shared.question, alone, alone + n]),
        np.concatenate([shared.rater, np.zeros(n, int), np.full(n, 3)]),
        np.concatenate([shared.answer, np.full(n, 2), rng.integers(3, size=n)]),
        given_at=np.datetime64("2026-01-01", "ms") + np.arange(len(shared) + 2 * n),
    )  # fmt: skip
    posterior = dawid_skene(votes)
    found = rater_confusions(votes, posterior)
    assert np.isnan(found.confusion[3]).all()
    assert found.n.sum(axis=1) == pytest.approx([n, n, n, 0])
    other = replace(votes, answer=np.where(votes.question < n, votes.answer, 0))
    assert found.confusion[:3] == pytest.approx(rater_confusions(other, posterior).confusion[:3])
    drifts = rater_drifts(votes, posterior)
    assert drifts.n.tolist() == [n, n, n, 0]
    assert np.isnan(drifts.change[3])


@pytest.mark.parametrize("name", ["votes.csv", "votes.parquet"])
def test_times_of_votes_outlive_a_file(tmp_path, name):
    votes = simulated([CAREFUL] * 3, n_images=4)
    given_at = np.datetime64("2026-01-01T09:00:00.250", "ms") + np.arange(len(votes)) * 61_000
    given_at[5] = np.datetime64("NaT")
    write_votes(replace(votes, given_at=given_at), tmp_path / name)
    assert np.array_equal(read_votes(tmp_path / name).given_at, given_at, equal_nan=True)


def test_times_with_an_offset_become_utc_and_what_is_no_time_is_refused(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(
        "image,label,rater,answer,given_at\n"
        "a,0,r,yes,2026-01-01 12:00:00+02:00\na,1,r,no,2026-01-01T10:00:00.5+00:00\n"
        "b,1,r,no,2026-01-01T10:00:00Z\nb,0,r,no,\n"
    )
    ten = np.datetime64("2026-01-01T10:00:00.000")
    wanted = ten + np.array([0, 500, 0])
    assert np.array_equal(read_votes(path).given_at[:3], wanted)
    path.write_text("image,label,rater,answer,given_at\na,0,r,yes,noon\na,1,r,no,\n")
    with pytest.raises(DataError, match="given_at"):
        read_votes(path)


def test_agreement_of_the_published_votes(published):
    agreement = vote_agreement(
        published.votes("imagenet-votes"), n_resamples=50, rng=np.random.default_rng(0)
    )
    assert agreement.n_votes == 924_810
    assert agreement.ordinal.value == pytest.approx(0.5172, abs=5e-5)
    # With five votes for each question the two differ by the finite-sample correction only.
    assert agreement.fleiss.value == pytest.approx(agreement.nominal.value, abs=1e-5)
    assert agreement.ordinal.low < agreement.ordinal.value < agreement.ordinal.high


def test_what_cannot_be_asked_is_refused():
    votes = simulated([CAREFUL] * 3, n_images=5)
    with pytest.raises(DataError, match="knows no confusion"):
        rater_confusions(votes, majority(votes))
    with pytest.raises(OptionError, match="the threshold is"):
        leave_one_out(votes, dawid_skene(votes), 1.0)
    with pytest.raises(DataError, match="drift needs"):
        rater_drifts(votes, dawid_skene(votes))


def test_self_agreement_counts_later_answers_that_equal_the_first():
    questions = Questions.from_ids(np.array(["a", "b", "c"]))
    votes = Votes(
        questions, np.array(["r0", "r1"]), ANSWERS,
        question=np.array([0, 0, 0, 1, 2, 0]), rater=np.array([0, 0, 0, 0, 0, 1]),
        answer=np.array([2, 2, 0, 1, 1, 2]),
    )  # fmt: skip
    found = rater_repeats(votes)
    assert (found.n.tolist(), found.n_same.tolist()) == ([2, 0], [1, 0])
    assert rater_repeats(votes.take(np.array([0, 3, 5]))) is None
