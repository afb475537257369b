"""Raw HTML: what a review may hold reaches the page, nothing else does, and the page's structure stays whole."""

from __future__ import annotations

import time
from html.parser import HTMLParser
from typing import Any

import pytest
from bs4 import BeautifulSoup
from hypothesis import example, given
from hypothesis import strategies as st

from verify.site import html_rules as rules
from verify.site.addresses import address, anchor, is_remote, refused_link, refused_source, remote_image
from verify.site.html_tokens import tokens
from verify.site.safe_html import Cleaner, Omission


def cleaner(**options: Any) -> Cleaner:
    return Cleaner(**{"href": str, "src": str, **options})


def clean(html: str, block: bool = True) -> str:
    """A fragment on a page of its own, with what ends it."""
    page = cleaner()
    return page.fragment(html, block) + page.close_scope()


def said(html: str, block: bool = True) -> list[str]:
    page = cleaner()
    page.fragment(html, block)
    return [omission.message for omission in page.omissions]


@pytest.mark.parametrize(
    "html",
    [
        "<details open><summary>More</summary>text <b>bold</b></details>",
        '<a href="other.md" title="t">x</a>',
        '<img src="plot.png" alt="A plot" width="300" height="20">',
        "H<sub>2</sub>O<br><kbd>Ctrl</kbd>",
        '<table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td colspan="2">b</td></tr></tbody></table>',
        '<ol start="3" reversed type="a"><li value="-2">x</li></ol>',
        "<dl><dt>a</dt><dd>b</dd></dl>",
        '<p lang="de" dir="ltr">x</p>',
        "<ruby>漢<rp>(</rp><rt>kan</rt></ruby>",
        '<time datetime="2026-01-01">x</time>',
        '<figure><img src="a.png" alt=""><figcaption>c</figcaption></figure>',
        '<a href="x"><div>block</div></a>',
        "<pre>a\n  b</pre>",
    ],
)
def test_harmless_html_stays_as_it_is(html: str) -> None:
    assert clean(html) == html
    assert not said(html)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<T> <unk> </unk> <EOS>", "<code>&lt;T&gt;</code> <code>&lt;unk&gt;</code> <code>&lt;/unk&gt;</code> "
         "<code>&lt;EOS&gt;</code>"),
        ("<code><unk></code>", "<code>&lt;unk&gt;</code>"),
        ("a <!-- x --> b <?php x ?><!DOCTYPE html><![CDATA[<b>]]>c", "a  b c"),
        ("<center>x</center>", '<div style="text-align: center">x</div>'),
        ('<p align="right">x</p>', '<p style="text-align: right">x</p>'),
        ('<img src="a.png" align="left" width="40%">', '<img src="a.png" alt="" style="float: left; width: 40%">'),
        ('<td valign="top">x</td>', "x"),
        ('<font color="red">x</font><big>y</big><tt>z</tt><strike>w</strike>', "xy<code>z</code><s>w</s>"),
        ("<h1>x</h1>", "<h2>x</h2>"),
        ("<section>x</section>", "<div>x</div>"),
        ('<a name="here"/>x', '<a id="here"></a>x'),
        ('<p class="md-nav" data-x="1" target="_blank" rel="me">x</p>', "<p>x</p>"),
        ('<a href="?a=1&copy=2&amp;b=3">x</a>', '<a href="?a=1&amp;copy=2&amp;b=3">x</a>'),
        ("a < b & c &lt; &eacute;", "a &lt; b &amp; c &lt; é"),
    ],
)  # fmt: skip
def test_what_html_has_for_it_or_what_was_meant_is_written(html: str, expected: str) -> None:
    page = cleaner()
    assert page.fragment(html, True) + page.close_scope() == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<b>x", "<b>x</b>"),
        ("x</b></div></p></li>", "x"),
        ("<b><i>x</b>y</i>", "<b><i>x</i></b>y"),
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<p>a<div>b</div>c</p>", "<p>a</p><div>b</div>c"),
        ("<b><div>x</div></b>", "<b></b><div>x</div>"),
        ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<ul>a<b>c</b></ul>", "<ul><li>a<b>c</b></li></ul>"),
        ("<ul><ul><li>a</ul></ul>", "<ul><li><ul><li>a</li></ul></li></ul>"),
        ("<dl><dt>a<dd>b</dl>", "<dl><dt>a</dt><dd>b</dd></dl>"),
        ("<table><td>a<td>b<tr><td>c</table>", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"),
        ("<table>text<tr><td>a</table>", "<table></table>texta"),
        ("<ul><li><table><tr><td></ul>x</table>", "<ul><li><table><tr><td>x</td></tr></table></li></ul>"),
        ("<a href=x>a<a href=y>b</a>", '<a href="x">a</a><a href="y">b</a>'),
        ("<hr></hr><br/></br>", "<hr><br>"),
        ("<h2>a<h3>b", "<h2>a</h2><h3>b</h3>"),
        ("<details>a<summary>b</details>", "<details>a<summary>b</summary></details>"),
        ("<div><div", "<div>&lt;div</div>"),
    ],
)
def test_every_element_ends_where_it_can(html: str, expected: str) -> None:
    assert clean(html) == expected


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '<a href="java&#10;script:alert(1)">x</a>',
    '<a href=" &#14; javascript:alert(1)">x</a>',
    '<a href="JaVaScRiPt&colon;alert(1)">x</a>',
    '<a href="vbscript:x">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="file:///etc/passwd">x</a>',
    '<a href="//evil.example/x">x</a>',
    '<a href="/\\evil.example">x</a>',
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)>",
    '<math><mi//xlink:href="data:x,<script>alert(4)</script>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    "<template><script>alert(1)</script></template>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\n>alert(1)</script\t>",
    '<script src="https://evil.example/x.js"></script>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<style>@import "https://evil.example"</style>',
    '<p style="background:url(https://evil.example)">x</p>',
    '<img src="https://evil.example/a.png" alt="a">',
    '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
    '<img srcset="https://evil.example/a.png 2x" src="a.png">',
    '<video src="https://evil.example/a.mp4"></video>',
    '<form action="https://evil.example"><input name=password></form>',
    '<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example">',
    '<object data="x.swf"><embed src="x.swf"></object>',
    '<div id="__config">{"base": "https://evil.example"}</div>',
    '<b title="x" onclick = "alert(1)" ONMOUSEOVER=alert(1)>x</b>',
    "<b/onclick=alert(1)>x</b>",
    '<a title="unclosed href=javascript:alert(1)>x</a>',
    "\x00<\x00script>alert(1)</script>",
    "<script\x00>alert(1)</script>",
    '<a href="java\x00script:alert(1)">x</a>',
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--!><img src=x onerror=alert(1)>--!><img src=y onerror=alert(2)>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "</title><script>alert(1)</script>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<plaintext><script>alert(1)",
    "<ſcript>alert(1)</ſcript><ſtyle>",
    "<p><table><tr><td></p></table><p>",
    "<div",
]
CONTAINERS = st.sampled_from(["p", "div", "li", "td", "h2", "strong", "a", "blockquote"])
TAGS = [*sorted(rules.KNOWN), "unk", "T", "foreignObject", "mglyph", "my-tag"]
VALUES = [
    "x",
    "javascript:alert(1)",
    "https://evil.example/x",
    "//evil.example",
    "data:text/html,x",
    "a.png",
    "'",
    "3",
    "#a",
]
ATTRIBUTES = [
    "id",
    "name",
    "src",
    "href",
    "style",
    "onclick",
    "class",
    "srcset",
    "align",
    "width",
    "title",
    "xlink:href",
    "open",
]
PIECES = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(TAGS).map("<{}>".format),
    st.sampled_from(TAGS).map("</{}>".format),
    st.tuples(st.sampled_from(TAGS), st.sampled_from(ATTRIBUTES), st.sampled_from(VALUES)).map(
        lambda part: '<{} {}="{}">'.format(*part)
    ),
    st.text(alphabet="<>/!-=\"'& \nab;\x00&#xſ", max_size=12),
    st.text(max_size=5),
)


