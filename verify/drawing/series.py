"""Records → the rows a figure draws: a mean and its interval at every x, seeds, fitted curves; what is left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from types import ModuleType
from typing import Any

from msgspec import Struct

from verify.drawing import letters, omitted
from verify.drawing.failure import CannotDraw
from verify.drawing.omitted import Count
from verify.judging.measure import LARGEST, average, significant
from verify.model import Evidence, Failure, Figure, Record, Review, Scalar, Scale, Terms, Verification
from verify.terms import named, names_of

Row = dict[str, Any]
"""One mark: `kind` (mean, seed or fit), `x`, `y`, and where they apply `low`, `high`, `n`, `seed`, `series`, `facet`,
`fit`."""

_NONE = Terms()

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


def label(value: Scalar, parameter: str | None = None, terms: Terms = _NONE) -> str:
    """A parameter's value as it stands in legends and on axes: by its name, where the review gives it one."""
    if name := named(terms, parameter, value):
        return letters.name(name)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else letters.name(str(value))


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
            label(value, figure.color, verification.terms)
            for verification in review.verifications
            for figure in verification.figures
            if figure.color is not None
            for value in declared(verification, figure.color)
        )
    )


class Gathered(Struct):
    """What a figure in the short form is made of."""

    rows: list[Row]
    """In an order that depends on the records alone."""
    curved: bool
    """Whether there are curves, of which single seeds are not drawn."""
    left_out: list[str]
    """In sentences, what of the records is not among the rows."""


def gather(figure: Figure, evidence: Evidence, terms: Terms = _NONE) -> Gathered:
    """The rows of a figure in the short form.

    Raises:
        CannotDraw: nothing has what the figure asks for, or a form cannot be fitted to it.
    """
    chosen = [record for record in evidence.records if _selected(figure, record.parameters)]
    failed = [failure for failure in evidence.failures if _selected(figure, failure.parameters)]
    trials = Count("trial", len(chosen) + len(failed))
    trials.add("failed", len(failed))
    points: list[Point] = []
    places = Count("point")
    for record in chosen:
        found = list(_points(figure, record, places, terms))
        points += found
        if not found and not _has_both(figure, record):
            trials.add("diverged" if record.diverged else f"without {figure.y}", 1)
    if not points:
        raise _nothing(figure, evidence, trials, places, failed)
    means, wide = _means(points)
    curved = any(isinstance(record.values.get(figure.x), tuple) for record in chosen)
    seeds = [_row("seed", point.facet, point.series, point.x, y=point.y, seed=point.seed) for point in points]
    fits, unfitted = _fits(figure, means)
    intervals = Count("interval", len(means))
    intervals.add("wider than numbers can be", wide)
    curves = Count("fitted point", len(fits) + unfitted)
    curves.add("not a number", unfitted)
    left_out = [sentence for count in (trials, places, intervals, curves) if (sentence := count.sentence())]
    return Gathered(means + ([] if curved else seeds) + fits, curved, left_out)


def _selected(figure: Figure, parameters: dict[str, Scalar]) -> bool:
    return all(name in parameters and parameters[name] == figure.where[name] for name in figure.where)


def _has_both(figure: Figure, record: Record) -> bool:
    """Whether the record says something at the figure's x, be it that it has no place."""
    x = record.values.get(figure.x, record.parameters.get(figure.x))
    return x is not None and record.values.get(figure.y) is not None


def _nothing(figure: Figure, evidence: Evidence, trials: Count, places: Count, failed: Sequence[Failure]) -> CannotDraw:
    """Why there is nothing to draw."""
    if failed and len(failed) == trials.total:
        every = "its only trial" if len(failed) == 1 else f"each of its {len(failed)} trials"
        return CannotDraw(f"{every} failed; the first: {failed[0].error}", "`verify run` tries them again")
    if places.total:
        return CannotDraw(f"none of its points can be shown: {places.sentence()}")
    if failed or any(record.diverged for record in evidence.records if _selected(figure, record.parameters)):
        return CannotDraw(f"none of its {trials.total} trials has both {figure.x} and {figure.y}: {trials.reasons()}")
    return CannotDraw(
        f"no record at scale {evidence.scale} has both {figure.x} and {figure.y}",
        hint="x names a parameter or a curve, y a metric; `where` selects records by their parameters",
    )


def omitted_of_spec(spec: object, evidence: Evidence) -> list[str]:
    """In sentences, what a full `spec` has no numbers of: of the metrics that it names in a `field`."""
    trials = Count("trial", len(evidence.records) + len(evidence.failures))
    trials.add("failed", len(evidence.failures))
    found = [trials.sentence()]
    for name in sorted(omitted.fields(spec)):
        if any(name in record.values for record in evidence.records) or _diverged_only(name, evidence):
            values = Count(f"value of {name}", len(evidence.records), plural=f"values of {name}")
            for record in evidence.records:
                number = record.number(name)
                if number is None and name not in record.parameters:
                    values.add("diverged" if record.diverged else "not there", 1)
                elif number is not None and not math.isfinite(number):
                    values.add(_why_not_finite(number), 1)
            found.append(values.sentence())
    return [sentence for sentence in found if sentence]


def _diverged_only(name: str, evidence: Evidence) -> bool:
    """Whether the name may be that of a metric of which divergence has left no value."""
    known = {"seed", "diverged"}.union(*(record.parameters for record in evidence.records))
    return name not in known and any(record.diverged for record in evidence.records)


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


