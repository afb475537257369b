"""Pages from reviews and evidence, before any site generator sees them."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests import miniature
from verify.model import Trial, Value
from verify.project import audit
from verify.project.project import Project
from verify.project.refresh import refresh
from verify.site import pages


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return miniature.make(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def coin(project: Project) -> str:
    return miniature.html(project, "reviews/coin.md")


@pytest.fixture(scope="module")
def dice(project: Project) -> str:
    return miniature.html(project, "reviews/dice.md")


def test_every_review_has_a_page_and_the_changelog_is_one(project: Project) -> None:
    dice = ["reviews/dice.md", "evidence/dice/rolls.html"]
    coin = ["reviews/coin.md", "evidence/coin/tosses.html"]
    assert list(pages.render(project)) == ["index.md", "claims.md", "changelog.md", *dice, *coin]


def test_a_project_without_a_changelog_has_no_page_of_it(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"dice": miniature.DICE}, ran={})
    (tmp_path / "CHANGELOG.md").unlink()
    assert "changelog.md" not in pages.render(project)


def test_without_reviews_the_list_says_so(tmp_path: Path) -> None:
    assert "There is no review yet" in miniature.html(Project(tmp_path, []), "index.md")


def test_sections_list_the_papers_in_order(project: Project) -> None:
    assert pages.sections(project) == {"Chance & <b>order</b>": ["reviews/dice.md", "reviews/coin.md"]}


def test_the_list_of_papers_follows_the_order_and_shows_each_tally(project: Project) -> None:
    _, dice, coin = miniature.html(project, "index.md").split('<li class="verify-paper"')
    assert "Dice without evidence" in dice
    assert "1 not run" in dice
    for shown in ("1 supported", "1 contradicted", "2 inconclusive", "reviews/coin/", "Coins 2017", "Karl Pearson"):
        assert shown in coin
    assert 'src="evidence/coin/thumbnail.svg"' in coin


def test_no_text_of_a_reviewers_becomes_markup(project: Project) -> None:
    for path in pages.render(project):
        page = miniature.html(project, path)
        assert "<script>alert" not in page
        assert "<b>" not in page
        assert "<u>" not in page
        assert "<em>" not in page


def test_bindings_take_their_values_from_the_evidence(project: Project, coin: str) -> None:
    evidence = project.evidence("coin", "tosses", "tiny")
    assert evidence is not None
    heads = [record.number("heads") or 0 for record in evidence.records if record.parameters["bias"] == 0.7]
    percent = f"{sum(heads) / len(heads):.1%}"
    prose = _text(coin[coin.index('id="what-was-tossed"') :])
    assert f"Heads come up in {percent} of 6 runs" in prose


@pytest.mark.parametrize(("size", "spread"), [(1.7e308, "too large"), (1e200, "1.1e+200"), (5e-324, "4.94e−324")])
def test_numbers_beyond_computing_are_no_reason_to_fail(tmp_path: Path, size: float, spread: str) -> None:
    review = miniature.COIN.replace("| mean | .1% }}", "| sd }}")

    def odd(trial: Trial) -> dict[str, Value]:
        return {"heads": size * (-1) ** trial.seed}

    project = miniature.make(tmp_path, {"coin": review}, odd)
    page = _text(miniature.html(project, "reviews/coin.md"))
    assert f"Heads come up in {spread} of 6 runs" in page
    assert ("too large to compute with" in page) == (size > 1)
    wrong = [str(each) for each in audit.mistakes(project)]
    assert not [each for each in wrong if "verdicts.json" in each], "what is stored is what comes out again"


def test_findings_and_references_show_the_verdict(project: Project, coin: str) -> None:
    verdict = project.verdicts("coin")["tiny"]["biased"]
    prose = _text(coin[coin.index('id="what-was-tossed"') :])
    assert f"with estimate {verdict.estimate:.3f}" in prose
    assert "✓supported" in prose
    assert 'href="#claim-biased"' in coin


def test_a_sentence_that_relies_on_another_verdict_is_marked(coin: str) -> None:
    assert "✕contradicted this sentence was written for: supported" in _text(coin)


def test_code_and_escapes_in_prose_stay(coin: str) -> None:
    assert "<code>{{ tosses.heads }}</code> and {{ braces }}." in coin


def test_a_binding_without_evidence_says_not_run(dice: str) -> None:
    assert "Sixes: not run." in _text(dice)


def test_too_few_numbers_for_a_spread_are_named(tmp_path: Path) -> None:
    review = miniature.COIN.replace("| mean | .1% }}", "| sd }}").replace("{seeds: 6}", "{seeds: 1}")
    project = miniature.make(tmp_path, {"coin": review}, ran={"coin": ("tiny",)})
    assert "Heads come up in too few trials of 1 runs" in _text(miniature.html(project, "reviews/coin.md"))


def test_a_metric_that_diverged_is_named(tmp_path: Path) -> None:
    def diverge(trial: object) -> dict[str, float]:
        del trial
        return {"other": 1.0}

    project = miniature.make(tmp_path, {"coin": miniature.COIN}, diverge, ran={})
    miniature.record(project, "coin", "tiny", diverge)
    page = miniature.html(Project.load(tmp_path), "reviews/coin.md")
    assert "Heads come up in diverged of 6 runs" in _text(page)


def test_each_claim_stands_with_place_numbers_and_test(coin: str) -> None:
    claim = _text(coin[coin.index('id="claim-biased"') :])
    assert "In the paper Section 1, Table <1>; reported heads 0.7" in claim
    assert "difference of heads (bias = 0.7 minus bias = 0.5): at least 0.1" in claim
    assert "99.17 % interval over 6 seeds" in claim
    edge = _text(coin[coin.index('id="claim-edge"') :])
    assert "bias = 0.7, which must not pass" in edge


def test_a_criterion_for_every_trial_gives_the_count_and_the_bound(coin: str) -> None:
    claim = _text(coin[coin.index('id="claim-each"') :])
    assert "6 of 6 trials, worst" in claim
    assert "a pass rate as low as 60.7 %" in claim


def test_the_experiment_in_the_review_is_shown_where_it_stands(coin: str) -> None:
    start, end = coin.index('id="code-coin"'), coin.index('id="what-came-up"')
    code = _text(coin[start:end])
    assert "def coin(seed: int, device: str, *, bias: float, tosses: int = 1000)" in code
    assert "``` is no fence here" in code
    assert 'href="#code-coin"' in coin


def test_folds_hold_commands_downloads_and_links_to_the_sheet(coin: str) -> None:
    text = _text(coin)
    for expected in (
        "verify run coin:tosses --scale tiny",
        "verify run coin:tosses --scale small",
        "verify verdicts coin",
        "tiny fresh 12 trials. CSV · JSONL",
    ):
        assert expected in text
    for part in ("data", "provenance", "declaration"):
        assert f'class="verify-part"><a href="../../evidence/coin/tosses.html#{part}">' in coin
    for kind in ("jsonl", "csv"):
        assert f'href="../../evidence/coin/tosses.tiny.{kind}" download' in coin


def test_data_provenance_and_declaration_are_in_the_sheet(project: Project) -> None:
    sheet = pages.render(project)["evidence/coin/tosses.html"]
    text = _text(sheet)
    for expected in (
        "Evidence of Tosses of <b>two</b> coins: Coins & <script>alert",
        "grid: {bias: [0.5, 0.7]}",
        "Test & Co. <b>9000</b>, 2 cores, Linux",
        "python 3.11.9, torch 2.13.0",
        "0123456789ab+, with changes that were not committed",
        "12, over 6 seeds",
        "SHA-256 0123456789012345",
        "3 s",
    ):
        assert expected in text
    assert 'href="../../reviews/coin/#tosses"' in sheet
    assert 'href="tosses.tiny.jsonl"' in sheet


def test_a_sheet_names_some_of_the_data_where_each_seed_has_its_own(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"coin": miniature.COIN}, ran={})
    miniature.record(Project.load(tmp_path), "coin", "tiny", data=lambda seed: f"{seed:064}"[::-1])
    sheet = pages.render(Project.load(tmp_path))["evidence/coin/tosses.html"]
    seen = [f"{seed}{0:015}" for seed in range(3)]
    assert f"SHA-256 {', '.join(seen)} and 3 more, each beside its trials in the evidence" in _text(sheet)


def test_what_cannot_be_tested_is_listed_with_the_reason(coin: str) -> None:
    text = _text(coin[coin.index('id="not-testable"') :])
    assert "Coins <em>feel</em> biased. Section 9 A feeling is not measured here." in text


def test_generated_blocks_hold_no_blank_line_and_no_fence(coin: str) -> None:
    for block in re.findall(r"<section.*?</section>", coin, re.DOTALL):
        assert "\n\n" not in block
        assert "`" not in block


def test_verdicts_of_each_scale_stand_side_by_side(coin: str) -> None:
    table = coin[coin.index("<table") : coin.index("</table>")]
    row = next(row for row in table.split("<tr>") if "#claim-edge" in row)
    assert re.findall(r'data-scale="(\w+)"', row) == ["tiny", "small"]
    assert row.count("contradicted</span>") == 2


def test_a_claim_that_is_not_planned_at_a_scale_says_so(tmp_path: Path) -> None:
    both = miniature.COIN + miniature.DICE[miniature.DICE.index("```python") :]
    page = miniature.html(miniature.make(tmp_path, {"both": both}, ran={}), "reviews/both.md")
    row = next(row for row in page.split("<tr>") if "#claim-fair" in row)
    assert "not planned" in row


def test_what_has_not_run_is_told_with_its_command(dice: str) -> None:
    text = _text(dice)
    assert "tiny not run none of 10 trials has run verify run dice:rolls --scale tiny" in text
    assert "No figure yet" in text
    assert "None of its experiments has run yet" in text
    assert "Nothing has run yet, so there is no data." in text
    assert "rolls.html#data" not in dice


def test_stale_evidence_is_told_in_words(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    miniature.outdate(project, "coin", "tosses", "tiny")
    page = miniature.html(Project.load(tmp_path), "reviews/coin.md")
    text = _text(page)
    assert "tiny stale 12 of 12 results are of older code or parameters" in text
    assert "verify run coin:tosses --scale tiny --missing" in text
    assert "supported stale" in _text(page[page.index("<table") : page.index("</table>")])
    assert re.search(r"Heads come up in [\d.]+% stale of 6 stale runs", text)


def test_failed_trials_are_told_in_words(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"coin": miniature.COIN}, ran={})
    miniature.record(Project.load(tmp_path), "coin", "tiny", failed={"bias": 0.5})
    refresh(Project.load(tmp_path))
    text = _text(miniature.html(Project.load(tmp_path), "reviews/coin.md"))
    assert "tiny failed 6 of 12 trials failed: ValueError: <b>bad</b>" in text
    assert "!failed" in text


def test_incomplete_evidence_is_told_in_words(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    review = tmp_path / "reviews" / "coin.md"
    review.write_text(miniature.COIN.replace("tiny: {seeds: 6}", "tiny: {seeds: 8}"), encoding="utf-8")
    del project
    text = _text(miniature.html(Project.load(tmp_path), "reviews/coin.md"))
    assert "tiny incomplete 12 of 16 trials have run" in text


def test_a_verification_that_waits_for_a_choice_says_so(tmp_path: Path) -> None:
    fence = """
