"""Known answers: data drawn from a known truth must get the right verdict at the stated rates.

Every draw is seeded.  A rate is held against its nominal value with four binomial standard errors of room.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from tests.judging import A_MINUS_B, by_arm, claim, evidence, points, record, trial, verdict_of
from verify.judging import estimates
from verify.judging.judge import judge
from verify.model import Claim, Criterion, Verdict, Where

RUNS = 1000
SEEDS = 5
CLAIMS = 2
MISS = 0.05 / CLAIMS
"""The chance, with two claims in the review, that one claim's interval misses the truth."""

Draw = Callable[[np.random.Generator], tuple[Callable[[Where, int], float], list[Where]]]


def room(rate: float, runs: int = RUNS) -> float:
    return 4 * math.sqrt(rate * (1 - rate) / runs)


def verdicts(asked: Claim, draw: Draw, runs: int = RUNS, seeds: int = SEEDS) -> list[Verdict]:
    generator = np.random.default_rng(20240601)
    return [verdict_of(asked, *draw(generator), seeds, CLAIMS) for _ in range(runs)]


def rates(found: Sequence[Verdict]) -> dict[str, float]:
    return {status: number / len(found) for status, number in Counter(verdict.status for verdict in found).items()}


def two_arms(effect: float, noise: float = 1.0, seeds: int = SEEDS) -> Draw:
    """Arms that share a large effect of the seed and differ by `effect` (a minus b)."""

    def draw(generator: np.random.Generator) -> tuple[Callable[[Where, int], float], list[Where]]:
        shared = 10 + 5 * generator.standard_normal(seeds)
        a, b = shared + noise * generator.standard_normal((2, seeds)) + [[effect], [0.0]]
        return by_arm({"a": a, "b": b})

    return draw


BETTER = claim(Criterion(high=0.0), statistic="difference", arms=A_MINUS_B)


def test_no_effect_is_almost_never_supported_nor_contradicted() -> None:
    found = rates(verdicts(BETTER, two_arms(0.0)))
    assert found.get("supported", 0) <= MISS / 2 + room(MISS / 2)
    assert found.get("contradicted", 0) <= MISS / 2 + room(MISS / 2)


def test_a_true_effect_is_supported_and_its_opposite_contradicted() -> None:
    assert rates(verdicts(BETTER, two_arms(-6.0)))["supported"] > 0.95
    assert rates(verdicts(BETTER, two_arms(6.0)))["contradicted"] > 0.95


def test_pairing_removes_what_the_arms_of_a_seed_share() -> None:
    found = verdicts(BETTER, two_arms(-1.0, noise=0.2), runs=200)  # the seed's own effect is five times as large
    assert rates(found)["supported"] > 0.95


def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says() -> None:
    found = verdicts(BETTER, two_arms(-1.0))
    covered = sum(v.low is not None and v.high is not None and v.low <= -1.0 <= v.high for v in found) / RUNS
    assert covered == pytest.approx(1 - MISS, abs=room(MISS))


@pytest.mark.parametrize("truth", [-1.0, 1.0])
def test_equivalence_is_not_found_at_the_margin(truth: float) -> None:
    asked = claim(Criterion(low=-1.0, high=1.0), statistic="difference", arms=A_MINUS_B)
    found = rates(verdicts(asked, two_arms(truth, noise=0.1)))
    assert found.get("supported", 0) <= MISS / 2 + room(MISS / 2)


def test_equivalence_is_found_where_it_is_true_and_not_for_lack_of_seeds() -> None:
    asked = claim(Criterion(low=-1.0, high=1.0), statistic="difference", arms=A_MINUS_B)
    assert rates(verdicts(asked, two_arms(0.0, noise=0.1), runs=200))["supported"] > 0.95
    assert rates(verdicts(asked, two_arms(0.0, noise=2.0), runs=200)).get("supported", 0) < MISS
    assert rates(verdicts(asked, two_arms(0.0, noise=0.1, seeds=2), runs=20, seeds=2)) == {"inconclusive": 1.0}


def test_zero_spread_is_always_inconclusive() -> None:
    assert rates(verdicts(BETTER, two_arms(-1.0, noise=0.0), runs=50)) == {"inconclusive": 1.0}


