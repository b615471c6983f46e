"""One step of training, everything of it on the device and of static shapes.

Which images, how they are augmented, logits, loss, gradients, clipping, the optimiser, the moving
average: nothing is drawn on the CPU, copied or waited for, and all that changes with the number of
the step (the learning rate, mixup's share) is looked up in a table by that number, which lies on
the device, too. So a step can be captured once as a CUDA graph and replayed, where launching its
hundreds of operations one by one takes longer than computing them.

The same step runs operation by operation (`TrainStep.learn`) where a graph cannot be: on CPUs, in
several processes, on images that are decoded while others are learned from.

Letters: B images of a batch, N images, K classes, E steps of the run.
"""

import math
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from reassess.errors import OptionError
from reassess.training.batches import (
    BATCH,
    SHARE,
    ShiftAndFlip,
    Start,
    Targets,
    normalize,
    scale_and_offset,
)
from reassess.training.draws import random_bits, stream_key
from reassess.training.losses import mix, objective_loss, smooth_labels
from reassess.training.models import find_head
from reassess.training.recipe import Recipe

WINDOW = 64
"""Losses that are kept on the device until they are read."""

_WARM_UP = 3
"""Steps before a step is captured: the first ones choose algorithms and allocate."""


@dataclass(frozen=True)
class Schedule:
    """What changes with the number of the step.

    Attributes:
        recipe: how to train.
        batch_size: images a step, of all processes.
        n_steps: E.
    """

    recipe: Recipe
    batch_size: int
    n_steps: int

    def learning_rate(self, step: int) -> float:
        """Linear up to the highest, then half a cosine down to zero."""
        highest = self.recipe.learning_rate * self.batch_size / 128
        n_up = round(self.recipe.warmup * self.n_steps)
        if step < n_up:
            return highest * (step + 1) / n_up
        return highest * 0.5 * (1 + math.cos(math.pi * (step - n_up) / (self.n_steps - n_up)))

    def tables(self, process: int) -> Float[Tensor, "E 3"]:
        """Of each step: learning rate, mixup's share, and what the average takes of new weights.

        The average moves faster in the first steps, or it would remember the beginning:
        TensorFlow's warm-up, 0.9 at first, 0.1 after 80 steps.
        """
        steps = torch.arange(self.n_steps)
        rate = torch.tensor([self.learning_rate(step) for step in range(self.n_steps)])
        kept = ((1 + steps) / (10 + steps)).clamp(max=self.recipe.ema_decay)
        return torch.stack([rate, self._shares(process), 1 - kept], dim=1)

    def _shares(self, process: int) -> Float[Tensor, "E"]:
        if not self.recipe.mixup:
            return torch.zeros(self.n_steps)
        generator = torch.Generator().manual_seed(stream_key(self.recipe.seed, SHARE, process))
        alpha = torch.full((self.n_steps, 2), self.recipe.mixup)
        two = torch._standard_gamma(alpha, generator=generator)
        return two[:, 0] / two.sum(dim=1).clamp_min(torch.finfo(two.dtype).tiny)


