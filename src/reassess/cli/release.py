"""``reassess release``: a study as a folder that others can check."""

import click

from reassess.cli.output import inform, progress_bar
from reassess.cli.outputs import OutputFolder


@click.command(
    epilog="""\b
Examples:
  reassess release pets pets-1.0
  reassess release pets pets-1.0 --version 1.0.0 --license CC-BY-4.0 \\
    --author "Ada Lovelace" --author "Grace Hopper" --url https://example.org/pets
  reassess check pets-1.0
"""
)
@click.argument("study")
@click.argument("folder", type=OutputFolder(), metavar="DIR")
@click.option("--version", default="1.0.0", show_default=True, help="Version of the data set.")
@click.option("--title", help="Title of the data set.  [default: the study's name]")
@click.option("--license", "license_name", help="SPDX name of its licence, such as CC-BY-4.0.")
@click.option("--author", "authors", multiple=True, help="Name to cite; may be repeated.")
@click.option("--description", help="Paragraph about it.  [default: made from its numbers]")
@click.option("--url", help="Where it will be found.")
def release(
    study: str,
    folder: str,
    version: str,
    title: str | None,
    license_name: str | None,
    authors: tuple[str, ...],
    description: str | None,
    url: str | None,
) -> None:
    """Release STUDY into the new folder DIR: labels, votes under pseudonyms, and all they rest on.

    DIR holds labels, votes, gold, models' best classes, the operating point, scores, a data set
    card (Hugging Face), Croissant 1.1 with the Responsible-AI fields, CITATION.cff, and checksums,
    which are written last. It is itself a study. Names of people, free text, the time of day of
    votes, pictures and the rating site's database stay behind.
    """
    from datetime import UTC, datetime
    from importlib.metadata import version as installed

    from reassess.release import write_release
    from reassess.release.writing import about_release
    from reassess.study import open_study

    opened = open_study(study)
    about = about_release(
        opened, version=version, date=datetime.now(UTC).strftime("%Y-%m-%d"),
        reassess=installed("reassess"), title=title, license_name=license_name, authors=authors,
        description=description, url=url,
    )  # fmt: skip
    with progress_bar("Releasing") as step:
        facts = write_release(opened, folder, about, progress=step)
    counts = ", ".join(f"{value:,} {name}" for name, value in facts.numbers.items())
    click.echo(f"{folder}: {counts}")
    if license_name is None:
        inform("Note: no licence is stated; name one: --license CC-BY-4.0")
    inform(f"Check it: reassess check {folder}")
