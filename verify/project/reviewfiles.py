"""Which files are reviews, and their bytes; why one cannot be read, without hanging at it or leaving the project."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from verify.errors import UserError, reason

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_OTHER_ENDINGS = (".md", ".markdown", ".mdown", ".mkd")


MOST = 1_000_000
"""Bytes of a review: what is larger would keep every command busy, and is no text that anybody wrote."""


def find(root: Path) -> tuple[dict[str, bytes], list[UserError]]:
    """The bytes of each review by its path, and what is wrong with the others.

    Hidden files and what editors leave (`.#x.md`, `#x.md#`, `x.md~`) are no reviews, and nothing is said of them.
    """
    found: dict[str, bytes] = {}
    errors: list[UserError] = []
    for name in _names(root, "reviews", errors):
        path = f"reviews/{name}"
        if name.endswith(".md"):
            try:
                found[path] = _read(root, path)
            except UserError as error:
                errors.append(error)
        elif name.lower().endswith(_OTHER_ENDINGS):
            hint = f"call it {Path(name).stem}.md"
            errors.append(UserError("a review's name ends in .md: this file is read by nothing", path, 0, hint))
        elif _is_folder(root / path):
            errors += _below(root, path)
    return found, errors


def slugs(root: Path) -> set[str]:
    """What the files that are meant as reviews are called, also those that cannot be read."""
    return {name.removesuffix(".md") for name in _names(root, "reviews", []) if name.endswith(".md")}


def _names(root: Path, folder: str, errors: list[UserError]) -> list[str]:
    """What lies in a folder, in order, without what is hidden."""
    try:
        names = sorted(path.name for path in (root / folder).iterdir())
    except OSError as error:
        errors.append(UserError(f"this folder cannot be read: {reason(error)}", folder))
        return []
    good = []
    for name in names:
        if name.startswith((".", "#")):
            continue
        try:
            name.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(name).decode("utf-8", "backslashreplace")
            if name.endswith(".md"):
                errors.append(UserError("the name of this file is not UTF-8", f"{folder}/{shown}", 0, "rename it"))
            continue
        good.append(name)
    return good


def _is_folder(path: Path) -> bool:
    """Whether it is a folder itself; one behind a link is not entered, so no loop is."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _below(root: Path, folder: str) -> list[UserError]:
    """The mistake of every review in a folder of `reviews/`."""
    hint = "move it up, or give it another ending if it belongs beside the page"
    errors: list[UserError] = []
    for name in _names(root, folder, errors):
        path = f"{folder}/{name}"
        if _is_folder(root / path):
            errors += _below(root, path)
        elif name.endswith(".md"):
            errors.append(UserError("a review stands directly in reviews/, not in a folder of it", path, 0, hint))
    return errors


def _read(root: Path, path: str) -> bytes:
    """The bytes of one review.

    Raises:
        UserError: why there are none.
    """
    place = root / path
    try:
        if place.is_symlink():
            place = _target(root, path)
        _expect_file(place.stat().st_mode, path)
        # What a name stands for may change between two calls: asked without waiting, and looked at once more.
        handle = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            _expect_file(os.fstat(handle).st_mode, path)
            content = file.read(MOST + 1)
    except OSError as error:
        raise UserError(f"it cannot be read: {reason(error)}", path) from None
    if len(content) > MOST:
        hint = "put data and pictures into files beside it"
        raise UserError(f"it is larger than {MOST // 1_000_000} MB, which no review is", path, 0, hint)
    return content


def _target(root: Path, path: str) -> Path:
    """Where the link leads, which must be a place in the project."""
    try:
        target = (root / path).resolve(strict=True)
    except FileNotFoundError:
        leads = str((root / path).readlink())
        raise UserError(f"it is a link to {_shown(leads)}, where nothing is", path, 0, "remove it") from None
    except (RuntimeError, OSError):  # a loop is the one or the other, by the version of Python
        raise UserError("it is a link that leads back to itself", path, 0, "remove it") from None
    if not target.is_relative_to(root.resolve()):
        hint = "put the file itself in its place: what is published stands in the project"
        raise UserError("it is a link that leads out of the project", path, 0, hint)
    return target


def _shown(leads: str) -> str:
    """A link's target as a message has it: of one out of the project, which may be long, the name."""
    return leads if len(leads) < 80 else f"…/{Path(leads).name[-60:]}"


def _expect_file(mode: int, path: str) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            raise UserError(f"it is called as a review, but is {kind}", path, 0, "give it another name")