class TrainStep:
    """The step, and all that it reads and writes on the device.

    Args:
        model: on its device, in training mode; its weights are changed.
        forward: what computes its logits: the model itself, wrapped for several processes or
            compiled.
        targets: of all images.
        schedule: what changes with the step.
        side: pixels of the images.
        process: of a distributed run.
        start: what the model was before.
    """

    def __init__(
        self, model: nn.Module, forward: nn.Module, targets: Targets, schedule: Schedule,
        side: int, *, process: int = 0, start: Start = Start(),  # noqa: B008 -- frozen
    ) -> None:  # fmt: skip
        self.model, self.forward, self.targets = model, forward, targets
        self.schedule, self.recipe = schedule, schedule.recipe
        self.weights: list[Tensor] = list(model.parameters())
        self.device = targets.label.device
        self.done = torch.zeros((), dtype=torch.int64, device=self.device)
        self.losses = torch.zeros(WINDOW, 2, device=self.device)
        self.ema_model: nn.Module | None = None
        if self.recipe.ema_decay:
            self.ema_model = deepcopy(model).requires_grad_(False).eval()
        self._tables = schedule.tables(process).to(self.device)
        self._key = stream_key(self.recipe.seed, BATCH, process)
        self._mean, self._std = start.mean, start.std
        # A graph reads these by their addresses: they must outlive it.
        self._held = scale_and_offset(side**2, start.mean, start.std, self.device)
        self._augment: ShiftAndFlip | None = None
        is_shifted = self.recipe.augmentation == "shift"
        if is_shifted and (self.recipe.max_shift_px or self.recipe.flip):
            self._augment = ShiftAndFlip(
                side, self.recipe.max_shift_px, self.recipe.flip, self.device
            )
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Optimizer:
        """SGD, with learning rates that lie on the device and momenta that are there from the
        first step on, so that all steps are one.
        """  # noqa: D205 -- one sentence
        recipe, head = self.recipe, {id(one) for one in find_head(self.model).parameters()}
        groups = []
        for scale in sorted({1.0, recipe.head_rate}):
            chosen = [
                one
                for one in self.weights
                if (recipe.head_rate if id(one) in head else 1.0) == scale
            ]
            for decay, part in (
                (recipe.weight_decay, [one for one in chosen if one.ndim > 1]),
                (0.0, [one for one in chosen if one.ndim <= 1]),
            ):
                rate = torch.zeros((), device=self.device)
                group = {"params": part, "weight_decay": decay, "lr": rate, "scale": scale}
                groups += [group] if part else []
        optimizer = torch.optim.SGD(
            groups, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
        )
        if recipe.momentum:
            for one in self.weights:
                optimizer.state[one]["momentum_buffer"] = torch.zeros_like(one)
        return optimizer

    def learn(self, pixels: UInt8[Tensor, "B S S 3"], rows: Int[Tensor, "B"]) -> None:
        """Learn from one batch.

        Args:
            pixels: the images.
            rows: which ones they are.
        """
        recipe = self.recipe
        rate, share, moved = self._tables.index_select(0, self.done.view(1))[0].unbind()
        bits = random_bits(self._key, self.done, 2 * len(rows) + 1)
        if self._augment is not None:
            pixels = self._augment(pixels, bits)
        inputs = normalize(pixels, self._mean, self._std)
        targets = self.targets.rows(rows)
        if recipe.label_smoothing:
            targets = smooth_labels(targets, recipe.label_smoothing)
        if recipe.mixup:
            inputs, targets = mix(inputs, targets, share, _partners(bits[-1], len(rows)))
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16",
            cache_enabled=False,  # a copy of the weights from outside a graph would stay in it
        ):  # fmt: skip
            logits = self.forward(inputs)
        loss = objective_loss(recipe.objective, logits.float(), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.max_grad_norm:
            self._clip_gradients(recipe.max_grad_norm)
        for group in self.optimizer.param_groups:
            torch.mul(rate, group["scale"], out=group["lr"])
        self.optimizer.step()
        if self.ema_model is not None:
            self._move_average(moved)
        right = targets.gather(1, logits.detach().argmax(1, keepdim=True)) > 0.5
        seen = torch.stack([loss.detach(), right.float().mean()])[None]
        self.losses.index_copy_(0, (self.done % WINDOW).view(1), seen)
        self.done.add_(1)

    def _clip_gradients(self, max_norm: float) -> None:
        """`nn.utils.clip_grad_norm_` without its sorting of weights, 1 % of a small step."""
        gradients = [one.grad for one in self.weights if one.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        torch._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))

    @torch.no_grad()
    def _move_average(self, share: Float[Tensor, ""]) -> None:
        assert self.ema_model is not None  # noqa: S101 -- the caller asked; this tells mypy
        means: list[Tensor] = list(self.ema_model.parameters())
        apart = list(torch._foreach_sub(self.weights, means))
        torch._foreach_mul_(apart, share)
        torch._foreach_add_(means, apart)

    def averaged(self) -> nn.Module | None:
        """The moving average, with the model's own buffers as they are now; None without one."""
        if self.ema_model is not None:
            buffers = zip(self.ema_model.buffers(), self.model.buffers(), strict=True)
            for mean, now in buffers:
                mean.copy_(now)
        return self.ema_model

    def read_losses(self, first: int, done: int) -> tuple[list[float], list[float]]:
        """Loss and share of right predictions of steps; at most the last `WINDOW` are there."""
        places = torch.arange(first, done, device=self.device) % WINDOW
        loss, right = self.losses[places].T.tolist()
        return loss, right


def _partners(bits: Int[Tensor, ""], n: int) -> Int[Tensor, "n"]:
    """Which image each is mixed with: the one so many places on, as a batch is in random order."""
    apart = 1 + bits % max(n - 1, 1)
    return (torch.arange(n, device=bits.device) + apart) % n


class ResidentStep:
    """The step with its images on the device, which it chooses itself: on a GPU a CUDA graph.

    Args:
        step: what is done with a batch.
        images: all images, on the device.
        n_steps: of an epoch.
        batch_size: B.
    """

    def __init__(
        self, step: TrainStep, images: UInt8[Tensor, "N S S 3"], n_steps: int, batch_size: int
    ) -> None:
        self._step, self._images = step, images
        self._per_epoch, self._batch_size = n_steps, batch_size
        self._order = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        self._places = torch.arange(batch_size, device=images.device)
        self._n_run = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def begin_epoch(self, order: Int[Tensor, "N"]) -> None:
        """The order of the images in the epoch that begins."""
        self._order.copy_(order)

    def __call__(self) -> None:
        """Run the next step; on a GPU it is captured after the first ones.

        Raises:
            OptionError: an operation of the step cannot be captured.
        """
        if self._images.device.type == "cpu":
            self._run()
        elif self._n_run < _WARM_UP:
            self._run_beside()
        else:
            if self._graph is None:
                self._graph = self._captured()
            self._graph.replay()
        self._n_run += 1

    def _run(self) -> None:
        start = self._step.done % self._per_epoch * self._batch_size
        rows = self._order[start + self._places]
        self._step.learn(self._images[rows], rows)

    def _run_beside(self) -> None:
        """A step on a stream of its own, as PyTorch asks for before a capture."""
        stream = torch.cuda.Stream(self._images.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self._images.device))
        with torch.cuda.stream(stream):
            self._run()
        torch.cuda.current_stream(self._images.device).wait_stream(stream)

    def _captured(self) -> torch.cuda.CUDAGraph:
        # Gradients of before the capture would be added to; those of the graph are its own.
        self._step.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._run()
        except RuntimeError as error:  # an objective or a model that waits for the device
            reason = " ".join(str(error).split())[:200]
            raise OptionError(
                f"the step cannot be captured as a CUDA graph ({reason}). Run it operation by "
                "operation (--no-graph)."
            ) from error
        return graph
