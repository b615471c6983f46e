"""What a model predicts for encoded images, shard by shard: resumed, and joined to one file.

A shard is a run of images of fixed length, so that threads, a cluster and the jobs of an array
predict in the same batches and write the same bytes. A finished shard is kept with hashes of
all that decides it, the images' content among them. Letters: n images of a shard, K classes.

What a finished shard's file is stands in `reassess.files.finished_shards`.
"""

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reassess.engines import Engine, JobShare, RowShard, cut_rows
from reassess.errors import DataError, OptionError, preview
from reassess.files.access import Array
from reassess.files.array_archives import ArrayBlocks
from reassess.files.finished_shards import FinishedShards, MadeFrom
from reassess.files.images import ImageFiles
from reassess.files.model_outputs import write_outputs
from reassess.files.short_lists import N_CLASSES, short_list_columns, shorten
from reassess.progress import Progress, null_progress
from reassess.training.decoded import DecodedImages
from reassess.training.distributed import resolve_device
from reassess.training.images import load_pixels
from reassess.training.prediction import BATCH, predict_logits
from reassess.training.trained_model import TrainedModel

SHARD_IMAGES = 2048
"""Images of a shard, which is lost at most when work is interrupted; at 224 pixels 0.3 GB."""

ROW = "row"
"""The array of a shard's file that says which of its images were predicted."""


