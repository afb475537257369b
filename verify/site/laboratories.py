"""What other laboratories got, gathered for a review's page: claims by laboratories, and what they come to together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from verify.errors import UserErrors
from verify.model import Claim, Laboratory, Review, Scale, Test, Verdict, Verification
from verify.project.project import Project
from verify.running import witness
from verify.site import words
from verify.site.viewing import standing
from verify.site.views import ReviewView, Standing
from verify.terms import Quantity, of_estimate

if TYPE_CHECKING:
    from verify.judging.combined import Summary  # scipy


class Cell(Struct, frozen=True):
    """A claim in a laboratory."""

    verdict: Verdict
    standing: Standing
    independent: bool
    """Whether its seeds are those of no laboratory before it."""


class Row(Struct, frozen=True):
    """A claim at a scale, in the laboratories in their order; None where one has not run it."""

    claim: Claim
    cells: tuple[Cell | None, ...]
    together: Summary | None
    why: str
    """Where there is no summary, why."""
    shown: Quantity
    """In which unit its numbers are."""

    @property
    def others(self) -> list[Cell]:
        """Of other laboratories, those that say something of the project's own verdict."""
        return [each for each in self.cells[1:] if each and each.independent and each.standing.complete]

    @property
    def agreement(self) -> str:
        """How many other laboratories reached the project's verdict; empty where none says anything of it."""
        own = self.cells[0]
        if own is None or not own.standing.complete or not self.others:
            return ""
        agree = sum(each.verdict.status == own.verdict.status for each in self.others)
        others = words.count(len(self.others), "other laboratory", "other laboratories")
        return f"{agree} of {others} reached the same verdict, with seeds of their own."


class Member(Struct, frozen=True):
    """A laboratory, as a page speaks of it."""

    laboratory: Laboratory
    devices: tuple[str, ...]
    evidence: tuple[Standing, ...]
    beside: tuple[str, ...]
    """Where it ran the project's own seeds, what that gave."""


class Laboratories(Struct, frozen=True):
    """The project itself and all others that ran a review's trials."""

    members: tuple[Member, ...]
    """Without the project itself."""
    tables: dict[Scale, tuple[Row, ...]]
    """At each scale that another laboratory has run."""

    @property
    def agreements(self) -> dict[tuple[str, Scale], str]:
        """Per claim and scale, how many reached the same verdict."""
        rows = [(row.claim.id, scale, row.agreement) for scale, rows in self.tables.items() for row in rows]
        return {(claim, scale): text for claim, scale, text in rows if text}


def gather(project: Project, page: ReviewView) -> Laboratories | None:
    """What other laboratories got; None where none has run anything.

    One whose evidence cannot be read is left out: `verify check` and a strict build name it.
    """
    review = page.review
    members = {each: _member(each, review) for each in project.laboratories(review.slug) if _is_readable(each, review)}
    members = {each: member for each, member in members.items() if member.evidence}
    if not members:
        return None
    tables = {
        scale: tuple(_rows([project, *members], review, scale))
        for scale in page.scales
        if any(at.scale == scale for member in members.values() for at in member.evidence)
    }
    return Laboratories(tuple(members.values()), tables)


def _is_readable(project: Project, review: Review) -> bool:
    return not project.evidence_mistakes(review.slug)


def _member(project: Project, review: Review) -> Member:
    found = [(standing(project, review, *rung), rung) for rung in project.rungs(review)]
    ran = [(at, rung) for at, rung in found if at.ran]
    devices = {each.words for at, _ in ran for each in at.environments}
    beside = tuple(text for _, rung in ran for text in _beside(project, review, *rung))
    return Member(project.laboratory, tuple(sorted(devices)), tuple(at for at, _ in ran), beside)


def _beside(project: Project, review: Review, verification: Verification, scale: Scale) -> Iterator[str]:
    try:
        shared, differences = witness.beside(project, (review.slug, verification.id, scale))
    except UserErrors:  # the project's own evidence cannot be read, which its page says
        return
    if shared:
        yield f"{verification.id} at {scale}: {words.beside(shared, differences)}."


def _rows(projects: Sequence[Project], review: Review, scale: Scale) -> Iterator[Row]:
    verdicts = [project.verdicts(review.slug).get(scale, {}) for project in projects]
    for verification in review.verifications:
        if scale not in verification.rungs:
            continue
        standings = [standing(project, review, verification, scale) for project in projects]
        first_seeds = [project.laboratory.first_seed for project in projects]
        independent = _independent(first_seeds, verification.rungs[scale].seeds[-1])
        for claim in verification.claims:
            cells = tuple(
                Cell(found[claim.id], at, own) if at.ran and claim.id in found else None
                for found, at, own in zip(verdicts, standings, independent, strict=True)
            )
            if any(cells[1:]):
                yield Row(claim, cells, *_together(claim.test, cells), of_estimate(claim.test, verification.terms))


def _independent(first_seeds: Sequence[int], seeds: int) -> list[bool]:
    """Of each laboratory, whether it shares no seed with one before it that does not either."""
    taken: list[int] = []
    found = []
    for first in first_seeds:
        found.append(all(abs(first - each) >= seeds for each in taken))
        taken += [first] if found[-1] else []
    return found


def _together(test: Test, cells: Sequence[Cell | None]) -> tuple[Summary | None, str]:
    """The summary over laboratories, or why there is none."""
    if not test.has_t_interval:
        return None, "none: the statistic has no t interval"
    usable = [each.verdict for each in cells if each and each.independent and each.standing.complete]
    spread = [each.per_seed for each in usable if each.low is not None and len(set(each.per_seed)) > 1]
    if len(spread) < 2:
        return None, "none: it needs two laboratories with an interval each"
    from verify.judging import combined, estimates  # scipy

    means = [float(sum(numbers)) / len(numbers) for numbers in spread]
    errors = [estimates.sd(numbers) / len(numbers) ** 0.5 for numbers in spread]
    return combined.combined(means, errors), ""
