"""The list of papers and the table of claims: their entries, and what they can be filtered and sorted by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec import Struct

from verify.model import SCALES, STATUSES
from verify.site.views import ClaimView, Result, ReviewView

Fact = dict[str, list[str]]
"""What is true together of an entry, by the name of the filter: it is shown if all that is chosen is in one fact."""


class Filter(Struct, frozen=True):
    """One choice above a list."""

    name: str
    choices: tuple[tuple[str, str], ...]
    """Each as it stands in facts, and as readers see it."""


class Paper(Struct, frozen=True):
    """An entry of the list of papers."""

    view: ReviewView
    facts: str
    """JSON, for the script that filters."""


class Row(Struct, frozen=True):
    """A claim at one scale."""

    view: ReviewView
    claimed: ClaimView
    result: Result
    facts: str
    order: tuple[int, int, int]
    """Where its review, its scale and its verdict stand among their like."""


def papers(views: Sequence[ReviewView]) -> list[tuple[str, list[Paper]]]:
    """The entries under the names of their sections, in order."""
    grouped = groupby(views, key=lambda each: each.review.section)
    return [(section, [Paper(view, json.dumps(_facts(view))) for view in group]) for section, group in grouped]


def paper_filters(views: Sequence[ReviewView]) -> tuple[Filter, ...]:
    """By tag, by verdict, by scale: what occurs, in the order readers expect."""
    tallies = [tally for view in views for tally in view.tallies]
    tags = sorted({tag for view in views for tag in view.review.tags}, key=str.casefold)
    return _filters(
        tag=[(tag, tag) for tag in tags],
        verdict=_in_order(STATUSES, (status for tally in tallies for status in tally.counts)),
        scale=_in_order(SCALES, (tally.scale for tally in tallies if tally.scale)),
    )


def claims(views: Sequence[ReviewView]) -> list[Row]:
    """Every claim at every scale that its verification declares, in the order of the reviews."""
    return [
        Row(view, claimed, result, json.dumps([_row_fact(view, result)]), _order(number, result))
        for number, view in enumerate(views)
        for claimed in view.claims
        for result in claimed.results.values()
    ]


def claim_filters(rows: Sequence[Row]) -> tuple[Filter, ...]:
    """By paper, by verdict, by scale."""
    return _filters(
        paper=list(dict.fromkeys((row.view.review.slug, row.view.review.paper.title) for row in rows)),
        verdict=_in_order(STATUSES, (row.result.verdict.status for row in rows)),
        scale=_in_order(SCALES, (row.result.scale for row in rows)),
    )


def _facts(view: ReviewView) -> list[Fact]:
    """Per scale the verdicts there; the tags always."""
    tags: Fact = {"tag": list(view.review.tags)}
    return [
        {**tags, "scale": [tally.scale] if tally.scale else [], "verdict": [*tally.counts]} for tally in view.tallies
    ] or [tags]


def _row_fact(view: ReviewView, result: Result) -> Fact:
    return {"paper": [view.review.slug], "scale": [result.scale], "verdict": [result.verdict.status]}


def _order(number: int, result: Result) -> tuple[int, int, int]:
    return number, SCALES.index(result.scale), STATUSES.index(result.verdict.status)


def _filters(**choices: Sequence[tuple[str, str]]) -> tuple[Filter, ...]:
    return tuple(Filter(name, tuple(each)) for name, each in choices.items() if each)


def _in_order(ladder: Sequence[str], present: Iterable[str]) -> list[tuple[str, str]]:
    found = set(present)
    return [(each, each) for each in ladder if each in found]