@dataclass(frozen=True, slots=True)
class ImagePredictor:
    """A model, and how it predicts images: what a worker needs once.

    Attributes:
        model: with its weights.
        device: where; the CPU by default.
        half: activations in bfloat16.
        batch_size: images at once; batches end where a shard does.
        skip_unreadable: leave out images that cannot be decoded.
        keep: how many classes of an image to keep (`reassess.files.short_lists`); None for the
            logits of all.

    Raises:
        OptionError: there is no class to keep.
    """

    model: TrainedModel
    device: torch.device | None = None
    half: bool = False
    batch_size: int = BATCH
    skip_unreadable: bool = False
    keep: int | None = None

    def __post_init__(self) -> None:
        if self.keep is not None and self.keep < 1:
            raise OptionError(f"keep is {self.keep}, but must be 1 or more.")

    @property
    def columns(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """What is predicted of an image: names of arrays, each with its type and shape."""
        n_classes = self.model.n_classes
        if self.keep is None:
            return {"logits": ("float32", (n_classes,))}
        return short_list_columns(n_classes, self.keep)

    def decided_by(self) -> dict[str, str | int | None]:
        """What decides the outputs beside the images, hashed where it is long."""
        model = self.model
        squares = [asdict(model.transform), model.mean, model.std]
        names = None if model.classes is None else [model.classes.ids, model.classes.names]
        return {
            "weights": _hash_of_weights(model),
            "classes": _hash(json.dumps([model.n_classes, names]).encode()),
            "transform": json.dumps(squares),
            "precision": "bfloat16" if self.half else "float32",
            "batch size": self.batch_size,
            "kept classes": self.keep,
        }

    def predict(
        self,
        files: ImageFiles,
        kept: DecodedImages | None = None,
        progress: Progress = null_progress,
    ) -> dict[str, Array]:
        """A shard's arrays: ``row`` of the images that were predicted, and their `columns`.

        Args:
            files: the images of the shard.
            kept: where decoded images are kept; None for the user's cache folder.
            progress: shown how many images are done.

        Raises:
            DataError: images cannot be decoded, with their names.
            DivergedError: the outputs are no numbers.
        """
        try:
            pixels, row, _ = load_pixels(
                files, self.model.transform, skip_unreadable=self.skip_unreadable, kept=kept
            )
        except DataError:
            if not self.skip_unreadable:
                raise
            empty = {
                name: np.empty((0, *shape), dtype) for name, (dtype, shape) in self.columns.items()
            }
            return {ROW: np.empty(0, np.int64), **empty}
        logits = predict_logits(
            self.model, pixels, device=self.device, half=self.half, batch_size=self.batch_size,
            progress=progress,
        )  # fmt: skip
        found = {"logits": logits} if self.keep is None else shorten(logits, self.keep)
        return {ROW: row, **found}


@dataclass(frozen=True, slots=True)
class EncodedShard:
    """The encoded images of a shard, as they travel to a worker.

    Attributes:
        shard: which.
        files: its images, in memory.
    """

    shard: RowShard
    files: ImageFiles

    def __str__(self) -> str:
        return f"images {self.shard.start:,} to {self.shard.stop - 1:,}"


@dataclass(frozen=True, slots=True)
class ShardPredictor:
    """Predicts shards on whatever device the worker has.

    Attributes:
        predictor: the model and how it predicts.
        device: as `resolve_device` takes it.
    """

    predictor: ImagePredictor
    device: str

    def __call__(self, encoded: EncodedShard) -> dict[str, Array]:
        """A shard's arrays; nothing is kept on the worker."""
        on_device = replace(self.predictor, device=resolve_device(self.device))
        return on_device.predict(encoded.files, DecodedImages(None))


@dataclass(frozen=True)
class PredictionJob:
    """All images that a model is to predict, cut into shards that are kept in a folder.

    Attributes:
        predictor: the model and how it predicts.
        files: the images, by the ids that are written.
        folder: where finished shards are kept.
    """

    predictor: ImagePredictor
    files: ImageFiles
    folder: str | PathLike[str]
    _known: dict[int, MadeFrom] = field(default_factory=dict, init=False, repr=False)

    @property
    def shards(self) -> tuple[RowShard, ...]:
        """The shards, cut by the number of images alone."""
        return cut_rows(len(self.files), SHARD_IMAGES)

    @property
    def finished(self) -> FinishedShards:
        """Where finished shards lie."""
        return FinishedShards(Path(self.folder), len(self.shards))

    @cached_property
    def _decided_by(self) -> dict[str, str | int | None]:
        return self.predictor.decided_by()

    @property
    def _kept(self) -> DecodedImages | None:
        """Where decoded images are kept: nowhere if all of them together would not fit there."""
        side, kept = self.predictor.model.transform.side, DecodedImages.default()
        fits = len(self.files) * side**2 * 3 <= kept.most_bytes
        return kept if fits else DecodedImages(None)

    def images_of(self, shard: RowShard) -> ImageFiles:
        """The images of a shard."""
        return self.files.take(np.arange(shard.start, shard.stop))

    def made_from(self, shard: RowShard) -> MadeFrom:
        """What decides a shard; reads its images, unless this job predicted them.

        Raises:
            FileError: an image cannot be read.
        """
        if shard.number not in self._known:
            files = self.images_of(shard)
            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                hashes = list(pool.map(lambda row: _hash(files.read(row)), range(len(files))))
            self._known[shard.number] = self._decided_by | {
                "images": _hash_of_images(files, hashes)
            }
        return self._known[shard.number]

    def predict_shard(
        self, shard: RowShard, progress: Progress = null_progress
    ) -> dict[str, Array] | None:
        """Predict a shard and keep it; None where it was done before.

        Raises:
            DataError: images cannot be decoded, with their names.
            DivergedError: the outputs are no numbers.
            FileError: an image cannot be read, or the shard's file not be written.
        """
        finished = self.finished
        is_there = finished.path(shard.number).is_file()
        if is_there and finished.read(shard.number, self.made_from(shard)) is not None:
            return None
        files, hashes = self.images_of(shard), {}

        def read(row: int) -> bytes:
            content = files.read(row)
            hashes[row] = _hash(content)
            return content

        arrays = self.predictor.predict(replace(files, read=read), self._kept, progress)
        in_order = [hashes[row] for row in range(len(files))]
        self._known[shard.number] = self._decided_by | {"images": _hash_of_images(files, in_order)}
        finished.write(shard.number, self._known[shard.number], arrays)
        return arrays

    def run(self, share: JobShare | None = None, progress: Progress = null_progress) -> int:
        """Predict all shards, or those of one job of an array; how many were done before.

        Raises:
            DataError: images cannot be decoded, with their names.
            DivergedError: the outputs are no numbers.
            FileError: an image cannot be read, or a shard's file not be written.
        """
        mine = self.shards if share is None else share.of(self.shards)
        n_images, n_done, n_before = sum(map(len, mine)), 0, 0
        for shard in mine:

            def show(what: str, *, done: int | None = None, total: int | None = None) -> None:
                del total
                progress(what, done=n_done + (done or 0), total=n_images)  # noqa: B023

            n_before += self.predict_shard(shard, show) is None
            n_done += len(shard)
            progress("", done=n_done, total=n_images)
        return n_before

    def run_on(
        self,
        engine: Engine,
        device: str,
        share: JobShare | None = None,
        progress: Progress = null_progress,
    ) -> int:
        """As `run`, with the shards on an engine's workers; how many were done before.

        This process reads the images and writes what workers find, so that no other needs the
        folders; workers have the model loaded once.

        Args:
            engine: where shards run; it must take them one by one, as a cluster does.
            device: of the workers: ``auto``, ``cpu`` or ``cuda``.
            share: which job of an array; None for all shards.
            progress: shown how many images are done.

        Raises:
            ReassessError: as `run` does, with a note that names the shard.
        """
        mine = self.shards if share is None else share.of(self.shards)
        under_way: deque[RowShard] = deque()
        n_images, n_done, n_before = sum(map(len, mine)), 0, 0

        def missing() -> Iterator[EncodedShard]:
            nonlocal n_done, n_before
            for shard in mine:
                encoded = self._encoded(shard)
                if self.finished.read(shard.number, self._known[shard.number]) is None:
                    under_way.append(shard)
                    yield encoded
                else:
                    n_before += 1
                    n_done += len(shard)

        for arrays in engine.map(ShardPredictor(self.predictor, device), missing()):
            shard = under_way.popleft()
            self.finished.write(shard.number, self._known[shard.number], arrays)
            n_done += len(shard)
            progress("", done=n_done, total=n_images)
        return n_before

    def _encoded(self, shard: RowShard) -> EncodedShard:
        """The images of a shard in memory; what decides it is known from then on."""
        files = self.images_of(shard)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            content = list(pool.map(files.read, range(len(files))))
        images = _hash_of_images(files, [_hash(one) for one in content])
        self._known[shard.number] = self._decided_by | {"images": images}
        return EncodedShard(shard, replace(files, read=content.__getitem__))

    def forget(self, share: JobShare | None = None) -> None:
        """Remove the finished shards, or those of one job of an array."""
        for shard in self.shards if share is None else share.of(self.shards):
            self.finished.path(shard.number).unlink(missing_ok=True)

    def join(self, path: str | PathLike[str]) -> "JoinedPredictions":
        """Write what all shards hold as one file, in the order of the images.

        Raises:
            FileError: a shard is missing or was made from something else, with its name; or the
                file cannot be written.
            DataError: no image could be decoded.
        """
        made_from = [self.made_from(shard) for shard in self.shards]

        def shards(*names: str) -> Iterator[Mapping[str, Array]]:
            for shard in self.shards:
                found = self.finished.require(shard.number, made_from[shard.number])
                yield {ROW: found[ROW] + shard.start} | {name: found[name] for name in names}

        row = np.concatenate([one[ROW] for one in shards()])
        if not len(row):
            raise DataError(
                f"{self.files.source}: none of {len(self.files):,} images can be decoded, but at "
                "least one must be. Check the files."
            )
        arrays: dict[str, Array | ArrayBlocks] = {
            name: ArrayBlocks(np.dtype(dtype), (len(row), *shape), partial(_blocks, shards, name))
            for name, (dtype, shape) in self.predictor.columns.items()
        }
        arrays["ids"] = self.files.image_ids[row]
        if self.predictor.keep is not None:
            arrays[N_CLASSES] = np.array(self.predictor.model.n_classes)
        write_outputs(path, self.predictor.model.classes, arrays)
        broken = np.delete(self.files.image_ids, row)
        return JoinedPredictions(len(row), broken)


@dataclass(frozen=True, slots=True)
class JoinedPredictions:
    """What was joined.

    Attributes:
        n_images: images that were predicted.
        unreadable: ids of those that could not be decoded.
    """

    n_images: int
    unreadable: Any

    @property
    def note(self) -> str | None:
        """A sentence that names the images that were left out; None where all were predicted."""
        n_broken = len(self.unreadable)
        if not n_broken:
            return None
        return (
            f"{n_broken:,} of {self.n_images + n_broken:,} images cannot be decoded: "
            f"{preview(self.unreadable, 20)}"
        )


def _blocks(shards: Callable[[str], Iterator[Mapping[str, Array]]], name: str) -> Iterator[Array]:
    return (one[name] for one in shards(name))


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _hash_of_images(files: ImageFiles, hashes: list[str]) -> str:
    return _hash(json.dumps([files.image_ids.tolist(), hashes]).encode())


def _hash_of_weights(model: TrainedModel) -> str:
    found = hashlib.blake2b(model.name.encode(), digest_size=16)
    for name, tensor in sorted(model.module.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        found.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
        found.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
