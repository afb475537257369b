"""Looks: at declared numbers of seeds a run may stop, at the first one at which every claim is decided.  Pure.

Whoever adds seeds until an interval clears its bound will see it clear sooner or later, whatever the truth.  Where the
looks are declared, and the level is split over claims, scales and looks, all intervals that could be looked at hold at
once, so it does not matter at which of them the run stops.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from msgspec import Struct
from msgspec.structs import replace

from verify.judging.judge import judge
from verify.judging.measure import key_of
from verify.model import Claim, Evidence, Review, Rung, Scale, Trial, Verdict


class Outcome(Struct, frozen=True):
    """Where a verification at a scale stands."""

    seeds: int
    """As many as the look has that is due: of which trials are to run, or at which all was decided."""
    look: int
    """Its number, from 1."""
    verdicts: tuple[Verdict, ...]
    """Of its claims, at the last look of which every trial was tried."""


def intervals(review: Review, scales: Container[Scale]) -> int:
    """How many intervals a review publishes at some scales: claims × scales × looks, without what needs none."""
    return sum(
        len(rung.seeds) * sum(not claim.test.exact for claim in verification.claims)
        for verification in review.verifications
        for rung in verification.rungs.values()
        if rung.scale in scales
    )


def at_look(trials: Sequence[Trial], seeds: int) -> tuple[Trial, ...]:
    """Those of the first so many seeds, counted from the smallest, which is the laboratory's first."""
    end = min((trial.seed for trial in trials), default=0) + seeds
    return tuple(trial for trial in trials if trial.seed < end)


def stand(claims: Sequence[Claim], rung: Rung, evidence: Evidence, trials: Sequence[Trial], declared: int) -> Outcome:
    """At which look the evidence stands, and what it says of each claim.

    Args:
        claims: of the verification.
        rung: its declaration at the scale of `evidence`.
        evidence: what is known.
        trials: all that are declared, to the last look.
        declared: how many `intervals` the review has.
    """
    tried = {*map(key_of, evidence.records), *map(key_of, evidence.failures)}
    verdicts: tuple[Verdict, ...] = ()
    for look, seeds in enumerate(rung.seeds, 1):
        due = at_look(trials, seeds)
        if look > 1 and any(key_of(trial) not in tried for trial in due):
            return Outcome(seeds, look, verdicts)
        verdicts = tuple(replace(judge(claim, evidence, due, declared), look=look) for claim in claims)
        if not any(verdict.undecided for verdict in verdicts):
            break
    return Outcome(seeds, look, verdicts)
