"""The browser that other tests look at the site with."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import MISSING, VARIABLE, Heard, chromium, serve


def test_a_missing_browser_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match=r"apt-get install chromium.*playwright install chromium") as failed:
        chromium("/nowhere/chrome")
    assert str(failed.value) == MISSING
    monkeypatch.setenv(VARIABLE, str(tmp_path / "chromium"))
    with pytest.raises(pytest.fail.Exception, match=f"{VARIABLE} names .*, which is not there"):
        chromium("/nowhere/chrome")
    (tmp_path / "chromium").touch()
    assert chromium("/nowhere/chrome") == str(tmp_path / "chromium")


def test_what_a_page_does_wrong_is_heard(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        "<!doctype html><link rel='icon' href='data:,'>"
        "<script>console.log('a word'); setTimeout(() => nothing)</script>"
        "<img src='http://other.invalid/x.png'>"
    )
    (tmp_path / "404.html").write_text("<!doctype html><link rel='icon' href='data:,'>not here")
    with serve(tmp_path) as site:
        page = browser.new_page()
        heard = Heard(page, site.base)
        page.goto(site.base, wait_until="networkidle")
        complaints = "\n".join(heard.complaints)
        for expected in ("console: a word", "error: nothing is not defined", "another host: http://other.invalid/"):
            assert expected in complaints
        page.goto(f"{site.base}missing")
        assert page.inner_text("body") == "not here"
        page.close()
    assert site.asked == ["/", "/missing"]
