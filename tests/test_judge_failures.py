"""The judge's rules on failures, rates, heavy tails and equal arms."""

from __future__ import annotations

import pytest

from tests.judging import A_MINUS_B, A, B, by_arm, claim, mean_of_a, points, verdict_of, with_control
from verify.model import Criterion


def test_too_few_seeds_for_the_level_have_no_interval() -> None:
    verdict = mean_of_a(Criterion(high=0.5), [0.1, 0.2, 0.3, 0.4, 0.2], heavy_tails=True)
    assert (verdict.status, verdict.low, verdict.high, verdict.undecided) == ("inconclusive", None, None, True)
    assert verdict.reason == "5 seeds are too few for an interval at this level"


def test_a_rate_is_judged_by_its_exact_interval() -> None:
    asked = claim(Criterion(high=0.5), control=B, where=A, statistic="rate", event=Criterion(low=1.0))
    verdict = verdict_of(asked, *by_arm({"a": [0.0] * 10, "b": [1.0] * 10}), seeds=10)
    assert (verdict.status, verdict.estimate, verdict.low) == ("supported", 0.0, 0.0)
    assert verdict.high == pytest.approx(1 - 0.025 ** (1 / 10), rel=1e-5)
    assert verdict.per_seed == (0.0,) * 10


def test_paired_rates_agree_with_mcnemar() -> None:
    asked = claim(Criterion(low=0.0), statistic="rate", arms=A_MINUS_B, event=Criterion(low=1.0))
    five = verdict_of(asked, *by_arm({"a": [1.0] * 5 + [0.0] * 5, "b": [0.0] * 10}), seeds=10)
    six = verdict_of(asked, *by_arm({"a": [1.0] * 6 + [0.0] * 4, "b": [0.0] * 10}), seeds=10)
    assert (five.status, six.status) == ("inconclusive", "supported"), "two-sided p is 1/16 and 1/32"


def test_a_rate_needs_one_trial_a_seed() -> None:
    asked = claim(Criterion(high=0.5), control=B, where=A, statistic="rate", event=Criterion(low=1.0))
    verdict = verdict_of(asked, lambda _where, _seed: 0.0, points(arm=["a", "b"], n=[1, 2]), seeds=4)
    assert (verdict.status, verdict.reason) == ("inconclusive", "a rate needs arms with one trial a seed")


@pytest.mark.parametrize(("missed", "status"), [(0, "supported"), (2, "inconclusive"), (9, "contradicted")])
def test_every_may_state_the_rate_it_means(missed: int, status: str) -> None:
    criterion = Criterion(high=0.01, every=True, rate=0.8)
    verdict = with_control(criterion, [0.5] * missed + [0.0] * (20 - missed), [0.5] * 20)
    assert (verdict.status, verdict.estimate) == (status, 1 - missed / 20)


def test_arms_that_did_the_same_are_equal() -> None:
    values = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]}
    equal = verdict_of(
        claim(Criterion(low=-0.1, high=0.1), statistic="difference", arms=A_MINUS_B), *by_arm(values), seeds=3
    )
    assert (equal.status, equal.estimate, equal.low, equal.high) == ("supported", 0.0, 0.0, 0.0)
    assert equal.reason == "both arms gave the same in every trial: the difference of 0 is within -0.1 to 0.1"
    worse = verdict_of(claim(Criterion(high=-0.1), statistic="difference", arms=A_MINUS_B), *by_arm(values), seeds=3)
    assert worse.status == "contradicted"


def test_a_bound_may_say_when_a_trial_has_failed() -> None:
    asked = claim(Criterion(high=0.5), statistic="difference", arms=A_MINUS_B, fails={"metric": Criterion(low=0.8)})
    verdict = verdict_of(asked, *by_arm({"a": [0.1, 0.2, 0.9, 0.3], "b": [0.1, 0.1, 0.1, 0.1]}), seeds=4)
    assert (verdict.seeds, verdict.left_out, verdict.failed, verdict.per_seed) == (3, 1, (1, 0), (0.0, 0.1, 0.2))
    none_left = verdict_of(asked, *by_arm({"a": [0.9] * 4, "b": [0.1] * 4}), seeds=4)
    assert none_left.reason == "in each of 4 seeds a trial failed: none is left to compare"
