"""`!!! note "Title"` and `??? note`: boxes and folds, with their content indented by four, as Material writes them.

Only known kinds are boxes: `!!! important point` and `??? why does this work` are sentences, and stay so.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

KINDS = frozenset(
    """note abstract summary tldr info todo tip hint important success check done question help faq warning caution
    attention failure fail missing danger error bug example quote cite""".split()  # noqa: SIM905
)
"""As Material for MkDocs styles them."""
_HEAD = re.compile(r'(?P<mark>!!!|\?\?\?\+?) ?(?P<kind>[a-z]+)(?: inline)?(?: end)?(?: +"(?P<title>[^"\n]*)")?[ \t]*$')
_INDENT = 4


def notes_plugin(md: MarkdownIt) -> None:
    """Make `note_open` and `note_close` tokens: `info` is the kind, `meta` has `title`, `fold` and `open`.

    A title of its own stands between `note_title_open` and `note_title_close`.
    """
    md.block.ruler.before("fence", "note", _note, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _note(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    start = state.bMarks[first] + state.tShift[first]
    head = _HEAD.match(state.src, start, state.eMarks[first]) if state.src[start : start + 1] in ("!", "?") else None
    if head is None or head["kind"] not in KINDS:
        return False
    indent = state.sCount[first] + _INDENT
    stop, filled = _content(state, first, last, indent)
    if not filled and head["title"] is None:
        return False  # "!!! warning" with nothing in it
    if silent:
        return True
    token = state.push("note_open", "div", 1)
    token.block, token.markup, token.info = True, head["mark"], head["kind"]
    token.meta = {"title": head["title"], "fold": head["mark"] != "!!!", "open": head["mark"] == "???+"}
    token.map = [first, stop]
    if head["title"]:  # an empty one is none at all
        state.push("note_title_open", "p", 1)
        title = state.push("inline", "", 0)
        title.content, title.map, title.children = head["title"], [first, first + 1], []
        state.push("note_title_close", "p", -1)
    before = state.parentType, state.lineMax, state.blkIndent
    state.parentType, state.lineMax, state.blkIndent = "note", stop, indent
    state.md.block.tokenize(state, first + 1, stop)
    state.parentType, state.lineMax, state.blkIndent = before
    state.push("note_close", "div", -1).block = True
    state.line = stop
    return True


def _content(state: StateBlock, first: int, last: int, indent: int) -> tuple[int, bool]:
    """The line behind the content, and whether there is any."""
    stop = first + 1
    for line in range(first + 1, last):
        if state.isEmpty(line):
            continue
        if state.sCount[line] < indent:
            break
        stop = line + 1
    return stop, stop > first + 1
