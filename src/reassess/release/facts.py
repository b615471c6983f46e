"""What a release says of itself: what people state about it, and the numbers of its records."""

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from reassess.files.artefacts import scores_as_dict
from reassess.pipeline import make_scores
from reassess.pipeline.stage import GivenModels
from reassess.study import StudyRecords

FORMAT = "reassess release 1"


@dataclass(frozen=True, slots=True)
class About:
    """What only people know of a release.

    Attributes:
        title: what the data set is called.
        version: of the data set, such as 1.0.0.
        date: of the release, ``2026-11-30``.
        reassess: the version of reassess that made it.
        license: an SPDX name or an address; None where nobody stated one.
        authors: their names, as they are to be cited.
        description: one paragraph; None for a sentence made from the numbers.
        url: where the data set is found; None where that is not known.
    """

    title: str
    version: str
    date: str
    reassess: str
    license: str | None = None
    authors: tuple[str, ...] = ()
    description: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """The numbers of a release, each computed from its records.

    Attributes:
        numbers: counts by name.
        operating_point: how labels were decided, as labels state it; None where they do not.
        method: how votes were aggregated; None without a posterior.
        models: names of the models that were asked about or scored, in their order.
        scores: every accuracy of each model, as ``reassess score --json`` has it.
        question: the question that raters were asked; None for the usual one.
    """

    numbers: dict[str, int]
    operating_point: dict[str, Any] | None
    method: str | None
    models: tuple[str, ...]
    scores: dict[str, Any]
    question: str | None = None

    @classmethod
    def of(cls, records: StudyRecords) -> "ReleaseFacts":
        """The facts of a study's records.

        Raises:
            DataError: the records do not fit each other.
        """
        labels, votes, gold = records.labels, records.votes, records.gold
        numbers = {
            "images": len(labels),
            "images with a label": int((labels.sizes > 0).sum()),
            "images with several labels": int((labels.sizes > 1).sum()),
            "labels": len(labels.indices),
        }
        if records.benchmark.original is not None:
            kept = labels.contains(np.arange(len(labels)), records.benchmark.original)
            numbers["images that keep their original label"] = int(kept.sum())
        if labels.rated is not None:
            numbers["images put to raters"] = int(labels.rated.sum())
        if votes is not None:
            numbers |= {
                "votes": len(votes),
                "questions": len(votes.questions),
                "raters": len(votes.rater_ids),
            }
        if gold is not None:
            numbers |= {
                "gold questions": len(gold.questions),
                "experts": len(gold.votes.rater_ids),
            }
        made = make_scores(
            labels=labels, models=GivenModels(records.predictions), benchmark=records.benchmark
        )
        point, posterior = labels.operating_point, records.posterior
        return cls(
            numbers=numbers,
            operating_point=None if point is None else dataclasses.asdict(point),
            method=None if posterior is None else posterior.method,
            models=tuple(one.model for one in records.predictions),
            scores=scores_as_dict(list(made.record), labels.name),
            question=records.study.setting("ask", "question"),
        )

    def votes_per_question(self, records: StudyRecords) -> str | None:
        """How many raters answered a question, in words; None without votes."""
        if records.votes is None:
            return None
        counts = Counter(Counter(records.votes.question.tolist()).values())
        usual, n = counts.most_common(1)[0]
        least, most = min(counts), max(counts)
        if least == most:
            return f"{usual} on every question"
        return (
            f"{usual} on {n:,} of {sum(counts.values()):,} questions, {least} to {most} on others"
        )


def facts_as_dict(about: About, facts: ReleaseFacts) -> dict[str, Any]:
    """What ``release.json`` holds."""
    return {
        "format": FORMAT,
        **dataclasses.asdict(about),
        "numbers": facts.numbers,
        "operating_point": facts.operating_point,
        "method": facts.method,
        "models": list(facts.models),
    }
