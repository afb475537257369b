"""The one parse of a review's text: CommonMark as GitHub shows it, with the few things that reviews have besides.

Fences, equations, and what prose says of the evidence are tokens of this parse; whoever needs one of them asks here.
Lines end at LF alone, as everywhere in the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, table
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from verify.format.attributes import attributes_plugin
from verify.format.inline import evidence_plugin
from verify.format.maths import maths_plugin
from verify.format.notes import notes_plugin

_UNSPLIT = re.compile(
    r"\{\{[^{}\n]*\}\}|\$\$[^\s$][^$\n]*\$\$|(?<![\\$])\$[^\s$](?:[^$\n]*[^\s$\\])?\$(?!\d)|\\\([^\n]*?\\\)|\\\[[^\n]*?\\\]"
)
"""What a pipe may stand in without ending a table's cell: bindings and equations."""
_MONEY = re.compile(r"\$\d[^|]*\s\|")
"""Two sums in two cells look like an equation: `| $5 a day | 3$ |`."""
_HIDDEN = "\ue000"
_UNDER_HEAD = re.compile(r"[-:|][-:|\s]*")


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
        breaks = 0
        for child in _inner(token.children or ()):
            breaks = child.meta.get("lines", breaks)
            yield child, line + breaks
            breaks += child.type in ("softbreak", "hardbreak")


def _inner(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _inner(token.children or ())


class _Parser(MarkdownIt):
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
    md.use(maths_plugin).use(notes_plugin).use(evidence_plugin).use(attributes_plugin)
    return md


def _table(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A table in which the pipes of bindings and equations end no cell; a row with more cells than the head says so."""
    if first + 1 >= last or _UNDER_HEAD.fullmatch(state.src, *_line(state, first + 1)) is None:
        return False
    source, made = state.src, len(state.tokens)
    hidden = _without_pipes(state)
    state.src = hidden
    try:
        found: bool = table(state, first, last, silent)
        if found and not silent:
            _mark_surplus(state, state.tokens[made:])
    finally:
        state.src = source
    if found and hidden != source:
        for token in state.tokens[made:]:
            token.content = token.content.replace(_HIDDEN, "|")
    return found


def _without_pipes(state: StateBlock) -> str:
    """The whole text with those pipes hidden that end no cell: made once, however many tables there are."""
    known = state.env.setdefault("without pipes", [None, None])
    if known[0] is not state.src:
        known[:] = state.src, state.src if _HIDDEN in state.src else _UNSPLIT.sub(_hide, state.src)
    return str(known[1])


def _hide(whole: re.Match[str]) -> str:
    return whole[0] if _MONEY.match(whole[0]) else whole[0].replace("|", _HIDDEN)


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
