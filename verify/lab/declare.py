"""How an experiment declares itself.

The declaration is read from the source (`verify.planning.catalogue`), never by importing: its arguments must be
literals, and one of a wrong type or an unknown name is a mistake with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


def experiment(
    *,
    batch_axes: Sequence[str] = (),
    values: Sequence[str] = (),
    diverged: Mapping[str, float] | None = None,
    batch: int = 1,
    time_limit: float = 600.0,
) -> Callable[[Function], Function]:
    """Mark a function as an experiment.

    Plain form, one trial: ``f(seed: int, device: str, *, p: float) -> dict``.  Batched form, chosen by `batch_axes` or
    `batch` above 1: ``f(seeds: list[int], device: str, *, p: list[float], q: int) -> list[dict]``, where the
    parameters named in `batch_axes` arrive as lists with one value per trial and all others are shared by the batch.

    The returned dict holds numbers and curves (lists of at most 100 numbers); the key ``data`` may hold the SHA-256
    of the data that was used.

    Args:
        batch_axes: parameters that may differ within a batch.
        values: names of what is returned, so that a misspelt metric is found before anything runs; needed where the
            returned dicts are not written out.
        diverged: the value a metric takes where a trial's is not finite (chance error, say); its names are of `values`.
        batch: the most trials trained together, at least 1: as many as last at most a minute.
        time_limit: seconds one trial may take, above 0.
    """
    del batch_axes, values, diverged, batch, time_limit  # read from the source

    def mark(function: Function) -> Function:
        return function

    return mark
