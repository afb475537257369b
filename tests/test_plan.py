"""Planning: which trials there are, which are fresh, why the others are not, and how they are batched."""

from __future__ import annotations

import msgspec
import pytest

from verify.model import Choice, Code, Evidence, Experiment, Failure, Record, Rung, Trial, Verification
from verify.planning import plan
from verify.planning.plan import Lookup, Waiting, batches, chosen_from, examine, expand, points

DEFINITIONS = {"m:train": "aaaa", "m:helper": "bbbb"}
CODE = Code("c0de", DEFINITIONS, ())
EXPERIMENT = Experiment("train", "m", 1, ("lr", "width"), (), True, batch_axes=("lr",), batch=4, time_limit=10)


def rung(**changes: object) -> Rung:
    blank = Rung("tiny", ({"lr": (0.1, 0.2), "width": (8, 16)},), {"epochs": 3}, (3,))
    return msgspec.structs.replace(blank, **changes)


def trials(declared: Rung, code: Code = CODE, lookup: Lookup = {}.get) -> tuple[Trial, ...]:
    verification = Verification("v", "train", {"tiny": declared}, (), (), 1, 2)
    return expand("r", verification, declared, code, lookup)


def recorded(planned: tuple[Trial, ...], seconds: float = 2.0) -> Evidence:
    records = tuple(Record(t.fingerprint, t.parameters, t.seed, {"error": 0.5}, seconds, "e", t.code) for t in planned)
    return Evidence("r", "v", "tiny", codes={planned[0].code: DEFINITIONS}, records=records)


def test_every_point_of_every_grid_once_with_every_seed() -> None:
    declared = rung(grids=({"lr": (0.1, 0.2), "width": (8, 16)}, {"lr": (0.1,), "width": (8, 32)}))
    assert [tuple(point.values()) for point in points(declared)] == [
        (0.1, 8),
        (0.1, 16),
        (0.2, 8),
        (0.2, 16),
        (0.1, 32),
    ]
    found = trials(declared)
    assert len(found) == 15
    assert [t.seed for t in found[:4]] == [0, 1, 2, 0]
    assert found[0].parameters == {"epochs": 3, "lr": 0.1, "width": 8}
    assert len({t.fingerprint for t in found}) == 15


def test_points_that_differ_only_in_what_they_leave_out_are_one() -> None:
    declared = rung(grids=({"lr": (0.1,), "width": (8,)}, {"lr": (0.1,)}), parameters={"width": 8}, seeds=(1,))
    assert [t.parameters for t in trials(declared)] == [{"lr": 0.1, "width": 8}]


def test_no_grid_is_one_point() -> None:
    assert [t.parameters for t in trials(rung(grids=(), seeds=(2,)))] == [{"epochs": 3}] * 2


def test_all_fresh() -> None:
    planned = examine(trials(rung()), recorded(trials(rung())), DEFINITIONS)
    assert {each.state for each in planned} == {"fresh"}


def test_a_new_seed_runs_that_seed() -> None:
    planned = examine(trials(rung(seeds=(4,))), recorded(trials(rung())), DEFINITIONS)
    due = [each for each in planned if each.state != "fresh"]
    assert [each.trial.seed for each in due] == [3] * 4
    assert {(each.state, each.why) for each in due} == {("missing", "new seed 3")}


def test_a_changed_parameter_reruns_the_trials_it_touches() -> None:
    changed = rung(grids=({"lr": (0.1, 0.3), "width": (8, 16)},))
    due = [each for each in examine(trials(changed), recorded(trials(rung())), DEFINITIONS) if each.state != "fresh"]
    assert {each.trial.parameters["lr"] for each in due} == {0.3}
    assert len(due) == 6
    assert "lr" in due[0].why
    assert "→ 0.3" in due[0].why


def test_a_fixed_parameter_is_named_when_it_changes() -> None:
    due = examine(trials(rung(parameters={"epochs": 4})), recorded(trials(rung())), DEFINITIONS)
    assert {(each.state, each.why) for each in due} == {("missing", "parameter changed or added: epochs 3 → 4")}


@pytest.mark.parametrize(
    ("parameters", "grids", "why"),
    [
        ({"epochs": 3, "depth": 2}, None, "depth None → 2"),
        ({}, None, "epochs 3 → None"),
        ({"epochs": 3.0}, None, "epochs 3 → 3.0"),
        ({"epochs": 4, "depth": 2}, None, "depth None → 2, epochs 3 → 4"),
        ({"epochs": 3}, ({"lr": (0.1,), "width": (64,)},), "width 8 → 64"),
    ],
)
def test_of_a_new_trial_the_least_change_is_named(
    parameters: dict[str, float], grids: tuple[dict[str, tuple[float, ...]], ...] | None, why: str
) -> None:
    changed = rung(parameters=parameters, **({"grids": grids} if grids else {}))
    due = examine(trials(changed), recorded(trials(rung())), DEFINITIONS)
    assert due[0].why == f"parameter changed or added: {why}"
    assert {each.state for each in due} == {"missing"}


