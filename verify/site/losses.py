"""What Markdown leaves out or leaves unread without a word, and what an author meant by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markdown_it.token import Token

from verify.errors import UserError
from verify.format.blocks import is_literal
from verify.format.markdown import LONGEST, walk
from verify.format.maths import ENVIRONMENTS
from verify.model import Review

_MARKDOWN = re.compile(r"\$\$|\*\*\w|\]\([^()\s]+\)|\\begin\{")
_UNREAD = ("$$", "\\begin{", "\\[")
_MEANT = re.compile(r"\\[$\\](?!\[)|(?<!`)(`+)(?!`)[^`]+\1")
_OPEN = re.compile(r"\$(?=[^\s\d])(?:[^$\n]{0,300}?\\[A-Za-z]{2,}|[A-Za-z][_^][\w{\\]+)")
"""A dollar sign with LaTeX behind it: an equation that was meant, and is not closed."""
_PARENTHESIS = re.compile(r"(?<!\\)\\\((?=[^)\n]{0,300}[\\_^])")
_ENVIRONMENT = re.compile(r"\\begin\{([A-Za-z]+)\*?\}")
_FOOTNOTE = re.compile(r"(?<!\\)\[\^([^\]\s]{1,60})\]")
_SPACED = re.compile(r"\]\(([\w./-]+(?: [\w./-]+)+\.\w{1,5})\)")
"""An address that is none since a space stands in it."""


def found(review: Review, tokens: Sequence[Token], env: Mapping[str, Any]) -> Iterator[UserError]:
    """The mistakes, with their lines.

    Args:
        review: whose text it is.
        tokens: of its body.
        env: what the parse left besides.
    """
    for message, hint, line in [*_footnotes(env), *_texts(tokens)]:
        yield UserError(message, review.path, review.body_line + line, hint)


def _footnotes(env: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    for label, number in env.get("footnotes", {}).get("refs", {}).items():
        if number < 0:
            name = label.removeprefix(":")
            line = env["footnote lines"].get(name, 0)
            yield f"no text refers to the footnote [^{name}], so it is not shown", "refer to it, or delete it", line


def _texts(tokens: Sequence[Token]) -> Iterator[tuple[str, str, int]]:
    written = _Paragraph("")
    for token, line in walk(tokens):
        if token.type == "inline":
            written = _Paragraph(_MEANT.sub("", token.content) if len(token.content) <= LONGEST else "")
        if token.type == "tr_open" and token.meta.get("surplus"):
            hint = r"a pipe that belongs to a cell is written \|"
            yield "this row has more cells than the table's head: the last ones are not shown", hint, line
        elif token.type == "too_long":
            hint = "divide it by blank lines: so long a one cannot be read in good time"
            yield f"a paragraph has at most {LONGEST:,} characters; this one is shown as it was typed", hint, line
        elif token.type == "text" and (problem := _equation(token.content, written)):
            yield problem, "close it, or write it in `code` if it is meant as it stands", line
        elif token.type == "text" and (missing := _missing(token.content, written)):
            hint = f"write its text, `[^{missing}]: …`, or delete the reference"
            yield f"there is no footnote [^{missing}]", hint, line
        elif token.type == "text" and (spaced := _SPACED.search(token.content)):
            hint = f"write [text](<{spaced[1]}>), or %20 for a space"
            yield f"'{spaced[1]}' is no address, since spaces stand in it", hint, line
        elif token.type == "html_block" and not is_literal(token) and (meant := _MARKDOWN.search(token.content)):
            hint = "leave a blank line between the tag and the text: what follows it is Markdown again"
            message = f"'{meant[0]}' stands in raw HTML, where no Markdown is read"
            yield message, hint, line + token.content.count("\n", 0, meant.start())


class _Paragraph:
    """The source of a paragraph without what is escaped or code; each of its texts is held against it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.unread = [mark for mark in _UNREAD if mark in source]
        self.footnotes = frozenset(_FOOTNOTE.findall(source))
        self.unclosed = source.count("\\(") > source.count("\\)") and _PARENTHESIS.search(source) is not None
        """Whether an equation begins by `\\(` that does not end."""


def _equation(shown: str, written: _Paragraph) -> str:
    """What is wrong with an equation that is shown as it was typed; empty where there is none."""
    environment = _ENVIRONMENT.search(shown)
    if environment and environment[1] not in ENVIRONMENTS and environment[0] in written.source:
        return f"'{environment[1]}' is no environment of equations"
    for mark in written.unread:
        if mark in shown:
            return f"'{mark}' begins an equation that does not end in its paragraph"
    meant = _OPEN.search(shown)
    if meant and meant[0] in written.source:
        return f"'{meant[0][:20]}' begins an equation that does not end as one"
    if written.unclosed and "(" in shown:
        return "'\\(' begins an equation that does not end in its paragraph"
    return ""


def _missing(shown: str, written: _Paragraph) -> str:
    """The name of a footnote that is referred to and has no text."""
    return next((name for name in _FOOTNOTE.findall(shown) if name in written.footnotes), "")
