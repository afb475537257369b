"""Claim + records → verdict.  Pure: no clock, no disk, no randomness.

`docs/method.md` says to readers what is done here.  Every number is rounded to six significant digits *before* it is
compared, so that whoever compares the published endpoints with the published criterion gets the published verdict.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from verify.judging.measure import (
    Arm,
    Unsettled,
    are_identical,
    average,
    check_comparable,
    check_size,
    events,
    means,
    meets,
    per_seed,
    readings,
    significant,
    survivors,
)
from verify.model import Claim, Criterion, Evidence, Status, Test, Trial, Verdict

ALPHA = 0.05
"""Chance that any interval of a review misses its truth: each has this over the number of them as its share."""
FEWEST = 3
"""Seeds (for `every`, trials) below which nothing is decided."""
MOST_SEEDS = 10_000
"""Beyond this many, "more seeds" is no advice."""
POWER = 0.9
"""Chance with which the seeds that are said to be needed are to settle a claim."""

Bounds = tuple[float, float]


class _Estimate(Struct, frozen=True):
    """A statistic over seeds and its interval."""

    value: float | None
    numbers: tuple[float, ...]
    seeds: int
    bounds: Bounds | None
    """None where there are too few seeds to make an interval from, or no spread."""
    spread: float | None = None
    """Of the numbers, where the interval is Student's."""
    unbounded: bool = False
    """There are too few seeds for an interval of this level, so that it has no end on one side or on both."""
    identical: bool = False
    """The arms did the same, so that the interval has no width."""


def judge(claim: Claim, evidence: Evidence, trials: Sequence[Trial], intervals: int) -> Verdict:
    """What `evidence` says of `claim`.

    Args:
        claim: one of the claims of `evidence.verification`.
        evidence: the records; one counts for a trial of equal parameters and seed, whatever its fingerprint.
        trials: those that count, of the verification at `evidence.scale`.
        intervals: how many the review may publish: they hold all at once (Bonferroni).
    """
    verdict = partial(Verdict, claim=claim.id, scale=evidence.scale)
    test, control = claim.test, None
    try:
        arms = readings(test, evidence, trials)
        if claim.control is not None:
            control = _control(replace(test, where={**test.where, **claim.control}), evidence, trials)
        check_comparable([*arms, *(control or ())], evidence)
        failed = tuple(sum(reading.failed for reading in arm) for arm in arms)
        count = partial(
            verdict,
            trials=len({id(reading.record) for arm in arms for reading in arm}),
            failed=failed if any(failed) else (),
        )
        if test.exact:
            check_size(test, [*arms, *(control or ())])
            return _judge_every(test, arms, control, count)
        return _judge_interval(test, arms, control, 1 - ALPHA / intervals, count)
    except Unsettled as stop:
        return verdict(status=stop.status, reason=stop.reason)


def _control(test: Test, evidence: Evidence, trials: Sequence[Trial]) -> tuple[Arm, ...]:
    try:
        return readings(test, evidence, trials)
    except Unsettled as stop:
        raise Unsettled(stop.status, f"of the control, {stop.reason}") from stop


def _judge_every(test: Test, arms: Sequence[Arm], control: Sequence[Arm] | None, verdict: partial[Verdict]) -> Verdict:
    criterion, numbers = test.criterion, _every(test, arms)
    excess = partial(_excess, criterion)
    passed = sum(excess(number) <= 0 for number in numbers)
    seeds, unit = len(means(arms[0])), "trial" if test.statistic == "mean" else "seed"
    verdict = partial(
        verdict,
        estimate=max(numbers, key=excess),
        seeds=seeds,
        trials=len(numbers),
        passed=passed,
        per_seed=numbers if len(numbers) == seeds else (),
    )
    others = _every(test, control) if control else ()
    if others:
        verdict = partial(verdict, control=min(others, key=excess))
    if passed < len(numbers):
        reason = f"{len(numbers) - passed} of {_count(len(numbers), unit)} not {_clause(criterion)}"
        return verdict(status="contradicted", reason=reason)
    # Trials that share a seed share initialisation and data order: only seeds are independent draws.
    verdict = partial(verdict, pass_rate_bound=significant(ALPHA ** (1 / seeds)))
    if len(numbers) < FEWEST:
        return verdict(status="inconclusive", reason=_too_few(len(numbers), unit))
    slipped = sum(excess(number) <= 0 for number in others)
    if slipped:
        reason = f"the control passes too, in {slipped} of {_count(len(others), unit)}"
        return verdict(status="inconclusive", reason=reason)
    return verdict(status="supported", reason=f"all {len(numbers)} {unit}s {_clause(criterion)}")


