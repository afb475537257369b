"""Whether an experiment gives the same numbers again: a few trials are run a second time, in new workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from verify.messages import Result
from verify.model import Record, Trial
from verify.planning.plan import Batch
from verify.project import store
from verify.running import tasks
from verify.running.executors import Done, Executor
from verify.running.jobs import Job, Key

SHARE = 0.05
"""Of a run's seconds, what is spent on it."""
ALWAYS = 10.0
"""Seconds that are spent on it however short the run was."""
OVERHEAD = 0.1
"""Seconds that a new worker takes before its trial begins."""
ALONE = 0.4
"""Of its batch's time, what a trial takes alone where its mates are many: 0.13 to 0.57 of batches of 12 to 30."""


class Different(Struct, frozen=True):
    """A value that two runs of one trial do not agree on."""

    job: Job
    trial: Trial
    name: str
    first: str
    second: str


class Sample(Struct, frozen=True):
    """The trial of a verification that is cheapest to run again."""

    job: Job
    batch: Batch
    """Of this trial alone."""
    record: Record | None
    """What it gave; None where it had mates: how numbers round depends on them, so it is run twice alone."""
    seconds: float
    """That it will take, all in all."""


class Repeats:
    """Chooses what is run again while a run goes on, and compares when it is done."""

    def __init__(self) -> None:
        self._samples: dict[Key, Sample] = {}
        self._spent = 0.0

    def note(self, job: Job, batch: Batch, records: Sequence[Record], seconds: float) -> None:
        """Take a batch that has ended into account."""
        self._spent += seconds
        alone = Batch(batch.trials[:1], batch.experiment, batch.time_limit)
        if len(records) == 1:
            sample = Sample(job, alone, records[0], seconds + OVERHEAD)
        else:
            sample = Sample(job, alone, None, 2 * (max(ALONE, 1 / len(records)) * seconds + OVERHEAD))
        if job.key not in self._samples or sample.seconds < self._samples[job.key].seconds:
            self._samples[job.key] = sample

    def affordable(self) -> list[Sample]:
        """Those that the run has time for: one of each code, then of other verifications, the cheapest first."""
        seen: set[str] = set()
        first: list[Sample] = []
        others: list[Sample] = []
        for sample in sorted(self._samples.values(), key=lambda each: each.seconds):
            (others if sample.job.code.hash in seen else first).append(sample)
            seen.add(sample.job.code.hash)
        left = max(SHARE * self._spent, ALWAYS)
        chosen = []
        for sample in (*first, *others):
            if sample.seconds <= left:
                left -= sample.seconds
                chosen.append(sample)
        return chosen


def compared(samples: Sequence[Sample], executor: Executor, device: str) -> list[Different]:
    """Run the samples again, and say where numbers differ.

    Raises:
        UserError: the executor cannot go on.
    """
    waiting: dict[int, Sample] = {}
    got: dict[Key, list[Done]] = {}
    for sample in samples:
        for time in ("again",) if sample.record else ("again", "once-more"):
            waiting[executor.submit(tasks.task(sample.job, sample.batch, device, time))] = sample
    while waiting:
        for number, done in executor.wait():
            if number in waiting:
                got.setdefault(waiting.pop(number).job.key, []).append(done)
    return [each for sample in samples for each in _compare(sample, got[sample.job.key])]


def _compare(sample: Sample, got: Sequence[Done]) -> Iterator[Different]:
    job, (trial,) = sample.job, sample.batch.trials
    for done in got:
        if done.error:
            yield Different(job, trial, "", "a result", tasks.one_line(done.error))
            return
    runs = [_seen(done.results[0]) for done in got]
    if sample.record is not None:
        runs.insert(0, _recorded(sample.record))
    first, second = runs
    for name in dict.fromkeys((*first, *second)):
        if first.get(name) != second.get(name):
            yield Different(job, trial, name, *_shown(first.get(name), second.get(name)))


def _seen(result: Result) -> dict[str, object]:
    values = {name: store.six_digits(value) for name, value in result.values.items()}
    return {**values, "data": result.data, "diverged": result.diverged}


def _recorded(record: Record) -> dict[str, object]:
    return {**record.values, "data": record.data, "diverged": record.diverged}


def _shown(first: object, second: object) -> tuple[str, str]:
    """Both in words; of two curves the first point that differs."""
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        first, second = next(pair for pair in zip(first, second, strict=True) if pair[0] != pair[1])
    return _word(first), _word(second)


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return f"a curve of {len(value)} points"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
