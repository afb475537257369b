"""Equations of pages that are not reviews: those written by hand in `docs/`, and notebooks.

For the former it is a Python-Markdown extension, which takes what `pymdownx.arithmatex` finds.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import escape, unescape

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

from verify.site import mathml

ARITHMATEX = {
    "generic": True,
    "tex_inline_wrap": ["", ""],
    "tex_block_wrap": ["", ""],
    "block_syntax": ["dollar", "square"],
}
_BROKEN = re.compile(r'<code class="verify-broken" title="([^"]*)">(.*?)</code>', re.DOTALL)


def converted(tex: str, display: bool = False) -> str:
    """An equation for a page; where it cannot be read, its source as code, with the reason as a title."""
    [html] = mathml.render([mathml.Equation(tex, display)]).html
    if isinstance(html, mathml.Mistake):
        return f'<code class="verify-broken" title="{escape(html.reason)}">{escape(tex)}</code>'
    return html


def broken(html: str) -> Iterator[tuple[str, str]]:
    """The equations of a page that could not be read: source and reason."""
    for reason, tex in _BROKEN.findall(html):
        yield unescape(tex), unescape(reason)


class EquationsExtension(Extension):
    """`verify.site.mkdocs.equations` in `markdown_extensions`."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Find equations, and convert them once inline Markdown was read."""
        md.registerExtensions(["pymdownx.arithmatex"], {"pymdownx.arithmatex": ARITHMATEX})
        md.treeprocessors.register(_Equations(md), "verify_equations", 15)


class _Equations(Treeprocessor):
    """Puts MathML into the elements that arithmatex made."""

    def run(self, root: ET.Element) -> None:
        """Convert in place; the stash keeps the result from being read as Markdown or escaped."""
        for element in root.iter():
            if element.get("class") == "arithmatex":
                block = element.tag == "div"
                tex = unescape(element.text or "") if block else element.text or ""
                element.set("class", "verify-equation" if block else "verify-maths")
                if block:
                    element.set("tabindex", "0")  # a long one scrolls, by keyboard too
                element.text = self.md.htmlStash.store(converted(tex.strip(), display=block))


def makeExtension() -> EquationsExtension:  # the name Python-Markdown asks for
    """What Python-Markdown calls."""
    return EquationsExtension()
