"""Learning-rate schedules: the rate of each step, written out as a tensor.

The length of a schedule is the number of steps.  All are float64: rates are rounded only where they meet the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor


def constant(rate: float, steps: int) -> Tensor:
    """The same rate at every step: (steps,)."""
    return torch.full((steps,), rate, dtype=torch.float64)


def cosine(rate: float, steps: int) -> Tensor:
    """From `rate` at the first step towards 0 after the last, along half a cosine: (steps,).

    Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5, without restarts.
    """
    progress = torch.arange(steps, dtype=torch.float64) / max(steps, 1)
    return rate * (1 + torch.cos(math.pi * progress)) / 2


def step_decay(rate: float, steps: int, *, at: Sequence[float], factor: float = 0.1) -> Tensor:
    """`rate`, multiplied by `factor` at each fraction of the training in `at`: (steps,)."""
    rates = constant(rate, steps)
    for fraction in at:
        rates[round(fraction * steps) :] *= factor
    return rates


def gradual_warmup(rates: Tensor, base: float, steps: int) -> Tensor:
    """`rates` with its first `steps` replaced by a ramp from `base`, one equal increment a step.

    Step 0 has rate `base`, and the step after the ramp is the first with its own rate (Goyal et al. 2017, arXiv
    1706.02677, section 2.2).

    Raises:
        ValueError: no step is left after the ramp.
    """
    _check_warmup(rates, steps)
    ramp = base + (rates[steps] - base) * torch.arange(steps, dtype=torch.float64) / max(steps, 1)
    return torch.cat([ramp, rates[steps:]])


def constant_warmup(rates: Tensor, base: float, steps: int) -> Tensor:
    """`rates` with its first `steps` at `base` (the same paper, section 2.2).

    Raises:
        ValueError: no step is left after the warmup.
    """
    _check_warmup(rates, steps)
    return torch.cat([constant(base, steps), rates[steps:]])


def _check_warmup(rates: Tensor, steps: int) -> None:
    if not 0 <= steps < len(rates):
        raise ValueError(f"a warmup of {steps} steps does not fit into {len(rates)}")


def segments(rates: Sequence[Tensor], points: int) -> Iterator[list[Tensor]]:
    """Schedules (steps,) of several replicas cut into at most `points` runs of equally many steps, in order.

    A shorter schedule is empty in the runs after its end.  Between two runs is where a curve gets a point.
    """
    steps = max(map(len, rates), default=0)
    ends = sorted({round(steps * point / points) for point in range(points + 1)})
    for begin, end in pairwise(ends):
        yield [each[begin:end] for each in rates]
