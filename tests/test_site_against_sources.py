"""The whole built site held against its sources: what an author wrote is there, once, and nothing of it is raw.

A plain CommonMark parser says what each review has; nothing of the page pipeline is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, NavigableString, Tag
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

RAW = {
    "a heading": r"^\s{0,3}#{1,6} \S",
    "attributes": r"\{ ?[#:.][\w-]+",
    "a link": r"\]\((?:https?:|[\w.]+/|#)",
    "emphasis": r"\*\*\w|\w\*\*",
    "strikethrough": r"~~\S",
    "an equation": r"\$\$|\\[(\[]|\\begin\{|\$[\\^_{]",
    "a binding": r"\{\{|\}\}|\[@",
    "a list": r"^\s*(?:[-*+]|\d{1,2}[.)]) \S",
    "a task": r"^\s*\[[ x]\] ",
    "a table": r"^\s*\|.*\|\s*$|^\s*:?-{3,}:?\s*\|",
    "a fence": r"^\s*(?:```|~~~)",
    "a box": r"^\s*(?:!!!|\?\?\?\+?) (?:note|warning|tip)\b|\[!\w+\]",
    "a footnote": r"\[\^[\w-]+\]",
    "a tag": r"</?(?:a|b|br|div|details|img|li|p|span|sub|sup|summary|table|td)\b[^>]*>",
}
"""What a reader would see of Markdown that nobody has read."""
MEANT = {("coin", "a binding"), ("coin", "a tag")}
"""What a miniature review shows on purpose: `\\{{ braces }}`, and a machine that is called `<b>9000</b>`."""
HOLDS_TEXT = frozenset(
    """p li td th h1 h2 h3 h4 h5 h6 dt dd summary figcaption caption label legend button option output a span strong em
    b i small sub sup kbd del s mark abbr cite q code time title text""".split()  # noqa: SIM905
)
UNKNOWN = {
    r"^```(?:yaml|python) verify$.*?^```$": "",
    r"(?<!\\)\{\{.*?\}\}": "VALUE",
    r"\[@[^\]\n]*\]": "VALUE",
    r"\$\$.*?\$\$|^\\begin\{(\w+\*?)\}.*?^\\end\{\1\}": "VALUE",
    r"\$[^\s$][^$\n]*[^\s$]\$(?!\d)|\\\(.*?\\\)": "VALUE",
}
"""What a plain parser would read as something else."""
LITERAL = ["pre", "code", "math", "script", "style", "svg", "textarea"]


def sources(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """Name, source and page of each review."""
    for source in sorted((folder.parent / "reviews").glob("*.md")):
        yield source.stem, source, folder / "reviews" / source.stem / "index.html"


def article(page: Path) -> Tag:
    found = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
    assert isinstance(found, Tag), page
    return found


def body(source: Path) -> str:
    """A review's text, without what a plain parser does not know: fences to run, bindings, equations, alerts."""
    text = source.read_text(encoding="utf-8").split("\n---\n", 1)[1]
    for pattern, plain in UNKNOWN.items():
        text = re.sub(pattern, plain, text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^> \[!\w+\]\n((?:>.*\n)+)", lambda alert: alert[1].replace("> ", ""), text, flags=re.MULTILINE)


def reference(text: str) -> BeautifulSoup:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(footnote_plugin)
    return BeautifulSoup(parser.render(text).replace("<s>", "<del>").replace("</s>", "</del>"), "html.parser")


def letters(text: str) -> str:
    return re.sub(r"\W+", "", text)


def test_every_review_has_a_page(folder: Path) -> None:
    names = {name for name, _, page in sources(folder) if page.is_file()}
    assert names == {path.stem for path in (folder.parent / "reviews").glob("*.md")}
    assert len(names) > 5


def test_every_heading_of_the_source_is_there(folder: Path) -> None:
    for name, source, page in sources(folder):
        shown = [letters(each.get_text()) for each in article(page).find_all(re.compile("^h[1-6]$"))]
        for each in reference(body(source)).find_all(re.compile("^h[1-6]$")):
            parts = re.split(r"VALUE|\{ ?[#:].*?\}", each.get_text())
            assert any(all(letters(part) in one for part in parts) for one in shown), (name, each.get_text())


def test_every_page_has_one_h1_and_each_id_once(folder: Path) -> None:
    for page in folder.rglob("*.html"):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        ids = [str(each["id"]) for each in soup.find_all(id=True)]
        assert sorted({each for each in ids if ids.count(each) > 1}) == [], page
        assert len(soup.find_all("h1")) == 1, page


def test_every_heading_is_in_the_contents(folder: Path) -> None:
    for name, _, page in sources(folder):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        listed = {str(each["href"]) for each in soup.select(".md-nav--secondary a[href^='#']")}
        for link in article(page).select("h2 > a.headerlink, h3 > a.headerlink"):
            assert str(link["href"]) in listed, name


def test_no_markdown_stays_raw(folder: Path) -> None:
    for name, _, page in sources(folder):
        shown = article(page)
        for each in shown.find_all(LITERAL):
            each.decompose()
        visible = shown.get_text("\n")
        for what, pattern in RAW.items():
            found = None if (name, what) in MEANT else re.search(pattern, visible, re.MULTILINE)
            assert found is None, (name, what, visible[max(0, found.start() - 60) : found.end() + 60])


def test_no_text_stands_outside_of_a_block(folder: Path) -> None:
    for name, _, page in sources(folder):
        for text in article(page).find_all(string=True):
            if type(text) is not NavigableString or not text.strip():
                continue
            around = {each.name for each in text.parents if each.name != "article"}
            assert around & (HOLDS_TEXT | set(LITERAL)), (name, text)


@pytest.mark.parametrize("tag", ["ul", "ol", "blockquote", "table", "pre", "img", "del"])
def test_the_blocks_of_the_source_are_there_and_no_others(folder: Path, tag: str) -> None:
    for name, source, page in sources(folder):
        shown = article(page)
        for each in shown.select(
            ".verify-head, .verify-card, .verify-code, .verify-verdicts, .verify-untestable, .verify-labs"
        ):
            each.decompose()
        expected = reference(body(source))
        assert len(shown.find_all(tag)) == len(expected.find_all(tag)), (name, tag)


def test_every_sentence_of_the_source_is_there(folder: Path) -> None:
    for name, source, page in sources(folder):
        shown = letters(article(page).get_text())
        for text in reference(body(source)).find_all(string=True):
            if type(text) is NavigableString and text.find_parent(["a", "sup"]) is None:
                for part in re.split(r"VALUE|\{ ?[#:].*?\}|^(?:!!!|\?\?\?) \w+|^\[[ x]\]|[\[\]]", text):
                    assert letters(part) in shown, (name, part)


def test_notebooks_hold_no_second_document(folder: Path) -> None:
    pages = list(folder.glob("notebooks/*/index.html"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "&lt;/head&gt;" not in text
        assert len(re.findall(r"<body\b", text)) == len(re.findall(r"</head>", text)) == 1, page
