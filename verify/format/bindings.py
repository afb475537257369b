"""What a review's prose says of the evidence, found and replaced: Markdown in, Markdown out.

`verify.format.inline` defines and reads the three kinds: `Binding`, `Finding`, `Reference`.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from verify.errors import UserError
from verify.format.inline import Binding, Finding, Inline, Reference, pieces, scan
from verify.model import Review, Scale

__all__ = ["Binding", "Finding", "Inline", "Reference", "find", "replace", "scale_of"]


def find(review: Review) -> tuple[list[Inline], list[UserError]]:
    """All that the review's prose says of the evidence, in order, each with its scale; and what of it cannot be read.

    KeyError for a name that is not declared, which `verify.format.reviews.parse` does not let pass.
    """
    body = "\n".join(review.text.split("\n")[review.body_line - 1 :])
    items, errors = scan(body, review.body_line, review.path)
    return [structs.replace(item, scale=scale_of(item, review)) for item in items], errors


def replace(text: str, first_line: int, render: Callable[[Inline], str]) -> str:
    """The Markdown with each binding, finding and reference as `render` gives it; all else stays as it is.

    What cannot be read stays as well: `verify.format.reviews.parse` has reported it.
    """
    parts: list[str] = []
    done = 0
    for start, end, found in pieces(text, first_line):
        if not isinstance(found, UserError):
            parts += (text[done:start], render(found))
            done = end
    return "".join(parts) + text[done:]


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
