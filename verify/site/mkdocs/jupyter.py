"""What mkdocs-jupyter leaves undone on a notebook's page: equations, and to hold nothing but the notebook."""

from __future__ import annotations

import importlib.util
import re
import sys
from html import unescape

from verify.site.mkdocs.equations import converted
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
_EQUATION = re.compile(
    r"""
      (?P<other>\\\$)
    | \$\$(?P<own>[^$]+)\$\$ | \\\[(?P<bracket>.+?)\\\]
    | \$(?!\s)(?P<inline>[^$]+?)(?<!\s)\$ | \\\((?P<parenthesis>.+?)\\\)
    """,
    re.VERBOSE | re.DOTALL,
)


def parted(html: str) -> tuple[str, str]:
    """The notebook's part of its page, and the style, half a megabyte that is alike in all notebooks."""
    head, begin, notebook = html.partition(_BEGIN)
    return begin + notebook, "\n".join(_STYLE.findall(head))


def mended(html: str) -> str:
    """The page made harmless, with equations as MathML."""
    return clean_notebook(html, lambda text: _EQUATION.sub(_converted, text))


def _converted(found: re.Match[str]) -> str:
    display, inline = found["own"] or found["bracket"], found["inline"] or found["parenthesis"]
    if not (display or inline):
        return found[0]
    kind = 'equation" tabindex="0' if display else "maths"
    return f'<span class="verify-{kind}">{converted(unescape(display or inline).strip(), bool(display))}</span>'