def _every(test: Test, arms: Sequence[Arm]) -> tuple[float, ...]:
    """The numbers that must each meet the criterion: single trials for a mean, seeds for other statistics."""
    if test.statistic == "sd":
        raise Unsettled("inconclusive", "a spread over seeds is one number: no single trial has it")
    if test.statistic == "mean":
        return tuple(significant(reading.value) for reading in arms[0])
    return tuple(per_seed(test, arms).values())


def _judge_interval(
    test: Test, arms: Sequence[Arm], control: Sequence[Arm] | None, level: float, verdict: partial[Verdict]
) -> Verdict:
    found, left_out = _of_survivors(test, arms, level)
    rest = f"; {_count(left_out, 'seed')} left out, in which a trial failed" if left_out else ""

    def because(status: Status, reason: str, **fields: Any) -> Verdict:
        return verdict(status=status, reason=reason + rest, **fields)

    verdict = partial(verdict, estimate=found.value, seeds=found.seeds, per_seed=found.numbers, left_out=left_out)
    other = _of_survivors(test, control, level)[0] if control else None
    low = high = None
    if other:
        low, high = other.bounds or (other.value, other.value)  # without spread, its value is all there is
        verdict = partial(verdict, control=other.value, control_low=low, control_high=high)
    for which, estimate in (("", found), ("of the control, ", other)):
        if estimate and estimate.seeds < FEWEST:
            return because("inconclusive", which + _too_few(estimate.seeds, "seed"), undecided=True)
    bounds, criterion = found.bounds, wanted(test)
    if found.unbounded:
        reason = f"{_count(found.seeds, 'seed')} are too few for an interval at this level"
        return because("inconclusive", reason, undecided=True)
    if bounds is None:
        return because("inconclusive", f"no spread over {found.seeds} seeds, so no interval")
    verdict = partial(verdict, low=bounds[0], high=bounds[1], level=significant(level))
    status = _side(criterion, bounds)
    if status == "inconclusive":
        needed = _seeds_needed(criterion, found, level)
        toward = toward_of(criterion, found.value)
        reason = _straddle(criterion, bounds, needed, toward)
        return because(status, reason, seeds_needed=needed, toward=toward, undecided=True)
    whole = "both arms gave the same in every trial: the difference of 0" if found.identical else "the whole interval"
    if status == "contradicted":
        return because(status, f"{whole} is {_opposite(criterion)}")
    if other and low is None:
        return because("inconclusive", "the control has no spread to judge it by")
    side = "contradicted" if low is None or high is None else _side(criterion, (low, high))
    if side == "supported":
        return because("inconclusive", "the control passes too")
    if side == "inconclusive":
        return because("inconclusive", "the control may pass too: its interval includes the bound", undecided=True)
    return because(status, f"{whole} is {_clause(criterion)}")


def wanted(test: Test) -> Criterion:
    """What the estimate is held against: of `every` with a rate, the rate."""
    return test.criterion if test.criterion.rate is None else Criterion(low=test.criterion.rate)


