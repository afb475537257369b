"""How pages are held against the CommonMark specification (`make spec`, which fetches it): what is a difference."""

from __future__ import annotations

import pytest

from tests.commonmark import KINDS, difference, wrong
from tests.writing import html


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*a* **b**\n", "<p><em>a</em> <strong>b</strong></p>\n"),
        (
            "- a\n- b\n\n      c\n",
            "<ul><li><p>a</p></li>\n<li><p>b</p><pre><code>c\n</code></pre></li></ul>",
        ),
        ("```x\n<a>\n```\n", '<pre><code class="language-x">&lt;a&gt;\n</code></pre>\n'),
        ("3. a\n", '<ol start="3">\n<li>a</li>\n</ol>\n'),
    ],
)
def test_what_is_as_specified_is_no_difference(source: str, expected: str) -> None:
    assert difference(source, expected) == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*a*\n", "<p>a</p>\n"),
        ("- a\n", "<ul><li><p>a</p></li></ul>\n"),
        ("a\n\nb\n", "<p>a\nb</p>\n"),
        ("```\na\n```\n", "<pre><code>b\n</code></pre>\n"),
        ("[a](https://example.org)\n", "<p>a</p>\n"),
        ("## a\n", "<h3>a</h3>\n"),
        ("a\nb\n", "<p>ab</p>\n"),
    ],
)
def test_a_structure_that_is_another_one_is_a_difference(source: str, expected: str) -> None:
    assert difference(source, expected) is None


OF_KINDS = [
    ("# a\n\n## b\n", "<h1>a</h1><h2>b</h2>", "headings go down a level where the text has an h1"),
    ("[a](/b)\n", '<p><a href="/b">a</a></p>', "links that lead nowhere are text"),
    ("[a]()\n", '<p><a href="">a</a></p>', "links that lead nowhere are text"),
    ("![a](/b.png)\n", '<p><img src="/b.png" alt="a"></p>', "images that are no files of the project are text"),
    ("see https://example.org\n", "<p>see https://example.org</p>", "bare addresses are links"),
    ("<script>a</script>\n", "<script>a</script>", "raw HTML is cleaned"),
    ("*a* <foo>b\n", "<p><em>a</em> <foo>b</p>", "raw HTML is cleaned"),
    ("<div>\n\n- a\n\n`b`\n", "<div><ul><li>a</li></ul><p><code>b</code></p>", ""),
    ("a <script>b `c`</script> *d*\n", "<p>a <script>b <code>c</code></script> <em>d</em></p>", "raw HTML is cleaned"),
    ("*a* \\[a=b\\]\n", "<p><em>a</em> [a=b]</p>", "equations"),
]


@pytest.mark.parametrize(("source", "expected", "kind"), OF_KINDS)
def test_each_kind_of_difference_that_an_example_has_is_known(source: str, expected: str, kind: str) -> None:
    assert difference(source, expected) == ((kind,) if kind else ())


def test_there_is_an_example_of_each_kind() -> None:
    assert set(KINDS) <= {kind for _, _, kind in OF_KINDS}


@pytest.mark.parametrize(("source", "expected", "kind"), OF_KINDS)
def test_a_wrong_page_is_refused_whatever_kind_its_example_is_of(source: str, expected: str, kind: str) -> None:
    del kind
    pages = list(wrong(html(source)))
    assert len(pages) >= 2
    assert [each for each in pages if difference(source, expected, each) is not None] == []


@pytest.mark.parametrize(("source", "expected", "kind"), OF_KINDS)
def test_a_page_is_not_held_against_an_answer_that_the_specification_does_not_give(
    source: str, expected: str, kind: str
) -> None:
    del kind
    assert difference(source, expected + "<p>more</p>") is None
    assert difference(source, "<p>anything at all</p>") is None


@pytest.mark.parametrize("source", ["~a~ *b*\n", "{{ a.b }} *b*\n", "`c`{#d} *b*\n", "<i>a</i> *b*\n", "$a$ *b*\n"])
def test_no_syntax_excuses_a_page(source: str) -> None:
    assert difference(source, "<p>anything at all</p>") is None
