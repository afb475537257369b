"""What mkdocs-jupyter leaves undone on a notebook's page: equations, and a script that would ask another host."""

from __future__ import annotations

import re
from html import unescape

from verify.web.equations import mathml

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
