"""``reassess audit``: ask about a random sample of what the rule leaves out."""

import shlex
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.output import console, print_json, progress_bar

if TYPE_CHECKING:
    from reassess.records import Audit, Predictions
    from reassess.report.table import Table
    from reassess.study import Study


@click.command(
    epilog="""\b
Examples:
  reassess audit pets
  reassess audit pets --skipped 150
  reassess audit pets --newcomer vit=better.npz --unasked 200
"""
)
@click.argument("study")
@click.option(
    "--skipped",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Number of skipped images, which keep their original label unrated, to have drawn in all.",
)
@click.option(
    "--newcomer",
    metavar="MODEL",
    help="Model whose unasked top predictions to draw from: predictions as for `reassess score`, "
    "or a model of the study.",
)
@click.option(
    "--unasked",
    type=click.IntRange(1),
    metavar="N",
    help="Number of the newcomer's unasked predictions to have drawn in all.  [default: 200]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the draw."
)
@click.option("--json", "as_json", is_flag=True, help="Print the strata as JSON.")
def audit(
    study: str, skipped: int, newcomer: str | None, unasked: int | None, seed: int, as_json: bool
) -> None:
    """Draw a random sample of what a STUDY does not ask about, and ask about it.

    The draw is in audit.json, with its seed and probabilities; its questions go among the others,
    so that raters cannot tell them apart. Once they are answered, score, compare, ranks and the
    report correct levels and intervals by them. The same command draws nothing twice, and a larger
    number draws the rest. Without options it shows what is drawn.
    """
    from reassess.errors import OptionError
    from reassess.proposals.audits import N_UNASKED, default_n_skipped
    from reassess.study import open_study
    from reassess.study.auditing import audit_study

    if unasked is not None and newcomer is None:
        raise OptionError("--unasked draws from a model's predictions. Name it: --newcomer MODEL.")
    opened = open_study(study)
    found = None if newcomer is None else _newcomer(opened, newcomer)
    with progress_bar("Drawing") as step:
        made = audit_study(
            opened, n_skipped=skipped, newcomer=found, n_unasked=unasked or N_UNASKED, seed=seed,
            progress=step,
        )  # fmt: skip
    if as_json:
        print_json(
            {
                "strata": _strata(made.audit),
                "n_skipped": made.n_skipped,
                "n_new_questions": made.n_new,
            }
        )
        return
    if not made.audit.strata:
        click.echo(
            "Nothing is audited: intervals are conditional on the labels of the "
            f"{made.n_skipped:,} skipped images being right."
        )
        if made.n_skipped:
            n = max(default_n_skipped(made.n_skipped), 1)
            click.echo(f"Draw some of them: reassess audit {shlex.quote(study)} --skipped {n}")
        return
    from reassess.report.table import to_rich

    console().print(to_rich(_table(made.audit)))
    if made.n_new:
        click.echo(f"{made.n_new:,} new questions. Next: reassess serve {shlex.quote(study)}")
    elif skipped or newcomer:
        click.echo("Nothing new to draw: as many are drawn already.")


def _newcomer(study: "Study", source: str) -> "Predictions":
    """The one model that a source names."""
    from reassess import sources
    from reassess.errors import OptionError
    from reassess.study import read_study_benchmark

    if any(one.name == source for one in study.models):
        source = f"{study.folder}#{source}"
    found = sources.predictions(source, read_study_benchmark(study), top_k=1)
    if len(found) != 1:
        raise OptionError(
            f"{source!r} holds {len(found)} models, but one must be meant. Name it, as in "
            f"{source}#{found[0].model}."
        )
    return found[0]


def _strata(found: "Audit") -> list[dict[str, Any]]:
    """One entry a stratum."""
    sizes = zip(found.n_population.tolist(), found.n_drawn.tolist(), strict=True)
    return [
        {
            "kind": one.kind,
            "model": one.model,
            "seeds": list(one.seeds),
            "n_population": n,
            "n_drawn": drawn,
            "inclusion_probability": drawn / n,
        }
        for one, (n, drawn) in zip(found.strata, sizes, strict=True)
    ]


def _table(found: "Audit") -> "Table":
    """One row a stratum."""
    from reassess.report.table import Column, Columns, Table

    rows = _strata(found)
    columns: Columns = [
        (Column("stratum", "stratum"), [one.name for one in found.strata]),
        (Column("n_population", "of", "count"), [one["n_population"] for one in rows]),
        (Column("n_drawn", "drawn", "count"), [one["n_drawn"] for one in rows]),
        (
            Column("inclusion_probability", "probability", "number", 4),
            [one["inclusion_probability"] for one in rows],
        ),
        (
            Column("seeds", "seeds"),
            [", ".join(str(seed) for seed in one.seeds) for one in found.strata],
        ),
    ]
    return Table.from_columns("audit", "What is audited", columns)
