"""Translations of equations, kept between builds in the project's cache: some milliseconds each."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path

import msgspec

from verify.project import cached

_NAME = "equations.json"


class Translations(MutableMapping[str, str]):
    """Text by name, in one file; `save` leaves out what nobody asked for or set since this was made.

    A file that cannot be read is as good as none, since nobody wrote it by hand.  What its entries hold is for whoever
    uses them to judge, and to delete.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, str] | None = None
        self._used: dict[str, str] = {}
        self._forgotten = False

    def _read(self) -> dict[str, str]:
        if self._known is None:
            try:
                self._known = msgspec.json.decode(cached.read(self._root, _NAME) or b"{}", type=dict[str, str])
            except msgspec.DecodeError:
                self._known = {}
        return self._known

    def __getitem__(self, name: str) -> str:
        """KeyError where it is not known."""
        self._used[name] = text = self._used[name] if name in self._used else self._read()[name]
        return text

    def __setitem__(self, name: str, text: str) -> None:
        """Keep it from now on."""
        self._used[name] = text

    def __delitem__(self, name: str) -> None:
        """Forget it; what the file has of it, `save` leaves out."""
        known = self._read()
        if name not in known and name not in self._used:
            raise KeyError(name)
        self._used.pop(name, None)
        self._forgotten |= known.pop(name, None) is not None

    def __iter__(self) -> Iterator[str]:
        """All names."""
        return iter({**self._read(), **self._used})

    def __len__(self) -> int:
        """How many are known."""
        return len({**self._read(), **self._used})

    def save(self) -> None:
        """Write what was used, if that is not what the file holds; where it cannot be written, it is made again."""
        if self._known is None or (self._used == self._known and not self._forgotten):
            return
        cached.write(self._root, _NAME, msgspec.json.encode(self._used))
        self._known, self._forgotten = dict(self._used), False
