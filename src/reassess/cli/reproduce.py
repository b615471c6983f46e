"""``reassess reproduce``: the paper's statements, computed again."""

import dataclasses

import click

from reassess.cli.options import WordChoice, console, print_json, progress


@click.command(
    epilog="""\b
Examples:
  reassess reproduce imagenet
  reassess reproduce imagenet --json
"""
)
@click.argument("study", type=WordChoice(["imagenet"]))
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def reproduce(study: str, as_json: bool) -> None:
    """Compute every statement of a paper that public files can check.

    For STUDY 'imagenet' it is "Are we done with ImageNet?": the published value, ours, the
    tolerance and why, and whether it holds. What cannot be checked is listed with the reason.
    """
    del study
    from reassess.reproduce import reproduce_imagenet

    with progress("Reproducing", None) as step:
        statements = reproduce_imagenet(progress=step)
    if as_json:
        print_json([dataclasses.asdict(statement) for statement in statements])
        return

    from reassess.report.terminal import statements_table

    console().print(statements_table(statements))
