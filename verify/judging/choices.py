"""Values that one verification chooses for another, and whether a choice could well have come out otherwise.  Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Literal

from verify.errors import UserError
from verify.judging.measure import arms, average, describe, significant
from verify.model import Choice, Chosen, Claim, Record, Rung, Scalar, Trial, Where

LEVEL = 0.95
"""At which a value that was tried is told from the chosen one."""


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


def doubts(rung: Rung, trials: Iterable[Trial], lookup: Callable[[str], Sequence[Record] | None]) -> Iterator[Chosen]:
    """The choices behind a verification's trials that lie at an edge of what was tried, or that the spread leaves open.

    `lookup` gives a verification's records, as for the trials themselves.
    """
    parameters = [trial.parameters for trial in trials]
    for name, choice in rung.parameters.items():
        if not isinstance(choice, Choice):
            continue
        records = lookup(choice.verification) or ()
        for where in _distinct({each: point[each] for each in choice.per if each in point} for point in parameters):
            doubt = _doubt(choice, name, where, records)
            if doubt.edge or doubt.rivals:
                yield doubt


def _distinct(points: Iterable[Where]) -> list[Where]:
    return list({tuple(sorted(point.items())): point for point in points}.values())


def rests_on(claim: Claim, doubtful: Iterable[Chosen]) -> tuple[Chosen, ...]:
    """Those of the choices that decide trials which the claim's test, or its control, selects."""
    selections = list(arms(claim.test))
    if claim.control is not None:
        selections.append(claim.test.where | claim.control)
    return tuple(
        each
        for each in doubtful
        if any(all(where.get(name, value) == value for name, value in each.where.items()) for where in selections)
    )


def _doubt(choice: Choice, parameter: str, where: Where, records: Sequence[Record]) -> Chosen:
    """The choice as it was made, with all that speaks against it."""
    chosen = choose(choice, parameter, where, records)
    scores = _scores(choice, parameter, where, records)
    numbers = [value for value in scores if isinstance(value, int | float) and not isinstance(value, bool)]
    edge: Literal["smallest", "largest"] | None = None
    if len(numbers) == len(scores) > 1 and chosen in (min(numbers), max(numbers)):
        edge = "smallest" if chosen == min(numbers) else "largest"
    rivals = tuple(value for value, its in scores.items() if value != chosen and _is_as_good(its, scores[chosen]))
    return Chosen(parameter, chosen, choice.verification, where, edge, rivals)


def _scores(choice: Choice, parameter: str, where: Where, records: Iterable[Record]) -> dict[Scalar, dict[int, float]]:
    """Per value the mean of the choice's metric in each seed; less is better."""
    sign = 1 if choice.goal == "minimise" else -1
    found: dict[Scalar, dict[int, list[float]]] = {}
    for record in records:
        if parameter in record.parameters and all(record.parameters.get(name) == where[name] for name in where):
            number = record.number(choice.metric)
            by_seed = found.setdefault(record.parameters[parameter], {})
            by_seed.setdefault(record.seed, []).append(math.nan if number is None else sign * number)
    return {value: {seed: average(each) for seed, each in by_seed.items()} for value, by_seed in found.items()}


def _is_as_good(other: Mapping[int, float], chosen: Mapping[int, float]) -> bool:
    """Whether the interval of the difference over the seeds of both, pair by pair, includes 0."""
    differences = [other[seed] - chosen[seed] for seed in other.keys() & chosen.keys()]
    if not differences or not all(map(math.isfinite, chain(other.values(), chosen.values()))):
        return False
    mean, n = average(differences), len(differences)
    if n == 1 or len(set(differences)) == 1:
        return mean <= 0
    from verify.judging import estimates  # scipy

    low, _ = estimates.t_interval(mean, estimates.sd(differences), LEVEL, n)
    return low <= 0
