"""What a report and a review of mistakes read from a study's store."""

import numpy as np
from jaxtyping import Bool, Int, Shaped

from reassess.analysis.raters import RaterRepeats
from reassess.analysis.reviews import review_labels
from reassess.errors import OptionError
from reassess.files import read_votes
from reassess.rating import adjudications, rater_table, study_progress, votes
from reassess.records import MistakeReview, Votes
from reassess.site.store import has_store, open_rating
from reassess.study import Study, benchmark_of, votes_file


def rater_repeats(
    study: Study, rater_ids: Shaped[np.ndarray, "R"], database: str | None = None
) -> RaterRepeats | None:
    """How far raters agree with themselves; None where the site asked nobody anything twice.

    Args:
        study: the study.
        rater_ids: the R raters of its votes.
        database: URL of the store; None for the study's own.

    Raises:
        StoreError: the database cannot be read.
    """
    if not has_store(study, database):
        return None
    with open_rating(study, database) as store:
        known = {one.name: one.self_agreement for one in rater_table(store)}
    counts = [
        (known[name].of, known[name].n) if name in known else (0, 0) for name in rater_ids.tolist()
    ]
    n, n_same = np.array(counts, np.int64).reshape(-1, 2).T
    return RaterRepeats(rater_ids, n, n_same) if n.any() else None


def read_verdicts(
    study: Study, review: MistakeReview, database: str | None = None
) -> tuple[Int[np.ndarray, "Q"], Bool[np.ndarray, "Q"]]:
    """The verdict on each mistake drawn, and whether it has its votes.

    From the study's store, with what experts decided there; without a store from the study's
    file of votes.

    Args:
        study: the review.
        review: what was drawn.
        database: URL of the store; None for the study's own.

    Raises:
        OptionError: there is neither a store nor a file of votes.
        FileError: the file of votes is malformed.
        DataError: a vote is about something that was not drawn.
        StoreError: the database cannot be read.
    """
    if has_store(study, database):
        return review_labels(review, *_votes_and_decisions(study, database))
    path = votes_file(study)
    if path is None:
        raise OptionError(
            f"{study.folder}: there are no votes on the review yet. Let people rate it (reassess "
            f"serve {study.folder}), or import votes: reassess votes import {study.folder} FILE"
        )
    return review_labels(review, read_votes(path, classes=benchmark_of(study).classes), {})


def _votes_and_decisions(
    study: Study, database: str | None
) -> tuple[Votes | None, dict[tuple[str, int], int]]:
    """The votes of a store, None where there are none, and what experts decided last."""
    with open_rating(study, database) as store:
        decided = sorted(adjudications(store), key=lambda one: one.at)
        given = votes(store) if study_progress(store).n_votes else None
    return given, {(one.image_id, one.label): one.answer for one in decided}
