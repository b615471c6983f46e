"""What raters and experts answered, from sources: votes, gold, and the posterior made of them."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from reassess.catalog import Catalog
from reassess.errors import OptionError, preview
from reassess.files import read_gold, read_posterior, read_votes
from reassess.files.declared_answers import DeclaredAnswers, check_declared
from reassess.files.places import is_same_place
from reassess.notes import note
from reassess.records import ANSWERS, Classes, Gold, Posterior, Questions, Votes
from reassess.sources.meaning import Source, file_of_study, resolve, study_at
from reassess.sources.readers import class_table


def votes(
    source: str | PathLike[str],
    *,
    classes: Classes | str | PathLike[str] | None = None,
    answers: DeclaredAnswers | None = None,
) -> Votes:
    """Raters' answers.

    Args:
        source: ``NAME|FILE|STUDY``.
        classes: the classes, where votes name them by id or name; a study knows its own.
        answers: what words or codes for answers mean, as `reassess.files.read_votes` takes it;
            None for what a study's manifest says.

    Raises:
        OptionError: there is no such source, a study has no votes, or two answers have one name.
        FileError: a file is missing or malformed.
        DataError: the votes do not say what they must.
    """
    check_declared(answers)
    found = resolve(source, "votes")
    if found.meaning == "name":
        _refuse_answers(found.place, answers)
        return Catalog.default().votes(found.place)
    path, known = Path(found.place), class_table(classes)
    if found.meaning == "study":
        from reassess.study import read_study_benchmark, votes_file

        study = study_at(found)
        path = file_of_study(study, votes_file(study), "votes", "reassess votes export")
        answers = answers or study.answers
        known = known or read_study_benchmark(study).classes
    return read_votes(path, classes=known, answers=answers)


def gold(
    source: str | PathLike[str],
    *,
    classes: Classes | str | PathLike[str] | None = None,
    answers: DeclaredAnswers | None = None,
) -> Gold:
    """Questions whose truth experts fixed.

    Args:
        source: ``NAME|FILE|STUDY``; a study's is the gold that its findings are held against.
        classes: the classes, where gold names them by id or name; a study knows its own.
        answers: as `votes` takes them.

    Raises:
        OptionError: there is no such source, or a study has no gold.
        FileError: a file is missing or malformed.
        DataError: the gold does not say what it must.
    """
    check_declared(answers)
    found = resolve(source, "gold")
    if found.meaning == "name":
        _refuse_answers(found.place, answers)
        return Catalog.default().gold(found.place)
    path, known = Path(found.place), class_table(classes)
    if found.meaning == "study":
        from reassess.study import read_study_benchmark
        from reassess.study.artefacts import findings_gold_file

        study = study_at(found)
        path = file_of_study(study, findings_gold_file(study), "gold", "[aggregate] gold")
        answers = answers or study.answers
        known = known or read_study_benchmark(study).classes
    return read_gold(path, classes=known, answers=answers)


def _refuse_answers(place: str, answers: DeclaredAnswers | None) -> None:
    """Refuse to say what the answers of published votes or gold mean: they say it themselves.

    Raises:
        OptionError: somebody does.
    """
    if answers is not None:
        raise OptionError(
            f"--answers says what words in files mean, but {place} is published with the answers "
            f"{', '.join(ANSWERS)}. Leave --answers out."
        )


@dataclass(frozen=True, slots=True)
class AnsweredQuestions:
    """What raters and experts answered, as `reassess.pipeline.make_posterior` takes it.

    Attributes:
        votes: the raters' answers.
        gold: questions whose truth experts fixed; None where there are none.
        gold_votes: the raters' answers to gold questions, where they were given apart.
    """

    votes: Votes
    gold: Gold | None
    gold_votes: Votes | None


def answered_questions(
    votes_source: str | PathLike[str],
    gold_source: str | PathLike[str] | None = None,
    gold_votes_source: str | PathLike[str] | None = None,
    *,
    classes: Classes | str | PathLike[str] | None = None,
    answers: DeclaredAnswers | None = None,
) -> AnsweredQuestions:
    """Votes, and the gold that goes with them.

    Args:
        votes_source: as `votes` takes it.
        gold_source: as `gold` takes it.
        gold_votes_source: as `votes` takes it.
        classes: as `votes` takes them.
        answers: as `votes` takes them.

    Raises:
        OptionError: as from `votes` and `gold`.
        FileError: a file is missing or malformed.
        DataError: votes or gold do not say what they must.
    """
    known = class_table(classes)
    check_declared(answers)
    meant = [resolve(votes_source, "votes")]
    if gold_votes_source is not None:
        meant.append(resolve(gold_votes_source, "votes"))
    if gold_source is not None:
        meant.append(resolve(gold_source, "gold"))
        _refuse_votes_as_gold(meant[0], meant[-1])
    if all(one.meaning == "name" for one in meant):
        _refuse_answers(meant[0].place, answers)
    if meant[0].meaning == "study":
        from reassess.study import read_study_benchmark

        study = study_at(meant[0])
        answers = answers or study.answers  # files that go with its votes are in the same words
        known = known or read_study_benchmark(study).classes
    words = {str(one.place): None if one.meaning == "name" else answers for one in meant}
    read = votes(votes_source, classes=known, answers=words[meant[0].place])
    of_gold, truth = None, None
    if gold_votes_source is not None:
        of_gold = votes(gold_votes_source, classes=known, answers=words[meant[1].place])
    if gold_source is not None:
        truth = gold(gold_source, classes=known, answers=words[meant[-1].place])
        asked = read if of_gold is None else of_gold
        note_unasked_gold(truth, asked.questions)
    return AnsweredQuestions(read, truth, of_gold)


def _refuse_votes_as_gold(votes_meant: Source, gold_meant: Source) -> None:
    """Refuse the votes as their own gold: raters would be held against themselves.

    Raises:
        OptionError: both are one file.
    """
    are_files = votes_meant.meaning == gold_meant.meaning == "file"
    if are_files and is_same_place(votes_meant.place, gold_meant.place):
        raise OptionError(
            f"{gold_meant.place!r} is given as the votes and as gold, but gold must be what "
            "experts answered. Give their file (--gold), or leave it out."
        )


def stated_classes(asked: Questions) -> Classes | None:
    """The classes that questions name, if they name all up to the last; else None."""
    ids = None if asked.pairs is None else asked.pairs.class_ids
    return None if not ids or "" in ids else Classes.from_names(list(ids))


def posterior(source: str | PathLike[str]) -> Posterior:
    """The posterior in a file, or that of a study.

    Raises:
        OptionError: a study has none yet.
        FileError: the file is missing or malformed.
    """
    found = resolve(source, "posterior")
    if found.meaning == "name":
        return Catalog.default().posterior(found.place)
    if found.meaning == "file":
        return read_posterior(found.place)
    from reassess.study import FILES, read_study_benchmark

    study = study_at(found)
    path = study.folder / FILES["posterior"]
    there = path if path.is_file() else None
    path = file_of_study(study, there, "posterior", "reassess run")
    return read_posterior(path, classes=read_study_benchmark(study).classes)


def note_unasked_gold(
    known: Gold,
    asked: Questions,
    where: str = "the questions of the votes",
) -> None:
    """Tell how many gold questions are not among those that raters were asked."""  # fmt: skip
    missing = known.questions.rows_in(asked, source="gold") < 0
    if missing.any() and not missing.all():
        note(
            f"{int(missing.sum()):,} of {len(missing):,} gold questions, such as "
            f"{preview(known.questions.ids[missing], 1)}, are not among {where} and do not count."
        )
