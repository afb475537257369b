"""A test's records as numbers: which trials it needs, whether they can be compared, its statistic for each seed.

The half of `judge` that knows records; `judge` itself knows only the numbers made here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from verify.model import Criterion, Evidence, Failure, Record, Scalar, Status, Test, Trial, Where

LARGEST = 1e150
"""Numbers from here on have no finite square, so no spread."""


class Unsettled(Exception):
    """The evidence cannot be judged; `reason` is one clause for the reader."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status: Status = status
        self.reason = reason


class Reading(Struct, frozen=True):
    """The test's metric in one trial."""

    record: Record
    value: float
    """Not finite only where the trial failed."""
    failed: bool = False
    """Whether it diverged, or went beyond a bound that the verification declares."""


Arm = tuple[Reading, ...]
Key = tuple[tuple[tuple[str, Scalar], ...], int]
_Statistic = Callable[[Test, Sequence[Arm]], dict[int, float]]


def significant(value: float) -> float:
    """`value` with the six significant digits that evidence keeps: what is compared is what is shown."""
    return float(f"{value:.6g}")


def average(numbers: Sequence[float]) -> float:
    """The mean of finite numbers, also where their sum is none."""
    if max(map(abs, numbers)) < LARGEST:
        return math.fsum(numbers) / len(numbers)
    return math.fsum(number / len(numbers) for number in numbers)


def arms(test: Test) -> tuple[Where, ...]:
    """The parameter values that select each arm: one, two, or (difference of differences) four."""
    chosen = test.arms or ({},)
    corners = test.between or ({},)
    return tuple({**test.where, **corner, **arm} for corner in corners for arm in chosen)


def readings(test: Test, evidence: Evidence, trials: Sequence[Trial]) -> tuple[Arm, ...]:
    """The metric in every trial that the test needs, arm by arm.

    Raises `Unsettled` where a trial is not declared, has not run, crashed, or returned no finite number and did not
    fail in a way that the test takes into account.
    """
    if not trials:  # none can be declared before the choice
        raise Unsettled(
            "not run", "none of its trials has run: a parameter waits for the choice of another verification"
        )
    wanted = []
    for where in arms(test):
        matching = [trial for trial in trials if matches(trial.parameters, where)]
        if not matching:
            raise Unsettled("not run", f"no trial is declared where {describe(where)}")
        wanted.append(matching)
    found = _records(evidence, [trial for matching in wanted for trial in matching])
    failures = {key: _failed(test, record) for key, record in found.items()}
    counted = test.criterion.every
    _check_numbers(test.metric, [record for key, record in found.items() if counted or not failures[key]])
    return tuple(
        tuple(
            Reading(record := found[key], _number(record, test.metric), failures[key]) for key in map(key_of, matching)
        )
        for matching in wanted
    )


def _failed(test: Test, record: Record) -> bool:
    return record.diverged or any(meets(beyond, _number(record, metric)) for metric, beyond in test.fails.items())


def meets(criterion: Criterion, value: float) -> bool:
    """Whether a number lies within the bounds; one that is none does not."""
    above = criterion.low is None or criterion.low <= value
    return above and (criterion.high is None or value <= criterion.high) and not math.isnan(value)


def survivors(groups: Sequence[Arm]) -> tuple[tuple[Arm, ...], int]:
    """The arms without the seeds in which a trial of any of them failed, and how many seeds these are."""
    failed = {reading.record.seed for arm in groups for reading in arm if reading.failed}
    if not failed:
        return tuple(groups), 0
    kept = tuple(tuple(reading for reading in arm if reading.record.seed not in failed) for arm in groups)
    return kept, len(failed)


def events(test: Test, arm: Arm) -> dict[int, bool]:
    """Whether what the test counts happened, by seed.

    Raises `Unsettled` where a seed has several trials.
    """
    found: dict[int, bool] = {}
    for reading in arm:
        if reading.record.seed in found:
            raise Unsettled("inconclusive", "a rate needs arms with one trial a seed")
        found[reading.record.seed] = reading.failed if test.event is None else meets(test.event, reading.value)
    return dict(sorted(found.items()))


def are_identical(groups: Sequence[Arm]) -> bool:
    """Whether the arms of each comparison gave the same in every trial, in all that was returned: they did the same."""
    pairs = [(groups[i], groups[i + 1]) for i in range(0, len(groups) - 1, 2)]
    return bool(pairs) and all(
        [(each.record.seed, each.record.values) for each in first]
        == [(each.record.seed, each.record.values) for each in second]
        for first, second in pairs
    )


