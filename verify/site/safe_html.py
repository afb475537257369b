"""Raw HTML made harmless: a short list of elements and attributes, no scripts, nothing that comes from another host.

What is written is put together anew from tags that were read: nothing of the source reaches a page as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape

from msgspec import Struct

from verify.site import html_rules as rules
from verify.site.addresses import address, anchor, image_text, readable, refused_link, refused_source, remote_image
from verify.site.html_tokens import Token, tokens

DEPTH = 60
"""How deeply raw HTML may be nested; browsers end at some hundred."""
_ALIGNED = rules.HEADINGS | {"p", "div", "td", "th", "tr", "thead", "tbody", "tfoot", "caption"}

Resolver = Callable[[str], str | None]
"""From an address that a review may hold to what is written into the page; None: leave it out, the caller told why."""


class Omission(Struct, frozen=True):
    """Something that was left out of a page, and what to write in its place."""

    message: str
    hint: str
    line: int
    """0-based: that of the fragment, which the caller names, and the lines within it."""


class _Scope(Struct):
    """An element of Markdown's, and the raw elements that are open in it, outermost first."""

    element: str
    open: list[str]


class Cleaner:
    """Makes the raw HTML of one page harmless, fragment by fragment, and keeps it balanced.

    The renderer tells it of every element that it writes by itself, by `open_scope` before and `close_scope` after the
    content.  The page itself is a scope that is open from the beginning; `close_scope` ends it, too.

    Args:
        href: resolves the address of a link; it gets none that `refused_link` refuses.
        src: resolves the address of an image; it gets none that `refused_source` refuses.
        unique: makes an id unique on the page; empty: the element gets none.
    """

    def __init__(self, href: Resolver, src: Resolver, unique: Callable[[str], str] = str) -> None:
        self._href, self._src, self._unique = href, src, unique
        self._scopes = [_Scope("main", [])]
        self._left_out: tuple[str, int] | None = None  # an element whose content is left out; in which scope
        self._line = 0
        self._folds: list[int] = []  # where each `details` that is open began
        self.omissions: list[Omission] = []

    @property
    def is_open(self) -> bool:
        """Whether any raw element is."""
        return any(scope.open for scope in self._scopes)

    @property
    def line(self) -> int:
        """That of what is being read, as of `fragment`."""
        return self._line

    @property
    def dropping(self) -> bool:
        """Whether what follows in this scope lies in an element that is left out with its content."""
        return self._left_out is not None

    def inside(self, name: str) -> bool:
        """Whether what follows lies in an element of this name, raw or the renderer's."""
        return any(scope.element == name or name in scope.open for scope in self._scopes)

    def open_scope(self, element: str = "div") -> str:
        """An element of the renderer's begins; returns what has to be written before it.

        Raw elements that cannot hold it (`<p>` a list, `<table>` a paragraph) end there.
        """
        before = self._enter(element) if element not in rules.PARENTS else ""
        self._scopes.append(_Scope(element, []))
        return before or ""

    def close_scope(self) -> str:
        """The element of the renderer's ends; returns the ends of the raw ones that are still open in it."""
        for line in self._folds[len(self._folds) - self._scopes[-1].open.count("details") :]:
            message = "<details> has no end: it folds away all that follows it"
            self.omissions.append(Omission(message, "write `</details>` where it ends", line))
        written = self._close_to(0)
        self._scopes.pop()
        if self._left_out and self._left_out[1] >= len(self._scopes):
            self._left_out = None
        if not self._scopes:
            self._scopes = [_Scope("main", [])]
        return written

    def fragment(self, html: str, block: bool, line: int = 0) -> str:
        """The harmless form of the content of an `html_inline` or `html_block` token.

        Args:
            html: the content.
            block: whether it is that of an `html_block`.
            line: 0-based, where it begins; omissions count from there.
        """
        written = []
        for token in tokens(html.replace("\r\n", "\n")):
            self._line = line + token.line
            if self._left_out:
                if token.kind == "close" and token.name == self._left_out[0]:
                    self._left_out = None
            elif token.kind == "text":
                written.append(self._text(token.text))
            elif token.kind == "unfinished":
                self._find("this tag has no end: it is shown as text", "end it with `>`, or write `&lt;` for `<`")
                written.append(self._text(token.source))
            else:
                written.append(self._tag(token))
        if block:
            self._left_out = None  # else a forgotten end would cost the rest of the page
        return "".join(written)

    def attributes(self, name: str, given: Mapping[str, str], line: int = 0) -> str:
        """What an author gave an element of the renderer's, as it is written; what that cannot have is an omission.

        Args:
            name: of the element.
            given: attributes other than addresses.
            line: 0-based, where they stand.
        """
        self._line = line
        kept = {key: value for key, value in given.items() if _kept(name, key, value)}
        style = _style(name, given, False)
        self.refuse(name, [key for key in given if key not in {*kept, "id"} and not (key == "width" and style)], line)
        self._name_it(name, given, kept)
        return _written(name, kept | ({"style": style} if style else {}))

    def refuse(self, name: str, given: Iterable[str], line: int = 0) -> None:
        """Note that these attributes of an element of the renderer's are left out."""
        self._line = line
        for key in given:
            self._find(f"`{key}` of <{name}> is left out", "the guide says which attributes it can have")

    def named(self, name: str, given: str, line: int = 0) -> str:
        """The id that an author gave an element of the renderer's, unique on the page; empty where it can have none."""
        self._line = line
        kept: dict[str, str] = {}
        self._name_it(name, {"id": given}, kept)
        return kept.get("id", "")

    def _tag(self, token: Token) -> str:
        name = rules.RENAMED.get(token.name, token.name)
        if token.name not in rules.KNOWN:
            return self._literal(token.source)
        if token.kind == "close":
            return self._end(name)
        if name in rules.EMPTIED:
            self._find(
                f"<{name}> is left out with all that is in it", "a review holds text, images and its own figures"
            )
            if not token.alone:
                self._left_out = name, len(self._scopes) - 1
            return ""
        if name in rules.REFUSED:
            self._find(f"<{name}> is left out", "the guide lists what a review may hold of HTML")
        return self._start(name, token) if name in rules.ALLOWED else ""

    def _start(self, name: str, token: Token) -> str:
        """An element begins."""
        if sum(len(scope.open) for scope in self._scopes) >= DEPTH:
            self._find(f"<{name}> is left out: HTML is nested more than {DEPTH} deep", "end some elements before")
            return ""
        before = self._close_link() if name == "a" else ""
        if name == "a" and self.inside("a"):
            self._find("a link within a link is left out", "end the outer one first")
            return before
        entered = self._enter(name)
        if entered is None:
            if name in rules.PARENTS:
                places = " or ".join(f"<{each}>" for each in sorted(rules.PARENTS[name]))
                self._find(f"<{name}> is left out: it stands in no {places}", f"put it directly into {places}")
            else:
                hint = "give it a line of its own, with an empty line before it"
                self._find(f"<{name}> is left out: it is a block, and stands within a line", hint)
            return before
        if name == "img":
            return before + entered + self._image(token.attributes)
        tag = f"<{name}{self._attributes(name, token)}>"
        if name in rules.VOID:
            return before + entered + tag
        if token.alone:
            return f"{before}{entered}{tag}</{name}>"
        self._scopes[-1].open.append(name)
        if name == "details":
            self._folds.append(self._line)
        return before + entered + tag

    def _end(self, name: str) -> str:
        """An element ends, with those that are open in it; what is not open in this scope has no end."""
        opened = self._scopes[-1].open
        for place in range(len(opened) - 1, -1, -1):
            if opened[place] == name:
                return self._close_to(place)
            if opened[place] in rules.BARRIERS and name not in rules.TABLE_PARTS:
                break
        return ""

    def _close_to(self, count: int) -> str:
        """End raw elements of this scope until `count` are open."""
        opened = self._scopes[-1].open
        written = "".join(f"</{name}>" for name in reversed(opened[count:]))
        del self._folds[len(self._folds) - opened[count:].count("details") :]
        del opened[count:]
        return written

    def _close_link(self) -> str:
        opened = self._scopes[-1].open
        return self._close_to(opened.index("a")) if "a" in opened else ""

    def _enter(self, name: str) -> str | None:
        """What has to be written before an element can begin here; None: it cannot stand here."""
        if name in rules.PARENTS:
            return self._enter_part(name)
        opened = self._scopes[-1].open
        line = name in rules.PHRASING or name in ("math", "svg", "input", "label", "button")
        for keep in range(len(opened), -1, -1):
            outer = keep
            while outer and opened[outer - 1] in rules.TRANSPARENT:
                outer -= 1
            inner = opened[outer - 1] if outer else self._scopes[-1].element
            if inner in rules.IMPLIED and outer == keep and outer:
                part = rules.IMPLIED[inner]
                written = f"{self._close_to(keep)}<{part}>"
                opened.append(part)
                return written
            if _holds(inner, name, line):
                return self._close_to(keep)
        return None

    def _enter_part(self, name: str) -> str | None:
        opened = self._scopes[-1].open
        for place in range(len(opened) - 1, -1, -1):
            if opened[place] in rules.PARENTS[name]:
                return self._close_to(place + 1)
            if name in ("td", "th") and opened[place] in rules.PARENTS["tr"]:
                written = f"{self._close_to(place + 1)}<tr>"
                opened.append("tr")
                return written
            if opened[place] == "table" or (opened[place] in rules.BARRIERS and name not in rules.TABLE_PARTS):
                break
        return None

    def _text(self, text: str) -> str:
        text = readable(text)
        before = (self._enter("span") or "") if text.strip() else ""
        return before + escape(text, quote=False)

    def _literal(self, source: str) -> str:
        """What is no HTML, such as `<unk>`: as it is written."""
        text = escape(readable(source), quote=False)
        before = self._enter("span") or ""
        return before + (text if self.inside("code") or self.inside("pre") else f"<code>{text}</code>")

    def _image(self, attributes: dict[str, str]) -> str:
        written, alt = attributes.get("src", ""), attributes.get("alt", "")
        reason = refused_source(written)
        if reason:
            self._find(f"an image is not shown: {reason}", "put it beside the review, and name it from there")
            return remote_image(alt, written, self.inside("a"))
        found = self._src(address(written))
        if found is None or refused_source(found):
            return image_text(alt, written)
        about = self._attributes("img", Token("open", "", 0, "img", attributes))
        return f'<img src="{escape(found)}" alt="{escape(readable(alt))}"{about}>'

    def _attributes(self, name: str, token: Token) -> str:
        """The harmless attributes of an element, `src` and `alt` of an image aside."""
        kept: dict[str, str] = {}
        written = token.attributes
        if name == "a" and "href" in written:
            self._lead(written["href"], kept)
        for key, value in written.items():
            if key.startswith("on") or key == "style":
                hint = "the site has one style" if key == "style" else "a review holds no scripts"
                self._find(f"`{key}` of <{name}> is left out", hint)
            elif _kept(name, key, value):
                kept[key] = value
        self._name_it(name, written, kept)
        style = _style(name, written, token.name == "center")
        if style:
            kept["style"] = style
        return _written(name, kept)

    def _lead(self, written: str, kept: dict[str, str]) -> None:
        """Give a link its address, if it may lead there."""
        reason = refused_link(written)
        if reason:
            self._find("the address of a link is left out", reason)
            return
        found = self._href(address(written))
        if found is not None and not refused_link(found):
            kept["href"] = found

    def _name_it(self, name: str, written: Mapping[str, str], kept: dict[str, str]) -> None:
        """Give an element the id that its author gave it, as a unique one."""
        given = written.get("id") or (written.get("name", "") if name == "a" else "")
        if not given:
            return
        wanted = anchor(given)
        if not wanted:
            self._find(f"the id {given!r} is left out", "an id has letters, and does not begin with two underscores")
            return
        unique = self._unique(wanted)
        if unique:
            kept["id"] = unique
        if unique != wanted:
            what = "heading" if name in rules.HEADINGS else f"<{name}>"
            self._find(f"the id '{wanted}' is taken on this page", f"give the {what} another")

    def _find(self, message: str, hint: str) -> None:
        self.omissions.append(Omission(message, hint, self._line))


