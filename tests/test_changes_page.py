"""The page of changes, and their feed: made at build time from the same history."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from tests import miniature
from tests.past import Past, git, other
from tests.test_site import Elements
from verify.judging.changes import Cause
from verify.model import Verdict
from verify.project import history
from verify.project.history import History, Step
from verify.project.project import Project
from verify.site import changes, pages
from verify.site.citations import Site

ADDRESS = "https://example.org/reviews-of-papers/"
ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """Two verdicts that changed, and one claim that was withdrawn."""
    past = Past(tmp_path_factory.mktemp("past") / "project")
    past.edit("tiny: {seeds: 6}", "tiny: {seeds: 9}")
    past.run(other)
    past.commit()
    text = past.review.read_text(encoding="utf-8")
    begin, end = text.index("  - id: edge"), text.index("  - id: close")
    past.review.write_text(
        (text[:begin] + text[end:]).replace("another one was thought to hold: [@edge supported]", "")
    )
    past.edit("[@biased supported]", "[@biased contradicted]")
    past.commit()
    return past


def build(root: Path, address: str = "") -> Path:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    built = subprocess.run(
        command, cwd=root, env={**os.environ, "SITE_URL": address}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return root / "site"


@pytest.fixture(scope="module")
def site(past: Past) -> Path:
    return build(past.root, ADDRESS)


def rendered(root: Path, found: History | None = None, url: str = "") -> str:
    """The page's HTML."""
    found = found or history.of(root)
    page = pages.render(Project.load(root), site=Site(url=url), history=found)[changes.PAGE]
    assert isinstance(page, pages.Page)
    return page.html


def rows(html: str) -> list[list[str]]:
    """The text of each cell."""
    body = html[html.index("<tbody>") :] if "<tbody>" in html else ""
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in body.split("<tr>")[1:]]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


# --- the page


def test_the_page_has_a_row_for_each_change_the_latest_first(past: Past) -> None:
    found = rows(rendered(past.root))
    assert [(row[1], row[2], row[3]) for row in found] == [
        ("2023-11-16", "tiny", "✕ contradicted → withdrawn"),
        ("2023-11-15", "tiny", "✓ supported → ✕ contradicted"),
    ]
    assert found[0][0].startswith("@edge Coins &amp; &lt;script&gt;")
    assert found[1][0].startswith("The biased coin comes up heads more often, &lt;script&gt;alert(&#39;claim&#39;)")
    assert re.fullmatch(r"0\.\d+ \[0\.\d+, 0\.\d+\] → 0\.0200 \[0\.01\d+, 0\.02\d+\]", found[1][4])
    assert re.fullmatch("seeds: 6 → 9 3 seeds added since it was first published commit [0-9a-f]{7}", found[1][5])


def test_the_claim_is_linked_where_it_still_stands(site: Path) -> None:
    page = (site / "changes" / "index.html").read_text(encoding="utf-8")
    links = [a["href"] for tag, a in Elements(page).found if tag == "a" and "#claim-" in a.get("href", "")]
    assert links == ["../reviews/coin/#claim-biased"]
    assert 'id="claim-biased"' in (site / "reviews/coin/index.html").read_text(encoding="utf-8")


def test_the_page_is_in_the_navigation_and_named_on_the_home_page(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    assert '<a href="changes/">Which verdicts changed</a>' in home
    assert '<a href="../changes/" class="md-nav__link">' in (site / "changelog/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (History(missing="git says: <b>no"), "is not known here: git says: &lt;b&gt;no."),
        (History(head="0" * 40, on="2026-01-01T00:00:00Z"), "No published verdict has changed."),
        (History(head="0" * 40, on="2026-01-01T00:00:00Z", cut=True), "built from a shallow clone"),
        (History(head="0" * 40, on="2026-01-01T00:00:00Z", unread=("x",)), "1 file of older commits could not be read"),
    ],
)
def test_what_is_not_known_is_said(past: Past, found: History, said: str) -> None:
    assert said in rendered(past.root, found)


