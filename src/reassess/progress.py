"""How long work says how far it is: one protocol for every callback.

Whoever works calls it with what is being done; whoever shows it decides how. Nothing is
printed here (`reassess.cli` draws bars).
"""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Is told what is being done, and how much of it is done where that can be counted."""

    def __call__(self, what: str, *, done: int | None = None, total: int | None = None) -> None:
        """Show a step.

        Args:
            what: the step or its detail, as "fold" or "reading resnet50".
            done: how many parts of the step are done; None where nothing is counted.
            total: how many there are; None where that is not known.
        """


def prefix_progress(progress: Progress, prefix: str) -> Progress:
    """The same progress, with a step in front of each of its parts, as "fold 2 of 5, loss 0.3"."""

    def shown(what: str, *, done: int | None = None, total: int | None = None) -> None:
        progress(f"{prefix}, {what}" if what else prefix, done=done, total=total)

    return shown


def null_progress(what: str, *, done: int | None = None, total: int | None = None) -> None:
    """Show nothing: the default wherever a `Progress` is taken."""
