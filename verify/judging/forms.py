"""The curves of `model.FORMS`, fitted by least squares.

Each is c + k·g(x) with at most one shape in g, so a fit is linear in (c, k) for a given shape and only the shape is
searched (variable projection, Golub and Pereyra 1973): no starting values, and no fit that fails to converge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]

COEFFICIENTS = {"log": 2, "power": 3, "saturating": 3, "logistic": 3}
"""How many numbers each form fits; one more point than that is wanted, or it would only interpolate."""

_SHAPES = 40


def fit(form: str, x: Sequence[float], y: Sequence[float]) -> Callable[[Sequence[float]], Array]:
    """Fit `form` to the points and return the fitted curve.

    `log` is a + b·log x; `power` is c + k·x^-p with c ≥ 0 and p from 0.01 to 10; `saturating` is c + k·exp(-x/s), and
    `logistic` (which it is over log x) c + k/(1 + x/s) with c ≥ 0, both with s from a tenth of the smallest x to ten
    times the largest.  `x` is positive.

    Raises:
        numpy.linalg.LinAlgError: the values of `x` lie too far apart.
    """
    points, values = np.asarray(x, float), np.asarray(y, float)
    centre = float(np.exp(np.log(points).mean()))  # keeps x^-p near 1, whatever the unit of x

    def basis(at: Array, log_shape: float) -> Array:
        shape = math.exp(log_shape)
        if form == "log":
            return np.log(at / centre)
        if form == "power":
            return (at / centre) ** -shape
        return np.exp(-at / shape) if form == "saturating" else 1 / (1 + at / shape)

    def solve(log_shape: float) -> tuple[float, float]:
        return _line(basis(points, log_shape), values, floor=form in ("power", "logistic"))

    def error(log_shape: float) -> float:
        c, k = solve(log_shape)
        residual = values - c - k * basis(points, log_shape)
        return float(residual @ residual)

    def slope(log_shape: float) -> float:
        """Of the error: c and k are optimal, so only g moves (Golub and Pereyra 1973)."""
        c, k = solve(log_shape)
        shape, g = math.exp(log_shape), basis(points, log_shape)
        if form == "power":
            moved = -shape * np.log(points / centre) * g
        else:
            moved = points / shape * (g if form == "saturating" else g**2)
        return float(-2 * k * ((values - c - k * g) @ moved))

    best = 0.0 if form == "log" else _shape(_range(form, points), error, slope)
    c, k = solve(best)
    return lambda at: np.asarray(c + k * basis(np.asarray(at, float), best), float)


def _range(form: str, points: Array) -> tuple[float, float]:
    if form == "power":
        return math.log(0.01), math.log(10.0)
    return math.log(points.min() / 10), math.log(points.max() * 10)


def _shape(bounds: tuple[float, float], error: Callable[[float], float], slope: Callable[[float], float]) -> float:
    """Where `error` is least: the best of a grid, then where its slope is 0 between the neighbours.

    A minimum itself is only found to half the digits, and on another processor a published one might then differ.
    """
    grid = np.linspace(*bounds, _SHAPES)
    best = int(np.argmin([error(float(value)) for value in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, _SHAPES - 1)])
    if slope(low) < 0 < slope(high):
        return float(optimize.brentq(slope, low, high, xtol=1e-15))
    return float(grid[best])  # an end of the range, or a fit without a residual


def _line(g: Array, y: Array, *, floor: bool) -> tuple[float, float]:
    """Least squares of c + k·g, with c ≥ 0 where `floor`: (c, k)."""
    if not np.isfinite(g).all():  # the library would print of it before it says so
        raise np.linalg.LinAlgError
    columns = np.column_stack([np.ones_like(g), g])
    c, k = (float(value) for value in np.linalg.lstsq(columns, y, rcond=None)[0])
    if floor and c < 0:  # the problem is convex: its optimum lies on the boundary
        c, k = 0.0, float(g @ y / (g @ g))
    return c, k
