"""A broken line: two straight lines that meet at a breakpoint chosen by the data.

The breakpoint is profiled: for each candidate the rest is least squares in closed form, from
sums over the points beyond it, for all resamples at once. Candidates are every observed x and
a grid of `N_GRID` between the first and the last that leave enough points on either side.
Letters: n points, C candidates, B resamples.

Source: D. J. Hudson (1966), JASA 61:1097-1129 (least squares by profiling); P. I. Feder
(1975), Annals of Statistics 3:49-83 (the estimate where the lines meet is asymptotically
normal); B. E. Hansen (1996), Econometrica 64:413-430 (the supremum of F, as there is no
breakpoint under the null hypothesis); A. C. Cameron, J. B. Gelbach, D. L. Miller (2008),
Review of Economics and Statistics 90:414-427 (wild bootstrap by groups).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reassess.errors import OptionError

N_GRID = 512
"""Places tried beside the observed x: steps of a 500th of the range."""

LEAST_POINTS = 3
"""On either side of a breakpoint, whatever the number of points."""

_LEAST_NORMAL = 1e-300
"""Keeps the logarithm of a perfect fit finite."""

_ROUNDING = 1e-9
"""Residuals this small beside the values are rounding."""

_N_COARSE = 192
"""Candidates where several breakpoints are searched for, as each costs a fit of its own."""

_N_BLOCK = 64
"""Rows worked on at once, so that the sums of all resamples are never in memory together."""

_N_CYCLES = 20
"""Rounds of moving breakpoints after which the search stops, settled or not."""


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """Two lines that meet, fitted by least squares.

    Attributes:
        breakpoint: the x at which they meet.
        lower: slope below it.
        upper: slope above it.
        f: how much better than one line, as an F statistic; the largest over all breakpoints.
    """

    breakpoint: float
    lower: float
    upper: float
    f: float


@dataclass(frozen=True, slots=True)
class BrokenLineDraws:
    """`BrokenLine` of each resample; NaN where a resample has no breakpoint."""

    breakpoint: Float[np.ndarray, "B"]
    lower: Float[np.ndarray, "B"]
    upper: Float[np.ndarray, "B"]


def fit_broken_line(
    x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], *, trim: float = 0.05
) -> BrokenLine:
    """The two lines that meet and fit best.

    Args:
        x: where the points are.
        y: what is fitted.
        trim: share of the points that must lie on either side of a breakpoint.

    Raises:
        OptionError: no breakpoint leaves 3 points on either side.
    """
    x, y, candidates = _prepared(x, y, trim)
    (fitted,) = _profiles(x, y[None], np.ones((1, len(x))), candidates)
    return BrokenLine(*(float(value[0]) for value in fitted))


def broken_line_draws(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    weights: Float[np.ndarray, "B n"],
    *,
    redrawn: Float[np.ndarray, "B n"] | None = None,
    trim: float = 0.05,
) -> BrokenLineDraws:
    """The two lines in each resample, given by how often each point is in it.

    Args:
        x: where the points are.
        y: what is fitted.
        weights: how often each point is in each resample.
        redrawn: y in each resample; None for y in all.
        trim: as in `fit_broken_line`; the candidates are those of the whole sample.

    Raises:
        OptionError: as in `fit_broken_line`.
    """
    order = np.lexsort((y, x))
    rows = y[None, order] if redrawn is None else redrawn[:, order]
    x, y, candidates = _prepared(x, y, trim)
    parts = list(_profiles(x, rows, weights[:, order], candidates))
    place, lower, upper, _ = (np.concatenate(column) for column in zip(*parts, strict=True))
    return BrokenLineDraws(place, lower, upper)


def broken_line_p_value(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"],
    n_resamples: int,
    rng: np.random.Generator,
    *,
    trim: float = 0.05,
) -> float:
    """Probability of so large a supremum of F if one straight line were true.

    The residuals of the line are given random signs, one a group, and the supremum is taken
    again; neither equal variances nor independence inside groups is assumed.

    Args:
        x: where the points are.
        y: what is fitted.
        groups: the group of each point; points that are independent are groups of one.
        n_resamples: how often signs are drawn.
        rng: where randomness comes from.
        trim: as in `fit_broken_line`.

    Raises:
        OptionError: as in `fit_broken_line`.
    """
    order = np.lexsort((y, x))
    found = fit_broken_line(x, y, trim=trim)
    x, y, candidates = _prepared(x, y, trim)
    slope, intercept = np.polyfit(x, y, 1)
    line = intercept + slope * x
    if np.abs(y - line).max() <= _ROUNDING * np.abs(y).max():
        return 1.0  # all points lie on one line, and what is left is rounding
    signs = rng.choice([-1.0, 1.0], size=(n_resamples, int(groups.max()) + 1))
    drawn = line + (y - line) * signs[:, groups[order]]
    ones = np.ones((1, len(x)))
    f = np.concatenate([part[3] for part in _profiles(x, drawn, ones, candidates)])
    return float((1 + (f >= found.f).sum()) / (1 + n_resamples))


def breakpoints(
    x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], *, most: int = 3, trim: float = 0.05
) -> tuple[float, ...]:
    """The breakpoints of the broken line that BIC prefers, ascending; none where one line does.

    Found one after the other, each then moved while the others stay until nothing improves.
    BIC takes the points as independent: where they are not it finds too many.

    Args:
        x: where the points are.
        y: what is fitted.
        most: how many breakpoints are tried at most.
        trim: share of the points that must lie between breakpoints.

    Raises:
        OptionError: as in `fit_broken_line`.

    Source: G. Schwarz (1978), Annals of Statistics 6:461-464; a breakpoint costs two parameters.
    """
    x, y, candidates = _prepared(x, y, trim)
    if len(candidates) > _N_COARSE:
        candidates = candidates[np.linspace(0, len(candidates) - 1, _N_COARSE).astype(int)]
    least = _least(len(x), trim)
    kept: list[float] = []
    best: tuple[float, tuple[float, ...]] = (_bic(_rss(x, y, kept), len(x), 0), ())
    while len(kept) < most:
        place = _next(x, y, kept, candidates, least)
        if place is None:
            break
        kept = _settled(x, y, [*kept, place], candidates, least)
        bic = _bic(_rss(x, y, kept), len(x), len(kept))
        best = min(best, (bic, tuple(sorted(kept))))
    return best[1]


def _least(n: int, trim: float) -> int:
    return max(LEAST_POINTS, math.ceil(trim * n))


def _prepared(
    x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], trim: float
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"], Float[np.ndarray, "C"]]:
    """Both sorted by x, and the candidates for a breakpoint."""
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    least = _least(len(x), trim)
    inside = len(x) >= 2 * least
    first, last = (x[least - 1], x[-least]) if inside else (0.0, 0.0)
    if not inside or first > last or x[0] == first or x[-1] == last:
        raise OptionError(
            f"a breakpoint needs at least {least} points with different x on either side, but there"
            f" are {len(x)} points with {len(np.unique(x))} different x. Give more points."
        )
    seen = x[(x >= first) & (x <= last)]
    return x, y, np.unique(np.concatenate([seen, np.linspace(first, last, N_GRID)]))


def _profiles(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "b n"],
    weights: Float[np.ndarray, "w n"],
    candidates: Float[np.ndarray, "C"],
) -> "list[tuple[Float[np.ndarray, ' r'], ...]]":
    """Breakpoint, slopes and F of each row, in blocks of rows; x ascending.

    Rows of y go with rows of weights; one row of either serves all.
    """
    n_rows = max(len(y), len(weights))
    blocks = []
    for start in range(0, n_rows, _N_BLOCK):
        rows = slice(start, start + _N_BLOCK)
        blocks.append(
            _profile(
                x,
                y if len(y) == 1 else y[rows],
                weights if len(weights) == 1 else weights[rows],
                candidates,
            )
        )
    return blocks


def _profile(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "b n"],
    weights: Float[np.ndarray, "w n"],
    candidates: Float[np.ndarray, "C"],
) -> "tuple[Float[np.ndarray, ' r'], ...]":
    """As in `_profiles`, for one block of rows.

    With h = max(x - t, 0), and everything taken as it is after one line has been fitted, h
    explains (h·y)² / (h·h) of the squared residuals.
    """
    centre = float(x.mean())
    u, t = x - centre, candidates - centre
    y = y - y.mean(axis=1, keepdims=True)
    beyond = np.searchsorted(x, candidates, side="left")
    wu, wy = weights * u, weights * y
    sums = [np.broadcast_to(s, (max(len(y), len(weights)), len(x))) for s in
            (weights, wu, wu * u, wy, wy * u, wy * y)]  # fmt: skip
    n, su, suu, sy, suy, syy = (s.sum(axis=1, keepdims=True) for s in sums)
    n_h, u_h, uu_h, y_h, uy_h = (
        np.cumsum(s[:, ::-1], axis=1)[:, ::-1][:, beyond] for s in sums[:5]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        suu, suy, syy = suu - su * su / n, suy - su * sy / n, syy - sy * sy / n
        slope = suy / suu
        h = u_h - t * n_h
        hh = uu_h - 2 * t * u_h + t * t * n_h - h * h / n
        hu = uu_h - t * u_h - h * su / n
        hy = uy_h - t * y_h - h * sy / n
        free, change = hh - hu * hu / suu, hy - hu * slope
        # Without this much of its own, h is a straight line over the points that were drawn.
        usable = free > 1e-9 * np.maximum(hh, suu)
        gain = np.where(usable, change * change / free, -1.0)
        best = gain.argmax(axis=1)[:, None]
        found = np.take_along_axis(gain, best, axis=1)
        bent = (np.take_along_axis(change, best, axis=1)
                / np.take_along_axis(free, best, axis=1))  # fmt: skip
        lower = slope - bent * np.take_along_axis(hu, best, axis=1) / suu
        f = found / (np.maximum(syy - slope * suy - found, 0.0) / (n - 4))
        upper = lower + bent
    none = found[:, 0] < 0
    columns = (candidates[best[:, 0]], lower[:, 0], upper[:, 0], f[:, 0])
    return tuple(np.where(none, np.nan, column) for column in columns)


def _design(x: Float[np.ndarray, "n"], kept: list[float]) -> Float[np.ndarray, "n p"]:
    columns = [np.ones(len(x)), x - x.mean()] + [np.maximum(x - t, 0.0) for t in kept]
    return np.linalg.qr(np.column_stack(columns))[0]


def _rss(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"], kept: list[float]) -> float:
    q = _design(x, kept)
    left = y - q @ (q.T @ y)
    return float(left @ left)


def _bic(rss: float, n: int, n_breakpoints: int) -> float:
    return n * math.log(max(rss, _LEAST_NORMAL) / n) + (2 + 2 * n_breakpoints) * math.log(n)


def _next(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    kept: list[float],
    candidates: Float[np.ndarray, "C"],
    least: int,
) -> float | None:
    """The candidate that explains most beside those that are kept; None where none fits in."""
    place, taken = np.searchsorted(x, candidates), np.searchsorted(x, kept)
    if len(kept):
        apart = np.abs(place[:, None] - taken[None, :]).min(axis=1)
        candidates = candidates[apart >= least]
    if not len(candidates):
        return None
    q = _design(x, kept)
    left = y - q @ (q.T @ y)
    h = np.maximum(x[:, None] - candidates, 0.0)
    h = h - q @ (q.T @ h)
    free = np.einsum("ij,ij->j", h, h)
    gain = np.where(free > 1e-12, (left @ h) ** 2 / np.maximum(free, 1e-12), -1.0)
    return float(candidates[int(gain.argmax())])


def _settled(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    kept: list[float],
    candidates: Float[np.ndarray, "C"],
    least: int,
) -> list[float]:
    """The same number of breakpoints, each moved while the others stay, until none moves."""
    for _ in range(_N_CYCLES if len(kept) > 1 else 0):
        before = list(kept)
        for i in range(len(kept)):
            others = kept[:i] + kept[i + 1 :]
            moved = _next(x, y, others, candidates, least)
            if moved is not None:
                kept = [*kept[:i], moved, *kept[i + 1 :]]
        if kept == before:
            break
    return kept
