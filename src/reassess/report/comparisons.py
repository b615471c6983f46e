"""The comparison of two models, in sentences.

Tells `reassess.records.Comparison`, the answer first: what labels as decided say, what their
uncertainty leaves of it, and what nobody was asked about.
"""

from reassess.records import Comparison
from reassess.report import formatting as fmt


def _on_unasked(comparison: Comparison) -> list[str]:
    """What raters were not asked about: predictions with the bounds they leave, and labels."""
    found, a, b = comparison.unasked, comparison.model_a, comparison.model_b
    if found is None:
        return []
    unchecked = []
    if found.n_unchecked:
        images = fmt.count(found.n_unchecked, "image")
        unchecked.append(
            f"The interval is conditional on the original labels of {images} on which they differ,"
            " which raters did not check."
        )
    if not found.n_a + found.n_b:
        return unchecked
    told = (
        f"Raters were not asked about {found.n_a:,} predictions of {a} and {found.n_b:,} of {b},"
        f" which count as wrong; {a} minus {b} lies between {fmt.points(found.low, 2)} and"
        f" {fmt.points(found.high, 2)} points whatever they are."
    )
    return [told, *unchecked]


def _on_label_uncertainty(comparison: Comparison) -> list[str]:
    """The difference with the labels' uncertainty, and what would change under other raters."""
    found, a, b = comparison.calibrated, comparison.model_a, comparison.model_b
    if found is None:
        return []
    confidence = fmt.percent(comparison.confidence, 0)
    basis = f"calibrated on {fmt.count(found.n_gold, 'gold question')}"
    if not found.n_gold:
        basis = "taken as they are, as there is no gold, so that this interval is too narrow"
    size = (
        f"With the labels' uncertainty, {a} minus {b}: {fmt.points(found.value, 2)} points"
        f" ({confidence} interval {fmt.points(found.low, 2)} to {fmt.points(found.high, 2)};"
        f" {fmt.p_value(found.p_value)}); posteriors are {basis}."
    )
    swap = (
        "Other raters of the same crowd would put them into the other order on these images with a"
        f" probability of {fmt.percent(found.p_swap, 0)}."
    )
    return [size, swap]


def _at_every_look(comparison: Comparison) -> list[str]:
    """The interval for whoever looks again and again, by which is decided then."""
    found, a, b = comparison.anytime, comparison.model_a, comparison.model_b
    if found is None:
        return []
    ends = f"{fmt.points(found.low, 2)} and {fmt.points(found.high, 2)} points"
    told = (
        f"At every look, however often: {a} minus {b} lies between {ends}"
        f" ({fmt.percent(found.confidence, 0)} confidence sequence, which decides here)"
    )
    if comparison.audited is not None:
        told += "; it is about labels as counted, without the audit"
    return [f"{told}."]


def comparison_sentences(comparison: Comparison) -> list[str]:
    """Which of two models is better, by how much, and on how many images; the answer first."""
    a, b = comparison.model_a, comparison.model_b
    difference = comparison.difference
    if difference is None:
        return [f"{a} and {b} cannot be compared: no image has a label."]
    audited, asked = comparison.audited, _on_unasked(comparison)
    under = f"under {comparison.labels}"
    answer = {
        "a": f"{a} is better than {b} {under}",
        "b": f"{b} is better than {a} {under}",
        "undecided": f"no difference between {a} and {b} can be told {under}",
        "cannot tell": f"cannot tell which of {a} and {b} is better {under}: raters were asked"
        " about too few of their predictions",
    }[comparison.decision]
    confidence = fmt.percent(comparison.confidence, 0)
    if audited is None:
        low, high, test = comparison.low, comparison.high, "exact McNemar "
        p_value = comparison.p_value
    else:
        difference, low, high, test = audited.value, audited.low, audited.high, "with the audit, "
        p_value = audited.p_value
    size = (
        f"{a} minus {b}: {fmt.points(difference, 2)} points ({confidence} interval"
        f" {fmt.points(low, 2)} to {fmt.points(high, 2)}; {test}{fmt.p_value(p_value)})."
    )
    counts = (
        f"Of {fmt.count(comparison.n_scored, 'image')} {comparison.n_both:,} are right for both,"
        f" {comparison.n_neither:,} for neither, {len(comparison.only_a):,} for {a} only and"
        f" {len(comparison.only_b):,} for {b} only."
    )
    accuracies = [
        f"{model}: {fmt.percent(real, 2)} under {comparison.labels}"
        + (f", {fmt.percent(original.value, 2)} under the original labels." if original else ".")
        for model, real, original in (
            (a, audited.accuracy_a if audited else comparison.accuracy_a.value,
             comparison.original_a),
            (b, audited.accuracy_b if audited else comparison.accuracy_b.value,
             comparison.original_b),
        )
    ]  # fmt: skip
    uncertain = _on_label_uncertainty(comparison)
    if comparison.is_open_by_labels:
        answer += ", as the labels are uncertain"
    return [
        f"{answer}.",
        size,
        *_at_every_look(comparison),
        *uncertain,
        *asked,
        *accuracies,
        counts,
    ]
