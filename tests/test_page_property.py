"""Documents of any shape: their page has the blocks that were written, no more and no fewer, and no raw syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.writing import Node, html, mistakes, structure

WORDS = st.lists(st.sampled_from("loss error rate batch seed model task 실험 Über 数 5 % it's".split()), min_size=1)  # noqa: SIM905
RAW = re.compile(r"\$|\*|`|\||\{|\}|~|\\|\]\(|^\s*(?:#{1,6} |[-+] |\d+[.)] |> |!!!|\?\?\?)|</?\w", re.MULTILINE)

WANTED = re.compile(r"d \| e|\$\d+")
"""What looks like syntax and is text."""


class Block(Struct, frozen=True):
    """A block as lines of Markdown, and what a page has of it."""

    lines: tuple[str, ...]
    shape: Node


def _line(words: list[str]) -> str:
    return "x " + " ".join(words)  # nothing that begins a block of another kind


@st.composite
def _inline(draw: st.DrawFn) -> tuple[str, tuple[Node, ...]]:
    """A line, and what it is on the page."""
    text = _line(draw(WORDS))
    written, shape = draw(
        st.sampled_from(
            [
                ("", ()),
                (" *word*", ("em", "word")),
                (" **word**", ("strong", "word")),
                (" ~~word~~", ("del", "word")),
                (" `co*de`", ("code", "co*de")),
                (" $a_1^*$", ("math",)),
                (" \\(a | b\\)", ("math",)),
                (" $$x$$", ("math", {"display": "block"})),
                (" [link](https://example.org)", ("a", {"href": "https://example.org"}, "link")),
                (" <kbd>k</kbd>", ("kbd", "k")),
            ]
        )
    )
    return text + written, (
        (f"{text} ", shape) if shape and shape[-1] != {"display": "block"} else (text, shape) if shape else (text,)
    )


WRAPPED: list[tuple[str, tuple[Node, ...]]] = [
    ("*two\nlines*", (("em", "two lines"),)),
    ("**two\nlines**", (("strong", "two lines"),)),
    ("`two\nlines`", (("code", "two lines"),)),
    ("~~two\nlines~~", (("del", "two lines"),)),
    ("$a +\nb$", (("math",),)),
    ("*two `c*d`\nlines*", (("em", "two ", ("code", "c*d"), " lines"),)),
    ("[two\nlines](https://example.org)", (("a", {"href": "https://example.org"}, "two lines"),)),
    ('[link](https://example.org\n"A title")', (("a", {"href": "https://example.org", "title": "A title"}, "link"),)),
    ('[link](https://example.org "A\ntitle")', (("a", {"href": "https://example.org", "title": "A\ntitle"}, "link"),)),
    ("{{ bench.loss[size=9]\n| .1% }}", ("EVIDENCE",)),
    ("first\\\nsecond", ("first", ("br",), "second")),
]
"""Spans over two lines of a paragraph."""


@st.composite
def _paragraph(draw: st.DrawFn) -> Block:
    if draw(st.booleans()):
        line, shape = draw(_inline())
        return Block((line,), ("p", *shape))
    before, (written, inside) = _line(draw(WORDS)), draw(st.sampled_from(WRAPPED))
    after = draw(st.sampled_from([" x after", "\nx after"]))
    return Block(tuple(f"{before} {written}{after}".split("\n")), ("p", *_merged(f"{before} ", *inside, " x after")))


def _merged(*nodes: Node) -> Iterator[Node]:
    """With one text for those that follow one another."""
    texts = ""
    for node in nodes:
        if isinstance(node, str):
            texts += node
        else:
            yield from (texts,) if texts else ()
            yield node
            texts = ""
    yield from (texts,) if texts else ()


@st.composite
def _heading(draw: st.DrawFn) -> Block:
    level = draw(st.integers(2, 6))
    line, shape = draw(_inline())
    return Block((f"{'#' * level} {line}",), (f"h{level}", *shape))


@st.composite
def _code(draw: st.DrawFn) -> Block:
    mark = draw(st.sampled_from(["```", "~~~~", "```python"]))
    lines = draw(st.lists(st.sampled_from(["a = $b$ * {{ c }}", "", "  - <b>", "# d", "| e |", "$$"]), max_size=4))
    closing = mark.rstrip("python")
    return Block((mark, *lines, closing), ("pre", "\n".join(lines).strip("\n")))


@st.composite
def _maths(draw: st.DrawFn) -> Block:
    inside = draw(st.lists(st.sampled_from(["a_1 = b * c", "", "+ d^* < e", "\\le f"]), min_size=1, max_size=3))
    opening, closing = draw(st.sampled_from([("$$", "$$"), ("\\[", "\\]"), ("\\begin{align}", "\\end{align}")]))
    lines = ["x", *inside]
    return Block((opening, *lines, closing), ("math", {"display": "block"}))


CELLS: list[tuple[str, tuple[Node, ...]]] = [
    ("a", ("a",)),
    ("", ()),
    ("`b`", (("code", "b"),)),
    ("`$b$ and $`", (("code", "$b$ and $"),)),
    ("`b \\| $c`", (("code", "b | $c"),)),
    ("$|c|$", (("math",),)),
    ("$p(a | b)$", (("math",),)),
    ("x \\(\\{a | b\\}\\) y", ("x ", ("math",), " y")),
    ("{{ bench.loss[size=9] | sd | .1% }}", ("EVIDENCE",)),
    ("*{{ bench.loss | .1% }}*", (("em", "EVIDENCE"),)),
    ("d \\| e", ("d | e",)),
    ("*d \\| e*", (("em", "d | e"),)),
    ("costs $5", ("costs $5",)),
    ("from $5 to $10", ("from $5 to $10",)),
    ("\\$5, $x$", ("$5, ", ("math",))),
    ("[f](https://example.org)", (("a", {"href": "https://example.org"}, "f"),)),
]


@st.composite
def _table(draw: st.DrawFn) -> Block:
    columns = draw(st.integers(1, 3))
    cells = st.sampled_from(CELLS)
    rows = draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=3))
    lines = [f"| {' | '.join(written for written, _ in row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * columns}")
    first, *others = [[each for _, each in row] for row in rows]
    head: tuple[Node, ...] = ("thead", ("tr", *(("th", *each) for each in first)))
    body = [("tbody", *(("tr", *(("td", *each) for each in row)) for row in others))] if others else []
    return Block(tuple(lines), ("table", head, *body))


def _quote(inner: list[Block]) -> Block:
    lines = tuple(f"> {line}".rstrip() for line in _joined(inner))
    return Block(lines, ("blockquote", *(each.shape for each in inner)))


def _list(items: list[list[Block]], ordered: bool) -> Block:
    """A loose list: every item's text is a paragraph."""
    lines: list[str] = []
    for number, item in enumerate(items, 3):
        mark = f"{number}. " if ordered else "- "
        first, *others = _joined(item)
        lines += [mark + first, *(" " * len(mark) + line if line else "" for line in others), ""]
    shapes = [("li", *(each.shape for each in item)) for item in items]
    head: tuple[object, ...] = ("ol", {"start": "3"}) if ordered else ("ul",)
    return Block(tuple(lines[:-1]), (*head, *shapes))


