"""What folds hold, in a real browser: parts of sheets that come when asked for, and text that can be copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import miniature
from tests.browser import Site, serve, visited

WARMUP = """
```yaml verify
id: schedule
experiment: warmup_curve
parameters: {rule: gradual-warmup, k: 2, lr: 0.1, steps_per_epoch: 10}
scales:
  tiny: {seeds: 3}
```
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    miniature.make(root, {"coin": miniature.COIN, "dice": miniature.DICE + WARMUP})
    built = miniature.build(root, "--strict")
    assert built.returncode == 0, built.stderr
    return root / "site"


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    with serve(folder) as site:
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    permissions = ["clipboard-read", "clipboard-write"]
    with visited(browser, site.base, "reviews/coin/", permissions=permissions) as page:
        yield page


def opened(page: Page, name: str) -> Locator:
    fold = page.locator("details.verify-fold", has=page.locator("summary", has_text=name)).first
    fold.locator("summary").click()
    return fold


def test_a_part_comes_when_its_fold_is_opened_and_only_once(page: Page, site: Site) -> None:
    page.wait_for_load_state("networkidle")
    assert not [path for path in site.asked if path.endswith("tosses.html")]
    data = opened(page, "Data")
    expect(data.locator("table.verify-data").first.locator("tbody tr")).to_have_count(12)
    expect(data.locator("table.verify-data")).to_have_count(2)  # tiny and small
    provenance = opened(page, "Provenance")
    expect(provenance).to_contain_text("python 3.11.9, torch 2.13.0")
    expect(opened(page, "Declaration")).to_contain_text("grid: {bias: [0.5, 0.7]}")
    data.locator("summary").click()
    data.locator("summary").click()
    expect(data.locator("table.verify-data")).to_have_count(2)
    assert len([path for path in site.asked if path.endswith("tosses.html")]) == 1
    download = provenance.get_by_role("link", name="evidence/coin/tosses.tiny.jsonl")
    assert page.request.get(download.evaluate("link => link.href")).ok
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))


def test_code_is_shown_from_the_experiment_on(page: Page, site: Site) -> None:
    page.wait_for_load_state("networkidle")
    page.goto(f"{site.base}reviews/dice/")
    fold = opened(page, "Code: warmup_curve")
    code = fold.locator("pre > code")
    expect(code).to_contain_text("def warmup_curve(")
    page.wait_for_function("code => code.scrollTop > 0", arg=code.element_handle())
    seen = code.evaluate(
        """code => {
          const line = [...code.querySelectorAll(".nf")].find((name) => name.textContent === "warmup_curve")
          const [box, frame] = [line.getBoundingClientRect(), code.getBoundingClientRect()]
          return frame.top <= box.top && box.bottom <= frame.bottom
        }"""
    )
    assert seen


def test_without_javascript_the_links_lead_to_the_sheets(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.base}reviews/coin/")
    fold = opened(page, "Data")
    fold.get_by_role("link", name="Every trial, in a table").click()
    expect(page).to_have_url(f"{site.base}evidence/coin/tosses.html#data")
    expect(page.locator("#data table").first.locator("tbody tr")).to_have_count(12)
    page.get_by_role("link", name="Coins &").click()
    expect(page).to_have_url(f"{site.base}reviews/coin/#tosses")
    context.close()


def test_a_sheet_that_cannot_be_loaded_leaves_the_link_and_may_come_later(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/tosses.html", lambda route: route.abort())
    page.goto(f"{site.base}reviews/coin/")
    fold = opened(page, "Data")
    expect(fold).to_contain_text("It could not be loaded; it stands here: Every trial, in a table")
    page.unroute("**/tosses.html")
    fold.locator("summary").click()
    fold.locator("summary").click()
    expect(fold.locator("table.verify-data")).to_have_count(2)
    expect(fold).not_to_contain_text("could not be loaded")
    context.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Reproduce this", "verify run coin:tosses --scale tiny"),
        ("Cite", "@inproceedings{"),
        ("Declaration", "id: tosses"),
    ],
)
def test_commands_citations_and_code_can_be_copied(page: Page, name: str, expected: str) -> None:
    copy = opened(page, name).get_by_role("button", name="Copy").first
    copy.click()
    page.wait_for_function(
        "text => navigator.clipboard.readText().then((copied) => copied.startsWith(text))", arg=expected
    )
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
