"""What prose says of the evidence: bindings, findings and references to claims.

=========================================================  ==================================================
``{{ verification.metric[key=value] @scale | sd | .1% }}``  `Binding`: a metric over the selected trials
``{{ verdict.claim.estimate @scale | .2f }}``               `Finding`: a field of a claim's verdict
``[@claim]``, ``[@claim supported @scale]``                 `Reference`: a link, and the verdict relied on
=========================================================  ==================================================

They are tokens of the one parse (`verify.format.markdown`), so none is read in code, maths or raw HTML, or behind a
backslash.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from msgspec import Struct

from verify.errors import UserError, nearest
from verify.format.yaml12 import resolve
from verify.model import SCALES, STATUSES, Scalar, Scale, Status, Where

STATISTICS = ("mean", "sd", "min", "max", "n")
"""Over the selected trials; `n` is how many there are."""
FIELDS = ("estimate", "low", "high", "status", "seeds")


class Binding(Struct, frozen=True):
    """A metric over the trials that `where` selects."""

    verification: str
    metric: str
    line: int
    where: Where = {}
    scale: Scale | None = None
    """None: the first scale that the verification declares."""
    statistic: str = "mean"
    format: str = ""
    """A Python format specification; empty: the page's own."""


class Finding(Struct, frozen=True):
    """One field of a claim's verdict."""

    claim: str
    field: str
    line: int
    scale: Scale | None = None
    format: str = ""


class Reference(Struct, frozen=True):
    """A link to a claim, with the verdict the sentence relies on, if it does."""

    claim: str
    line: int
    stated: Status | None = None
    """The verdict the sentence relies on."""
    scale: Scale | None = None


Inline = Binding | Finding | Reference
Read = Inline | UserError

_BRACKETS = re.compile(r"\[@(?P<inner>[^\]\n]{0,300})\]")

_BINDING = re.compile(
    r"""\s*(?P<owner>[^\s.\[\]@|]+)\.(?P<name>[^\s\[\]@|]+)\s*
        (?:\[(?P<where>.*)\]\s*)?
        (?:@\s*(?P<scale>[^\s|]*)\s*)?
        (?P<filters>(?:\|.*)?)""",
    re.VERBOSE | re.DOTALL,
)
_PAIR = re.compile(r"""\s*(?P<key>[^=,"'\s]+)\s*=\s*(?:"(?P<d>[^"]*)"|'(?P<s>[^']*)'|(?P<plain>[^,"']*?))\s*(?:,|$)""")
_REFERENCE = re.compile(r"(?P<claim>[^\s@]+)(?:\s+(?P<status>[^@]*?))?(?:\s*@\s*(?P<scale>\S*))?\s*")
_FORMAT = re.compile(r"(.?[<>=^])?[-+ ]?#?0?\d{0,2}[,_]?(\.\d{1,2})?[eEfFgGn%d]?")


def evidence_plugin(md: MarkdownIt) -> None:
    """Make `evidence` tokens: `meta["found"]` is the item, or the mistake in what was meant to be one."""
    md.inline.ruler.before("link", "evidence", evidence_rule)


def evidence_rule(state: StateInline, silent: bool) -> bool:
    """The rule of markdown-it for `{{ … }}` and `[@…]`."""
    source, start = state.src, state.pos
    if source.startswith("{{", start):
        stop, found = _binding_at(state, start)
    elif source.startswith("[@", start):
        match = _BRACKETS.match(source, start, state.posMax)
        if match is None or source.startswith(("(", "["), match.end()):  # the text of a link
            return False
        stop, found = match.end(), _read(_read_reference, match["inner"])
    else:
        return False
    if not silent:
        token = state.push("evidence", "", 0)
        token.content = source[start:stop]
        token.meta = {"found": found}
    state.pos = stop
    return True


def _binding_at(state: StateInline, start: int) -> tuple[int, Read]:
    """Where the braces that open at `start` end, and what they hold."""
    last = state.env.setdefault("braces", {})
    if id(state.src) not in last:  # looked for once a paragraph, whatever it holds of opening braces
        last[id(state.src)] = (state.src, state.src.rfind("}}"))
    stop = state.src.find("}}", start + 2, state.posMax) if last[id(state.src)][1] > start else -1
    if stop < 0:
        hint = r"write \{{ for the two characters"
        return start + 2, UserError("'{{' is not closed by '}}' in its paragraph", hint=hint)
    return stop + 2, _read(_read_binding, state.src[start + 2 : stop])


