"""Which examples each replica sees at each step, and what it drops: drawn on the CPU, from streams of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from verify.lab.examples import Examples
from verify.lab.randomness import stream


class Minibatches:
    """Minibatches of every replica's own examples, in its own order.

    Args:
        examples: what each replica trains on.
        seeds: per replica, what decides its order.
        size: n, examples a minibatch.
        phase: number of this training among those a replica goes through: each has an order of its own.
    """

    def __init__(self, examples: Examples, seeds: Sequence[int], size: int, phase: int) -> None:
        rows, labels = examples.rows.cpu(), examples.labels.cpu()
        self._size, self._device = size, examples.rows.device
        self._orders = [
            _Order(rows[r, :count], labels[r, :count], stream(seed, f"order {phase}"))
            for r, (seed, count) in enumerate(zip(seeds, examples.sizes, strict=True))
        ]

    def take(self, group: Sequence[int], steps: int) -> tuple[Tensor, Tensor]:
        """The next minibatches of A replicas: rows of the inputs (steps, A n), and labels (steps, A, n, …)."""
        taken = zip(*(self._orders[r].take(steps * self._size) for r in group), strict=True)
        rows, labels = (torch.stack([each.view(steps, self._size, *each.shape[1:]) for each in of], 1) for of in taken)
        return moved(rows.flatten(1), self._device), moved(labels, self._device)


class _Order:
    """The order in which a replica sees its examples: one shuffle of all of them after another, without end.

    Args:
        rows: of its examples (m,).
        labels: (m, …).
        generator: draws the shuffles.
    """

    def __init__(self, rows: Tensor, labels: Tensor, generator: Generator) -> None:
        self._rows, self._labels, self._generator = rows, labels, generator
        self._waiting = rows[:0], labels[:0]

    def take(self, count: int) -> tuple[Tensor, Tensor]:
        """Rows and labels of the next `count` examples."""
        shuffles = [self._waiting]
        for _ in range(math.ceil((count - len(self._waiting[0])) / len(self._rows))):
            places = torch.randperm(len(self._rows), generator=self._generator)
            shuffles.append((self._rows.index_select(0, places), self._labels.index_select(0, places)))
        rows, labels = (torch.cat(each) if len(each) > 1 else each[0] for each in zip(*shuffles, strict=True))
        self._waiting = rows[count:], labels[count:]
        return rows[:count], labels[:count]


class Dropped:
    """Which units a replica keeps, one draw a step.

    Args:
        seed: decides the draws.
        rates: per dropout layer, the fraction of its units that are dropped.
        phase: of the training.

    Raises:
        ValueError: a rate that is not within 0 and 1.
    """

    def __init__(self, seed: int, rates: Sequence[float], phase: int) -> None:
        for rate in rates:
            if not 0 <= rate < 1:
                raise ValueError(f"dropout is a fraction of units within 0 to 1, and is not 1: {rate}")
        self.rates = rates
        self._generator = stream(seed, f"dropout {phase}")

    def take(self, layers: Sequence[Tensor]) -> list[Tensor]:
        """What the next step multiplies each layer's units (units, …, n) by: of their shape and type."""
        if not any(self.rates):
            return [torch.ones(each.shape, dtype=each.dtype) for each in layers]
        kept = []
        for rate, layer in zip(self.rates, layers, strict=True):
            drawn = torch.rand(layer.shape, generator=self._generator) >= rate
            kept.append(drawn.to(layer.dtype).div_(1 - rate))
        return kept


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on `device`; a GPU goes on meanwhile, and nobody waits for it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