def test_a_site_without_git_is_built_and_says_so(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"coin": miniature.COIN})
    site = build(tmp_path, ADDRESS)
    assert "is not known here: git says: not a git repository" in (site / "changes/index.html").read_text("utf-8")
    assert not (site / changes.PATH).exists()
    assert "atom+xml" not in (site / "index.html").read_text(encoding="utf-8")


def test_a_site_of_a_shallow_clone_says_so(past: Past, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{past.root}", "clone")
    page = rendered(tmp_path / "clone")
    assert "built from a shallow clone" in page
    assert "No published verdict has changed in the commits that are known here." in page


def test_a_navigation_need_not_name_the_page(past: Past, tmp_path: Path) -> None:
    shutil.copytree(past.root, tmp_path / "copy")
    configuration = tmp_path / "copy" / "mkdocs.yml"
    configuration.write_text(configuration.read_text().replace("      - changes.md\n", ""))
    assert (build(tmp_path / "copy") / "changes/index.html").is_file()


def test_more_changes_than_are_shown_are_counted(past: Past) -> None:
    verdict = Verdict("biased", "tiny", "supported", "")
    steps = [
        Step(
            "coin", "biased", "tiny", f"{number:040}", "2026-01-01T00:00:00Z", verdict, replace(verdict, status=status)
        )
        for number in range(changes.MOST_ROWS + 2)
        for status in ("contradicted",)
    ]
    page = rendered(past.root, History(tuple(steps), head="0" * 40, on="2026-01-01T00:00:00Z"))
    assert len(rows(page)) == changes.MOST_ROWS
    assert "2 older changes are not shown" in page


# --- the feed


def entries(text: str) -> list[ET.Element]:
    return ET.fromstring(text).findall("a:entry", ATOM)


def test_the_feed_is_atom_with_whole_addresses_that_exist(site: Path) -> None:
    root = ET.parse(site / changes.PATH).getroot()
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    assert root.findtext("a:id", "", ATOM) == f"{ADDRESS}changes.xml"
    assert root.findtext("a:author/a:name", "", ATOM) == "Verified Paper Reviews"
    links = {each.get("rel"): each.get("href") for each in root.findall("a:link", ATOM)}
    assert links == {"self": f"{ADDRESS}changes.xml", "alternate": f"{ADDRESS}changes/"}
    found = root.findall("a:entry", ATOM)
    assert [each.findtext("a:title", "", ATOM) for each in found] == [
        "coin@edge at tiny: contradicted → withdrawn",
        "coin@biased at tiny: supported → contradicted",
    ]
    for each in found:
        assert datetime.fromisoformat(each.findtext("a:updated", "", ATOM)).tzinfo is not None
        (link,) = each.findall("a:link", ATOM)
        path = urlsplit((link.get("href") or "").removeprefix(ADDRESS)).path
        assert (site / path / "index.html").is_file()
    assert root.findtext("a:updated", "", ATOM) == found[0].findtext("a:updated", "", ATOM)
    assert len({each.findtext("a:id", "", ATOM) for each in found}) == 2


def test_a_browser_reads_the_feed_as_it_was_meant(browser: Browser, site: Path) -> None:
    """Another parser than the one that belongs to the writer."""
    text = (site / changes.PATH).read_text(encoding="utf-8")
    page = browser.new_page()
    found = page.evaluate(
        """text => {
          const read = new DOMParser().parseFromString(text, "application/xml")
          const of = (each, name) => each.getElementsByTagName(name)[0].textContent
          return {
            wrong: read.getElementsByTagName("parsererror").length,
            namespace: read.documentElement.namespaceURI,
            contents: [...read.getElementsByTagName("entry")].map(each => of(each, "content")),
          }
        }""",
        text,
    )
    page.close()
    assert (found["wrong"], found["namespace"]) == (0, ATOM["a"])
    lines = found["contents"][1].split("\n")
    assert lines[0] == "Coins & <script>alert('title')</script>: a *biased* study:"
    assert lines[1] == "The biased coin comes up heads more often, <script>alert('claim')</script> they say."
    assert lines[3:5] == ["seeds: 6 → 9", "3 seeds added since it was first published"]


def test_every_page_names_the_feed_where_there_is_one(past: Past, site: Path, tmp_path: Path) -> None:
    link = '<link rel="alternate" type="application/atom+xml" title="Changes of verdicts"'
    for name, address in (("index.html", "changes.xml"), ("reviews/coin/index.html", "../../changes.xml")):
        assert f'{link} href="{address}">' in (site / name).read_text(encoding="utf-8")
    assert '<a href="../changes.xml">as a feed</a>' in (site / "changes/index.html").read_text(encoding="utf-8")
    shutil.copytree(past.root, tmp_path / "copy")
    placeless = build(tmp_path / "copy")
    assert not (placeless / changes.PATH).exists()
    assert "changes.xml" not in "".join(each.read_text(encoding="utf-8") for each in placeless.rglob("*.html"))


def test_what_no_xml_may_hold_is_replaced_and_long_text_is_cut() -> None:
    verdict = Verdict("x", "tiny", "supported", "")
    cause = Cause("parameters", "a\x00\x1b\ufffe\ud7ff<b>&", "\u202e" + "long " * 100, ("a",))
    step = Step(
        "r", "x", "tiny", "0" * 40, "2026-01-01T00:00:00Z", verdict, replace(verdict, status="failed"), (cause,)
    )
    text = changes.feed(History((step,), on="2026-01-01T00:00:00Z"), {}, "T <&>", ADDRESS)
    (entry,) = entries(text)
    content = entry.findtext("a:content", "", ATOM)
    assert r"a\x00\x1b" in content
    assert "<b>&" in content
    assert r"\u202elong long" in content
    assert len(content) < 500
    assert content.isprintable() or set(content) & {"\n"}


def test_the_feed_has_the_latest_fifty_and_names_that_stay() -> None:
    verdict = Verdict("x", "tiny", "supported", "")
    steps = tuple(
        Step("r", "x", "tiny", f"{number:040}", f"2026-01-01T00:{number:02}:00Z", verdict, None) for number in range(60)
    )
    found = entries(changes.feed(History(steps), {}, "T", ADDRESS))
    assert len(found) == changes.MOST_ENTRIES == 50
    assert found[0].findtext("a:updated", "", ATOM) == "2026-01-01T00:59:00Z"
    moved = entries(changes.feed(History(steps), {}, "T", "https://elsewhere.example/"))
    assert [each.findtext("a:id", "", ATOM) for each in moved] == [each.findtext("a:id", "", ATOM) for each in found]


def test_an_empty_feed_says_since_when_it_is() -> None:
    root = ET.fromstring(changes.feed(History(on="2026-01-01T00:00:00Z"), {}, "T", ADDRESS))
    assert root.findtext("a:updated", "", ATOM) == "2026-01-01T00:00:00Z"
    assert root.findall("a:entry", ATOM) == []


# --- what it costs, and where else


def test_a_live_site_asks_for_history_with_whole_builds_alone(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = pages.Renderer(history=history.of(past.root))
    monkeypatch.setattr(history, "git", None)
    assert changes.PAGE in renderer.render(Project.load(past.root))
    assert changes.PAGE in renderer.render(Project.load(past.root))


def test_an_export_has_the_page(past: Past, tmp_path: Path) -> None:
    from verify.site.export import export

    export(Project.load(past.root), tmp_path / "out")
    page = (tmp_path / "out" / "changes.md").read_text(encoding="utf-8")
    assert "Changes of verdicts" in page
    assert "reviews/coin" in page
