"""How long a run will take: what waits for a choice counts, and so does what nobody can do beside it."""

from __future__ import annotations

import pytest

from tests.conftest import Mini
from tests.executing import FACTS, Fake, Noted, executed, planned
from tests.test_execution import CHOSEN, batched
from tests.test_plan import recorded, rung, trials
from verify.messages import Result, Task
from verify.running.estimate import Costs
from verify.running.executors import Done


def timed(task: Task) -> Done:
    """A tenth of the bias, in seconds; what was chosen takes 3 s."""
    seconds = 3.0 if "nap" in task.parameters[0] else 10.0 * float(task.parameters[0]["bias"])
    return Done(tuple(Result({"heads": 0.5}) for _ in task.seeds), seconds * len(task.seeds), FACTS)


def test_costs_come_from_the_point_else_from_the_verification() -> None:
    costs = Costs(recorded(trials(rung())).records)
    assert costs.of(trials(rung())[0]) == 2.0
    assert costs.of(trials(rung(grids=({"lr": (9.0,)},)))[0]) == 2.0
    assert Costs(()).of(trials(rung())[0]) is None


def test_what_was_never_timed_is_not_guessed(mini: Mini) -> None:
    run = planned(mini)
    assert run.seconds(2) is None
    run.execute(Fake(timed))
    assert run.seconds(2) == 0.0, "nothing is left"


def test_what_waits_for_a_choice_counts_and_comes_after_it(mini: Mini) -> None:
    mini.review.write_text(mini.review.read_text() + CHOSEN)
    executed(mini, Fake(timed))
    for path in (mini.journal, mini.journal.with_name("chosen.tiny.jsonl")):
        path.unlink()
    run = planned(mini)
    assert run.seconds(1) == pytest.approx(5 * 5 + 5 * 8 + 3 * 3)
    # Two workers: 8+8+5+5+5 beside 8+8+8+5+5, and only then the three of 3 s.
    assert run.seconds(2) == pytest.approx(34 + 2 * 3)
    assert run.seconds(100) == pytest.approx(8 + 3)


def test_times_of_other_code_will_do(mini: Mini) -> None:
    executed(mini, Fake(timed))
    mini.edit("range(1000)", "range(999)")
    assert planned(mini).seconds(1) == pytest.approx(5 * 5 + 5 * 8)


def test_batches_take_their_time_as_a_whole(mini: Mini) -> None:
    batched(mini)
    executed(mini, Fake(timed))
    mini.journal.unlink()
    assert planned(mini).seconds(2) == pytest.approx(5 * 8)


def test_the_share_of_work_goes_from_nothing_to_all(mini: Mini) -> None:
    noted = Noted()
    executed(mini, Fake(timed), noted)
    assert noted.work == [None] * 10
    assert noted.seconds is None
    mini.journal.unlink()
    executed(mini, Fake(timed), noted)
    assert noted.seconds == pytest.approx(34)
    first, *_, last = (each for each in noted.work if each is not None)
    assert first.share == pytest.approx(8 / 65), "the longest first"
    assert last.share == pytest.approx(1)
    assert [each.pace for each in (first, last)] == pytest.approx([1, 1]), "the same times again"
