"""Code and declarations as highlighted HTML, with the classes Material styles and gives a copy button."""

from __future__ import annotations

import re
from functools import lru_cache

from markupsafe import Markup


@lru_cache(maxsize=256)
def listing(code: str, language: str) -> Markup:
    """`code` highlighted; no line of it is blank, so that every Markdown reader takes it as one HTML block."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    html = highlight(code, get_lexer_by_name(language), HtmlFormatter(wrapcode=True, cssclass="highlight"))
    html = html.replace("<code>", '<code tabindex="0">', 1)  # a long listing scrolls, also by keys
    head, newline, rest = html.rstrip().partition("\n")
    return Markup(head + newline + "\n".join(line or "<span></span>" for line in rest.split("\n")))


_BLOCK = re.compile(r'^<\w+ class="verify-(?:.+\n)*.+$', re.MULTILINE)
_PLACE = re.compile(r'<div data-verify-block="(\d+)"></div>')


def cut(markdown: str) -> tuple[str, list[str]]:
    """Markdown with a place for each block of ours, and the blocks: most of a page, and not Markdown's to read."""
    blocks: list[str] = []

    def keep(block: re.Match[str]) -> str:
        blocks.append(block[0])
        return f'<div data-verify-block="{len(blocks) - 1}"></div>'

    return _BLOCK.sub(keep, markdown), blocks


def pasted(html: str, blocks: list[str]) -> str:
    """What became of that Markdown, with each block in its place."""
    return _PLACE.sub(lambda place: blocks[int(place[1])], html)


def one_block(html: str) -> str:
    """HTML that Markdown leaves alone: without blank lines, which would end it, and without backticks, which some
    extensions look for before they look for HTML.
    """
    return "\n".join(line for line in html.splitlines() if line.strip()).replace("`", "&#96;")
