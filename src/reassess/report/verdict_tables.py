"""The numbers of a verdict as tables: one row a quantity, and one row a range.

Decides nothing: `reassess.analysis.proxy` and `reassess.analysis.gain` do.
"""

from reassess.analysis.model_sample import Interval
from reassess.analysis.proxy import Proxy
from reassess.analysis.standings import OriginalLabelsScore
from reassess.report.table import Column, Columns, Table

_Row = tuple[str, float | None, Interval | None]


def verdict_table(proxy: Proxy, original: OriginalLabelsScore | None) -> Table:
    """Every quantity of a verdict with its interval; accuracies are fractions.

    Args:
        proxy: how y follows x.
        original: the original labels' ReaL accuracy; None where it is unknown.
    """
    rows: list[_Row] = []
    bend, gain, probit, top = proxy.breakpoint, proxy.gain, proxy.probit_gain, proxy.top
    if bend is not None:
        rows += [
            ("breakpoint", bend.value, bend.interval),
            ("slope below", bend.slope_below, bend.slope_below_interval),
            ("slope above", bend.slope_above, bend.slope_above_interval),
            ("p-value of the bend", bend.p_value, None),
        ]
    if gain is not None:
        rows.append(("gain at the top, in points", gain.ratio, gain.interval))
    if probit is not None:
        rows.append(("gain at the top, in probits", probit.ratio, probit.interval))
    if top is not None:
        rows += [
            ("Kendall's tau at the top", top.tau, top.tau_interval),
            ("Spearman's rho at the top", top.rho, top.rho_interval),
            ("Kendall's tau, all models", top.tau_all, top.tau_all_interval),
        ]
    if proxy.robustness is not None:
        found = proxy.robustness
        rows.append(("effective robustness of the top", found.top, found.top_interval))
    if original is not None and original.real.value is not None:
        rows.append(("original labels' ReaL accuracy", original.value, original.interval))
    columns: Columns = [
        (Column("quantity", "quantity"), [name for name, _, _ in rows]),
        (Column("value", "value", "number", 3), [value for _, value, _ in rows]),
        *_ends([ends for _, _, ends in rows]),
    ]
    title = f"{proxy.y} against {proxy.x} of {proxy.n_models:,} models"
    return Table.from_columns("verdict", title, columns)


def slopes_table(proxy: Proxy) -> Table:
    """The slope of each range of x.

    Args:
        proxy: how y follows x.
    """
    slopes = proxy.slopes
    columns: Columns = [
        (Column("from", f"{proxy.x} from", "percent", 1), [one.low for one in slopes]),
        (Column("to", "below", "percent", 1), [one.high for one in slopes]),
        (Column("n_models", "models", "count"), [one.n_models for one in slopes]),
        (Column("n_groups", "groups", "count"), [one.n_groups for one in slopes]),
        (Column("slope", "slope", "number", 2), [one.slope for one in slopes]),
        *_ends([one.interval for one in slopes]),
    ]
    title = f"Points of {proxy.y} per point of {proxy.x}"
    return Table.from_columns("slopes", title, columns)


def _ends(intervals: list[Interval | None]) -> Columns:
    return [
        (
            Column("low", "from", "number", 3),
            [None if one is None else one[0] for one in intervals],
        ),
        (Column("high", "to", "number", 3), [None if one is None else one[1] for one in intervals]),
    ]
