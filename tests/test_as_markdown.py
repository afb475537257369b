"""An exported page: what Markdown makes of it is the page, whatever its author wrote."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown import markdown

from tests.writing import write
from verify.site.as_markdown import as_markdown
from verify.site.pages import Page

EXTENSIONS = ["admonition", "attr_list", "def_list", "fenced_code", "footnotes", "md_in_html", "tables", "toc"]


def both(text: str) -> tuple[BeautifulSoup, BeautifulSoup]:
    """The page of a text, and what Markdown makes of its export; without the links that headings have to themselves."""
    body = write(text)
    page = Page("T", "", body.parts)
    exported = as_markdown(page, ()).partition("\n---\n")[2]
    soups = (
        BeautifulSoup(page.html, "html.parser"),
        BeautifulSoup(markdown(exported, extensions=EXTENSIONS), "html.parser"),
    )
    for link in soups[0].select("a.headerlink"):
        link.decompose()
    return soups


def facts(soup: BeautifulSoup) -> dict[str, object]:
    return {
        "text": "".join(soup.get_text().split()),
        "links": [each.get("href") for each in soup.find_all("a")],
        "images": [each.get("src") for each in soup.find_all("img")],
        "headings": [(each.name, each.get("id")) for each in soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])],
        "code": [each.get_text().strip() for each in soup.find_all(["code", "pre"])],
        "elements": [each.name for each in soup.find_all(["ul", "ol", "li", "table", "em", "strong", "del", "math"])],
    }


@pytest.mark.parametrize(
    "text",
    [
        r"# \[x\](javascript:alert(1)) {#q}",
        "## x $1$_\n\n## _a_b_ {#c_d_}\n",
        "<span>\n[x](javascript:alert(1))\n</span>",
        "# `x*y*z` and a_b_c and $a_b * c_d$ and <b>d</b> \\*e\\*",
        "## a {b} and \\{#c} \\`d\\`\n\ntext",
        "<pre>\na\n\nb\n</pre>",
        "```python\na = 1\n\n\nb = 2\n```",
        "~~~~\n```\nx\n```\n\n~~~\n~~~~",
        "<details><summary>s</summary>\n\n## In a fold\n\ntext *x*\n\n</details>\n\n## Below",
        "<div>\n\n## In an open div\n\ntext",
        "- a\n\n  ## In a list\n\n  b",
        "A[^1] *b*.\n\n[^1]: A note with `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "Text that is <b>raw</b>\n\n!!! note\n\n    ```\n    code\n\n    more\n    ```",
        "a\u2028b\x0bc\n\n# d\u2028e",
    ],
)
def test_what_markdown_makes_of_an_export_is_the_page(text: str) -> None:
    page, exported = both(text)
    assert facts(exported) == facts(page)
    assert not exported.select('[href^="javascript"]')


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="#[]()!*_`~<>{}:|$\\&; \nabx-=.1\"'", max_size=60))
def test_no_heading_is_read_again(text: str) -> None:
    line = " ".join(text.split())
    page, exported = both(f"## x {line}\n\n## y\n")
    assert facts(exported) == facts(page)
