"""Boosted trees that scikit-learn grew, read out into arrays and walked by a compiled loop.

scikit-learn takes milliseconds over a table of eight rows, most of it in checks and in setting up
threads; a queue asks for eight rows with every answer that comes in. The forecasts are the same.

Grows nothing: `reassess.aggregation.adaptive.learned` does. Letters: u rows, f columns, n nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Float, Int

from reassess.compiled import compiled


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees whose leaves add up to log-odds.

    Attributes:
        base: log-odds before the first tree.
        root: first node of each tree.
        column: column that each node looks at; -1 in leaves.
        most: a value of at most so much goes to the left.
        left: node on the left.
        right: node on the right.
        value: what a leaf adds.
    """

    base: float
    root: Int[np.ndarray, "t"]
    column: Int[np.ndarray, "n"]
    most: Float[np.ndarray, "n"]
    left: Int[np.ndarray, "n"]
    right: Int[np.ndarray, "n"]
    value: Float[np.ndarray, "n"]

    @classmethod
    def grown(cls, model: Any, edges: Sequence[Float[np.ndarray, "..."]]) -> "Trees":
        """The trees of a fitted `HistGradientBoostingClassifier` of two classes.

        Args:
            model: fitted to the steps into which ``edges`` cut each column.
            edges: rising; a value's step is how many of its column's edges are smaller.
        """
        grown = [one.nodes for (one,) in model._predictors]
        size = np.array([len(nodes) for nodes in grown])
        root = np.cumsum(size) - size
        nodes = np.concatenate(grown)
        offset = np.repeat(root, size)
        column = np.where(nodes["is_leaf"] == 1, -1, nodes["feature_idx"])
        # Of at most s steps is what is no larger than edge s; beyond the last edge, everything.
        most = np.full(len(nodes), np.inf)
        for i, edge in enumerate(edges):
            here = np.flatnonzero(column == i)
            step = np.floor(nodes["num_threshold"][here]).astype(np.int64)
            most[here] = np.append(edge, np.inf)[step.clip(max=len(edge))]
        return cls(
            float(model._baseline_prediction[0, 0]), root, column.astype(np.int64), most,
            offset + nodes["left"], offset + nodes["right"], nodes["value"].astype(np.float64),
        )  # fmt: skip

    def log_odds(self, table: Float[np.ndarray, "u f"]) -> Float[np.ndarray, "u"]:
        """The sum of the leaves that each row falls into."""
        found: Float[np.ndarray, "u"] = compiled(_walk_trees, "forecasting decisions")(
            np.ascontiguousarray(table), self.base, self.root, self.column, self.most, self.left,
            self.right, self.value,
        )  # fmt: skip
        return found


@no_type_check
def _walk_trees(table, base, root, column, most, left, right, value):
    found = np.full(len(table), base)
    for row in range(len(table)):
        for first in root:
            node = first
            while column[node] >= 0:
                node = left[node] if table[row, column[node]] <= most[node] else right[node]
            found[row] += value[node]
    return found
