"""The list of papers and the table of claims: their HTML, and in a browser their filters and sorting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests import miniature
from tests.browser import Heard, Site, serve
from verify.project.project import Project

HOME, CLAIMS = "", "claims/"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return miniature.make(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def home(project: Project) -> str:
    return miniature.html(project, "index.md")


@pytest.fixture(scope="module")
def claims(project: Project) -> str:
    return miniature.html(project, "claims.md")


@pytest.fixture(scope="module")
def site(project: Project) -> Iterator[Site]:
    built = miniature.build(project.root, "--strict")
    assert built.returncode == 0, built.stderr
    with serve(project.root / "site") as served:
        yield served


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    heard = Heard(opened, site.base)
    yield opened
    context.close()
    # Chromium drops its request for the icon when the address changes before it is answered.
    assert [each for each in heard.complaints if "favicon" not in each] == []


def test_each_paper_has_its_links(home: str) -> None:
    coin = home[home.index('id="coin"') :]
    assert '<a href="https://arxiv.org/abs/1234.56789">arXiv 1234.56789</a>' in coin
    assert '<a href="https://example.org/code?a=1&amp;b=2">Code &amp; data</a>' in coin


def test_a_paper_carries_the_verdicts_of_each_scale_and_its_tags(home: str) -> None:
    dice, coin = (json.loads(unescape(facts)) for facts in re.findall(r'data-facts="([^"]*)"', home))
    assert dice == [{"tag": ["dice"], "scale": ["tiny"], "verdict": ["not run"]}]
    assert [fact["scale"] for fact in coin] == [["tiny"], ["small"]]
    assert coin[0]["tag"] == ["coins", "<u>tag</u>"]
    assert coin[0]["verdict"] == ["supported", "contradicted", "inconclusive"]


def test_filters_offer_what_occurs_and_nothing_else(home: str, claims: str) -> None:
    for page, names in ((home, ["tag", "verdict", "scale"]), (claims, ["paper", "verdict", "scale"])):
        form = page[page.index("<form") : page.index("</form>")]
        assert re.match(r"<form [^>]*\bhidden\b", form)  # it needs the script, which shows it
        assert re.findall(r'<select name="(\w+)"', form) == names
        assert re.findall(r'<option value="(tiny|small|full)"', form) == ["tiny", "small"]
        assert 'value="failed"' not in form


def test_the_table_has_a_row_for_each_claim_and_scale(claims: str) -> None:
    rows = re.findall(r"<tr data-facts.*?</tr>", claims, re.DOTALL)
    assert len(rows) == 1 + 4 * 2
    edge = next(row for row in rows if "#claim-edge" in row and ">small<" in row)
    assert 'href="../reviews/coin/#claim-edge">The fair coin lands on heads almost never.</a>' in edge
    assert "Coins &amp; &lt;script&gt;" in edge
    assert "contradicted</span>" in edge
    assert "at most 0.2" in edge
    assert re.search(r"0\.\d+ \[0\.\d+, 0\.\d+\]", edge)
    each = next(row for row in rows if "#claim-each" in row)
    assert "at least 0.5, in every trial" in each


def test_stale_evidence_is_told_in_the_table(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    miniature.outdate(project, "coin", "tosses", "tiny")
    table = miniature.html(Project.load(tmp_path), "claims.md")
    assert table.count(">stale</span>") == 4


def test_without_claims_the_page_says_so(tmp_path: Path) -> None:
    page = miniature.html(Project(tmp_path, []), "claims.md")
    assert "No claim is declared yet." in page
    assert "<script" not in page


def papers_shown(page: Page) -> list[str]:
    return [each.get_attribute("id") or "" for each in page.locator(".verify-paper:visible h3").all()]


def choice(page: Page, name: str) -> Locator:
    return page.locator(f".verify-filters select[name={name}]")


def test_filters_need_no_page_load_and_announce_how_many_are_shown(page: Page, site: Site) -> None:
    page.goto(site.base + HOME, wait_until="networkidle")
    assert papers_shown(page) == ["dice", "coin"]
    page.evaluate("window.loaded = 'once'")
    choice(page, "verdict").select_option("supported")
    assert papers_shown(page) == ["coin"]
    assert page.get_by_role("status").inner_text() == "1 of 2 papers"
    choice(page, "scale").select_option("small")
    choice(page, "tag").select_option("dice")
    assert papers_shown(page) == []
    assert page.get_by_text("No paper agrees with these choices.").is_visible()
    assert not page.get_by_role("heading", level=2).filter(has_text="Chance").is_visible()
    page.get_by_role("button", name="Show all").click()
    assert papers_shown(page) == ["dice", "coin"]
    assert page.get_by_role("status").inner_text() == "2 papers"
    assert page.evaluate("window.loaded") == "once"


def test_verdict_and_scale_are_looked_for_together(page: Page, site: Site) -> None:
    page.goto(f"{site.base}?verdict=not+run&scale=small", wait_until="networkidle")
    assert papers_shown(page) == []  # the dice have not run at tiny, and are not planned at small
    page.goto(f"{site.base}?verdict=not+run&scale=tiny", wait_until="networkidle")
    assert papers_shown(page) == ["dice"]


def test_choices_are_kept_in_the_address(page: Page, site: Site) -> None:
    page.goto(site.base + HOME, wait_until="networkidle")
    choice(page, "tag").select_option("dice")
    choice(page, "verdict").select_option("not run")
    assert page.url == f"{site.base}?tag=dice&verdict=not+run"
    page.reload(wait_until="networkidle")
    assert papers_shown(page) == ["dice"]
    assert choice(page, "tag").input_value() == "dice"
    choice(page, "tag").select_option("coins")
    assert papers_shown(page) == []
    page.go_back()
    assert papers_shown(page) == ["dice"]
    page.go_back()
    page.go_back()
    assert papers_shown(page) == ["dice", "coin"]
    page.go_forward()
    assert choice(page, "tag").input_value() == "dice"


def test_an_address_that_chooses_nothing_known_shows_everything(page: Page, site: Site) -> None:
    page.goto(f"{site.base}?tag=nonsense&scale=<script>", wait_until="networkidle")
    assert papers_shown(page) == ["dice", "coin"]
    assert page.get_by_role("button", name="Show all").is_hidden()


def test_a_tag_of_a_paper_chooses_it_by_keyboard_too(page: Page, site: Site) -> None:
    page.goto(site.base + HOME, wait_until="networkidle")
    page.get_by_role("link", name="<u>tag</u>").focus()
    page.keyboard.press("Enter")
    assert papers_shown(page) == ["coin"]
    assert choice(page, "tag").input_value() == "<u>tag</u>"
    page.reload(wait_until="networkidle")
    assert papers_shown(page) == ["coin"]


def test_a_tag_of_a_review_leads_to_the_papers_that_have_it(page: Page, site: Site) -> None:
    page.goto(f"{site.base}reviews/coin/", wait_until="networkidle")
    page.get_by_role("link", name="<u>tag</u>").click()
    page.wait_for_load_state("networkidle")
    assert papers_shown(page) == ["coin"]


@pytest.mark.parametrize(("path", "entries"), [(HOME, ".verify-paper"), (CLAIMS, ".verify-claims tbody tr")])
def test_without_scripts_everything_is_shown_and_nothing_is_offered(
    browser: Browser, site: Site, path: str, entries: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.base}{path}?verdict=supported", wait_until="networkidle")
    assert page.locator(entries).count() == page.locator(f"{entries}:visible").count() > 1
    assert page.locator(".verify-filters").is_hidden()
    assert page.locator(".verify-claims button").count() == 0
    context.close()


def claims_shown(page: Page) -> list[str]:
    return page.locator(".verify-claims tbody tr:visible th").all_inner_texts()


def column(page: Page, number: int) -> list[str]:
    return page.locator(f".verify-claims tbody tr > :nth-child({number})").all_inner_texts()


def test_the_table_sorts_by_a_click_and_back(page: Page, site: Site) -> None:
    page.goto(site.base + CLAIMS, wait_until="networkidle")
    heading = page.get_by_role("columnheader", name="Verdict")
    assert heading.get_attribute("aria-sort") is None
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    ladder = ["supported", "contradicted", "inconclusive", "not run"]
    sorted_up = [next(word for word in ladder if word in text) for text in column(page, 4)]
    assert set(sorted_up) == set(ladder)
    assert sorted_up == sorted(sorted_up, key=ladder.index)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(page, 4)[0].endswith("not run")
    page.get_by_role("columnheader", name="Claim").get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert claims_shown(page) == sorted(claims_shown(page), key=str.casefold)


def test_estimates_sort_as_numbers_and_missing_ones_stay_last(page: Page, site: Site) -> None:
    page.goto(site.base + CLAIMS, wait_until="networkidle")
    button = page.get_by_role("columnheader", name="Estimate").get_by_role("button")
    for reverse in (False, True):
        button.focus()
        page.keyboard.press("Enter")
        cells = page.locator(".verify-claims tbody td:nth-child(5)").all()
        keys = [each.get_attribute("data-sort") or "" for each in cells]
        assert keys[-1] == ""
        numbers = [float(key) for key in keys[:-1]]
        assert numbers == sorted(numbers, reverse=reverse)


def test_the_table_is_filtered_by_words_and_choices(page: Page, site: Site) -> None:
    page.goto(site.base + CLAIMS, wait_until="networkidle")
    assert page.get_by_role("status").inner_text() == "9 verdicts"
    page.get_by_role("searchbox", name="Words").fill("FAIR heads")
    assert claims_shown(page) == ["The fair coin lands on heads almost never."] * 2
    choice(page, "scale").select_option("small")
    assert page.get_by_role("status").inner_text() == "1 of 9 verdicts"
    page.reload(wait_until="networkidle")
    assert page.get_by_role("searchbox", name="Words").input_value() == "FAIR heads"
    assert len(claims_shown(page)) == 1


@pytest.mark.parametrize("path", [HOME, CLAIMS])
@pytest.mark.parametrize("width", [360, 768, 1000, 1440])
def test_nothing_scrolls_sideways(browser: Browser, site: Site, path: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(site.base + path, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_table_can_be_sorted_on_a_phone(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(site.base + CLAIMS, wait_until="networkidle")
    page.get_by_role("columnheader", name="Verdict").get_by_role("button").click()
    assert "supported" in column(page, 4)[0]
    context.close()
