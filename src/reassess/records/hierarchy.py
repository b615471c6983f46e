"""Which class is a kind of which: a benchmark's hierarchy, and how far apart its classes are.

A node may have several parents, as WordNet's have, so that the hierarchy is a directed graph
without cycles. For each class the ancestors are kept with the fewest steps to them, a few
numbers a class; no table of all pairs of classes is made. Does not read edges (`files` does)
and does not say which classes look alike: see `proposals`.

Letters: E edges, K classes, n nodes (the classes first, then all other concepts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from reassess.errors import DataError, preview
from reassess.records.benchmark import Classes

_PAIRS_AT_ONCE = 2**17
_LONGEST_SHOWN = 12


@dataclass(frozen=True)
class Hierarchy:
    """Classes and concepts with their is-a edges.

    Attributes:
        ids: one distinct id a node; nodes 0 to K - 1 are the classes in their order.
        n_classes: K.
        child: the more special node of each edge.
        parent: the more general node of each edge.

    Raises:
        DataError: there is no edge, an edge leads from a node to itself, edges form a cycle,
            or a class is in no edge.
    """

    ids: tuple[str, ...]
    n_classes: int
    child: Int[np.ndarray, "E"]
    parent: Int[np.ndarray, "E"]

    def __post_init__(self) -> None:
        if len(self.child) == 0 or len(self.child) != len(self.parent):
            raise DataError(
                f"hierarchy: there are {len(self.child):,} children and {len(self.parent):,} "
                "parents, but there must be as many of both, and at least one. Give the edges "
                "as child,parent."
            )
        own = np.flatnonzero(self.child == self.parent)
        if len(own):
            raise DataError(
                f"hierarchy: edge[{own[0]}] has {self.ids[self.child[own[0]]]!r} as child and as "
                f"parent, but must name two different ids; {len(own):,} of {len(self.child):,} "
                "edges name one twice. Leave them out."
            )
        absent = np.setdiff1d(np.arange(self.n_classes), np.append(self.child, self.parent))
        if len(absent):
            raise DataError(
                f"hierarchy: class {preview(self.ids[one] for one in absent)} is in no edge, but "
                "must "
                f"have a parent or be one; {len(absent):,} of {self.n_classes:,} classes are in "
                "none. Add a row child,parent for each."
            )
        self._check_acyclic()

    @classmethod
    def from_edges(cls, edges: Sequence[tuple[str, str]], classes: Classes) -> "Hierarchy":
        """The hierarchy of these classes.

        Args:
            edges: (child, parent) pairs; each side is the id or the unique name of a class,
                or the id of a concept that is no class.
            classes: the classes, in the order of their indices.

        Raises:
            DataError: there is no edge, an edge names one id twice, edges form a cycle, or a
                class is in no edge.
        """
        index_of = classes.index_of
        concepts = sorted({one for edge in edges for one in edge if one not in index_of})
        node_of = index_of | {one: node for node, one in enumerate(concepts, len(classes))}
        nodes = np.array([(node_of[a], node_of[b]) for a, b in edges], dtype=np.int64)
        child, parent = nodes.reshape(-1, 2).T
        return cls((*classes.ids, *concepts), len(classes), child, parent)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def depth(self) -> Int[np.ndarray, "n"]:
        """Steps of the longest way from a root to each node: below every ancestor's; roots 0."""
        return self._peel()[0]

    @cached_property
    def tree_order(self) -> Int[np.ndarray, "K"]:
        """The place of each class when the hierarchy is walked depth first; relatives are near."""
        children: dict[int, list[int]] = {}
        for child, parent in sorted(zip(self.child.tolist(), self.parent.tolist(), strict=True)):
            children.setdefault(parent, []).append(child)
        left = sorted(set(self.parent.tolist()) - set(self.child.tolist()), reverse=True)
        walked: dict[int, int] = {}
        while left:
            node = left.pop()
            if node not in walked:
                walked[node] = len(walked)
                left += reversed(children.get(node, []))
        return np.array([walked[node] for node in range(self.n_classes)])

    @cached_property
    def n_below(self) -> Int[np.ndarray, "n"]:
        """Number of classes below each node; a class counts as below itself."""
        return np.bincount(self._upward[1], minlength=len(self.ids))

    def ancestors(self, label: int) -> Int[np.ndarray, "m"]:
        """The nodes above a class, nearest first, then by number; without the class itself."""
        start, node, steps = self._upward
        rows = slice(int(start[label]), int(start[label + 1]))
        order = np.lexsort((node[rows], steps[rows]))[1:]
        found: Int[np.ndarray, "m"] = node[rows][order]
        return found

    def common_ancestor(
        self, a: Int[np.ndarray, "m"], b: Int[np.ndarray, "m"]
    ) -> Int[np.ndarray, "m"]:
        """The lowest common ancestor of each pair of classes, -1 where there is none.

        Of several common ancestors it is the one with the shortest way between the two
        classes, then the deepest, then the one with the lowest number. A class is an ancestor
        of itself here.
        """
        return self._meet(a, b)[0]

    def distance(self, a: Int[np.ndarray, "m"], b: Int[np.ndarray, "m"]) -> Int[np.ndarray, "m"]:
        """Steps of the shortest way over a common ancestor between each pair of classes.

        0 from a class to itself, 2 between siblings. Classes without a common ancestor are as
        far apart as if all roots had one parent.
        """
        return self._meet(a, b)[1]

    def _check_acyclic(self) -> None:
        """Walk upwards among the nodes that are left: they all lead into a cycle."""
        left = self._peel()[1]
        if not left.any():
            return
        inside = left[self.child] & left[self.parent]
        parent_of = dict(
            zip(self.child[inside].tolist(), self.parent[inside].tolist(), strict=True)
        )
        way = [min(parent_of)]
        while parent_of[way[-1]] not in way:
            way.append(parent_of[way[-1]])
        cycle = way[way.index(parent_of[way[-1]]) :]
        shown = [repr(self.ids[node]) for node in [*cycle, cycle[0]]]
        if len(shown) > _LONGEST_SHOWN:
            shown = [*shown[: _LONGEST_SHOWN - 2], "…", shown[-1]]
        raise DataError(
            f"hierarchy: the parents {' → '.join(shown)} form a cycle of {len(cycle):,}, but no "
            "class may be its own ancestor. Take out the wrong edge."
        )

    def _peel(self) -> tuple[Int[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
        """Depth of each node, and which nodes are never free of unseen parents."""
        depth = np.zeros(len(self.ids), dtype=np.int64)
        waiting = np.bincount(self.child, minlength=len(self.ids))
        start, child = _rows(self.parent, self.child, len(self.ids))
        free = np.flatnonzero(waiting == 0)
        level = 0
        while len(free):
            level += 1
            below = child[_ranges(start[free], start[free + 1])]
            np.subtract.at(waiting, below, 1)
            free = np.unique(below[waiting[below] == 0])
            depth[free] = level
        return depth, waiting > 0

    @cached_property
    def _upward(
        self,
    ) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
        """Compressed rows of each class's ancestors, itself included, with the fewest steps."""
        n_nodes = len(self.ids)
        start, parent = _rows(self.child, self.parent, n_nodes)
        frontier = np.arange(self.n_classes) * (n_nodes + 1)
        seen, steps = frontier, np.zeros(self.n_classes, dtype=np.int64)
        while len(frontier):
            label, node = np.divmod(frontier, n_nodes)
            label = np.repeat(label, start[node + 1] - start[node])
            above = parent[_ranges(start[node], start[node + 1])]
            frontier = np.setdiff1d(label * n_nodes + above, seen)
            seen = np.append(seen, frontier)
            steps = np.append(steps, np.full(len(frontier), steps[-1] + 1))
        order = np.argsort(seen)
        label, node = np.divmod(seen[order], n_nodes)
        return np.searchsorted(label, np.arange(self.n_classes + 1)), node, steps[order]

    @cached_property
    def _steps_to_root(self) -> Int[np.ndarray, "K"]:
        """Fewest steps from each class to a root."""
        start, node, steps = self._upward
        is_root = np.bincount(self.child, minlength=len(self.ids)) == 0
        steps = np.where(is_root[node], steps, len(self.ids))
        return np.minimum.reduceat(steps, start[:-1])

    def _meet(
        self, a: Int[np.ndarray, "m"], b: Int[np.ndarray, "m"]
    ) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
        """Lowest common ancestor and distance of each pair; each distinct pair is met once."""
        low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b)
        key, back = np.unique(low * self.n_classes + high, return_inverse=True)
        parts = [
            self._meet_distinct(*np.divmod(key[row : row + _PAIRS_AT_ONCE], self.n_classes))
            for row in range(0, len(key), _PAIRS_AT_ONCE)
        ] or [(low, low)]
        ancestor, distance = (np.concatenate(column)[back] for column in zip(*parts, strict=True))
        return ancestor, distance

    def _meet_distinct(
        self, a: Int[np.ndarray, "m"], b: Int[np.ndarray, "m"]
    ) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
        """Look every ancestor of ``a`` up among those of ``b``; the best stands in one number."""
        start, node, steps = self._upward
        n_nodes, deepest = len(self.ids), int(self.depth.max())
        rows = _ranges(start[a], start[a + 1])
        size = start[a + 1] - start[a]
        wanted = np.repeat(b, size) * n_nodes + node[rows]
        at = np.searchsorted(self._keys, wanted)
        at[at == len(self._keys)] = 0
        common = self._keys[at] == wanted
        none = 2 * n_nodes
        total = np.where(common, steps[rows] + steps[at], none)
        rank = (total * (deepest + 1) + deepest - self.depth[node[rows]]) * n_nodes + node[rows]
        best = np.minimum.reduceat(rank, np.cumsum(size) - size)
        distance = best // n_nodes // (deepest + 1)
        apart = self._steps_to_root[a] + self._steps_to_root[b] + 2
        met = distance < none
        return np.where(met, best % n_nodes, -1), np.where(met, distance, apart)

    @cached_property
    def _keys(self) -> Int[np.ndarray, "m"]:
        """(class, ancestor) of each of the rows of `_upward` as one rising number."""
        start, node, _ = self._upward
        label = np.repeat(np.arange(self.n_classes), np.diff(start))
        keys: Int[np.ndarray, "m"] = label * len(self.ids) + node
        return keys


def _rows(
    row: Int[np.ndarray, "E"], value: Int[np.ndarray, "E"], n_rows: int
) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "E"]]:
    """Compressed rows: where each row starts, and the values in the order of the rows."""
    start = np.append(0, np.cumsum(np.bincount(row, minlength=n_rows)))
    return start, value[np.argsort(row, kind="stable")]


def _ranges(start: Int[np.ndarray, "m"], stop: Int[np.ndarray, "m"]) -> Int[np.ndarray, "k"]:
    """The numbers of all half-open ranges, one range after the other."""
    size = stop - start
    ranges: Int[np.ndarray, "k"] = np.arange(size.sum()) + np.repeat(
        start - np.cumsum(size) + size, size
    )
    return ranges