def _of_survivors(test: Test, arms: Sequence[Arm], level: float) -> tuple[_Estimate, int]:
    """The estimate from the seeds in which no trial failed, and how many others there are; a rate is one of all."""
    if test.statistic == "rate" or test.criterion.every:
        return _rate(test, arms, level), 0
    kept, left_out = survivors(arms)
    if not all(kept):
        raise Unsettled("inconclusive", f"in each of {left_out} seeds a trial failed: none is left to compare")
    check_size(test, kept)
    return _estimate(test, kept, level), left_out


def _rate(test: Test, arms: Sequence[Arm], level: float) -> _Estimate:
    """How often the event happened, or in how many seeds all trials met the criterion; of two arms the difference."""
    from verify.judging import rates  # scipy

    happened = [_all_met(test, arms)] if test.criterion.every else [events(test, arm) for arm in arms]
    first, *others = happened
    n = len(first)
    if not others:
        hits = sum(first.values())
        numbers = tuple(map(float, first.values()))
        return _Estimate(significant(hits / n), numbers, n, _rounded(rates.rate_interval(hits, n, level)))
    if first.keys() != others[0].keys():
        raise Unsettled("inconclusive", "the arms did not run with the same seeds, so they cannot be paired")
    table = Counter((one, others[0][seed]) for seed, one in first.items())
    numbers = tuple(float(one) - float(others[0][seed]) for seed, one in first.items())
    bounds = rates.rate_difference_interval(
        table[True, True], table[True, False], table[False, True], table[False, False], level
    )
    return _Estimate(significant(average(numbers)), numbers, n, _rounded(bounds))


def _all_met(test: Test, arms: Sequence[Arm]) -> dict[int, bool]:
    """Per seed, whether every number of its meets the criterion."""
    if test.statistic != "mean":
        return {seed: meets(test.criterion, value) for seed, value in per_seed(test, arms).items()}
    found: dict[int, bool] = {}
    for reading in arms[0]:
        met = meets(test.criterion, significant(reading.value))
        found[reading.record.seed] = found.get(reading.record.seed, True) and met
    return found


def _estimate(test: Test, arms: Sequence[Arm], level: float) -> _Estimate:
    if test.statistic == "sd":
        return _spread(test, arms, level)
    numbers = tuple(per_seed(test, arms).values())
    mean = average(numbers)
    if abs(mean) <= 1e-12 * max(map(abs, numbers)):
        mean = 0.0  # numbers that cancel leave rounding noise, which is no estimate
    n = len(numbers)
    if n >= FEWEST and not any(numbers) and are_identical(arms):
        return _Estimate(0.0, numbers, n, (0.0, 0.0), identical=True)
    if n < FEWEST or len(set(numbers)) == 1:
        return _Estimate(significant(mean), numbers, n, None)
    from verify.judging import estimates  # scipy

    if test.heavy_tails:
        middle, bounds = estimates.signed_rank_interval(numbers, level)
        return _bounded(_Estimate(significant(middle), numbers, n, _rounded(bounds)))
    spread = estimates.sd(numbers)
    return _Estimate(significant(mean), numbers, n, _rounded(estimates.t_interval(mean, spread, level, n)), spread)


def _spread(test: Test, arms: Sequence[Arm], level: float) -> _Estimate:
    """The metric's sd over seeds in one arm; the log ratio of two arms' sds."""
    from verify.judging import estimates  # scipy

    rows = [tuple(means(arm).values()) for arm in arms]
    seeds = len(rows[0])
    if seeds < 2:
        return _Estimate(None, (), seeds, None)
    spreads = [estimates.sd(row) if len({significant(value) for value in row}) > 1 else 0.0 for row in rows]
    if len(rows) == 1:
        value, usable = spreads[0], spreads[0] > 0
        known = partial(estimates.sd_interval, value, level, seeds)
    elif min(spreads) == 0:
        return _Estimate(None, (), seeds, None)
    else:
        value, correlation = math.log(spreads[0] / spreads[1]), estimates.correlation(*rows)
        usable = 1 - abs(correlation) > 1e-12  # else the interval has no width
        known = partial(estimates.sd_ratio_interval, value, correlation, level, seeds)
    if seeds < FEWEST or not usable:
        return _Estimate(significant(value), (), seeds, None)
    if test.heavy_tails:
        if len(rows) == 1:
            value, bounds = estimates.deviation_interval(rows[0], level)
        else:
            value, bounds = estimates.deviation_ratio_interval(rows[0], rows[1], level)
        return _bounded(_Estimate(significant(value), (), seeds, _rounded(bounds)))
    return _Estimate(significant(value), (), seeds, _rounded(known()))


