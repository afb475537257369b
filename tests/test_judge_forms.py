"""The fitted forms: they recover what they are made of, and agree with scipy's general fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from verify.judging import forms
from verify.model import FORMS

X = [100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0]

TRUE = {
    "log": lambda x: 0.9 - 0.07 * np.log(x),
    "power": lambda x: 0.05 + 3.0 * np.asarray(x) ** -0.4,
    "saturating": lambda x: 0.1 + 0.5 * np.exp(-np.asarray(x) / 700),
    "logistic": lambda x: 0.1 + 0.8 / (1 + np.asarray(x) / 700),
}


def test_every_form_has_a_number_of_coefficients() -> None:
    assert set(forms.COEFFICIENTS) == set(FORMS) == set(TRUE)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_recovers_itself_and_predicts_beyond(form: str) -> None:
    curve = forms.fit(form, X, TRUE[form](X))
    beyond = [50.0, 6400.0, 12800.0]
    assert curve(beyond) == pytest.approx(TRUE[form](beyond), rel=1e-4)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("form", FORMS)
def test_the_unit_of_x_does_not_matter(form: str, unit: float) -> None:
    y = [0.61, 0.42, 0.37, 0.29, 0.24, 0.22]
    scaled = forms.fit(form, [unit * x for x in X], y)
    assert scaled([6400 * unit]) == pytest.approx(forms.fit(form, X, y)([6400.0]), rel=1e-4)


@pytest.mark.parametrize(
    ("form", "function", "start", "bounds"),
    [
        ("log", lambda x, a, b: a + b * np.log(x), (1.0, -0.1), (-np.inf, np.inf)),
        ("power", lambda x, c, k, p: c + k * x**-p, (0.1, 3.0, 0.5), ((0, -np.inf, 0.01), (np.inf, np.inf, 10))),
        ("saturating", lambda x, c, k, s: c + k * np.exp(-x / s), (0.2, 0.5, 500.0),
         ((-np.inf, -np.inf, 10), (np.inf, np.inf, 32000))),
        ("logistic", lambda x, c, k, s: c + k / (1 + x / s), (0.2, 0.5, 500.0),
         ((0, -np.inf, 10), (np.inf, np.inf, 32000))),
    ],
)  # fmt: skip
def test_the_fit_is_scipys_curve_fit_without_its_starting_values(
    form: str, function: object, start: object, bounds: object
) -> None:
    y = np.array([0.61, 0.42, 0.37, 0.29, 0.24, 0.22])
    coefficients, _ = curve_fit(function, np.array(X), y, start, bounds=bounds)
    expected = function(np.array(X), *coefficients)  # type: ignore[operator]
    assert forms.fit(form, X, y)(X) == pytest.approx(expected, abs=1e-4)


def test_the_floor_of_a_power_law_is_never_negative() -> None:
    y = [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]  # straight over log x: without the bound the floor would be far below 0
    assert min(forms.fit("power", X, y)([1e6, 1e9, 1e12])) >= 0


@pytest.mark.parametrize("form", FORMS)
def test_the_last_bit_of_a_number_changes_no_digit_that_is_published(form: str) -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        y = 0.2 + 0.5 * np.exp(-np.asarray(X) / 700) + 0.02 * generator.standard_normal(len(X))
        nudged = np.nextafter(y, generator.choice([-1.0, 1.0], len(X)))
        assert forms.fit(form, X, nudged)(X) == pytest.approx(forms.fit(form, X, y)(X), rel=1e-12)
