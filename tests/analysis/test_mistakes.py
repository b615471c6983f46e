"""The remaining mistakes of models: by hand, by the accuracy, and on the published data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.analysis.mistakes import MISTAKE_KINDS, SEVERITIES, find_mistakes
from reassess.errors import DataError
from reassess.records import (
    Classes,
    Hierarchy,
    LabelSets,
    OperatingPoint,
    Pairs,
    Posterior,
    Predictions,
    Questions,
)
from reassess.reproduce.inputs import Inputs
from reassess.scoring import real_accuracy

CAT, LION, DOG, WOLF, CUP, PLATE, FORK, BOWL = range(8)
CLASSES = Classes(
    tuple("abcdefgh"),
    ("cat", "lion", "dog", "wolf", "cup", "plate", "fork", "bowl"),
    ("",) * 8,
    ("",) * 8,
)
EDGES = [
    ("a", "feline"), ("b", "feline"), ("c", "canine"), ("d", "canine"),
    ("feline", "animal"), ("canine", "animal"), ("animal", "entity"),
    ("e", "vessel"), ("f", "vessel"), ("h", "vessel"), ("vessel", "tableware"),
    ("g", "cutlery"), ("cutlery", "silver"), ("silver", "tableware"), ("tableware", "entity"),
]  # fmt: skip
IDS = np.array([f"{n:03d}" for n in range(560)])
SETS = [[CAT, CUP]] * 10 + [[CAT]] * 30 + [[CUP]] * 20 + [[WOLF]] * 480 + [[]] * 20
POINT = OperatingPoint("threshold", 0.8)
LABELS = LabelSets.from_lists("real", IDS, SETS, n_classes=8, operating_point=POINT)

MISTAKES = {  # image: prediction, posterior of it, models that say the same, kind, severity
    10: (LION, 0.201, 0, "missed label", "slight"),  # a quarter of 0.8
    11: (LION, 0.19, 0, "near class", "slight"),
    12: (DOG, None, 0, "near class", "slight"),  # four steps, under animals
    13: (CUP, 0.10, 0, "co-occurring", "severe"),  # ten images hold both
    14: (PLATE, None, 0, "far away", "severe"),
    15: (BOWL, None, 2, "missed label", "severe"),  # nobody was asked; two of three others agree
    16: (BOWL, 0.01, 2, "far away", "severe"),  # raters said no, whatever the models say
    17: (BOWL, None, 1, "far away", "severe"),
    40: (FORK, 0.10, 0, "far away", "moderate"),  # five steps, under half of all classes
}


def top_of(changes: dict[int, int]) -> np.ndarray:
    top = np.array([labels[0] if labels else LION for labels in SETS])
    top[list(changes)] = list(changes.values())
    return top[:, None]


def world():
    """The model, three witnesses (their rows turned round) and the posterior."""
    model = Predictions(
        "m", IDS, top_of({0: CUP} | {image: row[0] for image, row in MISTAKES.items()})
    )
    witnesses = [
        Predictions(
            f"w{w}",
            IDS[::-1],
            top_of({i: row[0] for i, row in MISTAKES.items() if row[2] > w})[::-1],
        )
        for w in range(3)
    ]
    asked = [(image, row[0], row[1]) for image, row in MISTAKES.items() if row[1] is not None]
    image, label, present = map(np.array, zip(*asked, strict=True))
    chance = np.log(np.column_stack([1 - present, present]))
    pairs = Pairs(IDS[image][::-1], np.arange(len(image))[::-1], label)
    posterior = Posterior(
        Questions.from_pairs(pairs), ("absent", "present"), chance, "m", ("no", "maybe", "yes"),
        np.array(["r"]),
    )  # fmt: skip
    return model, witnesses, posterior


def test_each_mistake_is_of_the_first_kind_whose_rule_holds():
    model, witnesses, posterior = world()
    hierarchy = Hierarchy.from_edges(EDGES, CLASSES)
    found = find_mistakes(
        LABELS, [model], witnesses=[*witnesses, model], hierarchy=hierarchy, posterior=posterior
    )
    said = {
        int(found.image[i]): (
            int(found.predicted[i]), MISTAKE_KINDS[found.kind[i]], SEVERITIES[found.severity[i]]
        )
        for i in range(len(found))
    }  # fmt: skip
    assert said == {image: (row[0], row[3], row[4]) for image, row in MISTAKES.items()}
    assert found.n_scored.tolist() == [540]  # empty sets are left out, either label is right
    assert found.n_others == 3
    assert found.n_same.tolist() == [row[2] for row in MISTAKES.values()]
    assert found.n_together[found.image == 13].tolist() == [10]
    assert found.distance.tolist() == [2, 2, 4, 6, 6, 6, 6, 6, 5]
    assert hierarchy.ids[found.ancestor[found.image == 40][0]] == "tableware"
    assert found.counts("kind").sum() == found.counts("severity").sum() == len(MISTAKES)


def test_the_nearest_label_of_the_image_counts():
    hierarchy = Hierarchy.from_edges(EDGES, CLASSES)
    labels = LabelSets.from_lists("l", np.array(["x"]), [[CUP, WOLF, LION]], n_classes=8)
    found = find_mistakes(
        labels, [Predictions("m", np.array(["x"]), np.array([[CAT]]))], hierarchy=hierarchy
    )
    assert (found.label[0], found.distance[0]) == (LION, 2)


def test_what_all_classes_share_makes_none_of_them_near():
    """Two steps apart, but only because everything is."""
    flat = Hierarchy.from_edges([(one, "thing") for one in CLASSES.ids], CLASSES)
    labels = LabelSets.from_lists("l", np.array(["x"]), [[LION]], n_classes=8)
    found = find_mistakes(
        labels, [Predictions("m", np.array(["x"]), np.array([[CAT]]))], hierarchy=flat
    )
    assert found.distance.tolist() == [2]
    assert (MISTAKE_KINDS[found.kind[0]], SEVERITIES[found.severity[0]]) == ("far away", "severe")


def test_without_a_hierarchy_near_and_far_are_not_told_apart():
    model, witnesses, posterior = world()
    found = find_mistakes(LABELS, [model], witnesses=witnesses, posterior=posterior)
    kinds = dict(
        zip(found.image.tolist(), [MISTAKE_KINDS[k] for k in found.kind.tolist()], strict=True)
    )
    assert kinds == {
        image: row[3] if row[3] in {"missed label", "co-occurring"} else "unsorted"
        for image, row in MISTAKES.items()
    }
    assert (found.severity == -1).all()
    assert found.counts("severity").sum() == 0


def test_without_a_threshold_nothing_was_almost_kept():
    model, _, posterior = world()
    labels = LabelSets.from_lists("real", IDS, SETS, n_classes=8)
    found = find_mistakes(labels, [model], posterior=posterior)
    assert "missed label" not in {MISTAKE_KINDS[k] for k in found.kind}


def test_two_models_of_one_name_are_refused():
    model, _, _ = world()
    with pytest.raises(DataError, match="distinct names"):
        find_mistakes(LABELS, [model, model])


@given(st.data())
def test_mistakes_are_what_the_accuracy_leaves(data):
    """Whatever sets and predictions: scored images less right ones, and one kind each."""
    n = data.draw(st.integers(1, 12))
    classes = st.integers(0, 4)
    sets = data.draw(st.lists(st.lists(classes, unique=True, max_size=3), min_size=n, max_size=n))
    if not any(sets):
        sets[0] = [0]
    ids = np.array([f"i{k}" for k in range(n)])
    labels = LabelSets.from_lists("l", ids, sets)
    models = [
        Predictions(name, ids[order], np.array(top)[order][:, None])
        for name in ("a", "b")
        for order in [np.array(data.draw(st.permutations(range(n))))]
        for top in [data.draw(st.lists(classes, min_size=n, max_size=n))]
    ]
    found = find_mistakes(labels, models)
    for m, model in enumerate(models):
        real = real_accuracy(model, labels)
        assert found.n_scored[m] == real.n_scored
        assert found.n_mistakes[m] == real.n_scored - real.n_correct
    assert (found.counts("kind").sum(axis=1) == found.n_mistakes).all()
    held = labels.lists()
    for image, predicted, label in zip(found.image, found.predicted, found.label, strict=True):
        assert label in held[image]
        assert predicted not in held[image]


def test_workers_accept_just_missed_labels_most_and_far_ones_least(published):
    """Northcutt's workers judged guesses of a ResNet-50 that no rule of ours looks at."""
    import json

    inputs = Inputs(published)
    benchmark = inputs.benchmark
    checks = json.loads(published.path("imagenet/imagenet_mturk.json").read_text("utf-8"))
    ids = np.array([f"ILSVRC2012_val_{one['id']:08d}.JPEG" for one in checks])
    guessed = np.array([one["our_guessed_label"] for one in checks])
    accepts = {one["id"]: one["mturk"]["guessed"] + one["mturk"]["both"] >= 3 for one in checks}
    hierarchy = Hierarchy.from_edges(benchmark.hierarchy, benchmark.classes)
    found = find_mistakes(
        inputs.labels, [Predictions("guess", ids, guessed[:, None])], hierarchy=hierarchy,
        posterior=inputs.posterior, votes=inputs.votes, classes=benchmark.classes,
    )  # fmt: skip
    number = [int(one[-13:-5]) for one in found.image_ids[found.image]]
    accepted = np.array([accepts[one] for one in number])
    assert len(found) == 2944
    share = [accepted[found.kind == k].mean() for k in range(4)]
    assert share[0] > 0.5
    assert 0.35 > share[1] > share[3]
    assert share[3] < 0.12
    assert (found.votes.sum(axis=1) == np.where(np.isnan(found.posterior), 0, 5)).all()
