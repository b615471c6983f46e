"""Types are checked while tests run, and shapes only where an annotation has one.

``--jaxtyping-packages`` wraps every function of the package. A wrapper that looks for shapes costs
some 50 µs a call, of which a function without shapes gets nothing: beartype alone checks it just
as well, in about 1 µs. A function with shapes has them checked in its first calls of each process;
what is called thousands of times in loops costs no more than its own work from then on. Import this
module before the package.
"""

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isfunction
from typing import Any, ForwardRef, get_args

import jaxtyping
from jaxtyping import AbstractArray

CALLS_WITH_SHAPES = 200
"""Calls of a function whose shapes are checked, in each process."""

_with_shapes = jaxtyping.jaxtyped


def _has_shape(annotation: Any) -> bool:
    """Whether an annotation has a shape, or is a text, which jaxtyping reads."""
    if isinstance(annotation, (str, ForwardRef)):
        return True
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return True
    parts = annotation if isinstance(annotation, (list, tuple)) else get_args(annotation)
    return any(_has_shape(part) for part in parts)


def jaxtyped(*functions: Any, typechecker: Callable[..., Any]) -> Any:
    """What `jaxtyping.jaxtyped` does, or the type checker alone where no shape is to be checked."""
    if not functions:
        return lambda function: jaxtyped(function, typechecker=typechecker)
    (function,) = functions
    # A wrapper that takes the place of an `__init__` must stay one of jaxtyping's, which would
    # wrap it again otherwise and refuse what it is there to convert.
    if isclass(function) and is_dataclass(function) and not _is_checked(function.__init__):
        function.__init__ = _when_called(function.__init__, typechecker)
        return function
    is_inner = "<locals>" in getattr(function, "__qualname__", "")
    if not isfunction(function) or is_inner or _is_async(function):
        return _with_shapes(function, typechecker=typechecker)
    return _when_called(function, typechecker) if function.__annotations__ else function


def _is_checked(function: Any) -> bool:
    names = ("jaxtyping._decorator", __name__)
    return getattr(function, "__globals__", {}).get("__name__") in names


def _is_async(function: Callable[..., Any]) -> bool:
    return iscoroutinefunction(function) or isasyncgenfunction(function)


def _when_called(function: Callable[..., Any], typechecker: Callable[..., Any]) -> Any:
    """The function with its checks, which are made at its first call: most are never called."""
    check: Callable[..., Any] | None = None
    has_shape, n_calls = False, 0

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        nonlocal check, has_shape, n_calls
        if check is None:
            has_shape = any(map(_has_shape, function.__annotations__.values()))
            check = (
                _with_shapes(function, typechecker=typechecker)
                if has_shape
                else typechecker(function)
            )
        if has_shape:
            n_calls += 1
            if n_calls > CALLS_WITH_SHAPES:
                check, has_shape = function, False
        return check(*args, **kwargs)

    return checked


jaxtyping.jaxtyped = jaxtyped
