"""Numbers as people read them. Fractions become percentages here, and nowhere earlier."""

from reassess.records import Accuracy
from reassess.statistics import wilson_interval

UNDEFINED = "–"
"""What stands where nothing could be computed."""


def percent(value: float | None, places: int = 1) -> str:
    """``0.8753`` as ``87.5%``; a dash for None."""
    return UNDEFINED if value is None else f"{100 * value:.{places}f}%".replace("-", "−")


def bare(value: float | None, places: int = 1) -> str:
    """``0.8753`` as ``87.5``, for columns that are headed by "percent"; a dash for None."""
    return UNDEFINED if value is None else f"{100 * value:.{places}f}".replace("-", "−")


def points(value: float | None, places: int = 1) -> str:
    """A difference of two fractions in percentage points, with its sign: ``+4.8``."""
    return UNDEFINED if value is None else f"{100 * value:+.{places}f}".replace("-", "−")


def between(low: float, high: float, places: int = 1) -> str:
    """An interval of fractions: ``87.2–87.8%``."""
    return f"{100 * low:.{places}f}–{100 * high:.{places}f}%"


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
