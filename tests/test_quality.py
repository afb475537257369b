"""The whole site as readers meet it: every page, in a real browser.

Nothing here knows what a review says, so that new pages are looked at too; `tests.built` has what is in the site.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser import Heard, Site, serve
from tests.built import ADDRESS
from tests.test_site import Elements

HEAVIEST = 400_000
"""Bytes, gzipped, that the first view of a review may transfer."""
SERIOUS = ("serious", "critical")
PHONE: ViewportSize = {"width": 320, "height": 800}
DESK: ViewportSize = {"width": 1440, "height": 900}
SHEET: ViewportSize = {"width": 718, "height": 1046}
"""A4 within margins of a centimetre, in CSS pixels."""
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ALIKE = "pre span:nth-child(n + 80)"
"""Code further down has the colours of the code above, and there is a lot of it."""
OPEN_ALL = "document.querySelectorAll('details').forEach(fold => { fold.open = true })"
OPEN = """() => {
  // Parts of sheets are alike in all cards, and a page with all of them is one that no reader sees.
  const card = document.querySelector(".verify-card")
  for (const fold of document.querySelectorAll("details")) {
    fold.open = !fold.querySelector(".verify-part") || fold.closest(".verify-card") === card
  }
}"""
QUIET = "() => !document.querySelector('[aria-busy]')"


@pytest.fixture(scope="session")
def site(folder: Path) -> Iterator[Site]:
    with serve(folder) as running:
        yield running


@pytest.fixture(scope="session")
def names(folder: Path) -> list[str]:
    """The address of every page, relative to the site; of a review's sheets and of code, which are alike, the first."""
    pages = sorted(page.relative_to(folder).as_posix().removesuffix("index.html") for page in folder.rglob("*.html"))
    sheets = [name for name in pages if name.startswith(("evidence/", "code/"))]
    first = {name.rpartition("/")[0]: name for name in reversed(sheets)}
    assert len(first) > 5
    return [name for name in pages if name not in sheets or name in first.values()]


@pytest.fixture(scope="session")
def reviews(names: list[str]) -> list[str]:
    return [name for name in names if re.fullmatch(r"reviews/[^/]+/", name)]


def opened(context: BrowserContext, site: Site, name: str) -> tuple[Page, Heard]:
    page = context.new_page()
    heard = Heard(page, site.base)
    page.goto(site.base + name)
    return page, heard


@pytest.mark.parametrize("share", range(4))
def test_every_page_is_quiet_and_accessible_and_fits(
    browser: Browser, site: Site, names: list[str], share: int
) -> None:
    """In light and dark, on a desk and in a hand; each test takes every fourth page, since workers share the work."""
    context = browser.new_context(viewport=DESK, color_scheme="light", reduced_motion="reduce")
    found = []
    for name in names[share::4]:
        page, heard = opened(context, site, name)
        found += [f"{name}, light, desk: {each}" for each in _seen(page, "default")]
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="dark")
        found += [f"{name}, dark, phone: {each}" for each in _seen(page, "slate")]
        found += [f"{name}: {complaint}" for complaint in heard.complaints]
        page.close()
    context.close()
    assert not found, "\n".join(found)


def _seen(page: Page, scheme: str) -> Iterator[str]:
    """What is wrong with a page as it stands; folds are opened, since they are part of it."""
    page.wait_for_selector(f"body[data-md-color-scheme={scheme}]")
    page.evaluate(OPEN)
    page.wait_for_timeout(50)  # until folds have noticed
    page.wait_for_function(QUIET)
    if (wider := page.evaluate(WIDE)) > 0:
        yield f"{wider} px wider than the window"
    for each in Axe().run(page, context={"exclude": [ALIKE]}).response["violations"]:
        if each["impact"] in SERIOUS:
            places = [node["target"] for node in each["nodes"]]
            yield f"{each['id']}, {len(places)} times: {places[:3]}"


