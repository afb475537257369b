"""What an author writes and what the page then has: the dialect of reviews, construct by construct."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

from tests import miniature
from tests.writing import html, mistakes, structure, write
from verify.format.markdown import parse

AS_SPECIFIED = {
    "nested list": "- a\n    - b\n        - c\n- d\n",
    "two-space list": "- a\n  - b\n    - c\n- d\n  1. e\n  2. f\n",
    "list under text": "Text:\n- a\n- b\n\nNext:\n1. a\n2. b\n",
    "deep list": "".join(f"{'    ' * level}- level {level}\n" for level in range(9)),
    "paragraphs in items": "- a\n\n  more\n\n- b\n",
    "start at three": "3. c\n4. d\n\ntext\n\n5. e\n",
    "restart": "1. a\n2. b\n\nA remark between.\n\n3. c\n4. d\n",
    "other marks": "* a\n  * b\n      * c\n+ d\n1) e\n2) f\n",
    "indented code in an item": "1. a\n\n       code\n\n2. b\n",
    "fence in an item": "- a\n  ```sh\n  x = 1\n\n  y\n  ```\n- b\n",
    "text in an item by four": "- a\n\n    **b**\n\n    c\n",
    "quote": "> a\nlazy\n> - b\n>   c\n\n>d\n",
    "list in a quote": "> - a\n>   - b\n>\n> c\n",
    "quote in a list": "- a\n  > b\n  > > c\n- d\n",
    "fence in a quote": "> ```\n> a\n>\n> b\n> ```\n",
    "fence in a quote in a list": "- a\n\n  > ```\n  > b\n  > ```\n",
    "fence between texts": "a\n```python\nx = 1\n```\nb\n",
    "tildes": "~~~\na\n~~~\n\n~~~python\nb\n~~~\n",
    "longer fence": "````\n```yaml verify\nid: x\n```\n````\n",
    "blank lines at the ends of code": "```\n\n\na\n\n\n\n```\n",
    "table": "| a | b |\n|---|:-:|\n| 1 | *2* |\n| 3 |\n",
    "table under text": "Text:\n| a | b |\n|---|---|\n| 1 | 2 |\n\nb\n",
    "table in a list": "- a\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n- b\n",
    "table in a quote": "> | a | b |\n> |---|---|\n> | 1 | 2 |\n",
    "escaped pipe": "| a | b |\n|---|---|\n| 1 \\| 2 | `x \\| y` |\n",
    "money in a table": "| a | b |\n|---|---|\n| $5 | $6 |\n| $10k | 3$ |\n",
    "strikethrough": "~~a~~ b\n",
    "setext": "Part\n----\n\nText\nmore\n",
    "no heading": "##a\n\nText\n#tag\n\n#1 is b.\n",
    "rules": "a\n\n---\n\n* * *\n\nb\n",
    "line breaks": "a  \nb\\\nc\n",
    "underscores": "snake_case_name and __init__ and foo_bar_ baz; 2*3*4; a * b * c\n",
    "braces": "## Results {2017}\n\n**a**{x} *b*{y}\n\n| a {b} | c |\n|---|---|\n| 1 {z} | 2 |\n\nLast { of text }\n",
    "sentences like boxes": "??? why does this work\n\n!!! important point\n\n!!! note\n\n!!!note that\n\n??? \"a\"\n",
    "unknown kind": "!!! thought\n    a\n",
    "reference": "[a][p] [b]\n\n[p]: https://example.org/p\n[b]: https://example.org/b \"T\"\n",
    "entities": "&amp; &copy; &lt;b&gt; a<-b -> c\n",
    "other dialects": "x^2^ ==marked== :tada:\n\n*[HTML]: x\n\n{% include x.html %}\n",
    "escapes": "\\*a\\* \\# \\` \\[b](c) \\$5 \\| 1\\. \\_d\\_\n",
    "money": "It costs $5 a day, and $10 on Sundays. Between US$100 and US$200; $3k-$4k a month, 5$.\n",
    "money by code": "Set `$HOME` and $PATH, costs $5 and $6, or `$x$`.\n",
    "hard spaces and scripts": "a\u00a0b 실험 方法 \u202bعربي\u202c\n",
    "no gap": "First *a*.\n\nSecond.\n",
    "comment": "a\n\n<!-- b\n\n- c -->\n\nd\n",
}  # fmt: skip


@pytest.mark.parametrize("text", AS_SPECIFIED.values(), ids=AS_SPECIFIED.keys())
def test_what_commonmark_has_is_as_a_commonmark_parser_has_it(text: str) -> None:
    reference = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    assert structure(html(text)) == structure(reference.render(text))


MATHS = '<math display="block"></math>'
BY_HAND = {
    "tasks": (
        "- [x] a\n- [ ] b\n  - [X] c\n- d [ ]\n",
        '<ul><li><input type="checkbox" checked> a</li><li><input type="checkbox"> b<ul><li><input type="checkbox" '
        "checked> c</li></ul></li><li>d [ ]</li></ul>",
    ),
    "single tildes": ("~a~ H~2~O\n", "<p><del>a</del> H<del>2</del>O</p>"),
    "bare addresses": (
        "See https://example.org/a_b?c=d#e, www.example.org (http://example.org/x_(y)) and a@example.org.\n",
        '<p>See <a href="https://example.org/a_b?c=d#e">https://example.org/a_b?c=d#e</a>, '
        '<a href="http://www.example.org">www.example.org</a> '
        '(<a href="http://example.org/x_(y)">http://example.org/x_(y)</a>) and '
        '<a href="mailto:a@example.org">a@example.org</a>.</p>',
    ),
    "no address in code or links": (
        "`https://example.org` [https://example.org](https://example.com)\n",
        '<p><code>https://example.org</code> <a href="https://example.com">https://example.org</a></p>',
    ),
    "alert": (
        "> [!WARNING]\n> a\n>\n> - b\n",
        "<div><p>Warning</p><p>a</p><ul><li>b</li></ul></div>",
    ),
    "bold is no alert": ("> **Note**\n> a\n", "<blockquote><p><strong>Note</strong> a</p></blockquote>"),
    "unknown alert": ("> [!THOUGHT]\n> a\n", "<blockquote><p>[!THOUGHT] a</p></blockquote>"),
    "box": (
        '!!! note "A *title*"\n    a\n\n    - b\n\nc\n',
        "<div><p>A <em>title</em></p><p>a</p><ul><li>b</li></ul></div><p>c</p>",
    ),
    "box without a title": ("!!! note\n    a\n", "<div><p>Note</p><p>a</p></div>"),
    "box under text": ("a\n!!! tip\n    b\n", "<p>a</p><div><p>Tip</p><p>b</p></div>"),
    "fold": ('??? question "Why?"\n    a\n', "<details><summary>Why?</summary><p>a</p></details>"),
    "open fold": (
        "???+ example\n    ```\n    a\n    ```\n",
        "<details><summary>Example</summary><pre>a</pre></details>",
    ),
    "box in a list": ("- a\n\n    !!! note\n        b\n", "<ul><li><p>a</p><div><p>Note</p><p>b</p></div></li></ul>"),
    "definitions": ("Term\n: a\n: b\n", "<dl><dt>Term</dt><dd>a</dd><dd>b</dd></dl>"),
    "definition of blocks": (
        "Term\n\n:   a\n\n    - b\n",
        "<dl><dt>Term</dt><dd><p>a</p><ul><li>b</li></ul></dd></dl>",
    ),
    "binding in a table": (
        "| a | b |\n|---|---|\n| {{ a.b | .1% }} | 2 |\n| $|x|$ | [@c] |\n",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>EVIDENCE</td><td>2</td></tr>"
        "<tr><td><math></math></td><td>EVIDENCE</td></tr></tbody></table>",
    ),
    "binding at the beginning of a line": (
        "The error is\n{{ a.b | .1% }}, see [the paper](https://example.org).\n",
        '<p>The error is EVIDENCE, see <a href="https://example.org">the paper</a>.</p>',
    ),
    "bindings everywhere": (
        "# {{ a.b }}\n\n- *{{ a.b }}*\n\n> [@a]\n\n`{{ a.b }}` \\{{ a }}\n\n    {{ a.b }}\n",
        "<h2>EVIDENCE</h2><ul><li><em>EVIDENCE</em></li></ul><blockquote><p>EVIDENCE</p></blockquote>"
        "<p><code>{{ a.b }}</code> {{ a }}</p><pre>{{ a.b }}</pre>",
    ),
    "attributes": (
        "## Head {#my-id}\n\n## Other {: #own .class }\n\nHTML\n{: .class }\n\n* TOC\n{:toc}\n",
        "<h2>Head</h2><h2>Other</h2><p>HTML</p><ul><li>TOC</li></ul>",
    ),
    "footnotes": (
        "A[^1], B[^n], A again[^1].\n\n> C[^q]\n\n[^1]: First.\n[^n]: Second,\n    - a\n\n    more.\n[^q]: Third.\n",
        '<p>A<sup><a href="#fn:1">1</a></sup>, B<sup><a href="#fn:2">2</a></sup>, A again<sup><a href="#fn:1">1</a>'
        '</sup>.</p><blockquote><p>C<sup><a href="#fn:3">3</a></sup></p></blockquote><div><hr><ol><li><p>First. '
        '<a href="#fnref:1">↩</a> <a href="#fnref2:1">↩</a></p></li><li><p>Second,</p><ul><li>a</li></ul><p>more. '
        '<a href="#fnref:2">↩</a></p></li><li><p>Third. <a href="#fnref:3">↩</a></p></li></ol></div>',
    ),
    "no footnote": ("a[^x] and [^1]\n", "<p>a[^x] and [^1]</p>"),
    "maths under text": (
        "The loss is\n$$\nL = \\sum_i l_i\n$$\nwhere $l_i$.\n",
        f"<p>The loss is</p>{MATHS}<p>where <math></math>.</p>",
    ),
    "maths in a list": (
        "- a\n\n  $$\n  x\n  $$\n\n- b\n    $$y_2 * z * w$$\n",
        f"<ul><li><p>a</p>{MATHS}</li><li><p>b</p>{MATHS}</li></ul>",
    ),
    "maths in a quote": ("> $$\n> a_1\n>\n> b\n> $$\n> c\n", f"<blockquote>{MATHS}<p>c</p></blockquote>"),
    "maths with blank lines": ("$$\n\\begin{aligned}\n\na &= b \\\\\n\nc &= d\n\n\\end{aligned}\n$$\n", MATHS),
    "maths indented": ("- a\n\n    $$\n    a_1 = b\n    $$\n", f"<ul><li><p>a</p>{MATHS}</li></ul>"),
    "environment": ("a\n\\begin{align}\na &= b_1 \\\\\n\nc &= d\n\\end{align}\nb\n", f"<p>a</p>{MATHS}<p>b</p>"),
    "two in a row": ("$$a = b$$\n$$c = d$$\n", MATHS + MATHS),
    "display in a line": ("text $$x$$ text \\[ y_2 \\]\n", f"<p>text {MATHS} text {MATHS}</p>"),
    "brackets": ("a \\(x_1\\), \\\\(z\\\\)\n\n\\[ y_2 \\]\n", f"<p>a <math></math>, <math></math></p>{MATHS}"),
    "within a line": (
        "$x^*$, $y^*$, $a_{*}$ and *em*, $ x $, $x$s, $`c`$, $a,\nb$.\n",
        "<p><math></math>, <math></math>, <math></math> and <em>em</em>, <math></math>, <math></math>s, <math></math>, "
        "<math></math>.</p>",
    ),
    "escapes in maths": (
        "$\\{x_1, ..., x_n\\}$ $p(a\\|b)$ $a \\_ b$\n",
        "<p><math></math> <math></math> <math></math></p>",
    ),
    "maths in a heading": ("## The loss $L_1$\n", "<h2>The loss <math></math></h2>"),
    "maths in a table": (
        "| a | b |\n|---|---|\n| $x_1$ | $|x|$ |\n| $\\{a\\}$ | \\(a | b\\) |\n",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td><math></math></td><td><math></math></td></tr>"
        "<tr><td><math></math></td><td><math></math></td></tr></tbody></table>",
    ),
    "display in a table": (
        "| $$a|b$$ | \\[c|d\\] |\n|---|---|\n| $$ | $$ |\n",
        f"<table><thead><tr><th>{MATHS}</th><th>{MATHS}</th></tr></thead><tbody><tr><td>$$</td><td>$$</td></tr></tbody>"
        "</table>",
    ),
    "reference to an equation": (
        "$$\n\\label{a} x\n$$\n\nsee \\eqref{a} and `\\ref{a}`\n",
        f"{MATHS}<p>see <math></math> and <code>\\ref{{a}}</code></p>",
    ),
    "maths before a number": ("a 3$\\times$3 kernel\n", "<p>a 3<math></math>3 kernel</p>"),
    "maths in emphasis and links": (
        "**$x$** [$y$](https://example.org)\n",
        '<p><strong><math></math></strong> <a href="https://example.org"><math></math></a></p>',
    ),
    "maths as code": ("```math\na_1 = b_1\n```\n", MATHS),
    "no maths": (
        "`$x$` \\$x$ $5\n\n    $$x$$\n\n```\n$$x$$\n```\n",
        "<p><code>$x$</code> $x$ $5</p><pre>$$x$$</pre><pre>$$x$$</pre>",
    ),
    "title in front": ("# Coins\n\n## Part\n\n# coins!\n", "<div></div><h3>Part</h3><h2>coins!</h2>"),
    "several h1": ("# A\n\n## B\n\n###### C\n\nD\n===\n", "<h2>A</h2><h3>B</h3><h6>C</h6><h2>D</h2>"),
    "heading in a quote and a list": (
        "> ## A\n\n- ## B\n",
        "<blockquote><h2>A</h2></blockquote><ul><li><h2>B</h2></li></ul>",
    ),
    "harmless HTML": (
        "a<br>b<sub>2</sub> <kbd>x</kbd>\n\n<details>\n<summary>S</summary>\n\n- a\n\n</details>\n",
        "<p>a<br>b<sub>2</sub> <kbd>x</kbd></p><details><summary>S</summary><ul><li>a</li></ul></details>",
    ),
    "unclosed HTML ends with its block": ("- <b>a\n- c\n\nd\n", "<ul><li><b>a</b></li><li>c</li></ul><p>d</p>"),
    "scripts": (
        "<script>\nalert(1)\n</script>\n\na <img src=x onerror=b> <a href='javascript:c'>d</a>\n",
        "<p>a image: x <a>d</a></p>",
    ),
    "code of every kind stays": (
        "`` a`b `` `{{ x }}` `$x$` `<b>` `[@a]`\n",
        "<p><code>a`b</code> <code>{{ x }}</code> <code>$x$</code> <code>&lt;b&gt;</code> <code>[@a]</code></p>",
    ),
}


@pytest.mark.parametrize(("text", "expected"), BY_HAND.values(), ids=BY_HAND.keys())
def test_what_reviews_have_besides(text: str, expected: str) -> None:
    assert structure(html(text)) == structure(expected)


def ids(text: str) -> list[str]:
    """Of all elements, in order."""
    return [str(each["id"]) for each in BeautifulSoup(html(text), "html.parser").find_all(id=True)]


def test_every_script_has_its_letters_in_ids() -> None:
    text = "## 实验 设置\n\n## 방법\n\n## Kim & Lee\n\n## 1. Übersicht\n\n## `code` and *em*\n\n## !!!\n"
    assert ids(text) == ["实验-设置", "방법", "kim--lee", "1-übersicht", "code-and-em", "section"]
    assert mistakes(f"[a](#实验-设置) [b](#%EB%B0%A9%EB%B2%95)\n\n{text}") == []


def test_ids_are_unique_whatever_they_are_of() -> None:
    text = """# Coins
