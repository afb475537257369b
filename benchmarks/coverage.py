"""How often the intervals of `verify.judging` miss: `python -m benchmarks.coverage`, or `make coverage`.

Writes tables between two comments in docs/method.md.  Every draw is seeded, so that the same code on the same machine
writes the same file.  It calls the very functions that judge, one sample after another: some minutes.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import special

from benchmarks.made import ROOT
from verify.judging import estimates, rates
from verify.judging.estimates import Interval

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

SEED = 20_240_601
SIZES = (5, 10, 20, 40)
LEVELS = (0.95, 0.998)
LOOKS = (10, 20, 40, 80, 160)
CLAIMS = 8
ALPHA = 0.05
OPENING, CLOSING = "<!-- coverage -->", "<!-- /coverage -->"

FAILING, LOW, HIGH, NOISE = 0.1, 0.3, 0.9, 0.02
"""Of the two-humped numbers: how many lie in the upper hump, where the humps are, and the sd of each."""


class Law(Struct, frozen=True):
    """How numbers are distributed over seeds, and the truth of each quantity."""

    name: str
    draw: Draw
    mean: float
    pseudomedian: float
    sd: float
    deviation: float
    """Mean absolute deviation from the median."""


def _two_humped(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    failed = generator.random(shape) < FAILING
    return np.where(failed, HIGH, LOW) + NOISE * generator.standard_normal(shape)


def _two_humps() -> Law:
    gap, share = HIGH - LOW, 1 - FAILING  # the humps are so far apart that no number of one reaches the other
    median = LOW + NOISE * float(special.ndtri(0.5 / share))
    at = (median - LOW) / NOISE
    lower = NOISE * (2 * math.exp(-(at**2) / 2) / math.sqrt(2 * math.pi) + at * float(2 * special.ndtr(at) - 1))
    return Law(
        name="two-humped",
        draw=_two_humped,
        mean=LOW + FAILING * gap,
        pseudomedian=LOW + NOISE / math.sqrt(2) * float(special.ndtri(0.5 / share**2)),
        sd=math.sqrt(FAILING * share * gap**2 + NOISE**2),
        deviation=share * lower + FAILING * (HIGH - median),
    )


LAWS = (
    Law("normal", lambda g, shape: g.standard_normal(shape), 0.0, 0.0, 1.0, math.sqrt(2 / math.pi)),
    # The mean of two exponential numbers has a gamma distribution, whose median this is.
    Law("skewed", lambda g, shape: g.standard_exponential(shape), 1.0, float(special.gammaincinv(2, 0.5)) / 2, 1.0,
        math.log(2)),
    Law("heavy-tailed", lambda g, shape: g.standard_t(3, shape), 0.0, 0.0, math.sqrt(3), 2 * math.sqrt(3) / math.pi),
    _two_humps(),
)  # fmt: skip


class Kind(Struct, frozen=True):
    """An interval from numbers per seed: of one arm, or of two that share seeds."""

    name: str
    interval: Callable[[Sequence[Array], float], Interval]
    truth: Callable[[Law], float]
    arms: int = 1


def _t(arms: Sequence[Array], level: float) -> Interval:
    (numbers,) = arms
    return estimates.t_interval(float(numbers.mean()), estimates.sd(numbers), level, len(numbers))


def _signed_rank(arms: Sequence[Array], level: float) -> Interval:
    return estimates.signed_rank_interval(list(arms[0]), level)[1]


def _sd(arms: Sequence[Array], level: float) -> Interval:
    (numbers,) = arms
    return estimates.sd_interval(estimates.sd(numbers), level, len(numbers))


def _sd_ratio(arms: Sequence[Array], level: float) -> Interval:
    first, second = arms
    ratio = math.log(estimates.sd(first) / estimates.sd(second))
    return estimates.sd_ratio_interval(ratio, estimates.correlation(list(first), list(second)), level, len(first))


def _deviation(arms: Sequence[Array], level: float) -> Interval:
    return estimates.deviation_interval(list(arms[0]), level)[1]


def _deviation_ratio(arms: Sequence[Array], level: float) -> Interval:
    return estimates.deviation_ratio_interval(list(arms[0]), list(arms[1]), level)[1]


KINDS = (
    Kind("mean, t", _t, lambda law: law.mean),
    Kind("pseudomedian, signed ranks", _signed_rank, lambda law: law.pseudomedian),
    Kind("sd, chi-squared", _sd, lambda law: law.sd),
    Kind("mean deviation", _deviation, lambda law: law.deviation),
    Kind("ratio of sds, Pitman and Morgan", _sd_ratio, lambda _: 0.0, arms=2),
    Kind("ratio of mean deviations", _deviation_ratio, lambda _: 0.0, arms=2),
)


def missed(kind: Kind, law: Law, n: int, level: float, draws: int) -> float | None:
    """The share of samples whose interval leaves out its truth; None where half of the intervals lack an end.

    Two arms share half of their variance: each is a number of its own plus one of both, all of the same law.
    """
    generator = np.random.default_rng([SEED, KINDS.index(kind), LAWS.index(law), n])
    own, truth = law.draw(generator, (draws, kind.arms, n)), kind.truth(law)
    samples = own + law.draw(generator, (draws, 1, n)) if kind.arms == 2 else own
    ends = np.array([kind.interval(sample, level) for sample in samples])
    if np.isinf(ends).any(axis=1).mean() > 0.5:
        return None
    return float(((ends[:, 0] > truth) | (ends[:, 1] < truth)).mean())


def rate_missed(n: int, level: float) -> float:
    """The largest chance, over true rates, that the interval of a rate leaves it out: no draws, but sums."""
    truths = np.linspace(0, 1, 1001)
    counts = np.arange(n + 1)
    ends = np.array([interval_of_rate(k, n, level) for k in range(n + 1)])
    chances = special.binom(n, counts) * truths[:, None] ** counts * (1 - truths[:, None]) ** (n - counts)
    misses = (ends[:, 0] > truths[:, None]) | (ends[:, 1] < truths[:, None])
    return float((chances * misses).sum(axis=1).max())


def difference_missed(n: int, level: float) -> float:
    """The same of the difference of two paired rates, over a grid of chances of the two kinds of discordant pair."""
    tables = np.array([(first, second) for first in range(n + 1) for second in range(n + 1 - first)])
    first, second = tables.T
    rest = n - first - second
    low, high = np.array([difference_of_rates(n, *map(int, table), level) for table in tables]).T
    logs = special.gammaln(n + 1) - sum(special.gammaln(each + 1) for each in (first, second, rest))
    grid = np.unique(np.concatenate([[0, 0.001, 0.002, 0.005, 0.01, 0.02], np.linspace(0, 1, 41)]))
    worst = 0.0
    for p in grid:
        for q in grid[grid <= 1 - p + 1e-12]:
            chances = np.exp(
                logs + special.xlogy(first, p) + special.xlogy(second, q) + special.xlogy(rest, max(0, 1 - p - q))
            )
            misses = (low > p - q + 1e-9) | (high < p - q - 1e-9)  # 1e-9: what a root and a sum are off by
            worst = max(worst, float(chances @ misses))
    return worst


@cache
def interval_of_rate(k: int, n: int, level: float) -> Interval:
    """The interval of a rate, kept, since simulated counts recur."""
    return rates.rate_interval(k, n, level)


@cache
def difference_of_rates(n: int, first_only: int, second_only: int, level: float) -> Interval:
    """The interval of a difference of rates, kept; it does not depend on what concordant pairs are."""
    return rates.rate_difference_interval(0, first_only, second_only, n - first_only - second_only, level)


# --- looks


class Stopping(Struct, frozen=True):
    """Eight claims of one statistic whose truth lies at some distance from the bound."""

    name: str
    draw: Draw
    """Numbers (…, arms, seeds)."""
    interval: Callable[[Sequence[Array], float], Interval]
    truth: float
    bound: float


def _rate(arms: Sequence[Array], level: float) -> Interval:
    (events,) = arms
    return interval_of_rate(int(events.sum()), len(events), level)


def _rate_difference(arms: Sequence[Array], level: float) -> Interval:
    first, second = arms
    return difference_of_rates(len(first), int((first > second).sum()), int((first < second).sum()), level)


def _one(law: Law, scale: float = 1.0) -> Draw:
    return lambda generator, shape: scale * law.draw(generator, (*shape[:-1], 1, shape[-1]))


def _two(law: Law, ratio: float) -> Draw:
    """Two arms, the first `ratio` times the second's width, that share half of their variance."""

    def draw(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        wide = law.draw(generator, (*shape[:-1], 2, shape[-1])) + law.draw(generator, (*shape[:-1], 1, shape[-1]))
        wide[..., 0, :] *= ratio
        return wide

    return draw


def _events(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return (generator.random((*shape[:-1], 1, shape[-1])) < 0.1).astype(float)


def _paired_events(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """The event in the first arm alone in 45 % of seeds, in the second alone in 5 %, in both in 10 %."""
    chance = generator.random((*shape[:-1], 1, shape[-1]))
    first, second = chance < 0.55, (chance >= 0.45) & (chance < 0.6)
    return np.concatenate([first, second], axis=-2).astype(float)


_NORMAL, _, _HEAVY, _ = LAWS
STOPPING = (
    Stopping("mean, t", _one(_NORMAL), _t, 0.0, 0.6),
    Stopping("rate", _events, _rate, 0.1, 0.4),
    Stopping("difference of rates", _paired_events, _rate_difference, 0.4, 0.0),
    Stopping("pseudomedian, signed ranks", _one(_HEAVY), _signed_rank, 0.0, 0.8),
    Stopping("sd, chi-squared", _one(_NORMAL), _sd, 1.0, 1.6),
    Stopping("mean deviation", _one(_HEAVY), _deviation, _HEAVY.deviation, 2.2 * _HEAVY.deviation),
    Stopping("ratio of sds, Pitman and Morgan", _two(_NORMAL, 1.7), _sd_ratio, math.log(1.7), 0.0),
    Stopping("ratio of mean deviations", _two(_HEAVY, 2.2), _deviation_ratio, math.log(2.2), 0.0),
)


class Stopped(Struct, frozen=True):
    """Shares of runs."""

    missed: float
    """Any interval of any claim at any look up to the stop leaves out its truth."""
    undeclared: float
    """The same, where each look takes its intervals for the only ones."""
    seeds: float
    """At the stop, on average."""
    decided: float
    """All claims are decided, and rightly, at the stop."""
    fixed_mean: float
    """The same with so many seeds, once."""
    fixed_largest: float
    """The same with the largest number, once."""


def stopped(case: Stopping, runs: int) -> Stopped:
    """What becomes of runs that stop at the first look where all claims are decided.

    What is missed is counted with the bound of one claim at its truth: it is decided by a miss alone, so that such
    runs go on for as long as they may.  All else is counted with every truth away from its bound.
    """
    generator = np.random.default_rng([SEED, STOPPING.index(case)])
    numbers = case.draw(generator, (runs, CLAIMS, LOOKS[-1]))
    once = 1 - ALPHA / CLAIMS
    at = partial(_intervals, case, numbers)
    declared = np.stack([at(look, 1 - ALPHA / (CLAIMS * len(LOOKS))) for look in LOOKS], axis=2)
    alone = np.stack([at(look, once) for look in LOOKS], axis=2)
    stop = _first(_right(case, declared) | _wrong(case, declared))
    seeds = float(np.take(LOOKS, stop).mean())
    return Stopped(
        missed=_any_missed(case, declared),
        undeclared=_any_missed(case, alone),
        seeds=seeds,
        decided=float(_right(case, declared)[np.arange(runs), :, stop].all(axis=1).mean()),
        fixed_mean=float(_right(case, at(round(seeds), once)).all(axis=1).mean()),
        fixed_largest=float(_right(case, alone)[:, :, -1].all(axis=1).mean()),
    )


def _intervals(case: Stopping, numbers: Array, n: int, level: float) -> Array:
    """(runs, claims, 2), of the first `n` seeds."""
    flat = numbers[..., :n].reshape(-1, *numbers.shape[2:-1], n)
    return np.array([case.interval(arms, level) for arms in flat]).reshape(*numbers.shape[:2], 2)


def _right(case: Stopping, ends: Array) -> NDArray[np.bool_]:
    """Whether each interval (…, 2) lies on the truth's side of the bound."""
    return ends[..., 1] < case.bound if case.truth < case.bound else ends[..., 0] > case.bound


def _wrong(case: Stopping, ends: Array) -> NDArray[np.bool_]:
    return ends[..., 0] > case.bound if case.truth < case.bound else ends[..., 1] < case.bound


def _first(decided: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place of the look (runs, claims, looks) at which each run stops: the last one where none decides all."""
    settled = np.asarray(decided.all(axis=1))
    settled[:, -1] = True
    return np.asarray(settled.argmax(axis=1))


def _any_missed(case: Stopping, ends: Array) -> float:
    misses = (ends[..., 0] > case.truth) | (ends[..., 1] < case.truth)
    decided = _right(case, ends) | _wrong(case, ends)
    decided[:, 0] = misses[:, 0]  # this claim's bound is its truth
    seen = np.arange(len(LOOKS)) <= _first(decided)[:, None]
    return float((misses.any(axis=1) & seen).any(axis=1).mean())


# --- what is written


def tables(draws: int, runs: int) -> Iterator[str]:
    """The lines between the comments."""
    for level in LEVELS:
        yield f"Misses in % where {_percent(1 - level)} % are stated, with {_listed(SIZES)} seeds:\n"
        yield "| interval | " + " | ".join(law.name for law in LAWS) + " |"
        yield "| --- |" + " --- |" * len(LAWS)
        for kind in KINDS:
            cells = (", ".join(_share(missed(kind, law, n, level, draws)) for n in SIZES) for law in LAWS)
            yield f"| {kind.name} | {' | '.join(cells)} |"
        yield ""
    yield "Misses in % at the true rates where they are most frequent:\n"
    yield "| interval | stated | " + " | ".join(f"{n} seeds" for n in SIZES) + " |"
    yield "| --- |" + " --- |" * (1 + len(SIZES))
    for name, worst in (("rate", rate_missed), ("difference of rates", difference_missed)):
        for level in LEVELS:
            worsts = " | ".join(_share(worst(n, level)) for n in SIZES)
            yield f"| {name} | {_percent(1 - level)} | {worsts} |"
    yield ""
    yield f"{CLAIMS} claims with looks at {_listed(LOOKS)} seeds, in % of runs:\n"
    yield (
        "| interval | any misses | any misses, looks not declared | seeds on average | all decided | "
        f"as many seeds, one look | {LOOKS[-1]} seeds, one look |"
    )
    yield "| --- |" + " --- |" * 6
    for case in STOPPING:
        found = stopped(case, runs)
        misses = f"{_share(found.missed)} | {_share(found.undeclared)}"
        power = " | ".join(map(_share, (found.decided, found.fixed_mean, found.fixed_largest)))
        yield f"| {case.name} | {misses} | {found.seeds:.0f} | {power} |"


def _share(value: float | None) -> str:
    return "–" if value is None else _percent(value)


def _percent(share: float) -> str:
    """Two digits: 12, 5.1, 0.21."""
    percent = 100 * share
    if percent >= 9.95:
        return f"{percent:.0f}"
    return f"{percent:.1f}" if percent >= 0.995 else f"{percent:.2f}".rstrip("0").rstrip(".")


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"


def written(page: str, lines: Sequence[str]) -> str:
    """`page` with `lines` between the two comments.

    Raises:
        ValueError: it does not have each comment once, in their order.
    """
    before, opening, rest = page.partition(f"{OPENING}\n")
    _, closing, after = rest.partition(CLOSING)
    if not (opening and closing) or OPENING in rest or CLOSING in before + after:
        raise ValueError(f"the page needs {OPENING} and, below it, {CLOSING}, each once")
    content = "\n".join(lines)
    return f"{before}{OPENING}\n\n{content}\n\n{CLOSING}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, and write the tables; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "method.md", help="by default docs/method.md")
    parser.add_argument("--draws", type=int, default=20_000, help="samples for each number of the first two tables")
    parser.add_argument("--runs", type=int, default=4_000, help="simulated runs for each line of the last table")
    given = parser.parse_args(arguments)

    try:
        written(given.page.read_text(encoding="utf-8"), [])
    except (OSError, ValueError) as problem:
        parser.error(f"{given.page}: {problem}")
    lines = []
    for line in tables(given.draws, given.runs):
        print(line, file=sys.stderr, flush=True)
        lines.append(line)
    page = given.page.read_text(encoding="utf-8")  # as it is now, minutes later
    given.page.write_text(written(page, lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
