"""The live site between whole builds: an edit builds the pages that it changes, and nothing else.

A whole build takes seconds, most of them for pages that nobody touched.  What it leaves (MkDocs' files, navigation and
templates) is good for as long as no page comes, goes or changes its name.  The search and the feed of a live site are
those of its last whole build.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from mkdocs.commands.build import _build_page, _populate_page  # steps of a build; there is no MkDocs after 1.6
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation
from msgspec import Struct

from verify.project import store
from verify.project.project import Project
from verify.site import files as files_of_pages
from verify.site import published
from verify.site.pages import Rendered


class Built(Struct):
    """What a whole build left."""

    config: MkDocsConfig
    files: Files
    nav: Navigation
    env: jinja2.Environment
    rendered: Rendered
    """Of `pages.Renderer`."""
    outline: Any
    beside: dict[Path, int]


def outline(project: Project) -> Any:
    """What pages say of each other in the navigation: of another one, every page is another."""
    return [(review.slug, review.section, review.paper.title) for review in project.reviews]


def beside(root: Path) -> dict[Path, int]:
    """When each file that a page is made of was changed, but for reviews and their evidence."""
    docs = [path for path in (root / "docs").rglob("*") if (root / "docs" / "evidence") not in path.parents]
    reviews = [path for path in (root / "reviews").rglob("*") if path.suffix != ".md"]
    files = [path for path in [*docs, *reviews, *root.glob("*.md"), *root.glob("*.yml")] if path.is_file()]
    return {path: path.stat().st_mtime_ns for path in files}


def follow(
    root: Path, built: Built, project: Project, rendered: Rendered, beside_reviews: Mapping[str, Path]
) -> int | None:
    """Build the pages that changed since; how many, or None where only a whole build will do.

    Args:
        root: the project's.
        built: what the last whole build left.
        project: as it stands now.
        rendered: its pages.
        beside_reviews: the files that pages refer to, by their path in the site.
    """
    docs, now = root / "docs", beside(root)
    if outline(project) != built.outline or now.keys() != built.beside.keys():
        return None
    edited = {path for path, changed in now.items() if changed != built.beside[path]}
    if any(path.suffix != ".md" or docs not in path.parents for path in edited):
        return None
    changed = {path: made for path, made in rendered.items() if built.rendered.get(path) != made}
    pages = {path: made for path, made in changed.items() if path.endswith(".md")}
    uris = [*pages, *(path.relative_to(docs).as_posix() for path in edited)]
    if any(uri not in built.files.src_uris for uri in uris):
        return None
    for path, made in pages.items():
        built.files.src_uris[path].content_string = made if isinstance(made, str) else ""
    _build([built.files.src_uris[uri].page for uri in uris], built)
    site = Path(built.config.site_dir)
    for path, made in changed.items():
        if isinstance(made, str) and path not in pages:
            store.write_atomically(site / path, made.encode())
    _copy(beside_reviews, site)
    _copy_evidence(project, site)
    built.rendered, built.beside = rendered, now
    return len(uris)


def _build(pages: list[Any], built: Built) -> None:
    for page in pages:
        _populate_page(page, built.config, built.files)
    all_pages = built.files.documentation_pages()
    for page in pages:
        _build_page(page, built.config, all_pages, built.nav, built.env)
        page.validate_anchor_links(files=built.files, log_level=built.config.validation.links.anchors)


def _copy(files: Mapping[str, Path], site: Path) -> list[Path]:
    """Publish files that are newer than what is served, or not served yet; which."""
    copied = []
    for name, path in files.items():
        served = site / name
        if not (served.is_file() and served.stat().st_mtime_ns >= path.stat().st_mtime_ns):
            served.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, served)
            copied.append(path)
    return copied


def _copy_evidence(project: Project, site: Path) -> None:
    """Publish records, drawings and specifications that are newer than what is served."""
    copied = _copy(published.documents(project.root, "docs/evidence"), site)
    if any(path.suffix == ".jsonl" for path in copied):
        for name, content in files_of_pages.beside(project).items():
            store.write_atomically(site / name, content)
