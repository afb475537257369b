"""The ids of a page's footnotes, as the theme styles them, and of the places that refer to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from verify.format.markdown import walk


def ids(tokens: Sequence[Token]) -> Iterator[str]:
    """All of a page's, whose body has these tokens."""
    for token, _ in walk(tokens):
        if token.type == "footnote_open":
            yield f"fn:{token.meta['id'] + 1}"
        elif token.type == "footnote_ref":
            yield reference(token)


def reference(token: Token) -> str:
    """That of the place a footnote is referred to from."""
    number, again = token.meta["id"] + 1, token.meta["subId"]
    return f"fnref:{number}" if not again else f"fnref{again + 1}:{number}"
