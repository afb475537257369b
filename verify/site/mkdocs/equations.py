"""Equations of pages that are not reviews: those written by hand in `docs/`, and notebooks.

For the former it is a Python-Markdown extension, which takes what `pymdownx.arithmatex` finds.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from html import unescape
from typing import Any, NamedTuple

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

from verify.site import mathml

ARITHMATEX = {
    "generic": True,
    "tex_inline_wrap": ["", ""],
    "tex_block_wrap": ["", ""],
    "block_syntax": ["dollar", "square"],
}


class Unread(NamedTuple):
    """An equation that cannot be read."""

    tex: str
    reason: str


def typeset(page: Sequence[mathml.Equation]) -> tuple[list[str], list[Unread]]:
    """All equations of a page as HTML, in order: as their source where they cannot be read; and those.

    They are read at once, since macros and labels of one hold for others.
    """
    written, unread = [], []
    for equation, html in zip(page, mathml.render(page).html, strict=True):
        if isinstance(html, mathml.Mistake):
            unread.append(Unread(equation.tex, html.reason))
            written.append(mathml.as_source(equation.tex, html))
        else:
            written.append(html)
    return written, unread


class EquationsExtension(Extension):
    """`verify.site.mkdocs.equations` in `markdown_extensions`.

    Its setting `unread` is a list: what cannot be read is added to it.
    """

    def __init__(self, **settings: Any) -> None:
        self.config = {"unread": [[], "a list for equations that cannot be read"]}
        super().__init__(**settings)

    def extendMarkdown(self, md: Markdown) -> None:
        """Find equations, and convert them once inline Markdown was read."""
        md.registerExtensions(["pymdownx.arithmatex"], {"pymdownx.arithmatex": ARITHMATEX})
        md.treeprocessors.register(_Equations(md, self.getConfig("unread")), "verify_equations", 15)


class _Equations(Treeprocessor):
    """Puts MathML into the elements that arithmatex made."""

    def __init__(self, md: Markdown, unread: list[Unread]) -> None:
        super().__init__(md)
        self._unread = unread

    def run(self, root: ET.Element) -> None:
        """Convert in place; the stash keeps the result from being read as Markdown or escaped."""
        found = [element for element in root.iter() if element.get("class") == "arithmatex"]
        written, unread = typeset([_equation(element) for element in found])
        self._unread += unread
        for element, html in zip(found, written, strict=True):
            block = element.tag == "div"
            element.set("class", "verify-equation" if block else "verify-maths")
            if block and html:
                element.set("tabindex", "0")  # a long one scrolls, by keyboard too
            element.text = self.md.htmlStash.store(html)


def _equation(element: ET.Element) -> mathml.Equation:
    text, block = element.text or "", element.tag == "div"
    return mathml.Equation((unescape(text) if block else text).strip(), block)


def makeExtension(**settings: Any) -> EquationsExtension:  # the name Python-Markdown asks for
    """What Python-Markdown calls."""
    return EquationsExtension(**settings)
