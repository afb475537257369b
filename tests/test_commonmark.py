"""How pages are held against the CommonMark specification (`make spec`, which fetches it): what is a difference."""

from __future__ import annotations

import pytest

from tests.commonmark import KINDS, MENDS, difference


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


@pytest.mark.parametrize(
    ("source", "expected", "kind"),
    [
        ("# a\n\n## b\n", "<h1>a</h1><h2>b</h2>", "headings go down a level where the text has an h1"),
        ("[a](/b)\n", '<p><a href="/b">a</a></p>', "links that lead nowhere are text"),
        ("![a](/b.png)\n", '<p><img src="/b.png" alt="a"></p>', "images that are no files of the project are text"),
        ("see https://example.org\n", "<p>see https://example.org</p>", "bare addresses are links"),
        ("<script>a</script>\n", "<script>a</script>", "raw HTML is cleaned"),
        ("\\[a=b\\]\n", "<p>[a=b]</p>", "equations"),
        ("{{ a.b }}\n", "<p>{{ a.b }}</p>", "bindings and references"),
        ("~a~\n", "<p>~a~</p>", "strikethrough"),
        ("# a {#b}\n\n`c`{#d}\n", "<h1>a {#b}</h1><p><code>c</code>{#d}</p>", "attributes"),
    ],
)
def test_each_kind_of_difference_that_the_guide_names_is_known(source: str, expected: str, kind: str) -> None:
    assert kind in {*MENDS, *KINDS}
    assert difference(source, expected) == (kind,)
