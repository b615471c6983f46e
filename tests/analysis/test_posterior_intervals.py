"""Intervals of posteriors hold what the raters' true confusion gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reassess.aggregation import calibrated, dawid_skene, majority
from reassess.analysis.posterior_intervals import posterior_intervals
from reassess.errors import OptionError
from reassess.files import write_votes
from reassess.records import Gold, Posterior, Questions, Votes
from reassess.simulate import simulate_gold, simulate_votes, simulated_raters
from reassess.statistics import sigmoid

PRESENT = 0.4


def world(seed: int, n: int = 800, n_gold: int = 0) -> tuple[Votes, Posterior, Gold | None, Any]:
    """Votes, their posterior, gold, and P(present) under the raters' true confusion."""
    rng = np.random.default_rng(seed)
    questions, _ = Questions.from_columns(
        image=[f"{k // 2}.jpg" for k in range(n)], label=np.arange(n) % 2
    )
    confusion = simulated_raters(20, rng)
    truth = rng.random(n) < PRESENT
    votes = simulate_votes(questions, truth, confusion, rng=rng)
    gold = simulate_gold(questions, truth, n_images=n_gold, rng=rng) if n_gold else None
    log = np.log(confusion[[int(one.rpartition("-")[2]) - 1 for one in votes.rater_ids.tolist()]])
    evidence = (log[:, 1] - log[:, 0])[votes.rater, votes.answer]
    odds = np.log(PRESENT / (1 - PRESENT)) + np.bincount(votes.question, evidence, minlength=n)
    posterior = dawid_skene(votes) if gold is None else calibrated(votes, gold)
    return votes, posterior, gold, sigmoid(odds)


@pytest.mark.parametrize("n_gold", [0, 100])
def test_intervals_hold_the_posterior_under_the_true_confusion(n_gold: int) -> None:
    held, widths = [], []
    for seed in range(4):
        votes, posterior, gold, exact = world(seed, n_gold=n_gold)
        found = posterior_intervals(
            votes, posterior, gold=gold, n_resamples=50, rng=np.random.default_rng(seed)
        )
        assert (found.low <= found.probability).all()
        assert (found.probability <= found.high).all()
        is_open = (exact > 0.05) & (exact < 0.95)
        held.append(((found.low <= exact) & (exact <= found.high))[is_open].mean())
        widths.append(np.median((found.high - found.low)[is_open]))
    assert 0.88 < np.mean(held) < 0.995
    assert max(widths) < 0.95
    narrow = posterior_intervals(
        votes, posterior, gold=gold, n_resamples=50, confidence=0.5, rng=np.random.default_rng(0)
    )
    assert (narrow.high - narrow.low < found.high - found.low + 1e-9).mean() > 0.99


def test_the_command_writes_them_and_majority_has_none(tmp_path: Path, cli: Any) -> None:
    votes, posterior, _, _ = world(0, 60)
    write_votes(votes, tmp_path / "votes.csv")
    done = cli("aggregate", tmp_path / "votes.csv", "--method", "dawid-skene",
               "-o", tmp_path / "p.npz", "--intervals", tmp_path / "i.csv")  # fmt: skip
    assert done.status == 0, done.err
    head, first, *rows = (tmp_path / "i.csv").read_text().splitlines()
    assert head == "image,label,probability,low,high"
    assert len(rows) == 59
    low, high = map(float, first.split(",")[3:])
    assert low < posterior.probability[0, 1] < high
    with pytest.raises(OptionError, match="'majority', which estimates nothing of raters"):
        posterior_intervals(votes, majority(votes), rng=np.random.default_rng(0))
    _, counted, _, _ = world(0, 60, 10)
    with pytest.raises(OptionError, match="the gold that it was counted on is missing"):
        posterior_intervals(votes, counted, rng=np.random.default_rng(0))
