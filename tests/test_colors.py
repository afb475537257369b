"""The switch between light and dark, in a real browser: the choice is kept, and nothing is painted in another first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests import miniature
from tests.browser import Site, serve

SCHEME = "data-md-color-scheme"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("project")
    miniature.make(root, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    built = miniature.build(root, "--strict")
    assert built.returncode == 0, built.stderr
    with serve(root / "site") as site:
        yield site


def test_the_choice_is_kept_on_every_page_and_can_go_back_to_the_systems(browser: Browser, site: Site) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(site.base)
    body, switch = page.locator("body"), page.get_by_role("button", name="Colours:")
    expect(body).to_have_attribute(SCHEME, "slate")
    expect(switch).to_have_accessible_name("Colours: as the system has them; switch to light")
    switch.focus()
    page.keyboard.press("Enter")
    expect(body).to_have_attribute(SCHEME, "default")
    for name in ("reviews/coin/", "evidence/coin/tosses.html"):
        page.goto(site.base + name)
        expect(body).to_have_attribute(SCHEME, "default")
    page.goto(site.base)
    switch.click()
    expect(switch).to_have_accessible_name("Colours: dark; switch to the system's")
    page.emulate_media(color_scheme="light")
    expect(body).to_have_attribute(SCHEME, "slate")
    switch.click()
    expect(body).to_have_attribute(SCHEME, "default")
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_attribute(SCHEME, "slate")
    context.close()


def test_another_tab_follows(browser: Browser, site: Site) -> None:
    context = browser.new_context(color_scheme="light")
    one, other = context.new_page(), context.new_page()
    for page in (one, other):
        page.goto(site.base)
    one.get_by_role("button", name="Colours:").click()
    one.get_by_role("button", name="Colours: light").click()
    expect(other.locator("body")).to_have_attribute(SCHEME, "slate")
    context.close()


@pytest.mark.parametrize("name", ["", "reviews/coin/", "evidence/coin/tosses.html"])
def test_the_colours_are_right_before_anything_is_painted(browser: Browser, site: Site, name: str) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.add_init_script(
        """new PerformanceObserver((list) => {
          window.painted ??= document.body.dataset.mdColorScheme
        }).observe({type: "paint", buffered: true})"""
    )
    page.route("**/bundle.*.js", lambda route: route.abort())  # the theme's script has no part in it
    page.goto(site.base + name)
    page.wait_for_function("window.painted")
    assert page.evaluate("window.painted") == "slate"
    context.close()


def test_drawings_follow_the_page_and_not_the_system(browser: Browser, site: Site) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{site.base}reviews/coin/")
    drawing = page.locator("#figure-heads img.verify-drawing").first
    drawing.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=drawing.element_handle())
    dark = drawing.screenshot()
    page.get_by_role("button", name="Colours:").click()
    expect(page.locator("body")).to_have_attribute(SCHEME, "default")
    page.wait_for_timeout(200)
    light = drawing.screenshot()
    assert _brightness(page, light) > 200 > 60 > _brightness(page, dark)
    context.close()


def _brightness(page: object, png: bytes) -> float:
    """The mean of all channels of a picture, 0 to 255, as the browser decodes it."""
    import base64

    return float(
        page.evaluate(  # type: ignore[attr-defined]
            """async (data) => {
              const image = new Image()
              image.src = "data:image/png;base64," + data
              await image.decode()
              const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height})
              const context = canvas.getContext("2d")
              context.drawImage(image, 0, 0)
              const pixels = context.getImageData(0, 0, image.width, image.height).data
              let sum = 0
              for (let at = 0; at < pixels.length; at += 4) sum += pixels[at] + pixels[at + 1] + pixels[at + 2]
              return sum / (pixels.length / 4) / 3
            }""",
            base64.b64encode(png).decode(),
        )
    )


def test_without_javascript_there_is_no_switch(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.base)
    expect(page.locator(".verify-colors")).to_be_hidden()
    context.close()
