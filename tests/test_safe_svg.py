"""SVG beside a review: a drawing is published, a document that runs or fetches something is not."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.miniature import ROOT
from verify.site.safe_svg import LIMIT, refused

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def drawing(inside: str, before: str = "") -> bytes:
    return f"{before}{OPEN}{inside}</svg>".encode()


@pytest.mark.parametrize(
    "inside",
    [
        '<path d="M0 0" fill="url(#a)"/><style>*{stroke: red; fill: url("#a")}</style>',
        '<use xlink:href="#a"/><image href="data:image/png;base64,AAAA"/><a href="#b"><text>on image (x) \\</text></a>',
        '<metadata><x xmlns="urn:x" xmlns:y="urn:y" y:resource="https://example.org" y:docname="C:\\a(1)"/></metadata>',
        '<animate attributeName="x" from="0" to="1"/><style>@font-face{src:url(data:font/woff2;base64,AA)}</style>',
    ],
)
def test_a_drawing_may_be_published(inside: str) -> None:
    assert refused(drawing(inside)) == ""
    formality = (
        '<?xml version="1.0" standalone="no"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x/svg11.dtd">'
    )
    assert refused(drawing(inside, formality)) == ""


def test_what_matplotlib_draws_may_be_published() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], label="a")
    axes.imshow([[1, 2], [3, 4]])
    axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    assert refused(file.getvalue()) == ""


def test_the_projects_own_drawings_may_be_published() -> None:
    drawings = sorted((ROOT / "docs" / "evidence").rglob("*.svg"))
    assert drawings
    assert {refused(path.read_bytes()) for path in drawings} == {""}


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("<script>alert(1)</script>", "it holds <script>"),
        ("<foreignObject/>", "it holds <foreignObject>"),
        ('<iframe xmlns="http://www.w3.org/1999/xhtml"/>', "it holds <iframe>"),
        ('<g onclick="x"/>', "<g> has an event handler, `onclick`"),
        ('<g ONLOAD="x"/>', "<g> has an event handler, `ONLOAD`"),
        ('<a xlink:href="java\nscript:x"/>', "<a> refers to something outside the drawing"),
        ('<image href="https://example.org/a.png"/>', "<image> refers to something outside the drawing"),
        ('<image href="data:image/svg+xml;base64,AA"/>', "<image> refers to something outside the drawing"),
        ('<use xlink:href="other.svg#a"/>', "<use> refers to something outside the drawing"),
        ('<g xml:base="https://example.org/"/>', "<g> has another base of addresses, `xml:base`"),
        ('<set attributeName="xlink:href" to="x"/>', "<set> changes `xlink:href`"),
        ('<animate attributeName="onload" to="x"/>', "<animate> changes `onload`"),
        ('<g fill="url(https://example.org/#a)"/>', "`fill` of <g> refers to something outside the drawing"),
        ("<g style=\"fill: URL ( '//x')\"/>", "`style` of <g> refers to something outside the drawing"),
        ('<g fill="\\75rl(x)"/>', "`fill` of <g> has an escaped character"),
        ("<style>@import 'https://example.org'</style>", "a style has `@import`"),
        ("<style>@im<![CDATA[port 'x']]></style>", "a style has `@import`"),
        ("<style>*{fill: image-set('x' 1x)}</style>", "a style has `image-set`"),
        ("<?php x?>", "it holds the instruction <?php?>"),
        ("&x;", "it is no XML: undefined entity"),
        ("<g>", "it is no XML: mismatched tag"),
    ],
)
def test_what_runs_or_fetches_something_is_refused(inside: str, reason: str) -> None:
    assert refused(drawing(inside)).startswith(reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no XML: no element found (line 1)"),
        (b"\x1f\x8b", "it is no XML"),
        (b"<html/>", "it is no SVG: it has to begin with <svg xmlns="),
        (b"<svg/>", "it is no SVG: it has to begin with <svg xmlns="),
        (drawing("", '<!DOCTYPE svg [<!ENTITY a "x">]>'), "it declares entities in a DOCTYPE (line 1)"),
        (drawing("\n&x;", '<!DOCTYPE svg SYSTEM "x">'), "it refers to the entity &x; which nothing declares (line 2)"),
        (drawing("", '<?xml-stylesheet href="x.xsl"?>'), "it holds the instruction <?xml-stylesheet?>"),
        (drawing("", '<?xml version="1.0" encoding="utf-7"?>'), "it is"),
        (b" " * (LIMIT + 1), "it has 5 MB; 5 MB are the most"),
        (b"<a xmlns='http://www.w3.org/2000/svg'>" * 100_000, "it is no SVG"),
    ],
)
def test_what_is_no_drawing_is_refused(content: bytes, reason: str) -> None:
    assert refused(content).startswith(reason)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: drawing(text)))
def test_whatever_it_is_there_is_an_answer(content: bytes) -> None:
    assert isinstance(refused(content), str)
