"""``reassess remove``: models out of a study."""

import click


@click.command(
    epilog="""\b
Examples:
  reassess remove pets vit-tiny
  reassess remove pets vit-tiny resnet18
"""
)
@click.argument("study")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
def remove(study: str, models: tuple[str, ...]) -> None:
    """Remove models from a STUDY, and the copies of their files.

    What was asked and answered stays. People are removed by reassess erase.
    """
    from reassess.study import open_study, remove_models

    changed = remove_models(open_study(study), models)
    n_models = len(changed.models)
    click.echo(
        f"{study}: removed {', '.join(dict.fromkeys(models))}; {n_models:,} "
        f"model{'s' if n_models != 1 else ''}. See what is stale: reassess status {study}"
    )
