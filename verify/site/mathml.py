"""Equations of a page as MathML, which browsers show by themselves: without a script, a font or another host.

LaTeX is read in three steps: `mathml_source` expands macros and finds numbers and references, `mathml_engine` has Temml
translate, `mathml_output` writes anew what a page may hold.  The source of an equation stays in its `data-tex`: unlike
an `<annotation>` it is neither text that searching finds nor text that a reader without MathML sees twice.
"""

from __future__ import annotations

import hashlib
import re
import threading
from bisect import bisect_right
from collections.abc import MutableMapping, Sequence
from html import escape

from msgspec import Struct, field

from verify.site.mathml_engine import VERSION, Answer, translate
from verify.site.mathml_macros import Macro, MistakeError
from verify.site.mathml_output import RefusedError, write
from verify.site.mathml_source import Scope, Source, read

RECENT = 8192
"""Equations whose translation is kept in the process, for pages that have no cache of their own."""
_FORM = f"1 {VERSION}"
"""Changes with what a translation looks like."""


class Equation(Struct, frozen=True):
    """LaTeX without its dollars, and whether it stands in a paragraph of its own."""

    tex: str
    display: bool = False


class Mistake(Struct, frozen=True):
    """Why an equation cannot be read, and where in it that stands, counted from 0."""

    reason: str
    at: int


class Typeset(Struct, frozen=True):
    """A page's equations."""

    html: list[str | Mistake]
    """In their order; empty for one that only defines macros."""
    numbers: dict[str, str]
    """Labels, and what is shown for them, without brackets around it."""


class _Read(Struct):
    """An equation on its way."""

    equation: Equation
    source: Source | None = None
    mistake: Mistake | None = None
    ids: list[list[str]] = field(default_factory=list)


def as_source(tex: str, mistake: Mistake) -> str:
    """What is shown in the place of an equation that cannot be read: its source, with the reason as a title."""
    return f'<code class="verify-broken" title="{escape(mistake.reason)}">{escape(tex)}</code>'


def label_id(name: str) -> str:
    """The id of what `\\label{name}` is written on, for a link from prose.

    Letters of any script, digits and `_ : . -` are kept; everything else is written as its code, so that two
    names never share an id.
    """
    return "eq-" + re.sub(r"[^\w:.-]", lambda found: f"~{ord(found[0]):x}~", name)


def render(equations: Sequence[Equation], cache: MutableMapping[str, str] | None = None) -> Typeset:
    """MathML of a page's equations.

    Macros hold from where they are defined for the rest of the page.  A number is shown where `\\tag` is written, or
    where `\\label` is: those count 1, 2, … down the page.  `\\eqref` and `\\ref` link to a label, further down as well.

    Args:
        equations: all of a page, in order.
        cache: keeps translations: names, and text.  An entry that cannot be shown is forgotten and made anew.
    """
    macros: dict[str, Macro] = {}
    page = [_read(equation, macros) for equation in equations]
    numbers = _numbered(page)
    for one in page:
        if one.source is not None and one.mistake is None:
            one.mistake = _referred(one.source, numbers)
    due = [one for one in page if one.mistake is None]
    kept = _recent if cache is None else cache
    made: dict[int, str | Mistake] = {}
    shown: dict[str, str] = {}
    texts = [(one.source.joined()[0] if one.source else "", one.equation.display) for one in due]
    for one, text, (answer, known) in zip(due, texts, _translated(texts, kept), strict=True):
        written = _written(one, answer, shown)
        if known and isinstance(written, Mistake):  # whatever a cache holds, it costs no equation
            kept.pop(_key(*text), None)
            [(answer, _)] = _translated([text], kept)
            written = _written(one, answer, shown)
        if isinstance(written, Mistake):
            kept.pop(_key(*text), None)
        made[id(one)] = written
    html = [one.mistake if one.mistake is not None else made[id(one)] for one in page]
    return Typeset(html, {label: _unbracketed(shown.get(label, number)) for label, number in numbers.items()})


def _read(equation: Equation, macros: dict[str, Macro]) -> _Read:
    try:
        return _Read(equation, read(equation.tex, equation.display, macros))
    except MistakeError as mistake:
        return _Read(equation, mistake=Mistake(mistake.reason, min(mistake.at, len(equation.tex))))


