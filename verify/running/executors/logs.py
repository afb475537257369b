"""What a batch prints, as a file of bounded size: its first megabyte at once, its last when it has ended."""

from __future__ import annotations

import os
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

MOST = 1_000_000
"""Bytes that are kept of the beginning, and of the end."""


def forget(folder: Path, declared: Container[str]) -> None:
    """Remove from a verification's folder the logs of trials that are declared no more: each edit would leave some."""
    with suppress(OSError):
        for each in folder.glob("*.log"):
            if each.name.partition("-")[0] not in declared:
                each.unlink()


class Log:
    """A log that stays empty leaves no file; one that cannot be written costs nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._writable = True
        self._written = 0
        self._after = 0
        """Bytes that came after the first megabyte."""
        self._last = bytearray()
        self._attempt(path.unlink, missing_ok=True)  # that of an earlier run

    def write(self, data: bytes) -> None:
        room = MOST - self._written
        first, rest = data[:room], data[room:]
        if first:
            self._put(first)
            self._written += len(first)
        if rest:
            self._after += len(rest)
            self._last += rest
            if len(self._last) > 2 * MOST:  # cut now and then: each time would move a megabyte for every line
                del self._last[:-MOST]

    def close(self) -> None:
        if self._after:
            last = bytes(self._last[-MOST:])
            left_out = self._after - len(last)
            self._put((f"\n[{left_out:,} bytes are left out here]\n".encode() if left_out else b"") + last)
        if self._file is not None:
            self._attempt(os.close, self._file)
            self._file = None

    def _put(self, data: bytes) -> None:
        if self._file is None and self._writable:
            self._attempt(self._open)
        if self._file is not None:
            self._attempt(_write_all, self._file, data)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)

    def _attempt(self, what: object, *arguments: object, **keywords: object) -> None:
        """A full disk or a deleted folder takes the log, and never the result of what is logged."""
        try:
            what(*arguments, **keywords)  # type: ignore[operator]
        except OSError:
            self._writable = False


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
