"""The paragraph on methods, with the numbers of what was done, ready for a paper.

Every sentence is built from records and left out where they are absent; a number that is not known
leaves its clause out.
"""

from importlib.metadata import version

from reassess.aggregation import METHODS
from reassess.labels import RULES as LABEL_RULES
from reassess.proposals import RULES as PROPOSAL_RULES
from reassess.records import OperatingPoint
from reassess.report import formatting as fmt
from reassess.report.page_parts import Report

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
                f"Agreement between {report.raters} was Krippendorff's alpha ="
                f" {fmt.number(alpha.value, 2)} (Krippendorff, 2011)."
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
