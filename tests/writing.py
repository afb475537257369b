"""A review's text as the HTML of its body, without a project on disk; and what HTML says, however it is written."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag
from msgspec.structs import replace

from tests.reviewing import FRONT, good
from verify.format.inline import Inline
from verify.model import Review
from verify.project.loading import Parsed
from verify.project.project import Project
from verify.site import pages
from verify.site.body import Body, Writer
from verify.site.links import link_from
from verify.site.targets import Targets

FIRST = FRONT.count("\n") + 1
"""The line of the file in which a body begins."""
KEPT = ("href", "src", "alt", "title", "start", "checked", "type", "style", "width", "height")
"""Attributes that say something of the text's structure."""
BLOCKS = frozenset(
    """p ul ol li blockquote pre h1 h2 h3 h4 h5 h6 table thead tbody tr th td dl dt dd div section details summary hr
    figure""".split()  # noqa: SIM905
)
Node = tuple[object, ...] | str
"""A text, or the name of an element (with attributes, where it has any that count) and what is in it."""


def write(text: str, root: Path = Path("nowhere"), evidence: str = "EVIDENCE") -> Body:
    """The body of a review that says `text`, in a project at `root`; bindings and references become `evidence`."""
    review = replace(_blank(), text=FRONT + text)
    project, page = Project(root, [Parsed(review, {}, {}, {})]), f"reviews/{review.slug}.md"

    def say(_: Inline) -> str:
        return evidence

    return Writer(review, Targets(project, page, link_from(page, True)), say, str, ()).write()


def html(text: str) -> str:
    """The same as HTML, headings too."""
    return pages.Page("", "", write(text).parts).html


def mistakes(text: str, root: Path = Path("nowhere")) -> list[tuple[int, str, str]]:
    """Line (1 is the body's first), message and hint of all that is wrong with it."""
    return [(each.line - FIRST + 1, each.message, each.hint) for each in write(text, root).mistakes]


@cache
def _blank() -> Review:
    return good(FRONT)


def structure(written: str) -> tuple[Node, ...]:
    """Elements and texts of HTML, without what this site wraps them in."""
    return _within(_unwrapped(BeautifulSoup(written, "html.parser")), False)


def _unwrapped(soup: BeautifulSoup) -> BeautifulSoup:
    for each in soup.select("a.headerlink"):
        each.decompose()
    for each in soup.select("div.verify-scroll, .verify-equation"):
        each.unwrap()
    for each in soup.select("div.highlight"):
        code = each.get_text()
        each.clear()
        each.append(NavigableString(code))
        each.name = "pre"
    for each in soup.select("pre > code"):
        each.unwrap()
    for each in soup.find_all("s"):
        each.name = "del"
    for each in soup.find_all("math"):
        each.clear()
    return BeautifulSoup(str(soup), "html.parser")


def _within(element: Tag, literal: bool) -> tuple[Node, ...]:
    found: list[Node] = []
    for each in element.children:
        if isinstance(each, Tag):
            found.append(_element(each, literal))
        elif type(each) is NavigableString:
            if found and isinstance(found[-1], str):
                found[-1] += str(each)
            else:
                found.append(str(each))
    if literal:
        return tuple(found)
    return tuple(_trimmed(found, element.name in BLOCKS or element.name == "[document]"))


def _element(each: Tag, literal: bool) -> Node:
    attributes = {name: str(each[name]) for name in KEPT if name in each.attrs}
    if each.name == "math":
        attributes = {"display": "block"} if each.get("display") == "block" else {}
    if each.name == "pre":
        return ("pre", each.get_text().strip("\n"))
    head: tuple[object, ...] = (each.name, attributes) if attributes else (each.name,)
    return (*head, *_within(each, literal))


def _trimmed(nodes: list[Node], block: bool) -> list[Node]:
    """Spaces as a browser shows them: one for many, none at the borders of blocks."""
    found: list[Node] = []
    for place, node in enumerate(nodes):
        if not isinstance(node, str):
            found.append(node)
            continue
        text = "".join(char if not char.isspace() or char == "\u00a0" else " " for char in node)
        while "  " in text:
            text = text.replace("  ", " ")
        if _is_border(nodes, place - 1, block):
            text = text.lstrip(" ")
        if _is_border(nodes, place + 1, block):
            text = text.rstrip(" ")
        if text:
            found.append(text)
    return found


def _is_border(nodes: list[Node], place: int, block: bool) -> bool:
    if not 0 <= place < len(nodes):
        return block
    node = nodes[place]
    return not isinstance(node, str) and (
        node[0] in BLOCKS or node[:2] == ("math", {"display": "block"}) or node[0] == "br"
    )
