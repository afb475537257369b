"""An executor without processes: what batches give is made up, so that a run can be tried in a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from tests.conftest import Mini
from verify.messages import Facts, Result, Task
from verify.planning.plan import Batch
from verify.project.project import Project
from verify.running import jobs, runner
from verify.running.estimate import Work
from verify.running.executors import Done
from verify.running.jobs import Job
from verify.running.progress import Silent

FACTS = Facts("cpu", "made up", 2, "Linux", {"python": "3.11.9"})


def heads(task: Task) -> Done:
    """Half of a second and half of the tosses, whatever is asked."""
    return Done(tuple(Result({"heads": 0.5}) for _ in task.seeds), 0.5 * len(task.seeds), FACTS)


class Fake:
    """An `Executor` that answers with `function`, one batch at a time."""

    def __init__(self, function: Callable[[Task], Done] = heads, facts: Facts = FACTS, at_once: int = 1) -> None:
        self.workers = 2
        self.facts = facts
        self.tasks: list[Task] = []
        """What was handed in, in the order it began."""
        self.described: list[tuple[str, bool]] = []
        self._function = function
        self._at_once = at_once
        self._queue: dict[int, Task] = {}
        self._number = 0

    def describe(self, device: str, *, torch: bool) -> Facts:
        self.described.append((device, torch))
        return self.facts

    def submit(self, task: Task) -> int:
        self._number += 1
        self._queue[self._number] = task
        return self._number

    def cancel(self, number: int) -> bool:
        return self._queue.pop(number, None) is not None

    def wait(self) -> list[tuple[int, Done]]:
        ended = []
        for number in list(self._queue)[: self._at_once]:
            task = self._queue.pop(number)
            self.tasks.append(task)
            ended.append((number, self._function(task)))
        return ended

    def close(self) -> None: ...


class Noted(Silent):
    """Keeps what a listener is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.seconds: float | None = None
        self.work: list[Work | None] = []

    def started(self, trials: int, workers: int, seconds: float | None) -> None:
        self.said.append(f"{trials} trials on {workers}")
        self.seconds = seconds

    def begun(self, names: Sequence[str]) -> None:
        self.said.append(f"begun {' '.join(names)}")

    def advanced(self, job: Job, batch: Batch, seconds: float, work: Work | None) -> None:
        del job, batch, seconds
        self.work.append(work)

    def failed(self, job: Job, batch: Batch, error: str, log: str) -> None:
        del log
        self.said.append(f"{job.name} {len(batch.trials)}: {error}")

    def published(self, job: Job, outcome: str) -> None:
        self.said.append(f"{job.name}: {outcome}")

    def repeating(self, trials: int) -> None:
        self.said.append(f"again {trials}")


def planned(mini: Mini, listener: Silent | None = None, **options: object) -> runner.Run:
    """A run of all that the project has at scale tiny."""
    project = Project.load(mini.root)
    wanted = [(review.slug, None) for review in project.reviews]
    run = runner.Run(jobs.select(project, wanted, "tiny"), replace(runner.Options(), **options), listener or Noted())
    run.plan()
    return run


def executed(mini: Mini, executor: Fake | None = None, listener: Silent | None = None, **options: object) -> runner.Run:
    """The same, and what is due is done."""
    run = planned(mini, listener, **options)
    run.execute(executor or Fake())
    return run
