"""The report of a study: everything that its records allow to be found, told in one page.

Joins `reassess.analysis` and `reassess.report`; finds nothing and draws nothing itself.
Letters: N images.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from jaxtyping import Int

from reassess.analysis.classes import ClassPairs, changed_classes, class_pairs
from reassess.analysis.findings import find
from reassess.analysis.raters import RaterFindings, rater_findings
from reassess.records import align
from reassess.report import Gallery, Making, Picture, Report
from reassess.scoring import score_models
from reassess.study.collecting import Collected
from reassess.study.gallery import small_copies
from reassess.study.inputs import Hashes
from reassess.study.stages import gold_file, votes_file

N_PICTURES = 12
"""Images of a gallery."""

OnPart = Callable[[str], None]
"""Called with the name of a part of the report when it begins."""


def report_of(
    collected: Collected, *, command: str, on_part: OnPart | None = None, seed: int = 0
) -> Report:
    """The report of a study whose labels are decided.

    Args:
        collected: its records.
        command: what was typed, for the provenance.
        on_part: called when a part begins.
        seed: of the bootstrap of agreement.

    Raises:
        DataError: the records do not fit each other.
        AlignmentError: images do not match.
        FileError: an input cannot be read again to be hashed.
    """
    on_part = on_part or (lambda _: None)
    labels, benchmark = collected.labels, collected.benchmark
    knows_original = benchmark.original is not None
    on_part("scores")
    scores = tuple(score_models(collected.predictions, labels, benchmark, subset=True))
    on_part("findings")
    findings = find(
        labels,
        benchmark,
        collected.predictions,
        posterior=collected.posterior,
        gold=collected.gold,
        gold_votes=_gold_votes(collected),
        scores=scores,
    )
    on_part("classes")
    pairs = _pairs(collected)
    on_part("raters")
    raters = _raters(collected, seed)
    on_part("images")
    galleries = _galleries(collected)
    on_part("hashes")
    return Report(
        title=f"{benchmark.name}: are we done with it?",
        findings=findings,
        scores=scores,
        labels=labels,
        benchmark=benchmark,
        provenance=_provenance(collected, command),
        pairs=pairs,
        changed=changed_classes(labels, benchmark) if knows_original else None,
        raters_found=raters,
        galleries=galleries,
        making=_making(collected),
    )


def _pairs(collected: Collected) -> ClassPairs | None:
    classes = collected.benchmark.classes
    if classes is None and collected.labels.n_classes is None:
        return None
    return class_pairs(
        collected.labels,
        collected.predictions,
        classes=classes,
        hierarchy=collected.hierarchy,
    )


def _gold_votes(collected: Collected) -> Any:
    """The raters' votes where some of them are on gold questions."""
    votes, gold = collected.votes, collected.gold
    if votes is None or gold is None:
        return None
    return votes if np.isin(gold.questions.ids, votes.questions.ids).any() else None


def _raters(collected: Collected, seed: int) -> RaterFindings | None:
    votes, posterior = collected.votes, collected.posterior
    point = collected.labels.operating_point
    if votes is None or posterior is None or point is None or posterior.confusion is None:
        return None
    return rater_findings(votes, posterior, point.threshold, rng=np.random.default_rng(seed))


def _making(collected: Collected) -> Making:
    votes, proposals = collected.votes, collected.proposals
    return Making(
        n_models=len(collected.study.models),
        n_proposals=None if proposals is None else len(proposals),
        n_votes=None if votes is None else len(votes),
        n_raters=None if votes is None else len(votes.rater_ids),
        n_questions=None if votes is None else len(votes.questions),
        method=None if collected.posterior is None else collected.posterior.method,
    )


def _galleries(collected: Collected) -> tuple[Gallery, ...]:
    """Images with most labels, those that nothing fits, and those whose label was replaced."""
    labels = collected.labels
    size = labels.sizes
    rated = np.ones(len(labels), np.bool_) if labels.rated is None else labels.rated
    several = np.argsort(-size, kind="stable")
    chosen = [
        ("several", "The images with most labels.", several[size[several] >= 2]),
        (
            "none",
            "Images that raters saw and that no proposed label fits.",
            _spread(np.flatnonzero((size == 0) & rated)),
        ),
    ]
    if collected.benchmark.original is not None:
        original = _original(collected)
        lost = ~labels.contains(np.arange(len(labels)), original) & (size == 1)
        caption = "Images whose original label does not hold, and another one does."
        chosen.append(("replaced", caption, _spread(np.flatnonzero(lost))))
    return tuple(
        Gallery(name, caption, _pictures(collected, rows[:N_PICTURES]))
        for name, caption, rows in chosen
        if len(rows)
    )


def _spread(rows: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The rows in an order drawn once and for all, so that the first few are not neighbours."""
    drawn: Int[np.ndarray, "n"] = np.random.default_rng(0).permutation(rows)
    return drawn


def _original(collected: Collected) -> Int[np.ndarray, "N"]:
    benchmark = collected.benchmark
    row = align(
        collected.labels.image_ids, benchmark.image_ids, source="labels", target_name=benchmark.name
    )
    original: Int[np.ndarray, "N"] = np.asarray(benchmark.original)[row]
    return original


def _pictures(collected: Collected, rows: Int[np.ndarray, "n"]) -> tuple[Picture, ...]:
    labels, classes = collected.labels, collected.benchmark.classes
    original = None if collected.benchmark.original is None else _original(collected)
    ids = [str(name) for name in labels.image_ids[rows]]
    copies = small_copies(collected.study, ids)

    def name(label: int) -> str:
        return str(label) if classes is None else classes.names[label]

    made = []
    for row, image_id in zip(rows.tolist(), ids, strict=True):
        held = labels.indices[labels.indptr[row] : labels.indptr[row + 1]].tolist()
        lines = ["now: " + (", ".join(map(name, held)) or "no label")]
        if original is not None:
            lines.append(f"originally: {name(int(original[row]))}")
        made.append(Picture(image_id, copies.get(image_id, ""), tuple(lines)))
    return tuple(made)


def _provenance(collected: Collected, command: str) -> Sequence[tuple[str, str]]:
    """Command, version and time, and every input with its SHA-256."""
    study = collected.study
    hashes = Hashes(study)
    stated = [
        ("command", command),
        ("reassess", version("reassess")),
        ("made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    named = [("original labels", study.path(study.labels))]
    named += [
        (name, study.path(file))
        for name, file in (("classes", study.classes), ("hierarchy", study.hierarchy))
        if file is not None
    ]
    votes, gold = votes_file(study), gold_file(study, "aggregate")
    named += [(name, file) for name, file in (("votes", votes), ("gold", gold)) if file is not None]
    named += [
        (name, study.folder / f"{name}{suffix}")
        for name, suffix in (("posterior", ".npz"), ("labels", ".json"))
    ]
    stated += [
        (name, f"{file.name}, SHA-256 {hashes.of_file(file)}") for name, file in named
        if file.is_file()
    ]  # fmt: skip
    of_model = {hashes.of_model(one): one for one in study.models}
    stated += [(f"model {one.name}", f"{one.predictions}, SHA-256 {found}")
               for found, one in of_model.items()]  # fmt: skip
    return tuple(stated)
