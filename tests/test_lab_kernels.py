"""Compiled kernels against PyTorch, where it matters that they presume nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from verify.lab import kernels
from verify.lab.losses import CrossEntropy

REPLICAS, ROWS, M = 2, 3, 21
SPECIAL = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0, -0.0, 1e-40, -1e-40])
precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def drawn(dtype: torch.dtype, *shape: int, seed: int = 0) -> Tensor:
    """Numbers, special ones among them."""
    found = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)
    found[..., : len(SPECIAL)] = SPECIAL
    return found


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, equal_nan=True)


@precisions
def test_bias_and_relu(dtype: torch.dtype) -> None:
    out, bias = drawn(dtype, REPLICAS, ROWS, M), torch.randn(REPLICAS, ROWS, dtype=dtype)
    expected = out + bias.unsqueeze(2)
    plain, rectified = out.clone(), out.clone()
    kernels.add_bias(plain.numpy(), bias.numpy())
    kernels.add_bias_relu(rectified.numpy(), bias.numpy())
    assert_same(plain, expected)
    assert_same(rectified, expected.relu())
    assert rectified.isnan().any()


@precisions
@pytest.mark.parametrize("turned", [False, True])
def test_their_gradients(dtype: torch.dtype, turned: bool) -> None:
    """Also of a gradient that lies with its examples before its rows."""
    gradient = torch.randn(REPLICAS, ROWS, M, dtype=dtype)
    gradient[0, 0, 0], gradient[1, 2, -1] = torch.nan, torch.inf
    if turned:
        gradient = gradient.transpose(1, 2).contiguous().transpose(1, 2)
    out = drawn(dtype, REPLICAS, ROWS, M).relu()
    sums, rectified = torch.full((2, REPLICAS, ROWS), torch.nan, dtype=dtype)
    kernels.sum_rows(gradient.numpy(), sums.numpy())
    assert_same(sums, gradient.sum(2))
    expected = torch.ops.aten.threshold_backward(gradient, out, 0)
    kernels.relu_backward(gradient.numpy(), out.numpy(), rectified.numpy())
    assert_same(gradient, expected)
    assert_same(rectified, expected.sum(2))


@precisions
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_cross_entropy_of_outputs_of_any_size(dtype: torch.dtype, scale: float) -> None:
    outputs = scale * torch.randn(1, ROWS, M, dtype=dtype)
    outputs[0, 1, 0] = torch.nan
    outputs[0, 0, 1] = torch.inf
    outputs[0, 2, 2] = -torch.inf
    labels = torch.arange(M).unsqueeze(0) % 2
    given = outputs[0].T.clone().requires_grad_()
    each = F.cross_entropy(given, labels[0], reduction="none")
    (expected,) = torch.autograd.grad(each.mean(), given)
    gradient, losses = torch.empty_like(outputs), torch.zeros_like(outputs)
    CrossEntropy().step(outputs, labels, gradient, losses)
    assert_same(losses[0, 0], each.detach() / M)
    assert_same(gradient[0].T, expected)
    assert losses.isnan().sum() == 2


def test_what_float32_needs_is_compiled_before_it_is_called() -> None:
    """So that no trial waits for it: a fork server has imported it for its workers."""
    names = ["add_bias", "add_bias_relu", "sum_rows", "relu_backward", "subtract_largest", "cross_entropy"]
    for name in names:
        first = getattr(kernels, name).signatures[0]
        assert {each.dtype.name for each in first} <= {"float32", "int64"}, name
