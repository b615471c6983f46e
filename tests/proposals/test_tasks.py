"""Questions become tasks: sizes, what stays together, and the published questions."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import DataError, OptionError
from reassess.proposals.tasks import split_into_tasks
from reassess.records import Classes, Hierarchy, Pairs, Questions, Tasks


def asked(*images: list[int]) -> Questions:
    """Questions about classes, one list an image."""
    image = np.repeat(np.arange(len(images)), [len(labels) for labels in images])
    ids = np.array([f"{number}.jpg" for number in range(len(images))], dtype=str)
    labels = np.array([label for one in images for label in one], dtype=np.int64)
    return Questions.from_pairs(Pairs(ids, image, labels))


def tree(*groups: int) -> Hierarchy:
    """Classes in groups of so many siblings, the groups below one root."""
    names = [f"{group}-{n}" for group, size in enumerate(groups) for n in range(size)]
    edges = [(name, name.partition("-")[0]) for name in names]
    edges += [(str(group), "root") for group in range(len(groups))]
    return Hierarchy.from_edges(edges, Classes.from_names(names))


def screens(tasks: Tasks) -> list[list[int]]:
    """The classes of each task."""
    return [tasks.pairs.label[tasks.questions_of(task)].tolist() for task in range(len(tasks))]


def random_tree(n_classes: int, seed: int) -> Hierarchy:
    rng = np.random.default_rng(seed)
    names = [f"{node:03}" for node in range(2 * n_classes)]
    parents = [
        int(rng.integers(max(node + 1, n_classes), 2 * n_classes))
        for node in range(2 * n_classes - 1)
    ]
    edges = [(names[node], names[parent]) for node, parent in enumerate(parents)]
    return Hierarchy.from_edges(edges, Classes.from_names(names[:n_classes]))


@given(
    images=st.lists(st.sets(st.integers(0, 29), min_size=1, max_size=30), min_size=1, max_size=5),
    per_task=st.integers(1, 12),
    screen_cost=st.sampled_from([0.0, 0.5, 100.0]),
    with_tree=st.booleans(),
    data=st.data(),
)
def test_what_holds_for_any_questions(
    images: list[set[int]], per_task: int, screen_cost: float, with_tree: bool, data: st.DataObject
) -> None:
    """Screens of allowed sizes, numbered by image and class, whatever the questions' order."""
    questions = asked(*map(sorted, images))
    hierarchy = random_tree(30, len(images)) if with_tree else None
    options = {"per_task": per_task, "hierarchy": hierarchy, "screen_cost": screen_cost}
    tasks = split_into_tasks(questions, **options)
    assert tasks.sizes.sum() == len(questions)
    assert tasks.sizes.max() <= per_task
    fewest = 3 if per_task >= 5 else (per_task + 1) // 2
    for row, labels in enumerate(images):
        sizes = tasks.sizes[tasks.image == row]
        assert (len(sizes) == 1) == (len(labels) <= per_task)
        assert len(sizes) == 1 or sizes.min() >= fewest
    lowest = [min(one) for one in screens(tasks)]
    assert np.lexsort((lowest, tasks.image)).tolist() == list(range(len(tasks)))

    order = np.array(data.draw(st.permutations(range(len(questions)))))
    pairs = tasks.pairs
    shuffled = Questions.from_pairs(Pairs(pairs.image_ids, pairs.image[order], pairs.label[order]))
    assert split_into_tasks(shuffled, **options).task.tolist() == tasks.task[order].tolist()

    if with_tree:
        alone = [split_into_tasks(asked(sorted(labels)), **options) for labels in images]
        assert [one for tasks in alone for one in screens(tasks)] == screens(tasks)


