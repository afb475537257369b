"""What the looks of claims could decide and will cost, from what ran before: evidence or this machine's journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from verify.judging.judge import ALPHA
from verify.judging.power import Power, power
from verify.model import Claim, Evidence, Record, Review, Scale, Trial, Verification
from verify.planning.plan import Waiting, expand
from verify.project.project import Project
from verify.running.estimate import Costs


class Foreseen(Struct, frozen=True):
    """A claim at a scale."""

    review: str
    verification: str
    claim: str
    scale: Scale
    source: Literal["evidence", "this machine"]
    """Where the earlier results are from."""
    looks: tuple[int, ...]
    """Numbers of seeds, as declared."""
    level: float
    """Of the interval that will judge it."""
    power: Power
    seconds: tuple[float | None, ...]
    """Per look, what its own trials take with the workers there are; None where none like them was timed."""


def foreseen(
    project: Project, review: Review, verification: Verification, claim: Claim, scale: Scale, workers: int
) -> Foreseen:
    """What is known beforehand of a claim.

    Raises:
        UserErrors: evidence or journal cannot be read.
    """
    sources: dict[Literal["evidence", "this machine"], Evidence] = {
        "evidence": _committed(project, review, verification.id, scale),
        "this machine": project.journal(review.slug, verification.id, scale),
    }
    looks, level = verification.rungs[scale].seeds, 1 - ALPHA / project.intervals(review, verification, scale)
    trials = _trials(project, review, verification, scale)
    found = {name: power(claim, looks, known, trials, level) for name, known in sources.items()}
    best = max(found, key=lambda name: found[name].seeds)  # of equals, what is published
    costs = Costs(record for known in sources.values() for record in known.records)
    spans = zip((0, *looks), looks, strict=False)
    seconds = tuple(_seconds(costs, trials, span, workers) for span in spans)
    return Foreseen(review.slug, verification.id, claim.id, scale, best, looks, level, found[best], seconds)


def _committed(project: Project, review: Review, verification: str, scale: Scale) -> Evidence:
    return project.evidence(review.slug, verification, scale) or Evidence(review.slug, verification, scale)


def _trials(project: Project, review: Review, verification: Verification, scale: Scale) -> tuple[Trial, ...]:
    """Those declared, to the last look; none where a parameter waits for a choice that nothing here can make."""

    def records(chooser: str) -> Sequence[Record] | None:
        known = _committed(project, review, chooser, scale), project.journal(review.slug, chooser, scale)
        return next((each.records for each in known if each.records), None)

    try:
        code = project.code(review, verification)
        return expand(review.slug, verification, verification.rungs[scale], code, records)
    except Waiting:
        return ()


def _seconds(costs: Costs, trials: Sequence[Trial], span: tuple[int, int], workers: int) -> float | None:
    """What the trials of some seeds take."""
    if costs.mean is None or not trials:
        return None
    return sum(costs.of(trial) or 0.0 for trial in trials if span[0] <= trial.seed < span[1]) / workers


def all_foreseen(
    project: Project, claims: Sequence[tuple[Review, Verification, Claim]], scale: Scale, workers: int
) -> Iterator[Foreseen]:
    """What is known of each claim that is declared at `scale`."""
    for review, verification, claim in claims:
        if scale in verification.rungs:
            yield foreseen(project, review, verification, claim, scale, workers)