def _bounded(estimate: _Estimate) -> _Estimate:
    """Without an interval that has no end."""
    if estimate.bounds is None or all(map(math.isfinite, estimate.bounds)):
        return estimate
    return replace(estimate, bounds=None, unbounded=True)


def _rounded(bounds: Bounds) -> Bounds:
    return significant(bounds[0]), significant(bounds[1])


def _side(criterion: Criterion, bounds: Bounds) -> Status:
    low, high = bounds
    floor, ceiling = _limits(criterion)
    if floor <= low and high <= ceiling:
        return "supported"
    return "contradicted" if high < floor or low > ceiling else "inconclusive"


def _limits(criterion: Criterion) -> Bounds:
    floor = -math.inf if criterion.low is None else criterion.low
    return floor, math.inf if criterion.high is None else criterion.high


def _excess(criterion: Criterion, number: float) -> float:
    """How far `number` lies outside the criterion; 0 or less where it meets it."""
    floor, ceiling = _limits(criterion)
    return max(floor - number, number - ceiling)


def toward_of(criterion: Criterion, estimate: float | None) -> Status | None:
    """The verdict that an estimate points to; None where it sits on the bound."""
    if estimate is None or estimate in _limits(criterion):
        return None
    return "supported" if meets(criterion, estimate) else "contradicted"


def _seeds_needed(criterion: Criterion, found: _Estimate, level: float) -> int | None:
    """The fewest seeds that settle it with a chance of `POWER`, if estimate and spread are the truth.

    None where that is more than any advice, or the interval is not Student's.
    """
    if found.spread is None or found.value is None:
        return None
    from verify.judging import estimates  # scipy

    value, limits = found.value, [limit for limit in _limits(criterion) if math.isfinite(limit)]
    if not meets(criterion, value):  # it has to clear the nearer bound
        limits = [min(limits, key=lambda limit: abs(value - limit))]
    distances = [abs(value - limit) / found.spread for limit in limits]
    return estimates.seeds_for_power(distances, level, POWER, MOST_SEEDS)


def _straddle(criterion: Criterion, bounds: Bounds, needed: int | None, toward: Status | None) -> str:
    low, high = bounds
    limits = [limit for limit in _limits(criterion) if low <= limit <= high]
    reason = f"the interval includes {' and '.join(f'{limit:.12g}' for limit in limits)}"
    if toward is None:
        return f"{reason}, and the estimate sits on it: more seeds need not settle it"
    reason = f"{reason}; the estimate points to {toward}"
    return f"{reason}, which {needed} seeds would settle in nine of ten cases" if needed else reason


def _clause(criterion: Criterion) -> str:
    if criterion.low is None:
        return f"at most {criterion.high:.12g}"
    return f"at least {criterion.low:.12g}" if criterion.high is None else f"within {_band(criterion)}"


def _opposite(criterion: Criterion) -> str:
    if criterion.low is None:
        return f"above {criterion.high:.12g}"
    return f"below {criterion.low:.12g}" if criterion.high is None else f"outside {_band(criterion)}"


def _band(criterion: Criterion) -> str:
    return f"{criterion.low:.12g} to {criterion.high:.12g}"


def _too_few(number: int, what: str) -> str:
    return f"{_count(number, what)}, where {FEWEST} are the fewest that decide"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
