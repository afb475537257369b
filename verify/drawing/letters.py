"""Text that can be drawn: what the engine that draws would end or hang at is replaced before it sees it."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

LABEL = 80
"""Letters of a name; a legend shows about half as many."""
LINE = 400
"""Letters of any other text in a drawing.  The engine takes minutes to find where one of 20,000 is to be cut."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML may hold, and halves of letters."""
_UNSEEN = ("description", "usermeta")


def clean(text: str) -> str:
    """Without what no XML may hold: the engine ends its process at that."""
    return _CONTROL.sub("\ufffd", text)


def name(text: str) -> str:
    """A label as it is drawn; of two long ones that begin alike, two."""
    text = clean(text)
    if len(text) <= LABEL:
        return text
    return f"{text[: LABEL - 8]}… {sha256(text.encode()).hexdigest()[:6]}"


def drawable(specification: dict[str, Any], most: int = LINE) -> dict[str, Any]:
    """The specification with such text alone."""
    return {key: _drawable(value, 0 if key in _UNSEEN else most) for key, value in specification.items()}


def _drawable(part: Any, most: int) -> Any:
    if isinstance(part, str):
        text = clean(part)
        return text if not most or len(text) <= most else f"{text[: most - 1]}…"
    if isinstance(part, dict):
        return {clean(key): _drawable(value, most) for key, value in part.items()}
    return [_drawable(item, most) for item in part] if isinstance(part, list | tuple) else part
