"""What of a study is trained on: the labels that hold now, of all of its classes."""

from pathlib import Path

import numpy as np
import pytest

from reassess.errors import OptionError
from reassess.files import write_labels
from reassess.records import LabelSets
from reassess.study import new_study, open_study
from reassess.study.training import labels_in_use
from tests.conftest import IDS, ORIGINAL


def test_reassessed_labels_are_used_where_they_are_decided(study: Path):
    """No label of the last class is left, and it stays a class."""
    opened = new_study("s", labels="labels.csv", images=".")
    found = labels_in_use(opened)
    assert "original" in found.about
    assert found.labels.lists() == [[k] for k in ORIGINAL]
    sets = [[0], [0, 1], [1], [], [2], [0]]
    write_labels(LabelSets.from_lists("s", np.array(IDS), sets), "s/labels.json")
    found = labels_in_use(open_study("s"))
    assert "reassessed" in found.about
    assert found.labels.lists() == sets
    assert found.labels.n_classes == 4
    assert found.classes is None
    assert found.images.resolve() == study.resolve()


@pytest.mark.usefixtures("study")
def test_a_study_without_images_is_told_where_to_name_them():
    opened = new_study("s", labels="labels.csv", classes="classes.csv")
    with pytest.raises(OptionError, match="reassess locate s --images DIR"):
        labels_in_use(opened)
