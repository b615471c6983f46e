"""Random numbers by counter: a draw is a function of the seed, the step and its place.

Whole numbers of 64 bits are added, multiplied and shifted, which every device does alike: a CPU and
a GPU draw the same, in any order, and a step can be captured once and replayed, as nothing has to
be handed to it but the number of the step.

Source: Steele, Lea, Flood (2014), "Fast splittable pseudorandom number generators" (the mixing
function of SplitMix64). Letters: B images of a batch.
"""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

_INCREMENT = 0x9E3779B97F4A7C15 - 2**64
"""The golden ratio in 64 bits, as a signed number: successive multiples lie far apart."""

_FIRST, _SECOND = 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64


def stream_key(*entropy: int) -> int:
    """The key of a stream of draws, of 63 bits, that no other entropy gives."""
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def random_bits(key: int, step: Int[Tensor, ""], n: int) -> Int[Tensor, "n"]:
    """Numbers from 0 to 2⁶³ - 1, each as probable as any other, on the device of the step.

    Args:
        key: of the stream.
        step: the number of the step.
        n: how many.
    """
    return bits_at(key, step, torch.arange(n, device=step.device))


def bits_at(key: int, step: Int[Tensor, ""], places: Int[Tensor, "n"]) -> Int[Tensor, "n"]:
    """The numbers of `random_bits` at these places, from 0."""
    base = _mixed(step * _INCREMENT + key)
    return _mixed(base + (places + 1) * _INCREMENT) & torch.iinfo(torch.int64).max


def _mixed(z: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _shifted(z: Int[Tensor, "*shape"], n: int) -> Int[Tensor, "*shape"]:
    """Shifted to the right with zeros: PyTorch's own shift of signed numbers repeats the sign."""
    return (z >> n) & ((1 << (64 - n)) - 1)
