"""The adapter to MkDocs: hooks, nothing else.  Pages are made by `verify.site.pages`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial, wraps
from html import escape
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemBytecodeCache
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.plugins import BasePlugin, get_plugin_logger
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils.templates import TemplateContext

from verify.errors import UserError, UserErrors, of_system, utf8
from verify.project import audit, history
from verify.project.project import Project
from verify.running import notebooks
from verify.site import assets, changes, checks, feed, pages, published, words
from verify.site import files as files_of_pages
from verify.site.citations import Site
from verify.site.mkdocs import contents, equations, jupyter, live, navigation, theme

PLACE = "reviews"
"""The entry of `nav` in whose place the sections of reviews stand."""
log = get_plugin_logger(__name__)
T = TypeVar("T")
jupyter.defer()  # `mkdocs-jupyter` is loaded after this plugin


def _told(hook: Callable[..., T]) -> Callable[..., T]:
    """A hook whose mistakes of the user's end the build with a message."""

    @wraps(hook)
    def told(*given: Any, **named: Any) -> T:
        try:
            return hook(*given, **named)
        except (UserError, UserErrors) as error:
            raise PluginError(str(error)) from None
        except OSError as error:
            raise PluginError(str(of_system(error))) from None

    return told


class VerifyPlugin(BasePlugin):  # type: ignore[type-arg, no-untyped-call]  # it has no options
    """Publishes the reviews of a project: pages, navigation, drawings, style."""

    _live = False
    _built: live.Built | None = None
    """In a live site, what its last whole build left."""
    _unfinished: live.Built | None = None

    def on_startup(self, *, command: str, dirty: bool) -> None:
        """Know whether someone is writing: then a mistake is shown in the page, and ends nothing."""
        del dirty
        self._live = command == "serve"

    @_told
    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Load the project; put its reviews into the navigation and its style on every page."""
        self._root = Path(config.config_file_path).parent
        self._built = None
        self._unmended: set[str] = set()
        self._unread: list[equations.Unread] = []
        """Equations of the page that is being read."""
        config.mdx_configs.setdefault(equations.__name__, {})["unread"] = self._unread
        self._project, self._mistakes = _inspect(self._root)
        self._history = history.of(self._root)  # of a live site, only where all of it is built
        site = Site(config.site_name, config.site_url or "")
        self._renderer = pages.Renderer(config.use_directory_urls, site, history=self._history)
        for mistake in self._mistakes:  # each costs its own review; a strict build ends with all of them
            log.error(str(mistake))
        self._told = set(map(str, self._mistakes))
        self._warn_of(audit.mistakes(self._project))
        if config.nav is not None:
            config.nav = _with_sections(config.nav, pages.sections(self._project))
        config.extra_css.extend(assets.path(name) for name in assets.STYLES)
        config.theme.dirs.insert(0, str(Path(__file__).parent / "overrides"))
        return config

    @_told
    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Add the pages and whatever else lies beside the reviews."""
        self._beside = live.beside(self._root)  # before anything is read: what changes meanwhile is built again
        self._rendered = self._renderer.render(self._project)
        beside = files_of_pages.beside(self._project)
        if self._live:
            self._rendered |= pages.broken((mistake.file, mistake) for mistake in self._mistakes)
        found, mistakes = checks.published(self._project, self._rendered)
        self._warn_of(mistakes)
        self._heads = _heads(self._project)
        _leave_out(files, self._root, config)
        for path, made in self._rendered.items():
            # A review that cannot be read is in no section of the navigation.
            apart = checks.is_broken(made) or path == changes.PAGE  # which a navigation may name, and need not
            level = InclusionLevel.NOT_IN_NAV if apart else InclusionLevel.UNDEFINED
            text = made if isinstance(made, str) else ""
            files.append(File.generated(config, path, content=text, inclusion=level))
        for name, content in {**assets.published(), **beside}.items():
            files.append(File.generated(config, name, content=content))
        for name, lying in found.items():
            files.append(File.generated(config, name, abs_src_path=str(lying)))
        if config.site_url:  # a feed needs whole addresses
            title, about = config.site_name, config.site_description or config.site_name
            news = feed.feed(
                _readable(self._project, self._rendered), title, about, config.site_url, config.use_directory_urls
            )
            files.append(File.generated(config, feed.PATH, content=news))
        if config.site_url and not self._history.missing:
            flips = changes.feed(
                self._history, self._renderer.views, config.site_name, config.site_url, config.use_directory_urls
            )
            files.append(File.generated(config, changes.PATH, content=flips))
        return files

    def on_nav(self, nav: Navigation, *, config: MkDocsConfig, files: Files) -> Navigation:
        """Remember the navigation for builds of single pages."""
        del config, files
        self._nav = nav
        return nav

    def on_env(self, env: Environment, *, config: MkDocsConfig, files: Files) -> Environment:
        """Keep the theme's templates compiled: a fifth of a small build is compiling them."""
        env.bytecode_cache = FileSystemBytecodeCache()
        env.globals["verify_changes"] = changes.PATH if changes.PATH in files.src_uris else ""
        if self._live and not self._mistakes:
            outline = live.outline(self._project)
            self._unfinished = live.Built(config, files, self._nav, env, self._rendered, outline, self._beside)
        return env

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """From now on single pages can be built; a strict build that keeps quiet fails on mistakes all the same."""
        if config.strict and self._told and not log.isEnabledFor(logging.WARNING):  # MkDocs counts what it prints
            count = words.count(len(self._told), "mistake")
            raise PluginError(f"{count} in a strict build: `verify check` names what is wrong")
        self._built, self._unfinished = self._unfinished, None

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Say of a page of ours what its title is; it has no Markdown that MkDocs could read."""
        del config, files
        made = self._rendered.get(page.file.src_uri)
        if not isinstance(made, pages.Page):
            return markdown
        # MkDocs and its themes print what follows as it is.
        page.meta = {"title": escape(made.title), "description": escape(made.description), "hide": list(made.hide)}
        page.meta["tags"] = [escape(tag) for tag in made.tags]
        page.meta["verify_head"] = self._heads.get(page.file.src_uri, "")
        return ""

    def on_page_content(self, html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Hand over the pages of ours, and say above a notebook whose it is."""
        name = Path(page.file.src_uri)
        made = self._rendered.get(page.file.src_uri)
        if isinstance(made, pages.Page):
            page.toc = contents.of(made.headings)
            page.present_anchor_ids = set(made.ids)
            return made.html
        if name.parent.name == "notebooks" and name.suffix == ".ipynb":
            html, style = jupyter.parted(html)
            path = assets.named("notebook.css", style.encode())
            if path not in files.src_uris:
                files.append(File.generated(config, path, content=style))
            page.meta["verify_head"] = pages.stylesheet(page.file.src_uri, path, config.use_directory_urls)
            html = self._whose(name, config) + self._notebook(html)
        for tex, reason in self._unread:
            log.warning(f"{page.file.src_uri}: the equation {tex!r} cannot be read: {reason}")
        self._unread.clear()
        return html

    def _notebook(self, html: str) -> str:
        html, unread = jupyter.mended(html)
        self._unread += unread
        return html

    def _whose(self, notebook: Path, config: MkDocsConfig) -> str:
        """What stands above a notebook; nothing where its review is not there, or cannot be shown."""
        try:
            return pages.notebook(self._project, notebook.stem, config.use_directory_urls)
        except (UserError, UserErrors) as error:
            message = str(error).replace("\n", "; ")
            log.warning(f"docs/{notebook.as_posix()}: nothing above it says to which review it belongs: {message}")
            return ""

    def on_page_context(
        self, context: TemplateContext, *, page: Page, config: MkDocsConfig, nav: Navigation
    ) -> TemplateContext:
        """Show the navigation near the page."""
        del page, config
        context["nav"] = navigation.near(nav)
        return context

    def on_post_page(self, output: str, *, page: Page, config: MkDocsConfig) -> str:
        """Mend what the theme leaves undone."""
        del config
        return self._mended(output, tables=page.file.src_uri not in self._rendered)

    def on_post_template(self, output_content: str, *, template_name: str, config: MkDocsConfig) -> str:
        """Mend the pages that the theme has of its own, too; without the site's address a sitemap would be empty."""
        if template_name == "sitemap.xml" and not config.site_url:
            return ""
        return self._mended(output_content) if template_name.endswith(".html") else output_content

    def _mended(self, html: str, tables: bool = True) -> str:
        html, missing = theme.mend(html, tables)
        for what in missing - self._unmended:
            log.warning(f"the theme's pages have no {what} where it was: verify.site.mkdocs.theme mends it no more")
        self._unmended |= missing
        return html

    def on_serve(
        self, server: LiveReloadServer, *, config: MkDocsConfig, builder: Callable[..., Any]
    ) -> LiveReloadServer:
        """Rebuild when a review changes, and then no more than that edit changes."""
        del config
        server.builder = partial(self._rebuild, builder)
        server.watch(str(self._root / "reviews"))
        return server

    def _rebuild(self, whole: Callable[[], None]) -> None:
        """Build the pages that an edit changes, or everything where that is not enough."""
        start = time.monotonic()
        project, mistakes = _inspect(self._root)
        if self._built is not None and not mistakes:
            rendered = self._renderer.render(project)
            found, wrong = checks.published(project, rendered)
            self._project, self._rendered = project, rendered
            self._heads |= _heads(project)
            built = live.follow(self._root, self._built, project, rendered, found)
            if built is not None:  # else the whole build says what is wrong
                self._told = set()
                self._warn_of([*audit.mistakes(project, records=False), *wrong])
                log.info(f"{words.count(built, 'page')} built in {time.monotonic() - start:.2f} seconds")
                return
        whole()

    def _warn_of(self, mistakes: Iterable[UserError]) -> None:
        """Say what is wrong, once; a strict build ends with it."""
        for text in dict.fromkeys(map(str, mistakes)):
            if text not in self._told:
                log.warning(text)
        self._told |= set(map(str, mistakes))


