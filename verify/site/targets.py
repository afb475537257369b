"""Where the links and images of a review lead: pages and files of the project, as GitHub and the site both have them.

An address is relative to the review's file, as everywhere on GitHub; `docs/` may be left out of it, since the site's
pages have their addresses there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from msgspec import Struct

from verify.errors import UserError, nearest
from verify.project.project import Project
from verify.site import published
from verify.site.links import Link

GENERATED = frozenset({"index.md", "claims.md", "changes.md"})
"""Pages that no file stands behind."""
_T = TypeVar("_T")


class Jump(Struct, frozen=True):
    """A link to an anchor, which is looked up once all pages are known."""

    page: str
    """Relative to the docs folder."""
    anchor: str
    line: int


class Wanted(Struct, frozen=True):
    """A file beside the reviews that a text refers to, relative to the project's root."""

    path: str
    line: int


class Targets:
    """Resolves the addresses of one review; what is wrong with them, and what they lead to, adds up in it."""

    def __init__(self, project: Project, path: str, link: Link) -> None:
        self._project, self._path, self._link = project, path, link
        self.jumps: list[Jump] = []
        self.wanted: list[Wanted] = []
        self.mistakes: list[UserError] = []

    def link(self, address: str, line: int) -> str | None:
        """What belongs into `href`; None for what leads nowhere, which is noted as a mistake."""
        path, _, anchor = address.partition("#")
        anchor = unquote(anchor)
        if not address:
            self._wrong("this link names no address", "write it in the brackets, or leave them out", line)
            return None
        if not path:
            self.jumps.append(Jump(self._path, anchor, line))
            return f"#{anchor}" if anchor else "#"
        if _is_elsewhere(path):
            return address
        found = self._find(path, line)
        if found is None:
            return None
        if found.endswith((".md", ".ipynb")) and anchor:
            self.jumps.append(Jump(found, anchor, line))
        return self._link(found) + (f"#{anchor}" if anchor else "")

    def image(self, address: str, line: int) -> str | None:
        """What belongs into `src`, likewise."""
        found = self._find(address.partition("#")[0], line)
        return None if found is None else self._link(found)

    def _find(self, address: str, line: int) -> str | None:
        """The file that an address leads to, relative to the docs folder."""
        path = unquote(address.partition("?")[0])
        if path.startswith("/") or "\\" in path:
            hint = "write it relative to the review's file, with `/` between folders"
            self._wrong(f"'{address}' is no address within the project", hint, line)
            return None
        place = posixpath.normpath(posixpath.join(posixpath.dirname(self._path), path))
        if place.startswith("../") and place.removeprefix("../").startswith(("reviews/", "docs/")):
            place = place.removeprefix("../")  # as from a page in the docs folder
        if place == ".." or place.startswith("../"):
            self._wrong(f"'{address}' leads out of the project", "refer to a file of the project", line)
            return None
        root = self._project.root
        site = place.removeprefix("docs/")
        if site in GENERATED or site in _pages(self._project):
            return site
        if (place == "CHANGELOG.md" or site == "changelog.md") and _is_file(root / "CHANGELOG.md"):
            return "changelog.md"
        if _is_file(root / "docs" / site) and not site.startswith("reviews/"):
            refused = published.document_refusal(root, f"docs/{site}")
            if refused:
                self._wrong(*refused, line)
            return None if refused else site
        if place.startswith("reviews/") and _is_file(root / place) and not place.endswith(".md"):
            refused = published.refusal(root, place, published.KINDS)
            if refused:
                self._wrong(*refused, line)
                return None
            self.wanted.append(Wanted(place, line))
            return place
        if place.startswith("reviews/") and place.endswith(".md") and _is_file(root / place):
            hint = "mend it first: what is wrong with it is told besides"
            self._wrong(f"'{address}' is a review that cannot be read", hint, line)
            return None
        self._wrong(f"'{address}' leads to no page and no file", self._hint(place, root), line)
        return None

    def _hint(self, place: str, root: Path) -> str:
        if _is_folder(root / place) or _is_folder(root / "docs" / place):
            return "name the file: `index.md` for a folder's page"
        if _is_file(root / place):
            return "only what lies in docs/ or beside the review is published"
        if _is_file(root / "docs" / f"{place}.md") or _is_file(root / f"{place}.md"):
            return f"did you mean '{posixpath.basename(place)}.md'?"
        names = [name for name in _names_in((root / place).parent) if not published.is_passed_over(name)]
        near = nearest(posixpath.basename(place), names) if names else ""
        return near if near.startswith("did") else "addresses are relative to the review's file"

    def _wrong(self, message: str, hint: str, line: int) -> None:
        self.mistakes.append(UserError(message, self._path, line, hint))


def _is_elsewhere(path: str) -> bool:
    name, colon, _ = path.partition(":")
    return bool(colon) and name.lower() in ("http", "https", "mailto")


@lru_cache(maxsize=1)
def _pages(project: Project) -> frozenset[str]:
    """Those of all reviews; every link of every review asks for them."""
    return frozenset(f"reviews/{review.slug}.md" for review in project.reviews)


def _is_file(path: Path) -> bool:
    return _seen(Path.is_file, path, False)


def _is_folder(path: Path) -> bool:
    return _seen(Path.is_dir, path, False)


def _names_in(folder: Path) -> list[str]:
    """What lies in a folder, or some of it where that is much."""
    return _seen(lambda path: [each.name for each in islice(path.iterdir(), 2000)], folder, [])


def _seen(look: Callable[[Path], _T], path: Path, otherwise: _T) -> _T:
    """What a look at the disk finds; `otherwise` where none is possible: an address may be any text.

    Its name may be too long or hold NUL, a folder of it may be closed to us, or none at all.
    """
    try:
        return look(path)
    except (OSError, ValueError):
        return otherwise
