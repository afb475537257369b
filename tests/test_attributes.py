"""Attributes in braces: each is on the page, or told, or stays as text; and no two elements share an id."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from tests.writing import html, mistakes, write
from verify.site.pages import Page


def ids(written: str) -> list[str]:
    return re.findall(r' id="([^"]*)"', written)


def messages(text: str) -> list[str]:
    return [message for _, message, *_ in mistakes(text)]


@pytest.mark.parametrize(
    ("text", "element", "attributes"),
    [
        ("[x](http://a.org){#one}", "a", {"href": "http://a.org", "id": "one"}),
        ('[x](http://a.org "t"){lang=de}', "a", {"href": "http://a.org", "title": "t", "lang": "de"}),
        (
            '`y`{#two title="a <b>" lang=de dir=ltr}',
            "code",
            {"id": "two", "title": "a <b>", "lang": "de", "dir": "ltr"},
        ),
        ("para\n{: #four lang=fr}", "p", {"id": "four", "lang": "fr"}),
        ("para\n{: .wide}", "p", {}),
        ("- item\n{: #five}", "li", {"id": "five"}),
        ("## a\n{: #six}", "h2", {"id": "six"}),
        ("* Contents\n{:toc}", "li", {}),
        ('[x](http://a.org){:target="_blank"}', "a", {"href": "http://a.org"}),
    ],
)
def test_attributes_are_on_the_page(text: str, element: str, attributes: dict[str, str]) -> None:
    page = BeautifulSoup(html(text), "html.parser")
    found = page.find(element)
    assert isinstance(found, Tag)
    assert found.attrs == attributes
    assert "{" not in page.get_text()
    assert mistakes(text) == []


@pytest.mark.parametrize(
    ("given", "attributes"),
    [
        ("#three width=30 height=20", {"id": "three", "width": "30", "height": "20"}),
        ('width="50%"', {"style": "width: 50%"}),
        ("title=t", {"title": "t"}),
    ],
)
def test_an_image_has_id_and_size(tmp_path: Path, given: str, attributes: dict[str, str]) -> None:
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "b.png").write_bytes(b"x")
    body = write(f"![z](b.png){{{given}}}", tmp_path)
    found = BeautifulSoup(Page("", "", body.parts).html, "html.parser").find("img")
    assert isinstance(found, Tag)
    assert found.attrs == {"src": "../b.png", "alt": "z", "loading": "lazy", **attributes}
    assert body.mistakes == ()


@pytest.mark.parametrize(
    "text",
    [
        "{: #alone}",
        "para\n\n{: #alone}",
        "para\n{: what is this }",
        "para\n{: onclick=x}",
        "`y`{onclick=x}",
        "`y`{: words }",
        "[a](http://a.org){href=b}",
    ],
)
def test_other_braces_are_text(text: str) -> None:
    assert text[text.index("{") :] in html(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("`y`{width=3}", "`width` of <code> is left out"),
        ("`y`{dir=up}", "`dir` of <code> is left out"),
        ('[x](http://a.org){lang="<"}', "`lang` of <a> is left out"),
        ("## a {lang=de}", "`lang` of <h2> is left out"),
        ("para\n{: height=3}", "`height` of <p> is left out"),
        ("`y`{#__content}", "the id '__content' is left out"),
        ("# a {#__search}", "the id '__search' is left out"),
        ("`y`{#a} `z`{#a}", "the id 'a' is taken on this page"),
        ('`y`{#a} <i id="a">z</i>', "the id 'a' is taken on this page"),
        ("a[^1]\n\n## b {#fn:1}\n\n[^1]: c", "the id 'fn:1' is taken on this page"),
        ("a[^1]\n\n## b {#fnref:1}\n\n[^1]: c", "the id 'fnref:1' is taken on this page"),
        ("a[^1] `b`{#fnref2:1} c[^1]\n\n[^1]: c", "the id 'fnref2:1' is taken on this page"),
    ],
)
def test_what_an_element_cannot_have_is_told(text: str, message: str) -> None:
    assert messages(text) == [message]
    found = ids(html(text))
    assert len(set(found)) == len(found)
    assert not [name for name in found if name.startswith("__")]


@pytest.mark.parametrize("text", [r"# \_\_search", "## `__init__`", r"# \_\_content {#__toc}"])
def test_no_heading_has_an_id_of_the_themes(text: str) -> None:
    found = ids(html(text))
    assert found
    assert not [name for name in found if name.startswith("__")]
