"""Claim + records → verdict.  Pure: no clock, no disk, no randomness.

`docs/method.md` says to readers what is done here.  Every number is rounded to six significant digits *before* it is
compared, so that whoever compares the published endpoints with the published criterion gets the published verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from verify.errors import UserError
from verify.judging.measure import (
    Arm,
    Unsettled,
    average,
    check_comparable,
    check_size,
    describe,
    means,
    per_seed,
    readings,
    significant,
)
from verify.model import Choice, Claim, Criterion, Evidence, Record, Scalar, Status, Test, Trial, Verdict

ALPHA = 0.05
"""Chance that any interval of a review misses its truth: each claim's share is this over the number of claims."""
FEWEST = 3
"""Seeds (for `every`, trials) below which nothing is decided."""
MOST_SEEDS = 10_000
"""Beyond this many, "more seeds" is no advice."""

Bounds = tuple[float, float]


class _Estimate(Struct, frozen=True):
    """A statistic over seeds, and the interval it would have with any number of them."""

    value: float | None
    numbers: tuple[float, ...]
    seeds: int
    interval: Callable[[int], Bounds] | None
    """None where there are too few seeds to make one from, or no spread."""

    @property
    def bounds(self) -> Bounds | None:
        """The interval; the value alone where all seeds gave the same."""
        if self.interval:
            low, high = self.interval(self.seeds)
            return significant(low), significant(high)
        return None if self.value is None or self.seeds < FEWEST else (self.value, self.value)


def judge(claim: Claim, evidence: Evidence, trials: Sequence[Trial], claims_declared: int) -> Verdict:
    """What `evidence` says of `claim`.

    Args:
        claim: one of the claims of `evidence.verification`.
        evidence: the records; one counts for a trial of equal parameters and seed, whatever its fingerprint.
        trials: those the verification declares at `evidence.scale`.
        claims_declared: in the whole review; the intervals hold for all of them at once (Bonferroni).
    """
    verdict = partial(Verdict, claim=claim.id, scale=evidence.scale)
    test, control = claim.test, None
    try:
        arms = readings(test, evidence, trials)
        if claim.control is not None:
            control = _control(replace(test, where={**test.where, **claim.control}), evidence, trials)
        check_comparable([*arms, *(control or ())], evidence)
        check_size(test, [*arms, *(control or ())])
        count = partial(verdict, trials=len({id(reading.record) for arm in arms for reading in arm}))
        if test.criterion.every:
            return _judge_every(test, arms, control, count)
        return _judge_interval(test, arms, control, 1 - ALPHA / claims_declared, count)
    except Unsettled as stop:
        return verdict(status=stop.status, reason=stop.reason)


def choose(choice: Choice, parameter: str, for_parameters: Mapping[str, Scalar], records: Sequence[Record]) -> Scalar:
    """The value of `parameter` with the best mean of the choice's metric over seeds; of equals, the first recorded.

    Args:
        choice: what to choose by; `records` are those of its verification.
        parameter: the one whose value is chosen.
        for_parameters: of the trial that asks; records must agree with it on every name in `choice.per`.
        records: a value with a trial whose metric is not a finite number is never chosen.

    Raises:
        UserError: nothing is left to choose from.
    """
    where = {name: for_parameters[name] for name in choice.per}
    found: dict[Scalar, list[float]] = {}
    for record in records:
        if parameter in record.parameters and all(record.parameters.get(name) == where[name] for name in where):
            number = record.number(choice.metric)
            found.setdefault(record.parameters[parameter], []).append(math.nan if number is None else number)
    sign = 1 if choice.goal == "minimise" else -1
    scores = {value: sign * significant(average(numbers)) for value, numbers in found.items()}
    finite = {value: score for value, score in scores.items() if math.isfinite(score)}
    if not finite:
        raise UserError(
            f"'{choice.verification}' has no record to choose {parameter} from where {describe(where)}",
            hint=f"it needs trials that vary {parameter} and return a finite {choice.metric}",
        )
    return min(finite, key=lambda value: finite[value])


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
    found = _estimate(test, arms, level)
    verdict = partial(verdict, estimate=found.value, seeds=found.seeds, per_seed=found.numbers)
    other = _estimate(test, control, level) if control else None
    if other:
        low, high = other.bounds or (None, None)
        verdict = partial(verdict, control=other.value, control_low=low, control_high=high)
    for which, estimate in (("", found), ("of the control, ", other)):
        if estimate and estimate.seeds < FEWEST:
            return verdict(status="inconclusive", reason=which + _too_few(estimate.seeds, "seed"))
    bounds = found.bounds
    if found.interval is None or bounds is None:
        return verdict(status="inconclusive", reason=f"no spread over {found.seeds} seeds, so no interval")
    verdict = partial(verdict, low=bounds[0], high=bounds[1], level=significant(level))
    status = _side(test.criterion, bounds)
    if status == "inconclusive":
        needed = _seeds_needed(test.criterion, found)
        return verdict(
            status=status, reason=_straddle(test.criterion, found.value, bounds, needed), seeds_needed=needed
        )
    if status == "contradicted":
        return verdict(status=status, reason=f"the whole interval is {_opposite(test.criterion)}")
    if other and other.bounds is None:
        return verdict(status="inconclusive", reason="the control has no spread to judge it by")
    if other and other.bounds and _side(test.criterion, other.bounds) == "supported":
        return verdict(status="inconclusive", reason="the control passes too")
    return verdict(status=status, reason=f"the whole interval is {_clause(test.criterion)}")


