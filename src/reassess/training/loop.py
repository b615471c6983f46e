"""The training loop, from the first line to the last. READ THIS FILE to know what training does.

One step (`reassess.training.step`): images of the batch, shifted and flipped; logits; the
objective's loss; gradients, clipped; SGD with Nesterov momentum; a learning rate that rises, then
falls along a cosine. Everything random in step s is drawn from (seed, s), so that a run that was
interrupted and resumed ends with the same weights, bit for bit, on a CPU.

Images that lie on a GPU are chosen there, and the step is a CUDA graph (`ResidentStep`); else each
batch is handed to the step, which runs operation by operation.

Does not choose data (`reassess.training.data`), build models (`reassess.training.models`) or
judge what was learned (`reassess.training.prediction`, `reassess.scoring`).
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from reassess.errors import DataError, DivergedError, FileError, OptionError
from reassess.progress import Progress, null_progress
from reassess.training.batches import PHOTO, Start, Targets, epoch_order, model_seeds
from reassess.training.checkpoints import (
    add_prefix,
    load_momentum_state,
    momentum_state,
    read_weights,
    strip_prefix,
    write_weights,
)
from reassess.training.data import LabelledImages, Note, ignore_note
from reassess.training.distributed import SINGLE_PROCESS, DistributedContext
from reassess.training.draws import bits_at, stream_key
from reassess.training.images import InMemoryImages, StreamedImages
from reassess.training.metrics import Metrics, StepMetrics
from reassess.training.models import compile_model, to_device
from reassess.training.recipe import CheckpointConfig, Recipe, StepConfig
from reassess.training.step import WINDOW, ResidentStep, Schedule, TrainStep


def train(
    model: nn.Module,
    images: LabelledImages,
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    checkpoints: CheckpointConfig | None = None,
    distributed: DistributedContext = SINGLE_PROCESS,
    step: StepConfig | None = None,
    start: Start | None = None,
    progress: Progress = null_progress,
    on_note: Note = ignore_note,
) -> nn.Module:
    """The model with trained weights: itself, or the running mean of it where that was kept.

    Args:
        model: with fresh or pretrained weights, changed in place.
        images: what to learn.
        recipe: how.
        device: where; the CPU by default.
        checkpoints: where the state and the metrics are kept.
        distributed: the processes of a distributed run, each with a share of every batch.
        step: how a step runs; as a CUDA graph where it can by default.
        start: what the model is before; fresh by default.
        progress: shown each step, with the loss.
        on_note: gets a sentence on whether the run is resumed, where there is a checkpoint or one
            is demanded.

    Raises:
        DivergedError: the loss or a weight is not a number; the last good checkpoint is named.
        DataError: there are fewer images than processes.
        OptionError: a graph is demanded where there cannot be one, or parts of photos are to be
            cut out of images that are squares already.
        FileError: a checkpoint cannot be written, or does not fit the run.
    """
    device = device or torch.device("cpu")
    checkpoints = checkpoints or CheckpointConfig()
    run = _Run(
        model,
        images,
        recipe,
        device,
        checkpoints,
        distributed,
        step or StepConfig(),
        start or Start(),
    )
    if run.note is not None:
        on_note(run.note)
    with run.metrics:
        for done in run.steps():
            if done % run.check_every == 0 or run.is_due(done):
                run.check_losses(done)
            if run.is_due(done):
                run.save(done)
            loss = run.last_loss
            progress("" if loss is None else f"loss {loss:.4f}", done=done, total=run.n_steps)
    return run.step.averaged() or run.model


class _Run:
    """The state of a run: the step with model and optimiser, and how many steps are done."""

    def __init__(
        self, model: nn.Module, images: LabelledImages, recipe: Recipe, device: torch.device,
        checkpoints: CheckpointConfig, distributed: DistributedContext, config: StepConfig,
        start: Start,
    ) -> None:  # fmt: skip
        self.recipe, self.device = recipe, device
        self.checkpoints, self.distributed = checkpoints, distributed
        self.n_images = len(images)
        self.batch_size = min(recipe.batch_size, self.n_images)
        self.share = self.batch_size // distributed.n
        if self.share == 0:
            raise DataError(
                f"{images.name}: a batch has {self.batch_size} images, but must have at least one "
                f"for each of {distributed.n} processes."
            )
        self.per_epoch = self.n_images // self.batch_size
        self.n_steps = recipe.epochs * self.per_epoch
        # To read a loss is to wait for the GPU, which has steps in its queue; on a CPU it is free.
        self.check_every = 1 if device.type == "cpu" else min(50, WINDOW)
        self.identity = {
            "recipe": recipe.record(), "images": images.digest(), "processes": distributed.n,
            "parameters": [[name, *one.shape] for name, one in model.named_parameters()],
        }  # fmt: skip
        if start.digest:
            self.identity["start"] = start.digest
        self.pixels = images.pixels.to(device)
        targets = Targets.from_labels(
            images.labels, images.n_classes, device, soft=recipe.soft_targets
        )
        self.model = to_device(model, device).train()
        self.wrapped = distributed.wrap(self.model)
        self.schedule = Schedule(recipe, self.batch_size, self.n_steps)
        self.step = TrainStep(
            self.model, compile_model(self.wrapped) if config.compiled else self.wrapped, targets,
            self.schedule, self.pixels.side, process=distributed.rank, start=start,
        )  # fmt: skip
        self.resident = self._resident(config.graph)
        self.note: str | None = None
        self.first = self._resume()
        self.step.done.fill_(self.first)
        self.checked = self.first
        self.metrics = Metrics(
            checkpoints.metrics if distributed.rank == 0 else None,
            checkpoints.tensorboard if distributed.rank == 0 else None,
            self.first,
        )
        self.last_loss: float | None = None
        self.clock = time.perf_counter()

    def _resident(self, wanted: bool | None) -> ResidentStep | None:
        """The step that chooses its images itself, where it can and is wanted.

        Raises:
            OptionError: it is wanted and cannot.
        """
        is_whole = isinstance(self.pixels, InMemoryImages) and self.recipe.augmentation == "shift"
        can = is_whole and self.distributed.n == 1
        if wanted and not can:
            raise OptionError(
                "the step is to be a graph (--graph), but must then have all images in memory and "
                "one process. Leave --graph out."
            )
        if not can or wanted is False or (wanted is None and self.device.type != "cuda"):
            return None
        assert isinstance(self.pixels, InMemoryImages)  # noqa: S101 -- this tells mypy
        return ResidentStep(self.step, self.pixels.pixels, self.per_epoch, self.batch_size)

    def steps(self) -> Iterator[int]:
        """Run the steps that are still to come; after each, how many are done."""
        if self.resident is None:
            for step, (pixels, rows) in enumerate(self._batches(), start=self.first):
                self._seed_model(step)
                self.step.learn(pixels.to(self.device), rows.to(self.device))
                yield step + 1
            return
        for step in range(self.first, self.n_steps):
            if step == self.first or step % self.per_epoch == 0:
                self.resident.begin_epoch(self._order(step))
            self._seed_model(step)
            self.resident()
            yield step + 1

    def _order(self, step: int) -> Tensor:
        return epoch_order(self.n_images, self.recipe.seed, step // self.per_epoch)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and rows of every batch that is still to come."""
        rank = self.distributed.rank
        mine = slice(rank * self.share, (rank + 1) * self.share)

        def rows() -> Iterator[Tensor]:
            order = torch.empty(0)
            for step in range(self.first, self.n_steps):
                if step == self.first or step % self.per_epoch == 0:
                    order = self._order(step)
                start = step % self.per_epoch * self.batch_size
                yield order[start : start + self.batch_size][mine]

        if self.recipe.augmentation == "shift":
            yield from zip(self.pixels.batches(rows()), rows(), strict=True)
            return
        if not isinstance(self.pixels, StreamedImages):
            raise OptionError(
                f"augmentation is {self.recipe.augmentation!r}, which cuts parts out of whole "
                "photos, but the images in memory are squares already. Open them with "
                "stream=True."
            )
        key = stream_key(self.recipe.seed, PHOTO)
        epochs = (step // self.per_epoch for step in range(self.first, self.n_steps))
        seeds = (
            (batch, bits_at(key, torch.tensor(epoch), batch))
            for batch, epoch in zip(rows(), epochs, strict=True)
        )
        yield from zip(self.pixels.augmented(seeds, self.recipe.augmentation), rows(), strict=True)

    def _seed_model(self, step: int) -> None:
        """Seed PyTorch's own generator, which dropout and the like draw from."""
        epoch, within = divmod(step, self.per_epoch)
        seed = model_seeds(self.recipe.seed, epoch, self.per_epoch, self.distributed.rank)[within]
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def check_losses(self, done: int) -> None:
        """Read the losses since the last check, and stop where one is not a number.

        Raises:
            DivergedError: one is not.
        """
        if self.checked == done:
            return
        values, right = self.step.read_losses(self.checked, done)
        wrong = [place for place, value in enumerate(values) if not math.isfinite(value)]
        if wrong:
            step = done - len(values) + wrong[0]
            raise DivergedError(self._diverged("loss", step, f"{values[wrong[0]]}"))
        now = time.perf_counter()
        self.last_loss = math.fsum(values) / len(values)
        n_images = len(values) * self.share * self.distributed.n
        self.metrics.add(
            StepMetrics(
                step=done,
                epoch=round(done / self.per_epoch, 4),
                learning_rate=self.schedule.learning_rate(done - 1),
                loss=self.last_loss,
                accuracy=math.fsum(right) / len(right),
                images_per_second=n_images / max(now - self.clock, 1e-9),
            )
        )
        self.clock = now
        self.checked = done

    def _checkpoint(self) -> Path | None:
        """The file of the last state; None where none is kept."""
        path = self.checkpoints.path
        return None if path is None else Path(path)

    def _diverged(self, what: str, step: int, value: str) -> str:
        path = self._checkpoint()
        kept = "there is no checkpoint"
        if path is not None and path.is_file():
            kept = f"the last good checkpoint, of step {read_weights(path)[1]['step']:,}, is {path}"
        return (
            f"{what}[step {step:,} of {self.n_steps:,}] is {value}, but must be a number; {kept}. "
            "Lower the learning rate (--learning-rate), or check the images."
        )

    def is_due(self, done: int) -> bool:
        """Whether this is a step after which the state is kept."""
        every = self.checkpoints.every or self.per_epoch
        return done % every == 0 or done == self.n_steps

    def save(self, done: int) -> None:
        """Keep the state, and flush what was measured.

        Raises:
            DivergedError: weights are no numbers; they are not kept.
            FileError: a file cannot be written.
        """
        self.metrics.flush()
        norms = torch.stack(torch._foreach_norm(self.step.weights))
        if not bool(torch.isfinite(norms).all()):
            raise DivergedError(self._diverged("weight", done, "no finite number"))
        path = self._checkpoint()
        if path is None or self.distributed.rank != 0:
            return
        tensors = add_prefix("model.", self.model.state_dict())
        tensors |= add_prefix("momentum.", momentum_state(self.model, self.step.optimizer))
        mean = self.step.averaged()
        if mean is not None:
            tensors |= add_prefix("mean.", mean.state_dict())
        write_weights(tensors, {**self.identity, "step": done}, path)

    def _resume(self) -> int:
        """The step to begin with: that of the checkpoint where there is one that fits."""
        path, resume = self._checkpoint(), self.checkpoints.resume
        if resume is False or path is None:
            return 0
        if not path.is_file():
            if resume:
                self.note = f"{path} is not there: beginning at the first step"
            return 0
        tensors, stored = read_weights(path)
        step = int(stored.pop("step", 0))
        stored.pop("format")
        if stored != self.identity:
            if resume is None:
                self.note = f"{path} is of another run: beginning at the first step"
                return 0
            differs = [name for name in self.identity if stored.get(name) != self.identity[name]]
            raise FileError(
                f"{path}: it is of a run with other {', '.join(differs)}, but must be of the same "
                "one to go on from. Give the same options, or start over (--no-resume)."
            )
        self.model.load_state_dict(strip_prefix("model.", tensors))
        load_momentum_state(self.model, self.step.optimizer, strip_prefix("momentum.", tensors))
        if self.step.ema_model is not None:
            self.step.ema_model.load_state_dict(strip_prefix("mean.", tensors))
        self.note = f"going on from {path}, after step {step:,} of {self.n_steps:,}"
        return step
