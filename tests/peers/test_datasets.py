"""Data sets of Hugging Face's are read as frames are."""

import pytest

datasets = pytest.importorskip("datasets")

from reassess import DawidSkene, read_labels, read_votes  # noqa: E402


def test_a_data_set_is_a_table():
    columns = {"task": [1, 1, 2, 2], "worker": list("abab"), "label": list("xxyy")}
    found = datasets.Dataset.from_dict(columns)
    assert read_votes(found).rater_ids.tolist() == ["a", "b"]
    assert DawidSkene().fit_predict(found).tolist() == ["x", "y"]
    sets = read_labels(datasets.Dataset.from_dict({"image": ["a", "b"], "labels": [[1], [0, 2]]}))
    assert sets.lists() == [[1], [0, 2]]
