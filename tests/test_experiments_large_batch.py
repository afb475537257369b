"""The experiments on large minibatches."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.trying import ARMS, by_arm, run
from verify.lab.worker import MOST_POINTS

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


def test_minibatches_of_any_size_see_as_many_examples() -> None:
    small, large = (run("large_batch", [{"rule": "no-warmup", "k": k}])[0] for k in (1, 12))
    assert small["epoch"][-1] == large["epoch"][-1] == 4


def test_at_the_base_minibatch_all_rules_are_one() -> None:
    results = run("large_batch", [{**arm, "k": 1} for arm in ARMS["large_batch"]])
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
