"""`verify verdicts`: what this machine reached itself, beside what is published."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.conftest import Mini
from tests.test_witness import forge
from verify import verdicts as words
from verify.model import Claim, Criterion, Evidence, Rung, Verdict
from verify.project import cached
from verify.project.project import Project
from verify.project.published import published
from verify.running.judged import Judged
from verify.running.reached import Reached, reached

SWEEP = """```yaml verify
id: sweep
experiment: coin
grid: {bias: [0.2, 0.4, 0.6]}
scales:
  tiny: {seeds: 3}
```

```yaml verify
id: chosen
experiment: coin
parameters: {bias: {choose_from: sweep, maximise: heads}}
grid: {nap: [0.0, 0.001]}
scales:
  tiny: {seeds: 3}
claims:
  - id: best
    says: The best coin shows heads each time.
    source: Section 3
    test: {metric: heads, where: {nap: 0.0}, every: {at_least: 0.55}}
    control: {where: {nap: 0.001}}
```

"""


def git(mini: Mini, *arguments: str) -> str:
    identity = ("-c", "user.name=A. Author", "-c", "user.email=author@example.org")
    done = subprocess.run(["git", *identity, *arguments], cwd=mini.root, check=True, capture_output=True, text=True)
    return done.stdout


def commit(mini: Mini) -> None:
    (mini.root / ".gitignore").write_text(".verify/\n")
    git(mini, "init", "--quiet")
    git(mini, "add", "--all")
    git(mini, "commit", "--quiet", "--message", "evidence")


@pytest.fixture
def out(ran: Mini) -> Mini:
    """The miniature project, run, and committed as it then was."""
    commit(ran)
    return ran


# --- four words


def test_what_was_run_here_agrees(out: Mini) -> None:
    assert out.verify("verdicts").splitlines() == [
        "coin at tiny",
        "  @fair    agrees  supported     0.510 [0.494, 0.526]",
        "  @loaded  agrees  contradicted  0.804 [0.799, 0.808]",
        "2 of 2 verdicts reached here at tiny agree with the published ones",
    ]


def test_a_fresh_copy_has_reached_nothing(out: Mini) -> None:
    shutil.rmtree(out.root / ".verify")
    assert out.verify("verdicts").splitlines() == [
        "coin: 2 claims at tiny not run here",
        "0 verdicts were reached here: run `verify run`",
    ]


def test_only_scales_that_ran_are_counted(out: Mini) -> None:
    out.edit("tiny: {seeds: 5}", "tiny: {seeds: 5}\n  small: {seeds: 6}\n  full: {seeds: 7}")
    said = out.verify("verdicts")
    assert "coin: 2 claims at small and full not run here\n" in said
    end = "2 of 2 verdicts reached here at tiny agree with the published ones"
    assert said.splitlines()[-1] == f"{end}; 2 at small were not run here; 2 at full were not run here"


def test_a_verdict_that_is_another_here_differs(out: Mini) -> None:
    for path in (out.evidence, out.journal):
        for seed in range(5):
            forge(path, seed=seed, heads=0.9 + seed / 1000)
    said = out.verify("verdicts", expect=1)
    assert "  @fair    DIFFERS  contradicted  0.902 [" in said
    assert "                    published: supported\n" in said
    assert "1 of 2 verdicts reached here at tiny agree with the published ones" in said


def test_verdicts_are_judged_from_the_journal_and_not_read(out: Mini) -> None:
    path = out.root / "docs/evidence/coin/verdicts.json"
    path.write_text(path.read_text().replace('"supported"', '"contradicted"'))
    git(out, "commit", "--quiet", "--all", "--message", "forged")
    said = out.verify("verdicts", expect=1)
    assert "  @fair    DIFFERS  supported " in said
    assert "published: contradicted" in said


def test_a_value_that_differs_ends_with_one_though_the_verdicts_agree(out: Mini) -> None:
    forge(out.evidence, heads=0.511)
    said = out.verify("verdicts", expect=1)
    assert "2 of 2 verdicts reached here at tiny agree" in said
    assert "1 value of 1 trial is not what was run here" in said


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("range(1000)", "range(999)", "0 of 10 trials; code changed: toss"),
        ("seeds: 5", "seeds: 6", "10 of 12 trials; new seed 5"),
        (
            "tiny: {seeds: 5}",
            "tiny: {seeds: 5, nap: 0.1}",
            "0 of 10 trials; parameter changed or added: nap None → 0.1",
        ),
        ("bias: [0.5, 0.8]", "bias: [0.5, 0.8, 0.9]", "10 of 15 trials; parameter changed or added: bias 0.5 → 0.9"),
    ],
)
def test_what_is_declared_otherwise_now_is_stale(out: Mini, old: str, new: str, why: str) -> None:
    out.edit(old, new)
    assert out.verify("verdicts").splitlines() == [
        "coin at tiny",
        "  @fair    stale here",
        "  @loaded  stale here",
        f"  2 claims: {why}",
        "0 verdicts were reached here: run `verify run`; 2 at tiny are stale here",
    ]


def test_a_run_that_was_cut_short_is_not_stale(out: Mini) -> None:
    lines = out.journal.read_text().splitlines(keepends=True)
    out.journal.write_text("".join(lines[:-3]))
    said = out.verify("verdicts")
    assert "  @fair    not run here\n" in said
    assert "  2 claims: 7 of 10 trials; " in said
    assert "0 verdicts were reached here: run `verify run`" in said


def test_a_verification_that_fails_here_differs(out: Mini) -> None:
    out.edit('if trick == "crash" and seed == 1:', "if seed == 1:")
    out.verify("run", expect=1)
    said = out.verify("verdicts", expect=1)
    assert "  @fair    DIFFERS  failed" in said
    assert "0 of 2 verdicts reached here at tiny agree" in said


def test_a_moved_threshold_is_another_verdict(out: Mini) -> None:
    out.edit(
        "within: [0.45, 0.55]}\n    control: {where: {bias: 0.8}}", "at_least: 0.7}\n    control: {where: {bias: 0.8}}"
    )
    assert "@fair    DIFFERS  contradicted" in out.verify("verdicts", expect=1)


def test_parameters_are_chosen_by_what_was_run_here(mini: Mini) -> None:
    mini.edit("```yaml verify\nid: flips", SWEEP + "```yaml verify\nid: flips")
    mini.verify("run")
    mini.verify("refresh")
    commit(mini)
    assert "  @best    agrees  inconclusive" in mini.verify("verdicts"), "the control passes too"
    journal = mini.journal.with_name("sweep.tiny.jsonl")
    content = journal.read_text()
    journal.unlink()
    said = mini.verify("verdicts")
    assert "  @best    stale here\n" in said
    assert "  1 claim: waits for sweep, which chooses its parameters\n" in said
    journal.write_text("".join(line for line in content.splitlines(keepends=True) if '"bias":0.6' not in line))
    assert "  @best    stale here\n" in mini.verify("verdicts")


# --- what was judged before


def test_what_was_judged_before_is_judged_again_where_anything_that_decides_it_changed(
    out: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.load(out.root)
    review, place = project.review("coin"), ("coin", "flips", "tiny")
    claims, trials = review.claims, project.trials(review, review.verifications[0], "tiny")
    evidence = project.journal(*place)
    asked: list[str] = []

    def judge(claim: Claim, *_: object) -> Verdict:
        asked.append(claim.id)
        return Verdict(claim.id, "tiny", "supported", "")

    monkeypatch.setattr("verify.judging.looks.judge", judge)
    rung = review.verifications[0].rungs["tiny"]

    def verdicts(claims: Sequence[Claim], evidence: Evidence, declared: int = 2, rung: Rung = rung) -> list[str]:
        asked.clear()
        judged = Judged(out.root)
        outcome = judged.stand(claims, rung, evidence, trials, declared)
        assert [each.claim for each in outcome.verdicts] == ["fair", "loaded"]
        judged.save()
        return list(asked)

    assert verdicts(claims, evidence) == ["fair", "loaded"]
    assert verdicts(claims, evidence) == []
    moved = replace(claims[0], test=replace(claims[0].test, criterion=Criterion(low=0.1)))
    assert verdicts([moved, claims[1]], evidence) == ["fair", "loaded"]
    assert verdicts([replace(claims[0], says="Else.", line=9), claims[1]], evidence) == []
    other = replace(evidence.records[0], values={"heads": 0.1})
    assert verdicts(claims, replace(evidence, records=(other, *evidence.records[1:]))) == ["fair", "loaded"]
    assert verdicts(claims, evidence, declared=3) == ["fair", "loaded"]
    assert verdicts(claims, evidence, rung=replace(rung, seeds=(*rung.seeds, 900))) == ["fair", "loaded"]
    assert verdicts(claims, evidence) == []
    monkeypatch.setattr("verify.project.program.sources", lambda: "another program")
    assert verdicts(claims, evidence) == ["fair", "loaded"]


def test_more_verdicts_than_are_kept_are_forgotten(out: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.running.judged._MOST", 2)
    text = out.review.read_text()
    for low, kept in (("0.45", 1), ("0.46", 2), ("0.47", 1)):  # the third time, those that were asked for just then
        out.review.write_text(
            text.replace("where: {bias: 0.5}, within: [0.45", f"where: {{bias: 0.5}}, within: [{low}")
        )
        project, judged = Project.load(out.root), Judged(out.root)
        assert len(list(reached(project, project.review("coin"), {}, judged))) == 2
        judged.save()
        assert len(json.loads(cached.read(out.root, "reached.json") or b"")["outcomes"]) == kept


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"outcomes": {"x": 3}}', b"[" * 100_000, None])
def test_a_broken_cache_is_made_anew_in_silence(out: Mini, content: bytes | None) -> None:
    before = out.verify("verdicts")
    cache = out.root / ".verify" / "cache" / "reached.json"
    cache.unlink()
    if content is None:
        cache.mkdir()
    else:
        cache.write_bytes(content)
    assert out.verify("verdicts") == before


# --- what is published


def test_what_was_never_committed_is_not_published(ran: Mini) -> None:
    git(ran, "init", "--quiet")
    said = ran.verify("verdicts")
    assert "  @fair    not published  supported     0.510 [0.494, 0.526]" in said
    assert said.splitlines()[-1] == "2 reached here at tiny are not published"


def test_without_git_the_evidence_folder_is_what_is_published(ran: Mini) -> None:
    said = ran.verify("verdicts").splitlines()
    assert said[-2] == "published: docs/evidence as it stands (git says: not a git repository)"
    assert said[-1] == "2 of 2 verdicts reached here at tiny agree with the published ones"


def instead(mini: Mini, patch: pytest.MonkeyPatch, **environment: str) -> str:
    """Why the evidence folder stands for the last commit; its verdicts are then there all the same."""
    for name, value in environment.items():
        patch.setenv(name, value)
    found = published(Project.load(mini.root), ["coin"])
    assert {key[1:] for key in found.verdicts} == {("tiny", "fair"), ("tiny", "loaded")}
    return found.instead


def test_git_that_is_missing(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    assert instead(ran, monkeypatch, PATH="/nowhere") == "git is not installed"


def program(folder: Path, text: str) -> str:
    """A path on which `git` is this."""
    (folder / "git").write_text(text)
    (folder / "git").chmod(0o755)
    return f"{folder}:/bin:/usr/bin"


def test_git_that_cannot_be_started(ran: Mini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = instead(ran, monkeypatch, PATH=program(tmp_path, "no program").partition(":")[0])
    assert said == "git does not run: exec format error"


def test_git_that_takes_for_ever(ran: Mini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.system._PATIENCE", 0.2)
    said = instead(ran, monkeypatch, PATH=program(tmp_path, "#!/bin/sh\nexec sleep 9\n"))
    assert said == "git does not answer"


def test_git_that_refuses_a_folder_of_another_owner(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(ran)
    shutil.rmtree(ran.root / ".verify")
    said = instead(ran, monkeypatch, GIT_TEST_ASSUME_DIFFERENT_OWNER="1", GIT_CONFIG_GLOBAL="/dev/null")
    assert said.startswith("git says: detected dubious ownership in repository")


def test_git_that_gives_no_reason(ran: Mini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = instead(ran, monkeypatch, PATH=program(tmp_path, "#!/bin/sh\nexit 1\n"))
    assert said == "git says: it gives no reason"


def test_a_shallow_clone_knows_what_is_published(out: Mini, tmp_path: Path) -> None:
    git(out, "clone", "--quiet", "--depth", "1", f"file://{out.root}", str(tmp_path / "clone"))
    shutil.copytree(out.root / ".verify", tmp_path / "clone" / ".verify")
    out.root = tmp_path / "clone"
    assert "2 of 2 verdicts reached here" in out.verify("verdicts")


def test_a_project_in_a_folder_of_a_repository(ran: Mini) -> None:
    root = ran.root
    ran.root = root.parent
    commit(ran)
    ran.root = root
    assert "2 of 2 verdicts reached here" in ran.verify("verdicts")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"verdicts": 3}', "[" * 100_000, None])
def test_published_verdicts_that_cannot_be_read_are_none(ran: Mini, content: str | None) -> None:
    path = ran.root / "docs/evidence/coin/verdicts.json"
    path.unlink()
    if content is None:
        path.mkdir()
        (path / "within").write_text("{}")
    else:
        path.write_text(content)
    commit(ran)
    assert "  @fair    not published  supported" in ran.verify("verdicts")


def test_published_verdicts_of_an_older_format_count(ran: Mini) -> None:
    path = ran.root / "docs/evidence/coin/verdicts.json"
    path.write_text(path.read_text().replace("{", '{"inputs": "abc", "seal": "def",', 1))
    commit(ran)
    assert "2 of 2 verdicts reached here" in ran.verify("verdicts")


def test_many_reviews_are_asked_for_at_once(out: Mini) -> None:
    found = published(Project.load(out.root), ["gone", "coin", "lost"])
    assert {key[:2] for key in found.verdicts} == {("coin", "tiny")}
    assert found.instead == ""


def test_evidence_lost_here_changes_nothing_that_is_published(out: Mini) -> None:
    shutil.rmtree(out.root / "docs/evidence")
    assert "2 of 2 verdicts reached here" in out.verify("verdicts")


# --- how it is laid out


def row(claim: str, **fields: object) -> Reached:
    verdict = Verdict(claim, "tiny", "supported", "", estimate=-0.00123, low=-0.00456, high=-0.000789)
    known = Reached("a-review-with-a-long-name", claim, "tiny", "agrees", verdict, verdict)
    return replace(known, **fields)


def test_rows_fit_into_eighty_columns() -> None:
    opposite = Verdict("x", "tiny", "contradicted", "")
    lines = list(
        words.table([
            row("short"),
            row("a-claim-whose-name-is-as-long-as-names-of-claims-come-and-longer"),
            row("a-claim-that-differs-and-is-long", word="differs", published=opposite),
        ], 80)
    )  # fmt: skip
    assert max(map(len, lines)) <= 80
    assert "  @a-claim-whose-name-is-as-long-as-names-of-claims-come-and-longer" in lines
    assert any(line.startswith("  @short ") and line.endswith("−0.00123 [−0.00456, −0.00079]") for line in lines)
    assert lines[-1].strip() == "published: contradicted"


def test_a_wide_terminal_holds_a_long_name_in_its_row() -> None:
    claim = "a-claim-whose-name-is-as-long-as-names-of-claims-come"
    assert len(list(words.table([row(claim)], 140))) == 2
    assert len(list(words.table([row(claim)], 80))) == 3


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], "0 verdicts were reached here: run `verify run`"),
        (["agrees", "differs"], "1 of 2 verdicts reached here at tiny agree with the published ones"),
        (["not published"], "1 reached here at tiny is not published"),
        (["agrees", "not run here"], "1 of 1 verdicts reached here at tiny agree with the published ones; "
            "1 at tiny was not run here"),
        (["agrees", "stale here"], "1 of 1 verdicts reached here at tiny agree with the published ones; "
            "1 at tiny is stale here"),
    ],
)  # fmt: skip
def test_the_sum_counts_what_was_reached_here(kinds: list[str], expected: str) -> None:
    assert list(words.total([row(str(number), word=word) for number, word in enumerate(kinds)])) == [expected]


def test_several_scales_are_named_in_the_sum() -> None:
    found = [replace(row("x"), scale=scale) for scale in ("full", "tiny", "small")]
    assert "reached here at tiny, small and full agree" in next(words.total(found))
