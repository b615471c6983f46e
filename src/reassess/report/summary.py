"""What sums a report up: its first paragraph, its key numbers, its paragraph on methods.

The first is for a reader with five minutes, the last, with the numbers of what was done, to be
pasted into a paper. Every sentence is built from findings and left out where its finding is
absent; a number that is not known leaves its clause out. Claims no more than the numbers carry:
intervals are named, and progress is said to be worth less only where the verdict's own rules
say so.
"""

from importlib.metadata import version

from reassess.aggregation import METHODS
from reassess.analysis.findings import Preference
from reassess.labels import RULES as LABEL_RULES
from reassess.proposals import RULES as PROPOSAL_RULES
from reassess.records import ModelScore, OperatingPoint
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
        best, level = report.by_real[0]
        detail = f"{best.model}, 95% interval {_interval_of(best)}"
        value = fmt.percent(level)
        numbers.append(KeyNumber(value, "best ReaL accuracy", detail, "real"))
    if report.original_level is not None:
        level, ends = report.original_level
        detail, value = f"95% interval {fmt.between(*ends)}", fmt.percent(level)
        numbers.append(KeyNumber(value, "original labels' ReaL accuracy", detail, "original"))
    if found.original is not None:
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
    best, value = report.by_real[0]
    ends = best.real_interval()
    near = [
        score
        for score in report.scores
        if score is not best and ends is not None and _reaches(score, ends[0])
    ]
    several = len(report.scores) > 1
    among = f"best of {fmt.count(len(report.scores), 'model')}" if several else "only model"
    sentence = (
        f"The {among}, {best.model}, reaches {fmt.percent(value)} ReaL accuracy"
        f" (95% interval {_interval_of(best)})"
    )
    if near:
        verb = "has an interval" if len(near) == 1 else "have intervals"
        sentence += f"; {fmt.count(len(near), 'other')} {verb} that overlap"
        sentence += "s it" if len(near) == 1 else " it"
    return f"{sentence}."


def _reaches(score: ModelScore, low: float) -> bool:
    ends = score.real_interval()
    return ends is not None and ends[1] >= low


def _interval_of(score: ModelScore) -> str:
    """The interval of ReaL accuracy; a dash where nothing was scored."""
    ends = score.real_interval()
    return fmt.UNDEFINED if ends is None else fmt.between(*ends)


def _on_the_original_labels(report: Report) -> str:
    if report.original_level is None or not report.scores:
        return ""
    own, _ = report.original_level
    above = sum((score.real_value or 0.0) > own for score in report.scores)
    first = f"Scored like a model, the original labels reach {fmt.percent(own)}"
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


CITATIONS = {
    "Beyer et al., 2020": (
        "L. Beyer, O. J. Hénaff, A. Kolesnikov, X. Zhai, A. van den Oord (2020). Are we done with"
        " ImageNet? arXiv:2006.07159."
    ),
    "Dawid and Skene, 1979": (
        "A. P. Dawid, A. M. Skene (1979). Maximum likelihood estimation of observer error-rates"
        " using the EM algorithm. Applied Statistics 28(1), 20–28."
    ),
    "Kim and Ghahramani, 2012": (
        "H.-C. Kim, Z. Ghahramani (2012). Bayesian classifier combination. Artificial Intelligence"
        " and Statistics (AISTATS)."
    ),
    "Li et al., 2019": (
        "Y. Li, B. I. P. Rubinstein, T. Cohn (2019). Exploiting worker correlation for label"
        " aggregation in crowdsourcing. International Conference on Machine Learning (ICML)."
    ),
    "Wilson, 1927": (
        "E. B. Wilson (1927). Probable inference, the law of succession, and statistical"
        " inference. Journal of the American Statistical Association 22(158), 209–212."
    ),
    "Krippendorff, 2011": (
        "K. Krippendorff (2011). Computing Krippendorff's alpha-reliability. University of"
        " Pennsylvania."
    ),
}


