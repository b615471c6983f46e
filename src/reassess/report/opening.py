"""What a page opens with: the answer in one line, six numbers, one figure, five questions.

For a reader with one minute. The answer follows the verdict's rules where there is a verdict on the
metric, and is what was found elsewhere. Every sentence is built from findings and left out where
its finding is absent. Claims no more than the numbers carry: intervals are named, and a gain is
said to be real, or worth less, only where the rules say so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reassess.analysis.findings import Preference
from reassess.analysis.gain import LEAST_MODELS, Gain
from reassess.analysis.uncertainty import RankDecision
from reassess.analysis.verdict import StudyVerdict
from reassess.records import ModelScore
from reassess.report import formatting as fmt
from reassess.report.page_parts import Figure, KeyNumber, Report
from reassess.report.verdict import WORTH

_MOST_ROWS = 20
"""Models of the first figure, where it has a row each: more would fill the screen."""

_N_NUMBERS = 6

_DECISIONS: Mapping[RankDecision, str] = {
    "decided": "decided",
    "images": "undecided, as other images could turn it",
    "labels": "undecided, as other raters could turn it",
    "unasked": "undecided, as predictions that raters were not asked about could turn it",
}

_AT_THE_TOP: Mapping[Gain, str] = {
    "holds": "At the top, a gain in original accuracy is worth as much as before.",
    "more": "At the top, a gain in original accuracy is worth more than before.",
    "less": "At the top, a gain in original accuracy is worth less than before.",
    "nothing": "At the top, a gain in original accuracy is worth next to nothing.",
    "open": "What a gain in original accuracy is worth at the top is open.",
}
_N_FILES = 2
"""Files that are named first; of more only the number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The line at the top.

    Attributes:
        asked: the question; empty where the line says what was found.
        word: *Yes*, *Weaker*, *No* or *Open*; empty likewise.
        sentence: what follows it.
        tone: the word in lower case, or ``found``.
    """

    asked: str
    word: str
    sentence: str
    tone: str


@dataclass(frozen=True, slots=True)
class Question:
    """A stranger's question and its answer.

    Attributes:
        asked: the question.
        answer: in sentences.
        section: the section that has more.
        more: what that is called.
    """

    asked: str
    answer: str
    section: str
    more: str


def answer(report: Report) -> Answer:
    """The verdict's answer in one line; what was found where it was not asked."""
    found = report.verdict
    if found is None or found.proxy is None:
        return Answer("", "", _what_was_found(report), "found")
    given = found.judgement.answer
    sentence = {
        "yes": "original accuracy still stands for ReaL accuracy.",
        "weaker": "original accuracy still stands for ReaL accuracy, but less so at the top.",
        "no": _why_not(found),
        "open": _why_open(found),
    }[given]
    asked = "Is original accuracy still a proxy for ReaL accuracy?"
    return Answer(asked, given.capitalize(), sentence, given)


def _why_not(found: StudyVerdict) -> str:
    if found.judgement.order_all == "lost":
        return "original accuracy does not put these models in the order of ReaL accuracy."
    if found.judgement.order == "kept":
        return "at the top, original accuracy rises without ReaL accuracy."
    return "at the top, original accuracy no longer stands for ReaL accuracy."


def _why_open(found: StudyVerdict) -> str:
    n_models = 0 if found.proxy is None else found.proxy.n_models
    if n_models < LEAST_MODELS:
        few = fmt.count(n_models, "model")
        return f"{few} are too few to tell; at least {LEAST_MODELS} are needed."
    return f"{fmt.count(n_models, 'model')} do not tell."


def _what_was_found(report: Report) -> str:
    changed = _on_labels(report)
    if not report.by_real:
        return changed
    best, level = report.by_real[0]
    return f"{best.model} reaches {fmt.percent(level)} ReaL accuracy. {changed}"


def key_numbers(report: Report) -> tuple[KeyNumber, ...]:
    """Up to six numbers, in the order of the questions."""
    made = (
        _best(report),
        _lead(report),
        _original_level(report),
        _changed(report),
        _trust(report),
        _decided(report),
        _worth(report),
        _preferred(report),
        _several(report),
        _empty(report),
    )
    return tuple(number for number in made if number is not None)[:_N_NUMBERS]


def _best(report: Report) -> KeyNumber | None:
    if not report.by_real:
        return None
    best, level = report.by_real[0]
    detail = f"{best.model}, 95% interval {_interval_of(best)}"
    return KeyNumber(fmt.percent(level), "best ReaL accuracy", detail, "real")


def _lead(report: Report) -> KeyNumber | None:
    adjacent = () if report.uncertainty is None else report.uncertainty.adjacent()
    if not adjacent:
        return None
    first = adjacent[0]
    ends = f"{fmt.points(first.low)} to {fmt.points(first.high)}"
    sure = "decided" if first.decision == "decided" else "undecided"
    detail = f"{sure} ({ends}), over {first.worse}"
    return KeyNumber(fmt.points(first.difference), "points ahead of the next model", detail, "real")


