"""What looks could decide: against tables, against the judge on drawn data, and as the command says it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tests.conftest import Mini
from tests.judging import A_MINUS_B, CPU, claim, points, record, trial
from verify.judging import estimates, rates
from verify.judging.judge import judge
from verify.judging.power import Power, power
from verify.model import Claim, Criterion, Evidence, Trial, Where

ARMS = points(arm=["a", "b"])
ABOVE = claim(Criterion(low=0.5), statistic="difference", arms=A_MINUS_B)


def test_the_distance_is_that_of_tables() -> None:
    """G*Power 3.1: a one-sample t test, two-sided at 0.05, needs 44 seeds for 0.5 and 13 for 1 with a power of 0.9."""
    for n, effect in ((44, 0.5), (13, 1.0)):
        at, before = estimates.distance_for_power(n, 0.95), estimates.distance_for_power(n - 1, 0.95)
        assert at is not None
        assert before is not None
        assert at <= effect < before


@pytest.mark.parametrize("n", [3, 5, 10, 40, 200])
@pytest.mark.parametrize("level", [0.95, 0.998])
def test_the_distance_is_the_inverse_of_the_number_of_seeds(n: int, level: float) -> None:
    distance = estimates.distance_for_power(n, level)
    assert distance is not None
    assert estimates.chance_to_clear([distance], level, n) == pytest.approx(0.9, abs=1e-6)
    assert estimates.seeds_for_power([distance], level) == n
    assert estimates.seeds_for_power([distance * 0.999], level) == n + 1


def test_chances_that_underflow_are_none() -> None:
    """`nctdtr` is no number for some of these, and the search for the fewest seeds must not be led astray."""
    assert [estimates.chance_to_clear([38.7 / math.sqrt(n)], 0.998, n) for n in (2492, 2765, 10_000)] == [1, 1, 1]
    assert estimates.seeds_for_power([0.7368713263422251], 0.998) == 40


def test_a_band_must_be_wide_enough_for_both_ends() -> None:
    one = estimates.distance_for_power(20, 0.95)
    assert one is not None
    assert estimates.distance_for_power(20, 0.95, width=100.0) == pytest.approx(one, rel=1e-6)
    near = estimates.distance_for_power(20, 0.95, width=2.4 * one)
    assert near is not None
    assert one < near <= 1.2 * one
    assert estimates.distance_for_power(20, 0.95, width=2 * one) is None, "each end takes half of the chance to fail"


def test_an_interval_clears_its_bound_as_often_as_is_said() -> None:
    n, level, runs = 8, 0.99, 4000
    distance = estimates.distance_for_power(n, level)
    assert distance is not None
    draws = np.random.default_rng(1).normal(distance, 1, (runs, n))
    cleared = sum(estimates.t_interval(float(each.mean()), estimates.sd(each), level, n)[0] > 0 for each in draws)
    assert cleared / runs == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / runs))


@pytest.mark.parametrize(("n", "expected"), [(35, (36, 27)), (36, (36, 28)), (59, (58, 47)), (3, (4, 0))])
def test_counts_that_decide_a_rate(n: int, expected: tuple[int, int]) -> None:
    least, most = rates.deciding_counts(0.9, n, 0.95)
    assert (least, most) == expected
    low = stats.binomtest(least, n).proportion_ci(0.95, "exact").low if least <= n else 1
    assert low >= 0.9
    if least <= n:
        assert stats.binomtest(least - 1, n).proportion_ci(0.95, "exact").low < 0.9
    assert stats.binomtest(most, n).proportion_ci(0.95, "exact").high < 0.9
    assert stats.binomtest(most + 1, n).proportion_ci(0.95, "exact").high >= 0.9


def test_the_rate_for_a_power_is_that_of_the_binomial_distribution() -> None:
    rate = rates.rate_for_power(36, 40)
    assert rate is not None
    assert stats.binom.sf(35, 40, rate) == pytest.approx(0.9)
    assert rates.chance_of_at_least(36, 40, rate) == pytest.approx(0.9)
    assert rates.chance_of_at_least(0, 40, 0.1) == 1
    assert rates.chance_of_at_least(41, 40, 1.0) == 0
    assert rates.rate_for_power(41, 40) is None
    assert rates.rate_for_power(0, 40) == 0


# A claim's power

Values = Callable[[Where, int], float]


def known(values: Values, seeds: int, grid: list[Where] = ARMS) -> Evidence:
    records = [record(point, seed, values(point, seed)) for point in grid for seed in range(seeds)]
    return Evidence("review", "v", "tiny", {"e1": CPU}, records=tuple(records))


def declared(seeds: int, grid: list[Where] = ARMS) -> list[Trial]:
    return [trial(point, seed) for point in grid for seed in range(seeds)]


def asked(of: Claim, values: Values, *looks: int, seeds: int = 6, grid: list[Where] = ARMS) -> Power:
    return power(of, looks, known(values, seeds, grid), declared(looks[-1], grid), 0.99)


def waver(effect: float) -> Values:
    """Arms whose difference is `effect` ± 1 by turns: over 6 seeds, sd 1.09545."""
    return lambda where, seed: (effect + (-1) ** seed) * (where["arm"] == "a")


def test_a_claims_distances_are_in_the_metrics_own_numbers() -> None:
    found = asked(ABOVE, waver(2.0), 2, 5, 20)
    assert (found.seeds, found.estimate, found.toward) == (6, 2.0, "supported")
    assert found.spread == pytest.approx(1.09545, rel=1e-5)
    two, five, twenty = found.looks
    assert (two.supports, two.contradicts, two.chance) == (None, None, 0.0), "fewer than three seeds decide nothing"
    each = estimates.distance_for_power(5, 0.99)
    assert each is not None
    assert five.supports == five.contradicts == pytest.approx(each * 1.09545, rel=1e-5)
    assert five.chance == pytest.approx(estimates.chance_to_clear([1.5 / 1.09545], 0.99, 5), rel=1e-4)
    assert twenty.chance is not None
    assert twenty.chance > 0.99
    assert found.decided == 3


def test_on_the_bound_nothing_is_foreseen() -> None:
    found = asked(ABOVE, waver(0.5), 6)
    assert (found.toward, found.looks[0].chance, found.decided) == (None, None, None)


def test_within_a_band_both_ends_count_and_outside_the_nearer_one() -> None:
    band = claim(Criterion(low=-1.0, high=1.0), statistic="difference", arms=A_MINUS_B)
    inside = asked(band, waver(0.0), 5, 100)
    assert inside.looks[0].supports is None, "no truth is far enough from both ends"
    assert inside.looks[0].contradicts is not None
    assert inside.looks[1].supports is not None
    assert inside.looks[1].supports == pytest.approx(inside.looks[1].contradicts, rel=1e-3)
    outside = asked(band, waver(3.0), 10)
    assert outside.toward == "contradicted"
    assert outside.looks[0].chance == pytest.approx(estimates.chance_to_clear([2 / 1.09545], 0.99, 10), rel=1e-4)


def test_a_control_must_be_decided_as_well() -> None:
    def values(where: Where, seed: int) -> float:
        return (3.0 if where["arm"] == "a" else 0.4) + float((-1) ** seed)

    alone = asked(claim(Criterion(low=0.5), statistic="mean", where={"arm": "a"}, control={"arm": "b"}), values, 20)
    assert alone.looks[0].chance is not None
    assert alone.looks[0].chance < 0.05, "0.4 is not told from 0.5"


def test_the_judge_decides_as_often_as_was_foreseen() -> None:
    estimate, spread, n, runs = 1.6, 1.0, 8, 2000
    generator = np.random.default_rng(3)
    pilot = generator.standard_normal(50)
    pilot = estimate + spread * (pilot - pilot.mean()) / pilot.std(ddof=1)
    found = power(
        ABOVE, (n,), known(lambda where, seed: float(pilot[seed]) * (where["arm"] == "a"), 50), declared(50), 0.99
    )
    decided = 0
    for _ in range(runs):
        draw = generator.normal(estimate, spread, n)
        evidence = known(lambda where, seed, draw=draw: float(draw[seed]) * (where["arm"] == "a"), n)  # type: ignore[misc]
        decided += judge(ABOVE, evidence, declared(n), 5).status == "supported"  # level 0.99
    chance = found.looks[0].chance
    assert chance is not None
    assert 0.3 < chance < 0.9
    assert decided / runs == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / runs))


def test_a_rates_distances_differ_by_side() -> None:
    often = claim(
        Criterion(low=0.5), statistic="rate", where={"arm": "a"}, event=Criterion(low=1.0), control={"arm": "b"}
    )
    found = asked(often, lambda where, _: float(where["arm"] == "a"), 5, 20)
    assert (found.estimate, found.spread, found.toward) == (1.0, None, "supported")
    five, twenty = found.looks
    assert (five.supports, five.contradicts) == (None, None), "5 of 5 allows 0.35 at 99 %"
    least, most = rates.deciding_counts(0.5, 20, 0.99)
    above, below = rates.rate_for_power(least, 20), rates.rate_for_power(20 - most, 20)
    assert above is not None
    assert below is not None
    assert twenty.supports == pytest.approx(above - 0.5)
    assert twenty.contradicts == pytest.approx(0.5 - (1 - below))
    assert twenty.chance == pytest.approx(1.0)
    rarely = claim(
        Criterion(high=0.5), statistic="rate", where={"arm": "b"}, event=Criterion(low=1.0), control={"arm": "a"}
    )
    mirrored = asked(rarely, lambda where, _: float(where["arm"] == "a"), 5, 20)
    assert mirrored.looks[1].supports == pytest.approx(twenty.supports)
    assert mirrored.looks[1].chance == pytest.approx(1.0)


def test_only_seeds_in_which_all_that_is_needed_ran_are_counted() -> None:
    evidence = known(waver(2.0), 6)
    part = Evidence("review", "v", "tiny", {"e1": CPU}, records=evidence.records[:-1])
    assert power(ABOVE, (5,), part, declared(5 + 5), 0.99).seeds == 5


LARGE = "12 of 12 trials returned metric of 1e+150 or more, too large to compute with"


@pytest.mark.parametrize(
    ("of", "values", "reason"),
    [
        (claim(Criterion(high=1.0, every=True), where={"arm": "a"}, control={"arm": "b"}), waver(0.0),
         "it is a statement about each trial, which 3 seeds decide"),
        (claim(Criterion(low=0.0), statistic="difference", arms=A_MINUS_B, heavy_tails=True), waver(0.0),
         "its interval, for heavy tails, takes no distribution for granted"),
        (claim(Criterion(low=0.0), statistic="sd", arms=A_MINUS_B), waver(0.0),
         "the spread of a spread is not known from a few seeds"),
        (claim(Criterion(low=0.1), statistic="rate", arms=A_MINUS_B, event=Criterion(low=1.0)), waver(0.0),
         "only of a single arm's rate with one bound"),
        (ABOVE, lambda where, _: float(where["arm"] == "a"), "no spread over 6 seeds"),
        (ABOVE, lambda _where, _seed: 1e200, LARGE),
    ],
)  # fmt: skip
def test_what_is_not_told_says_why(of: Claim, values: Values, reason: str) -> None:
    found = asked(of, values, 5, 10)
    assert found.looks == ()
    assert found.untold == reason


def test_few_results_or_none_tell_no_spread() -> None:
    assert asked(ABOVE, waver(1.0), 5, seeds=2).untold == "a spread needs 3 seeds"
    assert asked(ABOVE, waver(1.0), 5, seeds=0).untold == "no earlier results of its trials"


# The command


def test_what_never_ran_is_told_by_a_pilot(mini: Mini) -> None:
    mini.edit("{seeds: 5}", "{seeds: [5, 10]}")
    assert "not told: no earlier results of its trials" in mini.verify("power")
    out = mini.verify("power", "coin@fair", "--pilot", "3")
    assert "coin:flips tiny: kept for its spread" in out
    assert "over 3 seeds (this machine)" in " ".join(out.split())
    assert "@loaded" not in out
    assert not mini.evidence.exists(), "nothing is published"
    lines = [json.loads(line) for line in mini.journal.read_text().splitlines()]
    assert sum("trial" in line for line in lines) == 6
    registered = [line["registered"] for line in lines if "registered" in line]
    assert {(each["claim"], tuple(each["seeds"])) for each in registered} == {("fair", (5, 10)), ("loaded", (5, 10))}
    again = mini.verify("power", "coin@fair", "--pilot", "3")
    assert "begun" not in again
    assert "4 to run, 6 fresh" in mini.verify("run", "--dry-run"), "the pilot's trials are the run's first"


def test_a_test_that_is_changed_after_a_pilot_was_registered_when_its_results_were_seen(mini: Mini) -> None:
    mini.verify("power", "--pilot", "3")
    mini.edit("{seeds: 5}", "{seeds: [5, 10]}")
    mini.verify("run")
    lines = [json.loads(line) for line in mini.evidence.read_text().splitlines()]
    seen = [(line["registered"]["seeds"], line["registered"].get("seen", 0)) for line in lines if "registered" in line]
    assert seen == [(5, 0), (5, 0), ([5, 10], 6), ([5, 10], 6)]


def test_the_command_says_what_each_look_decides(ran: Mini) -> None:
    out = ran.verify("power")
    assert "coin at tiny\n  @fair: within 0.45 to 0.55; now 0.5" in out
    assert "over 5 seeds (evidence)" in out
    assert "look  seeds  supports  contradicts  chance  takes" in out
    assert "contradicted by look 1, 5 seeds" in out
    assert max(map(len, out.splitlines())) <= 80
    ran.edit("range(1000)) / 1000", "range(1001)) / 1001")
    assert ran.verify("power") == out, "of whatever code"
    found, _ = json.loads(ran.verify("power", "--json"))["claims"]
    assert (found["claim"], found["source"], found["looks"]) == ("fair", "evidence", [5])
    assert found["power"]["seeds"] == 5
    assert found["seconds"][0] > 0


def test_unknown_names_are_told_all_at_once(ran: Mini) -> None:
    out = ran.verify("power", "coin@fare", "coin:flip", "con", expect=2)
    assert "review 'coin' has no claim 'fare'\n    did you mean 'fair'?" in out
    assert "review 'coin' has no verification 'flip'\n    did you mean 'flips'?" in out
    assert "there is no review 'con'" in out
    assert ran.verify("power", "--scale", "small") == "no claim of what was asked for is declared at scale small\n"
