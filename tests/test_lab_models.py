"""The networks: their shapes, batch normalisation against PyTorch's own, ghost batches, zero γ."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from verify.lab import models


@pytest.mark.parametrize("shape", [(1, 40), (3, 7), (1, 28, 28), (3, 8, 9)])
@pytest.mark.parametrize("build", [models.conv, models.resnet, models.resnet9])
def test_a_convolutional_net_takes_flat_inputs_of_any_shape(
    build: Callable[..., nn.Module], shape: tuple[int, ...]
) -> None:
    network = build(shape, 10, width=4)
    outputs = network(torch.randn(5, torch.Size(shape).numel()))
    assert outputs.shape == (5, 10)
    outputs.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_resnet9_has_nine_layers() -> None:
    network = models.resnet9((3, 32, 32), 10)
    weights = [each for each in network.modules() if isinstance(each, (nn.Conv2d, nn.Linear))]
    assert len(weights) == 9
    assert sum(each.numel() for each in network.parameters()) == 6_573_130


def normalised_twice(ours: models.BatchNorm, theirs: nn.Module, inputs: torch.Tensor) -> None:
    """Same outputs, gradients and running statistics, in training and then in evaluation."""
    for training in (True, True, False):
        mine, other = (inputs.clone().requires_grad_() for _ in range(2))
        found, expected = ours.train(training)(mine), theirs.train(training)(other)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(
            *(torch.autograd.grad(y.pow(3).sum(), x) for y, x in ((found, mine), (expected, other)))
        )
        torch.testing.assert_close(ours.running_mean, theirs.running_mean)
        torch.testing.assert_close(ours.running_var, theirs.running_var)


def test_batch_normalisation_is_pytorchs() -> None:
    generator = torch.Generator().manual_seed(0)
    for theirs, shape in ((nn.BatchNorm1d(3), ()), (nn.BatchNorm1d(3), (5,)), (nn.BatchNorm2d(3), (4, 5))):
        inputs = torch.randn(8, 3, *shape, generator=generator, dtype=torch.float64) * 3 + 1
        normalised_twice(models.BatchNorm(3).double(), theirs.double(), inputs)


@pytest.mark.parametrize("shape", [(), (5,), (4, 5)])
def test_ghost_batches_are_normalised_each_by_itself(shape: tuple[int, ...]) -> None:
    inputs = torch.randn(12, 3, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = models.BatchNorm(3, ghost=4).double()
    apart = [models.BatchNorm(3).double() for _ in range(3)]
    found = together(inputs)
    torch.testing.assert_close(
        found, torch.cat([each(part) for each, part in zip(apart, inputs.split(4), strict=True)])
    )
    torch.testing.assert_close(together.running_mean, torch.stack([each.running_mean for each in apart]).mean(0))
    torch.testing.assert_close(together.running_var, torch.stack([each.running_var for each in apart]).mean(0))


def test_a_minibatch_must_be_a_multiple_of_the_ghost_batch() -> None:
    layer = models.BatchNorm(3, ghost=4)
    with pytest.raises(ValueError, match="a minibatch of 10 cannot be cut into ghost batches of 4"):
        layer(torch.randn(10, 3))
    assert layer.eval()(torch.randn(10, 3)).shape == (10, 3), "evaluation takes any number"


def test_with_zero_gamma_a_block_starts_as_its_shortcut() -> None:
    block = models.Residual(2, 3, 3, ghost=None, zero_gamma=True)
    inputs = torch.randn(6, 3, 4, 4).relu()
    assert torch.equal(block(inputs), inputs)
    assert not torch.equal(models.Residual(2, 3, 3, ghost=None, zero_gamma=False)(inputs), inputs)
    gammas = [
        float(each.weight.detach().sum())
        for each in models.resnet((1, 40), 10, width=4, zero_gamma=True).modules()
        if isinstance(each, models.BatchNorm)
    ]
    assert gammas.count(0) == 3, "one in each block"
