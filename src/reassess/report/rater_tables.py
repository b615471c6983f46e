"""Raters: what each answers, how far they agree, and what hangs on one of them.

Decides nothing: `reassess.analysis.raters` does.
"""

from collections.abc import Sequence

import numpy as np

from reassess.analysis.agreement import VoteAgreement
from reassess.analysis.raters import RaterFindings
from reassess.report.table import Column, Columns, Table, Value
from reassess.statistics.agreement import Coefficient


def raters_table(
    found: RaterFindings, further: Sequence[tuple[Column, dict[str, Value]]] = ()
) -> Table:
    """One row a rater, those with most votes first.

    Args:
        found: from the votes.
        further: columns of what else is known, by rater, such as what the rating site knows.
    """
    confusions, effects = found.confusions, found.effects
    order = np.argsort(-effects.n_questions, kind="stable")
    raters = confusions.rater_ids[order].tolist()
    columns: Columns = [
        (Column("rater", "rater"), raters),
        (Column("n_questions", "questions", "count"), effects.n_questions[order]),
    ]
    for t, state in enumerate(confusions.states):
        for a, answer in enumerate(confusions.answers):
            note = f"percent of answers where the class is {state}, by the others' votes"
            column = Column(f"{answer}_if_{state}", f"{answer} if {state}", "percent", note=note)
            columns.append((column, confusions.confusion[order, t, a]))
    columns += [
        (Column("n_flipped_without", "", "count"), effects.n_flipped[order]),
        (
            Column(
                "n_images_changed_without", "images that change", "count",
                note="whose labels change without this rater",
            ),
            effects.n_images[order],
        ),
        (Column("n_questions_alone", "", "count"), effects.n_alone[order]),
    ]  # fmt: skip
    if found.drifts is not None:
        drift = Column(
            "drift", "drift", "points", 1, "agreement later less earlier, in percentage points",
            "{drift_low} to {drift_high}",
        )  # fmt: skip
        columns += [
            (drift, found.drifts.change[order]),
            (Column("drift_low", "", "points"), found.drifts.low[order]),
            (Column("drift_high", "", "points"), found.drifts.high[order]),
        ]
    if found.repeats is not None:
        n, n_same = found.repeats.n[order], found.repeats.n_same[order]
        same = Column(
            "self_agreement", "self-agreement", "percent", exported=False, aside="of {n_repeated}",
            note="percent of the questions asked twice that got the same answer, and how many",
        )  # fmt: skip
        columns += [
            (Column("n_repeated", "", "count"), n),
            (Column("n_same", "", "count"), n_same),
            (same, np.divide(n_same, n, out=np.full(len(n), np.nan), where=n > 0)),
        ]
    columns += [(column, [known.get(rater) for rater in raters]) for column, known in further]
    title = "What each rater answers, in percent, and what hangs on it"
    return Table.from_columns("raters", title, columns, about="rater")


def agreement_lines(agreement: VoteAgreement) -> list[str]:
    """The coefficients of agreement, each on a line; undefined ones with the reason."""
    named: list[tuple[str, Coefficient | None]] = [
        ("Krippendorff's alpha, ordinal", agreement.ordinal),
        ("Krippendorff's alpha, nominal", agreement.nominal),
        ("Fleiss' kappa", agreement.fleiss),
    ]
    return [f"{name}: {_coefficient(one)}" for name, one in named if one is not None]


def _coefficient(one: Coefficient) -> str:
    if one.value is None:
        return f"undefined, because {one.reason}"
    if one.low is None or one.high is None:
        return f"{one.value:.3f} (no interval, because {one.reason})"
    return f"{one.value:.3f}, 95% interval {one.low:.3f} to {one.high:.3f}"
