"""A review's prose, with its bindings, findings and references replaced by what the evidence says."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import assert_never

from verify.format.bindings import Binding, Finding, Inline, Reference, scale_of
from verify.judging.measure import average
from verify.model import Record, Scalar, Terms, Where
from verify.project.project import Project
from verify.site import words
from verify.site.views import Result, ReviewView
from verify.terms import PLAIN, Quantity, of_change, of_estimate, of_metric

STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": average,
    "sd": statistics.stdev,
    "min": min,
    "max": max,
    "n": len,
}
FEWEST: Mapping[str, int] = {"mean": 1, "sd": 2, "min": 1, "max": 1, "n": 0}
"""How many numbers each statistic needs."""
_QUANTITIES: Mapping[str, Callable[[Terms, str], Quantity]] = {
    **dict.fromkeys(("mean", "min", "max"), of_metric),
    "sd": of_change,
    "n": lambda _terms, _metric: PLAIN,
}
"""In which unit each is shown, unless its format says how it is written."""


class Prose:
    """What the prose of one review says of its evidence, as HTML."""

    def __init__(self, project: Project, page: ReviewView) -> None:
        self._project = project
        self._review = page.review
        self._verifications = page.verifications
        self._claims = {each.claim.id: each for each in page.claims}

    def item(self, item: Inline) -> str:
        """A binding, a finding or a reference as it stands in the page."""
        if isinstance(item, Binding):
            return self._binding(item)
        if isinstance(item, Finding):
            return self._finding(item)
        if isinstance(item, Reference):
            return self._reference(item)
        assert_never(item)

    def _binding(self, item: Binding) -> str:
        scale = scale_of(item, self._review)
        evidence = self._project.evidence(self._review.slug, item.verification, scale)
        numbers = list(_numbers(evidence.records, item.metric, item.where)) if evidence else []
        if not numbers:
            return _none("not run")
        if len(numbers) < FEWEST[item.statistic]:
            return _none("too few trials")
        if item.statistic != "n" and not all(map(math.isfinite, numbers)):
            return _none("diverged")
        standings = self._verifications[item.verification].standings
        stale = any(each.scale == scale and each.stale for each in standings)
        try:
            value = STATISTICS[item.statistic](numbers)
        except OverflowError:
            return _none("too large")
        shown = _QUANTITIES[item.statistic](self._verifications[item.verification].verification.terms, item.metric)
        return _value(value, item.format, shown) + (_mark("stale") if stale else "")

    def _finding(self, item: Finding) -> str:
        result = self._result(item)
        verdict = result.verdict
        if item.field == "status":
            return f"<span>{verdict.status}</span>" + _staleness(result)
        numbers = {"estimate": verdict.estimate, "low": verdict.low, "high": verdict.high, "seeds": verdict.seeds}
        value = numbers[item.field]
        if value is None:
            return _none(verdict.status if verdict.status in ("not run", "failed") else "no interval")
        claimed = self._claims[item.claim]
        shown = of_estimate(claimed.claim.test, claimed.verification.terms)
        return _value(value, item.format, PLAIN if item.field == "seeds" else shown) + _staleness(result)

    def _reference(self, item: Reference) -> str:
        result = self._result(item)
        badge = words.BADGES[result.verdict.status]
        says = escape(self._claims[item.claim].claim.says)
        at = f" at {item.scale}" if item.scale else ""
        hidden = 'aria-hidden="true" data-search-exclude="1"'
        icon = f'<span class="verdict__icon" {hidden}>{escape(badge.icon)}</span>'
        opening = f'<a class="verdict verdict--{badge.style}" href="#claim-{item.claim}" title="{says}">'
        text = f"{opening}{icon}{result.verdict.status}{at}</a>"
        if item.stated and item.stated != result.verdict.status:
            text += _mark(f"this sentence was written for: {item.stated}")
        return text + _staleness(result)

    def _result(self, item: Finding | Reference) -> Result:
        return self._claims[item.claim].results[scale_of(item, self._review)]


def _numbers(records: Sequence[Record], metric: str, where: Where) -> list[float]:
    """The metric in the trials that `where` selects; a trial that did not return it counts as not finite."""
    chosen = [record for record in records if _agrees(record.parameters, where)]
    found = [record.number(metric) for record in chosen]
    return [math.nan if number is None else number for number in found]


def _agrees(parameters: Mapping[str, Scalar], where: Where) -> bool:
    return all(name in parameters and parameters[name] == value for name, value in where.items())


def _value(value: float, form: str, shown: Quantity) -> str:
    text = format(value, form) if form else words.quantity(value, shown)
    return f'<span class="verify-value">{escape(text.replace("-", "−"))}</span>'


def _none(why: str) -> str:
    return f'<span class="verify-value verify-value--none">{why}</span>'


def _mark(word: str) -> str:
    return f' <span class="standing standing--stale">{word}</span>'


def _staleness(result: Result) -> str:
    return _mark("stale") if result.standing.stale else ""