def _original_level(report: Report) -> KeyNumber | None:
    if report.original_level is None:
        return None
    level, ends = report.original_level
    detail = f"95% interval {fmt.between(*ends)}"
    return KeyNumber(fmt.percent(level), "original labels' ReaL accuracy", detail, "original")


def _changed(report: Report) -> KeyNumber | None:
    kinds = report.findings.kinds
    if kinds is None:
        return None
    n_images = len(report.labels)
    n_changed = n_images - kinds.n_confirmed
    parts = f"{kinds.n_multiple:,} several, {kinds.n_replaced:,} another, {kinds.n_empty:,} none"
    detail = f"{_share(n_changed, n_images)}: {parts}"
    return KeyNumber(f"{n_changed:,}", "images whose labels changed", detail, "original")


def _trust(report: Report) -> KeyNumber | None:
    found = report.findings.agreement
    if found is None or found.labels.precision is None:
        return None
    detail = f"recall {fmt.percent(found.labels.recall)}; {found.n_gold:,} gold questions"
    meaning = "of the labels hold (precision)"
    return KeyNumber(fmt.percent(found.labels.precision), meaning, detail, "real")


def _decided(report: Report) -> KeyNumber | None:
    adjacent = () if report.uncertainty is None else report.uncertainty.adjacent()
    if not adjacent:
        return None
    n_decided = sum(one.decision == "decided" for one in adjacent)
    value = f"{n_decided:,} of {len(adjacent):,}"
    return KeyNumber(value, "neighbours in rank surely in order", "95% intervals, paired by image")


def _worth(report: Report) -> KeyNumber | None:
    found = report.verdict
    gain = None if found is None or found.proxy is None else found.proxy.gain
    if found is None or gain is None or gain.ratio is None:
        return None
    ends = ""
    if gain.interval is not None:
        ends = f" ({' to '.join(fmt.number(one, 2) for one in gain.interval)})"
    detail = f"ReaL points a point of original accuracy, over those below{ends}"
    value = f"{fmt.number(gain.ratio, 2)}×"
    return KeyNumber(value, f"a gain at the top: {WORTH[found.judgement.gain]}", detail)


def _preferred(report: Report) -> KeyNumber | None:
    top = most_preferred(report)
    if top is None:
        return None
    detail = f"{top.model}, on the images where only one of them is right"
    return KeyNumber(fmt.percent(top.value), "model preferred to original label", detail, "real")


def _several(report: Report) -> KeyNumber:
    share = report.findings.share
    detail = f"{fmt.percent(share.of_labelled)} of the images with a label"
    return KeyNumber(f"{share.n_multiple:,}", "images with several labels", detail, "real")


def _empty(report: Report) -> KeyNumber:
    n_empty = report.findings.counts.n_images[0]
    detail = f"{_share(n_empty, len(report.labels))} of all images; left out of every ReaL score"
    return KeyNumber(f"{n_empty:,}", "images without any label", detail)


def most_preferred(report: Report) -> Preference | None:
    """The model that raters side with most often, the first by name of equals; None without any."""
    known = [one for one in report.findings.preferences if one.value is not None]
    return min(known, key=lambda one: (-(one.value or 0.0), one.model), default=None)


def first_figure(report: Report, drawn: Mapping[str, Figure]) -> Figure | None:
    """The figure that shows the answer: gains where they can be judged, else the models."""
    found = report.verdict
    judged = found is not None and found.proxy is not None and found.proxy.breakpoint is not None
    if judged and "progress" in drawn:
        return drawn["progress"]
    if "accuracies" in drawn and len(report.by_real) <= _MOST_ROWS:
        return drawn["accuracies"]
    return drawn.get("label-counts")


def questions(report: Report) -> tuple[Question, ...]:
    """A stranger's five questions, each with its answer, or why there is none."""
    asked: tuple[tuple[str, Callable[[Report], str], str, str], ...] = (
        ("How good is my model?", _on_models, "accuracy", "every model"),
        ("Is the gain real?", _on_gain, "ranks", "how sure the order is"),
        ("Which labels changed?", _on_labels, "labels", "the classes and images"),
        ("How sure are the labels?", _on_trust, "agreement", "what experts say"),
        ("Where does a number come from?", _on_origin, "provenance", "every file with its hash"),
    )
    return tuple(Question(text, make(report), section, more) for text, make, section, more in asked)


def _on_models(report: Report) -> str:
    if not report.by_real:
        return _UNSCORED if report.scores else "No model was scored."
    best, value = report.by_real[0]
    several = len(report.scores) > 1
    among = f"best of {fmt.count(len(report.scores), 'model')}" if several else "only model"
    first = f"The {among}, {best.model}, reaches {fmt.percent(value)} ReaL accuracy"
    first += f" ({_interval_of(best)})"
    if best.original is not None and best.original.value is not None:
        first += f", and {fmt.percent(best.original.value)} under the original labels"
    return f"{first}.{_on_the_original_labels(report)}"