def test_without_scripts_everything_can_be_read(browser: Browser, site: Site, names: list[str]) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    found = []
    for name in names:
        page, heard = opened(context, site, name)
        page.evaluate(OPEN_ALL)  # as a click does, without any script of the page's
        found += [f"{name}: cannot be seen: {each}" for each in page.evaluate(HIDDEN)]
        found += [f"{name}: {wider} px wider than the window" for wider in [page.evaluate(WIDE)] if wider > 0]
        found += [f"{name}: {complaint}" for complaint in heard.complaints]
        page.close()
    context.close()
    assert not found, "\n".join(found)


HIDDEN = """() => [...document.querySelectorAll(
  "article figure, article img, article table, article h1, article h2, article p, article pre, article li"
)].filter(each => !each.checkVisibility() || each.getBoundingClientRect().height < 1)
  .filter(each => !each.closest(".verify-tabs__panel, .tabbed-block, [hidden]"))
  .filter(each => each.tagName === "IMG" || each.textContent.trim())
  .map(each => each.outerHTML.slice(0, 120))"""
FOCUSED = """() => {
  const at = document.activeElement
  if (at === document.body) return null
  at.dataset.reached = ""
  const label = at.type === "radio" && at.labels[0] // of a radio button only its label is seen
  const style = getComputedStyle(label || at)
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
  const caret = at.matches("input[type=text], input[type=search]")
  const box = at.getBoundingClientRect()
  return {
    what: at.outerHTML.slice(0, 120),
    skip: at.matches(".md-skip"),
    visible: ring || caret || style.boxShadow !== "none",
    seen: box.width > 1 && box.height > 1 && box.right > 0 && box.left < innerWidth,
  }
}"""
MISSED = """() => [...document.querySelectorAll(
  "article a[href], article button, article summary, article select, article input, article [tabindex='0']"
)].filter(each => each.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}) && !each.disabled)
  .filter(each => each.tabIndex >= 0 && !("reached" in each.dataset) && each.type !== "radio")
  .map(each => each.outerHTML.slice(0, 120))"""


def test_with_the_keyboard_alone_everything_is_reached(browser: Browser, site: Site, reviews: list[str]) -> None:
    context = browser.new_context(viewport=DESK, reduced_motion="reduce")
    found = []
    for name in ("", reviews[0], "guide/read-a-verdict/"):
        page, _ = opened(context, site, name)
        page.keyboard.press("Tab")
        first = page.evaluate(FOCUSED)
        assert first["skip"], first
        assert first["seen"], first
        for _ in range(1000):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUSED)
            if at is None or at["skip"]:
                break
            if not at["visible"]:
                found.append(f"{name}: its focus cannot be seen: {at['what']}")
        found += [f"{name}: never reached: {each}" for each in page.evaluate(MISSED)]
        page.close()
    context.close()
    assert not found, "\n".join(found)


def test_the_skip_link_and_folds_work_from_the_keyboard(browser: Browser, site: Site, reviews: list[str]) -> None:
    page, _ = opened(context := browser.new_context(viewport=DESK), site, reviews[0])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article') !== null"), "the menus were not skipped"
    fold = page.locator("article summary").first
    fold.focus()
    page.keyboard.press("Enter")
    assert page.locator("article details").first.get_attribute("open") is not None
    region = page.locator(".verify-scroll[tabindex='0']").first
    assert region.get_attribute("aria-label") or region.get_attribute("aria-labelledby")
    context.close()


CLIPPED = """() => [...document.querySelectorAll("article .verify-scroll, article figure, article pre, article table")]
  .filter(each => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .filter(each => getComputedStyle(each).overflowX !== "visible")
  .map(each => each.outerHTML.slice(0, 100))"""
FURNITURE = """() => [...document.querySelectorAll(
  ".md-header, .md-sidebar, .md-tabs, .md-footer, .md-top, .md-code__nav, .headerlink, article button, .verify-fold"
)].filter(each => each.checkVisibility() && each.getBoundingClientRect().height > 0)
  .map(each => each.outerHTML.slice(0, 100))"""
INK = "getComputedStyle(document.querySelector('article')).color"