def _read(reader: Callable[[str], Inline], source: str) -> Read:
    try:
        return reader(source)
    except _Unreadable as error:
        return UserError(error.message, hint=error.hint)


class _Unreadable(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _read_binding(source: str) -> Binding | Finding:
    match = _BINDING.fullmatch(source)
    if match is None:
        form = r"{{ verification.metric[key=value] @scale | statistic | format }}; \{{ for the two characters"
        raise _Unreadable(f"'{{{{{source}}}}}' is not a binding", form)
    scale = _scale(match["scale"])
    filters = [part.strip() for part in match["filters"].split("|")[1:]]
    if match["owner"] == "verdict":
        return _read_finding(match, scale, filters)
    statistic = filters.pop(0) if filters and filters[0] in STATISTICS else "mean"
    if len(filters) > 1:
        known = f"{', '.join(STATISTICS)}; a format may follow"
        raise _Unreadable(f"'{filters[0]}' is not a statistic", f"{nearest(filters[0], STATISTICS)} ({known})")
    where = _where(match["where"]) if match["where"] is not None else {}
    try:
        form = _format(filters, 1 if statistic == "n" else 0.5)
    except _Unreadable as error:
        hint = nearest(filters[0], STATISTICS)
        if not hint.startswith("did"):
            raise
        raise _Unreadable(error.message, f"{hint} (or a format such as .1%)") from None
    return Binding(match["owner"], match["name"], 0, where, scale, statistic, form)


def _read_finding(match: re.Match[str], scale: Scale | None, filters: list[str]) -> Finding:
    claim, _, field = match["name"].partition(".")
    if field not in FIELDS:
        raise _Unreadable(
            f"a verdict has no '{field}'", nearest(field, FIELDS) + " (as in {{ verdict.claim-id.estimate }})"
        )
    if match["where"] is not None:
        raise _Unreadable("a verdict takes no [key=value]", "the claim's test says which trials")
    if filters and (len(filters) > 1 or field == "status"):
        raise _Unreadable(
            f"'{' | '.join(filters)}' after a verdict's {field}", "a number takes one format, a status none"
        )
    return Finding(claim, field, 0, scale, _format(filters, 1 if field == "seeds" else 0.5))


def _read_reference(source: str) -> Reference:
    if ";" in source or "," in source:
        raise _Unreadable(f"'[@{source}]' names more than one claim", "brackets for each: [@one] and [@another]")
    match = _REFERENCE.fullmatch(source)
    if match is None:
        raise _Unreadable(f"'[@{source}]' is not a reference to a claim", "[@claim-id] or [@claim-id supported @tiny]")
    stated = next((known for known in STATUSES if known == match["status"]), None)
    if match["status"] and stated is None:
        raise _Unreadable(f"'{match['status']}' is not a verdict", nearest(match["status"], STATUSES))
    return Reference(match["claim"], 0, stated, _scale(match["scale"]))


def _scale(name: str | None) -> Scale | None:
    if name is None:
        return None
    for scale in SCALES:
        if scale == name:
            return scale
    raise _Unreadable(f"no scale is called '{name}'", nearest(name, SCALES))


def _format(filters: list[str], sample: float) -> str:
    """The format among the filters; it must be able to write `sample`."""
    if not filters:
        return ""
    form = filters[0]
    try:
        if form and _FORMAT.fullmatch(form):
            format(sample, form)
            return form
    except ValueError:  # such as `d` for a number with a fraction
        pass
    kind = "an integer" if isinstance(sample, int) else "a number"
    raise _Unreadable(
        f"'{form}' is not a format for {kind}", f"such as .1% or .3g; statistics: {', '.join(STATISTICS)}"
    )


def _where(source: str) -> Where:
    found: Where = {}
    position = 0
    while position < len(source):
        match = _PAIR.match(source, position)
        if match is None:
            raise _Unreadable(f"'[{source}]' is not a selection", "[key=value, key=value]; quote a value with a comma")
        if match["key"] in found:
            raise _Unreadable(f"'{match['key']}' stands twice in '[{source}]'", "one value each")
        found[match["key"]] = _value(match)
        position = match.end()
    if not found:
        raise _Unreadable("'[]' selects nothing in particular", "leave it out")
    return found


def _value(match: re.Match[str]) -> Scalar:
    quoted = match["d"] if match["d"] is not None else match["s"]
    if quoted is not None:
        return quoted
    try:
        value = resolve(match["plain"])
    except ValueError as error:
        raise _Unreadable(str(error), "quote it to make it a text") from None
    if value is None:
        raise _Unreadable(f"'{match['key']}' has no value", "[key=value]")
    return value
