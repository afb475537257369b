"""What is published is held against what the records give: nothing that was forged is believed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.conftest import Mini
from verify import checks
from verify.drawing import figures
from verify.errors import UserErrors
from verify.model import Evidence, Review
from verify.project import audit, derived, known, own, program
from verify.project.project import Project
from verify.project.refresh import refresh


def found(mini: Mini) -> list[str]:
    return [str(each) for each in audit.mistakes(Project.load(mini.root))]


def forget(mini: Mini) -> None:
    """Leave a project as a fresh clone has it."""
    (mini.root / ".verify/cache/derived.json").unlink()


# --- what may be forged


def _verdicts(change: Callable[[dict], None]) -> Callable[[Path], None]:  # type: ignore[type-arg]
    def forge(folder: Path) -> None:
        path = folder / "verdicts.json"
        stored = json.loads(path.read_text())
        change(stored)
        path.write_bytes(json.dumps(stored, indent=1).encode() + b"\n")

    return forge


def _text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def forge(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return forge


def _put(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content) and None


FORGED = {
    "status": (
        _verdicts(lambda stored: stored["verdicts"][1].update(status="supported")),
        "verdicts.json: the verdict of 'loaded' at tiny is supported; the records give contradicted",
    ),
    "number": (
        _verdicts(lambda stored: stored["verdicts"][0].update(estimate=0.5)),
        r"verdicts.json: the verdict of 'fair' at tiny has estimate 0.5; the records give 0\.[0-9]+",
    ),
    "seeds": (
        _verdicts(lambda stored: stored["verdicts"][0].update(per_seed=[0.5] * 5)),
        r"verdicts.json: the verdict of 'fair' at tiny has per seed 0.5, 0.5, 0.5, 0.5, 0.5; the records give 0\.",
    ),
    "removed": (
        _verdicts(lambda stored: stored["verdicts"].pop()),
        "verdicts.json: the verdict of 'loaded' at tiny is missing; the records give contradicted",
    ),
    "undeclared": (
        _verdicts(lambda stored: stored["verdicts"].append({**stored["verdicts"][0], "claim": "heavy"})),
        "verdicts.json: a verdict of 'heavy' at tiny is there, and no such claim is declared",
    ),
    "twice": (
        _verdicts(lambda stored: stored["verdicts"].insert(0, {**stored["verdicts"][1], "status": "supported"})),
        "verdicts.json: it holds something else than verdicts, or not as they are written",
    ),
    "key": (
        _verdicts(lambda stored: stored.update(seal="0123456789abcdef")),
        "verdicts.json: it holds something else than verdicts, or not as they are written",
    ),
    "undrawn": (
        _verdicts(lambda stored: stored.update(undrawn={"heads.tiny": "it is ugly"})),
        "verdicts.json: it says why 'heads.tiny' cannot be drawn, which is not so",
    ),
    "verdicts": (_put("verdicts.json", "{"), "verdicts.json: it holds no verdicts: Input data was truncated"),
    "conflict": (
        _text("verdicts.json", '{\n "verdicts"', '{\n<<<<<<< HEAD\n "verdicts"'),
        "verdicts.json:2: this is a conflict that git left",
    ),
    "drawing": (_text("heads.tiny.svg", "0.5", "0.6"), "heads.tiny.svg: this drawing is not what the records give"),
    "specification": (
        _text("heads.tiny.vl.json", '"kind":"mean"', '"kind":"seed"'),
        "heads.tiny.vl.json: this specification is not what the records give",
    ),
    "thumbnail": (_text("thumbnail.svg", "<path", "<path "), "thumbnail.svg: this drawing is not what the records "),
    "added drawing": (_put("tails.tiny.svg", "<svg/>"), "tails.tiny.svg: nothing that is declared gives this file"),
    "added file": (_put("notes.html", "<p>"), "notes.html: nothing that is declared gives this file"),
    "added evidence": (_put("heads.tiny.jsonl", ""), "heads.tiny.jsonl: this evidence belongs to no verification"),
    "added review": (
        lambda folder: (folder.with_name("gone").mkdir(), _put("verdicts.json", "{}")(folder.with_name("gone"))),
        "docs/evidence/gone/verdicts.json: this was derived for a review that is not there",
    ),
    "added for what an editor left": (
        lambda folder: (
            (folder.parents[2] / "reviews" / "#left.md").write_text(""),
            folder.with_name("#left").mkdir(),
            _put("index.html", "<p>")(folder.with_name("#left")),
        ),
        "docs/evidence/#left/index.html: this was derived for a review that is not there",
    ),
    "added beside": (
        lambda folder: _put("all.json", "{}")(folder.parent),
        "docs/evidence/all.json: this was derived for a review that is not there",
    ),
    "link": (
        lambda folder: (
            (folder / "heads.tiny.svg").rename(folder.parents[2] / "heads.svg"),
            (folder / "heads.tiny.svg").symlink_to("../../../heads.svg"),
        ),
        "docs/evidence/coin/heads.tiny.svg: this is a link: what lies elsewhere is not looked after",
    ),
    "missing": (lambda folder: (folder / "thumbnail.svg").unlink(), "thumbnail.svg: this drawing is missing"),
    "missing verdicts": (lambda folder: (folder / "verdicts.json").unlink(), "the verdicts of this review are missing"),
    "missing evidence": (
        lambda folder: (folder / "flips.tiny.jsonl").unlink(),
        "verdicts.json: the verdict of 'fair' at tiny is supported; the records give not run",
    ),
    "environment": (_text("flips.tiny.jsonl", '"system":"', '"system":"Not '), "flips.tiny.jsonl:2: "),
    "key of a record": (
        _text("flips.tiny.jsonl", '"seconds":', '"note":"it holds","seconds":'),
        "flips.tiny.jsonl:6: this line holds more than is read of it",
    ),
    "date": (
        _text("flips.tiny.jsonl", '"on":"2', '"on":"9'),
        "flips.tiny.jsonl: the test of 'fair' is registered on 9[0-9-]*, which is yet to come",
    ),
    "scale": (_text("flips.tiny.jsonl", '"scale":"tiny"', '"scale":"full"'), "flips.tiny.jsonl:1: "),
    "seed": (_text("flips.tiny.jsonl", '"seed":4', '"seed":9'), "flips.tiny.jsonl:"),
}  # fmt: skip


@pytest.mark.parametrize("kept", [True, False], ids=["known", "cold"])
@pytest.mark.parametrize("kind", FORGED)
def test_what_was_forged_is_found_here_and_on_a_fresh_clone(ran: Mini, kind: str, kept: bool) -> None:
    forge, said = FORGED[kind]
    assert found(ran) == []
    forge(ran.evidence.parent)
    if not kept:
        forget(ran)
    assert any(re.search(said, each) for each in found(ran)), found(ran)


def test_a_thumbnail_that_was_not_compared_is_told(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(ran)
    made = derived._draw

    def draw(review: Review, drawing: derived.Drawing, evidence: Evidence | None) -> derived.Drawn:
        if drawing.small:
            return derived.Drawn(drawing, reason="no process could be started to draw it", passing=True)
        return made(review, drawing, evidence)

    monkeypatch.setattr(derived, "_draw", draw)
    [said] = found(ran)
    assert "figure 'heads' at scale tiny cannot be drawn: no process could be started to draw it" in said


def test_verdicts_that_cannot_be_read_are_replaced_by_a_refresh(ran: Mini) -> None:
    path = ran.evidence.parent / "verdicts.json"
    before = path.read_bytes()
    for content in (b"<<<<<<< HEAD\n", b"\xff", b"[" * 100_000, b"[]"):
        path.write_bytes(content)
        assert "docs/evidence/coin/verdicts.json" in ran.verify("check", expect=2)
        ran.verify("refresh")
        assert path.read_bytes() == before


def test_nothing_is_believed_for_a_hash_beside_it(ran: Mini) -> None:
    stored = json.loads((ran.evidence.parent / "verdicts.json").read_text())
    assert set(stored) == {"verdicts"}


def test_values_of_records_show_in_what_follows_from_them(ran: Mini) -> None:
    text = ran.evidence.read_text()
    ran.evidence.write_text(re.sub(r'"heads":0\.[78]\d*', '"heads":0.5', text))
    assert [each for each in found(ran) if "'loaded' at tiny" in each]
    refresh(Project.load(ran.root))
    assert found(ran) == [], "a record's own value: only running its trial again tells"


def test_differences_of_one_review_are_counted_beyond_twenty(ran: Mini) -> None:
    for number in range(audit.MOST + 4):
        (ran.evidence.parent / f"more-{number:02}.txt").write_text("")
    *told, last = found(ran)
    assert len(told) == audit.MOST
    assert last.startswith("docs/evidence/coin: 4 more files or verdicts differ from what the records give")


def test_a_review_that_was_just_written_has_nothing_to_differ_from(mini: Mini) -> None:
    assert found(mini) == []
    refresh(Project.load(mini.root))
    assert found(mini) == []


# --- the build and the export


def build(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (root / "mkdocs.yml").write_text("site_name: Mini\ntheme: {name: material}\nplugins: [verify]\n")
    command = [sys.executable, "-m", "mkdocs", "build", *options, "--site-dir", str(root.parent / "site")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=300)
    return subprocess.CompletedProcess(command, done.returncode, "", done.stdout + done.stderr)


def test_a_strict_build_and_an_export_end_with_what_was_forged_and_another_build_warns(ran: Mini) -> None:
    FORGED["status"][0](ran.evidence.parent)
    FORGED["drawing"][0](ran.evidence.parent)
    done = build(ran.root, "--strict")
    assert done.returncode == 1
    for kind in ("status", "drawing"):
        assert FORGED[kind][1] in done.stderr
    done = build(ran.root, "--strict", "--quiet")
    assert done.returncode == 1, "MkDocs itself counts only the warnings that it prints"
    assert "mistakes in a strict build: `verify check` names what is wrong" in done.stderr
    done = build(ran.root)
    assert done.returncode == 0
    assert re.search(rf"WARNING -  .*docs/evidence/coin/{FORGED['drawing'][1]}", done.stderr)
    served = ran.root.parent / "site" / "evidence" / "coin" / "heads.tiny.svg"
    assert served.read_bytes() == (ran.evidence.parent / "heads.tiny.svg").read_bytes(), "what is published is shown"
    output = ran.verify("export", str(ran.root.parent / "out"), expect=2)
    assert FORGED["status"][1] in output
    assert not (ran.root.parent / "out").exists()


def test_a_forged_verdict_asks_no_sentence_to_agree_with_it(ran: Mini) -> None:
    ran.edit("([@fair]).", "([@loaded contradicted]).")
    assert found(ran) == []
    FORGED["status"][0](ran.evidence.parent)
    said = [str(each) for each in checks.mistakes(Project.load(ran.root))]
    assert any(FORGED["status"][1] in each for each in said)
    assert not any("the sentence relies on" in each for each in said)


def test_a_sentence_is_held_against_what_the_records_give(ran: Mini) -> None:
    ran.edit("([@fair]).", "([@fair contradicted]).")
    said = [str(each) for each in checks.mistakes(Project.load(ran.root))]
    assert any("the sentence relies on 'fair' being contradicted; at tiny it is supported" in each for each in said)


def test_a_strict_build_ends_with_evidence_that_contradicts_itself(ran: Mini) -> None:
    FORGED["seed"][0](ran.evidence.parent)
    done = build(ran.root, "--strict")
    assert done.returncode == 1
    assert "docs/evidence/coin/flips.tiny.jsonl:" in done.stderr


# --- what this machine knows


def test_what_is_known_is_derived_no_more(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(ran) == []
    calls: list[str] = []
    for name in ("_draw", "_judge"):
        made = getattr(derived, name)
        monkeypatch.setattr(derived, name, lambda *a, made=made, name=name: calls.append(name) or made(*a))
    assert found(ran) == []
    assert calls == []
    forget(ran)
    assert found(ran) == []
    assert sorted(calls) == ["_draw", "_draw", "_judge"], "a figure and a thumbnail"
    calls.clear()
    ran.edit("    caption: Heads by bias.\n", "    caption: Heads by their bias.\n")
    refresh(Project.load(ran.root))
    assert calls == ["_draw", "_draw"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"reviews": 1}', b"\xff", b"[" * 100_000])
def test_what_is_known_and_cannot_be_read_is_derived_again(ran: Mini, content: bytes) -> None:
    path = ran.root / ".verify/cache/derived.json"
    assert found(ran) == []
    before = path.read_bytes()
    path.write_bytes(content)
    assert found(ran) == []
    assert path.read_bytes() == before


def test_what_is_known_of_reviews_that_are_gone_is_forgotten(ran: Mini) -> None:
    path = ran.root / ".verify/cache/derived.json"
    assert set(json.loads(path.read_bytes().partition(b"\n")[2])["reviews"]) == {"coin"}
    ran.review.rename(ran.review.with_name("penny.md"))
    found(ran)
    assert set(json.loads(path.read_bytes().partition(b"\n")[2])["reviews"]) == {"penny"}


def test_another_program_derives_everything_again(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(ran) == []
    before = known.DerivedCache(ran.root)
    assert before.of("coin").drawings
    monkeypatch.setattr(program, "LIBRARIES", (*program.LIBRARIES, "mkdocs"))
    after = known.DerivedCache(ran.root)
    assert after.program != before.program
    assert not after.of("coin").drawings


def test_the_code_that_decides_is_found_by_its_imports() -> None:
    names = {path.relative_to(program.PACKAGE).as_posix() for path in program.reached(known.MODULE)}
    needed = {"model/words.py", "model/declared.py", "model/recorded.py", "judging/judge.py", "judging/forms.py",
              "drawing/chart.py", "drawing/child.py", "drawing/palette.py", "drawing/names.py", "planning/plan.py",
              "project/store.py"}  # fmt: skip
    assert needed <= names
    assert not [name for name in names if name.startswith(("site/", "lab/", "experiments/", "running/"))]


def test_what_a_machine_cannot_keep_costs_nothing(ran: Mini) -> None:
    forget(ran)
    folder = ran.root / ".verify/cache"
    folder.rename(ran.root / ".verify/elsewhere")
    folder.write_text("")
    assert found(ran) == []


# --- .verify is this machine's own


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def tracked(ran: Mini) -> Mini:
    """A project whose cache was committed with it: of forged evidence, say."""
    git(ran.root, "init", "--quiet")
    git(ran.root, "add", "--force", ".verify/cache/derived.json", ".verify/journal")
    return ran


REFUSED = ".verify: git tracks what only this machine may have written: .verify/cache/derived.json, .verify/journal/"


@pytest.mark.parametrize("command", ["run", "verdicts", "status", "check", "refresh", "serve", "export out"])
def test_a_tracked_folder_is_refused_by_every_command_that_reads_it(tracked: Mini, command: str) -> None:
    output = tracked.verify(*command.split(), expect=2)
    assert REFUSED in output
    assert "`git rm -r --cached .verify`, and list it in .gitignore" in output


@pytest.mark.parametrize("options", [(), ("--strict",)])
def test_and_by_a_build(tracked: Mini, options: tuple[str, ...]) -> None:
    done = build(tracked.root, *options)
    assert done.returncode == 1
    assert REFUSED in done.stderr
    assert "Traceback" not in done.stderr


def test_more_files_are_counted_and_the_hint_helps(tracked: Mini) -> None:
    for number in range(5):
        (tracked.root / ".verify" / f"{number}.txt").write_text("")
    git(tracked.root, "add", "--force", ".verify")
    with pytest.raises(UserErrors, match=r"\.verify/2\.txt and \d more"):
        own.expect(tracked.root)
    git(tracked.root, "rm", "-r", "--cached", "--quiet", ".verify")
    own.expect(tracked.root)


def test_a_folder_of_another_case_and_a_project_below_the_repositorys_root(ran: Mini) -> None:
    git(ran.root.parent, "init", "--quiet")
    own.expect(ran.root)
    (ran.root / ".VERIFY").mkdir()
    (ran.root / ".VERIFY" / "x").write_text("")
    git(ran.root, "add", "--force", ".VERIFY/x")
    with pytest.raises(UserErrors, match=r"\.VERIFY/x"):
        own.expect(ran.root)


def test_outside_git_and_with_a_git_that_is_none_nothing_is_tracked(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    own.expect(ran.root)
    (ran.root / ".git").mkdir()
    own.expect(ran.root)
    monkeypatch.setenv("PATH", str(ran.root))
    own.expect(ran.root)


def test_a_repository_that_cannot_be_read_is_no_reason_to_believe(ran: Mini) -> None:
    git(ran.root, "init", "--quiet")
    (ran.root / ".git" / "index").write_text("no index")
    with pytest.raises(UserErrors, match="git cannot say whether it tracks this folder: "):
        own.expect(ran.root)


def test_a_repository_of_another_user_is_read_all_the_same(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    git(ran.root, "init", "--quiet")
    own.expect(ran.root)
    (ran.root / ".verify").mkdir(exist_ok=True)
    (ran.root / ".verify" / "x").write_text("")
    git(ran.root, "-c", "safe.directory=*", "add", "--force", ".verify/x")
    with pytest.raises(UserErrors, match=r"\.verify/x"):
        own.expect(ran.root)


def test_a_link_out_of_the_project_is_refused_and_one_within_is_not(ran: Mini, tmp_path: Path) -> None:
    folder = ran.root / ".verify"
    folder.rename(ran.root / "kept")
    folder.symlink_to("kept")
    own.expect(ran.root)
    folder.unlink()
    (tmp_path / "away").mkdir()
    folder.symlink_to(tmp_path / "away")
    with pytest.raises(UserErrors, match=r"\.verify: it is a link that leads out of the project"):
        own.expect(ran.root)


# --- drawing in several processes


def test_drawings_do_not_depend_on_how_many_processes_draw(ran: Mini) -> None:
    project = Project.load(ran.root)
    [review] = project.reviews
    evidence = project.evidence("coin", "flips", "tiny")
    assert evidence is not None
    [verification] = review.verifications
    shown = [replace(verification.figures[0], caption=f"Heads, {number}.") for number in range(6)]
    alone = [figures.make(each, evidence, verification, (), "p") for each in shown]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda each: figures.make(each, evidence, verification, (), "p"), shown)) == alone


def test_a_process_that_ends_costs_no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.drawing import pool, svg

    spec = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}
    first = svg.draw(spec, "p")
    for late in (False, True):
        child = pool._pool.take(svg.VEGA_LITE)
        pool._pool.give(child)
        os.kill(child._process.pid, 9)
        child._process.wait()
        with monkeypatch.context() as patch:
            if late:  # it ends after it was taken
                patch.setattr(type(child), "lives", True)
            assert svg.draw(spec, "p") == first
        assert child not in pool._pool._idle


def test_what_takes_forever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.drawing import apart, pool, svg

    monkeypatch.setattr(apart, "WALL_SECONDS", 0.01)
    monkeypatch.setattr(apart, "convert", lambda *_: "drawn apart")
    assert pool.convert({"mark": "point", "data": {"sequence": {"start": 0, "stop": 100_000}}}, svg.VEGA_LITE) == (
        "drawn apart"
    )
