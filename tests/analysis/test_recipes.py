"""The table of recipes: by hand, and against our own comparison of two models."""

import numpy as np
import pytest
from scipy import stats

from reassess.analysis.recipes import clear_mistakes, recipe_scores
from reassess.errors import DataError, OptionError
from reassess.records import LabelSets, Predictions
from reassess.records.recipes import RecipeRun
from reassess.report.recipe_page import recipe_page
from reassess.scoring import compare
from reassess.statistics.intervals import mean_interval, t_critical

N = 40
IDS = np.array([f"{i}.png" for i in range(N)])
TRUTH = np.arange(N) % 4
SETS = [[], *([k] for k in TRUTH.tolist()[1:])]
LABELS = LabelSets.from_lists("truth", IDS, SETS)


def run(variant, seed, n_wrong, schedule="short") -> RecipeRun:
    """A model that is wrong on the last so many images."""
    top = TRUTH.copy()
    top[N - n_wrong :] = (top[N - n_wrong :] + 1) % 4
    said = Predictions(f"{variant} {seed}", IDS, top[:, None], n_classes=4)
    return RecipeRun(variant, schedule, 5, seed, 100, said)


def test_means_intervals_differences_and_p_values():
    """The image without a label does not count: 39 are judged."""
    wrong = {"baseline": (20, 22, 21), "+ sigmoid": (8, 9, 12), "+ clean": (20, 23, 20)}
    runs = [run(name, seed, n) for name, ns in wrong.items() for seed, n in enumerate(ns)]
    baseline, sigmoid, clean = recipe_scores(runs, LABELS)
    assert (baseline.difference, baseline.p_value, baseline.mistakes) == (None, None, None)
    assert baseline.n_scored == 39
    assert baseline.accuracies == tuple((39 - n) / 39 for n in (20, 22, 21))
    low, high = stats.t.interval(
        0.95, 2, loc=np.mean(baseline.accuracies), scale=stats.sem(baseline.accuracies)
    )
    assert (baseline.low, baseline.high) == pytest.approx((low, high))
    assert sigmoid.difference == pytest.approx((12 + 13 + 9) / 3 / 39)
    each = [compare(runs[3 + s].predictions, runs[s].predictions, LABELS).p_value for s in range(3)]
    assert sigmoid.p_value == max(each) == each[2]
    assert clean.p_value == 1.0  # the seeds disagree on the sign


def test_one_seed_has_no_interval_and_a_variant_needs_its_baseline():
    (row,) = recipe_scores([run("baseline", 0, 3)], LABELS)
    assert (row.low, row.high) == (None, None)
    with pytest.raises(DataError, match="no baseline"):
        recipe_scores([run("baseline", 0, 3), run("+ clean", 1, 3)], LABELS)
    empty = LabelSets.from_lists("none", IDS, [[] for _ in IDS])
    with pytest.raises(DataError, match="no test image has a label"):
        recipe_scores([run("baseline", 0, 3)], empty)


def test_mistakes_are_counted_on_clear_images_only():
    """Of the clear images 30 to 39 the model has the last four wrong; one was not predicted."""
    clear = LabelSets.from_lists(
        "clear", np.array([*IDS[30:], "other.png"]), [[int(k)] for k in TRUTH[30:]] + [[0]]
    )
    assert clear_mistakes(run("baseline", 0, 4).predictions, clear) == 4
    (row,) = recipe_scores([run("baseline", 0, 12)], LABELS, clear=clear)
    assert row.mistakes == (10,)
    elsewhere = LabelSets.from_lists("elsewhere", np.array(["x.png"]), [[0]])
    assert clear_mistakes(run("baseline", 0, 4).predictions, elsewhere) == 0


def test_the_page_says_what_the_numbers_are():
    runs = [
        run("baseline", 0, 20),
        run("baseline", 1, 21),
        run("+ both", 0, 3),
        run("+ both", 1, 4),
    ]
    page = recipe_page({"truth": recipe_scores(runs, LABELS)}, ["a fact"], title="Recipes")
    rows = [line for line in page.splitlines() if line.startswith("| short")]
    assert rows[0].startswith("| short | 5 | baseline | 100 | 47.4 (31.1–63.7) | – | – |")
    assert "+43.6 | \\< 0.001 |" in rows[1]
    assert "- a fact" in page
    assert "39 test images" in page


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 30])
def test_student_s_quantiles_are_scipy_s(df):
    for confidence in (0.5, 0.95, 0.999):
        assert t_critical(confidence, df) == pytest.approx(stats.t.ppf(0.5 + confidence / 2, df))


def test_intervals_need_two_and_freedom_one():
    assert mean_interval(np.array([1.0])) is None
    with pytest.raises(OptionError, match="degrees of freedom"):
        t_critical(0.95, 0)
