"""What the lab is given and cannot use is refused before anything is trained, with what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.replicas import CLASSES, FEATURES, perceptron, pool
from verify.lab.ensemble import Ensemble
from verify.lab.examples import Examples
from verify.lab.optimizers import SGD, Adam, AdamW, Optimizer
from verify.lab.training import Training


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (lambda: SGD(-0.9), "momentum is from 0; not -0.9"),
        (lambda: SGD(0.9, [0.0, -1.0]), "weight_decay is from 0; not -1"),
        (lambda: SGD(float("nan")), "momentum is from 0; not nan"),
        (lambda: SGD("0.9"), "momentum is a number, or a list with one a replica; not '0.9'"),
        (lambda: Adam((1.0, 0.9)), "beta1 is from 0 to below 1; not 1"),
        (lambda: AdamW(([0.9, 2.0], 0.9)), "beta1 is from 0 to below 1; not 2"),
        (lambda: Adam(0.9), "betas are a pair"),
        (lambda: Adam([(0.9, 0.99), (0.5, 0.9)]), "betas are a pair"),
        (lambda: SGD(nesterov=True), "Nesterov"),
    ],
)
def test_hyperparameters_that_cannot_be(optimizer: Callable[[], Optimizer], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trained_with(optimizer=optimizer())


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"clip_norm": 0}, ValueError, "clip_norm is above 0; not 0"),
        ({"clip_norm": [1.0, -1.0]}, ValueError, "clip_norm is above 0; not -1"),
        ({"clip_norm": "1.0x"}, ValueError, "clip_norm is a number, or a list with one a replica; not '1.0x'"),
        (
            {"optimizer": "adam"},
            TypeError,
            r"one of verify.lab.optimizers, as in optimizer=SGD\(momentum=0.9\); not 'adam'",
        ),
        ({"optimizer": SGD}, TypeError, "one of verify.lab.optimizers"),
        ({"minibatch": 0}, ValueError, "a minibatch has at least one example: 0"),
        ({"minibatch": 16.0}, ValueError, "a minibatch has at least one example: 16.0"),
        ({"seeds": [0]}, ValueError, "seeds for 1 replicas, and there are 2"),
        ({"examples": Examples.same(pool(), 3)}, ValueError, "examples for 3 replicas, and there are 2"),
        ({"mask": torch.ones(2, 5)}, ValueError, r"a mask has the weights' shape, \(2, 292\), and not \(2, 5\)"),
        ({"rates": [0.1, 0.1]}, ValueError, "a schedule .steps,. for each of 2 replicas"),
        ({"rates": [torch.ones(3)]}, ValueError, "a schedule .steps,. for each of 2 replicas"),
    ],
)
def test_arguments_that_cannot_be(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        trained_with(**given)


def trained_with(**given: Any) -> None:
    arguments: dict[str, Any] = {
        "examples": Examples.same(pool(), 2), "seeds": [0, 1], "minibatch": 8, "optimizer": SGD(0.9), **given,
    }  # fmt: skip
    rates = arguments.pop("rates", [torch.full((2,), 0.1)] * 2)
    Training(Ensemble.of(perceptron, [0, 1]), **arguments).run(rates)


class Noisy(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return F.dropout(inputs, 0.5, self.training)


def test_random_numbers_of_the_networks_own_are_refused() -> None:
    ensemble = Ensemble.of(lambda: nn.Sequential(nn.Linear(FEATURES, CLASSES), Noisy()), [0])
    training = Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD())
    with pytest.raises(ValueError, match="draws random numbers when it is called"):
        training.run([torch.full((2,), 0.1)])


class Pair(nn.Linear):
    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(inputs), inputs


def test_what_is_no_single_tensor_is_refused() -> None:
    ensemble = Ensemble.of(lambda: Pair(FEATURES, CLASSES), [0])
    with pytest.raises(ValueError, match=r"a network gives one tensor \(n, outputs, …\); Pair gives a tuple"):
        Training(ensemble, Examples.same(pool(), 1), [0], minibatch=8, optimizer=SGD())


def test_examples_whose_numbers_do_not_agree() -> None:
    inputs, rows, labels = pool().inputs, torch.arange(5), pool().labels[:4]
    with pytest.raises(ValueError, match="replica 1 has 5 rows and 4 labels"):
        Examples.of(inputs, [rows[:4], rows], [labels, labels])
    with pytest.raises(ValueError, match="rows of 2 replicas, and labels of 1"):
        Examples.of(inputs, [rows, rows], [labels])
    with pytest.raises(ValueError, match="seeds are a list with one for each network"):
        Ensemble.of(perceptron, 3)  # type: ignore[arg-type]
