"""Vega-Lite → SVG: the same bytes for the same specification, on any machine, in any order of drawing."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

from verify.drawing.palette import FONT
from verify.errors import UserError

VEGA_LITE = "6.1"

_SVG = "http://www.w3.org/2000/svg"
_NAMESPACES = {"": _SVG, "xlink": "http://www.w3.org/1999/xlink"}

# As an image in a page it follows the page's `color-scheme`; ink and ground are those of the site's cards, so that it
# can be read wherever it stands.
_COLORS = (
    "svg:root{color:#24211d;background:#fff;font-family:system-ui,sans-serif}"
    "@media (prefers-color-scheme:dark){svg:root{color:#e7e4de;background:#1c1f23}}"
)
_ROOT = re.compile(r'<svg\b[^>]* width="(\d+)" height="(\d+)"[^>]*>(?:<desc\b[^>]*>([^<]*)</desc>)?')


def draw(specification: dict[str, Any], prefix: str) -> str:
    """The SVG text of a Vega-Lite specification.

    Args:
        specification: its `description` becomes the label that is read out, its `usermeta.summary` the description.
        prefix: begins every id, so that several figures can share a page.

    Raises:
        UserError: Vega-Lite does not accept the specification, or it wants data from elsewhere.
    """
    import vl_convert  # loads a JavaScript engine

    try:
        text = vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE, allowed_base_urls=[])
    except ValueError as error:
        raise UserError(f"Vega-Lite does not accept figure '{prefix}': {_first_line(error)}") from error
    return _finish(text, prefix, specification)


def look(svg: str) -> tuple[int, int, str] | None:
    """Width and height in CSS pixels, and the description, of what `draw` made; None if it is nothing of the kind."""
    found = _ROOT.match(svg)
    return (int(found[1]), int(found[2]), unescape(found[3] or "")) if found else None


def _finish(text: str, prefix: str, specification: dict[str, Any]) -> str:
    for short, uri in _NAMESPACES.items():
        ElementTree.register_namespace(short, uri)
    root = ElementTree.fromstring(text)
    _rename_ids(root, prefix)
    for element in root.iter():
        if element.get("font-family") == FONT:
            del element.attrib["font-family"]  # inherited from the page
        for name in [name for name in element.attrib if name == "role" or name.startswith("aria-")]:
            del element.attrib[name]  # the whole is one image to a screen reader: marks without a name would not pass
    root.set("class", "verify-figure")
    root.set("style", "max-width:100%;height:auto")
    root.set("role", "img")
    root.set("aria-label", str(specification.get("description", prefix)))
    style = ElementTree.Element(f"{{{_SVG}}}style")
    style.text = _COLORS
    root.insert(0, style)
    summary = specification.get("usermeta", {}).get("summary")
    if summary:
        about = ElementTree.Element(f"{{{_SVG}}}desc", {"id": f"{prefix}-summary"})
        about.text = summary
        root.insert(0, about)
        root.set("aria-describedby", f"{prefix}-summary")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


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


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
