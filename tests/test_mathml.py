"""Equations as MathML: what each construct becomes, mistakes at their places, macros, numbers, hostile text."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import pytest

from verify.site import mathml_engine
from verify.site.mathml import Equation, Mistake, label_id, render


def shown(tex: str, display: bool = True) -> str:
    html = render([Equation(tex, display)]).html[0]
    assert isinstance(html, str), f"{tex}: {html}"
    ET.fromstring(html)
    return re.sub(r' data-tex="[^"]*"', "", html)


def text(html: str) -> str:
    return "".join(ET.fromstring(html).itertext()).replace("\u2061", "")


def mistake(*texs: str) -> Mistake:
    html = render([Equation(tex, True) for tex in texs]).html[-1]
    assert isinstance(html, Mistake), html
    return html


ALIGNED = "a &= b \\\\ c &= d"
CELLS = "a & b \\\\ c & d"


@pytest.mark.parametrize(
    ("tex", "holds"),
    [
        (r"\pmb{x}", "<mi>𝒙</mi>"),
        (r"\boldsymbol{\theta}", "𝜽"),
        (r"\boldsymbol x", "𝒙"),
        (r"\bm{\mu}", "𝝁"),
        (r"\widetilde{abc}", r"<mover><mrow>.*</mrow><mo [^>]*stretchy=\"true\""),
        (r"\widehat{\theta}", r"<mover><mi>θ</mi><mo [^>]*stretchy=\"true\""),
        (r"\sum_{\substack{i<n\\j<m}} a", r"<munder>.*<mtable.*<mtr>.*<mtr>"),
        (r"\smash{x}", '<mpadded height="0px" depth="0px"><mi>x</mi></mpadded>'),
        (r"\mathbbm{1}", "𝟙"),
        (r"\mathds{R}", "ℝ"),
        (r"\mathbb{E}[X]", "𝔼"),
        (r"\mbox{if }x", r"<mtext>if\s?</mtext><mi>x</mi>"),
        (r"\text{if $x$ and}", r"<mtext>if\s</mtext><mi>x</mi><mtext>\sand</mtext>"),
        (r"\href{https://a.org/b?c=d%20e#f}{x^2}", r'<mtext><a href="https://a.org/b\?c=d%20e#f"><math><msup>'),
        (r"\text{see \href{/x}{here}}", '<mtext><a href="/x">here</a></mtext>'),
        (r"\url{https://a.org/b_c}", r'<a href="https://a.org/b_c">https://a.org/b_c</a>'),
        (r"\sum\limits_i^n", "<munderover>"),
        (r"\mathop{\arg\min}\limits_\theta", "<munder>"),
        (r"\mathop{\rm argmin}\limits_\theta", "<munder>"),
        (r"\operatorname{tr} A", "<mi>tr</mi>"),
        (r"\operatorname*{argmax}_x f", r"<munder>.*argmax"),
        (r"\underset{\theta}{\operatorname{argmin}}", r"<munder><mrow><mi>argmin</mi>.*</mrow><mi>θ</mi></munder>"),
        (r"\text{max_norm #1}", "<mtext>max_norm.#1</mtext>"),
        (r"\argmax_x f", r"<munder>.*arg.*max"),
        (r"\ensuremath{x^2}", "<msup>"),
        (r"\nicefrac{1}{2}", r"<msup>.*<mn>1</mn>.*<msub>.*<mn>2</mn>"),
        (r"\boxed{x}", "border:1px solid"),
        (r"\color{red} x", "color:(red|#ff0000)"),
        (r"\textcolor{#00ff00}{x}", "color:#00ff00"),
        (r"\textcolor[HTML]{00FF00}{x}", "color:#00FF00"),
        (r"\underbrace{a+b}_{\text{sum}}", "<munder>.*⏟.*<mtext>sum"),
        (r"\overset{?}{=}", r"<mover>.*\?"),
        (r"\stackrel{d}{\to}", "<mover>"),
        (r"\xrightarrow[n]{d}", "<munderover"),
        (r"\not= \not\in", "≠.*∉"),
        (r"\not\implies", "⇏"),
        (r"\left(\frac a b\middle|c\right)", r"\(.*<mfrac>.*\|.*\)"),
        (r"\big(\Big[\bigg\{\Bigg|", 'minsize="1.2em".*minsize="1.8em".*minsize="2.4em".*minsize="3'),
        (r"\dfrac a b\tfrac a b", r'displaystyle="true".*<mfrac>.*displaystyle="false".*<mfrac>|<mfrac'),
        (r"\cancel{x}", "tml-cancel upstrike"),
        (r"\phantom{x}", "<mphantom><mi>x</mi></mphantom>"),
        (r"a\hspace{1cm}b", "<mspace width="),
        (r"a\quad b", '<mspace width="1em">'),
        (r"a=b\nonumber", "^((?!tml-tag).)*$"),
        (r"\mathcal{L}\mathscr{F}\mathfrak{g}", "ℒ.*ℱ.*𝔤"),
        (r"3\,\mathrm{km/s}", "<mn>3</mn>.*k.*m.*/.*s"),
        (r"20^\circ\mathrm{C}", "<msup><mn>20</mn>"),
        ("f'(x)", "<msup><mi>f</mi><mo.*>′</mo></msup>"),
        ("α ≤ ℝ 中", "α.*≤.*ℝ.*中"),
        (r"\left.\frac{df}{dx}\right|_{x=0}", r"<mfrac>.*\|"),
        (r"{\rm KL}(p)", "KL"),
        (r"{\bf x}", "𝐱"),
        (r"{\cal L}", "ℒ"),
        (r"a\vspace{1em}b", "<mi>a</mi><mi>b</mi>"),
        (r"\begin{array}{l|r}a&b\\\hline c&d\end{array}", "tml-left.*border-right.*tml-right"),
        (r"\begin{array}[t]{*{2}{c}@{\,}p{3cm}}a&b&c\end{array}", "(<mtd.*){3}"),
        (r"x_\min + \nabla_\tilde{x}", "<msub><mi>x</mi><mrow><mi>min</mi>.*<msub>.*<mover>"),
        (r"\binom n k", 'linethickness="0px"'),
        (r"a % b", "^<math[^>]*><mi>a</mi></math>$"),
    ],
)
def test_what_a_construct_becomes(tex: str, holds: str) -> None:
    assert re.search(holds, shown(tex), re.DOTALL), shown(tex)


@pytest.mark.parametrize("display", [True, False])
@pytest.mark.parametrize(
    ("name", "content", "rows", "cells"),
    [
        *((name, ALIGNED, 2, 4) for name in ("align", "align*", "aligned", "split", "flalign")),
        *(
            (name, CELLS, 2, 4)
            for name in ("cases", "dcases", "matrix", "pmatrix", "bmatrix", "Vmatrix", "smallmatrix")
        ),
        ("alignat}{2", "a &= b & c &= d", 1, 4),
        ("gather", "a \\\\ b", 2, 2),
        ("gather*", "a \\\\ b", 2, 2),
        ("multline", "a \\\\ b", 2, 2),
        ("eqnarray", "a &=& b \\\\ c &=& d \\nonumber", 2, 4),
        ("array}{cc", CELLS, 2, 4),
        ("tabular}{cc", CELLS, 2, 4),
    ],
)
def test_environments(name: str, content: str, rows: int, cells: int, display: bool) -> None:
    html = shown(f"\\begin{{{name}}}{content}\\end{{{name.split('}')[0]}}}", display)
    assert len(re.findall("<mtr", html)) == rows
    assert len(re.findall("<mtd[^>]*>(?!</mtd>)", html)) == cells
    assert "tml-tag" not in html  # no number that nobody asked for


@pytest.mark.parametrize("name", ["equation", "equation*", "displaymath", "math"])
@pytest.mark.parametrize("display", [True, False])
def test_what_only_says_that_it_is_an_equation(name: str, display: bool) -> None:
    assert shown(f"\\begin{{{name}}}x\\end{{{name}}}", display) == shown("x", display)


def test_intertext_is_a_row() -> None:
    html = shown(r"\begin{align}a&=b\\ \intertext{and so} c&=d\end{align}")
    assert len(re.findall("<mtr", html)) == 3
    assert "and\u00a0so" in html


def test_block_and_source() -> None:
    html = render([Equation('a < "b"', True), Equation("a")]).html
    assert html[0] == '<math display="block" data-tex="a &lt; &quot;b&quot;">' + str(html[0]).partition(">")[2]
    assert html[1] == '<math data-tex="a"><mi>a</mi></math>'


@pytest.mark.parametrize(
    ("definition", "use", "same"),
    [
        (r"\newcommand{\R}{\mathbb{R}}", r"x\in\R", r"x\in\mathbb{R}"),
        (r"\newcommand\R{\mathbb{R}}", r"\R^n", r"\mathbb{R}^n"),
        (r"\newcommand{\norm}[1]{\|#1\|}", r"\norm{x}", r"\|x\|"),
        (r"\newcommand{\ip}[2][x]{(#1,#2)}", r"\ip{y}\ip[z]{y}", "(x,y)(z,y)"),
        (r"\newcommand{\epsilon}{\varepsilon}", r"\epsilon", r"\varepsilon"),
        (r"\renewcommand{\vec}[1]{\mathbf{#1}}", r"\vec x", r"\mathbf x"),
        (r"\providecommand{\mbox}[1]{y}", r"\mbox{a}", r"\text{a}"),
        (r"\def\pair#1#2{(#1,#2)}", r"\pair ab", "(a,b)"),
        (r"\let\old\vec\renewcommand{\vec}[1]{\old{\mathbf{#1}}}", r"\vec{x}", r"\vec{\mathbf{x}}"),
        (r"\DeclareMathOperator{\KL}{KL}", r"\KL p", r"\operatorname{KL} p"),
        (r"\DeclareMathOperator*{\amax}{arg\,max}", r"\amax_x", r"\operatorname*{arg\,max}_x"),
        (
            r"\newcommand{\be}{\begin{aligned}}\newcommand{\ee}{\end{aligned}}",
            r"\be a&=b\ee",
            r"\begin{aligned}a&=b\end{aligned}",
        ),
        (r"\newcommand{\id}{\mathrm{id}}", r"\id x", r"\mathrm{id} x"),
    ],
)
def test_macros_hold_for_the_rest_of_the_page(definition: str, use: str, same: str) -> None:
    html = render([Equation(definition, True), Equation(use, True), Equation(same, True)]).html
    assert html[0] == ""
    assert str(html[1]).partition(">")[2] == str(html[2]).partition(">")[2]
    assert isinstance(html[2], str)
    both = render([Equation(f"{definition} {use}", True)]).html[0]
    assert str(both).partition(">")[2] == str(html[1]).partition(">")[2]


def test_macros_end_with_the_page() -> None:
    render([Equation(r"\newcommand{\onlyhere}{x}\onlyhere")])
    assert mistake(r"\onlyhere").reason == r"there is no command \onlyhere"


@pytest.mark.parametrize(
    ("tex", "reason", "at"),
    [
        (r"a + \foo", r"there is no command \foo", 4),
        (r"\begin{foo}x\end{foo}", "there is no environment foo", 0),
        (r"\frac{a}{b", "{ is never closed", 8),
        ("a}", "} closes nothing", 1),
        ("x^a^b", "two superscripts on one symbol: put braces around the first", 3),
        ("a & b", "& has no place here", 2),
        (r"\begin{align}a", r"\begin{align} has no \end", 0),
        (r"\begin{matrix}a\end{pmatrix}", r"\end{pmatrix} ends nothing, but matrix is open", 15),
        (r"x\end{align}", r"\end{align} ends nothing", 1),
        (r"\sqrt", "\\sqrt lacks an argument|the equation ends too early", 5),
        (r"a\tag{1}\tag{2}", r"a second \\tag for one number", 8),
        (r"see \eqref{no}", r"there is no \label{no} on this page", 4),
        (r"\label{a}\label{a}x", r"there are two \label{a} on this page", 9),
        (r"\label{}x", r"\label needs a name", 0),
        (r"\newcommand{\a}[1]{#1} + \a", r"\a lacks an argument", 25),
        (r"\newcommand{\a}{\foo} 1+\a", r"there is no command \foo", 24),
        (r"\newcommand{\a}{#2}\a", r"\a has no argument #2", 19),
        (r"\newcommand{a}{b}", r"\newcommand needs a command to define", 0),
        (r"\newcommand{\a}[x]{b}", r"\newcommand{\a} has an unreadable number of arguments", 0),
        (r"\def\a(#1){b}", r"\def may have #1, #2, … only before its {", 6),
        ("", "the equation is empty", 0),
        ("x\x00", "a character that is no text", 1),
        ("x" * 10_001, "the equation has more than 10,000 characters", 10_000),
        (r"\color{nocolour;x}{y}", "invalid color", 0),
    ],
)
def test_mistakes_at_their_places(tex: str, reason: str, at: int) -> None:
    found = mistake(tex)
    assert any(
        one.replace("\\\\", "\\") in found.reason or one in found.reason for one in [reason, *reason.split("|")]
    ), found
    assert found.at == at or reason == "invalid color"


def test_a_mistake_costs_one_equation() -> None:
    html = render([Equation("a"), Equation(r"\foo"), Equation("b")]).html
    assert [isinstance(one, str) for one in html] == [True, False, True]


def test_numbers_and_references() -> None:
    page = render(
        [
            Equation(r"\eqref{eq:b} and \ref{eq:star}"),
            Equation(r"x \label{eq:a}", True),
            Equation(r"\begin{align}a&=b\label{eq:b}\\c&=d\\e&=f\tag{$\star$}\label{eq:star}\end{align}", True),
            Equation(r"y \tag*{A}", True),
            Equation(r"z", True),
            Equation(r"\begin{equation}\begin{split}a&=b\\&=c\end{split}\label{eq:c}\end{equation}", True),
            Equation(r"\text{by \eqref{eq:c}}"),
        ]
    )
    assert page.numbers == {"eq:a": "1", "eq:b": "2", "eq:star": "⋆", "eq:c": "3"}
    html = [one if isinstance(one, str) else pytest.fail(str(one)) for one in page.html]
    assert '<mtext><a href="#eq-eq:b">(2)</a></mtext>' in html[0]
    assert re.search(r'<a href="#eq-eq:star">(<math>)?.*⋆', html[0])
    assert 'id="eq-eq:a" class="tml-tag">(1)<' in html[1]
    assert re.findall(r'id="([^"]*)"', html[2]) == ["eq-eq:b", "eq-eq:star"]
    assert ">A<" in html[3]
    assert "tml-tag" not in html[4]
    assert html[5].count("tml-tag") == 1 + html[5].count("tml-tageqn")
    assert '<a href="#eq-eq:c">(3)</a>' in html[6]


@pytest.mark.parametrize(
    "tex", [r"x \label{e}", r"\begin{align}a&=b\label{e}\end{align}", r"\begin{multline}a\\b\label{e}\end{multline}"]
)
@pytest.mark.parametrize("display", [True, False])
def test_a_label_is_an_id(tex: str, display: bool) -> None:
    html = shown(tex, display)
    assert html.count('id="eq-e"') == 1
    assert "(1)" in html


def test_two_labels_of_one_number() -> None:
    assert re.findall(r'id="([^"]*)"', shown(r"\label{a}\label{b} x")) == ["eq-b", "eq-a"]


def test_ids_keep_letters_and_never_meet() -> None:
    assert label_id("eq:Größe_中") == "eq-eq:Größe_中"
    assert label_id('a"b c~') == "eq-a~22~b~20~c~7e~"
    assert len({label_id(name) for name in ("a b", "a~20~b", "a-b", "a_b")}) == 4


HOSTILE = [
    r"\def\a{\b\b}\def\b{\c\c}\def\c{\d\d}\def\d{\e\e}\def\e{\f\f}\def\f{\g\g}\def\g{\h\h}\def\h{\i\i}\def\i{\j\j}"
    r"\def\j{\k\k}\def\k{\l\l}\def\l{xx}\a\a",
    r"\def\a{\a}\a",
    r"\def\a#1{\a{#1#1}}\a{x}",
    r"\newcommand{\a}[1]{\a{#1 x x x}}\a{x}",
    "{" * 5000 + "}" * 5000,
    r"\left(" * 300 + "x" + r"\right)" * 300,
    r"\hat" * 2000 + "x",
    r"\hat{" * 55 + "x" + "}" * 55,
    "x" * 100_000,
    "_" * 1000,
    r"\begin{matrix}" + "a&" * 4900 + r"\end{matrix}",
    r"\color{red}" * 800 + "x",
    r"\href{javascript:alert(1)}{x}",
    r"\href{JaVaScript:alert(1)}{x}",
    "\\href{java\nscript:alert(1)}{x}",
    r"\href{data:text/html,x}{x}",
    r"\href{//evil.example}{x}",
    r"\href{x\" onclick=\"y}{x}",
    r"\url{vbscript:x}",
    r"\includegraphics{https://evil.example/x.png}",
    r"\class{x}{y}",
    r"\id{x}{y}",
    r"\style{background:url(x)}{y}",
    r"\data{a=b}{y}",
    r"\htmlData{a=b}{y}",
    r"\let\x\class\x{link-0}{y}",
    r"\let\x\includegraphics\x{https://evil.example/x.png}",
    r"\color{url(https://evil.example)}{x}",
    r"\colorbox{red;background:url(x)}{x}",
    r"\text{<script>alert(1)</script>}",
    r"\tag{<img src=x onerror=y>}x",
    r"\label{\"><script>}x",
    r"\rule{99999em}{99999em}",
    r"\__proto__\constructor",
    r"\begin{constructor}\end{constructor}",
    "\ud800",
]


@pytest.mark.parametrize("tex", HOSTILE, ids=lambda tex: ascii(tex[:30]))
def test_hostile(tex: str) -> None:
    started = time.process_time()
    html = render([Equation(tex, True)]).html[0]
    assert time.process_time() - started < 4
    if isinstance(html, Mistake):
        assert 0 <= html.at <= len(tex)
        return
    assert len(html) < 200 * len(tex) + 2000
    outside = re.sub(r' data-tex="[^"]*"', "", html)
    assert not re.search(r"<(?!/?(?:m[a-z]+|a)[ >])", outside)
    assert not re.search(
        r"evil|script:|url\(|expression|\son\w+=|src=|\d{4,}em", re.sub("<mtext.*?</mtext>", "", outside)
    )


def test_the_engine_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    mathml_engine._engines.__dict__.clear()
    monkeypatch.setattr(mathml_engine, "MEMORY", 300_000)
    assert "time or memory" in mistake("x + 8128").reason
    monkeypatch.undo()
    mathml_engine._engines.__dict__.clear()
    assert isinstance(render([Equation("x + 8129")]).html[0], str)


def test_threads() -> None:
    with ThreadPoolExecutor(3) as pool:
        pages = list(pool.map(lambda n: render([Equation(f"x_{{{n}}} + {n}")]).html[0], range(9000, 9030)))
    assert [text(str(page)) for page in pages] == [f"x{n}+{n}" for n in range(9000, 9030)]


def test_a_cache_saves_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, str] = {}
    first = render([Equation("x + 77123", True)], kept)
    assert len(kept) == 1
    monkeypatch.setattr("verify.site.mathml.translate", lambda due: [pytest.fail("asked") for _ in due])
    assert render([Equation("x + 77123", True)], kept) == first


def test_importing_loads_no_engine() -> None:
    code = "import sys, verify.site.mathml; assert not {'quickjs', '_quickjs'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
