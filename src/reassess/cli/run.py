"""``reassess run``: what is stale in a study, in order."""

import shlex

import click

from reassess.cli.output import print_json, progress_bar


@click.command(
    epilog="""\b
Examples:
  reassess run pets
  reassess run pets --only-answered
  reassess run pets --json
"""
)
@click.argument("study")
@click.option("--workers", type=int, help="Threads.  [default: one a core]")
@click.option("--only-answered", is_flag=True,
              help="Decide labels without the questions that have no votes yet, such as those of "
              "a new model; stays in study.toml as only_answered under [label].")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def run(study: str, workers: int | None, only_answered: bool, as_json: bool) -> None:
    """Do again what is stale or missing in a STUDY, in the order of its stages.

    With the options that stand in study.toml. What waits for votes is left alone.
    """
    from reassess.study import change_settings, open_study, run_study, stage_status

    opened = open_study(study)
    if only_answered:
        opened = change_settings(opened, "label", {"only_answered": True})
    with progress_bar("Running") as step:
        done = run_study(opened, workers=workers, progress=step)
    if as_json:
        print_json([{"stage": stage, "result": line} for stage, line in done])
        return
    for stage, line in done:
        click.echo(f"{stage}: {line}")
    waiting = [one.stage for one in stage_status(opened) if one.state == "waiting"]
    if waiting:
        click.echo(f"{study}: left alone, as votes are missing: {', '.join(waiting)}.")
        click.echo(f"Next: reassess status {shlex.quote(study)}")
    elif not done:
        click.echo(f"{study}: nothing is stale.")
