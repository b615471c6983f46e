"""Numbers as people read them. Fractions become percentages here, and nowhere earlier.

Every number goes through `number` or `signed`, so that nothing that is rounded to zero keeps a sign
(``−0.00``), and a minus is a minus.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from reassess.records import Accuracy
from reassess.registry import checks_choices
from reassess.statistics import wilson_interval

UNDEFINED = "–"
"""What stands where nothing could be computed."""


def number(value: float, digits: int) -> str:
    """A number with thousands apart: ``1,234.50``; what is rounded to zero has no sign."""
    return f"{value:z,.{digits}f}".replace("-", "−")


def signed(value: float, digits: int) -> str:
    """A difference, with its sign: ``+4.80``, ``−1,234.50``; what is rounded to zero has none."""
    text = number(value, digits)
    return text if text.startswith("−") or not text.strip("0.") else f"+{text}"


def percent(value: float | None, places: int = 1) -> str:
    """``0.8753`` as ``87.5%``; a dash for None."""
    return UNDEFINED if value is None else f"{number(100 * value, places)}%"


def bare(value: float | None, places: int = 1) -> str:
    """``0.8753`` as ``87.5``, for columns that are headed by "percent"; a dash for None."""
    return UNDEFINED if value is None else number(100 * value, places)


def points(value: float | None, places: int = 1) -> str:
    """A difference of two fractions in percentage points, with its sign: ``+4.8``."""
    return UNDEFINED if value is None else signed(100 * value, places)


def between(low: float, high: float, places: int = 1) -> str:
    """An interval of fractions: ``87.2–87.8%``."""
    return f"{number(100 * low, places)}–{number(100 * high, places)}%"


def interval(accuracy: Accuracy, confidence: float = 0.95) -> tuple[float, float] | None:
    """Wilson's interval of an accuracy; None where nothing was scored."""
    if accuracy.n_scored == 0:
        return None
    return wilson_interval(accuracy.n_correct, accuracy.n_scored, confidence)


def interval_of(accuracy: Accuracy, places: int = 1) -> str:
    """The 95% interval of an accuracy, ``87.2–87.8%``; a dash where nothing was scored."""
    ends = interval(accuracy)
    return UNDEFINED if ends is None else between(*ends, places)


def count(n: int, one: str, many: str | None = None) -> str:
    """``1 model``, ``39 models``, ``46,837 images``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def are(n: int) -> str:
    """``1 is``, ``39 are``, ``1,500 are``."""
    return f"{n:,} {'is' if n == 1 else 'are'}"


def p_value(p: float) -> str:
    """``p < 0.001``, ``p = 0.03``."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.0095 else f"p = {p:.2f}"


def listed(items: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def bare_p_value(p: float) -> str:
    """``< 0.001``, ``0.03``: below a heading that says what it is."""
    return p_value(p).removeprefix("p ").removeprefix("= ")


Unit = Literal[
    "text",
    "count",
    "percent",
    "points",
    "number",
    "significant",
    "value",
    "p-value",
    "check",
    "state",
]
"""What the values of a table's column are.

`text`         words
`count`        how many; an estimate of how many is rounded
`percent`      a fraction, shown times 100 without a sign
`points`       a difference of fractions, shown times 100 with its sign
`number`       any other number, to digits after the point
`significant`  any other number, to significant digits
`value`        a count as it is, any other number to significant digits: what a paper prints
`p-value`      a probability of chance, below 0.001 only said to be so
`check`        whether something holds
`state`        a word that a terminal may colour
"""

_TEXTS: Mapping[Unit, Callable[[Any], str]] = {
    "text": str,
    "state": str,
    "check": lambda value: "✓" if value else "✗",
}


def _published(value: float, digits: int) -> str:
    is_count = value == int(value) and abs(value) > 1
    return number(value, 0) if is_count else f"{value:z.{digits}g}".replace("-", "−")


_NUMBERS: Mapping[Unit, Callable[[float, int], str]] = {
    "count": lambda value, _: number(value, 0),
    "percent": bare,
    "points": points,
    "number": number,
    "significant": lambda value, digits: f"{value:z,.{digits}g}".replace("-", "−"),
    "value": _published,
    "p-value": lambda value, _: bare_p_value(value),
}


@checks_choices
def cell(value: str | int | float | bool | None, unit: Unit, digits: int = 1) -> str:
    """The value of a table's cell as people read it; a dash for None."""
    if value is None:
        return UNDEFINED
    if unit in _TEXTS:
        return _TEXTS[unit](value)
    return _NUMBERS[unit](float(value), digits)
