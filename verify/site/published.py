"""Which files are published: those that a page refers to or a review lists, of harmless kinds, from the project alone.

Everything that copies files into a site asks here: the plugin, the live site and the export.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Protocol

from verify.errors import UserError, reason
from verify.site.html_rules import names
from verify.site.safe_svg import refused

KINDS = names(
    "png jpg jpeg gif webp avif svg ico pdf txt csv tsv json jsonl ndjson geojson yaml yml toml ini cfg log bib ris "
    "tex py ipynb r jl m c h cpp rs go sh npy npz parquet arrow feather h5 hdf5 mat zip gz xz bz2 zst tar tgz mp3 wav "
    "ogg mp4 webm"
)
"""Endings of what may lie beside a review.  A browser runs none of them: no HTML, XML, JavaScript, WebAssembly."""
_LEFTOVERS = ("*~", "#*#", "*.swp", "*.swo", "*.bak", "*.orig", "*.rej", "*.tmp", "*.temp", "*.part", "*.pyc", "~$*")
_FOLDERS = frozenset({"__pycache__", "node_modules"})
_KINDS_HINT = "pictures, PDF, data (csv, json, npz …), source code and archives are published"


class Reference(Protocol):
    """A place in a review's text that refers to a file."""

    @property
    def path(self) -> str:
        """The file's, relative to the project's root."""

    @property
    def line(self) -> int:
        """1-based."""


def find(
    root: Path,
    wanted: Mapping[str, Iterable[Reference]],
    slugs: Iterable[str] = (),
    listed: Mapping[str, Sequence[str]] | None = None,
) -> tuple[dict[str, Path], list[UserError]]:
    """The files that lie beside the reviews and are published, by their path in the site, and what is wrong.

    Args:
        root: the project's.
        wanted: per review, by its path, what its text refers to below `reviews/`.
        slugs: of the reviews; the sources of their notebooks are published.
        listed: per review, by its path, the files that its front matter lists, relative to it.
    """
    found: dict[str, Path] = {}
    reasons: dict[str, tuple[str, str]] = {}
    mistakes = []
    for file, line, path in _asked(wanted, listed or {}):
        if path not in found and path not in reasons:
            why = refusal(root, path, KINDS) if path.startswith("reviews/") else _outside(path)
            if why:
                reasons[path] = why
            else:
                found[path] = root / path
        if path in reasons:
            message, hint = reasons[path]
            mistakes.append(UserError(message, file, line, hint))
    for slug in slugs:
        source = f"reviews/notebooks/{slug}.py"
        if os.path.lexists(root / source):
            why = refusal(root, source, KINDS)
            if why:
                mistakes.append(UserError(why[0], source, 0, why[1]))
            else:
                found[source] = root / source
    return found, mistakes


def documents(root: Path, folder: str = "docs") -> dict[str, Path]:
    """What lies in `docs/` or a folder of it and is published, by its path in the site.

    Nothing hidden, left over or elsewhere is.
    """
    return {path.removeprefix("docs/"): root / path for path in _below(root, folder)}


def is_passed_over(name: str) -> bool:
    """Whether a file of this name is hidden, or left by an editor or a program."""
    return _named(name) is not None


def refusal(root: Path, path: str, kinds: frozenset[str] | None = None) -> tuple[str, str] | None:
    """Why a file is not published, and what to do; None where it is.

    Args:
        root: the project's.
        path: the file's, relative to it, as it is written or was found.
        kinds: the endings that it may have; any if left out.
    """
    if why := _named(path):
        return why
    try:
        real = (root / path).resolve(strict=True)
        inside = real.relative_to(root.resolve()).as_posix()
        mode = real.stat().st_mode
    except FileNotFoundError:
        return _missing(root, path)
    except ValueError:
        return f"{path} is not published: it is, or lies behind, a link that leads out of the project", "copy the file"
    except OSError as error:
        return f"{path} cannot be read: {reason(error)}", "mend it, or refer to another file"
    except RuntimeError:  # Python before 3.13 says so of links in a circle
        return f"{path} cannot be read: it leads back to itself", "mend it, or refer to another file"
    if inside != path and (why := _named(inside)):
        return f"{path} is not published: it is a link to {inside}", why[1]
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no file, but a pipe, a socket or a device"
        return f"{path} is not published: it is {what}", "name the files that are meant"
    ending, real_ending = (posixpath.splitext(each)[1].removeprefix(".").lower() for each in (path, inside))
    if kinds is not None and not {ending, real_ending} <= kinds:
        shown = ending or "without an ending"
        return f"{path} is not published: its kind, {shown}, is not among those that are", _KINDS_HINT
    return _unfit(real, path, "svg" if kinds is not None and "svg" in (ending, real_ending) else "")


def document_refusal(root: Path, path: str) -> tuple[str, str] | None:
    """The same of a file in `docs/`: `documents` has it if nothing is said here."""
    for parent in list(PurePosixPath(path).parents)[:-2]:  # but for `docs` and the root
        if (root / parent).is_symlink():
            return f"{path} is not published: {parent} is a link to a folder", "put a folder in its place"
    return refusal(root, path)


def _unfit(real: Path, path: str, kind: str) -> tuple[str, str] | None:
    """What is wrong with a file's content, or with reading it."""
    try:
        with real.open("rb") as file:
            why = refused(file.read()) if kind == "svg" else ""
    except OSError as error:
        return f"{path} cannot be read: {reason(error)}", "mend its permissions"
    if why:
        return f"{path} is not published: {why}", "save it as a plain SVG, or as a PNG"
    return None


def _named(path: str) -> tuple[str, str] | None:
    """What a name tells: hidden, left by an editor, or not to be read by people."""
    if not path.isprintable():  # control characters, and bytes that are no UTF-8
        shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in path)
        return f"{shown} is not published: characters that cannot be seen stand in its name", "give it another name"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return f"{path} is not published: it is no path within the project", "write it without `.` and `..`"
        if part.startswith("."):
            return f"{path} is not published: it is hidden", "give it a name without a dot before it"
        if part in _FOLDERS or any(fnmatchcase(part.lower(), pattern) for pattern in _LEFTOVERS):
            return f"{path} is not published: an editor or a program left it", "give it another name"
    return None


def _outside(path: str) -> tuple[str, str]:
    return f"{path} is not published: it does not lie beside the reviews", "put it into reviews/"


def _missing(root: Path, path: str) -> tuple[str, str]:
    folder, name = posixpath.split(path)
    try:
        known = [each.name for each in sorted((root / folder).iterdir())[:2000] if not _named(each.name)]
    except (OSError, ValueError):
        known = []
    near = get_close_matches(name, known, n=1)
    return f"there is no file {path}", f"did you mean '{near[0]}'?" if near else "addresses are relative to the review"


def _asked(
    wanted: Mapping[str, Iterable[Reference]], listed: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, int, str]]:
    """File and line of each reference, and the path that it has."""
    for file, references in wanted.items():
        yield from ((file, each.line, each.path) for each in references)
    for file, written in listed.items():
        for path in written:
            yield file, 0, posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def _below(root: Path, folder: str) -> Iterator[str]:
    """The files in a folder of the project that are published, in order.

    Links to folders are not entered, so no loop is.  There may be ten thousand files: only links are looked at closely.
    """
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if _named(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(root, path)
        elif entry.is_symlink():
            yield from () if refusal(root, path) else (path,)
        elif entry.is_file() and os.access(entry, os.R_OK):
            yield path
