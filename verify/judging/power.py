"""What a claim's looks could decide, told before they run from the spread of earlier seeds.  Pure.

The spread is all that is taken from what ran before, and the estimate only to say what would become of it.  Both are
themselves uncertain, of few seeds very: the answers are for planning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from verify.judging.judge import FEWEST, POWER, judge, toward_of, wanted
from verify.judging.measure import arms, key_of, matches
from verify.model import Claim, Evidence, Status, Trial, Verdict


class LookPower(Struct, frozen=True):
    """What one look decides with a chance of `POWER`, as distances from the bound in the metric's own numbers."""

    seeds: int
    supports: float | None
    """The smallest distance at which a claim that holds is supported; None where no truth is far enough."""
    contradicts: float | None
    """The same of a claim that does not hold."""
    chance: float | None
    """That the claim is decided at this look if the estimate is the truth; None where it sits on the bound."""


class Power(Struct, frozen=True):
    """What is known of a claim from earlier seeds, and what its looks make of it."""

    seeds: int
    """From which estimate and spread are."""
    estimate: float | None = None
    spread: float | None = None
    """Of the statistic over seeds; None for a rate, whose spread follows from it."""
    toward: Status | None = None
    """The verdict that the estimate points to."""
    looks: tuple[LookPower, ...] = ()
    untold: str = ""
    """Why nothing can be told; then there are no looks."""

    @property
    def decided(self) -> int | None:
        """The first look, from 1, that decides with a chance of `POWER` if the estimate is the truth."""
        found = (number for number, each in enumerate(self.looks, 1) if each.chance and each.chance >= POWER)
        return next(found, None)


def power(claim: Claim, looks: Sequence[int], evidence: Evidence, trials: Sequence[Trial], level: float) -> Power:
    """What each of `looks` decides of a claim.

    Args:
        claim: whose test it is.
        looks: numbers of seeds.
        evidence: earlier results, whatever code they are of; `trials` are those that are declared.
        trials: seeds in which a trial that the claim needs has no result do not count.
        level: of the interval that will judge it.
    """
    test = claim.test
    known = _observed(claim, evidence, trials)
    seeds = len({trial.seed for trial in known})
    if why := _untold(claim):
        return Power(seeds, untold=why)
    if not seeds:
        return Power(0, untold="no earlier results of its trials")
    verdict = judge(claim, evidence, known, 1)
    if verdict.estimate is None:
        return Power(verdict.seeds or seeds, untold=verdict.reason)
    if verdict.seeds < FEWEST:
        return Power(verdict.seeds, verdict.estimate, untold=f"a spread needs {FEWEST} seeds")
    if test.statistic == "rate" or test.criterion.every:
        return _of_rate(claim, looks, verdict, level)
    return _of_mean(claim, looks, verdict, level)


def _untold(claim: Claim) -> str:
    """Why the power of a test is not computed; empty where it is."""
    test = claim.test
    band = test.criterion.low is not None and test.criterion.high is not None
    if test.exact:
        return f"it is a statement about each trial, which {FEWEST} seeds decide"
    if test.heavy_tails:
        return "its interval, for heavy tails, takes no distribution for granted"
    if test.statistic == "sd":
        return "the spread of a spread is not known from a few seeds"
    if test.statistic == "rate" and (test.arms or band):
        return "only of a single arm's rate with one bound"
    return ""


def _observed(claim: Claim, evidence: Evidence, trials: Sequence[Trial]) -> list[Trial]:
    """The trials of those seeds in which all that the claim needs has a result."""
    wheres = [*arms(claim.test)]
    if claim.control is not None:
        wheres += arms(replace(claim.test, where={**claim.test.where, **claim.control}))
    needed = [trial for trial in trials if any(matches(trial.parameters, where) for where in wheres)]
    known = {key_of(record) for record in evidence.records}
    lacking = {trial.seed for trial in needed if key_of(trial) not in known}
    return [trial for trial in trials if trial.seed not in lacking]


def _of_mean(claim: Claim, looks: Sequence[int], verdict: Verdict, level: float) -> Power:
    """By Student's t interval of numbers per seed."""
    from verify.judging import estimates  # scipy

    estimate, criterion = verdict.estimate or 0.0, claim.test.criterion
    spread = estimates.sd(verdict.per_seed)
    told = partial(Power, verdict.seeds, estimate)
    if spread == 0:
        return told(untold=f"no spread over {verdict.seeds} seeds")
    limits = [limit for limit in (criterion.low, criterion.high) if limit is not None]
    toward = toward_of(criterion, estimate)
    nearest = limits if toward == "supported" else [min(limits, key=lambda limit: abs(estimate - limit))]
    distances = [abs(estimate - limit) / spread for limit in nearest]
    width = (limits[1] - limits[0]) / spread if len(limits) == 2 else math.inf
    control = _distances_of_control(verdict, limits) if toward == "supported" else []
    found = []
    for n in looks:
        missed = 2 - estimates.chance_to_clear(distances, level, n) - estimates.chance_to_clear(control, level, n)
        inside, outside = (estimates.distance_for_power(n, level, POWER, each) for each in (width, math.inf))
        scaled = [None if each is None or n < FEWEST else each * spread for each in (inside, outside)]
        chance = None if toward is None else 0.0 if n < FEWEST else max(0.0, 1 - missed)
        found.append(LookPower(n, scaled[0], scaled[1], chance))
    return told(spread=spread, toward=toward, looks=tuple(found))


def _distances_of_control(verdict: Verdict, limits: Sequence[float]) -> list[float]:
    """Of the control from the bound that it must not pass, in its own standard deviations."""
    control, low, high, n = verdict.control, verdict.control_low, verdict.control_high, verdict.seeds
    if control is None or low is None or high is None or high == low:
        return []
    from scipy import special

    spread = (high - low) / 2 * math.sqrt(n) / float(special.stdtrit(n - 1, 0.975))
    return [min(abs(control - limit) for limit in limits) / spread]


def _of_rate(claim: Claim, looks: Sequence[int], verdict: Verdict, level: float) -> Power:
    """By the exact interval of Clopper and Pearson; `at_most` is `at_least` of the event's not happening."""
    from verify.judging import rates  # scipy

    criterion = wanted(claim.test)
    estimate = verdict.estimate or 0.0
    mirrored = criterion.low is None
    bound = criterion.high if criterion.low is None else criterion.low
    assert bound is not None, "a criterion has a bound"
    if mirrored:
        bound = 1 - bound
    toward = toward_of(criterion, estimate)
    found = []
    for n in looks:
        least, most = rates.deciding_counts(bound, n, level)
        above, below = rates.rate_for_power(least, n, POWER), rates.rate_for_power(n - most, n, POWER)
        rate = 1 - estimate if mirrored else estimate
        met = rates.chance_of_at_least(least, n, rate)
        chance = met if toward == "supported" else rates.chance_of_at_least(n - most, n, 1 - rate)
        if toward == "supported" and verdict.control is not None:
            control = 1 - verdict.control if mirrored else verdict.control
            chance = max(0.0, chance + rates.chance_of_at_least(n - most, n, 1 - control) - 1)
        supports = None if above is None or n < FEWEST else above - bound
        contradicts = None if below is None or n < FEWEST else bound - (1 - below)
        found.append(LookPower(n, supports, contradicts, None if toward is None else chance if n >= FEWEST else 0.0))
    return Power(verdict.seeds, estimate, toward=toward, looks=tuple(found))
