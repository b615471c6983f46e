"""``reassess recipes``: which recipe trains better models, under which labels?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reassess.cli.training_options import (
    data_options,
    learning_options,
    read_images,
    recipe_of,
    steps,
)
from reassess.errors import OptionError

if TYPE_CHECKING:
    from reassess.records import LabelSets
    from reassess.records.runs import RecipeRun
    from reassess.training import Grid, LabelledImages


@click.command(
    epilog="""\b
Examples:
  reassess recipes photos --labels labels.csv -o table.md
  reassess recipes train.parquet --labels noisy.csv --test test.parquet \\
    --test-labels test.csv --test-reassessed labels.json --clear clear.csv -o table.md

\b
A killed run goes on with the next model when the same command is typed again; what finished
models say of the test images lies in TABLE.runs/, and can be scored.
"""
)
@click.argument("source", metavar="DATA")
@data_options
@click.option("--test", metavar="DATA", help="The test images.  [default: a fifth of DATA, held "
              "out]")  # fmt: skip
@click.option("--test-labels", metavar="FILE",
              help="Their original labels: a table image,label.")  # fmt: skip
@click.option("--test-reassessed", metavar="FILE", help="Their reassessed labels.")
@click.option("--clear", metavar="FILE", help="A table image,label of test images on whose label "
              "people agree: mistakes on them are counted.")  # fmt: skip
@click.option("--short", type=click.IntRange(1), default=10, show_default=True, metavar="E",
              help="Epochs of the short schedule.")  # fmt: skip
@click.option("--long", type=click.IntRange(1), default=40, show_default=True, metavar="E",
              help="Epochs of the long schedule.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, metavar="N",
              help="Runs of each recipe.")  # fmt: skip
@click.option("--folds", "n_folds", type=int, default=10, show_default=True, metavar="N",
              help="Of the predictions that clean the labels.")  # fmt: skip
@click.option("--fold-epochs", type=click.IntRange(1), metavar="E",
              help="Epochs of the models that make them.  [default: as --long]")  # fmt: skip
@click.option("--rule", type=click.Choice(["disagree", "confident"]), default="disagree",
              show_default=True, help="Which labels are not trusted.")  # fmt: skip
@learning_options(epochs=None)
@click.option("-o", "--output", required=True, metavar="FILE", help="The table: Markdown.")
def recipes(source: str, output: str, **options: Any) -> None:
    """Compare recipes on DATA: baseline, sigmoid, clean labels, both; short and long; by seeds.

    Clean: images whose out-of-fold prediction differs from their label are left out. The test
    images are judged by their original labels and by reassessed ones. DATA may be a study.
    """
    import numpy as np

    from reassess.analysis.recipes import recipe_scores
    from reassess.files import read_benchmark
    from reassess.records.runs import Schedule
    from reassess.report.recipe_table import recipe_page, write_recipe_page
    from reassess.scoring import original_labels
    from reassess.training import Grid, clean, device_of, refuse_launcher, run_recipes

    refuse_launcher("recipes")
    device = device_of(options["device"])
    epochs: dict[Schedule, int] = {"short": options["short"], "long": options["long"]}
    base = recipe_of(options)
    seeds = range(base.seed, base.seed + options["seeds"])
    grid = Grid(base, options["model"], epochs, seeds)
    images, test, facts = _images_and_test(source, options)
    folder = Path(output).with_suffix(".runs")

    probabilities = _out_of_fold(images, grid, folder, device, options)
    kept = np.flatnonzero(clean(probabilities, _single_labels(images), options["rule"]).kept)
    click.echo(f"{len(kept):,} of {len(images):,} images are kept by cleaning.", err=True)

    def on_run(run: "RecipeRun", done: int, total: int, was_there: bool) -> None:
        how = ", was done before" if was_there else ""
        click.echo(f"{done} of {total}: {run.predictions.model}{how}", err=True)

    with steps("Training") as on_step:
        runs = run_recipes(
            images, kept, test, grid, folder=folder, device=device, on_run=on_run, on_step=on_step
        )
    clear = None
    if options["clear"] is not None:
        clear = original_labels(read_benchmark(options["clear"], classes=images.classes))
    scores = {
        name: recipe_scores(runs, labels, clear=clear)
        for name, labels in _judges(test, options).items()
    }
    facts += _facts(images, len(kept), grid, options)
    write_recipe_page(recipe_page(scores, facts, title="Recipes"), output)
    click.echo(f"{len(runs):,} models: {output}")


def _images_and_test(
    source: str, options: dict[str, Any]
) -> "tuple[LabelledImages, LabelledImages, list[str]]":
    """What is learned, what is predicted, and a line on where the latter comes from."""
    import numpy as np

    from reassess.training import folds_of, form_of, of_the_classes

    form = form_of(options["model"], options["side"])
    images = read_images(source, options, form)
    if options["test"] is None:
        if options["test_labels"] is not None:
            raise OptionError("--test-labels is given, but --test is not. Name the test images.")
        part = folds_of(images, images.pixels.digests(), 5, options["seed"])
        test, rest = (images.take(np.flatnonzero(rows)) for rows in (part == 0, part != 0))
        return rest, test, [f"test: {len(test):,} images of {source}, held out, judged as labelled"]
    known = options | {"labels": options["test_labels"], "classes": options["classes"]}
    test = read_images(options["test"], known, form)
    if test.classes is None and images.classes is not None:
        raise OptionError(
            "the test labels are indices and those of DATA are names, but both must have the same "
            "classes. Name these in their order (--classes FILE)."
        )
    return (
        images,
        of_the_classes(test, images),
        [f"test: {len(test):,} images of {options['test']}"],
    )


def _out_of_fold(
    images: "LabelledImages", grid: "Grid", folder: Path, device: Any, options: dict[str, Any]
) -> Any:
    """Probabilities of each class by models that did not see the image."""
    from dataclasses import replace

    from reassess.training import out_of_fold

    epochs = options["fold_epochs"] or grid.epochs["long"]
    recipe = replace(grid.recipe, objective="softmax", epochs=epochs)

    def on_fold(done: int, total: int, was_there: bool) -> None:
        how = ", was done before" if was_there else ""
        click.echo(f"fold {done} of {total}{how}", err=True)

    with steps("Fold") as on_step:
        found = out_of_fold(
            images, recipe, grid.model, n_folds=options["n_folds"], folder=folder, device=device,
            on_note=lambda text: click.echo(f"Warning: {text}.", err=True), on_fold=on_fold,
            on_step=on_step,
        )  # fmt: skip
    return found.probabilities


def _facts(
    images: "LabelledImages", n_kept: int, grid: "Grid", options: dict[str, Any]
) -> list[str]:
    """What was run, a line each."""
    epochs, recipe = grid.epochs, grid.recipe
    n_fold_epochs = options["fold_epochs"] or epochs["long"]
    data = (
        f"{len(images):,} images to learn from, {images.n_classes:,} classes; cleaning by the rule "
        f"{options['rule']!r} ({options['n_folds']} folds, {n_fold_epochs} epochs) keeps {n_kept:,}"
    )
    learning = (
        f"model {grid.model}; short {epochs['short']} and long {epochs['long']} epochs; seeds "
        f"{', '.join(map(str, grid.seeds))}; batches of {recipe.batch_size}, learning rate "
        f"{recipe.learning_rate:g} for 128"
    )
    return [data, learning]


def _single_labels(images: "LabelledImages") -> Any:
    if (images.labels.sizes > 1).any():
        n_several = int((images.labels.sizes > 1).sum())
        raise OptionError(
            f"{images.name}: {n_several:,} images have several labels, but cleaning judges one an "
            "image. Give the original labels (--labels FILE)."
        )
    return images.first_label


def _judges(test: "LabelledImages", options: dict[str, Any]) -> "dict[str, LabelSets]":
    """The labels that judge, by their names in the table."""
    from reassess.files import read_labels

    judges = {"original labels": test.labels}
    if options["test_reassessed"] is not None:
        judges["reassessed labels"] = read_labels(
            options["test_reassessed"], classes=test.classes, image_ids=test.labels.image_ids
        )
    return judges
