"""The pages as plain Markdown with all they refer to, for another generator than MkDocs to take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from verify.errors import UserError, UserErrors
from verify.project import store
from verify.project.project import Project
from verify.project.refresh import is_current
from verify.site import assets, files, pages
from verify.site.links import link_from

MARK = ".verify-export"
"""Says that a folder is an export, and which files of it are: one path a line."""


def export(project: Project, folder: Path, directory_urls: bool = True) -> int:
    """Write everything into `folder`; returns how many files.

    What an earlier export wrote there and this one does not is removed; nothing else is touched.

    Args:
        project: what to export.
        folder: a new or empty folder, or one that an export made.
        directory_urls: as of `pages.render`.

    Raises:
        UserErrors: the folder holds something else, or verdicts and figures are out of date.
    """
    known = _written_before(folder)
    outdated = [review for review in project.reviews if not is_current(project, review)]
    if outdated:
        message, hint = "verdicts or figures are older than the review", "bring them up to date: `verify refresh`"
        raise UserErrors([UserError(message, review.path, 0, hint) for review in outdated])
    content = dict(_everything(project, directory_urls))
    # The list comes first: after an interrupt the next export knows what is its own.
    store.write_atomically(folder / MARK, "".join(f"{name}\n" for name in sorted(known | set(content))).encode())
    for name in known - set(content):
        (folder / name).unlink(missing_ok=True)
    for name, each in content.items():
        store.write_atomically(folder / name, each)
    store.write_atomically(folder / MARK, "".join(f"{name}\n" for name in sorted(content)).encode())
    return len(content)


def _written_before(folder: Path) -> set[str]:
    """The files of an earlier export."""
    mark = folder / MARK
    if mark.is_file():
        return set(mark.read_text(encoding="utf-8").splitlines())
    if folder.is_dir() and any(folder.iterdir()):
        hint = "name a folder that is new or empty: an export removes what it finds of an earlier one"
        raise UserErrors([UserError(f"{folder} holds files that no export wrote", hint=hint)])
    return set()


def _everything(project: Project, directory_urls: bool) -> Iterator[tuple[str, bytes]]:
    """Paths relative to the folder, and contents: what is written by hand, what is made, and what both refer to."""
    docs = project.root / "docs"
    for path in sorted(docs.rglob("*")):
        if path.is_file():
            yield path.relative_to(docs).as_posix(), path.read_bytes()
    rendered = pages.render(project, directory_urls, notebooks=False)
    written = {name: _text(name, page, directory_urls) for name, page in rendered.items()}
    for name, each in written.items():
        yield name, each.encode()
    text = "".join(written.values())
    for name, content in {**assets.published(), **files.beside(project)}.items():
        if Path(name).name in text:  # what no page asks for is of no use
            yield name, content
    for name, path in files.unread(project.root).items():
        yield name, path.read_bytes()


def _text(name: str, page: pages.Page | str, directory_urls: bool) -> str:
    """A page as Markdown, with its style; what is text already stays as it is."""
    if isinstance(page, str):
        return page
    return pages.as_markdown(page, link_from(name, directory_urls)(assets.path("verify.css")))
