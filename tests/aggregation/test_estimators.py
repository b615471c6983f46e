"""Estimators: scikit-learn's contract, and one answer whatever the votes come in."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from reassess import read_votes
from reassess.aggregation import BCCEnsemble, Calibrated, DawidSkene, MajorityVote, dawid_skene
from reassess.errors import DataError, MatrixError, NotFittedError, OptionError
from reassess.records import Votes

CHECKS = """
import json, warnings
warnings.simplefilter("ignore")
from sklearn.utils.estimator_checks import check_estimator
from reassess.aggregation import BCCEnsemble, DawidSkene, MajorityVote
found = {}
for one in (DawidSkene(max_iterations=3), MajorityVote(), BCCEnsemble(max_iterations=3)):
    for result in check_estimator(one, on_skip=None, on_fail=None):
        found[f"{type(one).__name__} {result['check_name']}"] = result["status"]
print(json.dumps(found))
"""

NOT_APPLICABLE = {"check_array_api_input": "needs SCIPY_ARRAY_API, which is not set"}


def test_scikit_learns_checks_pass() -> None:
    """In a process of its own: beartype would refuse options that are for `fit` to judge."""
    run = subprocess.run([sys.executable, "-c", CHECKS], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert len(found) > 100
    failed = {name for name, status in found.items() if status != "passed"}
    assert {name.partition(" ")[2] for name in failed} <= set(NOT_APPLICABLE)


@pytest.fixture(scope="module")
def matrix() -> Any:
    """Answers 0 to 2 of four raters to 60 questions, 20 % left out, one question unanswered."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 60)
    right = rng.random((60, 4)) < [0.9, 0.8, 0.8, 0.4]
    cells = np.where(right, truth[:, None], rng.integers(0, 3, (60, 4))).astype(float)
    cells[rng.random(cells.shape) < 0.2] = np.nan
    cells[7] = np.nan
    return cells


def long_frame(matrix: Any) -> pd.DataFrame:
    task, worker = np.nonzero(~np.isnan(matrix))
    label = [f"c{cell:g}" for cell in matrix[task, worker]]
    return pd.DataFrame({"task": task, "worker": worker, "label": label})


def test_a_matrix_a_frame_and_votes_say_the_same(matrix: Any) -> None:
    long = long_frame(matrix)
    by_votes = dawid_skene(read_votes(long))
    rows = np.flatnonzero(~np.isnan(matrix).all(axis=1))
    wide = pd.DataFrame(matrix, columns=["ann", "bob", "cy", "di"])
    held: list[Any] = [long, pl.from_pandas(long), pa.Table.from_pandas(long), read_votes(long),
                       {name: long[name].tolist() for name in long}]  # fmt: skip
    for given in held:
        model = DawidSkene()
        assert (model.fit_predict(given) == np.array(["c0", "c1", "c2"])[model.labels_]).all()
        np.testing.assert_array_equal(model.probability_, by_votes.probability)
        np.testing.assert_allclose(model.predict_proba(given), by_votes.probability, atol=1e-9)
    for given in (matrix, matrix.tolist(), wide, pl.from_pandas(wide), pa.Table.from_pandas(wide)):
        model = DawidSkene()
        probability = model.fit_predict_proba(given)
        np.testing.assert_allclose(probability[rows], by_votes.probability, atol=1e-12)
        np.testing.assert_allclose(probability[7], model.prior_)
        np.testing.assert_allclose(model.predict_proba(given), probability, atol=1e-6)
        assert model.classes_.tolist() == [0, 1, 2]
        assert set(model.predict(given)) <= {0, 1, 2}
    assert model.rater_ids_.tolist() == ["ann", "bob", "cy", "di"]


def test_words_are_answers_and_no_maybe_yes_have_two_truths() -> None:
    cells = np.array([["no", "no", None], ["yes", "maybe", "yes"], ["no", "yes", "no"]], object)
    for estimator in (DawidSkene(), MajorityVote()):
        assert estimator.fit_predict(cells).tolist() == ["absent", "present", "absent"]
        assert estimator.predict(cells).tolist() == ["absent", "present", "absent"]
    cats = [["cat", "cat"], ["dog", "dog"], ["cat", "dog"]]
    assert MajorityVote().fit_predict_proba(cats)[2].tolist() == [0.5, 0.5]
    assert BCCEnsemble().fit_predict(cats)[:2].tolist() == ["cat", "dog"]


def test_raters_who_were_not_in_the_fit_count_as_the_mean_of_the_others(matrix: Any) -> None:
    model = DawidSkene().fit(long_frame(matrix))
    new = pd.DataFrame({"task": ["x"], "worker": ["new"], "label": ["c1"]})
    assert model.confusion_ is not None
    assert model.prior_ is not None
    wanted = model.prior_ * model.confusion_.mean(0)[:, 1]
    np.testing.assert_allclose(model.predict_proba(new)[0], wanted / wanted.sum())


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([[0.5, 1], [1, 0]], r"X\[0, 0\] is 0.5, but must be the code of an answer"),
        ([[-1, 1], [1, 0]], r"Negative values in data: X\[0, 0\] is -1.*NaN where the rater"),
        ([[1, 1], [1, 1]], "X holds 1 kind of answers"),
        ([[np.nan], [np.nan]], "X holds 0 answers"),
        ([["a.jpg", 0, "ann", "no"], ["b.jpg", 1, "bob", "yes"]], "give a frame with the columns"),
    ],
)
def test_matrices_that_are_no_votes_are_refused(cells: Any, message: str) -> None:
    with pytest.raises(MatrixError, match=message):
        DawidSkene().fit(cells)


def test_asking_before_a_fit_and_asking_for_other_answers_is_refused(matrix: Any) -> None:
    with pytest.raises(NotFittedError, match="DawidSkene instance is not fitted yet"):
        DawidSkene().predict(matrix)
    model = DawidSkene().fit(matrix)
    with pytest.raises(MatrixError, match="X holds the answer '5'"):
        model.predict(np.full((2, 4), 5))
    with pytest.raises(ValueError, match="X has 2 features, but DawidSkene is expecting 4"):
        model.predict(matrix[:, :2])
    with pytest.raises(DataError, match="is 'c1', but an answer must be one of 0, 1, 2"):
        model.predict(long_frame(matrix))
    with pytest.raises(OptionError, match="there is no gold"):
        Calibrated().fit(matrix)
    with pytest.raises(OptionError, match="confusion_prior is 'poled', but must be one of"):
        DawidSkene(confusion_prior="poled").fit(matrix)


def test_gold_comes_as_a_record_or_a_frame() -> None:
    images = [f"{i}.png" for i in range(40)]
    truth = np.arange(40) % 2
    answers = np.array(["no", "yes"])[truth]
    votes = pd.concat(
        pd.DataFrame({"image": images, "label": 0, "rater": r, "answer": answers}) for r in "ab"
    )
    gold = votes[votes["rater"] == "a"].rename(columns={"rater": "expert"})
    model = Calibrated().fit(votes, gold)
    assert isinstance(read_votes(votes), Votes)
    assert (model.labels_ == truth).all()
    assert (DawidSkene().fit(votes, gold=gold).predict(votes) == model.predict(votes)).all()
