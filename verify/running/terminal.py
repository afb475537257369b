"""Progress in a terminal: a bar with the time left."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from verify.errors import listed, visible
from verify.planning.plan import Batch
from verify.running.estimate import Work
from verify.running.jobs import Job
from verify.running.progress import Left, duration, headline, next_look, repetition


class _Left(ProgressColumn):
    """The time left, counted down between batches by the bar's own redrawing."""

    def __init__(self) -> None:
        super().__init__()
        self.left = Left()

    def render(self, task: Task) -> Text:
        del task  # it knows trials, not work
        seconds = self.left.seconds
        if seconds is None:
            return Text("")
        return Text(f"{seconds // 60:.0f}:{seconds % 60:02.0f} left", style="progress.remaining")


class Terminal:
    """A progress bar that stays below the lines of what was finished."""

    def __init__(self) -> None:
        self._left = _Left()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            self._left,
            console=Console(),
            transient=True,
        )
        self._task = self._progress.add_task("trials", total=None)

    def started(self, trials: int, workers: int, seconds: float | None) -> None:
        self._left.left = Left(seconds)
        self._say(headline(trials, workers, seconds))
        self._progress.update(self._task, total=trials)
        self._progress.start()

    def begun(self, names: Sequence[str]) -> None:
        self._progress.update(self._task, description=visible(listed(names)))

    def advanced(self, job: Job, batch: Batch, seconds: float, work: Work | None) -> None:
        del seconds
        self._progress.update(self._task, advance=len(batch.trials), description=job.name)
        self._left.left.advance(work, self._progress.tasks[self._task].percentage / 100)

    def goes_on(self, job: Job, trials: int, seconds: float | None) -> None:
        total = self._progress.tasks[self._task].total
        self._progress.update(self._task, total=(total or 0) + trials)
        self._left.left.extend(seconds)
        self._say(next_look(job, trials))

    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None:
        self._say(f"{job.name}: {error}\n    log: {log}")
        if len(batch.trials) == 1:
            self._progress.update(self._task, advance=1)

    def published(self, job: Job, outcome: str) -> None:
        self._say(f"{job.name} {job.scale}: {outcome}")

    def repeating(self, trials: int) -> None:
        self._progress.update(self._task, description="again")
        self._say(repetition(trials))

    def ended(self) -> None:
        self._progress.stop()
        self._say(f"took {duration(self._left.left.elapsed)}")

    def _say(self, text: str) -> None:
        self._progress.console.print(visible(text), markup=False, highlight=False)
