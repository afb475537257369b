"""What a run says while it goes on: who is told, and lines of text for logs and pipes."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Protocol

from verify.errors import listed, visible
from verify.planning.plan import Batch
from verify.running.estimate import Work
from verify.running.jobs import Job
from verify.running.witness import point


class Listener(Protocol):
    """Told what happens while trials run."""

    def started(self, trials: int, workers: int, seconds: float | None) -> None:
        """So many trials are due, and will take about so long; None where that is not known."""

    def begun(self, names: Sequence[str]) -> None:
        """These verifications are handed in."""

    def advanced(self, job: Job, batch: Batch, seconds: float, work: Work | None) -> None:
        """A batch is done, and with it the work so far; None where it was never timed."""

    def goes_on(self, job: Job, trials: int, seconds: float | None) -> None:
        """A claim is not decided at a look, so that so many more trials are due, which take about so long."""

    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None:
        """A batch failed; one of several trials is tried in halves."""

    def published(self, job: Job, outcome: str) -> None:
        """A verification came to its end."""

    def repeating(self, trials: int) -> None:
        """So many trials are run a second time."""

    def ended(self) -> None:
        """Nothing runs any more."""


class Silent:
    """Says nothing."""

    def started(self, trials: int, workers: int, seconds: float | None) -> None: ...
    def begun(self, names: Sequence[str]) -> None: ...
    def advanced(self, job: Job, batch: Batch, seconds: float, work: Work | None) -> None: ...
    def goes_on(self, job: Job, trials: int, seconds: float | None) -> None: ...
    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None: ...
    def published(self, job: Job, outcome: str) -> None: ...
    def repeating(self, trials: int) -> None: ...
    def ended(self) -> None: ...


class Plain:
    """A line an event; of batches that finish at once, a line a second."""

    def __init__(self) -> None:
        self._done = 0
        self._left = Left()
        self._total = 0
        self._said = time.monotonic()

    def started(self, trials: int, workers: int, seconds: float | None) -> None:
        self._total = trials
        self._left = Left(seconds)
        self._say(headline(trials, workers, seconds))

    def begun(self, names: Sequence[str]) -> None:
        self._say(f"begun: {listed(names)}")

    def advanced(self, job: Job, batch: Batch, seconds: float, work: Work | None) -> None:
        self._count(batch)
        self._left.advance(work, self._done / self._total)
        if self._done == self._total or time.monotonic() - self._said >= 1:
            count = len(batch.trials)
            last = f"{count} trial{'s' * (count != 1)} in {duration(seconds)}"
            left = self._left.seconds
            more = f", about {duration(left)} left" if left is not None and self._done < self._total else ""
            self._say(f"[{self._done}/{self._total}] {job.name}: {last}{more}")

    def goes_on(self, job: Job, trials: int, seconds: float | None) -> None:
        self._total += trials
        self._left.extend(seconds)
        self._say(next_look(job, trials))

    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None:
        count = len(batch.trials)
        if count == 1:
            self._count(batch)
            self._say(f"[{self._done}/{self._total}] {job.name}, {point(batch.trials[0])}: {error}\n    log: {log}")
        else:
            self._say(f"{job.name}: {error}; trying its {count} trials in halves\n    log: {log}")

    def published(self, job: Job, outcome: str) -> None:
        self._say(f"{job.name} {job.scale}: {outcome}")

    def repeating(self, trials: int) -> None:
        self._say(repetition(trials))

    def ended(self) -> None:
        if self._total:
            self._say(f"took {duration(self._left.elapsed)}")

    def _count(self, batch: Batch) -> None:
        self._done += len(batch.trials)
        self._total = max(self._total, self._done)

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        sys.stdout.write(visible(text) + "\n")
        sys.stdout.flush()


class Left:
    """The time left: of what was expected, the share that is not done, at the pace of the batches that have ended.

    A run that has taken longer than expected is expected to take as long as it has: that is the least it can be.
    """

    def __init__(self, expected: float | None = None) -> None:
        self._expected = expected
        self._begun = time.monotonic()
        self._left = expected
        self._since = self._begun

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._begun

    @property
    def seconds(self) -> float | None:
        """Counted down since the last batch ended; None where it cannot be told."""
        return None if self._left is None else max(self._left - (time.monotonic() - self._since), 0.0)

    def extend(self, seconds: float | None) -> None:
        """Expect so much more; None: what cannot be told."""
        if self._expected is not None and self._left is not None:
            self._expected += seconds or 0.0
            self._left += seconds or 0.0

    def advance(self, work: Work | None, trials: float) -> None:
        """So much is done; `trials` is the share of them, which counts where the work was never timed."""
        self._since = time.monotonic()
        elapsed = self._since - self._begun
        if self._expected is not None and work is not None:
            self._left = (1 - work.share) * max(self._expected * work.pace, elapsed)
        elif trials > 0.05:
            self._left = (1 - trials) * elapsed / trials


def next_look(job: Job, trials: int) -> str:
    looks = job.rung.seeds
    number = looks.index(job.seeds) + 1
    more = f"{trials} more trial{'s' * (trials != 1)}"
    return f"{job.name} {job.scale}: not decided, on to look {number} of {len(looks)}, {job.seeds} seeds: {more}"


def headline(trials: int, workers: int, seconds: float | None) -> str:
    expected = f", about {duration(seconds)}" if seconds is not None else ""
    return f"{trials} trial{'s' * (trials != 1)} on {workers} worker{'s' * (workers != 1)}{expected}"


def repetition(trials: int) -> str:
    return f"running {trials} trial{'s' * (trials != 1)} a second time, to see whether the numbers are the same"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `3 s`, `4 min 10 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
