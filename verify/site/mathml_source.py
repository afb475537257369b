"""LaTeX as people write it, made into what the renderer reads: macros, columns, rows that are numbered, references.

Each token keeps the place in the source that it comes from, so that a mistake behind a macro has a place, too.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from verify.site.html_rules import names
from verify.site.mathml_columns import columns as simplified
from verify.site.mathml_macros import (
    DEFINING,
    DEPTH,
    FORBIDDEN,
    KEPT,
    LENGTH,
    PRIMITIVE,
    Macro,
    Macros,
    MistakeError,
    Token,
    tokens,
)

_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")
_LINK = re.compile(r"\\(href|url)\s*\{(.*)\}", re.DOTALL)
_WORD = re.compile(r"\\[A-Za-z@]+\Z")
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
_SCHEMES = re.compile(r"(?:https?://|mailto:|[#?.]|(?!//)[^:]*\Z)", re.IGNORECASE)

_ROWS = {"align": "aligned", "alignat": "alignedat", "gather": "gathered", "eqnarray": "aligned", "flalign": "aligned"}
"""Environments each of whose rows may have a number, and what they are within a line."""
_SAME = {"eqnarray": "align", "flalign": "align"}
_DROPPED = frozenset({"equation", "displaymath", "math", "subequations"})
_COLUMNS = {"array": "array", "darray": "darray", "tabular": "array", "subarray": "subarray", "IEEEeqnarray": "darray"}
_TEXT = names("\\text \\textrm \\textbf \\textit \\texttt \\textsf \\textnormal \\textup \\textmd \\emph \\mbox \\hbox")
_ACCENTS = names(
    "\\tilde \\hat \\bar \\vec \\dot \\ddot \\widetilde \\widehat \\overline \\underline \\check "
    "\\boldsymbol \\bm \\pmb"
)
_SCRIPTS = _ACCENTS | names("\\min \\max \\sup \\inf \\arg \\lim \\log \\exp \\argmin \\argmax")


class Scope(Struct):
    """What may have one number: an equation, or a row of one."""

    hole: int
    """Which part of the source its number is written in."""
    tag: str = ""
    starred: bool = False
    labels: list[Token] = field(default_factory=list)


class Reference(Struct, frozen=True):
    """A number of another equation, which may stand further down."""

    hole: int
    label: str
    at: int
    brackets: bool
    text: bool


class Source(Struct):
    """An equation that was read."""

    parts: list[Token] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    defines: bool = False

    def fill(self, hole: int, text: str) -> None:
        """Write into what was left open."""
        self.parts[hole] = (text, self.parts[hole][1])

    def joined(self) -> tuple[str, list[Token]]:
        """The text for the renderer, and its parts: its text, its place in LaTeX."""
        pieces: list[str] = []
        places: list[Token] = []
        length, word = 0, False
        for text, at in self.parts:
            shown = text.removeprefix(KEPT)
            if not shown:
                continue
            if word and shown[0].isalpha():
                shown = " " + shown
            places.append((shown, at))
            pieces.append(shown)
            length += len(shown)
            word = _WORD.search(shown) is not None
        return "".join(pieces), places


def read(tex: str, display: bool, macros: dict[str, Macro]) -> Source:
    """Read an equation; macros that it defines are added to those given.

    Raises:
        MistakeError: it cannot be read.
    """
    if len(tex) > LENGTH:
        raise MistakeError(f"the equation has more than {LENGTH:,} characters", LENGTH)
    if unfit := _UNFIT.search(tex):
        raise MistakeError("a character that is no text", unfit.start())
    return _Reader(tokens(tex), len(tex), display, macros).read()


class _Reader(Macros):
    def __init__(self, given: list[Token], end: int, display: bool, macros: dict[str, Macro]) -> None:
        super().__init__(given, macros)
        self.end, self.display = end, display
        self.source = Source()
        self.whole = self.scope = Scope(-1)
        self.open: list[tuple[str, int]] = []  # environments and groups, and where each began
        self.text: list[bool] = [False]  # whether each open group holds text
        self.row = 0  # how many were open inside the environment whose rows have numbers; 0: none is
        self.tabs, self.tabbed = -1, 0  # of a row of eqnarray, and how many were open inside it
        self.length = 0

    def read(self) -> Source:
        while self.rest:
            self.take(*self.rest.pop())
        if self.open:
            name, at = self.open[-1]
            raise MistakeError("{ is never closed" if name == "{" else f"\\begin{{{name}}} has no \\end", at)
        self.close_scope(self.end)
        self.source.defines = self.defines
        return self.source

    def take(self, text: str, at: int) -> None:
        """One token of what is left."""
        if text[0] == "\\":
            if found := _ENVIRONMENT.fullmatch(text):
                (self.begin if found[1] == "begin" else self.leave)(found[2], at)
            elif link := _LINK.fullmatch(text):
                self.link(link[1], link[2].strip(), at)
            elif (macro := self.macros.get(text) or self.known.get(text)) is not None:
                self.expand(text, macro, at)
            else:
                self.command(text, at)
        elif text == "{":
            self.enter("{", at, self.text[-1])
            self.write(text, at)
        elif text == "}":
            if not self.open or self.open[-1][0] != "{":
                raise MistakeError("} closes nothing", at)
            self.open.pop()
            self.text.pop()
            self.write(text, at)
        elif text == "$" and len(self.text) > 1:
            self.text[-1] = not self.text[-1]
            self.write(text, at)
        elif text[0] in "_#" and self.text[-1]:
            self.write(f"\\{text}", at)  # TeX refuses it, MathJax does not
        elif text in "_^" and not self.text[-1]:
            self.write(text, at)
            self.script()
        elif text == "&" and self.tabs >= 0 and len(self.open) == self.tabbed:
            self.tabs += 1
            if self.tabs != 2:
                self.write(text, at)
        else:
            self.write(text, at)

    def write(self, text: str, at: int) -> None:
        self.length += len(text)
        if self.length > LENGTH:
            raise MistakeError("the equation becomes too long by its macros", at)
        self.source.parts.append((text, at))

    def script(self) -> None:
        """Braces around what TeX takes as a script without them: `x_\\min`, `x_\\tilde{y}`."""
        self.skip()
        if self.rest and self.rest[-1][0] in _SCRIPTS and self.rest[-1][0] not in self.macros:
            command, at = self.rest.pop()
            made = [("{", at), (command, at)]
            if command in _ACCENTS:
                made += [("{", at), *self.argument(command, at), ("}", at)]
            self.rest += reversed([*made, ("}", at)])

    def hole(self, at: int) -> int:
        self.source.parts.append(("", at))
        return len(self.source.parts) - 1

    def enter(self, name: str, at: int, text: bool = False) -> None:
        if len(self.open) >= DEPTH:
            raise MistakeError("groups are nested too deeply", at)
        self.open.append((name, at))
        self.text.append(text)

    def command(self, text: str, at: int) -> None:
        """A command that stands for itself, or one that is carried out here."""
        if text in FORBIDDEN:
            raise MistakeError(f"{text} may not be used in a review", at)
        if text in DEFINING:
            self.define(text, at)
        elif text in PRIMITIVE:
            self.define_primitive(text, at)
        elif text == "\\let":
            self.let(at)
        elif text == "\\DeclareMathOperator":
            self.operator(at)
        elif text == "\\label":
            label = self.word(text, at)
            self.scope.labels.append((label, at))
        elif text == "\\tag":
            self.tag(at)
        elif text in ("\\eqref", "\\ref"):
            label = self.word(text, at)
            self.source.references.append(Reference(self.hole(at), label, at, text == "\\eqref", self.text[-1]))
        elif text in ("\\nonumber", "\\notag"):
            pass
        elif text == "\\\\":
            self.line(at)
        elif text == "\\not":
            self.skip()
            if self.rest and self.rest[-1][0] in ("\\implies", "\\iff", "\\impliedby"):
                wide = {"\\implies": "\\nRightarrow", "\\iff": "\\nLeftrightarrow", "\\impliedby": "\\nLeftarrow"}
                text = wide[self.rest.pop()[0]]
            self.write(text, at)
        elif text in _TEXT:
            self.write(text, at)
            self.skip()
            if self.rest and self.rest[-1][0] == "{":
                brace, place = self.rest.pop()
                self.enter("{", place, True)
                self.write(brace, place)
        else:
            self.write(text, at)

    def line(self, at: int) -> None:
        if self.row and len(self.open) == self.row:
            self.close_scope(at)
            self.scope = Scope(-1)
        if len(self.open) == self.tabbed:
            self.tabs = min(self.tabs, 0)
        self.write("\\\\", at)

    def begin(self, name: str, at: int) -> None:
        plain = name.removesuffix("*")
        outer = not self.open and self.display
        self.enter(name, at)
        if plain in _DROPPED:
            self.open[-1] = (name, at)
            return
        if plain == "eqnarray":
            self.tabs, self.tabbed = 0, len(self.open)
        if plain in _ROWS or plain == "multline":
            shown = f"{_SAME.get(plain, plain)}*" if self.alone() and self.display else _ROWS.get(plain, "gathered")
            if plain in _ROWS and not self.row and self.display and (outer or self.alone()):
                self.row, self.scope = len(self.open), Scope(-1)
        else:
            shown = "aligned" if plain == "split" else _COLUMNS.get(plain, name)
        self.write(f"\\begin{{{shown}}}", at)
        if plain in _COLUMNS:
            self.optional()
            columns = simplified([part for part, _ in self.argument(f"\\begin{{{name}}}", at)])
            self.write(f"{{{columns}}}", at)

    def alone(self) -> bool:
        """Whether the innermost environment stands in nothing that is written."""
        return all(name.removesuffix("*") in _DROPPED for name, _ in self.open[:-1])

    def leave(self, name: str, at: int) -> None:
        if not self.open or self.open[-1][0] != name:
            was = f", but {self.open[-1][0]} is open".replace("{ is", "a { is") if self.open else ""
            raise MistakeError(f"\\end{{{name}}} ends nothing{was}", at)
        plain = name.removesuffix("*")
        if plain not in _DROPPED:
            rows = plain in _ROWS or plain == "multline"
            shown = "aligned" if plain == "split" else _COLUMNS.get(plain, name)
            if rows:
                shown = f"{_SAME.get(plain, plain)}*" if self.alone() and self.display else _ROWS.get(plain, "gathered")
            if self.row and len(self.open) == self.row:
                self.close_scope(at)
                self.row, self.scope = 0, self.whole
            elif plain == "multline" and self.scope is self.whole and self.display and self.alone():
                self.close_scope(at)
                self.whole = self.scope = Scope(-1)
            self.write(f"\\end{{{shown}}}", at)
        if len(self.open) == self.tabbed:
            self.tabs, self.tabbed = -1, 0
        self.open.pop()
        self.text.pop()

    def close_scope(self, at: int) -> None:
        if self.scope.tag or self.scope.labels:
            self.scope.hole = self.hole(at)
            self.source.scopes.append(self.scope)

    def tag(self, at: int) -> None:
        if self.scope.tag:
            raise MistakeError("a second \\tag for one number", at)
        self.scope.starred = bool(self.star())
        self.scope.tag = "".join(part for part, _ in self.argument("\\tag", at))
        if not self.scope.tag.strip():
            raise MistakeError("\\tag needs what to show", at)

    def link(self, command: str, address: str, at: int) -> None:
        address = re.sub(r"\\([%#&_~{}])", r"\1", address)
        if not address or _SCHEMES.match(address) is None or re.search(r"[\s<>\"'`\\]", address):
            raise MistakeError(f"\\{command} leads to http, https, mailto or within the site only", at)
        self.source.links.append(address)
        number = len(self.source.links) - 1
        shown = [
            ("{", at),
            ("\\text", at),
            ("{", at),
            *((char, at) for char in _escaped(address)),
            ("}", at),
            ("}", at),
        ]
        content = self.argument("\\href", at) if command == "href" else shown
        text = self.text[-1]
        self.source.parts.append((f"${_mark(number)}" if text else _mark(number), at))
        inside = [("\\text", at), ("{", at), *content, ("}", at), ("{", at), ("}", at)] if text else content
        closing = [("}", at), (KEPT + "$", at)] if text else [("}", at)]
        self.enter("{", at)
        self.rest += reversed([*inside, *closing])


def _mark(number: int) -> str:
    return f"\\class{{link-{number}}}{{"


def _escaped(text: str) -> list[str]:
    return [f"\\{char}" if char in "%#&_{}$" else {"~": "\\sim ", "^": "\\hat{}"}.get(char, char) for char in text]
