"""What the judge's tests share: evidence made from a formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from verify.model import Claim, Criterion, Environment, Evidence, Record, Scalar, Test, Trial, Verdict, Where

CPU = Environment("e1", "cpu", "a machine", 2, "linux", {"torch": "2.13.0"})


def points(**grid: Sequence[Scalar]) -> list[Where]:
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def trial(parameters: Where, seed: int) -> Trial:
    return Trial("review", "v", "tiny", "experiment", dict(sorted(parameters.items())), seed, "now", "code")


def record(parameters: Where, seed: int, value: Any, **changes: Any) -> Record:
    values = {} if value is None else {"metric": value}
    given = {"fingerprint": "now", "seconds": 1.0, "environment": "e1", "code": "code", "data": "abc", **changes}
    return Record(parameters=dict(sorted(parameters.items())), seed=seed, values=values, **given)


def evidence(records: Iterable[Record], **changes: Any) -> Evidence:
    return Evidence("review", "v", "tiny", **{"environments": {"e1": CPU}, "records": tuple(records), **changes})


def claim(criterion: Criterion, control: Where | None = None, **test: Any) -> Claim:
    return Claim("c", "It holds.", "Section 1", Test("metric", criterion, **test), 1, control=control)


def verdict_of(
    asked: Claim, formula: Callable[[Where, int], float], grid: Sequence[Where], seeds: int = 5, claims: int = 1
) -> Verdict:
    """The verdict on `asked` where `formula` gives the metric at each point and seed."""
    from verify.judging.judge import judge

    trials = [trial(point, seed) for point in grid for seed in range(seeds)]
    records = [record(t.parameters, t.seed, formula(t.parameters, t.seed)) for t in trials]
    return judge(asked, evidence(records), trials, claims)


def by_arm(values: Mapping[str, Sequence[float]]) -> tuple[Callable[[Where, int], float], list[Where]]:
    """A formula and grid over one parameter `arm`, from the list of each arm's values by seed."""
    return lambda where, seed: float(values[str(where["arm"])][seed]), points(arm=list(values))


AT_MOST_0 = Criterion(high=0.0)
A_MINUS_B: tuple[Where, Where] = ({"arm": "a"}, {"arm": "b"})
A: Where = {"arm": "a"}
B: Where = {"arm": "b"}


def mean_of_a(criterion: Criterion, values: list[float], **changes: Any) -> Verdict:
    return verdict_of(claim(criterion, where=A, **changes), *by_arm({"a": values}), seeds=len(values))


def with_control(criterion: Criterion, a: list[float], b: list[float]) -> Verdict:
    return verdict_of(claim(criterion, control=B, where=A), *by_arm({"a": a, "b": b}), seeds=len(a))