def test_the_number_of_comparisons_does_not_grow_with_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    really = plan._difference
    monkeypatch.setattr(plan, "_difference", lambda *each: compared.append(1) or really(*each))
    known = recorded(trials(rung(grids=({"lr": tuple(range(300))},), seeds=(1,))))
    due = trials(rung(grids=({"lr": tuple(range(300, 600))},), parameters={"epochs": 4}, seeds=(1,)))
    assert {each.state for each in examine(due, known, DEFINITIONS)} == {"missing"}
    assert len(compared) == 300 * plan._COMPARED


def test_a_choice_goes_through_its_records_once_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    really = plan.choose
    monkeypatch.setattr(plan, "choose", lambda *each: seen.append(len(each[3])) or really(*each))
    choice = Choice("sweep", "error", "minimise", ("width",))
    declared = rung(grids=({"width": (8, 16), "depth": (1, 2, 3)},), parameters={"lr": choice}, seeds=(2,))
    values = [(lr, width) for width in (8, 16) for lr in (0.1, 0.2)]
    records = [Record("f", {"lr": lr, "width": width}, 0, {"error": lr}, 1.0, "e", "c") for lr, width in values]
    assert len(trials(declared, lookup={"sweep": records}.get)) == 12
    assert seen == [2, 2]


def test_a_record_alone_says_what_its_fingerprint_must_be() -> None:
    for trial in trials(rung()):
        record = Record(trial.fingerprint, trial.parameters, trial.seed, {}, 1.0, "e", trial.code)
        assert plan.fingerprint("tiny", record) == trial.fingerprint
        assert plan.fingerprint("small", record) != trial.fingerprint


def test_a_changed_definition_is_named() -> None:
    after = {**DEFINITIONS, "m:helper": "cccc", "m:new": "dddd"}
    due = examine(trials(rung(), Code("c1de", after, ())), recorded(trials(rung())), after)
    assert {(each.state, each.why) for each in due} == {("stale", "code changed: m:helper, m:new")}


def test_the_scale_and_the_experiment_decide_too() -> None:
    assert trials(rung())[0].fingerprint != trials(rung(scale="small"))[0].fingerprint


def test_the_type_of_a_number_does_not_hide_a_change() -> None:
    ones = trials(rung(grids=({"lr": (1,)},)))
    assert ones[0].fingerprint != trials(rung(grids=({"lr": (1.5,)},)))[0].fingerprint
    assert ones[0].fingerprint != trials(rung(grids=({"lr": (True,)},)))[0].fingerprint


def test_never_run() -> None:
    assert {each.why for each in examine(trials(rung()), Evidence("r", "v", "tiny"), DEFINITIONS)} == {"never run"}


def test_a_failed_trial_is_tried_again() -> None:
    first = trials(rung())[0]
    known = Evidence("r", "v", "tiny", failures=(Failure(first.fingerprint, {}, 0, "ZeroDivisionError"),))
    planned = examine([first], known, DEFINITIONS)[0]
    assert (planned.state, planned.why) == ("failed", "failed before: ZeroDivisionError")


def test_a_choice_is_made_from_the_other_verifications_records() -> None:
    declared = rung(
        grids=({"width": (8, 16)},), parameters={"lr": Choice("sweep", "error", "minimise", ("width",))}, seeds=(1,)
    )
    assert chosen_from(declared) == ("sweep",)
    errors = {(0.1, 8): 0.3, (0.2, 8): 0.2, (0.1, 16): 0.1, (0.2, 16): 0.4}
    records = [
        Record("f", {"lr": lr, "width": width}, 0, {"error": error}, 1.0, "e", "c")
        for (lr, width), error in errors.items()
    ]
    found = trials(declared, lookup={"sweep": records}.get)
    assert [t.parameters for t in found] == [{"lr": 0.2, "width": 8}, {"lr": 0.1, "width": 16}]
    with pytest.raises(Waiting, match="sweep") as waiting:
        trials(declared)
    assert waiting.value.verification == "sweep"


def test_batches_share_all_that_does_not_ride_along() -> None:
    found = batches(trials(rung()), EXPERIMENT, rung())
    assert [len(batch.trials) for batch in found] == [3, 3, 3, 3]
    assert all(len({trial.parameters["width"] for trial in batch.trials}) == 1 for batch in found)
    assert all(batch.time_limit == 30 for batch in found)


def test_a_scale_may_set_the_time_limit() -> None:
    assert {batch.time_limit for batch in batches(trials(rung()), EXPERIMENT, rung(time_limit=2))} == {6}


def test_halves_hold_all_trials_and_share_the_limit() -> None:
    batch = batches(trials(rung()), EXPERIMENT, rung())[0]
    first, second = batch.halves()
    assert first.trials + second.trials == batch.trials
    assert (first.time_limit, second.time_limit) == (10, 20)
