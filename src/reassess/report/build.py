"""A report from records: everything that they allow to be found, and the images worth seeing.

Joins `reassess.analysis` and the page; finds nothing and draws nothing itself. A study, the
demo and `reassess score` come here with what they have. A gallery is the same each time it is
made; no image is read here: whoever asks hands in small copies. Letters: N images, n of them in
a gallery.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.analysis.classes import (
    PAIR_KINDS,
    ChangedClasses,
    ClassPairs,
    changed_classes,
    class_pairs,
    images_with_several,
    images_without,
)
from reassess.analysis.findings import find
from reassess.analysis.mistakes import find_mistakes
from reassess.analysis.raters import RaterFindings, rater_findings
from reassess.analysis.sensitivity import Sensitivity, sensitivity
from reassess.analysis.soft_labels import usable_gold
from reassess.analysis.uncertainty import UncertainScores, uncertain_scores
from reassess.analysis.verdict import study_verdict
from reassess.progress import Progress, null_progress
from reassess.records import (
    Benchmark,
    Gold,
    Hierarchy,
    LabelSets,
    ModelScore,
    Posterior,
    Predictions,
    Votes,
    align,
    positions,
)
from reassess.report import formatting as fmt
from reassess.report.page_parts import Gallery, Picture, Report, class_name

SmallCopies = Callable[[Sequence[str]], Mapping[str, str]]
"""From image ids to ``data:`` addresses of small copies, of those that have a file."""

N_PICTURES = 12
"""Images of a gallery of single images."""

_N_GROUPS, _N_EACH = 5, 3
"""Pairs or classes that are shown, and the images of each."""

_ON_NONE = "Images that no label fits"
_ON_NONE_RATED = "Images that raters saw and that no proposed label fits"

_Row = tuple[int, tuple[str, ...]]

PARTS = ("findings", "uncertainty", "verdict", "mistakes", "classes", "raters", "images")
"""What `assemble_report` does, in order."""

RESAMPLES = 1000
"""Draws of images, raters and votes each."""

MOST_RANKED = 100
"""Models whose ranks are drawn again; of more, all pairs would take minutes."""


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """The records that a report is made of.

    Attributes:
        labels: the reassessed labels.
        benchmark: what they are about.
        predictions: the models.
        scores: one a model, in the same order.
        hierarchy: which class is a kind of which; None where that is not known.
        votes: the raters' answers; None where there are none.
        posterior: P(the class is in the image) of each question; None likewise.
        decided: the same with 1 or 0 where experts decided; None where they decided nothing.
        gold: questions whose truth experts fixed; None where there are none.
        gold_votes: raters' answers to gold questions; None takes those among the votes.
        min_expert_yes: how many experts had to say yes when the posterior was made; None for more
            than half.
        pseudocount: added to counts when the posterior was made under the uniform prior; 1 where
            None is given.
    """

    labels: LabelSets
    benchmark: Benchmark
    predictions: Sequence[Predictions]
    scores: Sequence[ModelScore]
    hierarchy: Hierarchy | None = None
    votes: Votes | None = None
    posterior: Posterior | None = None
    decided: Posterior | None = None
    gold: Gold | None = None
    gold_votes: Votes | None = None
    min_expert_yes: int | None = None
    pseudocount: float | None = None


def assemble_report(
    inputs: ReportInputs,
    title: str,
    *,
    simulated: bool = False,
    small_copies: SmallCopies | None = None,
    progress: Progress = null_progress,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """The report, without what only its maker knows: command, inputs, how labels were made.

    Args:
        inputs: the records.
        title: heading of the page.
        simulated: whether the votes come from simulated raters.
        small_copies: gives the pictures of galleries; None shows ids and labels only.
        progress: called when one of `PARTS` begins, and after resamples.
        n_resamples: resamples of images, of raters and of votes, each.
        seed: of all bootstraps.

    Raises:
        DataError: the records do not fit each other.
        AlignmentError: images do not match.
    """
    labels, benchmark = inputs.labels, inputs.benchmark
    progress("findings")
    findings = find(
        labels,
        benchmark,
        inputs.predictions,
        posterior=inputs.posterior,
        gold=inputs.gold,
        gold_votes=_gold_votes(inputs),
        scores=inputs.scores,
    )
    progress("uncertainty")
    uncertainty = uncertainty_of(
        inputs, n_resamples=n_resamples, rng=np.random.default_rng(seed), progress=progress
    )
    progress("verdict")
    judged = study_verdict(
        labels,
        benchmark,
        inputs.predictions,
        uncertainty=uncertainty,
        rng=np.random.default_rng(seed),
    )
    progress("mistakes")
    mistakes = find_mistakes(
        labels,
        inputs.predictions,
        hierarchy=inputs.hierarchy,
        posterior=inputs.decided or inputs.posterior,
        votes=inputs.votes,
        classes=benchmark.classes,
    )
    progress("classes")
    pairs = _pairs(inputs)
    changed = None if benchmark.original is None else changed_classes(labels, benchmark)
    progress("raters")
    raters = _raters(inputs, seed)
    progress("images")
    return Report(
        title=title,
        findings=findings,
        scores=inputs.scores,
        labels=labels,
        benchmark=benchmark,
        simulated=simulated,
        pairs=pairs,
        changed=changed,
        raters_found=raters,
        galleries=galleries(
            labels, benchmark, pairs=pairs, changed=changed, small_copies=small_copies
        ),
        verdict=judged,
        uncertainty=uncertainty,
        sensitivity=sensitivity_of(inputs),
        mistakes=mistakes,
    )


def uncertainty_of(
    inputs: ReportInputs,
    *,
    n_resamples: int = RESAMPLES,
    rng: np.random.Generator,
    progress: Progress = null_progress,
) -> UncertainScores | None:
    """Intervals of accuracies and ranks, with those of the labels where votes can be drawn.

    None below two models, above `MOST_RANKED`, and where no image has a label.

    Args:
        inputs: the records.
        n_resamples: draws of images, of raters and of votes, each.
        rng: where randomness comes from.
        progress: called with the number of resamples done.

    Raises:
        DataError: the records do not fit each other.
        AlignmentError: images do not match.
    """
    n_models, labels = len(inputs.predictions), inputs.labels
    if not 1 < n_models <= MOST_RANKED or not (labels.sizes > 0).any():
        return None
    votes, posterior = inputs.votes, inputs.posterior
    if votes is None or posterior is None:
        votes = posterior = None
    gold = None if votes is None else usable_gold(inputs.gold, votes.questions)
    return uncertain_scores(
        inputs.predictions,
        inputs.labels,
        votes=votes,
        posterior=posterior,
        gold=gold,
        gold_votes=None if gold is None else _gold_votes(inputs),
        min_expert_yes=inputs.min_expert_yes,
        pseudocount=inputs.pseudocount,
        n_resamples=n_resamples,
        rng=rng,
        progress=progress,
    )


def sensitivity_of(inputs: ReportInputs) -> Sensitivity | None:
    """Accuracies and ranks at other thresholds; None without a posterior of questions."""
    posterior = inputs.decided or inputs.posterior
    if posterior is None or not inputs.predictions:
        return None
    return sensitivity(inputs.predictions, inputs.labels, posterior)


def _pairs(inputs: ReportInputs) -> ClassPairs | None:
    labels, classes = inputs.labels, inputs.benchmark.classes
    if classes is None and labels.n_classes is None:
        return None
    return class_pairs(labels, inputs.predictions, classes=classes, hierarchy=inputs.hierarchy)


def _gold_votes(inputs: ReportInputs) -> Votes | None:
    """The raters' votes where some of them are on gold questions."""
    votes, gold = inputs.votes, inputs.gold
    if inputs.gold_votes is not None or votes is None or gold is None:
        return inputs.gold_votes
    found = gold.questions.rows_in(votes.questions, source="gold")
    return votes if (found >= 0).any() else None


