"""Useful arithmetic of an ensemble's training, over what a matrix product reaches on the same core."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from msgspec import Struct
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import Cell, Goal, Measurement, interleaved, threads
from verify.lab import data, models, schedules
from verify.lab.ensemble import Ensemble
from verify.lab.examples import draw
from verify.lab.optimizers import SGD
from verify.lab.training import Training

PEAK = "peak"
SIZE = 1024
"""Of the square matrices whose product is taken for the peak."""


class Case(Struct, frozen=True):
    """An ensemble as an experiment has it."""

    name: str
    build: Callable[[], nn.Module]
    replicas: int
    minibatch: int
    steps: int
    mlp: bool = True


def cases() -> tuple[Case, ...]:
    """The batches of the four reviews that take longest, and a convolutional net."""
    mlp = partial(models.mlp, 40, 10)
    return (
        Case("MLP, width 256", partial(mlp, width=256), 13, 64, 40),
        Case("MLP, width 128", partial(mlp, width=128), 20, 64, 80),
        Case("MLP, width 64", partial(mlp, width=64), 20, 512, 40),
        Case("MLP, width 64", partial(mlp, width=64), 13, 32, 200),
        Case("MLP, width 8", partial(mlp, width=8), 35, 64, 100),
        *(
            Case("1-D convolutions, width 16", partial(models.conv, (1, 40), 10, width=16), 10, n, 1280 // n, mlp=False)
            for n in (32, 64, 128)
        ),
    )


def measure(quick: bool) -> Measurement:
    """The share of the peak that each ensemble reaches, on one thread."""
    left, right = torch.rand(2, SIZE, SIZE)
    chosen = cases()[:1] if quick else cases()
    runs: dict[str, Callable[[], object]] = {PEAK: partial(torch.mm, left, right)}
    runs |= {_label(case): partial(_Run(case, quick)) for case in chosen}
    with threads(1):
        for run in runs.values():
            run()  # what is done once only
        seconds = interleaved(runs, repeats=1 if quick else 7)
    peak = 2 * SIZE**3 / seconds[PEAK]
    rows: list[tuple[Cell, ...]] = [("matrix product", "", SIZE, peak / 1e9, 1.0)]
    for case in chosen:
        speed = useful(case) * (1 if quick else case.steps) / seconds[_label(case)]
        rows.append((case.name, case.replicas, case.minibatch, speed / 1e9, speed / peak))
    reached = {row[:3]: float(row[4]) for row in rows[1:]}
    goals = [
        Goal(f"{name}, minibatch {minibatch}, of the peak", share, "at least", 0.8 if "MLP" in str(name) else 0.3)
        for (name, _, minibatch), share in reached.items()
        if name in ("MLP, width 256", "MLP, width 128") or "convolutions" in str(name)
    ]
    return Measurement(
        title="Useful arithmetic",
        what="Floating-point operations of the forward and backward pass of one plain network, as PyTorch counts them, "
        "times replicas and steps, over the time that training the ensemble takes: with drawing the data order, "
        "gathering the minibatch, the loss and SGD, none of which count as useful. The peak is that of a float32 "
        f"matrix product of size {SIZE}, in the same rounds. All on one thread, as in a worker.",
        columns=("ensemble", "replicas", "minibatch", "useful GFLOP/s", "of the peak"),
        rows=tuple(rows),
        goals=tuple(goals),
        limits="A narrow layer's product is small, and SGD passes over weights, gradients and velocity once a step "
        "however small the minibatch: the narrower the network and the smaller the minibatch, the more of the time "
        "is memory traffic and calls. Replicas do not mend that, as each brings its own weights. Of a convolution, "
        "windows are copied into columns, which moves as many numbers as there are in the product.",
    )


def useful(case: Case) -> int:
    """Operations of a step of all replicas."""
    network = case.build()
    inputs, labels = torch.rand(case.minibatch, 40), torch.zeros(case.minibatch, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(network(inputs), labels).backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops()) * case.replicas


def _label(case: Case) -> str:
    return f"{case.name}, {case.minibatch}"


class _Run:
    """Trains an ensemble for some steps, each time it is called."""

    def __init__(self, case: Case, quick: bool) -> None:
        seeds = range(case.replicas)
        train = draw(data.load("mnist1d", seeds), seeds, [4000] * case.replicas, "cpu").train
        ensemble = Ensemble.of(case.build, seeds)
        self._training = Training(ensemble, train, seeds, minibatch=case.minibatch, optimizer=SGD(0.9, 5e-4))
        self._rates = [schedules.constant(0.01, 1 if quick else case.steps)] * case.replicas

    def __call__(self) -> None:
        self._training.run(self._rates)
