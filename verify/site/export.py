"""The pages as plain Markdown with all they refer to, for another generator than MkDocs to take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from verify.errors import UserError, UserErrors
from verify.project import audit, history
from verify.project.project import Project
from verify.site import assets, checks, files, pages, published
from verify.site.as_markdown import as_markdown
from verify.site.folder import Folder
from verify.site.links import link_from


def export(project: Project, folder: Path, directory_urls: bool = True, mistakes: Sequence[UserError] = ()) -> int:
    """Write everything into `folder`; returns how many files.

    What an earlier export wrote there and this one does not is removed; nothing else is touched.

    Args:
        project: what to export.
        folder: a new or empty folder, or one that an export made.
        directory_urls: as of `pages.render`.
        mistakes: what is known to be wrong with the project: it is told with all else, and nothing is written.

    Raises:
        UserErrors: the folder holds something else, evidence or what follows from it has mistakes, or pages have.
    """
    own = Folder(folder, project.root)
    found = [*own.mistakes(), *mistakes, *audit.mistakes(project)]
    content, wrong = _everything(project, directory_urls)
    known = set(map(str, found))
    found += [each for each in wrong if str(each) not in known]
    found += own.in_the_way(content) if not found else ()
    if found:
        raise UserErrors(found)
    own.write(content)
    return len(content)


def _everything(project: Project, directory_urls: bool) -> tuple[dict[str, bytes], list[UserError]]:
    """Contents by their paths relative to the folder: what is written by hand, what is made, and what both refer to."""
    content = {name: path.read_bytes() for name, path in published.documents(project.root).items()}
    rendered = pages.render(project, directory_urls, notebooks=False, history=history.of(project.root))
    written = {name: _text(name, page, directory_urls) for name, page in rendered.items()}
    content |= {name: each.encode() for name, each in written.items()}
    text = "".join(written.values())
    made = {**assets.published(), **files.beside(project)}
    content |= {name: each for name, each in made.items() if Path(name).name in text}  # else it is of no use
    beside, mistakes = checks.published(project, rendered)
    return content | {name: path.read_bytes() for name, path in beside.items()}, mistakes


def _text(name: str, page: pages.Page | str, directory_urls: bool) -> str:
    """A page as Markdown, with its style; what is text already stays as it is."""
    if isinstance(page, str):
        return page
    link = link_from(name, directory_urls)
    return as_markdown(page, [link(assets.path(style)) for style in assets.STYLES])
