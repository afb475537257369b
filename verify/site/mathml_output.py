"""MathML written anew from what the engine made: known elements, known attributes, harmless values, and links.

Nothing is copied that is not listed here, whatever an equation holds.
"""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from html import escape

from msgspec import Struct, field

from verify.site.html_rules import names

DEPTH = 250
ELEMENTS = names(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts "
    "mprescripts mtable mtr mtd mstyle mpadded mphantom"
)
_AS_ROW = frozenset({"menclose"})
"""Not of MathML Core: browsers show its content as a row, and the style says what is drawn around it."""
_TOKENS = frozenset({"mi", "mn", "mo", "ms", "mtext"})
_LENGTH = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:em|ex|px|pt|cm|mm|in|pc|%)?")
_NAME = re.compile(r"true|false|prefix|infix|postfix|normal|block|inline|[+-]?\d")
_COLOR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})|[A-Za-z]{1,30}|rgba?\([\d., %]{1,40}\)")
_ATTRIBUTES = {
    **dict.fromkeys(("lspace", "rspace", "width", "height", "depth", "voffset", "minsize", "maxsize"), _LENGTH),
    **dict.fromkeys(("linethickness", "mathsize"), _LENGTH),
    **dict.fromkeys(("fence", "form", "stretchy", "separator", "symmetric", "movablelimits", "largeop"), _NAME),
    **dict.fromkeys(("accent", "accentunder", "displaystyle", "scriptlevel", "mathvariant"), _NAME),
    **dict.fromkeys(("columnspan", "rowspan"), re.compile(r"\d{1,2}")),
    **dict.fromkeys(("mathcolor", "mathbackground"), _COLOR),
}
_ONLY_AT = {"separator": "mo", "width": "mspace mpadded", "height": "mspace mpadded", "depth": "mspace mpadded"}
_ONLY_AT |= {"lspace": "mo mpadded", "rspace": "mo", "voffset": "mpadded"}
_ONLY_AT |= {"accent": "mover munderover", "accentunder": "munder munderover"}
_STYLED = {"displaystyle": "math mstyle mtable", "scriptlevel": "math mstyle"}
_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_STYLES = re.compile(
    r"(?:padding(?:-left|-right|-top|-bottom)?|border(?:-left|-right|-top|-bottom)?|width|height|margin(?:-left|-right)?)"
    r":(?: ?(?:[+-]?[\d.]{1,8}(?:em|ex|px|pt|%)?|solid|dashed|auto|#[0-9A-Fa-f]{3,6}|[A-Za-z]{1,20}(?=$| ))){1,4}"
    r"|(?:color|background-color):(?:#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6}|[A-Za-z]{1,30})|math-depth:0"
)
_CLASS = re.compile(r"tml-[a-z0-9-]{1,20}|upstrike|downstrike|sout|mathcal|mathscr")
_UNUSED = frozenset({"tml-display", "tml-sml-pad", "tml-med-pad", "tml-lrg-pad"})
_LINK = re.compile(r"link-(\d{1,4})")
_LARGEST = 100.0


class RefusedError(Exception):
    """What the engine made holds something that no page may have."""


class Written(Struct):
    """MathML for a page, and the text of each number in it."""

    html: str = ""
    tags: list[str] = field(default_factory=list)


def write(mathml: str, tex: str, links: Sequence[str], ids: Sequence[Sequence[str]]) -> Written:
    """What may stand in a page.

    Args:
        mathml: what the engine made.
        tex: kept as `data-tex`, for those who copy.
        links: addresses that `class="link-0"` and so on stand for; they were checked.
        ids: of each number, in order.

    Raises:
        RefusedError: it holds what is not listed.
    """
    try:
        root = ET.fromstring(mathml)
    except (ET.ParseError, RecursionError, ValueError) as error:
        raise RefusedError("it cannot be shown") from error
    if root.tag != "math":
        raise RefusedError("it cannot be shown")
    writer = _Writer(links, ids)
    display = ' display="block"' if root.get("display") == "block" else ""
    inner = "".join(writer.element(child, 1) for child in root)
    return Written(f'<math{display} data-tex="{_quoted(tex)}">{inner}</math>', writer.tags)


