"""Runs with declared looks, by the commands: they go on by themselves, say so, and do nothing twice."""

from __future__ import annotations

import json

from tests.conftest import Mini
from tests.executing import FACTS, Fake, Noted, executed, planned
from verify.messages import Result, Task
from verify.project.project import Project
from verify.running.executors import Done

LOOKS = "{seeds: [3, 6, 12]}"


def wavering(task: Task) -> Done:
    """Heads as often as the coin says, and 3 % more or fewer by turns."""
    spread = {seed: (-1) ** seed * 0.03 for seed in task.seeds}
    values = [
        Result({"heads": float(point["bias"]) + spread[seed]})
        for seed, point in zip(task.seeds, task.parameters, strict=True)
    ]
    return Done(tuple(values), 0.1, FACTS)


def with_looks(mini: Mini) -> None:
    mini.edit("{seeds: 5}", LOOKS)


def seeds_run(executor: Fake) -> list[int]:
    return sorted({seed for task in executor.tasks for seed in task.seeds})


def test_a_run_goes_on_by_itself_and_says_where_it_stands(mini: Mini) -> None:
    with_looks(mini)
    heard: list[str] = []

    class Listening(Noted):
        def goes_on(self, job: object, trials: int, seconds: float | None) -> None:
            from verify.running.jobs import Job
            from verify.running.progress import next_look

            assert isinstance(job, Job)
            heard.append(next_look(job, trials))
            assert seconds is None or seconds > 0

    executor = Fake(wavering)
    run = executed(mini, executor, Listening())
    assert heard == [
        "coin:flips tiny: not decided, on to look 2 of 3, 6 seeds: 6 more trials",
        "coin:flips tiny: not decided, on to look 3 of 3, 12 seeds: 12 more trials",
    ]
    assert seeds_run(executor) == list(range(12))
    assert len(executor.tasks) >= 24, "each trial once, and single ones again"
    (job,) = run.jobs.values()
    assert (job.seeds, job.complete, len(job.trials)) == (12, True, 24)
    lines = [json.loads(line) for line in mini.evidence.read_text().splitlines()]
    assert sum("trial" in line for line in lines) == 24
    assert {tuple(line["registered"]["seeds"]) for line in lines if "registered" in line} == {(3, 6, 12)}


def test_it_stops_where_all_is_decided_and_finished_work_is_not_done_again(mini: Mini) -> None:
    with_looks(mini)
    mini.edit(
        "within: [0.45, 0.55]}\n    control: {where: {bias: 0.8}}",
        "within: [0.3, 0.7]}\n    control: {where: {bias: 0.8}}",
    )
    mini.edit("where: {bias: 0.8}, within: [0.45, 0.55]", "where: {bias: 0.8}, within: [0.0, 0.65]")
    executor = Fake(wavering)
    executed(mini, executor)
    reached = max(seeds_run(executor)) + 1
    assert reached == 6
    again = planned(mini)
    assert not again.open
    assert not again.unpublished
    project = Project.load(mini.root)
    review = project.review("coin")
    outcome = project.stand(review, review.verifications[0], "tiny")
    assert (outcome.look, outcome.seeds) == (2, 6)
    assert project.stale(review, review.verifications[0], "tiny") == 0
    assert len(project.trials(review, review.verifications[0], "tiny")) == 12


def test_a_test_that_is_made_harder_goes_on_from_where_it_was(mini: Mini) -> None:
    with_looks(mini)
    mini.edit(
        "within: [0.45, 0.55]}\n    control: {where: {bias: 0.8}}",
        "within: [0.1, 0.75]}\n    control: {where: {bias: 0.8}}",
    )
    mini.edit("where: {bias: 0.8}, within: [0.45, 0.55]", "where: {bias: 0.8}, within: [0.0, 0.2]")
    first = Fake(wavering)
    executed(mini, first)
    before = max(seeds_run(first)) + 1
    mini.edit("within: [0.1, 0.75]", "within: [0.47, 0.55]")
    (job,) = planned(mini).jobs.values()
    due = {each.trial.seed for each in job.untried.values()}
    assert due == set(range(before, job.seeds)), "trials of earlier looks are not run again"


def test_the_command_goes_on_and_the_page_says_at_which_look_it_was_decided(mini: Mini) -> None:
    with_looks(mini)
    said = mini.verify("run")
    assert "not decided, on to look 2 of 3, 6 seeds" in said
    mini.verify("refresh")
    verdicts = {
        each["claim"]: each for each in json.loads((mini.evidence.parent / "verdicts.json").read_text())["verdicts"]
    }
    assert verdicts["fair"]["look"] in (2, 3)
    said = mini.verify("run")
    trials = {2: 12, 3: 24}[verdicts["fair"]["look"]]
    assert said == f"{trials} of {trials} trials fresh\n"
    status = mini.verify("status")
    assert "missing" not in status
    assert "verdicts reached here" in mini.verify("verdicts")
