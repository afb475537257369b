"""Optimizers for several replicas at once: each updates them as the one of that name in `torch.optim` updates one.

Hyperparameters are one number for all replicas, or a list with one a replica.  `exempt` names parameters without weight
decay.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from verify.lab.checks import numbers

Each = float | Sequence[float]
"""One number for all replicas, or one a replica."""


def per_replica(name: str, given: Each, replicas: int) -> Tensor:
    """A hyperparameter of that name for each of the replicas (R,), float64 on the CPU.

    Raises:
        ValueError: a list that has not one value a replica.
    """
    values = torch.as_tensor(given, dtype=torch.float64)
    if values.dim() and len(values) != replicas:
        raise ValueError(f"{name} has {len(values)} values for {replicas} replicas")
    return values.expand(replicas)


class Piece(NamedTuple):
    """Parameters of A replicas that are updated by the same operations: (A, k) each.

    Where all hyperparameters are the same for all replicas, everything is one row (1, A k).
    """

    weights: Tensor
    gradient: Tensor
    """Used up by an update."""
    state: Mapping[str, Tensor]
    """By the optimizer's `slots`."""
    values: Mapping[str, Tensor]
    """Hyperparameters, (A, 1) each, or (1, 1)."""
    mask: Tensor | None = None
    alike: Mapping[str, float] | None = None
    """On a CPU, the hyperparameters where each is one number: one kernel may do the whole update."""


class Optimizer(ABC):
    """An update rule, with its hyperparameters as attributes."""

    limits: ClassVar[Mapping[str, tuple[float, float]]]
    """What hyperparameters lie within, the second number left out."""
    slots: ClassVar[tuple[str, ...]]
    """What is kept for every parameter from one step to the next; 0 at first."""
    exempt: Sequence[str]

    def values(self, replicas: int) -> dict[str, Tensor]:
        """Its hyperparameters for so many replicas: (R, 1) each.

        Raises:
            ValueError: a list that has not one value a replica, or a value that is out of its limits.
        """
        for name, (least, most) in self.limits.items():
            numbers(name, getattr(self, name), least, most)
        return {name: per_replica(name, getattr(self, name), replicas).unsqueeze(1) for name in self.limits}

    def factors(self, rates: Tensor, taken: Tensor, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """What `update_` is given at each step, (A, steps) each: the rate, and whatever follows from how far it is.

        Args:
            rates: learning rates (A, steps), float64 on the CPU.
            taken: steps that each replica has made before (A, 1).
            values: hyperparameters (A, 1), float64 on the CPU.
        """
        del taken, values
        return (rates,)

    @abstractmethod
    def update_(self, piece: Piece, *factors: Tensor) -> None:
        """Make a step in place; the factors are (A, 1), or (1, 1), as the piece's values are."""


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent with momentum (without dampening), and weight decay as an L2 penalty."""

    momentum: Each = 0.0
    weight_decay: Each = 0.0
    nesterov: bool = False
    exempt: Sequence[str] = ()
    slots = ("velocity",)
    limits = MappingProxyType({"momentum": (0.0, inf), "weight_decay": (0.0, inf)})

    def __post_init__(self) -> None:
        if self.nesterov and not torch.as_tensor(self.momentum).all():
            raise ValueError("Nesterov's momentum is no momentum where that is 0")

    def update_(self, piece: Piece, *factors: Tensor) -> None:
        weights, gradient, velocity, (rate,) = piece.weights, piece.gradient, piece.state["velocity"], factors
        if piece.alike is not None:
            kept = [velocity] if piece.alike["momentum"] else []  # which the kernel wants to be so
            torch._fused_sgd_(
                [weights], [gradient], kept, momentum=piece.alike["momentum"],
                weight_decay=piece.alike["weight_decay"], lr=float(rate), dampening=0.0, nesterov=self.nesterov,
                maximize=False, is_first_step=False,
            )  # fmt: skip
            return
        momentum = piece.values["momentum"]
        gradient.addcmul_(weights, piece.values["weight_decay"])
        torch.addcmul(gradient, velocity, momentum, out=velocity)
        if self.nesterov:
            gradient.addcmul_(velocity, momentum)
        weights.addcmul_(gradient if self.nesterov else velocity, rate, value=-1)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Kingma and Ba 2015, arXiv 1412.6980; weight decay is an L2 penalty."""

    betas: tuple[Each, Each] = (0.9, 0.999)
    eps: Each = 1e-8
    weight_decay: Each = 0.0
    exempt: Sequence[str] = ()
    slots = ("mean", "square")
    limits = MappingProxyType({"beta1": (0.0, 1.0), "beta2": (0.0, 1.0), "eps": (0.0, inf), "weight_decay": (0.0, inf)})

    def __post_init__(self) -> None:
        if not isinstance(self.betas, tuple) or len(self.betas) != 2:
            raise ValueError(
                "betas are a pair, of which each is a number for all replicas or a list with one a replica"
            )

    @property
    def beta1(self) -> Each:
        return self.betas[0]

    @property
    def beta2(self) -> Each:
        return self.betas[1]

    def values(self, replicas: int) -> dict[str, Tensor]:
        """With 1 - beta, which is taken before float32 rounds: of 0.99999 it would be 0.1 % off."""
        found = super().values(replicas)
        return found | {"fresh1": 1 - found["beta1"], "fresh2": 1 - found["beta2"]}

    def factors(self, rates: Tensor, taken: Tensor, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The rate, what it is divided by since the mean starts at 0, and likewise for the square's root."""
        steps = taken + torch.arange(1, rates.shape[1] + 1)
        return rates, rates / (1 - values["beta1"] ** steps), (1 - values["beta2"] ** steps).sqrt()

    def update_(self, piece: Piece, *factors: Tensor) -> None:
        weights, gradient, values = piece.weights, piece.gradient, piece.values
        rate, corrected, root = factors
        self._decay_(weights, gradient, values["weight_decay"], rate)
        mean, square = piece.state["mean"], piece.state["square"]
        mean.lerp_(gradient, values["fresh1"])
        square.lerp_(gradient.square_(), values["fresh2"])
        scale = torch.sqrt(square, out=gradient).div_(root).add_(values["eps"])
        weights.addcmul_(torch.div(mean, scale, out=scale), corrected, value=-1)

    def _decay_(self, weights: Tensor, gradient: Tensor, decay: Tensor, rate: Tensor) -> None:
        del rate
        gradient.addcmul_(weights, decay)


@dataclass(frozen=True)
class AdamW(Adam):
    """Loshchilov and Hutter 2019, arXiv 1711.05101: weight decay beside the gradient, times the rate."""

    weight_decay: Each = field(default=1e-2)

    def _decay_(self, weights: Tensor, gradient: Tensor, decay: Tensor, rate: Tensor) -> None:
        del gradient
        weights.addcmul_(weights, rate * decay, value=-1)
