"""The paragraph on methods: what was done, with the numbers, to be pasted into a paper.

Says only what the report knows; a number that is not known leaves its clause out.
"""

from importlib.metadata import version

from reassess.aggregation import METHODS
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
        if point.precision is not None and point.recall is not None:
            seen = ", in sample: they calibrated the raters" if point.in_sample else ""
            sentence += (
                f" (precision {fmt.percent(point.precision)}, recall"
                f" {fmt.percent(point.recall)} on {point.n_gold:,} gold questions{seen})"
            )
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
    else:
        proposed += " further classes for each image"
    sentence = f"{proposed}."
    who = fmt.count(known.n_raters or 0, report.raters.removesuffix("s"), report.raters)
    asked = (
        f"In all, {who} answered {fmt.count(known.n_questions or 0, 'question')} (“is this class"
        f" in the image?”: no, maybe, yes) with {fmt.count(known.n_votes, 'vote')}"
    )
    method = "" if known.method is None else METHODS[known.method].sentence
    return [sentence, f"{asked}{f', {method}' if method else ''}."]