```yaml verify
id: chosen
experiment: coin
scales:
  tiny: {seeds: 3, bias: {choose_from: tosses, maximise: heads}}
```
"""
    page = miniature.html(miniature.make(tmp_path, {"coin": miniature.COIN + fence}, ran={}), "reviews/coin.md")
    chosen = page[page.index('id="chosen"') :]
    assert "tiny not run waits for another verification's choice" in _text(chosen)


def test_source_of_a_project_experiment_has_a_sheet_of_its_own(tmp_path: Path) -> None:
    fence = """
```yaml verify
id: NAME
experiment: warmup_curve
parameters: {rule: gradual-warmup, k: 2, lr: 0.1, steps_per_epoch: 10}
scales:
  tiny: {seeds: 3}
```
"""
    review = miniature.DICE + fence.replace("NAME", "first") + fence.replace("NAME", "second")
    rendered = pages.render(miniature.make(tmp_path, {"dice": review}, ran={}))
    page, sheet = rendered["reviews/dice.md"], rendered["code/verify.experiments.large_batch.html"]
    assert isinstance(page, pages.Page)
    assert isinstance(sheet, str)
    parts = re.findall(r'data-line="(\d+)"><a href="([^"]+)"', page.html)
    assert len(parts) == 2
    assert parts[0] == parts[1]
    line, address = parts[0]
    assert address == "../../code/verify.experiments.large_batch.html#code"
    code = unescape(re.sub(r"<[^>]*>", "", sheet[sheet.index("<pre") :])).split("\n")
    assert "def warmup_curve(" in code[int(line) - 1]
    for verification in ("first", "second"):
        assert f'href="../reviews/dice/#{verification}"' in sheet


def _text(html: str) -> str:
    """What a reader sees: without tags, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html.replace("</dt>", " ").replace("</dd>", " "))).split())
