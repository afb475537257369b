"""Intervals of rates, by ranks and of deviations, and seeds for a power: known answers, and what they miss."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy import special, stats

from verify.judging import estimates, rates
from verify.judging.estimates import Interval

LEVELS = [0.95, 0.998]


def room(rate: float, runs: int) -> float:
    return 4 * math.sqrt(rate * (1 - rate) / runs)


# --- rates


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 5), (5, 5), (3, 40), (100, 300)])
def test_a_rate_has_clopper_and_pearsons_interval(k: int, n: int, level: float) -> None:
    expected = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert rates.rate_interval(k, n, level) == pytest.approx((expected.low, expected.high))


def test_where_all_of_n_pass_the_rate_is_bounded_by_one_sided_powers() -> None:
    low, high = rates.rate_interval(5, 5, 0.9)
    assert low == pytest.approx(0.05 ** (1 / 5))
    assert high == 1.0


@cache
def difference(first_only: int, second_only: int, n: int, level: float) -> Interval:
    return rates.rate_difference_interval(0, first_only, second_only, n - first_only - second_only, level)


@pytest.mark.parametrize("level", LEVELS)
def test_a_difference_of_rates_is_that_of_its_definition(level: float) -> None:
    """Drawn from Clopper and Pearson's bounds, as Fay and Lumbard define it."""
    generator, draws, tail = np.random.default_rng(11), 500_000, (1 - level) / 2
    for more, fewer, n in [(14, 3, 40), (6, 5, 20), (1, 9, 12)]:
        discordant = more + fewer
        beta = 2 * generator.beta(more, fewer + 1, draws) - 1
        bounds = [
            generator.beta(discordant, n - discordant + 1, draws),
            generator.beta(discordant + 1, n - discordant, draws),
        ]
        expected = min(float(np.quantile(theta * beta, tail)) for theta in bounds)
        assert difference(more, fewer, n, level)[0] == pytest.approx(expected, abs=0.006)


def test_a_difference_of_rates_does_not_depend_on_the_kind_of_concordant_pairs_and_turns_with_the_arms() -> None:
    low, high = rates.rate_difference_interval(20, 7, 2, 11, 0.95)
    assert rates.rate_difference_interval(3, 7, 2, 28, 0.95) == (low, high)
    assert rates.rate_difference_interval(20, 2, 7, 11, 0.95) == (-high, -low)
    assert low < 5 / 40 < high


def test_a_difference_of_rates_without_discordant_pairs_is_bounded_by_their_rate() -> None:
    most = rates.rate_interval(0, 8, 0.95)[1]
    assert rates.rate_difference_interval(5, 0, 0, 3, 0.95) == pytest.approx((-most, most))


def test_where_all_pairs_are_discordant_a_negative_end_is_that_of_their_share() -> None:
    low, _ = rates.rate_difference_interval(0, 3, 5, 0, 0.95)
    assert low == pytest.approx(2 * rates.rate_interval(3, 8, 0.95)[0] - 1)


@pytest.mark.parametrize("level", [0.9, *LEVELS])
def test_a_difference_of_rates_leaves_out_0_just_where_mcnemars_exact_test_rejects(level: float) -> None:
    n = 14
    for first in range(n + 1):
        for second in range(n + 1 - first):
            low, high = difference(first, second, n, level)
            rejected = first + second > 0 and stats.binomtest(first, first + second).pvalue < 1 - level
            assert (low > 0 or high < 0) == rejected, (first, second)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [3, 4, 5, 6, 8, 10, 13, 16, 20])
