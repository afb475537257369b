"""Attributes where they are asked for, `{#id}` and `{width=300}`; whatever else stands in braces is text.

They may stand behind an image, a link or code, and at the end of a heading.  Kramdown's form, `{: #id}`, is read too,
also in the last line of a paragraph or an item, and in the line below a heading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.attrs.parse import ParseError, parse

ALLOWED = ("id", "width", "height", "lang", "dir", "title")
"""They become `attrs` of tokens; whoever writes pages says of which elements they can be."""
_LOOKS = frozenset({"class", "style", "align", "target", "rel", "loading", "decoding"})
"""These are left out without a word: they say how something looks or opens, which the site decides.  Braces that hold
any other attribute are text."""


def attributes_plugin(md: MarkdownIt) -> None:
    """Read them into the `attrs` of the tokens they belong to."""
    md.inline.ruler.push("attributes", _behind)
    md.core.ruler.after("inline", "attributes", _at_ends)


def _read(source: str) -> tuple[int, Mapping[str, str]] | None:
    """How many characters of `source` are attributes, and those that are `ALLOWED`; None where it begins with none."""
    if not source.startswith("{"):
        return None
    if source.startswith("{:"):
        source = "{ " + source[2:]
    try:
        end, found = parse(source)
    except ParseError:
        return None
    if not found.keys() <= {*ALLOWED, *_LOOKS}:
        return None
    return end + 1, {name: str(value) for name, value in found.items() if name in ALLOWED}


def _set(token: Token, found: Mapping[str, str]) -> None:
    for name, value in found.items():
        token.attrSet(name, value)


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
            before = state.tokens[place - 1]
            if before.type == "heading_open":
                _of_heading(before, token.children[-1])
            elif before.type == "paragraph_open":
                _of_paragraph(state.tokens, place, token.children)


def _of_paragraph(tokens: Sequence[Token], place: int, line: list[Token]) -> None:
    """Take them from its last line; they stay there where nothing could have them."""
    found = _last_line(line)
    if found is None:
        return
    opening = tokens[place - 1]
    owner: Token | None = opening
    if len(line) == 1:  # there is nothing else in it
        owner = _heading_above(tokens, place)
    elif opening.hidden:
        owner = tokens[place - 2] if tokens[place - 2].type == "list_item_open" else None
    if found and owner is None:
        return
    if owner is not None:
        _set(owner, found)
    del line[-2:]
    opening.hidden = tokens[place + 1].hidden = opening.hidden or not line


def _heading_above(tokens: Sequence[Token], place: int) -> Token | None:
    """The heading that ends in the line above the paragraph around the token at `place`."""
    heading, paragraph = tokens[max(place - 4, 0)], tokens[place - 1]
    above = heading.type == "heading_open" and heading.map and paragraph.map and heading.map[1] == paragraph.map[0]
    return heading if above else None


def _of_heading(heading: Token, last: Token) -> None:
    start = last.content.rfind("{")
    source = last.content[start:].rstrip()
    found = _read(source) if start >= 0 else None
    if found is not None and found[0] == len(source) and (start == 0 or last.content[start - 1].isspace()):
        _set(heading, found[1])
        last.content = last.content[:start].rstrip()


def _last_line(line: Sequence[Token]) -> Mapping[str, str] | None:
    """The attributes that are all of the last line, `{: …}`; Kramdown's `{:toc}` says nothing to a reader."""
    last = line[-1].content.rstrip()
    if not last.startswith("{:") or not (len(line) == 1 or line[-2].type == "softbreak"):
        return None
    if last == "{:toc}":
        return {}
    found = _read(last)
    return found[1] if found is not None and found[0] == len(last) else None
