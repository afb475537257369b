"""What this machine has derived before: per review, of which inputs, and the hash of what came out.

Kept in `.verify/cache`, which is this machine's own: nothing of it is committed, and one that is tracked is refused
(`project.own`).  So no hash that somebody else wrote is ever believed; what is not known here is derived again.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import msgspec
from msgspec import Struct

from verify.project import cached, program

_NAME = "derived.json"
MODULE = "verify.project.derived"
"""What derives; all that it imports decides."""


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What became of a drawing."""

    key: str
    """Of all that decides it."""
    svg: str = ""
    specification: str = ""
    """Hashes of its files; empty where it has none."""
    reason: str = ""
    """Why it cannot be drawn."""


class OfReview(Struct, frozen=True):
    """What was derived of one review."""

    inputs: str = ""
    verdicts: str = ""
    """The hash of the verdicts that `inputs` led to."""
    drawings: dict[str, Outcome] = {}


class _File(Struct):
    sources: str = ""
    """Of the whole program: while it stays, so does `program`."""
    program: str = ""
    """Of the code that derives."""
    reviews: dict[str, OfReview] = {}


class DerivedCache:
    """The file's content; what cannot be read is as good as nothing, since it can be derived again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        read = self._read()
        sources = program.sources()
        self.program = read.program if read.sources == sources else program.decides(MODULE)
        """A hash of the code that derives: a part of all inputs."""
        self._reviews = read.reviews if read.program == self.program else {}
        self._file = _File(sources, self.program, dict(self._reviews))
        self._same = read.sources == sources

    def _read(self) -> _File:
        try:
            return msgspec.json.decode(cached.read(self._root, _NAME) or b"", type=_File)
        except (ValueError, RecursionError):  # a DecodeError is a ValueError, as is text that is not UTF-8
            return _File()

    def of(self, place: str) -> OfReview:
        """What is known of a review, by its name, or of one in a laboratory, by its folder."""
        return self._reviews.get(place, OfReview())

    def keep(self, place: str, found: OfReview) -> None:
        """Know this of it from now on, once it is saved."""
        self._file.reviews[place] = found

    def save(self, slugs: Container[str]) -> None:
        """Write the file, where there is room and a right to; it only makes the next time faster.

        `slugs`: the reviews that there are; what is known of others is forgotten.
        """
        self._file.reviews = {
            place: each for place, each in self._file.reviews.items() if place.partition("/")[0] in slugs
        }
        if not self._same or self._file.reviews != self._reviews:
            cached.write(self._root, _NAME, msgspec.json.encode(self._file))
