"""Runs what is not fresh: plans it, hands batches to worker processes, keeps each result as it comes.

A verification's evidence is written when all its trials have been tried, and not before.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Struct

from verify import store
from verify.errors import UserError, UserErrors
from verify.fingerprint import Definitions, code_hash, digest
from verify.model import Environment, Evidence, Experiment, Failure, Record, Review, Scale, Verification
from verify.plan import Batch, Costs, Planned, Waiting, batches, chosen_from, examine, expand, points
from verify.project import Project

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


class Job:
    """One verification at one scale: what is known of it, what it needs, whether that is done."""

    def __init__(self, project: Project, review: Review, verification: Verification, scale: Scale) -> None:
        self.project = project
        self.review = review
        self.verification = verification
        self.scale = scale
        self.rung = verification.rungs[scale]
        self.experiment: Experiment = project.experiment(review, verification)
        self.definitions: Definitions = project.definitions(review, verification)
        self.known = Evidence(review.slug, verification.id, scale)
        self.planned: list[Planned] | None = None
        """None while a parameter waits for another verification."""
        self.waits_for: str | None = None
        self.remaining = 0
        path = project.journal_path(review.slug, verification.id, scale)
        self.journal = store.Journal(path, self.known)

    @property
    def name(self) -> str:
        return f"{self.review.slug}:{self.verification.id}"

    @property
    def key(self) -> tuple[str, str, Scale]:
        return self.review.slug, self.verification.id, self.scale

    @property
    def due(self) -> list[Planned]:
        """What is to run."""
        return [each for each in self.planned or () if each.state != "fresh"]

    @property
    def size(self) -> int:
        """How many trials are declared, also while their parameters wait for a choice."""
        return sum(1 for _ in points(self.rung)) * self.rung.seeds

    @property
    def fresh(self) -> int:
        return len(self.planned or ()) - len(self.due)

    def load(self, *, missing: bool) -> None:
        """Read what this machine has run and, if `missing`, what is committed."""
        own = self.project.journal(*self.key)
        committed = self.project.evidence(*self.key) if missing else None
        self.known = own if committed is None else merge(committed, own)

    def keep_only(self, device: str | None, torch: str | None) -> None:
        """Forget results of another device or torch: trials that are compared share both."""
        kept = tuple(r for r in self.known.records if _suits(self.known.environments[r.environment], device, torch))
        self.known = msgspec.structs.replace(self.known, records=kept)

    def lookup(self, jobs: dict[tuple[str, str, Scale], Job], verification: str) -> Sequence[Record] | None:
        """Records of the verification that chooses a parameter; None until it is complete and fresh."""
        job = jobs[self.review.slug, verification, self.scale]
        if job.planned is None or job.due:
            return None
        records = {record.fingerprint: record for record in job.known.records}
        return [records[each.trial.fingerprint] for each in job.planned]

    def plan(self, jobs: dict[tuple[str, str, Scale], Job]) -> None:
        """Find the trials and their states; `jobs` holds those that choose this one's parameters."""
        try:
            trials = expand(
                self.review.slug, self.verification, self.rung, self.definitions, lambda name: self.lookup(jobs, name)
            )
        except Waiting as waiting:
            self.planned, self.waits_for = None, waiting.verification
            return
        self.planned, self.waits_for = examine(trials, self.known, self.definitions), None
        self.remaining = len(self.due)

    def batches(self) -> list[Batch]:
        return batches((each.trial for each in self.due), self.experiment, self.rung)

    def record(self, records: Sequence[Record], failures: Sequence[Failure], environment: Environment) -> None:
        """Keep what a batch gave: on disk first, then here."""
        code = code_hash(self.definitions)
        self.journal.append(environment, (code, self.definitions), records, failures)
        addition = Evidence(
            *self.key, {environment.id: environment}, {code: self.definitions}, tuple(records), tuple(failures)
        )
        self.known = merge(self.known, addition)
        self.remaining -= len(records) + len(failures)

    def settle(self) -> None:
        """Look at the states again, all trials having been tried."""
        self.planned = examine([each.trial for each in self.planned or ()], self.known, self.definitions)

    def publish(self) -> str:
        """Write the evidence file if it would say something new; returns what was done, in a word or two."""
        if self.planned is None:
            return "waiting"
        path = self.project.evidence_path(*self.key)
        trials = [each.trial for each in self.planned]
        content = store.encode(self.known, trials)
        committed = self.project.evidence(*self.key)
        if committed is not None:
            declared = {trial.fingerprint for trial in trials}
            ours = tuple(record for record in self.known.records if record.fingerprint in declared)
            if store.same_results(committed, msgspec.structs.replace(self.known, records=ours)):
                return "reproduced exactly"
        store.write_atomically(path, content)
        self.project.forget(*self.key)
        return "evidence written"


