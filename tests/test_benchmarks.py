"""The benchmarks run and say what they measured; how long anything took is no test's business."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks import MEASUREMENTS, made, stores
from benchmarks.__main__ import main
from benchmarks.measuring import Goal, interleaved


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_each_measurement_is_written_for_readers_and_for_machines(name: str, tmp_path: Path) -> None:
    assert main(["--quick", "--output", str(tmp_path), name]) == 0

    written = msgspec.json.decode((tmp_path / "benchmarks.json").read_bytes())
    assert written["quick"] is True
    assert written["machine"]["cores"] >= 1
    found = written["measurements"][name]
    assert found["rows"]
    assert all(len(row) == len(found["columns"]) for row in found["rows"])
    assert all(goal["value"] > 0 for goal in found["goals"])

    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert f"## {found['title']}" in page
    assert page.count("*What limits it.*") == 1
    assert f"| {' | '.join(found['columns'])} |" in page
    assert str(Path.home()) not in page
    assert "No number here means anything" in page


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["trails"])
    assert ended.value.code == 2
    assert "there is no measurement trails" in capsys.readouterr().err


def test_alternatives_take_turns() -> None:
    turns: list[str] = []
    interleaved({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, repeats=2)
    assert turns == ["a", "b", "a", "b"]


@pytest.mark.parametrize(("side", "met"), [("at least", False), ("at most", True)])
def test_a_goal_knows_its_side(side: str, met: bool) -> None:
    goal = msgspec.convert({"what": "x", "value": 1.0, "side": side, "bound": 2.0}, Goal)
    assert goal.met is met


def test_the_large_made_project_is_without_mistakes(tmp_path: Path) -> None:
    rates, seeds = stores.SIZE
    made_project = made.project(tmp_path / "project", {"made": made.review(0, 2, rates, seeds)})
    (review,) = made_project.reviews
    assert len(made_project.trials(review, review.verifications[0], made.SCALE)) == rates * seeds
