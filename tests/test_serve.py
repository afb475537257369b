"""The live site: an edit reaches the page, a mistake does not end it, and no experiment runs."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import COMMAND, Mini

CONFIG = """
site_name: Mini
theme: {name: material, font: false}
plugins: [search, verify]
"""


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Site:
    """A running `verify serve`."""

    def __init__(self, project: Mini, command: Sequence[str] = COMMAND) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/reviews/coin/"
        self.process = subprocess.Popen(
            [*command, "serve", "--port", str(self.port)], cwd=project.root, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def page(self) -> str:
        try:
            with urllib.request.urlopen(self.address, timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            return ""

    def get(self, path: str) -> bytes:
        """What is served at a path of the site."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=5) as answer:
            return bytes(answer.read())

    def shows(self, text: str, seconds: float = 30) -> bool:
        """Whether the page comes to hold `text`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()[0]
            if text in self.page():
                return True
            time.sleep(0.1)
        return False

    def stop(self) -> str:
        """End it as Ctrl-C does; what it said in the terminal."""
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


@pytest.fixture
def site(ran: Mini) -> Iterator[Site]:
    (ran.root / "mkdocs.yml").write_text(CONFIG)
    running = Site(ran)
    yield running
    if running.process.poll() is None:
        running.stop()


def test_edits_reach_the_page_and_a_mistake_does_not_end_it(site: Site, ran: Mini) -> None:
    journal = ran.journal.read_bytes()
    assert site.shows("A coin shows heads")
    ran.edit("# Coins", "# Coins\n\nA sentence that was not there.")
    assert site.shows("A sentence that was not there.")
    ran.edit("where: {bias: 0.8}, within: [0.45, 0.55]", "where: {bias: 0.8}, at_least: 0.7")
    verdicts = ran.root / "docs" / "evidence" / "coin" / "verdicts.json"
    assert site.shows("The whole interval is at least 0.7.")
    assert verdicts.read_text().count('"supported"') == 2
    ran.edit("id: flips", "id: Flips!")
    assert site.shows("reviews/coin.md cannot be read yet")
    line = ran.review.read_text().splitlines().index("id: Flips!") + 1
    assert f"line {line}: " in site.page()
    ran.edit("id: Flips!", "id: flips")
    ran.edit("A sentence that was not there.", "Another sentence.")
    assert site.shows("Another sentence.")
    assert ran.journal.read_bytes() == journal, "no experiment ran"
    assert f"reviews/coin.md:{line}: " in site.stop()


def test_a_picture_comes_with_the_text_that_names_it_and_mistakes_are_told(site: Site, ran: Mini) -> None:
    (ran.root / "reviews" / "coin.png").write_bytes(PNG)
    assert site.shows("A coin shows heads")
    with pytest.raises(urllib.error.HTTPError):
        site.get("reviews/coin.png")
    ran.edit("# Coins", "# Coins\n\n![A coin](coin.png), pictured. [Where?](nowhere.md) [Which?](#none)")
    assert site.shows("pictured.")
    assert site.get("reviews/coin.png") == PNG
    ran.edit("pictured.", "shown.")
    assert site.shows("shown.")
    said = site.stop()
    line = ran.review.read_text().splitlines().index("# Coins") + 3
    for mistake in ("'nowhere.md' leads to no page and no file", "'#none' is no anchor of this page"):
        assert said.count(f"reviews/coin.md:{line}: {mistake}") == 2


def test_evidence_that_cannot_be_read_ends_no_live_site(site: Site, ran: Mini) -> None:
    assert site.shows("A coin shows heads")
    whole = ran.evidence.read_bytes()
    ran.evidence.write_bytes(whole + b'{"trial": torn\n')
    assert site.shows("reviews/coin.md cannot be read yet")
    ran.evidence.write_bytes(whole)
    assert site.shows("A coin shows heads")
    said = site.stop()
    assert "docs/evidence/coin/flips.tiny.jsonl:" in said
    assert "not built" not in said
    assert "Traceback" not in said


def test_a_reader_sees_an_edit_once_and_a_run_when_it_is_complete(site: Site, ran: Mini, browser: Browser) -> None:
    assert site.shows("A coin shows heads")
    page = browser.new_page()
    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))

    def shown_once(text: str) -> None:
        page.wait_for_function("text => document.body?.textContent.includes(text)", arg=text, timeout=60_000)
        page.wait_for_timeout(2_000)
        assert len(loads) == 1, loads
        loads.clear()

    page.goto(site.address)
    shown_once("all 10 trials have run")
    ran.edit("caption: Heads by bias.", "caption: Heads, however biased.")  # draws anew
    shown_once("Heads, however biased.")
    ran.edit("tiny: {seeds: 5}", "tiny: {seeds: 6}")  # judges anew
    shown_once("10 of 12 trials have run")
    (ran.journal.parent / "flips.small.jsonl").write_bytes(ran.journal.read_bytes())  # as a run does while it goes on
    page.wait_for_timeout(1_500)
    assert not loads
    ran.verify("run")
    shown_once("all 12 trials have run")
    page.close()


def test_nothing_of_the_projects_folder_is_executed_and_the_terminal_stays_short(ran: Mini) -> None:
    (ran.root / "mkdocs.yml").write_text(CONFIG)
    for name in ("mkdocs", "watchdog", "yaml", "sitecustomize", "material", "jinja2"):
        (ran.root / f"{name}.py").write_text("import pathlib\npathlib.Path('executed').touch()\nraise SystemExit(3)\n")
    command = str(Path(sys.executable).with_name("verify"))
    site = Site(ran, [command])
    assert site.shows("A coin shows heads", 60)
    ran.edit("# Coins", "# Coins\n\nA new sentence.")
    assert site.shows("A new sentence.")
    lines = site.stop().splitlines()
    assert not (ran.root / "executed").exists()
    assert lines[1] == f"serving on {site.address.removesuffix('reviews/coin/')} until Ctrl-C"
    assert [line.split(" in ")[0] for line in (lines[0], *lines[2:-1])] == ["built"] * (len(lines) - 2)
    assert lines[-1] == "stopped"


def test_a_used_port_is_one_line_and_the_end(ran: Mini) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        said = ran.verify("serve", "--port", str(port), expect=2)
    assert said == (
        f"127.0.0.1:{port} cannot be served on: address already in use\n"
        f"    another `verify serve`, perhaps: try --port {port + 1}\n"
    )


def test_an_address_that_is_not_here_and_a_configuration_that_is_wrong_are_told(ran: Mini) -> None:
    assert "203.0.113.1:8000 cannot be served on: " in ran.verify("serve", "--host", "203.0.113.1", expect=2)
    (ran.root / "mkdocs.yml").write_text("site_name: Mini\nplugins: [nosuchplugin]\n")
    said = ran.verify("serve", "--port", "8999", expect=2)
    assert "mkdocs.yml: the site cannot be built: " in said
    assert "Traceback" not in said


def test_a_mistake_in_the_configuration_ends_nothing(site: Site, ran: Mini) -> None:
    assert site.shows("A coin shows heads")
    (ran.root / "mkdocs.yml").write_text(CONFIG + "theme: {name: nosuchtheme}\n")
    time.sleep(2)
    (ran.root / "mkdocs.yml").write_text(CONFIG.replace("Mini", "Renamed"))
    assert site.shows("Renamed")
    said = site.stop()
    assert "not built: " in said
    assert "Traceback" not in said
