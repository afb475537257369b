"""Runs what is not fresh: plans it, hands batches to worker processes, keeps each result as it comes.

A verification's evidence is written when all its trials have been tried, and not before.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from verify.errors import UserError, UserErrors
from verify.model import Environment, Failure, Record
from verify.planning.plan import Batch, Costs, chosen_from
from verify.project import store
from verify.project.lines import identified
from verify.running.asked import Asks
from verify.running.jobs import Job, Key

if TYPE_CHECKING:
    from concurrent.futures import Future

    from pebble import ProcessPool


class Options(Struct, frozen=True):
    device: str = "auto"
    workers: int | None = None
    """None: one a core on a CPU, one in all on another device."""
    missing: bool = False
    """Let committed evidence count as run."""


class Listener(Protocol):
    """Told what happens while trials run."""

    def started(self, trials: int, workers: int, seconds: float | None) -> None: ...
    def advanced(self, job: Job, batch: Batch, seconds: float) -> None: ...
    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None: ...
    def published(self, job: Job, outcome: str) -> None: ...
    def ended(self) -> None: ...


class Run:
    """One run: `plan` finds what is due, `execute` does it."""

    def __init__(self, jobs: Sequence[Job], options: Options, listener: Listener) -> None:
        self.jobs = {job.key: job for job in jobs}
        self._options = options
        self._listener = listener
        self._futures: dict[Future[Any], tuple[Job, Batch]] = {}
        self._failed: set[str] = set()
        self._asks: dict[Key, Asks] = {}
        self.stopped: dict[Key, list[UserError]] = {}
        """Verifications whose trials lack what the review asks for, with the mistakes: their rest is not run."""

    def plan(self) -> None:
        """Plan every job, each after those that choose for it."""
        device = None if self._options.device == "auto" else self._options.device
        choosers = {(job.review.slug, name) for job in self.jobs.values() for name in chosen_from(job.rung)}
        for job in self.jobs.values():
            chooses = (job.review.slug, job.verification.id) in choosers
            job.planned, job.waits_for = None, None
            if device is None and not chooses and job.is_done(missing=self._options.missing):
                continue
            job.load(missing=self._options.missing)
            if device is not None:
                job.keep_only(device, None)
            job.plan(self.jobs)
            if job.due and job.known.records and job.keep_only(None, _installed("torch")):
                job.plan(self.jobs)

    @property
    def due(self) -> bool:
        return any(job.waits_for is not None or job.due for job in self.jobs.values())

    def seconds(self, workers: int = 1) -> float | None:
        """How long what is due will take, from recorded times; None where a verification has none."""
        total = 0.0
        for job in self.jobs.values():
            costs = self._costs(job)
            for each in job.due:
                cost = costs.of(each.trial)
                if cost is None or each.state == "failed":  # it may hang again until its limit
                    return None
                total += cost
        return total / workers

    def _costs(self, job: Job) -> Costs:
        committed = job.project.evidence(*job.key)
        return Costs((*(committed.records if committed else ()), *job.known.records))

    def execute(self) -> None:
        """Run what is due; on an interrupt stop the workers and raise, with every finished batch kept.

        Raises:
            KeyboardInterrupt: as it came.
            UserErrors: torch or the device is not here.
        """
        self._require_torch()
        workers = self._options.workers or (cores() if self._options.device in ("auto", "cpu") else 1)
        pool = _pool(workers, max(1, cores() // workers), self._modules())
        try:
            environment = self._environment(pool)
            for job in self.jobs.values():
                if job.waits_for is not None or job.due:
                    job.keep_only(environment.device, environment.versions.get("torch"))
                    job.plan(self.jobs)
            trials = sum(len(job.due) if job.waits_for is None else job.size for job in self.jobs.values())
            self._listener.started(trials, workers, self.seconds(workers))
            self._submit([job for job in self.jobs.values() if job.due], pool, environment)
            self._collect(pool, environment)
            for key in self.stopped:
                self.jobs[key].settle()
        except BaseException:
            pool.stop()
            raise
        else:
            pool.close()
        finally:
            pool.join()
            self._listener.ended()

    @property
    def failures(self) -> list[tuple[Job, Failure]]:
        """What failed in this run, in the order of the declaration."""
        tried = [(job, job.known.failures) for job in self.jobs.values()]
        return [(job, each) for job, found in tried for each in job.in_order(found) if each.fingerprint in self._failed]

    def publish(self) -> None:
        """Write the evidence of jobs that are all fresh here but not what is committed: a run was cut short."""
        for job in self.jobs.values():
            if job.waits_for is not None or job.due:
                continue
            committed = store.fingerprints(job.project.evidence_path(*job.key))
            declared = job.project.declared(job.review, job.verification, job.scale)
            if declared is None:
                declared = tuple(each.trial.fingerprint for each in job.planned or ())
            if committed != set(declared):
                job.load(missing=self._options.missing)
                job.plan(self.jobs)
                self._listener.published(job, job.publish())

    def _modules(self) -> list[str]:
        """What a worker imports before its first batch, so that no time limit pays for it."""
        modules = {job.experiment.module for job in self.jobs.values() if not _in_review(job)}
        if any("torch" in job.review.code for job in self.jobs.values() if _in_review(job)):
            modules.add("torch")
        return sorted(modules)

    @property
    def _torch_needed(self) -> bool:
        return bool(self._modules())

    def _require_torch(self) -> None:
        if self._torch_needed and find_spec("torch") is None:
            hint = "install it with what experiments need: `make setup`"
            raise UserErrors([UserError("torch is not installed, and experiments train with it", hint=hint)])

    def _environment(self, pool: ProcessPool) -> Environment:
        needs = {"torch_needed": self._torch_needed}
        future = pool.schedule(_call_worker, args=("describe", self._options.device), kwargs=needs)
        try:
            facts = future.result()
        except ValueError as error:
            hint = "use --device auto, which takes the best there is"
            raise UserErrors([UserError(str(error), hint=hint)]) from None
        commit = next(iter(self.jobs.values())).project.commit
        return identified(Environment(id="", commit=commit, **facts))

    def _submit(self, jobs: Collection[Job], pool: ProcessPool, environment: Environment) -> None:
        """Hand in the batches of `jobs`, the longest first, so that no worker is left alone with one at the end."""
        waiting: list[tuple[float, Job, Batch]] = []
        for job in jobs:
            if self._is_stopped(job, job.fresh_records()):
                continue
            costs = self._costs(job)
            for batch in job.batches():
                waiting.append((sum(costs.of(trial) or 0.0 for trial in batch.trials), job, batch))
        for _, job, batch in sorted(waiting, key=lambda each: -each[0]):
            self._schedule(job, batch, pool, environment)

    def _schedule(self, job: Job, batch: Batch, pool: ProcessPool, environment: Environment) -> None:
        task = _task(job, batch, environment.device)
        future = pool.schedule(_call_worker, args=("run", task), timeout=batch.time_limit)
        self._futures[future] = job, batch

    def _collect(self, pool: ProcessPool, environment: Environment) -> None:
        from concurrent.futures import FIRST_COMPLETED, wait

        while self._futures:
            done, _ = wait(self._futures, return_when=FIRST_COMPLETED)
            for future in done:
                job, batch = self._futures.pop(future)
                self._take(future, job, batch, pool, environment)
                if job.remaining == 0:
                    self._complete(job, pool, environment)

    def _take(self, future: Future[Any], job: Job, batch: Batch, pool: ProcessPool, environment: Environment) -> None:
        """Keep a batch's results; of one that failed, try the halves; a single trial's failure is noted."""
        results, seconds, error = _outcome(future, batch)
        if not error:
            records = _records(batch, results, seconds, environment)
            job.record(records, (), environment)
            self._listener.advanced(job, batch, seconds)
            self._is_stopped(job, records)
            return
        self._listener.failed(job, batch, error, job.project.relative(_log(job, batch)))
        if len(batch.trials) > 1:
            for half in batch.halves() if job.key not in self.stopped else ():
                self._schedule(job, half, pool, environment)
            return
        trial = batch.trials[0]
        failure = Failure(trial.fingerprint, trial.parameters, trial.seed, error)
        self._failed.add(trial.fingerprint)
        job.record((), (failure,), environment)

    def _is_stopped(self, job: Job, records: Sequence[Record]) -> bool:
        """Whether the records lack what the review asks for; then what of the job has not begun is not run."""
        if job.key not in self._asks:
            self._asks[job.key] = Asks(job.review, job.verification, job.scale, job.experiment)
        mistakes = self._asks[job.key].see(records)
        if mistakes:
            first = mistakes[0]
            self._listener.published(job, f"stopped: {first.file}:{first.line}: {first.message}")
            self.stopped.setdefault(job.key, []).extend(mistakes)
            waiting = [future for future, (whose, _) in self._futures.items() if whose is job]
            for future in waiting:
                if not future.done() and not future.running() and future.cancel():
                    del self._futures[future]
        return job.key in self.stopped

    def _complete(self, job: Job, pool: ProcessPool, environment: Environment) -> None:
        """All trials were tried: publish, and start those whose parameters this one chooses."""
        job.settle()
        self._listener.published(job, job.publish())
        ready = []
        for other in self.jobs.values():
            if other.waits_for == job.verification.id and other.review.slug == job.review.slug:
                other.plan(self.jobs)
                if other.due:
                    ready.append(other)
                elif other.planned is not None:
                    self._listener.published(other, other.publish())
        self._submit(ready, pool, environment)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _installed(package: str) -> str | None:
    """The version of an installed package, told without importing it; None where it is not installed."""
    from importlib import metadata

    try:
        return metadata.version(package).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


def _pool(workers: int, threads: int, modules: list[str]) -> ProcessPool:
    from multiprocessing import get_context  # only a run that has something to run pays for these

    from pebble import ProcessPool

    return ProcessPool(
        max_workers=workers,
        context=get_context("spawn"),
        initializer=_call_worker,
        initargs=("prepare", threads, os.getpid(), modules),
    )


def _call_worker(name: str, *arguments: Any, **keywords: Any) -> Any:
    """In the child: enter `verify.lab.worker`, which this process never imports."""
    return getattr(import_module("verify.lab.worker"), name)(*arguments, **keywords)


def _in_review(job: Job) -> bool:
    return job.experiment.module == job.review.path


def _log(job: Job, batch: Batch) -> Any:
    folder = job.project.root / ".verify" / "logs" / job.review.slug / f"{job.verification.id}.{job.scale}"
    return folder / f"{batch.trials[0].fingerprint}-{len(batch.trials)}.log"


def _task(job: Job, batch: Batch, device: str) -> tuple[Any, ...]:
    """The fields of `verify.lab.worker.Task`, as a plain tuple: the class itself lives beyond the border."""
    return (
        job.experiment.name,
        job.experiment.module,
        job.review.code if _in_review(job) else None,
        job.experiment.batched,
        job.experiment.rides,
        job.experiment.diverged,
        tuple(trial.parameters for trial in batch.trials),
        tuple(trial.seed for trial in batch.trials),
        device,
        str(_log(job, batch)),
    )


def _outcome(future: Future[Any], batch: Batch) -> tuple[Sequence[tuple[Any, ...]], float, str]:
    """Results, seconds, and the error in one line where the batch gave one or its process ended."""
    from pebble import ProcessExpired

    try:
        results, seconds, error = future.result()
    except TimeoutError:
        return (), batch.time_limit, f"it took longer than its limit of {batch.time_limit:g} s"
    except ProcessExpired as expired:
        code = expired.exitcode
        killed = f"killed by signal {-code}" if code and code < 0 else f"exit code {code}"
        return (), 0.0, f"its process ended ({killed}" + ("; out of memory?)" if code == -9 else ")")
    return results, seconds, error


def _records(
    batch: Batch, results: Sequence[tuple[Any, ...]], seconds: float, environment: Environment
) -> list[Record]:
    share = float(f"{seconds / len(batch.trials):.3g}")
    return [
        Record(
            fingerprint=trial.fingerprint,
            parameters=trial.parameters,
            seed=trial.seed,
            values={name: store.six_digits(value) for name, value in values.items()},
            seconds=share,
            environment=environment.id,
            code=trial.code,
            data=data,
            diverged=diverged,
        )
        for trial, (values, data, diverged) in zip(batch.trials, results, strict=True)
    ]