def _points(figure: Figure, record: Record, places: Count, terms: Terms) -> Iterable[Point]:
    """What the record says at each x; `places` counts all, and those that have no place on the axes."""
    facet, series = (
        label(record.parameters[name], name, terms) if name in record.parameters else ""
        for name in (figure.facet, figure.color)
    )
    x, y = record.values.get(figure.x), record.values.get(figure.y)
    if isinstance(x, tuple):
        pairs: Iterable[tuple[Scalar, float]] = zip(x, y, strict=False) if isinstance(y, tuple) else ()
        unmatched = abs(len(x) - len(y)) if isinstance(y, tuple) else 0
        places.add(f"{figure.x} or {figure.y} without the other", unmatched)
        places.total += unmatched
    else:
        place, number = record.parameters.get(figure.x, x), record.number(figure.y)
        pairs = () if place is None or number is None else ((place, number),)
    for place, number in pairs:
        places.total += 1
        if not math.isfinite(number):
            places.add(_why_not_finite(number), 1)
        elif isinstance(place, str | bool) or (figure.mark == "bar" and names_of(terms, figure.x)):
            yield Point(facet, series, label(place, figure.x, terms), record.seed, significant(number))
        elif not math.isfinite(place):
            places.add(f"{_why_not_finite(place)} on the x axis", 1)
        elif place <= 0 and figure.x_scale == "log" and figure.mark != "bar":
            places.add(omitted.no_logarithm([place], "a logarithmic x axis"), 1)
        else:
            yield Point(facet, series, significant(place), record.seed, significant(number))


def _why_not_finite(number: float) -> str:
    return "not a number" if math.isnan(number) else "infinite"


def _means(points: Sequence[Point]) -> tuple[list[Row], int]:
    """Mean and interval over seeds at each place, and how many intervals are wider than numbers can be.

    Trials of one seed at one place are averaged first, as in a test.
    """
    from verify.judging import estimates  # numpy and scipy

    found = []
    wide = 0
    for (facet, series, x), group in _grouped(points, "facet", "series", "x"):
        seeds = [average([point.y for point in same]) for _, same in _grouped(group, "seed")]
        mean, n = average(seeds), len(seeds)
        low, high = _interval(estimates, mean, seeds)
        if not (math.isfinite(low) and math.isfinite(high)):
            wide += 1
            low = high = mean
        found.append(_row("mean", facet, series, x, y=mean, low=low, high=high, n=n))
    return found, wide


def _interval(estimates: ModuleType, mean: float, seeds: Sequence[float]) -> tuple[float, float]:
    """The t interval of the mean over seeds; not finite where it is wider than numbers can be."""
    n = len(seeds)
    if n == 1:
        return mean, mean
    # Numbers of no finite square are measured in a unit of their own: a power of two, which loses nothing.
    _, power = math.frexp(max(map(abs, seeds)))
    unit = 2.0 ** (power - 1) if max(map(abs, seeds)) >= LARGEST else 1.0
    low, high = estimates.t_interval(mean / unit, estimates.sd([seed / unit for seed in seeds]), LEVEL, n)
    return low * unit, high * unit


def _grouped(points: Iterable[Point], *names: str) -> Iterable[tuple[tuple[Any, ...], Iterable[Point]]]:
    def key(point: Point) -> tuple[Any, ...]:
        return tuple(getattr(point, name) for name in names)

    def order(point: Point) -> tuple[Any, ...]:
        return tuple((isinstance(value, str), value) for value in key(point))  # numbers before words

    return ((first, list(group)) for first, group in groupby(sorted(points, key=order), key))


def _fits(figure: Figure, means: Sequence[Row]) -> tuple[list[Row], int]:
    """Each form of `figure.fits`, fitted to the means of each series and drawn over their range.

    With it the number of points at which a form has no value.
    """
    if not figure.fits:
        return [], 0
    import numpy as np

    from verify.judging import forms  # scipy

    found = []
    for (facet, series), group in groupby(means, lambda row: (row.get("facet", ""), row.get("series", ""))):
        x, y = zip(*((row["x"], row["y"]) for row in group), strict=True)
        if any(isinstance(value, str) or value <= 0 for value in x):
            raise CannotDraw(f"a form is fitted over positive numbers, which {figure.x} is not")
        steps = [math.log(x[0]) + (math.log(x[-1]) - math.log(x[0])) * step / FIT_POINTS for step in range(FIT_POINTS)]
        places = [*(significant(math.exp(step)) for step in steps), x[-1]]
        for form in figure.fits:
            if len(x) <= forms.COEFFICIENTS[form]:
                needed = forms.COEFFICIENTS[form] + 1
                raise CannotDraw(f"a {form} fit needs {needed} values of {figure.x}; it has {len(x)}")
            try:
                with np.errstate(all="ignore"):  # what is not finite is left out, and told
                    curve = forms.fit(form, x, y)(places)
            except np.linalg.LinAlgError:
                raise CannotDraw(f"the values of {figure.x} lie too far apart to fit a {form} form") from None
            found += [
                _row("fit", facet, series, place, y=float(value), fit=form)
                for place, value in zip(places, curve, strict=True)
            ]
    finite = [row for row in found if math.isfinite(row["y"])]
    return finite, len(found) - len(finite)


def _row(kind: str, facet: str, series: str, x: float | str, **values: Any) -> Row:
    row: Row = {"kind": kind, "x": x}
    row.update({name: significant(value) if isinstance(value, float) else value for name, value in values.items()})
    return row | ({"series": series} if series else {}) | ({"facet": facet} if facet else {})


def _finite(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else significant(number)
