"""Hands batches to an executor and keeps what comes back: halves of what failed, those that waited for a choice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from verify.errors import UserError
from verify.messages import Facts
from verify.model import Environment, Record
from verify.planning.plan import Batch
from verify.running import tasks
from verify.running.asked import Asks
from verify.running.estimate import Estimate, Work
from verify.running.executors import Done, Executor, logs
from verify.running.interrupts import undisturbed
from verify.running.jobs import Job, Key
from verify.running.progress import Listener
from verify.running.repeat import Different, Repeats, compared

Ended = tuple[Batch, Done]


class Execution:
    """One pass over what is due, until nothing is left that can run."""

    def __init__(
        self, jobs: dict[Key, Job], executor: Executor, facts: Facts, listener: Listener, estimate: Estimate, today: str
    ) -> None:
        """`facts` are those of the device that was found; `today` is what tests are registered under."""
        self._jobs = jobs
        self._executor = executor
        self._device = facts.device
        self._commit = next(iter(jobs.values())).project.commit
        self._listener = listener
        self._estimate = estimate
        self._today = today
        self._running: dict[int, tuple[Job, Batch]] = {}
        self._asks: dict[Key, Asks] = {}
        self._done = 0.0
        """Of the estimate's seconds, those of batches that ended."""
        self._expected, self._took = 1.0, 1.0
        """Seconds of batches that gave results; one more of each, so that a short first one says little."""
        self._repeats = Repeats()
        self.stopped: dict[Key, list[UserError]] = {}
        """Verifications that something in the review or its code keeps from a result, with the mistakes."""

    def run(self) -> None:
        """Until all is tried.

        Raises:
            Halted: results cannot be written.
            UserError: the executor cannot go on.
        """
        self._submit([job for job in self._jobs.values() if job.untried])
        while self._running:
            ended = self._executor.wait()
            with undisturbed():
                self._take(ended)

    def _submit(self, jobs: Collection[Job]) -> None:
        """Hand in the batches of `jobs`: variants last, the longest first, so that none is left alone at the end."""
        left = [job for job in jobs if not self._shows_mistake(job, job.fresh_records())]
        waiting: list[tuple[float, Job, Batch]] = []
        for job in left:
            job.register(self._today)
            batches = job.batches()
            logs.forget(tasks.log_of(job, batches[0]).parent, {each.fingerprint for each in job.trials})
            waiting += [(self._estimate.of(job, batch), job, batch) for batch in batches]
        waiting.sort(key=lambda each: (each[1].verification.varies is not None, -each[0]))
        if waiting:
            self._listener.begun(list(dict.fromkeys(job.name for _, job, _ in waiting)))
        for _, job, batch in waiting:
            self._hand_in(job, batch)

    def _hand_in(self, job: Job, batch: Batch) -> None:
        self._running[self._executor.submit(tasks.task(job, batch, self._device))] = job, batch

    def _take(self, ended: Iterable[tuple[int, Done]]) -> None:
        """Keep what has ended, a verification's batches together: one write to the disk is enough."""
        whose: dict[Key, list[Ended]] = {}
        for number, done in ended:
            if number in self._running:
                job, batch = self._running.pop(number)
                whose.setdefault(job.key, []).append((batch, done))
        for key, batches in whose.items():
            job = self._jobs[key]
            self._keep(job, [each for each in batches if not each[1].error])
            self._note_failures(job, [each for each in batches if each[1].error])
            if not job.untried:
                self._end(job)

    def _keep(self, job: Job, ended: Sequence[Ended]) -> None:
        environments = [self._environment(done) for _, done in ended]
        with_environment = sorted(zip(environments, ended, strict=True), key=lambda each: each[0].id)
        for _, group in groupby(with_environment, key=lambda each: each[0].id):
            of_one = list(group)
            environment = of_one[0][0]
            made = [(batch, done, tasks.records(batch, done, environment)) for _, (batch, done) in of_one]
            kept = [record for _, _, records in made for record in records]
            job.keep(environment, kept)
            for batch, done, records in made:
                self._repeats.note(job, batch, records, done.seconds)
                self._listener.advanced(job, batch, done.seconds, self._work(job, batch, done.seconds))
            self._shows_mistake(job, kept)

    def _environment(self, done: Done) -> Environment:
        if done.environment is None:
            raise AssertionError("an executor says of every result what it is of")
        return tasks.environment(done.environment, self._commit)

    def _work(self, job: Job, batch: Batch, seconds: float) -> Work | None:
        """How far the work is with this batch; None where it was never timed."""
        expected = self._estimate.of(job, batch)
        self._done += expected
        self._expected, self._took = self._expected + expected, self._took + seconds
        if not self._estimate.total:
            return None
        return Work(min(self._done / self._estimate.total, 1.0), self._took / self._expected)

    def _note_failures(self, job: Job, ended: Sequence[Ended]) -> None:
        """Of a batch that failed, try the halves; a single trial's failure is noted; code that cannot load ends all."""
        failures = []
        for batch, done in ended:
            error = tasks.one_line(done.error)
            if done.loading:
                self._cannot_load(job, error, done)
                continue
            self._listener.failed(job, batch, error, job.project.relative(tasks.log_of(job, batch)))
            if len(batch.trials) > 1:
                for half in batch.halves() if job.key not in self.stopped else ():
                    self._hand_in(job, half)
            else:
                self._done += self._estimate.of(job, batch)
                failures.append(tasks.failure(batch, error))
        if failures:
            job.fail(failures)

    def _cannot_load(self, job: Job, error: str, done: Done) -> None:
        if job.key not in self.stopped:
            text = error.removeprefix(f"{done.file}:{done.line}: ")
            message = f"the code of '{job.experiment.name}' cannot be loaded: {text}"
            self._stop(job, [UserError(message, done.file or job.review.path, done.line)])

    def _shows_mistake(self, job: Job, records: Sequence[Record]) -> bool:
        """Whether the records lack what the review asks for; then what of the job has not begun is not run."""
        if job.key not in self._asks:
            self._asks[job.key] = Asks(job.review, job.verification, job.scale, job.experiment)
        mistakes = self._asks[job.key].see(records)
        if mistakes:
            self._stop(job, mistakes)
        return job.key in self.stopped

    def _stop(self, job: Job, mistakes: list[UserError]) -> None:
        first = mistakes[0]
        place = f"{first.file}:{first.line}: " if first.line else ""
        self._listener.published(job, f"stopped: {place}{first.message}")
        self.stopped.setdefault(job.key, []).extend(mistakes)
        for number in [number for number, (whose, _) in self._running.items() if whose is job]:
            if self._executor.cancel(number):
                del self._running[number]

    def _end(self, job: Job) -> None:
        """All trials of a look were tried: go on to the next where a claim is not decided, else complete."""
        if job.key in self.stopped or not job.go_on():
            self._complete(job)
            return
        more = self._estimate.add(job)
        self._listener.goes_on(job, len(job.untried), None if more is None else more / self._executor.workers)
        self._submit([job])

    def _complete(self, job: Job) -> None:
        """All trials were tried: publish, and start those whose parameters this one chooses."""
        self._listener.published(job, job.publish())
        ready = []
        for other in self._jobs.values():
            if other.waits_for == job.verification.id and other.review.slug == job.review.slug:
                other.plan(self._jobs)
                if other.untried:
                    ready.append(other)
                elif other.state == "planned":
                    self._complete(other)
        self._submit(ready)

    def repeat(self) -> list[Different]:
        """Run single trials a second time, as many as the run has time for; where that gives other numbers.

        Raises:
            UserError: the executor cannot go on.
        """
        chosen = self._repeats.affordable()
        if chosen:
            self._listener.repeating(len(chosen))
        return compared(chosen, self._executor, self._device)
