"""Data files that reviews declare: whether they can be used, and the hash of their content.

A file is hashed when what the system says of it (size, times, place on the disk) is not what it was when it was
last hashed; so a run with nothing to do opens none.
"""

from __future__ import annotations

import hashlib
import stat
import time
from pathlib import Path, PurePosixPath

from msgspec import Struct

from verify.errors import UserError, nearest, reason

MOST = 1_000_000_000
"""Bytes of a file: what is larger is downloaded by the experiment, with its hash as a constant."""
_FOLDER = "reviews"
_BLOCK = 1 << 20
_SETTLED = 2_000_000_000
"""Nanoseconds: a file that was changed more recently than this may change again without another time."""

Stamp = tuple[int, int, int, int]


class Hashed(Struct):
    """A file's content, with what the system said of it then."""

    stamp: Stamp
    content: str


class DataFiles:
    """The files beside a project's reviews; `known` is what was hashed before, by path."""

    def __init__(self, root: Path, known: dict[str, Hashed]) -> None:
        self._root = root
        self._known = known
        self.hashed: dict[str, Hashed] = {}
        """What was asked for and may be kept."""

    def content(self, name: str) -> str:
        """The SHA-256 of a file, by its path relative to the reviews' folder.

        Raises:
            UserError: why it cannot be used, without a place.
        """
        path = self._place(name)
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise UserError(f"'{name}' is no regular file", hint="list files, not folders")
            if found.st_size > MOST:
                hint = "let the experiment download it, and check it against a hash in its code"
                raise UserError(f"'{name}' is larger than {MOST // 1_000_000_000} GB", hint=hint)
            stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
            known = self._known.get(name)
            if known is None or known.stamp != stamp:
                begun = time.time_ns()
                known = Hashed(stamp, _hash(path))
                if max(found.st_mtime_ns, found.st_ctime_ns) > begun - _SETTLED:
                    return known.content
        except OSError as error:
            raise UserError(f"'{name}' cannot be read: {reason(error)}") from None
        self.hashed[name] = known
        return known.content

    def _place(self, name: str) -> Path:
        """Where a file is, which must be in the project."""
        path = self._root / _FOLDER / name
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            if path.is_symlink():
                raise UserError(f"'{name}' is a link that leads nowhere", hint="put the file there") from None
            raise UserError(f"there is no file '{name}' beside the review", hint=self._near(name)) from None
        if not real.is_relative_to(self._root.resolve()):
            hint = "put the file itself there: what decides a result stands in the project"
            raise UserError(f"'{name}' leads out of the project", hint=hint)
        return real

    def _near(self, name: str) -> str:
        """What lies in the folder where the file was looked for, and is called nearly so."""
        folder = PurePosixPath(name).parent
        try:
            beside = sorted(each.name for each in (self._root / _FOLDER / folder).iterdir())
        except OSError:
            return f"there is no folder '{folder}' either"
        files = [str(folder / each) for each in beside if not each.startswith(".") and not each.endswith(".md")]
        hint = nearest(name, files)
        return hint if hint.startswith("did") else "paths are relative to the review's folder"


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
