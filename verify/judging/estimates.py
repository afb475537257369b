"""Intervals and fits: the numerical half of `judge`, which alone imports it (scipy takes a while to load).

Quantiles come from `scipy.special`, whose functions `scipy.stats` itself calls: the same numbers, loaded three times
as fast.  Nothing here knows of claims or records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

Interval = tuple[float, float]


def t_interval(mean: float, spread: float, level: float, n: int) -> Interval:
    """Student's t interval of a mean over `n` seeds whose sample standard deviation is `spread`."""
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * spread / math.sqrt(n)
    return mean - half, mean + half


def sd_interval(spread: float, level: float, n: int) -> Interval:
    """Interval of a normal variable's standard deviation: (n - 1) s² / σ² is chi-squared with n - 1 degrees."""
    tail = (1 - level) / 2
    squares = (n - 1) * spread**2  # chdtri takes the upper tail
    return math.sqrt(squares / special.chdtri(n - 1, tail)), math.sqrt(squares / special.chdtri(n - 1, 1 - tail))


def sd_ratio_interval(log_ratio: float, correlation: float, level: float, n: int) -> Interval:
    """Exact interval of log(σ₁/σ₂) of two *paired* normal variables, from the log ratio of their sample sds.

    λ lies in it unless the test of Pitman (1939) and Morgan (1939), zero correlation of x + λy with x - λy, rejects
    λ = σ₁/σ₂.  Solving that test for λ gives, with K = 1 + 2 (1 - r²) t² / (n - 2), the variance ratio times
    K ± √(K² - 1), which on the log scale of the sds is the estimate ± arcosh(K) / 2.
    """
    t = float(special.stdtrit(n - 2, (1 + level) / 2))
    half = math.acosh(1 + 2 * (1 - correlation**2) * t**2 / (n - 2)) / 2
    return log_ratio - half, log_ratio + half


def sd(numbers: Sequence[float]) -> float:
    """The sample standard deviation, with n - 1 below."""
    return float(np.std(numbers, ddof=1))


def slopes(x: Sequence[float], ys: Sequence[Sequence[float]]) -> list[float]:
    """The least-squares slope over `x` (at least two distinct values) of each row of `ys`."""
    fitted = np.polyfit(np.asarray(x, float), np.asarray(ys, float).T, 1)
    return [float(slope) for slope in fitted[0]]


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's correlation of two sequences that both vary."""
    return float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))
