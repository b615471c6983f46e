"""A model's classes among those of a benchmark: subsets, merged and renamed classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reassess.errors import DataError
from reassess.records import Classes, ClassMap, Predictions

OWN = Classes.from_names(["cat", "tabby", "dog", "car", "bee"])
FEW = Classes.from_names(["dog", "cat"])


def test_classes_are_found_by_id_else_by_name():
    assert ClassMap.by_names(OWN, FEW).target.tolist() == [1, -1, 0, -1, -1]
    numbered = Classes(("7", "8"), ("dog", "cat"), ("", ""), ("", ""))
    assert ClassMap.by_names(OWN, numbered).target.tolist() == [1, -1, 0, -1, -1]
    with pytest.raises(DataError, match=r"none of the 5 classes .* 'cat'.* such as 'eel'"):
        ClassMap.by_names(OWN, Classes.from_names(["eel"]))
    with pytest.raises(DataError, match="3 entries"):
        ClassMap(OWN, FEW, np.array([0, 1, 1]))


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_best_of_merged_classes_stands_for_them(seed):
    """Against plain Python: the largest score of each class of the benchmark, ranked."""
    rng = np.random.default_rng(seed)
    n_own, n_target, n = int(rng.integers(2, 9)), int(rng.integers(1, 5)), 6
    target = rng.integers(-1, n_target, n_own)
    target[int(rng.integers(n_own))] = 0
    made = ClassMap(Classes.from_names([f"o{i}" for i in range(n_own)]),
                    Classes.from_names([f"t{i}" for i in range(n_target)]), target)  # fmt: skip
    scores = rng.permuted(np.tile(np.arange(n_own, dtype=float), (n, 1)), axis=1)
    model = Predictions.from_logits("net", [str(i) for i in range(n)], scores, top=n_own)
    found = made.apply(model, top=3)
    for row in range(n):
        best = {}
        for own, t in enumerate(target.tolist()):
            if t >= 0:
                best[t] = max(best.get(t, -1.0), scores[row, own])
        ranked = sorted(best, key=lambda t: -best[t])[:3]
        assert found.ranked_classes[row].tolist() == ranked
        assert found.scores[row].tolist() == [best[t] for t in ranked]
    assert (found.n_classes, found.score_type) == (n_target, "logit")


def test_a_short_list_without_such_a_class_is_refused():
    made = ClassMap.by_names(OWN, FEW)
    model = Predictions("net", ["a", "b"], np.array([[0, 3], [3, 4]]), n_classes=5)
    with pytest.raises(DataError, match=r"none of the 2 .* image 'b'.*1 of 2 .*scores of all"):
        made.apply(model)
    with pytest.raises(DataError, match="class 5 is predicted"):
        made.apply(Predictions("net", ["a"], np.array([[5]])))
