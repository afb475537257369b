"""Estimates of several laboratories in one: published numbers, and another implementation as the oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from verify.judging.combined import combined

CLASP = [
    (5, 156, 8, 74),
    (5, 303, 17, 303),
    (12, 565, 9, 477),
    (69, 1570, 94, 1565),
    (9, 103, 11, 105),
    (313, 4659, 352, 4650),
]
"""Six trials of aspirin: events and women, treated and not (DerSimonian and Kacker 2007, table 1)."""


def odds_ratios() -> tuple[list[float], list[float]]:
    """Their log odds ratios and standard errors."""
    cells = [(a, n - a, c, m - c) for a, n, c, m in CLASP]
    return [math.log(a * d / (b * c)) for a, b, c, d in cells], [math.sqrt(sum(1 / x for x in each)) for each in cells]


def test_a_published_example() -> None:
    """Page 111: Paule and Mandel's tau 0.3681, mean -0.3811, its standard error 0.2060; t of 5 degrees is 2.5706."""
    found = combined(*odds_ratios())
    assert (round(found.between, 4), round(found.estimate, 4), found.laboratories) == (0.3681, -0.3811, 6)
    assert [round(found.low, 3), round(found.high, 3)] == [
        round(-0.3811 - 2.5706 * 0.2060, 3),
        round(-0.3811 + 2.5706 * 0.2060, 3),
    ]


def test_two_laboratories_by_hand() -> None:
    """With equal errors the mean is the middle, and the variance between is that of the estimates minus the error's."""
    found = combined([0.0, 2.0], [0.5, 0.5])
    assert (found.estimate, found.between) == (pytest.approx(1.0), pytest.approx(math.sqrt(2.0 - 0.25)))
    assert found.high - found.estimate == pytest.approx(stats.t.ppf(0.975, 1) * math.sqrt(2.0) / math.sqrt(2))


def test_agreement_by_luck_makes_no_interval_narrower_than_the_errors_do() -> None:
    found = combined([1.0, 1.0, 1.0], [0.3, 0.3, 0.3])
    assert found.between == 0.0
    assert found.high - found.estimate == pytest.approx(stats.t.ppf(0.975, 2) * 0.3 / math.sqrt(3))


finite = st.floats(-100, 100, allow_subnormal=False)


@given(st.lists(st.tuples(finite, st.floats(0.1, 10)), min_size=2, max_size=8))
def test_against_statsmodels(laboratories: list[tuple[float, float]]) -> None:
    values, errors = (np.array(each) for each in zip(*laboratories, strict=True))
    found = combined(list(values), list(errors))
    with np.errstate(divide="ignore", invalid="ignore"):  # of numbers about effects that do not differ
        oracle = combine_effects(values, errors**2, method_re="iterated", use_t=True)
    scale = float(np.ptp(values)) + float(errors.max())
    assert found.between**2 == pytest.approx(max(oracle.tau2, 0.0), rel=1e-3, abs=1e-4 * scale**2)
    assert found.estimate == pytest.approx(oracle.mean_effect_re, abs=1e-3 * scale)
    hartung_knapp = oracle.sd_eff_w_re_hksj * stats.t.ppf(0.975, len(values) - 1)
    raised = math.sqrt(max(1.0, 1 / oracle.scale_hksj_re)) if oracle.scale_hksj_re > 0 else math.inf
    if math.isfinite(raised) and oracle.scale_hksj_re > 1e-6:
        assert found.high - found.estimate == pytest.approx(hartung_knapp * raised, rel=1e-2)
    assert found.high - found.estimate >= hartung_knapp * 0.99


def test_the_interval_holds_what_it_says() -> None:
    """Simulated: three laboratories of unequal precision that lie apart; about one in twenty misses."""
    generator = np.random.default_rng(3)
    errors, missed, runs = np.array([0.5, 1.0, 1.5]), 0, 2000
    for _ in range(runs):
        truths = 2.0 + generator.normal(0, 1.0, 3)
        found = combined(list(generator.normal(truths, errors)), list(errors))
        missed += not found.low <= 2.0 <= found.high
    assert missed / runs < 0.07


@pytest.mark.parametrize(("estimates", "errors"), [([1.0], [0.1]), ([], []), ([1.0, 2.0], [0.1, 0.0])])
def test_what_cannot_be_combined(estimates: list[float], errors: list[float]) -> None:
    with pytest.raises(ValueError, match="two laboratories"):
        combined(estimates, errors)
