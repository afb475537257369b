"""What can be wrong with pages that shows once all of them are rendered: anchors that are not there, and files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from verify.errors import UserError, nearest
from verify.project.project import Project
from verify.site.pages import Page, Rendered, Renderer
from verify.site.published import find
from verify.site.targets import GENERATED

_Extensions = tuple[tuple[str, str], ...]
"""Of Python-Markdown: names, and options as JSON."""
_ALWAYS = ("toc", "tables", "fenced_code")
"""Those of every site."""
_FRONT_MATTER = re.compile(r"---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)


def mistakes(project: Project, slugs: Collection[str] | None = None) -> list[UserError]:
    """Everything that is wrong with what the pages of reviews say: for `verify check`.

    Args:
        project: whose reviews these are.
        slugs: of those that are asked for; of all if left out.
    """
    renderer = Renderer(sheets=False)
    rendered = renderer.render(project, slugs)
    known = rendered if slugs is None else rendered | renderer.render(project, _named_by(rendered))
    return published(project, rendered, known)[1]


def _named_by(rendered: Rendered) -> set[str] | None:
    """The reviews whose anchors these pages name, and that are not among them; None for all.

    The pages that speak of all reviews need all of them.
    """
    named = {jump.page for page in rendered.values() if isinstance(page, Page) for jump in page.jumps if jump.anchor}
    if named & GENERATED:
        return None
    reviews = {path for path in named - set(rendered) if path.startswith("reviews/") and path.endswith(".md")}
    return {path.removeprefix("reviews/").removesuffix(".md") for path in reviews}


def published(
    project: Project, rendered: Rendered, known: Rendered | None = None
) -> tuple[dict[str, Path], list[UserError]]:
    """The files that are published because a page refers to them, and what is wrong with pages and files.

    Args:
        project: whose pages these are.
        rendered: the pages.
        known: with those that they lead to; the same if left out.
    """
    pages = {path: page for path, page in rendered.items() if isinstance(page, Page)}
    anchors = _Anchors(project.root, rendered if known is None else known)
    found = [error for page in pages.values() for error in page.mistakes]
    for path, page in pages.items():
        found += _jumps(path, page, anchors)
    wanted = {path: page.wanted for path, page in pages.items() if page.wanted}
    reviews = [review for review in project.reviews if review.path in rendered]
    listed = {review.path: review.files for review in reviews if review.files}
    files, refused = find(project.root, wanted, [review.slug for review in reviews], listed)
    return files, sorted([*found, *refused], key=lambda error: (error.file, error.line))


def is_broken(page: Page | str | None) -> bool:
    """Whether a page stands in the place of a review that cannot be shown, as of `pages.broken`."""
    return isinstance(page, Page) and page.ids == {"broken"}


class _Anchors:
    """What links to a page may name."""

    def __init__(self, root: Path, pages: Rendered) -> None:
        self._root, self._pages = root, pages
        self._found: dict[str, frozenset[str] | None] = {}

    def of(self, path: str) -> frozenset[str] | None:
        """The anchors of a page; None where they are not known: of notebooks, and of what cannot be read."""
        if path not in self._found:
            self._found[path] = self._look(path)
        return self._found[path]

    def _look(self, path: str) -> frozenset[str] | None:
        page = self._pages.get(path)
        if isinstance(page, Page):
            return None if is_broken(page) else page.ids
        if not path.endswith(".md"):
            return None
        source = self._root / ("CHANGELOG.md" if path == "changelog.md" else f"docs/{path}")
        text = _text(source) if page is None else page
        if text is None or self._used is None:
            return None
        return _ids_of_document(text, self._used)

    @cached_property
    def _used(self) -> _Extensions | None:
        return _extensions(self._root)


def _jumps(path: str, page: Page, anchors: _Anchors) -> Iterator[UserError]:
    for jump in page.jumps:
        if not jump.anchor:
            continue  # to the top of a page
        ids = anchors.of(jump.page)
        if ids is not None and jump.anchor not in ids:
            where = "this page" if jump.page == path else jump.page
            yield UserError(f"'#{jump.anchor}' is no anchor of {where}", path, jump.line, nearest(jump.anchor, ids))


class _Settings(yaml.SafeLoader):
    """Reads a configuration whose tags mean something to others only: environment variables, Python's objects."""


_Settings.add_constructor(None, lambda _loader, _node: object())


def _text(path: Path) -> str | None:
    """What a page that is written by hand says; None where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None


def _extensions(root: Path) -> _Extensions | None:
    """Those of the project's `mkdocs.yml`; None where they cannot be known, and with them no anchor."""
    try:
        settings = yaml.load((root / "mkdocs.yml").read_text(encoding="utf-8-sig"), _Settings)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    if not isinstance(settings, dict) or ("INHERIT" in settings and "markdown_extensions" not in settings):
        return None
    found: dict[str, str] = dict.fromkeys(_ALWAYS, "{}")
    for name, options in _configured(settings.get("markdown_extensions")):
        plain = {key: value for key, value in options.items() if _is_plain(value)}
        if name in ("toc", "markdown.extensions.toc") and plain != options:
            return None  # how it makes ids is said in Python
        found[name] = json.dumps(plain)
    return tuple(found.items())


def _configured(written: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each extension with its options, in any of the forms that MkDocs reads."""
    for each in [written] if isinstance(written, dict) else written if isinstance(written, list) else []:
        for name, options in each.items() if isinstance(each, dict) else [(each, None)]:
            if isinstance(name, str):
                yield name, options if isinstance(options, dict) else {}


def _is_plain(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def _ids_of_document(document: str, used: _Extensions) -> frozenset[str] | None:
    """What links to a document may name; None where its Markdown cannot be converted here."""
    from bs4 import BeautifulSoup
    from markdown import Markdown

    converter = Markdown()
    for name, options in used:
        try:
            converter.registerExtensions([name], {name: json.loads(options)})
        except (ImportError, AttributeError, KeyError, TypeError, ValueError):
            continue  # it is not installed here, or not known by that name
    try:
        html = converter.convert(_FRONT_MATTER.sub("", document, count=1) if document.startswith("---") else document)
    except Exception:  # noqa: BLE001 - an extension is anyone's code, and the site's build says what is wrong with it
        return None
    soup = BeautifulSoup(html, "html.parser")
    named = {str(each["name"]) for each in soup.find_all("a", attrs={"name": True})}
    return frozenset(named | {str(each["id"]) for each in soup.find_all(id=True)})
