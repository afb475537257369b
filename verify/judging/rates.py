"""Intervals of how often an event happens, and of the difference of two such rates in pairs.

Exact in that they hold at any number of seeds: nothing is taken to be normal.  Nothing here knows of claims or records.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from verify.judging.estimates import Interval

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)
_NOTHING = 1e-15
"""A chance that is left out of an integral."""


def rate_interval(k: int, n: int, level: float) -> Interval:
    """Clopper and Pearson's (1934) exact interval of the rate of an event that `k` of `n` seeds show."""
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betainccinv(k + 1, n - k, tail))
    return low, high


def deciding_counts(bound: float, n: int, level: float) -> tuple[int, int]:
    """Of `n` seeds, the fewest that must show an event for its rate to be at least `bound`, and the most for less.

    By `rate_interval`; n + 1 and -1 where no number of them decides.
    """
    least = next((k for k in range(n + 1) if rate_interval(k, n, level)[0] >= bound), n + 1)
    most = next((k for k in range(n, -1, -1) if rate_interval(k, n, level)[1] < bound), -1)
    return least, most


def chance_of_at_least(k: int, n: int, rate: float) -> float:
    """The chance that `k` or more of `n` seeds show an event of this rate."""
    return float(special.bdtrc(k - 1, n, rate)) if 0 < k <= n else float(k <= 0)


def rate_for_power(k: int, n: int, power: float = 0.9) -> float | None:
    """The smallest rate at which `k` or more of `n` seeds show the event with a chance of `power`; None for k > n."""
    if k > n:
        return None
    return 0.0 if k <= 0 else float(special.betaincinv(k, n - k + 1, power))


def rate_difference_interval(both: int, first_only: int, second_only: int, neither: int, level: float) -> Interval:
    """Interval of the difference of two rates (first minus second) of an event in arms that share seeds.

    Fay and Lumbard's (2021, doi:10.1002/sim.8829) melded interval, which R's exact2x2 has as `mcnemarExactDP`.  The
    difference is θ (2β - 1), where θ is the rate of discordant pairs and β the share of them that only the first arm
    has the event in.  Clopper and Pearson's bounds of both, at every level at once, are two distributions; the lower
    end is the quantile of θ (2β - 1) under them, with whichever bound of θ makes it smaller.

    It leaves out 0 just where McNemar's exact test rejects.  That it covers the truth at least as often as stated
    at all n is not proved: its authors found no exception up to n = 100, nor did we (see `benchmarks.coverage`).  Where
    exact unconditional intervals are a little shorter, they are at odds with that test.

    Args:
        both: seeds in which both arms have the event.
        first_only: seeds in which only the first has it.
        second_only: seeds in which only the second has it.
        neither: seeds in which none has it.
        level: such as 0.95; each end misses with half of the rest.
    """
    n, tail = both + first_only + second_only + neither, (1 - level) / 2
    return _lower(first_only, second_only, n, tail), -_lower(second_only, first_only, n, tail)


def _lower(more: int, fewer: int, n: int, tail: float) -> float:
    """The lower end of θ (2β - 1), from pairs in favour and against."""
    from scipy.optimize import brentq  # twice as slow to load as all else

    if more == 0:  # β has 0 for its lower bound, at every level
        return -rate_interval(fewer, n, 1 - 2 * tail)[1]
    discordant = more + fewer

    def below(end: float) -> float:
        """The chance of a difference of at most `end`: over θ, the chance of β at most (1 + end / θ) / 2."""
        if end < 0 and discordant == n:
            return float(special.betainc(more, fewer + 1, (1 + end) / 2))
        # θ's lower bound where the difference is positive, its upper one where it is negative.
        a, b = (discordant, n - discordant + 1) if end >= 0 else (discordant + 1, n - discordant)
        size = abs(end)
        start = max(size, float(special.betaincinv(a, b, _NOTHING)))
        stop = float(special.betainccinv(a, b, _NOTHING))
        certain = float(special.betainc(a, b, size)) if end >= 0 else 0.0  # θ below `end`: then any β
        if stop <= start:
            return certain
        theta = start + (stop - start) * (_NODES + 1) / 2
        density = np.exp(special.xlogy(a - 1, theta) + special.xlog1py(b - 1, -theta) - special.betaln(a, b))
        chance = special.betainc(more, fewer + 1, (1 + end / theta) / 2)
        return certain + float(_WEIGHTS @ (density * chance)) * (stop - start) / 2

    return float(brentq(lambda end: below(end) - tail, -1.0, 1.0, xtol=1e-12))