@pytest.mark.parametrize("per_task", [1, 2, 3, 4, 5, 6, 8, 11])
def test_every_number_of_questions_can_be_cut(per_task: int) -> None:
    """And into the fewest screens there can be, where another costs enough."""
    sizes = list(range(1, 33))
    tasks = split_into_tasks(
        asked(*[list(range(size)) for size in sizes]), per_task=per_task, screen_cost=1e6
    )
    n_screens = np.bincount(tasks.image)
    assert n_screens.tolist() == [-(-size // per_task) for size in sizes]
    assert tasks.sizes[n_screens[tasks.image] > 1].min() >= min(3, (per_task + 1) // 2)


def test_siblings_stay_together() -> None:
    groups = tree(5, 4, 3, 20)
    dogs, cats, cars, snakes = [0, 1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11], list(range(12, 32))
    for image, wanted in {
        (*dogs, *cats): [dogs, cats],
        (*dogs, *cats, *cars): [dogs, cats, cars],
        (*cars, *snakes[:8]): [cars, snakes[:8]],
        (*cats, *snakes[:6], *dogs[:3]): [dogs[:3], cats, snakes[:6]],
    }.items():
        assert screens(split_into_tasks(asked(list(image)), hierarchy=groups)) == wanted


def test_siblings_that_do_not_fit_on_one_screen_are_cut_evenly_into_the_fewest() -> None:
    for n, sizes in {9: [4, 5], 11: [5, 6], 16: [8, 8], 17: [5, 6, 6], 20: [6, 7, 7]}.items():
        tasks = split_into_tasks(asked(list(range(n))), hierarchy=tree(20))
        assert sorted(tasks.sizes.tolist()) == sizes
    tasks = split_into_tasks(asked(list(range(14))), hierarchy=tree(11, 3))
    assert sorted(tasks.sizes.tolist()) == [3, 5, 6]
    assert [11, 12, 13] in screens(tasks)


def test_a_full_screen_takes_no_sibling_more() -> None:
    tasks = split_into_tasks(asked(list(range(12))), hierarchy=tree(9, 3))
    assert sorted(tasks.sizes.tolist()) == [4, 8]


def test_a_screen_that_costs_more_is_spared() -> None:
    """Three kinds of three: one screen each, or six and three."""
    nine = asked(list(range(9)))
    sizes = [
        sorted(split_into_tasks(nine, hierarchy=tree(3, 3, 3), screen_cost=cost).sizes.tolist())
        for cost in (0.5, 1.0)
    ]
    assert sizes == [[3, 3, 3], [3, 6]]


def partitions(items: list[int], fewest: int, most: int):
    if not items:
        yield []
    for size in range(fewest, min(most, len(items)) + 1):
        for mates in combinations(items[1:], size - 1):
            rest = [one for one in items[1:] if one not in mates]
            yield from ([[items[0], *mates], *more] for more in partitions(rest, fewest, most))


def test_the_search_finds_nearly_the_best_of_all_partitions() -> None:
    """Every partition of 9 questions weighed by the documented value."""
    every = list(partitions(list(range(9)), 3, 8))
    gaps = []
    for seed in range(40):
        hierarchy = random_tree(30, seed)
        labels = np.sort(np.random.default_rng(seed).permutation(30)[:9])
        a, b = (labels[index.reshape(-1)] for index in np.indices((9, 9)))
        similarity = 2.0 ** (-np.maximum(hierarchy.distance(a, b) - 2, 0) / 8).reshape(9, 9)
        np.fill_diagonal(similarity, 0)

        def value(parts: list[list[int]], similarity=similarity) -> float:
            means = [similarity[np.ix_(part, part)].sum() / (len(part) - 1) for part in parts]
            return float(sum(means)) - 0.5 * len(parts)

        tasks = split_into_tasks(asked(labels.tolist()), hierarchy=hierarchy)
        found = [np.searchsorted(labels, one).tolist() for one in screens(tasks)]
        gaps.append(max(map(value, every)) - value(found))
    assert np.mean(np.array(gaps) < 0.001) > 0.9
    assert max(gaps) < 0.3


def test_without_a_hierarchy_classes_proposed_together_stay_together() -> None:
    """Apart in number, together on other images."""
    even, odd = [0, 2, 4, 6, 8], [1, 3, 5, 7]
    tasks = split_into_tasks(asked(even, odd, list(range(9)), even, odd, [0, 1]))
    assert screens(tasks) == [even, odd, even, odd, even, odd, [0, 1]]


def test_classes_that_met_on_no_other_image_are_near_nothing() -> None:
    """7, 8 and 9 are asked about once: that they meet there says nothing."""
    elsewhere = [[0, 1, 2, 3], [4, 5, 6]] * 3 + [[0, 4], [1, 5]]
    tasks = split_into_tasks(asked(list(range(10)), *elsewhere))
    assert screens(tasks)[:3] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_nothing_known_is_cut_evenly() -> None:
    assert split_into_tasks(asked(list(range(12)))).sizes.tolist() == [6, 6]
    assert split_into_tasks(asked()).n_tasks == 0


@pytest.mark.parametrize(
    "options", [{"per_task": 0}, {"screen_cost": -0.1}, {"screen_cost": np.nan}]
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="but must be"):
        split_into_tasks(asked([0, 1]), **options)


def test_questions_that_cannot_be_split_are_refused() -> None:
    with pytest.raises(DataError, match=r"class 5 is asked about.*has 4 classes; 2 of 4 questions"):
        split_into_tasks(asked([0, 1, 4, 5]), hierarchy=tree(4))
    with pytest.raises(DataError, match="name no images"):
        split_into_tasks(Questions(np.array(["a"]), None))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ([0, 0, 1], r"3 tasks, but must be one for each of 4"),
        ([0, -1, 1, 1], r"task\[1\] is -1"),
        ([0, 0, 2, 2], r"task 1 has 0 questions.*1 of 3"),
        ([0, 1, 1, 2], r"task 1 has questions about '0.jpg', '1.jpg'.*1 of 3"),
    ],
)
def test_tasks_that_are_no_screens_of_one_image_are_refused(task: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Tasks(asked([3, 1], [0, 2]), np.array(task))


def test_what_a_rating_site_reads() -> None:
    tasks = Tasks(asked([3, 1], [0], [2, 4]), np.array([2, 2, 0, 1, 1]))
    assert (len(tasks), tasks.sizes.tolist(), tasks.image.tolist()) == (3, [1, 2, 2], [1, 2, 0])
    assert [tasks.questions_of(task).tolist() for task in range(3)] == [[2], [3, 4], [1, 0]]
    with pytest.raises(DataError, match=r"task is 3, but must be in \[0, 3\)"):
        tasks.questions_of(3)


def mean_distance(tasks: Tasks, chosen: np.ndarray, hierarchy: Hierarchy) -> float:
    """Between the classes of one screen, over all pairs on screens of the chosen images."""
    met = []
    for size in range(2, int(tasks.sizes.max()) + 1):
        start = tasks.start[:-1][(tasks.sizes == size) & chosen[tasks.image]]
        one, other = np.triu_indices(size, 1)
        rows = start[:, None] + np.stack([one, other])[:, None, :]
        met.append(tasks.pairs.label[tasks.order[rows]].reshape(2, -1))
    return float(hierarchy.distance(*np.concatenate(met, axis=1)).mean())


def test_the_published_questions(published) -> None:
    """More coherent than the published groups on the images that both split, and never over 8."""
    votes, benchmark = published.votes("imagenet-votes"), published.benchmark("imagenet")
    hierarchy = Hierarchy.from_edges(benchmark.hierarchy, benchmark.classes)
    ours = split_into_tasks(votes.questions, hierarchy=hierarchy)
    assert (len(ours.task), ours.n_tasks, int(ours.sizes.max())) == (184_962, 37_632, 8)
    parts = np.bincount(ours.image)
    assert (int((parts > 1).sum()), len(parts)) == (7_047, 24_889)
    assert ours.sizes[parts[ours.image] > 1].min() == 3

    teams = votes.rater[np.lexsort((votes.rater, votes.question))].reshape(-1, 5)
    key = ours.pairs.image * 10**10 + teams @ 100 ** np.arange(5)
    theirs = Tasks(votes.questions, np.unique(key, return_inverse=True)[1])
    assert theirs.n_tasks == 38_187
    both = (np.bincount(ours.pairs.image) > 8) & (np.bincount(theirs.image) > 1)
    assert int(both.sum()) == 5_461
    within = [mean_distance(tasks, both, hierarchy) for tasks in (ours, theirs)]
    assert within == pytest.approx([6.31, 6.38], abs=0.005)


def test_hundreds_of_questions_on_an_image_stay_with_their_relatives() -> None:
    """Ten families of thirty classes, all asked about on one image and in no order."""
    label = np.random.default_rng(0).permutation(300)
    names = [f"c{k}" for k in range(300)]
    edges = [(f"c{k}", f"family{k % 10}") for k in range(300)]
    edges += [(f"family{f}", "all") for f in range(10)]
    hierarchy = Hierarchy.from_edges(edges, Classes.from_names(names))
    questions = Questions.from_pairs(Pairs(np.array(["x.jpg"]), np.zeros(300, int), label))
    tasks = split_into_tasks(questions, hierarchy=hierarchy)
    assert 3 <= tasks.sizes.min() <= tasks.sizes.max() <= 8
    families = [len(set(label[tasks.task == t] % 10)) for t in range(tasks.n_tasks)]
    assert np.mean(families) < 1.5
    assert np.bincount(tasks.task).sum() == 300
