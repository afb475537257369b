"""A review's body as HTML: its tokens written out, with what stands in the place of fences and of evidence.

Raw HTML goes through `safe_html`, equations become MathML, addresses those of the site.  What cannot be shown as it was
meant is a mistake with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from html import escape
from typing import Any

from markdown_it.token import Token
from msgspec import Struct

from verify.errors import UserError
from verify.format.attributes import ALLOWED
from verify.format.blocks import lines_of
from verify.format.inline import Binding, Finding, Inline
from verify.format.markdown import lines_above, parse
from verify.model import CodeFence, Review, Verification
from verify.site import equations, footnotes, headings, losses
from verify.site.addresses import image_text, readable, refused_link, refused_source, remote_image
from verify.site.headings import Heading, Ids
from verify.site.listings import code_block
from verify.site.safe_html import Cleaner
from verify.site.targets import Jump, Targets, Wanted

Part = Heading | str
"""A page is a sequence of these: headings that stand by themselves, and HTML between them."""
Fence = Verification | CodeFence

_TAGS = {
    "paragraph": "p", "blockquote": "blockquote", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li",
    "thead": "thead", "tbody": "tbody", "tr": "tr", "th": "th", "td": "td", "dl": "dl", "dt": "dt", "dd": "dd",
}  # fmt: skip
_MARKS = {"em": "em", "strong": "strong", "s": "del"}
_LEAVES = frozenset({"text", "code_inline", "evidence", "maths_inline", "image", "footnote_ref"})
_ALERTS = {"important": "info", "caution": "danger"}
"""GitHub's alerts that the theme has under another name."""
_LONG = 30
"""An equation within a line that has more characters gets a box of its own, which scrolls where the page is narrow."""


class Body(Struct, frozen=True):
    parts: tuple[Part, ...]
    headings: tuple[Heading, ...]
    """All of them, nested ones too, in order."""
    ids: frozenset[str]
    jumps: tuple[Jump, ...]
    wanted: tuple[Wanted, ...]
    mistakes: tuple[UserError, ...]


