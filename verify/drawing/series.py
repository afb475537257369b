"""Records → the rows a figure draws: a mean and its interval at every x, single seeds, fitted curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from verify.errors import UserError
from verify.judging.measure import significant
from verify.model import Evidence, Figure, Record, Review, Scalar, Scale, Verification

Row = dict[str, Any]
"""One mark: `kind` (mean, seed or fit), `x`, `y`, and where they apply `low`, `high`, `n`, `seed`, `series`, `facet`,
`fit`."""

LEVEL = 0.95
"""Of the interval that is drawn over seeds."""
FIT_POINTS = 60


class Point(Struct, frozen=True):
    """What one seed says at one x."""

    facet: str
    series: str
    x: float | str
    seed: int
    y: float


def label(value: Scalar) -> str:
    """A parameter's value as it stands in legends and on axes."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def declared(verification: Verification, parameter: str, scale: Scale | None = None) -> list[Scalar]:
    """The values `parameter` takes in the order of declaration: at one scale, or at all."""
    values: dict[Scalar, None] = {}
    for rung in verification.rungs.values():
        if scale is None or rung.scale == scale:
            fixed = rung.parameters.get(parameter)
            if isinstance(fixed, str | bool | int | float):
                values[fixed] = None
            values.update(dict.fromkeys(value for grid in rung.grids for value in grid.get(parameter, ())))
    return list(values)


def labels(review: Review) -> tuple[str, ...]:
    """All labels of the review that may carry a colour, in the order of declaration: a place is a colour."""
    return tuple(
        dict.fromkeys(
            label(value)
            for verification in review.verifications
            for figure in verification.figures
            if figure.color is not None
            for value in declared(verification, figure.color)
        )
    )


def rows(figure: Figure, evidence: Evidence) -> list[Row]:
    """The rows of a figure in the short form, in an order that depends on the records alone.

    Raises:
        UserError: no record has what the figure asks for, or a form cannot be fitted to it.
    """
    chosen = [
        record
        for record in evidence.records
        if all(name in record.parameters and record.parameters[name] == figure.where[name] for name in figure.where)
    ]
    points = [point for record in chosen for point in _points(figure, record)]
    if not points:
        raise UserError(
            f"figure '{figure.id}': no record at scale {evidence.scale} has both {figure.x} and {figure.y}",
            hint="x names a parameter or a curve, y a metric; `where` selects records by their parameters",
        )
    means = _means(points)
    seeds = [_row("seed", point.facet, point.series, point.x, y=point.y, seed=point.seed) for point in points]
    drawn = [] if any(isinstance(record.values.get(figure.x), tuple) for record in chosen) else seeds
    return means + drawn + _fits(figure, means)


def flat(evidence: Evidence) -> list[Row]:
    """One row a record for a full `spec`: parameters, seed and numbers (of a curve, the last point)."""
    return [
        {
            **record.parameters,
            "seed": record.seed,
            "diverged": record.diverged,
            **{name: _finite(record.number(name)) for name in record.values},
        }
        for record in evidence.records
    ]


def _points(figure: Figure, record: Record) -> Iterable[Point]:
    facet, series = (
        label(record.parameters[name]) if name in record.parameters else "" for name in (figure.facet, figure.color)
    )
    x, y = record.values.get(figure.x), record.values.get(figure.y)
    if isinstance(x, tuple):
        pairs: Iterable[tuple[Scalar, float]] = zip(x, y, strict=False) if isinstance(y, tuple) else ()
    else:
        place, number = record.parameters.get(figure.x, x), record.number(figure.y)
        pairs = () if place is None or number is None else ((place, number),)
    for place, number in pairs:
        if math.isfinite(number):
            at = label(place) if isinstance(place, str | bool) else significant(place)
            yield Point(facet, series, at, record.seed, significant(number))


def _means(points: Sequence[Point]) -> list[Row]:
    """Mean and interval over seeds at each place; trials of one seed at one place are averaged first, as in a test."""
    from verify.judging import estimates  # numpy and scipy

    found = []
    for (facet, series, x), group in _grouped(points, "facet", "series", "x"):
        seeds = [
            math.fsum(point.y for point in same) / len(same)
            for same in (list(same) for _, same in _grouped(group, "seed"))
        ]
        mean, n = math.fsum(seeds) / len(seeds), len(seeds)
        low, high = estimates.t_interval(mean, estimates.sd(seeds), LEVEL, n) if n > 1 else (mean, mean)
        found.append(_row("mean", facet, series, x, y=mean, low=low, high=high, n=n))
    return found


def _grouped(points: Iterable[Point], *names: str) -> Iterable[tuple[tuple[Any, ...], Iterable[Point]]]:
    def key(point: Point) -> tuple[Any, ...]:
        return tuple(getattr(point, name) for name in names)

    def order(point: Point) -> tuple[Any, ...]:
        return tuple((isinstance(value, str), value) for value in key(point))  # numbers before words

    return ((first, list(group)) for first, group in groupby(sorted(points, key=order), key))


def _fits(figure: Figure, means: Sequence[Row]) -> list[Row]:
    """Each form of `figure.fits`, fitted to the means of each series and drawn over their range."""
    if not figure.fits:
        return []
    from verify.judging import forms  # scipy

    found = []
    for (facet, series), group in groupby(means, lambda row: (row.get("facet", ""), row.get("series", ""))):
        x, y = zip(*((row["x"], row["y"]) for row in group), strict=True)
        if any(isinstance(value, str) or value <= 0 for value in x):
            raise UserError(f"figure '{figure.id}': a form is fitted over positive numbers, which {figure.x} is not")
        steps = [math.log(x[0]) + (math.log(x[-1]) - math.log(x[0])) * step / FIT_POINTS for step in range(FIT_POINTS)]
        places = [*(significant(math.exp(step)) for step in steps), x[-1]]
        for form in figure.fits:
            if len(x) <= forms.COEFFICIENTS[form]:
                needed = forms.COEFFICIENTS[form] + 1
                raise UserError(
                    f"figure '{figure.id}': a {form} fit needs {needed} values of {figure.x}; it has {len(x)}"
                )
            curve = forms.fit(form, x, y)(places)
            found += [
                _row("fit", facet, series, place, y=float(value), fit=form)
                for place, value in zip(places, curve, strict=True)
            ]
    return found


def _row(kind: str, facet: str, series: str, x: float | str, **values: Any) -> Row:
    row: Row = {"kind": kind, "x": x}
    row.update({name: significant(value) if isinstance(value, float) else value for name, value in values.items()})
    return row | ({"series": series} if series else {}) | ({"facet": facet} if facet else {})


def _finite(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else significant(number)