class Balanced(HTMLParser):
    """Fails where an element does not end, or ends twice; collects what it meets."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert not self.open, html

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in rules.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


_ONE = "id title lang dir href src alt width height style colspan rowspan span scope open reversed start type value"
GIVEN = {*_ONE.split(), "datetime"}
STYLES = ("text-align: ", "float: ", "vertical-align: ", "width: ")


def check(html: str) -> None:
    """Nothing but what the rules allow is in it."""
    for tag, attributes in Balanced(html).found:
        assert tag in rules.ALLOWED, html
        assert set(attributes) <= GIVEN, html
        assert not refused_link(attributes.get("href") or ""), html
        assert tag != "img" or not refused_source(attributes["src"] or ""), html
        assert "src" not in attributes or tag == "img"
        assert all(part.startswith(STYLES) for part in (attributes.get("style") or "width: ").split("; "))
        assert not (attributes.get("id") or "").startswith("__")
    for element in BeautifulSoup(html, "html.parser").find_all(True):
        assert element.parent is not None
        if element.name in rules.PARENTS:
            assert element.parent.name in rules.PARENTS[element.name]
        if element.name in rules.BLOCKS:
            assert element.parent.name not in rules.LINES - {"summary"}
        if element.name == "a":
            assert not element.find_parent("a")


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_hostile_is_left(html: str) -> None:
    for block in (True, False):
        written = clean(html, block)
        check(written)
        assert "evil.example" not in "".join(
            value or ""
            for tag, attributes in Balanced(written).found
            for name, value in attributes.items()
            if tag == "img"
        )


@given(st.lists(PIECES, max_size=12).map("".join), st.booleans())
@example("<p><b><div><a href=x><table><td><li><a>", True)
def test_whatever_a_fragment_holds_the_page_holds_what_is_allowed(html: str, block: bool) -> None:
    check(clean(html, block))


@given(st.lists(st.one_of(PIECES.map(lambda html: ("html", html)), CONTAINERS.map(lambda name: ("open", name)),
                          st.just(("close", ""))), max_size=25))  # fmt: skip
def test_each_element_of_markdowns_ends_what_was_opened_in_it(steps: list[tuple[str, str]]) -> None:
    page = cleaner()
    within: list[tuple[str, int]] = []
    written: list[str] = []
    for kind, value in steps:
        if kind == "html":
            written.append(page.fragment(value, block=not within or within[-1][0] in ("div", "li", "td", "blockquote")))
        elif kind == "open":
            written.append(page.open_scope(value))
            within.append((value, len(written)))
        elif within:
            written.append(page.close_scope())
            Balanced("".join(written[within.pop()[1] :]))
    while within:
        written.append(page.close_scope())
        Balanced("".join(written[within.pop()[1] :]))
    written.append(page.close_scope())
    Balanced("".join(written))


def test_raw_elements_that_cannot_hold_a_block_of_markdowns_end_before_it() -> None:
    page = cleaner()
    assert page.fragment("<div><p align=center>", True) == '<div><p style="text-align: center">'
    assert page.open_scope("p") == "</p>"
    assert page.fragment("</div></p>", False) == "", "what is open outside does not end here"
    assert page.close_scope() == ""
    assert page.fragment("</p></div>", True) == "</div>"
    assert page.fragment("<table><tr><td>", True) == "<table><tr><td>"
    assert page.open_scope("ul") + page.close_scope() == ""
    assert page.fragment("</td><td></td>", True) == "</td><td></td>"
    assert page.open_scope("p") + page.close_scope() == "<td>"
    assert page.close_scope() == "</td></tr></table>"


def test_within_a_line_raw_elements_go_on_around_those_of_markdown() -> None:
    page = cleaner()
    assert page.open_scope("p") == ""
    assert page.fragment("<b>", False) + page.open_scope("em") + page.fragment("<i>", False) == "<b><i>"
    assert page.fragment("</b>", False) == ""
    assert page.close_scope() + page.fragment("</b>", False) == "</i></b>"
    assert page.fragment("<div>", False) == ""
    assert page.omissions == [
        Omission(
            "<div> is left out: it is a block, and stands within a line",
            "give it a line of its own, with an empty line before it",
            0,
        )
    ]


def test_what_is_left_out_with_its_content_goes_on_within_a_line_only() -> None:
    page = cleaner()
    page.open_scope("p")
    assert page.fragment("<script>", False) == ""
    assert page.dropping, "the renderer leaves out the text that follows"
    assert page.fragment("</script>", False) == ""
    assert not page.dropping
    page.fragment("<svg>", False)
    page.close_scope()
    assert not page.dropping
    page.fragment("<svg>\n<circle>", True)
    assert not page.dropping


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("<script>x</script>", "<script> is left out with all that is in it"),
        ("<form>x</form>", "<form> is left out"),
        ("<li>x", "<li> is left out: it stands in no <ol> or <ul>"),
        ("<b onclick=x>", "`onclick` of <b> is left out"),
        ("<b style='x'>", "`style` of <b> is left out"),
        ("<a href='javascript:x'>", "the address of a link is left out"),
        ("<img src='https://example.org/a.png'>", "an image is not shown: it lies on another host"),
        ("<img src='data:image/png;base64,x'>", "an image is not shown: it stands in the page itself (`data:`)"),
        ("<img alt=x>", "an image is not shown: it names no file"),
        ("<b id='__config'>", "the id '__config' is left out"),
        ("<b", "this tag has no end: it is shown as text"),
        ("<div>" * 61, "<div> is left out: HTML is nested more than 60 deep"),
    ],
)
def test_what_is_left_out_is_told(html: str, message: str) -> None:
    assert said(html) == [message]


def test_a_link_within_a_link_is_told() -> None:
    page = cleaner()
    page.open_scope("a")
    assert page.inside("a")
    assert page.fragment("<a href=x>", False) == ""
    assert [omission.message for omission in page.omissions] == ["a link within a link is left out"]


def test_omissions_have_the_line_of_the_fragment_and_that_within_it() -> None:
    page = cleaner()
    page.fragment("<div>\n\n<script>\n\n</script><b\n style=x>", True, line=7)
    assert [omission.line for omission in page.omissions] == [9, 11]


def test_links_and_images_are_resolved_by_the_caller() -> None:
    asked: list[str] = []

    def resolve(written: str) -> str | None:
        asked.append(written)
        return {"a.md": "../a/", "b.png": "javascript:x", "d.png": "https://evil.example/"}.get(written)

    page = Cleaner(resolve, resolve)
    html = '<a href=" a&#10;.md">x</a><img src=b.png alt=B><img src=c.png><img src=d.png>'
    assert page.fragment(html, True) == '<a href="../a/">x</a>image: Bimage: c.pngimage: d.png'
    assert asked == ["a.md", "b.png", "c.png", "d.png"]
    assert not page.omissions


def test_ids_are_made_unique_by_the_caller() -> None:
    page = cleaner(unique=lambda written: "" if written == "taken" else f"{written}-1")
    assert page.fragment('<b id="a b">x</b><i id=taken>y</i>', True) == '<b id="ab-1">x</b><i>y</i>'
    assert [omission.message for omission in page.omissions] == [
        "the id 'ab' is taken on this page",
        "the id 'taken' is taken on this page",
    ]


def test_an_image_from_another_host_becomes_a_link_to_it() -> None:
    source = "https://example.org/a/plot.png?x=1&y=2"
    link = '<a href="https://example.org/a/plot.png?x=1&amp;y=2">image: {}</a>'
    assert remote_image("A <plot>", source) == link.format("A &lt;plot&gt;")
    assert remote_image("", source) == link.format("plot.png")
    assert remote_image("x", source, linked=True) == "image: x"
    assert remote_image("", "//example.org") == "image: example.org"
    assert remote_image("", "data:image/png;base64,x") == "image: without a description"
    assert remote_image("", "https://[") == '<a href="https://[">image: without a description</a>'
    assert clean(f'<a href="https://example.org"><img src="{source}" alt=x></a>') == (
        '<a href="https://example.org">image: x</a>'
    )


@pytest.mark.parametrize(
    "written", ["https://a", "HTTP://a", "mailto:a@b", "a.md#b", "#b", "?x", "a/b:c", "1:2", "", "é:x"]
)
def test_links_lead_to_pages_files_and_people(written: str) -> None:
    assert refused_link(written) == ""


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("javascript:x", "`javascript:` is no address of a page"),
        ("java\tscript:x", "`javascript:` is no address of a page"),
        ("ftp://a", "`ftp:` is no address of a page"),
        ("//a", "it does not say by which protocol"),
        ("\\\\a", "it does not say by which protocol"),
        ("/\n/a", "it does not say by which protocol"),
    ],
)
def test_other_links_are_refused_with_the_reason(written: str, reason: str) -> None:
    assert reason in refused_link(written)


def test_addresses_are_read_as_a_browser_does() -> None:
    assert address(" a\t\nb\x00 ") == "ab"
    assert is_remote("/\\evil.example")
    assert is_remote("ftp:x")
    assert not is_remote("a/b.png")
    assert anchor("__x") == ""
    assert anchor("a b\x00") == "ab"


@pytest.mark.parametrize(
    "piece", ["<!--", "<a ", "<", "</", "<a b='", "<div>", "<![CDATA[", "<script>", "<a href=x>", "&", "<ins>"]
)
def test_time_is_linear_in_the_text(piece: str) -> None:
    begun = time.process_time()
    clean(piece * 50_000)
    assert time.process_time() - begun < 5
    assert len(list(tokens(piece * 100))) <= 200
