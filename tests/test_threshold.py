"""A reader's own threshold, in a real browser: it follows the rules of the judge, and is marked as the reader's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from tests import miniature
from tests.browser import serve, visited
from verify.judging.judge import judge
from verify.model import Criterion
from verify.project.project import Project

BAND = """  - id: band
    says: The fair coin lands on heads in about half of all cases.
    source: Section 5
    test: {metric: heads, where: {bias: 0.5}, within: [0.4, 0.6]}
    control: {where: {bias: 0.7}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("project"), miniature.COIN)


def built(root: Path, review: str) -> Path:
    """A site of a review, with a claim of a band besides."""
    miniature.make(root, {"coin": review.replace("  - id: each\n", f"{BAND}  - id: each\n")}, ran={"coin": ("tiny",)})
    done = miniature.build(root, "--strict")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def page(browser: Browser, root: Path) -> Iterator[Page]:
    with serve(root / "site") as site, visited(browser, site.base, "reviews/coin/") as page:
        yield page


def set_bounds(page: Page, claim: str, criterion: Criterion) -> None:
    fold = page.locator(f"#claim-{claim} .verify-try")
    if not fold.evaluate("fold => fold.open"):
        fold.get_by_text("Try another threshold").click()
    for name, value in (("low", criterion.low), ("high", criterion.high)):
        if value is not None:
            fold.locator(f"input[name={name}]").fill(str(value))


@pytest.mark.parametrize(
    ("claim", "criteria"),
    [
        ("biased", [Criterion(low=low) for low in (-1, 0.19, 0.2, 0.21, 0.5)]),
        ("edge", [Criterion(high=high) for high in (0.1, 0.49, 0.5, 0.51, 0.6, 0.9)]),
        ("close", [Criterion(high=high) for high in (0.4, 0.505, 0.55, 0.75)]),
        ("band", [Criterion(low, high) for low, high in ((0.3, 0.55), (0.3, 0.9), (0.5, 0.6), (0.6, 0.7), (0.1, 0.2))]),
    ],
)
def test_it_follows_the_rules_of_the_judge(page: Page, root: Path, claim: str, criteria: list[Criterion]) -> None:
    project = Project.load(root)
    review = project.review("coin")
    verification = review.verifications[0]
    declared = next(each for each in verification.claims if each.id == claim)
    evidence, trials = project.evidence("coin", "tosses", "tiny"), project.trials(review, verification, "tiny")
    assert evidence is not None
    found = set()
    for criterion in criteria:
        moved = replace(declared, test=replace(declared.test, criterion=criterion))
        verdict = judge(moved, evidence, trials, len(review.claims))
        set_bounds(page, claim, criterion)
        yours = page.locator(f"#claim-{claim} .verify-yours")
        expect(yours.locator(".verdict")).to_contain_text(verdict.status)
        expect(yours).to_contain_text(verdict.reason.split(";")[0].split(", and")[0].replace("-", "−"))
        found.add(verdict.status)
    assert len(found) > 1


def test_endpoints_that_touch_the_threshold_count_as_inside(page: Page, root: Path) -> None:
    verdict = Project.load(root).verdicts("coin")["tiny"]["biased"]
    yours = page.locator("#claim-biased .verify-yours .verdict")
    set_bounds(page, "biased", Criterion(low=verdict.low))
    expect(yours).to_contain_text("supported")
    set_bounds(page, "biased", Criterion(low=verdict.high))
    expect(yours).to_contain_text("inconclusive")


def test_it_is_marked_as_the_readers_and_can_be_taken_back(page: Page) -> None:
    claim = page.locator("#claim-biased")
    published = claim.locator(".verify-interval").evaluate("drawing => drawing.outerHTML")
    set_bounds(page, "biased", Criterion(low=0.5))
    expect(claim.locator(".verify-yours")).to_contain_text("With your threshold")
    expect(claim.locator(".verify-yours")).to_contain_text("This is not the review's verdict.")
    expect(claim.locator(".verify-result__words > p .verdict").first).to_contain_text("supported")  # stays
    assert claim.locator(".bound--published").count() == 1
    moved = claim.locator(".bound:not(.bound--published)")
    assert float(moved.get_attribute("x1") or 0) > float(claim.locator(".bound--published").get_attribute("x1") or 0)
    claim.get_by_role("button", name="Back to the published threshold").click()
    expect(claim.locator(".verify-yours")).to_be_empty()
    assert claim.locator(".verify-interval").evaluate("drawing => drawing.outerHTML") == published
    expect(claim.locator("input[name=low]")).to_have_value("0.1")


