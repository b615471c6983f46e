"""The training loop, from the first line to the last. READ THIS FILE to know what training does.

One step: images of the batch, shifted and flipped; logits; the objective's loss; gradients,
clipped; SGD with Nesterov momentum; a learning rate that rises, then falls along a cosine.
Everything random in step s is drawn from (seed, s), so that a run that was interrupted and
resumed ends with the same weights, bit for bit, on a CPU.

Does not choose data (`reassess.training.data`), build models (`reassess.training.models`) or
judge what was learned (`reassess.training.prediction`, `reassess.scoring`).
"""

import math
import time
from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from reassess.errors import DataError, DivergedError, FileError
from reassess.progress import Progress, null_progress
from reassess.training.batches import Targets, augment, epoch_order, normalize, step_seeds
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
from reassess.training.losses import mixup, objective_loss, smooth_labels
from reassess.training.metrics import Metrics, StepMetrics
from reassess.training.models import to_device
from reassess.training.recipe import CheckpointConfig, Recipe


def train(
    model: nn.Module,
    images: LabelledImages,
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    checkpoints: CheckpointConfig | None = None,
    distributed: DistributedContext = SINGLE_PROCESS,
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
        progress: shown each step, with the loss.
        on_note: gets a sentence on whether the run is resumed, where there is a checkpoint or one
            is demanded.

    Raises:
        DivergedError: the loss or a weight is not a number; the last good checkpoint is named.
        DataError: there are fewer images than processes.
        FileError: a checkpoint cannot be written, or does not fit the run.
    """
    device = device or torch.device("cpu")
    checkpoints = checkpoints or CheckpointConfig()
    run = _Run(model, images, recipe, device, checkpoints, distributed)
    if run.note is not None:
        on_note(run.note)
    with run.metrics:
        for step, pixels, rows in run.batches():
            run.train_step(step, pixels, rows)
            done = step + 1
            if done % run.check_every == 0 or run.is_due(done):
                run.check_losses(done)
            if run.is_due(done):
                run.save(done)
            loss = run.last_loss
            progress("" if loss is None else f"loss {loss:.4f}", done=done, total=run.n_steps)
    return run.model if run.ema_model is None else run.ema_model


class _Run:
    """The state of a run: model, optimiser, running mean, and the steps that are done."""

    def __init__(
        self, model: nn.Module, images: LabelledImages, recipe: Recipe, device: torch.device,
        checkpoints: CheckpointConfig, distributed: DistributedContext,
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
        self.check_every = 1 if device.type == "cpu" else 50
        self.identity = {
            "recipe": recipe.record(), "images": images.digest(), "processes": distributed.n,
            "parameters": [[name, *one.shape] for name, one in model.named_parameters()],
        }  # fmt: skip
        self.pixels = images.pixels.to(device)
        self.targets = Targets.from_labels(
            images.labels, images.n_classes, device, soft=recipe.soft_targets
        )
        self.model = to_device(model, device).train()
        self.weights: list[Tensor] = list(self.model.parameters())
        self.draw = torch.Generator()
        self.optimizer = self._optimizer()
        self.ema_model: nn.Module | None = None
        if recipe.ema_decay:
            self.ema_model = deepcopy(self.model).requires_grad_(False).eval()
        self.note: str | None = None
        self.first = self._resume()
        self.wrapped = distributed.wrap(self.model)
        self.metrics = Metrics(
            checkpoints.metrics if distributed.rank == 0 else None,
            checkpoints.tensorboard if distributed.rank == 0 else None,
            self.first,
        )
        self.unchecked: list[tuple[Tensor, Tensor]] = []
        self.last_loss: float | None = None
        self.clock = time.perf_counter()

    def _optimizer(self) -> torch.optim.Optimizer:
        decayed = [one for one in self.model.parameters() if one.ndim > 1]
        others = [one for one in self.model.parameters() if one.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        momentum = self.recipe.momentum
        return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=momentum > 0, fused=True)

    def batches(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Step, images and rows of every batch that is still to come."""
        rank = self.distributed.rank
        mine = slice(rank * self.share, (rank + 1) * self.share)

        def rows() -> Iterator[Tensor]:
            order, epoch = torch.empty(0), -1
            for step in range(self.first, self.n_steps):
                if step // self.per_epoch != epoch:
                    epoch = step // self.per_epoch
                    order = epoch_order(self.n_images, self.recipe.seed, epoch)
                start = step % self.per_epoch * self.batch_size
                yield order[start : start + self.batch_size][mine]

        for step, (pixels, batch) in enumerate(
            zip(self.pixels.batches(rows()), rows(), strict=True), start=self.first
        ):
            yield step, pixels.to(self.device), batch

    def train_step(self, step: int, pixels: Tensor, rows: Tensor) -> None:
        """Learn from one batch."""
        recipe = self.recipe
        draw = self._seeded(step)
        shift = min(recipe.max_shift_px, pixels.shape[1] - 1)
        if shift or recipe.flip:
            pixels = augment(pixels, draw, max_shift_px=shift, flip=recipe.flip)
        inputs, targets = normalize(pixels), self.targets.rows(rows)
        if recipe.label_smoothing:
            targets = smooth_labels(targets, recipe.label_smoothing)
        if recipe.mixup:
            inputs, targets = mixup(inputs, targets, recipe.mixup, draw)
        half = recipe.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = self.wrapped(inputs)
        loss = objective_loss(recipe.objective, logits.float(), targets)

        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.max_grad_norm:
            self._clip_gradients(recipe.max_grad_norm)
        self.optimizer.step()
        if self.ema_model is not None:
            self._update_ema(step)
        right = targets.gather(1, logits.detach().argmax(1, keepdim=True)) > 0.5
        self.unchecked.append((loss.detach(), right.float().mean()))

    def _clip_gradients(self, max_norm: float) -> None:
        """`nn.utils.clip_grad_norm_` without its sorting of weights, 1 % of a small step."""
        gradients = [one.grad for one in self.weights if one.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        torch._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))

    def _seeded(self, step: int) -> torch.Generator:
        """The generator for the batch of a step; the model's own, PyTorch's, is seeded, too."""
        epoch, within = divmod(step, self.per_epoch)
        seeds = step_seeds(self.recipe.seed, epoch, self.per_epoch, self.distributed.rank)
        of_batch, of_model = seeds[within]
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(of_model)
        else:
            torch.manual_seed(of_model)
        return self.draw.manual_seed(of_batch)

    def learning_rate(self, step: int) -> float:
        """Linear up to the highest, then half a cosine down to zero."""
        highest = self.recipe.learning_rate * self.batch_size / 128
        n_up = round(self.recipe.warmup * self.n_steps)
        if step < n_up:
            return highest * (step + 1) / n_up
        return highest * 0.5 * (1 + math.cos(math.pi * (step - n_up) / (self.n_steps - n_up)))

    @torch.no_grad()
    def _update_ema(self, step: int) -> None:
        """Move the average; in the first steps faster, or it would remember the beginning."""
        assert self.ema_model is not None  # noqa: S101 -- the caller asked; this tells mypy
        # TensorFlow's warm-up of an average: 0.1 at first, 0.9 after 80 steps.
        keep = min(self.recipe.ema_decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.ema_model.parameters()), self.weights, 1 - keep)
        for mean, now in zip(self.ema_model.buffers(), self.model.buffers(), strict=True):
            mean.copy_(now)

    def check_losses(self, done: int) -> None:
        """Read the losses since the last check, and stop where one is not a number.

        Raises:
            DivergedError: one is not.
        """
        if not self.unchecked:
            return
        losses, right = (torch.stack(one) for one in zip(*self.unchecked, strict=True))
        values: list[float] = losses.tolist()
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
                learning_rate=self.learning_rate(done - 1),
                loss=self.last_loss,
                accuracy=float(right.mean()),
                images_per_second=n_images / max(now - self.clock, 1e-9),
            )
        )
        self.clock = now
        self.unchecked.clear()

    def _diverged(self, what: str, step: int, value: str) -> str:
        path = self.checkpoints.path
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
        norms = torch.stack(torch._foreach_norm(self.weights))
        if not bool(torch.isfinite(norms).all()):
            raise DivergedError(self._diverged("weight", done, "no finite number"))
        if self.checkpoints.path is None or self.distributed.rank != 0:
            return
        tensors = add_prefix("model.", self.model.state_dict())
        tensors |= add_prefix("momentum.", momentum_state(self.model, self.optimizer))
        if self.ema_model is not None:
            tensors |= add_prefix("mean.", self.ema_model.state_dict())
        write_weights(tensors, {**self.identity, "step": done}, self.checkpoints.path)

    def _resume(self) -> int:
        """The step to begin with: that of the checkpoint where there is one that fits."""
        path, resume = self.checkpoints.path, self.checkpoints.resume
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
        load_momentum_state(self.model, self.optimizer, strip_prefix("momentum.", tensors))
        if self.ema_model is not None:
            self.ema_model.load_state_dict(strip_prefix("mean.", tensors))
        self.note = f"going on from {path}, after step {step:,} of {self.n_steps:,}"
        return step
