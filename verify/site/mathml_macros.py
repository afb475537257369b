"""Macros of LaTeX: defined by an equation, expanded in it and in those behind it."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from verify.site.html_rules import names

LENGTH = 10_000
"""Characters of an equation, as written and with its macros expanded."""
EXPANSIONS = 2_000
WORK = 200_000
"""Tokens that expanding may make."""
DEPTH = 60
"""How deeply groups and environments may be nested."""

Token = tuple[str, int]
"""Text, and where it comes from."""

_TOKEN = re.compile(
    r"\\(?:href|url)\s*\{(?:[^{}\\]|\\.)*\}|\\(?:begin|end)\s*\{[^{}\\]*\}|\\[A-Za-z@]+|\\.|%[^\n]*(?:\n\s*)?|\s+|#[1-9]|.",
    re.DOTALL,
)
KEPT = "\x00"
"""Before a command that is not expanded: what `\\let` gave another name."""


DEFINING = names("\\newcommand \\renewcommand \\providecommand \\DeclareRobustCommand")
PRIMITIVE = names("\\def \\gdef \\edef \\xdef")
FORBIDDEN = names(
    "\\class \\id \\style \\data \\htmlClass \\htmlId \\htmlStyle \\htmlData \\cssId \\includegraphics \\require "
    "\\input \\include \\csname \\catcode \\write \\futurelet \\global \\long \\expandafter \\noexpand \\char \\toggle"
)
"""What the engine or TeX would do and no review needs."""
_PACKAGES = r"""
\newcommand{\mbox}[1]{\text{#1}} \newcommand{\mathds}[1]{\mathbb{#1}} \newcommand{\mathbbm}[1]{\mathbb{#1}}
\newcommand{\ensuremath}[1]{{#1}} \newcommand{\nicefrac}[2]{{}^{#1}\!/_{#2}}
\newcommand{\mathbfit}[1]{\boldsymbol{#1}}
\newcommand{\vspace}[1]{} \newcommand{\hfill}{\quad} \newcommand{\hdots}{\dots} \newcommand{\strut}{\mathstrut}
\newcommand{\mit}{} \newcommand{\indep}{\perp\!\!\!\perp} \newcommand{\centernot}{\not}
\newcommand{\cases}[1]{\begin{cases}#1\end{cases}} \newcommand{\qed}{\square}
\newcommand{\adots}{\iddots} \newcommand{\linebreak}{} \newcommand{\mspace}[1]{\mkern#1}
\newcommand{\vbox}[1]{\text{#1}}
\newcommand{\intertext}[1]{\mathrlap{\text{#1}}\\} \newcommand{\shortintertext}[1]{\mathrlap{\text{#1}}\\}
\newcommand{\pmatrix}[1]{\begin{pmatrix}#1\end{pmatrix}} \newcommand{\eqalign}[1]{\begin{aligned}#1\end{aligned}}
\newcommand{\pmb}[1]{\boldsymbol{#1}} \newcommand{\multicolumn}[3]{{#3}}
\newcommand{\bold}[1]{\mathbf{#1}} \newcommand{\textellipsis}{\dots}
\newcommand{\R}{\mathbb{R}} \newcommand{\N}{\mathbb{N}} \newcommand{\Z}{\mathbb{Z}} \newcommand{\infin}{\infty}
\newcommand{\nobreakspace}{~} \newcommand{\circled}[1]{\textcircled{#1}} \newcommand{\cr}{\\}
\newcommand{\i}{\imath} \newcommand{\j}{\jmath} \newcommand{\textasciitilde}{\sim}
\newcommand{\textsuperscript}[1]{{}^{\text{#1}}} \newcommand{\textsubscript}[1]{{}_{\text{#1}}}
"""
"""What packages of LaTeX define and the renderer does not know."""


class MistakeError(Exception):
    """Something that cannot be read."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


class Macro(Struct, frozen=True):
    """What a command stands for: `#1` to `#9` in the body are its arguments."""

    arguments: int
    default: tuple[str, ...] | None
    body: tuple[str, ...]


def tokens(tex: str) -> list[Token]:
    """The tokens of LaTeX, without comments."""
    return [(found[0], found.start()) for found in _TOKEN.finditer(tex) if found[0][0] != "%"]


@cache
def packaged() -> dict[str, Macro]:
    """Macros that are there without being defined."""
    macros: dict[str, Macro] = {}
    reader = Macros(tokens(_PACKAGES), macros, known={})
    while reader.rest:
        command, at = reader.rest.pop()
        if command in DEFINING:
            reader.define(command, at)
    return macros


class Macros:
    """Tokens that are still to be read, the next one last, and the macros that are known."""

    def __init__(self, given: list[Token], macros: dict[str, Macro], known: dict[str, Macro] | None = None) -> None:
        self.rest, self.macros = given[::-1], macros
        self.known = packaged() if known is None else known
        self.expanded = self.work = 0
        self.defines = False

    def operator(self, at: int) -> None:
        """`\\DeclareMathOperator`, read up to its name."""
        star = self.star()
        name = self.name("\\DeclareMathOperator", at)
        shown = [part for part, _ in self.argument("\\DeclareMathOperator", at)]
        self.macros[name] = Macro(0, None, ("\\operatorname", *star, "{", *shown, "}"))
        self.defines = True

    def expand(self, name: str, macro: Macro, at: int) -> None:
        self.expanded += 1
        if self.expanded > EXPANSIONS or len(self.rest) > LENGTH:
            raise MistakeError(f"{name} never ends: its macros call each other too often", at)
        arguments: list[list[Token]] = []
        if macro.default is not None:
            given = self.optional()
            arguments.append([(part, at) for part in macro.default] if given is None else given)
        while len(arguments) < macro.arguments:
            arguments.append(self.argument(name, at))
        made: list[Token] = []
        for part in macro.body:
            if part[0] == "#" and part[1:].isdigit():
                if int(part[1:]) > len(arguments):
                    raise MistakeError(f"{name} has no argument {part}", at)
                made += arguments[int(part[1:]) - 1]
            else:
                made.append((part, at))
            if len(made) > LENGTH:
                raise MistakeError("the equation becomes too long by its macros", at)
        self.work += len(made)
        if self.work > WORK:
            raise MistakeError(f"{name} never ends: its macros call each other too often", at)
        self.rest += reversed(made)

    def define(self, command: str, at: int) -> None:
        self.star()
        name = self.name(command, at)
        count, default = 0, None
        if (given := self.optional()) is not None:
            digits = "".join(part for part, _ in given).strip()
            if not re.fullmatch("[0-9]", digits):
                raise MistakeError(f"{command}{{{name}}} has an unreadable number of arguments", at)
            count = int(digits)
            if (first := self.optional()) is not None:
                default = tuple(part for part, _ in first)
        body = tuple(part for part, _ in self.argument(command, at))
        self.defines = True
        if command == "\\providecommand" and (name in self.macros or name in self.known):
            return
        self.macros[name] = Macro(count, default if count else None, body)

    def define_primitive(self, command: str, at: int) -> None:
        name = self.name(command, at)
        count = 0
        while self.rest and self.rest[-1][0] != "{":
            part, place = self.rest.pop()
            if part.isspace():
                continue
            count += 1
            if part != f"#{count}":
                raise MistakeError(f"{command} may have #1, #2, … only before its {{", place)
        self.macros[name] = Macro(count, None, tuple(part for part, _ in self.argument(command, at)))
        self.defines = True

    def let(self, at: int) -> None:
        name = self.name("\\let", at)
        self.skip()
        if self.rest and self.rest[-1][0] == "=":
            self.rest.pop()
        other = self.word("\\let", at)
        known = self.macros.get(other) or self.known.get(other)
        if known is None and other.removeprefix(KEPT) in FORBIDDEN:
            raise MistakeError(f"{other.removeprefix(KEPT)} may not be used in a review", at)
        self.macros[name] = known or Macro(0, None, (KEPT + other.removeprefix(KEPT),))
        self.defines = True

    def name(self, command: str, at: int) -> str:
        """The command that is defined."""
        names = [part for part, _ in self.argument(command, at) if not part.isspace()]
        if len(names) != 1 or names[0][0] != "\\" or names[0] == "\\\\" or "{" in names[0]:
            raise MistakeError(f"{command} needs a command to define", at)
        return names[0]

    def word(self, command: str, at: int) -> str:
        label = "".join(part for part, _ in self.argument(command, at)).strip()
        if not label:
            raise MistakeError(f"{command} needs a name", at)
        return label

    def star(self) -> str:
        self.skip()
        if self.rest and self.rest[-1][0] == "*":
            return self.rest.pop()[0]
        return ""

    def skip(self) -> None:
        while self.rest and self.rest[-1][0].isspace():
            self.rest.pop()

    def optional(self) -> list[Token] | None:
        """An argument in square brackets; None where there is none."""
        self.skip()
        if not self.rest or self.rest[-1][0] != "[":
            return None
        at = self.rest.pop()[1]
        return self.until("]", at)

    def argument(self, command: str, at: int) -> list[Token]:
        self.skip()
        if not self.rest or self.rest[-1][0] == "}":
            raise MistakeError(f"{command} lacks an argument", at)
        token = self.rest.pop()
        return self.until("}", token[1]) if token[0] == "{" else [token]

    def until(self, closing: str, at: int) -> list[Token]:
        found: list[Token] = []
        depth = 0
        while self.rest:
            token = self.rest.pop()
            if token[0] == closing and depth == 0:
                return found
            depth += {"{": 1, "}": -1}.get(token[0], 0)
            found.append(token)
            if depth < 0:
                break
        raise MistakeError(f"{'[' if closing == ']' else '{'} is never closed", at)
