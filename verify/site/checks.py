"""What can be wrong with pages that shows once all of them are rendered: anchors that are not there, and files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from verify.errors import UserError, nearest
from verify.project.project import Project
from verify.site.pages import Page, Rendered, render
from verify.site.published import find


def mistakes(project: Project) -> list[UserError]:
    """Everything that is wrong with what the pages of reviews say: for `verify check`."""
    return published(project, render(project))[1]


def published(project: Project, rendered: Rendered) -> tuple[dict[str, Path], list[UserError]]:
    """The files that are published because a page refers to them, and what is wrong with pages and files."""
    pages = {path: page for path, page in rendered.items() if isinstance(page, Page)}
    found = [error for page in pages.values() for error in page.mistakes]
    for path, page in pages.items():
        found += _jumps(project.root, path, page, pages)
    wanted = {path: page.wanted for path, page in pages.items() if page.wanted}
    listed = {review.path: review.files for review in project.reviews if review.files}
    files, refused = find(project.root, wanted, [review.slug for review in project.reviews], listed)
    return files, sorted([*found, *refused], key=lambda error: (error.file, error.line))


def _jumps(root: Path, path: str, page: Page, pages: dict[str, Page]) -> Iterator[UserError]:
    for jump in page.jumps:
        if not jump.anchor:
            continue  # to the top of a page
        ids = pages[jump.page].ids if jump.page in pages else _ids_of_document(root / "docs" / jump.page)
        if ids and jump.anchor not in ids:
            where = "this page" if jump.page == path else jump.page
            yield UserError(f"'#{jump.anchor}' is no anchor of {where}", path, jump.line, nearest(jump.anchor, ids))


@cache
def _ids_of_document(path: Path) -> frozenset[str]:
    """The anchors of a page that is written by hand, as the site's Markdown makes them; empty where that is unknown."""
    if path.suffix != ".md" or not path.is_file():
        return frozenset()
    from bs4 import BeautifulSoup
    from markdown import markdown

    extensions = ["toc", "attr_list", "fenced_code", "md_in_html", "footnotes"]
    html = markdown(path.read_text(encoding="utf-8"), extensions=extensions)
    return frozenset(str(each["id"]) for each in BeautifulSoup(html, "html.parser").find_all(id=True))
