"""A folder that an export owns: written and deleted is in it alone, whatever lies there and whatever its list says."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from verify.errors import UserError, reason
from verify.project import store

MARK = ".verify-export"
"""Says that a folder is an export, and which files of it are: one path a line."""
_TAKEN = ("docs", "reviews", ".git", ".verify")
"""Folders of a project in which no export lies."""


class Folder:
    """The folder, new, empty or of an earlier export.

    Args:
        path: where it is; a link to a folder is followed here, and nowhere below.
        root: the project's.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self._shown = path
        self._path = path.resolve()
        self._root = root.resolve()
        self._known: set[str] = set()

    def mistakes(self) -> list[UserError]:
        """Why nothing can be exported there."""
        if self._root.is_relative_to(self._path):
            hint = "name a folder beside the project's files"
            return [UserError(f"{self._shown} contains the project: an export would lie among its files", hint=hint)]
        for name in _TAKEN:
            if self._path.is_relative_to(self._root / name):
                hint = "name a folder beside docs/ and reviews/"
                return [UserError(f"{self._shown} lies in {name}/: the next export would contain it", hint=hint)]
        try:
            return list(self._read())
        except OSError as error:
            return [UserError(f"{self._shown} cannot be read: {reason(error)}")]

    def _read(self) -> Iterator[UserError]:
        """Find out what an earlier export wrote."""
        hint = "name a folder that is new or empty: an export removes what it finds of an earlier one"
        mark = self._path / MARK
        kind = _kind(mark)
        if not kind:
            if _kind(self._path) and any(self._path.iterdir()):
                yield UserError(f"{self._shown} holds files that no export wrote", hint=hint)
            return
        try:
            lines = mark.read_text(encoding="utf-8").split("\n") if stat.S_ISREG(kind) else None
        except UnicodeDecodeError:
            lines = None
        if lines is None:
            yield UserError(f"{self._shown / MARK} is no list that an export wrote", hint=hint)
            return
        self._known = {name for name in lines if _is_inside(name)}

    def in_the_way(self, names: Collection[str]) -> list[UserError]:
        """What lies where files are to be written, and is of no earlier export."""
        found: set[str] = set()
        for name in sorted(names):
            if not _is_inside(name):
                found.add(name)
                continue
            for part in _parts(name):
                kind = _kind(self._path / part)
                own = part in self._known and not stat.S_ISDIR(kind)
                expected = stat.S_ISLNK(kind) or (part != name and stat.S_ISDIR(kind))
                if kind and not own and not expected:
                    found.add(part)
                if not kind or not stat.S_ISDIR(kind):
                    break
        hint = "move it away: an export overwrites what an earlier one wrote, and nothing else"
        return [
            UserError(f"{self._shown / name} is in the way: no export wrote it", hint=hint) for name in sorted(found)
        ]

    def write(self, content: Mapping[str, bytes]) -> None:
        """Write files by their names; what an earlier export wrote and this one does not is removed.

        Raises:
            UserError: the folder cannot be written to.
        """
        try:
            # The list comes first: after an interrupt the next export knows what is its own.
            self._list(self._known | set(content))
            for name in self._known - set(content):
                self._remove(name)
            for name, each in content.items():
                self._clear(name)
                store.write_atomically(self._path / name, each)
            self._list(content)
        except OSError as error:
            raise UserError(f"{self._shown} cannot be written to: {reason(error)}") from None

    def _list(self, names: Collection[str]) -> None:
        store.write_atomically(self._path / MARK, "".join(f"{name}\n" for name in sorted(names)).encode())

    def _remove(self, name: str) -> None:
        """Remove a file, or a link in its place; what lies behind a link stays."""
        *parents, last = _parts(name)
        if all(stat.S_ISDIR(_kind(self._path / parent)) for parent in parents):
            kind = _kind(self._path / last)
            if kind and not stat.S_ISDIR(kind):
                (self._path / last).unlink()

    def _clear(self, name: str) -> None:
        """Remove a link or a file that stands in the place of a folder; nothing is written through links."""
        for parent in list(_parts(name))[:-1]:
            kind = _kind(self._path / parent)
            if kind and not stat.S_ISDIR(kind):
                (self._path / parent).unlink()


def _parts(name: str) -> Iterator[str]:
    """`a`, `a/b` and `a/b/c` of `a/b/c`."""
    at = name.find("/")
    while at >= 0:
        yield name[:at]
        at = name.find("/", at + 1)
    yield name


def _kind(path: Path) -> int:
    """What a path is itself, a link included; 0 where there is nothing."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is_inside(name: str) -> bool:
    """Whether a name is one that an export can have written."""
    if not name or "\0" in name or "\\" in name or name == MARK or Path(name).is_absolute():
        return False
    return all(part not in ("", ".", "..") for part in name.split("/")) and ":" not in name.split("/")[0]
