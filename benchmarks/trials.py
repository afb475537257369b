"""The reviews' own trials: batches on workers, against loops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from benchmarks import loops
from benchmarks.made import ROOT
from benchmarks.measuring import Cell, Goal, Measurement, interleaved
from benchmarks.workers import Workers, workers
from verify.model import Experiment, Scalar
from verify.planning.plan import batches
from verify.project.project import Project
from verify.system import cores

SHORT: dict[str, Scalar] = {"epochs": 1, "retrain_epochs": 1, "steps": 20, "warmup_epochs": 0}
"""Parameters that make a trial short, for a test of this module."""


class Sample(Struct, frozen=True):
    """Trials of one verification, and where in the reviews they come from."""

    review: str
    verification: str
    only: dict[str, tuple[Scalar, ...]] = {}
    """The values that are taken of a parameter; all of them where nothing is named."""


SAMPLES = (
    Sample("dsd", "cycle"),
    Sample("rethinking-generalization", "random-labels"),
    Sample("large-minibatch-sgd", "scaling", {"k": (1, 8)}),
    Sample("unreasonable-data", "scaling", {"width": (32,)}),
)


def measure(quick: bool) -> Measurement:
    """Seconds a trial, here and in two loops."""
    project = Project.load(ROOT)
    rows: list[tuple[Cell, ...]] = []
    totals = [0.0, 0.0, 0.0]
    with workers(cores()) as pool:
        for sample in SAMPLES[:1] if quick else SAMPLES:
            count, found = _compare(project, sample, pool, quick)
            totals = [total + count * each for total, each in zip(totals, found, strict=True)]
            rows.append((sample.review, count, *found, found[1] / found[0], found[2] / found[0]))
    rows.append(("together", sum(int(row[1]) for row in rows), *totals, totals[1] / totals[0], totals[2] / totals[0]))
    least = min(float(row[5]) for row in rows)
    return Measurement(
        title="The reviews' trials against a loop",
        what="Trials of the four reviews at scale tiny, at their full length. On one side the batches of `verify run`, "
        "on one worker a core, with one thread each, until the last has its result. On the other side a plain loop: "
        "one network after another, `nn.Module`, `DataLoader`, `torch.optim.SGD`, the same data, steps and "
        "evaluations, torch with all cores; there the first seed of every point is trained, and a trial counts what "
        "these took on average. The last two columns are for a loop that has no `DataLoader` and indexes tensors. "
        "Starting processes and importing torch is in none of the times. Seconds are per trial, in the last row for "
        "all of them.",
        columns=("review", "trials", "batches, s", "loop, s", "indexed, s", "loop / batches", "indexed / batches"),
        rows=tuple(rows),
        goals=(
            Goal("all trials, loop over batches", totals[1] / totals[0], "at least", 4, "×"),
            Goal("the least of the reviews", least, "at least", 2, "×"),
        ),
        limits="Networks of this size leave a loop waiting for Python, and its threads for each other: a step takes "
        "as long for one network as for several.",
    )


def _compare(project: Project, sample: Sample, pool: Workers, quick: bool) -> tuple[int, tuple[float, float, float]]:
    """The number of trials, and the seconds that one takes in a batch, in a loop and in a loop without a loader."""
    review = project.review(sample.review)
    verification = next(each for each in review.verifications if each.id == sample.verification)
    experiment = project.experiment(review, verification)
    rung = verification.rungs["tiny"]
    trials = [
        trial
        for trial in project.trials(review, verification, "tiny")
        if all(trial.parameters[name] in values for name, values in sample.only.items())
    ]
    if quick:
        trials = trials[:2]
    cut = batches(trials, experiment, rung)
    pairs = [[(_length(each.parameters, quick), each.seed) for each in batch.trials] for batch in cut]
    firsts = [pair for batch in pairs for pair in batch if pair[1] == 0]
    seconds = interleaved(
        {
            "batches": partial(pool.seconds, experiment, sorted(pairs, key=_work, reverse=True)),
            "loop": partial(_loop, experiment, firsts, loops.loaded),
            "indexed": partial(_loop, experiment, firsts, loops.indexed),
        },
        repeats=1,  # of hundreds of trainings
    )
    ours = seconds["batches"] / len(trials)
    return len(trials), (ours, seconds["loop"] / len(firsts), seconds["indexed"] / len(firsts))


def _length(parameters: dict[str, Any], quick: bool) -> dict[str, Any]:
    return parameters | {name: SHORT[name] for name in SHORT.keys() & parameters.keys()} if quick else parameters


def _work(batch: Sequence[tuple[dict[str, Any], int]]) -> float:
    """What decides which batch goes first: the longest, as in a run."""
    return sum(1 / float(parameters.get("k", 1)) for parameters, _ in batch)


def _loop(experiment: Experiment, trials: Sequence[tuple[dict[str, Any], int]], feed: loops.Feed) -> None:
    for parameters, seed in trials:
        loops.LOOPS[experiment.name](seed, feed, parameters)
