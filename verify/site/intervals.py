"""A claim's interval against its criterion, as a small SVG a reader can check by eye.

Drawn here rather than with Vega: a dozen lines a claim, at no cost to the build, and never stale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from markupsafe import Markup

from verify.judging.measure import LARGEST
from verify.model import Criterion, Verdict
from verify.site.words import criterion as clause
from verify.site.words import number, quantity, with_unit
from verify.terms import PLAIN, Quantity

WIDTH, HEIGHT, INSET = 360.0, 58.0, 14.0
_ROW, _CONTROL_ROW, _AXIS = 14.0, 29.0, 40.0


def interval(verdict: Verdict, criterion: Criterion, shown: Quantity = PLAIN) -> Markup:
    """The estimate, its interval, the seeds and the control over the region where the claim holds; empty without
    an estimate, and where no axis can have all of that.

    Positions are those of the numbers as stored; what is written is in the unit of `shown`.
    """
    if verdict.estimate is None or not math.isfinite(verdict.estimate):
        return Markup("")
    axis = _Axis(_shown(verdict, criterion))
    if not 1 / LARGEST < axis.high - axis.low < LARGEST:
        return Markup("")
    label = f"{_said(verdict, shown)}; the claim holds {clause(criterion, shown)}"
    parts = [*_region(axis, criterion), *_measurement(axis, verdict), *_control(axis, verdict), *axis.draw(shown)]
    opening = Markup('<svg class="verify-interval" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}" {} {}>').format(
        WIDTH, HEIGHT, label, Markup('data-search-exclude="1"'), axis.described()
    )
    return Markup("").join([opening, *parts, Markup("</svg>")])


def _said(verdict: Verdict, shown: Quantity) -> str:
    estimate = f"estimate {quantity(verdict.estimate, shown)}"
    if verdict.low is None or verdict.high is None:
        return estimate
    return f"{estimate}, interval {number(shown.factor * verdict.low)} to {quantity(verdict.high, shown)}"


def _shown(verdict: Verdict, criterion: Criterion) -> list[float]:
    """All values the axis must reach."""
    values = [verdict.estimate, verdict.low, verdict.high, verdict.control, verdict.control_low, verdict.control_high]
    values += [criterion.low, criterion.high, *verdict.per_seed]
    return [value for value in values if value is not None and math.isfinite(value)]


class _Axis:
    """A linear scale over `values`, with a margin and round ticks."""

    def __init__(self, values: Iterable[float]) -> None:
        values = list(values)
        low, high = min(values), max(values)
        margin = 0.08 * (high - low) or abs(high) * 0.5 or 1.0
        self.low, self.high = low - margin, high + margin

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(INSET + min(max(share, 0.0), 1.0) * (WIDTH - 2 * INSET), 1)

    def described(self) -> Markup:
        """For the script that moves the bounds: the values at both ends, and where they stand."""
        return Markup('data-axis="{} {} {:g} {:g}"').format(self.low, self.high, INSET, WIDTH - INSET)

    def ticks(self) -> list[float]:
        """Round values, the coarsest of which there are three or more."""
        power = 10.0 ** math.floor(math.log10(self.high - self.low))
        for step in (factor * power for factor in (5, 2, 1, 0.5, 0.2)):
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            if last - first >= 2:
                break
        return [float(f"{index * step:.12g}") for index in range(first, last + 1)]

    def draw(self, shown: Quantity) -> Iterator[Markup]:
        ticks = [(self.at(tick), number(shown.factor * tick)) for tick in self.ticks()]
        (x, last), unit = ticks[-1], Quantity(shown.unit.split(" per ")[0])
        ticks[-1] = x, with_unit(last, unit)
        marks = "".join(f"M{x:g} {_AXIS:g}v3" for x, _ in ticks)
        yield Markup('<path class="axis" d="M{:g} {:g}H{:g}{}"/>').format(INSET, _AXIS, WIDTH - INSET, marks)
        for x, text in ticks:
            yield Markup('<text x="{:g}" y="{:g}">{}</text>').format(x, _AXIS + 14, text)


def _region(axis: _Axis, criterion: Criterion) -> Iterator[Markup]:
    """The shaded part of the axis where the claim holds, and its edges."""
    left = INSET if criterion.low is None else axis.at(criterion.low)
    right = WIDTH - INSET if criterion.high is None else axis.at(criterion.high)
    yield Markup('<rect class="region" x="{:g}" y="2" width="{:g}" height="{:g}"/>').format(
        left, max(right - left, 1.0), _AXIS - 2
    )
    for name, bound in (("low", criterion.low), ("high", criterion.high)):
        if bound is not None:
            x = axis.at(bound)
            line = '<line class="bound" x1="{:g}" y1="2" x2="{:g}" y2="{:g}" data-bound="{}"/>'
            yield Markup(line).format(x, x, _AXIS, name)


def _measurement(axis: _Axis, verdict: Verdict) -> Iterator[Markup]:
    # All dots are one element, of lines without a length and with round ends: a page has hundreds of them.
    seeds = "".join(f"M{axis.at(value):g} {_ROW:g}h0" for value in verdict.per_seed if math.isfinite(value))
    if seeds:
        yield Markup('<path class="seeds" d="{}"/>').format(seeds)
    yield from _whiskers("interval", axis, _ROW, verdict.low, verdict.high)
    if verdict.estimate is not None:
        yield _diamond("estimate", axis.at(verdict.estimate), _ROW)


def _control(axis: _Axis, verdict: Verdict) -> Iterator[Markup]:
    yield from _whiskers("control", axis, _CONTROL_ROW, verdict.control_low, verdict.control_high)
    if verdict.control is not None and math.isfinite(verdict.control):
        yield _diamond("control", axis.at(verdict.control), _CONTROL_ROW)


def _whiskers(style: str, axis: _Axis, y: float, low: float | None, high: float | None) -> Iterator[Markup]:
    if low is None or high is None:
        return
    left, right = axis.at(low), axis.at(high)
    ends = "".join(f"M{end:g} {y - 5:g}v10" for end in (left, right))
    yield Markup('<path class="{}" d="M{:g} {:g}H{:g}{}"/>').format(style, left, y, right, ends)


def _diamond(style: str, x: float, y: float) -> Markup:
    path = f"M{x:g} {y - 5:g}L{x + 5:g} {y:g}L{x:g} {y + 5:g}L{x - 5:g} {y:g}Z"
    return Markup('<path class="{}" d="{}"/>').format(style, path)
