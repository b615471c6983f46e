"""``reassess recipes``: which training recipe gives better models, under which labels?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reassess.cli.options import RegistryChoice
from reassess.cli.output import inform, progress_bar
from reassess.cli.outputs import OutputFile
from reassess.cli.training_options import (
    DataOptions,
    cleaning_rules,
    data_options,
    device_option,
    model_option,
    read_images,
    recipe_options,
    warn,
)
from reassess.errors import OptionError

if TYPE_CHECKING:
    from jaxtyping import Int
    from numpy import ndarray

    from reassess.files.model_outputs import OutOfFold
    from reassess.records import LabelSets
    from reassess.training import LabelledImages, Recipe, RecipeGrid


@dataclass(frozen=True)
class _TestFiles:
    """The test images and what judges them, as typed.

    Attributes:
        images: where they are; None for a fifth of the images to learn from.
        labels: their original labels.
        reassessed: their reassessed labels.
        clear: labels of test images on which people agree.
    """

    images: str | None
    labels: str | None
    reassessed: str | None
    clear: str | None


def _finished_runs(output: Path) -> Path:
    """The folder of the predictions of finished models."""
    return output.with_suffix(".runs")


def _folders(output: Path, values: Mapping[str, object]) -> list[Path]:
    del values
    return [_finished_runs(output)]


@click.command(
    epilog="""\b
Examples:
  reassess recipes photos --labels labels.csv -o table.md
  reassess recipes train.parquet --labels noisy.csv --test test.parquet \\
    --test-labels test.csv --test-reassessed labels.json --clear clear.csv -o table.md

\b
A killed run goes on with the next model when the same command is typed again; the
predictions of finished models lie in TABLE.runs/, and can be scored.
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
              help="Folds of the predictions that clean the labels.")  # fmt: skip
@click.option("--fold-epochs", type=click.IntRange(1), metavar="E",
              help="Epochs of the models that make them.  [default: as --long]")  # fmt: skip
@click.option("--rule", type=RegistryChoice(cleaning_rules), default="disagree",
              show_default=True, help="Rule that removes labels.")  # fmt: skip
@model_option
@device_option
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Trainings at a time, each in a "
              "process.  [default: as many as a GPU's memory holds; 1 on a CPU]")  # fmt: skip
@recipe_options("batch_size", "learning_rate", "precision", "seed")
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputFile(".md", ".txt", folders=_folders),
    metavar="FILE",
    help="The table: Markdown.",
)
def recipes(
    source: str,
    data: DataOptions,
    test: str | None,
    test_labels: str | None,
    test_reassessed: str | None,
    clear: str | None,
    short: int,
    long: int,
    seeds: int,
    n_folds: int,
    fold_epochs: int | None,
    rule: str,
    model: str,
    device: str,
    jobs: int | None,
    recipe: "Recipe",
    output: str,
) -> None:
    """Compare training recipes on DATA: baseline, sigmoid loss, clean labels, both; by seeds.

    Each is trained on a short and a long schedule. Clean: images whose out-of-fold prediction
    differs from their label are left out. The test images are judged by their original labels
    and by reassessed ones. DATA may be a study.
    """
    import numpy as np

    from reassess import training
    from reassess.analysis.recipes import recipe_scores
    from reassess.files import read_benchmark
    from reassess.report.recipe_page import recipe_page, write_recipe_page
    from reassess.scoring import original_labels

    training.require_single_process("recipes")
    where = training.resolve_device(device)
    grid = training.RecipeGrid(
        recipe, model, {"short": short, "long": long}, range(recipe.seed, recipe.seed + seeds)
    )
    test_files = _TestFiles(test, test_labels, test_reassessed, clear)
    images, tested, facts = _images_and_test(source, data, test_files, grid)
    folder = _finished_runs(Path(output))

    labels = _single_labels(images)
    fold_recipe = replace(recipe, objective="softmax", epochs=fold_epochs or long)
    with progress_bar("Training") as progress:
        found: OutOfFold = training.out_of_fold(
            images, fold_recipe, model, n_folds=n_folds, folder=folder, device=where,
            jobs=jobs, progress=progress, on_note=_echo, on_warning=warn,
        )  # fmt: skip
    clean_rows = np.flatnonzero(training.clean(found.probabilities, labels, rule).kept)
    _echo(f"{len(clean_rows):,} of {len(images):,} images are kept by cleaning.")
    with progress_bar("Training") as progress:
        runs = training.run_recipes(
            images, clean_rows, tested, grid, folder=folder, device=where, jobs=jobs,
            progress=progress,
            on_note=_echo,
        )  # fmt: skip
    on_clear = None
    if clear is not None:
        on_clear = original_labels(read_benchmark(clear, classes=images.classes))
    scores = {
        name: recipe_scores(runs, judge, clear=on_clear)
        for name, judge in _judges(tested, test_reassessed).items()
    }
    facts.append(
        f"{len(images):,} images to learn from, {images.n_classes:,} classes; cleaning by the rule "
        f"{rule!r} ({n_folds} folds, {fold_recipe.epochs} epochs) keeps {len(clean_rows):,}"
    )
    facts.append(
        f"model {model}; short {short} and long {long} epochs; seeds "
        f"{', '.join(map(str, grid.seeds))}; batches of {recipe.batch_size}, learning rate "
        f"{recipe.learning_rate:g} for 128"
    )
    write_recipe_page(recipe_page(scores, facts, title="Recipes"), output)
    click.echo(f"{len(runs):,} models: {output}")


def _echo(text: str) -> None:
    inform(text)


def _images_and_test(
    source: str, data: DataOptions, test_files: _TestFiles, grid: "RecipeGrid"
) -> "tuple[LabelledImages, LabelledImages, list[str]]":
    """What is learned, what is predicted, and a line on where the latter comes from."""
    import numpy as np

    from reassess import training

    transform = training.transform_for(grid.model, data.side)
    images = read_images(source, data, transform)
    if test_files.images is None:
        if test_files.labels is not None:
            raise OptionError("--test-labels is given, but --test is not. Name the test images.")
        part = training.image_folds(images, images.pixels.digests(), 5, grid.recipe.seed)
        test, rest = (images.take(np.flatnonzero(rows)) for rows in (part == 0, part != 0))
        return rest, test, [f"test: {len(test):,} images of {source}, held out, judged as labelled"]
    test = read_images(test_files.images, replace(data, labels=test_files.labels), transform)
    if test.classes is None and images.classes is not None:
        raise OptionError(
            "the test labels are indices and those of DATA are names, but both must have the same "
            "classes. Name these in their order (--classes FILE)."
        )
    return (
        images,
        training.match_classes(test, images),
        [f"test: {len(test):,} images of {test_files.images}"],
    )


def _single_labels(images: "LabelledImages") -> "Int[ndarray, 'N']":
    if (images.labels.sizes > 1).any():
        n_several = int((images.labels.sizes > 1).sum())
        raise OptionError(
            f"{images.name}: {n_several:,} images have several labels, but cleaning judges one an "
            "image. Give the original labels (--labels FILE)."
        )
    return images.first_label


def _judges(test: "LabelledImages", reassessed: str | None) -> "dict[str, LabelSets]":
    """The labels that judge, by their names in the table."""
    from reassess.files import read_labels

    judges = {"original labels": test.labels}
    if reassessed is not None:
        judges["reassessed labels"] = read_labels(
            reassessed, classes=test.classes, image_ids=test.labels.image_ids
        )
    return judges
