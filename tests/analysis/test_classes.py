"""Classes that are hard to tell apart: by hand, and on the published data."""

import numpy as np
import pytest

from reassess.analysis.classes import (
    PAIR_KINDS,
    changed_classes,
    class_pairs,
    images_with_several,
    images_without,
)
from reassess.records import Benchmark, Classes, Hierarchy, LabelSets, Predictions


def named(pairs, classes):
    return {
        (classes.names[a], classes.names[b]): PAIR_KINDS[kind]
        for a, b, kind in zip(pairs.a, pairs.b, pairs.kind, strict=True)
    }


@pytest.fixture(scope="module")
def world():
    """400 images of eight classes, one story a pair; the model errs on twins only."""
    names = ["shades", "sunglasses", "keyboard", "space bar", "cup", "plate", "hare", "rabbit"]
    classes = Classes(
        tuple(f"n{i}" for i in range(9)),
        (*names, "Hare"),
        ("dark glasses",) + ("",) * 7 + ("other thing",),
        ("",) * 9,
    )
    sets = (
        [[0, 1]] * 36 + [[0]] * 4 + [[1]] * 4  # always together
        + [[2, 3]] * 30 + [[2]] * 40  # a space bar has a keyboard around it
        + [[4, 5]] * 25 + [[4]] * 30 + [[5]] * 30  # often on one table
        + [[6]] * 60 + [[7]] * 60 + [[8]] * 40 + [[]] * 41
    )  # fmt: skip
    ids = np.array([f"{i:03d}" for i in range(len(sets))])
    top = np.array([one[0] if one else 0 for one in sets])
    hares = np.flatnonzero(top == 6)
    top[hares[:20]] = 7
    plates = np.array([one == [5] for one in sets])
    top[plates] = 5
    original = np.array([one[-1] if one else 6 for one in sets])
    labels = LabelSets.from_lists("real", ids, sets, n_classes=9, rated=np.ones(len(ids), bool))
    return (
        labels,
        Predictions("m", ids[::-1], top[::-1, None]),
        Benchmark("b", ids, original),
        classes,
    )


def test_each_pair_is_listed_under_the_first_reason_that_holds(world):
    labels, model, _, classes = world
    pairs = class_pairs(labels, [model], classes=classes)
    assert named(pairs, classes) == {
        ("shades", "sunglasses"): "inseparable",
        ("space bar", "keyboard"): "implies",
        ("cup", "plate"): "overlap",
        ("hare", "rabbit"): "confused",
        ("hare", "Hare"): "named alike",
    }
    shades = pairs.take(np.flatnonzero(pairs.kind == 0))
    assert (shades.n_a[0], shades.n_b[0], shades.n_both[0]) == (40, 40, 36)
    hares = pairs.take(np.flatnonzero(pairs.kind == PAIR_KINDS.index("confused")))
    assert hares.a_as_b[0] == pytest.approx(20 / 60)
    assert hares.b_as_a[0] == 0
    assert pairs.distance.tolist() == [-1] * 5


@pytest.mark.parametrize("between", ["; ", ", "])
def test_each_of_several_synonyms_is_a_name(between):
    synonyms = (between.join(["crawfish", "crawdad"]), between.join(["rock lobster", "Crawfish"]))
    classes = Classes(("a", "b"), ("crayfish", "spiny lobster"), synonyms, ("", ""))
    labels = LabelSets.from_lists("real", np.array(["1", "2"]), [[0], [1]])
    assert named(class_pairs(labels, classes=classes), classes) == {
        ("crayfish", "spiny lobster"): "named alike"
    }


def test_being_right_about_another_label_of_the_image_is_no_confusion(world):
    """A model that says sunglasses where both are is right, so only votes join the two."""
    labels, _, _, classes = world
    other = np.array([one[-1] if one else 0 for one in labels.lists()])
    model = Predictions("m", labels.image_ids, other[:, None])
    pairs = class_pairs(labels, [model], classes=classes)
    assert not np.nan_to_num(pairs.a_as_b).any()
    assert "confused" not in named(pairs, classes).values()


def test_without_models_names_or_votes_there_is_less_to_say(world):
    labels, model, _, classes = world
    assert set(named(class_pairs(labels), classes).values()) == {
        "inseparable",
        "implies",
        "overlap",
    }
    single = LabelSets.from_lists("s", np.array(["a", "b"]), [[0], [1]], n_classes=9)
    assert len(class_pairs(single)) == 0
    edges = [(f"n{i}", "thing") for i in range(9)]
    pairs = class_pairs(labels, [model], hierarchy=Hierarchy.from_edges(edges, classes))
    assert set(pairs.distance.tolist()) == {2}


def test_what_became_of_the_labels_of_each_class(world):
    labels, _, benchmark, _ = world
    changed = changed_classes(labels, benchmark)
    assert changed.label[0] == 6  # 41 of its 101 images have no label any more
    assert (changed.n_images[0], changed.n_kept[0], changed.n_empty[0]) == (101, 60, 41)
    assert (changed.n_kept + changed.n_replaced + changed.n_empty == changed.n_images).all()
    assert changed.n_images.sum() == len(labels)
    assert len(images_without(labels)) == 41
    assert len(images_with_several(labels)) == 91
    assert len(images_with_several(labels, at_most=5)) == 5


def test_the_known_pairs_of_imagenet_are_found(published):
    """Those that the paper and a code file that cites it name, and two more."""
    labels = published.labels("imagenet-real")
    classes = published.benchmark("imagenet").classes
    pairs = class_pairs(labels, classes=classes)
    kinds = named(pairs, classes)
    for known in [("sunglass", "sunglasses"), ("laptop", "notebook"), ("missile", "projectile")]:
        assert kinds[known] == "inseparable"
    assert kinds[("tub", "bathtub")] == "implies"
    assert kinds[("crane", "crane")] == "named alike"
    assert {classes.names[i] for i in (pairs.a[0], pairs.b[0])} == {"sunglass", "sunglasses"}
