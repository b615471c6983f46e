"""``reassess add``: models to a study."""

import shlex
from typing import TYPE_CHECKING

import click

from reassess.cli.options import LiteralChoice, RowOrderOption
from reassess.cli.output import progress_bar
from reassess.errors import OptionError
from reassess.records import ScoreType

if TYPE_CHECKING:
    from reassess.files import RowOrder


@click.command(
    epilog="""\b
Examples:
  reassess add pets resnet50=preds.npz vit=logits.npy --scale logit --order imagefolder
  reassess add pets top5preds.npy all_models.npz
  reassess add pets vit=better.npz --replace
"""
)
@click.argument("study")
@click.argument("predictions", nargs=-1, required=True, metavar="NAME=FILE...")
@click.option(
    "--scale",
    type=LiteralChoice(ScoreType),
    help="Type of the scores, where a file does not say. Full logits give both of the paper's "
    "lists, probabilities one.",
)
@click.option(
    "--order",
    type=RowOrderOption(),
    help="Order of the rows of files without ids: by file number, or as in an image folder.",
)
@click.option(
    "--ids",
    metavar="FILE",
    help="File with the image id of each row: one a line, JSON, .npy, or a table.",
)
@click.option(
    "--copy/--no-copy",
    default=None,
    help="Copy the files into the study, or leave them where they are.  [default: copy files "
    "below 100 MB]",
)
@click.option("--replace", is_flag=True, help="Replace models of these names.")
def add(
    study: str,
    predictions: tuple[str, ...],
    scale: ScoreType | None,
    order: "RowOrder | None",
    ids: str | None,
    copy: bool | None,
    replace: bool,
) -> None:
    """Add models to a STUDY by their predictions: any form that `reassess score` reads.

    NAME=FILE names a model; without a name it is called after its file. An archive of several
    models adds them all, FILE#MODEL one of them. Every image of the study must be predicted; rows
    with ids of other images, as of the whole benchmark, are passed over, and counted.
    Files that are not copied must stay where they are; `reassess locate` names a new place.
    """
    from reassess.sources import prediction_sources, split_source
    from reassess.study import add_models, open_study

    if order is not None and ids is not None:
        raise OptionError("--order and --ids must not both be given. Leave one out.")
    opened = open_study(study)
    named = []
    for source in prediction_sources(predictions):
        name, file, chosen = split_source(source)
        named.append((name, file if chosen is None else f"{file}#{chosen}"))
    with progress_bar("Adding") as step:
        changed = add_models(
            opened,
            named,
            scale=scale,
            order=order,
            ids=ids,
            copy=copy,
            replace=replace,
            progress=step,
        )
    added = [one.name for one in changed.models if one not in opened.models]
    n_models = len(changed.models)
    click.echo(
        f"{study}: added {', '.join(added)}; {n_models:,} model{'s' if n_models != 1 else ''}. "
        f"Next: reassess propose {shlex.quote(study)}"
    )
