"""Classes and raters as tables for the terminal, and as columns for files.

Decides nothing: `reassess.analysis.classes` and `reassess.analysis.raters` do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from reassess.analysis.agreement import VoteAgreement
from reassess.analysis.classes import KINDS, ChangedClasses, ClassPairs
from reassess.analysis.raters import RaterFindings
from reassess.report import formatting as fmt
from reassess.statistics.agreement import Coefficient


def class_pair_columns(pairs: ClassPairs, names: Sequence[str] | None) -> dict[str, list[Any]]:
    """Every pair as columns, classes by index and by name where names are known."""
    columns: dict[str, list[Any]] = {"kind": [KINDS[kind] for kind in pairs.kind]}
    columns |= {"a": pairs.a.tolist(), "b": pairs.b.tolist()}
    if names is not None:
        columns |= {"a_name": [names[i] for i in pairs.a], "b_name": [names[i] for i in pairs.b]}
    columns |= {
        "n_a": pairs.n_a.tolist(), "n_b": pairs.n_b.tolist(), "n_both": pairs.n_both.tolist(),
        "low_b_given_a": pairs.low_b_given_a.tolist(),
        "low_a_given_b": pairs.low_a_given_b.tolist(),
        "a_as_b": _known(pairs.a_as_b), "b_as_a": _known(pairs.b_as_a),
        "distance": [None if steps < 0 else steps for steps in pairs.distance.tolist()],
        "share_a_name": pairs.share_a_name.tolist(),
    }  # fmt: skip
    return columns


def class_pairs_table(pairs: ClassPairs, names: Sequence[str] | None, top: int) -> Table:
    """The strongest pairs of each kind, with their evidence in words."""
    table = _table(f"{fmt.count(len(pairs), 'pair', 'pairs')} of classes hard to tell apart")
    table.add_column("kind", no_wrap=True)
    for heading in ("class", "other class"):
        table.add_column(heading, min_width=8)
    for heading in ("on both", "of the first", "of the other"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("models say the other", justify="right")
    table.add_column("steps", justify="right")
    for code, kind in enumerate(KINDS):
        rows = np.flatnonzero(pairs.kind == code)
        for row in rows[:top].tolist():
            table.add_row(*map(Text, (kind, *_pair(pairs, row, names))))
        if len(rows) > top:
            table.add_row(Text(kind, "dim"), Text(f"… {len(rows) - top:,} more", "dim"))
    return table


def changed_classes_table(changed: ChangedClasses, names: Sequence[str] | None, top: int) -> Table:
    """The classes that lost most of their images."""
    table = _table("Original classes whose labels changed most")
    table.add_column("class")
    for heading in ("images", "kept", "other labels", "no label", "kept among several"):
        table.add_column(heading, justify="right")
    for row in range(min(top, len(changed))):
        columns = (changed.n_images, changed.n_kept, changed.n_replaced, changed.n_empty)
        table.add_row(
            Text(_name(int(changed.label[row]), names)),
            *(f"{int(c[row]):,}" for c in (*columns, changed.n_several)),
        )
    return table


def agreement_lines(agreement: VoteAgreement) -> list[str]:
    """The coefficients of agreement, each on a line; undefined ones with the reason."""
    named: list[tuple[str, Coefficient | None]] = [
        ("Krippendorff's alpha, ordinal", agreement.ordinal),
        ("Krippendorff's alpha, nominal", agreement.nominal),
        ("Fleiss' kappa", agreement.fleiss),
    ]
    return [f"{name}: {_coefficient(one)}" for name, one in named if one is not None]


def rater_columns(rows: RaterFindings) -> dict[str, list[Any]]:
    """Every rater as columns, those with most votes first."""
    confusions, effects = rows.confusions, rows.effects
    columns: dict[str, list[Any]] = {
        "rater": confusions.rater_ids.tolist(),
        "n_questions": effects.n_questions.tolist(),
    }
    for t, truth in enumerate(confusions.states):
        for a, answer in enumerate(confusions.answers):
            columns[f"{answer}_if_{truth}"] = _known(confusions.confusion[:, t, a])
    columns |= {
        "n_flipped_without": effects.n_flipped.tolist(),
        "n_images_changed_without": effects.n_images.tolist(),
        "n_questions_alone": effects.n_alone.tolist(),
    }
    if rows.drifts is not None:
        columns |= {
            "drift": _known(rows.drifts.change), "drift_low": _known(rows.drifts.low),
            "drift_high": _known(rows.drifts.high),
        }  # fmt: skip
    if rows.repeats is not None:
        columns |= {"n_repeated": rows.repeats.n.tolist(), "n_same": rows.repeats.n_same.tolist()}
    order = np.argsort(-effects.n_questions, kind="stable").tolist()
    return {name: [values[i] for i in order] for name, values in columns.items()}


def raters_table(rows: RaterFindings, further: Mapping[str, Mapping[str, str]], top: int) -> Table:
    """One line a rater, those with most votes first.

    Args:
        rows: from the votes.
        further: heading → rater id → cell, such as what the rating site knows.
        top: raters to show.
    """
    columns = rater_columns(rows)
    answered = [name for name in columns if "_if_" in name]
    table = _table("What each rater answers, in percent, and what hangs on it")
    table.add_column("rater")
    table.add_column("questions", justify="right")
    for name in answered:
        table.add_column(name.replace("_if_", " if "), justify="right")
    table.add_column("images that change without", justify="right")
    known = {"drift": rows.drifts, "self-agreement": rows.repeats}
    for heading in (*(name for name, found in known.items() if found is not None), *further):
        table.add_column(heading, justify="right")
    for i, rater in enumerate(columns["rater"][:top]):
        cells = [rater, f"{columns['n_questions'][i]:,}"]
        cells += [fmt.bare(columns[name][i]) for name in answered]
        cells.append(f"{columns['n_images_changed_without'][i]:,}")
        if rows.drifts is not None:
            cells.append(
                _drift(*(columns[name][i] for name in ("drift", "drift_low", "drift_high")))
            )
        if rows.repeats is not None:
            cells.append(_same(columns["n_same"][i], columns["n_repeated"][i]))
        cells += [said.get(rater, "") for said in further.values()]
        table.add_row(*map(Text, cells))
    if len(columns["rater"]) > top:
        table.add_row(Text(f"… {len(columns['rater']) - top:,} more", "dim"))
    return table


def _table(title: str) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, header_style="bold")
    table.pad_edge = False
    return table


def _pair(pairs: ClassPairs, row: int, names: Sequence[str] | None) -> tuple[str, ...]:
    n_both, n_a, n_b = int(pairs.n_both[row]), int(pairs.n_a[row]), int(pairs.n_b[row])
    distance = int(pairs.distance[row])
    return (
        _name(int(pairs.a[row]), names),
        _name(int(pairs.b[row]), names),
        f"{n_both:,}",
        f"{fmt.percent(n_both / n_a if n_a else None, 0)} of {n_a:,}",
        f"{fmt.percent(n_both / n_b if n_b else None, 0)} of {n_b:,}",
        " / ".join(_taken(float(share[row])) for share in (pairs.a_as_b, pairs.b_as_a)),
        "" if distance < 0 else str(distance),
    )


def _taken(share: float) -> str:
    return fmt.UNDEFINED if np.isnan(share) else fmt.percent(share)


def _name(label: int, names: Sequence[str] | None) -> str:
    return str(label) if names is None else f"{names[label]} ({label})"


def _known(values: np.ndarray[Any, np.dtype[Any]]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]


def _coefficient(one: Coefficient) -> str:
    if one.value is None:
        return f"undefined, because {one.reason}"
    if one.low is None or one.high is None:
        return f"{one.value:.3f} (no interval, because {one.reason})"
    return f"{one.value:.3f}, 95% interval {one.low:.3f} to {one.high:.3f}"


def _same(n_same: int, n: int) -> str:
    return f"{fmt.percent(n_same / n)} of {n:,}" if n else fmt.UNDEFINED


def _drift(change: float | None, low: float | None, high: float | None) -> str:
    if change is None or low is None or high is None:
        return fmt.UNDEFINED
    return f"{100 * change:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