def _suits(environment: Environment, device: str | None, torch: str | None) -> bool:
    return (device is None or environment.device == device) and (
        torch is None or environment.versions.get("torch") == torch
    )


def merge(first: Evidence, second: Evidence) -> Evidence:
    """Both together; of a trial that is in both, the second's result."""
    records = {record.fingerprint: record for record in (*first.records, *second.records)}
    failures = {failure.fingerprint: failure for failure in (*first.failures, *second.failures)}
    return msgspec.structs.replace(
        second,
        environments={**first.environments, **second.environments},
        codes={**first.codes, **second.codes},
        records=tuple(records.values()),
        failures=tuple(failure for key, failure in failures.items() if key not in records),
    )


def select(project: Project, wanted: Iterable[tuple[str, str | None]], scale: Scale) -> list[Job]:
    """The jobs of the named reviews or verifications that exist at `scale`, with those their choices come from.

    Raises:
        UserErrors: a name is unknown.
    """
    chosen: dict[tuple[str, str], Job] = {}

    def add(review: Review, verification: Verification) -> None:
        if scale not in verification.rungs or (review.slug, verification.id) in chosen:
            return
        by_name = {each.id: each for each in review.verifications}
        for chooser in chosen_from(verification.rungs[scale]):
            add(review, by_name[chooser])
        chosen[review.slug, verification.id] = Job(project, review, verification, scale)

    for slug, name in wanted:
        review = project.review(slug)
        for verification in review.verifications:
            if name is None or verification.id == name:
                add(review, verification)
    return list(chosen.values())


class Run:
    """One run: `plan` finds what is due, `execute` does it."""

    def __init__(self, jobs: Sequence[Job], options: Options, listener: Listener) -> None:
        self.jobs = {job.key: job for job in jobs}
        self._options = options
        self._listener = listener
        self._futures: dict[Future[Any], tuple[Job, Batch]] = {}
        self.failures: list[tuple[Job, Failure]] = []

    def plan(self) -> None:
        """Plan every job, each after those that choose for it."""
        device = None if self._options.device == "auto" else self._options.device
        for job in self.jobs.values():
            job.load(missing=self._options.missing)
            if device is not None:
                job.keep_only(device, None)
            job.plan(self.jobs)

    @property
    def due(self) -> bool:
        return any(job.planned is None or job.due for job in self.jobs.values())

    def seconds(self, workers: int = 1) -> float | None:
        """How long what is due will take, from recorded times; None where a verification has none."""
        total = 0.0
        for job in self.jobs.values():
            costs = self._costs(job)
            for each in job.due:
                cost = costs.of(each.trial)
                if cost is None:
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
                if job.planned is None or job.due:
                    job.keep_only(environment.device, environment.versions.get("torch"))
                    job.plan(self.jobs)
            trials = sum(job.size if job.planned is None else len(job.due) for job in self.jobs.values())
            self._listener.started(trials, workers, self.seconds(workers))
            self._submit([job for job in self.jobs.values() if job.due], pool, environment)
            self._collect(pool, environment)
        except BaseException:
            pool.stop()
            raise
        else:
            pool.close()
        finally:
            pool.join()
            self._listener.ended()

    def publish(self) -> None:
        """Write the evidence of jobs that are all fresh here but not what is committed: a run was cut short."""
        for job in self.jobs.values():
            if job.planned is not None and not job.due:
                committed = store.fingerprints(job.project.evidence_path(*job.key))
                if committed != {each.trial.fingerprint for each in job.planned}:
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
        blank = Environment(id="", commit=commit, **facts)
        return msgspec.structs.replace(blank, id=digest(msgspec.json.encode(blank, order="sorted").decode()))

    def _submit(self, jobs: Collection[Job], pool: ProcessPool, environment: Environment) -> None:
        """Hand in the batches of `jobs`, the longest first, so that no worker is left alone with one at the end."""
        waiting: list[tuple[float, Job, Batch]] = []
        for job in jobs:
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
            job.record(_records(batch, results, seconds, environment), (), environment)
            self._listener.advanced(job, batch, seconds)
            return
        self._listener.failed(job, batch, error, job.project.relative(_log(job, batch)))
        if len(batch.trials) > 1:
            for half in batch.halves():
                self._schedule(job, half, pool, environment)
            return
        trial = batch.trials[0]
        failure = Failure(trial.fingerprint, trial.parameters, trial.seed, error)
        self.failures.append((job, failure))
        job.record((), (failure,), environment)

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
