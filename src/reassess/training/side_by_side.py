"""Several trainings on parts of the same images, as many at a time as the device has room for.

Each is a process of its own: what a model draws, as dropout does, comes from one generator a
process, so that a training gives the same weights whatever runs beside it. The processes map the
images from one file. A GPU's memory decides how many there are: the first training runs alone and
its peak is measured. On a CPU one training uses all cores, and there is one unless more are asked
for; they share the cores then.

Who trains what, and where the outputs go, is for `reassess.training.folds` and
`reassess.training.recipe_grid`. Letters: N images, K classes.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from reassess.errors import OptionError, ReassessError
from reassess.progress import Progress, null_progress, prefix_progress
from reassess.training.data import LabelledImages
from reassess.training.images import InMemoryImages, Pixels
from reassess.training.prediction import predict_held_out
from reassess.training.recipe import Recipe

_MOST = 8
"""Trainings at a time on one device, unless more are asked for."""

_CONTEXT_BYTES = 2**30
"""What a process takes of a GPU before it trains: PyTorch's kernels and libraries."""


@dataclass(frozen=True)
class Training:
    """One training, and what its model predicts.

    Attributes:
        name: as progress calls it.
        recipe: how to train.
        rows: of the images to learn.
        held_out: rows of the images to predict; None for the test images.
    """

    name: str
    recipe: Recipe
    rows: Int[np.ndarray, "n"]
    held_out: Int[np.ndarray, "m"] | None = None


@dataclass(frozen=True)
class Trainer:
    """What the trainings share.

    Attributes:
        images: of which each learns a part.
        test: pixels of the test images; None where each predicts images that it holds out.
        model: the name of every model.
        device: where.
    """

    images: LabelledImages
    test: Pixels | None
    model: str
    device: torch.device

    def logits(self, one: Training, progress: Progress = null_progress) -> Float[np.ndarray, "m K"]:
        """What a training's model predicts; it is handed copies of what it may see, and no more."""
        held = self.test if one.held_out is None else self.images.pixels.take(one.held_out)
        assert held is not None  # noqa: S101 -- a training without a test holds images out
        return predict_held_out(
            self.images.take(one.rows), held, one.recipe, self.model, device=self.device,
            progress=progress,
        )  # fmt: skip

    def run(
        self, trainings: Sequence[Training], jobs: int | None, progress: Progress
    ) -> Iterator[tuple[int, Float[np.ndarray, "m K"]]]:
        """The place of each training and its logits, as they end.

        Args:
            trainings: what is to be done.
            jobs: how many at a time; None for as many as the device has room for.
            progress: shown the steps where one runs at a time, else how many are done.

        Raises:
            OptionError: several are asked for, and the images are not in memory.
            ReassessError: a process ended before its training.
        """
        can = isinstance(self.images.pixels, InMemoryImages)
        if jobs is not None and jobs > 1 and not can:
            raise OptionError(
                f"--jobs is {jobs}, but must be 1 where images are decoded on the way: they do not "
                "fit into memory. Leave --jobs out."
            )
        first = 0
        if jobs is None and can and self.device.type == "cuda" and len(trainings) > 1:
            torch.cuda.reset_peak_memory_stats(self.device)
            yield 0, self.logits(trainings[0], prefix_progress(progress, trainings[0].name))
            first, jobs = 1, self._room()
        left = trainings[first:]
        jobs = min(jobs or 1, len(left))
        if jobs > 1:
            yield from self._in_processes(trainings, first, jobs, progress)
            return
        for place, one in enumerate(left, start=first):
            yield place, self.logits(one, prefix_progress(progress, one.name))

    def _room(self) -> int:
        """How many trainings as large as the largest so far fit into the device's memory."""
        peak = torch.cuda.max_memory_reserved(self.device) + _CONTEXT_BYTES
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info(self.device)
        return max(1, min(_MOST, os.cpu_count() or 1, int(0.9 * free) // peak))

    def _in_processes(
        self, trainings: Sequence[Training], first: int, jobs: int, progress: Progress
    ) -> Iterator[tuple[int, Float[np.ndarray, "m K"]]]:
        threads = max(1, torch.get_num_threads() // jobs)
        with tempfile.TemporaryDirectory(prefix="reassess-") as folder:
            kept = _keep(self, Path(folder))
            with ProcessPoolExecutor(jobs, _processes(), _begin, (kept, folder, threads)) as pool:
                running = {
                    pool.submit(_train, one): place
                    for place, one in enumerate(trainings[first:], start=first)
                }
                try:
                    for done, future in enumerate(as_completed(running), start=first + 1):
                        yield running[future], future.result()
                        progress(f"{jobs} at a time", done=done, total=len(trainings))
                except BrokenProcessPool as error:
                    raise ReassessError(
                        f"one of {jobs} trainings side by side ended before its time, as it does "
                        "where memory runs out. Type the command again, with fewer at a time "
                        "(--jobs); what is finished is kept."
                    ) from error
                finally:
                    pool.shutdown(cancel_futures=True)


def _processes() -> BaseContext:
    """How processes begin: forked from one that has imported PyTorch, where there are forks.

    Never from this one, whose threads and GPU a fork does not survive.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["reassess.training.side_by_side"])
    return context


_FILES = ("images.npy", "test.npy")
_TRAINER: list[Trainer] = []
"""In a process that trains: what all its trainings share."""


def _keep(trainer: Trainer, folder: Path) -> Trainer:
    """The trainer without its pixels, which are written to files that all processes map."""
    for name, pixels in zip(_FILES, (trainer.images.pixels, trainer.test), strict=True):
        if isinstance(pixels, InMemoryImages):
            np.save(folder / name, pixels.pixels.cpu().numpy(), allow_pickle=False)
    nothing = InMemoryImages(torch.empty((0, 1, 1, 3), dtype=torch.uint8))
    return replace(trainer, images=replace(trainer.images, pixels=nothing), test=None)


def _begin(kept: Trainer, folder: str, threads: int) -> None:
    """In a new process: map the pixels, and take a share of the cores."""
    torch.set_num_threads(threads)
    images, test = (Path(folder) / name for name in _FILES)
    pixels = InMemoryImages(torch.from_numpy(np.load(images, mmap_mode="c")))
    found = replace(kept, images=replace(kept.images, pixels=pixels))
    if test.is_file():
        held = torch.from_numpy(np.load(test, mmap_mode="c"))
        found = replace(found, test=InMemoryImages(held))
    _TRAINER[:] = [found]


def _train(one: Training) -> Float[np.ndarray, "m K"]:
    return _TRAINER[0].logits(one)
