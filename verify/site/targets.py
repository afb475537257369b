"""Where the links and images of a review lead: pages and files of the project, as GitHub and the site both have them.

An address is relative to the review's file, as everywhere on GitHub; `docs/` may be left out of it, since the site's
pages have their addresses there.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from verify.errors import UserError, nearest
from verify.project.project import Project
from verify.site.links import Link

GENERATED = frozenset({"index.md", "claims.md"})
"""Pages that no file stands behind."""


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
        if site in GENERATED or site in self._pages():
            return site
        if place == "CHANGELOG.md" or site == "changelog.md":
            return "changelog.md"
        if _is_file(root / "docs" / site) and not site.startswith("reviews/"):
            return site
        if place.startswith("reviews/") and _is_file(root / place) and not place.endswith(".md"):
            self.wanted.append(Wanted(place, line))
            return place
        self._wrong(f"'{address}' leads to no page and no file", self._hint(place, root), line)
        return None

    def _hint(self, place: str, root: Path) -> str:
        if (root / place).is_dir() or (root / "docs" / place).is_dir():
            return "name the file: `index.md` for a folder's page"
        if _is_file(root / place):
            return "only what lies in docs/ or beside the review is published"
        if _is_file(root / "docs" / f"{place}.md") or _is_file(root / f"{place}.md"):
            return f"did you mean '{posixpath.basename(place)}.md'?"
        folder = (root / place).parent
        names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        near = nearest(posixpath.basename(place), names[:2000]) if names else ""
        return near if near.startswith("did") else "addresses are relative to the review's file"

    def _pages(self) -> frozenset[str]:
        return frozenset(f"reviews/{review.slug}.md" for review in self._project.reviews)

    def _wrong(self, message: str, hint: str, line: int) -> None:
        self.mistakes.append(UserError(message, self._path, line, hint))


def _is_elsewhere(path: str) -> bool:
    name, colon, _ = path.partition(":")
    return bool(colon) and name.lower() in ("http", "https", "mailto")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds NUL
        return False
