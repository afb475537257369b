"""Whether an SVG may be published: opened by itself it is a document, and may hold scripts or ask other hosts."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from verify.site.html_rules import names

LIMIT = 5_000_000
"""Bytes: a drawing with more is nothing for a reader's browser."""
_SVG = "http://www.w3.org/2000/svg"
_BASE = "http://www.w3.org/XML/1998/namespace base"
_ACTIVE = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/1998/Math/MathML", "http://www.w3.org/1999/XSL/Transform")
"""Namespaces of which a browser knows elements; those of drawing programs mean nothing to it."""
_ELEMENTS = names(
    "a animate animateMotion animateTransform circle clipPath defs desc ellipse feBlend feColorMatrix "
    "feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow "
    "feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset "
    "fePointLight feSpecularLighting feSpotLight feTile feTurbulence filter font font-face font-face-name "
    "font-face-src glyph g hkern image line linearGradient marker mask metadata missing-glyph mpath path pattern "
    "polygon polyline radialGradient rect set stop style svg switch symbol text textPath title tref tspan use view "
    "vkern"
)
_PICTURES = tuple(f"data:image/{kind}" for kind in ("png", "jpeg", "jpg", "gif", "webp"))
_DATA = (*_PICTURES, "data:font/", "data:application/font", "data:application/x-font")
_FETCHING = ("@import", "image-set(", "image(", "src(", "cross-fade(", "element(", "paint(")


class _RefusedError(Exception):
    """With the reason."""


def refused(content: bytes) -> str:
    """Why an SVG may not be published; empty where it may."""
    if len(content) > LIMIT:
        return f"it has {len(content) / 1e6:.0f} MB; {LIMIT // 1_000_000} MB are the most"
    reader = _Reader()
    try:
        reader.read(content)
    except _RefusedError as reason:
        return f"{reason} (line {reader.line})"
    except expat.ExpatError as error:
        return f"it is no XML: {expat.errors.messages[error.code]} (line {error.lineno})"
    except (LookupError, ValueError):
        return "it is in an encoding that no browser has to know: save it as UTF-8"
    return ""


class _Reader:
    """Goes through a drawing, without resolving anything that it refers to."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.SkippedEntityHandler = self._entity
        self._parser.ProcessingInstructionHandler = self._instruction
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._open: list[str] = []
        self._style: list[str] = []

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber

    def read(self, content: bytes) -> None:
        self._parser.Parse(content, True)

    def _doctype(self, _name: str, _system: str | None, _public: str | None, internal: int) -> None:
        if internal:  # without one it is a formality that many programs write, and nothing reads
            _refuse("it declares entities in a DOCTYPE")

    def _entity(self, name: str, _parameter: bool) -> None:
        _refuse(f"it refers to the entity &{name}; which nothing declares")

    def _instruction(self, target: str, _data: str) -> None:
        _refuse(f"it holds the instruction <?{target}?>")

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        namespace, _, name = element.rpartition(" ")
        if not self._open and (namespace, name) != (_SVG, "svg"):
            _refuse('it is no SVG: it has to begin with <svg xmlns="http://www.w3.org/2000/svg">')
        if namespace in _ACTIVE or (namespace == _SVG and name not in _ELEMENTS):
            _refuse(f"it holds <{name}>")
        self._open.append(name)
        if name == "style":
            self._style.clear()
        for key, value in attributes.items():
            _check_attribute(name, key, value)

    def _text(self, text: str) -> None:
        if self._open[-1:] == ["style"]:
            self._style.append(text)

    def _end(self, _element: str) -> None:
        if self._open.pop() == "style":
            _check_style("".join(self._style), "a style")


def _check_attribute(element: str, key: str, value: str) -> None:
    namespace, _, name = key.rpartition(" ")
    if not namespace and name.lower().startswith("on"):
        _refuse(f"<{element}> has an event handler, `{name}`")
    if key == _BASE:
        _refuse(f"<{element}> has another base of addresses, `xml:base`")
    read = "".join(value.split()).lower()
    if name.lower() in ("href", "src") and not read.startswith(("#", *_PICTURES)) and read:
        _refuse(f"<{element}> refers to something outside the drawing")
    if name == "attributeName" and ("href" in read or read.startswith("on")):
        _refuse(f"<{element}> changes `{value}`")
    if not namespace:
        _check_style(value, f"`{name}` of <{element}>")


def _check_style(style: str, place: str) -> None:
    """Refuse what a browser would fetch: all but parts of the drawing itself."""
    read = "".join(style.split()).lower()
    if "\\" in read and ("(" in read or "@" in read):  # may spell anything
        _refuse(f"{place} has an escaped character")
    for word in _FETCHING:
        if word in read:
            _refuse(f"{place} has `{word.rstrip('(')}`")
    for part in read.split("url(")[1:]:
        if not part.lstrip("\"'").startswith(("#", *_DATA)):
            _refuse(f"{place} refers to something outside the drawing")


def _refuse(reason: str) -> NoReturn:
    raise _RefusedError(reason)