def _note(inner: list[Block]) -> Block:
    lines = tuple(f"    {line}" if line else "" for line in _joined(inner))
    return Block(("!!! note", *lines), ("div", ("p", "Note"), *(each.shape for each in inner)))


def _joined(blocks: list[Block]) -> Iterator[str]:
    """One below the other, with a line between."""
    for place, each in enumerate(blocks):
        yield from ("",) if place else ()
        yield from each.lines


def _containers(inside: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    first = st.one_of(_paragraph(), _code(), _maths(), _table())
    blocks = st.builds(lambda one, more: _apart([one, *more]), first, st.lists(inside, max_size=3))
    items = st.lists(blocks.filter(lambda each: each[0].shape[0] == "p"), min_size=2, max_size=3)
    return st.one_of(st.builds(_quote, blocks), st.builds(_list, items, st.booleans()), st.builds(_note, blocks))


def _apart(blocks: list[Block]) -> list[Block]:
    """Without one that Markdown would take for more of the one before it."""
    found: list[Block] = []
    for each in blocks:
        if not found or each.shape[0] not in ("ul", "ol", "blockquote", "div") or found[-1].shape[0] != each.shape[0]:
            found.append(each)
    return found


LEAVES = st.one_of(_paragraph(), _heading(), _code(), _maths(), _table())
DOCUMENTS = st.lists(st.recursive(LEAVES, _containers, max_leaves=8), min_size=1, max_size=6).map(_apart)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(DOCUMENTS)
def test_a_page_has_the_blocks_that_were_written(blocks: list[Block]) -> None:
    text = "\n".join(_joined(blocks)) + "\n"
    written = structure(html(text))
    assert written == tuple(each.shape for each in blocks), text
    assert mistakes(text) == []
    for shown in _visible(written):
        assert not RAW.search(WANTED.sub("", shown)), (text, shown)


def _visible(nodes: tuple[object, ...]) -> Iterator[str]:
    """Texts, but for code."""
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, tuple) and node[0] not in ("pre", "code"):
            yield from _visible(node[1:])
