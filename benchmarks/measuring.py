"""What a measurement is, and how times are taken: of alternatives in turn, so that a busy machine slows them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Literal

import torch
from msgspec import Struct

Cell = str | float


class Goal(Struct, frozen=True):
    """A number that the project means to reach."""

    what: str
    value: float
    side: Literal["at least", "at most"]
    bound: float
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.side == "at least" else self.value <= self.bound


class Measurement(Struct, frozen=True):
    """What was measured, and what came out."""

    title: str
    what: str
    """What was done, for readers."""
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    goals: tuple[Goal, ...]
    limits: str
    """What limits the result, for readers."""


def interleaved(alternatives: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each alternative over `repeats` rounds, in each of which all are run once, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(repeats):
        for name, run in alternatives.items():
            seconds[name].append(timed(run))
    return {name: median(each) for name, each in seconds.items()}


def timed(run: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads in this process."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
