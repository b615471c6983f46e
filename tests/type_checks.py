"""Types are checked while tests run, and shapes only where an annotation has one.

``--jaxtyping-packages`` wraps every function of the package. A wrapper that looks for shapes costs
some 50 µs a call, of which a function without shapes gets nothing: beartype alone checks it just
as well, in about 1 µs. Import this module before the package.
"""

from collections.abc import Callable
from inspect import isfunction
from typing import Any, ForwardRef, get_args

import jaxtyping
from jaxtyping import AbstractArray

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
    is_inner = "<locals>" in getattr(function, "__qualname__", "")
    if (
        isfunction(function)
        and not is_inner
        and not any(map(_has_shape, function.__annotations__.values()))
    ):
        return typechecker(function)
    return _with_shapes(function, typechecker=typechecker)


jaxtyping.jaxtyped = jaxtyped
