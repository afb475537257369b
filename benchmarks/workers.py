"""Worker processes as `verify run` has them: spawned, prepared and fed with batches by the same code."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pebble import ProcessPool

from verify.lab import worker
from verify.model import Experiment
from verify.running.executors.environment import cores

MODULES = ["verify.experiments.data_scaling"]
"""What a worker imports first; it brings torch."""


class Workers:
    """A pool that runs batches."""

    def __init__(self, pool: ProcessPool, count: int, logs: Path) -> None:
        self._pool = pool
        self._count = count
        self._logs = logs

    def seconds(self, experiment: Experiment, batches: Sequence[Sequence[tuple[dict[str, Any], int]]]) -> float:
        """How long the pool takes for batches of (parameters, seed), which it gets in this order.

        Raises:
            RuntimeError: a trial failed.
        """
        tasks = [self._task(experiment, each, f"{number}.log") for number, each in enumerate(batches)]
        begun = time.perf_counter()
        futures = [self._pool.schedule(worker.run, args=(tuple(task),)) for task in tasks]
        errors = [error for _, _, error in (future.result() for future in futures) if error]
        if errors:
            raise RuntimeError(errors[0])
        return time.perf_counter() - begun

    def _task(self, experiment: Experiment, batch: Sequence[tuple[dict[str, Any], int]], log: str) -> worker.Task:
        return worker.Task(
            function=experiment.name,
            module=experiment.module,
            code=None,
            batched=experiment.batched,
            rides=experiment.rides,
            diverged=experiment.diverged,
            parameters=tuple(parameters for parameters, _ in batch),
            seeds=tuple(seed for _, seed in batch),
            device="cpu",
            log=str(self._logs / log),
        )

    def start(self) -> None:
        """Have every worker up, with torch imported, before anything is timed."""
        waiting = [self._pool.schedule(time.sleep, args=(0.5,)) for _ in range(2 * self._count)]
        for future in waiting:
            future.result()


@contextmanager
def workers(count: int) -> Iterator[Workers]:
    """A pool of `count` workers that share the cores."""
    with tempfile.TemporaryDirectory() as logs:
        pool = ProcessPool(
            max_workers=count,
            context=get_context("spawn"),
            initializer=worker.prepare,
            initargs=(max(1, cores() // count), os.getpid(), MODULES),
        )
        try:
            started = Workers(pool, count, Path(logs))
            started.start()
            yield started
        finally:
            pool.stop()
            pool.join()