def _raters(inputs: ReportInputs, seed: int) -> RaterFindings | None:
    votes, posterior = inputs.votes, inputs.posterior
    point = inputs.labels.operating_point
    if votes is None or posterior is None or point is None or posterior.confusion is None:
        return None
    rng = np.random.default_rng(seed)
    return rater_findings(votes, posterior, point.threshold, gold=inputs.gold, rng=rng)


def galleries(
    labels: LabelSets,
    benchmark: Benchmark,
    *,
    pairs: ClassPairs | None = None,
    changed: ChangedClasses | None = None,
    small_copies: SmallCopies | None = None,
) -> tuple[Gallery, ...]:
    """The galleries that have an image.

    Args:
        labels: the reassessed labels.
        benchmark: their images, original labels and class names.
        pairs: classes that are hard to tell apart, strongest evidence first.
        changed: original classes, those that lost most first.
        small_copies: gives the pictures; None shows ids and labels only.

    Raises:
        AlignmentError: an image of the labels is not in the benchmark.
    """
    original = _original(labels, benchmark)
    lost = np.zeros(len(labels), np.bool_)
    if original is not None:
        lost = ~labels.contains(np.arange(len(labels)), original)
    several = _rows(labels, images_with_several(labels, N_PICTURES))
    none = _spread(_rows(labels, images_without(labels, len(labels))))
    replaced = _spread(np.flatnonzero(lost & (labels.sizes == 1)))
    name = partial(class_name, benchmark)
    chosen: list[tuple[str, str, list[_Row]]] = [
        ("several", "Images with most labels", _plain(several)),
        ("none", _ON_NONE if labels.rated is None else _ON_NONE_RATED, _plain(none)),
        ("replaced", "Images whose one label is another than the original", _plain(replaced)),
        ("of-pairs", "Images on which two classes meet", list(_of_pairs(labels, pairs, name))),
        (
            "of-changed",
            "Images that the most changed classes lost",
            list(_of_changed(changed, original, lost, name)),
        ),
    ]
    ids = [str(labels.image_ids[row]) for _, _, rows in chosen for row, _ in rows]
    copies = {} if small_copies is None else small_copies(ids)
    return tuple(
        Gallery(key, caption, _pictures(labels, original, name, rows, copies))
        for key, caption, rows in chosen
        if rows
    )


