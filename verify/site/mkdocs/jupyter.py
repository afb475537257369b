"""What mkdocs-jupyter leaves undone on a notebook's page: equations, and to hold nothing but the notebook."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from html import escape, unescape

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from verify.format.maths import maths_plugin
from verify.site.mathml import Equation
from verify.site.mkdocs.equations import Unread, typeset
from verify.site.notebook_html import clean_notebook

_SLOW = ("jupytext", "mkdocs_jupyter.convert")
"""Modules that its plugin imports at once and needs only for a notebook that it has not converted yet."""


def defer() -> None:
    """Have those modules loaded when something of them is used: else they are a quarter of every build."""
    for name in _SLOW:
        spec = importlib.util.find_spec(name)
        if name not in sys.modules and spec and spec.loader:
            spec.loader = loader = importlib.util.LazyLoader(spec.loader)
            sys.modules[name] = module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)


_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_BEGIN = '<div class="jupyter-wrapper">'
"""Before it stand the styles and scripts of mkdocs-jupyter's own, after it what is made of the notebook."""


def parted(html: str) -> tuple[str, str]:
    """The notebook's part of its page, and the style, half a megabyte that is alike in all notebooks."""
    head, begin, notebook = html.partition(_BEGIN)
    return begin + notebook, "\n".join(_STYLE.findall(head))


def mended(html: str) -> tuple[str, list[Unread]]:
    """The page made harmless, with equations as MathML; and those that cannot be read."""
    pieces = list(clean_notebook(html, _texts))
    written, unread = typeset([piece for piece in pieces if isinstance(piece, Equation)])
    found = iter(written)
    return "".join(piece if isinstance(piece, str) else _boxed(next(found), piece.display) for piece in pieces), unread


def _boxed(html: str, display: bool) -> str:
    return f'<span class="verify-equation" tabindex="0">{html}</span>' if display and html else html


def _texts(html: str) -> Iterator[str | Equation]:
    """A text cut at its equations, by the rules that hold for reviews; what Markdown is in it was read before."""
    if "$" not in html and "\\" not in html:
        yield html
        return
    for token in _parser().parseInline(unescape(html), {})[0].children or ():
        if token.type == "maths_inline":
            yield Equation(token.content.strip(), token.meta["display"])
        else:
            yield escape(token.content, quote=False)


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("zero").use(maths_plugin)
    md.inline.ruler.before("maths", "dollar", _dollar)
    return md


def _dollar(state: StateInline, silent: bool) -> bool:
    """`\\$` is a dollar sign, and two backslashes begin no equation with what is behind them but a bracket."""
    two = state.src[state.pos : state.pos + 2]
    if two != "\\$" and (two != "\\\\" or state.src[state.pos + 2 : state.pos + 3] in ("(", "[")):
        return False
    if not silent:
        state.pending += two.removeprefix("\\") if two == "\\$" else two
    state.pos += 2
    return True
