"""Tables of models and of raters: how good each is, and how sure that is.

Each says once which columns it has; what they look like is `reassess.report.table`'s. Decides
nothing: `reassess.analysis` does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.analysis.agreement import VoteAgreement
from reassess.analysis.experts import ExpertsBesideCrowd
from reassess.analysis.findings import Findings
from reassess.analysis.raters import RaterFindings
from reassess.analysis.replicates import Ranked
from reassess.analysis.sensitivity import Sensitivity
from reassess.analysis.uncertainty import UncertainScores
from reassess.files.artefacts import score_columns
from reassess.records import ModelScore
from reassess.report import formatting as fmt
from reassess.report.rank_sentences import rank_span, threshold_ends
from reassess.report.table import Column, Columns, Table, Value
from reassess.statistics.agreement import Coefficient

_ORDINALS = {2: "2nd", 3: "3rd"}


def score_table(
    scores: Iterable[ModelScore],
    labels_name: str,
    *,
    confidence: float = 0.95,
    findings: Findings | None = None,
    digits: int = 2,
    best_first: bool = True,
    families: Mapping[str, tuple[str | None, float | None]] | None = None,
) -> Table:
    """One row a model.

    Args:
        scores: one a model.
        labels_name: what the reassessed labels are called.
        confidence: of Wilson's intervals.
        findings: what else is known of the models; people read it, no file holds it.
        digits: of the percentages.
        best_first: whether to sort by ReaL accuracy; else the order is that of the scores.
        families: by model, the family that the labels of its score leave out of their context,
            and its ReaL accuracy under labels that do not; None where one set of labels scores all.
    """
    ranked = list(scores)
    if best_first:
        ranked.sort(key=lambda one: (-(one.real_value or -1.0), one.model))
    data = score_columns(ranked, confidence)
    columns: Columns = [
        (Column("model", "model") if key == "model" else Column(key, "", "percent", digits), values)
        for key, values in data.items()
    ]
    ends = "" if "real_low" not in data else "{real_low}–{real_high}"
    share = fmt.percent(confidence, 0)

    def show(key: str, heading: str, values: Sequence[Any], note: str, aside: str = "") -> None:
        columns.append(
            (Column(key, heading, "percent", digits, note, aside, exported=False), values)
        )

    note = f"top-1 under the reassessed labels; its {share} interval"
    if any(one.audited is not None for one in ranked):
        note += ", both as the audit has them"
    show("ReaL", "ReaL", data.get("real_value", ()), note, ends)
    if families is not None:
        without, before = zip(*(families[one.model] for one in ranked), strict=True)
        note = "the model's family, which the context of its labels leaves out"
        columns.append((Column("context_without", "without", note=note), without))
        note = "ReaL accuracy under labels that lean on the family"
        columns.append((Column("real_with_family", "with it", "percent", digits, note), before))
    if any(one.unasked is not None for one in ranked):
        note = "top predictions that raters were not asked about, counted as wrong"
        unasked = Column("unasked", "unasked", "count", 0, note, exported=False)
        columns.append((unasked, data["real_n_unasked"]))
        note = "ReaL accuracy if all of these were right"
        show("at most", "at most", data["real_unasked_high"], note)
    ks = sorted({k for one in ranked for k in one.real_at})
    for k in ks:
        show(f"ReaL@{k}", f"ReaL@{k}", data[f"real_hit_at_{k}"], f"top-{k} ReaL accuracy")
    if any(one.original is not None for one in ranked):
        show("original", "original", data["original_value"], "top-1 under the original labels")
        for k in ks:
            note = f"share whose first {k} predictions hold the original label"
            show(f"original@{k}", f"original@{k}", data[f"original_hit_at_{k}"], note)
        if findings is not None:
            columns.append(_gap(ranked, digits))
        note = "mean over original classes of the ReaL accuracy"
        values = [None if one.multilabel is None else one.multilabel.value for one in ranked]
        show("multi-label", "multi-label", values, note)
    if findings is not None:
        columns += _found_of_models([one.model for one in ranked], findings, digits)
    notes: tuple[str, ...] = ()
    if ranked:
        notes = (_scored(ranked[0].real.n_scored, ranked[0].real.n_unlabelled), *_unchecked(ranked))
    title = f"Accuracy in percent, labels: {labels_name}"
    return Table.from_columns("models", title, columns, notes=notes, about="model")


def sets_table(
    scores: Iterable[ModelScore], labels_name: str, *, digits: int = 2, best_first: bool = True
) -> Table:
    """One row a model, with the metrics of the sets of classes that it predicts.

    Args:
        scores: one a model, with `ModelScore.sets`.
        labels_name: what the reassessed labels are called.
        digits: of the percentages.
        best_first: whether to sort by F1; else the order is that of the scores.
    """
    found = [one.sets for one in scores if one.sets is not None]
    if best_first:
        found.sort(key=lambda one: (-(one.f1 or -1.0), one.model))
    notes = {
        "precision": ("precision", "of all predicted classes, the share that is right"),
        "recall": ("recall", "of all labels, the share that is predicted"),
        "f1": ("F1", "harmonic mean of both"),
        "macro_f1": ("macro F1", "mean of F1 over classes"),
        "subset_accuracy": ("subset acc.", "images whose predicted set is the label set"),
        "mean_average_precision": ("mAP", "mean over classes of the average precision"),
    }
    columns: Columns = [(Column("model", "model"), [one.model for one in found])]
    for key, (heading, note) in notes.items():
        values = [getattr(one, key) for one in found]
        if any(value is not None for value in values):
            columns.append((Column(key, heading, "percent", digits, note), values))
    title = f"Predicted sets ({found[0].rule}) in percent, labels: {labels_name}"
    below = (_scored(found[0].n_scored, found[0].n_unlabelled),)
    return Table.from_columns("sets", title, columns, notes=below, about="model")


def _unchecked(scores: Sequence[ModelScore]) -> tuple[str, ...]:
    """What the intervals are conditional on, or the audit that they rest on."""
    audited = [one.audited for one in scores if one.audited is not None]
    rest: tuple[str, ...] = ()
    if audited:
        n_unasked = sum(one.n_unasked for one in audited)
        parts = [fmt.count(max(one.n_skipped for one in audited), "skipped image")]
        parts += [fmt.count(n_unasked, "unasked prediction")] if n_unasked else []
        rest = (f"Levels and intervals rest on an audit of {fmt.listed(parts)}.",)
    found = [one.unasked.n_unchecked for one in scores if one.unasked is not None]
    if not found or not max(found):
        return rest
    told = (
        "Intervals are conditional on skipped images being labelled rightly: up to"
        f" {fmt.count(max(found), 'prediction')} of a model are right by an original label that"
        " raters did not check."
    )
    return (*rest, told)


def _gap(scores: Sequence[ModelScore], digits: int) -> tuple[Column, list[float | None]]:
    both = [
        (one.real_value, None if one.original is None else one.original.value) for one in scores
    ]
    note = "ReaL minus original accuracy, in percentage points"
    return (
        Column("gap", "gap", "points", digits, note, exported=False),
        [None if real is None or original is None else real - original for real, original in both],
    )


def _found_of_models(models: Sequence[str], findings: Findings, digits: int) -> Columns:
    """Whom raters side with, later predictions, and who beats the unbiased oracle."""
    columns: Columns = []
    if findings.preferences:
        preferred = {one.model: one.value for one in findings.preferences}
        note = "share of the images where exactly one of model and original label is right"
        column = Column("preferred", "preferred", "percent", digits, note, exported=False)
        columns.append((column, [preferred.get(model) for model in models]))
    later = {(one.model, one.rank): one.value for one in findings.later}
    for rank in sorted({rank for _, rank in later}):
        note = f"prediction {rank} is right, of the images with as many labels whose first is right"
        heading = _ORDINALS[rank]
        column = Column(heading, heading, "percent", digits, note, exported=False)
        columns.append((column, [later.get((model, rank)) for model in models]))
    if findings.biased is not None and findings.biased.comparisons:
        above = {one.model: one.n_above for one in findings.biased.comparisons}
        note = "classes on which it beats the unbiased oracle"
        column = Column("beats_oracle", "beats oracle", "count", note=note, exported=False)
        columns.append((column, [above.get(model) for model in models]))
    return columns


def ranks_table(
    found: UncertainScores, sensitivity: Sensitivity | None, *, digits: int = 2
) -> Table:
    """One row a model, the best ReaL accuracy first, with what its rank may be.

    Args:
        found: accuracies and ranks with their intervals.
        sensitivity: the same at other thresholds; None where they are unknown.
        digits: of the percentages.
    """
    order = np.argsort(-found.images.accuracy, kind="stable")
    columns: Columns = [(Column("model", "model"), [found.models[i] for i in order])]
    columns += _ranked("real", "ReaL", "from images", found.images, order, digits)
    if found.both is not None:
        drawn = "from images and labels"
        columns += _ranked("calibrated", "calibrated", drawn, found.both, order, digits)
    columns += _unasked(found, order, digits)
    if sensitivity is not None:
        place = {model: i for i, model in enumerate(sensitivity.models)}
        ranks = sensitivity.rank[:, [place[found.models[i]] for i in order]]
        best, worst = ranks.min(axis=0), ranks.max(axis=0)
        ends = " and ".join(threshold_ends(sensitivity))
        note = f"places, by ReaL accuracy, between the thresholds {ends}"
        moves = Column("moves", "moves", "count", note=note, exported=False, aside="{places}")
        places = [
            None if low == high else rank_span(low, high)
            for low, high in zip(best.tolist(), worst.tolist(), strict=True)
        ]
        columns += [
            (Column("rank_best_at_thresholds", unit="count"), best),
            (Column("rank_worst_at_thresholds", unit="count"), worst),
            (moves, worst - best),
            (Column("places", exported=False), places),
        ]
    share = fmt.percent(found.confidence, 0)
    return Table.from_columns(
        "uncertainty",
        f"Accuracy in percent and rank, with {share} intervals; labels: {found.labels_name}",
        columns,
        notes=(_scored(found.n_scored, found.n_unlabelled),),
        about="model",
    )


def _unasked(found: UncertainScores, order: Int[np.ndarray, "M"], digits: int) -> Columns:
    """What nobody was asked about; people see it where it is there."""
    unasked = found.unasked
    if unasked is None:
        return []
    shown = bool(unasked.n.any())
    note = "top predictions that raters were not asked about, counted as wrong"
    heading = ("unasked", "at most") if shown else ("", "")
    bound = "ReaL accuracy if all of these were right"
    return [
        (Column("real_n_unasked", heading[0], "count", 0, note), unasked.n[order]),
        (Column("real_unasked_low", "", "percent", digits), unasked.low[order]),
        (Column("real_unasked_high", heading[1], "percent", digits, bound), unasked.high[order]),
    ]


def _ranked(
    key: str, name: str, drawn: str, ranked: Ranked, order: Int[np.ndarray, "M"], digits: int
) -> Columns:
    """An accuracy and its rank, each with its interval beside it."""
    accuracy = Column(
        key, name, "percent", digits, f"its interval {drawn}", f"{{{key}_low}}–{{{key}_high}}"
    )
    rank = Column(
        f"{key}_rank", "rank", "count", 0, f"by {name} accuracy; its interval {drawn}",
        f"{{{key}_rank_best}}–{{{key}_rank_worst}}",
    )  # fmt: skip
    return [
        (accuracy, ranked.accuracy[order]),
        (Column(f"{key}_low", "", "percent", digits), ranked.low[order]),
        (Column(f"{key}_high", "", "percent", digits), ranked.high[order]),
        (rank, ranked.rank[order]),
        (Column(f"{key}_rank_best", "", "count"), ranked.best[order]),
        (Column(f"{key}_rank_worst", "", "count"), ranked.worst[order]),
    ]


def thresholds_table(found: Sensitivity, own: float | None) -> Table:
    """What other thresholds on the posterior would have given.

    Args:
        found: accuracies and ranks at each of them.
        own: the threshold of the labels; None where that is unknown.
    """
    best = found.accuracy.argmax(axis=1)
    columns: Columns = [
        (
            Column(
                "threshold", "threshold", "significant", 3, aside="{chosen}",
                note="a label is kept where its posterior is at least this",
            ),
            found.thresholds,
        ),
        (Column("chosen"), ["as decided" if one == own else None for one in found.thresholds]),
        (
            Column("n_labels", "labels", "count", note="of images that were put to raters"),
            found.n_labels,
        ),
        (
            Column("n_unlabelled", "no label", "count", note="images that are left without one"),
            found.n_unlabelled,
        ),
        (
            Column(
                "best", "best model", note="with its ReaL accuracy in percent", aside="{best_real}"
            ),
            [found.models[i] for i in best],
        ),
        (Column("best_real", "", "percent"), found.accuracy.max(axis=1)),
        (
            Column("mean", "mean", "percent", note="ReaL accuracy of all models in percent"),
            found.accuracy.mean(axis=1),
        ),
    ]  # fmt: skip
    if own in found.thresholds:
        moved = np.abs(found.rank - found.rank[found.thresholds.index(own)])
        note = "models whose rank is not that of the report"
        columns += [
            (Column("n_moved", "ranks that change", "count", note=note), (moved > 0).sum(axis=1)),
            (
                Column("largest", "largest change", "count", note="in places"),
                moved.max(axis=1),
            ),
        ]
    title = (
        "What other thresholds on the posterior would have given, on images put to raters: the"
        " others keep their labels"
    )
    return Table.from_columns("thresholds", title, columns)


def _scored(n_scored: int, n_unlabelled: int) -> str:
    return (
        f"{fmt.count(n_scored, 'image')} scored, {n_unlabelled:,} left out because no label holds."
    )


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
            "drift", "drift", "points", 1, "agreement later minus earlier, in percentage points",
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


def experts_sentence(found: ExpertsBesideCrowd) -> str:
    """One expert against the others, and the crowd beside."""
    votes = "" if found.n_votes is None else f", with {found.n_votes:.1f} votes a question,"
    text = (
        f"Against what the other experts say, one expert has an F1 score of {found.expert_f1:.3f}, "
        f"and the raters together{votes} {found.crowd_f1:.3f} on the same questions"
    )
    if found.difference_interval is None:
        return f"{text}."
    low, high = found.difference_interval
    if low > 0:
        meaning = "the raters together do better than one expert"
    elif high < 0:
        meaning = "one expert does better than the raters together"
    else:
        meaning = "which of them does better is not decided"
    ends = f"{fmt.signed(found.difference, 3)} ({fmt.signed(low, 3)} to {fmt.signed(high, 3)})"
    return f"{text}; difference {ends}: {meaning}."


def _coefficient(one: Coefficient) -> str:
    if one.value is None:
        return f"undefined, because {one.reason}"
    if one.low is None or one.high is None:
        return f"{fmt.number(one.value, 3)} (no interval, because {one.reason})"
    ends = f"{fmt.number(one.low, 3)} to {fmt.number(one.high, 3)}"
    return f"{fmt.number(one.value, 3)}, 95% interval {ends}"
