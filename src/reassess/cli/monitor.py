"""``reassess monitor``: rates and differences that may be looked at every day."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.output import console, print_json
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.statistics.sequential import AnytimeEstimate

Line = tuple[str, "AnytimeEstimate"]


@click.command(
    epilog="""\b
Examples:
  reassess monitor --wrong 3 --checked 120 --population 11000
  reassess monitor checks.csv --column wrong
  reassess monitor per-image.csv --a resnet50 --b vit_base
  reassess monitor labels.json

\b
per-image.csv is what `reassess score --per-image` writes. Intervals are confidence
sequences: with 95 % probability all of them hold, however often one looks and
whenever one stops. docs/verdict.md gives methods and sources.
"""
)
@click.argument("source", required=False, metavar="[FILE|LABELS|STUDY]")
@click.option("--column", metavar="COLUMN", help="Column of 1 and 0 whose rate is asked for.")
@click.option("--a", "column_a", metavar="COLUMN", help="Model A, or its column of 1 and 0.")
@click.option("--b", "column_b", metavar="COLUMN", help="Model B, or its column.")
@click.option("--wrong", type=click.IntRange(0), metavar="K", help="Number found wrong so far.")
@click.option("--checked", type=click.IntRange(1), metavar="N", help="Number checked so far.")
@click.option("--population", type=click.IntRange(1), metavar="N",
              help="Number of things that are drawn from, without putting back.")  # fmt: skip
@click.option("--confidence", type=float, default=0.95, show_default=True,
              help="Confidence level of all looks together.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def monitor(
    source: str | None,
    column: str | None,
    column_a: str | None,
    column_b: str | None,
    wrong: int | None,
    checked: int | None,
    population: int | None,
    confidence: float,
    as_json: bool,
) -> None:
    """Estimate a rate, or A minus B, with an interval that holds at every look.

    From counts (--wrong, --checked), a table with a row for each thing that was checked, or labels
    with an audit, whose strata of skipped images are shown.
    """
    if source is None:
        if wrong is None or checked is None or (column, column_a, column_b) != (None,) * 3:
            raise OptionError(
                "a FILE with --column or --a and --b, labels, or --wrong and --checked must be "
                "given. Type: reassess monitor --wrong 3 --checked 120"
            )
        lines = [("share wrong", _rate(wrong, checked, population, confidence))]
    elif (wrong, checked) != (None, None):
        raise OptionError("--wrong and --checked are counts; leave them out beside a file.")
    elif (column, column_a, column_b) == (None,) * 3:
        if population is not None:
            raise OptionError(
                "--population goes with counts or with --column, but an audit knows what each of "
                "its strata was drawn from. Leave it out, or name a --column."
            )
        if Path(source).suffix.lower() in {".csv", ".tsv", ".txt", ".xlsx"}:
            raise OptionError(
                f"{source!r} is a table, of which columns must be named. Name one (--column), or "
                "two models (--a and --b)."
            )
        lines = _of_audit(source, confidence)
    else:
        lines = _of_table(source, column, (column_a, column_b), population, confidence)
    _print(lines, as_json)


def _rate(n_yes: int, n: int, population: int | None, confidence: float) -> "AnytimeEstimate":
    from reassess.statistics.sequential import finite_rate_sequence, rate_sequence

    if population is None:
        return rate_sequence(n_yes, n, confidence=confidence)
    return finite_rate_sequence(n_yes, n, population, confidence=confidence)


def _of_table(
    source: str,
    column: str | None,
    pair: tuple[str | None, str | None],
    population: int | None,
    confidence: float,
) -> list[Line]:
    from reassess.files.outcomes import read_outcomes
    from reassess.statistics.sequential import difference_sequence

    a, b = pair
    if column is not None and (a, b) == (None, None):
        (outcomes,) = read_outcomes(Path(source), (column,))
        return [(column, _rate(int(outcomes.sum()), len(outcomes), population, confidence))]
    if column is not None or a is None or b is None or population is not None:
        raise OptionError(
            "--column, with or without --population, or both --a and --b must be given. Leave the "
            "others out."
        )
    if a == b:
        raise OptionError(f"--a and --b are both {a!r}, but must be two. Name another.")
    right_a, right_b = read_outcomes(Path(source), (a, b))
    n_a, n_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return [(f"{a} minus {b}", difference_sequence(n_a, n_b, len(right_a), confidence=confidence))]


def _of_audit(source: str, confidence: float) -> list[Line]:
    from reassess import sources
    from reassess.analysis.monitoring import audit_errors

    found = audit_errors(sources.labels(source), confidence=confidence)
    return [(f"wrong among {one.name}", one.rate) for one in found]


def _print(lines: list[Line], as_json: bool) -> None:
    from reassess.report.formatting import count, percent, points

    if as_json:
        value: list[dict[str, Any]] = [{"about": about, **asdict(one)} for about, one in lines]
        print_json({"estimates": value})
        return
    for about, one in lines:
        shown = points if " minus " in about else percent
        text = f"{about}: {shown(one.value, 2)} ({shown(one.low, 2)} to {shown(one.high, 2)}"
        text += f"; {percent(one.confidence, 0)} at every look) after {count(one.n, 'result')}."
        if shown is points:
            a, _, b = about.partition(" minus ")
            text += f" {a} is better." if one.low > 0 else ""
            text += f" {b} is better." if one.high < 0 else ""
            text += " Cannot tell yet." if one.low <= 0 <= one.high else ""
        console().print(text, markup=False, highlight=False)
