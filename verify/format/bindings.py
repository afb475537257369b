"""What a review's prose says of the evidence, found in its text.

`verify.format.inline` defines and reads the three kinds: `Binding`, `Finding`, `Reference`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token
from msgspec import structs

from verify.errors import UserError
from verify.format.blocks import is_literal
from verify.format.inline import Binding, Finding, Inline, Reference
from verify.format.markdown import parse, walk
from verify.model import Review, Scale

__all__ = ["Binding", "Finding", "Inline", "Reference", "collect", "find", "scale_of", "scan"]

_IN_HTML = re.compile(r"\{\{.*?\}\}|\[@[^\]\n]+\]", re.DOTALL)


def find(review: Review) -> tuple[list[Inline], list[UserError]]:
    """All that the review's prose says of the evidence, in order, each with its scale; and what of it cannot be read.

    KeyError for a name that is not declared, which `verify.format.reviews.parse` does not let pass.
    """
    body = "\n".join(review.text.split("\n")[review.body_line - 1 :])
    items, errors = scan(body, review.body_line, review.path)
    return [structs.replace(item, scale=scale_of(item, review)) for item in items], errors


def scan(text: str, first_line: int, file: str = "") -> tuple[list[Inline], list[UserError]]:
    """All items in Markdown whose first line is `first_line` of `file`, in order, and what cannot be read as one."""
    return collect(parse(text), first_line, file)


def collect(tokens: Sequence[Token], first_line: int, file: str = "") -> tuple[list[Inline], list[UserError]]:
    """The same of a text that is parsed already."""
    items: list[Inline] = []
    errors: list[UserError] = []
    for token, line in walk(tokens):
        if token.type == "html_block" and not is_literal(token):
            for match in _IN_HTML.finditer(token.content):
                errors.append(_in_html(match[0], file, first_line + line + token.content.count("\n", 0, match.start())))
        elif token.type == "evidence":
            found = token.meta["found"]
            if isinstance(found, UserError):
                errors.append(UserError(found.message, file, first_line + line, found.hint))
            else:
                items.append(structs.replace(found, line=first_line + line))
    return items, errors


def _in_html(source: str, file: str, line: int) -> UserError:
    hint = "leave a blank line between the tag and the text: what follows it is Markdown again"
    return UserError(f"'{source}' stands in raw HTML, where nothing is read", file, line, hint)


def scale_of(item: Inline, review: Review) -> Scale:
    """The scale an item speaks of: its own, or the first its verification declares. KeyError if there is no such."""
    if item.scale is not None:
        return item.scale
    for verification in review.verifications:
        if isinstance(item, Binding):
            owns = item.verification == verification.id
        else:
            owns = any(claim.id == item.claim for claim in verification.claims)
        if owns:
            return next(iter(verification.rungs))
    raise KeyError(item)
