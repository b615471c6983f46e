"""``reassess synonyms``: confusable classes."""

from functools import partial

import click

from reassess.cli.options import LiteralChoice, option, output_option
from reassess.cli.output import console, print_json, spinner


def _kinds() -> object:
    from reassess.analysis.classes import PairKind

    return PairKind


@click.command(
    epilog="""\b
Examples:
  reassess synonyms pets
  reassess synonyms pets --kind inseparable --kind confused --rows 20
  reassess synonyms pets -o pairs.csv

\b
Kinds, the first that holds ("more than half" is the lower end of a 95 % interval):
  inseparable  each is on more than half of the images that hold the other
  implies      the first is hardly without the second, but not the other way round
  overlap      both are on the same images, far more often than by chance
  confused     models take one for the other where people see only one
  named alike  they share a name, and nothing more is known
"""
)
@click.argument("study")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=LiteralChoice(_kinds),
    help="Show pairs of this kind only; may be repeated.  [default: all]",
)
@option("--rows", old=("--top",), type=click.IntRange(1), default=10, show_default=True,
        metavar="N",
              help="Number of pairs of each kind to show.")  # fmt: skip
@click.option("--changed", is_flag=True, help="Also show the classes whose labels changed most.")
@output_option("every pair")
@click.option("--json", "as_json", is_flag=True, help="Print every pair as JSON.")
def synonyms(
    study: str, kinds: tuple[str, ...], rows: int, changed: bool, output: str | None, as_json: bool
) -> None:
    """Confusable classes of a STUDY: pairs that are hard to tell apart, with the evidence.

    Votes say which classes are on the same images; models, which are taken for each other on
    images that hold only one of them; the names, which are called alike.
    """
    import numpy as np

    from reassess.analysis.classes import PAIR_KINDS, changed_classes, class_pairs
    from reassess.report.label_tables import changed_table, first_of_each_kind, pairs_table
    from reassess.report.page_parts import class_name
    from reassess.report.table import format_of, to_rich, write_rendered
    from reassess.study import collect, open_study

    if output is not None:
        format_of(output)
    with spinner("Reading the study"):
        collected = collect(open_study(study))
        pairs = class_pairs(
            collected.labels,
            collected.predictions,
            classes=collected.benchmark.classes,
            hierarchy=collected.hierarchy,
        )
    if kinds:
        pairs = pairs.take(
            np.isin(pairs.kind, [PAIR_KINDS.index(kind) for kind in PAIR_KINDS if kind in kinds])
        )
    classes = collected.benchmark.classes
    names = None if classes is None else classes.names
    table = pairs_table(pairs, names)
    if output is not None:
        write_rendered(table, output)
    if as_json:
        found = {"study": collected.study.name, "n_pairs": len(pairs), "pairs": table.records()}
        print_json(found)
        return
    console().print(to_rich(first_of_each_kind(table, rows)))
    if changed:
        lost = changed_classes(collected.labels, collected.benchmark)
        name = partial(class_name, collected.benchmark)
        console().print("\n", to_rich(changed_table(lost, name).head(rows)))
