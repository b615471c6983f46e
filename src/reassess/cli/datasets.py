"""``reassess datasets``: what the catalogue knows."""

import click

from reassess.cli.options import console, print_json


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
    from reassess.catalog import ENTRIES, Catalog, size_of

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
                        "size": size_of(one),
                        "licence": one.licence,
                        "source": one.source,
                    }
                    for one in ENTRIES
                ],
            }
        )
        return

    from reassess.report.terminal import datasets_table

    console().print(datasets_table(ENTRIES, catalog))