def test_a_method_that_diverges_with_some_seeds_is_judged_by_the_others_and_the_failures_are_told() -> None:
    """Their number is a claim of its own: a mean that it decides is no normal one."""
    formula, grid = two_arms(-6.0)(np.random.default_rng(5))
    trials = [trial(point, seed) for point in grid for seed in range(SEEDS)]
    steady = [record(t.parameters, t.seed, formula(t.parameters, t.seed)) for t in trials]
    diverging = [
        record(old.parameters, old.seed, 90.0, diverged=True) if old.parameters["arm"] == "a" and old.seed < 2 else old
        for old in steady
    ]
    assert judge(BETTER, evidence(steady), trials, CLAIMS).status == "supported"
    verdict = judge(BETTER, evidence(diverging), trials, CLAIMS)
    assert (verdict.seeds, verdict.left_out, verdict.failed) == (3, 2, (2, 0))
    assert verdict.reason.endswith("; 2 seeds left out, in which a trial failed")
    failing = claim(Criterion(high=0.0), statistic="rate", arms=A_MINUS_B)
    assert judge(failing, evidence(diverging), trials, CLAIMS).estimate == 0.4


def test_a_control_as_good_as_the_arm_is_found_out() -> None:
    def draw(generator: np.random.Generator) -> tuple[Callable[[Where, int], float], list[Where]]:
        return by_arm({"a": generator.normal(0.1, 0.01, SEEDS), "b": generator.normal(0.1, 0.01, SEEDS)})

    asked = claim(Criterion(high=0.2), control={"arm": "b"}, where={"arm": "a"})
    found = verdicts(asked, draw, runs=200)
    assert rates(found)["inconclusive"] > 0.95
    assert {verdict.reason for verdict in found if verdict.estimate} >= {"the control passes too"}


