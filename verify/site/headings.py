"""The headings of a page: their levels, their ids, the contents made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markdown_it.token import Token
from msgspec import Struct

_DROPPED = re.compile(r"[^\w\- ]")


class Heading(Struct, frozen=True):
    level: int
    id: str
    html: str
    """What it says, as on the page."""
    text: str
    """The same without links, for the contents: HTML, too."""


class Ids:
    """The ids of one page, each once: as GitHub makes them of headings, letters of every script kept."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = dict.fromkeys(taken, 0)

    def take(self, names: Iterable[str]) -> None:
        """Note ids that the page has from elsewhere."""
        self._taken.update(dict.fromkeys(names, 0))

    def unique(self, wanted: str) -> str:
        """`wanted`, with a number behind it where it is taken."""
        name = wanted
        while name in self._taken:
            self._taken[wanted] += 1
            name = f"{wanted}-{self._taken[wanted]}"
        self._taken[name] = 0
        return name

    def all(self) -> frozenset[str]:
        return frozenset(self._taken)


def slug(text: str) -> str:
    """The id of a heading that says `text`; none begins with two underscores, as those of the theme do."""
    name = _DROPPED.sub("", text.strip().lower()).replace(" ", "-")
    return (name.lstrip("_") if name.startswith("__") else name) or "section"


def plain(token: Token) -> str:
    """What an inline token says, without marks."""
    return "".join(said(each) for each in token.children or ())


def said(token: Token) -> str:
    """What a token within a line says, without marks."""
    if token.type in ("text", "code_inline", "maths_inline", "text_special"):
        return token.content
    if token.type == "softbreak":
        return " "
    return plain(token) if token.type == "image" else ""


def shift(tokens: Sequence[Token], title: str) -> tuple[int, Token | None]:
    """How many levels the headings of a body go down, and the one that only repeats the page's title.

    A page has one `h1`, the paper's title.  Where the body has `h1` as well, all of its headings are a level lower.
    """
    headings = [(token, tokens[place + 1]) for place, token in enumerate(tokens) if token.type == "heading_open"]
    repeated = None
    first = headings[0] if headings else None
    if first and first[0].tag == "h1" and first[0].level == 0 and _bare(plain(first[1])) == _bare(title):
        repeated = first[0]
    highest = any(token.tag == "h1" for token, _ in headings if token is not repeated)
    return int(highest), repeated


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
