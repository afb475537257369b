"""Other laboratories: the same trials with seeds of their own, in a folder of their own, judged by themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests import miniature
from tests.conftest import Mini
from tests.test_witness import forge
from verify import checks
from verify.errors import UserErrors
from verify.model import Laboratory
from verify.project import audit, laboratories
from verify.project.project import Project
from verify.project.refresh import refresh
from verify.site import pages
from verify.site.export import export


@pytest.fixture(scope="module")
def _replicated(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    project = Mini(tmp_path_factory.mktemp("replicated") / "project")
    project.verify("run")
    project.verify("run", "--replicate", "box", "--about", "A box <i>elsewhere</i>")
    project.verify("run", "--replicate", "twin", "--seeds-from", "0")
    project.verify("refresh")
    return project


@pytest.fixture
def replicated(_replicated: Mini, tmp_path: Path) -> Mini:
    """Run here, in `box` with seeds of its own, and in `twin` with those of the project."""
    return _replicated.copied(tmp_path / "project")


def folder(mini: Mini, name: str) -> Path:
    return mini.root / "docs" / "evidence" / "coin" / "labs" / name


def seeds(path: Path) -> set[int]:
    return {line["trial"]["seed"] for line in map(json.loads, path.read_text().splitlines()) if "trial" in line}


def page(mini: Mini) -> str:
    shown = pages.render(Project.load(mini.root))["reviews/coin.md"]
    assert isinstance(shown, pages.Page)
    return shown.html


def told(mini: Mini) -> list[str]:
    """What check finds, each in a line."""
    found = checks.check(mini.root, [])[1]
    assert {str(each) for each in audit.mistakes(Project.load(mini.root))} <= set(map(str, found))
    return [str(each).partition("\n")[0] for each in found]


# --- running


def test_a_laboratory_has_seeds_and_a_folder_of_its_own(replicated: Mini) -> None:
    assert seeds(replicated.evidence) == set(range(5))
    assert seeds(folder(replicated, "box") / "flips.tiny.jsonl") == set(range(1000, 1005))
    assert seeds(folder(replicated, "twin") / "flips.tiny.jsonl") == set(range(5))
    assert (replicated.root / ".verify/journal/coin/labs/box/flips.tiny.jsonl").is_file()
    assert seeds(replicated.journal) == set(range(5))
    assert json.loads((folder(replicated, "box") / "lab.json").read_text()) == {
        "first_seed": 1000,
        "about": "A box <i>elsewhere</i>",
    }


def test_an_existing_laboratory_keeps_its_seeds_and_a_new_one_takes_free_ones(replicated: Mini) -> None:
    assert "10 of 10 trials fresh" in replicated.verify("run", "--replicate", "box")
    output = replicated.verify("run", "--replicate", "box", "--seeds-from", "7", expect=2)
    assert "laboratory 'box' begins at seed 1000, not at 7\n    leave --seeds-from out" in output
    replicated.verify("run", "--replicate", "third", "--missing")
    assert seeds(folder(replicated, "third") / "flips.tiny.jsonl") == set(range(2000, 2005))
    replicated.verify("run", "--replicate", "third", "--about", "Later")
    assert laboratories.read(replicated.root, ["coin"])[0]["coin"][1] == Laboratory("third", 2000, "Later")


def test_a_dry_run_makes_no_laboratory(mini: Mini) -> None:
    assert "10 to run" in mini.verify("run", "--replicate", "box", "--dry-run")
    assert not (mini.root / "docs").exists()


def test_a_run_that_is_cut_short_goes_on_with_the_same_seeds(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: 5, trick: crash}")
    mini.edit("seed == 1:\n        raise", "seed == 71:\n        raise")
    output = mini.verify("run", "--replicate", "box", "--seeds-from", "70", expect=1)
    assert "seed 71 (bias=0.5, nap" in output or "seed 71 (bias=0.5, trick=crash)" in output
    (folder(mini, "box") / "flips.tiny.jsonl").unlink()
    mini.verify("run", "--replicate", "box", expect=1)
    assert seeds(folder(mini, "box") / "flips.tiny.jsonl") == {70, 72, 73, 74}
    assert not mini.evidence.exists()


@pytest.mark.parametrize("name", ["../x", "", "Box", "a/b", "a b", "-a", "a" * 41, "1000", "é", "a\n"])
def test_names_that_are_none(mini: Mini, name: str) -> None:
    assert "is no name of a laboratory" in mini.verify("run", "--replicate", name, "--dry-run", expect=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds-from", "3"), "--seeds-from: the evidence of the project itself begins at seed 0"),
        (("--about", "x"), "--about: it says what a laboratory is"),
        (("--replicate", "box", "--seeds-from", "9" * 30), "seeds begin at 1000000000 at the most"),
        (("--replicate", "box", "--about", "x\ny"), "what a laboratory says of itself is one line"),
        (("--replicate", "box", "--about", "x" * 201), "what a laboratory says of itself is one line"),
    ],
)
def test_options_that_do_not_go_together(mini: Mini, arguments: tuple[str, ...], message: str) -> None:
    assert message in mini.verify("run", *arguments, expect=2)
    assert not (mini.root / "docs").exists()


def test_choices_are_made_from_the_laboratorys_own_sweep(mini: Mini) -> None:
    mini.edit("raise ValueError", "raise KeyError")
    mini.edit(
        "```yaml verify\nid: flips",
        "```python verify\ndef swept(seed: int, device: str, *, lr: float) -> dict:\n"
        "    best = 0.1 if seed < 1000 else 0.3\n    return {'loss': abs(lr - best) + seed / 1e6}\n```\n\n"
        "```yaml verify\nid: sweep\nexperiment: swept\ngrid: {lr: [0.1, 0.3]}\nscales:\n  tiny: {seeds: 3}\n```\n\n"
        "```yaml verify\nid: chosen\nexperiment: swept\nparameters: {lr: {choose_from: sweep, minimise: loss}}\n"
        "scales:\n  tiny: {seeds: 3}\n```\n\n```yaml verify\nid: flips",
    )
    mini.verify("run", "coin:chosen")
    mini.verify("run", "coin:chosen", "--replicate", "box")
    own, other = (path / "chosen.tiny.jsonl" for path in (mini.evidence.parent, folder(mini, "box")))
    for path, lr, first in ((own, 0.1, 0), (other, 0.3, 1000)):
        found = [line["trial"] for line in map(json.loads, path.read_text().splitlines()) if "trial" in line]
        assert [(each["parameters"]["lr"], each["seed"]) for each in found] == [(lr, first + i) for i in range(3)]


def test_looks_are_counted_from_the_first_seed(mini: Mini) -> None:
    mini.edit("tiny: {seeds: 5}", "tiny: {seeds: [3, 4, 6]}")
    output = mini.verify("run", "--replicate", "box")
    found = seeds(folder(mini, "box") / "flips.tiny.jsonl")
    assert found in ({*range(1000, 1003)}, {*range(1000, 1004)}, {*range(1000, 1006)})
    assert f"{2 * len(found)} of {2 * len(found)} trials fresh" in output
    mini.verify("refresh")
    assert "2 of 2 verdicts reached here at tiny agree" in mini.verify("verdicts", "--lab", "box")


def test_a_laboratory_runs_where_the_projects_own_evidence_cannot_be_read(ran: Mini) -> None:
    ran.evidence.write_text("torn")
    output = ran.verify("run", "--replicate", "box")
    assert "10 of 10 trials fresh" in output
    assert "coin:flips tiny: cannot be held against the project's own evidence: docs/evidence/coin/flips" in output
    assert seeds(folder(ran, "box") / "flips.tiny.jsonl") == set(range(1000, 1005))


# --- what is said of it


def test_status_and_verdicts_of_a_laboratory(replicated: Mini) -> None:
    shutil.rmtree(replicated.root / ".verify/journal/coin/labs/box")
    assert "10 fresh   10 missing" in replicated.verify("status", "--lab", "box")
    assert "10 fresh   10 fresh" in replicated.verify("status")
    assert "0 verdicts were reached here" in replicated.verify("verdicts", "--lab", "box")
    assert "2 of 2 verdicts reached here" in replicated.verify("verdicts", "--lab", "twin")
    output = replicated.verify("verdicts", "--lab", "bax", expect=2)
    assert "there is no laboratory 'bax'\n    did you mean 'box'?" in output


def test_equal_seeds_give_the_same_values_or_the_first_difference_is_named(replicated: Mini) -> None:
    same = "flips at tiny: with the same seeds, 10 trials gave the same values, to the last digit that is kept."
    assert same in page(replicated)
    assert "with the same seeds, 10 trials gave the same values" in replicated.verify("run", "--replicate", "twin")
    assert "the same seeds" not in replicated.verify("run", "--replicate", "box")
    shutil.rmtree(replicated.root / ".verify/journal")
    forge(folder(replicated, "twin") / "flips.tiny.jsonl", seed=2, heads=0.75)
    there = "with the same seeds, 1 of 10 trials gave other values, first heads, seed 2 (bias=0.5): 0.75 there, 0."
    assert there in page(replicated)
    assert there in replicated.verify("run", "--missing", "--replicate", "twin")


def test_the_page_shows_claims_by_laboratories(replicated: Mini) -> None:
    shown = page(replicated)
    head = '<thead><tr><th scope="col">Claim at tiny</th><th scope="col">this project</th>'
    assert f'{head}<th scope="col">box</th><th scope="col">twin</th><th scope="col">together</th>' in shown
    assert "box: A box &lt;i&gt;elsewhere&lt;/i&gt;" in shown
    assert shown.count("1 of 1 other laboratory reached the same verdict, with seeds of their own.") == 2
    assert shown.count(", of 2; sd between them") == 2, "the project and box; twin has no seeds of its own"
    assert 'href="../../evidence/coin/labs/box/flips.tiny.jsonl"' in shown


def test_a_project_without_laboratories_says_nothing_of_them(ran: Mini) -> None:
    assert "laboratories" not in page(ran)


def test_a_laboratory_of_older_code_is_no_mistake_and_counts_for_nothing(replicated: Mini) -> None:
    replicated.edit("for _ in range(1000)) / 1000", "for _ in range(2000)) / 2000")
    replicated.verify("run")
    replicated.verify("refresh")
    assert not told(replicated)
    shown = page(replicated)
    assert shown.count('<span class="standing standing--stale">stale</span>') == 4
    assert "reached the same verdict" not in shown
    assert shown.count("none: it needs two laboratories with an interval each") == 2


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ("every: {at_most: 0.9}", "none: the statistic has no t interval"),
        ("at_most: 0.9, heavy_tails: true", "none: the statistic has no t interval"),
        ("at_most: 0.9, statistic: sd", "none: the statistic has no t interval"),
    ],
)
def test_what_has_no_t_interval_has_no_summary(replicated: Mini, test: str, says: str) -> None:
    replicated.edit("where: {bias: 0.5}, within: [0.45, 0.55]}", f"where: {{bias: 0.5}}, {test}}}")
    replicated.verify("refresh")
    assert page(replicated).count(says) == 1


def test_an_export_carries_laboratories(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    project = miniature.make(root)
    elsewhere = project.of(Laboratory("box", 1000))
    laboratories.write(root, "coin", elsewhere.laboratory)
    miniature.record(elsewhere, "coin", "tiny")
    assert refresh(Project.load(root)).judged == ("coin in laboratory box",)
    export(Project.load(root), tmp_path / "out")
    below = tmp_path / "out/evidence/coin/labs/box"
    assert sorted(path.name for path in below.iterdir()) == ["lab.json", "tosses.tiny.jsonl", "verdicts.json"]
    assert "Other laboratories" in (tmp_path / "out/reviews/coin.md").read_text()


def test_the_level_is_that_of_the_review(tmp_path: Path) -> None:
    """The project has run two scales, the laboratory one: equal values give equal verdicts there."""
    project = miniature.make(tmp_path)
    twin = project.of(Laboratory("twin", 0))
    laboratories.write(tmp_path, "coin", twin.laboratory)
    miniature.record(twin, "coin", "tiny")
    refresh(Project.load(tmp_path))
    loaded = Project.load(tmp_path)
    other = loaded.laboratories("coin")[0]
    assert other.verdicts("coin")["tiny"] == loaded.verdicts("coin")["tiny"]
    assert {each.status for each in other.verdicts("coin")["small"].values()} == {"not run"}
    level = loaded.verdicts("coin")["tiny"]["biased"].level
    loaded.evidence_path("coin", "tosses", "small").unlink()
    refresh(Project.load(tmp_path))
    now = Project.load(tmp_path)
    assert level is not None
    assert now.verdicts("coin")["tiny"]["biased"].level != level
    assert now.laboratories("coin")[0].verdicts("coin")["tiny"] == now.verdicts("coin")["tiny"], "it is judged anew"


# --- what others bring


def test_an_edited_verdict_is_noticed_and_refreshed(replicated: Mini) -> None:
    assert not told(replicated)
    path = folder(replicated, "box") / "verdicts.json"
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"contradicted"', b'"supported"'))
    name = "docs/evidence/coin/labs/box/verdicts.json"
    assert told(replicated) == [
        f"{name}: the verdict of 'loaded' at tiny is supported; the records give contradicted",
    ]
    assert replicated.verify("refresh") == "judged coin in laboratory box\n"
    assert path.read_bytes() == before
    path.unlink()
    assert told(replicated) == [f"{name}: the verdicts of this review are missing"]


def test_evidence_that_contradicts_the_journal_is_noticed(replicated: Mini) -> None:
    forge(folder(replicated, "box") / "flips.tiny.jsonl", seed=1001, heads=0.75)
    replicated.verify("refresh")
    output = replicated.verify("check", expect=1)
    assert "docs/evidence/coin/labs/box/flips.tiny.jsonl: 1 value of 1 trial is not what was run here" in output
    assert ".verify/journal/coin/labs/box/flips.tiny.jsonl and run again" in output


def test_seeds_that_are_not_the_laboratorys_are_no_evidence_of_it(replicated: Mini) -> None:
    """Records cannot be taken for those of other seeds: each says which it has, and so does its fingerprint."""
    (folder(replicated, "box") / "lab.json").write_bytes(laboratories.encode(Laboratory("box", 3000)))
    replicated.verify("refresh")
    assert {each.status for each in Project.load(replicated.root).laboratories("coin")[0].stored("coin").verdicts} == {
        "not run"
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ":1: it does not say what a laboratory is: Input data was truncated"),
        (b'{\n "first_seed": "a"\n}\n', ":2: it does not say what a laboratory is: Expected `int`, got `str`"),
        (
            b'{\n "first_seed": 1,\n "seeds": 2\n}\n',
            ":3: it does not say what a laboratory is: Object contains unknown",
        ),
        (b'{\n "first_seed": 1,\n}\n', ":3: it does not say what a laboratory is: JSON is malformed"),
        (b'{\n "first_seed": -1\n}\n', ":2: seeds begin at 0 to 1000000000, not at -1"),
        (b'{\n "first_seed": 1000000001\n}\n', ":2: seeds begin at 0 to 1000000000, not at 1000000001"),
        (b'{\n "first_seed": 0,\n "first_seed": 1000\n}\n', ":1: it is not as it is written"),
        (b'{\n "first_seed": 1000,\n "about": "a\\u202eb"\n}\n', ":3: what a laboratory says of itself is one line"),
        (b"<<<<<<< HEAD\n", ":1: this is a conflict that git left"),
        (b'{\n "first_seed": 0' + b" " * 20_000 + b"}", ":1: it does not say what a laboratory is"),
        (b"[" * 100_000, ":1: it does not say what a laboratory is"),
        (b"\xff", ":1: it does not say what a laboratory is"),
    ],
)
def test_what_a_laboratory_says_of_itself_is_checked(replicated: Mini, content: bytes, message: str) -> None:
    (folder(replicated, "box") / "lab.json").write_bytes(content)
    found = told(replicated)
    assert [each for each in found if each.startswith(f"docs/evidence/coin/labs/box/lab.json{message}")], found
    assert "lab.json" in replicated.verify("run", "--replicate", "box", expect=2)
    assert "lab.json" in replicated.verify("refresh", expect=2)
    assert (folder(replicated, "box") / "lab.json").read_bytes() == content
    assert '<th scope="col">box</th>' not in page(replicated)


def test_what_belongs_to_no_laboratory_is_named(replicated: Mini, tmp_path: Path) -> None:
    below = folder(replicated, "box").parent
    (below / "README.md").write_text("x")
    (below / "Bad Name").mkdir()
    (below / "empty").mkdir()
    (below / "linked").symlink_to(tmp_path)
    (folder(replicated, "box") / "script.js").write_text("x")
    (folder(replicated, "box") / "other.tiny.jsonl").write_text("x")
    labs = "docs/evidence/coin/labs"
    assert sorted(told(replicated)) == [
        f"{labs}/Bad Name: {laboratories.wrong_name('Bad Name')}",
        f"{labs}/README.md: {laboratories.wrong_name('README.md')}",
        f"{labs}/box/other.tiny.jsonl: this evidence belongs to no verification of a review",
        f"{labs}/box/script.js: nothing that is declared gives this file",
        f"{labs}/empty/lab.json: nothing says where this laboratory's seeds begin",
        f"{labs}/linked: this is no folder of a laboratory",
    ]


def test_nothing_is_written_through_a_link(replicated: Mini, tmp_path: Path) -> None:
    below = folder(replicated, "box").parent
    shutil.move(below, tmp_path / "elsewhere")
    below.symlink_to(tmp_path / "elsewhere")
    assert "docs/evidence/coin/labs: this is a link: what lies elsewhere is not looked after" in told(replicated)
    assert "this folder is a link" in replicated.verify("run", "--replicate", "box", expect=2)


def test_a_name_begins_at_one_seed_in_all_reviews(tmp_path: Path) -> None:
    for slug, seed in (("coin", 1000), ("dice", 2000)):
        laboratories.write(tmp_path, slug, Laboratory("box", seed))
    found, mistakes = laboratories.read(tmp_path, ["coin", "dice"])
    assert found == {"coin": [Laboratory("box", 1000)]}
    assert [str(each).partition("\n")[0] for each in mistakes] == [
        "docs/evidence/dice/labs/box/lab.json:2: laboratory 'box' begins at seed 2000, and at 1000 in "
        "docs/evidence/coin/labs/box"
    ]


def test_a_laboratory_that_runs_another_review_keeps_its_seeds() -> None:
    known = [Laboratory("box", 70, "A box")]
    assert laboratories.chosen(known, "box", None, None) == known[0]
    assert laboratories.chosen(known, "new", None, None) == Laboratory("new", 1000)
    with pytest.raises(UserErrors):
        laboratories.chosen(known, "box", 0, None)