def test_false_support_over_a_whole_review_stays_below_its_level() -> None:
    generator = np.random.default_rng(7)
    wrong = 0
    for _ in range(RUNS // 4):
        drawn = [two_arms(0.0)(generator) for _ in range(4)]
        wrong += any(verdict_of(BETTER, *draw, SEEDS, 4).status in {"supported", "contradicted"} for draw in drawn)
    assert wrong / (RUNS // 4) <= 0.05 + room(0.05, RUNS // 4)


# --- the other statistics, each at its truth


def covers(asked: Claim, truth: float, draw: Draw, runs: int = RUNS, seeds: int = SEEDS) -> float:
    found = verdicts(asked, draw, runs, seeds)
    return sum(v.low is not None and v.high is not None and v.low <= truth <= v.high for v in found) / runs


def over(grid: list[Where], mean: Callable[[Where], float], noise: float = 0.1) -> Draw:
    def draw(generator: np.random.Generator) -> tuple[Callable[[Where, int], float], list[Where]]:
        drawn = {
            (*point.values(), seed): mean(point) + noise * float(generator.standard_normal())
            for point in grid
            for seed in range(SEEDS)
        }
        return lambda where, seed: drawn[(*(where[name] for name in grid[0]), seed)], grid

    return draw


SIZES = [100, 300, 1000, 3000, 10000]
ANY = Criterion(low=0.0)


@pytest.mark.parametrize(
    ("asked", "truth", "draw"),
    [
        pytest.param(claim(ANY, statistic="slope", along="n", log=True), 3.0,
                     over(points(n=SIZES), lambda at: 3 * math.log10(float(at["n"]))), id="slope"),
        pytest.param(claim(ANY, statistic="slope", along="n", arms=A_MINUS_B), 2.0,
                     over(points(arm=["a", "b"], n=[1, 2, 4]),
                          lambda at: float(at["n"]) * (5 if at["arm"] == "a" else 3)), id="slope of a difference"),
        pytest.param(claim(ANY, statistic="interaction", along="n", log=True, arms=A_MINUS_B), -1.0,
                     over(points(arm=["a", "b"], n=SIZES),
                          lambda at: math.log10(float(at["n"])) * (1 if at["arm"] == "a" else 2)), id="interaction"),
        pytest.param(claim(ANY, statistic="interaction", along="n", log=True, spans=((1000, 10000), (100, 1000))), 1.5,
                     over(points(n=SIZES),
                          lambda at: max(0.0, 1.5 * (math.log10(float(at["n"])) - 3))), id="slopes over spans"),
        pytest.param(claim(ANY, statistic="interaction", arms=A_MINUS_B, between=({"k": 8}, {"k": 1})), 0.7,
                     over(points(arm=["a", "b"], k=[1, 8]),
                          lambda at: 0.1 * float(at["k"]) * (at["arm"] == "a")), id="difference of differences"),
        pytest.param(claim(ANY, statistic="log_ratio", arms=A_MINUS_B), math.log(4),
                     over(points(arm=["a", "b"]), lambda at: 400.0 if at["arm"] == "a" else 100.0), id="log_ratio"),
    ],
)  # fmt: skip
def test_every_statistic_estimates_its_truth(asked: Claim, truth: float, draw: Draw) -> None:
    assert covers(asked, truth, draw, runs=400) == pytest.approx(1 - MISS, abs=room(MISS, 400))


def test_the_interval_of_a_spread_covers_the_truth() -> None:
    asked = claim(ANY, statistic="sd")
    assert covers(asked, 2.0, over(points(arm=["a"]), lambda _: 5.0, 2.0)) == pytest.approx(1 - MISS, abs=room(MISS))


@pytest.mark.parametrize(("ratio", "shared"), [(1.0, 0.0), (1.0, 3.0), (2.0, 1.0)])
def test_the_interval_of_a_ratio_of_paired_spreads_covers_the_truth(ratio: float, shared: float) -> None:
    def draw(generator: np.random.Generator) -> tuple[Callable[[Where, int], float], list[Where]]:
        common, a, b = generator.standard_normal((3, 8))
        return by_arm({"a": ratio * (shared * common + a), "b": shared * common + b})

    asked = claim(ANY, statistic="sd", arms=A_MINUS_B)
    assert covers(asked, math.log(ratio), draw, seeds=8) == pytest.approx(1 - MISS, abs=room(MISS))


@pytest.mark.parametrize(
    ("truth", "form", "rival", "status"),
    [("log", "log", "saturating", "supported"), ("saturating", "log", "saturating", "contradicted")],
)
def test_the_form_that_made_the_data_predicts_the_largest_point(truth: str, form: str, rival: str, status: str) -> None:
    curves: dict[str, Callable[[Where], float]] = {
        "log": lambda at: 0.2 + 0.1 * math.log(float(at["n"])),
        "saturating": lambda at: 0.9 - 0.5 * math.exp(-float(at["n"]) / 500),
    }
    sizes = [100, 200, 400, 800, 1600, 3200, 6400]
    asked = claim(Criterion(high=0.01), statistic="holdout_error", along="n", form=form, rivals=(rival,))
    found = verdicts(asked, over(points(n=sizes), curves[truth], 0.001), runs=10)
    assert rates(found) == {status: 1.0}


# --- the intervals against scipy.stats itself


def test_quantiles_are_those_of_scipy_stats() -> None:
    values = [1.0, 2.5, 2.0, 4.0]
    spread = float(np.std(values, ddof=1))
    expected = stats.t.interval(0.99, 3, loc=np.mean(values), scale=stats.sem(values))
    assert estimates.t_interval(float(np.mean(values)), spread, 0.99, 4) == pytest.approx(expected)
    squares = 3 * spread**2 / stats.chi2.ppf([0.995, 0.005], 3)
    assert estimates.sd_interval(spread, 0.99, 4) == pytest.approx(np.sqrt(squares))


def test_the_ends_of_the_paired_interval_are_where_pitman_and_morgan_just_reject() -> None:
    generator = np.random.default_rng(3)
    x, y = generator.standard_normal((2, 9)) @ np.diag(np.arange(1, 10)) + generator.standard_normal(9)
    ratio, r = math.log(np.std(x, ddof=1) / np.std(y, ddof=1)), estimates.correlation(list(x), list(y))
    for end in estimates.sd_ratio_interval(ratio, r, 0.975, 9):
        test = stats.pearsonr(x + math.exp(end) * y, x - math.exp(end) * y)
        assert test.pvalue == pytest.approx(0.025)


def test_slopes_are_those_of_linregress() -> None:
    x, y = [0.0, 1.0, 3.0], [1.0, 2.0, 9.0]
    assert estimates.slopes(x, [y, x]) == pytest.approx([stats.linregress(x, y).slope, 1.0])