class Writer:
    """Writes one body.

    Args:
        review: whose it is.
        targets: resolves its addresses.
        evidence: a binding, a finding or a reference as HTML.
        fence: what stands in the place of a `verify` fence, as HTML.
        taken: the ids that the rest of the page has.
        kept: translations of equations from earlier builds.
    """

    def __init__(
        self,
        review: Review,
        targets: Targets,
        evidence: Callable[[Inline], str],
        fence: Callable[[Fence], str],
        taken: Iterable[str],
        kept: MutableMapping[str, str] | None = None,
    ) -> None:
        self._review, self._targets, self._evidence, self._fence = review, targets, evidence, fence
        self._ids = Ids([review.slug, *taken])
        self._kept = kept
        self._line = review.body_line
        self._cleaner = Cleaner(
            lambda address: targets.link(address, self._cleaner.line),
            lambda address: targets.image(address, self._cleaner.line),
            self._ids.unique,
        )
        self._headings: list[Heading] = []
        self._mistakes: list[UserError] = []
        self._equations: dict[int, str] = {}
        self._notes: list[tuple[str, str]] = []
        self._links: list[bool] = []
        self._referred: set[str] = set()
        self._shift = 0
        self._repeated: Token | None = None

    def write(self) -> Body:
        """The body, once."""
        env: dict[str, Any] = {}
        text = "\n".join(self._review.text.split("\n")[self._review.body_line - 1 :])
        tokens = parse(text, env)
        self._shift, self._repeated = headings.shift(tokens, self._review.paper.title)
        self._equations, names, self._mistakes = equations.read(self._review, tokens, self._kept)
        self._ids.take([*names, *footnotes.ids(tokens)])
        self._mistakes += losses.found(self._review, tokens, env)
        *parts, last = self._parts(tokens)
        parts.append(str(last) + self._cleaner.close_scope())
        for found in self._cleaner.omissions:
            self._wrong(found.message, found.hint, found.line)
        mistakes = [*self._mistakes, *self._targets.mistakes]
        return Body(
            parts=tuple(part for part in parts if part),
            headings=tuple(self._headings),
            ids=self._ids.all(),
            jumps=tuple(self._targets.jumps),
            wanted=tuple(self._targets.wanted),
            mistakes=tuple(sorted(mistakes, key=lambda each: each.line)),
        )

    # Blocks

    def _parts(self, tokens: Sequence[Token]) -> list[Part]:
        """The body cut at its headings and at the fences that are replaced."""
        fences: dict[int, Fence] = {fence.line: fence for fence in self._review.verifications}
        fences |= {fence.line: fence for fence in self._review.code_fences}
        parts: list[Part] = []
        written: list[str] = []
        begun = place = 0
        while place < len(tokens):
            token = tokens[place]
            fence = fences.get(self._at(token)) if token.type == "fence" and token.level == 0 else None
            if fence is None and not (token.type == "heading_open" and token.level == 0):
                place += 1
                continue
            written.append(self._blocks(tokens[begun:place]))
            place = begun = place + (3 if fence is None else 1)
            if fence is not None:
                written.append(self._own(self._fence(fence)))
                continue
            before, *heading = self._heading(token, tokens[place - 2])
            written.append(str(before))
            if self._cleaner.is_open:  # in raw HTML that goes on below, it does not stand by itself
                written += map(_as_html, heading)
            elif heading:
                parts += ["".join(written), *heading]
                written = []
        return [*parts, "".join([*written, self._blocks(tokens[begun:])])]

    def _blocks(self, tokens: Sequence[Token]) -> str:
        written: list[str] = []
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.map:
                self._line = self._at(token)
            if token.type == "heading_open":
                before, *heading = self._heading(token, tokens[place + 1])
                written += [str(before), *(_as_html(each) for each in heading)]
                place += 3
                continue
            written.append(self._inline(token.children or ()) if token.type == "inline" else self._block(token))
            place += 1
        return "".join(written)

    def _heading(self, token: Token, inline: Token) -> list[Part]:
        """What has to end before a heading, and the heading; not one that repeats the page's title."""
        self._line = self._at(token)
        given = _given(token)
        wanted = given.pop("id", "")
        name = self._cleaner.named(token.tag, wanted, self._line) if wanted else ""
        name = name or self._ids.unique(headings.slug(headings.plain(inline)))
        if token is self._repeated:
            return [f'<div id="{escape(name)}"></div>']
        self._cleaner.refuse(token.tag, given, self._line)
        before = self._cleaner.open_scope(token.tag)
        html = self._inline(inline.children or ()) + self._cleaner.close_scope()
        heading = Heading(min(6, int(token.tag[1]) + self._shift), name, html, self._contents(inline))
        self._headings.append(heading)
        return [before, heading]

    def _contents(self, inline: Token) -> str:
        """What a heading says in the contents: text and equations."""
        return "".join(self._in_contents(each) for each in inline.children or ()).strip()

    def _in_contents(self, token: Token) -> str:
        if token.type == "maths_inline":
            return self._equations[id(token)]
        if token.type == "evidence" and isinstance(token.meta["found"], Binding | Finding):
            return self._evidence(token.meta["found"])
        return escape(headings.said(token), quote=False)

    def _block(self, token: Token) -> str:
        kind, _, side = token.type.rpartition("_")
        if kind in _TAGS and side in ("open", "close"):
            return "" if token.hidden else self._container(token, _TAGS[kind], side)
        write: Callable[[Token], str] = getattr(self, f"_write_{token.type}")
        return write(token)

    def _container(self, token: Token, tag: str, side: str) -> str:
        if side == "close":
            return f"{self._cleaner.close_scope()}</{tag}>\n"
        before = self._cleaner.open_scope(tag)
        attributes: dict[str, str] = {
            name: str(token.attrs[name]) for name in ("start", "style") if name in token.attrs
        }
        box = ""
        if "checked" in token.meta:
            attributes["class"] = "task-list-item"
            done = token.meta["checked"]
            state, says = (" checked", "done") if done else ("", "to do")
            box = f'<input type="checkbox" disabled{state} aria-label="{says}"> '
        written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
        written += self._cleaner.attributes(tag, _given(token), self._line)
        return f"{before}<{tag}{written}>{box}"

    def _own(self, html: str, element: str = "div") -> str:
        """An element that is not Markdown's, with what has to end before it."""
        before = self._cleaner.open_scope(element)
        self._cleaner.close_scope()
        return before + str(html)

    def _write_table_open(self, _token: Token) -> str:
        before = self._cleaner.open_scope("table")
        return f'{before}<div class="verify-scroll" tabindex="0" role="group" aria-label="Table"><table>'

    def _write_table_close(self, _token: Token) -> str:
        return f"{self._cleaner.close_scope()}</table></div>\n"

    def _write_hr(self, _token: Token) -> str:
        return self._own("<hr>\n")

    def _write_fence(self, token: Token) -> str:
        if token.info.split()[:1] == ["math"]:
            return self._write_maths_block(token)
        return self._own(code_block(token.content, token.info))

    def _write_code_block(self, token: Token) -> str:
        return self._own(code_block(token.content, ""))

    def _write_html_block(self, token: Token) -> str:
        return self._cleaner.fragment(token.content, True, self._line)

    def _write_maths_block(self, token: Token) -> str:
        html = self._equations[id(token)]
        after = escape(token.meta.get("after", ""))
        return self._own(f'<div class="verify-equation" tabindex="0">{html}{after}</div>\n') if html else ""

    def _write_note_open(self, token: Token) -> str:
        """A box or a fold, as the theme styles them: titled by its kind, unless it has a title or `""`."""
        tag = "details" if token.meta["fold"] else "div"
        self._notes.append((tag, token.info))
        before = self._cleaner.open_scope(tag) + self._note_head(tag, token.info, token.meta["open"])
        untitled = token.meta["title"] is None or (tag == "details" and not token.meta["title"])
        return before + (self._note_title(tag, token.info.capitalize()) if untitled else "")

    def _note_head(self, tag: str, kind: str, opened: bool) -> str:
        return (
            f'<details class="{kind}"{" open" if opened else ""}>'
            if tag == "details"
            else f'<div class="admonition {kind}">'
        )

    def _note_title(self, tag: str, title: str) -> str:
        return f"<summary>{title}</summary>" if tag == "details" else f'<p class="admonition-title">{title}</p>'

    def _write_note_title_open(self, _token: Token) -> str:
        tag = self._notes[-1][0]
        self._cleaner.open_scope("summary" if tag == "details" else "p")
        return "<summary>" if tag == "details" else '<p class="admonition-title">'

    def _write_note_title_close(self, _token: Token) -> str:
        return self._cleaner.close_scope() + ("</summary>" if self._notes[-1][0] == "details" else "</p>")

    def _write_note_close(self, _token: Token) -> str:
        return f"{self._cleaner.close_scope()}</{self._notes.pop()[0]}>\n"

    def _write_alert_open(self, token: Token) -> str:
        kind = str(token.meta["kind"]).lower()
        self._notes.append(("div", kind))
        return self._cleaner.open_scope("div") + self._note_head("div", _ALERTS.get(kind, kind), False)

    _write_alert_title_open = _write_note_title_open
    _write_alert_title_close = _write_note_title_close
    _write_alert_close = _write_note_close

    def _write_footnote_block_open(self, _token: Token) -> str:
        return f'{self._cleaner.open_scope("div")}<div class="footnote"><hr><ol>'

    def _write_footnote_block_close(self, _token: Token) -> str:
        return f"{self._cleaner.close_scope()}</ol></div>\n"

    def _write_footnote_open(self, token: Token) -> str:
        self._cleaner.open_scope("li")
        return f'<li id="fn:{token.meta["id"] + 1}">'

    def _write_footnote_close(self, _token: Token) -> str:
        return f"{self._cleaner.close_scope()}</li>\n"

    def _write_footnote_anchor(self, token: Token) -> str:
        back = footnotes.reference(token)
        if back not in self._referred:  # from a footnote that nothing refers to
            return ""
        return f' <a class="footnote-backref" href="#{back}" aria-label="Back to the text">↩</a>'

    # Within lines

    def _inline(self, tokens: Sequence[Token]) -> str:
        written: list[str] = []
        first = self._line
        for token in tokens:
            self._line = first + lines_above(token)
            if token.type in ("softbreak", "hardbreak"):
                written.append("\n" if token.type == "softbreak" else "<br>\n")
            elif token.type not in _LEAVES or not self._cleaner.dropping:
                write: Callable[[Token], str] = getattr(self, f"_write_{token.type}")
                written.append(write(token))
        return "".join(written)

    def _mark(self, token: Token) -> str:
        kind, _, side = token.type.partition("_")
        tag = _MARKS[kind]
        return f"{self._cleaner.open_scope(tag)}<{tag}>" if side == "open" else f"{self._cleaner.close_scope()}</{tag}>"

    _write_em_open = _write_em_close = _write_strong_open = _write_strong_close = _write_s_open = _write_s_close = _mark

    def _write_text(self, token: Token) -> str:
        return escape(readable(token.content), quote=False)

    def _write_too_long(self, _token: Token) -> str:
        return ""  # the text before it is the whole paragraph

    def _write_code_inline(self, token: Token) -> str:
        given = self._cleaner.attributes("code", _given(token), self._line)
        return f"<code{given}>{escape(readable(token.content), quote=False)}</code>"

    def _write_html_inline(self, token: Token) -> str:
        return self._cleaner.fragment(token.content, False, self._line)

    def _write_evidence(self, token: Token) -> str:
        found = token.meta["found"]
        return escape(token.content) if isinstance(found, UserError) else self._evidence(found)

    def _write_maths_inline(self, token: Token) -> str:
        html = self._equations[id(token)]
        if not html or (not equations.stands_alone(token) and len(token.content) <= _LONG):
            return html
        kind = "" if equations.stands_alone(token) else " verify-equation--line"
        return f'<span class="verify-equation{kind}" tabindex="0">{html}</span>'

    def _write_footnote_ref(self, token: Token) -> str:
        number, name = token.meta["id"] + 1, footnotes.reference(token)
        self._referred.add(name)
        return f'<sup id="{name}"><a class="footnote-ref" href="#fn:{number}">{number}</a></sup>'

    def _write_link_open(self, token: Token) -> str:
        address = str(token.attrs.get("href", ""))
        reason = refused_link(address)
        if reason:
            self._wrong("the address of a link is left out", reason, self._line)
        found = None if reason else self._targets.link(address, self._line)
        before = self._cleaner.open_scope("a")
        self._links.append(found is not None)
        given = self._cleaner.attributes("a", _given(token), self._line) if found is not None else ""
        return before + (f'<a href="{escape(found)}"{given}>' if found is not None else "")

    def _write_link_close(self, _token: Token) -> str:
        return self._cleaner.close_scope() + ("</a>" if self._links.pop() else "")

    def _write_image(self, token: Token) -> str:
        alt, address = headings.plain(token), str(token.attrs.get("src", ""))
        if reason := refused_source(address):
            self._wrong(
                f"an image is not shown: {reason}", "put it beside the review, and name it from there", self._line
            )
            return remote_image(alt, address, self._cleaner.inside("a"))
        found = self._targets.image(address, self._line)
        if found is None:
            return image_text(alt, address)
        given = self._cleaner.attributes("img", _given(token), self._line)
        return f'<img src="{escape(found)}" alt="{escape(alt)}"{given} loading="lazy">'

    def _at(self, token: Token) -> int:
        return lines_of(token)[0] + self._review.body_line

    def _wrong(self, message: str, hint: str, line: int) -> None:
        self._mistakes.append(UserError(message, self._review.path, line, hint))


def _as_html(part: Part) -> str:
    """A heading that stands within something."""
    if isinstance(part, str):
        return part
    return f'<h{part.level} id="{escape(part.id)}">{part.html}</h{part.level}>\n'


def _given(token: Token) -> dict[str, str]:
    """The attributes that an author may give."""
    return {name: str(token.attrs[name]) for name in ALLOWED if name in token.attrs}
