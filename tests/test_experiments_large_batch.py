"""The experiments on large minibatches."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.trying import ARMS, by_arm, run
from verify.messages import MOST_POINTS

pytestmark = pytest.mark.usefixtures("small")


def test_ghost_batches_and_zero_gamma_make_a_difference() -> None:
    changes: list[dict[str, Any]] = [{}, {"ghost": 4}, {"zero_gamma": True}]
    trials = [{"rule": "no-warmup", "model": "resnet", "width": 4, **change} for change in changes]
    losses = {run("large_batch", [trial])[0]["train_loss"][-1] for trial in trials}
    assert len(losses) == 3


def test_the_warmup_schedule_at_its_ends() -> None:
    arms = by_arm("warmup_curve")
    gradual, constant, none = arms["gradual-warmup"], arms["constant-warmup"], arms["no-warmup"]
    assert [each["first_over_base"] for each in (gradual, constant, none)] == [1, 1, 4]
    assert all(each["last_over_scaled"] == 1 for each in arms.values())
    assert gradual["largest_rise"] == pytest.approx(3 / 20 / 4), "20 equal steps from 1 to 4"
    assert constant["largest_rise"] == pytest.approx(3 / 4)
    assert gradual["rate_over_base"][10] == pytest.approx(2.5), "half way"


def test_rates_follow_the_rule_and_drop() -> None:
    from verify.experiments.large_batch import rates

    fixed, scaled = (rates(rule, 0.1, 8, 90, 5) for rule in ("fixed-rate", "gradual-warmup"))
    assert [float(fixed[step]) for step in (0, 29, 30, 60, 80)] == pytest.approx([0.1, 0.1, 0.01, 0.001, 0.0001])
    assert [float(scaled[step]) for step in (0, 5, 30, 89)] == pytest.approx([0.1, 0.8, 0.08, 0.0008])


def test_each_rule_has_its_own_full_rate() -> None:
    from verify.experiments.large_batch import RULES, rates

    at_peak = {rule: float(rates(rule, 0.1, 9, 90, 5, tuned=0.7)[20]) for rule in RULES}
    linear = dict.fromkeys(("gradual-warmup", "constant-warmup", "no-warmup"), 0.9)
    others = {"half-linear": 0.45, "twice-linear": 1.8, "square-root": 0.3, "fixed-rate": 0.1, "tuned": 0.7}
    assert at_peak == pytest.approx(linear | others)
    for rule in ("half-linear", "twice-linear", "square-root", "tuned"):
        assert float(rates(rule, 0.1, 9, 90, 5, tuned=0.7)[0]) == pytest.approx(0.1), "warmed up gradually"
    with pytest.raises(ValueError, match="rule 'tuned' needs a rate"):
        rates("tuned", 0.1, 9, 90, 5)


def test_the_tuned_rate_is_no_concern_of_the_other_rules() -> None:
    # Each alone: where two stand in a batch, sums are rounded by place.
    first, second = (run("large_batch", [{"rule": "gradual-warmup", "tuned_lr": rate}]) for rate in (0.01, 0.5))
    assert first == second
    first, second = run("large_batch", [{"rule": "tuned", "tuned_lr": rate} for rate in (0.01, 0.5)])
    assert first["train_loss"] != second["train_loss"]


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.1, 0.1, 0.2, 0.9], 1.5),  # half way between 2 and 4
        ([0.1, 0.3, 0.1, 0.9], 0.25),  # the first crossing counts
        ([0.1, 0.05, 0.15, 0.9], 2.0),  # at the limit is not above it
        ([0.1, 0.1, 0.1, 0.15], 3.0),  # never: the end of the ladder
    ],
)
def test_the_elbow_is_where_the_error_first_rises(errors: list[float], expected: float) -> None:
    from verify.experiments.large_batch_curves import position

    assert position((1, 2, 4, 8), errors, 0.05) == pytest.approx(expected)


def test_a_network_that_diverges_has_an_elbow() -> None:
    wild, tame = run("elbow", [{"lr": 1e12}, {}])
    assert wild["base_error"] == pytest.approx(0.9)
    assert wild["rise"] == pytest.approx(0)
    assert 0 <= tame["base_error"] < 0.9


def test_the_same_training_has_no_distance_and_more_than_its_twin() -> None:
    same, doubled = run("curve_distance", [{"k": 1}, {"k": 1, "factor": 2.0}])
    assert same["distance"] == pytest.approx(0, abs=1e-5)
    assert same["distance_of_seeds"] == doubled["distance_of_seeds"] > 0
    assert same["excess"] == pytest.approx(-same["distance_of_seeds"], abs=1e-5)
    assert doubled["distance"] > 0.01


def test_distances_leave_out_the_warmup() -> None:
    (result,) = run("curve_distance", [{"k": 2}])
    assert result["epoch"] == [1, 2, 3, 4]
    assert result["distance"] == pytest.approx(sum(result["log_distance"][1:]) / 3)
    assert result["distance_of_seeds"] == pytest.approx(sum(result["log_distance_of_seeds"][1:]) / 3)


def test_curve_distances_are_those_of_the_plain_experiment() -> None:
    base, large = (run("large_batch", [{"rule": "gradual-warmup", "k": k, "points": 4}])[0] for k in (1, 3))
    (result,) = run("curve_distance", [{"k": 3}])
    expected = [abs(math.log(a / b)) for a, b in zip(large["train_loss"], base["train_loss"], strict=True)]
    assert result["log_distance"] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_minibatches_of_any_size_see_as_many_examples() -> None:
    small, large = (run("large_batch", [{"rule": "no-warmup", "k": k}])[0] for k in (1, 12))
    assert small["epoch"][-1] == large["epoch"][-1] == 4


def test_at_the_base_minibatch_all_rules_are_one() -> None:
    others = ("half-linear", "twice-linear", "tuned")
    results = run("large_batch", [{**arm, "k": 1} for arm in ARMS["large_batch"] if arm["rule"] not in others])
    for result in results[1:]:
        assert result["train_loss"] == pytest.approx(results[0]["train_loss"], rel=1e-5)


def test_a_rate_that_is_too_high_gives_no_number_for_the_worker_to_replace() -> None:
    wild, tame = run("large_batch", [{"rule": "fixed-rate", "lr": 1e12}, {"rule": "fixed-rate"}])
    assert math.isnan(wild["test_error"][-1])
    assert math.isnan(wild["validation_error"])
    assert 0 <= tame["validation_error"] <= 1


@pytest.mark.parametrize(
    ("warmup", "steps", "epochs"), [(0, 50, 3), (1, 50, 20), (1, 53, 20), (5, 157, 90), (9, 100, 10)]
)
def test_a_warmup_of_any_length_gives_a_curve_that_can_be_recorded(warmup: int, steps: int, epochs: int) -> None:
    from verify.experiments.large_batch import warmup_curve

    values = warmup_curve(
        0, "cpu", rule="gradual-warmup", k=4, lr=0.1, epochs=epochs, warmup_epochs=warmup, steps_per_epoch=steps
    )
    curve = values["rate_over_base"]
    assert isinstance(curve, list)
    assert 1 <= len(curve) <= MOST_POINTS
