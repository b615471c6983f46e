"""Which kind of record an argument must be: two that change places are refused, not half used."""

from collections.abc import Callable
from functools import cache, wraps
from inspect import signature
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from reassess.errors import DataError

Function = TypeVar("Function", bound=Callable[..., Any])

_HOME = __name__.rpartition(".")[0]


def checks_records(function: Function) -> Function:
    """Hold a function's arguments against the records that its annotations name.

    Of its annotations only those count that name one record, or one record or None: other
    arguments are left to the function.

    Args:
        function: the function.
    """
    taken = signature(function)

    @cache
    def wanted() -> dict[str, tuple[type, bool]]:
        hints = get_type_hints(function)
        kinds = {name: _record(hints.get(name)) for name in taken.parameters}
        return {name: kind for name, kind in kinds.items() if kind is not None}

    @wraps(function)
    def checked(*arguments: Any, **more: Any) -> Any:
        _check(
            function.__name__.removeprefix("_"), taken.bind(*arguments, **more).arguments, wanted()
        )
        return function(*arguments, **more)

    result: Any = checked
    return result  # type: ignore[no-any-return]


def _check(name: str, given: dict[str, Any], wanted: dict[str, tuple[type, bool]]) -> None:
    """Refuse arguments that are other records than they must be.

    Raises:
        DataError: one is.
    """
    wrong = [
        f"{one} is {_named(given[one])}, but must be {_article(kind.__name__)}"
        for one, (kind, optional) in wanted.items()
        if one in given
        and not isinstance(given[one], kind)
        and not (optional and given[one] is None)
    ]
    if wrong:
        order = ", ".join(f"{one}: {kind.__name__}" for one, (kind, _) in wanted.items())
        raise DataError(f"{name}: {'; '.join(wrong)}. Give ({order}).")


def _record(hint: object) -> tuple[type, bool] | None:
    """The record that an annotation names, and whether None may stand for it."""
    members = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    kinds = [one for one in members if one is not type(None)]
    if len(kinds) != 1 or not isinstance(kinds[0], type):
        return None
    is_record = kinds[0].__module__.startswith(_HOME)
    return (kinds[0], type(None) in members) if is_record else None


def _named(value: object) -> str:
    """``a LabelSets``, ``a list``, ``None``."""
    return "None" if value is None else _article(type(value).__name__)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
