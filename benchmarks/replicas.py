"""What a trial costs by the number of replicas trained together, and by the number of workers."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.measuring import Cell, Goal, Measurement, interleaved
from benchmarks.workers import Workers, workers
from verify.model import Experiment
from verify.planning.catalogue import read_project

REPLICAS = (1, 2, 5, 10, 20, 50)
REPEATS = 3


def measure(quick: bool) -> Measurement:
    """Seconds a trial, for each number of replicas, on one worker with all cores and on two that share them."""
    experiment = read_project()[0]["data_scaling"]
    counts = REPLICAS[:2] if quick else REPLICAS
    steps = 5 if quick else 200
    rows: list[tuple[Cell, ...]] = []
    with workers(1) as one, workers(2) as two:
        for count in counts:
            seconds = interleaved(
                {
                    "one": partial(_train, one, experiment, 1, count, steps),
                    "two": partial(_train, two, experiment, 2, count, steps),
                },
                repeats=1 if quick else REPEATS,
            )
            rows.append((count, seconds["one"] / count, seconds["two"] / (2 * count)))
    alone = float(rows[0][1])
    rows = [(*row, alone / float(row[1]), alone / float(row[2])) for row in rows]
    least = max(rows, key=lambda row: row[4])
    return Measurement(
        title="Replicas and workers",
        what=f"The experiment `data_scaling` at width 128 and minibatch 64, {steps} steps and evaluations: one batch "
        "on one worker that has all cores as threads, and two batches on two workers that share the cores. Seconds "
        "are per trial; gains are over one replica on one worker.",
        columns=("replicas", "one worker, s", "two workers, s", "gain, one", "gain, two"),
        rows=tuple(rows),
        goals=(Goal(f"gain of {least[0]} replicas on two workers", float(least[4]), "at least", 4, "×"),),
        limits="Up to about ten replicas the calls of a step are shared; then arithmetic and memory traffic are all "
        "there is, and a larger batch gains nothing. Two workers with a thread each beat one with two: threads would "
        "have to meet after every operation.",
    )


def _train(pool: Workers, experiment: Experiment, batches: int, replicas: int, steps: int) -> None:
    parameters: dict[str, Any] = {
        "examples": 2000, "budget": "fixed-steps", "noise": 0, "lr": 0.1, "width": 128, "steps": steps, "minibatch": 64,
        "dataset": "mnist1d", "epochs": 1.0,
    }  # fmt: skip
    pool.seconds(experiment, [[(parameters, seed) for seed in range(replicas)] for _ in range(batches)])
