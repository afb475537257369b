"""What mkdocs-jupyter leaves undone on a notebook's page: equations, and a script that would ask another host."""

from __future__ import annotations

import importlib.util
import re
import sys
from html import unescape

from verify.site.equations import mathml

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


_TEXT = re.compile(r'(?<=data-mime-type="text/markdown">).*?(?=</div>\n</div>\n</div>)', re.DOTALL)
_PIECE = re.compile(
    r"""
      (?P<other><pre\b.*?</pre> | <code\b.*?</code> | <[^>]*> | \\\$)
    | \$\$(?P<own>[^$]+)\$\$ | \\\[(?P<bracket>.+?)\\\]
    | \$(?!\s)(?P<inline>[^$<]+?)(?<!\s)\$ | \\\((?P<parenthesis>[^<]+?)\\\)
    """,
    re.VERBOSE | re.DOTALL,
)
_DIAGRAMS = re.compile(r'<script type="module">(?:(?!</script>).)*?mermaid.*?</script>', re.DOTALL)


_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)


def parted(html: str) -> tuple[str, str]:
    """The page without its style, half a megabyte that is alike in all notebooks, and that style."""
    return _STYLE.sub("", html), "\n".join(_STYLE.findall(html))


def mended(html: str) -> str:
    """The page with equations as MathML, and without the script for diagrams, which comes from another host."""
    return _DIAGRAMS.sub("", _TEXT.sub(lambda text: _PIECE.sub(_converted, text[0]), html))


def _converted(piece: re.Match[str]) -> str:
    display, inline = piece["own"] or piece["bracket"], piece["inline"] or piece["parenthesis"]
    if display:
        return f'<span class="verify-equation">{mathml(unescape(display).strip(), display=True)}</span>'
    if inline:
        return f'<span class="verify-equation">{mathml(unescape(inline).strip())}</span>'
    return piece[0]
