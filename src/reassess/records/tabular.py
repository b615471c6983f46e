"""Records as data frames, through narwhals, which is imported when the first one is made."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from reassess.errors import OptionError
from reassess.registry import checks_choices

Backend = Literal["pandas", "polars", "pyarrow"]
"""The library of a data frame."""

_BACKENDS: tuple[Backend, ...] = ("pandas", "polars", "pyarrow")


@checks_choices
def as_frame(columns: Mapping[str, Any], backend: Backend | None = None) -> Any:
    """A data frame of columns of equal length.

    Args:
        columns: arrays or lists by name; arrays become lists of Python's own values.
        backend: the library of the frame; None takes the first that is installed.

    Raises:
        OptionError: the library is unknown or not installed, or none is.
    """
    if backend is None:
        installed = [one for one in _BACKENDS if find_spec(one) is not None]
        if not installed:
            raise OptionError(
                f"a data frame needs one of {', '.join(_BACKENDS)}, but none is installed. Install "
                "one: pip install pandas"
            )
        backend = installed[0]
    if find_spec(backend) is None:
        raise OptionError(
            f"backend is {backend!r}, but the package is not installed: pip install {backend}"
        )
    import narwhals.stable.v2 as nw

    cells = {
        name: column.tolist() if isinstance(column, np.ndarray) else column
        for name, column in columns.items()
    }
    return nw.from_dict(cells, backend=backend).to_native()
