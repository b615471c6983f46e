"""``reassess gold``: which images experts judge, and which are gold no more."""

import click

from reassess.cli.images import make_anew, tell_written
from reassess.cli.output import print_json
from reassess.cli.rating_options import database_option, opened
from reassess.errors import OptionError


@click.command(
    epilog="""\b
Examples:
  reassess gold my-study
  reassess gold my-study --draw 40
  reassess gold my-study --unchoose 00000293.jpg --reason "the experts were wrong"
"""
)
@click.argument("study")
@click.option("--choose", multiple=True, metavar="IMAGE", help="Let experts judge IMAGE.")
@click.option(
    "--draw", type=click.IntRange(1), metavar="N", help="Let experts judge N tasks more, at random."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the draw.")
@click.option(
    "--unchoose", multiple=True, metavar="IMAGE", help="Let IMAGE be gold no more, nor judged."
)
@click.option("--reason", default="", help="Reason for --unchoose, for the audit log.")
@click.option("--workers", type=int, help="Threads.  [default: one a core]")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print the progress of gold as JSON.")
def gold(
    study: str,
    choose: tuple[str, ...],
    draw: int | None,
    seed: int,
    unchoose: tuple[str, ...],
    reason: str,
    workers: int | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Choose images of STUDY for experts to judge, or unchoose them; then tell how far gold is.

    What is unchosen measures no rater any more, and is asked as all other images are; what experts
    said about it is kept. A gold file that an export wrote is written again, and labels and report
    made anew where the study has them. A gold file of your own must not name such an image.
    """
    both = set(choose) & set(unchoose)
    if both:
        raise OptionError(
            f"{sorted(both)[0]!r} is to be chosen and unchosen at once. Leave one out."
        )
    with opened(study, database) as (found, store):
        from reassess import rating
        from reassess.site import curation

        done = []
        if choose:
            rating.choose_gold(store, curation.named_in_store(store, choose))
        if draw is not None:
            rating.choose_gold(store, draw, seed=seed)
        if unchoose:
            done.append(curation.unchoose(found, store, unchoose, reason=reason))
        progress = rating.gold_progress(store)
    for one in done:
        tell_written(one)
    if done:
        make_anew(found, done, workers)
    if as_json:
        print_json({
            "n_chosen": progress.n_chosen, "n_gold": progress.n_gold,
            "n_questions": progress.n_questions, "n_present": progress.n_present,
            "n_split": progress.n_split, "judged": progress.judged,
        })  # fmt: skip
        return
    click.echo(
        f"{study}: experts judge {progress.n_chosen:,} tasks, {progress.n_gold:,} of which are "
        f"gold: {progress.n_questions:,} questions, {progress.n_present:,} of them with their "
        f"class in the image, {progress.n_split:,} on which experts differ."
    )
    for name, n_tasks in progress.judged.items():
        click.echo(f"{name}\t{n_tasks:,} tasks judged")
