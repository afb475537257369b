"""Attributes where they are asked for, `{#id}` and `{width=300}`; whatever else stands in braces is text.

They may stand behind an image, a link or code, and at the end of a heading.  Kramdown's form, `{: #id}`, is read too,
also in the last line of a paragraph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.attrs.parse import ParseError, parse

ALLOWED = ("id", "width", "height", "lang", "dir", "title")
"""The others are read and left out: a review has no style of its own."""


def attributes_plugin(md: MarkdownIt) -> None:
    """Read them into the `attrs` of the tokens they belong to."""
    md.inline.ruler.push("attributes", _behind)
    md.core.ruler.after("inline", "attributes", _at_ends)


def _read(source: str) -> tuple[int, Mapping[str, str]] | None:
    """The length of the attributes that `source` begins with, and they themselves; None where there are none."""
    if not source.startswith("{"):
        return None
    if source.startswith("{:"):
        source = "{ " + source[2:]
    try:
        end, found = parse(source)
    except ParseError:
        return None
    return end + 1, {name: str(value) for name, value in found.items()}


def _set(token: Token, found: Mapping[str, str]) -> None:
    for name in ALLOWED:
        if name in found:
            token.attrSet(name, found[name])


def _behind(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "{" or state.pending or not state.tokens:
        return False
    last = state.tokens[-1]
    if last.type not in ("image", "code_inline", "link_close"):
        return False
    found = _read(state.src[state.pos : state.pos + 300])
    if found is None:
        return False
    if not silent:
        opening = next((each for each in reversed(state.tokens) if each.type == "link_open"), last)
        _set(opening if last.type == "link_close" else last, found[1])
    state.pos += found[0]
    return True


def _at_ends(state: StateCore) -> None:
    """Take the attributes from the ends of headings, and of paragraphs that have them in a line of their own."""
    for place, token in enumerate(state.tokens):
        if token.type == "inline" and token.children and token.children[-1].type == "text":
            before, behind = state.tokens[place - 1], state.tokens[place + 1]
            if before.type == "heading_open":
                _of_heading(before, token.children[-1])
            elif before.type == "paragraph_open" and _ends_with_attributes(token.children):
                del token.children[-2:]
                before.hidden = behind.hidden = before.hidden or not token.children


def _of_heading(heading: Token, last: Token) -> None:
    start = last.content.rfind("{")
    source = last.content[start:].rstrip()
    found = _read(source) if start >= 0 else None
    if found is not None and found[0] == len(source) and (start == 0 or last.content[start - 1].isspace()):
        _set(heading, found[1])
        last.content = last.content[:start].rstrip()


def _ends_with_attributes(line: Sequence[Token]) -> bool:
    """Whether its last line is Kramdown's `{: …}` or `{:toc}`, which says nothing to a reader."""
    last = line[-1].content
    alone = len(line) == 1 or line[-2].type == "softbreak"
    return alone and last.startswith("{:") and last.rstrip().endswith("}") and "{" not in last[1:]
