"""``reassess demo``: a whole study on handwritten digits."""

import shlex
import sys
import time
from importlib.util import find_spec
from shutil import which

import click

from reassess.cli.output import inform, progress_bar


@click.command(
    epilog="""\b
Examples:
  reassess demo
  reassess demo my-folder --seed 1
"""
)
@click.argument("folder", default="demo", required=False)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the study."
)
def demo(folder: str, seed: int) -> None:
    """Run a whole study into FOLDER (default: demo), and say where the report lies.

    Real scans of handwritten digits, some with two digits on an image, some with a planted
    wrong label; six small models; SIMULATED raters: no people are asked. One file a stage is
    left to look at, and a study that you can rate yourself. No network; takes about a minute.
    """
    from reassess.demo import STAGES, run_demo

    began = time.perf_counter()
    seen: list[str] = []
    with progress_bar("Demo") as step:

        def show(what: str, *, done: int | None = None, total: int | None = None) -> None:
            stage, _, detail = what.partition(": ")
            step(what, done=done, total=total)
            if stage in STAGES and (detail or stage not in seen):
                inform(f"  {stage:<16} {detail}".rstrip())
            seen.append(stage)

        result = run_demo(folder, seed=seed, progress=show)
    click.echo()
    for sentence in result.found.sentences():
        click.echo(click.wrap_text(sentence, 88, "• ", "  "))
    seconds = time.perf_counter() - began
    click.echo(f"\nDone in {seconds:.0f} s. The report: {result.report.resolve()}")
    click.echo(f"Each stage left a file in {result.folder}/; docs/tutorial.md walks through them.")
    _invite_to_rate(str(result.study))


def _invite_to_rate(study: str) -> None:
    """Say how to rate the same questions oneself."""
    command = "reassess" if which("reassess") else shlex.quote(sys.argv[0])
    click.echo("\nRate it yourself: open its site, and leave it running;")
    click.echo(f"  {command} serve {shlex.quote(study)}")
    click.echo("in a second terminal make a link, open it in a browser, and choose Rate:")
    click.echo(f"  {command} invite {shlex.quote(study)} me --role owner")
    if find_spec("fastapi") is None:
        click.echo("The site needs a further package: pip install 'reassess[web]'")
