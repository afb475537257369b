"""From evidence to verdicts and figures: what is done anew, what is left, what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import COIN, Mini
from verify.drawing.failure import CannotDraw
from verify.project import audit
from verify.project.project import Project
from verify.project.refresh import refresh


def verdicts(mini: Mini) -> dict[str, dict]:  # type: ignore[type-arg]
    stored = json.loads((mini.root / "docs/evidence/coin/verdicts.json").read_text())
    return {each["claim"]: each for each in stored["verdicts"]}


def git(mini: Mini, *arguments: str) -> None:
    identity = ("-c", "user.name=A. Author", "-c", "user.email=author@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=mini.root, check=True, capture_output=True)


def commit(mini: Mini) -> None:
    (mini.root / ".gitignore").write_text(".verify/\n")
    git(mini, "init", "--quiet")
    git(mini, "add", "--all")
    git(mini, "commit", "--quiet", "--message", "evidence")


def test_a_claim_that_holds_and_one_that_does_not(ran: Mini) -> None:
    found = verdicts(ran)
    assert found["fair"]["status"] == "supported"
    assert 0.45 < found["fair"]["low"] < found["fair"]["estimate"] < found["fair"]["high"] < 0.55
    assert found["fair"]["level"] == 0.975, "two claims: 1 - 0.05 / 2"
    assert found["loaded"]["status"] == "contradicted"


def test_a_refresh_with_nothing_changed_touches_nothing(ran: Mini) -> None:
    folder = ran.root / "docs" / "evidence" / "coin"
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert ran.verify("refresh") == "verdicts and figures are up to date\n"
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_derived_files_are_the_same_bytes_again(ran: Mini) -> None:
    folder = ran.root / "docs" / "evidence" / "coin"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        if path.suffix != ".jsonl":
            path.unlink()
    ran.verify("refresh")
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_edited_threshold_judges_again_and_draws_nothing(ran: Mini) -> None:
    ran.edit("where: {bias: 0.8}, within: [0.45, 0.55]", "where: {bias: 0.8}, at_least: 0.7")
    wrong = (
        "docs/evidence/coin/verdicts.json: the verdict of 'loaded' at tiny is contradicted; the records give supported"
    )
    assert wrong in ran.verify("check", expect=2)
    assert ran.verify("refresh") == "judged coin\n"
    assert verdicts(ran)["loaded"]["status"] == "supported"
    assert "no mistakes" in ran.verify("check")


def test_an_edited_axis_draws_that_figure_and_judges_nothing(ran: Mini) -> None:
    ran.edit("    y: heads\n", "    y: heads\n    y_title: Share of heads\n")
    output = ran.verify("refresh")
    assert "drew docs/evidence/coin/heads.tiny.svg" in output
    assert "judged" not in output


def test_a_figure_that_is_gone_is_removed(ran: Mini) -> None:
    ran.edit("  - id: heads\n", "  - id: tails\n")
    output = ran.verify("refresh")
    assert "drew docs/evidence/coin/tails.tiny.svg" in output
    assert "removed docs/evidence/coin/heads.tiny.svg" in output


def test_a_claim_without_evidence_is_not_run(mini: Mini) -> None:
    mini.verify("refresh")
    assert {each["status"] for each in verdicts(mini).values()} == {"not run"}
    assert "0 verdicts were reached here: run `verify run`" in mini.verify("verdicts")


def test_a_trial_that_crashed_makes_the_verdict_failed(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 5, trick: crash}")
    mini.verify("run", expect=1)
    mini.verify("refresh")
    assert {each["status"] for each in verdicts(mini).values()} == {"failed"}


def test_a_record_says_which_commit_it_is_from(mini: Mini) -> None:
    commit(mini)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=mini.root, capture_output=True, text=True, check=True)
    mini.verify("run")
    assert f'"commit":"{head.stdout[:12]}"' in mini.evidence.read_text()
    mini.edit("seeds: 5", "seeds: 6")
    mini.verify("run")
    assert f'"commit":"{head.stdout[:12]}+"' in mini.evidence.read_text()


def test_evidence_of_nothing_declared_is_a_mistake(ran: Mini) -> None:
    ran.evidence.with_name("old.tiny.jsonl").write_bytes(ran.evidence.read_bytes())
    output = ran.verify("check", expect=2)
    assert "docs/evidence/coin/old.tiny.jsonl: this evidence belongs to no verification" in output
    assert "git rm" in output


@pytest.mark.parametrize(("stated", "message"), [
    ("supported", "relies on 'loaded' being supported; at tiny it is contradicted"),
    ("failed", "state [@loaded contradicted]"),
])  # fmt: skip
def test_a_sentence_that_relies_on_another_verdict_is_a_mistake(ran: Mini, stated: str, message: str) -> None:
    ran.edit("([@fair])", f"([@fair supported], [@loaded {stated}])")
    output = ran.verify("check", expect=2)
    assert message in output
    assert "reviews/coin.md:12" in output
    assert "'fair'" not in output


def test_a_sentence_that_relies_on_the_verdict_there_is_is_right(ran: Mini) -> None:
    ran.edit("([@fair])", "([@fair supported], [@loaded contradicted])")
    assert "no mistakes" in ran.verify("check")


def test_a_verdict_that_was_edited_is_noticed_and_reached_again(ran: Mini) -> None:
    path = ran.root / "docs/evidence/coin/verdicts.json"
    before = path.read_text()
    path.write_text(before.replace('"contradicted"', '"supported"'))
    wrong = (
        "docs/evidence/coin/verdicts.json: the verdict of 'loaded' at tiny is supported; the records give contradicted"
    )
    assert wrong in ran.verify("check", expect=2)
    assert "judged coin" in ran.verify("refresh")
    assert path.read_text() == before


@pytest.mark.parametrize("harm", ["edit", "delete"])
def test_a_drawing_that_was_touched_is_noticed_and_drawn_again(ran: Mini, harm: str) -> None:
    path = ran.root / "docs/evidence/coin/heads.tiny.svg"
    before = path.read_text()
    if harm == "delete":
        path.unlink()
    else:
        path.write_text(before.replace("0.5", "0.6"))
    wrong = "this drawing is missing" if harm == "delete" else "this drawing is not what the records give"
    assert f"docs/evidence/coin/heads.tiny.svg: {wrong}" in ran.verify("check", expect=2)
    assert "drew docs/evidence/coin/heads.tiny.svg" in ran.verify("refresh")
    assert path.read_text() == before


def test_a_record_that_was_edited_is_a_mistake_and_its_verdicts_stay(ran: Mini) -> None:
    ran.evidence.write_text(ran.evidence.read_text().replace('"seed":4', '"seed":99'))
    before = {path: path.read_bytes() for path in ran.evidence.parent.iterdir()}
    for command in ("refresh", "check"):
        assert "docs/evidence/coin/flips.tiny.jsonl:" in ran.verify(command, expect=2)
    assert before == {path: path.read_bytes() for path in ran.evidence.parent.iterdir()}


def test_names_that_no_record_has_are_mistakes_and_stop_nothing_else(mini: Mini) -> None:
    ran = mini
    unreadable = 'return dict([("heads", toss(seed, bias))])'  # else the names are compared with those in the source
    ran.edit('return {"heads": toss(seed, bias)}', unreadable)
    ran.verify("run")
    ran.verify("refresh")
    ran.edit("    x: bias\n    y: heads\n", "    x: bias\n    y: haeds\n")
    ran.edit("flips.heads[", "flips.hads[")
    ran.edit("where: {bias: 0.8}, within: [0.45, 0.55]", "where: {bias: 0.8}, at_least: 0.7")
    output = ran.verify("refresh", expect=2)
    assert "reviews/coin.md:" in output
    assert verdicts(ran)["loaded"]["status"] == "supported", "the verdicts were reached all the same"
    output = ran.verify("check", expect=2)
    assert "no record of 'flips' at tiny has 'haeds'" in output
    assert "no record of 'flips' has 'hads'" in output
    assert output.count("did you mean 'heads'?") == 2


def test_a_new_review_has_nothing_that_could_be_out_of_date(mini: Mini) -> None:
    assert "no mistakes" in mini.verify("check")
    mini.edit("([@fair])", "([@fair supported])")
    output = mini.verify("check", expect=2)
    assert "`verify run --missing coin --scale tiny`, then `verify refresh`" in output


def test_what_is_left_of_a_review_that_is_gone_is_a_mistake(ran: Mini) -> None:
    folder = ran.root / "docs/evidence/gone"
    folder.mkdir()
    (folder / "verdicts.json").write_text("{}")
    output = ran.verify("check", expect=2)
    assert "docs/evidence/gone/verdicts.json: this was derived for a review that is not there" in output


# --- what cannot be drawn costs itself


def twice(mini: Mini, figure: str) -> None:
    """Have a figure stand before the one there is, and a review after it."""
    mini.edit("figures:\n", f"figures:\n  - {figure}\n")
    (mini.root / "reviews" / "dice.md").write_text(COIN.replace("title: A coin", "title: Dice"))


HOSTILE = {
    "nothing": ("{id: odd, caption: c, x: bias, y: lost}", "none of its 10 trials has both bias and lost: 10 diverged"),
    "href": (
        "{id: odd, caption: c, spec: {mark: {type: point, tooltip: {expr: 'foo(1)'}}}}",
        "Vega-Lite does not accept it: Error: Unrecognized function: foo",
    ),
    "memory": (
        "{id: odd, caption: c, spec: {mark: point, params: [{name: a, expr: 'sequence(0, 3e9)'}]}}",
        "",
    ),
    "empty": (
        "{id: odd, caption: c, spec: {mark: line, encoding: {y: {field: haeds, type: quantitative}}}}",
        "it shows nothing: no mark has a place",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_figure_that_cannot_be_drawn_costs_itself(mini: Mini, kind: str) -> None:
    figure, reason = HOSTILE[kind]
    mini.edit('return {"heads": toss(seed, bias)}', 'return {"heads": toss(seed, bias), "lost": float("nan")}')
    twice(mini, figure)
    mini.verify("run")
    output = mini.verify("refresh", expect=2)
    assert f"reviews/coin.md:45: figure 'odd' at scale tiny cannot be drawn: {reason}" in output
    for review in ("coin", "dice"):
        assert f"drew docs/evidence/{review}/heads.tiny.svg" in output
    stored = json.loads((mini.root / "docs/evidence/coin/verdicts.json").read_text())
    assert list(stored["undrawn"]) == ["odd.tiny"] or list(stored["undrawn"]) == ["odd.tiny", "thumbnail"]
    assert stored["undrawn"]["odd.tiny"].startswith(reason)
    before = {path: path.read_bytes() for path in (mini.root / "docs/evidence").rglob("*") if path.is_file()}
    again = mini.verify("refresh", expect=2)
    assert "all other verdicts and figures are up to date" in again
    assert "figure 'odd' at scale tiny cannot be drawn" in again, "it is told until it is mended"
    assert before == {path: path.read_bytes() for path in (mini.root / "docs/evidence").rglob("*") if path.is_file()}
    assert differing(mini) == []
    mini.edit(f"  - {figure}\n", "")
    assert "odd" not in mini.verify("refresh")
    assert "undrawn" not in json.loads((mini.root / "docs/evidence/coin/verdicts.json").read_text())


def loaded(mini: Mini) -> Project:
    return Project.load(mini.root)


def differing(mini: Mini) -> list[str]:
    """What is published and is not what the records give."""
    return [str(each) for each in audit.mistakes(loaded(mini)) if "the records give" in str(each)]


def test_a_figure_that_can_no_longer_be_drawn_leaves_no_older_drawing(ran: Mini) -> None:
    ran.edit("    y: heads\n", "    y: heads\n    where: {bias: 0.8}\n    fits: [log]\n")
    output = ran.verify("refresh", expect=2)
    assert "a log fit needs 3 values of bias; it has 1" in output
    for name in ("heads.tiny.svg", "heads.tiny.vl.json", "thumbnail.svg"):
        assert f"removed docs/evidence/coin/{name}" in output
        assert not (ran.evidence.parent / name).exists()
    assert differing(ran) == []
    (ran.evidence.parent / "heads.tiny.svg").write_text("<svg/>")
    assert differing(ran) == [
        "docs/evidence/coin/heads.tiny.svg: the records give no such drawing\n    bring it up to date: `verify refresh`"
    ], "nothing may stand in for it"


def test_a_reason_that_was_edited_or_forged_is_noticed(ran: Mini) -> None:
    path = ran.root / "docs/evidence/coin/verdicts.json"
    stored = json.loads(path.read_text())
    for undrawn in ({"heads.tiny": "it is ugly"}, {"other.tiny": "it is not there"}):
        path.write_text(json.dumps({**stored, "undrawn": undrawn}))
        assert [name for name in undrawn for each in audit.mistakes(loaded(ran)) if name in str(each)]
    ran.verify("refresh")
    assert json.loads(path.read_text()) == stored


def test_what_the_machine_could_not_do_is_tried_again(ran: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.drawing import figures

    def slow(*_: object, **__: object) -> None:
        raise CannotDraw("drawing it has taken more than 180 seconds", passing=True)

    ran.edit("    y: heads\n", "    y: heads\n    y_title: heads up\n")
    with monkeypatch.context() as patch:
        patch.setattr(figures, "make", slow)
        done = refresh(loaded(ran))
        assert [each.message for each in done.mistakes][:1] == [
            "figure 'heads' at scale tiny cannot be drawn: drawing it has taken more than 180 seconds"
        ]
        assert "undrawn" not in (ran.root / "docs/evidence/coin/verdicts.json").read_text()
    assert "docs/evidence/coin/heads.tiny.svg" in refresh(loaded(ran)).drawn


# --- only in the project's own folder


@pytest.mark.parametrize("part", ["docs", "docs/evidence", "docs/evidence/coin"])
def test_nothing_is_written_or_removed_through_a_linked_folder(ran: Mini, part: str, tmp_path: Path) -> None:
    away = tmp_path / "elsewhere"
    (ran.root / part).rename(away)
    (ran.root / part).symlink_to(away)
    folder = next(away.rglob("coin")) if part != "docs/evidence/coin" else away
    (folder / "mine.svg").write_text("<svg>my own</svg>")
    (folder / "heads.tiny.svg").unlink()
    before = {path: path.read_bytes() for path in away.rglob("*") if path.is_file()}
    output = ran.verify("refresh", expect=2)
    assert f"{part}: this folder is a link, through which nothing is written\n    put a folder in its place" in output
    ran.edit("seeds: 5", "seeds: 6")
    output = ran.verify("run", expect=2)
    assert f"{part}: this folder is a link" in output
    assert "trials" not in output, "nothing is run whose evidence could not be written"
    assert before == {path: path.read_bytes() for path in away.rglob("*") if path.is_file()}


def test_a_link_among_the_evidence_is_replaced_or_removed_itself(ran: Mini, tmp_path: Path) -> None:
    away = tmp_path / "away.svg"
    drawing = ran.evidence.parent / "heads.tiny.svg"
    content = drawing.read_bytes()
    drawing.rename(away)
    drawing.symlink_to(away)
    (ran.evidence.parent / "old.tiny.svg").symlink_to(away)
    (ran.evidence.parent / "gone.tiny.svg").symlink_to(tmp_path / "nothing")
    ran.edit("    y: heads\n", "    y: heads\n    y_title: heads up\n")
    output = ran.verify("refresh")
    assert "removed docs/evidence/coin/old.tiny.svg" in output
    assert "removed docs/evidence/coin/gone.tiny.svg" in output
    assert away.read_bytes() == content
    assert drawing.is_file()
    assert not drawing.is_symlink()


def test_folders_and_pipes_among_the_evidence_stay(ran: Mini) -> None:
    (ran.evidence.parent / "old.tiny.svg").mkdir()
    os.mkfifo(ran.evidence.parent / "pipe.tiny.svg")
    (ran.evidence.parent / ".hidden.svg").write_text("<svg/>")
    assert ran.verify("refresh") == "verdicts and figures are up to date\n"
    assert (ran.evidence.parent / ".hidden.svg").exists()


def test_a_folder_in_a_drawings_place_costs_its_review(ran: Mini) -> None:
    (ran.root / "reviews" / "dice.md").write_text(COIN.replace("title: A coin", "title: Dice"))
    (ran.evidence.parent / "heads.tiny.svg").unlink()
    (ran.evidence.parent / "heads.tiny.svg").mkdir()
    output = ran.verify("refresh", expect=2)
    assert "docs/evidence/coin: what belongs here cannot be read or written: is a directory" in output
    assert "judged dice" in output