def check_comparable(groups: Sequence[Arm], evidence: Evidence) -> None:
    """Raise `Unsettled` where the records differ in what must be held fixed: device, torch, and in a seed the data."""
    records = [reading.record for arm in groups for reading in arm]
    environments = [evidence.environments.get(record.environment) for record in records]
    devices = {environment.device if environment else "unknown" for environment in environments}
    versions = {environment.versions.get("torch", "none") if environment else "unknown" for environment in environments}
    for what, values in (("devices", devices), ("versions of torch", versions)):
        if len(values) > 1:
            raise Unsettled("inconclusive", f"the trials compared ran on different {what}: {', '.join(sorted(values))}")
    seen: dict[int, str] = {}
    if any(seen.setdefault(record.seed, record.data) != record.data for record in records):
        raise Unsettled("inconclusive", "the trials compared did not see the same data")


def check_size(test: Test, groups: Sequence[Arm]) -> None:
    """Raise `Unsettled` where a number is too large to compute with, and the test does not just look at each."""
    if test.criterion.every and test.statistic == "mean":
        return
    records = {id(reading.record): reading.value for arm in groups for reading in arm}
    if large := sum(abs(value) >= LARGEST for value in records.values()):
        what = f"{large} of {len(records)} trials returned {test.metric} of {LARGEST:g} or more"
        raise Unsettled("inconclusive", f"{what}, too large to compute with")


def per_seed(test: Test, groups: Sequence[Arm]) -> dict[int, float]:
    """The statistic of each seed, in the order of seeds (`sd` is taken over seeds and has none: see `means`).

    Raises `Unsettled` where the arms do not have it, or have none to compute with.
    """
    statistics: dict[str, _Statistic] = {
        "mean": lambda _, groups: means(groups[0]),
        "difference": lambda _, groups: _paired(_subtract, means(groups[0]), means(groups[1])),
        "log_ratio": lambda test, groups: _paired(_log_ratio(test.metric), means(groups[0]), means(groups[1])),
        "slope": _slope,
        "interaction": _interaction,
        "holdout_error": _holdout_error,
    }
    found = _computed(statistics[test.statistic], test, groups)
    if not all(abs(value) < LARGEST for value in found.values()):  # nor is one that is not a number
        raise Unsettled("inconclusive", f"in a seed, the {test.statistic} is too large to compute with")
    return {seed: significant(value) for seed, value in found.items()}


def _computed(statistic: _Statistic, test: Test, groups: Sequence[Arm]) -> dict[int, float]:
    if test.along is None:
        return statistic(test, groups)
    import numpy as np

    try:
        with np.errstate(all="ignore"):  # what comes of it is looked at by whoever asked
            return statistic(test, groups)
    except np.linalg.LinAlgError:
        message = f"the values of {test.along} lie too far apart to fit anything over them"
        raise Unsettled("inconclusive", message) from None


def means(arm: Arm) -> dict[int, float]:
    """The metric's mean in each seed: over all trials of the seed that belong to the arm."""
    seeds: dict[int, list[float]] = {}
    for reading in arm:
        seeds.setdefault(reading.record.seed, []).append(reading.value)
    return {seed: average(seeds[seed]) for seed in sorted(seeds)}


def describe(where: Mapping[str, Scalar]) -> str:
    """`where` as a reader's clause."""
    return ", ".join(f"{name} = {value}" for name, value in where.items()) or "anything"


def matches(parameters: Mapping[str, Scalar], where: Where) -> bool:
    return all(name in parameters and parameters[name] == value for name, value in where.items())


def key_of(of: Trial | Record | Failure) -> Key:
    """What a trial is told by, under whatever code: its parameters and its seed."""
    return tuple(sorted(of.parameters.items())), of.seed


def _records(evidence: Evidence, trials: Sequence[Trial]) -> dict[Key, Record]:
    """The record of each trial; where there are two, the one of the code as it is now, else the later one."""
    fingerprints = {key_of(trial): trial.fingerprint for trial in trials}
    found: dict[Key, Record] = {}
    for record in evidence.records:
        key = key_of(record)
        if key in fingerprints and not (key in found and found[key].fingerprint == fingerprints[key]):
            found[key] = record
    missing = [key for key in fingerprints if key not in found]
    errors = {(tuple(sorted(failure.parameters.items())), failure.seed): failure.error for failure in evidence.failures}
    failed = [key for key in missing if key in errors]
    if failed:
        raise Unsettled("failed", f"{len(failed)} of {len(fingerprints)} trials failed: {errors[failed[0]]}")
    if missing:
        raise Unsettled("not run", f"{len(missing)} of {len(fingerprints)} trials have not run")
    return found


def _check_numbers(metric: str, records: Sequence[Record]) -> None:
    bad = [record for record in records if not math.isfinite(_number(record, metric))]
    if not bad:
        return
    share = f"{len(bad)} of {len(records)} trials"
    if any(record.diverged for record in bad):
        raise Unsettled("failed", f"{share} diverged, and the experiment declares no value of {metric} for that")
    raise Unsettled("failed", f"{share} returned no finite {metric}")


