"""The sections of the page, in order; a section without figure, table or term is left out.

To add one, write a function from `Report` and its figures to `Section`, and list it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from reassess.report.label_tables import (
    biased_table,
    changed_images_table,
    changed_table,
    pairs_table,
)
from reassess.report.methods import citations_in, methods_paragraph
from reassess.report.mistake_tables import mistakes_table
from reassess.report.page_parts import Figure, Report, Section
from reassess.report.rank_sentences import rank_lines
from reassess.report.score_tables import (
    agreement_lines,
    experts_sentence,
    ranks_table,
    raters_table,
    score_table,
    thresholds_table,
)
from reassess.report.table import Table
from reassess.report.verdict import study_sentences

Figures = Mapping[str, Figure]

_SCORED = ("labels", "original labels", "model")
_PROXY = {
    "verdict": "Is the original accuracy still a proxy?",
    "slopes": "Slopes",
    "breakpoint": "Breakpoint",
    "order": "Order of the best",
    "best model": "The best model",
    "ranks": "Neighbours in rank",
    "not said": "Cannot be said",
}
"""Sentences of the verdict that belong to progress, and what they are called there."""
_N_PAIRS, _N_CHANGED, _N_IMAGES = 300, 2000, 500
"""Rows of the tables of classes and images: what a page can hold; commands write them all."""
_N_ROLES = 3
"""Roles of one file that are named; more can only be models."""

_UNCERTAINTY_IN_WORDS = (
    "Calibrated accuracy is accuracy under labels with a probability: the posterior, drawn back on"
    " gold, as the votes on a question err together. It has no threshold, so that it lies above"
    " ReaL accuracy where the threshold misses labels. Its interval covers other images, other"
    " raters and other votes; all votes are aggregated again for each of many draws. Two adjacent"
    " models are decided where the intervals of their difference leave out 0, both that from images"
    " and that from images and labels; undecided because of the images where the first holds 0, of"
    " the labels where only the second does, and of predictions that raters did not see where these"
    " alone could turn the order. Intervals of ranks hold all differences of a model at once."
)

_KINDS_IN_WORDS = (
    "Inseparable: each is on more than half of the images that hold the other. Implies: the first"
    " is hardly without the second, but not the other way round. Overlap: both are on the same"
    " images for more than 5% of the rarer class and more than twice as often as by chance."
    " Confused: models say one on more than 5% of the images that hold only the other. Named alike:"
    " they share a name and nothing more is known. “More” is the lower end of a 95% Wilson"
    " interval."
)


def _models(report: Report, figures: Figures) -> Section:
    text = (
        (
            "A prediction counts as right under the reassessed labels (ReaL) when it is any of the"
            " image's labels. Images that no label describes are left out."
        ),
    )
    tables: tuple[Table, ...] = ()
    if report.scores:
        table = score_table(report.scores, report.labels.name, findings=report.findings, digits=1)
        how = "Click a heading to sort, a row to follow its model through the figures."
        tables = (replace(table, notes=(*table.notes, how)),)
    drawn = _pick(figures, "accuracies")
    return Section("accuracy", "How good are the models?", text, drawn, tables, rests_on=_SCORED)


def _ranks(report: Report, figures: Figures) -> Section:
    found = report.uncertainty
    lines = () if found is None else tuple(rank_lines(found, report.sensitivity))
    tables, point = [], report.labels.operating_point
    if found is not None:
        tables.append(ranks_table(found, report.sensitivity, digits=1))
    if report.sensitivity is not None:
        own = None if point is None else point.threshold
        tables.append(thresholds_table(report.sensitivity, own))
    return Section(
        "ranks",
        "How sure is the order?",
        lines[:1],
        _pick(figures, "ranks"),
        tuple(tables),
        rests_on=("labels", "model", "votes", "posterior", "gold", "adjudications"),
        more=lines[1:],
    )


def _mistakes(report: Report, _figures: Figures) -> Section:
    text = (
        (
            "A prediction that is none of the labels may be a clear mistake, a near miss, or right"
            " where the labels are not complete. The kinds are guesses from votes, from other"
            " models, from the class hierarchy and from which classes are seen together;"
            " “reassess mistakes --review” lets people judge a sample."
        ),
    )
    found = report.mistakes
    table = () if found is None or len(found) == 0 else (_fewest_first(mistakes_table(found)),)
    used = ("labels", "model", "hierarchy", "posterior", "votes", "adjudications")
    title = "What do models still get wrong?"
    return Section("mistakes", title, text, tables=table, rests_on=used, folded=True)


def _progress(report: Report, figures: Figures) -> Section:
    told = () if report.verdict is None else study_sentences(report.verdict)
    here = set(_PROXY) - ({"ranks"} if report.uncertainty is not None else set())
    terms = tuple((_PROXY[about], said) for about, said in told if about in here)
    drawn, title = _pick(figures, "progress"), "Is a gain worth as much as before?"
    return Section("progress", title, (), drawn, terms=terms, rests_on=_SCORED, folded=not drawn)


def _preference(report: Report, figures: Figures) -> Section:
    text = (
        (
            "The strongest test of a model is the image on which it contradicts the original label:"
            f" whom do the {report.raters} believe?"
        ),
    )
    drawn, title = _pick(figures, "preference"), "Model or original label?"
    return Section("preference", title, text, drawn, rests_on=_SCORED, folded=True)


def _later(_report: Report, figures: Figures) -> Section:
    text = ("Many images show more than one thing. Do models know about the others?",)
    drawn = _pick(figures, "later-predictions")
    title = "Do models know the other labels?"
    return Section("later", title, text, drawn, rests_on=("labels", "model"), folded=True)


def _labels(report: Report, figures: Figures) -> Section:
    tables = []
    if report.changed is not None and len(report.changed):
        tables.append(changed_table(report.changed, report.class_name).head(_N_CHANGED))
    if report.benchmark.original is not None:
        images = changed_images_table(
            report.labels, report.benchmark, report.class_name, most=_N_IMAGES
        )
        if len(images):
            how = f"How one came to its labels: {report.show_command} IMAGE."
            notes = (*images.notes, *((how,) if report.show_command else ()))
            tables.append(replace(images, notes=notes))
    drawn, title = _pick(figures, "label-counts"), "Which labels changed?"
    used = ("labels", "original labels")
    return Section("labels", title, (), drawn, tuple(tables), rests_on=used)


def _agreement(report: Report, figures: Figures) -> Section:
    text: tuple[str, ...] = (
        (
            f"{report.experts.capitalize()} answered a set of gold questions. Precision asks how"
            " many of the labels that were kept hold; recall, how many of those that hold were"
            " kept."
        ),
    )
    found = report.raters_found
    more: tuple[str, ...] = ()
    if found is not None and found.experts is not None:
        more = (experts_sentence(found.experts),)
    drawn = _pick(figures, "agreement")
    used = ("gold", "labels", "posterior", "original labels", "votes")
    title = "Can the labels be trusted?"
    return Section("agreement", title, text, drawn, rests_on=used, more=more)


def _bias(report: Report, figures: Figures) -> Section:
    text = (
        (
            "Where an image holds several labels the benchmark named one. A model that guesses"
            " which one more often than chance has learnt a habit of the benchmark, not something"
            " seen."
        ),
    )
    found = report.findings.biased
    tables: tuple[Table, ...] = ()
    if found is not None:
        known = {one.name for one in found.models}
        best = next((score.model for score, _ in report.by_real if score.model in known), None)
        if best is None and found.models:
            best = found.models[0].name
        tables = (biased_table(found, report.class_name, best),)
    drawn = _pick(figures, "biased-classes")
    title = "Have models learnt the benchmark's habits?"
    return Section("habits", title, text, drawn, tables, rests_on=_SCORED, folded=True)


def _classes(report: Report, _figures: Figures) -> Section:
    text = (
        (
            "Some classes are two names for one thing, some are always seen together, and some are"
            " simply hard. The evidence is kept apart: what people found on the same images, what"
            " models take for each other, and what is called alike."
        ),
    )
    tables: tuple[Table, ...] = ()
    if report.pairs is not None and len(report.pairs):
        classes = report.benchmark.classes
        table = pairs_table(report.pairs, None if classes is None else classes.names)
        tables = (table.head(_N_PAIRS),)
    title, used = "Which classes are hard to tell apart?", (*_SCORED, "classes", "hierarchy")
    return Section("hard-classes", title, text, tables=tables, rests_on=used, folded=True)


def _galleries(report: Report, _figures: Figures) -> Section:
    """Images with their pictures: a caption without a picture shows nothing."""
    shown = []
    for one in report.galleries:
        pictures = tuple(picture for picture in one.pictures if picture.source)
        shown += [replace(one, pictures=pictures)] if pictures else []
    used = ("labels", "original labels", "classes")
    return Section("images", "Images worth seeing", galleries=tuple(shown), rests_on=used)


def _raters(report: Report, _figures: Figures) -> Section:
    found = report.raters_found
    if found is None:
        return Section("answers", "")
    text = (
        (
            f"How far do the {report.raters} agree beyond chance?"
            f" {'. '.join(agreement_lines(found.agreement))}."
        ),
        (
            "What each answers is held against what the others say, and drawn towards the mean of"
            " all where there are few votes."
        ),
    )
    title, used = "Who answered, and how much hangs on one?", ("votes", "posterior", "labels")
    table = (raters_table(found),)
    return Section("answers", title, text, tables=table, rests_on=used, folded=True)


def _audit_terms(report: Report) -> list[tuple[str, str]]:
    """What an audit is and does, where the labels have one."""
    audit = report.labels.audit
    if audit is None:
        return []
    drawn, of = int(audit.drawn.sum()), len(audit.drawn)
    text = (
        f"{drawn:,} of {of:,} skipped images and unasked predictions were drawn at random, with"
        " known probabilities, and asked about among the others. Accuracies and differences are"
        " corrected by how far the answers depart from what the labels say otherwise"
        " (prediction-powered inference), and their intervals hold the sample, too. Counts of"
        " images are as counted."
    )
    return [("Audit", text)]


def _methods(report: Report, _figures: Figures) -> Section:
    terms = [
        (
            "Reassessed labels",
            (
                f"For each image the set of classes that {report.raters} found in it. They answered"
                " “is this class in the image?” for the classes that models or the original label"
                " proposed; a class is kept where its posterior probability, given their answers,"
                " reaches the operating point. Images that were not put to raters keep their"
                " original label."
            ),
        ),
        *_audit_terms(report),
        (
            "ReaL accuracy",
            (
                "Of the images with at least one reassessed label, the share whose top prediction"
                " is one of them."
            ),
        ),
        (
            "95% intervals",
            (
                "Unless said otherwise Wilson's intervals of a proportion: how far the number may"
                " be off because the images are a sample. They say nothing about errors of the"
                " labels themselves. Two models on the same images can differ clearly although"
                " their intervals overlap; use “reassess compare” for a paired test."
            ),
        ),
        (
            "Original labels' ReaL accuracy",
            "The original labels scored as if they were a model's predictions: the reference line.",
        ),
        (
            "Progress",
            (
                "Two ordinary least-squares lines of ReaL on original accuracy, for the halves of"
                " the models below and above the median original accuracy, and a t-test of their"
                " slopes, which takes models as independent. The slopes depend on which models are"
                " included."
            ),
        ),
        (
            "Unbiased oracle",
            (
                "On each image whose labels include the original one, it is right with probability"
                " one over the number of labels. Classes on which it stays below 90% are compared."
            ),
        ),
    ]
    if report.uncertainty is not None:
        terms.append(("How sure the order is", _UNCERTAINTY_IN_WORDS))
    if report.pairs is not None:
        terms.append(("Classes that belong together", _KINDS_IN_WORDS))
    point = report.labels.operating_point
    if point is not None:
        terms.insert(
            1,
            ("Operating point", f"Posterior of at least {point.threshold:.3f}, by “{point.rule}”."),
        )
    text = (
        (
            "The method and its analyses follow Beyer, Hénaff, Kolesnikov, Zhai and van den Oord"
            " (2020), “Are we done with ImageNet?”, arXiv 2006.07159. The words for a paper:"
        ),
    )
    paragraph = methods_paragraph(report)
    cited = "\n".join(reference for _, reference in citations_in(paragraph))
    quote = f"{paragraph}\n\n{cited}"
    title = "How it was measured"
    return Section("methods", title, text, terms=tuple(terms), quote=quote, folded=True)


def _provenance(report: Report, _figures: Figures) -> Section:
    terms = list(report.provenance)
    if report.command:
        terms.insert(0, ("command", report.command))
    roles: dict[tuple[str, str], list[str]] = {}
    for one in report.inputs:
        roles.setdefault((one.file, one.sha256), []).append(one.role)
    for (file, sha256), named in roles.items():
        many = len(named) > _N_ROLES
        role = f"{len(named):,} models" if many else ", ".join(dict.fromkeys(named))
        terms.append((role, f"{file}, SHA-256 {sha256}"))
    return Section("provenance", "Where it comes from", terms=tuple(terms))


SECTIONS: tuple[Callable[[Report, Figures], Section], ...] = (
    _models,
    _ranks,
    _progress,
    _labels,
    _galleries,
    _agreement,
    _raters,
    _classes,
    _mistakes,
    _preference,
    _later,
    _bias,
    _methods,
    _provenance,
)
"""Every section, in the order of the page."""


def sections(report: Report, figures: Figures) -> list[Section]:
    """The sections that have something to show."""
    made = [make(report, figures) for make in SECTIONS]
    return [one for one in made if one.figures or one.tables or one.galleries or one.terms]


def _pick(figures: Figures, *ids: str) -> tuple[Figure, ...]:
    return tuple(figures[name] for name in ids if name in figures)


def _fewest_first(table: Table) -> Table:
    """The models by their share of mistakes."""
    share = table.data["share"]
    return table.take(sorted(range(len(table)), key=lambda row: share[row] or 0.0))
