"""Estimates of several laboratories in one, and how far laboratories lie apart beyond what their seeds explain.

A random-effects summary, as of a meta-analysis.  It decides nothing: each laboratory's verdict is its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from scipy import special

from verify.judging.estimates import Array

LEVEL = 0.95
"""Of a summary's interval: it is one for each claim, and no part of what decides the review."""
_STEPS = 100


class Summary(Struct, frozen=True):
    """What laboratories come to together."""

    estimate: float
    low: float
    high: float
    between: float
    """Standard deviation between laboratories, of the truths that they measure."""
    laboratories: int


def combined(estimates: Sequence[float], errors: Sequence[float], level: float = LEVEL) -> Summary:
    """The mean of the laboratories' truths, weighted by how well each is known, and its interval.

    The variance between them is Paule and Mandel's (1982, doi:10.6028/jres.087.022); the interval is Hartung and
    Knapp's (2001, doi:10.1002/sim.791), with Student's t of one degree fewer than there are laboratories.  Its factor,
    which may come out below 1 where laboratories agree by luck, is then taken as 1 (Knapp and Hartung 2003,
    doi:10.1002/sim.1482): of a few laboratories it would else miss too often (Röver et al. 2015,
    doi:10.1186/s12874-015-0091-1).

    Args:
        estimates: one of each laboratory, two or more.
        errors: their standard errors, above 0, taken as known.
        level: of the interval.

    Raises:
        ValueError: there are fewer than two laboratories, or an error is 0.
    """
    values, variances = np.asarray(estimates, float), np.asarray(errors, float) ** 2
    if len(values) < 2 or not variances.all():
        raise ValueError("a summary needs two laboratories, and a spread in each")
    between = between_variance(values, variances)
    weights = 1 / (variances + between)
    mean = float(weights @ values / weights.sum())
    factor = max(1.0, float(weights @ (values - mean) ** 2) / (len(values) - 1))
    half = float(special.stdtrit(len(values) - 1, (1 + level) / 2)) * math.sqrt(factor / float(weights.sum()))
    return Summary(mean, mean - half, mean + half, math.sqrt(between), len(values))


def between_variance(values: Array, variances: Array) -> float:
    """Paule and Mandel's: with weights from it, the weighted squares about the mean are as many as degrees of freedom.

    0 where they are fewer without any.  The squares fall with the variance, and ever less steeply, so Newton's steps
    from 0 come up to the solution from below (DerSimonian and Kacker 2007, doi:10.1016/j.cct.2006.04.004).
    """
    found = 0.0
    for _ in range(_STEPS):
        weights = 1 / (variances + found)
        squares = (values - weights @ values / weights.sum()) ** 2
        excess = float(weights @ squares) - (len(values) - 1)
        if excess <= 0:
            break
        step = excess / float(weights**2 @ squares)
        found += step
        if step <= 1e-12 * found:
            break
    return found
