"""Figures that can be explored, in a real browser: from the site alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import miniature
from tests.browser import Site, serve, visited
from verify.drawing.explore import FAINT, explorable
from verify.project.project import Project
from verify.site import files

FULL = """  - id: own
    caption: A chart of the reviewer's own.
    spec:
      mark: point
      encoding:
        x: {field: bias, type: quantitative}
        y: {field: heads, type: quantitative}
  - id: lines
    caption: Heads by seed.
    mark: line
    x: tosses
    y: heads
    color: bias
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    review = miniature.COIN.replace("claims:\n  - id: biased", f"{FULL}claims:\n  - id: biased")
    review = review.replace("tiny: {seeds: 6}", "tiny: {seeds: 6, tosses: 1000}")
    miniature.make(root, {"coin": review})
    built = miniature.build(root, "--strict")
    assert built.returncode == 0, built.stderr
    return root


@pytest.fixture
def site(root: Path) -> Iterator[Site]:
    with serve(root / "site") as site:
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with visited(browser, site.base, "reviews/coin/", viewport={"width": 1200, "height": 900}) as page:
        yield page


def explore(page: Page, figure: str) -> Any:
    """Ask for the first drawing of a figure; its stage."""
    shown = page.locator(f"#figure-{figure}")
    shown.get_by_role("button", name="Explore").first.click()
    stage = shown.locator(".verify-stage").first
    expect(stage.locator("svg")).to_be_visible()
    return stage


def specification(root: Path, name: str) -> dict[str, Any]:
    path = Project.load(root).specification_path("coin", name)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_nothing_of_it_is_loaded_before_it_is_asked_for(page: Page, site: Site) -> None:
    page.wait_for_load_state("networkidle")
    assert not [path for path in site.asked if "vega" in path or path.endswith(".vl.json")]
    explore(page, "heads")
    explore(page, "own")
    assert len([path for path in site.asked if path == f"/{files.engine_path()}"]) == 1
    assert [path for path in site.asked if path.endswith(".vl.json")] == [
        "/evidence/coin/heads.tiny.vl.json",
        "/evidence/coin/own.tiny.vl.json",
    ]


def test_each_seed_tells_its_number(page: Page) -> None:
    stage = explore(page, "heads")
    seeds = stage.locator("g.mark-symbol path")
    tooltip = page.locator("#vg-tooltip-element")
    told = set()
    for index in range(seeds.count()):
        seeds.nth(index).dispatch_event("pointermove", {"bubbles": True})
        told.add(tooltip.inner_text().split("\n")[-1].split("\t")[0].strip(" :"))
    assert "seed" in told
    assert tooltip.evaluate("tip => getComputedStyle(tip).position") == "fixed"


def test_the_wheel_zooms_and_a_double_click_undoes_it(page: Page) -> None:
    stage = explore(page, "own")
    zero = stage.locator("g.role-axis-label text", has_text="0.00")
    shown = zero.count()
    assert shown
    stage.hover()
    page.mouse.wheel(0, -400)
    expect(zero).to_have_count(0)
    stage.locator("svg").dblclick(position={"x": 300, "y": 100})
    expect(zero).to_have_count(shown)


def test_the_legend_chooses_a_series(page: Page) -> None:
    stage = explore(page, "lines")
    stage.locator("g.role-legend-label text").first.click()
    points = stage.locator('path[opacity="1"]')
    expect(stage.locator(f'path[opacity="{FAINT}"]').first).to_be_attached()
    assert points.count()


def test_there_is_a_way_back(page: Page) -> None:
    stage = explore(page, "heads")
    drawing = page.locator("#figure-heads img.verify-drawing").first
    expect(drawing).to_be_hidden()
    button = page.locator("#figure-heads .verify-tools button").first
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(drawing).to_be_visible()
    expect(stage).to_have_count(0)
    expect(button).to_have_text("Explore")
    explore(page, "heads")


def test_it_takes_the_place_and_the_colours_of_the_drawing(page: Page) -> None:
    drawing = page.locator("#figure-heads img.verify-drawing").first
    width = drawing.bounding_box()
    stage = explore(page, "heads")
    now = stage.locator("svg").bounding_box()
    assert width is not None
    assert now is not None
    assert abs(now["width"] - width["width"]) < 12
    assert stage.get_attribute("role") == "img"
    assert stage.get_attribute("aria-label") == drawing.get_attribute("alt") != ""
    assert stage.locator("svg").get_attribute("aria-hidden") == "true"
    label = stage.locator("g.role-axis-label text").first
    light = label.evaluate("text => getComputedStyle(text).fill")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    assert label.evaluate("text => getComputedStyle(text).fill") != light


def test_what_cannot_be_loaded_leaves_the_drawing(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/*.vl.json", lambda route: route.abort())
    page.goto(f"{site.base}reviews/coin/")
    page.locator("#figure-heads .verify-tools button").first.click()
    expect(page.locator("#figure-heads .verify-tools").first).to_contain_text("the drawing stays")
    expect(page.locator("#figure-heads img.verify-drawing").first).to_be_visible()
    context.close()


def test_without_javascript_no_button_promises_it(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.base}reviews/coin/")
    expect(page.locator("#figure-heads img.verify-drawing").first).to_be_visible()
    for tools in page.locator(".verify-tools").all():
        expect(tools).to_be_hidden()
    context.close()


def test_the_specification_holds_what_is_drawn_and_what_can_be_done(root: Path) -> None:
    heads = specification(root, "heads.tiny")
    seeds = next(layer for layer in heads["layer"] if layer.get("name") == "seeds")
    assert [each["field"] for each in seeds["encoding"]["tooltip"]] == ["x", "y", "seed"]
    assert {param["name"] for layer in heads["layer"] for param in layer.get("params", [])} == {"view"}
    lines = specification(root, "lines.tiny")
    assert {param["name"] for layer in lines["layer"] for param in layer.get("params", [])} == {"view", "chosen"}
    assert len(specification(root, "heads.paper")["datasets"]["rows"]) == 2
    assert not Project.load(root).specification_path("coin", "thumbnail").is_file()


def test_a_reviewers_own_chart_is_only_zoomed_where_that_is_safe() -> None:
    axes = {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}}
    plain = {"mark": "bar", "encoding": axes, "usermeta": {"embedOptions": {"actions": True}}}
    assert explorable(plain)["params"][0]["bind"] == "scales"
    assert explorable(plain)["usermeta"] == {}
    for unsafe in (
        {**plain, "params": []},
        {"layer": [plain]},
        {**plain, "encoding": {**axes, "x": {"field": "a", "type": "nominal"}}},
        {**plain, "encoding": {**axes, "x": {"field": "a", "type": "quantitative", "bin": True}}},
    ):
        assert not explorable(unsafe).get("params")
        assert explorable(unsafe)["config"]["mark"]["tooltip"] is True


def test_specifications_follow_the_evidence_and_go_with_their_figure(tmp_path: Path) -> None:
    from verify.project import audit
    from verify.project.refresh import refresh

    project = miniature.make(tmp_path, {"coin": miniature.COIN}, ran={"coin": ("tiny",)})
    path = project.specification_path("coin", "heads.tiny")
    made = path.read_bytes()
    path.write_bytes(b"{}")
    assert ["heads.tiny.vl.json: this specification is not" in str(each) for each in audit.mistakes(project)] == [True]
    refresh(Project.load(tmp_path))
    assert path.read_bytes() == made
    stray = path.with_name("gone.tiny.vl.json")
    stray.write_bytes(b"{}")
    refresh(Project.load(tmp_path))
    assert not stray.exists()
