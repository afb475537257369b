"""Pages from reviews and evidence, before any site generator sees them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import miniature
from verify.errors import UserError
from verify.model import Claim, Criterion, Verdict
from verify.model import Test as Asked  # not by a name that pytest collects
from verify.project import Project
from verify.refresh import refresh
from verify.web import listings, pages, vectors, words
from verify.web.intervals import interval
from verify.web.links import link_from


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return miniature.make(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def coin(project: Project) -> str:
    return pages.render(project)["reviews/coin.md"]


@pytest.fixture(scope="module")
def dice(project: Project) -> str:
    return pages.render(project)["reviews/dice.md"]


def test_every_review_has_a_page_and_the_changelog_is_one(project: Project) -> None:
    assert list(pages.render(project)) == ["index.md", "reviews/dice.md", "reviews/coin.md", "changelog.md"]


def test_a_project_without_a_changelog_has_no_page_of_it(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"dice": miniature.DICE}, ran={})
    (tmp_path / "CHANGELOG.md").unlink()
    assert "changelog.md" not in pages.render(project)


def test_without_reviews_the_list_says_so(tmp_path: Path) -> None:
    assert "There is no review yet" in pages.render(Project(tmp_path, []))["index.md"]


def test_sections_list_the_papers_in_order(project: Project) -> None:
    assert pages.sections(project) == {"Chance & <b>order</b>": ["reviews/dice.md", "reviews/coin.md"]}


def test_the_list_of_papers_follows_the_order_and_shows_each_tally(project: Project) -> None:
    _, dice, coin = pages.render(project)["index.md"].split('<li class="verify-paper">')
    assert "Dice without evidence" in dice
    assert "1 not run" in dice
    for shown in ("1 supported", "1 contradicted", "2 inconclusive", "reviews/coin/", "Coins 2017", "Karl Pearson"):
        assert shown in coin
    assert 'data-verify-drawing="evidence/coin/thumbnail.svg"' in coin


def test_no_text_of_a_reviewers_becomes_markup(project: Project) -> None:
    for page in pages.render(project).values():
        assert "<script" not in page
        assert "<b>" not in page
        assert "<u>" not in page
        assert "<em>" not in page


def test_bindings_take_their_values_from_the_evidence(project: Project, coin: str) -> None:
    evidence = project.evidence("coin", "tosses", "tiny")
    assert evidence is not None
    heads = [record.number("heads") or 0 for record in evidence.records if record.parameters["bias"] == 0.7]
    percent = f"{sum(heads) / len(heads):.1%}"
    prose = _text(coin[coin.index("## What was tossed") :])
    assert f"Heads come up in {percent} of 6 runs" in prose


def test_findings_and_references_show_the_verdict(project: Project, coin: str) -> None:
    verdict = project.verdicts("coin")["tiny"]["biased"]
    prose = _text(coin[coin.index("## What was tossed") :])
    assert f"with estimate {verdict.estimate:.3f}" in prose
    assert "✓supported" in prose
    assert 'href="#claim-biased"' in coin


def test_a_sentence_that_relies_on_another_verdict_is_marked(coin: str) -> None:
    assert "✕contradicted this sentence was written for: supported" in _text(coin)


def test_code_and_escapes_in_prose_stay(coin: str) -> None:
    assert "`{{ tosses.heads }}`" in coin
    assert r"\{{ braces }}" in coin


def test_a_binding_without_evidence_says_not_run(dice: str) -> None:
    assert "Sixes: not run." in _text(dice)


def test_too_few_numbers_for_a_spread_are_named(tmp_path: Path) -> None:
    review = miniature.COIN.replace("| mean | .1% }}", "| sd }}").replace("{seeds: 6}", "{seeds: 1}")
    project = miniature.make(tmp_path, {"coin": review}, ran={"coin": ("tiny",)})
    assert "Heads come up in too few trials of 1 runs" in _text(pages.render(project)["reviews/coin.md"])


def test_a_metric_that_diverged_is_named(tmp_path: Path) -> None:
    def diverge(trial: object) -> dict[str, float]:
        del trial
        return {"other": 1.0}

    project = miniature.make(tmp_path, {"coin": miniature.COIN}, diverge, ran={})
    miniature.record(project, "coin", "tiny", diverge)
    page = pages.render(Project.load(tmp_path))["reviews/coin.md"]
    assert "Heads come up in diverged of 6 runs" in _text(page)


def test_each_claim_stands_with_place_numbers_and_test(coin: str) -> None:
    claim = _text(coin[coin.index('id="claim-biased"') :])
    assert "In the paper Section 1, Table <1>; reported heads 0.7" in claim
    assert "difference of heads (bias = 0.7 minus bias = 0.5): at least 0.1" in claim
    assert "98.75 % interval over 6 seeds" in claim
    edge = _text(coin[coin.index('id="claim-edge"') :])
    assert "bias = 0.7, which must not pass" in edge


def test_a_criterion_for_every_trial_gives_the_count_and_the_bound(coin: str) -> None:
    claim = _text(coin[coin.index('id="claim-each"') :])
    assert "6 of 6 trials, worst" in claim
    assert "a pass rate as low as 60.7 %" in claim


def test_the_experiment_in_the_review_is_shown_where_it_stands(coin: str) -> None:
    start, end = coin.index('id="code-coin"'), coin.index("## What came up")
    code = _text(coin[start:end])
    assert "def coin(seed: int, device: str, *, bias: float, tosses: int = 1000)" in code
    assert "&#96;&#96;&#96; is no fence here" in coin[start:end]
    assert 'href="#code-coin"' in coin


def test_declaration_provenance_and_commands_are_folded_in(coin: str) -> None:
    text = _text(coin)
    for expected in (
        "grid: {bias: [0.5, 0.7]}",
        "verify run coin:tosses --scale tiny",
        "verify run coin:tosses --scale small",
        "Test & Co. <b>9000</b>, 2 cores, Linux",
        "python 3.11.9, torch 2.13.0",
        "0123456789ab+, with changes that were not committed",
        "12, over 6 seeds",
        "SHA-256 0123456789012345",
        "verify verdicts coin",
        "3 s",
    ):
        assert expected in text
    assert 'href="../../evidence/coin/tosses.tiny.jsonl"' in coin


def test_what_cannot_be_tested_is_listed_with_the_reason(coin: str) -> None:
    text = _text(coin[coin.index("## Not testable here") :])
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
    page = pages.render(miniature.make(tmp_path, {"both": both}, ran={}))["reviews/both.md"]
    row = next(row for row in page.split("<tr>") if "#claim-fair" in row)
    assert "not planned" in row


def test_what_has_not_run_is_told_with_its_command(dice: str) -> None:
    text = _text(dice)
    assert "tiny not run none of 10 trials has run verify run dice:rolls --scale tiny" in text
    assert "No figure yet" in text
    assert "None of its experiments has run yet" in text
    assert "Nothing has run yet, so there is no data." in text


def test_stale_evidence_is_told_in_words(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    miniature.outdate(project, "coin", "tosses", "tiny")
    page = pages.render(Project.load(tmp_path))["reviews/coin.md"]
    text = _text(page)
    assert "tiny stale 12 of 12 results are of older code or parameters" in text
    assert "verify run coin:tosses --scale tiny --missing" in text
    assert "supported stale" in _text(page[page.index("<table") : page.index("</table>")])
    assert re.search(r"Heads come up in [\d.]+% stale of 6 stale runs", text)


def test_failed_trials_are_told_in_words(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"coin": miniature.COIN}, ran={})
    miniature.record(Project.load(tmp_path), "coin", "tiny", failed={"bias": 0.5})
    refresh(Project.load(tmp_path))
    text = _text(pages.render(Project.load(tmp_path))["reviews/coin.md"])
    assert "tiny failed 6 of 12 trials failed: ValueError: <b>bad</b>" in text
    assert "!failed" in text


def test_incomplete_evidence_is_told_in_words(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    review = tmp_path / "reviews" / "coin.md"
    review.write_text(miniature.COIN.replace("tiny: {seeds: 6}", "tiny: {seeds: 8}"), encoding="utf-8")
    del project
    text = _text(pages.render(Project.load(tmp_path))["reviews/coin.md"])
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
    page = pages.render(miniature.make(tmp_path, {"coin": miniature.COIN + fence}, ran={}))["reviews/coin.md"]
    chosen = page[page.index('id="chosen"') :]
    assert "tiny not run waits for another verification's choice" in _text(chosen)


def test_source_of_a_project_experiment_is_shown_once(tmp_path: Path) -> None:
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
    page = pages.render(miniature.make(tmp_path, {"dice": review}, ran={}))["reviews/dice.md"]
    first, second = page.index('id="first"'), page.index('id="second"')
    assert "def warmup_curve(" in _text(page[first:second])
    assert "def warmup_curve(" not in _text(page[second:])
    assert "shown above" in _text(page[second:])
    assert 'href="#code-verify-experiments-large_batch"' in page[second:]
    assert page.count('id="code-verify-experiments-large_batch"') == 1


@pytest.mark.parametrize(
    ("page", "target", "directories", "expected"),
    [
        ("index.md", "reviews/coin.md", True, "reviews/coin/"),
        ("index.md", "reviews/coin.md", False, "reviews/coin.html"),
        ("reviews/coin.md", "evidence/coin/a b.svg", True, "../../evidence/coin/a%20b.svg"),
        ("reviews/coin.md", "evidence/coin/a.svg", False, "../evidence/coin/a.svg"),
        ("reviews/coin.md", "index.md", True, "../../"),
        ("reviews/coin.md", "index.md", False, "../index.html"),
        ("reviews/coin.md", "guide/run.md#on-a-gpu", True, "../../guide/run/#on-a-gpu"),
        ("index.md", "index.md", True, "./"),
    ],
)
def test_links_are_relative(page: str, target: str, directories: bool, expected: str) -> None:
    assert link_from(page, directories)(target) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0123456, "−0.0123"),
        (0.5, "0.5"),
        (99.99, "100"),
        (1234.5, "1234"),
        (1e-9, "1e−09"),
        (float("inf"), "inf"),
        (5e6, "5e+06"),
    ],
)
def test_numbers_are_written_for_reading(value: float | None, expected: str) -> None:
    assert words.number(value) == expected


def test_durations_and_counts_are_written_for_reading() -> None:
    assert [words.duration(value) for value in (0.25, 42, 150, 3600, 5400)] == [
        "0.25 s",
        "42 s",
        "2 min",
        "1 h",
        "1 h 30 min",
    ]
    assert [words.count(value, "trial") for value in (0, 1, 1200)] == ["0 trials", "1 trial", "1,200 trials"]
    assert words.scalar(True) == "yes"
    assert words.scalar(0.0015) == "0.0015"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (Asked("e", Criterion(high=0.1)), "mean e: at most 0.1"),
        (
            Asked("e", Criterion(low=-1, high=1), "log_ratio", arms=({"a": 1}, {"a": 2})),
            "log ratio of e (a = 1 over a = 2): within −1 to 1",
        ),
        (Asked("e", Criterion(low=0), "slope", along="n", log=True), "slope of e per decade of n: at least 0"),
        (
            Asked("e", Criterion(low=0), "interaction", along="n", arms=({"w": 1}, {"w": 2})),
            "interaction: difference of the slopes of e over n (w = 1 minus w = 2): at least 0",
        ),
        (
            Asked("e", Criterion(low=0), "interaction", arms=({"w": 1}, {"w": 2}), between=({"k": 1}, {"k": 2})),
            "interaction: difference of the differences of e, k = 1 against k = 2 (w = 1 minus w = 2): at least 0",
        ),
        (
            Asked("e", Criterion(high=0), "holdout_error", along="n", form="log", rivals=("power",)),
            "error of the log form at the largest n, minus that of the best of power: at most 0",
        ),
        (Asked("e", Criterion(high=1), "sd"), "sd over seeds of e: at most 1"),
        (
            Asked("e", Criterion(high=0), "sd", arms=({"a": 1}, {"a": 2})),
            "log ratio of the sd over seeds of e (a = 1 over a = 2): at most 0",
        ),
        (
            Asked("e", Criterion(high=0, every=True), "difference", arms=({"a": 1}, {"a": 2})),
            "in every seed, the difference of e (a = 1 minus a = 2): at most 0",
        ),
    ],
)
def test_every_kind_of_test_has_words(test: Asked, expected: str) -> None:
    assert words.asks(test) == expected


def test_an_address_must_be_one_of_the_web() -> None:
    assert words.web_address("https://example.org/a") == "https://example.org/a"
    assert words.web_address("javascript:alert(1)") is None


def test_the_bar_shows_estimate_interval_and_criterion_where_they_lie() -> None:
    claim = Claim("a", "says", "Section 1", Asked("e", Criterion(high=0.0)), 1)
    verdict = Verdict(
        "a", "tiny", "inconclusive", "it straddles", estimate=0.5, low=-0.5, high=1.5, control=1.0, per_seed=(0.4, 0.6)
    )
    svg = interval(verdict, claim.test.criterion)
    assert 'aria-label="estimate 0.5, interval −0.5 to 1.5; the claim holds at most 0"' in svg
    low, high = (float(x) for x in re.findall(r'class="interval" x1="([\d.]+)" y1="14" x2="([\d.]+)"', svg)[0])
    bound = float(re.findall(r'class="bound" x1="([\d.]+)"', svg)[0])
    assert bound == pytest.approx(low + (high - low) / 4, abs=0.2)
    assert svg.count('class="seed"') == 2
    assert 'class="control"' in svg


@pytest.mark.parametrize("span", [0.0085, 0.1, 1.0, 1.1, 3.0, 7.5, 99.0, 1e6])
def test_the_axis_of_a_bar_has_three_ticks_or_more_and_few_enough(span: float) -> None:
    verdict = Verdict("a", "tiny", "inconclusive", "", estimate=0.3 * span, low=-0.31 * span, high=0.69 * span)
    ticks = re.findall(r"<text[^>]*>([^<]+)</text>", interval(verdict, Criterion(high=0.0)))
    assert 3 <= len(ticks) <= 8
    assert "0" in ticks


def test_numbers_to_be_compared_have_the_same_decimals() -> None:
    assert words.alike(0.00116, -0.000864, 0.00318) == ["0.00116", "−0.00086", "0.00318"]
    assert words.alike(0.5, 1e-9, 0.75) == ["0.500", "1e−09", "0.750"]
    assert words.alike(1e9, 0.0, 2e9) == ["1e+09", "0", "2e+09"]


def test_without_an_estimate_there_is_no_bar_and_no_spread_still_gives_one() -> None:
    criterion = Criterion(high=1.0)
    assert interval(Verdict("a", "tiny", "not run", ""), criterion) == ""
    assert interval(Verdict("a", "tiny", "failed", "", estimate=float("nan")), criterion) == ""
    assert "estimate 1" in interval(Verdict("a", "tiny", "inconclusive", "", estimate=1.0), criterion)


def test_listings_keep_blank_lines_as_lines_that_are_not_blank() -> None:
    html = listings.listing("a = 1\n\n\nb = 2\n", "python")
    assert html.count("<span></span>\n") == 2
    assert listings.one_block("<p>\n\n`x`</p>") == "<p>\n&#96;x&#96;</p>"


def test_drawings_take_the_place_of_their_images() -> None:
    html = '<p><img class="a" data-verify-drawing="x/y.svg" alt=""> <img src="other.png"></p>'
    assert vectors.inline(html, lambda name: f"<svg>{name}</svg>") == '<p><svg>x/y.svg</svg> <img src="other.png"></p>'


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ("not a drawing", "this drawing is not SVG"),
        ("<svg><script>alert(1)</script></svg>", "a drawing must not hold <script>"),
        ("<svg><foreignObject/></svg>", "a drawing must not hold <foreignObject>"),
        ("<svg><path onclick='alert(1)'/></svg>", "a drawing must not hold onclick="),
        ("<svg xmlns:x='http://www.w3.org/1999/xlink'><a x:href='javascript:alert(1)'/></svg>", "must not hold href="),
        ("<svg><title><![CDATA[><b>]]></title></svg>", "a drawing must not hold <!"),
        ("<svg><style>@import 'a.css'</style></svg>", "a drawing must not hold @import"),
        ("<svg><path fill='url(https://example.org/a)'/></svg>", "a drawing must not hold url("),
    ],
)
def test_a_drawing_that_is_more_than_one_is_refused(drawing: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        vectors.checked(drawing, "docs/evidence/a/b.svg")
    assert "verify refresh" in caught.value.hint
    assert caught.value.file == "docs/evidence/a/b.svg"


def _text(html: str) -> str:
    """What a reader sees: without tags, with single spaces."""
    from html import unescape

    return " ".join(unescape(re.sub(r"<[^>]*>", "", html.replace("</dt>", " ").replace("</dd>", " "))).split())
