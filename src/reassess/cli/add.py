"""``reassess add``: models to a study."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.options import RowOrderOption, progress, sources_of, split_source
from reassess.errors import FileError, OptionError

if TYPE_CHECKING:
    from reassess.records import Benchmark
    from reassess.study import ModelEntry, Study


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
    type=click.Choice(["logit", "probability"]),
    help="What the scores are, where a file does not say. Full logits give both of the paper's "
    "lists, probabilities one.",
)
@click.option(
    "--order",
    type=RowOrderOption(),
    help="Order of the rows of files without ids: by file number, or as in an image folder.",
)
@click.option("--ids", metavar="FILE", help="The image id of each row: one a line, JSON, .npy.")
@click.option("--replace", "anew", is_flag=True, help="Take the place of models of these names.")
def add(study: str, predictions: tuple[str, ...], anew: bool, **options: str | None) -> None:
    """Add models to a STUDY by their predictions: any form that `reassess score` reads.

    NAME=FILE names a model; without a name it is called after its file. An archive of
    several models adds them all, FILE#MODEL one of them. Files stay where they are; every
    image of the study must be predicted.
    """
    from reassess.study import Hashes, add_models, as_named, benchmark_of, open_study

    opened = open_study(study)
    benchmark = benchmark_of(opened)
    if options["order"] is not None and options["ids"] is not None:
        raise OptionError("--order and --ids must not both be given. Leave one out.")
    rows = dict(options)
    if options["ids"] is not None:
        rows["ids"] = as_named(options["ids"], opened.folder)
    entries: list[ModelEntry] = []
    sources = sources_of(predictions)
    with progress("Checking", len(sources)) as step:
        for source in sources:
            step(source)
            entries += _entries(opened, benchmark, source, rows)
    changed = add_models(opened, entries, replace=anew)
    hashes = Hashes(changed)
    with progress("Hashing", len(entries)) as step:
        for entry in entries:
            step(entry.name)
            hashes.of_model(entry)
    click.echo(
        f"{study}: added {', '.join(one.name for one in entries)}; {len(changed.models):,} models. "
        f"Next: reassess propose {study}"
    )


def _entries(
    study: "Study", benchmark: "Benchmark", source: str, rows: dict[str, Any]
) -> list["ModelEntry"]:
    """The models of a source, each of which was opened once to see that it fits."""
    from reassess.files.arrays import exists
    from reassess.files.prediction_forms import models_of, two_files
    from reassess.study import ModelEntry, as_named, open_model

    name, source, chosen = split_source(source)
    paths = two_files(source) or (Path(source),)
    for path in paths:
        if not exists(path):
            raise FileError(f"{path}: there is no such file. Check the path.")
    place = ":".join(as_named(path, study.folder) for path in paths)
    models = models_of(source, benchmark)
    if chosen is not None or len(models) == 1:
        wanted = [chosen or models[0]]
    elif name is not None:
        raise OptionError(
            f"{source}: it holds {len(models)} models, but NAME=FILE names one. Write "
            f"{name}={source}#MODEL, or leave the name out to add them all."
        )
    else:
        wanted = models
    found = []
    for model in wanted:
        several = len(models) > 1 or chosen is not None
        entry = ModelEntry(
            name or model,
            f"{place}#{model}" if several else place,
            n_classes=benchmark.n_classes,
            **rows,
        )
        open_model(study, entry, benchmark)
        found.append(replace(entry, name=name or model))
    return found
