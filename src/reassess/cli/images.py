"""``reassess images``: images that are withdrawn from a study, and put back."""

from typing import TYPE_CHECKING

import click

from reassess.cli.output import inform, print_json, progress_bar
from reassess.cli.rating_options import database_option, opened
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.site.curation import Curated
    from reassess.study import Study


@click.command(
    epilog="""\b
Examples:
  reassess images my-study
  reassess images my-study --withdraw n01440764/ILSVRC2012_val_00000293.JPEG --reason "a face"
  reassess images my-study --restore ILSVRC2012_val_00000293.JPEG
"""
)
@click.argument("study")
@click.option(
    "--withdraw", multiple=True, metavar="IMAGE", help="Ask nobody about IMAGE; count no votes."
)
@click.option("--restore", multiple=True, metavar="IMAGE", help="Undo --withdraw of IMAGE.")
@click.option("--reason", default="", help="Reason, for the audit log.")
@click.option("--workers", type=int, help="Threads.  [default: one a core]")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print what is withdrawn as JSON.")
def images(
    study: str,
    withdraw: tuple[str, ...],
    restore: tuple[str, ...],
    reason: str,
    workers: int | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Withdraw images from STUDY, or put them back; then list those that are withdrawn.

    Of a withdrawn image nobody is asked, its file is sent to nobody, and votes, gold and decisions
    about it do not count; nothing is deleted. Files that an export wrote are written again, and
    labels and report made anew where the study has them. Works while the site is open.
    """
    both = set(withdraw) & set(restore)
    if both:
        raise OptionError(
            f"{sorted(both)[0]!r} is to be withdrawn and restored at once. Leave one out."
        )
    with opened(study, database) as (found, store):
        from reassess.rating import withdrawn_images
        from reassess.site import curation

        done = []
        if withdraw:
            done.append(curation.withdraw(found, store, withdraw, reason=reason))
        if restore:
            done.append(curation.restore(found, store, restore, reason=reason))
        names = withdrawn_images(store)
    for one in done:
        tell_written(one)
    if done:
        make_anew(found, done, workers)
    if as_json:
        print_json({"withdrawn": list(names)})
        return
    for name in names:
        click.echo(name)
    inform(f"{study}: {len(names):,} image{'s are' if len(names) != 1 else ' is'} withdrawn.")


def tell_written(done: "Curated") -> None:
    """Say which files of a study hold the change, and which do not."""
    for path in done.written:
        inform(f"Note: wrote {path} again.")
    for path, why in done.left:
        inform(f"Note: {path} is as it was: {why}.")


def make_anew(study: "Study", done: "list[Curated]", workers: int | None) -> None:
    """Run what is stale in a study that has labels, after its votes or gold changed."""
    from reassess.study import FILES, run_study

    if not (study.folder / FILES["labels"]).is_file() or not any(one.written for one in done):
        return
    with progress_bar("Running") as step:
        for stage, line in run_study(study, workers=workers, progress=step):
            inform(f"{stage}: {line}")