class _Writer:
    def __init__(self, links: Sequence[str], ids: Sequence[Sequence[str]]) -> None:
        self.links, self.ids = links, ids
        self.tags: list[str] = []

    def element(self, node: ET.Element, depth: int) -> str:
        """One element, with what it holds."""
        name = "mrow" if node.tag in _AS_ROW or (len(node) and node.tag in _TOKENS) else node.tag
        if name not in ELEMENTS or depth > DEPTH:
            raise RefusedError("it cannot be shown" if depth <= DEPTH else "it is nested too deeply")
        classes = (node.get("class") or "").split()
        attributes = self.attributes(name, node, classes)
        wraps: list[str] = []
        if "tml-tag" in classes:
            number = len(self.tags)
            self.tags.append("".join(node.itertext()).strip())
            ids = self.ids[number] if number < len(self.ids) else ()
            attributes = "".join(f' id="{_quoted(name)}"' for name in ids[:1]) + attributes
            wraps = list(ids[1:])
        parts = [self.element(child, depth + 1) for child in node]
        more = len(parts) - _CHILDREN.get(name, len(parts))
        if more < 0:
            raise RefusedError("it cannot be shown")
        if more:  # the engine forgot a row around the first
            parts[: more + 1] = [f"<mrow>{''.join(parts[: more + 1])}</mrow>"]
        inner = "".join(parts)
        if name in _TOKENS:
            inner = escape(unicodedata.normalize("NFC", node.text or ""), quote=False)
            if inner and unicodedata.combining(inner[0]):  # `>` must not join with it, whoever normalises the page
                inner = f"&#x{ord(inner[0]):x};{inner[1:]}"
        made = f"<{name}{attributes}>{inner}</{name}>"
        styled = "".join(
            f' {key}="{node.get(key)}"'
            for key, places in _STYLED.items()
            if _NAME.fullmatch(node.get(key) or "") and name not in places.split()
        )
        if styled:
            made = f"<mstyle{styled}>{made}</mstyle>"
        for extra in wraps:
            made = f'<mrow id="{_quoted(extra)}">{made}</mrow>'
        for one in classes:
            if (link := _LINK.fullmatch(one)) and int(link[1]) < len(self.links):
                address = _quoted(self.links[int(link[1])])
                words = re.fullmatch(r"<mtext>([^<>]*)</mtext>(?:<mrow></mrow>)?", inner)
                shown = inner if name == "mtext" else words[1] if words else f"<math>{made}</math>"
                made = f'<mtext><a href="{address}">{shown}</a></mtext>'
        return made

    def attributes(self, name: str, node: ET.Element, classes: Sequence[str]) -> str:
        """What is listed of an element's attributes."""
        made = []
        kept = [one for one in classes if _CLASS.fullmatch(one) and one not in _UNUSED]
        if node.tag in _AS_ROW:
            kept.insert(0, "tml-enclose")
        if kept:
            made.append(f' class="{" ".join(kept)}"')
        for key, value in node.attrib.items():
            if key == "style":
                if safe := ";".join(
                    part for one in value.split(";") if (part := _bounded(one.strip())) and _style(part)
                ):
                    made.append(f' style="{safe}"')
            elif name not in _STYLED.get(key, name).split():
                continue
            elif key in _ATTRIBUTES and _ATTRIBUTES[key].fullmatch(value) and name in _ONLY_AT.get(key, name).split():
                made.append(f' {key}="{_quoted(_bounded(value))}"')
        return "".join(made)


def _quoted(text: str) -> str:
    return escape(text, quote=False).replace('"', "&quot;")


def _style(declaration: str) -> bool:
    return _STYLES.fullmatch(declaration) is not None


def _bounded(text: str) -> str:
    """Lengths that leave a page usable."""
    return re.sub(
        r"\d+(?:\.\d+)?(?=em|ex|px|pt|cm|mm|in|pc)",
        lambda found: found[0] if float(found[0]) <= _LARGEST else f"{_LARGEST:.0f}",
        text,
    )