def _inspect(root: Path) -> tuple[Project, list[UserError]]:
    """As of `Project.inspect`; a project of which nothing can be trusted ends the build."""
    try:
        return Project.inspect(root)
    except UserErrors as error:
        raise PluginError(str(error)) from None


def _leave_out(files: Files, root: Path, config: MkDocsConfig) -> None:
    """Take from the docs folder what is not published from anywhere, and what no page can be made of."""
    meant = published.documents(root)
    for file in list(files):
        if file.generated_by or Path(file.src_dir or "") != Path(config.docs_dir):
            continue
        wrong = "it is a link that leads out of the project, or left over" if file.src_uri not in meant else ""
        wrong = wrong or _unreadable(Path(config.docs_dir, file.src_uri))
        if wrong:
            log.warning(f"docs/{file.src_uri} is not published: {wrong}")
            files.remove(file)


def _unreadable(path: Path) -> str:
    """Why no page can be made of a file; empty where one can, or none is."""
    if path.suffix == ".ipynb":
        return notebooks.broken(path)
    try:
        utf8(path.read_bytes() if path.suffix == ".md" else b"", path.name)
    except UserError as error:
        return f"in line {error.line} {error.message}"
    return ""


def _heads(project: Project) -> dict[str, str]:
    return {f"reviews/{review.slug}.md": pages.head(review) for review in project.reviews}


def _readable(project: Project, rendered: pages.Rendered) -> Project:
    """The project of the reviews that have pages of their own."""
    found = copy(project)
    found.reviews = tuple(review for review in project.reviews if not checks.is_broken(rendered.get(review.path)))
    return found


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
