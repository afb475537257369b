"""What the command line says of plans and runs, and of what is stored: lines of text."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from verify.judging.registered import standing
from verify.model import Environment, Evidence, Failure, Review, Scale, Trial, Verification
from verify.planning.plan import Batch, Planned, examine
from verify.project.project import Project
from verify.running.jobs import Job
from verify.running.runner import Listener, Run
from verify.site import words


def duration(seconds: float) -> str:
    """Seconds as a person says them: `3 s`, `4 min 10 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


# What would run


def due(run: Run, *, explain: bool, workers: int) -> Iterator[str]:
    """What a run would do, for how long, and if `explain` why."""
    if explain:
        yield from explained(run)
    else:
        for job in run.jobs.values():
            yield _job_line(job)
    total = sum(len(job.due) for job in run.jobs.values())
    seconds = run.seconds(workers)
    if total:
        known = f"about {duration(seconds)} with {workers} workers" if seconds is not None else "never timed before"
        yield f"{total} trials to run: {known}"
    elif not waiting(run):
        yield f"nothing to run: {_fresh(run)}"


def explained(run: Run) -> Iterator[str]:
    """Per verification, each reason with the number of trials it holds for."""
    for job in run.jobs.values():
        yield _job_line(job)
        for why, count in Counter(each.why for each in job.due).items():
            yield f"    {count} × {why}"


def _job_line(job: Job) -> str:
    if job.waits_for is not None:
        return f"{job.name} {job.scale}: {job.waits_why}"
    return f"{job.name} {job.scale}: {len(job.due)} to run, {job.fresh} fresh"


def waiting(run: Run) -> list[Job]:
    """Verifications that could not run, since the one that chooses their parameters is not complete."""
    return [job for job in run.jobs.values() if job.waits_for is not None]


def summary(run: Run) -> Iterator[str]:
    """The end of a run: `N of N fresh`, or what is not."""
    for job, failure in run.failures:
        yield f"failed: {job.name} {job.scale}, {point(failure)}: {failure.error}"
    for errors in run.stopped.values():
        yield from map(str, errors)
    for job in waiting(run):
        yield _job_line(job)
    yield _fresh(run)


def point(trial: Trial | Failure) -> str:
    """Where in the grid a trial stands: `seed 1 (lr=0.1, width=8)`."""
    parameters = ", ".join(f"{name}={value}" for name, value in trial.parameters.items())
    return f"seed {trial.seed}" + (f" ({parameters})" if parameters else "")


def _fresh(run: Run) -> str:
    total = sum(job.fresh + len(job.due) for job in run.jobs.values())
    return f"{sum(job.fresh for job in run.jobs.values())} of {total} trials fresh"


# While it runs


class Silent:
    """Says nothing."""

    def started(self, trials: int, workers: int, seconds: float | None) -> None: ...
    def advanced(self, job: Job, batch: Batch, seconds: float) -> None: ...
    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None: ...
    def published(self, job: Job, outcome: str) -> None: ...
    def ended(self) -> None: ...


class Plain:
    """A line an event, for logs and pipes; of batches that finish at once, a line a second."""

    def __init__(self) -> None:
        self._done = 0
        self._total = 0
        self._begun = self._said = time.monotonic()

    def started(self, trials: int, workers: int, seconds: float | None) -> None:
        self._total = trials
        expected = f", about {duration(seconds)}" if seconds is not None else ""
        self._say(f"{trials} trials on {workers} worker{'s' * (workers != 1)}{expected}")

    def advanced(self, job: Job, batch: Batch, seconds: float) -> None:
        self._count(batch)
        count = len(batch.trials)
        if self._done == self._total or time.monotonic() - self._said >= 1:
            last = f"{count} trial{'s' * (count != 1)} in {duration(seconds)}"
            self._say(f"[{self._done}/{self._total}] {job.name}: {last}")

    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None:
        count = len(batch.trials)
        if count == 1:
            self._count(batch)
            self._say(f"[{self._done}/{self._total}] {job.name}, {point(batch.trials[0])}: {error}\n    log: {log}")
        else:
            self._say(f"{job.name}: {error}; trying its {count} trials in halves\n    log: {log}")

    def published(self, job: Job, outcome: str) -> None:
        self._say(f"{job.name} {job.scale}: {outcome}")

    def ended(self) -> None:
        if self._total:
            self._say(f"took {duration(time.monotonic() - self._begun)}")

    def _count(self, batch: Batch) -> None:
        self._done += len(batch.trials)
        self._total = max(self._total, self._done)

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def listener() -> Listener:
    """Progress with the time left in a terminal, plain lines elsewhere."""
    if sys.stdout.isatty():
        from verify.running.progress import Terminal  # rich is loaded where its drawing can be seen

        return Terminal()
    return Plain()


# What is stored


def status(project: Project, targets: Collection[tuple[str, str | None]]) -> Iterator[str]:
    """A line for each verification at each scale: here (the journal) and committed (the evidence)."""
    rows = [("verification", "scale", "committed", "this machine", "recorded on")]
    for slug, name in targets:
        review = project.review(slug)
        for verification, scale in project.rungs(review):
            if name in (None, verification.id):
                rows.append(_status_row(project, review, verification, scale))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]).rstrip()
    yield from _registrations(project, targets)


def _registrations(project: Project, targets: Iterable[tuple[str, str | None]]) -> Iterator[str]:
    """Of what ran, each test that is not as it was registered before the run, and how many are."""
    found = before = 0
    for slug, name in targets:
        for verification, scale in project.rungs(project.review(slug)):
            committed = project.evidence(slug, verification.id, scale)
            journal = project.journal(slug, verification.id, scale)
            known = [each for each in (committed, journal) if each and (each.records or each.failures)]
            if not known or name not in (None, verification.id):
                continue
            registered = [registration for each in known for registration in each.registered]
            for claim in verification.claims:
                tested = standing(claim, verification.rungs[scale].seeds, registered)
                found += 1
                before += tested.kind == "before"
                if tested.kind != "before":
                    yield f"{slug}@{claim.id} {scale}: {words.registration(tested)}"
    if found:
        yield f"{before} of {found} tests are as they were registered before the run"


def _status_row(
    project: Project, review: Review, verification: Verification, scale: Scale
) -> tuple[str, str, str, str, str]:
    trials = project.trials(review, verification, scale)
    definitions = project.code(review, verification).definitions
    committed = project.evidence(review.slug, verification.id, scale)
    journal = project.journal(review.slug, verification.id, scale)
    blank = Evidence(review.slug, verification.id, scale)
    if not trials:
        cells = ("waits for a choice", "waits for a choice")
    else:
        cells = (
            _states(examine(trials, committed or blank, definitions)),
            _states(examine(trials, journal, definitions)),
        )
    environments = (committed or journal).environments.values()
    return (f"{review.slug}:{verification.id}", scale, *cells, "; ".join(sorted(set(map(_recorded_on, environments)))))


def _states(planned: list[Planned]) -> str:
    counts = Counter(each.state for each in planned)
    return ", ".join(f"{counts[state]} {state}" for state in ("fresh", "stale", "missing", "failed") if counts[state])


def _recorded_on(environment: Environment) -> str:
    torch = environment.versions.get("torch")
    return ", ".join(filter(None, (f"torch {torch}" if torch else "", environment.device, environment.machine)))
