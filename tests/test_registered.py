"""What the registrations of a claim say of its test as it is declared now."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests import miniature
from verify import model, report
from verify.judging.registered import Change, due, standing
from verify.model import Claim, Criterion, Registration
from verify.project.project import Project
from verify.site import words

ASKS = model.Test("error", Criterion(low=0.05), where={"lr": 0.1})
LOOSER = replace(ASKS, criterion=Criterion(low=0.02))
CLAIM = Claim("c", "It holds.", "Section 1", ASKS, 10)


def registration(test: model.Test = ASKS, on: str = "2026-11-27", **fields: object) -> Registration:
    return Registration("c", on, test, **{"seeds": 5, **fields})  # type: ignore[arg-type]


def test_a_test_that_was_registered_when_nothing_had_run() -> None:
    found = standing(CLAIM, [5], [registration()])
    assert (found.kind, found.registration, found.previous, found.changes) == ("before", registration(), None, ())


def test_a_test_that_was_registered_when_trials_had_run() -> None:
    found = standing(CLAIM, [5], [registration(seen=84)])
    assert (found.kind, found.registration) == ("after", registration(seen=84))


def test_a_test_that_was_changed_and_not_run_since() -> None:
    found = standing(CLAIM, [5], [registration(LOOSER)])
    assert (found.kind, found.registration, found.previous) == ("changed", None, registration(LOOSER))
    assert found.changes == (Change("criterion", Criterion(low=0.02), Criterion(low=0.05)),)


def test_a_test_that_was_changed_and_run_since_says_what_it_was() -> None:
    again = registration(on="2026-11-28", seen=84)
    found = standing(CLAIM, [5], [registration(LOOSER), again])
    assert (found.kind, found.registration, found.previous) == ("after", again, registration(LOOSER))
    assert [each.field for each in found.changes] == ["criterion"]


def test_a_claim_that_was_added_after_the_run() -> None:
    other = replace(registration(), claim="other")
    for registered in ([], [other]):
        found = standing(CLAIM, [5], registered)
        assert (found.kind, found.registration, found.previous) == ("unregistered", None, None)


def test_several_registrations_over_time() -> None:
    """A test that is what it was at first was registered before the run; the one tried in between is named."""
    first, second = registration(), registration(LOOSER, "2026-11-28", seen=84)
    third = registration(on="2026-11-29", seen=90)
    for registered in ([first, second], [first, second, third]):
        found = standing(CLAIM, [5], registered)
        assert (found.kind, found.registration, found.previous) == ("before", first, second)
    middle = standing(replace(CLAIM, test=LOOSER), [5], [first, second])
    assert (middle.kind, middle.registration, middle.previous) == ("after", second, first)
    never = standing(replace(CLAIM, test=replace(ASKS, metric="loss")), [5], [first, second])
    assert (never.kind, never.previous) == ("changed", second)
    assert [each.field for each in never.changes] == ["metric", "criterion"]


def test_seeds_that_were_raised() -> None:
    found = standing(CLAIM, [20], [registration()])
    assert (found.kind, found.changes) == ("changed", (Change("seeds", 5, 20),))


@pytest.mark.parametrize(
    ("test", "changes"),
    [
        (replace(ASKS, metric="loss"), {"metric": ("error", "loss")}),
        (replace(ASKS, where={"lr": 0.2}), {"where": ({"lr": 0.1}, {"lr": 0.2})}),
        (replace(ASKS, statistic="slope", along="width"), {"statistic": ("mean", "slope"), "along": (None, "width")}),
        (replace(ASKS, criterion=Criterion(0.05, every=True)),
         {"criterion": (Criterion(0.05), Criterion(0.05, every=True))}),
        (replace(ASKS, arms=({"a": 1}, {"a": 2})), {"arms": ((), ({"a": 1}, {"a": 2}))}),
    ],
)  # fmt: skip
def test_what_changed_is_named(test: model.Test, changes: dict[str, tuple[object, object]]) -> None:
    found = standing(replace(CLAIM, test=test), [5], [registration()])
    assert {each.field: (each.before, each.now) for each in found.changes} == changes


def test_a_control_is_part_of_the_test() -> None:
    found = standing(replace(CLAIM, control={"lr": 0.0}), [5], [registration()])
    assert (found.kind, found.changes) == ("changed", (Change("control", None, {"lr": 0.0}),))


def test_words_are_no_part_of_the_test() -> None:
    other = replace(CLAIM, says="It does hold.", source="Section 2", line=99, reported={"error": "5 %"})
    assert standing(other, [5], [registration()]).kind == "before"


def test_what_is_due_is_each_test_that_is_not_the_last_one_registered() -> None:
    other = replace(CLAIM, id="other")
    assert due([CLAIM], [5], [registration()], "2026-11-30", 84) == []
    assert due([CLAIM, other], [5], [registration()], "2026-11-30", 84) == [
        Registration("other", "2026-11-30", ASKS, 5, None, 84)
    ]
    back = due([CLAIM], [5], [registration(), registration(LOOSER)], "2026-11-30", 84)
    assert back == [registration(on="2026-11-30", seen=84)]
    assert due([CLAIM], [6], [registration()], "2026-11-30", 84) == [registration(on="2026-11-30", seeds=6, seen=84)]


def test_a_registration_is_itself_after_it_was_written() -> None:
    """Whole thresholds, spans and arms come back from a file as they went in."""
    test = model.Test(
        "error", Criterion(low=0, high=1), "interaction", arms=({"a": 1}, {"a": True}), spans=((1, 2), (3, 4))
    )
    claim = replace(CLAIM, test=test, control={"b": "x"})
    [new] = due([claim], [5], [], "2026-11-27", 0)
    read = msgspec.json.decode(msgspec.json.encode(new), type=Registration)
    assert standing(claim, [5], [read]).kind == "before"
    assert due([claim], [5], [read], "2026-11-30", 84) == []


@pytest.mark.parametrize(
    ("registered", "claim", "seeds", "says"),
    [
        ([registration()], CLAIM, 5, "Test as registered on 2026-11-27, before the run."),
        ([registration(seen=1)], CLAIM, 5, "Test registered on 2026-11-27, when 1 trial had been run before."),
        ([registration(seen=8400)], CLAIM, 5, "Test registered on 2026-11-27, when 8,400 trials had been run before."),
        ([], CLAIM, 5, "Test not registered: it was added after the run."),
        ([registration(LOOSER)], CLAIM, 5,
         "Test changed since it was registered on 2026-11-27: the criterion was at least 0.02."),
        ([registration(LOOSER), registration(on="2026-11-28", seen=84)], CLAIM, 5,
         "Test registered on 2026-11-28, when 84 trials had been run before. "
         "Registered otherwise on 2026-11-27: the criterion was at least 0.02."),
        ([registration(), registration(LOOSER, "2026-11-28", seen=84)], CLAIM, 5,
         "Test as registered on 2026-11-27, before the run. "
         "Registered otherwise on 2026-11-28: the criterion was at least 0.02."),
        ([registration(seeds=1)], CLAIM, 5, "Test changed since it was registered on 2026-11-27: there was 1 seed."),
        ([registration(LOOSER, control={"lr": 0.5})], CLAIM, 10,
         "Test changed since it was registered on 2026-11-27: the criterion was at least 0.02 and the control was "
         "lr = 0.5 and there were 5 seeds."),
        ([registration()], replace(CLAIM, control={"lr": 0.5}), 5,
         "Test changed since it was registered on 2026-11-27: there was no control."),
        ([registration()], replace(CLAIM, test=replace(ASKS, where={})), 5,
         "Test changed since it was registered on 2026-11-27: the test was mean error, where lr = 0.1: at least 0.05."),
        ([registration()], replace(CLAIM, test=replace(ASKS, criterion=Criterion(low=0.05, every=True))), 5,
         "Test changed since it was registered on 2026-11-27: the test was mean error, where lr = 0.1: at least 0.05."),
    ],
)  # fmt: skip
def test_what_readers_are_told(registered: list[Registration], claim: Claim, seeds: int, says: str) -> None:
    assert words.registration(standing(claim, [seeds], registered)) == says


def test_the_page_and_the_terminal_say_when_a_test_was_registered(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    page = miniature.html(project, "reviews/coin.md")
    claims = len(project.review("coin").claims)
    assert page.count("Test as registered on 2026-01-30, before the run.") == claims, "nothing is said where none ran"
    assert list(report.status(project, [("coin", None)]))[-1] == (
        f"{claims} of {claims} tests are as they were registered before the run"
    )


def test_a_test_that_was_registered_late_or_changed_is_told(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={})
    assert "registered" not in miniature.html(project, "reviews/coin.md")
    assert not any("registered" in line for line in report.status(project, [("coin", None)]))
    miniature.record(project, "coin", "tiny", seen=84)
    project = Project.load(tmp_path)
    claims = [claim.id for claim in project.review("coin").claims]
    late = "Test registered on 2026-01-30, when 84 trials had been run before."
    assert miniature.html(project, "reviews/coin.md").count(late) == len(claims)
    lines = list(report.status(project, [("coin", None)]))[-len(claims) - 1 :]
    assert lines[:-1] == [f"coin@{each} tiny: {late}" for each in claims]
    assert lines[-1] == f"0 of {len(claims)} tests are as they were registered before the run"


def test_a_threshold_that_moved_after_the_run_is_told(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    review = tmp_path / "reviews" / "coin.md"
    text = review.read_text(encoding="utf-8")
    assert text.count("at_least: 0.1}") == 1
    review.write_text(text.replace("at_least: 0.1}", "at_least: 0.15}"), encoding="utf-8")
    project = Project.load(tmp_path)
    says = "Test changed since it was registered on 2026-01-30: the criterion was at least 0.1."
    assert miniature.html(project, "reviews/coin.md").count(says) == 1
    assert list(report.status(project, [("coin", None)]))[-2:] == [
        f"coin@biased tiny: {says}",
        "3 of 4 tests are as they were registered before the run",
    ]
