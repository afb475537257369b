"""`verify diff`: the working tree beside a commit, or beside another project's folder."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from tests import miniature
from tests.past import Past, git, other
from verify import changes, model, system
from verify.cli import main
from verify.judging.changes import Asked, Cause
from verify.model import Criterion, Verdict
from verify.project import contents
from verify.project.differences import Compared, Difference
from verify.project.project import Project
from verify.project.refresh import refresh


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path / "project")


def diff(past: Past, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--project", str(past.root), "diff", *arguments])


def judged(past: Past) -> None:
    refresh(Project.load(past.root))


def test_nothing_differs_from_what_was_just_committed(past: Past) -> None:
    done = diff(past, "HEAD")
    commit = git(past.root, "rev-parse", "HEAD")[:12]
    assert (done.exit_code, done.stdout) == (0, f"against {commit}: nothing differs; 8 the same\n")


def test_what_changed_since_is_told_by_weight(past: Past) -> None:
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.edit("every: {at_least: 0.5}", "every: {at_least: 0.4}")
    past.edit("  - id: edge\n", "  - id: rim\n")
    past.edit("[@edge supported]", "[@rim supported]")
    judged(past)
    done = diff(past, "HEAD")
    assert done.exit_code == 1
    said = [re.sub(r"\[.*\]", "[…]", line) for line in done.stdout.splitlines()]
    assert said[0].endswith(": 1 verdict differs, 2 are gone, 2 are new, 3 are tested")
    assert said[1:] == [
        "  otherwise; 2 the same",
        "coin",
        "  @biased tiny: supported → contradicted",
        "    criterion: at least 0.1 → at least 0.3",
        "  @edge tiny: gone, was contradicted 0.498 […]",
        "  @edge small: gone, was not run",
        "  @rim tiny: new, contradicted 0.498 […]",
        "  @rim small: new, not run",
        "  @each tiny: inconclusive",
        "    criterion: at least 0.5 → at least 0.4",
        "  @biased small: not run",
        "    criterion: at least 0.1 → at least 0.3",
        "  @each small: not run",
        "    criterion: at least 0.5 → at least 0.4",
    ]


def test_numbers_that_moved_stand_side_by_side_with_one_list_of_causes(past: Past) -> None:
    past.run(lambda trial: {"heads": float(trial.parameters["bias"]) * (1 + 0.002 * trial.seed)})
    judged(past)
    said = diff(past, "HEAD").stdout.splitlines()
    assert said[0].endswith("the numbers of 4 moved; 4 the same")
    assert said[2].startswith("  @biased tiny: 0.211 [")
    assert "] → 0.201 [" in said[2]
    assert said[-2:] == ["  these 4:", "    run again: nothing that is declared changed"]


def test_a_move_beyond_the_sixth_digit_is_none(past: Past) -> None:
    found = json.loads(past.verdicts.read_text())
    for digits, code in ((1e-9, 0), (1e-5, 1)):
        found["verdicts"][0]["estimate"] *= 1 + digits
        past.verdicts.write_text(json.dumps(found))
        assert diff(past, "HEAD").exit_code == code
    assert "→" in diff(past, "HEAD").stdout


def test_a_test_that_is_declared_otherwise_and_not_run_yet(past: Past) -> None:
    past.edit("tiny: {seeds: 6}", "tiny: {seeds: 9, tosses: 900}")
    said = diff(past, "HEAD").stdout
    assert "    seeds: 6 → 9\n    parameters: tosses = none → tosses = 900\n" in said
    assert "4 are tested otherwise" in said


def test_another_folder_of_a_project(past: Past, tmp_path: Path) -> None:
    shutil.copytree(past.root, tmp_path / "other", ignore=shutil.ignore_patterns(".git"))
    past.run(other)
    judged(past)
    done = diff(past, str(tmp_path / "other"))
    assert done.exit_code == 1
    assert "".join(done.stdout.split("coin\n")[0].split()).startswith(f"against{tmp_path}/other:1verdictdiffers")
    assert "  @biased tiny: supported → contradicted\n" in done.stdout
    shutil.rmtree(past.root / ".git")
    assert diff(past, str(tmp_path / "other")).stdout == done.stdout


def test_reviews_can_be_named(past: Past) -> None:
    (past.root / "reviews" / "dice.md").write_text(miniature.DICE)
    assert "dice" in diff(past, "HEAD").stdout
    assert diff(past, "HEAD", "reviews/coin.md").exit_code == 0
    done = diff(past, "HEAD", "con")
    assert (done.exit_code, done.stderr) == (2, "there is no review 'con'\n    did you mean 'coin'?\n")


@pytest.mark.parametrize("name", ["nope", "HEAD~9", "--", "docs", "HEAD:reviews", "-x", "\x00"])
def test_what_is_neither_commit_nor_folder(past: Past, name: str) -> None:
    done = diff(past, "--", name)
    assert done.exit_code == 2
    assert "is neither a project's folder nor a commit" in done.stderr


def test_a_branch_of_nearly_that_name_is_named(past: Past) -> None:
    assert "did you mean 'main'?" in diff(past, "maim").stderr


def test_without_git_a_commit_cannot_be_asked_for(past: Past) -> None:
    shutil.rmtree(past.root / ".git")
    done = diff(past, "HEAD")
    assert done.exit_code == 2
    assert done.stderr.startswith(
        "'HEAD' is no folder of a project, and no commit can be asked for: git says: not a git"
    )


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff", b'{"verdicts": 1}'])
def test_verdicts_of_then_that_cannot_be_read_cost_their_review_alone(past: Past, content: bytes) -> None:
    before = past.verdicts.read_bytes()
    past.verdicts.write_bytes(content)
    past.commit_as_it_is()
    past.verdicts.write_bytes(before)
    (past.root / "reviews" / "dice.md").write_text(miniature.DICE)
    done = diff(past, "HEAD")
    assert done.exit_code == 1
    assert "dice\n" in done.stdout
    assert "docs/evidence/coin/verdicts.json: it is not in this program's format" in done.stderr
    assert diff(past, "HEAD", "coin").exit_code == 2


def test_nothing_is_read_through_links_or_from_what_is_no_file(past: Past, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(past.root, theirs, ignore=shutil.ignore_patterns(".git"))
    (tmp_path / "secret").write_bytes(past.verdicts.read_bytes())
    path = theirs / "docs/evidence/coin/verdicts.json"
    for make, reason in (
        (lambda: path.symlink_to(tmp_path / "secret"), "a link that leads out of the project"),
        (lambda: path.symlink_to(path), "it cannot be read"),
        (path.mkdir, "it is no file"),
    ):
        path.unlink()
        make()
        done = diff(past, str(theirs))
        assert done.exit_code == 2
        assert reason in done.stderr
    path.rmdir()
    path.write_bytes(past.verdicts.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "MOST_VERDICTS", 100)
        assert "more than 100 are not read" in diff(past, str(theirs)).stderr


def test_what_the_evidence_says_in_a_terminal_is_shown_and_not_obeyed(past: Past) -> None:
    past.evidence.write_text(past.evidence.read_text().replace('"bias":', '"\\u001b[2Jbias":'))
    past.verdicts.write_text(past.verdicts.read_text().replace('"supported"', '"inconclusive"', 1))
    said = diff(past, "HEAD").stdout
    assert "\x1b" not in said
    assert r"\x1b[2Jbias" in said


def test_machines_get_what_lines_say(past: Past) -> None:
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    judged(past)
    done = diff(past, "HEAD", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    first = found["differences"][0]
    assert (first["claim"], first["kind"]) == ("biased", "verdict")
    assert (first["before"]["status"], first["now"]["status"]) == ("supported", "contradicted")
    assert first["causes"][0]["now"]["test"]["criterion"] == {"low": 0.3}
    assert found["same"] == 6
    assert found["unread"] == []


def test_lines_fit_into_eighty_columns() -> None:
    verdict = Verdict("x", "small", "supported", "", estimate=-0.00123456, low=-0.00456789, high=-0.000789123)
    moved = replace(verdict, estimate=-0.00123457, control=0.123456, control_low=0.1, control_high=0.2)
    asked = Asked("v", model.Test("a-metric-of-a-long-name", Criterion(high=0.1)), (10, 20))
    long = Cause("parameters", "p = " + "1, " * 200, "p = 2")
    found = [
        Difference("r", "a-claim-with-quite-a-long-name-as-some-have", "small", kind, verdict, moved, (
            Cause("test", asked, replace(asked, test=replace(asked.test, statistic="sd")), ("statistic",)), long,
        ))
        for kind in ("verdict", "numbers")
    ]  # fmt: skip
    lines = list(changes.compared(Compared("0123456789ab", tuple(found), 0, ())))
    assert len(lines) > 12
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"estimate": 0.123456}, {"estimate": 0.123457}, "0.123456 → 0.123457"),
        ({"estimate": 0.1, "control": 0.5}, {"estimate": 0.1, "control": 0.6}, "control 0.5 → control 0.6"),
        ({"estimate": 0.1}, {"estimate": 0.1, "control": 0.6}, "no control → control 0.6"),
        ({}, {"estimate": 0.1, "low": 0.0, "high": 1.0}, "no estimate → 0.1 [0, 1]"),
        ({"estimate": 0.1, "passed": 4, "trials": 5}, {"estimate": 0.1, "passed": 5, "trials": 5},
            "4 of 5 trials, worst 0.1 → 5 of 5 trials, worst 0.1"),
    ],
)  # fmt: skip
def test_as_many_digits_as_tell_numbers_apart(before: dict[str, float], now: dict[str, float], said: str) -> None:
    verdict = Verdict("x", "tiny", "supported", "")
    each = Difference("r", "x", "tiny", "numbers", replace(verdict, **before), replace(verdict, **now))
    assert list(changes.compared(Compared("c", (each,), 0, ())))[-1] == f"  @x tiny: {said}"


def test_git_that_fails_at_the_contents_is_told(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    def git_silent(root: Path, *arguments: str, given: bytes = b"") -> bytes:
        if arguments[0] == "cat-file":
            raise system.GitSilent("git does not answer")
        return system.git(root, *arguments, given=given)

    monkeypatch.setattr(contents, "git", git_silent)
    done = diff(past, "HEAD")
    commit = git(past.root, "rev-parse", "HEAD")[:12]
    assert (done.exit_code, done.stderr) == (2, f"the files of {commit} cannot be read: git does not answer\n")
