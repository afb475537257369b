"""HTML cut into tags and text as a browser cuts it, in one pass, whatever it holds.

`html.parser` differs between the Pythons that run this, and takes quadratic time for tags that never end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from typing import Literal

from msgspec import Struct

_SPACE = "\t\n\f\r "
_NAME = re.compile(rf"[^{_SPACE}/>]+")
_BETWEEN = re.compile(rf"[{_SPACE}/]*")
_BLANK = re.compile(rf"[{_SPACE}]*")
_ATTRIBUTE = re.compile(rf"[^{_SPACE}/>][^{_SPACE}/>=]*")
_BARE = re.compile(rf"[^{_SPACE}>]+")
_COMMENT = re.compile("--!?>")
_REFERENCE = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*)[;=]?")
_RAW = frozenset({"script", "style", "iframe", "noembed", "noframes", "noscript", "xmp", "textarea", "title"})
"""Elements in which a browser looks for nothing but their end."""


class Token(Struct, frozen=True):
    """A piece of HTML; comments, declarations and processing instructions are none."""

    kind: Literal["text", "open", "close", "unfinished"]
    """`unfinished`: a tag that the text ends in."""
    source: str
    line: int
    """Line breaks before it."""
    name: str = ""
    """Of an element, in lower case."""
    attributes: dict[str, str] = {}  # msgspec makes a new one for each
    alone: bool = False
    """Written `<x/>`."""

    @property
    def text(self) -> str:
        """What a reader sees of text."""
        return unescape(self.source)


def tokens(html: str) -> Iterator[Token]:
    """The tags and texts of `html`, in order."""
    at = line = counted = 0
    while at < len(html):
        line += html.count("\n", counted, at)
        counted = at
        opening = html.find("<", at)
        if opening != at:
            end = opening if opening >= 0 else len(html)
            yield Token("text", html[at:end], line)
            at = end
            continue
        token, at = _marked(html, at, line)
        if token is None:
            continue
        yield token
        if token.kind == "open" and token.name in _RAW and not token.alone:
            closing = re.compile(rf"</{token.name}(?=[{_SPACE}/>])", re.IGNORECASE | re.ASCII).search(html, at)
            end = closing.start() if closing else len(html)
            if end > at:
                yield Token("text", html[at:end], line + html.count("\n", counted, at))
            at = end


def _marked(html: str, at: int, line: int) -> tuple[Token | None, int]:
    """What stands at a `<`, and where it ends."""
    following = html[at + 1 : at + 2]
    if following.isascii() and following.isalpha():
        return _tag(html, at, at + 1, "open", line)
    if following == "/":
        letter = html[at + 2 : at + 3]
        if letter.isascii() and letter.isalpha():
            return _tag(html, at, at + 2, "close", line)
        return (None, _after(html, ">", at)) if letter else (Token("text", html[at:], line), len(html))
    if html.startswith("<!--", at):
        for empty in ("<!-->", "<!--->"):
            if html.startswith(empty, at):
                return None, at + len(empty)
        end = _COMMENT.search(html, at + 4)
        return None, end.end() if end else len(html)
    if html.startswith("<![CDATA[", at):
        return None, _after(html, "]]>", at)
    if following in ("!", "?"):
        return None, _after(html, ">", at)
    return Token("text", "<", line), at + 1


def _after(html: str, end: str, at: int) -> int:
    found = html.find(end, at)
    return found + len(end) if found >= 0 else len(html)


def _tag(html: str, start: int, at: int, kind: Literal["open", "close"], line: int) -> tuple[Token, int]:
    unfinished = Token("unfinished", html[start:], line), len(html)
    name = _NAME.match(html, at)
    assert name
    at = name.end()
    attributes: dict[str, str] = {}
    while True:
        between = _BETWEEN.match(html, at)
        assert between
        at = between.end()
        if at == len(html):
            return unfinished
        if html[at] == ">":
            alone = between[0].endswith("/")
            return Token(kind, html[start : at + 1], line, _lower(name[0]), attributes, alone), at + 1
        attribute = _ATTRIBUTE.match(html, at)
        assert attribute
        value, end = _value(html, attribute.end())
        if end < 0:
            return unfinished
        attributes.setdefault(_lower(attribute[0]), value)
        at = end


def _value(html: str, at: int) -> tuple[str, int]:
    """An attribute's value and where it ends; -1 where it does not."""
    blank = _BLANK.match(html, at)
    assert blank
    if not html.startswith("=", blank.end()):
        return "", at
    blank = _BLANK.match(html, blank.end() + 1)
    assert blank
    at = blank.end()
    quote = html[at : at + 1]
    if quote and quote in "\"'":
        end = html.find(quote, at + 1)
        return (_unescaped(html[at + 1 : end]), end + 1) if end >= 0 else ("", -1)
    bare = _BARE.match(html, at)
    return (_unescaped(bare[0]), bare.end()) if bare else ("", at)


def _unescaped(value: str) -> str:
    """An attribute's value; `?a=1&copy=2` holds no sign of copyright."""

    def meant(found: re.Match[str]) -> str:
        whole = found[0].endswith(";") or found[0].startswith("&#") or found[0][1:] in html5
        return unescape(found[0]) if whole and not found[0].endswith("=") else found[0]

    return _REFERENCE.sub(meant, value)


def _lower(name: str) -> str:
    """In lower case as HTML has it: of ASCII letters only, so that no other letter becomes one."""
    return "".join(char.lower() if char.isascii() else char for char in name)