## Coins
## Part
## Part
## Part-1
## Other {#part}
## Mine {#own}
<b id="own">a</b> <a name="own"></a> <b id="part-2">c</b>

A[^1]

## fn1

[^1]: b
"""
    found = ids(text)
    assert len(set(found)) == len(found)
    assert "own" in found
    assert found.count("part") == 1


def test_the_contents_have_every_heading() -> None:
    text = "# A\n## B $x$ `c` {{ a.b }}\n> ### C\n\n- #### *D* [e](https://example.org)\n"
    body = write(text)
    assert [each.level for each in body.headings] == [2, 3, 4, 5]
    texts = [BeautifulSoup(each.text, "html.parser").get_text() for each in body.headings]
    assert [texts[0], *texts[2:]] == ["A", "C", "D e"]
    assert texts[1].startswith("B x")
    assert texts[1].endswith("c EVIDENCE")
    assert [each.id for each in body.headings] == [each for each in ids(text) if each in body.ids]


def test_a_heading_that_only_repeats_the_title_keeps_its_anchor() -> None:
    assert ids("# Coins\n\na\n") == ["coins-1"]
    assert structure(html("# Coins {#top}\n\na\n")) == (("div",), ("p", "a"))
    assert ids("# Coins {#top}\n") == ["top"]


def test_attributes_are_those_of_what_they_stand_behind() -> None:
    assert ids("## A {#b}\n\n## C { #d .e }\n\n## F {: #g }\n") == ["b", "d", "g"]
    assert "{#b" not in html("## A {#b}")
    assert structure(html("[a](https://example.org){target=_blank} `b`{.c}\n")) == (
        ("p", ("a", {"href": "https://example.org"}, "a"), " ", ("code", "b")),
    )


def test_tables_keep_how_their_columns_stand() -> None:
    written = BeautifulSoup(html("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |\n"), "html.parser")
    styles = [str(each.get("style")) for each in written.find_all("td")]
    assert ["left" in styles[0], "center" in styles[1], "right" in styles[2]] == [True, True, True]


SEPARATORS = ["\u2028", "\u2029", "\x85", "\f", "\v", "\x1c", "\x1d", "\x1e", "\r"]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_only_line_feeds_end_lines(separator: str, tmp_path: Path) -> None:
    """What is shown as the code that runs is that code, whatever stands above it."""
    prose = f"One{separator}two. {separator}\n\n- a{separator}b\n\nSixes:"
    review = miniature.DICE.replace("Sixes:", prose)
    (tmp_path / "project").mkdir()
    project = miniature.make(tmp_path / "project", {"dice": review}, ran={})
    page = BeautifulSoup(miniature.html(project, "reviews/dice.md"), "html.parser")
    shown = page.select_one("#code-die pre")
    assert shown is not None
    (fence,) = project.review("dice").code_fences
    code = project.review("dice").text.split("\n")[fence.line : fence.end_line - 1]
    assert shown.get_text().strip("\n").split("\n") == code
    assert code[0].startswith("def die(")
    assert page.select_one("section#rolls") is not None
    assert "yaml verify" not in page.get_text()
    assert "experiment: die" not in page.get_text()


def test_lines_of_mistakes_are_those_of_the_file() -> None:
    text = "a\u2028b\x85c\fd\n\n[x](nowhere.md)\n\n- e\n\n  > f\n  > [y](nowhere.md)\n"
    assert [line for line, *_ in mistakes(text)] == [3, 8]


@pytest.mark.parametrize(
    "text",
    [
        "\\begin{align}\n" * 3000,
        "\\begin{align}\n" * 3000 + "\\end{align}\n",
        "| a |\n|---|\n| $x|y$ |\n\n" * 1000,
        "$ a " * 8000,
        "$$ a " * 6000,
        "$$\n\n" * 3000,
        "$`" * 6000,
        "\\[ a " * 6000,
        "{{ a " * 6000,
        "[@a " * 3000,
        "`a`{" * 5000,
        "# a\n" * 3000,
    ],
)
def test_a_long_text_takes_no_time(text: str) -> None:
    start = time.monotonic()
    parse(text)
    assert time.monotonic() - start < 8


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("| `$HOME` | `$PATH` |", ["`$HOME`", "`$PATH`"]),
        (r"| `\(` | `\)` |", [r"`\(`", r"`\)`"]),
        ("| `{{x` | `y}}` |", ["`{{x`", "`y}}`"]),
        ("| costs $x | or y$ |", ["costs $x", "or y$"]),
        ("| $|x|$ | $p(a | b)$ |", ["$|x|$", "$p(a | b)$"]),
        ("| {{ a.b | mean | .1% }} | c |", ["{{ a.b | mean | .1% }}", "c"]),
        ("| $5 a day | 3$ |", ["$5 a day", "3$"]),
        ("| T$_{r}$ | T$_{o}$ |", ["T$_{r}$", "T$_{o}$"]),
        (r"| \(|x|\) | \ue000 |", [r"\(|x|\)", r"\ue000"]),
        ("| $|x| + |y|$ | \ue000 |", ["$|x| + |y|$", "\ue000"]),
    ],
)
def test_a_pipe_ends_a_cell_unless_it_stands_in_an_equation_or_a_binding(row: str, cells: list[str]) -> None:
    tokens = parse(f"| a | b |\n|---|---|\n{row}\n")
    assert [token.content for token in tokens if token.type == "inline"][2:] == cells
    assert [token.meta["surplus"] for token in tokens if token.type == "tr_open"] == [0, 0]
