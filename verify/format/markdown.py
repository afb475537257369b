"""The one parse of a review's text: CommonMark as GitHub shows it, with the few things that reviews have besides.

Fences, equations, and what prose says of the evidence are tokens of this parse; whoever needs one of them asks here.
Lines end at LF alone, as everywhere in the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, backtick, escape
from markdown_it.token import Token
from markdown_it.utils import EnvType
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from verify.format.attributes import attributes_plugin
from verify.format.inline import evidence_plugin, evidence_rule
from verify.format.maths import equation_rule, maths_plugin
from verify.format.notes import notes_plugin

_BEGINS = re.compile(r"[\\`$]|\{\{|\[@")
_UNDER_HEAD = re.compile(r"[-:|][-:|\s]*")
_HIDDEN = "\ud800"
"""Half a character, which no text holds that was read from a file."""

LONGEST = 20_000
"""Characters of a paragraph or a cell; of a longer one the marks are not read, which takes the square of its length."""


def parse(text: str, env: dict[str, Any] | None = None) -> list[Token]:
    """The tokens of a Markdown text; the `map` of a block's token has its lines, 0-based.

    `env` is where plugins leave what they found besides, such as `footnotes`.
    """
    return _parser().parse(text, env if env is not None else {})


def walk(tokens: Sequence[Token]) -> Iterator[tuple[Token, int]]:
    """Every token, those within lines too, with the line (0-based) it stands in."""
    line = 0
    for token in tokens:
        if token.map:
            line = token.map[0]
        yield token, line
        yield from _inner(token.children or (), line)


def _inner(tokens: Sequence[Token], first: int) -> Iterator[tuple[Token, int]]:
    for token in tokens:
        line = first + lines_above(token)
        yield token, line
        yield from _inner(token.children or (), line)


def lines_above(token: Token) -> int:
    """How many lines of its paragraph (of its label, within an image) stand above a token of a line."""
    return token.map[0] if token.map else 0


class _State(StateInline):
    """Notes of each token the line that it begins in."""

    _seen = 0, 0
    """A place in the text, and the line it is in."""

    def _line_here(self) -> list[int]:
        place, line = self._seen if self._seen[0] <= self.pos else (0, 0)
        self._seen = self.pos, line + self.src.count("\n", place, self.pos)
        return [self._seen[1], self._seen[1] + 1]

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        """As of the base."""
        token = super().push(ttype, tag, nesting)
        token.map = self._line_here()
        return token

    def pushPending(self) -> Token:
        """As of the base: text that holds no end of a line, so that it begins where it ends."""
        token = super().pushPending()
        token.map = self._line_here()
        return token


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        """As of the base, with lines."""
        state = _State(src, md, env, tokens)
        if len(src) > LONGEST:
            state.pending = src
            state.pushPending()
            state.push("too_long", "", 0)
            return state.tokens
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _Parser(MarkdownIt):
    def __init__(self, config: str, options: Mapping[str, Any]) -> None:
        """As of the base."""
        super().__init__(config, options)
        self.inline = _Inline()
        self.configure(config, options_update=options)

    def validateLink(self, url: str) -> bool:
        """Whatever an author made a link of is one: whoever writes pages says which addresses they may have."""
        del url
        return True


@cache
def _parser() -> MarkdownIt:
    options = {"html": True, "tasklists": True, "alerts": True, "strikethrough_single_tilde": True}
    md = _Parser("commonmark", options).enable(["table", "strikethrough"])
    md.use(gfm_autolink_plugin).use(footnote_plugin, inline=False).use(deflist_plugin)
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    md.core.ruler.before("footnote_tail", "footnote_lines", _note_footnotes)
    md.use(maths_plugin).use(notes_plugin).use(evidence_plugin).use(attributes_plugin)
    return md


def _note_footnotes(state: StateCore) -> None:
    """Keep where each footnote is written: of one that nothing refers to, no token is left."""
    state.env["footnote lines"] = {
        token.meta["label"]: after.map[0]
        for token, after in pairwise(state.tokens)
        if token.type == "footnote_reference_open" and after.map
    }


def _table(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A table in which the pipes of bindings and equations end no cell; a row with more cells than the head says so."""
    if first + 1 >= last or _UNDER_HEAD.fullmatch(state.src, *_line(state, first + 1)) is None:
        return False
    source, made = state.src, len(state.tokens)
    if "cells" not in state.env:  # once a text, which may have many tables
        state.env["cells"] = _with_pipes_hidden(source)
    state.src = state.env["cells"]
    try:
        found: bool = table(state, first, last, silent)
        if found and not silent:
            _mark_surplus(state, state.tokens[made:])
    finally:
        state.src = source
    for token in state.tokens[made:]:
        token.content = token.content.replace(_HIDDEN, "|")
    return found


def _with_pipes_hidden(source: str) -> str:
    """The text with `_HIDDEN` in the place of each pipe that ends no cell."""
    pipes: list[int] = []
    start = 0
    for line in source.split("\n"):
        pipes += (start + at for at in _inner_pipes(line))
        start += len(line) + 1
    borders = [-1, *pipes, len(source)]
    return _HIDDEN.join(source[before + 1 : at] for before, at in pairwise(borders))


def _inner_pipes(text: str) -> Iterator[int]:
    """Where a pipe stands in a binding or an equation of one line, and not in code, and so ends no cell."""
    if "|" not in text or _BEGINS.search(text) is None:
        return
    state = StateInline(text, _parser(), {}, [])
    while (begin := _BEGINS.search(text, state.pos)) is not None:
        state.pos = at = begin.start()
        inner = any(rule(state, True) for rule in (equation_rule, evidence_rule))
        if inner:
            yield from _pipes(text, at, state.pos)
        elif not (escape(state, True) or backtick(state, True)):
            state.pos += 1


def _pipes(text: str, start: int, end: int) -> Iterator[int]:
    """The pipes of an equation or a binding; one between spaces is its own only within brackets, as in `p(x | y)`."""
    depth = 0
    for at in range(start, end):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if text[at] == "|" and (depth > 0 or not (text[at - 1] == " " and text[at + 1] == " ")):
            yield at


def _line(state: StateBlock, line: int) -> tuple[int, int]:
    return state.bMarks[line] + state.tShift[line], state.eMarks[line]


def _mark_surplus(state: StateBlock, tokens: Sequence[Token]) -> None:
    """GitHub drops what stands behind a row's last column; `meta["surplus"]` of the row says how many cells that is."""
    columns = sum(token.type == "th_open" for token in tokens)
    for token in tokens:
        if token.type == "tr_open" and token.map:
            start, end = _line(state, token.map[0])
            cells = escapedSplit(state.src[start:end].strip())
            number = len(cells) - (cells[0] == "") - (len(cells) > 1 and cells[-1] == "")
            token.meta["surplus"] = max(0, number - columns)
