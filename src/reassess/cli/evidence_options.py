"""Options of commands that ask how far labels are uncertain: what they were decided on."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reassess.cli.options import answers_option, option
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.files.declared_answers import DeclaredAnswers
    from reassess.records import Classes
    from reassess.sources import LabelEvidence

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class EvidenceOptions:
    """What labels were decided on, and how often to draw it again.

    Attributes:
        votes: ``NAME|FILE|STUDY``; None where the labels count as certain.
        posterior: ``FILE|STUDY``.
        gold: ``NAME|FILE|STUDY``.
        gold_votes: ``NAME|FILE``.
        answers: what other words in files of votes and gold mean.
        min_expert_yes: how many experts must say yes.
        pseudocount: of the uniform prior.
        resamples: of images, of raters and of votes, each.
        seed: of the resamples.
    """

    votes: str | None
    posterior: str | None
    gold: str | None
    gold_votes: str | None
    answers: "DeclaredAnswers | None"
    min_expert_yes: int | None
    pseudocount: float | None
    resamples: int
    seed: int

    def sources(self) -> dict[str, str | None]:
        """What was given of votes, posterior and gold, by the options' names."""
        return {
            "votes": self.votes,
            "posterior": self.posterior,
            "gold": self.gold,
            "gold-votes": self.gold_votes,
        }

    def _of_votes(self) -> dict[str, object]:
        """All that means nothing without votes, by the options' names."""
        return {
            **self.sources(),
            "answers": self.answers,
            "min-expert-yes": self.min_expert_yes,
            "pseudocount": self.pseudocount,
        }

    def check(self) -> None:
        """Refuse what goes with votes where there are none.

        Raises:
            OptionError: it is given without.
        """
        for name, value in self._of_votes().items():
            if value is not None and self.votes is None:
                raise OptionError(f"--{name} needs the votes (--votes NAME|FILE|STUDY).")

    def read(self, classes: "Classes | None") -> "LabelEvidence | None":
        """What the labels were decided on; None where no votes were given.

        Raises:
            OptionError: a source is missing, or something goes with votes that were not given.
            FileError: a file is missing or malformed.
            DataError: votes, posterior or gold do not say what they must.
        """
        from reassess.sources import label_evidence

        self.check()
        if self.votes is None:
            return None
        return label_evidence(
            self.votes,
            posterior=self.posterior,
            gold=self.gold,
            gold_votes=self.gold_votes,
            classes=classes,
            answers=self.answers,
            min_expert_yes=self.min_expert_yes,
            pseudocount=self.pseudocount,
        )


def evidence_options(command: Command) -> Command:
    """Options on votes, gold and resamples; the command gets ``evidence``, `EvidenceOptions`."""

    @wraps(command)
    def gathered(**given: Any) -> Any:
        names = [one.name for one in fields(EvidenceOptions)]
        evidence = EvidenceOptions(**{name: given.pop(name) for name in names})
        return command(evidence=evidence, **given)

    decorated: Any = gathered
    for decorate in (
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
                     help="Seed of the resamples."),
        click.option("--resamples", type=int, default=1000, show_default=True, metavar="B",
                     help="Number of resamples of images, of raters and of votes, each."),
        option("--pseudocount", old=("--smoothing",), type=click.FloatRange(0),
               help="Count added to every cell of a confusion matrix, where the posterior "
               "was made under the uniform prior.  [default: the study's, or 1]"),
        option("--min-expert-yes", old=("--n-yes",), type=int,
               help="Number of experts who must say yes.  [default: the study's, or more than "
               "half]"),
        answers_option,
        click.option("--gold-votes", metavar="NAME|FILE", help="The raters' answers to gold "
                     "questions, where they are in a file of their own."),
        click.option("--gold", metavar="NAME|FILE|STUDY", help="Gold, to calibrate the posterior "
                     "on.  [default: that of the study that brings the votes]"),
        click.option("--posterior", metavar="FILE|STUDY", help="What `reassess aggregate` made of "
                     "the votes.  [default: that of the study that brings the votes, else "
                     "aggregated as it does by default]"),
        click.option("--votes", metavar="NAME|FILE|STUDY",
                     help="The votes that the labels were decided on."),
    ):  # fmt: skip
        decorated = decorate(decorated)
    result: Command = decorated
    return result
