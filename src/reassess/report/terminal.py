"""Tables for the terminal, as objects of Rich; printing them is the command line's work.

Numbers stand in percent, flush right. Long words wrap rather than being cut.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from rich.table import Table
from rich.text import Text

from reassess.catalog import Catalog, Entry, size_of
from reassess.records import Accuracy, Comparison, ModelScore
from reassess.report import formatting as fmt

_MEGABYTE = 1_000_000


@runtime_checkable
class Checked(Protocol):
    """A published statement and ours; `reassess.reproduce` makes them."""

    @property
    def id(self) -> str:
        """A unique name."""

    @property
    def statement(self) -> str:
        """What is stated."""

    @property
    def published(self) -> float | None:
        """The published value."""

    @property
    def computed(self) -> float | None:
        """Ours."""

    @property
    def tolerance(self) -> float | None:
        """How far the two may differ."""

    @property
    def tolerance_reason(self) -> str:
        """Why that far."""

    @property
    def holds(self) -> bool | None:
        """Whether they differ by no more."""

    @property
    def reason(self) -> str | None:
        """Why nothing was computed."""


def score_table(scores: Iterable[ModelScore], labels_name: str) -> Table:
    """One row a model, best ReaL accuracy first, with its 95% interval.

    Args:
        scores: one a model.
        labels_name: what the reassessed labels are called.
    """
    ranked = sorted(scores, key=lambda one: (-(one.real.value or -1.0), one.model))
    ks = sorted({k for one in ranked for k in one.real_at})
    knows_original = any(one.original is not None for one in ranked)
    table = _table(f"Accuracy in percent, labels: {labels_name}", title_of_rows="model")
    for heading in ("ReaL", "95% interval", *(f"ReaL@{k}" for k in ks)):
        table.add_column(heading, justify="right", no_wrap=True)
    if knows_original:
        for heading in ("original", *(f"original@{k}" for k in ks), "multi-label"):
            table.add_column(heading, justify="right", no_wrap=True)
    for one in ranked:
        ends = fmt.interval(one.real)
        row = [one.model, _bare(one.real)]
        row.append(fmt.UNDEFINED if ends is None else fmt.between(*ends, 2).removesuffix("%"))
        row += [_bare(one.real_at.get(k)) for k in ks]
        if knows_original:
            row += [_bare(one.original), *(_bare(one.original_at.get(k)) for k in ks)]
            row.append(fmt.bare(None if one.multilabel is None else one.multilabel.value))
        table.add_row(*map(Text, row))
    if ranked:
        real = ranked[0].real
        scored = fmt.count(real.n_scored, "image")
        table.caption = f"{scored} scored, {real.n_unlabelled:,} left out because no label holds"
    return table


def comparison_text(comparison: Comparison) -> Text:
    """A comparison of two models in a few sentences, the verdict first."""
    a, b = comparison.model_a, comparison.model_b
    difference = comparison.difference
    if difference is None:
        return Text(f"{a} and {b} cannot be compared: no image has a label.")
    confidence = fmt.percent(comparison.confidence, 0)
    ends = f"{fmt.points(comparison.low, 2)} to {fmt.points(comparison.high, 2)}"
    chance = fmt.p_value(comparison.p_value)
    text = Text()
    if comparison.p_value < 1 - comparison.confidence:
        better, worse = (a, b) if difference > 0 else (b, a)
        text.append(f"{better} is better than {worse}", style="bold")
    else:
        text.append(f"no difference between {a} and {b} can be told", style="bold")
    text.append(f" under {comparison.labels}.\n")
    text.append(
        f"{a} less {b}: {fmt.points(difference, 2)} points ({confidence} interval {ends}; exact"
        f" McNemar {chance}).\n"
    )
    text.append(
        f"Of {fmt.count(comparison.n_scored, 'image')} {comparison.n_both:,} are right for both,"
        f" {comparison.n_neither:,} for neither, {len(comparison.only_a):,} for {a} only and"
        f" {len(comparison.only_b):,} for {b} only."
    )
    return text


def statements_table(statements: Sequence[Checked]) -> Table:
    """Published statements beside ours: ✓ holds, ✗ does not, – was not computed."""
    held = sum(one.holds is True for one in statements)
    failed = sum(one.holds is False for one in statements)
    table = _table("Published statements, computed again", title_of_rows="id")
    table.add_column("")
    table.add_column("statement", ratio=3)
    for heading in ("published", "ours", "tolerance"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why", ratio=2)
    for one in statements:
        mark, style = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("–", "dim")}[
            one.holds
        ]
        table.add_row(
            Text(one.id),
            Text(mark, style=style),
            Text(one.statement),
            Text(_number(one.published)),
            Text(_number(one.computed), style="bold red" if one.holds is False else ""),
            Text(_tolerance(one.tolerance)),
            Text(one.reason or one.tolerance_reason, style="dim"),
        )
    table.caption = f"{held} hold, {failed} do not, {len(statements) - held - failed} not computed"
    return table


def datasets_table(entries: Iterable[Entry], catalog: Catalog) -> Table:
    """What the catalogue knows, how large it is and whether it is here."""
    table = _table(f"Published data, kept in {catalog.folder}", title_of_rows="name")
    table.add_column("kind", no_wrap=True)
    table.add_column("about", ratio=1)
    table.add_column("licence")
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("here")
    for one in entries:
        here = catalog.is_cached(one)
        mark = Text("✓", style="green") if here else Text("–", style="dim")
        size = f"{max(size_of(one) / _MEGABYTE, 0.1):,.1f}"
        table.add_row(*map(Text, (one.name, one.kind, one.about, one.licence, size)), mark)
    return table


def _table(title: str, *, title_of_rows: str) -> Table:
    table = Table(title=Text(title), title_justify="left", caption_justify="left", box=None)
    table.pad_edge = False
    table.header_style = "bold"
    table.add_column(title_of_rows, no_wrap=True)
    return table


def _bare(accuracy: Accuracy | None) -> str:
    return fmt.bare(None if accuracy is None else accuracy.value, 2)


def _number(value: float | None) -> str:
    """A published value: a count as it is, a fraction or a slope with four digits."""
    if value is None:
        return fmt.UNDEFINED
    if value == int(value) and abs(value) > 1:
        return f"{int(value):,}"
    return f"{value:.4g}"


def _tolerance(value: float | None) -> str:
    if value is None:
        return ""
    return "equal" if value == 0 else f"±{value:.2g}"
