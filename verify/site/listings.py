"""Code and declarations as highlighted HTML, with the classes Material styles and gives a copy button."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from markupsafe import Markup

_LANGUAGE = re.compile(r"\s*\{?\.?([\w+#.-]+)")
_TITLE = re.compile(r'\btitle="([^"]*)"')


@lru_cache(maxsize=256)
def listing(code: str, language: str) -> Markup:
    """`code` highlighted; no line of it is blank, so that every Markdown reader takes it as one HTML block."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    html = highlight(
        code, get_lexer_by_name(language, stripnl=False), HtmlFormatter(wrapcode=True, cssclass="highlight")
    )
    html = html.replace("<code>", '<code tabindex="0">', 1)  # a long listing scrolls, also by keys
    head, newline, rest = html.rstrip().partition("\n")
    return Markup(head + newline + "\n".join(line or "<span></span>" for line in rest.split("\n")))


def code_block(code: str, info: str) -> Markup:
    """A block of code that an author wrote: highlighted where its language is known, with its title above it.

    `info` is what stands behind the fence: a language, and `title="x.py"` perhaps.
    """
    language = _LANGUAGE.match(info)
    title = _TITLE.search(info)
    html = listing(code.rstrip("\n"), known(language[1].lower() if language else ""))
    if title is None:
        return html
    return Markup('<p class="verify-filename">{}</p>').format(title[1]) + html


@cache
def known(language: str) -> str:
    """The language, or plain text where no lexer has its name."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return "text"
    return language
