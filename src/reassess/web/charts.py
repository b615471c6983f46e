"""Where the bars of a chart stand; templates draw them, with a table beside for who cannot see."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reassess import rating

WIDTH, HEIGHT = 720, 120
"""Of a chart, in its own units."""

_HOURS = 48
_DAYS = 120
_LEAST = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        x: left edge.
        y: upper edge.
        width: how wide.
        height: how high.
        label: what it stands for.
        value: how much.
    """

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Answers over time, as bars.

    Attributes:
        bars: oldest first, also where there was no work.
        unit: ``hour`` or ``day``.
        most: the highest value.
        summary: what the chart shows, in a sentence.
    """

    bars: tuple[Bar, ...]
    unit: str
    most: int
    summary: str


def answers_over_time(work: Sequence[rating.HourlyWork]) -> Chart | None:
    """Answers by hour, or by day where they span more than two days; None before the first."""
    if not work:
        return None
    first, last = work[0].at, work[-1].at
    by_hour = last - first < timedelta(hours=_HOURS)
    step = timedelta(hours=1) if by_hour else timedelta(days=1)
    start, end = (first, last) if by_hour else (_day(first), _day(last))
    if not by_hour:
        start = max(start, end - (_DAYS - 1) * step)
    n_steps = max(_LEAST, round((end - start) / step) + 1)
    start = end - (n_steps - 1) * step
    counts: Counter[datetime] = Counter()
    for one in work:
        counts[one.at if by_hour else _day(one.at)] += one.n_answers
    times = [start + i * step for i in range(n_steps)]
    values = [counts[at] for at in times]
    form = "%d %b %H:00" if by_hour else "%d %b"
    most = max(values)
    slot = WIDTH / n_steps
    bars = []
    for i, (at, value) in enumerate(zip(times, values, strict=True)):
        height = HEIGHT * value / max(1, most)
        bars.append(
            Bar(
                i * slot, HEIGHT - height, slot - min(2, slot / 4), height, at.strftime(form), value
            )
        )
    unit = "hour" if by_hour else "day"
    peak = times[values.index(most)].strftime(form)
    summary = (
        f"Answers by {unit}, {times[0].strftime(form)} to {times[-1].strftime(form)} (UTC): "
        f"{sum(values):,} in all, at most {most:,}, on {peak}."
    )
    return Chart(tuple(bars), unit, most, summary)


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
