"""The judge's rules one by one: every status with each of its reasons."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from tests.judging import (
    A_MINUS_B,
    AT_MOST_0,
    CPU,
    A,
    B,
    by_arm,
    claim,
    evidence,
    mean_of_a,
    points,
    record,
    trial,
    verdict_of,
    with_control,
)
from verify.judging.choices import choose
from verify.judging.judge import judge
from verify.model import Choice, Claim, Criterion, Evidence, Failure, Record, Trial, Verdict

# --- numbers beyond computing


HUGE = [1e308, 1.1e308, 1.2e308, 1.5e308, 1.6e308]


@pytest.mark.parametrize(
    ("statistic", "arms"), [("mean", ()), ("sd", ()), ("difference", A_MINUS_B), ("log_ratio", A_MINUS_B)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_without_a_square_decide_nothing(statistic: str, arms: tuple[dict[str, str], ...], sign: int) -> None:
    values = {"a": HUGE, "b": [sign * each for each in HUGE]}
    where = {} if arms else A
    verdict = verdict_of(claim(Criterion(high=1.0), statistic=statistic, arms=arms, where=where), *by_arm(values))
    trials = 10 if arms else 5
    reason = f"{trials} of {trials} trials returned metric of 1e+150 or more, too large to compute with"
    assert (verdict.status, verdict.reason, verdict.estimate) == ("inconclusive", reason, None)


def test_a_huge_number_still_misses_a_criterion_of_every_trial() -> None:
    verdict = mean_of_a(Criterion(high=1.0, every=True), [0.5, 0.5, 1e308])
    assert (verdict.status, verdict.estimate) == ("contradicted", 1e308)


@pytest.mark.parametrize("statistic", ["slope", "holdout_error"])
@pytest.mark.parametrize("places", [[1e-320, 1e-310, 1e-9, 1.0, 2.0], [1.0, 2.0, 3.0, 1e200, 1e308]])
def test_a_parameter_beyond_computing_decides_nothing(statistic: str, places: list[float]) -> None:
    form = {"form": "power"} if statistic == "holdout_error" else {}
    asked = claim(Criterion(high=1.0), statistic=statistic, along="x", **form)
    verdict = verdict_of(asked, lambda where, seed: float(where["x"] > 1) + seed, points(x=places))
    reason = "x is too large or too small to compute with"
    assert (verdict.status, verdict.reason) == ("inconclusive", reason)


def test_places_too_far_apart_for_a_form_decide_nothing() -> None:
    asked = claim(Criterion(high=1.0), statistic="holdout_error", along="x", form="power")
    verdict = verdict_of(
        asked, lambda where, seed: float(where["x"] > 1) + seed, points(x=[1e-140, 1e-90, 1.0, 2.0, 3.0])
    )
    reason = "the values of x lie too far apart to fit anything over them"
    assert (verdict.status, verdict.reason) == ("inconclusive", reason)


def test_a_slope_that_is_too_large_decides_nothing() -> None:
    asked = claim(Criterion(high=1.0), statistic="slope", along="x")
    verdict = verdict_of(
        asked, lambda where, seed: 1e100 * (float(where["x"] > 1e-100) + seed), points(x=[1e-100, 2e-100])
    )
    assert verdict.reason == "in a seed, the slope is too large to compute with"


def test_of_huge_numbers_the_best_is_chosen() -> None:
    records = [record({"lr": lr}, seed, size) for lr, size in ((0.1, 1.7e308), (0.2, 1.6e308)) for seed in range(5)]
    assert choose(Choice("v", "metric", "minimise"), "lr", {}, records) == 0.2


# --- the interval against the criterion


@pytest.mark.parametrize(
    ("criterion", "status", "reason"),
    [
        (Criterion(high=4.0), "supported", "the whole interval is at most 4"),
        (Criterion(high=1.0), "contradicted", "the whole interval is above 1"),
        (Criterion(low=1.0), "supported", "the whole interval is at least 1"),
        (Criterion(low=4.0), "contradicted", "the whole interval is below 4"),
        (Criterion(low=0.0, high=4.0), "supported", "the whole interval is within 0 to 4"),
        (Criterion(low=4.0, high=5.0), "contradicted", "the whole interval is outside 4 to 5"),
    ],
)
def test_an_interval_wholly_on_one_side_decides(criterion: Criterion, status: str, reason: str) -> None:
    verdict = mean_of_a(criterion, [1.9, 2.0, 2.1, 2.0, 2.0])
    assert (verdict.status, verdict.reason) == (status, reason)
    assert (verdict.estimate, verdict.seeds, verdict.trials, verdict.level) == (2.0, 5, 5, 0.95)
    assert verdict.per_seed == (1.9, 2.0, 2.1, 2.0, 2.0)


def test_endpoints_are_rounded_before_they_are_compared() -> None:
    verdict = mean_of_a(Criterion(high=4.0), [1.9, 2.0, 2.1, 2.0, 2.0])
    assert verdict.high is not None
    touching = mean_of_a(Criterion(high=verdict.high), [1.9, 2.0, 2.1, 2.0, 2.0])
    assert touching.status == "supported"
    assert touching.high == verdict.high == float(f"{verdict.high:.6g}")


def test_a_straddling_interval_says_how_many_seeds_would_settle_it() -> None:
    verdict = mean_of_a(Criterion(high=2.5), [1.0, 2.0, 3.0])
    assert verdict.status == "inconclusive"
    assert (verdict.seeds_needed, verdict.toward, verdict.undecided) == (44, "supported", True)
    assert verdict.reason == (
        "the interval includes 2.5; the estimate points to supported, which 44 seeds would settle in nine of ten cases"
    )


def test_it_says_which_way_the_estimate_points() -> None:
    verdict = mean_of_a(Criterion(high=1.5), [1.0, 2.0, 3.0])
    assert (verdict.seeds_needed, verdict.toward) == (44, "contradicted")
    assert "points to contradicted" in verdict.reason


def test_that_many_seeds_settle_it_nine_times_in_ten_and_some_fewer_do_not() -> None:
    import numpy as np

    from verify.judging.estimates import t_interval

    generator = np.random.default_rng(1)
    for seeds, least, most in ((44, 0.88, 0.92), (32, 0.7, 0.83)):
        rows = generator.normal(2.0, 1.0, (4000, seeds))
        clear = [
            t_interval(mean, spread, 0.95, seeds)[1] <= 2.5
            for mean, spread in zip(rows.mean(1), rows.std(1, ddof=1), strict=True)
        ]
        assert least < np.mean(clear) < most


def test_an_interval_wider_than_the_band_names_both_ends() -> None:
    verdict = mean_of_a(Criterion(low=1.5, high=2.5), [1.0, 2.0, 3.0])
    assert verdict.reason.startswith("the interval includes 1.5 and 2.5; the estimate points to supported")
    assert verdict.seeds_needed is not None
    assert verdict.seeds_needed > 44, "both ends have to clear"


def test_an_estimate_on_the_bound_is_not_settled_by_more_seeds() -> None:
    verdict = mean_of_a(Criterion(high=2.0), [1.0, 2.0, 3.0])
    assert verdict.seeds_needed is None
    assert verdict.reason == "the interval includes 2, and the estimate sits on it: more seeds need not settle it"


def test_an_estimate_next_to_the_bound_would_need_too_many_seeds() -> None:
    verdict = mean_of_a(Criterion(high=2.00001), [1.0, 2.0, 3.0])
    assert verdict.seeds_needed is None
    assert verdict.reason == "the interval includes 2.00001; the estimate points to supported"


def test_the_level_is_shared_among_all_claims_of_the_review() -> None:
    asked = claim(Criterion(high=4.0), where=A)
    alone = verdict_of(asked, *by_arm({"a": [1.9, 2.0, 2.1]}), seeds=3, claims=1)
    among_ten = verdict_of(asked, *by_arm({"a": [1.9, 2.0, 2.1]}), seeds=3, claims=10)
    assert among_ten.level == 0.995
    assert alone.high is not None
    assert among_ten.high is not None
    assert among_ten.high > alone.high


# --- when nothing can be decided


@pytest.mark.parametrize(("number", "seeds"), [(1, "1 seed"), (2, "2 seeds")])
def test_fewer_than_three_seeds_decide_nothing(number: int, seeds: str) -> None:
    verdict = mean_of_a(Criterion(high=4.0), [1.0, 2.0][:number])
    assert (verdict.status, verdict.low) == ("inconclusive", None)
    assert verdict.reason == f"{seeds}, where 3 are the fewest that decide"


def test_no_spread_is_no_certainty() -> None:
    verdict = mean_of_a(Criterion(high=4.0), [2.0, 2.0, 2.0])
    assert (verdict.status, verdict.estimate, verdict.low) == ("inconclusive", 2.0, None)
    assert verdict.reason == "no spread over 3 seeds, so no interval"


def test_rounding_noise_of_a_difference_is_no_spread() -> None:
    values = {"a": [0.3, 0.7, 1.1], "b": [0.2, 0.6, 1.0]}  # 0.1 each, but not to the last bit
    verdict = verdict_of(claim(Criterion(low=0.0), statistic="difference", arms=A_MINUS_B), *by_arm(values), seeds=3)
    assert verdict.reason == "no spread over 3 seeds, so no interval"


def test_rounding_noise_of_a_mean_is_no_estimate() -> None:
    values = [0.1, 0.2, -0.3]
    assert math.fsum(values) != 0
    assert mean_of_a(AT_MOST_0, values).estimate == 0


def test_a_control_that_passes_undoes_the_support() -> None:
    verdict = with_control(Criterion(high=3.0), [1.9, 2.0, 2.1], [1.8, 2.0, 2.3])
    assert (verdict.status, verdict.reason) == ("inconclusive", "the control passes too")
    assert verdict.control == 2.03333
    assert verdict.control_high is not None
    assert verdict.control_high <= 3.0


def test_a_control_without_spread_passes_by_its_value() -> None:
    verdict = with_control(Criterion(high=3.0), [1.9, 2.0, 2.1], [2.0, 2.0, 2.0])
    assert verdict.reason == "the control passes too"
    assert (verdict.control_low, verdict.control_high) == (2.0, 2.0)


def test_a_control_that_misses_leaves_the_support() -> None:
    assert with_control(Criterion(high=3.0), [1.9, 2.0, 2.1], [8.9, 9.0, 9.1]).status == "supported"


def test_a_control_that_passes_does_not_soften_a_contradiction() -> None:
    assert with_control(Criterion(high=3.0), [8.9, 9.0, 9.1], [1.9, 2.0, 2.1]).status == "contradicted"


def test_the_control_needs_three_seeds_too() -> None:
    trials = [trial(A, seed) for seed in range(3)] + [trial(B, 0)]
    records = [record(t.parameters, t.seed, 1 + t.seed / 10) for t in trials]
    verdict = judge(claim(Criterion(high=3.0), control=B, where=A), evidence(records), trials, 1)
    assert verdict.status == "inconclusive"
    assert verdict.reason == "of the control, 1 seed, where 3 are the fewest that decide"


def test_a_control_whose_spreads_cannot_be_compared_is_no_control() -> None:
    def formula(where: dict[str, object], seed: int) -> float:
        flat = where["model"] == "control" and where["arm"] == "b"
        return 1.0 if flat else [1.0, 5.0, 2.0, 9.0][seed] if where["arm"] == "a" else [1.2, 1.1, 1.3, 1.2][seed]

    asked = claim(
        Criterion(low=-9.0), {"model": "control"}, statistic="sd", where={"model": "real"}, arms=({"arm": "a"}, B)
    )
    verdict = verdict_of(asked, formula, points(model=["real", "control"], arm=["a", "b"]), seeds=4)
    assert (verdict.status, verdict.reason) == ("inconclusive", "the control has no spread to judge it by")


# --- every


def test_every_trial_must_meet_it() -> None:
    verdict = mean_of_a(Criterion(high=0.1, every=True), [0.0, 0.0, 0.05, 0.0, 0.0])
    assert (verdict.status, verdict.reason) == ("supported", "all 5 trials at most 0.1")
    assert (verdict.estimate, verdict.passed, verdict.trials) == (0.05, 5, 5)
    assert verdict.pass_rate_bound == pytest.approx(0.05 ** (1 / 5), rel=1e-5)


def test_every_needs_no_spread() -> None:
    assert mean_of_a(Criterion(high=0.1, every=True), [0.0, 0.0, 0.0]).status == "supported"


@pytest.mark.parametrize(
    ("criterion", "clause", "worst"),
    [
        (Criterion(high=1.0, every=True), "at most 1", 5.0),
        (Criterion(low=1.0, every=True), "at least 1", 0.0),
        (Criterion(low=-1.0, high=4.0, every=True), "within -1 to 4", 5.0),
    ],
)
def test_one_trial_that_misses_contradicts_every(criterion: Criterion, clause: str, worst: float) -> None:
    verdict = mean_of_a(criterion, [5.0, 1.0, 0.0] if criterion.low != 1.0 else [1.0, 0.0, 2.0])
    assert (verdict.status, verdict.reason) == ("contradicted", f"1 of 3 trials not {clause}")
    assert (verdict.estimate, verdict.passed, verdict.pass_rate_bound) == (worst, 2, None)


def test_every_is_contradicted_by_a_single_trial_but_not_supported_by_two() -> None:
    criterion = Criterion(high=1.0, every=True)
    assert mean_of_a(criterion, [2.0]).reason == "1 of 1 trial not at most 1"
    verdict = mean_of_a(criterion, [0.0, 0.0])
    assert (verdict.status, verdict.reason) == ("inconclusive", "2 trials, where 3 are the fewest that decide")


def test_every_counts_trials_but_its_bound_counts_seeds() -> None:
    asked = claim(Criterion(high=1.0, every=True))
    verdict = verdict_of(asked, lambda _, seed: seed / 10, points(arm=["a", "b", "c"]), seeds=3)
    assert (verdict.trials, verdict.passed, verdict.seeds, verdict.per_seed) == (9, 9, 3, ())
    assert verdict.pass_rate_bound == pytest.approx(0.05 ** (1 / 3), rel=1e-5)


def test_the_control_of_every_must_miss_in_every_trial() -> None:
    criterion = Criterion(high=1.0, every=True)
    verdict = with_control(criterion, [0.0, 0.0, 0.0], [5.0, 0.9, 7.0])
    assert (verdict.status, verdict.reason) == ("inconclusive", "the control passes too, in 1 of 3 trials")
    assert verdict.control == 0.9
    assert with_control(criterion, [0.0, 0.0, 0.0], [5.0, 6.0, 7.0]).status == "supported"


def test_every_of_a_paired_statistic_is_every_seed() -> None:
    values = {"a": [1.0, 2.0, 3.0], "b": [2.0, 3.0, 3.5]}
    asked = claim(Criterion(high=0.0, every=True), statistic="difference", arms=A_MINUS_B)
    verdict = verdict_of(asked, *by_arm(values), seeds=3)
    assert (verdict.status, verdict.per_seed, verdict.trials) == ("supported", (-1.0, -1.0, -0.5), 3)
    assert verdict.reason == "all 3 seeds at most 0"


def test_every_of_a_spread_is_refused() -> None:
    verdict = mean_of_a(Criterion(high=1.0, every=True), [1.0, 2.0, 3.0], statistic="sd")
    assert verdict.status == "inconclusive"
    assert verdict.reason == "a spread over seeds is one number: no single trial has it"


# --- records that are missing, failed, diverged or not comparable

BELOW_4 = claim(Criterion(high=4.0), where=A)
THREE = [trial(A, seed) for seed in range(3)]


def judged(records: list[Record], asked: Claim = BELOW_4, trials: list[Trial] = THREE, **changes: object) -> Verdict:
    return judge(asked, evidence(records, **changes), trials, 1)


def test_a_trial_without_record_is_not_run() -> None:
    verdict = judged([record(A, 0, 1.0)])
    assert (verdict.status, verdict.reason) == ("not run", "2 of 3 trials have not run")


def test_a_trial_that_is_not_declared_is_not_run() -> None:
    verdict = judged([], claim(Criterion(high=4.0), where={"arm": "z"}))
    assert (verdict.status, verdict.reason) == ("not run", "no trial is declared where arm = z")


def test_no_trials_at_all_is_not_run() -> None:
    assert judged([], claim(Criterion(high=4.0)), trials=[]).reason == (
        "none of its trials has run: a parameter waits for the choice of another verification"
    )


def test_a_control_without_record_is_not_run() -> None:
    trials = [*THREE, *(trial(B, seed) for seed in range(3))]
    verdict = judged([record(A, s, 1.0 + s) for s in range(3)], claim(Criterion(high=4.0), B, where=A), trials)
    assert (verdict.status, verdict.reason) == ("not run", "of the control, 3 of 3 trials have not run")


def test_a_failed_trial_fails_the_verdict_with_its_error() -> None:
    failure = Failure("now", A, 2, "RuntimeError: boom")
    verdict = judged([record(A, 0, 1.0)], failures=(failure,))
    assert (verdict.status, verdict.reason) == ("failed", "1 of 3 trials failed: RuntimeError: boom")


def test_a_record_outweighs_an_earlier_failure() -> None:
    failure = Failure("now", A, 2, "RuntimeError: boom")
    assert judged([record(A, s, 1 + s / 10) for s in range(3)], failures=(failure,)).status == "supported"


def test_a_stale_record_counts_until_there_is_a_fresh_one() -> None:
    stale = [record(A, seed, 9 + seed / 10, fingerprint="old") for seed in range(3)]
    fresh = [record(A, seed, 1 + seed / 10) for seed in range(3)]
    assert judged(stale).status == "contradicted"
    assert judged(stale + fresh).status == judged(fresh + stale).status == "supported"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_every_trial_has_a_number_also_where_it_diverged(value: float | None) -> None:
    asked = claim(Criterion(high=4.0, every=True), where=A)
    verdict = judged([record(A, 0, 1.0), record(A, 1, 1.1), record(A, 2, value, diverged=True)], asked)
    assert verdict.status == "failed"
    assert verdict.reason == "1 of 3 trials diverged, and the experiment declares no value of metric for that"


@pytest.mark.parametrize("value", [None, math.nan, ()])
def test_a_metric_that_was_not_returned_fails(value: float | None) -> None:
    verdict = judged([record(A, 0, 1.0), record(A, 1, 1.1), record(A, 2, value)])
    assert (verdict.status, verdict.reason) == ("failed", "1 of 3 trials returned no finite metric")


def test_of_a_curve_the_last_point_counts() -> None:
    assert judged([record(A, seed, (0.0, 9.0, 1.0 + seed)) for seed in range(3)]).per_seed == (1.0, 2.0, 3.0)


def three(**of_the_last: object) -> list[Record]:
    return [record(A, 0, 1.0), record(A, 1, 1.1), record(A, 2, 1.2, **of_the_last)]


def test_trials_on_different_devices_are_not_compared() -> None:
    environments = {"e1": CPU, "e2": replace(CPU, id="e2", device="cuda")}
    verdict = judged(three(environment="e2"), environments=environments)
    assert verdict.status == "inconclusive"
    assert verdict.reason == "the trials compared ran on different devices: cpu, cuda"


def test_trials_under_different_torch_are_not_compared() -> None:
    environments = {"e1": CPU, "e2": replace(CPU, id="e2", versions={"torch": "2.6.0"})}
    verdict = judged(three(environment="e2"), environments=environments)
    assert verdict.reason == "the trials compared ran on different versions of torch: 2.13.0, 2.6.0"


def test_another_machine_with_the_same_device_and_torch_may_be_compared() -> None:
    environments = {"e1": CPU, "e2": replace(CPU, id="e2", machine="another", versions={**CPU.versions, "numpy": "3"})}
    assert judged(three(environment="e2"), environments=environments).status == "supported"


def test_an_unknown_environment_is_not_compared_with_a_known_one() -> None:
    assert judged(three(environment="e2")).reason.endswith("different devices: cpu, unknown")


def test_seeds_may_have_data_of_their_own_that_their_arms_share() -> None:
    asked = claim(Criterion(high=4.0), statistic="difference", arms=A_MINUS_B)
    trials = [trial(where, seed) for where in (A, B) for seed in range(3)]
    records = [record(t.parameters, t.seed, t.seed / 10 + (t.parameters == A), data=f"d{t.seed}") for t in trials]
    records[0] = replace(records[0], values={"metric": 1.05})
    assert judged(records, asked, trials).status == "supported"
    verdict = judged([replace(records[0], data="another"), *records[1:]], asked, trials)
    assert (verdict.status, verdict.reason) == ("inconclusive", "the trials compared did not see the same data")


def test_only_the_records_a_claim_needs_must_be_comparable() -> None:
    assert judged([*three(), record(B, 0, 1.0, data="another", environment="e2")]).status == "supported"


# --- statistics that the records do not allow


def test_a_ratio_needs_positive_numbers() -> None:
    asked = claim(AT_MOST_0, statistic="log_ratio", arms=A_MINUS_B)
    verdict = verdict_of(asked, *by_arm({"a": [1.0, 0.0, 1.0], "b": [1.0, 1.0, 1.0]}), seeds=3)
    assert verdict.status == "inconclusive"
    assert verdict.reason == "a ratio needs metric above 0 in both arms of every seed"


def test_arms_without_the_same_seeds_are_not_paired() -> None:
    trials = [trial(A, 0), trial(A, 1), trial(B, 0), trial(B, 2)]
    records = [record(t.parameters, t.seed, 1.0) for t in trials]
    verdict = judged(records, claim(AT_MOST_0, statistic="difference", arms=A_MINUS_B), trials)
    assert verdict.status == "inconclusive"
    assert verdict.reason == "the arms did not run with the same seeds, so they cannot be paired"


def along(grid: list[dict[str, object]], **test: object) -> Verdict:
    return verdict_of(claim(AT_MOST_0, along="n", **{"statistic": "slope", **test}), lambda _, s: 1.0 + s, grid, 3)


@pytest.mark.parametrize(
    ("grid", "test", "reason"),
    [
        (points(n=[1]), {}, "a slope needs two values of n; there is one"),
        (points(n=["one", "two"]), {}, "n is not a number in every trial"),
        (points(n=[True, False]), {}, "n is not a number in every trial"),
        (points(n=[0, 1]), {"log": True}, "n has no logarithm where it is 0 or less"),
        (points(arm=["a"], n=[1, 2]) + points(arm=["b"], n=[1, 3]), {"arms": A_MINUS_B},
         "the arms did not run at the same values of n"),
        (points(n=[1, 2, 3, 4]), {"statistic": "holdout_error", "form": "power"},
         "the fits need 4 values of n besides the largest; there are 3"),
        (points(n=[1, 2, 3, 4]), {"statistic": "holdout_error", "form": "log", "rivals": ("saturating",)},
         "the fits need 4 values of n besides the largest; there are 3"),
        (points(n=[0, 2, 3, 4]), {"statistic": "holdout_error", "form": "log"},
         "n has no logarithm where it is 0 or less"),
    ],
)  # fmt: skip
def test_what_a_statistic_along_a_parameter_needs(
    grid: list[dict[str, object]], test: dict[str, object], reason: str
) -> None:
    verdict = along(grid, **test)
    assert (verdict.status, verdict.reason) == ("inconclusive", reason)


def test_every_seed_must_have_run_at_every_place() -> None:
    trials = [trial({"n": 1}, 0), trial({"n": 2}, 0), trial({"n": 1}, 1)]
    records = [record(t.parameters, t.seed, 1.0) for t in trials]
    verdict = judged(records, claim(AT_MOST_0, statistic="slope", along="n"), trials)
    assert (verdict.status, verdict.reason) == ("inconclusive", "not every seed ran at every value of n")


def test_an_empty_evidence_is_not_run() -> None:
    assert judge(BELOW_4, Evidence("review", "v", "tiny"), THREE, 1).status == "not run"
