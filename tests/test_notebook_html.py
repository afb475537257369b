"""A notebook's page: what its cells hold and print is shown; nothing of it runs or asks another host."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_safe_html import HOSTILE, PIECES, Balanced
from verify.site.addresses import refused_link, refused_source
from verify.site.mkdocs import jupyter
from verify.site.mkdocs.equations import Unread
from verify.site.notebook_html import clean_notebook


def cleaned(html: str) -> str:
    return "".join(clean_notebook(html, lambda text: [text]))


def mended(text: str) -> str:
    return jupyter.mended(MARKDOWN.format(text))[0]


MARKDOWN = '<div class="jp-RenderedHTMLCommon jp-RenderedMarkdown">{}</div>'


@pytest.mark.parametrize(
    "html",
    [
        '<div class="jp-Cell" id="cell-id=a" tabindex="0" data-mime-type="text/plain"><pre>x</pre></div>',
        '<span class="kn">import</span>',
        '<img alt="" src="data:image/png;base64,AAAA">',
        '<img src="plot.png" alt="x">',
        '<a class="anchor-link" href="#x">¶</a>',
        '<table class="dataframe"><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>',
        '<math display="block"><mfrac><mn>1</mn><mi>x</mi></mfrac></math>',
        '<a href="https://example.org">x</a>',
    ],
)
def test_what_a_notebook_is_made_of_stays(html: str) -> None:
    assert cleaned(html) == html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<script>alert(1)</script><style>p{}</style>x", "x"),
        ('<p onclick="x" style="y">x</p>', "<p>x</p>"),
        ('<a href="javascript:x">x</a><a href="data:text/html,x">y</a>', "<a>x</a><a>y</a>"),
        ('<img src="https://example.org/a.png" alt="A">', '<a href="https://example.org/a.png">image: A</a>'),
        ('<a href="x"><img src="//example.org/a.png" alt="A"></a>', '<a href="x">image: A</a>'),
        ('<img src="data:image/svg+xml;base64,AAAA" alt="A">', "image: A"),
        ("<svg><script>x</script></svg><iframe src=x></iframe>y", "y"),
        ('<b id="__config" class="md-nav mermaid k" data-md-component="x">x</b>', '<b class="k">x</b>'),
        ('<b id="a">x</b><i id="a">y</i><u id="a_2">z</u>', '<b id="a">x</b><i id="a_2">y</i><u id="a_2_2">z</u>'),
        ("<body><p>x</p></body></html>", "<p>x</p>"),
        ("<b>x", "<b>x</b>"),
        ('<div class="clipboard-copy-txt" id="cell-1">x</div>y', "y"),
        ('<div class="zeroclipboard-container"><clipboard-copy><div>z</div></clipboard-copy><p></p></div>y', "y"),
        ('<div class="highlight-ipynb hl-python"><pre><b>x</b>\n</pre></div>',
         '<div class="highlight-ipynb hl-python"><pre><code tabindex="0"><b>x</b>\n</code></pre></div>'),
    ],
)  # fmt: skip
def test_the_rest_is_left_out_or_mended(html: str, expected: str) -> None:
    assert cleaned(html) == expected


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_hostile_is_left(html: str) -> None:
    _check(cleaned(html))


@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_a_notebook_holds_its_page_is_harmless(html: str) -> None:
    _check(cleaned(html))
    _check(mended(html))


def _check(html: str) -> None:
    seen: set[str] = set()
    for tag, attributes in Balanced(html).found:
        assert tag not in (
            "script",
            "style",
            "iframe",
            "svg",
            "form",
            "input",
            "link",
            "meta",
            "base",
            "object",
            "embed",
        )
        assert not [name for name in attributes if name.startswith(("on", "style", "srcset", "xlink", "data-md"))]
        assert not refused_link(attributes.get("href") or "")
        source = attributes.get("src") or "x"
        assert source.startswith("data:image/png") or not refused_source(source)
        name = attributes.get("id")
        assert name is None or not (name in seen or seen.add(name))  # type: ignore[func-returns-value]


def test_only_the_style_of_mkdocs_jupyters_own_is_published() -> None:
    head = "<script>x</script><style>a{}</style><style b>c{}</style>"
    notebook, style = jupyter.parted(f'{head}<div class="jupyter-wrapper"><style>evil{{}}</style>x</div>')
    assert style == "a{}\nc{}"
    assert jupyter.mended(notebook)[0] == '<div class="jupyter-wrapper">x</div>'


def test_equations_are_read_in_the_text_of_markdown_alone() -> None:
    page = mended("<p>$a &lt; b$ and $$c$$, \\(d\\), \\[e = 1\\]; \\$1 <code>$f$</code></p>")
    assert page.count("<math") == 4
    assert page.count('<span class="verify-equation"') == 2
    assert "<mo>&lt;</mo>" in page
    assert "; $1 <code>$f$</code>" in page
    assert jupyter.mended("<p>$g$</p>")[0] == "<p>$g$</p>"


@pytest.mark.parametrize(
    "text",
    ["costs $5/$6 a day", "$10 on Sundays, between US$ and C$", "a \\\\$b", "[1] &amp; &lt;b&gt;", "a$"],
)
def test_money_and_what_is_escaped_stay(text: str) -> None:
    assert mended(f"<p>{text}</p>") == MARKDOWN.format(f"<p>{text}</p>")


def test_macros_and_labels_hold_for_the_whole_notebook() -> None:
    page, unread = jupyter.mended(
        MARKDOWN.format('<p id="eq-loss">$\\newcommand{\\loss}{L}$ see $\\eqref{loss}$</p>')
        + MARKDOWN.format("<p>$$\n\\loss &lt; 1 \\label{loss}\n$$</p>")
    )
    assert unread == []
    assert page.count(' id="eq-loss"') == 1
    assert '<p id="eq-loss_2"> see <math' in page
    assert 'href="#eq-loss"' in page


def test_an_equation_that_cannot_be_read_is_marked_and_told() -> None:
    page, unread = jupyter.mended(MARKDOWN.format("<p>$\\nosuch &lt; x$ $y$</p>"))
    assert unread == [Unread("\\nosuch < x", "there is no command \\nosuch")]
    assert '<code class="verify-broken" title="there is no command \\nosuch">\\nosuch &lt; x</code> <math' in page


@pytest.mark.parametrize("text", ["\\[a ", "$a ", "$$a ", "\\(a ", "\\begin{align}a ", "\\$", "\\\\", "$5/$6 "])
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    begun = time.monotonic()
    mended(text * 20_000)
    assert time.monotonic() - begun < 5
