"""Drawings, and folds that were kept aside, put into a finished page.

A page's Markdown names its drawings as images, which any generator can show.  In the site they are put in line after
Markdown: only there do they follow the page's colours, and their labels stay out of the search index.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping

from verify.errors import UserError

ATTRIBUTE = "data-verify-drawing"
_IMAGE = re.compile(rf'<img\b[^>]*\b{ATTRIBUTE}="([^"]+)"[^>]*>')
_ASIDE = re.compile(r'<div data-verify-aside="([^"]+)"></div>')
_SHAPES = {"path", "line", "rect", "circle", "ellipse", "polygon", "polyline", "text", "tspan", "use"}
_GROUPS = {"svg", "g", "a", "defs", "clipPath", "mask", "marker", "pattern", "symbol", "title", "desc", "style"}
_TAGS = _SHAPES | _GROUPS | {"linearGradient", "radialGradient", "stop"}
_LINK = re.compile(r"(?:https?:|#)")
# Declarations and CDATA mean other things to an HTML parser than to XML's; style must not fetch.
_TEXT = re.compile(r"""<!|<\?|@import|url\((?!['"]?#)""")


def inline(html: str, read: Callable[[str], str]) -> str:
    """The page with each drawing in place of the image that names it; `read` gives a drawing by that name."""
    return _IMAGE.sub(lambda image: read(image[1]), html)


def placeholder(name: str) -> str:
    """Where `fill` puts what was kept aside under `name`."""
    return f'<div data-verify-aside="{name}"></div>'


def fill(html: str, asides: Mapping[str, str]) -> str:
    """The page with everything that was kept aside in its place."""
    return _ASIDE.sub(lambda found: asides[found[1]], html)


def checked(svg: str, name: str) -> str:
    """The drawing, made sure to be nothing but a drawing: it becomes part of a page, where a script would run.

    Raises:
        UserError: it is not SVG, or holds what a drawing does not need.
    """
    hint = "drawings are made by `verify refresh`: delete the file and run it"
    try:
        root = ET.fromstring(svg)
    except ET.ParseError as error:
        raise UserError(f"this drawing is not SVG: {error}", name, hint=hint) from None
    for element in root.iter():
        tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else str(element.tag)
        if tag not in _TAGS:
            raise UserError(f"a drawing must not hold <{tag}>", name, hint=hint)
        for attribute, value in element.attrib.items():
            key = attribute.rpartition("}")[2]
            if key.startswith("on") or (key == "href" and not _LINK.match(value)):
                raise UserError(f"a drawing must not hold {key}={value!r}", name, hint=hint)
    drawing = svg[svg.index("<svg") :]
    if found := _TEXT.search(drawing):
        raise UserError(f"a drawing must not hold {found[0]}", name, hint=hint)
    return drawing
