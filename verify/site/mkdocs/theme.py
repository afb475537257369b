"""What the theme leaves undone for readers with a keyboard or a screen reader, mended in the finished page."""

from __future__ import annotations

import re

CONTENT = "__content"
"""The id of what a page is about; no heading of a review's can have it."""
_SKIP = re.compile(r'(<div data-md-component="skip">).*?(</div>)', re.DOTALL)
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_ARTICLE = '<article class="md-content__inner md-typeset"'
_SEARCH = '<div class="md-search" data-md-component="search" role="dialog"'


def mend(html: str, tables: bool = True) -> tuple[str, set[str]]:
    """The page with a link past the menus, a name for its search, and tables that keys can scroll.

    Also returns what of it was not found: the theme has changed, and this with it must.

    Args:
        html: the finished page.
        tables: whether its tables are Markdown's own; ours stand in a box already.
    """
    # The theme's own link leads to the first heading of the contents, below the title, and is missing without one.
    html, skips = _SKIP.subn(rf'\1<a href="#{CONTENT}" class="md-skip">Skip to content</a>\2', html, count=1)
    found = {"link past the menus": bool(skips), "article": _ARTICLE in html, "search": _SEARCH in html}
    html = html.replace(_ARTICLE, f'{_ARTICLE} id="{CONTENT}"', 1)
    html = html.replace(_SEARCH, f'{_SEARCH} aria-label="Search"', 1)
    if tables:
        html = _TABLE.sub(lambda table: _scrolled(table[0]), html)
    return html, {what for what, there in found.items() if not there}


def _scrolled(table: str) -> str:
    return f'<div class="verify-scroll" tabindex="0" role="group" aria-label="Table">{table}</div>'
