"""The live site: one process watches the project, keeps verdicts and figures up to date, builds and serves.

One edit is one build: it begins with the verdicts and drawings that follow from the edit, and these are no reason for
another.  What a run writes under `.verify/` is none either.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import MkDocsException
from mkdocs.livereload import LiveReloadServer
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from verify.drawing import pool
from verify.drawing.svg import VEGA_LITE
from verify.errors import UserError, UserErrors, reason
from verify.project import own
from verify.project.project import Project
from verify.project.refresh import refresh
from verify.site.published import is_passed_over

SETTLE = 0.05
"""Seconds without a further edit before a build: editors write a file in several steps."""
Say = Callable[[str], None]


def serve(root: Path, host: str, port: int, say: Say) -> None:
    """Serve the site of the project at `root` until interrupted.

    Raises:
        UserError: the address cannot be served on, or MkDocs refuses the configuration.
        UserErrors: the project's `.verify/` is not this machine's own.
    """
    own.expect(root)
    _check_address(host, port)
    os.chdir(root)  # where MkDocs and its plugins look for what the configuration names
    log = logging.getLogger("mkdocs")
    log.addHandler(_Told(say))
    log.propagate = False
    signal.signal(signal.SIGTERM, _end)
    folder = tempfile.mkdtemp(prefix="verify-live-")
    try:
        _Live(root, Path(folder), host, port, say).run()
    except MkDocsException as error:
        raise UserError(f"the site cannot be built: {error.message.strip()}", "mkdocs.yml") from None
    except KeyboardInterrupt:
        say("stopped")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end(*_: object) -> None:
    raise KeyboardInterrupt


class _Live:
    """MkDocs' server and what makes it build."""

    def __init__(self, root: Path, folder: Path, host: str, port: int, say: Say) -> None:
        self._root, self._folder, self._say = root, folder, say
        config = self._config = self._configured()
        mount = urlsplit(config.site_url or "/").path
        self._server = LiveReloadServer(
            builder=self._whole, host=host, port=port, root=str(folder), mount_path=mount, shutdown_delay=0.1
        )
        self._server.build_delay = SETTLE
        self._server.error_handler = self._missing
        config.site_url = self._server.url

    def run(self) -> None:
        """Build, then serve and follow edits."""
        self._config.plugins.on_startup(command="serve", dirty=False)
        try:
            self._build(lambda: build(self._config, serve_url=self._server.url))
            pages = self._prepared()
            self._server.builder = lambda: self._follow(pages)
            self._watch()
            pool.start(1, VEGA_LITE)  # from this thread, with which it ends
            threading.Thread(target=_warm_up, daemon=True).start()
            self._say(f"serving on {self._server.url} until Ctrl-C")
            self._server.serve()  # type: ignore[no-untyped-call]
        finally:
            self._server.shutdown()
            self._config.plugins.on_shutdown()

    def _configured(self) -> MkDocsConfig:
        return load_config(config_file=str(self._root / "mkdocs.yml"), site_dir=str(self._folder))

    def _whole(self) -> None:
        """Build everything, as the configuration says now."""
        config = self._configured()
        config.site_url = self._server.url
        build(config, serve_url=self._server.url)

    def _prepared(self) -> Callable[[], Any]:
        """What builds, once the plugins know the server; what they would watch is told to us."""
        self._config.plugins.on_serve(self._server, config=self._config, builder=self._whole)
        self._others = [Path(path) for path in self._server._watched_paths]
        for path in self._others:
            self._server.unwatch(str(path))
        self._others += [Path(path) for path in self._config.watch]
        return self._server.builder

    def _build(self, pages: Callable[[], Any]) -> None:
        """Bring verdicts and drawings up to date, build, and say so in a line."""
        begun = time.monotonic()
        try:
            done = refresh(Project.inspect(self._root)[0])
            drawn, mistakes = done.drawn, done.mistakes
        except (UserError, UserErrors):
            drawn, mistakes = (), ()  # the site lists them in the terminal and in the page
        pages()
        for mistake in mistakes:
            self._say(str(mistake))
        drew = f", drew {drawn[0]}" if len(drawn) == 1 else f", drew {len(drawn)} figures" if drawn else ""
        self._say(f"built in {time.monotonic() - begun:.2f} s{drew}")

    def _follow(self, pages: Callable[[], Any]) -> None:
        """Build after an edit; a mistake in the configuration ends nothing."""
        try:
            self._build(pages)
        except MkDocsException as error:
            self._say(f"not built: {error.message.strip()}")

    def _watch(self) -> None:
        """Have edits of what the site is made of ask for a build."""
        observer: Any = Observer()
        self._server.observer = observer  # MkDocs' own looks every half second only
        self._server._watched_paths[str(self._root)] = 1  # else it starts no observer and no page reloads
        docs, reviews, evidence = (self._root / name for name in ("docs", "reviews", "docs/evidence"))

        def matters(path: Path) -> bool:
            if path.parent == self._root:
                return path.name in ("mkdocs.yml", "CHANGELOG.md")
            if evidence in path.parents:
                return path.suffix == ".jsonl"
            return not is_passed_over(path.name)

        edits = _Edits(self._ask, matters)
        observer.schedule(edits, str(self._root), recursive=False)
        for folder in (docs, reviews):
            if folder.is_dir():
                observer.schedule(edits, str(folder), recursive=True)
        for path in self._others:
            if path.exists() and not any(path.is_relative_to(known) for known in (docs, reviews)):
                observer.schedule(_Edits(self._ask, lambda _: True), str(path), recursive=path.is_dir())

    def _ask(self) -> None:
        """Ask for a build, as the server's own observer does."""
        with self._server._rebuild_cond:
            self._server._want_rebuild = True
            self._server._rebuild_cond.notify_all()

    def _missing(self, code: int) -> bytes | None:
        page = self._folder / f"{code}.html"
        return page.read_bytes() if code == 404 and page.is_file() else None


class _Edits(FileSystemEventHandler):
    """Calls `ask` when a file that matters has changed."""

    def __init__(self, ask: Callable[[], None], matters: Callable[[Path], bool]) -> None:
        self._ask = ask
        self._matters = matters

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.is_directory or event.event_type in ("opened", "closed", "closed_no_write"):
            return
        if any(self._matters(Path(os.fsdecode(path))) for path in (event.src_path, event.dest_path) if path):
            self._ask()


class _Told(logging.Handler):
    """What MkDocs and its plugins warn of; what they tell beside that is left out."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "mkdocs.livereload" or record.levelno >= logging.ERROR:  # it warns of every lost address
            self._say(record.getMessage())


def _check_address(host: str, port: int) -> None:
    """Find out before the first build whether the site can be served there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, OverflowError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        hint = f"another `verify serve`, perhaps: try --port {port + 1}" if port < 65535 else ""
        raise UserError(f"{host}:{port} cannot be served on: {why}", hint=hint) from None


def _warm_up() -> None:
    """Load what judging and drawing need before the first edit asks for it."""
    from verify.drawing import figures  # for statistics

    del figures
