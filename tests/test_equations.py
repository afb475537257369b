"""Equations in Markdown, as browsers show them."""

from __future__ import annotations

from pathlib import Path

import markdown
import pytest
from playwright.sync_api import Browser

from tests import miniature
from tests.browser import Heard, serve
from verify.site.equations import broken

REVIEW = miniature.DICE.replace(
    "Sixes:",
    r"""The error falls as $1/\sqrt{n}$, whatever `$n$` is; heads come up in {{ rolls.sixes }}.

$$
\hat{w} = \operatorname{argmin}_w \frac{1}{n} \sum_{i=1}^{n} \ell(f(x_i; w), y_i) + \lambda \lVert w \rVert_2^2
$$

Sixes:""",
)


def convert(text: str) -> str:
    return markdown.markdown(text, extensions=["attr_list", "md_in_html", "verify.site.equations"])


@pytest.mark.parametrize("source", [r"$\frac{1}{2}$", r"\(\frac{1}{2}\)"])
def test_an_equation_in_a_line_becomes_mathml(source: str) -> None:
    expected = '<p>a <span class="verify-equation"><math><mfrac><mn>1</mn><mn>2</mn></mfrac></math></span> b</p>'
    assert convert(f"a {source} b") == expected


@pytest.mark.parametrize("source", ["$$\na < b_1 * c_2\n$$", "\\[\na < b_1 * c_2\n\\]"])
def test_an_equation_of_its_own_is_a_block_that_scrolls(source: str) -> None:
    html = convert(f"Before.\n\n{source}\n\nAfter.")
    assert '<div class="verify-equation" tabindex="0"><math display="block"><mi>a</mi><mo>&lt;</mo>' in html
    assert "<em>" not in html


def test_money_and_code_are_no_equations() -> None:
    assert "<math" not in convert("Between $5 and $6, or `$x$`.\n\n    $x$\n")


def test_nothing_in_an_equation_becomes_markup() -> None:
    assert "<img" not in convert(r"$\text{<img src=x onerror=alert(1)>}$")
    assert "<b>" not in convert(r"$<b>$")
    assert "<b>" not in convert(r"$\nonsense<b>$")


def test_what_cannot_be_read_stays_as_it_was_written_with_the_reason() -> None:
    html = convert(r"$\nonsense < 1$")
    assert 'title="Unknown command &quot;\\nonsense&quot;."' in html
    assert list(broken(html)) == [(r"\nonsense < 1", r'Unknown command "\nonsense".')]


def test_a_broken_equation_fails_a_strict_build_and_names_its_page(tmp_path: Path) -> None:
    review = miniature.DICE.replace("Sixes:", r"$\nonsense$ Sixes:")
    miniature.make(tmp_path, {"dice": review}, ran={})
    built = miniature.build(tmp_path, "--strict")
    assert built.returncode != 0
    assert "reviews/dice.md: the equation '\\\\nonsense' cannot be read: Unknown command" in built.stderr


def test_a_browser_shows_equations_without_scripts_and_asks_no_other_host(browser: Browser, tmp_path: Path) -> None:
    miniature.make(tmp_path, {"dice": REVIEW}, ran={})
    built = miniature.build(tmp_path, "--strict")
    assert built.returncode == 0, built.stderr
    with serve(tmp_path / "site") as site:
        context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
        page = context.new_page()
        heard = Heard(page, site.base)
        page.goto(f"{site.base}reviews/dice/")
        root, line = page.locator("msqrt").bounding_box(), page.locator("p:has(msqrt)").bounding_box()
        assert root is not None
        assert line is not None
        assert 0 < root["width"] < line["width"]
        fraction = page.locator("mfrac > *").all()
        above, below = fraction[0].bounding_box(), fraction[1].bounding_box()
        assert above is not None
        assert below is not None
        assert above["y"] + above["height"] <= below["y"] + 1  # a numerator stands over its denominator
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert "not run" in page.locator("p:has(msqrt)").inner_text()
        assert heard.complaints == []
        context.close()
