"""Words for readers: what metrics, parameters and their values are called, and in which unit numbers are shown.

A review declares them once (`Terms`); pages, drawings and the command line ask here.  What is stored, and what other
programs read, keeps the names and numbers of the experiment.
"""

from __future__ import annotations

from msgspec import Struct

from verify.model import Scalar, Terms, Test

PERCENT = "%"
"""The unit of a metric that is a fraction: it is shown times 100."""
POINTS = "points"
"""The unit of a difference of two such."""


class Quantity(Struct, frozen=True):
    """How a number is shown: times `factor`, with `unit` behind it."""

    unit: str = ""
    factor: float = 1.0


PLAIN = Quantity()
_SHARE = Quantity(PERCENT, 100.0)
_CHANGE = Quantity(POINTS, 100.0)


def written(value: Scalar) -> str:
    """A parameter's value as YAML writes it: the key under which a review names it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def named(terms: Terms, parameter: str | None, value: Scalar) -> str | None:
    """The name that a review gives to a value of a parameter; None where it gives none."""
    given = terms.names.get(parameter or "")
    return given.values.get(written(value)) if given else None


def metric(terms: Terms, name: str) -> str:
    """What a metric is called: its label, or the experiment's own name for it."""
    given = terms.metrics.get(name)
    return (given.label if given else "") or name


def parameter(terms: Terms, name: str) -> str:
    """What a parameter is called, likewise."""
    given = terms.names.get(name)
    return (given.label if given else "") or name


def of_metric(terms: Terms, name: str) -> Quantity:
    """How a metric is shown."""
    given = terms.metrics.get(name)
    unit = given.unit if given else ""
    return _SHARE if unit == PERCENT else Quantity(unit)


def of_change(terms: Terms, name: str) -> Quantity:
    """How a difference of two of a metric's numbers is shown, or their spread: of fractions, in points."""
    return of_spread(of_metric(terms, name))


def of_spread(shown: Quantity) -> Quantity:
    """How the spread of numbers is shown that are shown so."""
    return _CHANGE if shown == _SHARE else shown


def of_statistic(test: Test, terms: Terms) -> Quantity:
    """How the number is shown that a test takes from a seed or a trial, and the criterion that it must meet."""
    change = of_change(terms, test.metric)
    if test.statistic == "mean":
        return of_metric(terms, test.metric)
    if test.statistic == "rate":
        return _CHANGE if test.arms else _SHARE
    if test.statistic == "log_ratio" or (test.statistic == "sd" and test.arms):
        return PLAIN
    if test.along and test.statistic != "holdout_error" and change.unit:
        return Quantity(f"{change.unit} {per(test, terms)}", change.factor)
    return change


def of_estimate(test: Test, terms: Terms) -> Quantity:
    """How a verdict's estimate is shown with its interval: of `every` with a rate, it is the rate of seeds."""
    return of_statistic(test, terms) if test.criterion.rate is None else _SHARE


def per(test: Test, terms: Terms) -> str:
    """What a slope is the change over."""
    along = parameter(terms, test.along or "")
    return f"per decade of {along}" if test.log else f"per unit of {along}"


def names_of(terms: Terms, name: str | None) -> frozenset[str]:
    """The names that a review gives to values of a parameter."""
    given = terms.names.get(name or "")
    return frozenset(given.values.values() if given else ())
