"""Words for readers: the unit of every statistic, and how numbers, tests and verdicts are written in it."""

from __future__ import annotations

import pytest

from verify import terms as spoken
from verify.model import Criterion, Metric, Named, Terms, Verdict, Where
from verify.model import Test as Asked
from verify.site import words
from verify.terms import Quantity

TERMS = Terms(
    {"error": Metric("test error", "%"), "time": Metric("", "s"), "loss": Metric("training loss")},
    {"arm": Named("schedule", {"ddd": "dense", "dsd": "sparse"}), "lr": Named("learning rate")},
)
ARMS: tuple[Where, ...] = ({"arm": "dsd"}, {"arm": "ddd"})
AT = Criterion(high=-0.005)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (Asked("error", AT), "−0.5 %"),
        (Asked("error", AT, "difference", arms=ARMS), "−0.5 points"),
        (Asked("error", AT, "interaction", arms=ARMS, between=({"k": 1}, {"k": 2})), "−0.5 points"),
        (Asked("error", AT, "interaction", arms=ARMS, along="lr", log=True), "−0.5 points per decade of learning rate"),
        (Asked("error", AT, "slope", along="lr", log=True), "−0.5 points per decade of learning rate"),
        (Asked("error", AT, "slope", along="width"), "−0.5 points per unit of width"),
        (Asked("error", AT, "holdout_error", along="lr", form="log"), "−0.5 points"),
        (Asked("error", AT, "sd"), "−0.5 points"),
        (Asked("error", AT, "sd", arms=ARMS), "−0.005"),
        (Asked("error", AT, "log_ratio", arms=ARMS), "−0.005"),
        (Asked("loss", AT, "difference", arms=ARMS), "−0.005"),
        (Asked("loss", AT, "slope", along="lr"), "−0.005"),
        (Asked("time", AT, "difference", arms=ARMS), "−0.005 s"),
        (Asked("time", AT, "slope", along="lr"), "−0.005 s per unit of learning rate"),
        (Asked("time", AT, "rate"), "−0.5 %"),
        (Asked("other", AT, "rate", arms=ARMS), "−0.5 points"),
    ],
)
def test_each_statistic_has_its_unit(test: Asked, expected: str) -> None:
    shown = spoken.of_statistic(test, TERMS)
    assert spoken.of_estimate(test, TERMS) == shown
    assert words.quantity(-0.005, shown).replace("\N{NO-BREAK SPACE}", " ") == expected


def test_of_every_with_a_rate_the_estimate_is_the_rate() -> None:
    test = Asked("time", Criterion(high=9.0, every=True, rate=0.9))
    assert spoken.of_statistic(test, TERMS) == Quantity("s")
    assert spoken.of_estimate(test, TERMS) == Quantity("%", 100.0)


@pytest.mark.parametrize(
    ("value", "shown", "expected"),
    [
        (0.07, Quantity("%", 100.0), "7 %"),
        (0.123456, Quantity("%", 100.0), "12.3 %"),
        (0.01, Quantity("points", 100.0), "1 point"),
        (-0.01, Quantity("points per decade of n", 100.0), "−1 point per decade of n"),
        (1.0, Quantity("epochs"), "1 epochs"),
        (0.5, Quantity(), "0.5"),
        (None, Quantity("s"), "–"),
    ],
)
def test_a_number_stands_with_its_unit(value: float | None, shown: Quantity, expected: str) -> None:
    assert words.quantity(value, shown).replace("\N{NO-BREAK SPACE}", " ") == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (
            Asked("error", AT, "difference", arms=ARMS, where={"lr": 0.1}),
            "difference of test error (sparse minus dense), where learning rate = 0.1: at most −0.5 points",
        ),
        (
            Asked("error", Criterion(0.2, 0.3), where={"arm": "ddd"}),
            "mean test error, where schedule = dense: within 20 to 30 %",
        ),
        (
            Asked("error", Criterion(high=0.01, every=True, rate=0.9)),
            "test error in every single trial: at most 1 %, in at least 90 % of seeds",
        ),
        (
            Asked("error", Criterion(low=0.9), "rate", event=Criterion(high=0.25)),
            "rate of trials with test error at most 25 %: at least 90 %",
        ),
        (
            Asked("loss", Criterion(high=0.1), "rate", fails={"error": Criterion(low=0.8)}),
            "rate of trials that failed (diverged or test error at least 80 %): at most 10 %",
        ),
        (Asked("time", Criterion(low=2.5), where={"arm": "odd"}), "mean time, where schedule = odd: at least 2.5 s"),
        (
            Asked("error", AT, "interaction", arms=ARMS, along="lr", log=True),
            "interaction: difference of the slopes of test error per decade of learning rate (sparse minus dense): "
            "at most −0.5 points per decade of learning rate",
        ),
    ],
)
def test_a_test_is_told_in_the_words_of_the_review(test: Asked, expected: str) -> None:
    assert words.asks(test, TERMS).replace("\N{NO-BREAK SPACE}", " ") == expected