def _on_the_original_labels(report: Report) -> str:
    if report.original_level is None or not report.scores:
        return ""
    own, _ = report.original_level
    above = sum((score.real_value or 0.0) > own for score in report.scores)
    if above == 0:
        return f" None beats the original labels' own {fmt.percent(own)}."
    verb = "beats" if above == 1 else "beat"
    return f" {above:,} {verb} the original labels' own {fmt.percent(own)}."


def _on_gain(report: Report) -> str:
    parts = []
    adjacent = [] if report.uncertainty is None else report.uncertainty.adjacent()
    if adjacent:
        first = adjacent[0]
        lead = (
            f"{first.better} leads {first.worse} by {fmt.number(100 * first.difference, 1)} points"
        )
        if first.difference == 0:
            lead = f"{first.better} and {first.worse} are level"
        ends = f"{fmt.points(first.low)} to {fmt.points(first.high)} points"
        parts.append(f"{lead} ({ends}): {_DECISIONS[first.decision]}.")
    found = report.verdict
    if found is not None and found.proxy is not None:
        parts.append(_AT_THE_TOP[found.judgement.gain])
    return " ".join(parts) or _why_no_gain(report)


def _why_no_gain(report: Report) -> str:
    """Why nothing is said of a gain."""
    if not report.by_real:
        return _UNSCORED if report.scores else "Not known: no model was scored."
    if len(report.scores) == 1:
        return "Not known: one model has nothing to gain over. Score the one before it, too."
    return "Not computed here. Compare two models: reassess compare."


_UNSCORED = "No image has a label, so that no model has a score."


def _on_labels(report: Report) -> str:
    kinds, counts = report.findings.kinds, report.findings.counts
    n_images = len(report.labels)
    if kinds is None:
        held = f"{fmt.count(n_images, 'image')} carry {fmt.count(counts.n_labels, 'label')}"
        return f"{held}; the original labels are not known."
    n_changed = n_images - kinds.n_confirmed
    text = (
        f"Those of {n_changed:,} of {fmt.count(n_images, 'image')} ({_share(n_changed, n_images)}):"
        f" {kinds.n_multiple:,} have several, {kinds.n_replaced:,} another, {kinds.n_empty:,} none."
    )
    most = report.changed
    if most is not None and len(most) and most.n_images[0] > most.n_kept[0]:
        lost = int(most.n_images[0] - most.n_kept[0])
        name = report.class_name(int(most.label[0]))
        text += f" “{name}” lost most: {lost:,} of {int(most.n_images[0]):,} images."
    return text


def _on_trust(report: Report) -> str:
    found = report.findings.agreement
    if found is None or found.labels.precision is None:
        return "Not known: no expert answered gold questions. Intervals take the labels as right."
    ends = _ends_on_gold(report)
    return (
        f"On {found.n_gold:,} questions that {report.experts} answered, precision is"
        f" {fmt.percent(found.labels.precision)}{ends[0]} and recall"
        f" {fmt.percent(found.labels.recall)}{ends[1]}{_beside_original(report)}."
    )


def _ends_on_gold(report: Report) -> tuple[str, str]:
    """The intervals of precision and recall, where the operating point rests on the same gold."""
    point, found = report.labels.operating_point, report.findings.agreement
    if point is None or found is None or point.n_gold != found.n_gold:
        return "", ""
    own = (point.precision, point.recall)
    if own != (found.labels.precision, found.labels.recall):
        return "", ""
    both = ((point.precision_low, point.precision_high), (point.recall_low, point.recall_high))
    first, second = (
        "" if low is None or high is None else f" ({fmt.between(low, high)})" for low, high in both
    )
    return first, second


def _beside_original(report: Report) -> str:
    found = report.findings.agreement
    if found is None or found.original is None or found.original.precision is None:
        return ""
    ends = f"{fmt.percent(found.original.precision)} and {fmt.percent(found.original.recall)}"
    return f" (original labels: {ends})"


def _on_origin(report: Report) -> str:
    files = list(dict.fromkeys((one.file, one.sha256) for one in report.inputs))
    parts = [f"{file} ({sha256[:12]})" for file, sha256 in files[:_N_FILES]]
    if len(files) > _N_FILES:
        parts.append(f"{len(files) - _N_FILES:,} more")
    made = f"“{report.command}”" if report.command else ""
    if parts:
        made += f"{' from' if made else 'From'} {fmt.listed(parts)}"
    if not made:
        return "Below each part stand the files that it was computed from."
    changed = ", ".join(report.stale)
    since = f" The labels were decided before these changed: {changed}." if changed else ""
    return f"{made}; below each part stand its own.{since}"


def _share(n: int, total: int) -> str:
    return fmt.percent(n / total) if total else fmt.UNDEFINED


def _interval_of(score: ModelScore) -> str:
    """The interval of ReaL accuracy; a dash where nothing was scored."""
    ends = score.real_interval()
    return fmt.UNDEFINED if ends is None else fmt.between(*ends)
