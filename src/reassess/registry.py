"""Names that choose something: one table each, and one refusal of every other name.

A `Registry` maps a name to an entry that says what the name does: the function, its options,
what it needs, the sentence for a paper. Command-line choices, the manifest's checks, defaults,
help and reports are read from it, so that a new entry is one registration. A name that is not
there is an error at every door, with the names that come near.

The options of a closed set are `Literal` types; `checks_choices` holds a function's arguments
against them at run time, since nothing else does outside a type checker.

Knows no entry itself: each room registers its own.
"""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, signature
from typing import (
    Any,
    Literal,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    runtime_checkable,
)

from reassess.errors import OptionError


@runtime_checkable
class Named(Protocol):
    """Whatever is registered: it knows its own name."""

    @property
    def name(self) -> str:
        """What people type."""


Entry = TypeVar("Entry", bound=Named)
Function = TypeVar("Function", bound=Callable[..., Any])


class Registry(Mapping[str, Entry]):
    """Entries by name, in the order of their registration.

    Args:
        what: what an entry is, in the singular, for messages: "aggregation method".
        entries: those to begin with.
    """

    def __init__(self, what: str, entries: Iterable[Entry] = ()) -> None:
        self.what = what
        self._entries: dict[str, Entry] = {}
        for one in entries:
            self.register(one)

    def register(self, entry: Entry) -> Entry:
        """Add an entry; returns it.

        Raises:
            OptionError: its name is taken.
        """
        if entry.name in self._entries:
            raise OptionError(
                f"the {self.what} {entry.name!r} is registered already, but a name can mean one "
                "thing only. Take another name."
            )
        self._entries[entry.name] = entry
        return entry

    def unregister(self, name: str) -> None:
        """Take an entry out, as a test does that added one.

        Raises:
            OptionError: there is none of this name.
        """
        del self._entries[self.checked(name)]

    def checked(self, name: object, option: str | None = None) -> str:
        """The name, if it is registered.

        Args:
            name: what was asked for.
            option: what asked for it, for the message; "the <what>" by default.

        Raises:
            OptionError: it is not registered.
        """
        return str(check_choice(name, self._entries, option or f"the {self.what}"))

    def __getitem__(self, name: str) -> Entry:
        return self._entries[self.checked(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def check_choice(value: object, choices: Iterable[object], option: str) -> Any:
    """The value, if it is one of the choices.

    Args:
        value: what was given.
        choices: what may be given.
        option: the name of the option, as the subject of a sentence.

    Raises:
        OptionError: it is none of them; the message names those that come near.
    """
    known = list(choices)
    # 1 == True and 0 == False: a choice of numbers must not let a bool through.
    if any(value == one and type(value) is type(one) for one in known):
        return value
    listed = ", ".join(repr(one) for one in known)
    near = near_names(value, known)
    hint = f"Did you mean {near}?" if near else "Check the spelling."
    raise OptionError(f"{option} is {value!r}, but must be one of {listed}. {hint}")


def near_names(value: object, known: Iterable[object]) -> str:
    """Up to three known names that come near a misspelt one, for a message; "" for none."""
    texts = {str(one).lower().replace("_", "-"): str(one) for one in known}
    asked = str(value).lower().replace("_", "-").strip()
    found = get_close_matches(asked, texts, n=3, cutoff=0.6)
    return " or ".join(repr(texts[one]) for one in found)


def literal_choices(annotation: object) -> tuple[object, ...] | None:
    """The values that a ``Literal``, or one or None, allows; None for any other annotation."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) in {Union, types.UnionType}:
        found: list[object] = []
        for part in get_args(annotation):
            if part is type(None):
                found.append(None)
                continue
            inside = literal_choices(part)
            if inside is None:
                return None
            found += inside
        return tuple(found) if any(one is not None for one in found) else None
    return None


def checks_choices(function: Function) -> Function:
    """Hold arguments that are annotated with a ``Literal`` against it whenever it is called.

    Decorate a dataclass and its fields are held likewise, before anything else looks at them.

    Raises:
        OptionError: from the call, where an argument is none of the values of its type.
    """
    if isinstance(function, type):
        function.__init__ = checks_choices(function.__init__)  # type: ignore[misc]
        return function
    found = _choices_of(signature(function).parameters.values())

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name, place, is_rest, choices in found:
            if name in kwargs:
                check_choice(kwargs[name], choices, name)
            elif place is not None:
                for value in args[place : None if is_rest else place + 1]:
                    check_choice(value, choices, name)
        return function(*args, **kwargs)

    checked.__choices__ = {name: choices for name, _, _, choices in found}  # type: ignore[attr-defined]
    return checked  # type: ignore[return-value]


def _choices_of(
    parameters: Iterable[Parameter],
) -> list[tuple[str, int | None, bool, tuple[object, ...]]]:
    """Name, place (None for keyword-only), whether it is ``*rest``, and choices, where any are."""
    found = []
    for place, one in enumerate(parameters):
        choices = literal_choices(one.annotation)
        if choices is not None:
            by_name = one.kind is Parameter.KEYWORD_ONLY
            is_rest = one.kind is Parameter.VAR_POSITIONAL
            found.append((one.name, None if by_name else place, is_rest, choices))
    return found
