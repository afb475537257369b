"""The adapter to MkDocs: hooks, nothing else.  Pages are made by `verify.web.pages`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.plugins import BasePlugin, get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from watchdog.observers.polling import PollingObserver

from verify.errors import UserError, UserErrors
from verify.project import Project
from verify.refresh import is_current
from verify.serve import LIVE
from verify.web import assets, equations, feed, jupyter, pages, theme, vectors
from verify.web import files as files_of_pages
from verify.web.citations import Site

PLACE = "reviews"
"""The entry of `nav` in whose place the sections of reviews stand."""
log = get_plugin_logger(__name__)


class VerifyPlugin(BasePlugin):  # type: ignore[type-arg, no-untyped-call]  # it has no options
    """Publishes the reviews of a project: pages, navigation, drawings, style."""

    _live = False

    def on_startup(self, *, command: str, dirty: bool) -> None:
        """Know whether someone is writing: then a mistake is shown in the page, and ends nothing."""
        del dirty
        self._live = command == "serve"

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Load the project; put its reviews into the navigation and its style on every page."""
        self._root = Path(config.config_file_path).parent
        self._project, self._mistakes = Project.inspect(self._root)
        if self._mistakes and not self._live:
            with _mistakes_listed():
                raise UserErrors(self._mistakes)
        for mistake in self._mistakes:
            log.error(str(mistake))
        for review in self._project.reviews:
            if not is_current(self._project, review):
                log.warning(f"{review.path}: verdicts or figures are older than the review: run `verify refresh`")
        if config.nav is not None:
            config.nav = _with_sections(config.nav, pages.sections(self._project))
        config.extra_css.append(assets.path("verify.css"))
        config.theme.dirs.insert(0, str(pages.FOLDER / "overrides"))
        return config

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Add the pages and whatever else lies beside the reviews."""
        with _mistakes_listed():
            self._asides: dict[str, str] = {}
            site = Site(config.site_name, config.site_url or "")
            rendered = pages.render(self._project, config.use_directory_urls, self._asides, site)
            beside = files_of_pages.beside(self._project)
        rendered |= {path: text for path, text in pages.broken(self._mistakes).items() if path.startswith("reviews/")}
        self._heads = {f"reviews/{r.slug}.md": pages.head(r) for r in self._project.reviews}
        for path, text in rendered.items():
            files.append(File.generated(config, path, content=text))
        for name, content in {**assets.published(), **beside}.items():
            files.append(File.generated(config, name, content=content))
        for name, lying in files_of_pages.unread(self._root).items():
            files.append(File.generated(config, name, abs_src_path=str(lying)))
        if config.site_url:  # a feed needs whole addresses
            title, about = config.site_name, config.site_description or config.site_name
            news = feed.feed(self._project, title, about, config.site_url, config.use_directory_urls)
            files.append(File.generated(config, feed.PATH, content=news))
        return files

    def on_page_content(self, html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Say above a notebook whose it is, and of every equation that cannot be read why."""
        del files
        name = Path(page.file.src_uri)
        if name.parent.name == "notebooks" and name.suffix == ".ipynb":
            html = pages.notebook(self._project, name.stem, config.use_directory_urls) + jupyter.mended(html)
        for tex, reason in equations.broken(html):
            log.warning(f"{page.file.src_uri}: the equation {tex!r} cannot be read: {reason}")
        return html

    def on_post_page(self, output: str, *, page: Page, config: MkDocsConfig) -> str:
        """Put drawings and folds in their places: after Markdown, and after the search index was taken."""
        if page.file.src_uri in self._heads:
            output = output.replace("</head>", self._heads[page.file.src_uri] + "</head>", 1)

        def read(path: str) -> str:
            return vectors.checked((Path(config.docs_dir) / path).read_text(encoding="utf-8"), f"docs/{path}")

        with _mistakes_listed():
            return theme.mend(vectors.inline(vectors.fill(output, self._asides), read))

    def on_post_template(self, output_content: str, *, template_name: str, config: MkDocsConfig) -> str:
        """Mend the pages that the theme has of its own, too; without the site's address a sitemap would be empty."""
        if template_name == "sitemap.xml" and not config.site_url:
            return ""
        return theme.mend(output_content) if template_name.endswith(".html") else output_content

    def on_serve(
        self, server: LiveReloadServer, *, config: MkDocsConfig, builder: Callable[..., Any]
    ) -> LiveReloadServer:
        """Rebuild when a review changes; under `verify serve`, when it says so, with evidence and drawings in order."""
        del builder
        due = os.environ.get(LIVE)
        if due is None:
            server.watch(str(self._root / "reviews"))
            return server
        docs, configuration = Path(config.docs_dir), str(config.config_file_path)
        server.unwatch(str(docs))
        server.unwatch(configuration)
        server.observer = PollingObserver(timeout=0.1)  # MkDocs' own looks every half second only
        server.watch(str(docs), recursive=False)
        for path in [due, configuration, *(str(each) for each in docs.iterdir() if each.is_dir())]:
            if path != str(docs / "evidence"):
                server.watch(path)
        return server


@contextmanager
def _mistakes_listed() -> Iterator[None]:
    """End the build with all mistakes of a user's, one below the other, and no traceback."""
    try:
        yield
    except (UserError, UserErrors) as mistake:
        found = mistake.errors if isinstance(mistake, UserErrors) else [mistake]
        number = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
        raise PluginError("\n".join([f"{number}; mend and build again", *map(str, found)])) from None


def _with_sections(nav: list[Any], sections: dict[str, list[str]]) -> list[Any]:
    """`nav` with one entry per section of reviews where it says `reviews`."""
    found: list[Any] = []
    for entry in nav:
        if entry == PLACE:
            # MkDocs prints titles as they are.
            found += [{escape(section): paths} for section, paths in sections.items()]
        elif isinstance(entry, dict):
            found.append(
                {
                    title: _with_sections(below, sections) if isinstance(below, list) else below
                    for title, below in entry.items()
                }
            )
        else:
            found.append(entry)
    return found
