"""Equations as MathML, which browsers show by themselves: without a script, without a font, without another host.

A Python-Markdown extension, so that it works under any generator that has those.  It takes what `pymdownx.arithmatex`
finds (`$…$`, `\\(…\\)`, `$$…$$`, `\\[…\\]`, the same that `verify.format.inline` leaves alone).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from html import escape, unescape

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from math_core import LatexError, LatexToMathML

ARITHMATEX = {
    "generic": True,
    "tex_inline_wrap": ["", ""],
    "tex_block_wrap": ["", ""],
    "block_syntax": ["dollar", "square"],
}
_BROKEN = re.compile(r'<code class="verify-broken" title="([^"]*)">(.*?)</code>', re.DOTALL)


def mathml(tex: str, display: bool = False) -> str:
    """An equation for a page; where it cannot be read, its source as code, with the reason as a title."""
    try:
        return _converter().convert_with_local_state(tex, displaystyle=display)
    except LatexError as error:
        _, _, reason = str(error).partition(": ")
        return f'<code class="verify-broken" title="{escape(reason)}">{escape(tex)}</code>'


def broken(html: str) -> Iterator[tuple[str, str]]:
    """The equations of a page that could not be read: source and reason."""
    for reason, tex in _BROKEN.findall(html):
        yield unescape(tex), unescape(reason)


@cache
def _converter() -> LatexToMathML:
    return LatexToMathML(fancy_error=False)


class EquationsExtension(Extension):
    """`verify.site.equations` in `markdown_extensions`."""

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
                element.set("class", "verify-equation")
                if block:
                    element.set("tabindex", "0")  # a long one scrolls, by keyboard too
                element.text = self.md.htmlStash.store(mathml(tex.strip(), display=block))


def makeExtension() -> EquationsExtension:  # the name Python-Markdown asks for
    """What Python-Markdown calls."""
    return EquationsExtension()
