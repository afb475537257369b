"""Where a review's text holds code, and where fences begin and end."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token
from msgspec import Struct

_LITERAL = re.compile(r"\s*<(!--|pre|script|style|textarea)", re.IGNORECASE)


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
    """Lines (0-based) of code blocks, comments and literal HTML, fences included."""


def analyse(tokens: Sequence[Token], lines: Sequence[str]) -> Blocks:
    """The blocks among the tokens of a text whose lines are `lines`."""
    fences = tuple(_fence(token, lines) for token in tokens if token.type == "fence")
    opaque = frozenset(line for token in tokens if _is_opaque(token) for line in range(*lines_of(token)))
    return Blocks(fences, opaque)


def lines_of(token: Token) -> tuple[int, int]:
    """The lines of a block's token, the second one exclusive; 0-based."""
    assert token.map is not None
    return token.map[0], token.map[1]


def is_literal(token: Token) -> bool:
    """Whether it is raw HTML whose text is to be shown as it stands, or not at all."""
    return token.type == "html_block" and _LITERAL.match(token.content) is not None


def _is_opaque(token: Token) -> bool:
    return token.type in ("fence", "code_block") or is_literal(token)


def _fence(token: Token, lines: Sequence[str]) -> Code:
    start, end = lines_of(token)
    last = lines[end - 1].lstrip(" \t>").rstrip()
    closed = end - 1 > start and last.startswith(token.markup) and not last.strip(token.markup[0])
    return Code(Span(start, end), token.info.strip(), token.content, closed)
