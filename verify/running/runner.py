"""One run: finds what is due, has it executed, publishes it.

A verification's evidence is written when all its trials have been tried, and not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec import Struct

from verify.errors import UserError, UserErrors
from verify.messages import Facts
from verify.model import Failure
from verify.planning.plan import chosen_from
from verify.running.estimate import Estimate
from verify.running.jobs import Job, Key
from verify.running.progress import Listener

if TYPE_CHECKING:
    from verify.running.executors import Executor
    from verify.running.repeat import Different

# What only a run with something to run needs is imported there: one with nothing to do stays instant.


class Options(Struct, frozen=True):
    device: str = "auto"
    missing: bool = False
    """Let committed evidence count as run."""
    again: bool = False
    """Run all trials again, also those that are fresh."""
    robust: bool = True
    """Run the variants of verifications, too."""
    pilot: int = 0
    """Run so many seeds, for their spread; 0: it is no pilot."""


class Run:
    """One run: `plan` finds what is due, `execute` does it, `publish` writes what an earlier run could not."""

    def __init__(self, jobs: Iterable[Job], options: Options, listener: Listener) -> None:
        self.jobs = {job.key: job for job in jobs}
        self._options = options
        self._listener = listener
        self.stopped: dict[Key, list[UserError]] = {}
        """Verifications that something in the review or its code keeps from a result, with the mistakes."""
        self.different: list[Different] = []
        """Where a trial that was run again gave other numbers."""

    def plan(self) -> None:
        """Plan every job, each after those that choose for it."""
        device = None if self._options.device == "auto" else self._options.device
        choosers = {(job.review.slug, name) for job in self.jobs.values() for name in chosen_from(job.rung)}
        for job in self.jobs.values():
            job.project.forget(*job.key)  # another run may have written it
            chooses = (job.review.slug, job.verification.id) in choosers
            asked = device is not None and job.needs_torch
            missing, again = self._options.missing, self._options.again
            if not (asked or chooses or again) and job.take_as_fresh(self.jobs, missing=missing):
                continue
            job.load(missing=missing)
            if again:
                job.start_over()
            if asked:
                job.keep_only(device, None)
            job.plan(self.jobs)
            if job.untried and job.known.records and job.keep_only(None, _torch()):
                job.plan(self.jobs)
        for judged in {job.judged for job in self.jobs.values()}:
            judged.save()

    @property
    def open(self) -> list[Job]:
        """What has something to run, now or when a choice is made."""
        return [job for job in self.jobs.values() if job.open]

    def unmet(self) -> dict[str, list[tuple[str, str | None]]]:
        """Per review with something to run, the packages that it lacks, each with the version that is installed."""
        from verify.running import packages

        reviews = {job.review.slug: job.review for job in self.open if job.review.packages}
        found = {slug: packages.unmet(review.packages) for slug, review in reviews.items()}
        return {slug: lacking for slug, lacking in found.items() if lacking}

    def unwritable(self) -> dict[str, list[UserError]]:
        """Per review with something to run, what keeps its results from being written."""
        found: dict[str, list[UserError]] = {}
        for job in self.open:
            try:
                job.require_writable()
            except UserError as error:
                found.setdefault(job.review.slug, []).append(error)
        return found

    def leave_out(self, slug: str) -> None:
        """Run nothing of a review."""
        self.jobs = {key: job for key, job in self.jobs.items() if job.review.slug != slug}

    def seconds(self, workers: int) -> float | None:
        """How long what is due will take, from recorded times; None where a verification has none."""
        return Estimate(self.jobs.values()).seconds(workers)

    def execute(self, executor: Executor) -> None:
        """Run what is due; an interrupt comes through, with every batch kept that was finished.

        Raises:
            KeyboardInterrupt: as it came.
            UserErrors: torch or the device is not here, or experiments cannot be told where the project is.
            Halted: results cannot be written.
            UserError: the executor cannot go on.
        """
        from verify.running.execution import Execution

        facts = self._describe(executor)
        for job in self.open:
            if job.keep_only(facts.device, facts.versions.get("torch")):
                job.plan(self.jobs)
        estimate = Estimate(self.jobs.values())
        trials = sum(job.size if job.state == "waiting" else len(job.untried) for job in self.jobs.values())
        self._listener.started(trials, executor.workers, estimate.seconds(executor.workers))
        today = datetime.now(UTC).date().isoformat()
        execution = Execution(self.jobs, executor, facts, self._listener, estimate, today)
        self.stopped = execution.stopped
        try:
            execution.run()
            self.different = execution.repeat()
        finally:
            self._listener.ended()

    def _describe(self, executor: Executor) -> Facts:
        """The device that what needs torch runs on; all else runs on the processor."""
        root = str(next(iter(self.jobs.values())).project.root)
        if root != root.encode("utf-8", "replace").decode():  # messages are UTF-8
            hint = "rename the folder: experiments are told where they run"
            raise UserErrors([UserError(f"the project's folder, {root!a}, has a name that is not UTF-8", hint=hint)])
        torch = any(job.needs_torch for job in self.open)
        if torch and find_spec("torch") is None:
            hint = "install it with what experiments need: `make setup`"
            raise UserErrors([UserError("torch is not installed, and experiments train with it", hint=hint)])
        try:
            return executor.describe(self._options.device if torch else "cpu", torch=torch)
        except UserError as error:
            raise UserErrors([error]) from None

    @property
    def failures(self) -> list[tuple[Job, Failure]]:
        """What failed in this run, in the order of the declaration."""
        return [
            (job, job.failed[trial.fingerprint])
            for job in self.jobs.values()
            for trial in job.trials
            if trial.fingerprint in job.failed
        ]

    @property
    def unpublished(self) -> list[Job]:
        """What is all fresh here but not what is committed: a run was cut short."""
        return [job for job in self.jobs.values() if job.unpublished]

    def publish(self, jobs: Sequence[Job]) -> list[UserError]:
        """Write the evidence of `jobs`; the mistakes of those whose present evidence cannot be read.

        Raises:
            Halted: evidence cannot be written.
        """
        mistakes: list[UserError] = []
        for job in jobs:
            try:
                job.load(missing=self._options.missing)
                job.plan(self.jobs)
                self._listener.published(job, job.publish())
            except UserErrors as wrong:
                mistakes += wrong.errors
        return mistakes


def _torch() -> str | None:
    """The version of torch that is installed, told without importing it."""
    from verify.running import packages

    version = packages.installed("torch")
    return version and version.partition("+")[0]
