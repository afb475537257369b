"""What Markdown leaves out or leaves unread without a word, and what an author meant by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markdown_it.token import Token

from verify.errors import UserError
from verify.format.blocks import is_literal
from verify.format.markdown import walk
from verify.model import Review

_MARKDOWN = re.compile(r"\$\$|\*\*\w|\]\([^()\s]+\)|\\begin\{")
_UNREAD = ("$$", "\\begin{", "\\[")
_MEANT = re.compile(r"\\[$\\](?!\[)|(`+)[^`]+\1")
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
    written = ""
    for token, line in walk(tokens):
        if token.type == "inline":
            written = _MEANT.sub("", token.content)
        if token.type == "tr_open" and token.meta.get("surplus"):
            hint = r"a pipe that belongs to a cell is written \|"
            yield "this row has more cells than the table's head: the last ones are not shown", hint, line
        elif token.type == "text" and (mark := _unread(token.content, written)):
            hint = "close it, or write it in `code` if it is meant as it stands"
            yield f"'{mark}' begins an equation that does not end in its paragraph", hint, line
        elif token.type == "text" and (spaced := _SPACED.search(token.content)):
            hint = f"write [text](<{spaced[1]}>), or %20 for a space"
            yield f"'{spaced[1]}' is no address, since spaces stand in it", hint, line
        elif token.type == "html_block" and not is_literal(token) and (meant := _MARKDOWN.search(token.content)):
            hint = "leave a blank line between the tag and the text: what follows it is Markdown again"
            message = f"'{meant[0]}' stands in raw HTML, where no Markdown is read"
            yield message, hint, line + token.content.count("\n", 0, meant.start())


def _unread(shown: str, written: str) -> str:
    """What begins an equation in a text that is shown, and is not escaped in what was written."""
    return next((each for each in _UNREAD if each in shown and each in written), "")
