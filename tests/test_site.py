"""The site as `mkdocs build` makes it: Markdown in, HTML out."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import urlopen

import pytest

from tests import miniature
from verify.project.project import Project
from verify.project.store import write_atomically

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}
"""What a browser loads without being asked, by element and attribute."""
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "markdown",
            "id": "a",
            "metadata": {},
            "source": ["# A notebook\n", "\n", "Energy $E = mc^2$, or\n", "$$\\sum_{i < n} i$$\n", "and `$PATH$`."],
        },
        {
            "cell_type": "code",
            "execution_count": 1,
            "id": "b",
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["from the stored output\n"]}],
            "source": ["raise SystemExit('executed')"],
        },
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the ids it can be referred to by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    @property
    def ids(self) -> set[str]:
        return {attributes["id"] for _, attributes in self.found if "id" in attributes}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    miniature.make(root)
    notebooks = root / "docs" / "notebooks"
    notebooks.mkdir()
    (notebooks / "coin.ipynb").write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    configuration = (root / "mkdocs.yml").read_text(encoding="utf-8")
    nav = configuration.replace("  - Method: method.md\n", "  - Method: method.md\n  - notebooks/coin.ipynb\n")
    (root / "mkdocs.yml").write_text(nav, encoding="utf-8")
    built = miniature.build(root, "--strict")
    assert built.returncode == 0, built.stderr
    return root / "site"


@pytest.fixture(scope="module")
def coin(site: Path) -> str:
    return (site / "reviews" / "coin" / "index.html").read_text(encoding="utf-8")


def pages(site: Path) -> Iterator[Path]:
    return site.rglob("*.html")


def test_the_figure_stands_where_its_fence_stood(coin: str) -> None:
    before, after = coin.index('id="what-came-up"'), coin.index("After the fence.")
    figure = coin.index("<svg", coin.index('id="figure-heads"'))
    assert before < figure < after
    assert "yaml verify" not in coin
    assert "python verify" not in coin


def test_drawings_are_images_whose_room_is_kept(site: Path, coin: str) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    shown = [a for tag, a in Elements(coin).found if a.get("class") == "verify-drawing"]
    assert [a["src"].rpartition("/")[2] for a in shown] == ["heads.tiny.svg", "heads.small.svg", "heads.paper.svg"]
    for attributes in shown:
        drawing = (site / "evidence" / "coin" / attributes["src"].rpartition("/")[2]).read_text(encoding="utf-8")
        assert f'width="{attributes["width"]}" height="{attributes["height"]}"' in drawing
        assert attributes["loading"] == "lazy"
    assert shown[0]["alt"].startswith("Point chart of heads by bias")
    assert shown[2]["alt"].startswith("The paper's own numbers: Table <1>")
    thumbnail = next(a for tag, a in Elements(home).found if a.get("class") == "verify-drawing")
    assert (thumbnail["src"], thumbnail["alt"]) == ("evidence/coin/thumbnail.svg", "")


def test_ids_are_unique_on_every_page(site: Path) -> None:
    for page in pages(site):
        if "notebooks" in page.parts:
            continue  # nbconvert's own
        ids = [a["id"] for _, a in Elements(page.read_text(encoding="utf-8")).found if "id" in a]
        assert len(ids) == len(set(ids)), page


def test_no_text_of_a_reviewers_becomes_markup(site: Path) -> None:
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        for mark in ("<script>alert", "<b>9000", "<b>order", "<u>tag", "<i>Lovelace", "<em>feel", "<b>two", "<b>bad"):
            assert mark not in text, page


def test_all_five_kinds_of_verdict_look_different_in_words(site: Path, coin: str) -> None:
    for word in ("supported", "contradicted", "inconclusive"):
        assert re.search(rf'class="verdict verdict--{word}"[^>]*><span[^>]*>.</span>{word}<', coin)
    dice = (site / "reviews" / "dice" / "index.html").read_text(encoding="utf-8")
    assert re.search(r'class="verdict verdict--not-run"[^>]*><span[^>]*>.</span>not run<', dice)


def test_every_link_and_anchor_within_the_site_leads_somewhere(site: Path) -> None:
    known = {page: Elements(page.read_text(encoding="utf-8")) for page in pages(site)}
    checked = 0
    for page, elements in known.items():
        if page.name == "404.html":  # it is served at any address, so its links are absolute
            continue
        base = f"http://site/{page.relative_to(site).as_posix().removesuffix('index.html')}"
        for tag, attributes in elements.found:
            for name in ("href", "src"):
                if not (address := attributes.get(name)) or tag == "base":
                    continue
                target = urlsplit(urljoin(base, address))
                if target.netloc != "site" or target.scheme != "http":
                    continue
                path = site / unquote(target.path).lstrip("/")
                path = path / "index.html" if path.is_dir() else path
                assert path.is_file(), f"{page}: {address}"
                if target.fragment and path in known and "notebooks" not in path.parts:
                    assert unquote(target.fragment) in known[path].ids | {"__skip"}, f"{page}: {address}"
                checked += 1
    assert checked > 100


def test_nothing_is_fetched_from_another_host(site: Path) -> None:
    for page in pages(site):
        for tag, attributes in Elements(page.read_text(encoding="utf-8")).found:
            address = attributes.get(FETCHED.get(tag, ""), "")
            if tag == "link" and attributes.get("rel") in ("canonical", "next", "prev"):
                continue
            assert not urlsplit(address).netloc, f"{page}: {tag} {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")), style


def test_search_finds_claims_and_verdicts_but_no_drawing_and_no_code(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    text = " ".join(f"{entry['title']} {entry['text']}" for entry in index["docs"])
    assert "The fair coin stays below one half." in text
    assert "the interval includes 0.5".capitalize() in text
    for word in ("supported", "contradicted", "inconclusive", "not run"):
        assert word in text
    assert "random.Random(seed)" not in text
    assert "verify run coin:tosses" not in text
    assert "svg:root" not in text
    assert not re.search(r"\b0\.55\b", text)  # a tick of the axis
    assert any("coins" in entry.get("tags", []) for entry in index["docs"])


def test_search_leads_to_each_claim_with_its_verdict_and_to_each_paper(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {entry["location"]: entry for entry in index["docs"]}
    claim = found["reviews/coin/#says-edge"]
    assert claim["title"] == "The fair coin lands on heads almost never."
    assert "contradicted" in claim["text"]
    assert "Section 2" in claim["text"]
    assert "After the fence." in found["reviews/coin/#what-came-up"]["text"]
    assert found["reviews/dice/#dice"]["title"] == "Dice without evidence"
    assert "Blaise Pascal" in found["reviews/dice/#dice"]["text"]
    for location in ("", "#papers", "claims/", "claims/#claims"):
        assert "almost never" not in found[location]["text"]  # it would be found twice
        assert "agrees" not in found[location]["text"]
    assert not any(re.search(r"[✓✕]\w", entry["text"]) for entry in found.values())  # it would be another word


def test_a_review_is_in_the_navigation_under_its_section(site: Path) -> None:
    home = (site / "reviews" / "dice" / "index.html").read_text(encoding="utf-8")
    assert "Chance &amp; &lt;b&gt;order&lt;/b&gt;" in home
    first, second = home.index("Dice without evidence"), home.rindex("Coins &amp; &lt;script&gt;")
    assert first < second
    assert 'href="../coin/"' in home


def test_evidence_and_other_files_are_published_as_they_are(site: Path) -> None:
    for name in ("evidence/coin/tosses.tiny.jsonl", "evidence/coin/verdicts.json", "evidence/coin/heads.tiny.svg"):
        assert (site / name).read_bytes() == (site.parent / "docs" / name).read_bytes()
    assert (site / "reviews" / "coin.png").read_bytes() == (site.parent / "reviews" / "coin.png").read_bytes()


def test_a_notebook_is_published_and_not_executed(site: Path) -> None:
    page = (site / "notebooks" / "coin" / "index.html").read_text(encoding="utf-8")
    assert "from the stored output" in page
    assert (site / "notebooks" / "coin" / "coin.ipynb").is_file()


def test_a_notebooks_equations_are_shown_and_nothing_would_come_from_another_host(site: Path) -> None:
    page = (site / "notebooks" / "coin" / "index.html").read_text(encoding="utf-8")
    assert "<mi>E</mi><mo>=</mo>" in page
    display = re.search(r'<math display="block"[^>]*>(.*?)</math>', page, re.DOTALL)
    assert display is not None
    assert "<mo>&lt;</mo>" in display[1]
    assert "<code>$PATH$</code>" in page
    assert "cdnjs" not in page


def test_a_build_writes_nothing_beside_the_site(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"dice": miniature.DICE}, ran={})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert miniature.build(tmp_path, "--strict", "--site-dir", str(tmp_path / "site")).returncode == 0
    after = {
        path: path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.is_relative_to(tmp_path / "site")
    }
    assert after == before


def test_a_broken_review_fails_a_strict_build_with_every_mistake_and_costs_another_only_its_own_page(
    tmp_path: Path,
) -> None:
    miniature.make(
        tmp_path, {"dice": miniature.DICE, "other": miniature.DICE.replace("title: Dice", "title: A dice")}, ran={}
    )
    broken = miniature.DICE.replace("experiment: die", "experiment: dei").replace("title: Dice", "titles: Dice")
    (tmp_path / "reviews" / "dice.md").write_text(broken, encoding="utf-8")
    for options, fails in ((("--strict",), True), ((), False)):
        built = miniature.build(tmp_path, *options)
        assert (built.returncode != 0) == fails
        assert "reviews/dice.md:" in built.stderr
        assert "titles" in built.stderr
        assert "dei" in built.stderr
        assert "Traceback" not in built.stderr
    assert not (tmp_path / "site" / "reviews" / "dice").exists()
    assert "A dice without evidence" in (tmp_path / "site" / "reviews" / "other" / "index.html").read_text("utf-8")


def test_verdicts_older_than_the_review_fail_a_strict_build(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    edited = miniature.COIN.replace("at_most: 0.2", "at_most: 0.01")
    (tmp_path / "reviews" / "coin.md").write_text(edited, encoding="utf-8")
    built = miniature.build(tmp_path, "--strict")
    assert built.returncode != 0
    assert "docs/evidence/coin/verdicts.json: the verdict of" in built.stderr
    assert "bring it up to date: `verify refresh`" in built.stderr
    assert "Traceback" not in built.stderr


def test_evidence_that_cannot_be_read_fails_a_strict_build_and_costs_another_only_its_own_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_URL", "https://example.org/")
    project = miniature.make(tmp_path)
    notebooks = tmp_path / "docs" / "notebooks"
    notebooks.mkdir()
    for name in ("coin", "nobodys"):
        (notebooks / f"{name}.ipynb").write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    records = project.evidence_path("coin", "tosses", "tiny")
    write_atomically(records, records.read_bytes() + b'{"trial": torn\n')
    line = records.read_bytes().count(b"\n")
    for options, fails in ((("--strict",), True), ((), False)):
        built = miniature.build(tmp_path, *options)
        assert (built.returncode != 0) == fails
        assert f"docs/evidence/coin/tosses.tiny.jsonl:{line}:" in built.stderr
        assert "docs/notebooks/nobodys.ipynb: nothing above it says" in built.stderr
        assert "Traceback" not in built.stderr
    site = tmp_path / "site"
    assert "reviews/coin.md cannot be read yet" in (site / "reviews" / "coin" / "index.html").read_text("utf-8")
    assert "Sixes:" in (site / "reviews" / "dice" / "index.html").read_text("utf-8")
    feed = (site / "feed.xml").read_text("utf-8")
    assert "Dice without evidence" in feed
    assert "Coins" not in feed
    assert not list((site / "evidence" / "coin").glob("*.csv"))


def test_a_drawing_that_is_none_fails_a_strict_build(tmp_path: Path) -> None:
    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    project.svg_path("coin", "heads", "tiny").write_text("<html>no drawing</html>", encoding="utf-8")
    built = miniature.build(tmp_path, "--strict")
    assert built.returncode != 0
    assert "docs/evidence/coin/heads.tiny.svg: this is no drawing of a figure" in built.stderr
    assert "Traceback" not in built.stderr


def test_a_build_never_imports_torch_nor_runs_a_reviewers_code(tmp_path: Path) -> None:
    bomb = miniature.DICE.replace("```python verify\n", "```python verify\nraise SystemExit('executed')\n\n\n")
    miniature.make(tmp_path, {"dice": bomb}, ran={})
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from mkdocs.commands.build import build\n"
        "from mkdocs.config import load_config\n"
        "build(load_config(strict=True))\n"
        "assert (loaded := {'scipy', 'vl_convert'} & set(sys.modules)) == set(), loaded"
    )
    built = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "executed" not in built.stdout + built.stderr


def test_an_unchanged_project_gives_the_same_pages(tmp_path: Path) -> None:
    from verify.site.pages import render

    miniature.make(tmp_path)
    assert render(Project.load(tmp_path)) == render(Project.load(tmp_path))


def test_a_live_site_shows_an_edited_sentence(tmp_path: Path) -> None:
    miniature.make(tmp_path, {"dice": miniature.DICE}, ran={})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", f"127.0.0.1:{port}"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, cwd=tmp_path, stderr=log) as server:
        try:
            address = f"http://127.0.0.1:{port}/reviews/dice/"
            _wait_for(address, "Sixes:")
            edited = miniature.DICE.replace("Sixes:", "Sixes, edited:")
            (tmp_path / "reviews" / "dice.md").write_text(edited, encoding="utf-8")
            _wait_for(address, "Sixes, edited:")
        finally:
            server.terminate()
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert log.count("Documentation built") == 1
    assert log.count("1 page built in") == 1  # that of the review alone, and it does not loop


def _wait_for(address: str, text: str, seconds: float = 20) -> None:
    """Read the page until it holds `text`."""
    deadline = time.monotonic() + seconds
    page = ""
    while time.monotonic() < deadline:
        try:
            with urlopen(address, timeout=seconds) as answer:
                page = answer.read().decode()
        except OSError:  # not up yet
            page = ""
        if text in page:
            return
        time.sleep(0.1)
    raise AssertionError(f"{address} does not show {text!r}: {page[-2000:]}")
