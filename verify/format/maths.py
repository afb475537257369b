"""Equations in Markdown: block and inline rules of markdown-it for the ways papers' notes write LaTeX.

| where | written |
| --- | --- |
| a block of its own, wherever a block may stand | `$$…$$`, `\\[…\\]`, `\\begin{align}…\\end{align}` and its like |
| within a line | `$…$`, `\\(…\\)`, each of the above, and `\\eqref{…}` |

A dollar sign may also be money.  `$…$` is an equation where no space stands inside the dollars (or one on each side, of
what only an equation is) and no digit follows them; what begins like a sum of money and reads like a sentence is text.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

ENVIRONMENTS = frozenset(
    """equation align alignat gather multline eqnarray flalign displaymath math subequations split aligned alignedat
    gathered cases dcases rcases matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array CD
    IEEEeqnarray""".split()  # noqa: SIM905
)
"""Environments of LaTeX that are equations, or stand in one; each with a star as well."""

_BEGIN = re.compile(r"\\begin\{(?P<name>[A-Za-z]+)\*?\}")
_CLOSERS = {"$$": "$$", "\\[": "\\]", "\\\\[": "\\\\]", "\\(": "\\)", "\\\\(": "\\\\)"}
_OPENER = re.compile(r"\$\$(?!\$)|\\\\?\[|\\begin\{")
_INLINE = re.compile(r"\$\$(?!\$)|\\\\?[\[(]|\$")
_AFTER = re.compile(r"[ \t]*[.,;:]?[ \t]*$")
"""What may stand behind a block in its last line: a sentence goes on or ends there."""
_BORDER = re.compile(r"[ \t]*(?:`{3}|~{3}|#{1,6}[ \t])")
"""Lines that no equation holds: an opener above one is not closed below it."""
_WORDS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}[ \n]+[A-Za-z]{2,}")
_PROSE = re.compile(r"(?<![\\A-Za-z])(?:[A-Za-z]{2,}|a)[ \n]+[A-Za-z]{2,}")
_BRACED = re.compile(r"\\[A-Za-z]+\*?\s*\{[^{}]*\}")
_DEEPEST = 20
"""Environments of one name within each other."""
_REFERENCE = re.compile(r"\\(?:eq)?ref\{[^{}\n]+\}")
"""To an equation with a `\\label`: it may stand in a sentence, too."""
_TICKS = re.compile(r"`+")
_SIGNS = re.compile(r"[\\^_{}=+<>|*/]")


def maths_plugin(md: MarkdownIt) -> None:
    """Make `maths_block` and `maths_inline` tokens: `content` is LaTeX, `meta["display"]` whether it stands alone."""
    md.block.ruler.before("table", "maths", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.inline.ruler.before("escape", "maths", equation_rule)


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    begin, end = state.bMarks[first] + state.tShift[first], state.eMarks[first]
    opener = _OPENER.match(state.src, begin, end)
    if opener is None:
        return False
    if opener[0] == "\\begin{":
        found = _environment_block(state, first, last)
    else:
        found = _delimited_block(state, first, last, opener[0])
    if found is None:
        return False
    if silent:
        return True
    stop, text, after = found
    token = state.push("maths_block", "", 0)
    token.block = True
    token.content = text.strip()
    token.meta = {"display": True, "after": after, "begun": text[: len(text) - len(text.lstrip())].count("\n")}
    token.map = [first, stop + 1]
    state.line = stop + 1
    return True


def _delimited_block(state: StateBlock, first: int, last: int, opener: str) -> tuple[int, str, str] | None:
    """The last line, the LaTeX, and the punctuation behind it; None where the block does not end as one."""
    closer = _CLOSERS[opener]
    begin = state.bMarks[first] + state.tShift[first] + len(opener)
    unclosed = state.env.setdefault("unclosed", {})
    indent = min(state.blkIndent, state.sCount[first])  # asked whether it ends a paragraph, it may stand further left
    if unclosed.get((closer, last), last) <= first:
        return None
    for line in range(first, last):
        start, end = state.bMarks[line] + state.tShift[line], state.eMarks[line]
        if line > first:
            begin = start
            if (start < end and state.sCount[line] < indent) or _BORDER.match(state.src, start, end):
                break
        at = _unescaped(state.src, closer, begin, end)
        if at < 0:
            continue
        after = state.src[at + len(closer) : end]
        if _AFTER.fullmatch(after) is None:
            return None  # a sentence goes on behind it: the inline rule's
        text = state.getLines(first, line + 1, state.blkIndent, False)
        text = text[text.index(opener) + len(opener) : text.rindex(closer)]
        return (line, text, after.strip()) if text.strip() else None
    else:
        unclosed[(closer, last)] = min(first, unclosed.get((closer, last), first))
    return None


def _environment_block(state: StateBlock, first: int, last: int) -> tuple[int, str, str] | None:
    start = state.bMarks[first] + state.tShift[first]
    name = _BEGIN.match(state.src, start, state.eMarks[first])
    if name is None or name["name"] not in ENVIRONMENTS:
        return None
    opening, closing = name[0], name[0].replace("\\begin", "\\end")
    indent = min(state.blkIndent, state.sCount[first])
    depth = 0
    for line in range(first, last):
        start, end = state.bMarks[line] + state.tShift[line], state.eMarks[line]
        if line > first and ((start < end and state.sCount[line] < indent) or _BORDER.match(state.src, start, end)):
            return None
        text = state.src[start:end]
        depth += text.count(opening) - text.count(closing)
        if depth > _DEEPEST:
            return None
        if depth <= 0 and closing in text:
            after = text[text.rindex(closing) + len(closing) :]
            if _AFTER.fullmatch(after) is None:
                return None
            whole = state.getLines(first, line + 1, state.blkIndent, False).strip()
            return line, whole[: whole.rindex(closing) + len(closing)], after.strip()
    return None


def equation_rule(state: StateInline, silent: bool) -> bool:
    """The rule of markdown-it for equations within a line."""
    opener = _INLINE.match(state.src, state.pos, state.posMax)
    if opener is None:
        reference = _REFERENCE.match(state.src, state.pos, state.posMax)
        found = (reference.end(), reference[0], False) if reference else _environment(state)
    elif opener[0] == "$":
        found = _dollars(state)
    else:
        found = _delimited(state, opener[0])
    if found is None:
        if opener is not None and opener[0] == "$$":  # neither of the two opens anything
            if not silent:
                state.pending += "$$"
            state.pos += 2
            return True
        return False
    stop, tex, display = found
    if not silent:
        token = state.push("maths_inline", "", 0)
        token.content, token.meta = tex, {"display": display}
    state.pos = stop
    return True


def _delimited(state: StateInline, opener: str) -> tuple[int, str, bool] | None:
    closer = _CLOSERS[opener]
    begin = state.pos + len(opener)
    at = _unescaped(state.src, closer, begin, state.posMax) if _may_close(state, closer) else -1
    text = state.src[begin:at].strip() if at >= 0 else ""
    if not text:
        return None
    stop = at + len(closer)
    if opener.endswith("["):  # brackets that were meant as such are escaped in the same way
        plain = not _SIGNS.search(text) and not (len(text) <= 3 and text[0].isalpha())
        if plain or text.startswith("@") or state.src.startswith("(", stop):
            return None
    return stop, text, not opener.endswith("(")


def _may_close(state: StateInline, closer: str) -> bool:
    """Whether the closer occurs at all behind here: looked for once a paragraph, whatever it holds of openers."""
    last = state.env.setdefault("closers", {})
    key = (id(state.src), closer)
    if key not in last:
        last[key] = (state.src, state.src.rfind(closer))
    return bool(last[key][1] > state.pos)


def _dollars(state: StateInline) -> tuple[int, str, bool] | None:
    source, begin = state.src, state.pos + 1
    if source.startswith("`", begin):  # GitHub's $`…`$
        at = source.find("`$", begin + 1, state.posMax)
        return (at + 2, source[begin + 1 : at].strip(), False) if at > begin + 1 else None
    at = _closing_dollar(source, begin, state.posMax)
    if at < 0 or at == begin or not _may_close(state, "$"):
        return None
    text = source[begin:at]
    before, behind = source[state.pos - 1 : state.pos], source[at + 1 : at + 2]
    if behind.isdigit() and not text.startswith("\\"):  # 3$\times$3 is no money
        return None
    if (text[0].isdigit() or before.isalnum()) and _PROSE.search(_BRACED.sub("", text)):
        return None  # $10 on Sundays, between US$
    if text[0].isspace() or text[-1].isspace():
        alone = len(text.strip()) == 1 or (_SIGNS.search(text) and not _WORDS.search(_BRACED.sub("", text)))
        if not (text[0].isspace() and text[-1].isspace() and alone) or before.isalnum():
            return None
    return at + 1, text.strip(), False


def _closing_dollar(source: str, begin: int, end: int) -> int:
    """The next dollar sign that is neither escaped nor within braces (`\\text{if $x$}`); -1 where there is none.

    Code goes before equations: where some begins and ends behind here, no equation reaches into it.
    """
    depth, at = 0, begin
    stop = min(end, begin + 2000)
    while at < stop:
        char = source[at]
        if char == "\\":
            at += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        elif char == "$" and depth <= 0:
            return at
        elif char == "`" and depth <= 0:
            ticks = _TICKS.match(source, at, stop)
            assert ticks is not None
            at = ticks.end() - 1
            if any(each[0] == ticks[0] for each in _TICKS.finditer(source, at + 1, stop)):
                return -1
        at += 1
    return -1


def _environment(state: StateInline) -> tuple[int, str, bool] | None:
    name = _BEGIN.match(state.src, state.pos, state.posMax)
    if name is None or name["name"] not in ENVIRONMENTS:
        return None
    closing = name[0].replace("\\begin", "\\end")
    at = state.src.find(closing, name.end(), state.posMax)
    stop = at + len(closing)
    return (stop, state.src[state.pos : stop], True) if at >= 0 else None


def _unescaped(source: str, closer: str, begin: int, end: int) -> int:
    """Where the closer stands next, not behind an odd number of backslashes; -1 where it does not."""
    at = source.find(closer, begin, end)
    while at >= 0:
        slashes = at - len(source[begin:at].rstrip("\\")) - begin
        if slashes % 2 == 0:
            return at
        at = source.find(closer, at + 1, end)
    return -1