def test_a_difference_of_rates_is_never_missed_more_often_than_stated(n: int, level: float) -> None:
    """Each end by itself, over a grid of true rates, by summing over all tables."""
    first, second = (each.ravel() for each in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    first, second = first[first + second <= n], second[first + second <= n]
    ends = np.array([difference(int(a), int(b), n, level) for a, b in zip(first, second, strict=True)])
    grid = np.concatenate([[0, 0.001, 0.01], np.linspace(0.02, 1, 50)])
    p, q = (each.ravel() for each in np.meshgrid(grid, grid))
    p, q = p[p + q <= 1], q[p + q <= 1]
    logs = special.gammaln(n + 1) - special.gammaln([first + 1, second + 1, n - first - second + 1]).sum(axis=0)
    rest = np.clip(1 - p - q, 0, 1)[:, None]
    chances = np.exp(
        logs
        + special.xlogy(first, p[:, None])
        + special.xlogy(second, q[:, None])
        + special.xlogy(n - first - second, rest)
    )
    truth = (p - q)[:, None]
    assert chances.sum(axis=1) == pytest.approx(1)
    assert (chances * (ends[:, 0] > truth + 1e-9)).sum(axis=1).max() <= (1 - level) / 2
    assert (chances * (ends[:, 1] < truth - 1e-9)).sum(axis=1).max() <= (1 - level) / 2


@pytest.mark.parametrize("n", [40, 160])
@pytest.mark.parametrize(("p", "q"), [(0.05, 0.05), (0.3, 0.1), (0.02, 0.9), (0.0, 0.02)])
def test_a_difference_of_rates_covers_the_truth_with_many_seeds(n: int, p: float, q: float) -> None:
    drawn = np.random.default_rng(n).multinomial(n, [p, q, 1 - p - q], 1000)
    ends = np.array([difference(int(a), int(b), n, 0.95) for a, b, _ in drawn])
    missed = ((ends[:, 0] > p - q) | (ends[:, 1] < p - q)).mean()
    assert missed <= 0.05 + room(0.05, 1000)


# --- by ranks


@pytest.mark.parametrize(
    ("n", "level", "critical"),
    [(6, 0.95, 0), (7, 0.95, 2), (8, 0.95, 3), (9, 0.95, 5), (10, 0.95, 8), (15, 0.95, 25), (20, 0.95, 52),
     (8, 0.99, 0), (10, 0.99, 3), (15, 0.99, 15), (20, 0.99, 37)],
)  # fmt: skip
def test_the_ends_are_where_printed_tables_of_the_signed_rank_test_say(n: int, level: float, critical: int) -> None:
    """Walsh averages are all sums of two of these numbers, halved, and all differ."""
    numbers = [3.0**power for power in range(n)]
    walsh = sorted((a + b) / 2 for i, a in enumerate(numbers) for b in numbers[i:])
    assert estimates.signed_rank_interval(numbers, level)[1] == (walsh[critical], walsh[-critical - 1])


@pytest.mark.parametrize(("level", "fewest"), [(0.95, 6), (0.998, 10), (0.9997, 13)])
def test_so_few_numbers_that_no_rank_reaches_the_level_have_no_interval(level: float, fewest: int) -> None:
    numbers = list(np.random.default_rng(0).standard_normal(fewest))
    assert estimates.signed_rank_interval(numbers, level)[1] == (min(numbers), max(numbers))
    assert estimates.signed_rank_interval(numbers[1:], level)[1] == (-math.inf, math.inf)


def test_the_estimate_is_that_of_hollander_and_wolfe() -> None:
    """Their nine patients' change of a depression scale (1973, p. 29), which R's `wilcox.test` has for an example."""
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    estimate, ends = estimates.signed_rank_interval(list(before - after), 0.95)
    assert estimate == pytest.approx(0.46)
    assert ends == pytest.approx((0.01, 0.786))


def test_a_number_lies_in_it_where_the_signed_rank_test_does_not_reject() -> None:
    numbers = np.random.default_rng(4).standard_normal(17)
    low, high = estimates.signed_rank_interval(list(numbers), 0.95)[1]
    for end, inwards in ((low, 1e-9), (high, -1e-9)):
        assert stats.wilcoxon(numbers - end - inwards, method="exact").pvalue > 0.05
        assert stats.wilcoxon(numbers - end + inwards, method="exact").pvalue <= 0.05


# --- deviations


def test_a_mean_deviation_is_that_of_bonett_and_seier() -> None:
    """The example of `ci.mad` in R's statpsych; its interval is normal on the log scale."""
    numbers = [30, 20, 15, 10, 10, 60, 20, 25, 20, 30, 10, 5, 50, 40, 20, 10, 0, 20, 50]
    estimate, (low, high) = estimates.deviation_interval(numbers, 0.95)
    assert estimate == pytest.approx(12.5)
    error = math.log(19.62282 / 7.962667) / 2 / stats.norm.ppf(0.975) * stats.t.ppf(0.975, 18)
    assert [math.sqrt(estimate / end) for end in (low, high)] == pytest.approx([1 + error / 2, 1 - error / 2], rel=1e-6)


def test_so_few_numbers_that_a_deviation_has_no_upper_end() -> None:
    estimate, (low, high) = estimates.deviation_interval([0.0, 1.0, 5.0], 0.998)
    assert 0 < low < estimate
    assert high == math.inf


def test_a_ratio_of_deviations_is_a_t_interval_of_what_pairs_add_to_it() -> None:
    first, second = [0.0, 1.0, 2.0, 4.0, 10.0], [7.0, 3.0, 2.0, 4.0, 3.0]
    ratio, ends = estimates.deviation_ratio_interval(first, second, 0.95)
    assert ratio == pytest.approx(math.log((2 + 1 + 2 + 8) / (4 + 1 + 1)))
    added = np.array([2, 1, 0, 2, 8]) / 2.6 - np.array([4, 0, 1, 1, 0]) / 1.2
    assert ends == pytest.approx(stats.t.interval(0.95, 4, ratio, stats.sem(added)))
    assert estimates.deviation_ratio_interval(second, first, 0.95)[1] == pytest.approx((-ends[1], -ends[0]))


def test_numbers_that_are_all_equal_have_no_deviation() -> None:
    with pytest.raises(ValueError, match="differ"):
        estimates.deviation_interval([2.0, 2.0, 2.0], 0.95)
    with pytest.raises(ValueError, match="differ"):
        estimates.deviation_ratio_interval([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], 0.95)


def test_with_heavy_tails_deviations_hold_where_standard_deviations_do_not() -> None:
    samples = np.random.default_rng(8).standard_t(5, (2000, 3, 20))
    deviation = stats.t.expect(abs, (5,))
    missed = np.zeros(4)
    for own, other, shared in samples:
        first, second = list(own + shared), list(other + shared)
        log_ratio = math.log(estimates.sd(first) / estimates.sd(second))
        correlation = estimates.correlation(first, second)
        found = [
            (estimates.deviation_interval(list(own), 0.95)[1], deviation),
            (estimates.deviation_ratio_interval(first, second, 0.95)[1], 0.0),
            (estimates.sd_interval(estimates.sd(own), 0.95, 20), math.sqrt(5 / 3)),
            (estimates.sd_ratio_interval(log_ratio, correlation, 0.95, 20), 0.0),
        ]
        missed += [not low <= truth <= high for (low, high), truth in found]
    rates_missed = missed / len(samples)
    assert rates_missed[:2].max() <= 0.05 + room(0.05, len(samples))
    assert rates_missed[2] > 0.1
    assert rates_missed[3] > 0.07


# --- seeds


@pytest.mark.parametrize(("distance", "power", "seeds"), [(0.5, 0.9, 44), (0.5, 0.8, 34), (0.2, 0.9, 265)])
def test_seeds_for_a_power_are_those_of_one_sample_t_tests(distance: float, power: float, seeds: int) -> None:
    """As power programs and tables have them, two-sided at 5 %; which side the bound lies on does not matter."""
    assert estimates.seeds_for_power([distance], 0.95, power) == seeds
    assert estimates.seeds_for_power([-distance], 0.95, power) == seeds
    for n, enough in ((seeds, True), (seeds - 1, False)):
        chance = stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, distance * math.sqrt(n))
        assert (chance >= power) == enough


@pytest.mark.parametrize(("distances", "level"), [([1.0], 0.998), ([0.7, -0.7], 0.95), ([0.6, -1.0], 0.99)])
def test_with_so_many_seeds_intervals_clear_their_bounds_as_often_as_asked(
    distances: list[float], level: float
) -> None:
    n = estimates.seeds_for_power(distances, level)
    assert n is not None
    numbers = np.random.default_rng(2).standard_normal((4000, n))
    half = stats.t.ppf((1 + level) / 2, n - 1) * numbers.std(axis=1, ddof=1) / math.sqrt(n)
    cleared = np.ones(len(numbers), bool)
    for distance in distances:
        cleared &= numbers.mean(axis=1) * np.sign(distance) + half < abs(distance)
    assert cleared.mean() == pytest.approx(0.9, abs=0.02 + room(0.1, len(numbers)))


def test_no_number_of_seeds_is_given_where_none_helps_or_too_many_would_be_needed() -> None:
    assert estimates.seeds_for_power([0.0], 0.95) is None
    assert estimates.seeds_for_power([1.0, 0.0], 0.95) is None
    assert estimates.seeds_for_power([0.01], 0.95) is None
    assert estimates.seeds_for_power([1e6], 0.95) == 3
