"""A page as Markdown, for a generator that reads nothing else: headings as headings, all else as HTML it leaves alone.

Headings are written as Markdown so that the generator has them in its contents; every character in them that Markdown
could read anything into is written by its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from verify.site.headings import Heading
from verify.site.pages import Page

_TAG = re.compile(r"(<[^>]*>)")
_VALUE = re.compile(r'"[^"]*"')
_READ = re.compile(r"[\\`*_\[\]{}()!$|~^:#+=-]")


def as_markdown(page: Page, styles: Iterable[str]) -> str:
    """The page; `styles` are the addresses of the styles that it needs, from where it stands."""
    front = {"title": page.title, "description": page.description, "tags": list(page.tags), "hide": list(page.hide)}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in front.items() if value]
    links = "\n".join(f'<link rel="stylesheet" href="{style}">' for style in styles)
    blocks = [_heading(part) if isinstance(part, Heading) else _block(part) for part in page.parts]
    return "\n\n".join(["\n".join(["---", *lines, "---"]), *filter(None, [links]), *filter(None, blocks)]) + "\n"


def _heading(part: Heading) -> str:
    pieces = _TAG.split(" ".join(part.html.split()))
    literal = "".join(
        _VALUE.sub(lambda value: _numbered(value[0]), piece) if piece.startswith("<") else _numbered(piece)
        for piece in pieces
    )
    name = part.id.replace("_", r"\_")  # a pair of them would be emphasis
    return f"{'#' * part.level} {literal} {{ #{name} }}"


def _numbered(text: str) -> str:
    return _READ.sub(lambda char: f"&#{ord(char[0])};", text.replace("&#", "\0")).replace("\0", "&#")


def _block(html: str) -> str:
    """HTML within one element and without blank lines, either of which would let Markdown begin to read it.

    Fences of code are looked for before HTML is, so nothing may look like one.
    """
    kept = "\n".join(_unbroken(html)).replace("`", "&#96;").replace("~~~", "&#126;&#126;&#126;")
    return f"<div>\n{kept}\n</div>" if kept else ""


def _unbroken(html: str) -> Iterator[str]:
    """The lines, blank ones left out; in `pre`, where they are seen, with an element in them."""
    depth = 0
    for line in html.split("\n"):
        if line.strip():
            yield line
        elif depth:
            yield "<span></span>"
        depth += line.count("<pre") - line.count("</pre>")