def verdict(reason: str, **fields: float | int | None) -> Verdict:
    known: dict[str, float | int | None] = {"estimate": -0.0152, "low": -0.0192, "high": -0.0112, **fields}
    return Verdict("a", "tiny", "supported", reason, **known)  # type: ignore[arg-type]


def test_what_was_measured_stands_in_the_unit_of_the_statistic() -> None:
    points, percent = Quantity("points", 100.0), Quantity("%", 100.0)
    assert words.measured(verdict(""), points) == "−1.52\N{NO-BREAK SPACE}points [−1.92, −1.12]"
    assert words.measured(verdict("", passed=3, trials=3), percent) == "3 of 3 trials, worst −1.52\N{NO-BREAK SPACE}%"
    assert words.measured(verdict("", low=None, high=None), percent) == "−1.52\N{NO-BREAK SPACE}%"
    control = verdict("", control=0.2, control_low=0.1, control_high=0.3)
    assert words.control_measured(control, percent) == "20.0\N{NO-BREAK SPACE}% [10.0, 30.0]"


@pytest.mark.parametrize(
    ("criterion", "reason", "expected"),
    [
        (AT, "the whole interval is at most -0.005", "the whole interval is at most −0.5 points"),
        (
            AT,
            "the whole interval is above -0.005; 1 seed left out",
            "the whole interval is above −0.5 points; 1 seed left out",
        ),
        (
            AT,
            "the interval includes -0.005; the estimate points to supported, which 15 seeds would settle",
            "the interval includes −0.5 points; the estimate points to supported, which 15 seeds would settle",
        ),
        (
            Criterion(-0.01, 0.01),
            "the whole interval is outside -0.01 to 0.01",
            "the whole interval is outside −1 to 1 point",
        ),
        (
            Criterion(-0.01, 0.01),
            "the interval includes -0.01 and 0.01",
            "the interval includes −1 and 1 point",
        ),
        (AT, "in a seed, at most 3 were run", "in a seed, at most 3 were run"),  # no bound of the criterion
    ],
)
def test_the_bounds_in_a_reason_stand_in_the_unit_too(criterion: Criterion, reason: str, expected: str) -> None:
    test = Asked("error", criterion, "difference", arms=ARMS)
    assert words.reason(verdict(reason), test, TERMS).replace("\N{NO-BREAK SPACE}", " ") == expected


def test_the_reason_of_a_rate_is_told_in_per_cent_and_without_an_estimate_as_it_is() -> None:
    test = Asked("time", Criterion(high=0.9, every=True, rate=0.9))
    told = words.reason(verdict("the whole interval is at least 0.9"), test, TERMS)
    assert told == "the whole interval is at least 90\N{NO-BREAK SPACE}%"
    crashed = "2 of 3 trials failed: ValueError: must be at least 0.9"
    assert words.reason(verdict(crashed, estimate=None), test, TERMS) == crashed


def test_a_true_minus_sign_stands_in_a_reason_without_a_unit() -> None:
    test = Asked("loss", Criterion(high=-1e-12, every=True))
    assert words.reason(verdict("all 3 trials at most -1e-12"), test) == "all 3 trials at most −1e−12"
