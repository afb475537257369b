"""An experiment that gives other numbers the second time is found."""

from __future__ import annotations

from itertools import count

import pytest
from msgspec.structs import replace

from tests.conftest import Mini
from tests.executing import FACTS, Fake, Noted, executed, heads
from tests.test_execution import batched
from verify import report
from verify.messages import Result, Task
from verify.running import repeat
from verify.running.executors import Done


def said(run: object) -> list[str]:
    return [line for line in report.summary(run) if "deterministic" in line]  # type: ignore[arg-type]


def again(executor: Fake) -> list[Task]:
    return [task for task in executor.tasks if " " in task.group]


def test_the_cheapest_trial_runs_once_more_in_another_group(mini: Mini) -> None:
    executor = Fake(lambda task: replace(heads(task), seconds=0.1 if task.seeds == (3,) else 0.5))
    noted = Noted()
    run = executed(mini, executor, noted)
    (task,) = again(executor)
    assert task.group == "coin:flips.tiny again"
    assert task.seeds == (3,)
    assert task.log.endswith("-again.log")
    assert "again 1" in noted.said
    assert not run.different
    assert not said(run)
    assert len(mini.journal.read_text().splitlines()) == 15, "a repetition is no result: 2 tests, 10 trials, 3 others"


def test_numbers_that_differ_are_said(mini: Mini) -> None:
    numbers = count()
    run = executed(mini, Fake(lambda _: Done((Result({"heads": 0.5 + next(numbers) * 1e-6}),), 0.1, FACTS)))
    assert said(run) == ["coin:flips is not deterministic: seed 0 (bias=0.5): heads 0.5 and 0.50001"]


def test_digits_that_are_not_recorded_do_not_count(mini: Mini) -> None:
    numbers = count()
    run = executed(mini, Fake(lambda _: Done((Result({"heads": 0.5 + next(numbers) * 1e-9}),), 0.1, FACTS)))
    assert not run.different


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (Result({"heads": 0.5}, "other"), "data  and other"),
        (Result({"heads": 0.5, "more": 1.0}), "more None and 1"),
        (Result({"heads": 0.5}, diverged=True), "diverged False and True"),
        (Result({"heads": (0.5, 0.6)}), "heads 0.5 and a curve of 2 points"),
    ],
)
def test_everything_that_is_recorded_counts(mini: Mini, second: Result, what: str) -> None:
    run = executed(
        mini, Fake(lambda task: replace(heads(task), results=(second,)) if " " in task.group else heads(task))
    )
    assert said(run) == [f"coin:flips is not deterministic: seed 0 (bias=0.5): {what}"]


def test_of_curves_the_first_point_that_differs_is_said(mini: Mini) -> None:
    def curve(task: Task) -> Done:
        points = (0.5, 0.6, 0.8 if " " in task.group else 0.7)
        return Done((Result({"heads": points, "tails": points}),), 0.1, FACTS)

    run = executed(mini, Fake(curve))
    assert said(run) == ["coin:flips is not deterministic: seed 0 (bias=0.5): heads 0.7 and 0.8, and 1 more"]


def test_a_trial_that_fails_the_second_time_is_said(mini: Mini) -> None:
    run = executed(mini, Fake(lambda task: Done(error="no") if " " in task.group else heads(task)))
    assert said(run) == ["coin:flips is not deterministic: seed 0 (bias=0.5): a result, then no"]


def test_a_trial_with_mates_runs_twice_alone(mini: Mini) -> None:
    batched(mini)
    mates = Fake(lambda task: Done(tuple(Result({"heads": len(task.seeds) / 8}) for _ in task.seeds), 0.1, FACTS))
    run = executed(mini, mates)
    assert [task.group for task in again(mates)] == ["coin:flips.tiny again", "coin:flips.tiny once-more"]
    assert {task.seeds for task in again(mates)} == {(0,)}
    assert not run.different, "how numbers round may depend on mates"
    mini.journal.unlink()
    numbers = count()
    run = executed(
        mini, Fake(lambda task: Done(tuple(Result({"heads": next(numbers)}) for _ in task.seeds), 0.1, FACTS))
    )
    assert said(run) == ["coin:flips is not deterministic: seed 0 (bias=0.5): heads 10 and 11"]


def test_what_takes_too_much_of_a_run_is_left_out(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Fake(lambda task: replace(heads(task), seconds=11.0))
    executed(mini, slow)
    assert not again(slow), "ten trials of 11 s leave 10 s, since a twentieth is less"
    mini.journal.unlink()
    monkeypatch.setattr(repeat, "SHARE", 0.2)
    executed(mini, slow)
    assert len(again(slow)) == 1


def test_each_code_is_tried_before_another_verification_of_the_same(
    mini: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini.review.write_text(
        mini.review.read_text()
        + "\n```python verify\ndef other(seed: int, device: str) -> dict:\n    return {'v': 1}\n```\n"
        + "\n```yaml verify\nid: others\nexperiment: other\nscales: {tiny: {seeds: 3}}\n```\n"
        + "\n```yaml verify\nid: more\nexperiment: coin\nparameters: {bias: 0.1}\nscales: {tiny: {seeds: 3}}\n```\n"
    )
    monkeypatch.setattr(repeat, "ALWAYS", 2.4)
    executor = Fake(lambda task: replace(heads(task), seconds=2.0 if task.function == "other" else 0.1))
    executed(mini, executor)
    assert [task.group for task in again(executor)] == ["coin:flips.tiny again", "coin:others.tiny again"]


def test_the_command_ends_with_1_and_publishes(mini: Mini) -> None:
    mini.edit('random.Random(f"{seed} {bias}")', "random.SystemRandom()")
    output = mini.verify("run", expect=1)
    assert "coin:flips tiny: evidence written" in output
    assert "coin:flips is not deterministic: seed" in output
    assert output.endswith("10 of 10 trials fresh\n")
