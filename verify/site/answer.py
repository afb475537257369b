"""Does it hold?  What the verdicts of a review say together, counted; and where one scale says other than another."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from verify.model import STATUSES, Scale, Status
from verify.site.views import ClaimView, ReviewView
from verify.site.words import BADGES

JUDGED: tuple[Status, ...] = ("supported", "contradicted", "inconclusive")
"""Verdicts that come from evidence."""
LEADS: dict[tuple[Status, ...], str] = {
    (): "Not answered yet.",
    ("supported",): "Yes, at the scales that ran.",
    ("contradicted",): "Not at the scales that ran.",
    ("inconclusive",): "The evidence does not decide.",
    ("supported", "contradicted"): "In part.",
    ("supported", "inconclusive"): "As far as the evidence decides, yes.",
    ("contradicted", "inconclusive"): "As far as the evidence decides, no.",
    JUDGED: "In part.",
}
"""The shortest answer, by the verdicts that occur."""
_SAYS: dict[Status, tuple[str, str]] = {
    "not run": ("waits for trials that have not run", "wait for trials that have not run"),
    "failed": ("has trials that failed", "have trials that failed"),
}
"""A status after a number, one and several; others are `is …` and `are …`."""


class Count(Struct, frozen=True):
    """How many claims have a status at a scale."""

    number: int
    says: str
    target: str
    """The anchor of the one claim, or of all of them in the ladder."""


class Rung(Struct, frozen=True):
    """What one scale says."""

    scale: Scale
    claims: int
    counts: tuple[Count, ...]
    doubtful: int
    """Verdicts that rest on evidence which is stale, incomplete or failed in part."""


class Answer(Struct, frozen=True):
    lead: str
    rungs: tuple[Rung, ...]
    unrun: tuple[Scale, ...]
    """Scales that are declared, and where nothing has run."""
    changed: tuple[ClaimView, ...]
    """Claims whose verdict at one scale is not that at another."""
    reversed: int
    """How many of them are supported at one scale and contradicted at another."""
    identities: tuple[Count, ...]
    """Of the claims that are the same at every scale, which are counted apart."""


def answer(page: ReviewView) -> Answer:
    """The answer of a review, at every scale that it declares."""
    ran = {scale: claims for scale in page.scales if (claims := _ran(page, scale))}
    found = {each.results[scale].verdict.status for scale, claims in ran.items() for each in claims}
    same = {each.claim.id: result.verdict.status for each in page.identities for result in each.results.values()}
    changed = tuple(each for each in page.claims if any(change(each, scale) for scale in page.scales))
    return Answer(
        lead=LEADS[tuple(status for status in JUDGED if status in (found or same.values()))],
        rungs=tuple(_rung(scale, claims) for scale, claims in ran.items()),
        unrun=tuple(scale for scale in page.scales if scale not in ran),
        changed=changed,
        reversed=sum(any(change(each, scale) == "reverses" for scale in page.scales) for each in changed),
        identities=tuple(
            _count("identities", status, claims)
            for status in STATUSES
            if (claims := [each for each in page.identities if same[each.claim.id] == status])
        ),
    )


def change(claimed: ClaimView, scale: Scale) -> str:
    """How the verdict at `scale` stands to that of the scale before it which has one: `reverses`, `differs` or
    nothing.
    """
    here = claimed.results.get(scale)
    before = scale_before(claimed, scale)
    if here is None or before is None or here.verdict.status not in JUDGED:
        return ""
    pair = {here.verdict.status, claimed.results[before].verdict.status}
    if len(pair) == 1:
        return ""
    return "reverses" if "inconclusive" not in pair else "differs"


def scale_before(claimed: ClaimView, scale: Scale) -> Scale | None:
    """The nearest smaller scale whose evidence says something of the claim."""
    judged = [each for each, result in claimed.results.items() if result.verdict.status in JUDGED or each == scale]
    place = judged.index(scale) if scale in judged else 0
    return judged[place - 1] if place else None


def anchor(scale: Scale, status: Status) -> str:
    """Of all claims with a status at a scale, in the ladder."""
    return f"at-{scale}-{BADGES[status].style}"


def _ran(page: ReviewView, scale: Scale) -> list[ClaimView]:
    """The claims planned at a scale; none where nothing has run there."""
    planned = [each for each in page.of_scales if scale in each.results]
    return planned if any(each.results[scale].standing.ran for each in planned) else []


def _rung(scale: Scale, claims: Sequence[ClaimView]) -> Rung:
    results = [each.results[scale] for each in claims]
    counts = tuple(
        _count(anchor(scale, status), status, same)
        for status in STATUSES
        if (same := [each for each in claims if each.results[scale].verdict.status == status])
    )
    doubtful = sum(each.verdict.status in JUDGED and not each.standing.complete for each in results)
    return Rung(scale, len(claims), counts, doubtful)


def _count(several_at: str, status: Status, claims: Sequence[ClaimView]) -> Count:
    """The number of `claims`; it leads to the one, or to the anchor of them all."""
    one, several = _SAYS.get(status, (f"is {status}", f"are {status}"))
    target = f"claim-{claims[0].claim.id}" if len(claims) == 1 else several_at
    return Count(len(claims), one if len(claims) == 1 else several, target)
