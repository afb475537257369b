"""Equations in the text of a review, as browsers show them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

from tests import miniature
from tests.browser import Heard, serve
from tests.writing import html, mistakes, structure

REVIEW = miniature.DICE.replace(
    "Sixes:",
    r"""The error falls as $1/\sqrt{n}$, whatever `$n$` is; heads come up in {{ rolls.sixes }}.

$$
\hat{w} = \operatorname{argmin}_w \frac{1}{n} \sum_{i=1}^{n} \ell(f(x_i; w), y_i) + \lambda \lVert w \rVert_2^2
$$

Sixes:""",
)


@pytest.mark.parametrize("source", [r"$\frac{1}{2}$", r"\(\frac{1}{2}\)", r"\\(\frac{1}{2}\\)", r"$`\frac{1}{2}`$"])
def test_an_equation_in_a_line_becomes_mathml(source: str) -> None:
    assert structure(html(f"a {source} b")) == (("p", "a ", ("math",), " b"),)
    fraction = BeautifulSoup(html(f"a {source} b"), "html.parser").select_one("p > math mfrac")
    assert fraction is not None
    assert [each.get_text() for each in fraction.find_all("mn")] == ["1", "2"]


@pytest.mark.parametrize(
    "source",
    [
        "$$\na < b_1 * c_2\n$$",
        "\\[\na < b_1 * c_2\n\\]",
        "\\\\[\na < b_1 * c_2\n\\\\]",
        "$$a < b_1 * c_2$$",
        "\\begin{equation}\na < b_1 * c_2\n\\end{equation}",
        "\\begin{align*}\na &< b_1 * c_2\n\\end{align*}",
        "```math\na < b_1 * c_2\n```",
    ],
)
def test_an_equation_of_its_own_is_a_block_that_scrolls(source: str) -> None:
    written = html(f"Before.\n\n{source}\n\nAfter.")
    assert structure(written) == (("p", "Before."), ("math", {"display": "block"}), ("p", "After."))
    box = BeautifulSoup(written, "html.parser").select_one('div.verify-equation[tabindex="0"] > math')
    assert box is not None
    assert "a<b1*c2" in "".join(box.get_text().split()).replace("∗", "*")  # the operator as LaTeX prints it
    assert box.find("em") is None
    assert mistakes(source) == []


def test_money_and_code_are_no_equations() -> None:
    written = html("Between $5 and $6, or `$x$`.\n\n    $x$\n\nThat is $10 on Sundays. Between US$ and C$.")
    assert "<math" not in written
    assert "That is $10 on Sundays. Between US$ and C$." in written


def test_nothing_in_an_equation_becomes_markup() -> None:
    for source in (r"$\text{<img src=x onerror=alert(1)>}$", r"$a<b>c$", r"$\nonsense<b>$"):
        written = BeautifulSoup(html(source), "html.parser")
        assert written.find("img") is None
        assert written.find("b") is None


def test_what_cannot_be_read_stays_as_it_was_written_with_the_reason() -> None:
    broken = BeautifulSoup(html(r"$\nonsense < 1$"), "html.parser").select_one("code.verify-broken")
    assert broken is not None
    assert broken.get_text() == r"\nonsense < 1"
    assert "nonsense" in str(broken["title"])


def test_a_broken_equation_fails_a_strict_build_and_names_its_line(tmp_path: Path) -> None:
    review = miniature.DICE.replace("Sixes:", "One line.\n$\\nonsense$ Sixes:")
    line = review[: review.index("$\\nonsense")].count("\n") + 1
    miniature.make(tmp_path, {"dice": review}, ran={})
    built = miniature.build(tmp_path, "--strict")
    assert built.returncode != 0
    assert f"reviews/dice.md:{line}: an equation cannot be read" in built.stderr
    assert "nonsense" in built.stderr


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


def test_pages_written_by_hand_have_equations_and_tell_what_cannot_be_read(tmp_path: Path) -> None:
    miniature.make(tmp_path, ran={})
    page = (
        "# By hand\n\n$\\newcommand{\\loss}{L}$ see $\\eqref{loss}$\n\n$$\n\\loss < 1 \\label{loss}\n$$\n\n$\\nosuch$\n"
    )
    (tmp_path / "docs" / "hand.md").write_text(page)
    built = miniature.build(tmp_path)
    assert built.returncode == 0, built.stderr
    said = [line for line in built.stderr.splitlines() if "cannot be read" in line]
    assert len(said) == 1
    assert "hand.md: the equation '\\\\nosuch' cannot be read: there is no command \\nosuch" in said[0]
    shown = BeautifulSoup((tmp_path / "site" / "hand" / "index.html").read_text(), "html.parser")
    assert shown.select_one('a[href="#eq-loss"]') is not None
    assert shown.select_one("div.verify-equation #eq-loss") is not None
