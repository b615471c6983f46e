"""Votes of a file into a study's store, as votes that were given on its questions."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from reassess.errors import DataError
from reassess.files import read_votes
from reassess.files.declared_answers import DeclaredAnswers
from reassess.notes import note
from reassess.rating import QuestionTable, Store, import_votes, question_table
from reassess.records import Pairs, Questions, Votes, align, positions
from reassess.site.sync import sync
from reassess.study import Study, read_study_benchmark


def import_votes_file(
    study: Study,
    store: Store,
    path: Path,
    *,
    form: str | None = None,
    answers: DeclaredAnswers | None = None,
    only_asked: bool = False,
) -> tuple[int, int]:
    """How many votes of a file were new to the store, and how many the file holds.

    The study's questions and gold are put into the store first. Images that the votes are about
    count as answered, so that an audit keeps those that experts have judged as well.

    Args:
        study: the study.
        store: its store.
        path: the file.
        form: name of one of `VOTE_FORMATS`; None goes by the extension.
        answers: what other words than no, maybe and yes mean, as `reassess.files.read_votes`
            takes it; None for what the study's manifest says.
        only_asked: leave out votes on other questions than the study's; a note says how many.

    Raises:
        OptionError: extension and format do not fit.
        FileError: the file is missing or malformed.
        DataError: votes are not what they must be, or questions are not the study's.
        AlignmentError: an image is not the study's.
        RaterError: a rater has the name of an expert or owner.
        StoreError: the database cannot be written.
    """
    classes = read_study_benchmark(study).classes
    found = read_votes(path, classes=classes, answers=answers or study.answers, form=form)
    pairs = found.questions.require_pairs(str(path))
    sync(study, store, answered=frozenset(pairs.image_ids.tolist()))
    table = question_table(store)
    asked = table.image_ids
    if only_asked:
        found = _only_asked(found, table, str(path))
        pairs = found.questions.require_pairs(str(path))
        row = positions(pairs.image_ids, asked, source=str(path))[pairs.image]
        named = Questions.from_pairs(Pairs(asked, row, pairs.label))
    else:
        row = align(
            pairs.image_ids,
            asked,
            source=str(path),
            target_name="the study's questions",
            otherwise="Leave out votes on what the study does not ask (--only-asked), or use the "
            "paths below the image folder.",
        )
        named = Questions.from_pairs(Pairs(asked[row], pairs.image, pairs.label))
    return import_votes(store, replace(found, questions=named)), len(found)


def _only_asked(found: Votes, table: QuestionTable, source: str) -> Votes:
    """The votes on questions of the study.

    Raises:
        DataError: there is none.
    """
    pairs = found.questions.require_pairs(source)
    row = positions(pairs.image_ids, table.image_ids, source=source)[pairs.image]
    width = 1 + int(max(pairs.label.max(), table.label.max()))
    known = (row >= 0) & np.isin(row * width + pairs.label, table.image * width + table.label)
    kept = known[found.question]
    if not kept.any():
        raise DataError(
            f"{source}: 0 of {len(found):,} votes are on questions of the study, but at least one "
            "must be. Check that the file is about the same images and classes."
        )
    if not kept.all():
        note(
            f"{source}: {int((~kept).sum()):,} of {len(found):,} votes are on questions that the "
            "study does not ask, and were left out."
        )
    return found.take(kept)
