"""``reassess datasets``: what the catalogue knows."""

import click

from reassess.cli.output import console, print_json

_MEGABYTE = 1_000_000


@click.command(
    epilog="""\b
Examples:
  reassess datasets
  REASSESS_DATA=/data/reassess reassess datasets --json
"""
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def datasets(as_json: bool) -> None:
    """List published data: names, what is cached, sizes, licences.

    Data is fetched when a command first needs it, verified, and kept in the cache folder,
    which the variable REASSESS_DATA names.
    """
    from reassess.catalog import ENTRIES, Catalog

    catalog = Catalog.default()
    if as_json:
        print_json(
            {
                "folder": str(catalog.folder),
                "entries": [
                    {
                        "name": one.name,
                        "kind": one.kind,
                        "about": one.about,
                        "cached": catalog.is_cached(one),
                        "size": one.n_bytes,
                        "licence": one.licence,
                        "source": one.source,
                    }
                    for one in ENTRIES
                ],
            }
        )
        return

    from reassess.report.table import Column, Columns, Table, to_rich

    columns: Columns = [
        (Column("name", "name"), [one.name for one in ENTRIES]),
        (Column("kind", "kind"), [one.kind for one in ENTRIES]),
        (Column("about", "about"), [one.about for one in ENTRIES]),
        (Column("licence", "licence"), [one.licence for one in ENTRIES]),
        (
            Column("megabytes", "MB", "number"),
            [max(one.n_bytes / _MEGABYTE, 0.1) for one in ENTRIES],
        ),
        (Column("cached", "here", "check"), [catalog.is_cached(one) or None for one in ENTRIES]),
    ]
    title = f"Published data, kept in {catalog.folder}"
    console().print(to_rich(Table.from_columns("datasets", title, columns)))