def methods_paragraph(report: Report) -> str:
    """What was done, in sentences with numbers and citations."""
    known = report.label_provenance
    n_models = len(report.scores) if known is None else known.n_models
    images = f"{fmt.count(len(report.labels), 'image')} of {report.benchmark.name}"
    if known is None:
        models = fmt.count(n_models, "model")
        given = f"the reassessed labels “{report.labels.name}” of {images}"
        sentences = [f"We scored {models} under {given} (Beyer et al., 2020)."]
    else:
        sentences = [f"We reassessed the labels of {images} (Beyer et al., 2020)."]
    sentences += _on_asking(report, n_models)
    point = report.labels.operating_point
    if point is not None:
        sentence = f"A label was kept where its posterior was at least {point.threshold:.3f}"
        # Labels of another version may name a rule that is not known here.
        known_rule = point.rule in LABEL_RULES
        sentence += f", {LABEL_RULES[point.rule].sentence if known_rule else point.rule}"
        if point.precision is not None and point.recall is not None:
            sentence += f" ({_worth_on_gold(point)})"
        sentences.append(f"{sentence}.")
    n_empty = report.findings.counts.n_images[0]
    sentences.append(
        "ReaL accuracy is the share of images whose top prediction is one of the reassessed labels;"
        f" {fmt.count(n_empty, 'image')} without any label"
        f" {'is' if n_empty == 1 else 'are'} left out. Intervals are 95% Wilson score intervals"
        " (Wilson, 1927)."
    )
    if report.raters_found is not None:
        alpha = report.raters_found.agreement.ordinal or report.raters_found.agreement.nominal
        if alpha.value is not None:
            sentences.append(
                f"Agreement between {report.raters} was Krippendorff's alpha = {alpha.value:.2f}"
                " (Krippendorff, 2011)."
            )
    sentences.append(f"Numbers were computed with reassess {version('reassess')}.")
    return " ".join(sentences)


def _worth_on_gold(point: OperatingPoint) -> str:
    """Precision and recall, with intervals, as they are in sample and cross-fitted."""
    seen = ", in sample: they calibrated the raters" if point.in_sample else ""
    precision = _with_ends(point.precision, point.precision_low, point.precision_high)
    recall = _with_ends(point.recall, point.recall_low, point.recall_high)
    text = f"precision {precision}, recall {recall} on {point.n_gold:,} gold questions{seen}"
    if point.cross_fitted_precision is not None:
        text += (
            f"; cross-fitted {fmt.percent(point.cross_fitted_precision)} and"
            f" {fmt.percent(point.cross_fitted_recall)}"
        )
    return text


def _with_ends(value: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return fmt.percent(value)
    return f"{fmt.percent(value)} [{fmt.percent(low)}, {fmt.percent(high)}]"


def citations_in(paragraph: str) -> tuple[tuple[str, str], ...]:
    """(name, reference) of every work that the paragraph cites."""
    return tuple((name, CITATIONS[name]) for name in CITATIONS if _cited(name, paragraph))


def _cited(name: str, paragraph: str) -> bool:
    return name in paragraph or (name.startswith("Dawid") and "Skene, 1979" in paragraph)


def _on_asking(report: Report, n_models: int) -> list[str]:
    known = report.label_provenance
    if known is None or known.n_votes is None:
        return []
    proposed = f"The original labels and {fmt.count(n_models, 'model')} proposed"
    if known.n_proposals is not None:
        proposed += f" {fmt.count(known.n_proposals, 'pair')} of image and class"
        if known.rule is not None:
            proposed += f": {PROPOSAL_RULES[known.rule].sentence}"
    else:
        proposed += " further classes for each image"
    sentence = f"{proposed}."
    who = fmt.count(known.n_raters or 0, report.raters.removesuffix("s"), report.raters)
    asked = (
        f"In all, {who} answered {fmt.count(known.n_questions or 0, 'question')} (“is this class"
        f" in the image?”: no, maybe, yes) with {fmt.count(known.n_votes, 'vote')}"
    )
    method = "" if known.method is None else METHODS[known.method].sentence
    if method and known.confusion_prior == "pooled":
        method += ", raters with few answers being drawn to the confusion of all"
    if method and known.n_context:
        method += f", and combined with what {known.n_context:,} models predict (context)"
    if method and known.converged is False:
        method += "; the fit had NOT converged when it was stopped"
    return [sentence, f"{asked}{f', {method}' if method else ''}."]