def _number(record: Record, metric: str) -> float:
    number = record.number(metric)
    return math.nan if number is None else float(number)


def _subtract(first: float, second: float) -> float:
    """Difference in which rounding noise does not pass for spread."""
    difference = first - second
    return 0.0 if abs(difference) <= 1e-12 * max(abs(first), abs(second)) else difference


def _log_ratio(metric: str) -> Callable[[float, float], float]:
    def log_ratio(first: float, second: float) -> float:
        if first <= 0 or second <= 0:
            raise Unsettled("inconclusive", f"a ratio needs {metric} above 0 in both arms of every seed")
        return math.log(first / second)

    return log_ratio


def _paired(
    combine: Callable[[float, float], float], first: Mapping[int, float], second: Mapping[int, float]
) -> dict[int, float]:
    if first.keys() != second.keys():
        raise Unsettled("inconclusive", "the arms did not run with the same seeds, so they cannot be paired")
    return {seed: combine(first[seed], second[seed]) for seed in first}


def _slope(test: Test, groups: Sequence[Arm]) -> dict[int, float]:
    slopes = [_slopes(test, arm) for arm in groups]
    if len(slopes) == 1:
        return slopes[0]
    if _places(test, groups[0]) != _places(test, groups[1]):  # else it is not the slope of a difference
        raise Unsettled("inconclusive", f"the arms did not run at the same values of {test.along}")
    return _paired(_subtract, *slopes)


def _interaction(test: Test, groups: Sequence[Arm]) -> dict[int, float]:
    if test.spans:
        return _paired(_subtract, *(_slopes(test, _within(test, groups[0], span)) for span in test.spans))
    if test.along:
        return _paired(_subtract, *(_slopes(test, arm) for arm in groups))
    first, second, third, fourth = map(means, groups)
    return _paired(_subtract, _paired(_subtract, first, second), _paired(_subtract, third, fourth))


def _within(test: Test, arm: Arm, span: tuple[float, float]) -> Arm:
    """Those of the arm's readings at which the parameter that the test runs along lies in `span`, ends included."""
    inside = {place for place in _places(test, arm) if span[0] <= place <= span[1]}
    return tuple(reading for reading in arm if reading.record.parameters[test.along or ""] in inside)


def _slopes(test: Test, arm: Arm) -> dict[int, float]:
    from verify.judging import estimates  # scipy

    x = _places(test, arm)
    if len(x) < 2:
        raise Unsettled("inconclusive", f"a slope needs two values of {test.along}; there is one")
    scaled = [math.log10(value) for value in x] if test.log else x
    rows = _rows(test, arm, x)
    return dict(zip(rows, estimates.slopes(scaled, list(rows.values())), strict=True))


def _holdout_error(test: Test, groups: Sequence[Arm]) -> dict[int, float]:
    from verify.judging import forms  # scipy

    x = _places(test, groups[0])
    names = (test.form or "", *test.rivals)
    least = max(forms.COEFFICIENTS[name] for name in names) + 1
    seen = len(x) - test.held_out
    if seen < least:
        raise Unsettled(
            "inconclusive", f"the fits need {least} values of {test.along} besides the largest; there are {seen}"
        )

    def errors(y: Sequence[float]) -> list[float]:
        """Per form, the mean distance from what was held out."""
        fitted = (forms.fit(name, x[:seen], y[:seen])(x[seen:]) for name in names)
        return [
            average([abs(float(each) - there) for each, there in zip(curve, y[seen:], strict=True)]) for curve in fitted
        ]

    found = {seed: errors(y) for seed, y in _rows(test, groups[0], x).items()}
    return {seed: own - min(rivals) if rivals else own for seed, (own, *rivals) in found.items()}


def _places(test: Test, arm: Arm) -> list[float]:
    """The distinct values of the parameter that the test runs along, ascending."""
    values = {reading.record.parameters.get(test.along or "") for reading in arm}
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        raise Unsettled("inconclusive", f"{test.along} is not a number in every trial")
    if any(number and not 1 / LARGEST < abs(number) < LARGEST for number in numbers):
        raise Unsettled("inconclusive", f"{test.along} is too large or too small to compute with")
    if (test.log or test.statistic == "holdout_error") and min(numbers) <= 0:
        raise Unsettled("inconclusive", f"{test.along} has no logarithm where it is 0 or less")
    return sorted(numbers)


def _rows(test: Test, arm: Arm, x: Sequence[float]) -> dict[int, list[float]]:
    """The metric of each seed at each of `x`."""
    columns = [
        means(tuple(reading for reading in arm if reading.record.parameters[test.along or ""] == place)) for place in x
    ]
    if any(column.keys() != columns[0].keys() for column in columns):
        raise Unsettled("inconclusive", f"not every seed ran at every value of {test.along}")
    return {seed: [column[seed] for column in columns] for seed in columns[0]}