def _estimate(test: Test, arms: Sequence[Arm], level: float) -> _Estimate:
    if test.statistic == "sd":
        return _spread(arms, level)
    numbers = tuple(per_seed(test, arms).values())
    mean, interval = average(numbers), None
    if abs(mean) <= 1e-12 * max(map(abs, numbers)):
        mean = 0.0  # numbers that cancel leave rounding noise, which is no estimate
    if len(numbers) >= FEWEST and len(set(numbers)) > 1:
        from verify.judging import estimates  # scipy

        interval = partial(estimates.t_interval, mean, estimates.sd(numbers), level)
    return _Estimate(significant(mean), numbers, len(numbers), interval)


def _spread(arms: Sequence[Arm], level: float) -> _Estimate:
    """The metric's sd over seeds in one arm; the log ratio of two arms' sds."""
    from verify.judging import estimates  # scipy

    rows = [tuple(means(arm).values()) for arm in arms]
    seeds = len(rows[0])
    if seeds < 2:
        return _Estimate(None, (), seeds, None)
    spreads = [estimates.sd(row) if len({significant(value) for value in row}) > 1 else 0.0 for row in rows]
    if len(rows) == 1:
        usable = seeds >= FEWEST and spreads[0] > 0
        interval = partial(estimates.sd_interval, spreads[0], level) if usable else None
        return _Estimate(significant(spreads[0]), (), seeds, interval)
    if min(spreads) == 0:
        return _Estimate(None, (), seeds, None)
    ratio, correlation = math.log(spreads[0] / spreads[1]), estimates.correlation(*rows)
    usable = seeds >= FEWEST and 1 - abs(correlation) > 1e-12  # else the interval has no width
    interval = partial(estimates.sd_ratio_interval, ratio, correlation, level) if usable else None
    return _Estimate(significant(ratio), (), seeds, interval)


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


def _seeds_needed(criterion: Criterion, found: _Estimate) -> int | None:
    """The fewest seeds that settle it if estimate and spread stay; None where the number is beyond all use."""
    interval = found.interval
    if interval is None or found.value in _limits(criterion):
        return None

    def settled(seeds: int) -> bool:
        return _side(criterion, interval(seeds)) != "inconclusive"

    if not settled(MOST_SEEDS):
        return None
    low, high = found.seeds, MOST_SEEDS
    while high - low > 1:  # once settled, more seeds only narrow the interval
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high


def _straddle(criterion: Criterion, estimate: float | None, bounds: Bounds, needed: int | None) -> str:
    low, high = bounds
    limits = [limit for limit in _limits(criterion) if low <= limit <= high]
    reason = f"the interval includes {' and '.join(f'{limit:.12g}' for limit in limits)}"
    if needed:
        return f"{reason}; {needed} seeds would settle it if estimate and spread stay"
    if estimate in limits:
        return f"{reason}, and the estimate sits on it: more seeds need not settle it"
    return f"{reason}; settling it would take more than {MOST_SEEDS} seeds"


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
