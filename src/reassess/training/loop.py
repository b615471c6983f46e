"""The training loop, from the first line to the last. READ THIS FILE to know what training does.

One step: images of the batch, moved and flipped; logits; the objective; gradients, clipped;
SGD with Nesterov momentum; a learning rate that rises, then falls along a cosine. Everything
random in step s is drawn from (seed, s), so that a run that was interrupted and taken up again
ends with the same weights, bit for bit, on a CPU.

Does not choose data (`reassess.training.data`), build models (`reassess.training.models`) or
judge what was learned (`reassess.training.prediction`, `reassess.scoring`).
"""

import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from reassess.errors import DataError, DivergedError, FileError, OptionError
from reassess.training.batches import Targets, epoch_order, normalised, step_seeds, varied
from reassess.training.checkpoints import (
    momentum_of,
    read_weights,
    set_momentum,
    with_prefix,
    without_prefix,
    write_weights,
)
from reassess.training.data import LabelledImages
from reassess.training.metrics import Metrics, Row
from reassess.training.models import placed
from reassess.training.objective import Objective, mixed_up, objective_loss, smoothed
from reassess.training.processes import ALONE, Processes

Precision = Literal["float32", "bfloat16"]

OnStep = Callable[[int, int, float | None], object]
"""Called with the number of steps that are done, of how many, and the last known loss."""


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that decides the weights, but the model, the images and labels.

    Attributes:
        objective: what is minimised.
        epochs: passes over the images; the few that fill no batch are left out of a pass, others
            in each.
        batch_size: images a step; at most those that there are.
        learning_rate: the highest; for batches of 128, in proportion for others.
        momentum: of SGD.
        weight_decay: on weights of convolutions and layers, not on biases and norms.
        warmup: share of the steps in which the learning rate rises.
        clip: the norm that gradients are cut to; 0 for none.
        label_smoothing: share of a target that is spread over all classes.
        mixup: alpha; 0 for none.
        ema: share that the running mean of the weights keeps a step; 0 for none. With one, it
            is the mean that is the model in the end.
        shift: images are moved by up to so many pixels.
        flip: whether left and right are exchanged at random.
        soft: targets are the posteriors of labels where they are known, not 1.
        precision: of the activations; weights are always float32.
        seed: of the weights, the order and the variation.

    Raises:
        OptionError: a number is out of its range.
    """

    objective: Objective = "softmax"
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.15
    clip: float = 2.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    ema: float = 0.0
    shift: int = 4
    flip: bool = True
    soft: bool = False
    precision: Precision = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, math.inf), ("batch_size", 1, math.inf), ("learning_rate", 0, math.inf),
            ("momentum", 0, 1), ("weight_decay", 0, math.inf), ("warmup", 0, 1),
            ("clip", 0, math.inf), ("label_smoothing", 0, 1), ("mixup", 0, math.inf), ("ema", 0, 1),
            ("shift", 0, math.inf), ("seed", 0, 2**32),
        ):  # fmt: skip
            value = getattr(self, name)
            if not (low <= value < high and math.isfinite(value)):
                raise OptionError(
                    f"{name.replace('_', '-')} is {value}, but must be at least {low}"
                    + ("." if high == math.inf else f" and below {high}.")
                )


@dataclass(frozen=True)
class Keeping:
    """Where a run leaves what it needs to be taken up again, and what it measured.

    Attributes:
        checkpoint: the file of the last state; None for none.
        every: steps between two; 0 for one an epoch.
        resume: whether to go on from it where it is there: True demands that it is of the same
            run, None begins anew where it is of another, False always does.
        metrics: a CSV of loss and speed; None for none.
        tensorboard: a folder of TensorBoard events; None for none.
    """

    checkpoint: Path | None = None
    every: int = 0
    resume: bool | None = None
    metrics: Path | None = None
    tensorboard: Path | None = None


def train(
    model: nn.Module,
    images: LabelledImages,
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    keeping: Keeping | None = None,
    processes: Processes = ALONE,
    on_step: OnStep | None = None,
) -> nn.Module:
    """The model with trained weights: itself, or the running mean of it where that was kept.

    Args:
        model: with fresh or pretrained weights, changed in place.
        images: what to learn.
        recipe: how.
        device: where; the CPU by default.
        keeping: checkpoints and metrics.
        processes: the others of a distributed run, each with a share of every batch.
        on_step: told of each step.

    Raises:
        DivergedError: the loss or a weight is no number; the last good checkpoint is named.
        DataError: there are fewer images than processes.
        FileError: a checkpoint cannot be written, or does not fit the run.
    """
    device = device or torch.device("cpu")
    keeping = keeping or Keeping()
    run = _Run(model, images, recipe, device, keeping, processes)
    with run.metrics:
        for step, pixels, rows in run.batches():
            run.one_step(step, pixels, rows)
            done = step + 1
            if done % run.check_every == 0 or run.is_due(done):
                run.look(done)
            if run.is_due(done):
                run.save(done)
            if on_step is not None:
                on_step(done, run.n_steps, run.last_loss)
    return run.model if run.mean is None else run.mean


class _Run:
    """The state of a run: model, optimiser, running mean, and the steps that are done."""

    def __init__(
        self, model: nn.Module, images: LabelledImages, recipe: Recipe, device: torch.device,
        keeping: Keeping, processes: Processes,
    ) -> None:  # fmt: skip
        self.recipe, self.device, self.keeping, self.processes = recipe, device, keeping, processes
        self.n_images = len(images)
        self.batch_size = min(recipe.batch_size, self.n_images)
        self.share = self.batch_size // processes.n
        if self.share == 0:
            raise DataError(
                f"{images.name}: a batch has {self.batch_size} images, but must have at least one "
                f"for each of {processes.n} processes."
            )
        self.per_epoch = self.n_images // self.batch_size
        self.n_steps = recipe.epochs * self.per_epoch
        self.check_every = 1 if device.type == "cpu" else 50
        self.about = {
            "recipe": asdict(recipe), "images": images.digest(), "processes": processes.n,
            "parameters": [[name, *one.shape] for name, one in model.named_parameters()],
        }  # fmt: skip
        self.pixels = images.pixels.to(device)
        self.targets = Targets.from_labels(
            images.labels, images.n_classes, device, soft=recipe.soft
        )
        self.model = placed(model, device).train()
        self.weights: list[Tensor] = list(self.model.parameters())
        self.draw = torch.Generator()
        self.optimizer = self._optimizer()
        self.mean: nn.Module | None = None
        if recipe.ema:
            self.mean = deepcopy(self.model).requires_grad_(False).eval()
        self.first = self._resume()
        self.wrapped = processes.wrap(self.model)
        self.metrics = Metrics(
            keeping.metrics if processes.rank == 0 else None,
            keeping.tensorboard if processes.rank == 0 else None,
            self.first,
        )
        self.unseen: list[tuple[Tensor, Tensor]] = []
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
        mine = slice(self.processes.rank * self.share, (self.processes.rank + 1) * self.share)

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

    def one_step(self, step: int, pixels: Tensor, rows: Tensor) -> None:
        """Learn from one batch."""
        recipe = self.recipe
        draw = self._seeded(step)
        shift = min(recipe.shift, pixels.shape[1] - 1)
        if shift or recipe.flip:
            pixels = varied(pixels, draw, shift=shift, flip=recipe.flip)
        inputs, targets = normalised(pixels), self.targets.of(rows)
        if recipe.label_smoothing:
            targets = smoothed(targets, recipe.label_smoothing)
        if recipe.mixup:
            inputs, targets = mixed_up(inputs, targets, recipe.mixup, draw)
        half = recipe.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = self.wrapped(inputs)
        loss = objective_loss(recipe.objective, logits.float(), targets)

        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip:
            self._clip(recipe.clip)
        self.optimizer.step()
        if self.mean is not None:
            self._follow(step)
        right = targets.gather(1, logits.detach().argmax(1, keepdim=True)) > 0.5
        self.unseen.append((loss.detach(), right.float().mean()))

    def _clip(self, most: float) -> None:
        """`nn.utils.clip_grad_norm_` without its sorting of weights, 1 % of a small step."""
        gradients = [one.grad for one in self.weights if one.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1.0))

    def _seeded(self, step: int) -> torch.Generator:
        """What the batch of a step is varied by; the model draws from what it always draws from."""
        epoch, within = divmod(step, self.per_epoch)
        seeds = step_seeds(self.recipe.seed, epoch, self.per_epoch, self.processes.rank)
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
    def _follow(self, step: int) -> None:
        """Move the running mean; in the first steps faster, or it would remember the beginning."""
        assert self.mean is not None  # noqa: S101 -- the caller asked; this tells mypy
        keep = min(self.recipe.ema, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.mean.parameters()), self.weights, 1 - keep)
        for mean, now in zip(self.mean.buffers(), self.model.buffers(), strict=True):
            mean.copy_(now)

    def look(self, done: int) -> None:
        """Read the losses since the last look, and stop where one is no number.

        Raises:
            DivergedError: one is not.
        """
        if not self.unseen:
            return
        losses, right = (torch.stack(one) for one in zip(*self.unseen, strict=True))
        values: list[float] = losses.tolist()
        wrong = [place for place, value in enumerate(values) if not math.isfinite(value)]
        if wrong:
            step = done - len(values) + wrong[0]
            raise DivergedError(self._diverged("loss", step, f"{values[wrong[0]]}"))
        now = time.perf_counter()
        self.last_loss = math.fsum(values) / len(values)
        n_images = len(values) * self.share * self.processes.n
        self.metrics.add(
            Row(
                step=done,
                epoch=round(done / self.per_epoch, 4),
                learning_rate=self.learning_rate(done - 1),
                loss=self.last_loss,
                accuracy=float(right.mean()),
                images_per_second=n_images / max(now - self.clock, 1e-9),
            )
        )
        self.clock = now
        self.unseen.clear()

    def _diverged(self, what: str, step: int, value: str) -> str:
        path = self.keeping.checkpoint
        kept = "there is no checkpoint"
        if path is not None and path.is_file():
            kept = f"the last good checkpoint, of step {read_weights(path)[1]['step']:,}, is {path}"
        return (
            f"{what}[step {step:,} of {self.n_steps:,}] is {value}, but must be a number; {kept}. "
            "Lower the learning rate (--learning-rate), or check the images."
        )

    def is_due(self, done: int) -> bool:
        """Whether this is a step after which the state is kept."""
        every = self.keeping.every or self.per_epoch
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
        if self.keeping.checkpoint is None or self.processes.rank != 0:
            return
        tensors = with_prefix("model.", self.model.state_dict())
        tensors |= with_prefix("momentum.", momentum_of(self.model, self.optimizer))
        if self.mean is not None:
            tensors |= with_prefix("mean.", self.mean.state_dict())
        write_weights(tensors, {**self.about, "step": done}, self.keeping.checkpoint)

    def _resume(self) -> int:
        """The step to begin with: that of the checkpoint where there is one that fits."""
        path, resume = self.keeping.checkpoint, self.keeping.resume
        if resume is False or path is None or not path.is_file():
            return 0
        tensors, about = read_weights(path)
        step = int(about.pop("step", 0))
        about.pop("format")
        if about != self.about:
            if resume is None:
                return 0
            differs = [name for name in self.about if about.get(name) != self.about[name]]
            raise FileError(
                f"{path}: it is of a run with other {', '.join(differs)}, but must be of the same "
                "one to go on from. Give the same options, or begin anew (--no-resume)."
            )
        self.model.load_state_dict(without_prefix("model.", tensors))
        set_momentum(self.model, self.optimizer, without_prefix("momentum.", tensors))
        if self.mean is not None:
            self.mean.load_state_dict(without_prefix("mean.", tensors))
        return step