def _written(name: str, kept: Mapping[str, str]) -> str:
    return "".join(
        f" {key}" if key in rules.FLAGS.get(name, ()) else f' {key}="{escape(readable(value))}"'
        for key, value in kept.items()
    )


def _holds(inner: str, name: str, line: bool) -> bool:
    """Whether an element may stand directly in another."""
    if inner in rules.STRUCTURES:
        return False
    if line:
        return True
    if inner in rules.LINES or inner in rules.TRANSPARENT:
        return inner == "summary" and name in rules.HEADINGS
    return inner != "caption" or name != "table"


def _kept(name: str, key: str, value: str) -> bool:
    """Whether an attribute other than addresses and ids is kept."""
    if key in ("title", "lang"):
        return bool(value) and (key == "title" or (value.isascii() and value.replace("-", "").isalnum()))
    if key == "dir":
        return value.lower() in ("ltr", "rtl", "auto")
    if key in rules.FIXED.get(name, {}):
        return value in rules.FIXED[name][key]
    if key in rules.COUNTS.get(name, ()):
        return _number(value) and int(value) > 0
    if key in rules.INTEGERS.get(name, ()):
        return _number(value.removeprefix("-"))
    return key in rules.FLAGS.get(name, ()) or (key in rules.TEXTS.get(name, ()) and bool(value))


def _number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 4


def _style(name: str, written: Mapping[str, str], centred: bool) -> str:
    """What HTML once said by attributes and now says by a style."""
    said = []
    side = rules.SIDES.get(written.get("align", "").lower(), "center" if centred else "")
    if side and name in _ALIGNED:
        said.append(f"text-align: {side}")
    if name == "img" and side in ("left", "right"):
        said.append(f"float: {side}")
    level = rules.LEVELS.get(written.get("valign", "").lower())
    if level and name in ("td", "th", "tr", "thead", "tbody", "tfoot"):
        said.append(f"vertical-align: {level}")
    width = written.get("width", "")
    if name in ("img", "td", "th", "table", "col") and width.endswith("%") and _number(width[:-1]):
        said.append(f"width: {min(int(width[:-1]), 100)}%")
    return "; ".join(said)
