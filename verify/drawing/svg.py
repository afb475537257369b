"""Vega-Lite → SVG: the same bytes for the same specification, on any machine, in any order of drawing."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

from verify.drawing import apart, pool
from verify.drawing.failure import CannotDraw
from verify.drawing.palette import FONT

VEGA_LITE = "6.1"

_SVG = "http://www.w3.org/2000/svg"
_NAMESPACES = {"": _SVG, "xlink": "http://www.w3.org/1999/xlink"}

# As an image in a page it follows the page's `color-scheme`; ink and ground are those of the site's cards, so that it
# can be read wherever it stands.
_COLORS = (
    "svg:root{color:#24211d;background:#fff;font-family:system-ui,sans-serif}"
    "@media (prefers-color-scheme:dark){svg:root{color:#e7e4de;background:#1c1f23}}"
)
_ROOT = re.compile(r'<svg\b[^>]* width="(\d+)" height="(\d+)"[^>]*><title>[^<]*</title>(?:<desc>([^<]*)</desc>)?')
_DRAWN = ("svg", "g", "defs", "clipPath", "path", "line", "rect", "circle", "text", "tspan", "linearGradient",
          "radialGradient", "stop", "style", "desc", "title")  # fmt: skip
_ELSEWHERE = re.compile(r"url\((?!['\"]?#)|javascript:|@import|image-set\(", re.IGNORECASE)
_FRACTION = re.compile(r"-?\d+\.\d{3,}(e[-+]?\d+)?")
_PLACELESS = re.compile(r"NaN|Infinity")
_PLACES = ("d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "r")


def draw(specification: dict[str, Any], prefix: str, *, alone: bool = False) -> str:
    """The SVG text of a Vega-Lite specification.

    Args:
        specification: its `description` becomes the label that is read out, its `usermeta.summary` the description.
        prefix: begins every id, so that several figures can share a page.
        alone: in a process of its own, which may take some time and memory and no more: for what a reviewer wrote.

    Raises:
        CannotDraw: Vega-Lite does not accept the specification, or the drawing would be no plain picture.
    """
    text = (apart if alone else pool).convert(specification, VEGA_LITE)
    return _finish(text, prefix, specification)


def look(svg: str) -> tuple[int, int, str] | None:
    """Width and height in CSS pixels, and the description, of what `draw` made; None if it is nothing of the kind."""
    found = _ROOT.match(svg)
    return (int(found[1]), int(found[2]), unescape(found[3] or "")) if found else None


def is_empty(svg: str) -> bool:
    """Whether there is nothing but a frame: no mark has a place."""
    marks = (group for group in ElementTree.fromstring(svg).iter() if "role-mark" in group.get("class", ""))
    return not any(
        element.get("d") or (element.text or "").strip() or element.tag in (f"{{{_SVG}}}line", f"{{{_SVG}}}rect")
        for group in marks
        for element in group.iter()
    )


def _finish(text: str, prefix: str, specification: dict[str, Any]) -> str:
    for short, uri in _NAMESPACES.items():
        ElementTree.register_namespace(short, uri)
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise CannotDraw(f"what Vega drew is no SVG: {error}") from None
    _rename_ids(root, prefix)
    for element in root.iter():
        if element.get("font-family") == FONT:
            del element.attrib["font-family"]  # inherited from the page
        for name in [name for name in element.attrib if name == "role" or name.startswith("aria-")]:
            del element.attrib[name]  # the whole is one image to a screen reader: marks without a name would not pass
    _expect_plain(root)
    _round(root)
    root.set("class", "verify-figure")
    root.set("style", "max-width:100%;height:auto")
    root.set("role", "img")
    said = {
        "title": str(specification.get("description", prefix)),
        "desc": specification.get("usermeta", {}).get("summary"),
        "style": _COLORS,
    }
    for tag, text in reversed(said.items()):
        if text:
            element = ElementTree.Element(f"{{{_SVG}}}{tag}")
            element.text = text
            root.insert(0, element)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _expect_plain(root: ElementTree.Element) -> None:
    """A drawing is shapes and text: it leads nowhere, loads nothing, runs nothing, and every mark has a place."""
    for element in root.iter():
        kind = element.tag.removeprefix(f"{{{_SVG}}}")
        if kind not in _DRAWN:
            what = {"a": "a link (`href`)", "image": "an image"}.get(kind, f"<{kind}>")
            raise CannotDraw(f"the drawing would hold {what}", "a figure is made of shapes and text alone")
        for name, value in element.attrib.items():
            if name.lower().startswith("on") or name.endswith("href") or _ELSEWHERE.search(value):
                hint = "a figure loads nothing and leads nowhere"
                raise CannotDraw(f'the drawing would hold {name.rpartition("}")[2]}="{value}"', hint)
            if name in _PLACES and _PLACELESS.search(value):
                hint = "are its numbers too large or too small for one axis?"
                raise CannotDraw(f'Vega finds no place for a mark: {name}="{value[:60]}"', hint)


def _round(root: ElementTree.Element) -> None:
    """Places to a hundredth of a pixel: nobody sees more, and the last digits need not be another machine's."""
    for element in root.iter():
        for name in _PLACES:
            if "." in (value := element.get(name, "")):
                element.set(name, _FRACTION.sub(lambda at: f"{float(at[0]):.2f}".rstrip("0").rstrip("."), value))


def _rename_ids(root: ElementTree.Element, prefix: str) -> None:
    """Number the ids by place: Vega counts them through the life of the process."""
    names: dict[str, str] = {}
    for element in root.iter():
        if "id" in element.attrib:
            names[element.attrib["id"]] = f"{prefix}-{len(names) + 1}"
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, names[value])
            elif value.startswith("#") and value[1:] in names:
                element.set(name, f"#{names[value[1:]]}")
            elif "url(#" in value:
                element.set(name, re.sub(r"url\(#([^)]+)\)", lambda at: f"url(#{names.get(at[1], at[1])})", value))
