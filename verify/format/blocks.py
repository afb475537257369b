"""The block structure of Markdown: what is code or comment, and what is prose.

CommonMark decides, by markdown-it-py.  Python-Markdown's admonitions, details and tabs (`!!! note`, with their content
four columns in) are unknown to CommonMark, so their content is moved to the left before it looks.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

_CONTAINER = re.compile(r"(?:!!!|\?\?\?\+?|===[!+]{0,2}) ")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
_UNREAD_HTML = re.compile(r"\s*<(!--|pre|script|style|textarea)", re.IGNORECASE)


class Span(Struct, frozen=True):
    """Lines `start` up to, without, `end`; 0-based."""

    start: int
    end: int


class Code(Struct, frozen=True):
    """A fenced code block."""

    span: Span
    info: str
    content: str
    closed: bool


class Blocks(Struct, frozen=True):
    fences: tuple[Code, ...]
    opaque: frozenset[int]
    """Lines (0-based) of code blocks and comments, fences included."""
    prose: tuple[Span, ...]
    """Blocks whose text is read for code spans, maths and bindings; none of these crosses a block's border."""


def analyse(text: str) -> Blocks:
    """The blocks of a Markdown text with LF line endings."""
    lines = text.split("\n")
    tokens = [token for token in _parser().parse(_flatten(lines)) if token.map]
    fences = tuple(_fence(token, lines) for token in tokens if token.type == "fence")
    opaque = frozenset(line for token in tokens if _is_opaque(token) for line in range(*_map(token)))
    starts = {_map(token)[0] for token in tokens}
    return Blocks(fences, opaque, tuple(_prose(lines, opaque, starts)))


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").disable("inline")  # block structure is all that is wanted, at a third of the time


def _map(token: Token) -> tuple[int, int]:
    assert token.map is not None
    return token.map[0], token.map[1]


def _is_opaque(token: Token) -> bool:
    return token.type in ("fence", "code_block") or (
        token.type == "html_block" and _UNREAD_HTML.match(token.content) is not None
    )


def _fence(token: Token, lines: list[str]) -> Code:
    start, end = _map(token)
    last = lines[end - 1].lstrip(" \t>").rstrip()
    closed = end - 1 > start and last.startswith(token.markup) and not last.strip(token.markup[0])
    return Code(Span(start, end), token.info.strip(), token.content, closed)


def _prose(lines: list[str], opaque: frozenset[int], starts: set[int]) -> list[Span]:
    borders = [
        number
        for number, line in enumerate(lines)
        if number == 0 or number in starts or number in opaque or number - 1 in opaque or not line.strip()
    ]
    spans = (Span(start, end) for start, end in pairwise([*borders, len(lines)]))
    return [span for span in spans if span.start not in opaque and any(lines[span.start : span.end])]


def _flatten(lines: list[str]) -> str:
    """Containers' headers blanked and their content moved left, line by line, but not inside fenced code."""
    flat: list[str] = []
    offset, fence = 0, ""
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if line.strip() and indent < offset:  # the container ends here, and any fence left open in it
            offset, fence = indent // 4 * 4, ""
        inner = line[offset:]
        opener = _FENCE.match(inner)
        if fence:
            if opener and opener[1].startswith(fence) and not opener[2].strip():
                fence = ""
        elif opener:
            fence = opener[1]
        elif _CONTAINER.match(inner):
            offset, inner = offset + 4, ""
        flat.append(inner)
    return "\n".join(flat)
