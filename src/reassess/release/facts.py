"""The numbers of a release, computed from its records."""

import dataclasses
from collections import Counter
from typing import Any

from reassess.files.artefacts import scores_as_dict
from reassess.files.dataset_documents import About, DatasetFacts
from reassess.files.dataset_folder import numbers_of_labels
from reassess.pipeline import make_scores
from reassess.pipeline.stage import GivenModels
from reassess.records import Votes
from reassess.study import StudyRecords

FORMAT = "reassess release 1"


def release_facts(records: StudyRecords) -> DatasetFacts:
    """The facts of a study's records.

    Raises:
        DataError: the records do not fit each other.
    """
    labels, votes, gold = records.labels, records.votes, records.gold
    numbers = numbers_of_labels(labels, records.benchmark.original)
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
    return DatasetFacts(
        numbers=numbers,
        operating_point=None if point is None else dataclasses.asdict(point),
        method=None if posterior is None else posterior.method,
        models=tuple(one.model for one in records.predictions),
        scores=scores_as_dict(list(made.record), labels.name),
        question=records.study.setting("ask", "question"),
        votes_per_question=None if votes is None else _votes_per_question(votes),
    )


def _votes_per_question(votes: Votes) -> str:
    """How many raters answered a question, in words."""
    counts = Counter(Counter(votes.question.tolist()).values())
    usual, n = counts.most_common(1)[0]
    least, most = min(counts), max(counts)
    if least == most:
        return f"{usual} on every question"
    return f"{usual} on {n:,} of {sum(counts.values()):,} questions, {least} to {most} on others"


def facts_as_dict(about: About, facts: DatasetFacts) -> dict[str, Any]:
    """What ``release.json`` holds."""
    return {
        "format": FORMAT,
        **dataclasses.asdict(about),
        "numbers": facts.numbers,
        "operating_point": facts.operating_point,
        "method": facts.method,
        "models": list(facts.models),
    }
