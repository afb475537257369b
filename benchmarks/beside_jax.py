"""The ensemble trainer beside JAX: the same networks, data, order and updates, in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import exp, log
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace

from benchmarks.flops import Case, cases
from benchmarks.made import ROOT
from benchmarks.measuring import Cell, Goal, Measurement, interleaved, threads
from verify.lab import data, schedules
from verify.lab.ensemble import Ensemble
from verify.lab.examples import Examples, draw
from verify.lab.optimizers import SGD
from verify.lab.randomness import stream
from verify.lab.training import Training
from verify.system import cores

EXAMPLES = 4000
"""That each replica trains on."""
RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4
CLOSE = 1e-3
"""How far weights may lie apart after all steps: sums in another order grow apart as training goes on."""


class Ours:
    """An ensemble in training, and the same for JAX in a file."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.seeds = range(case.replicas)
        # All replicas share one data set, as large as one is: its size must not decide what drawing an order costs.
        self.examples = draw(data.load("mnist1d", [0]), [0] * case.replicas, [EXAMPLES] * case.replicas, "cpu").train
        self.ensemble = Ensemble.of(case.build, self.seeds)
        self._first = self.ensemble.weights.clone()
        self._training = self._new()
        self._rates = [schedules.constant(RATE, case.steps)] * case.replicas

    def _new(self) -> Training:
        return Training(
            self.ensemble, self.examples, self.seeds, minibatch=self.case.minibatch,
            optimizer=SGD(MOMENTUM, DECAY),
        )  # fmt: skip

    def run(self) -> None:
        self._training.run(self._rates)

    def write(self, path: Path) -> None:
        """Weights as they begin, examples, and the order in which the first training sees them."""
        steps, replicas, minibatch = self.case.steps, self.case.replicas, self.case.minibatch
        arrays = {
            "inputs": self.examples.inputs.numpy(),
            "labels": _labels(self.examples).numpy(),
            "examples": np.array(EXAMPLES),
            "order": self._order(steps, minibatch).numpy().astype(np.int32),
            **{name: np.full((replicas, 1, 1), value, np.float32) for name, value in _HYPERPARAMETERS.items()},
        }
        layers = list(self.ensemble.views(self._first).values())
        arrays |= {f"weights{place}": each.transpose(1, 2).numpy() for place, each in enumerate(layers[::2])}
        arrays |= {f"biases{place}": each.unsqueeze(1).numpy() for place, each in enumerate(layers[1::2])}
        np.savez(path, layers=len(layers) // 2, **arrays)  # type: ignore[arg-type]

    def _order(self, steps: int, minibatch: int) -> torch.Tensor:
        """Rows of the inputs, (steps, R, minibatch)."""
        rows = []
        for replica, seed in enumerate(self.seeds):
            generator, size = stream(seed, "order 0"), self.examples.sizes[replica]
            shuffles = -(-steps * minibatch // size)
            places = torch.cat([torch.randperm(size, generator=generator) for _ in range(shuffles)])
            rows.append(self.examples.rows[replica][places[: steps * minibatch]].view(steps, minibatch))
        return torch.stack(rows, 1)

    def apart(self, theirs: Path) -> float:
        """How far JAX's weights lie from those of this ensemble after the same training."""
        self.ensemble.weights.copy_(self._first)
        self._training = self._new()
        self.run()
        with np.load(theirs) as arrays:
            found = [torch.from_numpy(arrays[name]) for name in arrays.files]
        ours = self.ensemble.views(self.ensemble.weights).values()
        return max(
            float((mine.flatten(1) - other.transpose(1, 2).flatten(1)).abs().max())
            for mine, other in zip(ours, found, strict=True)
        )


_HYPERPARAMETERS = {"rate": RATE, "momentum": MOMENTUM, "decay": DECAY}


def _labels(examples: Examples) -> torch.Tensor:
    """The label of each row of the inputs (N,)."""
    labels = torch.zeros(len(examples.inputs), dtype=torch.int64)
    labels[examples.rows.flatten()] = examples.labels.flatten()
    return labels


class Jax:
    """The process in which JAX runs, on so many cores."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, file: Path, do: str, into: Path | None = None) -> float:
        """Seconds: of one training (`time`), or of the first, which compiles and leaves its weights (`check`)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"file": str(file), "do": do, "into": str(into or "")}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("JAX's process ended: is it installed? make bench installs it")
        return float(json.loads(answer))


@contextmanager
def jax(on: int) -> Iterator[Jax]:
    """JAX in a process of its own, since what it runs on is settled when it is imported."""
    command = [sys.executable, "-m", "benchmarks.in_jax"]
    alone = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": alone if on == 1 else ""}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if hasattr(os, "sched_setaffinity"):  # JAX starts as many threads as it finds cores, when it is first used
            os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:on])
        try:
            yield Jax(process)
        finally:
            process.kill()


def measure(quick: bool) -> Measurement:
    """Each ensemble of perceptrons on one core and on two, beside JAX."""
    chosen = [each for each in cases() if each.mlp]
    if quick:
        chosen = [replace(chosen[-1], steps=3)]
    rows: list[tuple[Cell, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        ensembles = [Ours(case) for case in chosen]
        for place, each in enumerate(ensembles):
            each.write(Path(folder) / f"{place}.npz")
        for on in sorted({1, min(2, cores())}):
            rows += _rows(ensembles, on, Path(folder), repeats=1 if quick else 9)
    ratios = [float(row[6]) for row in rows]
    goals = [
        Goal(f"{row[0]}, minibatch {row[2]}, {row[3]} core{'s' * (row[3] != 1)}", float(row[6]), "at least", 1.05, "×")
        for row in rows
    ]
    goals.append(Goal("geometric mean", exp(sum(map(log, ratios)) / len(ratios)), "at least", 1.2, "×"))
    return Measurement(
        title="Beside JAX",
        what="The same ensembles under JAX: `jit` of a `lax.scan` over steps of all replicas, `grad` of cross-entropy, "
        "SGD with momentum and weight decay, float32, data order drawn by NumPy and handed over. Before times are "
        "taken, both train the same networks in the same order, and their weights must agree. Compiling is in a "
        "column of its own and in no other; drawing the order is in both sides' seconds.",
        columns=("ensemble", "replicas", "minibatch", "cores", "compiling, s", "JAX, s", "JAX / ours", "ours, s"),
        rows=tuple(rows),
        goals=tuple(goals),
        limits="Both spend most of a step in the same matrix products; what is left are passes over memory, calls, and "
        "how well a product's shape suits its library.",
    )


def _rows(ensembles: list[Ours], on: int, folder: Path, repeats: int) -> Iterator[tuple[Cell, ...]]:
    with ExitStack() as stack:
        stack.enter_context(threads(on))
        theirs = stack.enter_context(jax(on))
        for place, ours in enumerate(ensembles):
            file, into, case = folder / f"{place}.npz", folder / f"{place}.out.npz", ours.case
            compiling = theirs.ask(file, "check", into)
            apart = ours.apart(into)
            if not apart < CLOSE:
                raise RuntimeError(f"{case.name}: JAX's weights lie {apart:.2g} from ours")
            sides: dict[str, Callable[[], object]] = {"JAX": partial(theirs.ask, file, "time"), "ours": ours.run}
            seconds = interleaved(sides, repeats)
            yield (
                case.name, case.replicas, case.minibatch, on, compiling, seconds["JAX"],
                seconds["JAX"] / seconds["ours"], seconds["ours"],
            )  # fmt: skip