def _numbered(page: Sequence[_Read]) -> dict[str, str]:
    """Write numbers into the sources; labels and their numbers, in LaTeX and with brackets where they are shown."""
    numbers: dict[str, str] = {}
    count = 0
    for one in page:
        if one.source is None:
            continue
        for scope in one.source.scopes:
            if not scope.tag:
                count += 1
            number = _shown(scope, count)
            for label, at in scope.labels:
                if label in numbers:
                    one.mistake = one.mistake or Mistake(f"there are two \\label{{{label}}} on this page", at)
                numbers.setdefault(label, number)
            one.ids.append([label_id(label) for label, _ in scope.labels])
            display = one.equation.display
            one.source.fill(
                scope.hole, f"\\tag*{{{number}}}" if display else f"\\qquad\\class{{tml-tag}}{{\\text{{{number}}}}}"
            )
    return numbers


def _shown(scope: Scope, count: int) -> str:
    if not scope.tag:
        return f"({count})"
    return scope.tag if scope.starred else f"({scope.tag})"


def _referred(source: Source, numbers: dict[str, str]) -> Mistake | None:
    for reference in source.references:
        number = numbers.get(reference.label)
        if number is None:
            return Mistake(f"there is no \\label{{{reference.label}}} on this page", reference.at)
        source.links.append(f"#{label_id(reference.label)}")
        bare = _unbracketed(number)
        text = f"\\class{{link-{len(source.links) - 1}}}{{\\text{{{f'({bare})' if reference.brackets else bare}}}}}"
        source.fill(reference.hole, f"${text[:-1]}{{}}}}$" if reference.text else text)
    return None


def _unbracketed(number: str) -> str:
    return number[1:-1] if number[:1] == "(" and number[-1:] == ")" else number


class _Recent(dict[str, str]):
    """At most `RECENT`: what was set first goes first."""

    _lock = threading.Lock()

    def __setitem__(self, name: str, text: str) -> None:
        with self._lock:
            super().__setitem__(name, text)
            while len(self) > RECENT:
                self.pop(next(iter(self)), None)


_recent = _Recent()


def _key(text: str, display: bool) -> str:
    return hashlib.sha256(f"{_FORM} {display:d} {text}".encode()).hexdigest()


def _translated(texts: Sequence[tuple[str, bool]], cache: MutableMapping[str, str]) -> list[tuple[Answer, bool]]:
    """What the engine makes of each, and whether the cache said so; the engine is asked for what is new only."""
    keys = [_key(*text) for text in texts]
    found: dict[str, tuple[Answer, bool]] = {}
    due: dict[str, tuple[str, bool]] = {}
    for key, text in zip(keys, texts, strict=True):
        if key in found or key in due:
            continue
        if not text[0].strip():
            found[key] = Answer(), False
        elif known := cache.get(key):
            found[key] = Answer(known), True
        else:
            due[key] = text
    for key, answer in zip(due, translate(list(due.values())), strict=True):
        found[key] = answer, False
        if answer.mathml:
            cache[key] = answer.mathml
    return [found[key] for key in keys]


def _written(one: _Read, answer: Answer, shown: dict[str, str]) -> str | Mistake:
    """The equation for the page; what its labels show is added to `shown`."""
    source = one.source
    assert source is not None
    if answer.reason:
        return Mistake(answer.reason, _place(source, answer, one.equation.tex))
    if not answer.mathml:
        return "" if source.defines else Mistake("the equation is empty", 0)
    try:
        written = write(answer.mathml, one.equation.tex, source.links, one.ids)
    except RefusedError as refused:
        return Mistake(str(refused), 0)
    if len(written.tags) != len(source.scopes):
        return Mistake("a number cannot be shown here", source.parts[source.scopes[0].hole][1] if source.scopes else 0)
    for scope, text in zip(source.scopes, written.tags, strict=True):
        shown.update((label, text) for label, _ in scope.labels)
    return written.html


def _place(source: Source, answer: Answer, tex: str) -> int:
    """Where in the equation as it was written that stands which the engine stumbled over."""
    text, places = source.joined()
    named = re.search(r"there is no command (\\\S+)", answer.reason)
    at = answer.at
    if named and not text.startswith(named[1], at):  # inside a macro of the engine
        at = max(text.find(named[1]), 0)
    if at < 0 or not places:
        return 0
    starts = [0]
    for shown, _ in places:
        starts.append(starts[-1] + len(shown))
    if at >= starts[-1]:
        return len(tex)
    part = bisect_right(starts, at) - 1
    return min(places[part][1], len(tex))
