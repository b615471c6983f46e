"""Two models compared with the votes at hand."""

from dataclasses import replace

import numpy as np
import pytest

from reassess.analysis.comparisons import compare_with_votes
from reassess.errors import DataError
from reassess.records import Comparison
from reassess.report.comparisons import comparison_sentences
from reassess.scoring import compare
from tests.analysis.simulated import Simulated, simulated


@pytest.fixture(scope="module")
def noisy() -> Simulated:
    return simulated(1_500, np.random.default_rng(0))


def compared(study: Simulated, a: int, b: int, **more) -> Comparison:
    options = {"votes": study.votes, "posterior": study.posterior, "gold": study.gold} | more
    return compare_with_votes(
        study.predictions[a],
        study.predictions[b],
        study.labels,
        n_resamples=40,
        rng=np.random.default_rng(0),
        **options,
    )


def test_the_difference_under_uncertain_labels_is_wider_and_less_attenuated(noisy: Simulated):
    found = compared(noisy, 1, 2)
    counted = compare(noisy.predictions[1], noisy.predictions[2], noisy.labels)
    for name in ("n_both", "n_neither", "low", "high", "p_value"):
        assert getattr(found, name) == getattr(counted, name)
    both = found.calibrated
    assert both.low <= noisy.truth[1] - noisy.truth[2] <= both.high
    assert both.high - both.low > found.high - found.low
    assert both.value == pytest.approx(both.accuracy_a - both.accuracy_b)
    assert both.n_gold == len(noisy.gold.questions)
    other_way = compared(noisy, 2, 1).calibrated
    assert (other_way.value, other_way.low) == pytest.approx((-both.value, -both.high), abs=5e-3)
    assert (found.decision, compared(noisy, 2, 1).decision) == ("a", "b")


@pytest.mark.parametrize("n_changed", [0, 15, 30, 60, 200])
def test_a_model_is_better_where_labels_as_decided_and_their_uncertainty_say_so(
    noisy: Simulated, n_changed: int
):
    """The interval leaves out 0 where the test rejects; both tests decide, neither alone."""
    one = noisy.predictions[1]
    classes = one.ranked_classes.copy()
    changed = np.flatnonzero(noisy.labels.contains(np.arange(1_500), one.top))[:n_changed]
    classes[changed] = 19
    worse = replace(one, model="worse", ranked_classes=classes)
    study = replace(noisy, predictions=(one, worse))
    found = compared(study, 0, 1)
    both = found.calibrated
    assert (both.low > 0) == (both.p_value < 0.05)
    decided = found.p_value < 0.05 and both.p_value < 0.05
    assert found.decision == ("a" if decided else "undecided")
    if n_changed == 0:
        assert (both.value, both.low, both.high, both.p_value, both.p_swap) == (0, 0, 0, 1, 0)
    uncertain = replace(both, p_value=0.2)
    left_open = replace(found, calibrated=uncertain)
    assert left_open.is_open_by_labels == (found.p_value < 0.05)
    assert ("as the labels are uncertain" in comparison_sentences(left_open)[0]) == (
        found.p_value < 0.05
    )
    contrary = replace(found, calibrated=replace(both, value=-both.value, p_value=0.0))
    assert contrary.decision == "undecided", "what contradicts itself decides nothing"


def test_without_gold_the_interval_says_that_it_is_too_narrow(noisy: Simulated):
    told = " ".join(comparison_sentences(compared(noisy, 0, 1, gold=None)))
    assert "no gold, so that this interval is too narrow" in told


def test_a_method_that_cannot_aggregate_again_is_refused(noisy: Simulated):
    with pytest.raises(DataError, match="'glad', which is none"):
        compared(noisy, 0, 1, posterior=replace(noisy.posterior, method="glad"))
