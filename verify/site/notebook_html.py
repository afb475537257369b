"""A notebook's page made harmless: what its cells print is a stranger's HTML, which a notebook shows as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import TypeVar

import nh3

from verify.site.addresses import refused_link, refused_source, remote_image
from verify.site.html_rules import names
from verify.site.html_tokens import Token, tokens

_MATHML = names(
    "math annotation maction menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot "
    "mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover semantics"
)
_HTML = names(
    "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure h1 h2 h3 "
    "h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub summary sup table tbody td "
    "tfoot th thead time tr u ul var wbr"
)
_LEFT_OUT = names(
    "audio canvas clipboard-copy iframe noscript object script select style svg template textarea title video xmp"
)
"""Elements without which their content says nothing."""
_EVERYWHERE = names("class id title lang dir role tabindex hidden aria-hidden aria-label")
_MATHML_ATTRIBUTES = names(
    "accent accentunder columnalign columnspan depth dir display displaystyle encoding fence form height largeop "
    "linethickness lspace mathvariant maxsize minsize movablelimits rowspan rspace scriptlevel separator stretchy "
    "symmetric voffset width"
)
_ATTRIBUTES = {
    "*": set(_EVERYWHERE),
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed", "type"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "details": {"open"},
    **{name: set(_MATHML_ATTRIBUTES) for name in _MATHML},
}
_PICTURES = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))
_COPIES = {"clipboard-copy-txt", "zeroclipboard-container"}
"""What the notebook's own scripts copy code from; without them the theme's copy it."""
_CODE, _TEXT = "highlight-ipynb", "jp-RenderedMarkdown"

_OF_EQUATIONS = "eq-"
"""What the ids of labels in equations begin with: nothing else of a notebook has such a one."""

Piece = TypeVar("Piece")


def clean_notebook(html: str, texts: Callable[[str], Iterable[Piece | str]]) -> Iterator[Piece | str]:
    """The body of a notebook's page as HTML without scripts, styles and addresses of other hosts, every id once.

    Args:
        html: what mkdocs-jupyter or nbconvert made of it.
        texts: what is made of the HTML of each text of its Markdown, code aside: its equations are in there.

    Returns:
        HTML, and what else `texts` returned, in order.
    """
    clean = nh3.clean(
        html,
        tags=set(_HTML | _MATHML),
        clean_content_tags=set(_LEFT_OUT),
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        generic_attribute_prefixes={"data-"},
        link_rel=None,
        url_schemes={"http", "https", "mailto", "data"},
    )
    return _mended(tokens(clean), texts)


def _kept(_: str, attribute: str, value: str) -> str | None:
    """An attribute's value; None for what the theme's scripts look for, and for addresses that are refused."""
    if attribute.startswith("data-md") or (attribute == "id" and value.startswith("__")):
        return None
    if attribute == "class":  # the theme fetches what draws diagrams from another host
        return " ".join(name for name in value.split() if not name.startswith(("md-", "mermaid")))
    if attribute == "href":
        return None if refused_link(value) else value
    return value


def _mended(found: Iterator[Token], texts: Callable[[str], Iterable[Piece | str]]) -> Iterator[Piece | str]:
    """The page with each id once, images that may be shown, and equations."""
    seen: dict[str, int] = {}
    opened: list[tuple[str, str]] = []  # the elements around, with their classes
    left_out = 0  # from which depth on
    for token in found:
        if token.kind == "text":
            around = {name for name, _ in opened}
            markdown = not around & {"pre", "code", "math"} and any(_TEXT in classes for _, classes in opened)
            if not left_out:
                yield from texts(token.source) if markdown else (token.source,)
        elif token.kind == "open":
            classes = token.attributes.get("class", "").split()
            if token.name not in ("br", "col", "hr", "img", "wbr"):
                opened.append((token.name, " ".join(classes)))
                if not left_out and _COPIES & set(classes):
                    left_out = len(opened)
            if not left_out:
                yield _image(token, opened) if token.name == "img" else _once(token, seen)
                yield '<code tabindex="0">' if _is_code(opened) else ""  # it scrolls, by keys too
        elif opened:
            if not left_out:
                yield f"</code>{token.source}" if _is_code(opened) else token.source
            left_out = 0 if left_out == len(opened) else left_out
            opened.pop()


def _is_code(opened: list[tuple[str, str]]) -> bool:
    """Whether the innermost element is the `pre` of a cell's code."""
    return len(opened) > 1 and opened[-1][0] == "pre" and _CODE in opened[-2][1]


_ID = re.compile(r' id="[^"]*"')
"""Of a tag that nh3 wrote: no value holds a quotation mark as such."""


def _once(token: Token, seen: dict[str, int]) -> str:
    """A tag whose id is not that of another element."""
    name = token.attributes.get("id", "")
    if not name:
        return token.source
    seen[name] = count = seen.get(name, int(name.startswith(_OF_EQUATIONS))) + 1
    if count == 1:
        return token.source
    other = f"{name}_{count}"
    while other in seen:
        other += "_"
    seen[other] = 1
    return _ID.sub(lambda _: f' id="{escape(other)}"', token.source, count=1)


def _image(token: Token, opened: list[tuple[str, str]]) -> str:
    source = token.attributes.get("src", "")
    if source.startswith(_PICTURES) or not refused_source(source):
        return token.source
    return remote_image(token.attributes.get("alt", ""), source, linked=any(name == "a" for name, _ in opened))
