"""The value that one verification chooses for another."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.judging import A_MINUS_B, claim, record, trial
from verify.errors import UserError
from verify.judging.choices import choose, doubts, rests_on
from verify.model import Choice, Chosen, Criterion, Record, Rung


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


# --- choices in doubt


def swept(scores: dict[float, list[float]]) -> list[Record]:
    return [
        replace(record({"lr": lr}, seed, 0.0), values={"error": value})
        for lr, values in scores.items()
        for seed, value in enumerate(values)
    ]


def doubted(scores: dict[float, list[float]]) -> list[Chosen]:
    rung = Rung("tiny", ({},), {"lr": Choice("sweep", "error", "minimise")}, (3,))
    return list(doubts(rung, [trial({"lr": 0.1}, 0)], lambda _: swept(scores)))


CLEAR = {0.05: [0.9, 0.91, 0.92], 0.1: [0.1, 0.11, 0.12], 0.2: [0.8, 0.82, 0.81]}


def test_a_choice_amid_clearly_worse_values_is_beyond_doubt() -> None:
    assert doubted(CLEAR) == []


@pytest.mark.parametrize(("left_out", "edge"), [(0.05, "smallest"), (0.2, "largest")])
def test_a_choice_at_an_edge_is_in_doubt(left_out: float, edge: str) -> None:
    (found,) = doubted({lr: scores for lr, scores in CLEAR.items() if lr != left_out})
    assert (found.parameter, found.value, found.edge, found.rivals) == ("lr", 0.1, edge, ())


def test_a_choice_that_the_spread_does_not_settle_is_in_doubt() -> None:
    (found,) = doubted(CLEAR | {0.15: [0.1, 0.14, 0.11]})
    assert (found.value, found.edge, found.rivals) == (0.1, None, (0.15,))


def test_a_verdict_rests_on_the_choices_of_its_own_trials() -> None:
    eight, sixteen = (Chosen("lr", 0.1, "sweep", {"k": k}, "largest") for k in (8, 16))
    asked = claim(Criterion(high=0.0), statistic="difference", where={"k": 8}, arms=A_MINUS_B)
    assert rests_on(asked, [eight, sixteen]) == (eight,)
    assert rests_on(replace(asked, test=replace(asked.test, where={})), [eight, sixteen]) == (eight, sixteen)
