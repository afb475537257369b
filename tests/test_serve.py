"""The live site: an edit reaches the page, a mistake does not end it, and no experiment runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.conftest import Mini

CONFIG = """
site_name: Mini
theme: {name: material, font: false}
plugins: [verify]
"""


class Site:
    """A running `verify serve`."""

    def __init__(self, project: Mini) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/reviews/coin/"
        self.process = project.start("serve", "--port", str(self.port))

    def page(self) -> str:
        try:
            with urllib.request.urlopen(self.address, timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            return ""

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
