"""A real browser for tests, and a server for the built site that it looks at."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

VARIABLE = "VERIFY_CHROMIUM"
"""Names the browser to use, where it is not the one on the path."""
MISSING = (
    "tests of the site need Chromium, and there is none: install it (Debian: apt-get install chromium; elsewhere: "
    f".venv/bin/playwright install chromium), or name one in {VARIABLE}"
)
FLAGS = (
    "--no-sandbox",  # CI may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # it would look for updates of itself
    "--disable-component-update",
    "--disable-sync",
)


def chromium(own: str) -> str:
    """The browser's program: the one named, else the system's, else Playwright's `own`; a missing one fails."""
    named = os.environ.get(VARIABLE)
    found = named or shutil.which("chromium") or own
    if not Path(found).is_file():
        pytest.fail(f"{VARIABLE} names {named}, which is not there" if named else MISSING)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once in each worker; a test opens a context of its own."""
    with sync_playwright() as playwright:
        program = chromium(playwright.chromium.executable_path)
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


class Site:
    """A built site on this machine, served as static hosts do, and the paths that it was asked for."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.asked: list[str] = []


@contextmanager
def serve(folder: Path) -> Iterator[Site]:
    """Serve `folder` on a free port until the context ends: compressed, and its own page where there is none."""

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append(self.path)
            file = Path(self.translate_path(self.path))
            file = file / "index.html" if file.is_dir() else file
            found = file.is_file()
            body = gzip.compress((file if found else folder / "404.html").read_bytes(), 6)
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", self.guess_type(file if found else "404.html"))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    site = Site(f"http://127.0.0.1:{server.server_port}/")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Heard:
    """What a page said that it should not: console messages, errors, requests to other hosts."""

    def __init__(self, page: Page, base: str) -> None:
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on("request", lambda request: self._request(request.url, base))

    def _request(self, url: str, base: str) -> None:
        if not url.startswith((base, "data:", "blob:")):
            self.complaints.append(f"another host: {url}")


@contextmanager
def visited(browser: Browser, base: str, path: str, **context: Any) -> Iterator[Page]:
    """A page of a site in a context of its own, which must have nothing to complain about in the end."""
    opened = browser.new_context(**context)
    page = opened.new_page()
    heard = Heard(page, base)
    page.goto(base + path)
    yield page
    assert heard.complaints == []
    opened.close()
