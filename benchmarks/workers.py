"""Worker processes as `verify run` has them: the same executor, fed with batches by the same messages."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from verify.messages import Task
from verify.model import Experiment
from verify.running.executors.local import LocalExecutor

ROOT = Path(__file__).parent.parent


class Workers:
    """Workers that run batches."""

    def __init__(self, executor: LocalExecutor, logs: Path) -> None:
        self._executor = executor
        self._logs = logs

    def seconds(self, experiment: Experiment, batches: Sequence[Sequence[tuple[dict[str, Any], int]]]) -> float:
        """How long it takes for batches of (parameters, seed), which are handed in in this order.

        Raises:
            RuntimeError: a trial failed.
        """
        begun = time.perf_counter()
        for number, each in enumerate(batches):
            self._executor.submit(self._task(experiment, each, f"{number}.log"))
        left = len(batches)
        while left:
            for _, done in self._executor.wait():
                left -= 1
                if done.error:
                    raise RuntimeError(done.error)
        return time.perf_counter() - begun

    def _task(self, experiment: Experiment, batch: Sequence[tuple[dict[str, Any], int]], log: str) -> Task:
        return Task(
            group=experiment.name,
            function=experiment.name,
            module=experiment.module,
            code=None,
            batched=experiment.batched,
            batch_axes=experiment.batch_axes,
            diverged=experiment.diverged,
            parameters=tuple(parameters for parameters, _ in batch),
            seeds=tuple(seed for _, seed in batch),
            device="cpu",
            torch=True,
            root=str(ROOT),
            folder=str(ROOT / "reviews"),
            data=(),
            modules=(),
            packages=(),
            time_limit=3600.0,
            log=str(self._logs / log),
        )


@contextmanager
def workers(count: int) -> Iterator[Workers]:
    """`count` workers that share the cores; what starts them has imported torch before anything is timed."""
    with tempfile.TemporaryDirectory() as logs:
        executor = LocalExecutor(count)
        try:
            executor.describe("cpu", torch=True)
            yield Workers(executor, Path(logs))
        finally:
            executor.close()
