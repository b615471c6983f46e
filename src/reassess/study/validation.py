"""Tables of a TOML document held against types: what is wrong with them, in sentences.

Pydantic checks the types of values; ranges, and names that are looked up in a registry, are
checked by the dataclasses that take them. Knows neither files nor which tables a study has.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar, get_type_hints

from reassess.errors import MissingExtraError, OptionError
from reassess.registry import literal_choices, near_names
from reassess.study.toml_lines import Keys

Fault = tuple[Keys, str]
"""The key that is wrong, and the rest of the sentence about it."""

Made = TypeVar("Made")


def table_faults(kind: type, table: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with a table that must hold a type's fields and nothing else."""
    yield from unknown_keys(table, tuple(one.name for one in fields(kind)), {})
    yield from made_from(kind, table)[1]


def unknown_keys(
    table: Mapping[str, Any], known: tuple[str, ...], former: Mapping[str, str]
) -> Iterator[Fault]:
    """The keys of a table that are neither known nor former names of known ones."""
    for key in table:
        if key not in known and key not in former:
            yield (key,), refusal(key, known)


def refusal(key: str, known: Iterable[str]) -> str:
    """What is wrong with a key that is not known."""
    names = list(known)
    return f"is not known, but must be one of {', '.join(names)}. {_near(key, names)}"


def made_from(kind: type[Made], table: Mapping[str, Any]) -> tuple[Made | None, list[Fault]]:
    """A value of a type from the keys of a table that are its fields, or what is wrong with them.

    Pydantic checks the types; the ranges and names that come with options are their own to check.
    """
    known = [one for one in fields(kind) if one.init]  # type: ignore[arg-type]
    faults: list[Fault] = [
        ((one.name,), "is missing, but must be there. Add it.")
        for one in known
        if one.default is MISSING and one.default_factory is MISSING and one.name not in table
    ]
    hints = get_type_hints(kind)
    types = {one.name: hints[one.name] for one in known}
    values, wrong = typed_values(kind.__name__, types, table)
    faults += wrong
    if faults:
        return None, faults
    try:
        return kind(**values), []
    except OptionError as error:
        return None, [_fault_of(str(error), values)]


def _fault_of(message: str, values: Iterable[str]) -> Fault:
    """What a constructor refused, at the key that its sentence begins with if it does."""
    for key in values:
        for start in (f"{key} ", f"the {key} "):
            if message.startswith(start):
                return (key,), message.removeprefix(start)
    return (), message


def typed_values(
    what: str, types: Mapping[str, Any], table: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Fault]]:
    """The values of the keys that have a type, as those types, and what pydantic finds wrong."""
    given = {key: value for key, value in table.items() if key in types}
    values: dict[str, Any] = {}
    faults: dict[str, str] = {
        key: "is empty, but must be a text. Write it, or remove the line."
        for key, value in given.items()
        if value == ""
    }
    try:
        made = _model_of(what, tuple(types.items())).model_validate(given, strict=True)
        values = {key: vars(made)[key] for key in given}
    except _pydantic().ValidationError as error:
        for one in error.errors(include_url=False):
            key = str(one["loc"][0])
            choices = literal_choices(types[key])
            must = _KINDS.get(one["type"], f"otherwise ({one['msg']})")
            near = "Change it."
            if choices is not None:
                must = f"one of {', '.join(repr(one) for one in choices if one is not None)}"
                near = _near(given[key], choices)
            faults.setdefault(key, f"is {given[key]!r}, but must be {must}. {near}")
    return values, [((key,), fault) for key, fault in faults.items()]


@cache
def _model_of(what: str, types: tuple[tuple[str, Any], ...]) -> Any:
    pydantic = _pydantic()
    model: Any = pydantic.create_model(
        what,
        __config__=pydantic.ConfigDict(strict=True, allow_inf_nan=False, protected_namespaces=()),
        **{name: (kind, None) for name, kind in types},
    )
    return model


_KINDS = {
    "string_type": "a text in quotes", "int_type": "an integer", "int_from_float": "an integer",
    "float_type": "a number", "bool_type": "true or false", "finite_number": "a finite number",
}  # fmt: skip


def _near(value: object, known: Iterable[object]) -> str:
    near = near_names(value, [one for one in known if one is not None])
    return f"Did you mean {near}?" if near else "Check the spelling."


def _pydantic() -> Any:
    try:
        import pydantic
    except ImportError as error:
        raise MissingExtraError("pydantic", "study", "reading study.toml") from error
    return pydantic