def test_print_shows_whole_figures_and_no_furniture(browser: Browser, site: Site, reviews: list[str]) -> None:
    page, _ = opened(light := browser.new_context(color_scheme="light"), site, "")
    page.emulate_media(media="print")
    dark_ink = page.evaluate(INK)
    light.close()
    context = browser.new_context(viewport=SHEET, color_scheme="dark")
    found = []
    site.asked.clear()
    for name in ("", *reviews):
        page, _ = opened(context, site, name)
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate(OPEN_ALL)  # as the theme does before it prints
        found += [f"{name}: cut off: {each}" for each in page.evaluate(CLIPPED)]
        found += [f"{name}: {wider} px too wide" for wider in [page.evaluate(WIDE)] if wider > 0]
        found += [f"{name}: printed: {each}" for each in page.evaluate(FURNITURE)]
        if (ink := page.evaluate(INK)) != dark_ink:
            found.append(f"{name}: the ink is {ink}")
        page.close()
    sheets = [path for path in site.asked if path.startswith(("/evidence/", "/code/")) and path.endswith(".html")]
    found += [f"fetched for folds that are not printed: {path}" for path in sheets]
    page, _ = opened(context, site, reviews[0])
    assert page.pdf(format="A4").startswith(b"%PDF")
    context.close()
    assert not found, "\n".join(found)


def test_the_first_view_of_a_review_is_light(
    browser: Browser, site: Site, folder: Path, reviews: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    weights: dict[str, dict[str, int]] = {}
    for name in ("", *reviews):
        site.asked.clear()
        context = browser.new_context(viewport=DESK)
        page, _ = opened(context, site, name)
        page.wait_for_load_state("networkidle")
        context.close()
        weights[name or "home"] = {path: _gzipped(folder, path) for path in dict.fromkeys(site.asked)}
    theme = sum(weight for path, weight in weights["home"].items() if _is_the_themes(path))
    with capsys.disabled():
        print(f"\nthe theme alone: {theme / 1000:.0f} KB gzipped")
        for name, each in weights.items():
            print(f"{name}: {sum(each.values()) / 1000:.0f} KB in {len(each)} requests")
    assert 50_000 < theme < HEAVIEST
    for name, each in weights.items():
        assert sum(each.values()) <= HEAVIEST, f"{name}: {each}"


def _gzipped(folder: Path, path: str) -> int:
    file = folder / unquote(urlsplit(path).path).lstrip("/")
    return len(gzip.compress((file / "index.html" if file.is_dir() else file).read_bytes(), 6))


def _is_the_themes(path: str) -> bool:
    return path.startswith(("/assets/javascripts/", "/assets/stylesheets/", "/assets/images/"))


def test_every_link_and_anchor_leads_somewhere(folder: Path) -> None:
    known = {page: Elements(page.read_text(encoding="utf-8")) for page in sorted(folder.rglob("*.html"))}
    found, checked = [], 0
    for page in known:
        name = page.relative_to(folder).as_posix().removesuffix("index.html")
        base = ADDRESS if name == "404.html" else ADDRESS + name  # served at any address, so its links are absolute
        addresses = [a[key] for tag, a in known[page].found if tag != "base" for key in ("href", "src") if a.get(key)]
        for address in addresses:
            checked += 1
            found += [f"{name}: {address}: {why}" for why in _wrong(urljoin(base, address), folder, known)]
    for file in folder.glob("*.xml"):
        text = file.read_text(encoding="utf-8")
        addresses = re.findall(r"<(?:loc|link|guid)[^>]*>([^<]+)<", text) + re.findall(r'(?:href|url)="([^"]+)"', text)
        assert addresses, file
        found += [f"{file.name}: {address}: {why}" for address in addresses for why in _wrong(address, folder, known)]
    assert checked > 100
    assert not found, "\n".join(found)


def _wrong(address: str, folder: Path, known: dict[Path, Elements]) -> Iterator[str]:
    """What is wrong with an absolute address; nothing with those of other sites."""
    target = urlsplit(address)
    if f"{target.scheme}://{target.netloc}/" != ADDRESS:
        return
    file = folder / unquote(target.path).lstrip("/")
    file = file / "index.html" if file.is_dir() else file
    if not file.is_file():
        yield "no such file"
    elif target.fragment and file in known and unquote(target.fragment) not in known[file].ids:
        yield "no such anchor"
