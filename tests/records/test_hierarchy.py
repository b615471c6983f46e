"""A hierarchy: ancestors, depth and distance, and the edges that are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import DataError
from reassess.records import Classes, Hierarchy

# entity ─┬─ animal ─┬─ dog ─┬─ pug
#         │          │       └─ corgi
#         │          └─ cat ─── siamese ──┐ (a pet as well)
#         └─ thing ─── pet ───────────────┘
CLASSES = Classes(
    ("c0", "c1", "c2", "c3"), ("pug", "corgi", "siamese", "cat"), ("",) * 4, ("",) * 4
)
EDGES = (
    ("c0", "dog"),
    ("corgi", "dog"),
    ("siamese", "c3"),
    ("siamese", "pet"),
    ("dog", "animal"),
    ("cat", "animal"),
    ("animal", "entity"),
    ("pet", "thing"),
    ("thing", "entity"),
)


def test_a_hierarchy_small_enough_to_walk_by_hand() -> None:
    tree = Hierarchy.from_edges(EDGES, CLASSES)
    assert tree.ids == ("c0", "c1", "c2", "c3", "animal", "dog", "entity", "pet", "thing")
    assert len(tree) == 9
    assert tree.depth.tolist() == [3, 3, 3, 2, 1, 2, 0, 2, 1]
    named = [[tree.ids[node] for node in tree.ancestors(label)] for label in range(4)]
    assert named[0] == ["dog", "animal", "entity"]
    assert named[2] == ["c3", "pet", "animal", "thing", "entity"]
    a, b = np.triu_indices(4)
    distance = dict(zip(zip(a.tolist(), b.tolist(), strict=True), tree.distance(b, a), strict=True))
    assert distance == {
        (0, 0): 0, (0, 1): 2, (0, 2): 4, (0, 3): 3, (1, 1): 0,
        (1, 2): 4, (1, 3): 3, (2, 2): 0, (2, 3): 1, (3, 3): 0,
    }  # fmt: skip
    meet = tree.common_ancestor(np.array([0, 1, 2, 2]), np.array([1, 2, 3, 2]))
    assert [tree.ids[node] for node in meet] == ["dog", "animal", "c3", "c2"]


def test_no_pairs_have_no_distances() -> None:
    tree = Hierarchy.from_edges(EDGES, CLASSES)
    none = np.zeros(0, dtype=np.int64)
    assert tree.distance(none, none).shape == tree.common_ancestor(none, none).shape == (0,)


def test_of_common_ancestors_as_near_the_deepest_is_the_lowest() -> None:
    """Both classes are one step below `high` and below `deep`."""
    edges = [(label, node) for label in "ab" for node in ("deep", "high")]
    tree = Hierarchy.from_edges([*edges, ("deep", "top")], Classes.from_names(["a", "b"]))
    assert tree.ids[int(tree.common_ancestor(np.array([0]), np.array([1]))[0])] == "deep"


@st.composite
def hierarchies(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """Number of classes, and edges among nodes whose parents have higher numbers."""
    n_nodes = draw(st.integers(4, 14))
    edges = []
    for child in range(n_nodes - 1):
        least = 1 if child < n_nodes // 2 else 0
        parents = st.sets(st.integers(child + 1, n_nodes - 1), min_size=least, max_size=3)
        edges += [(child, parent) for parent in sorted(draw(parents))]
    return draw(st.integers(2, n_nodes // 2)), draw(st.permutations(edges))


@given(drawn=hierarchies())
def test_distances_are_those_of_a_search_node_by_node(
    drawn: tuple[int, list[tuple[int, int]]],
) -> None:
    """Several parents, classes above classes, several roots."""
    n_classes, edges = drawn
    names = [f"{node:02}" for node in range(n_classes)]
    tree = Hierarchy.from_edges(
        [(f"{child:02}", f"{parent:02}") for child, parent in edges], Classes.from_names(names)
    )
    node_of = {int(name): node for node, name in enumerate(tree.ids)}
    above = {child: {p for c, p in edges if c == child} for child in node_of}

    def steps(label: int) -> dict[int, int]:
        found, frontier = {label: 0}, {label}
        while frontier:
            frontier = {p for node in frontier for p in above[node]} - set(found)
            found |= dict.fromkeys(frontier, max(found.values()) + 1)
        return found

    def longest(node: int) -> int:
        return 1 + max(map(longest, above[node])) if above[node] else 0

    ways = [steps(label) for label in range(n_classes)]
    roots = {node for node in node_of if not above[node]}
    assert {node: int(tree.depth[node_of[node]]) for node in node_of} == {
        node: longest(node) for node in node_of
    }
    a, b = (index.reshape(-1) for index in np.indices((n_classes, n_classes)))
    meet, distance = tree.common_ancestor(a, b), tree.distance(a, b)
    for row, (one, other) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        common = {
            node: ways[one][node] + ways[other][node] for node in ways[one] if node in ways[other]
        }
        if common:
            best = min(common, key=lambda n: (common[n], -longest(n), node_of[n]))
            assert (meet[row], distance[row]) == (node_of[best], common[best])
        else:
            to_root = [
                min(way[node] for node in roots & set(way)) for way in (ways[one], ways[other])
            ]
            assert (meet[row], distance[row]) == (-1, sum(to_root) + 2)
    for label in range(n_classes):
        assert set(tree.ancestors(label).tolist()) == {node_of[n] for n in ways[label]} - {label}


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([], r"0 children and 0 parents"),
        ([*EDGES, ("x", "x")], r"edge\[9\] has 'x' as child and as parent.*1 of 10 edges"),
        ([*EDGES, ("c0", "pug")], r"edge\[9\] has 'c0' as child and as parent"),
        ([*EDGES, ("entity", "c0")], r"'c0' → 'dog' → 'animal' → 'entity' → 'c0' form a cycle"),
        ([*EDGES, ("x", "y"), ("y", "z"), ("z", "x")], r"'x' → 'y' → 'z' → 'x' form a cycle of 3"),
        ([*EDGES, ("entity", "x"), ("x", "y"), ("y", "x")], r"'x' → 'y' → 'x' form a cycle of 2"),
        (EDGES[1:], r"class 'c0' is in no edge.*1 of 4 classes"),
        (EDGES[2:], r"class 'c0', 'c1' is in no edge.*2 of 4 classes"),
    ],
)  # fmt: skip
def test_bad_edges_are_refused_by_name(edges: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Hierarchy.from_edges(edges, CLASSES)


def test_a_long_cycle_is_not_shown_whole() -> None:
    edges = [(f"n{i:03}", f"n{(i + 1) % 300:03}") for i in range(300)]
    with pytest.raises(DataError, match=r"^hierarchy: .*'n009' → … → 'n000' form a cycle of 300"):
        Hierarchy.from_edges([("a", "n000"), *edges], Classes.from_names(["a"]))


def test_a_class_may_be_a_root_and_an_edge_may_stand_twice() -> None:
    classes = Classes.from_names(["dog", "animal"])
    tree = Hierarchy.from_edges([("dog", "animal")] * 2, classes)
    assert tree.depth.tolist() == [1, 0]
    assert tree.distance(np.array([0]), np.array([1])).tolist() == [1]


def test_imagenet_in_wordnet(published) -> None:
    benchmark = published.benchmark("imagenet")
    tree = Hierarchy.from_edges(benchmark.hierarchy, benchmark.classes)
    named = benchmark.classes.index_of

    def apart(one: str, other: str) -> int:
        return int(tree.distance(np.array([named[one]]), np.array([named[other]]))[0])

    assert (len(tree), int(tree.depth.max())) == (1860, 18)
    assert apart("tabby", "tiger cat") == 2
    assert apart("tabby", "golden retriever") > apart("tabby", "tiger") > 2
    a, b = np.triu_indices(1000, 1)
    distance = tree.distance(a, b)
    assert (int(distance.min()), int(distance.max()), int((distance == 2).sum())) == (2, 26, 1122)
