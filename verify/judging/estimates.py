"""Intervals and fits: the numerical half of `judge`, which alone imports it (scipy takes a while to load).

Quantiles come from `scipy.special`, whose functions `scipy.stats` itself calls: the same numbers, loaded three times
as fast.  Nothing here knows of claims or records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Interval = tuple[float, float]
Array = NDArray[np.float64]


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


def signed_rank_interval(numbers: Sequence[float], level: float) -> tuple[float, Interval]:
    """Hodges and Lehmann's (1963) estimate and the interval that inverts Wilcoxon's exact signed-rank test.

    Both are of the pseudomedian: the median of the mean of two independent numbers, which is the mean and the median
    where the distribution is symmetric.  The estimate is the median of the n (n + 1) / 2 means of two of the
    numbers, each with itself too (Walsh averages); the ends are two of them, counted from either side.  Symmetric
    numbers, of whatever tails, are missed at most as often as stated; skewed ones a little more often.  The whole
    line where so few numbers reach no such level: below 6 at 0.95, 10 at 0.998.

    Made for hundreds of numbers: memory grows with the square of n, time (the first time) with its cube.
    """
    values = np.asarray(numbers, float)
    i, j = np.triu_indices(len(values))
    walsh = np.sort(values[i] / 2 + values[j] / 2)
    estimate, place = float(np.median(walsh)), _signed_rank(len(values), level)
    if place == 0:
        return estimate, (-math.inf, math.inf)
    return estimate, (float(walsh[place - 1]), float(walsh[-place]))


@cache
def _signed_rank(n: int, level: float) -> int:
    """How many sums of positive ranks lie in one tail: the end's place among the Walsh averages, 0 for none."""
    chances = np.ones(1)  # of each sum, of the ranks so far; rank r is added or not
    for rank in range(1, n + 1):
        longer = np.zeros(len(chances) + rank)
        longer[: len(chances)] += chances / 2
        longer[rank:] += chances / 2
        chances = longer
    return int(np.searchsorted(np.cumsum(chances), (1 - level) / 2, side="right"))


def deviation_interval(numbers: Sequence[float], level: float) -> tuple[float, Interval]:
    """Mean absolute deviation from the median, τ, and an interval that heavy tails leave nearly as good as it says.

    Estimate (n - 1 below) and variance of its logarithm are Bonett and Seier's (2003, doi:10.1198/0003130032323).
    Their interval is normal on the log scale; this is Student's t on that of 1 / √τ, since tails that a sample lacks
    push τ up: with t3 numbers at 0.998 it misses at most 1.6 times as often as stated, theirs up to 6 times.  No upper
    end where so few numbers reach no such level.  A normal variable's τ is √(2/π) = 0.798 of its sd.

    Raises:
        ValueError: all numbers are equal.
    """
    n, tau = len(numbers), float(_deviations(numbers).mean())
    shift = float(np.mean(numbers) - np.median(numbers))
    spread = math.sqrt((shift**2 + sd(numbers) ** 2) / tau**2 - 1)
    estimate, half = tau * n / (n - 1), t_interval(0.0, spread, level, n)[1] / 2
    return estimate, (estimate / (1 + half) ** 2, estimate / (1 - half) ** 2 if half < 1 else math.inf)


def deviation_ratio_interval(first: Sequence[float], second: Sequence[float], level: float) -> tuple[float, Interval]:
    """Log ratio of two *paired* arms' mean absolute deviations from their medians, and its interval.

    A t interval of what each pair adds to the log ratio, to first order: |x - median| / mean deviation of the first
    arm minus that of the second.  So Levene's (1960) test, with Brown and Forsythe's (1974) medians, is paired and made
    an interval.  Where one arm is distributed as the other, scaled, it is the log ratio of their sds too.

    Raises:
        ValueError: all numbers of an arm are equal.
    """
    above, below = _deviations(first), _deviations(second)
    ratio = math.log(float(above.mean() / below.mean()))
    low, high = t_interval(ratio, sd(above / above.mean() - below / below.mean()), level, len(above))
    return ratio, (low, high)


def _deviations(numbers: Sequence[float]) -> Array:
    """Each number's distance from the median."""
    values = np.asarray(numbers, float)
    deviations: Array = np.abs(values - np.median(values))
    if not deviations.any():
        raise ValueError("a deviation needs numbers that differ")
    return deviations


def seeds_for_power(distances: Sequence[float], level: float, power: float = 0.9, most: int = 10_000) -> int | None:
    """The fewest seeds, 3 or more, with which a t interval clears its bounds with a chance of `power`.

    By the noncentral t distribution, if the numbers are normal and truth and spread are as given.  Where both ends of a
    band are to be cleared at once, the chances of failing at either are added, which errs on the side of more.

    Args:
        distances: of the truth from each bound that the interval must clear, in standard deviations over seeds.
        level: of the interval, which is two-sided.
        power: the chance asked for.
        most: give up beyond this many.

    Returns:
        None where more than `most` are needed, or the truth sits on a bound.
    """

    def enough(n: int) -> bool:
        return chance_to_clear(distances, level, n) >= power

    low, high = 2, most
    if not enough(most):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def chance_to_clear(distances: Sequence[float], level: float, n: int) -> float:
    """The chance that a t interval over `n` seeds clears its bounds; of two at once, the least that it can be.

    Args:
        distances: of the truth from each bound, in standard deviations over seeds.
        level: of the interval, which is two-sided.
        n: seeds, 2 or more.
    """
    limit = special.stdtrit(n - 1, (1 + level) / 2)
    missed = [float(special.nctdtr(n - 1, abs(each) * math.sqrt(n), limit)) for each in distances]
    # Some chances below 1e-40 come back as no number: the first terms of the sum have underflowed.
    return max(0.0, 1 - sum(0.0 if math.isnan(each) else each for each in missed))


def distance_for_power(n: int, level: float, power: float = 0.9, width: float = math.inf) -> float | None:
    """How far from a bound the truth must lie for a t interval over `n` seeds to clear it with a chance of `power`.

    The inverse of `seeds_for_power`, in standard deviations over seeds.  Within a band of `width`, both ends are to be
    cleared; None where even its middle is too near to them.
    """

    def enough(distance: float) -> bool:
        others = () if math.isinf(width) else (width - distance,)
        return chance_to_clear((distance, *others), level, n) >= power

    low, high = 0.0, 1.0
    if math.isinf(width):
        while not enough(high):
            high *= 2
    else:
        high = width / 2
        if not enough(high):
            return None
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sd(numbers: Sequence[float] | Array) -> float:
    """The sample standard deviation, with n - 1 below."""
    return float(np.std(numbers, ddof=1))


def slopes(x: Sequence[float], ys: Sequence[Sequence[float]]) -> list[float]:
    """The least-squares slope over `x` (at least two distinct values) of each row of `ys`."""
    fitted = np.polyfit(np.asarray(x, float), np.asarray(ys, float).T, 1)
    return [float(slope) for slope in fitted[0]]


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's correlation of two sequences that both vary."""
    return float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))
