"""The paper's grid of recipes: baseline, sigmoid, clean labels, both, by schedule and seed.

Every run is one model from fresh weights. Its outputs for the test images are a file that
appears last and by rename, under a name that is the hash of all that decides it, so that a
grid that was interrupted goes on with the next run.

Does not judge the runs: `reassess.analysis.recipes` does.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from reassess.errors import FileError, OptionError
from reassess.files.access import read_npz
from reassess.files.model_outputs import write_logits
from reassess.progress import Progress, null_progress
from reassess.records import Predictions
from reassess.records.recipes import RecipeRun, Schedule, Variant
from reassess.training.data import LabelledImages, Note, ignore_note
from reassess.training.recipe import Recipe
from reassess.training.side_by_side import Trainer, Training

_VARIANTS: dict[Variant, tuple[str, bool]] = {
    "baseline": ("softmax", False),
    "+ sigmoid": ("sigmoid", False),
    "+ clean": ("softmax", True),
    "+ both": ("sigmoid", True),
}
"""The objective of each variant, and whether it learns from cleaned labels."""

_TOP_K = 5
"""Ranked classes of each test image that are kept of a run."""


@dataclass(frozen=True)
class RecipeGrid:
    """Which runs there are.

    Attributes:
        recipe: of the baseline; objective, epochs and seed are the run's.
        model: the name of every run's model.
        epochs: of each schedule.
        seeds: one run each.

    Raises:
        OptionError: the long schedule is shorter than the short one, or there is no seed.
    """

    recipe: Recipe
    model: str
    epochs: Mapping[Schedule, int]
    seeds: Sequence[int]

    def __post_init__(self) -> None:
        if self.epochs["long"] < self.epochs["short"]:
            raise OptionError(
                f"--long is {self.epochs['long']}, but must be at least --short, which is "
                f"{self.epochs['short']}."
            )
        if not self.seeds:
            raise OptionError("the number of seeds is 0, but must be at least 1.")

    def __len__(self) -> int:
        return len(_VARIANTS) * len(self.epochs) * len(self.seeds)

    def __iter__(self) -> Iterator[tuple[Variant, Schedule, Recipe]]:
        """All variants of a seed and schedule before the next, so that what is done compares."""
        for seed in self.seeds:
            for schedule, epochs in self.epochs.items():
                for variant, (objective, _) in _VARIANTS.items():
                    recipe = replace(self.recipe, objective=objective, epochs=epochs, seed=seed)
                    yield variant, schedule, recipe


def run_recipes(
    images: LabelledImages,
    clean_rows: Int[np.ndarray, "n"],
    test: LabelledImages,
    grid: RecipeGrid,
    *,
    folder: str | PathLike[str],
    device: torch.device | None = None,
    jobs: int | None = 1,
    progress: Progress = null_progress,
    on_note: Note = ignore_note,
) -> list[RecipeRun]:
    """Every run of the grid, trained or found done.

    Args:
        images: what the recipes without cleaning learn.
        clean_rows: rows of the images that the others learn.
        test: the images to predict; their labels are not looked at.
        grid: which runs.
        folder: where their outputs for the test images are kept.
        device: where; the CPU by default.
        jobs: trainings at a time, each in a process; None for as many as the device has room for.
        progress: shown each step.
        on_note: gets a sentence on each finished run.

    Raises:
        DataError: nothing is kept.
        DivergedError: a loss is not a number.
        FileError: a file cannot be written.
    """
    parts = {False: np.arange(len(images)), True: clean_rows}
    shown = {is_cleaned: images.take(rows) for is_cleaned, rows in parts.items()}
    names, paths, done, trainings, places = [], [], [], [], []
    for place, (variant, schedule, recipe) in enumerate(grid):
        is_cleaned = _VARIANTS[variant][1]
        key = _key(shown[is_cleaned], test, recipe, grid)
        names.append(f"{variant}, {schedule}, seed {recipe.seed}")
        paths.append(Path(folder) / f"{_file_name(variant, schedule, recipe)}-{key}")
        done.append(_finished(paths[-1], len(test), images.n_classes))
        number = f"{place + 1} of {len(grid)}"
        if done[-1] is None:
            trainings.append(Training(f"model {number}", recipe, parts[is_cleaned]))
            places.append(place)
        else:
            on_note(f"{number}: {names[-1]}, was done before")
    trainer = Trainer(images, test.pixels, grid.model, device or torch.device("cpu"))
    for one, logits in trainer.run(trainings, jobs, progress):
        place = places[one]
        write_logits(test.labels.image_ids, logits, images.classes, paths[place])
        on_note(f"{place + 1} of {len(grid)}: {names[place]}")
        done[place] = logits
    found = []
    for (variant, schedule, recipe), name, outputs in zip(grid, names, done, strict=True):
        assert outputs is not None  # noqa: S101 -- all are done; this tells mypy
        top = np.argsort(-outputs, axis=1, kind="stable")[:, :_TOP_K]
        predictions = Predictions(name, test.labels.image_ids, top, n_classes=images.n_classes)
        n_images = len(shown[_VARIANTS[variant][1]])
        found.append(
            RecipeRun(variant, schedule, recipe.epochs, recipe.seed, n_images, predictions)
        )
    return found


def _file_name(variant: Variant, schedule: Schedule, recipe: Recipe) -> str:
    return f"{variant.removeprefix('+ ')}-{schedule}-{recipe.seed}"


def _key(images: LabelledImages, test: LabelledImages, recipe: Recipe, grid: RecipeGrid) -> str:
    """The end of a run's file name: a hash of all that decides its content."""
    about = {"recipe": recipe.record(), "model": grid.model}
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    key.update(images.digest().encode())
    key.update(test.digest().encode())
    return f"{key.hexdigest()[:16]}.npz"


def _finished(path: Path, n_rows: int, n_classes: int) -> Float[np.ndarray, "n K"] | None:
    """The outputs in a run's file; None where there is none, or none that fits."""
    if not path.is_file():
        return None
    try:
        found = read_npz(path, ["logits"])["logits"]
    except FileError:
        return None
    return found if found.shape == (n_rows, n_classes) else None
