"""What an executor is told of a batch, and what its answer means: between plans and messages."""

from __future__ import annotations

from pathlib import Path

from verify.errors import visible
from verify.messages import Facts, Task
from verify.model import Environment, Failure, Record
from verify.planning.plan import Batch
from verify.project import store
from verify.project.lines import LONGEST_ERROR, identified
from verify.running import packages
from verify.running.executors import Done
from verify.running.jobs import Job


def log_of(job: Job, batch: Batch, time: str = "") -> Path:
    """Where what a batch prints goes."""
    logs = job.project.root / ".verify" / "logs" / job.project.place(job.review.slug)
    folder = logs / f"{job.verification.id}.{job.scale}"
    return folder / f"{batch.trials[0].fingerprint}-{len(batch.trials)}{f'-{time}' if time else ''}.log"


def task(job: Job, batch: Batch, device: str, time: str = "") -> Task:
    """The batch in a message; `time` tells repetitions apart, which never share a worker with what they repeat."""
    of_review = job.experiment.module == job.review.path
    return Task(
        group=f"{job.name}.{job.scale} {time}".rstrip(),
        function=job.experiment.name,
        module=job.experiment.module,
        code=job.review.code if of_review else None,
        batched=job.experiment.batched,
        batch_axes=job.experiment.batch_axes,
        diverged=job.experiment.diverged,
        parameters=tuple(trial.parameters for trial in batch.trials),
        seeds=tuple(trial.seed for trial in batch.trials),
        device=device if job.needs_torch else "cpu",
        torch=job.needs_torch,
        root=str(job.project.root),
        folder=str((job.project.root / job.review.path).parent),
        data=job.review.data if of_review else (),  # it is in the fingerprint of fences alone
        modules=job.project.modules(job.review) if of_review else (),
        packages=tuple(map(packages.name_of, job.review.packages)),
        time_limit=batch.time_limit,
        log=str(log_of(job, batch, time)),
    )


def environment(facts: Facts, commit: str) -> Environment:
    """What a batch ran on, for the record."""
    return identified(
        Environment(
            id="",
            device=facts.device,
            machine=facts.machine,
            cores=facts.cores,
            system=facts.system,
            versions=facts.versions,
            commit=commit,
        )
    )


def records(batch: Batch, done: Done, environment: Environment) -> list[Record]:
    """The results of a batch, as they are stored."""
    share = float(f"{done.seconds / len(batch.trials):.3g}")
    return [
        Record(
            fingerprint=trial.fingerprint,
            parameters=trial.parameters,
            seed=trial.seed,
            values={name: store.six_digits(value) for name, value in result.values.items()},
            seconds=share,
            environment=environment.id,
            code=trial.code,
            data=result.data,
            diverged=result.diverged,
        )
        for trial, result in zip(batch.trials, done.results, strict=True)
    ]


def failure(batch: Batch, error: str) -> Failure:
    """The failure of a batch's only trial."""
    (trial,) = batch.trials
    return Failure(trial.fingerprint, trial.parameters, trial.seed, error)


def one_line(error: str) -> str:
    """An error as it is told and stored: one line, not endless, and nothing that a terminal would obey."""
    text = visible(" ".join(error.split()))
    return text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 1]}…"
