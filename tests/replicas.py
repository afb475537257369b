"""The plain loop that every replica of an ensemble is held to, as anyone would write it with PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from verify.lab import models
from verify.lab.data import Split
from verify.lab.ensemble import Ensemble
from verify.lab.randomness import stream

FEATURES, CLASSES, POOL = 6, 4, 90
Build = Callable[[], nn.Module]
Optimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On tensors as small as these, threads only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=["compiled", "of PyTorch"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a CPU, and those of every other device, on a CPU."""
    if request.param == "of PyTorch":
        monkeypatch.setattr(Tensor, "is_cpu", False)


def pool() -> Split:
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(POOL, FEATURES, generator=generator)
    return Split(inputs, torch.randint(CLASSES, (POOL,), generator=generator))


def perceptron() -> nn.Module:
    """All replicas go through its layers together."""
    return models.mlp(FEATURES, CLASSES, width=12)


def unwritten() -> nn.Module:
    """PyTorch's own batch normalisation has no layer: one replica goes after another."""
    return nn.Sequential(nn.Linear(FEATURES, 12, bias=False), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, CLASSES))


both_ways = pytest.mark.parametrize("build", [perceptron, unwritten], ids=["stacked", "in turn"])


def minibatches(seed: int, size: int, minibatch: int) -> Iterator[Tensor]:
    """One shuffle after another, cut into minibatches."""
    generator = stream(seed, "order 0")
    waiting = torch.randperm(size, generator=generator)
    while True:
        while len(waiting) < minibatch:
            waiting = torch.cat([waiting, torch.randperm(size, generator=generator)])
        yield waiting[:minibatch]
        waiting = waiting[minibatch:]


def plain(
    build: Build,
    seed: int,
    rates: Tensor,
    examples: tuple[Tensor, Tensor],
    optimizer: Optimizer,
    *,
    dtype: torch.dtype,
    minibatch: int,
    exempt: Sequence[str] = (),
    masks: Sequence[Tensor] | None = None,
    clip_norm: float = math.inf,
    dropout: float | None = 0.0,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> Tensor:
    """All parameters and buffers afterwards.

    Args:
        build: the network.
        seed: of its initial values, the data order, and what is dropped.
        rates: of each step.
        examples: inputs and labels.
        optimizer: makes one for groups of parameters.
        dtype: of all floating-point numbers.
        minibatch: examples a step.
        exempt: names of parameters without weight decay.
        masks: by which each parameter's gradient is multiplied.
        clip_norm: the longest that a gradient may be.
        dropout: of every `nn.Dropout`; None for its own.
        loss: of outputs and labels.
    """
    torch.manual_seed(seed)
    network = build().to(dtype)
    drop(network, dropout, stream(seed, "dropout 0"))
    named = list(network.named_parameters())
    made = optimizer(
        [
            {"params": [each for name, each in named if name not in exempt]},
            {"params": [each for name, each in named if name in exempt], "weight_decay": 0.0},
        ]
    )
    inputs, labels = (each.to(dtype) if each.is_floating_point() else each for each in examples)
    for rate, places in zip(rates, minibatches(seed, len(labels), minibatch), strict=False):
        for group in made.param_groups:
            group["lr"] = float(rate)
        made.zero_grad()
        loss(network(inputs[places]), labels[places]).backward()
        for parameter, mask in zip(network.parameters(), masks or [], strict=masks is not None):
            assert parameter.grad is not None
            parameter.grad *= mask
        nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
        made.step()
    return torch.cat([each.detach().flatten().to(dtype) for each in (*network.parameters(), *network.buffers())])


def drop(network: nn.Module, fraction: float | None, generator: torch.Generator) -> None:
    """Dropout wherever the network has it: a draw for each unit and, within it, for each example."""

    def dropped(module: nn.Module, given: tuple[Tensor], _: object) -> Tensor:
        (hidden,) = given
        rate = module.p if fraction is None else fraction
        drawn = torch.rand(hidden.movedim(0, -1).shape, generator=generator).movedim(-1, 0)
        return torch.where(drawn < rate, 0, hidden / (1 - rate))

    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(dropped)


def everything(ensemble: Ensemble) -> Tensor:
    """All parameters and buffers of every replica, one a row."""
    own = ensemble.weights
    return torch.cat([own, *(each.reshape(len(own), -1).to(own.dtype) for each in ensemble.buffers.values())], 1).cpu()
