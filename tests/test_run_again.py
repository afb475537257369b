"""What a run is asked for: a claim by its name, and all of it again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Mini
from verify.errors import UserErrors
from verify.project import named
from verify.project.project import Project

SECOND = """
```yaml verify
id: others
experiment: coin
grid: {bias: [0.2, 0.7]}
scales:
  tiny: {seeds: 3}
claims:
  - id: rare
    says: Heads are rare.
    source: Section 3
    test: {metric: heads, where: {bias: 0.2}, at_most: 0.4}
    control: {where: {bias: 0.7}}
```
"""


def heads(path: Path) -> dict[str, float]:
    """The last value of each trial in a file."""
    found = [line["trial"] for line in map(json.loads, path.read_text().splitlines()) if "trial" in line]
    return {each["fingerprint"]: each["values"]["heads"] for each in found}


def drifting(mini: Mini, mark: Path) -> None:
    """Have the coin of seed 2 give other numbers once `mark` is there, which nobody declares."""
    mini.edit(
        "    generator = random",
        f"    seed = 99 if seed == 2 and os.path.exists({str(mark)!r}) else seed\n    generator = random",
    )


# --- targets


@pytest.fixture
def two(mini: Mini) -> Mini:
    mini.review.write_text(mini.review.read_text() + SECOND)
    return mini


def test_a_claim_is_run_with_its_verification_alone(two: Mini) -> None:
    output = two.verify("run", "coin@rare")
    assert "6 of 6 trials fresh" in output
    assert not two.evidence.exists()
    assert "coin:others" in two.verify("status", "coin@rare")
    assert "coin:flips" not in two.verify("status", "coin@rare")


def test_targets_and_what_they_name(two: Mini) -> None:
    project = Project.load(two.root)
    asked = ["coin@rare", "reviews/coin.md@loaded", "coin:flips", "coin", "coin:"]
    assert named.targets(project, asked) == [
        ("coin", "others"),
        ("coin", "flips"),
        ("coin", "flips"),
        ("coin", None),
        ("coin", None),
    ]
    assert named.claims(project, ["coin@fair", "coin:others"]) == {("coin", "fair"), ("coin", "rare")}
    assert named.claims(project, []) == named.claims(project, ["coin"])
    assert len(named.claims(project, ["coin:flips"])) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("coin@fiar", "review 'coin' has no claim 'fiar'\n    did you mean 'fair'?"),
        ("coin@flips", "review 'coin' has no claim 'flips'"),
        ("coin:fair", "review 'coin' has no verification 'fair'"),
        ("coyn@fair", "there is no review 'coyn'\n    did you mean 'coin'?"),
    ],
)
def test_targets_that_name_nothing(two: Mini, name: str, message: str) -> None:
    with pytest.raises(UserErrors, match=re.escape(message)):
        named.targets(Project.load(two.root), [name])


def test_verdicts_of_a_claim_alone(ran: Mini) -> None:
    output = ran.verify("verdicts", "coin@fair")
    assert "@fair" in output
    assert "@loaded" not in output
    assert "1 of 1 verdicts reached here" in output


# --- again


def test_all_is_run_again_and_gives_the_same(ran: Mini) -> None:
    evidence, lines = ran.evidence.read_bytes(), len(ran.journal.read_text().splitlines())
    assert "10 × run again" in ran.verify("run", "--again", "--dry-run", "--explain")
    output = ran.verify("run", "--again")
    assert "coin:flips tiny: reproduced exactly" in output
    assert ran.evidence.read_bytes() == evidence
    assert len(ran.journal.read_text().splitlines()) >= lines + 10, "it is in the journal too"
    assert "nothing to run" in ran.verify("run", "--dry-run")


def test_another_value_is_told_and_the_new_one_counts(mini: Mini, tmp_path: Path) -> None:
    drifting(mini, tmp_path / "mark")
    mini.verify("run")
    mini.verify("refresh")
    before = heads(mini.evidence)
    (tmp_path / "mark").touch()
    output = mini.verify("run", "--again", expect=1)
    after = heads(mini.evidence)
    changed = {key for key in before if before[key] != after[key]}
    assert len(changed) == 2
    assert f"{mini.evidence.relative_to(mini.root)}: 2 values of 2 trials are not what was run here" in output
    assert "heads, seed 2 (bias=0.5)" in output
    assert "the evidence now holds what was run here" in output
    assert heads(mini.journal) == after
    mini.verify("refresh")
    assert "2 of 2 verdicts reached here at tiny agree" in mini.verify("verdicts")


def test_another_value_is_told_where_there_is_no_evidence_of_it(mini: Mini, tmp_path: Path) -> None:
    drifting(mini, tmp_path / "mark")
    mini.verify("run")
    (tmp_path / "mark").touch()
    mini.evidence.unlink()
    output = mini.verify("run", "--again", expect=1)
    assert f"{mini.journal.relative_to(mini.root)}: 2 values of 2 trials are not what was run here before" in output
    assert "the later result counts" in output


def test_a_trial_that_fails_now_costs_no_result(ran: Mini, tmp_path: Path) -> None:
    mark = tmp_path / "broken"
    ran.edit(
        "    generator = random",
        f"    if os.path.exists('{mark}'):\n        raise ValueError('now')\n    generator = random",
    )
    ran.verify("run")
    ran.verify("refresh")
    evidence = ran.evidence.read_bytes()
    mark.touch()
    output = ran.verify("run", "--again", expect=1)
    assert "not written: a trial failed of which the evidence has a result" in output
    assert ran.evidence.read_bytes() == evidence
    assert "2 of 2 verdicts reached here at tiny agree" in ran.verify("verdicts")


def test_what_chooses_is_run_again_first(mini: Mini) -> None:
    mini.edit(
        "```yaml verify\nid: flips",
        "```yaml verify\nid: sweep\nexperiment: coin\ngrid: {bias: [0.2, 0.6]}\nscales:\n  tiny: {seeds: 3}\n```\n\n"
        "```yaml verify\nid: chosen\nexperiment: coin\n"
        "parameters: {bias: {choose_from: sweep, maximise: heads}, nap: 0.001}\nscales:\n  tiny: {seeds: 3}\n```\n\n"
        "```yaml verify\nid: flips",
    )
    mini.verify("run", "coin:chosen")
    output = mini.verify("run", "coin:chosen", "--again")
    assert output.index("coin:sweep tiny: reproduced exactly") < output.index("coin:chosen tiny: reproduced exactly")


def test_again_and_missing_exclude_each_other(mini: Mini) -> None:
    assert "--again and --missing exclude each other" in mini.verify("run", "--again", "--missing", expect=2)
