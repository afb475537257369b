"""Progress in a terminal, with the time left."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from verify.planning.plan import Batch
from verify.running.jobs import Job


class _Left(ProgressColumn):
    """The time left: from recorded times where there are any, else from the pace so far."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: float | None = None
        self.begun = time.monotonic()

    def render(self, task: Task) -> Text:
        elapsed = time.monotonic() - self.begun
        share = task.percentage / 100
        if share > 0.05:
            left = elapsed * (1 - share) / share
        elif self.expected is not None:
            left = max(self.expected - elapsed, 0.0)
        else:
            return Text("")
        return Text(f"{left // 60:.0f}:{left % 60:02.0f} left", style="progress.remaining")


class Terminal:
    """A progress bar that stays below the lines of what was finished."""

    def __init__(self) -> None:
        self._left = _Left()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            self._left,
            console=Console(),
            transient=True,
        )
        self._task = self._progress.add_task("trials", total=None)

    def started(self, trials: int, workers: int, seconds: float | None) -> None:
        self._left.expected = seconds
        self._left.begun = time.monotonic()
        self._progress.update(self._task, total=trials, description=f"{workers} workers")
        self._progress.start()

    def advanced(self, job: Job, batch: Batch, seconds: float) -> None:
        del seconds
        self._progress.update(self._task, advance=len(batch.trials), description=job.name)

    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None:
        self._progress.console.print(f"{job.name}: {error}", markup=False, highlight=False)
        self._progress.console.print(f"    log: {log}", markup=False, highlight=False)
        if len(batch.trials) == 1:
            self._progress.update(self._task, advance=1)

    def published(self, job: Job, outcome: str) -> None:
        self._progress.console.print(f"{job.name} {job.scale}: {outcome}", markup=False, highlight=False)

    def ended(self) -> None:
        self._progress.stop()
