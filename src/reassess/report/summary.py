"""What a reader with five minutes should know: a few sentences and a few numbers.

Every sentence is built from findings and left out where its finding is absent. Claims no
more than the numbers carry: intervals are named, and progress is said to be worth less only
where the verdict's own rules say so.
"""

from reassess.analysis.findings import Preference
from reassess.records import Accuracy
from reassess.report import formatting as fmt
from reassess.report.page_parts import KeyNumber, Report
from reassess.report.verdict import study_sentences

_SIGNIFICANT = 0.05


def verdict(report: Report) -> tuple[str, ...]:
    """The first sentences, most important first."""
    sentences = (
        _on_the_proxy(report),
        _on_labels(report),
        _on_the_best(report),
        _on_the_original_labels(report),
        _on_preference(report),
        _on_progress(report),
        _on_gold(report),
    )
    return tuple(sentence for sentence in sentences if sentence)


def key_numbers(report: Report) -> tuple[KeyNumber, ...]:
    """Four to six numbers for the top of the page."""
    found = report.findings
    numbers = []
    if report.by_real:
        best, _ = report.by_real[0]
        detail = f"{best.model}, 95% interval {fmt.interval_of(best.real)}"
        value = fmt.percent(best.real.value)
        numbers.append(KeyNumber(value, "best ReaL accuracy", detail, "real"))
    if found.original is not None:
        detail = f"95% interval {fmt.interval_of(found.original)}"
        value = fmt.percent(found.original.value)
        numbers.append(KeyNumber(value, "original labels' ReaL accuracy", detail, "original"))
        n_rejected = found.original.n_scored - found.original.n_correct
        detail = f"{_share(n_rejected, found.counts.n_labelled)} of the images with a label"
        meaning = "original labels that do not hold"
        numbers.append(KeyNumber(f"{n_rejected:,}", meaning, detail, "original"))
    top = most_preferred(report)
    if top is not None:
        detail = f"{top.model}, on the images where only one of them is right"
        meaning = "model preferred to original label"
        numbers.append(KeyNumber(fmt.percent(top.value), meaning, detail, "real"))
    share = found.share
    detail = f"{fmt.percent(share.of_labelled)} of the images with a label"
    numbers.append(KeyNumber(f"{share.n_multiple:,}", "images with several labels", detail, "real"))
    n_empty = found.counts.n_images[0]
    detail = f"{_share(n_empty, len(report.labels))} of all images; left out of every ReaL score"
    numbers.append(KeyNumber(f"{n_empty:,}", "images without any label", detail))
    return tuple(numbers)


def most_preferred(report: Report) -> Preference | None:
    """The model that raters side with most often, the first by name of equals; None without any."""
    known = [one for one in report.findings.preferences if one.value is not None]
    return min(known, key=lambda one: (-(one.value or 0.0), one.model), default=None)


def slope_falls(report: Report) -> bool:
    """Whether the stronger half's slope is the smaller one, and hardly by chance."""
    found = report.findings.progress
    if found is None or found.p_value is None:
        return False
    return found.lower.slope > found.upper.slope and found.p_value < _SIGNIFICANT


def _share(n: int, total: int) -> str:
    return fmt.percent(n / total) if total else fmt.UNDEFINED


def _on_the_proxy(report: Report) -> str:
    """The answer, where the models allow one; what stays open is said further down."""
    found = report.verdict
    if found is None or found.judgement.answer == "open":
        return ""
    return study_sentences(found)[0][1]


def _on_labels(report: Report) -> str:
    found = report.findings
    n_images, n_labels = len(report.labels), found.counts.n_labels
    first = f"{fmt.count(n_images, 'image')} of {report.benchmark.name} now carry"
    first += f" {fmt.count(n_labels, 'label')}"
    if found.original is None or found.kinds is None:
        return f"{first}."
    n_rejected = found.original.n_scored - found.original.n_correct
    return (
        f"{first}: {found.kinds.n_confirmed:,} keep exactly their original one, while on"
        f" {n_rejected:,} ({_share(n_rejected, found.original.n_scored)} of those with a label) the"
        " original label does not hold."
    )


def _on_the_best(report: Report) -> str:
    if not report.by_real:
        return ""
    best, _ = report.by_real[0]
    ends = fmt.interval(best.real)
    near = [
        score
        for score in report.scores
        if score is not best and ends is not None and _reaches(score.real, ends[0])
    ]
    several = len(report.scores) > 1
    among = f"best of {fmt.count(len(report.scores), 'model')}" if several else "only model"
    sentence = (
        f"The {among}, {best.model}, reaches {fmt.percent(best.real.value)} ReaL accuracy"
        f" (95% interval {fmt.interval_of(best.real)})"
    )
    if near:
        verb = "has an interval" if len(near) == 1 else "have intervals"
        sentence += f"; {fmt.count(len(near), 'other')} {verb} that overlap"
        sentence += "s it" if len(near) == 1 else " it"
    return f"{sentence}."


def _reaches(accuracy: Accuracy, low: float) -> bool:
    ends = fmt.interval(accuracy)
    return ends is not None and ends[1] >= low


def _on_the_original_labels(report: Report) -> str:
    own = report.findings.original
    if own is None or own.value is None or not report.scores:
        return ""
    above = sum((score.real.value or 0.0) > own.value for score in report.scores)
    first = f"Scored like a model, the original labels reach {fmt.percent(own.value)}"
    if above == 0:
        return f"{first}; no model here does better."
    beat = f"{above:,} of {fmt.count(len(report.scores), 'model')}"
    return f"{first}; {beat} {'does' if above == 1 else 'do'} better."


def _on_preference(report: Report) -> str:
    top = most_preferred(report)
    if top is None:
        return ""
    return (
        f"Where exactly one of the two is right, {report.raters} side with {top.model} rather than"
        " the"
        f" original label on {fmt.percent(top.value)} of images"
        f" ({fmt.between(*top.interval)}), the highest share of any model."
    )


def _on_progress(report: Report) -> str:
    found = report.findings.progress
    if found is None:
        return ""
    lower, upper = f"{found.lower.slope:.2f}", f"{found.upper.slope:.2f}"
    chance = "" if found.p_value is None else f" ({fmt.p_value(found.p_value)})"
    less = report.verdict is not None and report.verdict.judgement.gain in {"less", "nothing"}
    first = (
        f"A point gained on the original labels comes with {lower} points of ReaL accuracy among"
        " the weaker half of the models"
    )
    if slope_falls(report):
        end = "; by the rules of the verdict that is not enough to call it worth less at the top"
        if less:
            end = ": at the top, progress on the original labels is worth less"
        return f"{first}, but with {upper} among the stronger{chance}{end}."
    end = ": no sign that gains have stopped carrying over"
    if found.lower.slope > found.upper.slope:
        end = ", which may be chance"
    if less:
        end = "; the halves hide that at the top it is worth less"
    return f"{first} and {upper} among the stronger{chance}{end}."


def _on_gold(report: Report) -> str:
    found = report.findings.agreement
    if found is None or found.labels.precision is None:
        return ""
    sentence = (
        f"Held against {report.experts} on {found.n_gold:,} questions, reassessed labels have a"
        f" precision of"
        f" {fmt.percent(found.labels.precision)} and a recall of"
        f" {fmt.percent(found.labels.recall)}"
    )
    if found.original is not None and found.original.precision is not None:
        sentence += (
            f", original labels {fmt.percent(found.original.precision)} and"
            f" {fmt.percent(found.original.recall)}"
        )
    return f"{sentence}."
