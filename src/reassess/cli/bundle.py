"""``reassess bundle``: a whole study in one archive, to go on with it elsewhere."""

from pathlib import Path

import click

from reassess.cli.output import progress_bar
from reassess.cli.outputs import OutputFile
from reassess.cli.rating_options import need


@click.command(
    epilog="""\b
Examples:
  reassess bundle pets pets.tar.gz
  reassess bundle pets pets.tar --images
\b
On the other machine:
  tar -xf pets.tar.gz
  reassess status pets
"""
)
@click.argument("study")
@click.argument("file", type=OutputFile())
@click.option(
    "--images",
    is_flag=True,
    help="Take the images along, too, where they are outside the folder of STUDY.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE.")
def bundle(study: str, file: str, images: bool, overwrite: bool) -> None:
    """Pack STUDY into FILE (.tar or .tar.gz), with all that is needed to go on elsewhere.

    Files that its manifest names outside its folder come along, and so do the votes, as they stand
    at one moment: the site may be open. The cache and the secret of cookies stay behind. FILE holds
    gold, names and hashes of passwords, and is its owner's alone to read; `reassess release` is for
    everybody else.
    """
    need("sqlalchemy", "keeping votes")
    from reassess.site.bundles import bundle_study
    from reassess.study import open_study

    with progress_bar("Packing") as progress:
        path = bundle_study(
            open_study(study), Path(file), images=images, overwrite=overwrite, progress=progress
        )
    click.echo(f"{path}: {path.stat().st_size:,} bytes")
