"""Objectives: by hand, against PyTorch's own, by finite differences."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from hypothesis import given
from hypothesis import strategies as st

from reassess.errors import OptionError
from reassess.training import (
    as_distribution,
    build_model,
    mixup,
    objective_loss,
    prior_bias,
    sigmoid_cross_entropy,
    smooth_labels,
    softmax_cross_entropy,
)

SHAPES = st.tuples(st.integers(1, 5), st.integers(2, 7), st.integers(0, 1000))


def drawn(shape: tuple[int, int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    n_images, n_classes, seed = shape
    generator = torch.Generator().manual_seed(seed)
    logits = 5 * torch.randn(n_images, n_classes, generator=generator, dtype=torch.float64)
    return logits, torch.rand(n_images, n_classes, generator=generator, dtype=torch.float64)


def test_sigmoid_sums_over_classes_and_averages_over_images():
    """One doubtful answer costs ln 2; three classes cost 3 ln 2, on two images or on one."""
    for n_images in (1, 2):
        loss = sigmoid_cross_entropy(torch.zeros(n_images, 3), torch.ones(n_images, 3))
        assert float(loss) == pytest.approx(3 * math.log(2), rel=1e-6)


@given(SHAPES)
def test_sigmoid_is_k_times_the_mean_that_pytorch_returns(shape):
    logits, targets = drawn(shape)
    theirs = F.binary_cross_entropy_with_logits(logits, targets)
    torch.testing.assert_close(sigmoid_cross_entropy(logits, targets), theirs * shape[1])


@given(SHAPES)
def test_softmax_is_pytorch_s_cross_entropy(shape):
    logits, targets = drawn(shape)
    targets = as_distribution(targets)
    torch.testing.assert_close(
        softmax_cross_entropy(logits, targets), F.cross_entropy(logits, targets)
    )
    label = targets.argmax(dim=1)
    hot = F.one_hot(label, shape[1]).double()
    for share in (0.0, 0.1):
        theirs = F.cross_entropy(logits, label, label_smoothing=share)
        torch.testing.assert_close(softmax_cross_entropy(logits, smooth_labels(hot, share)), theirs)


@pytest.mark.parametrize("objective", ["softmax", "sigmoid"])
def test_gradients_are_those_of_finite_differences(objective):
    logits, targets = drawn((3, 5, 0))
    logits.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: objective_loss(objective, x, targets), (logits,))


def test_large_logits_neither_overflow_nor_lose_their_gradient():
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = sigmoid_cross_entropy(logits, torch.tensor([[0.0, 1.0]]))
    assert float(loss.detach()) == pytest.approx(2e4)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.tolist() == [[1.0, -1.0]]


def test_several_labels_share_the_softmax_and_stand_for_themselves_under_sigmoid():
    logits, hot = torch.zeros(1, 4), torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    assert as_distribution(hot).tolist() == [[0.5, 0.5, 0.0, 0.0]]
    assert float(objective_loss("softmax", logits, hot)) == pytest.approx(math.log(4))
    assert float(objective_loss("sigmoid", logits, hot)) == pytest.approx(4 * math.log(2))


def test_mixup_mixes_images_and_targets_by_the_same_share():
    images = torch.arange(6.0).reshape(6, 1)
    mixed, targets = mixup(images, torch.eye(6), 0.5, torch.Generator().manual_seed(3))
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(targets @ images, mixed)
    assert not torch.equal(mixed, images)


def test_a_new_sigmoid_model_begins_at_one_class_in_k():
    assert prior_bias(1000) == pytest.approx(-6.9078, abs=1e-4)
    model = build_model("resnet-8", 20, objective="sigmoid")
    assert torch.allclose(model.head.bias, torch.full((20,), -math.log(20)))
    assert not torch.allclose(build_model("resnet-8", 20).head.bias, model.head.bias)
    with pytest.raises(OptionError, match="at least 2"):
        build_model("resnet-8", 1)