def _plain(rows: Int[np.ndarray, "n"]) -> list[_Row]:
    return [(row, ()) for row in rows[:N_PICTURES].tolist()]


def _of_pairs(
    labels: LabelSets, pairs: ClassPairs | None, name: Callable[[int], str]
) -> Iterator[_Row]:
    """Images that hold both classes of a pair, for the first pairs that have any."""
    if pairs is None:
        return
    for row in np.flatnonzero(pairs.n_both > 0)[:_N_GROUPS].tolist():
        a, b = int(pairs.a[row]), int(pairs.b[row])
        holds_a, holds_b = (labels.image[labels.indices == label] for label in (a, b))
        n_both = fmt.count(int(pairs.n_both[row]), "image")
        line = f"{PAIR_KINDS[int(pairs.kind[row])]}: {name(a)}, {name(b)}; {n_both} with both"
        both = _spread(np.intersect1d(holds_a, holds_b))
        yield from ((image, (line,)) for image in both[:_N_EACH].tolist())


def _of_changed(
    changed: ChangedClasses | None,
    original: Int[np.ndarray, "N"] | None,
    lost: Bool[np.ndarray, "N"],
    name: Callable[[int], str],
) -> Iterator[_Row]:
    """Images that lost their original label, for the classes that lost most."""
    if changed is None or original is None:
        return
    n_lost = changed.n_images - changed.n_kept
    for row in np.flatnonzero(n_lost)[:_N_GROUPS].tolist():
        label = int(changed.label[row])
        line = f"{name(label)} lost {int(n_lost[row]):,} of {int(changed.n_images[row]):,}"
        images = _spread(np.flatnonzero(lost & (original == label)))
        yield from ((image, (line,)) for image in images[:_N_EACH].tolist())


def _pictures(
    labels: LabelSets,
    original: Int[np.ndarray, "N"] | None,
    name: Callable[[int], str],
    rows: Sequence[_Row],
    copies: Mapping[str, str],
) -> tuple[Picture, ...]:
    made = []
    for row, lines in rows:
        image_id = str(labels.image_ids[row])
        held = labels.indices[labels.indptr[row] : labels.indptr[row + 1]].tolist()
        said = [*lines, "now: " + (", ".join(map(name, held)) or "no label")]
        if original is not None:
            said.append(f"originally: {name(int(original[row]))}")
        made.append(Picture(image_id, copies.get(image_id, ""), tuple(said)))
    return tuple(made)


def _rows(labels: LabelSets, ids: Shaped[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    return positions(ids, labels.image_ids, source="gallery")


def _spread(rows: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The rows in an order drawn once and for all, so that the first few are not neighbours."""
    drawn: Int[np.ndarray, "n"] = np.random.default_rng(0).permutation(rows)
    return drawn


def _original(labels: LabelSets, benchmark: Benchmark) -> Int[np.ndarray, "N"] | None:
    if benchmark.original is None:
        return None
    row = align(labels.image_ids, benchmark.image_ids, source="labels", target_name=benchmark.name)
    original: Int[np.ndarray, "N"] = benchmark.original[row]
    return original
