"""What a drawing leaves out, counted and in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

NOTE_SIZE = 12
_LETTER = 6.1
"""The width of a letter of a note, on average and not too small."""


class Count(Struct):
    """Of so many things, how many are left out and why."""

    what: str
    total: int = 0
    why: dict[str, int] = {}
    plural: str = ""

    def add(self, why: str, number: int) -> None:
        """Leave out `number` more."""
        if number:
            self.why[why] = self.why.get(why, 0) + number

    def sentence(self) -> str:
        """Such as `3 of 40 points are left out: 2 not a number, 1 infinite.`; empty where nothing is left out."""
        left = sum(self.why.values())
        if not left:
            return ""
        things = self.what if self.total == 1 else self.plural or f"{self.what}s"
        is_or_are = "is" if left == 1 else "are"
        told = next(iter(self.why)) if len(self.why) == 1 else self.reasons()
        return f"{left:,} of {self.total:,} {things} {is_or_are} left out: {told}."

    def reasons(self) -> str:
        """Such as `2 not a number, 1 infinite`."""
        return ", ".join(f"{number:,} {reason}" for reason, number in self.why.items())


def no_logarithm(numbers: Sequence[float], axis: str) -> str:
    """Why numbers of 0 or less have no place on a logarithmic axis."""
    if all(number == 0 for number in numbers):
        return f"0 on {axis}"
    return f"below 0 on {axis}" if all(number < 0 for number in numbers) else f"0 or less on {axis}"


def fields(spec: Any) -> set[str]:
    """Every name that a specification takes from its data by `field`."""
    return set(_fields(spec))


def _fields(part: Any) -> Iterator[str]:
    for key, value in part.items() if isinstance(part, dict) else ():
        if key == "field" and isinstance(value, str):
            yield value
        yield from _fields(value)
    for item in part if isinstance(part, list) else ():
        yield from _fields(item)


def noted(specification: dict[str, Any], sentences: Sequence[str], width: int) -> dict[str, Any]:
    """The specification with a small line of text under it, and the same in its summary."""
    if not sentences:
        return specification
    text = " ".join(sentences)
    meta = specification.get("usermeta")
    meta = meta if isinstance(meta, dict) else {}
    summary = " ".join(part for part in (meta.get("summary", ""), text) if part)
    lines = textwrap.wrap(text, max(20, int(width / _LETTER)))
    title = _title(specification.get("title"), lines)
    return {**specification, "usermeta": {**meta, "summary": summary}, "title": title}


def _title(title: Any, lines: list[str]) -> dict[str, Any]:
    """A title below that is the note; where there is one already, the note is its subtitle."""
    if not title:
        small = {"fontSize": NOTE_SIZE, "fontWeight": "normal", "fontStyle": "italic"}
        return {"text": lines, "orient": "bottom", "anchor": "start", "offset": 10, **small}
    own = title if isinstance(title, dict) else {"text": title}
    before = own.get("subtitle") or []
    return {**own, "subtitle": [*(before if isinstance(before, list) else [before]), *lines]}
