"""What a published site has besides its pages: feed, sitemap, the page for an address that leads nowhere."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser

from tests import miniature
from tests.browser import Heard, serve
from verify.site.feed import feed

ADDRESS = "https://example.org/reviews-of-papers/"
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def build(root: Path, address: str) -> Path:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    built = subprocess.run(
        command, cwd=root, env={**os.environ, "SITE_URL": address}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return root / "site"


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that knows its address."""
    root = tmp_path_factory.mktemp("placed")
    miniature.make(root)
    return build(root, ADDRESS)


@pytest.fixture(scope="module")
def placeless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("placeless")
    miniature.make(root)
    return build(root, "")


def test_the_feed_has_every_review_with_whole_addresses_that_exist(placed: Path) -> None:
    channel = ET.parse(placed / "feed.xml").getroot().find("channel")
    assert channel is not None
    items = channel.findall("item")
    assert [item.findtext("link") for item in items] == [f"{ADDRESS}reviews/{slug}/" for slug in ("coin", "dice")]
    for item in items:
        path = (item.findtext("link") or "").removeprefix(ADDRESS)
        assert (placed / path / "index.html").is_file()
        assert item.findtext("guid") == item.findtext("link")
    coin, dice = items
    assert coin.findtext("title") == "Coins & <script>alert('title')</script>: a *biased* study"
    assert "Claims at tiny: 1 supported, 1 contradicted, 2 inconclusive." in (coin.findtext("description") or "")
    assert [each.text for each in coin.findall("category")] == ["coins", "<u>tag</u>"]
    assert parsedate_to_datetime(coin.findtext("pubDate") or "").date().isoformat() == "2026-01-31"
    assert dice.find("pubDate") is None
    assert channel.findtext("link") == ADDRESS


def test_the_feed_names_the_pages_of_a_generator_without_folders(tmp_path: Path) -> None:
    text = feed(miniature.make(tmp_path, {"dice": miniature.DICE}, ran={}), "T", "D", ADDRESS, directory_urls=False)
    assert f"<link>{ADDRESS}reviews/dice.html</link>" in text


def test_every_page_names_the_feed_where_there_is_one(placed: Path, placeless: Path) -> None:
    for name, address in (("index.html", "feed.xml"), ("reviews/coin/index.html", "../../feed.xml")):
        link = '<link rel="alternate" type="application/rss+xml" title="Verified Paper Reviews"'
        assert f'{link} href="{address}">' in (placed / name).read_text(encoding="utf-8")
        assert "rss+xml" not in (placeless / name).read_text(encoding="utf-8")
    assert not (placeless / "feed.xml").exists()


def test_the_sitemap_lists_every_page_and_is_left_out_where_it_would_be_empty(placed: Path, placeless: Path) -> None:
    listed = {each.text for each in ET.parse(placed / "sitemap.xml").getroot().iterfind("s:url/s:loc", SITEMAP)}
    pages = {path.parent.relative_to(placed).as_posix() for path in placed.rglob("index.html")}
    assert listed == {ADDRESS + ("" if page == "." else f"{page}/") for page in pages}
    assert ET.fromstring(gzip.decompress((placed / "sitemap.xml.gz").read_bytes())).tag.endswith("urlset")
    assert not (placeless / "sitemap.xml").exists()


def test_an_address_that_leads_nowhere_leads_on(browser: Browser, placeless: Path) -> None:
    with serve(placeless) as site:
        context = browser.new_context(viewport={"width": 360, "height": 800})
        page = context.new_page()
        page.goto(f"{site.base}reviews/dcie/", wait_until="networkidle")
        assert page.get_by_role("heading", level=1).inner_text() == "There is no such page"
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        heard = Heard(page, site.base)
        page.get_by_role("article").get_by_role("link", name="Dice without evidence").click()
        assert page.url == f"{site.base}reviews/dice/"
        page.go_back()
        page.get_by_role("searchbox", name="Words").fill("almost never")
        page.get_by_role("button", name="Search", exact=True).click()
        page.locator(".md-search-result__item a").first.wait_for()
        assert "coin" in (page.locator(".md-search-result__item a").first.get_attribute("href") or "")
        assert [each for each in heard.complaints if "another host" in each or "error" in each] == []
        context.close()


def test_the_page_for_nowhere_works_in_a_folder_of_a_host(placed: Path) -> None:
    page = (placed / "404.html").read_text(encoding="utf-8")
    assert '<form class="verify-filters" action="/reviews-of-papers/."' in page
    assert 'href="/reviews-of-papers/reviews/dice/"' in page


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("dice without", r"reviews/dice/(\?|$)"),
        ("lands on heads almost never", r"reviews/coin/.*#says-edge$"),
        ("contradicted", r"reviews/coin/.*#says-edge$"),
    ],
)
def test_readers_find_papers_claims_and_verdicts(browser: Browser, placeless: Path, words: str, expected: str) -> None:
    with serve(placeless) as site:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{site.base}?q={words}")
        found = page.locator(".md-search-result__link")
        found.first.wait_for()
        assert any(re.search(expected, each.get_attribute("href") or "") for each in found.all())
        context.close()


WORKFLOW = miniature.ROOT / ".github" / "workflows" / "publish.yml"


def test_the_workflow_gives_a_pull_request_nothing_but_the_right_to_read() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML 1.1 reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")
    build, deploy = workflow["jobs"]["build"], workflow["jobs"]["deploy"]
    assert "permissions" not in build
    assert build["steps"][0]["with"] == {"persist-credentials": False, "fetch-depth": 0}
    assert [step["run"].split("#")[0].strip() for step in build["steps"] if "run" in step] == [
        "make site",
        ".venv/bin/verify check",
    ]
    assert build["steps"][-1]["if"] == "github.event_name == 'push'"
    assert deploy["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    assert not any("run" in step for step in deploy["steps"])


def test_the_workflow_pins_every_action() -> None:
    for name in ("publish.yml", "check.yml"):
        text = (WORKFLOW.parent / name).read_text(encoding="utf-8")
        used = re.findall(r"uses: (\S+)", text)
        assert used
        assert all(re.fullmatch(r"actions/[\w-]+@v\d+(\.\d+)*", each) for each in used)


def test_the_guide_shows_the_workflow_as_it_is() -> None:
    guide = (miniature.ROOT / "docs" / "guide" / "publish.md").read_text(encoding="utf-8")
    assert f"```yaml\n{WORKFLOW.read_text(encoding='utf-8')}```\n" in guide


def test_the_sites_build_installs_no_torch() -> None:
    makefile = (miniature.ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile[makefile.index("$(SITE): ") :].partition("\n\n")[0]
    assert "-e ." in recipe
    assert "lab" not in recipe.replace("$(LAB)", "")
    assert re.search(r"^site: \$\(SITE\) ", makefile, re.MULTILINE)
