"""``reassess diff``: what changed between two releases or studies."""

from pathlib import Path

import click

from reassess.cli.output import console, print_json
from reassess.cli.outputs import OutputFile


@click.command(
    epilog="""\b
Examples:
  reassess diff pets-1.0 pets-1.1
  reassess diff pets-1.0 pets -o changed.csv
  reassess diff pets-1.0 pets-1.1 --json
"""
)
@click.argument("old")
@click.argument("new")
@click.option(
    "-o",
    "--output",
    type=OutputFile(".csv"),
    metavar="FILE",
    help="Also write the images whose labels changed: image,kind,old,new.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
def diff(old: str, new: str, output: str | None, as_json: bool) -> None:
    """Say what changed between two releases or studies: labels, votes, operating point, scores."""
    from reassess.files.tables import write_table
    from reassess.release import compare_releases
    from reassess.study import open_study

    found = compare_releases(open_study(old), open_study(new))
    if output is not None:

        def joined(ids: tuple[str, ...] | None) -> str:
            return "" if ids is None else " ".join(ids) or "none"

        write_table(
            Path(output),
            {
                "image": [one.image for one in found.images],
                "kind": [one.kind for one in found.images],
                "old": [joined(one.old) for one in found.images],
                "new": [joined(one.new) for one in found.images],
            },
        )
    if as_json:
        print_json(found.as_dict())
        return
    from reassess.report.table import Column, Columns, Table, to_rich

    counts = {"same labels": found.n_same} | found.counts()
    columns: Columns = [
        (Column("what", "images"), list(counts)),
        (Column("n", "number", "count"), list(counts.values())),
    ]
    console().print(to_rich(Table.from_columns("images", f"Labels: {old} → {new}", columns)))
    models = {f"ReaL accuracy of {name}": both for name, both in found.accuracies.items()}
    rows = [
        (name, *(_shown(value) for value in both))
        for part in (found.numbers, found.operating_point, models)
        for name, both in part.items()
    ]
    rows += [(f"class {one}", "–", "added") for one in found.classes_added]
    rows += [(f"class {one}", "there", "removed") for one in found.classes_removed]
    if rows:
        columns = [
            (Column(name, name), [row[n] for row in rows])
            for n, name in enumerate(("what", "old", "new"))
        ]
        console().print(to_rich(Table.from_columns("rest", "What they rest on", columns)))


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
