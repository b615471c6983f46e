"""`monitor`, as its readers type it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reassess.analysis.monitoring import audit_errors
from reassess.errors import DataError
from reassess.records import LabelSets
from reassess.records.audits import Audit, AuditStratum
from reassess.records.pairs import Pairs
from reassess.statistics.sequential import finite_rate_sequence
from tests.conftest import Ran

Cli = Callable[..., Ran]


def test_counts_tables_and_pairs_of_models(tmp_path: Path, cli: Cli) -> None:
    table = tmp_path / "per-image.csv"
    rows = ["1,0,no"] * 30 + ["0,1,yes"] * 4 + ["1,1,no"] * 66 + [",,no"] * 5
    table.write_text("a:right,b:right,wrong\n" + "\n".join(rows) + "\n")
    ran = cli("monitor", table, "--a", "a", "--b", "b")
    assert ran.status == 0, ran
    assert "a minus b: +26.00" in ran.out
    assert "after 100 results. a is better." in " ".join(ran.out.split())
    by_table = json.loads(cli("monitor", table, "--column", "wrong", "--json").out)
    (counted,) = json.loads(cli("monitor", "--wrong", "4", "--checked", "105", "--json").out)[
        "estimates"
    ]
    (read,) = by_table["estimates"]
    assert {**read, "about": ""} == {**counted, "about": ""}
    few = json.loads(cli("monitor", "--wrong", "4", "--checked", "105", "--population", "120",
                         "--json").out)["estimates"][0]  # fmt: skip
    assert few["high"] < counted["high"]
    for arguments, says in (
        ([], "must be given"),
        ([table, "--wrong", "3"], "leave them out beside a file"),
        ([table, "--a", "a"], "both --a and --b"),
        ([table, "--column", "c"], "the column 'c' is missing"),
        ([table], "columns must be named"),
        ([table, "--a", "a", "--b", "a"], "must be two"),
        ([table, "--population", "9"], "--population goes with counts or with --column"),
    ):
        ran = cli("monitor", *arguments)
        assert (ran.status, ran.out) == (2, "")
        assert says in " ".join(ran.err.split())


def test_the_audit_of_labels() -> None:
    """Of 5 drawn of 40 skipped images one lost its label."""
    ids = np.array([f"i{n:02}" for n in range(40)])
    classes = np.zeros(40, np.int64)
    classes[2] = 1
    labels = LabelSets("l", ids, np.arange(41), classes)
    audit = Audit(
        (AuditStratum("skipped", None, (0,)),),
        Pairs(ids, np.arange(40), np.zeros(40, np.int64)),
        np.zeros(40, np.int64),
        np.zeros(40, np.int64),
        np.arange(40) < 5,
    )
    (found,) = audit_errors(replace(labels, audit=audit))
    assert (found.n_population, found.n_wrong) == (40, 1)
    assert found.rate == finite_rate_sequence(1, 5, 40)
    with pytest.raises(DataError, match="have no audit"):
        audit_errors(labels)
