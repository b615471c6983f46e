"""Every exception that reassess raises on purpose, drawn as a tree.

::

    ReassessError
    ├── DataError          what was read does not say what it must
    │   ├── FileError      a file is missing, unreadable or of an unknown format
    │   ├── AlignmentError ids that are unknown, missing or appear twice
    │   ├── ClassError     words that name no class that is known
    │   └── MatrixError    an array in scikit-learn's shape is not what it must be
    ├── NotFittedError     an estimator was asked before it was fitted
    ├── OptionError        two options contradict each other, or one is out of range
    ├── MissingExtraError  a part of reassess that is not installed
    ├── EngineError        a cluster that is not there, has no room, or loses the same shard again
    ├── CatalogError       published data that is absent or is not what was pinned
    └── DivergedError      training whose loss or weights are no numbers any more

A message has one shape: ``<what>[<where>] is <value>, but must be <constraint>;
<extent>. <what to do>.`` The command line turns any of these into that message and
exit status 2; whatever else escapes is a bug and keeps its traceback.
"""

import sys
from collections.abc import Iterable


class ReassessError(Exception):
    """The root: everything that reassess raises on purpose."""


class DataError(ReassessError):
    """Raised where data breaks a constraint of its record."""


class FileError(DataError):
    """Raised where a file is missing, unreadable, corrupt or of an unknown format."""


class AlignmentError(DataError):
    """Raised where image ids are unknown, missing or appear twice."""


class ClassError(DataError):
    """Raised where words name no class that is known."""


class MatrixError(DataError, ValueError):
    """Raised where an array in scikit-learn's shape is not what it must be."""


class NotFittedError(ReassessError, ValueError, AttributeError):
    """Raised where an estimator is asked before it was fitted."""


def not_fitted_error(name: str) -> Exception:
    """The error to raise; scikit-learn's own, too, where that has been imported.

    Args:
        name: of the estimator's class.
    """
    kinds: tuple[type[Exception], ...] = (NotFittedError,)
    theirs = sys.modules.get("sklearn.exceptions")
    if theirs is not None:
        kinds = (NotFittedError, theirs.NotFittedError)
    error: Exception = type("NotFittedError", kinds, {})(
        f"This {name} instance is not fitted yet. Call 'fit' with votes before using this "
        "estimator."
    )
    return error


class OptionError(ReassessError):
    """Raised where options contradict each other or one is out of range."""


class MissingExtraError(ReassessError):
    """Raised where a part of reassess is used that was not installed.

    Args:
        package: the module that could not be imported.
        extra: the extra of reassess that brings it.
        purpose: what it is needed for, as the subject of a sentence.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. "
            f"Install it with: pip install 'reassess[{extra}]'"
        )
        self._given = package, extra, purpose

    def __reduce__(self) -> tuple[type["MissingExtraError"], tuple[str, str, str]]:
        """What it was made of, so that it can come back from another process."""
        return MissingExtraError, self._given


class EngineError(ReassessError):
    """Raised where a cluster is not there, has no room, or loses the same shard again and again."""


class CatalogError(ReassessError):
    """Raised where published data is absent or differs from what was pinned."""


class DivergedError(ReassessError):
    """Raised where training cannot go on: the loss or a weight is not a number any more."""


def which_have(noun: str, values: Iterable[object], limit: int = 3) -> str:
    """What a message is about, with its verb: ``questions 'a', 'b', 'c' and 77 more have``."""
    every = list(values)
    is_one = len(every) == 1
    shown = preview(every, limit)
    return f"{noun} {shown} has" if is_one else f"{noun}s {shown} have"


def preview(values: Iterable[object], limit: int = 3) -> str:
    """The first few values for a message, and how many more there are."""
    shown: list[str] = []
    n_more = 0
    for value in values:
        if len(shown) < limit:
            shown.append(repr(str(value)))
        else:
            n_more += 1
    return ", ".join(shown) + (f" and {n_more:,} more" if n_more else "")
