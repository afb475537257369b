"""Remarks 1 to 4 of Goyal et al. 2017, arXiv 1706.02677: workers that share a minibatch must be as one that has it all.

They are worker processes that sum their gradients over `torch.distributed` with the gloo backend, in float64.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import timedelta
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn import functional as F

from verify.lab import models, schedules
from verify.lab.checks import one_of
from verify.lab.declare import experiment
from verify.lab.ensemble import initialised
from verify.lab.randomness import stream

VARIANTS = (
    "as-one",
    "own-normalisation",
    "own-shuffles",
    "momentum-corrected",
    "momentum-uncorrected",
    "loss-scaled",
    "loss-scaled-without-decay",
)
FEATURES, CLASSES, WIDTH = 20, 5, 16
LR, MOMENTUM, WEIGHT_DECAY = 0.1, 0.9, 0.01
"""The rate of one worker's minibatch; momentum; and a weight decay that a few steps suffice to see."""
LIMIT = 60
"""Seconds that the workers may take, and wait for each other."""


class Task(NamedTuple):
    """What all workers of a trial do."""

    seed: int
    variant: str
    workers: int
    minibatch: int
    steps: int

    @property
    def weight_decay(self) -> float:
        return 0.0 if self.variant == "loss-scaled-without-decay" else WEIGHT_DECAY

    @property
    def rates(self) -> Tensor:
        """Of each step (steps,), for the minibatch of all; with a warmup and a drop unless the loss is scaled."""
        peak = self.workers * LR
        if self.variant.startswith("loss-scaled"):
            return schedules.constant(peak, self.steps)
        return schedules.gradual_warmup(schedules.step_decay(peak, self.steps, at=[0.8]), LR, self.steps // 2)

    @property
    def network(self) -> nn.Module:
        return initialised(lambda: models.mlp(FEATURES, CLASSES, width=WIDTH), self.seed).double()

    @property
    def examples(self) -> tuple[Tensor, Tensor]:
        """Inputs (n, features) and labels (n,), as many as half the steps need, so that all are seen twice."""
        chance = stream(self.seed, "examples")
        count = self.workers * self.minibatch * self.steps // 2
        inputs = torch.randn(count, FEATURES, dtype=torch.float64, generator=chance)
        return inputs, torch.randint(CLASSES, (count,), generator=chance)


@experiment(values=("distance", "moved"), time_limit=120)
def distributed(
    seed: int, device: str, *, workers: int, variant: str, minibatch: int = 8, steps: int = 20
) -> dict[str, object]:
    """Train a small network with workers that share each minibatch, and again in one process; compare the weights.

    The one process runs `torch.optim.SGD` on the whole minibatch, at `workers` times the rate of one worker's.

    The workers do what `variant` says:

    - `as-one`: each takes its part of one common shuffle, and divides its loss by the examples of all workers.
    - `own-normalisation`: divides it by its own examples (remark 3).
    - `own-shuffles`: takes its examples from a shuffle of its own (remark 4).
    - `momentum-corrected`: keeps the velocity v := m·r·v + η·g and subtracts it from the weights, where r is the rate
      over that of the step before; `momentum-uncorrected` leaves r out (remark 2).
    - `loss-scaled`: multiplies the loss by `workers` in place of the rate (remark 1); `loss-scaled-without-decay` does
      so where neither it nor the one process has weight decay.

    Args:
        seed: of examples, initialisation and data order.
        device: ignored: this is about processes, and float64.
        workers: how many.
        variant: one of `VARIANTS`.
        minibatch: examples of one worker a step.
        steps: as many, over the examples twice.

    Returns:
        `distance`: the largest difference of any weight of any worker from the one process's; `moved`: the largest
        difference of a weight of the one process from its start.

    Raises:
        ValueError: there is no such variant.
        RuntimeError: a worker failed, or they took too long; none of them is left behind.
    """
    del device
    one_of("variant", [variant], VARIANTS)
    task = Task(seed, variant, workers, minibatch, steps)
    expected, start = _alone(task), _flat(task.network)
    found = _together(task)
    return {
        "distance": max(float((weights - expected).abs().max()) for weights in found),
        "moved": float((expected - start).abs().max()),
    }


def _alone(task: Task) -> Tensor:
    """The weights after training in one process on the whole minibatch."""
    network, (inputs, labels) = task.network, task.examples
    optimizer = torch.optim.SGD(network.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=task.weight_decay)
    for rate, rows in zip(task.rates.tolist(), _minibatches(task, len(labels), task.workers, "order"), strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        F.cross_entropy(network(inputs[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return _flat(network)


def _minibatches(task: Task, examples: int, parts: int, purpose: str) -> Iterator[Tensor]:
    """Rows (parts * minibatch,) for each step: one shuffle of all examples after another."""
    chance = stream(task.seed, purpose)
    size = parts * task.minibatch
    shuffles = -(-task.steps * size // examples)
    rows = torch.cat([torch.randperm(examples, generator=chance) for _ in range(shuffles)])
    return iter(torch.split(rows, size)[: task.steps])


def _flat(network: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(network.parameters()).detach().clone()


def _together(task: Task) -> list[Tensor]:
    """The weights of each worker after training."""
    # A server that has imported torch once forks every worker; where there is none, each worker imports it itself.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processes = [
            context.Process(target=_worker, args=(task, rank, name), daemon=True)  # type: ignore[attr-defined]
            for rank in range(task.workers)
        ]
        try:
            for process in processes:
                process.start()
            _wait(processes)
            errors = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.error"))]
            if errors or any(process.exitcode != 0 for process in processes):
                codes = [process.exitcode for process in processes]
                raise RuntimeError("\n".join([f"workers ended with {codes} (None: not within {LIMIT} s)", *errors]))
            return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(task.workers)]
        finally:
            for process in processes:
                if process.pid is not None:
                    process.kill()
                    process.join()


def _wait(processes: Sequence[BaseProcess]) -> None:
    """Until all have ended, one of them in failure, or their time is over."""
    end = time.monotonic() + LIMIT
    going = list(processes)
    while going and time.monotonic() < end:
        wait([process.sentinel for process in going], end - time.monotonic())
        if any(process.exitcode for process in going):
            return
        going = [process for process in going if process.exitcode is None]


def _worker(task: Task, rank: int, name: str) -> None:
    """The process of one worker; leaves its weights, or its error, in the folder `name`."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    folder = Path(name)
    try:
        loopback = [interface for _, interface in socket.if_nameindex() if interface in ("lo", "lo0")]
        if loopback:
            os.environ["GLOO_SOCKET_IFNAME"] = loopback[0]
        torch.distributed.init_process_group(
            "gloo",
            init_method=(folder / "store").as_uri(),
            rank=rank,
            world_size=task.workers,
            timeout=timedelta(seconds=LIMIT),
        )
        torch.save(_share(task, rank), folder / f"{rank}.pt")
        torch.distributed.destroy_process_group()
    except Exception:
        (folder / f"{rank}.error").write_text(traceback.format_exc(), encoding="utf-8")
        raise


def _end_with_parent() -> None:
    """A killed parent cannot stop its workers: they must notice."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _share(task: Task, rank: int) -> Tensor:
    """The weights after training as the worker `rank`, which holds a copy of its own."""
    network, (inputs, labels) = task.network, task.examples
    parameters = list(network.parameters())
    weights = _flat(network)
    velocity = torch.zeros_like(weights)
    before = LR
    for rate, rows in zip(task.rates.tolist(), _rows(task, len(labels), rank), strict=True):
        nn.utils.vector_to_parameters(weights, parameters)
        loss = F.cross_entropy(network(inputs[rows]), labels[rows], reduction="sum") / _divisor(task)
        gradient = torch.cat([each.flatten() for each in torch.autograd.grad(loss, parameters)])
        torch.distributed.all_reduce(gradient)
        gradient += task.weight_decay * weights
        if task.variant.startswith("momentum"):
            correction = rate / before if task.variant == "momentum-corrected" else 1.0
            velocity = MOMENTUM * correction * velocity + rate * gradient
            weights = weights - velocity
        else:
            velocity = MOMENTUM * velocity + gradient
            weights = weights - (LR if task.variant.startswith("loss-scaled") else rate) * velocity
        before = rate
    return weights


def _rows(task: Task, examples: int, rank: int) -> Iterator[Tensor]:
    """Rows (minibatch,) of one worker for each step."""
    if task.variant == "own-shuffles":
        return _minibatches(task, examples, 1, f"order of worker {rank}")
    return (torch.split(rows, task.minibatch)[rank] for rows in _minibatches(task, examples, task.workers, "order"))


def _divisor(task: Task) -> float:
    """What a worker divides the sum of its losses by: the examples of all, unless the variant says otherwise."""
    if task.variant == "own-normalisation" or task.variant.startswith("loss-scaled"):
        return task.minibatch  # the rate scaled by k over kn examples, the loss scaled by k: one n either way
    return task.workers * task.minibatch
