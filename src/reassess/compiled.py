"""Functions compiled by numba: where it is imported, but for the scan of full scores."""

import functools
from collections.abc import Callable
from typing import Any

from reassess.errors import MissingExtraError

Kernel = Callable[..., Any]


@functools.cache
def compiled(function: Callable[..., Any], purpose: str) -> Kernel:
    """A function that is compiled when it is first called, once for all processes.

    It lets other threads run, and divides by zero as NumPy does.

    Args:
        function: of arrays and numbers only.
        purpose: what it is needed for, as `MissingExtraError` has it.

    Raises:
        MissingExtraError: numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise MissingExtraError("numba", "study", purpose) from error
    made: Kernel = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return made
