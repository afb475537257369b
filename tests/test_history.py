"""When verdicts changed and why, from the commits of a repository."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from tests import miniature
from tests.past import Past, git, other
from verify import system
from verify.cli import main
from verify.judging.changes import Cause
from verify.project import cached, contents, history
from verify.project.history import History, Step
from verify.project.lines import identified


@pytest.fixture(scope="module")
def _past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past(tmp_path_factory.mktemp("past") / "project")


@pytest.fixture
def past(_past: Past, tmp_path: Path) -> Past:
    """A copy of the project with one commit."""
    copy = Past.__new__(Past)
    copy.__dict__ |= _past.__dict__
    copy.root = tmp_path / "project"
    shutil.copytree(_past.root, copy.root)
    for name in ("review", "verdicts", "evidence"):
        setattr(copy, name, copy.root / getattr(_past, name).relative_to(_past.root))
    return copy


def told(past: Past) -> History:
    found = history.of(past.root)
    assert found.missing == ""
    return found


def last(past: Past, claim: str = "biased") -> Step:
    """The last step of a claim."""
    return [step for step in told(past).steps if step.claim == claim][-1]


def kinds(step: Step) -> list[str]:
    return [cause.kind for cause in step.causes]


def verify(past: Past, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--project", str(past.root), *arguments])


# --- causes


def test_the_first_verdicts_are_published_and_have_no_cause(past: Past) -> None:
    steps = told(past).steps
    assert [(step.claim, step.scale) for step in steps] == [
        (claim, "tiny") for claim in ("biased", "close", "each", "edge")
    ]
    assert all(step.before is None and step.now and not step.causes and not step.changed for step in steps)
    assert steps[0].day == "2023-11-14"


def test_a_criterion_that_moves_is_the_only_cause(past: Past) -> None:
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    commit = past.commit()
    step = last(past)
    assert step.changed
    assert step.commit == commit
    assert step.on == "2023-11-15T22:13:20Z"
    assert step.before is not None
    assert step.now is not None
    assert (step.before.status, step.now.status) == ("supported", "contradicted")
    assert step.before.estimate == step.now.estimate
    assert kinds(step) == ["criterion"]
    assert [each.claim for each in told(past).steps if each.changed] == ["biased"]


def test_a_criterion_edited_in_a_commit_of_its_own_is_the_cause_of_what_a_later_one_judges(past: Past) -> None:
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit_as_it_is()
    commit = past.commit()
    assert (last(past).commit, kinds(last(past))) == (commit, ["criterion"])


Prepare = Callable[[Past, pytest.MonkeyPatch], None]


def more_seeds(past: Past, _: pytest.MonkeyPatch) -> None:
    past.edit("tiny: {seeds: 6}", "tiny: {seeds: 9}")
    past.run(other)


def other_code(past: Past, _: pytest.MonkeyPatch) -> None:
    past.edit("random.Random(seed)", "random.Random(seed + 1)")
    past.run(other)


def other_parameter(past: Past, _: pytest.MonkeyPatch) -> None:
    past.edit("tiny: {seeds: 6}", "tiny: {seeds: 6, tosses: 900}")
    past.run(other)


def other_torch(past: Past, patch: pytest.MonkeyPatch) -> None:
    machine = replace(miniature.MACHINE, device="cuda", versions={"torch": "3.0.0"})
    patch.setattr(miniature, "MACHINE", identified(machine))
    past.run(other)


def other_data(past: Past, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(miniature, "DATA", "f" * 64)
    past.run(other)


def run_again(past: Past, _: pytest.MonkeyPatch) -> None:
    past.run(other)


def another_arm(past: Past, _: pytest.MonkeyPatch) -> None:
    past.edit("arms: [{bias: 0.7}, {bias: 0.5}]", "arms: [{bias: 0.5}, {bias: 0.7}]")


def another_claim(past: Past, _: pytest.MonkeyPatch) -> None:
    more = "  - {id: more, says: More., source: Here, test: {metric: heads, where: {bias: 0.5}, at_most: 0.9}, "
    past.edit("\n  - id: close", f"\n{more}control: {{where: {{bias: 0.7}}}}}}\n  - id: close")


def several(past: Past, patch: pytest.MonkeyPatch) -> None:
    more_seeds(past, patch)
    past.edit("at_least: 0.1}", "at_least: 0.3}")


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (more_seeds, [Cause("seeds", "6", "9")]),
        (other_code, [Cause("code", names=("coin",))]),
        (other_parameter, [Cause("parameters", "tosses = none", "tosses = 900", ("tosses",))]),
        (other_torch, [Cause("device", "torch 2.13.0, cpu, Test & Co. <b>9000</b>",
            "torch 3.0.0, cuda, Test & Co. <b>9000</b>")]),
        (other_data, [Cause("data", "012345678901", "f" * 12)]),
        (run_again, [Cause("rerun")]),
    ],
)  # fmt: skip
def test_each_cause_is_named_with_what_it_was_and_is(
    past: Past, monkeypatch: pytest.MonkeyPatch, prepare: Prepare, expected: list[Cause]
) -> None:
    prepare(past, monkeypatch)
    past.commit()
    step = last(past)
    assert step.changed
    assert list(step.causes) == expected


def test_a_test_of_other_trials_is_told_as_a_whole(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    another_arm(past, monkeypatch)
    past.commit()
    assert [(each.kind, each.names) for each in last(past).causes] == [("test", ("arms",))]
    said = verify(past, "history", "coin@biased").stdout.splitlines()
    assert said[-2:] == [
        "    test: difference of heads (bias = 0.7 minus bias = 0.5): at least 0.1 →",
        "      difference of heads (bias = 0.5 minus bias = 0.7): at least 0.1",
    ]


def test_another_claim_widens_the_intervals_of_all(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    another_claim(past, monkeypatch)
    past.commit()
    (cause,) = last(past).causes
    assert cause.kind == "level"
    assert isinstance(cause.before, str)
    assert isinstance(cause.now, str)
    assert "98.00%" < cause.before < cause.now < "99.99%"


def test_several_causes_are_all_told(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    several(past, monkeypatch)
    past.commit()
    assert kinds(last(past)) == ["criterion", "seeds"]


def test_a_control_that_is_another_one(past: Past) -> None:
    past.edit("at_most: 0.2}\n    control: {where: {bias: 0.7}}", "at_most: 0.6}\n    control: {where: {bias: 0.7}}")
    past.commit()
    past.edit("at_most: 0.5}\n    control: {where: {bias: 0.7}}", "at_most: 0.5}\n    control: {where: {bias: 0.5}}")
    past.edit("{metric: heads, where: {bias: 0.5}, at_most: 0.5}", "{metric: heads, where: {bias: 0.7}, at_most: 0.5}")
    past.commit()
    assert kinds(last(past, "edge")) == ["criterion"]
    assert kinds(last(past, "close")) == ["test", "control"]


def test_a_verdict_that_differs_on_the_same_results_was_judged_otherwise(past: Past) -> None:
    text = past.verdicts.read_text()
    past.verdicts.write_text(text.replace('"supported"', '"inconclusive"', 1))
    past.commit_as_it_is()
    assert kinds(last(past)) == ["judging"]


def test_numbers_that_moved_are_a_step_and_no_change(past: Past) -> None:
    past.run(lambda trial: {"heads": float(trial.parameters["bias"]) * (1 + 0.002 * trial.seed)})
    past.commit()
    step = last(past)
    assert not step.changed
    assert kinds(step) == ["rerun"]
    assert "biased" not in verify(past, "history").stdout
    assert "supported, numbers moved" in verify(past, "history", "coin@biased").stdout


def test_seeds_are_counted_from_the_first_verdict(past: Past) -> None:
    for seeds, results in ((9, miniature.toss), (12, other)):
        past.edit("tiny: {seeds: 6}" if seeds == 9 else "tiny: {seeds: 9}", f"tiny: {{seeds: {seeds}}}")
        past.run(results)
        past.commit()
    assert last(past).added == 6
    assert "    6 seeds added since it was first published\n" in verify(past, "history").stdout


def test_a_claim_that_is_withdrawn_is_a_change(past: Past) -> None:
    text = past.review.read_text(encoding="utf-8")
    begin, end = text.index("  - id: edge"), text.index("  - id: close")
    past.review.write_text(
        (text[:begin] + text[end:]).replace("another one was thought to hold: [@edge supported]", "")
    )
    past.commit()
    step = last(past, "edge")
    assert step.changed
    assert step.now is None
    assert "withdrawn, was contradicted 0.49" in verify(past, "history").stdout


def test_evidence_that_is_gone_and_comes_back(past: Past) -> None:
    content = past.evidence.read_bytes()
    past.evidence.unlink()
    past.commit()
    past.evidence.write_bytes(content)
    past.commit()
    steps = [step for step in told(past).steps if step.claim == "biased"]
    statuses = [(step.before and step.before.status, step.now and step.now.status) for step in steps]
    assert statuses == [(None, "supported"), ("supported", "not run"), ("not run", "supported")]


def test_a_claim_that_has_not_run_is_not_published(past: Past) -> None:
    past.edit("  small: {seeds: 6, tosses: 5000}", "  small: {seeds: 6, tosses: 5000}\n  full: {seeds: 7}")
    past.commit()
    assert {step.scale for step in told(past).steps} == {"tiny"}


def test_a_review_that_is_renamed_goes_on(past: Past) -> None:
    git(past.root, "mv", "reviews/coin.md", "reviews/penny.md")
    git(past.root, "mv", "docs/evidence/coin", "docs/evidence/penny")
    past.commit_as_it_is()
    past.review = past.root / "reviews" / "penny.md"
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit()
    steps = [step for step in told(past).steps if step.claim == "biased"]
    assert [(step.review, step.changed) for step in steps] == [("penny", False), ("penny", True)]
    assert kinds(steps[-1]) == ["criterion"]


# --- repositories of all kinds


def test_what_a_branch_changed_is_told_where_it_is_merged(past: Past) -> None:
    git(past.root, "checkout", "--quiet", "-b", "side")
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit()
    git(past.root, "checkout", "--quiet", "main")
    (past.root / "note.txt").write_text("meanwhile")
    past.commit_as_it_is()
    git(past.root, "merge", "--quiet", "--no-edit", "side", day=7)
    steps = [step for step in told(past).steps if step.claim == "biased"]
    assert [step.day for step in steps] == ["2023-11-14", "2023-11-21"]
    assert kinds(steps[-1]) == ["criterion"]


def test_a_project_in_a_folder_of_a_repository(past: Past, tmp_path: Path) -> None:
    shutil.rmtree(past.root / ".git")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    assert [step.claim for step in told(past).steps] == ["biased", "close", "each", "edge"]
    assert verify(past, "diff", "HEAD").exit_code == 0


def test_without_git_the_reason_is_said(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(past.root / ".git")
    assert history.of(past.root).missing.startswith("git says: not a git repository")
    done = verify(past, "history")
    assert done.exit_code == 2
    assert done.stderr == "the history of verdicts is not known: git says: not a git repository\n"
    monkeypatch.setenv("PATH", "/nowhere")
    assert history.of(past.root).missing == "git is not installed"


def test_a_repository_without_a_commit(past: Past) -> None:
    shutil.rmtree(past.root / ".git")
    git(past.root, "init", "--quiet")
    assert history.of(past.root).missing.startswith("git says: ambiguous argument 'HEAD'")


def test_a_repository_without_verdicts(past: Past) -> None:
    shutil.rmtree(past.root / ".git")
    git(past.root, "init", "--quiet")
    git(past.root, "add", "mkdocs.yml")
    git(past.root, "commit", "--quiet", "--message", "no verdicts")
    assert told(past).steps == ()
    assert verify(past, "history").stdout == "0 verdicts changed; 0 of 0 never did\n"


def test_a_shallow_clone_says_what_it_lacks_until_it_is_filled(past: Past, tmp_path: Path) -> None:
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit()
    origin, past.root = past.root, tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{origin}", str(past.root))
    assert told(past).cut
    assert not any(step.changed for step in told(past).steps)
    done = verify(past, "history")
    assert done.exit_code == 0
    assert "`git fetch --unshallow`" in done.stderr
    git(past.root, "fetch", "--quiet", "--unshallow")
    assert not told(past).cut
    assert [step.claim for step in told(past).steps if step.changed] == ["biased"]


def test_no_setting_of_git_changes_what_is_found_or_runs_anything(past: Past, tmp_path: Path) -> None:
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit()
    expected = told(past)
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    evil.chmod(0o755)
    for name, value in {
        "log.showSignature": "true", "log.follow": "true", "log.diffMerges": "off", "diff.renames": "copies",
        "diff.noprefix": "true", "diff.relative": "false", "color.ui": "always", "log.date": "relative",
        "diff.external": str(evil), "gpg.program": str(evil), "core.pager": str(evil), "core.fsmonitor": str(evil),
        "diff.json.textconv": str(evil), "log.decorate": "full", "log.showRoot": "false", "format.pretty": "oneline",
    }.items():  # fmt: skip
        git(past.root, "config", name, value)
    (past.root / ".git/info/attributes").write_text("*.json diff=json\n")
    shutil.rmtree(past.root / ".verify")
    assert told(past) == expected
    assert not (tmp_path / "ran").exists()


# --- contents that nobody should trust


def forged(past: Past, path: Path, content: bytes) -> None:
    """A commit with this content, and one after it that is as before and judged anew."""
    before = path.read_bytes()
    path.write_bytes(content)
    past.commit_as_it_is()
    path.write_bytes(before)
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "it is not in this program's format: "),
        (b"[" * 4_000, "it is not in this program's format: "),
        (b"\xff\xfe", "it is not in this program's format: "),
        (b'{"verdicts": 3}', "it is not in this program's format: "),
        (b'{"verdicts": [{"claim": "\\u001b[2J<b>", "scale": "tiny", "status": "supported", "reason": ""}]}',
            "it has verdicts of claims that no review can declare"),
        (b'{"verdicts": [' + b" " * 5000 + b"]}", "it has 5,016 bytes; more than 5,000 are not read"),
    ],
)  # fmt: skip
def test_verdicts_that_cannot_be_read_are_told_and_passed_over(
    past: Past, monkeypatch: pytest.MonkeyPatch, content: bytes, reason: str
) -> None:
    monkeypatch.setattr(contents, "MOST_VERDICTS", 5000)
    forged(past, past.verdicts, content)
    (unread,) = told(past).unread
    assert re.fullmatch(r"[0-9a-f]{12}: docs/evidence/coin/verdicts\.json: .*", unread)
    assert reason in unread
    assert kinds(last(past)) == ["criterion"]
    assert f"not read: {unread}" in verify(past, "history").stderr


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("evidence", b"{\n", "it is not in a format that this program reads"),
        ("evidence", b'{"trial":' * 100_000, "it is not in a format that this program reads"),
        ("review", b"---\n", "line 1: the front matter does not end"),
        ("review", b"---\n---\n", "it does not declare the claim"),
        ("review", b"\xff", "it is not UTF-8"),
        ("review", b"```yaml verify\nid: tosses\nclaims: " + b"[" * 5000 + b"\n```\n", "line "),
    ],
)
def test_what_a_verdict_rested_on_may_be_unreadable(past: Past, name: str, content: bytes, reason: str) -> None:
    past.verdicts.write_text(past.verdicts.read_text().replace('"supported"', '"inconclusive"', 1))
    getattr(past, name).write_bytes(content)
    past.commit_as_it_is()
    step = last(past)
    assert step.changed
    assert kinds(step)[-1] == "unknown"
    assert any(reason in each for each in step.causes[-1].names)
    assert "    not all of it can be read: " in verify(past, "history").stdout


def test_evidence_that_is_too_large_is_not_read(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    past.run(other)
    past.commit()
    size = past.evidence.stat().st_size
    monkeypatch.setattr(contents, "MOST_EVIDENCE", size - 1)
    assert kinds(last(past)) == ["unknown"]
    shutil.rmtree(past.root / ".verify")
    monkeypatch.undo()
    monkeypatch.setattr(
        contents, "MOST_IN_ALL", 2 * past.verdicts.stat().st_size + 2 * len(past.review.read_bytes()) + 500
    )
    assert "unknown" in kinds(last(past))


def test_a_format_of_before_is_read_as_far_as_it_goes(past: Past) -> None:
    """Version 1 named the review, and its verdicts had a seal."""
    text, verdicts = past.evidence.read_text(), past.verdicts.read_text()
    past.evidence.write_text(text.replace('"version":2,', '"version":1,"review":"coin",', 1))
    past.verdicts.write_text(
        verdicts.replace("{", '{"inputs": "abc", "seal": "def",', 1).replace('"level"', '"alevel"')
    )
    past.commit_as_it_is()
    past.edit("tiny: {seeds: 6}", "tiny: {seeds: 9}")
    past.run(other)
    past.commit()
    assert told(past).unread == ()
    assert kinds(last(past)) == ["seeds"]


def test_names_in_a_commit_are_compared_and_never_opened(past: Past, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text(past.verdicts.read_text())
    for name in ("a\nb", ":100644 x", "\x01evil", "-x", "<b>"):
        folder = past.root / "docs/evidence" / name
        folder.mkdir()
        (folder / "verdicts.json").write_text(past.verdicts.read_text())
    link = past.root / "docs/evidence/linked"
    link.mkdir()
    (link / "verdicts.json").symlink_to(outside)
    past.commit_as_it_is()
    assert {step.review for step in told(past).steps} == {"coin"}
    assert told(past).unread == ()


def test_a_tree_that_leads_out_of_the_project(past: Past) -> None:
    """Git makes no such tree by itself; whoever sends one may."""
    blob = git(past.root, "rev-parse", "HEAD:docs/evidence/coin/verdicts.json").strip()

    def tree(kind: bytes, name: bytes, of: str) -> str:
        content = kind + b" " + name + b"\0" + bytes.fromhex(of)
        command = ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
        return (
            subprocess.run(command, cwd=past.root, input=content, capture_output=True, check=True)
            .stdout.decode()
            .strip()
        )

    inner = tree(b"40000", b"..", tree(b"40000", b"evil", tree(b"100644", b"verdicts.json", blob)))
    root = tree(b"40000", b"docs", tree(b"40000", b"evidence", inner))
    commit = git(past.root, "commit-tree", root, "-m", "evil", "-p", "HEAD", day=3).strip()
    git(past.root, "update-ref", "HEAD", commit)
    steps = told(past).steps
    assert {step.review for step in steps} == {"coin"}
    assert all(step.now is None for step in steps if step.commit == commit)
    assert verify(past, "diff", "HEAD").exit_code == 1


def test_dates_that_no_calendar_has(past: Past) -> None:
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit()
    text = git(past.root, "cat-file", "commit", "HEAD")
    late = re.sub(r"> \d+ \+0000", "> 99999999999999 +0000", text)
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"]
    done = subprocess.run(command, cwd=past.root, input=late, capture_output=True, text=True, check=True)
    git(past.root, "update-ref", "HEAD", done.stdout.strip())
    assert last(past).day == "9999-12-31"


# --- what it costs


def test_what_was_found_is_kept_for_its_commit(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    first = told(past)

    def again(_: Path) -> History:
        raise AssertionError("it was read again")

    with monkeypatch.context() as patch:
        patch.setattr(history, "_read", again)
        assert told(past) == first
    past.edit("at_least: 0.1}", "at_least: 0.3}")
    past.commit()
    assert len(told(past).steps) == len(first.steps) + 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"key": 3}', b"\xff" * 100, b"[" * 100_000])
def test_a_broken_cache_is_made_anew(past: Past, content: bytes) -> None:
    first = told(past)
    cached.write(past.root, "history.json", content)
    assert told(past) == first
    (past.root / ".verify/cache/history.json").write_bytes(content)
    assert told(past) == first


def test_commits_cost_no_process_of_their_own(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def git_counted(root: Path, *arguments: str, given: bytes = b"") -> bytes:
        asked.append(arguments[0])
        return system.git(root, *arguments, given=given)

    monkeypatch.setattr(history, "git", git_counted)
    monkeypatch.setattr(contents, "git", git_counted)
    for low in ("0.3", "0.1", "0.35", "0.05"):
        past.review.write_text(
            re.sub(r"at_least: 0\.\d+\}\n  - id: edge", f"at_least: {low}}}\n  - id: edge", past.review.read_text())
        )
        past.commit()
    asked.clear()
    assert sum(step.changed for step in told(past).steps) == 4
    assert len(asked) <= 10
    assert asked.count("log") == 2


# --- in a terminal


def test_each_step_has_date_commit_verdicts_numbers_and_causes(past: Past) -> None:
    first = git(past.root, "rev-parse", "HEAD")
    past.edit("tiny: {seeds: 6}", "tiny: {seeds: 9}")
    past.run(other)
    second = past.commit()
    said = verify(past, "history", "coin@biased").stdout.splitlines()
    assert said[:3] == [
        "1 verdict changed since 2023-11-14; 0 of 1 never did",
        "coin@biased tiny",
        f"  2023-11-14  {first[:7]}  published: supported, 6 seeds",
    ]
    assert said[4] == f"  2023-11-15  {second[:7]}  supported → contradicted"
    assert re.fullmatch(r"    0\.\d+ \[0\.\d+, 0\.\d+\] → 0\.02 \[0\.01\d+, 0\.02\d+\]", said[5])
    assert said[6:] == ["    seeds: 6 → 9", "    3 seeds added since it was first published"]


def test_lines_fit_into_eighty_columns(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    other_torch(past, monkeypatch)
    several(past, monkeypatch)
    another_arm(past, monkeypatch)
    past.commit()
    lines = verify(past, "history", "coin").stdout.splitlines()
    assert len(lines) > 10
    assert max(map(len, lines)) <= 80


def test_names_that_nothing_has_are_told_at_once(past: Past) -> None:
    done = verify(past, "history", "coin@bised", "con", "reviews/coin.md")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "no verdict of a claim 'bised' of 'coin' has been committed",
        "    did you mean 'biased'?",
        "there is and was no review 'con'",
        "    did you mean 'coin'?",
        "2 mistakes",
    ]


def test_machines_get_all_steps_of_what_is_asked_for(past: Past) -> None:
    found = json.loads(verify(past, "history", "coin@edge", "--json").stdout)
    assert [(step["claim"], step["now"]["status"]) for step in found["steps"]] == [("edge", "contradicted")]
    assert found["head"] == git(past.root, "rev-parse", "HEAD").strip()


def test_a_tracked_cache_is_refused(past: Past) -> None:
    told(past)
    git(past.root, "add", "--force", ".verify")
    assert verify(past, "history").exit_code == 2