def test_it_works_with_the_keyboard_alone(page: Page) -> None:
    claim = page.locator("#claim-biased")
    claim.locator(".verify-try summary").focus()
    page.keyboard.press("Enter")
    expect(claim.locator(".verify-try input[type=text]")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    page.keyboard.press("End")
    expect(claim.locator(".verify-yours")).to_contain_text("contradicted")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(claim.locator(".verify-yours")).to_be_empty()


def test_bounds_in_the_wrong_order_are_named_and_no_number_is_none(page: Page) -> None:
    set_bounds(page, "band", Criterion(0.7, 0.6))
    yours = page.locator("#claim-band .verify-yours")
    expect(yours).to_have_text("Your lower bound lies above your upper one.")
    page.locator("#claim-band input[name=low]").fill("")
    expect(yours).to_be_empty()


def test_a_claim_for_every_trial_has_no_threshold_to_move(page: Page) -> None:
    assert page.locator("#claim-each").count() == 1
    assert page.locator("#claim-each .verify-try").count() == 0


def test_without_javascript_nothing_of_it_shows(browser: Browser, root: Path) -> None:
    with serve(root / "site") as site:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{site.base}reviews/coin/")
        assert page.locator(".verify-try").count() == 4
        expect(page.locator("#claim-biased .verify-try")).to_be_hidden()
        context.close()


# --- in the unit of the page


@pytest.fixture(scope="module")
def in_per_cent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = 'metrics: {heads: {label: heads, unit: "%"}}\n'
    return built(tmp_path_factory.mktemp("in_per_cent"), miniature.COIN.replace("links:\n", f"{words}links:\n"))


@pytest.fixture
def percent(browser: Browser, in_per_cent: Path) -> Iterator[Page]:
    with serve(in_per_cent / "site") as site, visited(browser, site.base, "reviews/coin/") as page:
        yield page


def test_a_threshold_is_written_in_the_unit_and_compared_as_stored(percent: Page, in_per_cent: Path) -> None:
    verdict = Project.load(in_per_cent).verdicts("coin")["tiny"]["biased"]
    assert verdict.low is not None
    claim = percent.locator("#claim-biased")
    set_bounds(percent, "biased", Criterion(low=10))
    expect(claim.locator(".verify-try label")).to_have_text("at least  points")
    expect(claim.locator(".verify-yours")).to_be_empty()  # it is the published one
    claim.locator("input[name=low]").fill(f"{100 * verdict.low:.12g}")
    expect(claim.locator(".verify-yours .verdict")).to_contain_text("supported")
    claim.locator("input[name=low]").fill(f"{100 * verdict.low + 0.01:.12g}")
    expect(claim.locator(".verify-yours .verdict")).to_contain_text("inconclusive")
    claim.locator("input[name=low]").fill("50")
    expect(claim.locator(".verify-yours")).to_contain_text("the whole interval is below 50 points")
    band = percent.locator("#claim-band")
    set_bounds(percent, "band", Criterion(low=60, high=70))
    expect(band.locator(".verify-yours")).to_contain_text("the whole interval is outside 60 to 70 %")


@pytest.mark.parametrize("written", ["50", "50,0", "50.0", " 50 points", "5e1", "+50", "50."])
def test_a_number_is_read_as_readers_write_it(percent: Page, written: str) -> None:
    claim = percent.locator("#claim-biased")
    set_bounds(percent, "biased", Criterion(low=10))
    claim.locator("input[name=low]").fill(written)
    expect(claim.locator(".verify-yours")).to_contain_text("below 50 points")
    expect(claim.locator(".verify-try__unread")).to_be_empty()
    assert float(claim.locator("input[type=range]").input_value()) >= 20


@pytest.mark.parametrize("written", ["−1", "-1"])
def test_both_minus_signs_are_read(percent: Page, written: str) -> None:
    set_bounds(percent, "biased", Criterion(low=10))
    percent.locator("#claim-biased input[name=low]").fill(written)
    expect(percent.locator("#claim-biased .verify-yours")).to_contain_text("at least −1 point.")


@pytest.mark.parametrize("written", ["many", "1,000", "5%5", "--5", "50 %"])
def test_what_is_no_number_is_said(percent: Page, written: str) -> None:
    claim = percent.locator("#claim-biased")
    set_bounds(percent, "biased", Criterion(low=50))
    expect(claim.locator(".verify-yours")).not_to_be_empty()
    claim.locator("input[name=low]").fill(written)
    expect(claim.locator(".verify-try__unread")).to_contain_text(f"“{written}” cannot be read as a number")
    expect(claim.locator(".verify-yours")).to_be_empty()
    claim.locator("input[name=low]").fill("")
    expect(claim.locator(".verify-try__unread")).to_be_empty()
    claim.get_by_role("button", name="Back to the published threshold").click()
    expect(claim.locator("input[name=low]")).to_have_value("10")
