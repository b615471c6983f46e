"""Which extra of reassess brings a package that is missing.

The extras are read from the installed package's own metadata, so that no second list of them can
grow old. Knows no command.
"""

import re
from importlib.metadata import PackageNotFoundError, requires

from reassess.errors import MissingExtraError

_DISTRIBUTION = {
    "PIL": "pillow",
    "argon2": "argon2-cffi",
    "markdown_it": "markdown-it-py",
    "multipart": "python-multipart",
    "python_calamine": "python-calamine",
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
}
"""Distributions by the modules that they bring, where the names differ."""

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*;.*extra == ['\"]([\w-]+)['\"]")


def missing_extra(error: ImportError, purpose: str) -> MissingExtraError | None:
    """The refusal that names the extra to install; None where no extra brings the module.

    Args:
        error: what an import raised.
        purpose: what the module is needed for, as the subject of a sentence.
    """
    module = (error.name or "").partition(".")[0]
    extra = _extras().get(_DISTRIBUTION.get(module, module.replace("_", "-")).lower())
    return None if extra is None else MissingExtraError(module, extra, purpose)


def extras() -> dict[str, list[str]]:
    """The distributions that each extra brings; ``all`` is no extra of its own."""
    found: dict[str, list[str]] = {}
    for name, extra in _requirements():
        if extra != "all" and name != "reassess":
            found.setdefault(extra, []).append(name)
    return found


def _requirements() -> list[tuple[str, str]]:
    """Distributions, each with an extra that brings it."""
    try:
        lines = requires("reassess") or []
    except PackageNotFoundError:
        lines = []
    return [(m[1], m[2]) for m in map(_REQUIREMENT.match, lines) if m]


def _extras() -> dict[str, str]:
    """An extra that brings each distribution, ``study`` before others."""
    found: dict[str, str] = {}
    for name, extra in _requirements():
        if extra == "study" or (extra != "all" and name.lower() not in found):
            found[name.lower()] = extra
    return found
