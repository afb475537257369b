"""Files of a project as they lie in a folder, or as git has them: read by name, within limits, from anyone.

What is not read is told with its reason.  Paths of a commit are compared and never opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from verify.errors import UserError, nearest, reason
from verify.model import Scale
from verify.project import reviewfiles
from verify.system import GitSilent, git

_WANTED = re.compile(
    r"docs/evidence/(?P<evidence>[a-z][a-z0-9-]*)/(?:verdicts\.json|[^/]+\.(?:tiny|small|full)\.jsonl)"
    r"|reviews/(?P<text>[a-z][a-z0-9-]*)\.md"
)
MOST_VERDICTS = 8_000_000
"""Bytes of a `verdicts.json`."""
MOST_EVIDENCE = 100_000_000
"""Bytes of an evidence file."""
MOST_REVIEW = reviewfiles.MOST
MOST_IN_ALL = 1_000_000_000
"""Bytes that are read of a repository."""
_AT_ONCE = 64_000_000
"""Bytes that git is asked for in one call, as far as files are smaller."""


class Unread(Struct, frozen=True):
    """Why something is not known."""

    reason: str


class Contents(Protocol):
    """Where contents are read from."""

    def read(self, keys: Iterable[str], most: int) -> Iterator[tuple[str, bytes | Unread]]:
        """Each content by its key, in any order; nothing larger than `most` bytes."""


class Version(Struct, frozen=True):
    """The files of a project at one time that tell of its claims: the key of each content by path."""

    name: str
    files: Mapping[str, str]
    contents: Contents


class Objects:
    """Git's objects, by id."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = MOST_IN_ALL

    def read(self, keys: Iterable[str], most: int) -> Iterator[tuple[str, bytes | Unread]]:
        """As of `Contents`; git is asked once, and once more for every 64 MB.

        Raises:
            GitSilent: git does not answer.
        """
        wanted: list[str] = []
        total = 0
        for key, size in self._sizes(list(dict.fromkeys(keys))):
            if size is None:
                yield key, Unread("git does not have it")
            elif size > most:
                yield key, _too_large(size, most)
            elif size > self._left:
                yield key, Unread(f"more than {MOST_IN_ALL:,} bytes are not read of a repository")
            else:
                self._left -= size
                if wanted and total + size > _AT_ONCE:
                    yield from zip(wanted, self._contents(wanted), strict=True)
                    wanted, total = [], 0
                wanted.append(key)
                total += size
        if wanted:
            yield from zip(wanted, self._contents(wanted), strict=True)

    def _sizes(self, keys: list[str]) -> Iterator[tuple[str, int | None]]:
        """The size of each object; None where it is missing, or no file's content."""
        if not keys:
            return
        answer = git(self._root, "cat-file", "--batch-check=%(objecttype) %(objectsize)", given=_lines(keys))
        for key, line in zip(keys, answer.splitlines(), strict=True):
            kind, _, size = line.partition(b" ")
            yield key, int(size) if kind == b"blob" and size.isdigit() else None

    def _contents(self, keys: list[str]) -> Iterator[bytes]:
        answer = git(self._root, "cat-file", "--batch=%(objectsize)", given=_lines(keys))
        at = 0
        for _ in keys:
            end = answer.index(b"\n", at)
            begin, at = end + 1, end + 1 + int(answer[at:end])
            yield answer[begin:at]
            at += 1


def _lines(keys: Iterable[str]) -> bytes:
    return "".join(f"{key}\n" for key in keys).encode()


def _too_large(size: int, most: int) -> Unread:
    return Unread(f"it has {size:,} bytes; more than {most:,} are not read")


class Folder:
    """A project's folder; keys are paths relative to it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def read(self, keys: Iterable[str], most: int) -> Iterator[tuple[str, bytes | Unread]]:
        """As of `Contents`; through no link that leads out of the folder, and from nothing that is no file."""
        for key in dict.fromkeys(keys):
            yield key, self._read(self._root / key, most)

    def _read(self, path: Path, most: int) -> bytes | Unread:
        try:
            if not path.resolve(strict=True).is_relative_to(self._root):
                return Unread("it is, or lies behind, a link that leads out of the project")
            if not path.is_file():
                return Unread("it is no file")
            if (size := path.stat().st_size) > most:
                return _too_large(size, most)
            return path.read_bytes()
        except OSError as error:
            return Unread(f"it cannot be read: {reason(error)}")
        except RuntimeError:  # Python before 3.13 says so of links in a circle
            return Unread("it cannot be read: it leads back to itself")

    def files(self) -> dict[str, str]:
        """Those that tell of claims."""
        places = ("docs/evidence/*/*.json", "docs/evidence/*/*.jsonl", "reviews/*.md")
        names = (path.relative_to(self._root).as_posix() for place in places for path in self._root.glob(place))
        return {name: name for name in sorted(names) if review_of(name)}


def review_of(path: str) -> str:
    """The review that a path of verdicts, evidence or a text is of; empty for any other path."""
    match = _WANTED.fullmatch(path)
    return (match["evidence"] or match["text"]) if match else ""


def evidence_path(slug: str, verification: str, scale: Scale) -> str:
    """Where the evidence of a verification lies."""
    return f"docs/evidence/{slug}/{verification}.{scale}.jsonl"


def here(root: Path) -> Version:
    """The working tree of the project at `root`."""
    folder = Folder(root)
    return Version("here", folder.files(), folder)


def find(root: Path, name: str) -> Version:
    """Another folder of a project, where there is one of that name; else a commit of the project at `root`.

    Raises:
        UserError: it is neither.
    """
    other = Path(name)
    if (other / "docs" / "evidence").is_dir() or (other / "reviews").is_dir():
        folder = Folder(other)
        return Version(name, folder.files(), folder)
    try:
        git(root, "rev-parse", "--git-dir")
    except GitSilent as silent:
        raise UserError(f"'{name}' is no folder of a project, and no commit can be asked for: {silent}") from None
    try:
        asked = ("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        commit = git(root, "rev-parse", *asked).decode().strip()
    except (GitSilent, ValueError):  # a ValueError where NUL stands in it
        raise UserError(f"'{name}' is neither a project's folder nor a commit", hint=_known(root, name)) from None
    try:
        return Version(commit[:12], _files_at(root, commit), Objects(root))
    except GitSilent as silent:
        raise UserError(f"the files of {commit[:12]} cannot be listed: {silent}") from None


def _files_at(root: Path, commit: str) -> dict[str, str]:
    """Those that tell of claims, with the ids of their contents; links and folders of other repositories are none."""
    found = {}
    for entry in git(root, "ls-tree", "-r", "-z", commit, "--", "docs/evidence", "reviews").split(b"\0"):
        about, _, path = entry.partition(b"\t")
        name = path.decode("utf-8", "replace")
        if about.startswith(b"100") and review_of(name):
            found[name] = about.rpartition(b" ")[2].decode()
    return found


def _known(root: Path, name: str) -> str:
    """A hint with a branch or tag of nearly that name."""
    try:
        names = git(root, "for-each-ref", "--format=%(refname:short)", "--count=1000").decode("utf-8", "replace")
    except GitSilent:
        return ""
    near = nearest(name, names.split())
    return near if near.startswith("did") else "name a commit (HEAD~3, a tag, a branch) or another project's folder"
