"""What labels were decided on: votes, the posterior made of them, and gold.

``VOTES`` is ``NAME|FILE|STUDY``; a study's votes bring its posterior, its gold and how it was
aggregated, where no others are named. What `reassess.analysis.uncertainty` needs to say how far
labels are uncertain.
"""

from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

from reassess.analysis.soft_labels import usable_gold
from reassess.files.declared_answers import DeclaredAnswers
from reassess.notes import note
from reassess.pipeline import AggregateOptions, make_posterior
from reassess.records import Classes, Gold, Posterior, Votes
from reassess.sources.answers import answered_questions
from reassess.sources.answers import posterior as read_posterior_of
from reassess.sources.meaning import resolve, study_at


@dataclass(frozen=True, slots=True)
class LabelEvidence:
    """What labels were decided on, as `reassess.analysis.uncertainty.uncertain_scores` takes it.

    Attributes:
        votes: the raters' answers.
        posterior: made of them.
        gold: what posteriors are calibrated on; None without it.
        gold_votes: the raters' answers to gold questions, where they were given apart.
        min_expert_yes: how many experts must say yes; None for more than half.
        pseudocount: added to counts where the posterior was made under the uniform prior; None for
            1, and under the pooled prior.
    """

    votes: Votes
    posterior: Posterior
    gold: Gold | None = None
    gold_votes: Votes | None = None
    min_expert_yes: int | None = None
    pseudocount: float | None = None

    def as_options(self) -> dict[str, Any]:
        """The same by the names of the arguments that take it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def label_evidence(
    votes: str | PathLike[str],
    *,
    posterior: str | PathLike[str] | None = None,
    gold: str | PathLike[str] | None = None,
    gold_votes: str | PathLike[str] | None = None,
    classes: Classes | str | PathLike[str] | None = None,
    answers: DeclaredAnswers | None = None,
    min_expert_yes: int | None = None,
    pseudocount: float | None = None,
) -> LabelEvidence:
    """Votes with the posterior made of them, and with gold.

    Args:
        votes: ``NAME|FILE|STUDY``.
        posterior: ``FILE|STUDY``; None takes that of the study that brings the votes, else makes
            one as `reassess aggregate` does by default.
        gold: ``NAME|FILE|STUDY``; None takes that of the study that brings the votes.
        gold_votes: ``NAME|FILE``, where the raters' answers to gold lie apart.
        classes: the classes, where files name them by id or name.
        answers: what other words for answers mean.
        min_expert_yes: how many experts must say yes; None for what the study says.
        pseudocount: of the uniform prior; None for what the study says.

    Raises:
        OptionError: there is no such source, or a study has no votes.
        FileError: a file is missing or malformed.
        DataError: votes, posterior or gold do not say what they must.
    """
    found = resolve(votes, "votes")
    options = AggregateOptions(
        confusion_prior="pooled" if pseudocount is None else "uniform",
        pseudocount=pseudocount,
        min_expert_yes=min_expert_yes,
    )
    own_gold = False
    if found.meaning == "study":
        from reassess.study.artefacts import FILES, findings_gold_file

        study = study_at(found)
        options = study.options(AggregateOptions)
        own_gold = gold is None and findings_gold_file(study) is not None
        gold = study.folder if own_gold else gold
        if posterior is None and (study.folder / FILES["posterior"]).is_file():
            posterior = study.folder
    read = answered_questions(votes, gold, gold_votes, classes=classes, answers=answers)
    truth = usable_gold(read.gold, read.votes.questions) if own_gold else read.gold
    if posterior is not None:
        record = read_posterior_of(posterior)
    else:
        made = make_posterior(
            votes=read.votes, gold=truth, gold_votes=read.gold_votes, options=options
        )
        note(f"Posterior by {made.details.method} ({made.details.reason}).")
        record = made.record
    return LabelEvidence(
        votes=read.votes,
        posterior=record,
        gold=truth,
        gold_votes=read.gold_votes,
        min_expert_yes=options.min_expert_yes if min_expert_yes is None else min_expert_yes,
        pseudocount=options.pseudocount if pseudocount is None else pseudocount,
    )
