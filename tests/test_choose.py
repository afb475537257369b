"""The value that one verification chooses for another."""

from __future__ import annotations

import pytest

from tests.judging import record
from verify.errors import UserError
from verify.judging.choices import choose
from verify.model import Choice, Record


def chosen(choice: Choice, records: list[Record], **asking: object) -> object:
    return choose(choice, "lr", {"arm": "a", **asking}, records)


LR = [record({"arm": "a", "lr": lr}, s, abs(lr - 0.1) + s / 100) for lr in (0.01, 0.1, 1.0) for s in (0, 1)]


def test_choose_takes_the_best_mean_over_seeds() -> None:
    assert chosen(Choice("sweep", "metric", "minimise"), LR) == 0.1
    assert chosen(Choice("sweep", "metric", "maximise"), LR) == 1.0


def test_choose_looks_only_at_trials_that_agree_per_parameter() -> None:
    others = [record({"arm": "b", "lr": lr}, 0, -lr) for lr in (0.01, 0.1, 1.0)]
    choice = Choice("sweep", "metric", "minimise", per=("arm",))
    assert chosen(choice, LR + others) == 0.1
    assert chosen(choice, LR + others, arm="b") == 1.0


def test_choose_takes_the_first_of_equals() -> None:
    records = [record({"lr": lr}, 0, 0.5) for lr in (0.3, 0.1)]
    assert chosen(Choice("sweep", "metric", "minimise"), records) == 0.3


def test_choose_never_takes_a_value_that_diverged_without_a_number() -> None:
    records = [record({"lr": 0.1}, 0, 0.5), record({"lr": 1.0}, 0, 0.1), record({"lr": 1.0}, 1, None, diverged=True)]
    assert chosen(Choice("sweep", "metric", "minimise"), records) == 0.1


def test_choose_reports_what_it_lacks() -> None:
    with pytest.raises(UserError) as error:
        chosen(Choice("sweep", "metric", "minimise", per=("arm",)), LR, arm="z")
    assert error.value.message == "'sweep' has no record to choose lr from where arm = z"
    assert error.value.hint == "it needs trials that vary lr and return a finite metric"
