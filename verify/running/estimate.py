"""How long what is due will take, from recorded times; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

import msgspec

from verify.errors import UserErrors
from verify.model import Choice, Record, Trial
from verify.planning.plan import Batch, chosen_from, points
from verify.project.project import Project
from verify.running.jobs import Job, Key

_encoder = msgspec.json.Encoder(order="sorted")


class Work(NamedTuple):
    """How far the work is."""

    share: float
    """Of the expected seconds, those of batches that ended."""
    pace: float
    """What these batches took, over what was expected of them."""


class Costs:
    """Seconds that trials of a verification took, whatever code they were of."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._exact: dict[bytes, float] = {}
        total, number = 0.0, 0
        for record in records:
            self._exact[_encoder.encode(record.parameters)] = record.seconds
            total += record.seconds
            number += 1
        self.mean = total / number if number else None

    def of(self, trial: Trial) -> float | None:
        """Seconds the trial will take: as its point took, else as the verification's trials took on average."""
        return self._exact.get(_encoder.encode(trial.parameters), self.mean)


class Estimate:
    """What is due as it will be handed out: the longest batches first, a chosen verification after its choosers.

    `total` is the work in seconds of one worker; None where a verification was never timed.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = {job.key: job for job in jobs if job.open}
        self._costs = {key: _costs(job) for key, job in self._jobs.items()}
        known = all(costs.mean is not None for costs in self._costs.values())
        self._batches = {key: sorted(self._of(job), reverse=True) for key, job in self._jobs.items()} if known else None
        self.total = None if self._batches is None else sum(map(sum, self._batches.values()))

    def of(self, job: Job, batch: Batch) -> float:
        """Seconds a batch will take; 0 where nothing like it was timed."""
        if job.key not in self._costs:
            return 0.0
        costs = self._costs[job.key]
        return sum(costs.of(trial) or 0.0 for trial in batch.trials)

    def add(self, job: Job) -> float | None:
        """Expect what became due of a job that goes on; its seconds of one worker."""
        self._costs[job.key] = _costs(job)
        more = sum(self._of(job))
        if self.total is None:
            return None
        self.total += more
        return more

    def _of(self, job: Job) -> Iterator[float]:
        if job.state == "waiting":
            for trials in _sizes(job):
                yield trials * (self._costs[job.key].mean or 0.0)
        else:
            for batch in job.batches():
                yield self.of(job, batch)

    def seconds(self, workers: int) -> float | None:
        """Until all is done with `workers` at work; None where it cannot be told."""
        if self._batches is None:
            return None
        left = {key: len(batches) for key, batches in self._batches.items()}
        choosers = {key: set(self._choosers(job)) for key, job in self._jobs.items()}
        begun: set[Key] = set()
        queue: deque[tuple[float, Key]] = deque()
        running: list[tuple[float, int, Key]] = []
        number = count()
        now = 0.0
        while True:
            ready = [key for key in self._batches if key not in begun and not any(left[each] for each in choosers[key])]
            begun.update(ready)
            new = [(cost, key) for key in ready for cost in self._batches[key]]
            queue.extend(sorted(new, key=lambda each: -each[0]))
            while queue and len(running) < workers:
                cost, key = queue.popleft()
                heappush(running, (now + cost, next(number), key))
            if not running:
                return now
            while running:
                now, _, key = heappop(running)
                left[key] -= 1
                if left[key] == 0 or not queue:
                    break
                cost, following = queue.popleft()
                heappush(running, (now + cost, next(number), following))

    def _choosers(self, job: Job) -> Iterator[Key]:
        for name in chosen_from(job.rung):
            key = (job.review.slug, name, job.scale)
            if key in self._jobs:
                yield key


def _costs(job: Job) -> Costs:
    """What the job's trials took; of a variant that never ran, those of the verification that it varies."""
    records = _timed(job.project, job.key)
    records += job.known.records.values()
    if job.verification.varies and not records:
        place = job.review.slug, job.verification.varies.of, job.scale
        records = [*_timed(job.project, place), *job.project.journal(*place).records]
    return Costs(records)


def _timed(project: Project, place: Key) -> list[Record]:
    """Those of the evidence; of a new laboratory, of the project's own."""
    committed = project.evidence(*place)
    if committed is None and project is not project.own:
        with suppress(UserErrors):  # they are of no use where they cannot be read, and in no one's way
            committed = project.own.evidence(*place)
    return list(committed.records) if committed else []


def _sizes(job: Job) -> Iterator[int]:
    """Trials a batch, of a verification whose parameters are not known yet."""
    chosen = {name: value for name, value in job.rung.parameters.items() if isinstance(value, Choice)}
    apart = {name for name, value in chosen.items() if name not in job.experiment.batch_axes}
    splitting = {each for name in apart for each in chosen[name].per}
    groups: dict[bytes, int] = {}
    for point in points(job.rung):
        shared = {
            name: value for name, value in point.items() if name not in job.experiment.batch_axes or name in splitting
        }
        key = _encoder.encode(shared)
        groups[key] = groups.get(key, 0) + job.seeds
    for size in groups.values():
        pieces = -(-size // job.experiment.batch)
        for piece in range(pieces):
            yield (piece + 1) * size // pieces - piece * size // pieces
