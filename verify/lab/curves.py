"""Training with a look at the replicas now and then: the curves that experiments return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from torch import Tensor

from verify.lab.ensemble import evaluate
from verify.lab.examples import Examples
from verify.lab.schedules import segments
from verify.lab.training import Training

Point = dict[str, float]
"""`steps` made since the last point, mean training loss `train_loss` over them, and an error for each watched name."""


def follow(
    training: Training, rates: Sequence[Tensor], points: int, watched: Mapping[str, Examples]
) -> list[list[Point]]:
    """Run `training` through `rates` and note at most `points` points on the way.

    Args:
        training: what is run.
        rates: a schedule (steps,) for each replica.
        points: how many looks the longest schedule gets.
        watched: examples to evaluate at each point, by the name its error is given.

    Returns:
        One list of points a replica; empty for a replica whose schedule is empty.
    """
    followed: list[list[Point]] = [[] for _ in rates]
    for segment in segments(rates, points):
        losses = training.run(segment).tolist()
        errors = {name: evaluate(training.ensemble, examples).error.tolist() for name, examples in watched.items()}
        for r, rate in enumerate(segment):
            if len(rate):
                at = {name: error[r] for name, error in errors.items()}
                followed[r].append({"steps": len(rate), "train_loss": losses[r], **at})
    return followed


def columns(points: Sequence[Point], epochs_per_step: float) -> dict[str, list[float]]:
    """Points as curves, over `epoch` in place of `steps`."""
    made = accumulate(point["steps"] for point in points)
    names = [name for name in points[0] if name != "steps"]
    return {
        "epoch": [steps * epochs_per_step for steps in made],
        **{name: [point[name] for point in points] for name in names},
    }
